//! Heads: request targets, header names, values, order and case, in both directions, compared to the letter.

use crate::support::{Upstream, Wiretape, soon, write};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// Sends `request` (with `{host}` where the host goes) through wiretape, and returns what the upstream saw.
async fn passes(target: &str, headers: &str, body: &str, response: &str) -> (String, String) {
    let upstream = Upstream::new(vec![write(response)]).await;
    let wiretape = Wiretape::before(upstream.address).await;
    let mut client = wiretape.client().await;
    let request = |target: &str, host: String| {
        format!("POST {target} HTTP/1.1\r\n{}\r\n{body}", headers.replace("{host}", &host))
    };
    client.send(request(&format!("/mock{target}"), wiretape.address().to_string())).await;
    let answer = soon(client.response()).await;
    let seen = upstream.requests().remove(0);
    let seen = format!("{}{}", seen.head_text(), String::from_utf8(seen.body.clone()).unwrap());
    assert_eq!(seen, request(target, upstream.address.to_string()));
    wiretape.stop_and_check(1).await;
    (seen, format!("{}{}", answer.head_text(), answer.text()))
}

#[tokio::test]
async fn a_request_head_arrives_to_the_letter() {
    let headers = "Host: {host}\r\naccept: */*\r\nX-Stainless-Lang: python\r\nAUTHORIZATION: Bearer k\r\n\
                   X-Dup: one\r\nX-Dup: two\r\nx-Empty:\r\nX-Latin: caf\u{e9}\r\nContent-Type: application/json\r\n\
                   content-LENGTH: 4\r\nanthropic-beta: a,b\r\n";
    let (_, answer) = passes("/v1/messages?beta=true", headers, "body", OK).await;
    assert_eq!(answer, OK);
}

#[tokio::test]
async fn targets_are_not_touched() {
    for target in [
        "/model/a%3A0/converse",
        "/model/a:0/converse",
        "/v1//double///slash/",
        "/v1/../up/./here",
        "/v1/x?",
        "/v1/x?a=%20+%2B&b=c&&d",
        "/v1/%E2%82%AC?q=%00",
        "/v1/x?url=http://a/b?c=d",
        "/",
        "/v1/{braces}|pipe^caret\"quote",
    ] {
        passes(target, "Host: {host}\r\nContent-Length: 0\r\n", "", OK).await;
    }
}

#[tokio::test]
async fn a_response_head_arrives_to_the_letter() {
    for response in [
        "HTTP/1.1 200 Alright\r\nServer: x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nDATE: then\r\nX-Empty: \r\ncontent-length: 2\r\nX-Request-Id: R\r\n\r\nhi",
        "HTTP/1.1 299 \r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nretry-after-ms: 120\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 529 Overloaded Site\r\nContent-Length: 0\r\nx-should-retry: true\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 1234\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n",
    ] {
        let (_, answer) = passes("/v1/x", "Host: {host}\r\nContent-Length: 0\r\n", "", response).await;
        assert_eq!(answer, response);
    }
}

#[tokio::test]
async fn what_belongs_to_a_hop_or_to_us_stays_here() {
    let upstream = Upstream::new(vec![write(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, x-hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nX-Keep: 2\r\nContent-Length: 0\r\n\r\n",
    )])
    .await;
    let wiretape = Wiretape::before(upstream.address).await;
    let mut client = wiretape.client().await;
    client
        .send(
            "GET /~session=s/mock/~tag=t/x HTTP/1.1\r\nHost: me\r\nConnection: keep-alive, X-Private\r\nX-Private: 1\r\n\
             Keep-Alive: 5\r\nProxy-Connection: keep-alive\r\nX-Wiretape-User: u\r\nProxy-Authorization: Basic eDp5\r\nX-End: 1\r\n\r\n",
        )
        .await;
    let answer = soon(client.response()).await;
    assert_eq!(answer.head_text(), "HTTP/1.1 200 OK\r\nX-Keep: 2\r\nContent-Length: 0\r\n\r\n");
    let seen = upstream.requests().remove(0);
    assert_eq!(
        seen.head_text(),
        format!("GET /x HTTP/1.1\r\nHost: {}\r\nX-End: 1\r\n\r\n", upstream.address)
    );
    wiretape.stop_and_check(1).await;
}

#[tokio::test]
async fn a_head_request_is_answered_with_a_head() {
    let response = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nX-A: b\r\n\r\n";
    let upstream = Upstream::new(vec![write(response)]).await;
    let wiretape = Wiretape::before(upstream.address).await;
    let mut client = wiretape.client().await;
    for _ in 0..2 {
        client.send("HEAD /mock/x HTTP/1.1\r\nHost: me\r\n\r\n").await;
        assert_eq!(soon(client.response_to_head()).await.head_text(), response);
    }
    assert_eq!(upstream.connections(), 1, "both calls went over one connection");
    wiretape.stop_and_check(2).await;
}

#[tokio::test]
async fn a_client_of_http_1_0_is_served() {
    let upstream = Upstream::new(vec![write(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    )])
    .await;
    let wiretape = Wiretape::before(upstream.address).await;
    let mut client = wiretape.client().await;
    client.send("GET /mock/x HTTP/1.0\r\nHost: me\r\n\r\n").await;
    assert_eq!(String::from_utf8(soon(client.rest()).await).unwrap(), "HTTP/1.0 200 OK\r\n\r\nhi");
    wiretape.stop_and_check(1).await;
}
