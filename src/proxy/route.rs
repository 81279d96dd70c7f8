//! Where a request goes: a pure function of its method, Host, path and a few headers.
//!
//! The raw bytes of path and query are cut and joined, never decoded and encoded again: `%3A` stays `%3A`.

use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Uri};

use super::label;
use super::upstream::{Upstream, Upstreams};
use crate::model::Label;

/// Finds a request's upstream.
#[derive(Debug)]
pub struct Router {
    upstreams: Upstreams,
}

/// Where a request goes and what it carries there.
#[derive(Debug)]
pub struct Destination {
    pub upstream: Arc<Upstream>,
    /// What to ask the upstream for.
    pub target: PathAndQuery,
    /// From the path first, then from headers. A token is among them until `auth` has taken it.
    pub labels: Vec<Label>,
}

/// A request that leads nowhere, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct NoRoute(pub String);

impl Router {
    pub fn new(upstreams: Upstreams) -> Self {
        Self { upstreams }
    }

    /// The same routes, sharing nothing.
    pub fn copy(&self) -> Self {
        Self { upstreams: self.upstreams.copy() }
    }

    pub fn upstreams(&self) -> &Upstreams {
        &self.upstreams
    }

    /// Only configured upstreams can come out, whatever the request says.
    pub fn route(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Destination, NoRoute> {
        if *method == Method::CONNECT {
            return Err(NoRoute(
                "this is not a forward proxy: set a base URL instead of HTTPS_PROXY".to_owned(),
            ));
        }
        let (mut labels, path) = label::from_path(uri.path());
        let host = uri.authority().map(|authority| authority.as_str());
        let host = host.or_else(|| headers.get(http::header::HOST)?.to_str().ok());
        if let Some(upstream) = host.and_then(|host| self.upstreams.by_host(host)) {
            return destination(upstream, path, uri.query(), labels);
        }
        if let Some((upstream, rest)) = self.by_prefix(path) {
            let (more, rest) = label::from_path(rest);
            labels.extend(more);
            return destination(upstream, rest, uri.query(), labels);
        }
        let bare = bare(path, uri.query(), headers).ok_or_else(|| self.nowhere(path))?;
        let upstream = self.upstreams.by_name(bare.upstream).ok_or_else(|| self.nowhere(path))?;
        destination(upstream, &bare.path, uri.query(), labels)
    }

    fn by_prefix<'p>(&self, path: &'p str) -> Option<(&Arc<Upstream>, &'p str)> {
        let (name, rest) = first_segment(path)?;
        // An Azure client given the bare address asks for /openai/deployments/…, which no openai path begins with.
        if name == "openai" && (rest == "/deployments" || rest.starts_with("/deployments/")) {
            return Some((self.upstreams.by_name("azure")?, path));
        }
        Some((self.upstreams.by_name(name)?, rest))
    }

    fn nowhere(&self, path: &str) -> NoRoute {
        if let Some((name, rest)) = first_segment(path) {
            let name = if name == "openai" && rest.starts_with("/deployments") { "azure" } else { name };
            if self.upstreams.is_unset(name) {
                return NoRoute(format!(
                    "{name} has no URL of its own: set [upstream.{name}] url = \"https://…\" in the configuration"
                ));
            }
        }
        let names: Vec<&str> = self.upstreams.all().iter().map(|upstream| &*upstream.name).collect();
        NoRoute(format!(
            "no upstream for {path}: begin the path with the name of one (/openai/v1/chat/completions), or use a \
             bare API path (/v1/messages, /v1/chat/completions, /v1/responses, /v1beta/models/…, /api/chat, \
             /model/…/converse); names: {}",
            names.join(", ")
        ))
    }
}

fn destination(
    upstream: &Arc<Upstream>,
    path: &str,
    query: Option<&str>,
    labels: Vec<Label>,
) -> Result<Destination, NoRoute> {
    let mut target = String::with_capacity(
        upstream.prefix.len() + path.len() + query.map_or(0, |query| query.len() + 1) + 1,
    );
    target.push_str(&upstream.prefix);
    target.push_str(path);
    if target.is_empty() {
        target.push('/');
    }
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    let target = PathAndQuery::from_maybe_shared(bytes::Bytes::from(target))
        .map_err(|why| NoRoute(format!("the path cannot be sent on: {why}")))?;
    Ok(Destination { upstream: Arc::clone(upstream), target, labels })
}

/// `/name/rest` as `name` and `/rest`.
fn first_segment(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    let end = path.find('/').unwrap_or(path.len());
    (end > 0).then(|| path.split_at(end))
}

/// A path without an upstream's name that only one provider's clients would ask for.
struct Bare {
    upstream: &'static str,
    /// The path at that provider: `/v1` stands in it once, whether the base URL held none, one or two.
    path: String,
}

fn bare(path: &str, query: Option<&str>, headers: &HeaderMap) -> Option<Bare> {
    let as_is = |upstream| Some(Bare { upstream, path: path.to_owned() });
    let (first, rest) = first_segment(path)?;
    match first {
        "v1beta" | "v1alpha" | "upload" => return as_is("gemini"),
        "v1beta1" => return as_is("vertex"),
        "ws" if rest.starts_with("/google.cloud.") => return as_is("vertex"),
        "ws" => return as_is("gemini"),
        // A probe that Claude Code makes; Ollama has no such path.
        "api" if rest == "/hello" => return as_is("anthropic"),
        "api" => return as_is("ollama"),
        "model" | "inference-profiles" | "foundation-models" | "async-invoke" | "guardrail" => {
            return as_is("bedrock");
        }
        "v2" => return as_is("cohere"),
        "backend-api" => return as_is("chatgpt"),
        _ => {}
    }
    let mut versioned = false;
    let mut tail = path;
    while let Some(("v1", rest)) = first_segment(tail) {
        versioned = true;
        tail = rest;
    }
    let upstream = versionless(tail, versioned, query, headers)?;
    Some(Bare { upstream, path: format!("/v1{tail}") })
}

/// Whose path `/v1` + `tail` is.
fn versionless(
    tail: &str,
    versioned: bool,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Option<&'static str> {
    let (name, rest) = first_segment(tail)?;
    let google_key = || {
        headers.contains_key("x-goog-api-key")
            || query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("key=")))
    };
    match name {
        "messages" | "complete" => Some("anthropic"),
        "projects" | "publishers" if versioned => Some("vertex"),
        "interactions" => Some("gemini"),
        "models" | "cachedContents" | "files" if rest.contains(':') || google_key() => Some("gemini"),
        // Both providers have /v1/models and /v1/files; only one's clients send this header.
        _ if headers.contains_key("anthropic-version") => Some("anthropic"),
        _ if versioned => Some("openai"),
        "chat" | "completions" | "responses" | "embeddings" | "models" | "moderations" | "images"
        | "audio" | "files" | "uploads" | "batches" | "realtime" | "conversations" | "threads"
        | "assistants" | "vector_stores" | "fine_tuning" | "videos" | "containers" => Some("openai"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::upstream::Config;
    use proptest::prelude::*;

    fn router() -> Router {
        let url = |url: &str| Config { url: Some(url.to_owned()), ..Config::default() };
        let own =
            [("own".to_owned(), url("http://127.0.0.1:9000/base")), ("top".to_owned(), url("https://top"))];
        Router::new(Upstreams::new(&own).unwrap())
    }

    fn go(target: &str, headers: &[(&str, &str)]) -> Result<(String, String), NoRoute> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let found = router().route(&Method::POST, &target.parse().unwrap(), &map)?;
        Ok((found.upstream.name.to_string(), found.target.to_string()))
    }

    fn leads(target: &str, upstream: &str, path: &str) {
        assert_eq!(go(target, &[]), Ok((upstream.to_owned(), path.to_owned())), "{target}");
    }

    #[test]
    fn a_name_in_front_leads_to_it_and_the_rest_stays() {
        leads("/openai/v1/chat/completions", "openai", "/v1/chat/completions");
        leads("/groq/openai/v1/models?a=%3A&b", "groq", "/openai/v1/models?a=%3A&b");
        leads("/bedrock/model/a%3A0/converse", "bedrock", "/model/a%3A0/converse");
        leads("/own", "own", "/base");
        leads("/own//x/../y?", "own", "/base//x/../y?");
        leads("/top", "top", "/");
        leads("/top?q", "top", "/?q");
        leads("/~tag=a/top/~user=b/x", "top", "/x");
    }

    #[test]
    fn bare_paths_lead_to_whom_they_belong() {
        for (target, upstream, path) in [
            ("/v1/messages?beta=true", "anthropic", "/v1/messages?beta=true"),
            ("/v1/v1/messages", "anthropic", "/v1/messages"),
            ("/messages/count_tokens", "anthropic", "/v1/messages/count_tokens"),
            ("/api/hello", "anthropic", "/api/hello"),
            ("/v1/threads/t_1/messages", "openai", "/v1/threads/t_1/messages"),
            ("/v1/chat/completions", "openai", "/v1/chat/completions"),
            ("/chat/completions", "openai", "/v1/chat/completions"),
            ("/v1/v1/responses", "openai", "/v1/responses"),
            ("/v1/anything/new", "openai", "/v1/anything/new"),
            ("/v1/models", "openai", "/v1/models"),
            ("/v1/models?key=k", "gemini", "/v1/models?key=k"),
            ("/v1/models/g:generateContent", "gemini", "/v1/models/g:generateContent"),
            (
                "/v1beta/models/g:streamGenerateContent?alt=sse",
                "gemini",
                "/v1beta/models/g:streamGenerateContent?alt=sse",
            ),
            ("/v1beta1/projects/p/x", "vertex", "/v1beta1/projects/p/x"),
            ("/v1/projects/p/x:rawPredict", "vertex", "/v1/projects/p/x:rawPredict"),
            ("/model/m%3A0/invoke", "bedrock", "/model/m%3A0/invoke"),
            ("/api/chat", "ollama", "/api/chat"),
            ("/v2/chat", "cohere", "/v2/chat"),
            ("/backend-api/codex/responses", "chatgpt", "/backend-api/codex/responses"),
        ] {
            leads(target, upstream, path);
        }
    }

    #[test]
    fn headers_settle_what_a_path_leaves_open() {
        let to = |target, header| go(target, &[header]).unwrap().0;
        assert_eq!(to("/v1/models", ("anthropic-version", "2023-06-01")), "anthropic");
        assert_eq!(to("/v1/models", ("x-goog-api-key", "k")), "gemini");
        assert_eq!(to("/v1/chat/completions", ("host", "groq.localhost:4750")), "groq");
    }

    #[test]
    fn nowhere_says_what_would_have_worked() {
        let why = go("/nonsense", &[]).unwrap_err().0;
        assert!(why.contains("/openai/v1/chat/completions") && why.contains("ollama"), "{why}");
        for target in ["/azure/openai/v1/x", "/openai/deployments/d/chat/completions?api-version=1"] {
            assert!(go(target, &[]).unwrap_err().0.contains("[upstream.azure]"), "{target}");
        }
        assert!(go("/", &[]).is_err() && go("/openaix/v1", &[]).is_err() && go("/~user/v1", &[]).is_err());
        let connect = router().route(&Method::CONNECT, &"x:443".parse().unwrap(), &HeaderMap::new());
        assert!(connect.unwrap_err().0.contains("not a forward proxy"));
    }

    #[test]
    fn an_absolute_target_cannot_choose_its_own_host() {
        assert_eq!(go("http://evil.example/v1/messages", &[]).unwrap().0, "anthropic");
        assert!(go("http://evil.example/x", &[]).is_err());
    }

    proptest! {
        /// Whatever follows the name arrives as it was sent, byte for byte.
        #[test]
        fn rest_and_query_are_kept(rest in "(/[!$-.0-;=@-Z_a-z~%]{0,12}){1,4}", query in "(\\?[!$-;=?-Z_a-z~%]{0,20})?") {
            prop_assume!(!rest.starts_with("/~"));
            let (upstream, target) = go(&format!("/top{rest}{query}"), &[]).unwrap();
            prop_assert_eq!(upstream, "top");
            prop_assert_eq!(target, format!("{rest}{query}"));
        }

        /// No path panics, and every destination is a configured upstream.
        #[test]
        fn any_path_is_answered(path in "/[!-~]{0,40}") {
            if let Ok(uri) = path.parse::<Uri>() {
                let router = router();
                if let Ok(found) = router.route(&Method::POST, &uri, &HeaderMap::new()) {
                    prop_assert!(router.upstreams().all().contains(&found.upstream));
                    prop_assert!(found.target.as_str().starts_with('/'));
                }
            }
        }

        /// Labels in front change nothing about where a call goes.
        #[test]
        fn labels_do_not_lead(key in "[a-z]{1,8}", value in "[A-Za-z0-9%._-]{0,12}") {
            let with = go(&format!("/~{key}={value}/v1/messages?beta=true"), &[]);
            prop_assert_eq!(with, go("/v1/messages?beta=true", &[]));
        }
    }
}
