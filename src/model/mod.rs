//! The nouns everyone shares. No I/O here, and nothing that knows how a noun came to be.

pub mod cost;
pub mod exchange;
pub mod money;
pub mod setting;
pub mod usage;

pub use cost::{Cost, CostDetail, CostPart, CostSource};
pub use exchange::{Closer, Direction, Ending, ExchangeId, Label, Micros};
pub use money::Usd;
pub use usage::{Usage, UsageSource};
