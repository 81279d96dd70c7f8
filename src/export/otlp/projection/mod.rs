//! What each destination calls things: one file and one line each.
//!
//! Backends disagree about names, and take harm from names that are not theirs: some count twice what two names say, some
//! show the wrong text. So each is told in its own words, from one model.

mod braintrust;
mod chatml;
mod genai;
mod langfuse;
mod langsmith;
mod mlflow;
mod openinference;
mod words;

pub use words::provider_name;

use super::attributes::Attributes;
use super::step::Step;
use crate::model::setting::{Raw, Value, quote};

/// How a destination is told.
pub struct Projection {
    /// As users say it; any of them will do.
    pub names: &'static [&'static str],
    /// One line for people.
    pub about: &'static str,
    /// Where below the destination's URL spans are posted, unless the URL says so itself.
    pub path: &'static str,
    /// How it is told which of its projects spans belong to.
    pub project_as: ProjectAs,
    /// What every call carries.
    pub headers: &'static [(&'static str, &'static str)],
    /// A span's attributes.
    pub project: fn(&Step, Semconv) -> Attributes,
}

/// How a destination is told which of its projects spans belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectAs {
    /// By an attribute of the resource.
    Resource(&'static str),
    /// By a header, with this before the project's name. One that must be there has a default.
    Header { name: &'static str, before: &'static str, default: Option<&'static str> },
    /// By the credentials.
    Credentials,
}

/// Which names of OpenTelemetry's conventions for generative AI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Semconv {
    /// 1.41, the last that was released with the main conventions: what backends read.
    #[default]
    V41,
    /// What is to follow.
    Main,
    /// Where the two differ, both: not for backends that add them up.
    Both,
}

/// All there are.
pub const PROJECTIONS: &[Projection] = &[
    Projection {
        names: &["genai", "otlp"],
        about: "OpenTelemetry's own conventions: collectors, Jaeger, Tempo, Datadog, Opik and most others",
        path: "/v1/traces",
        project_as: ProjectAs::Resource("service.namespace"),
        headers: &[],
        project: genai::project,
    },
    Projection {
        names: &["openinference", "phoenix", "arize"],
        about: "OpenInference: Phoenix and Arize",
        path: "/v1/traces",
        project_as: ProjectAs::Resource("openinference.project.name"),
        headers: &[],
        project: openinference::project,
    },
    Projection {
        names: &["langfuse"],
        about: "Langfuse",
        path: "/api/public/otel/v1/traces",
        project_as: ProjectAs::Credentials,
        headers: &[("x-langfuse-ingestion-version", "4")],
        project: langfuse::project,
    },
    Projection {
        names: &["langsmith"],
        about: "LangSmith",
        path: "/otel/v1/traces",
        project_as: ProjectAs::Header { name: "langsmith-project", before: "", default: None },
        headers: &[],
        project: langsmith::project,
    },
    Projection {
        names: &["mlflow"],
        about: "MLflow",
        path: "/v1/traces",
        project_as: ProjectAs::Header { name: "x-mlflow-experiment-id", before: "", default: Some("0") },
        headers: &[],
        project: mlflow::project,
    },
    Projection {
        names: &["braintrust"],
        about: "Braintrust",
        path: "/otel/v1/traces",
        project_as: ProjectAs::Header { name: "x-bt-parent", before: "project_name:", default: None },
        headers: &[],
        project: braintrust::project,
    },
];

/// The projection of this name.
pub fn projection(name: &str) -> Option<&'static Projection> {
    PROJECTIONS.iter().find(|projection| projection.names.contains(&name))
}

impl Semconv {
    const ALL: [(Self, &'static str); 3] = [(Self::V41, "1.41"), (Self::Main, "main"), (Self::Both, "both")];

    pub fn has_v41(self) -> bool {
        self != Self::Main
    }

    pub fn has_main(self) -> bool {
        self != Self::V41
    }

    /// Where the names are told of.
    pub const fn schema_url(self) -> &'static str {
        match self {
            Self::V41 | Self::Both => "https://opentelemetry.io/schemas/1.41.0",
            Self::Main => "https://opentelemetry.io/schemas/gen-ai/1.42.0",
        }
    }
}

impl Value for Semconv {
    fn read(raw: &Raw) -> Result<Self, String> {
        let Raw::Text(text) = raw else { return Err("expected \"1.41\", \"main\" or \"both\"".to_owned()) };
        let found = Self::ALL.into_iter().find(|(_, name)| name == text).map(|(own, _)| own);
        found.ok_or_else(|| format!("expected \"1.41\", \"main\" or \"both\", got {text:?}"))
    }

    fn show(&self) -> Option<String> {
        Self::ALL.into_iter().find(|(own, _)| own == self).map(|(_, name)| quote(name))
    }
}

/// The span's name: what is done, and what it is done to.
pub fn span_name(step: &Step) -> String {
    use super::step::Shape;
    match step.shape {
        Shape::Agent if step.name.is_empty() => "invoke_agent".to_owned(),
        Shape::Agent => format!("invoke_agent {}", step.name),
        Shape::Tool if step.is_wire => format!("execute_tool {}", step.name),
        _ => step.name.clone(),
    }
}
