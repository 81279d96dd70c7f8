//! A store with recordings, and exports of it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use wiretape::export::{Export, Format, Wanted};
use wiretape::model::Exchange;
use wiretape::price::Pricer;
use wiretape::recorder::Reader;
use wiretape::store::{Config, Entry, Mode, Store, open_with};
use wiretape::trace;

/// A data folder with a store, removed at the end.
pub struct Place {
    pub folder: PathBuf,
    pub store: Arc<dyn Store>,
}

impl Place {
    pub async fn new(exchanges: &[Exchange]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("wiretape-export-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let reader = Reader::new(Pricer::default(), &trace::Config::default());
        let (config, reread) = (Config::default(), reader.reread());
        let store = open_with("sqlite:wiretape.db", &folder, Mode::ReadWrite, &config, reread).await.unwrap();
        let entries = exchanges.iter().map(|exchange| {
            let observations = reader.read(exchange).observed;
            Entry { exchange: Some(exchange.clone()), more: false, observations }
        });
        store.write(entries.collect()).await.unwrap();
        Self { folder, store }
    }

    /// All of an export, and how many things were written.
    pub async fn export(&self, form: &Format, wanted: Wanted) -> (Vec<u8>, u64) {
        let mut export = Export::new(&self.store, form, wanted);
        let mut all = Vec::new();
        while let Some(piece) = export.next().await.unwrap() {
            assert!(!piece.is_empty());
            all.extend(piece);
        }
        assert!(export.next().await.unwrap().is_none(), "it goes on behind its end");
        (all, export.written())
    }

    /// Records, with what was on the wire.
    pub async fn records(&self) -> Vec<Value> {
        let form = wiretape::export::format("jsonl").unwrap();
        let (lines, _) = self.export(form, Wanted { raw: true, ..Wanted::default() }).await;
        let lines = String::from_utf8(lines).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wiretape"));
        command.args(arguments).env_clear().env("HOME", "/nonexistent").current_dir(&self.folder);
        command.env("WIRETAPE_HOME", &self.folder).stdin(Stdio::null());
        command
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
