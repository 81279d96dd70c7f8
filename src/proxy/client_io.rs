//! The client's connection as hyper sees it, with two things added that hyper's HTTP/1.1 server has no words for:
//! answers before the answer (103 Early Hints), and a body for hyper's own error answers.
//!
//! Both are written only where one message has ended on the wire and the next has not begun: when hyper flushes, its
//! buffer is empty, and until it writes again this connection stands between messages.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::reply::{Fault, TOO_LARGE};
use super::stream::Stream;

/// What a connection's calls and its `ClientIo` tell each other.
#[derive(Default)]
pub struct Line {
    /// A call is under way, or its last bytes are.
    busy: AtomicBool,
    /// That call's response has ended; the next flush says that it is on the wire.
    ended: AtomicBool,
    has_early: AtomicBool,
    early: Mutex<Early>,
}

#[derive(Default)]
struct Early {
    bytes: Vec<u8>,
    waker: Option<Waker>,
}

impl Line {
    /// A call begins; `waker` wakes the connection's task.
    pub fn begin(&self, waker: &Waker) {
        self.ended.store(false, Ordering::Relaxed);
        self.busy.store(true, Ordering::Relaxed);
        self.lock().waker = Some(waker.clone());
    }

    /// Its response's last byte has been handed over.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Sends an informational response ahead of the answer, if that has not begun.
    pub fn send_early(&self, status: StatusCode, headers: &HeaderMap) {
        let mut early = self.lock();
        let reason = status.canonical_reason().unwrap_or_default();
        early.bytes.extend_from_slice(format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).as_bytes());
        for (name, value) in headers {
            early.bytes.extend_from_slice(name.as_str().as_bytes());
            early.bytes.extend_from_slice(b": ");
            early.bytes.extend_from_slice(value.as_bytes());
            early.bytes.extend_from_slice(b"\r\n");
        }
        early.bytes.extend_from_slice(b"\r\n");
        self.has_early.store(true, Ordering::Relaxed);
        if let Some(waker) = early.waker.take() {
            waker.wake();
        }
    }

    fn take_early(&self) -> Option<Bytes> {
        if !self.has_early.swap(false, Ordering::Relaxed) {
            return None;
        }
        Some(Bytes::from(std::mem::take(&mut self.lock().bytes)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Early> {
        self.early.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct ClientIo {
    stream: Stream,
    line: Arc<Line>,
    /// Read while finding out which protocol this is.
    prefix: Bytes,
    /// Ours, to be written before anything of hyper's.
    outbox: Bytes,
    between: bool,
    waiting: Option<Waiting>,
}

/// How long the connection may wait for a request's head. hyper's own timer is made anew for each request; here one timer
/// serves the connection, and what it is to wait for is looked up when it rings.
struct Waiting {
    patience: Duration,
    /// Since the last answer; `None` until the wait has begun.
    until: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Waiting {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until = *self.until.get_or_insert_with(|| Instant::now() + self.patience);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
    }
}

impl ClientIo {
    /// `patience` is how long to wait for a head; for ever without.
    pub fn new(stream: Stream, prefix: Bytes, line: Arc<Line>, patience: Option<Duration>) -> Self {
        let waiting = patience.map(|patience| Waiting { patience, until: None, timer: None });
        Self { stream, line, prefix, outbox: Bytes::new(), between: true, waiting }
    }

    /// Writes what is ours. Ready when nothing of it is left.
    fn poll_outbox(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // In the middle of a message there is no place for it, and it is only a hint.
        if let Some(early) = self.line.take_early().filter(|_| self.between) {
            self.outbox = early;
        }
        while self.outbox.has_remaining() {
            let n = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outbox))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outbox.advance(n);
        }
        Poll::Ready(Ok(()))
    }

    /// hyper's own answer to a head it could not read has no body: this is the same answer with one.
    fn own_error(&self, written: &[u8]) -> Option<Bytes> {
        if !self.between || self.line.busy.load(Ordering::Relaxed) {
            return None;
        }
        let (fault, message) = match written.get(..13)? {
            b"HTTP/1.1 400 " => (Fault::Malformed, "the request is not well-formed HTTP"),
            b"HTTP/1.1 414 " => (Fault::UriTooLong, "the request's target is too long"),
            b"HTTP/1.1 431 " => (Fault::TooLarge, TOO_LARGE),
            _ => return None,
        };
        let body = fault.json(message);
        let head = format!(
            "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            fault.status(),
            body.len()
        );
        Some([head.as_bytes(), &body].concat().into())
    }

    /// Before hyper's bytes are written: ours first; and if these are its own error, ours instead.
    fn poll_before(&mut self, cx: &mut Context<'_>, first: &[u8]) -> Poll<io::Result<bool>> {
        ready!(self.poll_outbox(cx))?;
        if let Some(error) = self.own_error(first) {
            self.outbox = error;
            self.between = false;
            return Poll::Ready(Ok(true));
        }
        Poll::Ready(Ok(false))
    }

    fn wrote(&mut self, n: &Poll<io::Result<usize>>) {
        if matches!(n, Poll::Ready(Ok(n)) if *n > 0) {
            self.between = false;
        }
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.prefix.has_remaining() {
            let n = this.prefix.len().min(buf.remaining());
            buf.put_slice(&this.prefix.split_to(n));
            // And what else is there: given the prefix alone, hyper would grow its buffer to read on, for as long as the
            // connection lives. An error or an end is met again at the next read.
            let _ = Pin::new(&mut this.stream).poll_read(cx, buf);
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if read.is_pending()
            && let Some(waiting) = &mut this.waiting
            && !this.line.busy.load(Ordering::Relaxed)
        {
            ready!(waiting.poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if ready!(this.poll_before(cx, buf))? {
            return Poll::Ready(Ok(buf.len()));
        }
        let n = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.wrote(&n);
        n
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        if ready!(this.poll_before(cx, first))? {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        let n = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.wrote(&n);
        n
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.between = true;
        ready!(this.poll_outbox(cx))?;
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        if this.line.ended.swap(false, Ordering::Relaxed) {
            this.line.busy.store(false, Ordering::Relaxed);
            if let Some(waiting) = &mut this.waiting {
                waiting.until = None;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_outbox(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}
