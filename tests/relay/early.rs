//! Answers before the answer, and answers of our own.

use std::time::Duration;

use crate::support::{Step, Upstream, Wiretape, read_message, soon, write};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn early_hints_go_on_before_the_answer() {
    for wait in [Duration::ZERO, Duration::from_millis(100)] {
        let steps = vec![
            write("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"),
            Step::Wait(wait),
            write("HTTP/1.1 102 Processing\r\n\r\n"),
            Step::Wait(wait),
            write(OK),
        ];
        let upstream = Upstream::new(steps).await;
        let wiretape = Wiretape::before(upstream.address).await;
        let mut client = wiretape.client().await;
        for _ in 0..2 {
            client.send("GET /mock/x HTTP/1.1\r\nHost: me\r\n\r\n").await;
            let hints = soon(client.response()).await;
            assert_eq!((hints.status(), hints.header("link")), (103, Some("</a>; rel=preload")));
            assert_eq!(soon(client.response()).await.status(), 102);
            assert_eq!(
                soon(client.response()).await.head_text(),
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
            );
        }
        wiretape.stop_and_check(2).await;
    }
}

/// The upstream reads the head, waits, says 100, and only then gets the body, which the client has held back until then.
#[tokio::test]
async fn a_100_lets_the_body_through() {
    use tokio::io::AsyncWriteExt as _;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut buffer = Vec::new();
        let head = read_message(&mut socket, &mut buffer, true, true).await.unwrap();
        assert_eq!(head.header("expect"), Some("100-continue"));
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(buffer.is_empty() && socket.try_read(&mut [0; 1]).is_err(), "no body before the 100");
        socket.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        let mut body = [0; 4];
        tokio::io::AsyncReadExt::read_exact(&mut socket, &mut body).await.unwrap();
        assert_eq!(&body, b"body");
        socket.write_all(OK.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
    });
    let wiretape = Wiretape::before(address).await;
    let mut client = wiretape.client().await;
    client
        .send("POST /mock/x HTTP/1.1\r\nHost: me\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await;
    assert_eq!(soon(client.response()).await.head_text(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("body").await;
    assert_eq!(soon(client.response()).await.text(), "ok");
    wiretape.stop_and_check(1).await;
}

#[tokio::test]
async fn an_answer_instead_of_a_100_arrives_and_no_body_is_asked_for() {
    let upstream = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move {
            use tokio::io::AsyncWriteExt as _;
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = Vec::new();
            read_message(&mut socket, &mut buffer, true, true).await.unwrap();
            socket.write_all(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            tokio::time::sleep(Duration::from_secs(5)).await;
        });
        (address, tasks)
    };
    let wiretape = Wiretape::before(upstream.0).await;
    let mut client = wiretape.client().await;
    client
        .send("POST /mock/x HTTP/1.1\r\nHost: me\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await;
    assert_eq!(soon(client.response()).await.status(), 417);
    wiretape.stop_and_check(1).await;
}

#[tokio::test]
async fn an_upstream_that_ignores_the_expectation_gets_the_body_after_a_moment() {
    let upstream = Upstream::new(vec![write(OK)]).await;
    let wiretape = Wiretape::before(upstream.address).await;
    let mut client = wiretape.client().await;
    client
        .send("POST /mock/x HTTP/1.1\r\nHost: me\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await;
    assert_eq!(soon(client.response()).await.status(), 100);
    client.send("body").await;
    assert_eq!(soon(client.response()).await.text(), "ok");
    assert_eq!(upstream.requests()[0].body, b"body");
    wiretape.stop_and_check(1).await;
}

async fn error_for(request: &[u8]) -> (u16, serde_json::Value) {
    let upstream = Upstream::new(vec![write(OK)]).await;
    let wiretape = Wiretape::before(upstream.address).await;
    let mut answers = Vec::new();
    // On a fresh connection, and on one that has carried a call.
    for calls in [0, 1] {
        let mut client = wiretape.client().await;
        for _ in 0..calls {
            client.send("GET /mock/x HTTP/1.1\r\nHost: me\r\n\r\n").await;
            assert_eq!(soon(client.response()).await.text(), "ok");
        }
        client.send(request).await;
        let answer = soon(client.response()).await;
        assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.head_text());
        answers.push((answer.status(), serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap()));
    }
    assert_eq!(answers[0], answers[1]);
    wiretape.stop().await;
    answers.remove(0)
}

#[tokio::test]
async fn bad_input_gets_a_clear_answer() {
    let large = format!("GET /mock/x HTTP/1.1\r\nHost: me\r\nX-Large: {}\r\n\r\n", "x".repeat(400 << 10));
    let long = format!("GET /mock/{} HTTP/1.1\r\nHost: me\r\n\r\n", "x".repeat(70_000));
    for (request, status, kind) in [
        ("GARBAGE\r\n\r\n", 400, "wiretape_malformed_request"),
        ("GET /mock/x HTTP/1.1\r\nbad header\r\n\r\n", 400, "wiretape_malformed_request"),
        ("GET /mock/x HTTP/9.9\r\nHost: me\r\n\r\n", 400, "wiretape_malformed_request"),
        (&long, 414, "wiretape_target_too_long"),
        ("GET /nowhere HTTP/1.1\r\nHost: me\r\n\r\n", 404, "wiretape_unknown_route"),
        ("CONNECT api.openai.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", 404, "wiretape_unknown_route"),
    ] {
        let (got, json) = error_for(request.as_bytes()).await;
        assert_eq!(
            (got, &json["error"]["type"]),
            (status, &kind.into()),
            "{}",
            &request[..request.len().min(60)]
        );
        assert!(!json["error"]["message"].as_str().unwrap().is_empty());
    }
    let (got, json) = error_for(large.as_bytes()).await;
    assert_eq!((got, &json["error"]["type"]), (431, &"wiretape_headers_too_large".into()));
}

/// An upstream's own empty 400 must not be taken for an error of ours.
#[tokio::test]
async fn an_upstreams_errors_stay_its_own() {
    for response in [
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    ] {
        let upstream = Upstream::new(vec![write(response)]).await;
        let wiretape = Wiretape::before(upstream.address).await;
        let mut client = wiretape.client().await;
        for _ in 0..3 {
            client.send("GET /mock/x HTTP/1.1\r\nHost: me\r\n\r\n").await;
            let answer = soon(client.response()).await;
            assert_eq!(answer.header("content-length"), Some("0"));
            assert_eq!(answer.header("content-type"), None);
        }
        wiretape.stop_and_check(3).await;
    }
}

#[tokio::test]
async fn a_slow_client_is_not_waited_for() {
    let upstream = Upstream::new(vec![write(OK)]).await;
    let url = format!("http://{}", upstream.address);
    let wiretape =
        Wiretape::with(&url, |config| config.proxy.header_timeout = Duration::from_millis(200)).await;
    for begun in ["", "G", "GET /mock/x HTTP/1.1\r\nHost: me\r\nX-Unfinished: "] {
        let mut client = wiretape.client().await;
        client.send(begun).await;
        assert!(soon(client.rest()).await.is_empty(), "closed without a word after {begun:?}");
    }
    wiretape.stop_and_check(0).await;
}

#[tokio::test]
async fn above_the_limit_calls_are_shed() {
    let upstream =
        Upstream::new(vec![write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Step::AwaitGone])
            .await;
    let url = format!("http://{}", upstream.address);
    let wiretape = Wiretape::with(&url, |config| config.proxy.max_in_flight = 2).await;
    let ask = "GET /mock/x HTTP/1.1\r\nHost: me\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut client = wiretape.client().await;
        client.send(ask).await;
        client.until(b"\r\n\r\n").await;
        open.push(client);
    }
    let mut third = wiretape.client().await;
    third.send(ask).await;
    let answer = soon(third.response()).await;
    assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("1")));
    open.clear();
    upstream.saw_gone(2).await;
    third.send(ask).await;
    third.until(b"HTTP/1.1 200 OK").await;
    drop(third);
    wiretape.stop_and_check(3).await;
}

#[tokio::test]
async fn a_token_is_asked_for_and_taken_off() {
    let upstream = Upstream::new(vec![write(OK)]).await;
    let url = format!("http://{}", upstream.address);
    let wiretape = Wiretape::with(&url, |config| {
        config.proxy.token = Some(wiretape::model::setting::Secret::new("s3cret"));
    })
    .await;
    let mut client = wiretape.client().await;
    let ask =
        |path: &str, header: &str| format!("GET {path} HTTP/1.1\r\nHost: me\r\n{header}X-End: 1\r\n\r\n");
    client.send(ask("/mock/x", "Authorization: Bearer provider-key\r\n")).await;
    let answer = soon(client.response()).await;
    assert_eq!(answer.status(), 401);
    assert!(answer.text().contains("wiretape_unauthorized"));
    let expected = format!("GET /x HTTP/1.1\r\nHost: {}\r\nX-End: 1\r\n\r\n", upstream.address);
    for (path, header) in [
        ("/mock/x", "X-Wiretape-Token: s3cret\r\n"),
        ("/mock/x", "Authorization: Basic czNjcmV0Og==\r\n"),
        ("/~token=s3cret/mock/x", ""),
        ("/mock/~token=s3cret/x", ""),
    ] {
        client.send(ask(path, header)).await;
        assert_eq!(soon(client.response()).await.status(), 200, "{path} {header}");
        assert_eq!(upstream.requests().pop().unwrap().head_text(), expected);
    }
    wiretape.stop_and_check(4).await;
}
