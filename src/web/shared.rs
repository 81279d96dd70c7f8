//! What every handler of the web side has at hand.

use std::sync::Arc;

use super::Config;
use super::fault::Fault;
use super::guard::Guard;
use super::health::Status;
use super::ingest::Counters;
use super::view::trace::Shelf;
use crate::export::Origin;
use crate::recorder::Live;
use crate::redact::Redactor;
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
    /// Where each upstream is, and what is taken out on the way out where that is asked for.
    pub origins: Vec<Origin>,
    pub leaving: Option<Redactor>,
    /// It is not there for one command alone.
    pub is_shared: bool,
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
    pub is_shared: bool,
    pub shelf: Shelf,
    pub live: Option<Arc<Live>>,
    pub origins: Arc<Vec<Origin>>,
    pub leaving: Option<Arc<Redactor>>,
    store: Option<Arc<dyn Store>>,
}

impl Shared {
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { config, status, store, conventions, redact, proxy, live, origins, leaving, is_shared } =
            parts;
        let guard = Guard::new(&config);
        let (origins, leaving) = (Arc::new(origins), leaving.map(Arc::new));
        Arc::new(Self {
            redact,
            ingested: Counters::default(),
            status,
            guard,
            conventions,
            proxy,
            is_shared,
            shelf: Shelf::default(),
            live,
            origins,
            leaving,
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
