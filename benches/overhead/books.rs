//! What wiretape itself says of its recording: how far it has come, and what it has lost.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::Result;
use crate::http1::Wire;

/// How long a recorder may be behind the relay.
const PATIENCE: Duration = Duration::from_secs(200);
const PAUSE: Duration = Duration::from_millis(25);
const ROOM: usize = 16 * 1024;

/// Of exchanges, each is counted once; a body is counted where its end is missing in the store.
const LOST: [&str; 4] = [
    "tape_lost_exchanges_total",
    "journal_left_out_exchanges_total",
    "recorder_lost_exchanges_total",
    "recorder_cut_bodies_total",
];

/// Its metrics, without what their names begin with.
pub struct Books(BTreeMap<String, u64>);

impl Books {
    pub async fn read(web: SocketAddr) -> Result<Self> {
        let mut wire = Wire::new(TcpStream::connect(web).await?, ROOM)?;
        wire.write(format!("GET /metrics HTTP/1.1\r\nHost: {web}\r\nConnection: close\r\n\r\n").as_bytes())
            .await?;
        let head = wire.head().await?.ok_or("no answer from /metrics")?;
        let (mut framing, mut said) = (head.framing()?, Vec::new());
        while wire.body(&mut framing, |piece| said.extend_from_slice(piece)).await? {}
        let lines = std::str::from_utf8(&said)?.lines();
        let metrics = lines.filter_map(|line| line.strip_prefix("wiretape_")?.split_once(' '));
        Ok(Books(metrics.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()))
    }

    fn count(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    fn is_caught_up(&self) -> bool {
        let settled = self.count("recorded_exchanges_total") + self.count("recorder_lost_exchanges_total");
        settled >= self.count("tape_exchanges_total") && self.count("recorder_waiting") == 0
    }

    /// Exchanges that are missing, and bodies that end early.
    pub fn lost_since(&self, before: &Books) -> u64 {
        LOST.iter().map(|name| self.count(name) - before.count(name)).sum()
    }
}

/// Waits until everything is in the store, and says how long that took.
pub async fn catch_up(web: SocketAddr) -> Result<Duration> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let asked = started.elapsed();
        if Books::read(web).await?.is_caught_up() {
            return Ok(asked);
        }
        sleep(PAUSE).await;
    }
    Err("the recorder stays behind".into())
}
