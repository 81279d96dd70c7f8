//! A newcomer's first minute: a provider that knows only its lines, and agents that really call it through the recorder,
//! so that everything there is to see can be seen without a key.
//!
//! ```text
//! stories ──▶ player ──▶ client ──▶ the proxy ──▶ provider
//!               │                                    ▲
//!               └──────── stage: the answers ────────┘
//! ```
//!
//! Invariant: nothing here knows the recorder. What it sees is what it would see of anyone.

mod big;
mod client;
mod picture;
mod player;
mod provider;
mod random;
mod retrieval;
mod script;
mod stage;
mod stories;
mod talk;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use provider::Curtain;
use stage::Stage;

/// The upstreams that the demo's provider takes the place of.
pub const UPSTREAMS: &[&str] = &["anthropic", "openai", "gemini", "cohere"];

/// Between two live calls.
const LIVE_PAUSE: Duration = Duration::from_secs(4);

/// The provider, ready to be called.
pub struct Provider {
    pub address: SocketAddr,
    curtain: Curtain,
    /// Ends with it.
    _serving: JoinSet<()>,
}

impl Provider {
    /// Listens on loopback, on any free port.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let curtain: Curtain = Arc::new(OnceLock::new());
        let mut serving = JoinSet::new();
        serving.spawn(provider::serve(listener, Arc::clone(&curtain)));
        Ok(Self { address, curtain, _serving: serving })
    }

    /// Before this proxy, which has the provider behind it. `pace`: how many times as fast as usual it is played; 0 is as
    /// fast as it goes.
    pub fn play_before(&self, proxy: SocketAddr, pace: u32) -> Play {
        let stage = self.curtain.get_or_init(|| Arc::new(Stage::new(proxy, pace)));
        Play { stage: Arc::clone(stage) }
    }
}

/// What is played.
#[derive(Clone)]
pub struct Play {
    stage: Arc<Stage>,
}

impl Play {
    /// All agents of the sample, side by side, to their ends. It fails where what they sent is not what came through.
    pub async fn sample(&self) -> Result<(), String> {
        let mut playing = JoinSet::new();
        for (name, script) in stories::sample() {
            playing.spawn(player::play(Arc::clone(&self.stage), script, name));
        }
        playing.join_all().await;
        match self.stage.left() {
            0 => Ok(()),
            left => Err(format!("{left} calls did not come through as they were sent")),
        }
    }

    /// A trace of about so many steps, and a session of so many turns.
    pub async fn big(&self, size: usize) -> Result<(), String> {
        let (_, session) =
            tokio::join!(big::trace(Arc::clone(&self.stage), size), big::session(&self.stage, size));
        session
    }

    /// A call now and then, until it is dropped.
    pub async fn live(&self) {
        for number in 0.. {
            let (name, script) = stories::live(number);
            player::play(Arc::clone(&self.stage), script, name).await;
            tokio::time::sleep(LIVE_PAUSE).await;
        }
    }

    /// Calls that were made so far.
    pub fn calls(&self) -> u64 {
        self.stage.calls()
    }
}
