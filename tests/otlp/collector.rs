//! A scripted collector: takes spans, or says what the test wants it to say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use wiretape::export::otlp::{Coding, Request, gunzip, span_to_json, to_json};

use super::provider::{Asked, provider};
use super::support::until;

/// What the collector does with a request.
pub enum Reply {
    Take,
    /// Breaks off without a word.
    Drop,
    Status(&'static str, &'static str),
    /// Takes all but so many.
    Partial(i64),
}

/// What decides.
type Says = Box<dyn Fn(&Request) -> Reply + Send>;

#[derive(Default)]
struct State {
    spans: Vec<Value>,
    requests: Vec<(String, Value)>,
}

pub struct Collector {
    pub url: String,
    state: Arc<Mutex<State>>,
    reply: Arc<Mutex<Says>>,
}

impl Collector {
    pub fn start() -> Self {
        Self::saying(|_| Reply::Take)
    }

    pub fn saying(reply: impl Fn(&Request) -> Reply + Send + 'static) -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let reply: Arc<Mutex<Says>> = Arc::new(Mutex::new(Box::new(reply)));
        let (own, said) = (Arc::clone(&state), Arc::clone(&reply));
        let url = provider(move |asked| answer(asked, &own, &said));
        Self { url, state, reply }
    }

    /// From now on it does this.
    pub fn says(&self, reply: impl Fn(&Request) -> Reply + Send + 'static) {
        *self.reply.lock().unwrap() = Box::new(reply);
    }

    /// What it took, in the order it came.
    pub fn spans(&self) -> Vec<Value> {
        self.state.lock().unwrap().spans.clone()
    }

    /// How often each span came.
    pub fn counted(&self) -> BTreeMap<String, usize> {
        let mut counted = BTreeMap::new();
        for span in self.spans() {
            *counted.entry(span["spanId"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        counted
    }

    /// The heads and bodies of all requests, also of those that were not taken.
    pub fn requests(&self) -> Vec<(String, Value)> {
        self.state.lock().unwrap().requests.clone()
    }

    pub fn until(&self, count: usize) {
        until("the spans have come", || self.spans().len() >= count);
    }
}

fn answer(mut asked: Asked, state: &Mutex<State>, reply: &Mutex<Says>) {
    let head = asked.head.to_ascii_lowercase();
    let coding =
        if head.contains("content-type: application/json") { Coding::Json } else { Coding::Protobuf };
    let body = if head.contains("content-encoding: gzip") {
        gunzip(&asked.body, 64 << 20).unwrap()
    } else {
        asked.body.clone()
    };
    let request = coding.decode(&body).unwrap();
    state.lock().unwrap().requests.push((asked.head.clone(), to_json(&request)));
    let said = reply.lock().unwrap()(&request);
    let take = |state: &Mutex<State>| {
        let spans = request.resource_spans.iter().flat_map(|own| &own.scope_spans).flat_map(|own| &own.spans);
        state.lock().unwrap().spans.extend(spans.map(span_to_json));
    };
    let kind = format!("Content-Type: {}\r\n", coding.content_type());
    match said {
        Reply::Take => {
            take(state);
            asked.answer("200 OK", &kind, coding.answer(0, ""));
        }
        Reply::Partial(left_out) => {
            take(state);
            asked.answer("200 OK", &kind, coding.answer(left_out, "too old"));
        }
        Reply::Status(status, headers) => asked.answer(status, headers, "no"),
        Reply::Drop => {}
    }
}

/// A span's attributes by their names, each as plain JSON.
pub fn attributes(span: &Value) -> serde_json::Map<String, Value> {
    let pairs = span["attributes"].as_array().cloned().unwrap_or_default();
    pairs.iter().map(|pair| (pair["key"].as_str().unwrap().to_owned(), plain(&pair["value"]))).collect()
}

fn plain(value: &Value) -> Value {
    let (kind, inner) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "intValue" => inner.as_str().unwrap().parse::<i64>().unwrap().into(),
        "arrayValue" => inner["values"].as_array().unwrap().iter().map(plain).collect(),
        _ => inner.clone(),
    }
}

/// The one span of this name.
pub fn named<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    super::support::one(spans, |span| span["name"] == name)
}
