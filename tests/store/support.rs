//! A store in a folder of its own, and things to put into it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde_json::{Map, Value, json};
use wiretape::model::{
    Body, Chunk, Ending, Exchange, ExchangeId, Head, Headers, Label, Micros, ObservationId, TraceId,
};
use wiretape::store::{Config, Entry, Filter, Mode, Observed, Order, Page, Row, Store, open};

/// Noon of some day.
pub const NOON: u64 = 1_795_262_400_000_000;
pub const SECOND: u64 = 1_000_000;

/// A store, and the folder that goes with it.
pub struct Place {
    pub folder: PathBuf,
    pub store: Arc<dyn Store>,
}

static FOLDERS: AtomicU64 = AtomicU64::new(0);

pub fn folder() -> PathBuf {
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("wiretape-store-{}-{number}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

impl Place {
    pub async fn new() -> Self {
        let folder = folder();
        let store = open("sqlite:store.db", &folder, Mode::ReadWrite, &Config::default()).await.unwrap();
        Self { folder, store }
    }

    /// The same folder, opened once more.
    pub async fn again(&self) -> Arc<dyn Store> {
        open("sqlite:store.db", &self.folder, Mode::ReadWrite, &Config::default()).await.unwrap()
    }

    pub async fn write(&self, entries: Vec<Entry>) {
        self.store.write(entries.into()).await.unwrap();
    }

    /// The ids of what a filter lets through, newest first, fetched in pages of two.
    pub async fn ids(&self, filter: &Filter) -> Vec<String> {
        ids(&all(&*self.store, filter, Order::NewestFirst, 2).await)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Every page of a list.
pub async fn all(store: &dyn Store, filter: &Filter, order: Order, limit: usize) -> Vec<Row> {
    let (mut rows, mut after) = (Vec::<Row>::new(), None);
    loop {
        let page = store.list(filter.clone(), Page { order, limit, after }).await.unwrap();
        let is_last = page.len() < limit;
        rows.extend(page);
        after = rows.last().map(|row| row.cursor.clone());
        if is_last {
            return rows;
        }
    }
}

pub fn ids(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| row.head["id"].as_str().unwrap().trim_start_matches('0').to_owned()).collect()
}

pub fn page(limit: usize) -> Page {
    Page { order: Order::NewestFirst, limit, after: None }
}

pub fn id(number: u64) -> ExchangeId {
    ExchangeId::from_bytes((u128::from(number) << 64 | 7).to_be_bytes())
}

pub fn headers(lines: &[(&str, &str)]) -> Headers {
    Headers::of(|| lines.iter().map(|(name, value)| (*name, value.as_bytes())))
}

pub fn body(bytes: impl Into<Bytes>) -> Body {
    let bytes = bytes.into();
    let chunks = vec![Chunk { after: 5, length: bytes.len() as u64 }];
    Body { bytes, chunks, end: Some((Micros(NOON + 9), Ending::Complete)), ..Body::default() }
}

/// An exchange with these bodies.
pub fn exchange(number: u64, request: impl Into<Bytes>, response: impl Into<Bytes>) -> Exchange {
    Exchange {
        id: id(number),
        upstream: "anthropic".to_owned(),
        provider: "anthropic".to_owned(),
        dialect: None,
        method: "POST".to_owned(),
        target: Some("/anthropic/v1/messages".to_owned()),
        forwarded: "/v1/messages".to_owned(),
        version: "HTTP/1.1".to_owned(),
        headers: headers(&[("host", "api.example"), ("content-length", &number.to_string())]),
        labels: vec![Label { key: "session".to_owned(), value: "one".to_owned() }],
        upgrade: false,
        began: Micros(NOON + number * SECOND),
        request: body(request),
        informational: vec![(103, Micros(NOON + 2))],
        head: Some(Head {
            at: Micros(NOON + 7),
            status: 200,
            version: "HTTP/1.1".to_owned(),
            headers: headers(&[("date", "Sat, 21 Nov 2026 12:00:00 GMT"), ("request-id", "req_1")]),
            ours: false,
        }),
        response: body(response),
        redactions: vec!["a key".to_owned()],
    }
}

/// An observation's head; `more` comes on top.
pub fn head(number: u64, more: &Value) -> Map<String, Value> {
    let start = Micros(NOON + number * SECOND);
    let end = Micros(start.0 + SECOND / 2);
    let mut head = json!({
        "id": ObservationId(number).to_string(),
        "trace_id": TraceId(u128::from(number / 10) + 1).to_string(),
        "type": "generation", "name": "chat m", "start_time": start.rfc3339(), "end_time": end.rfc3339(),
        "duration_ms": 500.0, "status": "ok", "provider": "anthropic", "upstream": "anthropic",
        "dialect": "anthropic.messages", "operation": "chat", "request_model": "m-1", "response_model": "m-1-2026",
        "usage": {"input": 100, "output": 10, "total": 110, "source": "reported", "raw": {"input_tokens": 100}},
        "cost": {"input": 0.1, "total": 0.25, "currency": "USD", "source": "table"},
        "attempt": 1, "links": [], "losses": [], "parameters": {"temperature": 0},
    });
    let (Value::Object(head), Value::Object(more)) = (&mut head, more) else { panic!("no objects") };
    head.extend(more.clone());
    head.clone()
}

pub fn observed(number: u64, more: &Value) -> Observed {
    Observed { head: head(number, more), ..Observed::default() }
}

/// An exchange with one observation of the same number.
pub fn entry(exchange: Exchange, number: u64, more: &Value) -> Entry {
    let mut observed = observed(number, more);
    observed.head.insert("exchange_id".to_owned(), exchange.id.to_string().into());
    Entry { exchange: Some(exchange), more: false, observations: vec![observed] }
}

/// An observation that came without an exchange.
pub fn alone(number: u64, more: &Value) -> Entry {
    Entry { exchange: None, more: false, observations: vec![observed(number, more)] }
}
