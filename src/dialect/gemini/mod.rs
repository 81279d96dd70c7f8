//! What Google speaks: on the Gemini API, on Vertex AI and behind its own command line.

pub mod batch;
pub mod count;
pub mod embed;
pub mod generate;
pub mod interactions;
pub mod live;
pub mod predict;

mod content;
mod gather;
mod names;
mod partial;
mod path;
mod request;
mod usage;
mod whole;
