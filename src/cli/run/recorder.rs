//! The recorder that a run goes through: one that runs already, or one of the run's own.

use std::fs::OpenOptions;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::super::{log, running};
use crate::app::{App, callable, make_private};
use crate::config::Config;
use crate::model::setting::Secret;
use crate::store::{self, Mode, Store};

/// How long what is still under way at the end of the command is waited for, and a recorder that writes it.
const GRACE: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(30);

/// Any free port, for this machine alone.
const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Where a recorder of a run's own says what it has to say: the terminal is the command's.
const LOG: &str = "run.log";

/// The variables that name a corporate proxy.
const PROXIES: &[&str] = &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

pub(super) enum Recorder {
    Running { proxy: SocketAddr, web: SocketAddr },
    Own { app: Box<App>, proxy: SocketAddr, web: SocketAddr },
}

/// Fits the configuration of a recorder of the run's own to the environment: providers are reached as the command itself
/// would reach them.
pub(super) fn fit(config: &mut Config, environment: &impl Fn(&str) -> Option<String>) {
    if config.proxy.via.is_none() && PROXIES.iter().any(|name| environment(name).is_some()) {
        config.proxy.via = Some(Secret::new("environment"));
    }
}

impl Recorder {
    /// The one at the configured address, where it is one and takes calls. That of another run ends with it, so that it
    /// counts only where this run is a part of that one.
    pub(super) async fn running(
        config: &Config,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let listen = config.web.listen;
        let status = ask(listen).await?;
        let ours = status.get("program").and_then(Value::as_str) == Some("wiretape");
        let ready = status.get("status").and_then(Value::as_str) == Some("ready");
        let proxy: SocketAddr = status.get("proxy")?.as_str()?.strip_prefix("http://")?.parse().ok()?;
        let around = |value: String| value.starts_with(&format!("http://{proxy}/"));
        let lasts = status.get("shared").and_then(Value::as_bool) == Some(true)
            || environment("OPENAI_BASE_URL").is_some_and(around);
        (ours && ready && lasts).then(|| Self::Running { proxy, web: callable(listen) })
    }

    /// One of the run's own, with the usual store. Agents find it wherever it is, so that any port will do; people look for
    /// its pages at the configured address, where that is free.
    pub(super) async fn start(config: &Config) -> Result<Self, String> {
        let mut config = config.clone();
        config.proxy.listen = LOOPBACK;
        // What else it might listen on is for a recorder that stays.
        config.proxy.tls_listen = None;
        // Where that fails, the recorder says so.
        let _ = make_private(&config.home);
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(config.home.join(LOG));
        log::start_into(&config.log, file.ok());
        let web = match TcpListener::bind(config.web.listen).await {
            Ok(web) => web,
            Err(_) => TcpListener::bind(LOOPBACK).await.map_err(|why| format!("no port is free: {why}"))?,
        };
        let app = App::start_for_one(&config, web).await.map_err(|why| why.to_string())?;
        let (proxy, web) = (callable(app.proxy_address()), callable(app.web_address()));
        Ok(Self::Own { app: Box::new(app), proxy, web })
    }

    pub(super) fn proxy(&self) -> SocketAddr {
        match self {
            Self::Running { proxy, .. } | Self::Own { proxy, .. } => *proxy,
        }
    }

    pub(super) fn web(&self) -> Option<SocketAddr> {
        match self {
            Self::Running { web, .. } => Some(*web),
            Self::Own { .. } => None,
        }
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::Running { web, .. } => format!("the recorder that runs already: http://{web}/"),
            Self::Own { web, .. } => format!("a recorder of its own: http://{web}/ while it runs"),
        }
    }
}

impl Recorder {
    /// Waits until what was called is written, and ends a recorder of the run's own. The store that it is in.
    pub(super) async fn written(self, config: &Config) -> Result<Arc<dyn Store>, String> {
        match self {
            Self::Own { app, .. } => {
                let store = app.store();
                let now = CancellationToken::new();
                let mut stopping = std::pin::pin!(app.stop(now.clone()));
                if tokio::time::timeout(GRACE, stopping.as_mut()).await.is_err() {
                    now.cancel();
                    stopping.await;
                }
                store.ok_or_else(|| "there is no store".to_owned())
            }
            Self::Running { web, .. } => {
                let begun = Instant::now();
                while begun.elapsed() < PATIENCE && ask(web).await.is_some_and(|status| is_behind(&status)) {
                    tokio::time::sleep(PAUSE).await;
                }
                let store = store::open(&config.store.url, &config.home, Mode::ReadOnly, &config.store).await;
                store.map_err(|why| format!("{}: {why}", config.store.url))
            }
        }
    }
}

/// Whether something that has ended is not in the store yet.
fn is_behind(status: &Value) -> bool {
    let count = |pointer: &str| status.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    let begun = count("/tape/exchanges");
    let under_way = count("/in_flight");
    // Of what is written, some was left by an earlier run of the recorder's.
    let written = count("/recorder/exchanges").saturating_sub(count("/recorder/recovered"));
    let settled = written + under_way + count("/recorder/lost_exchanges") + count("/tape/lost_exchanges");
    settled < begun
}

/// What stands at an address that a recorder might be at.
async fn ask(listen: SocketAddr) -> Option<Value> {
    tokio::task::spawn_blocking(move || running::status(listen)).await.ok()?
}
