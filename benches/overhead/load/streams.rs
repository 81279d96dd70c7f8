//! Streams of server-sent events: paced, in bursts, and held open in silence.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::{Job, Values, ok_head, quantiles};
use crate::Result;
use crate::http1::{Framing, Wire};
use crate::payload::{self, EVENT};
use crate::process::{Cpu, resident_bytes, settle};

const PATH: &str = "/v1/chat/completions";
/// Streams being opened at one time: under every listener's backlog.
const OPENING: usize = 100;
/// Time streams run on beyond warming and window, so that the last one opened still covers the window.
const OPENING_TIME: Duration = Duration::from_millis(500);
const OPENED: Duration = Duration::from_secs(30);
/// A stream that stands still this long has failed.
const SILENCE: Duration = Duration::from_secs(10);
const SMALL_ROOM: usize = 1024;

struct Shared {
    job: Arc<Job>,
    opening: Semaphore,
    opened: AtomicU64,
    /// The window in which events count, in µs of the common clock; unset is the far future.
    from: AtomicU64,
    until: AtomicU64,
}

impl Shared {
    fn new(job: &Arc<Job>) -> Arc<Self> {
        Arc::new(Shared {
            job: job.clone(),
            opening: Semaphore::new(OPENING),
            opened: AtomicU64::new(0),
            from: AtomicU64::new(u64::MAX),
            until: AtomicU64::new(u64::MAX),
        })
    }

    fn counts(&self, sent: u64) -> bool {
        sent >= self.from.load(Ordering::Relaxed) && sent < self.until.load(Ordering::Relaxed)
    }

    async fn all_open(&self, streams: u64) -> Result<()> {
        let deadline = Instant::now() + OPENED;
        while self.opened.load(Ordering::Relaxed) < streams {
            if Instant::now() > deadline {
                let opened = self.opened.load(Ordering::Relaxed);
                return Err(format!("only {opened} of {streams} streams opened").into());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

/// How the mock is to send: the gap between ticks, events in each, and what a read may take.
#[derive(Clone, Copy)]
struct Tempo {
    gap: Duration,
    events: u64,
    ticks: u64,
    room: usize,
}

pub async fn paced(job: &Arc<Job>) -> Result<Values> {
    streams(job, "paced", Duration::from_millis(20), 1, 2 * 1024).await
}

pub async fn burst(job: &Arc<Job>) -> Result<Values> {
    streams(job, "burst", Duration::from_millis(200), 200, 64 * 1024).await
}

async fn streams(job: &Arc<Job>, name: &str, gap: Duration, events: u64, room: usize) -> Result<Values> {
    let length = OPENING_TIME + job.warm + job.window;
    let ticks = u64::try_from(length.as_micros().div_ceil(gap.as_micros()))?;
    let tempo = Tempo { gap, events, ticks, room };
    let shared = Shared::new(job);
    settle(&job.pids);
    let before = Cpu::read(&job.pids);
    let mut tasks = JoinSet::new();
    for number in 0..job.streams {
        tasks.spawn(follow(shared.clone(), number, tempo));
    }
    shared.all_open(job.streams).await?;
    sleep(job.warm).await;
    let window_opens = Cpu::read(&job.pids);
    shared.from.store(payload::micros(), Ordering::Relaxed);
    sleep(job.window).await;
    let window_closes = Cpu::read(&job.pids);
    shared.until.store(payload::micros(), Ordering::Relaxed);
    let mut delays = Vec::new();
    while let Some(done) = tasks.join_next().await {
        match done? {
            Ok(more) => delays.extend(more),
            Err(error) => job.faults.add(format!("{name}: {error}")),
        }
    }
    job.settle().await?;
    let whole = Cpu::read(&job.pids).micros_since(&before);
    let mut values = Values::new();
    values.insert(format!("{name}.cpu_us"), window_closes.micros_since(&window_opens) / delays.len() as f64);
    values.insert(format!("{name}.whole_cpu_us"), whole / (job.streams * ticks * events) as f64);
    values.insert(format!("{name}.per_second"), delays.len() as f64 / job.window.as_secs_f64());
    quantiles(name, delays, 1.0, &mut values);
    Ok(values)
}

async fn open(shared: &Shared, number: u64, bench: &str, room: usize) -> Result<(Wire, Framing)> {
    let _turn = shared.opening.acquire().await?;
    let mut wire = shared.job.connect(room).await?;
    let mut body = Vec::with_capacity(2048);
    shared.job.pattern.request(number, true, &mut body);
    let mut request = Vec::with_capacity(4096);
    shared.job.request(PATH, bench, &body, &mut request);
    wire.write(&request).await?;
    let framing = timeout(SILENCE, ok_head(&mut wire)).await??.framing()?;
    Ok((wire, framing))
}

/// Reads one stream to its end, comparing each event; the delays, in µs, of those sent within the window.
async fn follow(shared: Arc<Shared>, number: u64, tempo: Tempo) -> Result<Vec<u64>> {
    let Tempo { gap, events, ticks, room } = tempo;
    let bench = format!("stream {number} {ticks} {} {events}", gap.as_micros());
    let (mut wire, mut framing) = open(&shared, number, &bench, room).await?;
    shared.opened.fetch_add(1, Ordering::Relaxed);
    let (mut delays, mut pending, mut scratch) = (Vec::new(), Vec::new(), Vec::new());
    let mut sequence = 0;
    let mut more = true;
    while more {
        let reading = wire.body(&mut framing, |piece| pending.extend_from_slice(piece));
        more = timeout(SILENCE, reading).await.map_err(|_| format!("stream {number} stands still"))??;
        let received = payload::micros();
        let mut used = 0;
        while sequence < ticks * events && pending.len() - used >= EVENT {
            let event = &pending[used..used + EVENT];
            let sent = shared.job.pattern.sent(number, sequence, event, &mut scratch);
            let sent = sent.ok_or_else(|| format!("event {sequence} of stream {number} differs"))?;
            if shared.counts(sent) {
                delays.push(received.saturating_sub(sent));
            }
            used += EVENT;
            sequence += 1;
        }
        pending.drain(..used);
    }
    scratch.clear();
    shared.job.pattern.ending(number, &mut scratch);
    if sequence != ticks * events || pending != scratch {
        return Err(format!("stream {number} ends with {sequence} events and {} bytes", pending.len()).into());
    }
    Ok(delays)
}

/// Memory while streams are open that have sent a head and one event.
pub async fn held(job: &Arc<Job>) -> Result<Values> {
    let shared = Shared::new(job);
    // The first calls touch what every later one uses.
    let warming = hold(&shared, 0).await?;
    settle(&job.pids);
    let before = resident_bytes(&job.pids);
    let mut tasks = JoinSet::new();
    for number in 1..=job.streams {
        let shared = shared.clone();
        tasks.spawn(async move { hold(&shared, number).await });
    }
    let mut open = vec![warming];
    while let Some(done) = tasks.join_next().await {
        match done? {
            Ok(wire) => open.push(wire),
            Err(error) => job.faults.add(format!("held: {error}")),
        }
    }
    settle(&job.pids);
    let after = resident_bytes(&job.pids);
    let mut values = Values::new();
    values.insert("held.total_mb".to_owned(), after / 1e6);
    values.insert("held.before_mb".to_owned(), before / 1e6);
    values.insert("held.stream_kb".to_owned(), (after - before) / 1e3 / (open.len() - 1) as f64);
    Ok(values)
}

async fn hold(shared: &Shared, number: u64) -> Result<Wire> {
    let (mut wire, mut framing) = open(shared, number, &format!("hold {number}"), SMALL_ROOM).await?;
    let mut event = Vec::with_capacity(EVENT);
    while event.len() < EVENT {
        let reading = wire.body(&mut framing, |piece| event.extend_from_slice(piece));
        timeout(SILENCE, reading).await.map_err(|_| format!("held stream {number} sends nothing"))??;
    }
    let same = shared.job.pattern.sent(number, 0, &event, &mut Vec::new());
    same.ok_or_else(|| format!("the event of held stream {number} differs"))?;
    Ok(wire)
}
