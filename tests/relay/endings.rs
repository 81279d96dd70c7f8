//! Endings keep their meaning: whoever breaks off, the other side learns it, at once and never as a clean end.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::support::{Client, Step, Upstream, Wiretape, soon, write};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

async fn ask(wiretape: &Wiretape) -> Client {
    let mut client = wiretape.client().await;
    client.send("POST /mock/x HTTP/1.1\r\nHost: me\r\nContent-Length: 2\r\n\r\nhi").await;
    client
}

#[tokio::test]
async fn a_client_that_leaves_cancels_the_call_before_its_answer() {
    let upstream = Upstream::new(vec![Step::AwaitGone]).await;
    let wiretape = Wiretape::before(upstream.address).await;
    let client = ask(&wiretape).await;
    crate::support::until("the upstream is asked", || upstream.requests().len() == 1).await;
    drop(client);
    upstream.saw_gone(1).await;
    wiretape.stop_and_check(1).await;
}

#[tokio::test]
async fn a_client_that_leaves_cancels_the_call_in_its_answer() {
    for body in ["2\r\nhi\r\n", ""] {
        let upstream = Upstream::new(vec![write(format!("{CHUNKED}{body}")), Step::AwaitGone]).await;
        let wiretape = Wiretape::before(upstream.address).await;
        let mut client = ask(&wiretape).await;
        client.until(b"\r\n\r\n").await;
        drop(client);
        upstream.saw_gone(1).await;
        wiretape.stop_and_check(1).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_while_it_sends_cancels_the_call() {
    let upstream = Upstream::new(vec![]).await;
    let wiretape = Wiretape::before(upstream.address).await;
    let mut client = wiretape.client().await;
    client.send("POST /mock/x HTTP/1.1\r\nHost: me\r\nContent-Length: 1000\r\n\r\nonly some").await;
    crate::support::until("the upstream is connected to", || upstream.connections() == 1).await;
    drop(client);
    crate::support::until("the upstream's request is over", || !upstream.requests().is_empty()).await;
    let seen = upstream.requests().remove(0);
    assert!(!seen.whole && seen.body == b"only some", "{seen:?}");
    wiretape.stop_and_check(1).await;
}

#[tokio::test]
async fn an_upstream_that_dies_in_a_body_breaks_the_clients_body() {
    let sized = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome";
    for (begun, end) in [
        (format!("{CHUNKED}4\r\nsome\r\n"), Step::Close),
        (format!("{CHUNKED}4\r\nsome\r\n"), Step::Reset),
        (format!("{CHUNKED}ff\r\nsome"), Step::Close),
        (sized.to_owned(), Step::Close),
        (sized.to_owned(), Step::Reset),
    ] {
        let steps = vec![write(&begun), Step::Wait(Duration::from_millis(50)), end.clone()];
        let upstream = Upstream::new(steps).await;
        let wiretape = Wiretape::before(upstream.address).await;
        let mut client = ask(&wiretape).await;
        let answer = soon(client.response()).await;
        assert!(!answer.whole, "{end:?} after {begun:?} must not look like an end");
        assert_eq!(answer.text(), "some", "what had come is handed on: {begun:?}");
        wiretape.stop_and_check(1).await;
    }
}

#[tokio::test]
async fn an_upstream_that_dies_before_its_answer_is_a_502() {
    for end in [Step::Close, Step::Reset] {
        let upstream = Upstream::new(vec![end]).await;
        let wiretape = Wiretape::before(upstream.address).await;
        let mut client = ask(&wiretape).await;
        let answer = soon(client.response()).await;
        assert_eq!(answer.status(), 502);
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(json["error"]["type"], "wiretape_upstream_unreachable");
        assert!(json["error"]["message"].as_str().unwrap().contains("mock broke off"), "{json}");
        assert_eq!(upstream.requests().len(), 1, "what was sent once is not sent again");
        wiretape.stop_and_check(1).await;
    }
}

#[tokio::test]
async fn an_upstream_nobody_listens_at_is_a_502() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let wiretape = Wiretape::before(address).await;
    let mut client = ask(&wiretape).await;
    let answer = soon(client.response()).await;
    assert_eq!((answer.status(), answer.header("content-type")), (502, Some("application/json")));
    assert!(answer.text().contains("could not connect to mock"), "{}", answer.text());
    let books = wiretape.stop_and_check(1).await;
    assert_eq!(
        books.tally.response_bytes,
        answer.body.len() as u64,
        "the answer in its place is on the tape"
    );
}

#[tokio::test]
async fn an_upstream_that_says_nothing_is_a_504_if_so_configured() {
    let upstream = Upstream::new(vec![Step::AwaitGone]).await;
    let url = format!("http://{}", upstream.address);
    let wiretape =
        Wiretape::with(&url, |config| config.proxy.response_timeout = Some(Duration::from_millis(200))).await;
    let mut client = ask(&wiretape).await;
    assert_eq!(soon(client.response()).await.status(), 504);
    upstream.saw_gone(1).await;
    wiretape.stop_and_check(1).await;
}

#[tokio::test]
async fn an_answer_before_the_request_has_ended_arrives() {
    // The upstream reads the head alone, answers, and closes: the rest of the body is of no interest.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 256];
        let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut head).await;
        let answer = "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig";
        socket.write_all(answer.as_bytes()).await.unwrap();
        // Reads on, as a server that lingers does, so that its answer is not lost to a reset.
        let mut sink = vec![0; 65536];
        while matches!(tokio::io::AsyncReadExt::read(&mut socket, &mut sink).await, Ok(n) if n > 0) {}
    });
    let wiretape = Wiretape::before(address).await;
    let mut client = wiretape.client().await;
    client.send("POST /mock/x HTTP/1.1\r\nHost: me\r\nContent-Length: 10000000\r\n\r\n").await;
    client.send(vec![b'x'; 100_000]).await;
    let answer = soon(client.response()).await;
    assert_eq!((answer.status(), answer.text()), (413, "big"));
    drop(client);
    wiretape.stop_and_check(1).await;
}

#[tokio::test]
async fn calls_share_connections_and_a_stale_one_costs_no_call() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    // The second answer is the connection's last, without having said so.
    let upstream =
        Upstream::each(move |n| if n == 1 { vec![write(ok), Step::Close] } else { vec![write(ok)] }).await;
    let url = format!("http://{}", upstream.address);
    let wiretape = Wiretape::with(&url, |config| config.proxy.workers = 1).await;
    let mut client = wiretape.client().await;
    for n in 0..6 {
        client.send("POST /mock/x HTTP/1.1\r\nHost: me\r\nContent-Length: 2\r\n\r\nhi").await;
        assert_eq!(soon(client.response()).await.text(), "ok", "call {n}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((upstream.requests().len(), upstream.connections()), (6, 2));
    wiretape.stop_and_check(6).await;
}

#[tokio::test]
async fn a_half_closed_client_is_served_where_so_configured() {
    let upstream = Upstream::new(vec![
        Step::Wait(Duration::from_millis(100)),
        write(format!("{CHUNKED}2\r\nok\r\n0\r\n\r\n")),
    ])
    .await;
    let url = format!("http://{}", upstream.address);
    let wiretape = Wiretape::with(&url, |config| config.proxy.half_close = true).await;
    let mut client = ask(&wiretape).await;
    client.io.shutdown().await.unwrap();
    let answer = soon(client.response()).await;
    assert!(answer.whole && answer.text() == "ok");
    wiretape.stop_and_check(1).await;
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    let upstream =
        Upstream::each(|n| vec![write(format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{n}"))]).await;
    let url = format!("http://{}", upstream.address);
    let wiretape = Wiretape::with(&url, |config| config.proxy.workers = 1).await;
    let mut client = wiretape.client().await;
    client.send("GET /mock/a HTTP/1.1\r\nHost: me\r\n\r\n".repeat(5)).await;
    for n in 0..5 {
        assert_eq!(soon(client.response()).await.text(), n.to_string());
    }
    wiretape.stop_and_check(5).await;
}

/// The time-out for slow heads is about heads: a call may take as long as it likes, before its answer and in it.
#[tokio::test]
async fn a_silent_upstream_is_waited_for() {
    let wait = Step::Wait(Duration::from_millis(400));
    let steps =
        vec![wait.clone(), write(CHUNKED), wait.clone(), write("2\r\nhi\r\n"), wait, write("0\r\n\r\n")];
    let upstream = Upstream::new(steps).await;
    let url = format!("http://{}", upstream.address);
    let wiretape =
        Wiretape::with(&url, |config| config.proxy.header_timeout = Duration::from_millis(150)).await;
    let mut client = ask(&wiretape).await;
    let answer = soon(client.response()).await;
    assert!(answer.whole && answer.text() == "hi");
    wiretape.stop_and_check(1).await;
}
