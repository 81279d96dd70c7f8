//! Bodies: any framing, any size, any chunking, any encoding; exact, in both directions, and never held whole.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{Step, Upstream, Wiretape, noise, soon, until, write};

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(size) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

#[tokio::test]
async fn any_chunking_both_ways() {
    for (size, chunk) in [(0, 1), (1, 1), (3000, 1), (100_000, 7), (1 << 20, 1400), (3 << 20, 1 << 20)] {
        let (up, down) = (noise(size, 1), noise(size + 1, 2));
        let mut response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        response.extend(chunked(&down, chunk));
        let upstream = Upstream::new(vec![Step::Write(response)]).await;
        let wiretape = Wiretape::before(upstream.address).await;
        let mut client = wiretape.client().await;
        client.send("POST /mock/x HTTP/1.1\r\nHost: me\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        client.send(chunked(&up, chunk)).await;
        let answer = soon(client.response()).await;
        assert!(answer.whole && answer.body == down, "{size} bytes down in chunks of {chunk}");
        assert_eq!(answer.head_text(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let seen = upstream.requests().remove(0);
        assert!(seen.whole && seen.body == up, "{size} bytes up in chunks of {chunk}");
        assert_eq!(seen.header("transfer-encoding"), Some("chunked"));
        let books = wiretape.stop_and_check(1).await;
        assert_eq!(books.tally.request_bytes, up.len() as u64);
        assert_eq!(books.tally.response_bytes, down.len() as u64);
    }
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection() {
    let upstream =
        Upstream::new(vec![write("HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nuntil the end"), Step::Close]).await;
    let wiretape = Wiretape::before(upstream.address).await;
    let mut client = wiretape.client().await;
    client.send("GET /mock/x HTTP/1.1\r\nHost: me\r\n\r\n").await;
    let answer = soon(client.response()).await;
    assert!(answer.whole && answer.text() == "until the end");
    wiretape.stop_and_check(1).await;
}

#[tokio::test]
async fn encodings_are_not_touched() {
    // Not really compressed: who decodes them on the way breaks them.
    for encoding in ["gzip", "br", "zstd", "deflate", "gzip, br", "x-unknown"] {
        let body = noise(5000, 3);
        let mut response =
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: 5000\r\n\r\n")
                .into_bytes();
        response.extend(&body);
        let upstream = Upstream::new(vec![Step::Write(response)]).await;
        let wiretape = Wiretape::before(upstream.address).await;
        let mut client = wiretape.client().await;
        let head = format!(
            "POST /mock/x HTTP/1.1\r\nHost: me\r\nContent-Encoding: {encoding}\r\nAccept-Encoding: {encoding}\r\nContent-Length: 5000\r\n\r\n"
        );
        client.send(&head).await;
        client.send(&body).await;
        let answer = soon(client.response()).await;
        assert_eq!((answer.header("content-encoding"), answer.body == body), (Some(encoding), true));
        let seen = upstream.requests().remove(0);
        assert_eq!(seen.header("accept-encoding"), Some(encoding));
        assert!(seen.body == body);
        wiretape.stop_and_check(1).await;
    }
}

#[tokio::test]
async fn each_event_goes_on_at_once() {
    let event = |n: usize| format!("{:x}\r\ndata: {n:04}\n\n\r\n", 12);
    let mut steps = vec![write(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    )];
    for n in 0..10 {
        steps.extend([write(event(n)), Step::Wait(Duration::from_millis(60))]);
    }
    steps.push(write("0\r\n\r\n"));
    let upstream = Upstream::new(steps).await;
    let wiretape = Wiretape::before(upstream.address).await;
    let mut client = wiretape.client().await;
    client.send("GET /mock/x HTTP/1.1\r\nHost: me\r\n\r\n").await;
    let began = Instant::now();
    for n in 0..10 {
        client.until(format!("data: {n:04}\n\n").as_bytes()).await;
        assert_eq!(
            client.buffer.windows(6).filter(|w| w == b"data: ").count(),
            n + 1,
            "events arrive one by one"
        );
    }
    // Ten gaps of 60 ms: had anything been held back, the first would have come with the last.
    assert!(began.elapsed() >= Duration::from_millis(500));
    wiretape.stop_and_check(1).await;
}

/// 100 MB each way, while neither side reads faster than the other sends: what is held on the way stays small.
#[tokio::test]
async fn large_bodies_are_streamed_with_back_pressure() {
    const SIZE: usize = 100 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let block = noise(1 << 20, 4);
    let sent = block.clone();
    let mut upstream = tokio::task::JoinSet::new();
    upstream.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        let mut got = vec![0; 1 << 20];
        for _ in 0..SIZE >> 20 {
            socket.read_exact(&mut got).await.unwrap();
            assert!(got == sent);
        }
        socket
            .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        for _ in 0..SIZE >> 20 {
            socket.write_all(&sent).await.unwrap();
        }
    });
    let wiretape = Wiretape::with(&format!("http://{address}"), |_| {}).await;
    let mut client = wiretape.client().await;
    client.send(format!("POST /mock/x HTTP/1.1\r\nHost: me\r\nContent-Length: {SIZE}\r\n\r\n")).await;
    let (mut read, mut write) = client.io.split();
    let up = async {
        for _ in 0..SIZE >> 20 {
            write.write_all(&block).await.unwrap();
        }
    };
    let down = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(read.read_u8().await.unwrap());
        }
        let mut got = vec![0; 1 << 20];
        for _ in 0..SIZE >> 20 {
            read.read_exact(&mut got).await.unwrap();
            assert!(got == block);
        }
    };
    soon(async { tokio::join!(up, down) }).await;
    soon(upstream.join_next()).await.unwrap().unwrap();
    let books = wiretape.stop().await;
    // The tape may have fallen behind; if so it says how much, to the byte.
    assert_eq!(books.counts.bytes + books.counts.lost_bytes, 2 * SIZE as u64);
    assert_eq!((books.tally.begun, books.tally.ended), (1, 1));
}

/// A client that does not read stops the upstream from sending, instead of filling our memory.
#[tokio::test]
async fn a_slow_reader_holds_the_sender_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let written = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = written.clone();
    let mut upstream = tokio::task::JoinSet::new();
    upstream.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 4096]).await;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
        while socket.write_all(&[7; 65536]).await.is_ok() {
            count.fetch_add(65536, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let wiretape = Wiretape::with(&format!("http://{address}"), |_| {}).await;
    let mut client = wiretape.client().await;
    client.send("GET /mock/x HTTP/1.1\r\nHost: me\r\n\r\n").await;
    client.until(b"\r\n\r\n").await;
    let now = || written.load(std::sync::atomic::Ordering::Relaxed);
    let mut last = usize::MAX;
    until("the sender stands still", || std::mem::replace(&mut last, now()) == now() && now() > 0).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Kernel buffers on two sockets take some megabytes each; a thousand of them would not fit.
    assert!(now() < 64 << 20, "{} bytes were taken from the upstream", now());
    drop(client);
    soon(upstream.join_next()).await.unwrap().unwrap();
    wiretape.stop().await;
}

#[tokio::test]
async fn trailers_go_by_where_they_were_announced() {
    let upstream = Upstream::new(vec![write(
        "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 42\r\n\r\n",
    )])
    .await;
    let wiretape = Wiretape::before(upstream.address).await;
    let mut client = wiretape.client().await;
    client
        .send(
            "POST /mock/x HTTP/1.1\r\nHost: me\r\nTE: trailers\r\nConnection: TE\r\nTrailer: X-Up\r\nTransfer-Encoding: chunked\r\n\r\n\
             1\r\na\r\n0\r\nx-up: 7\r\n\r\n",
        )
        .await;
    let answer = soon(client.response()).await;
    assert_eq!(String::from_utf8(answer.trailers).unwrap(), "x-sum: 42\r\n\r\n");
    let seen = upstream.requests().remove(0);
    assert_eq!(String::from_utf8(seen.trailers.clone()).unwrap(), "x-up: 7\r\n\r\n");
    assert_eq!((seen.header("te"), seen.header("trailer")), (Some("trailers"), Some("X-Up")));
    wiretape.stop_and_check(1).await;
}
