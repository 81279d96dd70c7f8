//! What is said of every call of a run: labels in the path of the base URL, which any client can carry.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::path::Path;

use crate::model::setting::Secret;

/// The label by which a run's calls are known.
pub(super) const RUN: &str = "run";
/// The label that opens the door of a recorder that asks for a token.
const TOKEN: &str = "token";

pub(super) struct Labels {
    /// Unique to this run.
    pub(super) run: String,
    said: Vec<(String, String)>,
}

impl Labels {
    pub(super) fn new(
        name: Option<String>,
        said: Vec<(String, String)>,
        command: &[OsString],
    ) -> Result<Self, String> {
        if let Some((key, _)) = said.iter().find(|(key, _)| key == RUN || key == TOKEN || key.is_empty()) {
            return Err(format!("--label {key}=…: this one is wiretape's own"));
        }
        let program = command.first().map(Path::new).and_then(Path::file_name);
        let name = name.or_else(|| Some(program?.to_string_lossy().into_owned()));
        let name = name.unwrap_or_else(|| "run".to_owned());
        // The standard library's hashers are seeded anew for each process.
        let unique = RandomState::new().hash_one(std::process::id());
        let run = format!("{name}-{:08x}", unique >> 32);
        Ok(Self { run, said })
    }

    /// The base URL of a recorder at this address, for this run.
    pub(super) fn base(&self, proxy: SocketAddr, token: Option<&Secret>) -> String {
        let mut base = format!("http://{proxy}");
        if let Some(token) = token {
            let _ = write!(base, "/~{TOKEN}={}", encoded(token.reveal()));
        }
        let _ = write!(base, "/~{RUN}={}", encoded(&self.run));
        for (key, value) in &self.said {
            let _ = write!(base, ",{}={}", encoded(key), encoded(value));
        }
        base
    }
}

/// With `%XX` for all that could be taken for a part of the path, or that a client might write otherwise.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            out.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(said: &[(&str, &str)]) -> Result<Labels, String> {
        let said = said.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Labels::new(None, said, &["/usr/bin/claude".into()])
    }

    #[test]
    fn a_run_is_called_as_its_program_and_like_no_other() {
        let run = labels(&[]).unwrap().run;
        assert!(run.starts_with("claude-") && run.len() == "claude-".len() + 8, "{run}");
        let named = Labels::new(Some("nightly".to_owned()), Vec::new(), &[]).unwrap().run;
        assert!(named.starts_with("nightly-"));
    }

    #[test]
    fn what_is_said_is_safe_in_a_path() {
        let mut labels = labels(&[("user", "ada/é,x=y"), ("my key", "%")]).unwrap();
        labels.run = "r".to_owned();
        let proxy = "127.0.0.1:4750".parse().unwrap();
        assert_eq!(
            labels.base(proxy, Some(&Secret::new("a b"))),
            "http://127.0.0.1:4750/~token=a%20b/~run=r,user=ada%2F%C3%A9%2Cx%3Dy,my%20key=%25"
        );
    }

    #[test]
    fn labels_of_its_own_are_not_taken() {
        assert!(labels(&[("run", "x")]).is_err() && labels(&[("token", "x")]).is_err());
    }
}
