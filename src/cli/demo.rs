//! `wiretape demo`: a newcomer's first minute, without a key: sample agents call a provider of the program's own through
//! a recorder of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::serve::Told;
use super::{Common, log, say};
use crate::app::App;
use crate::config::{self, Config, Override, Sources};
use crate::demo::{Play, Provider, UPSTREAMS};

/// Where it listens where nobody says: beside the usual addresses, which a real recorder may have.
const LISTEN: u16 = 4760;
const WEB_LISTEN: u16 = 4761;

#[derive(Debug, Default, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Where agents' calls come to; without it 127.0.0.1:4760, or any free port
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where pages and API are; without it 127.0.0.1:4761, or any free port
    #[arg(long, value_name = "ADDR")]
    web_listen: Option<SocketAddr>,
    /// Keeps what is recorded in this folder; without it it lies in a temporary one and goes at the end
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Sends the sample once, waits until it is in the store, and exits
    #[arg(long)]
    once: bool,
    /// Sends a trace of N steps and a session of N turns in the place of the sample, as fast as it goes
    #[arg(long, value_name = "N")]
    big: Option<usize>,
    /// Plays so many times as fast; 0: without any pause
    #[arg(long, value_name = "N", default_value_t = 1)]
    pace: u32,
}

pub(super) fn run(common: Common, own: &Arguments) -> ExitCode {
    let folder = match &own.home {
        Some(home) => Folder { path: home.clone(), is_temporary: false },
        None => match Folder::temporary() {
            Ok(folder) => folder,
            Err(why) => return failed(&format!("no temporary folder: {why}")),
        },
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return failed(&format!("no runtime: {why}")),
    };
    match runtime.block_on(demonstrate(common, own, &folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why),
    }
}

fn failed(why: &str) -> ExitCode {
    say(&format!("wiretape: {why}"));
    ExitCode::FAILURE
}

async fn demonstrate(common: Common, own: &Arguments, folder: &Folder) -> Result<(), String> {
    let provider = Provider::start().await.map_err(|why| format!("no provider: {why}"))?;
    let config = configured(common, own, folder, provider.address)?;
    log::start(&config.log);
    let mut told = Told::listen()?;
    let app = App::start(&config).await.map_err(|why| why.to_string())?;
    let play = provider.play_before(app.proxy_address(), if own.big.is_some() { 0 } else { own.pace });
    announce(&app, &config, folder);
    let done = tokio::select! {
        done = perform(&app, &play, own) => done,
        () = told.wait() => Ok(()),
    };
    let now = CancellationToken::new();
    // What is still being played is of no more use.
    now.cancel();
    app.stop(now).await;
    done
}

async fn perform(app: &App, play: &Play, own: &Arguments) -> Result<(), String> {
    match own.big {
        Some(size) => play.big(size).await?,
        None => play.sample().await?,
    }
    let calls = play.calls();
    recorded(app, calls).await?;
    say(&format!("{calls} calls of sample agents were made, and are recorded."));
    if !own.once {
        say("Now and then another is made, for you to watch. Ctrl-C ends it.");
        play.live().await;
    }
    Ok(())
}

/// Waits until so many calls are in the store, for as long as there come to be more.
async fn recorded(app: &App, calls: u64) -> Result<(), String> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let (mut seen, mut since) = (0, Instant::now());
    loop {
        let there = app.recorded().map_or(calls, |recorded| recorded.recorder.exchanges);
        if there >= calls {
            return Ok(());
        }
        if there > seen {
            (seen, since) = (there, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            return Err(format!("of {calls} calls {there} were recorded"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The demo's own: of the user's configuration nothing counts but what is said on the command line.
fn configured(
    common: Common,
    own: &Arguments,
    folder: &Folder,
    provider: SocketAddr,
) -> Result<Config, String> {
    let said = common.and(own.common.clone());
    let named = said.config.clone();
    let set = |key: String, value: String| Override { flag: "--set".to_owned(), key, value };
    let mut sources = said.sources(Vec::new());
    let listen = own.listen.unwrap_or_else(|| free(LISTEN));
    let web_listen = own.web_listen.unwrap_or_else(|| free(WEB_LISTEN));
    let mut overrides = vec![
        set("proxy.listen".to_owned(), listen.to_string()),
        set("web.listen".to_owned(), web_listen.to_string()),
    ];
    let url = |name: &&str| set(format!("upstream.{name}.url"), format!("http://{provider}"));
    overrides.extend(UPSTREAMS.iter().map(url));
    overrides.append(&mut sources.overrides);
    let home = ("WIRETAPE_HOME".to_owned(), folder.path.display().to_string());
    let alone = Sources {
        file: named,
        env: vec![home],
        overrides,
        folder: folder.path.clone(),
        ..Sources::default()
    };
    config::load(&alone).map(|loaded| loaded.config).map_err(|mistakes| mistakes.to_string())
}

/// This port of loopback, or any where it is taken.
fn free(port: u16) -> SocketAddr {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match std::net::TcpListener::bind(address) {
        Ok(_) => address,
        Err(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    }
}

fn announce(app: &App, config: &Config, folder: &Folder) {
    let home = config.home.display();
    say(&format!("wiretape {}: a demo. Look at http://{}/", env!("CARGO_PKG_VERSION"), app.web_address()));
    say(&format!("relaying on http://{}, to a provider that only knows its lines", app.proxy_address()));
    if folder.is_temporary {
        say(&format!("recording into {home}, which is removed at the end (--home DIR keeps it)"));
    } else {
        say(&format!("recording into {home}: look at it with WIRETAPE_HOME={home} wiretape ls"));
    }
}

/// Where the demo records to.
struct Folder {
    path: PathBuf,
    is_temporary: bool,
}

impl Folder {
    fn temporary() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("wiretape-demo-{}", std::process::id()));
        make_private(&path)?;
        Ok(Self { path, is_temporary: true })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_temporary
            && let Err(why) = std::fs::remove_dir_all(&self.path)
        {
            say(&format!("{} could not be removed: {why}", self.path.display()));
        }
    }
}

/// A new folder of its owner's alone: one that is there already may be someone else's.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(path)
}
