//! The data plane: accept, route, relay, tee, upgrade. Knows the model and the tape, and no dialect: what the bytes mean
//! is read elsewhere.
//!
//! Invariant: nothing a client or an upstream sends is held whole, parsed beyond its head, or waits for anyone but
//! the other side. Nothing here reads a record.

mod auth;
mod balance;
mod body;
pub mod client;
mod client_io;
mod config;
mod connect;
mod expect;
mod headers;
mod label;
mod limit;
mod listen;
mod pool;
mod relay;
mod reply;
mod route;
mod server;
mod stream;
mod tls;
mod tunnel;
pub mod upstream;
mod word;

pub use config::{Config, SETTINGS};
pub use route::{Destination, NoRoute, Router};
pub use server::{Proxy, StartError, workers};
pub use word::Word;
