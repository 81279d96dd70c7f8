//! Small calls: about 2 KB up, 1 KB down, on kept connections: paced, as fast as they go, or so many a second whatever
//! becomes of those before.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::{Job, Values, ok_head, quantiles};
use crate::Result;
use crate::http1::Wire;
use crate::payload;
use crate::process::Cpu;

const PATH: &str = "/v1/chat/completions";
const ROOM: usize = 8 * 1024;
/// Four connections with 125 calls a second each: far from busy.
const LIGHT_CALLERS: u32 = 4;
const LIGHT_GAP: Duration = Duration::from_millis(8);
const FULL_CALLERS: u32 = 64;
/// A thousand calls a second.
const RATE_GAP: Duration = Duration::from_millis(1);

const MEASURING: u8 = 1;
const OVER: u8 = 2;

struct Shared {
    job: Arc<Job>,
    stage: AtomicU8,
    numbers: AtomicU64,
}

pub async fn light(job: &Arc<Job>) -> Result<Values> {
    calls(job, "light", LIGHT_CALLERS, Some(LIGHT_GAP)).await
}

pub async fn full(job: &Arc<Job>) -> Result<Values> {
    calls(job, "full", FULL_CALLERS, None).await
}

async fn calls(job: &Arc<Job>, name: &str, callers: u32, gap: Option<Duration>) -> Result<Values> {
    let shared = Arc::new(Shared { job: job.clone(), stage: AtomicU8::new(0), numbers: AtomicU64::new(0) });
    let mut tasks = JoinSet::new();
    let before = Cpu::read(&job.pids);
    for caller in 0..callers {
        let wire = job.connect(ROOM).await?;
        let pace = gap.map(|gap| (Instant::now() + gap * caller / callers, gap));
        tasks.spawn(call_repeatedly(shared.clone(), wire, pace));
    }
    sleep(job.warm).await;
    shared.stage.store(MEASURING, Ordering::Relaxed);
    let started = Instant::now();
    sleep(job.window).await;
    shared.stage.store(OVER, Ordering::Relaxed);
    let took = started.elapsed();
    let mut samples = Vec::new();
    while let Some(done) = tasks.join_next().await {
        match done? {
            Ok(more) => samples.extend(more),
            Err(error) => job.faults.add(format!("{name}: {error}")),
        }
    }
    // What is done for a call after its answer counts as well, and so all calls do.
    job.settle().await?;
    let cpu = Cpu::read(&job.pids).micros_since(&before);
    let mut values = Values::new();
    values.insert(format!("{name}.per_second"), samples.len() as f64 / took.as_secs_f64());
    values.insert(format!("{name}.cpu_us"), cpu / shared.numbers.load(Ordering::Relaxed) as f64);
    quantiles(name, samples, 1_000.0, &mut values);
    Ok(values)
}

/// A call each millisecond. One that finds all connections taken opens another, and its wait counts from when it was due.
pub async fn rate(job: &Arc<Job>) -> Result<Values> {
    let idle: Arc<Mutex<Vec<Wire>>> = Arc::default();
    let before = Cpu::read(&job.pids);
    let mut ticks = interval_at(Instant::now() + RATE_GAP, RATE_GAP);
    let warming = u64::try_from(job.warm.as_micros() / RATE_GAP.as_micros())?;
    let all = warming + u64::try_from(job.window.as_micros() / RATE_GAP.as_micros())?;
    let mut tasks = JoinSet::new();
    for number in 0..all {
        ticks.tick().await;
        let due = payload::nanos();
        let (job, idle) = (job.clone(), idle.clone());
        tasks.spawn(async move {
            let free = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut wire = match free {
                Some(wire) => wire,
                None => job.connect(ROOM).await?,
            };
            call(&job, &mut wire, number, &mut Buffers::default()).await?;
            let took = payload::nanos() - due;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(wire);
            Ok::<_, crate::Error>((number >= warming).then_some(took))
        });
    }
    let mut samples = Vec::new();
    while let Some(done) = tasks.join_next().await {
        match done? {
            Ok(sample) => samples.extend(sample),
            Err(error) => job.faults.add(format!("rate: {error}")),
        }
    }
    job.settle().await?;
    let cpu = Cpu::read(&job.pids).micros_since(&before);
    let mut values = Values::new();
    values.insert("rate.cpu_us".to_owned(), cpu / all as f64);
    quantiles("rate", samples, 1_000.0, &mut values);
    Ok(values)
}

/// Calls until the stage is over; nanoseconds from the request's first byte out to the answer's last byte in.
async fn call_repeatedly(
    shared: Arc<Shared>,
    mut wire: Wire,
    pace: Option<(Instant, Duration)>,
) -> Result<Vec<u64>> {
    let mut samples = Vec::new();
    let mut buffers = Buffers::default();
    let mut ticks = pace.map(|(first, gap)| interval_at(first, gap));
    if let Some(ticks) = &mut ticks {
        // A call that took long delays the next one instead of two following at once.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    while shared.stage.load(Ordering::Relaxed) != OVER {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let counts = shared.stage.load(Ordering::Relaxed) == MEASURING;
        let number = shared.numbers.fetch_add(1, Ordering::Relaxed);
        let took = call(&shared.job, &mut wire, number, &mut buffers).await?;
        if counts {
            samples.push(took);
        }
    }
    Ok(samples)
}

#[derive(Default)]
struct Buffers {
    body: Vec<u8>,
    request: Vec<u8>,
    answer: Vec<u8>,
    expected: Vec<u8>,
}

async fn call(job: &Job, wire: &mut Wire, number: u64, buffers: &mut Buffers) -> Result<u64> {
    let Buffers { body, request, answer, expected } = buffers;
    body.clear();
    job.pattern.request(number, false, body);
    job.request(PATH, &format!("call {number}"), body, request);
    answer.clear();
    let started = payload::nanos();
    wire.write(request).await?;
    let head = ok_head(wire).await?;
    let mut framing = head.framing()?;
    while wire.body(&mut framing, |piece| answer.extend_from_slice(piece)).await? {}
    let took = payload::nanos() - started;
    expected.clear();
    job.pattern.answer(number, expected);
    if answer != expected {
        job.faults.add(format!(
            "answer {number} differs: {} bytes instead of {}",
            answer.len(),
            expected.len()
        ));
    }
    Ok(took)
}

/// The request's head as the provider received it, and the answer's head as the client did.
pub async fn heads(job: &Job) -> Result<Vec<String>> {
    let mut body = Vec::new();
    job.pattern.request(1, false, &mut body);
    let mut wire = job.connect(ROOM).await?;
    let request = format!(
        "POST {}{PATH}?beta=true&x=%2F%20a HTTP/1.1\r\nHost: {}\r\nX-Stainless-Lang: js\r\naccept: application/json\r\n\
         x-bench: heads 1\r\nX-Twice: first\r\nX-Twice: second\r\nAnthropic-Beta: a,b\r\nX-Empty: \r\n\
         Content-Type: application/json\r\nauthorization: Bearer sk-0123456789abcdef\r\nX-Late: é\r\n\
         Content-Length: {}\r\nUser-Agent: overhead/1\r\nAccept-Encoding: gzip, br\r\n\r\n",
        job.prefix,
        job.address,
        body.len()
    );
    let mut request = request.into_bytes();
    request.extend_from_slice(&body);
    wire.write(&request).await?;
    let head = ok_head(&mut wire).await?;
    let mut received = Vec::new();
    let mut framing = head.framing()?;
    while wire.body(&mut framing, |piece| received.extend_from_slice(piece)).await? {}
    Ok([received.as_slice(), head.bytes()]
        .map(|head| head.escape_ascii().to_string().replace("\\r\\n", "\n"))
        .into())
}
