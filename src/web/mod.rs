//! The control plane: what people and tools talk to, on a port of its own.
//!
//! ```text
//! request ─▶ asked: which form? ─▶ server: who is it? ─▶ routes ─▶ view: a value out of the store ─▶ JSON, or a page
//! ```
//!
//! Invariant: a page shows nothing that the API does not answer with: both are made of the same value.

mod annotate;
mod asked;
pub mod assets;
mod config;
mod curl;
mod export;
mod fault;
mod feed;
mod genai;
mod guard;
mod health;
mod ingest;
mod kept;
mod metrics;
pub mod openapi;
pub mod page;
mod query;
mod routes;
mod server;
mod shared;
mod view;

pub use config::{Config, SETTINGS};
pub use health::Status;
pub use server::serve;
pub use shared::{Parts, Redact};
