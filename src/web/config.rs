//! The web side's settings.

use std::net::{Ipv4Addr, SocketAddr};

use crate::model::setting::{Secret, Setting};
use crate::setting;

/// `[web]`
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub listen: SocketAddr,
    pub token: Option<Secret>,
    pub read_token: Option<Secret>,
    pub hosts: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4751)),
            token: None,
            read_token: None,
            hosts: Vec::new(),
        }
    }
}

/// Every setting of `[web]`.
pub const SETTINGS: &[Setting<Config>] = &[
    setting!(
        listen,
        "The address of the pages, the API, /healthz and /metrics. Port 0 takes any free one. An address that other \
         machines can reach needs web.token."
    ),
    setting!(
        token,
        "Who looks at records must say this: on the login page, or as \"Authorization: Bearer …\". Without it the web side \
         listens on loopback only.",
        example = "\"a long random text\""
    ),
    setting!(
        read_token,
        "Lets people and programs look at everything, and change nothing. Needs web.token.",
        example = "\"another long random text\""
    ),
    setting!(
        hosts,
        "Names besides localhost that this machine is called by in the address bar. Where there is no token, a request for \
         any other name is refused: a page of a stranger's could have sent it."
    ),
];

/// Shorter ones can be guessed.
const SHORTEST_TOKEN: usize = 16;

impl Config {
    /// What is wrong with the settings taken together: the key at fault and what about it.
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if !self.listen.ip().is_loopback() && self.token.is_none() {
            let address = self.listen;
            wrong.push((
                "listen",
                format!("{address} can be reached from other machines: set web.token to allow it"),
            ));
        }
        if self.read_token.is_some() && self.token.is_none() {
            wrong.push(("read_token", "it is of no use without web.token".to_owned()));
        }
        if self.read_token.is_some() && self.read_token == self.token {
            wrong.push(("read_token", "it must differ from web.token".to_owned()));
        }
        for (key, token) in [("token", &self.token), ("read_token", &self.read_token)] {
            if token.as_ref().is_some_and(|token| token.reveal().len() < SHORTEST_TOKEN) {
                wrong.push((key, format!("it must be at least {SHORTEST_TOKEN} characters long")));
            }
        }
        wrong
    }
}
