//! The forms of export: one file and one line each.

use super::encode::{Encoder, InTalk, InTrace, Step, Wire};
#[cfg(feature = "parquet")]
use super::parquet;
use super::wanted::Wanted;
use super::{atif, csv, finetune, har, jsonl, markdown, otlp, page, sharegpt};

/// A form that records are exported in.
#[derive(Clone, Copy)]
pub struct Format {
    /// As users say it.
    pub name: &'static str,
    /// What files of it end with.
    pub extension: &'static str,
    pub media_type: &'static str,
    /// One line for people.
    pub help: &'static str,
    /// It is no text, and no use on a terminal.
    pub is_binary: bool,
    pub takes: Takes,
}

/// Which items a form is made of, and what begins one.
#[derive(Clone, Copy)]
pub enum Takes {
    /// Every step that passes.
    Steps(fn(&Wanted) -> Box<dyn Encoder<Step>>),
    /// The same without what was said, which need not be read for it.
    Heads(fn(&Wanted) -> Box<dyn Encoder<Step>>),
    /// Of each conversation the generation that holds the most of it.
    Conversations(fn(&Wanted) -> Box<dyn Encoder<Step>>),
    /// What was on the wire, wherever a step read from it passes.
    Wires(fn(&Wanted) -> Box<dyn Encoder<Wire>>),
    /// Whole traces, wherever a step of one passes.
    Traces(fn(&Wanted) -> Box<dyn Encoder<InTrace>>),
    /// The same as conversations, each message once.
    Talks(fn(&Wanted) -> Box<dyn Encoder<InTalk>>),
}

/// All there are, in the order in which they are told of.
pub const FORMATS: &[Format] = &[
    jsonl::FORMAT,
    har::FORMAT,
    csv::FORMAT,
    #[cfg(feature = "parquet")]
    parquet::FORMAT,
    finetune::FORMAT,
    sharegpt::FORMAT,
    atif::FORMAT,
    markdown::FORMAT,
    page::FORMAT,
    otlp::OTLP,
    otlp::OTLP_PROTOBUF,
    otlp::OPENINFERENCE,
];

/// The form of this name.
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        let names: BTreeSet<&str> = FORMATS.iter().map(|format| format.name).collect();
        assert_eq!(names.len(), FORMATS.len());
        for own in FORMATS {
            assert_eq!(format(own.name).map(|found| found.name), Some(own.name));
            assert!(own.help.ends_with('.') && !own.extension.starts_with('.'), "{}", own.name);
        }
        assert!(format("paper").is_none());
    }
}
