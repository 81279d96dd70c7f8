//! Where a call belongs: which trace and session, which call of a tool a result answers, who started whom. Pure: a
//! function of the exchange, and of what a look-up by a few marks says about other calls.

pub mod cache;
pub mod changes;
pub mod diff;
mod place;
pub mod prompt;
mod said;

pub use place::Place;
pub use said::{Id, Role, Said, Seen};
