//! What is played. Each story is a file; a new one is a line here.

mod batch;
mod coder;
mod documents;
mod live;
mod research;
mod support;

use super::script::Script;

pub use live::live;

/// The sample: what each agent is called, and what it does. All begin together.
pub fn sample() -> Vec<(String, Script)> {
    let mut all = Vec::new();
    for part in
        [coder::scripts(), research::scripts(), support::scripts(), documents::scripts(), batch::scripts()]
    {
        let from = all.len();
        all.extend(part.into_iter().enumerate().map(|(at, script)| (format!("{}-{}", from, at), script)));
    }
    all
}
