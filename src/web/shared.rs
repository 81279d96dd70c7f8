//! What every handler of the web side has at hand.

use std::sync::Arc;

use super::Config;
use super::fault::Fault;
use super::guard::Guard;
use super::health::Status;
use super::ingest::Counters;
use super::view::trace::Shelf;
use crate::recorder::Live;
use crate::store::Store;
use crate::trace::OwnConvention;
use axum::http::StatusCode;

/// What the web side is built of. Filled in by whoever builds it.
pub struct Parts {
    pub config: Config,
    pub status: Status,
    /// Where it is recorded to; absent where nothing is kept.
    pub store: Option<Arc<dyn Store>>,
    /// What the user's own callers say of themselves.
    pub conventions: Vec<OwnConvention>,
    /// Takes out of what is sent here what must not be kept; `None` where there is nothing.
    pub redact: Redact,
    /// Where agents point at, for the lines to paste.
    pub proxy: String,
    /// Who tells what is being said.
    pub live: Option<Arc<Live>>,
}

/// Takes out of a text of JSON what must not be kept; `None` where there is nothing.
pub type Redact = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

pub struct Shared {
    pub redact: Redact,
    pub ingested: Counters,
    pub status: Status,
    pub guard: Guard,
    pub conventions: Vec<OwnConvention>,
    pub proxy: String,
    pub shelf: Shelf,
    pub live: Option<Arc<Live>>,
    store: Option<Arc<dyn Store>>,
}

impl Shared {
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { config, status, store, conventions, redact, proxy, live } = parts;
        let guard = Guard::new(&config);
        Arc::new(Self {
            redact,
            ingested: Counters::default(),
            status,
            guard,
            conventions,
            proxy,
            shelf: Shelf::default(),
            live,
            store,
        })
    }

    pub fn store(&self) -> Result<&Arc<dyn Store>, Fault> {
        self.store.as_ref().ok_or_else(|| Fault {
            status: StatusCode::SERVICE_UNAVAILABLE,
            message: "nothing is kept here: this recorder has no store".to_owned(),
        })
    }
}
