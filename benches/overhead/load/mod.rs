//! The load generator: one process for one measure of one target. It reads the proxy's CPU and memory itself, so that
//! the numbers belong to exactly the window in which it counted, and prints one JSON line.

mod bulk;
mod calls;
mod streams;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Result;
use crate::books::{self, Books};
use crate::http1::{Head, Wire};
use crate::payload::Pattern;
use crate::process;

/// No measure takes this long.
pub const LIMIT: Duration = Duration::from_secs(240);
const CONNECT: Duration = Duration::from_secs(10);
/// Differences described; the rest are only counted.
const DESCRIBED: usize = 5;

/// What to do, as `key=value` arguments.
pub struct Job {
    pub measure: String,
    pub address: SocketAddr,
    pub prefix: String,
    pub pids: Vec<u32>,
    /// Where a recorder tells how far it is; the others have none.
    pub web: Option<SocketAddr>,
    /// The longest that it took to have everything in its store, in µs.
    behind: AtomicU64,
    pub warm: Duration,
    pub window: Duration,
    pub streams: u64,
    pub megabytes: u64,
    pub pattern: Pattern,
    pub faults: Faults,
}

impl Job {
    fn parse(arguments: &[String]) -> Result<Self> {
        let pairs: BTreeMap<&str, &str> = arguments.iter().filter_map(|pair| pair.split_once('=')).collect();
        let text = |key: &str| pairs.get(key).copied().ok_or(format!("role:load needs {key}="));
        let number = |key: &str| -> Result<u64> { Ok(text(key)?.parse()?) };
        Ok(Job {
            measure: text("measure")?.to_owned(),
            address: text("address")?.parse()?,
            prefix: text("prefix")?.to_owned(),
            pids: text("pids")?.split(',').filter_map(|pid| pid.parse().ok()).collect(),
            web: pairs.get("web").map(|web| web.parse()).transpose()?,
            behind: AtomicU64::new(0),
            warm: Duration::from_millis(number("warm")?),
            window: Duration::from_millis(number("window")?),
            streams: number("streams")?,
            megabytes: number("megabytes")?,
            pattern: Pattern::new(),
            faults: Faults::default(),
        })
    }

    /// Waits until all that was called for is done: recorded, too.
    pub async fn settle(&self) -> Result<()> {
        if let Some(web) = self.web {
            let behind = books::catch_up(web).await?;
            self.behind.fetch_max(u64::try_from(behind.as_micros())?, Ordering::Relaxed);
        }
        process::settle(&self.pids);
        Ok(())
    }

    pub async fn connect(&self, room: usize) -> Result<Wire> {
        Wire::new(timeout(CONNECT, TcpStream::connect(self.address)).await??, room)
    }

    /// Writes a request's head and body as one piece into `out`.
    pub fn request(&self, path: &str, bench: &str, body: &[u8], out: &mut Vec<u8>) {
        out.clear();
        let Job { prefix, address, .. } = self;
        let length = body.len();
        let head = format!(
            "POST {prefix}{path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: overhead/1\r\nAccept: */*\r\n\
             Authorization: Bearer sk-0123456789abcdef\r\nContent-Type: application/json\r\nx-bench: {bench}\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(body);
    }
}

/// What arrived differently than it was sent, or not at all.
#[derive(Default)]
pub struct Faults {
    count: AtomicU64,
    described: Mutex<Vec<String>>,
}

impl Faults {
    pub fn add(&self, fault: impl Into<String>) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut described = self.described.lock().unwrap_or_else(PoisonError::into_inner);
        if described.len() < DESCRIBED {
            described.push(fault.into());
        }
    }
}

/// The answer's head, which has to be a 200; the mock says in the body of any other what differs.
pub async fn ok_head(wire: &mut Wire) -> Result<Head> {
    let head = wire.head().await?.ok_or("the connection ended before an answer")?;
    if head.status() == Some(200) {
        return Ok(head);
    }
    let mut said = Vec::new();
    let mut framing = head.framing()?;
    while wire.body(&mut framing, |piece| said.extend_from_slice(piece)).await? {}
    said.truncate(200);
    Err(format!("answered {:?}: {}", head.status(), said.escape_ascii()).into())
}

pub type Values = BTreeMap<String, f64>;

/// The middle and the slow end, in the unit of the samples.
pub fn quantiles(name: &str, mut samples: Vec<u64>, per: f64, values: &mut Values) {
    samples.sort_unstable();
    for (label, share) in [("p50", 0.50), ("p99", 0.99)] {
        let rank = ((samples.len() as f64 * share).ceil() as usize).clamp(1, samples.len().max(1));
        if let Some(&sample) = samples.get(rank - 1) {
            values.insert(format!("{name}.{label}_us"), sample as f64 / per);
        }
    }
}

pub fn run(arguments: &[String]) -> Result<()> {
    let job = Arc::new(Job::parse(arguments)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (values, texts) = runtime.block_on(async { timeout(LIMIT, measure(&job)).await })??;
    let described = job.faults.described.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let count = job.faults.count.load(Ordering::Relaxed);
    println!(
        "{}",
        serde_json::json!({"values": values, "texts": texts, "faults": count, "described": described})
    );
    Ok(())
}

async fn measure(job: &Arc<Job>) -> Result<(Values, Vec<String>)> {
    let mut texts = Vec::new();
    let before = match job.web {
        Some(web) => Some((web, Books::read(web).await?)),
        None => None,
    };
    let mut values = match job.measure.as_str() {
        "heads" => {
            texts = calls::heads(job).await?;
            Values::new()
        }
        "light" => calls::light(job).await?,
        "full" => calls::full(job).await?,
        "rate" => calls::rate(job).await?,
        "paced" => streams::paced(job).await?,
        "burst" => streams::burst(job).await?,
        "held" => streams::held(job).await?,
        "bulk" => bulk::both_ways(job).await?,
        other => return Err(format!("no such measure: {other}").into()),
    };
    if let Some((web, before)) = before {
        let behind = job.behind.load(Ordering::Relaxed) as f64 / 1_000.0;
        values.insert(format!("{}.behind_ms", job.measure), behind);
        // Large bodies come faster than a disk takes them; nothing else may be lost.
        let of = if job.measure == "bulk" { "bulk" } else { "records" };
        values.insert(format!("{of}.lost"), Books::read(web).await?.lost_since(&before) as f64);
    }
    Ok((values, texts))
}
