//! The variables by which SDKs and agents are pointed at a base URL.

use std::net::SocketAddr;

use super::recorder::Recorder;
use crate::config::Config;
use crate::proxy::upstream::Upstreams;

/// Variables that are set in any case: the name, and the path of the base URL that it holds.
///
/// Of those that several clients read in different ways, bare paths serve all: they may have `/v1` or not. A name stands here
/// only where all who read it mean the same by it: what breaks a command is worse than what is not recorded of it.
pub(super) const VARIABLES: &[(&str, &str)] = &[
    // OpenAI's SDKs and those that are made like them; LangChain and LiteLLM.
    ("OPENAI_BASE_URL", "/v1"),
    ("OPENAI_API_BASE", "/v1"),
    // Anthropic's SDKs, Claude Code; LiteLLM.
    ("ANTHROPIC_BASE_URL", ""),
    ("ANTHROPIC_API_BASE", ""),
    // google-genai, Gemini CLI; LiteLLM.
    ("GOOGLE_GEMINI_BASE_URL", ""),
    ("GEMINI_API_BASE", "/v1beta"),
    ("OLLAMA_HOST", "/ollama"),
    ("OLLAMA_API_BASE", "/ollama"),
    // SDKs of their own.
    ("TOGETHER_BASE_URL", "/together/v1"),
    ("CO_API_URL", "/cohere"),
    // LangChain and LiteLLM.
    ("MISTRAL_BASE_URL", "/mistral/v1"),
    ("MISTRAL_API_BASE", "/mistral/v1"),
    ("DEEPSEEK_API_BASE", "/deepseek"),
    ("XAI_API_BASE", "/xai/v1"),
    ("OPENROUTER_API_BASE", "/openrouter/api/v1"),
    ("FIREWORKS_API_BASE", "/fireworks/inference/v1"),
    ("MOONSHOT_API_BASE", "/moonshot/v1"),
    ("PERPLEXITY_API_BASE", "/perplexity"),
];

/// Variables that are set only where the user has: what they lead to is the user's own, or not all who read them mean the
/// same by them. The path that is there stays.
pub(super) const WHERE_SET: &[&str] = &[
    "ANTHROPIC_API_URL",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_HOST",
    "ANTHROPIC_VERTEX_BASE_URL",
    "AZURE_API_BASE",
    "AZURE_OPENAI_ENDPOINT",
    "CEREBRAS_BASE_URL",
    "COPILOT_PROVIDER_BASE_URL",
    "GOOGLE_VERTEX_BASE_URL",
    "GROQ_BASE_URL",
    "HOSTED_VLLM_API_BASE",
    "KIMI_MODEL_BASE_URL",
    "LM_STUDIO_API_BASE",
    "OLLAMA_BASE_URL",
    "OPENAI_HOST",
];

/// The names of all of them.
pub fn names() -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().map(|(name, _)| *name).chain(WHERE_SET.iter().copied())
}

/// Calls for these go straight there, whatever proxy the environment names.
const LOOPBACK: &[&str] = &["127.0.0.1", "localhost"];

/// What each variable leads to.
pub(super) struct Variables {
    paths: Vec<(&'static str, String)>,
    no_proxy: Vec<(&'static str, String)>,
    /// Upstreams that are needed and are not there: name and URL.
    pub(super) missing: Vec<(String, String)>,
    /// What the user should know.
    pub(super) notes: Vec<String>,
}

impl Variables {
    pub(super) fn new(
        config: &Config,
        recorder: Option<&Recorder>,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Self {
        // A configuration that cannot be used was refused when it was read.
        let upstreams = Upstreams::new(&config.upstreams).unwrap_or_default();
        let known = Known { upstreams: &upstreams, proxy: recorder.map(Recorder::proxy) };
        let mut variables =
            Self { paths: Vec::new(), no_proxy: Vec::new(), missing: Vec::new(), notes: Vec::new() };
        let usual = VARIABLES.iter().map(|(name, path)| (*name, Some(*path)));
        for (name, usual) in usual.chain(WHERE_SET.iter().map(|name| (*name, None))) {
            match environment(name) {
                Some(value) => variables.was_set(name, &value, &known),
                None => variables.paths.extend(usual.map(|path| (name, path.to_owned()))),
            }
        }
        for name in ["NO_PROXY", "no_proxy"] {
            let value = environment(name).unwrap_or_default();
            let mut hosts: Vec<&str> =
                value.split(',').map(str::trim).filter(|host| !host.is_empty()).collect();
            hosts.extend(LOOPBACK.iter().filter(|host| !value.split(',').any(|own| own.trim() == **host)));
            variables.no_proxy.push((name, hosts.join(",")));
        }
        variables
    }

    /// A variable that the user has set: what it leads to has to go on being led to.
    fn was_set(&mut self, name: &'static str, value: &str, known: &Known) {
        let url = whole(name, value);
        if let Some(path) = known.own_path(&url) {
            self.paths.push((name, path));
        } else if let Some(path) = known.upstreams.path_to(&url) {
            self.notes.push(format!("{name} is {value}: its calls go there through the recorder"));
            self.paths.push((name, path));
        } else if let Some(origin) = origin(&url) {
            let upstream = name_of(origin, known.upstreams);
            if !self.missing.iter().any(|(known, _)| *known == upstream) {
                self.missing.push((upstream, origin.to_owned()));
            }
        } else if url.contains("://") {
            self.notes.push(format!("{name} stays as it is: it is no URL that calls could be led to"));
        }
    }

    /// Their values.
    pub(super) fn set(&self, base: &str) -> Vec<(String, String)> {
        let paths = self.paths.iter().map(|(name, path)| ((*name).to_owned(), format!("{base}{path}")));
        let no_proxy = self.no_proxy.iter().map(|(name, hosts)| ((*name).to_owned(), hosts.clone()));
        paths.chain(no_proxy).collect()
    }
}

struct Known<'a> {
    upstreams: &'a Upstreams,
    proxy: Option<SocketAddr>,
}

impl Known<'_> {
    /// The path behind the labels, where a URL leads to the recorder already.
    fn own_path(&self, url: &str) -> Option<String> {
        let proxy = self.proxy?;
        let rest = url.strip_prefix("http://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = authority.rsplit('@').next()?;
        let (host, port) = authority.rsplit_once(':')?;
        if port.parse() != Ok(proxy.port()) || !(LOOPBACK.contains(&host) || host == proxy.ip().to_string()) {
            return None;
        }
        let mut path = path;
        while let Some(label) = path.strip_prefix("/~") {
            path = label.find('/').map_or("", |end| &label[end..]);
        }
        Some(path.trim_end_matches('/').to_owned())
    }
}

/// A URL as the variable means it: ollama's is often a host alone.
fn whole(name: &str, value: &str) -> String {
    let value = value.trim().trim_end_matches('/');
    if !name.starts_with("OLLAMA") || value.contains("://") {
        return value.to_owned();
    }
    let value = if value.starts_with(':') { format!("127.0.0.1{value}") } else { value.to_owned() };
    let value = value.replacen("0.0.0.0", "127.0.0.1", 1).replacen("localhost", "127.0.0.1", 1);
    if value.contains(':') { format!("http://{value}") } else { format!("http://{value}:11434") }
}

/// Scheme and authority of a URL that may be called.
fn origin(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    (!authority.is_empty() && !authority.contains('@'))
        .then(|| &url[..url.len() - rest.len() + authority.len()])
}

/// What an upstream is called that the user has not named: after its host; Azure's hosts are all azure.
fn name_of(origin: &str, upstreams: &Upstreams) -> String {
    if origin.contains(".openai.azure.com") && upstreams.is_unset("azure") {
        return "azure".to_owned();
    }
    let authority = origin.split("://").last().unwrap_or_default();
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '-' };
    authority.chars().map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(set: &[(&str, &str)]) -> Variables {
        let set: Vec<(String, String)> =
            set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let environment =
            |name: &str| set.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        Variables::new(&Config::default(), None, &environment)
    }

    fn value(variables: &Variables, name: &str) -> Option<String> {
        variables.set("BASE").into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    #[test]
    fn names_are_unique_and_paths_lead_somewhere() {
        let names: Vec<&str> = names().collect();
        for (at, name) in names.iter().enumerate() {
            assert!(!names[..at].contains(name), "{name}");
        }
        let upstreams = Upstreams::new(&[]).unwrap();
        for (name, path) in VARIABLES {
            let first = path.split('/').nth(1).unwrap_or_default();
            let is_bare = matches!(first, "" | "v1" | "v1beta");
            assert!(is_bare || upstreams.by_name(first).is_some(), "{name}: {path}");
        }
    }

    #[test]
    fn nothing_set_is_all_set() {
        let variables = with(&[]);
        assert_eq!(value(&variables, "OPENAI_BASE_URL").as_deref(), Some("BASE/v1"));
        assert_eq!(value(&variables, "AZURE_OPENAI_ENDPOINT"), None);
        assert_eq!(value(&variables, "NO_PROXY").as_deref(), Some("127.0.0.1,localhost"));
        assert!(variables.notes.is_empty() && variables.missing.is_empty());
    }

    #[test]
    fn what_the_user_has_set_goes_on_being_led_to() {
        let variables = with(&[
            ("OPENAI_BASE_URL", "https://openrouter.ai/api/v1"),
            ("OLLAMA_HOST", "0.0.0.0"),
            ("NO_PROXY", "corp.example, localhost"),
        ]);
        assert_eq!(value(&variables, "OPENAI_BASE_URL").as_deref(), Some("BASE/openrouter/api/v1"));
        assert_eq!(value(&variables, "OLLAMA_HOST").as_deref(), Some("BASE/ollama"));
        assert_eq!(value(&variables, "NO_PROXY").as_deref(), Some("corp.example,localhost,127.0.0.1"));
        assert!(variables.notes.iter().any(|note| note.contains("openrouter.ai")), "{:?}", variables.notes);
    }

    #[test]
    fn a_host_of_the_user_s_own_is_missing() {
        let variables = with(&[
            ("OPENAI_BASE_URL", "https://llm.corp.example:8443/v1"),
            ("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com/"),
        ]);
        let missing = [
            ("llm.corp.example-8443", "https://llm.corp.example:8443"),
            ("azure", "https://mine.openai.azure.com"),
        ];
        assert_eq!(variables.missing, missing.map(|(name, url)| (name.to_owned(), url.to_owned())));
        assert_eq!(value(&variables, "OPENAI_BASE_URL"), None);
    }

    #[test]
    fn what_cannot_be_led_to_stays_and_is_said() {
        let variables =
            with(&[("OPENAI_BASE_URL", "https://key@llm.example/v1"), ("OLLAMA_HOST", "unix:x y")]);
        assert_eq!(value(&variables, "OPENAI_BASE_URL"), None);
        assert!(variables.notes[0].starts_with("OPENAI_BASE_URL stays"), "{:?}", variables.notes);
    }

    #[test]
    fn labels_of_an_outer_run_are_taken_off() {
        let upstreams = Upstreams::new(&[]).unwrap();
        let known = Known { upstreams: &upstreams, proxy: Some("127.0.0.1:4750".parse().unwrap()) };
        let own = |url: &str| known.own_path(url);
        assert_eq!(own("http://127.0.0.1:4750/~token=x/~run=a,b=c/v1").as_deref(), Some("/v1"));
        assert_eq!(own("http://localhost:4750").as_deref(), Some(""));
        assert_eq!(own("http://127.0.0.1:4751/v1"), None);
        assert_eq!(own("https://api.openai.com/v1"), None);
    }
}
