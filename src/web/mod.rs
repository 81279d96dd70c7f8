//! The control plane: what people and tools talk to, on a port of its own.

mod config;
mod health;
mod metrics;
mod server;

pub use config::{Config, SETTINGS};
pub use health::Status;
pub use server::serve;
