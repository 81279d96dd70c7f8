//! The root of a trace: a span of our own, with what was asked first and answered last. Backends need one, and the one a
//! caller may have made is sent by the caller, to wherever it likes.

use serde_json::{Map, Value};

use super::step::{Content, Shape, Step};
use crate::model::{Micros, TraceId};

/// The root's id follows from the trace's, so that whoever sends it again sends the same.
pub fn root_id(trace: TraceId) -> u64 {
    let hash = blake3::derive_key("wiretape root of a trace", &trace.0.to_be_bytes());
    let mut id = [0; 8];
    id.copy_from_slice(hash.get(..8).unwrap_or(&[0; 8]));
    // An id of nothing but zeros is none.
    u64::from_be_bytes(id).max(1)
}

/// Whether a record is a step of what the user asked, and of no agent that another started.
pub fn is_main(head: &Map<String, Value>) -> bool {
    let text = |key: &str| head.get(key).and_then(Value::as_str);
    let is_free = text("parent_id").is_none() || text("parent_id") == text("caller_span_id");
    text("type") == Some("generation") && text("side").is_none() && is_free
}

/// Puts a root together while the trace's steps go by.
#[derive(Clone, Debug, Default)]
pub struct Gather {
    first: Option<Step>,
    last: Option<Step>,
    start: Option<Micros>,
    end: Micros,
}

impl Gather {
    /// Any step.
    pub fn any(&mut self, start: Micros, end: Micros) {
        self.start = Some(self.start.map_or(start, |known| known.min(start)));
        self.end = self.end.max(end);
    }

    /// A step of the main line, in their order.
    pub fn main(&mut self, step: &Step) {
        if self.first.is_none() {
            self.first = Some(step.clone());
        }
        self.last = Some(step.clone());
    }

    /// The root. `None` where no step went by.
    pub fn root(self, trace: TraceId) -> Option<Step> {
        let Self { first, last, start, end } = self;
        let start = start?;
        let mut root = Step {
            trace: trace.0,
            id: root_id(trace),
            shape: Shape::Agent,
            start,
            end: end.max(start),
            status: "ok".to_owned(),
            ..Step::default()
        };
        if let Some(first) = first {
            let Step { conversation, session, user, tags, labels, agent, client, links, content, .. } = first;
            root.name = agent.clone().or_else(|| client.clone()).unwrap_or_default();
            (root.conversation, root.session, root.user) = (conversation, session, user);
            (root.tags, root.labels, root.agent, root.client) = (tags, labels, agent, client);
            root.links = links;
            root.content.input = asked(content);
        }
        if let Some(last) = last {
            (root.status, root.error_type, root.error_message) =
                (last.status, last.error_type, last.error_message);
            root.http_status = last.http_status;
            root.content.output = last.content.output;
        }
        Some(root)
    }
}

/// What the user said last, and no history.
fn asked(content: Content) -> Vec<Value> {
    let is_user = |message: &Value| message.get("role").is_some_and(|role| role == "user");
    content.input.into_iter().rev().find(is_user).into_iter().collect()
}
