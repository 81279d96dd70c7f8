//! Joins the rooms' own settings: reads file, environment and flags, and reports every mistake at once.
//!
//! Each layer overrides the one before: defaults, the file, `WIRETAPE_SECTION__KEY` in the environment, flags.
//!
//! Invariant: nothing here knows what a setting means. A room adds one by a field and a line in its `SETTINGS`; a new
//! section is a field of [`Config`] and a line in `SECTIONS`.

use std::path::PathBuf;

mod environment;
mod example;
mod file;
mod hint;
mod json;
mod load;
mod log;
mod mistake;
mod section;

pub use example::{Described, Table, describe, example, show};
pub use load::{Loaded, Override, Sources, load};
pub use log::{Config as Log, Format as LogFormat};
pub use mistake::{Mistake, Mistakes, Place};
pub use section::{Entry, SECTIONS, Section};

use crate::{price, proxy, push, recorder, redact, store, tape, trace, web};

/// Every setting there is, as resolved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    pub proxy: proxy::Config,
    pub web: web::Config,
    pub tape: tape::Config,
    pub recorder: recorder::Config,
    pub store: store::Config,
    pub prices: price::Config,
    pub redact: redact::Config,
    pub trace: trace::Config,
    pub log: Log,
    /// By name, in the order in which they were first named.
    pub upstreams: Vec<(String, proxy::upstream::Config)>,
    /// Destinations of what is recorded, the same way.
    pub exports: Vec<(String, push::Config)>,
    /// The data folder. No setting: it is where relative paths of settings lead.
    pub home: PathBuf,
}

impl Config {
    fn upstream(&self, name: &str) -> Option<&proxy::upstream::Config> {
        self.upstreams.iter().find(|(known, _)| known == name).map(|(_, upstream)| upstream)
    }

    fn export(&self, name: &str) -> Option<&push::Config> {
        self.exports.iter().find(|(known, _)| known == name).map(|(_, export)| export)
    }

    /// The destination of this name, made if there is none yet.
    fn export_mut(&mut self, name: &str) -> &mut push::Config {
        let at = self.exports.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.exports.push((name.to_owned(), push::Config::default()));
            self.exports.len() - 1
        });
        &mut self.exports[at].1
    }

    /// The upstream of this name, made if there is none yet.
    fn upstream_mut(&mut self, name: &str) -> &mut proxy::upstream::Config {
        let at = self.upstreams.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.upstreams.push((name.to_owned(), proxy::upstream::Config::default()));
            self.upstreams.len() - 1
        });
        &mut self.upstreams[at].1
    }
}
