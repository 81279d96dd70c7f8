//! Cuts bodies into pieces, so that what two bodies share becomes the same pieces. Pure: bytes in, places to cut out.
//!
//! ```text
//! body ──▶ cut ──▶ leaves ──▶ recipe      the leaves' ids in a tree that bodies share branches of
//! ```
//!
//! Invariant: the leaves of a body, one after the other, are the body. Where to cut is decided by the bytes before the
//! cut and, at a string's end, by the one behind: so a body that goes on from another is cut alike as far as they agree.

mod cut;
mod gear;
mod recipe;
mod text;
mod varint;
mod weave;

pub use cut::{Kind, Leaf, cut, cut_text, resume};
pub use recipe::{Node, Recipe, Run, children};
pub use text::{is_words, words_of};
pub use varint::{Reader, put, put_bytes, put_signed};
pub use weave::{Weave, unweave, weave};
