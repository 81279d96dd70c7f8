//! The nouns everyone shares. No I/O here, and nothing that knows how a noun came to be.

mod annotation;
pub mod cost;
pub mod exchange;
pub mod headers;
pub mod kept;
pub mod message;
pub mod money;
pub mod observation;
mod preview;
pub mod reading;
pub mod setting;
pub mod time;
pub mod usage;

pub use annotation::{Annotation, AnnotationId, AnnotationKind, Target};
pub use cost::{Cost, CostDetail, CostPart, CostSource};
pub use exchange::{Closer, Direction, Ending, ExchangeId, Label, Micros};
pub use headers::Headers;
pub use kept::{Body, Chunk, Exchange, Head};
pub use message::{Message, Part, PartKind};
pub use money::Usd;
pub use observation::{
    CONTENT_KEYS, Caller, Client, Link, Observation, ObservationId, Place, Status, TraceId,
};
pub use preview::{PREVIEW, shortened};
pub use reading::{Answered, ApiError, Asked, Beside, Kind, Operation, Reading};
pub use usage::{Usage, UsageSource};
