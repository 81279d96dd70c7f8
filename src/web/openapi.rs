//! What the API answers, for programs: OpenAPI 3.1, made of one table of addresses and one of shapes.

mod shapes;

use serde_json::{Map, Value, json};

use crate::export::FORMATS;
use crate::model::{AnnotationKind, Kind, Status};

/// One address, one method.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    pub summary: &'static str,
    /// Parameters of the query beside the filters, where it takes those.
    pub query: &'static [&'static str],
    pub takes_filters: bool,
    /// The name of a shape, or a media type where it is no JSON.
    pub answer: &'static str,
    pub status: u16,
}

const fn get(path: &'static str, answer: &'static str, summary: &'static str) -> Operation {
    Operation { method: "get", path, summary, query: &[], takes_filters: false, answer, status: 200 }
}

const fn list(path: &'static str, answer: &'static str, summary: &'static str) -> Operation {
    Operation {
        query: &["limit", "after", "order", "facets"],
        takes_filters: true,
        ..get(path, answer, summary)
    }
}

const fn with(operation: Operation, query: &'static [&'static str]) -> Operation {
    Operation { query, ..operation }
}

const fn filtered(operation: Operation) -> Operation {
    Operation { takes_filters: true, ..operation }
}

const fn annotated(path: &'static str, summary: &'static str) -> Operation {
    Operation { method: "post", status: 201, ..get(path, "Annotation", summary) }
}

/// Every address of the API. Below `/api` each is the page's own, answered as JSON.
pub const OPERATIONS: &[Operation] = &[
    list("/api/calls", "Calls", "Steps, newest first: calls of models, tools, embeddings."),
    with(
        get("/api/calls/{id}", "Call", "One step: its record, what is new in it, how to repeat it."),
        &["raw"],
    ),
    get("/api/calls/{id}/request", "application/octet-stream", "The bytes of the request's body."),
    get("/api/calls/{id}/response", "application/octet-stream", "The bytes of the response's body."),
    annotated("/api/calls/{id}/annotations", "Adds a score, note, tag, pin or approval to a step."),
    list("/api/traces", "Summaries", "Invocations of agents, newest first."),
    with(
        get("/api/traces/{id}", "Tree", "A trace's steps in the order of their tree, a part of them."),
        &["from", "limit"],
    ),
    with(
        get("/api/traces/{id}/conversation", "Conversation", "What was said in a trace, each message once."),
        &["from", "limit"],
    ),
    annotated("/api/traces/{id}/annotations", "Adds a score, note, tag, pin or approval to a trace."),
    list("/api/sessions", "Summaries", "Traces that belong together, the last used first."),
    with(
        get("/api/sessions/{id}", "Tree", "A session's steps, trace by trace, a part of them."),
        &["from", "limit"],
    ),
    with(
        get(
            "/api/sessions/{id}/conversation",
            "Conversation",
            "What was said in a session, each message once.",
        ),
        &["from", "limit"],
    ),
    annotated("/api/sessions/{id}/annotations", "Adds a score, note, tag, pin or approval to a session."),
    Operation {
        method: "delete",
        status: 204,
        ..get("/api/annotations/{id}", "", "Takes an annotation back.")
    },
    with(get("/api/compare", "Comparison", "What two steps differ in."), &["a", "b"]),
    with(filtered(get("/api/prompts", "Prompts", "Versions of system prompts and tools.")), &["limit"]),
    with(get("/api/prompts/{version}", "Prompt", "One version, and what another differs in."), &["other"]),
    with(filtered(get("/api/dashboard", "Dashboard", "What was used, over time.")), &["by"]),
    get("/api/health", "Health", "What waits, what was lost, what is out of order."),
    list("/api/live", "Calls", "The last steps, as they came into the store."),
    get(
        "/api/live/events",
        "text/event-stream",
        "Steps as they come (`call`), answers as they grow (`progress`).",
    ),
    with(
        filtered(get("/api/export", "application/octet-stream", "What passes the filters, as a file.")),
        &["format", "limit", "raw", "sample", "seed", "no_content", "redact"],
    ),
    get("/api/openapi", "OpenApi", "This description."),
];

/// What each filter and parameter is.
const PARAMETERS: &[(&str, &str)] = &[
    ("session", "Only this session."),
    ("trace", "Only this trace."),
    ("model", "Only this model, asked for or answering; * stands for any text."),
    ("provider", "Only this provider."),
    ("status", "Only steps that ended so."),
    ("type", "Only steps of this kind."),
    ("tag", "Only what has this tag."),
    ("user", "Only this user's."),
    ("since", "Begun at this time or later: RFC 3339, a date, or so long ago, as 2h or 7d."),
    ("until", "Begun before this time."),
    ("search", "Only what says these words; in quotes, just as they stand."),
    ("limit", "At most so many."),
    ("after", "Behind this place: the `next` of the page before."),
    ("order", "newest, oldest, recorded or last-recorded."),
    ("facets", "1: with values to narrow the list down by, and how much each would leave."),
    ("raw", "1: with what was on the wire."),
    ("from", "Behind so many: the `next_from` of the part before."),
    ("a", "The first step's id."),
    ("b", "The other step's id."),
    ("other", "Another version, to be compared."),
    ("by", "model, provider, client, user, tag or prompt_version."),
    ("format", "The form of the export."),
    ("sample", "A part of all traces, as 5%."),
    ("seed", "Draws another sample."),
    ("no_content", "1: without what was said."),
    ("redact", "1: redacted again on the way out, by every rule there is."),
];

/// The whole description.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = described(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "wiretape", "version": env!("CARGO_PKG_VERSION"),
            "description": "What was recorded. Absent means unknown, never zero; times are RFC 3339, UTC.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": shapes::shapes(),
        },
    })
}

fn described(operation: &Operation) -> Value {
    let Operation { method, path, summary, query, takes_filters, answer, status } = operation;
    let mut parameters: Vec<Value> = Vec::new();
    if let Some((_, rest)) = path.split_once('{') {
        let name = rest.split('}').next().unwrap_or_default();
        parameters.push(json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    }
    let filters: &[&str] = if *takes_filters { &crate::store::Filter::NAMES } else { &[] };
    parameters.extend(filters.iter().chain(*query).map(|name| parameter(name)));
    let mut answers = Map::new();
    let content = match *answer {
        "" => json!({"description": "Done."}),
        media if media.contains('/') => json!({"description": "The bytes.", "content": {media: {}}}),
        shape => json!({
            "description": "The answer.",
            "content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{shape}")}}},
        }),
    };
    answers.insert(status.to_string(), content);
    answers.insert(
        "default".to_owned(),
        json!({
            "description": "What went wrong.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }),
    );
    let mut described = json!({"summary": summary, "parameters": parameters, "responses": answers});
    if *method == "post" {
        let schema = json!({"$ref": "#/components/schemas/NewAnnotation"});
        described["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": schema}}});
    }
    described
}

fn parameter(name: &str) -> Value {
    let about = PARAMETERS.iter().find(|(own, _)| *own == name).map_or("", |(_, about)| *about);
    let schema = match name {
        "status" => json!({"type": "string", "enum": Status::ALL.map(Status::name)}),
        "type" => json!({"type": "string", "enum": Kind::ALL.map(Kind::name)}),
        "format" => {
            json!({"type": "string", "enum": FORMATS.iter().map(|form| form.name).collect::<Vec<_>>()})
        }
        "limit" | "from" | "seed" => json!({"type": "integer", "minimum": 0}),
        _ => json!({"type": "string"}),
    };
    json!({"name": name, "in": "query", "description": about, "schema": schema})
}

/// The kinds of annotation, for shapes.
fn annotation_kinds() -> Value {
    json!(AnnotationKind::ALL.map(AnnotationKind::name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_on_the_page() {
        let page = include_str!("../../docs/api.md");
        for Operation { method, path, .. } in OPERATIONS {
            let line = format!("`{} {path}`", method.to_uppercase());
            assert!(page.contains(&line), "docs/api.md does not have {line}");
        }
    }

    #[test]
    fn everything_that_is_named_is_described() {
        let document = document();
        for operation in OPERATIONS {
            let filters: &[&str] = if operation.takes_filters { &crate::store::Filter::NAMES } else { &[] };
            for name in filters.iter().chain(operation.query) {
                assert!(PARAMETERS.iter().any(|(own, _)| own == name), "{name}");
            }
        }
        let text = document.to_string();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
    }
}
