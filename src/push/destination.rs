//! A destination as it is sent to: its settings, understood.

use serde_json::{Map, Value};

use super::config::{Config, Parent};
use crate::export::Sample;
use crate::export::otlp::{Coding, Form, ProjectAs, projection};
use crate::model::TraceId;
use crate::model::setting::Secret;
use crate::proxy::client::{Lines, Target, line};

/// Somewhere that spans are sent to.
#[derive(Clone, Debug)]
pub struct Destination {
    pub name: String,
    pub config: Config,
    pub form: Form,
    pub coding: Coding,
    pub(super) target: Target,
    pub(super) path: String,
    pub(super) headers: Lines,
}

impl Destination {
    /// Understands settings. `variable` looks a name up in the environment.
    pub fn new(
        name: &str,
        config: &Config,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        if let Some((key, why)) = config.check().into_iter().next() {
            return Err(format!("{key}: {why}"));
        }
        let projection = projection(&config.kind).ok_or("kind: is not known")?;
        let target = Target::parse(config.url.as_deref().unwrap_or_default())?;
        let path = match target.path() {
            own if own.ends_with("/traces") => own.to_owned(),
            own => format!("{own}{}", projection.path),
        };
        let coding = if config.json { Coding::Json } else { Coding::Protobuf };
        let mut form = Form::of(projection);
        (form.semconv, form.content) = (config.semconv, config.content);
        form.resource = resource(config, projection.project_as);
        let headers = headers(config, &form, coding, variable)?;
        Ok(Self { name: name.to_owned(), config: config.clone(), form, coding, target, path, headers })
    }

    /// Whether a step is to be sent there.
    pub fn takes(&self, head: &Map<String, Value>) -> bool {
        let Config { provider, model, user, tag, session, sample, .. } = &self.config;
        let text = |key: &str| head.get(key).and_then(Value::as_str);
        let trace = text("trace_id").and_then(TraceId::parse);
        if *sample < 1.0 && trace.is_none_or(|trace| !Sample { share: *sample, seed: 0 }.has(trace)) {
            return false;
        }
        let is = |wanted: &Option<String>, key: &str| {
            wanted.as_deref().is_none_or(|wanted| text(key) == Some(wanted))
        };
        // A tool has neither a provider nor a model of its own.
        let is_call = text("request_model").or(text("response_model")).is_some();
        let model_passes = model.as_deref().filter(|_| is_call).is_none_or(|model| {
            ["request_model", "response_model"]
                .iter()
                .any(|key| text(key).is_some_and(|own| like(model, own)))
        });
        let provider_passes = text("provider").is_none() || is(provider, "provider");
        let tags = head.get("tags").and_then(Value::as_array);
        let tag_passes = tag
            .as_deref()
            .is_none_or(|tag| tags.is_some_and(|tags| tags.iter().any(|own| own.as_str() == Some(tag))));
        provider_passes && model_passes && is(user, "user") && is(session, "session_id") && tag_passes
    }

    /// Whether only some of the steps are taken, so that a step's parent may not be there.
    pub fn is_choosy(&self) -> bool {
        let Config { provider, model, user, tag, session, .. } = &self.config;
        [provider, model, user, tag, session].iter().any(|wanted| wanted.is_some())
    }

    pub fn parent_is_caller(&self) -> bool {
        self.config.parent == Parent::Caller
    }
}

/// Whether a text is of a pattern, in which `*` stands for any text.
fn like(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(first) else { return false };
    let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    starts.into_iter().any(|at| like(rest, &text[at..]))
}

fn resource(config: &Config, project_as: ProjectAs) -> Vec<(String, String)> {
    let mut resource = vec![("service.name".to_owned(), config.service.clone())];
    if let (ProjectAs::Resource(key), Some(project)) = (project_as, &config.project) {
        resource.push((key.to_owned(), project.clone()));
    }
    if let Some(environment) = &config.environment {
        resource.push(("deployment.environment.name".to_owned(), environment.clone()));
    }
    resource
}

fn headers(
    config: &Config,
    form: &Form,
    coding: Coding,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Lines, String> {
    let mut lines = Lines::new();
    lines.push(line("content-type", coding.content_type())?);
    lines.push(line("user-agent", concat!("wiretape/", env!("CARGO_PKG_VERSION")))?);
    if config.gzip {
        lines.push(line("content-encoding", "gzip")?);
    }
    for (name, value) in form.projection.headers {
        lines.push(line(name, value)?);
    }
    if let ProjectAs::Header { name, before, default } = form.projection.project_as
        && let Some(project) = config.project.as_deref().or(default)
    {
        lines.push(line(name, &format!("{before}{project}"))?);
    }
    if let Some(pair) = &config.basic_auth {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(filled(pair, "basic_auth", variable)?);
        lines.push(line("authorization", &format!("Basic {pair}"))?);
    }
    for header in &config.headers {
        let filled = filled(header, "headers", variable)?;
        let (name, value) = filled.split_once(':').ok_or("headers: expected \"name: value\"")?;
        let own = line(name.trim(), value.trim()).map_err(|why| format!("headers: {why}"))?;
        lines.retain(|(known, _)| *known != own.0);
        lines.push(own);
    }
    Ok(lines)
}

/// A text with the environment's variables in the place of their names.
fn filled(text: &Secret, key: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text.reveal();
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        let (braced, after) = match after.strip_prefix('{') {
            Some(after) => (true, after),
            None => (false, after),
        };
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        rest = if braced { after.strip_prefix('}').unwrap_or(after) } else { after };
        if name.is_empty() {
            filled.push('$');
            continue;
        }
        filled.push_str(&variable(name).ok_or_else(|| format!("{key}: ${name} is not set"))?);
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(kind: &str, url: &str) -> Config {
        Config { kind: kind.to_owned(), url: Some(url.to_owned()), ..Config::default() }
    }

    fn built(config: &Config) -> Destination {
        let known = |name: &str| (name == "KEY").then(|| "k1".to_owned());
        Destination::new("mine", config, &known).unwrap()
    }

    fn header(destination: &Destination, name: &str) -> Option<String> {
        let found = destination.headers.iter().find(|(known, _)| known.as_str() == name);
        found.map(|(_, value)| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn each_kind_has_its_path_and_its_project() {
        let path = |kind, url| built(&config(kind, url)).path;
        assert_eq!(path("genai", "http://127.0.0.1:4318"), "/v1/traces");
        assert_eq!(path("genai", "http://127.0.0.1:4318/own/traces"), "/own/traces");
        assert_eq!(path("langfuse", "https://cloud.langfuse.com"), "/api/public/otel/v1/traces");
        assert_eq!(path("langsmith", "https://api.smith.langchain.com/"), "/otel/v1/traces");
        assert_eq!(header(&built(&config("mlflow", "http://x")), "x-mlflow-experiment-id").unwrap(), "0");
        let project = Some("p".to_owned());
        let braintrust = Config { project: project.clone(), ..config("braintrust", "http://x") };
        assert_eq!(header(&built(&braintrust), "x-bt-parent").unwrap(), "project_name:p");
        let phoenix = built(&Config { project, ..config("phoenix", "http://x") });
        assert!(phoenix.form.resource.contains(&("openinference.project.name".to_owned(), "p".to_owned())));
    }

    #[test]
    fn secrets_come_from_the_environment() {
        let secret = |text: &str| Secret::new(text);
        let own = Config {
            headers: vec![secret("Authorization: Bearer ${KEY}x"), secret("content-type: own")],
            basic_auth: Some(secret("$KEY:s")),
            ..config("genai", "http://x")
        };
        let destination = built(&own);
        assert_eq!(header(&destination, "authorization").unwrap(), "Bearer k1x");
        assert_eq!(header(&destination, "content-type").unwrap(), "own");
        let basic = Config { basic_auth: Some(secret("$KEY:s")), ..config("langfuse", "http://x") };
        assert_eq!(header(&built(&basic), "authorization").unwrap(), "Basic azE6cw==");
        let unset = Config { headers: vec![secret("x: $NONE")], ..config("genai", "http://x") };
        let why = Destination::new("mine", &unset, &|_| None).unwrap_err();
        assert_eq!(why, "headers: $NONE is not set");
        assert!(!format!("{destination:?}").contains("k1x"));
    }

    #[test]
    fn some_steps_are_taken() {
        let head = |value: Value| value.as_object().unwrap().clone();
        let call = head(json!({"provider": "anthropic", "request_model": "claude-opus-5", "user": "ann",
            "tags": ["a", "b"], "session_id": "s", "trace_id": "0af7651916cd43dd8448eb211c80319c"}));
        let takes = |set: &dyn Fn(&mut Config)| {
            let mut own = config("genai", "http://x");
            set(&mut own);
            built(&own).takes(&call)
        };
        let text = |text: &str| Some(text.to_owned());
        assert!(takes(&|_| {}));
        assert!(takes(&|own| own.model = text("claude-*")) && !takes(&|own| own.model = text("gpt*")));
        assert!(takes(&|own| own.tag = text("b")) && !takes(&|own| own.tag = text("c")));
        assert!(takes(&|own| own.user = text("ann")) && !takes(&|own| own.user = text("bob")));
        assert!(!takes(&|own| own.provider = text("openai")) && !takes(&|own| own.session = text("t")));
        assert!(!takes(&|own| own.sample = 0.0));
    }
}
