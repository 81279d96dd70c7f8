//! `wiretape serve`: runs the recorder until it is told to stop.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Common, data, log, say};
use crate::app::{App, callable};
use crate::config::{self, Config, Override, Sources};

#[derive(Debug, Default, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Where agents' calls come to: --set proxy.listen=ADDR
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where pages and API are: --set web.listen=ADDR
    #[arg(long, value_name = "ADDR")]
    web_listen: Option<SocketAddr>,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    match config::load(&sources(common, own)) {
        Ok(loaded) => {
            log::start(&loaded.config.log);
            match serve(&loaded.config) {
                Ok(()) => ExitCode::SUCCESS,
                Err(why) => {
                    say(&format!("wiretape: {why}"));
                    ExitCode::FAILURE
                }
            }
        }
        Err(mistakes) => {
            say(&mistakes.to_string());
            ExitCode::FAILURE
        }
    }
}

fn serve(config: &Config) -> Result<(), String> {
    raise_file_limit();
    // The relays have threads of their own; this runtime carries the web side and waits for signals.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|why| format!("no runtime: {why}"))?.block_on(run_until_told(config))
}

async fn run_until_told(config: &Config) -> Result<(), String> {
    let mut told = Told::listen()?;
    let app = App::start(config).await.map_err(|why| why.to_string())?;
    announce(&app, config);
    told.wait().await;
    tracing::info!(grace = ?config.proxy.shutdown_grace, "stopping; once more to stop at once");
    let now = CancellationToken::new();
    let mut stopping = std::pin::pin!(app.stop(now.clone()));
    let books = tokio::select! {
        books = stopping.as_mut() => books,
        () = told.wait() => {
            now.cancel();
            stopping.await
        }
    };
    let counts = books.counts;
    tracing::info!(exchanges = counts.exchanges, bytes = counts.bytes, lost = counts.lost_bytes, "stopped");
    Ok(())
}

/// Hears when it is to stop.
pub(super) struct Told {
    terminate: Signal,
    interrupt: Signal,
}

impl Told {
    pub(super) fn listen() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|why| format!("cannot listen for signals: {why}"));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Waits until it is told to stop, once more.
    pub(super) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Says where it listens, and prints the lines to paste.
fn announce(app: &App, config: &Config) {
    let address = callable(app.proxy_address());
    say(&format!("wiretape {}: relaying on http://{}", env!("CARGO_PKG_VERSION"), app.proxy_address()));
    if let Some(tls) = app.tls_address() {
        say(&format!("and on https://{tls}"));
    }
    say(&format!("pages on http://{}", callable(app.web_address())));
    let base = if config.proxy.token.is_some() {
        say("a token is asked for: put yours in the place of TOKEN");
        format!("http://{address}/~token=TOKEN")
    } else {
        format!("http://{address}")
    };
    // Nobody may be reading, and that is no reason not to relay.
    let _ = data(&format!(
        "export OPENAI_BASE_URL={base}/v1\nexport ANTHROPIC_BASE_URL={base}\nexport GOOGLE_GEMINI_BASE_URL={base}\n"
    ));
}

/// Two sockets a call: the usual soft limit of 1,024 files would end at some five hundred of them.
pub(super) fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "could not raise the limit of open files");
    }
}

pub(super) fn sources(common: Common, own: Arguments) -> Sources {
    let shorthand = |flag: &str, key: &str, address: Option<SocketAddr>| {
        let value = address?.to_string();
        Some(Override { flag: flag.to_owned(), key: key.to_owned(), value })
    };
    let shorthands = [
        shorthand("--listen", "proxy.listen", own.listen),
        shorthand("--web-listen", "web.listen", own.web_listen),
    ];
    common.and(own.common).sources(shorthands.into_iter().flatten().collect())
}
