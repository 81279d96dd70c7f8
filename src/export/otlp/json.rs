//! OTLP as JSON: ids in hexadecimal, numbers of 64 bits as text, kinds by their numbers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::message::{
    Any, AnyValue, ArrayValue, Event, KeyValue, KeyValueList, Link, Request, Resource, ResourceSpans, Scope,
    ScopeSpans, Span, Status,
};

/// A request as JSON.
pub fn to_json(request: &Request) -> Value {
    let Request { resource_spans } = request;
    let resource_spans = resource_spans.iter().map(|spans| {
        let ResourceSpans { resource, scope_spans, schema_url } = spans;
        let mut object = Map::new();
        if let Some(Resource { attributes }) = resource {
            object.insert("resource".to_owned(), json!({"attributes": pairs(attributes)}));
        }
        object.insert("scopeSpans".to_owned(), scope_spans.iter().map(scope_to_json).collect());
        put_text(&mut object, "schemaUrl", schema_url);
        Value::Object(object)
    });
    json!({"resourceSpans": resource_spans.collect::<Vec<_>>()})
}

fn scope_to_json(spans: &ScopeSpans) -> Value {
    let ScopeSpans { scope, spans, schema_url } = spans;
    let mut object = Map::new();
    if let Some(Scope { name, version, attributes }) = scope {
        let mut scope = Map::new();
        put_text(&mut scope, "name", name);
        put_text(&mut scope, "version", version);
        put_pairs(&mut scope, attributes);
        object.insert("scope".to_owned(), Value::Object(scope));
    }
    object.insert("spans".to_owned(), spans.iter().map(span_to_json).collect());
    put_text(&mut object, "schemaUrl", schema_url);
    Value::Object(object)
}

/// A span as JSON.
pub fn span_to_json(span: &Span) -> Value {
    let Span {
        trace_id,
        span_id,
        trace_state,
        parent_span_id,
        name,
        kind,
        start_time_unix_nano,
        end_time_unix_nano,
        attributes,
        events,
        links,
        status,
    } = span;
    let mut object = Map::new();
    object.insert("traceId".to_owned(), hex(trace_id).into());
    object.insert("spanId".to_owned(), hex(span_id).into());
    put_text(&mut object, "traceState", trace_state);
    put_text(&mut object, "parentSpanId", &hex(parent_span_id));
    object.insert("name".to_owned(), name.as_str().into());
    object.insert("kind".to_owned(), (*kind).into());
    object.insert("startTimeUnixNano".to_owned(), start_time_unix_nano.to_string().into());
    object.insert("endTimeUnixNano".to_owned(), end_time_unix_nano.to_string().into());
    put_pairs(&mut object, attributes);
    if !events.is_empty() {
        let events = events.iter().map(|Event { time_unix_nano, name, attributes }| {
            let mut event = Map::new();
            event.insert("timeUnixNano".to_owned(), time_unix_nano.to_string().into());
            event.insert("name".to_owned(), name.as_str().into());
            put_pairs(&mut event, attributes);
            Value::Object(event)
        });
        object.insert("events".to_owned(), events.collect());
    }
    if !links.is_empty() {
        let links = links.iter().map(|Link { trace_id, span_id, attributes }| {
            let mut link = Map::new();
            link.insert("traceId".to_owned(), hex(trace_id).into());
            link.insert("spanId".to_owned(), hex(span_id).into());
            put_pairs(&mut link, attributes);
            Value::Object(link)
        });
        object.insert("links".to_owned(), links.collect());
    }
    if let Some(Status { message, code }) = status {
        let mut status = Map::new();
        put_text(&mut status, "message", message);
        status.insert("code".to_owned(), (*code).into());
        object.insert("status".to_owned(), Value::Object(status));
    }
    Value::Object(object)
}

fn put_text(object: &mut Map<String, Value>, key: &str, text: &str) {
    if !text.is_empty() {
        object.insert(key.to_owned(), text.into());
    }
}

fn put_pairs(object: &mut Map<String, Value>, attributes: &[KeyValue]) {
    if !attributes.is_empty() {
        object.insert("attributes".to_owned(), pairs(attributes));
    }
}

fn pairs(attributes: &[KeyValue]) -> Value {
    let pairs = attributes.iter().map(|KeyValue { key, value }| {
        let value = value.as_ref().map_or_else(|| json!({}), any_to_json);
        json!({"key": key, "value": value})
    });
    pairs.collect()
}

fn any_to_json(value: &AnyValue) -> Value {
    match &value.value {
        None => json!({}),
        Some(Any::Text(text)) => json!({"stringValue": text}),
        Some(Any::Bool(value)) => json!({"boolValue": value}),
        Some(Any::Int(value)) => json!({"intValue": value.to_string()}),
        Some(Any::Double(value)) => json!({"doubleValue": value}),
        Some(Any::List(ArrayValue { values })) => {
            json!({"arrayValue": {"values": values.iter().map(any_to_json).collect::<Vec<_>>()}})
        }
        Some(Any::Map(KeyValueList { values })) => json!({"kvlistValue": {"values": pairs(values)}}),
        Some(Any::Bytes(bytes)) => json!({"bytesValue": STANDARD.encode(bytes)}),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a request. The error says what is not as it should be.
pub fn from_json(value: &Value) -> Result<Request, String> {
    let object = value.as_object().ok_or("expected an object")?;
    let resource_spans = list(object.get("resourceSpans"), "resourceSpans")?;
    let resource_spans = resource_spans.iter().map(|spans| {
        let resource = spans
            .get("resource")
            .map(|resource| Ok::<_, String>(Resource { attributes: pairs_in(resource.get("attributes"))? }));
        let scope_spans = list(spans.get("scopeSpans"), "scopeSpans")?;
        Ok(ResourceSpans {
            resource: resource.transpose()?,
            scope_spans: scope_spans.iter().map(scope_in).collect::<Result<_, String>>()?,
            schema_url: text(spans, "schemaUrl"),
        })
    });
    Ok(Request { resource_spans: resource_spans.collect::<Result<_, String>>()? })
}

fn scope_in(spans: &Value) -> Result<ScopeSpans, String> {
    let scope = spans.get("scope").map(|scope| {
        Ok::<_, String>(Scope {
            name: text(scope, "name"),
            version: text(scope, "version"),
            attributes: pairs_in(scope.get("attributes"))?,
        })
    });
    let all = list(spans.get("spans"), "spans")?;
    Ok(ScopeSpans {
        scope: scope.transpose()?,
        spans: all.iter().map(span_in).collect::<Result<_, String>>()?,
        schema_url: text(spans, "schemaUrl"),
    })
}

fn span_in(span: &Value) -> Result<Span, String> {
    let events = list(span.get("events"), "events")?.iter().map(|event| {
        Ok(Event {
            time_unix_nano: number(event, "timeUnixNano")?,
            name: text(event, "name"),
            attributes: pairs_in(event.get("attributes"))?,
        })
    });
    let links = list(span.get("links"), "links")?.iter().map(|link| {
        Ok(Link {
            trace_id: id(link, "traceId")?,
            span_id: id(link, "spanId")?,
            attributes: pairs_in(link.get("attributes"))?,
        })
    });
    let status = span.get("status").map(|status| Status {
        message: text(status, "message"),
        code: one_of(status, "code", &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"]),
    });
    Ok(Span {
        trace_id: id(span, "traceId")?,
        span_id: id(span, "spanId")?,
        trace_state: text(span, "traceState"),
        parent_span_id: id(span, "parentSpanId")?,
        name: text(span, "name"),
        kind: one_of(span, "kind", KINDS),
        start_time_unix_nano: number(span, "startTimeUnixNano")?,
        end_time_unix_nano: number(span, "endTimeUnixNano")?,
        attributes: pairs_in(span.get("attributes"))?,
        events: events.collect::<Result<_, String>>()?,
        links: links.collect::<Result<_, String>>()?,
        status,
    })
}

const KINDS: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

fn list<'a>(value: Option<&'a Value>, what: &str) -> Result<&'a [Value], String> {
    match value {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(format!("{what}: expected a list")),
    }
}

fn text(object: &Value, key: &str) -> String {
    object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A number of 64 bits: text as the form says, or a number as some write it.
fn number(object: &Value, key: &str) -> Result<u64, String> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(0),
        Some(Value::String(text)) => text.parse().map_err(|_| format!("{key}: {text:?} is no number")),
        Some(other) => other.as_u64().ok_or_else(|| format!("{key}: expected a number")),
    }
}

fn one_of(object: &Value, key: &str, names: &[&str]) -> i32 {
    let at = match object.get(key) {
        Some(Value::String(name)) => names.iter().position(|known| known == name).unwrap_or(0),
        Some(other) => other.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(0),
        None => 0,
    };
    i32::try_from(at).unwrap_or(0)
}

fn id(object: &Value, key: &str) -> Result<Vec<u8>, String> {
    let text = text(object, key);
    let wrong = || format!("{key}: {text:?} is not hexadecimal");
    if !text.is_ascii() || text.len() % 2 == 1 {
        return Err(wrong());
    }
    let pairs = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2).unwrap_or_default());
    pairs.map(|pair| u8::from_str_radix(pair, 16).map_err(|_| wrong())).collect()
}

fn pairs_in(value: Option<&Value>) -> Result<Vec<KeyValue>, String> {
    let pairs = list(value, "attributes")?.iter().map(|pair| {
        let key = pair.get("key").and_then(Value::as_str).ok_or("an attribute without a key")?;
        let value = pair.get("value").map(any_in).transpose()?;
        Ok(KeyValue { key: key.to_owned(), value })
    });
    pairs.collect()
}

fn any_in(value: &Value) -> Result<AnyValue, String> {
    let wrong = |what: &str| format!("a value that is no {what}");
    let Some((kind, inner)) = value.as_object().and_then(|object| object.iter().next()) else {
        return Ok(AnyValue { value: None });
    };
    let any = match kind.as_str() {
        "stringValue" => Any::Text(inner.as_str().ok_or_else(|| wrong("text"))?.to_owned()),
        "boolValue" => Any::Bool(inner.as_bool().ok_or_else(|| wrong("bool"))?),
        "intValue" => {
            let number = inner.as_i64().or_else(|| inner.as_str()?.parse().ok());
            Any::Int(number.ok_or_else(|| wrong("whole number"))?)
        }
        "doubleValue" => {
            let number = inner.as_f64().or_else(|| inner.as_str()?.parse().ok());
            Any::Double(number.ok_or_else(|| wrong("number"))?)
        }
        "arrayValue" => {
            let values = list(inner.get("values"), "values")?;
            Any::List(ArrayValue { values: values.iter().map(any_in).collect::<Result<_, _>>()? })
        }
        "kvlistValue" => Any::Map(KeyValueList { values: pairs_in(inner.get("values"))? }),
        "bytesValue" => {
            let bytes = inner.as_str().and_then(|text| STANDARD.decode(text).ok());
            Any::Bytes(bytes.ok_or_else(|| wrong("base64"))?)
        }
        other => return Err(format!("a value of an unknown kind, {other}")),
    };
    Ok(AnyValue { value: Some(any) })
}
