//! The web side's settings.

use std::net::{Ipv4Addr, SocketAddr};

use crate::model::setting::Setting;
use crate::setting;

/// `[web]`
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub listen: SocketAddr,
    pub allow_open: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4751)), allow_open: false }
    }
}

/// Every setting of `[web]`.
pub const SETTINGS: &[Setting<Config>] = &[
    setting!(listen, "The address of /healthz and /readyz. Port 0 takes any free one."),
    setting!(allow_open, "Allows listening on an address that other machines can reach."),
];

impl Config {
    /// What is wrong with the settings taken together: the key at fault and what about it.
    pub fn check(&self) -> Vec<(&'static str, String)> {
        if self.listen.ip().is_loopback() || self.allow_open {
            return Vec::new();
        }
        let message = format!(
            "{} can be reached from other machines: set web.allow_open = true to allow it",
            self.listen
        );
        vec![("listen", message)]
    }
}
