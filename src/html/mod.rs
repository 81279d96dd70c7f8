//! Markup: from JSON values, as records hold them, to what a browser shows. Pure: no I/O, no clock, no addresses of pages.
//!
//! What was recorded is hostile. Invariant: nothing recorded becomes an element, an attribute's name, a script, a style or
//! something that a browser fetches by itself. Texts are escaped, characters that cannot be seen are shown, links lead to
//! http and https alone with their address beside them, and images and sound are taken by what their bytes are, not by what
//! they are said to be.

mod bars;
mod chart;
mod chunks;
mod code;
mod diff;
mod fields;
mod get;
mod inline;
mod markdown;
mod media;
mod message;
mod number;
mod part;
mod text;
mod tool;
mod view;

pub use bars::{Axis, Span, axis, bar};
pub use chart::{Chart, Kind, chart};
pub use chunks::chunks;
pub use code::{json, json_text};
pub use diff::{diff, lists};
pub use fields::fields;
pub use get::{count, items, number, text as text_of, truth};
pub use markdown::markdown;
pub use message::{Message, message};
pub use number::{bytes, dollars, millis, short, time};
pub use part::part;
pub use text::{plain, visible};
pub use tool::result;
pub use view::{More, View, cut, long, rest_of};

/// How all of this looks; for a page of its own it goes into a `style` element.
pub const STYLE: &str = include_str!("style.css");
