//! A step as a span of OTLP, in a destination's words.

use super::attributes::Attributes;
use super::content::Mode;
use super::message::{
    CLIENT, ERROR, Event, INTERNAL, Link, OK, Request, Resource, ResourceSpans, Scope, ScopeSpans, Span,
    Status, UNSET,
};
use super::projection::{Projection, Semconv, span_name};
use super::step::{Shape, Step};
use crate::model::Micros;

/// How a destination wants its spans.
#[derive(Clone, Debug)]
pub struct Form {
    pub projection: &'static Projection,
    pub semconv: Semconv,
    pub content: Mode,
    /// Who sends: `service.name` and the like.
    pub resource: Vec<(String, String)>,
}

impl std::fmt::Debug for Projection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.names.first().copied().unwrap_or_default())
    }
}

impl Form {
    /// All defaults, with this projection.
    pub fn of(projection: &'static Projection) -> Self {
        let resource = vec![("service.name".to_owned(), "wiretape".to_owned())];
        Self { projection, semconv: Semconv::default(), content: Mode::Full, resource }
    }

    /// The span of a step.
    pub fn span(&self, step: &Step) -> Span {
        let mut step = step.clone();
        self.content.apply(&mut step);
        self.span_as_it_is(&step)
    }

    /// The same, with less of what was said where it would be larger than so many bytes.
    pub fn span_within(&self, step: &Step, most: usize) -> Span {
        let mut mode = self.content;
        loop {
            let mut reduced = step.clone();
            mode.apply(&mut reduced);
            let span = self.span_as_it_is(&reduced);
            match mode.less() {
                Some(less) if prost::Message::encoded_len(&span) > most => mode = less,
                _ => return span,
            }
        }
    }

    fn span_as_it_is(&self, step: &Step) -> Span {
        let Step { trace, id, parent, shape, start, end, is_wire, links, .. } = step;
        let is_call = *is_wire
            && matches!(shape, Shape::Generation | Shape::Embedding | Shape::Retriever | Shape::Span);
        Span {
            trace_id: trace.to_be_bytes().to_vec(),
            span_id: id.to_be_bytes().to_vec(),
            trace_state: String::new(),
            parent_span_id: parent.map(|parent| parent.to_be_bytes().to_vec()).unwrap_or_default(),
            name: span_name(step),
            kind: if is_call { CLIENT } else { INTERNAL },
            start_time_unix_nano: nanos(*start),
            end_time_unix_nano: nanos(*end),
            attributes: (self.projection.project)(step, self.semconv).into_pairs(),
            events: exception(step).into_iter().collect(),
            links: links
                .iter()
                .map(|(trace, span)| Link {
                    trace_id: trace.to_be_bytes().to_vec(),
                    span_id: span.to_be_bytes().to_vec(),
                    attributes: Vec::new(),
                })
                .collect(),
            status: Some(status(step)),
        }
    }

    /// Spans as what is posted.
    pub fn request(&self, spans: Vec<Span>) -> Request {
        let mut attributes = Attributes::default();
        for (key, value) in &self.resource {
            attributes.text(key, value);
        }
        let scope = Scope {
            name: "wiretape".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            attributes: Vec::new(),
        };
        let schema_url = self.semconv.schema_url().to_owned();
        let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, schema_url }];
        let resource = Some(Resource { attributes: attributes.into_pairs() });
        Request { resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url: String::new() }] }
    }
}

fn nanos(at: Micros) -> u64 {
    at.0.saturating_mul(1000)
}

fn status(step: &Step) -> Status {
    if step.is_failed() {
        let message = step.error_message.clone().or_else(|| step.error()).unwrap_or_default();
        return Status { message, code: ERROR };
    }
    // A client that leaves made no mistake.
    let code = if step.status == "ok" { OK } else { UNSET };
    Status { message: String::new(), code }
}

fn exception(step: &Step) -> Option<Event> {
    if !step.is_failed() {
        return None;
    }
    let mut attributes = Attributes::default();
    attributes.text("exception.type", step.error().as_deref());
    attributes.text("exception.message", &step.error_message);
    Some(Event {
        time_unix_nano: nanos(step.end),
        name: "exception".to_owned(),
        attributes: attributes.into_pairs(),
    })
}
