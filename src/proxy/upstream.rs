//! Upstreams: the providers' base URLs that calls may go to, built in and the user's own.

use std::sync::Arc;

use http::HeaderValue;
use http::uri::{Authority, Scheme, Uri};

use crate::model::setting::Setting;
use crate::setting;

/// `[upstream.NAME]`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    pub url: Option<String>,
    pub provider: Option<String>,
    pub dialect: Option<String>,
    pub hosts: Vec<String>,
    pub http2: Option<bool>,
}

/// Every setting of an `[upstream.NAME]`.
pub const SETTINGS: &[Setting<Config>] = &[
    setting!(
        url,
        "Where its calls go: an origin, and a fixed path prefix only if it has one. Built-in names have their own; any \
         other name needs it.",
        example = "\"https://llm.example.com\""
    ),
    setting!(
        provider,
        "Whose rules of accounting hold. Built-in names are their own provider.",
        example = "\"openai\""
    ),
    setting!(dialect, "What it speaks, only where the path does not tell.", example = "\"openai.chat\""),
    setting!(
        hosts,
        "Host names under which this listener is this upstream, with no prefix in the path. NAME.localhost always is."
    ),
    setting!(
        http2,
        "Unset: HTTP/2 where TLS negotiates it, HTTP/1.1 otherwise. false: never. true on an http:// URL: HTTP/2 \
         without asking.",
        example = "true"
    ),
];

/// Names that need no configuration, with their URLs; `None` where a user's URL is their own.
///
/// A new provider that speaks a known dialect is a line here.
pub const BUILT_IN: &[(&str, Option<&str>)] = &[
    ("openai", Some("https://api.openai.com")),
    ("anthropic", Some("https://api.anthropic.com")),
    ("gemini", Some("https://generativelanguage.googleapis.com")),
    ("vertex", Some("https://aiplatform.googleapis.com")),
    ("bedrock", Some("https://bedrock-runtime.us-east-1.amazonaws.com")),
    ("azure", None),
    ("mistral", Some("https://api.mistral.ai")),
    ("cohere", Some("https://api.cohere.com")),
    ("groq", Some("https://api.groq.com")),
    ("deepseek", Some("https://api.deepseek.com")),
    ("xai", Some("https://api.x.ai")),
    ("openrouter", Some("https://openrouter.ai")),
    ("together", Some("https://api.together.xyz")),
    ("fireworks", Some("https://api.fireworks.ai")),
    ("cerebras", Some("https://api.cerebras.ai")),
    ("perplexity", Some("https://api.perplexity.ai")),
    ("moonshot", Some("https://api.moonshot.ai")),
    ("zai", Some("https://api.z.ai")),
    ("qwen", Some("https://dashscope-intl.aliyuncs.com")),
    ("nvidia", Some("https://integrate.api.nvidia.com")),
    ("huggingface", Some("https://router.huggingface.co")),
    ("github", Some("https://models.github.ai")),
    ("chatgpt", Some("https://chatgpt.com")),
    ("ollama", Some("http://127.0.0.1:11434")),
    ("lmstudio", Some("http://127.0.0.1:1234")),
    ("vllm", Some("http://127.0.0.1:8000")),
    ("llamacpp", Some("http://127.0.0.1:8080")),
];

/// One upstream, ready to be called.
#[derive(Debug, PartialEq)]
pub struct Upstream {
    pub name: Arc<str>,
    /// Its place in `Upstreams::all`.
    pub index: usize,
    pub scheme: Scheme,
    pub authority: Authority,
    /// The authority as a Host header.
    pub host_header: HeaderValue,
    /// Goes before the path of each call; empty, or begins and does not end with `/`.
    pub prefix: String,
    pub http2: Option<bool>,
}

impl Upstream {
    pub fn is_tls(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The host, without brackets around an IPv6 address.
    pub fn host(&self) -> &str {
        let host = self.authority.host();
        host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
    }

    pub fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 })
    }

    /// Scheme and authority: what a connection is opened to.
    pub fn origin(&self) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query("/")
            .build()
    }
}

/// All upstreams, and the host names that lead to them.
#[derive(Debug, Default)]
pub struct Upstreams {
    all: Vec<Arc<Upstream>>,
    hosts: Vec<(String, usize)>,
    /// Known names that lack a URL.
    unset: Vec<&'static str>,
}

impl Upstreams {
    /// Joins the built-in table with the user's. Every mistake comes back with the upstream's name and the key at fault.
    pub fn new(configured: &[(String, Config)]) -> Result<Self, Vec<(String, &'static str, String)>> {
        let mut upstreams = Self::default();
        let mut wrong = Vec::new();
        let find = |name: &str| configured.iter().find(|(n, _)| n == name).map(|(_, c)| c);
        for &(name, url) in BUILT_IN {
            let own = find(name);
            match own.and_then(|config| config.url.as_deref()).or(url) {
                Some(url) => upstreams.add(name, url, own, &mut wrong),
                None => upstreams.unset.push(name),
            }
        }
        for (name, config) in configured.iter().filter(|(n, _)| !BUILT_IN.iter().any(|(b, _)| b == n)) {
            if !is_name(name) {
                wrong.push((name.clone(), "url", "a name may hold letters, digits, - _ and .".to_owned()));
            }
            match &config.url {
                Some(url) => upstreams.add(name, url, Some(config), &mut wrong),
                None => wrong.push((name.clone(), "url", "is missing: this name is not built in".to_owned())),
            }
        }
        if wrong.is_empty() { Ok(upstreams) } else { Err(wrong) }
    }

    fn add(
        &mut self,
        name: &str,
        url: &str,
        config: Option<&Config>,
        wrong: &mut Vec<(String, &'static str, String)>,
    ) {
        let index = self.all.len();
        let http2 = config.and_then(|config| config.http2);
        match parse(name, index, url, http2) {
            Ok(upstream) => self.all.push(Arc::new(upstream)),
            Err(why) => return wrong.push((name.to_owned(), "url", why)),
        }
        for host in config.map(|config| config.hosts.as_slice()).unwrap_or_default() {
            let host = host.to_ascii_lowercase();
            match self.hosts.iter().find(|(known, _)| *known == host) {
                Some((_, other)) => {
                    let other = &self.all[*other].name;
                    wrong.push((name.to_owned(), "hosts", format!("{host} already leads to {other}")));
                }
                None => self.hosts.push((host, index)),
            }
        }
    }

    /// The same upstreams, sharing nothing.
    pub fn copy(&self) -> Self {
        let copy = |upstream: &Arc<Upstream>| {
            let Upstream { name, index, scheme, authority, host_header, prefix, http2 } = &**upstream;
            // Made again from its bytes, because a clone would count holders where the original does.
            let host_header = HeaderValue::from_bytes(host_header.as_bytes());
            Arc::new(Upstream {
                name: Arc::from(&**name),
                index: *index,
                scheme: scheme.clone(),
                authority: authority.as_str().parse().unwrap_or_else(|_| authority.clone()),
                host_header: host_header.unwrap_or_else(|_| upstream.host_header.clone()),
                prefix: prefix.clone(),
                http2: *http2,
            })
        };
        Self {
            all: self.all.iter().map(copy).collect(),
            hosts: self.hosts.clone(),
            unset: self.unset.clone(),
        }
    }

    pub fn all(&self) -> &[Arc<Upstream>] {
        &self.all
    }

    pub fn by_name(&self, name: &str) -> Option<&Arc<Upstream>> {
        self.all.iter().find(|upstream| &*upstream.name == name)
    }

    /// The upstream that a Host header names, if it names one.
    pub fn by_host(&self, host: &str) -> Option<&Arc<Upstream>> {
        let host = match host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => host,
        };
        if let Some(name) = host.strip_suffix(".localhost") {
            return self.by_name(&name.to_ascii_lowercase());
        }
        if self.hosts.is_empty() {
            return None;
        }
        let host = host.to_ascii_lowercase();
        self.hosts.iter().find(|(known, _)| *known == host).map(|(_, index)| &self.all[*index])
    }

    /// The path under which the listener leads to a URL, as a client's base URL names it; the longest prefix counts.
    pub fn path_to(&self, url: &str) -> Option<String> {
        let url = parse("", 0, url, None).ok()?;
        let is_there = |upstream: &&Arc<Upstream>| {
            let own = (&upstream.scheme, upstream.host(), upstream.port());
            own == (&url.scheme, url.host(), url.port()) && below(&url.prefix, &upstream.prefix).is_some()
        };
        let found = self.all.iter().filter(is_there).max_by_key(|upstream| upstream.prefix.len())?;
        Some(format!("/{}{}", found.name, below(&url.prefix, &found.prefix)?))
    }

    /// A built-in name whose URL the user has to say.
    pub fn is_unset(&self, name: &str) -> bool {
        self.unset.contains(&name)
    }
}

/// What of a path comes behind a prefix of it.
fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

pub(super) fn parse(name: &str, index: usize, url: &str, http2: Option<bool>) -> Result<Upstream, String> {
    let uri: Uri = url.parse().map_err(|why| format!("{url:?} is not a URL: {why}"))?;
    let parts = uri.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err(format!("{url:?} must begin with https:// or http://"));
    };
    if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
        return Err(format!("{scheme}:// is not spoken here: use https:// or http://"));
    }
    if authority.as_str().contains('@') {
        return Err("credentials do not belong in the URL: the client sends its own".to_owned());
    }
    let path = parts.path_and_query.as_ref().map_or("", |path| path.as_str());
    if path.contains('?') {
        return Err("must not hold a query".to_owned());
    }
    let host_header = HeaderValue::from_str(authority.as_str()).map_err(|why| why.to_string())?;
    let prefix = path.trim_end_matches('/').to_owned();
    Ok(Upstream { name: Arc::from(name), index, scheme, authority, host_header, prefix, http2 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, config: Config) -> Result<Upstreams, Vec<(String, &'static str, String)>> {
        Upstreams::new(&[(name.to_owned(), config)])
    }

    #[test]
    fn built_in_names_need_nothing() {
        let upstreams = Upstreams::new(&[]).unwrap();
        assert_eq!(upstreams.by_name("anthropic").unwrap().host(), "api.anthropic.com");
        assert!(upstreams.by_name("azure").is_none() && upstreams.is_unset("azure"));
    }

    #[test]
    fn names_in_the_table_are_unique() {
        for (i, (name, _)) in BUILT_IN.iter().enumerate() {
            assert!(BUILT_IN[..i].iter().all(|(other, _)| other != name), "{name}");
            assert!(is_name(name));
        }
    }

    #[test]
    fn a_url_keeps_its_port_and_prefix() {
        let url = Some("http://[::1]:9000/base/".to_owned());
        let upstreams = one("own", Config { url, ..Config::default() }).unwrap();
        let own = upstreams.by_name("own").unwrap();
        assert_eq!((own.host(), own.port(), own.prefix.as_str()), ("::1", 9000, "/base"));
        assert_eq!(own.host_header, "[::1]:9000");
    }

    #[test]
    fn wrong_urls_say_why() {
        for (url, why) in [
            ("api.example.com", "must begin with https://"),
            ("ftp://x", "is not spoken here"),
            ("https://key@x", "credentials do not belong"),
            ("https://x/?a=b", "must not hold a query"),
        ] {
            let wrong = one("own", Config { url: Some(url.to_owned()), ..Config::default() }).unwrap_err();
            assert!(wrong[0].2.contains(why), "{url}: {wrong:?}");
        }
        assert!(one("own", Config::default()).unwrap_err()[0].2.contains("is missing"));
        assert!(one("a/b", Config::default()).unwrap_err()[0].2.contains("a name may hold"));
    }

    #[test]
    fn a_base_url_has_its_path_here() {
        let url = Some("https://llm.example.com/gateway".to_owned());
        let upstreams = one("own", Config { url, ..Config::default() }).unwrap();
        for (url, path) in [
            ("https://api.openai.com/v1/", Some("/openai/v1")),
            ("https://API.openai.com:443", None),
            ("https://api.openai.com:443", Some("/openai")),
            ("https://openrouter.ai/api/v1", Some("/openrouter/api/v1")),
            ("https://llm.example.com/gateway/v1", Some("/own/v1")),
            ("https://llm.example.com/gateways/v1", None),
            ("http://127.0.0.1:11434", Some("/ollama")),
            ("http://api.openai.com/v1", None),
            ("nonsense", None),
        ] {
            assert_eq!(upstreams.path_to(url).as_deref(), path, "{url}");
        }
    }

    #[test]
    fn hosts_lead_to_their_upstream() {
        let hosts = vec!["LLM.internal".to_owned()];
        let upstreams = one("openai", Config { hosts, ..Config::default() }).unwrap();
        for host in ["llm.internal", "llm.INTERNAL:4750", "openai.localhost:4750"] {
            assert_eq!(&*upstreams.by_host(host).unwrap().name, "openai", "{host}");
        }
        assert!(upstreams.by_host("localhost:4750").is_none());
        assert!(upstreams.by_host("127.0.0.1:4750").is_none());
    }
}
