//! The shapes of answers. What is not listed as required may be absent; there may be more than is listed.

use serde_json::{Map, Value, json};

use crate::model::{Kind, Status};

/// An object: what must be there, and what may.
fn object(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    let own = required.iter().chain(optional).map(|(name, shape)| ((*name).to_owned(), shape.clone()));
    json!({"type": "object", "required": names, "properties": own.collect::<Map<_, _>>()})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn array(of: Value) -> Value {
    let shape = [("type".to_owned(), "array".into()), ("items".to_owned(), of)];
    Value::Object(shape.into_iter().collect())
}

/// Text, or null where it is unknown.
fn or_null(kind: &str) -> Value {
    json!({"type": [kind, "null"]})
}

pub fn shapes() -> Value {
    let shapes = [
        ("Record", record()),
        ("Usage", usage()),
        ("Cost", cost()),
        ("CallItem", json!({"allOf": [reference("Record"), item()]})),
        ("Summary", summary()),
        ("Calls", listed("CallItem")),
        ("Summaries", listed("Summary")),
        ("Tree", tree()),
        ("Conversation", conversation()),
        ("Call", call()),
        ("Comparison", comparison()),
        ("Prompts", prompts()),
        ("Prompt", prompt()),
        ("Dashboard", dashboard()),
        ("Sums", sums()),
        ("Health", health()),
        ("Annotation", annotation()),
        ("NewAnnotation", new_annotation()),
        ("Error", error()),
        ("OpenApi", json!({"type": "object", "required": ["openapi", "paths"]})),
    ];
    shapes.into_iter().map(|(name, shape)| (name.to_owned(), shape)).collect()
}

fn text() -> Value {
    json!({"type": "string"})
}

fn number() -> Value {
    json!({"type": "number"})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn truth() -> Value {
    json!({"type": "boolean"})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn record() -> Value {
    let list = || array(json!({"type": "object"}));
    object(
        &[
            ("id", json!({"type": "string", "pattern": "^[0-9a-f]{16}$"})),
            ("trace_id", json!({"type": "string", "pattern": "^[0-9a-f]{32}$"})),
            ("type", json!({"type": "string", "enum": Kind::ALL.map(Kind::name)})),
            ("name", text()),
            ("start_time", time()),
            ("status", json!({"type": "string", "enum": Status::ALL.map(Status::name)})),
        ],
        &[
            ("session_id", text()),
            ("parent_id", text()),
            ("prior_id", text()),
            ("first_token_time", time()),
            ("end_time", time()),
            ("duration_ms", number()),
            ("ttft_ms", number()),
            ("error", json!({"type": "object"})),
            ("provider", text()),
            ("upstream", text()),
            ("dialect", text()),
            ("operation", text()),
            ("request_model", text()),
            ("response_model", text()),
            ("response_id", text()),
            ("upstream_request_id", text()),
            ("streamed", truth()),
            ("http_status", count()),
            ("parameters", json!({"type": "object"})),
            ("system", list()),
            ("input", list()),
            ("output", list()),
            ("tools", array(json!({}))),
            ("finish_reason", text()),
            ("finish_reason_raw", json!({"type": ["string", "array"]})),
            ("usage", reference("Usage")),
            ("cost", reference("Cost")),
            ("tool_calls", list()),
            ("tool", json!({"type": "object"})),
            ("prompt_version", text()),
            ("tools_version", text()),
            ("attempt", count()),
            ("side", text()),
            ("links", list()),
            ("losses", array(text())),
            ("ended_by", json!({"type": "string", "enum": ["client", "upstream", "us"]})),
            ("output_text", text()),
            ("reasoning_text", text()),
            ("user", text()),
            ("tags", array(text())),
            ("labels", json!({"type": "object"})),
            ("client", json!({"type": "object"})),
            ("raw", json!({"type": "object"})),
        ],
    )
}

fn usage() -> Value {
    let counts =
        ["input", "output", "total", "cache_read", "cache_write", "reasoning"].map(|key| (key, count()));
    let source = json!({"type": "string", "enum": ["reported", "estimated", "partial"]});
    let mut optional = counts.to_vec();
    optional.extend([("raw", json!({"type": "object"})), ("anomalies", array(text()))]);
    object(&[("source", source)], &optional)
}

fn cost() -> Value {
    let source = json!({"type": "string", "enum": ["table", "provider", "override"]});
    object(
        &[("currency", text()), ("source", source)],
        &[("total", number()), ("input", number()), ("output", number())],
    )
}

fn item() -> Value {
    let annotations = array(reference("Annotation"));
    object(
        &[],
        &[
            ("input_preview", text()),
            ("output_preview", text()),
            ("snippet", text()),
            ("annotations", annotations),
        ],
    )
}

fn summary() -> Value {
    let counts = [
        "traces",
        "observations",
        "generations",
        "tools",
        "errors",
        "cancelled",
        "interrupted",
        "retries",
        "input",
        "output",
        "cache_read",
        "cache_write",
        "reasoning",
        "unknown_usage",
        "unknown_cost",
    ];
    let mut required = vec![
        ("id", text()),
        ("name", text()),
        ("first_time", time()),
        ("last_time", time()),
        ("duration_ms", number()),
        ("cost", number()),
        ("status", json!({"type": "string", "enum": ["ok", "error", "unfinished"]})),
    ];
    required.extend(counts.map(|key| (key, count())));
    required.extend(["models", "providers", "users", "tags", "tools_used"].map(|key| (key, array(text()))));
    object(
        &required,
        &[
            ("session_id", or_null("string")),
            ("title", or_null("string")),
            ("input_preview", text()),
            ("output_preview", text()),
            ("model_ms", number()),
            ("tool_ms", number()),
            ("wasted_ms", number()),
            ("wasted_tokens", count()),
            ("annotations", array(reference("Annotation"))),
        ],
    )
}

fn listed(of: &str) -> Value {
    let facet = array(object(&[("value", text())], &[("count", count())]));
    object(
        &[("items", array(reference(of))), ("filter", json!({"type": "object"}))],
        &[("next", text()), ("facets", json!({"type": "object", "additionalProperties": facet}))],
    )
}

fn whole() -> Vec<(&'static str, Value)> {
    let kind = json!({"type": "string", "enum": ["trace", "session"]});
    vec![("kind", kind), ("summary", reference("Summary")), ("from", count())]
}

fn tree() -> Value {
    let own = object(&[("depth", count())], &[("orphan", truth())]);
    let step = json!({"allOf": [reference("CallItem"), own]});
    let turn = object(
        &[
            ("trace_id", text()),
            ("from", count()),
            ("steps", count()),
            ("first_time", time()),
            ("last_time", time()),
        ],
        &[],
    );
    let mut required = whole();
    required.extend([
        ("steps", array(step)),
        ("total", count()),
        ("turns", array(turn)),
        ("annotations", array(reference("Annotation"))),
    ]);
    object(&required, &[("next_from", count()), ("more_not_shown", truth())])
}

fn conversation() -> Value {
    let message = object(
        &[
            ("trace_id", text()),
            ("observation_id", text()),
            ("start_time", time()),
            ("level", count()),
            ("role", text()),
            ("title", text()),
            ("parts", array(json!({"type": "object"}))),
        ],
        &[],
    );
    let mut required = whole();
    required.push(("messages", array(message)));
    object(&required, &[("next_from", count())])
}

fn call() -> Value {
    object(
        &[
            ("record", reference("Record")),
            ("children", array(reference("CallItem"))),
            ("annotations", array(reference("Annotation"))),
        ],
        &[
            ("changes", json!({"type": "object"})),
            ("cache_break", json!({"type": "object"})),
            ("ids", array(json!({"type": "object"}))),
            ("curl", text()),
            ("parent", text()),
            ("previous", text()),
        ],
    )
}

/// Lines, each with `=`, `-` or `+` before it.
fn lines() -> Value {
    array(array(text()))
}

fn comparison() -> Value {
    let difference = object(
        &[("input_same", count()), ("input", lines()), ("output", lines())],
        &[("system", lines()), ("tools", json!({"type": "object"}))],
    );
    object(&[("a", reference("Record")), ("b", reference("Record")), ("diff", difference)], &[])
}

fn version() -> Value {
    object(
        &[
            ("first_time", time()),
            ("last_time", time()),
            ("example_id", text()),
            ("calls", count()),
            ("cost", number()),
        ],
        &[
            ("prompt_version", or_null("string")),
            ("tools_version", or_null("string")),
            ("prompt_preview", text()),
        ],
    )
}

fn prompts() -> Value {
    object(&[("items", array(version())), ("total", count())], &[("filter", json!({"type": "object"}))])
}

fn prompt() -> Value {
    object(
        &[
            ("version", version()),
            ("system", or_null("string")),
            ("tools", array(json!({}))),
            ("others", array(version())),
        ],
        &[("other", version()), ("diff", json!({"type": "object"}))],
    )
}

fn sums() -> Value {
    let counts = ["requests", "errors", "input", "output", "cache_read"].map(|key| (key, count()));
    let mut required = counts.to_vec();
    required.push(("cost", number()));
    let percentiles = ["duration_p50_ms", "duration_p95_ms", "duration_p99_ms", "ttft_p50_ms", "ttft_p95_ms"];
    let mut optional = percentiles.map(|key| (key, or_null("number"))).to_vec();
    optional.push(("cache_hit_rate", or_null("number")));
    object(&required, &optional)
}

fn dashboard() -> Value {
    let line =
        object(&[("key", text()), ("totals", reference("Sums")), ("points", array(reference("Sums")))], &[]);
    object(
        &[
            ("since", time()),
            ("until", time()),
            ("by", text()),
            ("step", json!({"type": "string", "enum": ["hour", "day"]})),
            ("buckets", array(time())),
            ("totals", reference("Sums")),
            ("series", array(line)),
            ("rate_limits", array(json!({"type": "object"}))),
        ],
        &[("only_newest", count())],
    )
}

fn health() -> Value {
    let numbers = || json!({"type": "object"});
    object(
        &[("status", text()), ("queue", numbers()), ("losses", numbers())],
        &[("tape", numbers()), ("recorder", numbers()), ("store", numbers()), ("exports", array(numbers()))],
    )
}

fn annotation() -> Value {
    let of = json!({"type": "string", "enum": ["observation", "trace", "session"]});
    let kind = json!({"type": "string", "enum": super::annotation_kinds()});
    object(
        &[("id", text()), ("of", of), ("kind", kind), ("time", time())],
        &[
            ("name", text()),
            ("value", json!({"type": ["number", "boolean", "string"]})),
            ("comment", text()),
            ("author", text()),
        ],
    )
}

fn new_annotation() -> Value {
    let kind = json!({"type": "string", "enum": super::annotation_kinds()});
    object(
        &[("kind", kind)],
        &[
            ("name", text()),
            ("value", json!({"type": ["number", "boolean", "string"]})),
            ("comment", text()),
            ("author", text()),
        ],
    )
}

fn error() -> Value {
    let own = object(&[("status", count()), ("message", text())], &[]);
    object(&[("error", own)], &[])
}
