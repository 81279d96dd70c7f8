//! A scripted upstream and a client that both speak raw bytes, so that what passed can be compared to the letter.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wiretape::app::App;
use wiretape::config::Config;
use wiretape::proxy::upstream;
use wiretape::tape::{Counts, Record, Sink, Tally, TallyCounts};

/// Nothing here takes longer; what does has hung.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What a scripted upstream does once it has read a request.
#[derive(Clone, Debug)]
pub enum Step {
    Write(Vec<u8>),
    Wait(Duration),
    /// Ends the connection with a FIN.
    Close,
    /// Ends the connection with a RST.
    Reset,
    /// Waits until the other side has ended the connection, and notes that it did.
    AwaitGone,
}

pub fn write(bytes: impl AsRef<[u8]>) -> Step {
    Step::Write(bytes.as_ref().to_vec())
}

/// A message as it was on the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// Up to and with the empty line.
    pub head: Vec<u8>,
    /// Without framing.
    pub body: Vec<u8>,
    /// It ended as its head said.
    pub whole: bool,
    /// Trailers, as on the wire.
    pub trailers: Vec<u8>,
}

impl Message {
    pub fn head_text(&self) -> &str {
        std::str::from_utf8(&self.head).unwrap()
    }

    pub fn lines(&self) -> Vec<&str> {
        self.head_text().split("\r\n").filter(|line| !line.is_empty()).collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.lines().into_iter().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn status(&self) -> u16 {
        self.lines()[0].split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// An upstream that answers every request with the same steps.
pub struct Upstream {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<Message>>>,
    /// How many connections have come.
    pub connections: Arc<Mutex<usize>>,
    /// How many `AwaitGone` have seen the end.
    pub gone: Arc<Mutex<usize>>,
    _tasks: JoinSet<()>,
}

impl Upstream {
    pub async fn new(steps: Vec<Step>) -> Self {
        Self::each(move |_| steps.clone()).await
    }

    /// Steps by the number of the request, from 0.
    pub async fn each(steps: impl Fn(usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, connections, gone) =
            <(Arc<Mutex<Vec<Message>>>, Arc<Mutex<usize>>, Arc<Mutex<usize>>)>::default();
        let mut tasks = JoinSet::new();
        let steps = Arc::new(steps);
        let (s, c, g) = (seen.clone(), connections.clone(), gone.clone());
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                *c.lock().unwrap() += 1;
                served.spawn(serve(socket, s.clone(), g.clone(), steps.clone()));
            }
        });
        Self { address, seen, connections, gone, _tasks: tasks }
    }

    pub fn requests(&self) -> Vec<Message> {
        self.seen.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    pub async fn saw_gone(&self, times: usize) {
        until("the upstream sees the connection's end", || *self.gone.lock().unwrap() >= times).await;
    }
}

async fn serve(
    mut socket: TcpStream,
    seen: Arc<Mutex<Vec<Message>>>,
    gone: Arc<Mutex<usize>>,
    steps: Arc<dyn Fn(usize) -> Vec<Step> + Send + Sync>,
) {
    let mut buffer = Vec::new();
    while let Some(request) = read_message(&mut socket, &mut buffer, true, false).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request);
            seen.len() - 1
        };
        for step in steps(number) {
            match step {
                Step::Write(bytes) => {
                    if socket.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Step::Wait(time) => tokio::time::sleep(time).await,
                Step::Close => return,
                Step::Reset => {
                    socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
                    return;
                }
                Step::AwaitGone => {
                    let mut rest = [0; 1024];
                    while matches!(socket.read(&mut rest).await, Ok(n) if n > 0) {}
                    *gone.lock().unwrap() += 1;
                    return;
                }
            }
        }
    }
}

/// Reads one message; `None` at the connection's end before it. A response to HEAD has no body.
pub async fn read_message(
    io: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    request: bool,
    no_body: bool,
) -> Option<Message> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if !more(io, buffer).await {
            return None;
        }
    };
    let mut message = Message { head: buffer.drain(..end).collect(), ..Message::default() };
    let chunked =
        message.header("transfer-encoding").is_some_and(|v| v.to_ascii_lowercase().contains("chunked"));
    let length: Option<usize> = message.header("content-length").map(|v| v.parse().unwrap());
    let bodyless = no_body || !request && (matches!(message.status(), 204 | 304) || message.status() < 200);
    if bodyless {
        message.whole = true;
    } else if chunked {
        read_chunks(io, buffer, &mut message).await;
    } else if let Some(length) = length {
        while buffer.len() < length && more(io, buffer).await {}
        message.whole = buffer.len() >= length;
        message.body = buffer.drain(..length.min(buffer.len())).collect();
    } else if request {
        message.whole = true;
    } else {
        while more(io, buffer).await {}
        message.body = std::mem::take(buffer);
        message.whole = true;
    }
    Some(message)
}

async fn read_chunks(io: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>, message: &mut Message) {
    loop {
        let line = loop {
            if let Some(at) = buffer.windows(2).position(|w| w == b"\r\n") {
                break buffer.drain(..at + 2).collect::<Vec<u8>>();
            }
            if !more(io, buffer).await {
                return;
            }
        };
        let size = std::str::from_utf8(&line).unwrap().trim().split(';').next().unwrap().to_owned();
        let size = usize::from_str_radix(&size, 16).unwrap();
        if size == 0 {
            while !buffer.starts_with(b"\r\n") && !buffer.windows(4).any(|w| w == b"\r\n\r\n") {
                if !more(io, buffer).await {
                    return;
                }
            }
            let end = if buffer.starts_with(b"\r\n") {
                2
            } else {
                buffer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4
            };
            message.trailers = buffer.drain(..end).collect();
            message.whole = true;
            return;
        }
        while buffer.len() < size + 2 {
            if !more(io, buffer).await {
                let partial = buffer.len().min(size);
                message.body.extend(buffer.drain(..partial));
                return;
            }
        }
        message.body.extend(buffer.drain(..size));
        buffer.drain(..2);
    }
}

async fn more(io: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> bool {
    let mut chunk = vec![0; 64 << 10];
    match tokio::time::timeout(PATIENCE, io.read(&mut chunk)).await.expect("nothing arrived for long") {
        Ok(n) if n > 0 => {
            buffer.extend_from_slice(&chunk[..n]);
            true
        }
        _ => false,
    }
}

/// A connection of a client's.
pub struct Client<S = TcpStream> {
    pub io: S,
    pub buffer: Vec<u8>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self { io: TcpStream::connect(address).await.unwrap(), buffer: Vec::new() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.io.write_all(bytes.as_ref()).await.unwrap();
        self.io.flush().await.unwrap();
    }

    pub async fn response(&mut self) -> Message {
        read_message(&mut self.io, &mut self.buffer, false, false).await.expect("a response")
    }

    pub async fn response_to_head(&mut self) -> Message {
        read_message(&mut self.io, &mut self.buffer, false, true).await.expect("a response")
    }

    /// Reads until `text` has arrived.
    pub async fn until(&mut self, text: &[u8]) {
        while !self.buffer.windows(text.len()).any(|w| w == text) {
            assert!(more(&mut self.io, &mut self.buffer).await, "the connection ended before {text:?}");
        }
    }

    /// What arrives until the connection ends.
    pub async fn rest(&mut self) -> Vec<u8> {
        while more(&mut self.io, &mut self.buffer).await {}
        std::mem::take(&mut self.buffer)
    }
}

/// A running wiretape with one upstream, `mock`.
pub struct Wiretape {
    pub app: App,
    pub tally: Tally,
}

/// What had been seen when everything had ended.
pub struct Ended {
    pub counts: Counts,
    pub tally: TallyCounts,
}

impl Wiretape {
    pub async fn before(upstream: SocketAddr) -> Self {
        Self::with(&format!("http://{upstream}"), |_| {}).await
    }

    pub async fn with(url: &str, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config();
        let mock = upstream::Config { url: Some(url.to_owned()), ..upstream::Config::default() };
        config.upstreams.push(("mock".to_owned(), mock));
        change(&mut config);
        let tally = Tally::default();
        Self { app: App::start_into(&config, Box::new(tally.clone())).await.unwrap(), tally }
    }

    /// One whose tape is kept, for tests to look at.
    pub async fn recording(url: &str, change: impl FnOnce(&mut Config)) -> (Self, Kept) {
        let mut config = config();
        let mock = upstream::Config { url: Some(url.to_owned()), ..upstream::Config::default() };
        config.upstreams.push(("mock".to_owned(), mock));
        change(&mut config);
        let kept = Kept::default();
        let app = App::start_into(&config, Box::new(kept.clone())).await.unwrap();
        (Self { app, tally: Tally::default() }, kept)
    }

    pub fn address(&self) -> SocketAddr {
        self.app.proxy_address()
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.address()).await
    }

    pub async fn stop(self) -> Ended {
        let now = CancellationToken::new();
        now.cancel();
        let books = tokio::time::timeout(PATIENCE, self.app.stop(now)).await.expect("the shutdown ends");
        Ended { counts: books.counts, tally: self.tally.counts() }
    }

    /// Stops and checks that everything that went by came out at the tape's other end.
    pub async fn stop_and_check(self, exchanges: u64) -> Ended {
        let books = self.stop().await;
        assert_eq!(books.tally.begun, exchanges);
        assert_eq!(books.tally.ended, exchanges, "what begins always ends");
        assert_eq!(books.counts.lost_bytes, 0);
        assert_eq!(books.counts.bytes, books.tally.request_bytes + books.tally.response_bytes);
        books
    }
}

/// Everything the tape was told, in order.
#[derive(Clone, Default)]
pub struct Kept(pub Arc<Mutex<Vec<Record>>>);

impl Sink for Kept {
    fn take(&mut self, records: &mut Vec<Record>) {
        self.0.lock().unwrap().append(records);
    }
}

pub fn config() -> Config {
    // For the key of fingerprints.
    let home = env!("CARGO_TARGET_TMPDIR").into();
    let mut config = Config { home, ..Config::default() };
    config.proxy.listen = "127.0.0.1:0".parse().unwrap();
    config.web.listen = "127.0.0.1:0".parse().unwrap();
    config.proxy.workers = 2;
    config.proxy.shutdown_grace = Duration::from_secs(5);
    config
}

pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Bounded, or it has hung.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

/// Bytes that differ everywhere, the same for the same seed.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
