//! The mock provider: one thread, raw TCP. The `x-bench` header says what to answer; the body of every request is
//! compared with what its number says it must be, and one that differs is answered with 500.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, timeout};

use crate::Result;
use crate::http1::{Head, Wire};
use crate::payload::{self, EVENT, Pattern};

/// No run takes this long; a mock forgotten by everybody ends all the same.
const LIFETIME: Duration = Duration::from_secs(3600);
/// A stream held open silently, and a connection without a next request.
const PATIENCE: Duration = Duration::from_secs(120);
const ROOM: usize = 16 * 1024;
const BULK_PIECE: usize = 64 * 1024 - 1024;
/// As real providers send it: a relay must pass on this one, not its own.
const DATE: &str = "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n";

pub fn run(arguments: &[String]) -> Result<()> {
    let address = arguments.first().ok_or("role:mock ADDRESS")?.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        let pattern = Arc::new(Pattern::new());
        let serving = accept(listener, pattern);
        timeout(LIFETIME, serving).await.unwrap_or(Ok(()))
    })
}

async fn accept(listener: TcpListener, pattern: Arc<Pattern>) -> Result<()> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                connections.spawn(serve(accepted?.0, pattern.clone()));
            }
            // A connection's error is the client's business: it sees the connection end.
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Spaces behind a value are no part of it, and would change the length of this answer.
fn without_trailing_spaces(head: &[u8]) -> Vec<u8> {
    let lines = head.split(|&byte| byte == b'\n').map(|line| line.trim_ascii_end());
    lines.collect::<Vec<_>>().join(&b"\r\n"[..])
}

async fn serve(socket: TcpStream, pattern: Arc<Pattern>) -> Result<()> {
    let mut wire = Wire::new(socket, ROOM)?;
    let mut out = Vec::new();
    while let Some(head) = timeout(PATIENCE, wire.head()).await?? {
        let order = Order::read(&head)?;
        let fault = take_body(&mut wire, &head, &order, &pattern).await?;
        out.clear();
        if let Some(fault) = fault {
            plain(&mut out, "500 Differs", "text/plain", fault.as_bytes());
            wire.write(&out).await?;
            continue;
        }
        match order.mode.as_str() {
            "heads" => plain(&mut out, "200 OK", "text/plain", &without_trailing_spaces(head.bytes())),
            "call" => {
                let mut body = Vec::with_capacity(2048);
                pattern.answer(order.number, &mut body);
                plain(&mut out, "200 OK", "application/json", &body);
            }
            "stream" => stream(&mut wire, &order, &pattern).await?,
            "hold" => return hold(&mut wire, &order, &pattern).await,
            "upload" => plain(&mut out, "200 OK", "application/json", order.first.to_string().as_bytes()),
            "download" => download(&mut wire, &order, &pattern).await?,
            other => return Err(format!("no such x-bench: {other}").into()),
        }
        wire.write(&out).await?;
    }
    Ok(())
}

/// What the `x-bench` header asks for: a mode, the number its bytes follow from, and three numbers the mode reads.
struct Order {
    mode: String,
    number: u64,
    first: u64,
    second: u64,
    third: u64,
}

impl Order {
    fn read(head: &Head) -> Result<Self> {
        let mut words = head.value("x-bench").ok_or("no x-bench header")?.split(' ');
        let mode = words.next().unwrap_or_default().to_owned();
        let mut number = || words.next().map_or(Ok(0), str::parse);
        Ok(Order { mode, number: number()?, first: number()?, second: number()?, third: number()? })
    }
}

/// Reads the request's body and says how it differs from the expected one, if it does.
async fn take_body(wire: &mut Wire, head: &Head, order: &Order, pattern: &Pattern) -> Result<Option<String>> {
    let mut framing = head.framing()?;
    if order.mode == "upload" {
        let (mut at, mut same) = (0, true);
        let mut check = |piece: &[u8]| {
            same &= pattern.holds(order.number, at, piece);
            at += piece.len() as u64;
        };
        while wire.body(&mut framing, &mut check).await? {}
        let differs = !same || at != order.first;
        return Ok(differs.then(|| format!("upload differs: same {same}, {at} of {} bytes", order.first)));
    }
    let mut body = Vec::with_capacity(4096);
    while wire.body(&mut framing, |piece| body.extend_from_slice(piece)).await? {}
    let mut expected = Vec::with_capacity(4096);
    if order.mode != "download" {
        pattern.request(order.number, matches!(order.mode.as_str(), "stream" | "hold"), &mut expected);
    }
    Ok((body != expected).then(|| format!("request {} differs: {} bytes", order.number, body.len())))
}

fn plain(out: &mut Vec<u8>, status: &str, kind: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status}\r\n{DATE}Content-Type: {kind}\r\nX-Request-Id: req_0001\r\nSet-Cookie: a=1\r\n\
         Set-Cookie: b=2\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(body);
}

async fn open_stream(wire: &mut Wire) -> Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\n{DATE}Content-Type: text/event-stream\r\nCache-Control: no-cache\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    wire.write(head.as_bytes()).await
}

/// `first` ticks, `second` µs apart, of `third` events each: every event its own chunk, a tick's events in one write.
async fn stream(wire: &mut Wire, order: &Order, pattern: &Pattern) -> Result<()> {
    open_stream(wire).await?;
    let gap = order.second.max(1);
    // Streams opened together do not tick together.
    let offset = Duration::from_micros(order.number.wrapping_mul(7_919) % gap);
    let mut ticks = interval_at(Instant::now() + offset, Duration::from_micros(gap));
    let chunk_opens = format!("{EVENT:x}\r\n");
    let mut out = Vec::with_capacity((EVENT + 8) * usize::try_from(order.third)?);
    for tick in 0..order.first {
        ticks.tick().await;
        out.clear();
        let sent = payload::micros();
        for nth in 0..order.third {
            out.extend_from_slice(chunk_opens.as_bytes());
            pattern.event(order.number, tick * order.third + nth, sent, &mut out);
            out.extend_from_slice(b"\r\n");
        }
        wire.write(&out).await?;
    }
    out.clear();
    pattern.ending(order.number, &mut out);
    let mut end = format!("{:x}\r\n", out.len()).into_bytes();
    end.extend_from_slice(&out);
    end.extend_from_slice(b"\r\n0\r\n\r\n");
    wire.write(&end).await
}

/// A head and one event, then nothing until the other side goes.
async fn hold(wire: &mut Wire, order: &Order, pattern: &Pattern) -> Result<()> {
    open_stream(wire).await?;
    let mut out = format!("{EVENT:x}\r\n").into_bytes();
    pattern.event(order.number, 0, payload::micros(), &mut out);
    out.extend_from_slice(b"\r\n");
    wire.write(&out).await?;
    timeout(PATIENCE, wire.fill()).await??;
    Ok(())
}

/// `first` bytes of the endless body `number`.
async fn download(wire: &mut Wire, order: &Order, pattern: &Pattern) -> Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\n{DATE}Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        order.first
    );
    wire.write(head.as_bytes()).await?;
    let mut at = 0;
    while at < order.first {
        let length = (order.first - at).min(BULK_PIECE as u64);
        wire.write(pattern.slice(order.number, at, usize::try_from(length)?)).await?;
        at += length;
    }
    Ok(())
}
