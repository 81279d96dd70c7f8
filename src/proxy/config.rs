//! The proxy's settings.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::model::setting::{ByteSize, Secret, Setting};
use crate::setting;

/// `[proxy]`
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub listen: SocketAddr,
    pub tls_listen: Option<SocketAddr>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub token: Option<Secret>,
    pub allow_open: bool,
    pub workers: usize,
    pub max_in_flight: usize,
    pub header_timeout: Duration,
    pub max_header_bytes: ByteSize,
    pub half_close: bool,
    pub connect_timeout: Duration,
    pub tls_timeout: Duration,
    pub response_timeout: Option<Duration>,
    pub idle_timeout: Duration,
    pub max_idle: usize,
    pub keepalive: Duration,
    pub via: Option<Secret>,
    pub no_via: Vec<String>,
    pub ca_files: Vec<PathBuf>,
    pub shutdown_grace: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4750)),
            tls_listen: None,
            tls_cert: None,
            tls_key: None,
            token: None,
            allow_open: false,
            workers: 0,
            max_in_flight: 10_000,
            header_timeout: Duration::from_secs(120),
            max_header_bytes: ByteSize(256 << 10),
            half_close: false,
            connect_timeout: Duration::from_secs(10),
            tls_timeout: Duration::from_secs(10),
            response_timeout: None,
            idle_timeout: Duration::from_secs(55),
            max_idle: 256,
            keepalive: Duration::from_secs(60),
            via: None,
            no_via: Vec::new(),
            ca_files: Vec::new(),
            shutdown_grace: Duration::from_secs(30),
        }
    }
}

/// Every setting of `[proxy]`.
pub const SETTINGS: &[Setting<Config>] = &[
    setting!(listen, "The address that agents' calls come to. Port 0 takes any free one."),
    setting!(
        tls_listen,
        "A second address, for clients that insist on TLS. Needs tls_cert and tls_key.",
        example = "\"127.0.0.1:4753\""
    ),
    setting!(tls_cert, "The TLS listener's certificate chain, a PEM file.", example = "\"cert.pem\""),
    setting!(tls_key, "The TLS listener's private key, a PEM file.", example = "\"key.pem\""),
    setting!(
        token,
        "If set, a call must carry it: in the header x-wiretape-token, as the user part of the base URL \
         (http://TOKEN@host), as Proxy-Authorization, or in the path (/~token=TOKEN/...). It is taken off before the \
         call goes on.",
        example = "\"a long random text\""
    ),
    setting!(
        allow_open,
        "Allows listening on an address other machines can reach without a token. Whoever reaches it can use every \
         upstream."
    ),
    setting!(workers, "Threads that relay. 0 means one for each core."),
    setting!(
        max_in_flight,
        "Calls under way at once, from request head to the last byte of the response. Calls above it are answered 503 at \
         once. 0 means no limit."
    ),
    setting!(
        header_timeout,
        "How long a client may take to send a request's head. The wait between two calls on one connection counts too."
    ),
    setting!(max_header_bytes, "How large a request's head may be; larger ones are answered 431."),
    setting!(
        half_close,
        "What a client means that stops sending but may still be reading. false: it has left, and the call is \
         cancelled. true: it still waits for its answer; a client that really left is then noticed at the next write only."
    ),
    setting!(
        connect_timeout,
        "How long a TCP connection to an upstream may take to open, name look-up included."
    ),
    setting!(tls_timeout, "How long the TLS handshake with an upstream, or with a client, may take."),
    setting!(
        response_timeout,
        "How long to wait for the first byte of a response's head. Unset means for ever: models may think for long. \
         There is no limit on a body in any case.",
        example = "\"10m\""
    ),
    setting!(idle_timeout, "How long an unused connection to an upstream is kept for the next call."),
    setting!(max_idle, "How many unused connections each worker keeps for each upstream."),
    setting!(
        keepalive,
        "TCP keep-alive on both sides, and HTTP/2 pings to upstreams while calls are under way."
    ),
    setting!(
        via,
        "A proxy to reach upstreams through: http://host:port, https is not spoken to it, or socks5://host:port; or \
         \"environment\" to use HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY. Upstreams on loopback are reached directly.",
        example = "\"http://gateway.example:3128\""
    ),
    setting!(
        no_via,
        "Hosts, domains (.example.com) and networks (10.0.0.0/8) reached without the proxy in via."
    ),
    setting!(ca_files, "PEM files of certificate authorities to trust beside the system's."),
    setting!(
        shutdown_grace,
        "How long calls under way may take to finish after the first SIGTERM or SIGINT. A second signal ends them at once."
    ),
];

impl Config {
    /// What is wrong with the settings taken together: the key at fault and what about it.
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        let open = self.token.is_none() && !self.allow_open;
        let exposed = |address: SocketAddr| !address.ip().is_loopback();
        let advice = "can be reached from other machines: set proxy.token, or proxy.allow_open = true to allow \
                      anyone to use your upstreams";
        if open && exposed(self.listen) {
            wrong.push(("listen", format!("{} {advice}", self.listen)));
        }
        if let Some(address) = self.tls_listen {
            if open && exposed(address) {
                wrong.push(("tls_listen", format!("{address} {advice}")));
            }
            if self.tls_cert.is_none() || self.tls_key.is_none() {
                wrong.push(("tls_listen", "needs tls_cert and tls_key".to_owned()));
            }
        }
        if self.token.as_ref().is_some_and(|token| token.reveal().is_empty()) {
            wrong.push(("token", "is empty".to_owned()));
        }
        if self.max_header_bytes.0 < 8 << 10 {
            wrong.push(("max_header_bytes", "must be at least 8KiB".to_owned()));
        }
        if let Some(via) = &self.via
            && let Err(why) = super::connect::parse_via(via.reveal())
        {
            wrong.push(("via", why));
        }
        wrong
    }
}
