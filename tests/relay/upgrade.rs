//! Upgrades: the handshake as it was sent, then bytes both ways, untouched, until each side has ended.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::{Client, Upstream, Wiretape, noise, read_message, soon, write};

const ASK: &str = "GET /mock/v1/responses HTTP/1.1\r\nHost: me\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
                   Sec-WebSocket-Protocol: realtime, token.abc\r\n\r\n";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

/// An upstream that agrees to the upgrade; `then` gets the socket.
async fn agreeing<F, R>(then: F) -> (std::net::SocketAddr, JoinSet<String>)
where
    F: FnOnce(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut buffer = Vec::new();
        let head = read_message(&mut socket, &mut buffer, true, true).await.unwrap();
        assert!(buffer.is_empty());
        socket.write_all(AGREED.as_bytes()).await.unwrap();
        then(socket).await;
        head.head_text().to_owned()
    });
    (address, tasks)
}

async fn upgraded(wiretape: &Wiretape) -> Client {
    let mut client = wiretape.client().await;
    client.send(ASK).await;
    let answer = soon(client.response()).await;
    assert_eq!(answer.head_text(), AGREED);
    client
}

#[tokio::test]
async fn bytes_go_both_ways_untouched_and_ends_are_handed_on() {
    let (up, down) = (noise(1 << 20, 5), noise(2 << 20, 6));
    let (expected, sent) = (up.clone(), down.clone());
    let (address, mut upstream) = agreeing(move |socket| async move {
        let (mut read, mut write) = socket.into_split();
        let reading = async {
            let mut got = Vec::new();
            read.read_to_end(&mut got).await.unwrap();
            assert!(got == expected, "what the client sent, and then its end");
        };
        let writing = async {
            write.write_all(&sent).await.unwrap();
            write.shutdown().await.unwrap();
        };
        tokio::join!(reading, writing);
    })
    .await;
    let wiretape = Wiretape::before(address).await;
    let client = upgraded(&wiretape).await;
    assert!(client.buffer.is_empty() || down.starts_with(&client.buffer));
    let mut got = client.buffer;
    let (mut read, mut write) = client.io.into_split();
    let writing = async {
        write.write_all(&up).await.unwrap();
        // The upstream's end may well come first; ours is still heard.
        write.shutdown().await.unwrap();
    };
    let reading = async {
        read.read_to_end(&mut got).await.unwrap();
        assert!(got == down);
    };
    soon(async { tokio::join!(writing, reading) }).await;
    let head = soon(upstream.join_next()).await.unwrap().unwrap();
    assert_eq!(head, ASK.replace("/mock", "").replace("Host: me", &format!("Host: {address}")));
    let books = wiretape.stop_and_check(1).await;
    assert_eq!((books.tally.request_bytes, books.tally.response_bytes), (1 << 20, 2 << 20));
}

#[tokio::test]
async fn small_frames_are_not_held_back() {
    let (address, _upstream) = agreeing(|mut socket| async move {
        let mut byte = [0; 1];
        while matches!(socket.read(&mut byte).await, Ok(1)) {
            socket.write_all(&byte).await.unwrap();
        }
    })
    .await;
    let wiretape = Wiretape::before(address).await;
    let mut client = upgraded(&wiretape).await;
    for n in 0..50u8 {
        client.send([n]).await;
        let mut back = [0; 1];
        soon(client.io.read_exact(&mut back)).await.unwrap();
        assert_eq!(back, [n]);
    }
    drop(client);
    wiretape.stop_and_check(1).await;
}

/// The time-out for slow heads is about heads: a socket may be silent for as long as it likes.
#[tokio::test]
async fn a_silent_tunnel_stays_open() {
    let (address, _upstream) = agreeing(|mut socket| async move {
        let mut byte = [0; 1];
        while matches!(socket.read(&mut byte).await, Ok(1)) {
            socket.write_all(&byte).await.unwrap();
        }
    })
    .await;
    let wiretape = Wiretape::with(&format!("http://{address}"), |config| {
        config.proxy.header_timeout = Duration::from_millis(150);
    })
    .await;
    let mut client = upgraded(&wiretape).await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        client.send([7]).await;
        let mut back = [0; 1];
        soon(client.io.read_exact(&mut back)).await.unwrap();
    }
    drop(client);
    wiretape.stop_and_check(1).await;
}

#[tokio::test]
async fn whoever_drops_the_connection_drops_it_for_both() {
    let (address, mut upstream) = agreeing(|mut socket| async move {
        let mut rest = Vec::new();
        // Ends, with or without an error.
        let _ = soon(socket.read_to_end(&mut rest)).await;
    })
    .await;
    let wiretape = Wiretape::before(address).await;
    let client = upgraded(&wiretape).await;
    socket2::SockRef::from(&client.io).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    soon(upstream.join_next()).await.unwrap().unwrap();
    wiretape.stop_and_check(1).await;

    let (address, _upstream) = agreeing(|socket| async move {
        socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    let wiretape = Wiretape::before(address).await;
    let mut client = upgraded(&wiretape).await;
    let mut rest = Vec::new();
    let _ = soon(client.io.read_to_end(&mut rest)).await;
    wiretape.stop_and_check(1).await;
}

#[tokio::test]
async fn an_upgrade_that_is_declined_is_an_answer_like_any_other() {
    for response in [
        "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 4\r\n\r\nnope",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnope\r\n0\r\n\r\n",
    ] {
        let upstream = Upstream::new(vec![write(response)]).await;
        let wiretape = Wiretape::before(upstream.address).await;
        let mut client = wiretape.client().await;
        for _ in 0..2 {
            client.send(ASK).await;
            let answer = soon(client.response()).await;
            assert!(answer.whole && answer.text() == "nope");
        }
        wiretape.stop_and_check(2).await;
    }
}

#[tokio::test]
async fn an_offer_of_h2c_is_no_upgrade() {
    let upstream = Upstream::new(vec![write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]).await;
    let wiretape = Wiretape::before(upstream.address).await;
    let mut client = wiretape.client().await;
    client
        .send(
            "GET /mock/x HTTP/1.1\r\nHost: me\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
             HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
        )
        .await;
    assert_eq!(soon(client.response()).await.text(), "ok");
    assert_eq!(upstream.requests()[0].lines().len(), 2, "neither offer nor settings went on");
    wiretape.stop_and_check(1).await;
}

#[tokio::test]
async fn a_stop_ends_a_tunnel_that_does_not_end_itself() {
    let (address, _upstream) = agreeing(|mut socket| async move {
        let _ = socket.read(&mut [0; 1]).await;
    })
    .await;
    let wiretape = Wiretape::before(address).await;
    let mut client = upgraded(&wiretape).await;
    wiretape.stop_and_check(1).await;
    assert!(soon(client.rest()).await.is_empty());
}
