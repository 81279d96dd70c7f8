//! Where a call belongs: which trace and session, which call of a tool a result answers, who started whom. Pure: a
//! function of the exchange, and of what a look-up by a few marks says about other calls.
//!
//! ```text
//! exchange, reading ──▶ said ──▶ facts ──▶ settle ──▶ place ⇄ Book (a store, in its transaction)
//!                                             │ those that its coming moves, again
//!                                             ▼
//!                                       Placed, calls of tools and their results
//! ```
//!
//! Invariant: where a call is put follows from the calls that are known, not from the order they came in.

mod book;
pub mod cache;
pub mod changes;
mod config;
pub mod diff;
mod facts;
mod head;
mod likeness;
mod mark;
mod place;
pub mod prompt;
mod runs;
mod said;
mod settle;
mod side;
mod spot;
mod start;
mod story;
mod told;
mod tool;
mod words;
mod written;

pub use book::{Book, Known, Nearest, Placed, Wanted};
pub use config::Config;
pub use facts::{Belonging, Call, Facts, Late, Outcome, ServerCall, facts, is_final, scope};
pub use head::{DOUBLE, TOOL_PLACE, answer_in, of_tool, place_in_head, put_answer, put_place, tool_place};
pub use mark::{Mark, MarkKind};
pub use place::INFERRED_SESSION;
pub use said::{
    CONVENTION_SETTINGS, CONVENTIONS, Convention, Id, KEYS, MEANINGS, Means, OwnConvention, Place, Role,
    Said, Seen, Source, TRUSTS, Trust, Where, said,
};
pub use settle::{marks, possible_marks, settle};
pub use side::Side;
pub use spot::Place as Spot;
pub use told::{CALLER_SPAN, TOLD_PARENT, Told, folded, is_told, span_mark};
pub use tool::{Answer, Took, Tool, arguments, asked, result, result_at_provider};
