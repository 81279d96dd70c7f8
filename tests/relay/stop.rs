//! The shutdown: what runs may finish, within a limit; what does not is broken off, and never looks like an end.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::support::{Client, Step, Upstream, Wiretape, soon, until, write};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

async fn streaming(steps: Vec<Step>, grace: Duration) -> (Upstream, Wiretape, Client) {
    let upstream = Upstream::new(steps).await;
    let url = format!("http://{}", upstream.address);
    let wiretape = Wiretape::with(&url, |config| config.proxy.shutdown_grace = grace).await;
    let mut client = wiretape.client().await;
    client.send("GET /mock/x HTTP/1.1\r\nHost: me\r\n\r\n").await;
    client.until(b"\r\n\r\n").await;
    (upstream, wiretape, client)
}

#[tokio::test]
async fn a_stream_under_way_finishes_and_nothing_new_begins() {
    let steps = vec![write(CHUNKED), Step::Wait(Duration::from_millis(500)), write("4\r\nlast\r\n0\r\n\r\n")];
    let (_upstream, wiretape, mut client) = streaming(steps, Duration::from_secs(10)).await;
    let address = wiretape.address();
    let mut idle = wiretape.client().await;
    let began = Instant::now();
    let tally = wiretape.tally.clone();
    let stopping = wiretape.app.stop(CancellationToken::new());
    let watching = async {
        let answer = soon(client.response()).await;
        assert!(answer.whole && answer.text() == "last");
    };
    soon(async { tokio::join!(stopping, watching) }).await;
    let seen = tally.counts();
    assert!(began.elapsed() < Duration::from_secs(5), "it waits for calls, not for the limit");
    assert_eq!((seen.begun, seen.ended), (1, 1));
    assert!(soon(idle.rest()).await.is_empty(), "a connection without a call is closed");
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_broken_off() {
    let steps = vec![write(format!("{CHUNKED}4\r\nsome\r\n")), Step::AwaitGone];
    let (upstream, wiretape, mut client) = streaming(steps, Duration::from_millis(300)).await;
    let began = Instant::now();
    let tally = wiretape.tally.clone();
    soon(wiretape.app.stop(CancellationToken::new())).await;
    let seen = tally.counts();
    assert!(began.elapsed() >= Duration::from_millis(290));
    let answer = soon(client.response()).await;
    assert!(!answer.whole && answer.text() == "some");
    upstream.saw_gone(1).await;
    assert_eq!((seen.begun, seen.ended), (1, 1));
}

#[tokio::test]
async fn a_second_word_ends_it_at_once() {
    let steps = vec![write(format!("{CHUNKED}4\r\nsome\r\n")), Step::AwaitGone];
    let (upstream, wiretape, mut client) = streaming(steps, Duration::from_secs(600)).await;
    let now = CancellationToken::new();
    let second = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        now.cancel();
    };
    let tally = wiretape.tally.clone();
    soon(async { tokio::join!(wiretape.app.stop(now.clone()), second) }).await;
    let seen = tally.counts();
    assert!(!soon(client.response()).await.whole);
    upstream.saw_gone(1).await;
    assert_eq!(seen.ended, 1);
}

#[tokio::test]
async fn health_tells_what_is_going_on() {
    let (_upstream, wiretape, client) =
        streaming(vec![write(CHUNKED), Step::AwaitGone], Duration::from_secs(1)).await;
    let web = wiretape.app.web_address();
    let ask = |path: &'static str| async move {
        let mut client = Client::connect(web).await;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: {web}\r\n\r\n")).await;
        let answer = soon(client.response()).await;
        (answer.status(), serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap())
    };
    assert_eq!(ask("/healthz").await.0, 200);
    let (status, ready) = ask("/readyz").await;
    assert_eq!((status, &ready["status"], &ready["in_flight"]), (200, &"ready".into(), &1.into()));
    assert_eq!((&ready["tape"]["exchanges"], &ready["tape"]["lost_bytes"]), (&1.into(), &0.into()));
    assert_eq!(ask("/else.json").await.0, 404);
    drop(client);
    let counts = || wiretape.tally.counts();
    until("the call has ended", || counts().ended == 1).await;
    wiretape.stop_and_check(1).await;
}
