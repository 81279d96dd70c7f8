//! Records as OpenTelemetry's spans, and back. Pure.
//!
//! ```text
//! record ──▶ Step ──▶ content: full, new, preview, none ──▶ Projection: a destination's own names ──▶ Span ──▶ bytes
//! ```
//!
//! Invariant: ids follow from the record alone, and a step is told of once it is finished: whoever sends it again sends the
//! same.

mod attributes;
mod coding;
mod content;
mod file;
mod json;
mod message;
mod projection;
mod read;
mod root;
mod span;
mod step;

pub use coding::{Coding, JSON, PROTOBUF, gunzip, gzip};
pub use content::Mode;
pub use file::{OPENINFERENCE, OTLP, OTLP_PROTOBUF};
pub use json::{span_to_json, to_json};
pub use message::{Failure, Request, Span};
pub use projection::{PROJECTIONS, ProjectAs, Projection, Semconv, projection, provider_name};
pub use read::{Read, read};
pub use root::{Gather, is_main, root_id};
pub use span::Form;
pub use step::{Content, Servers, Shape, Step};
