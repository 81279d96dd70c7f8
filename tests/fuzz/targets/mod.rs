//! What is fuzzed: each target takes any bytes, and panics where what must hold of them does not.
//!
//! Both drivers use these functions: the one of `cargo test --test fuzz`, and libFuzzer's.

pub mod dialects;
pub mod encodings;
pub mod exchange;
pub mod framings;
mod record;
mod redactor;

use wiretape::dialect::{self, Dialect};

use framings::Cut;

#[derive(Clone, Copy)]
pub enum Target {
    Framing(Cut),
    /// A content-encoding, or several.
    Encoding(&'static str),
    Dialect(&'static dyn Dialect),
    Redactor,
    Record,
}

impl Target {
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Cut::ALL.into_iter().map(Self::Framing).collect();
        all.extend(encodings::ALL.into_iter().map(Self::Encoding));
        all.extend(dialect::ALL.iter().map(|dialect| Self::Dialect(*dialect)));
        all.extend([Self::Redactor, Self::Record]);
        all
    }

    /// Fit for a program's name.
    pub fn name(self) -> String {
        match self {
            Self::Framing(cut) => format!("framing-{}", cut.name()),
            Self::Encoding(names) => format!("encoding-{}", names.replace(", ", "-")),
            Self::Dialect(dialect) => format!("dialect-{}", dialect.name().replace('.', "-")),
            Self::Redactor => "redactor".to_owned(),
            Self::Record => "record".to_owned(),
        }
    }

    pub fn check(self, input: &[u8]) {
        match self {
            Self::Framing(cut) => framings::check(cut, input),
            Self::Encoding(names) => encodings::check(names, input),
            Self::Dialect(dialect) => dialects::check(dialect, input),
            Self::Redactor => redactor::check(input),
            Self::Record => record::check(input),
        }
    }
}

/// Bytes cut into pieces as a byte of the input chooses: one at a time, or of lengths that change, empty ones among them.
pub fn pieces(mut bytes: &[u8], choice: u8) -> Vec<&[u8]> {
    if choice == 0 {
        return bytes.chunks(1).collect();
    }
    let mut state = u32::from(choice);
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = (state >> 24) as usize % (usize::from(choice) + 1);
        let (piece, rest) = bytes.split_at(length.min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}
