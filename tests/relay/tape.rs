//! What the tape is told of a call: heads, chunks, endings and who ended it; never the proxy's own token; and what is
//! lost when it does not keep up.

use std::time::Duration;

use wiretape::model::setting::{ByteSize, Secret};
use wiretape::model::{Closer, Direction, Ending};
use wiretape::tape::{Event, Record};

use crate::support::{Kept, Step, Upstream, Wiretape, noise, soon, until, write};

const ASK: &str =
    "POST /mock/v1/x?q=1 HTTP/1.1\r\nHost: me\r\nX-Dup: a\r\nX-Dup: b\r\nContent-Length: 2\r\n\r\nhi";

fn records(kept: &Kept) -> Vec<Record> {
    std::mem::take(&mut *kept.0.lock().unwrap())
}

fn bytes(records: &[Record], direction: Direction) -> Vec<u8> {
    let data = records.iter().filter_map(|record| match &record.event {
        Event::Data(d, bytes) | Event::Last(d, bytes) if *d == direction => Some(bytes.to_vec()),
        _ => None,
    });
    data.flatten().collect()
}

fn ending(records: &[Record], direction: Direction) -> Ending {
    let mut endings = records.iter().filter_map(|record| match &record.event {
        Event::Last(d, _) if *d == direction => Some(Ending::Complete),
        Event::Closed { direction: d, ending, .. } if *d == direction => Some(ending.clone()),
        _ => None,
    });
    let ending = endings.next().expect("an ending");
    assert_eq!(endings.next(), None, "one ending a direction");
    ending
}

fn broken_by(records: &[Record], direction: Direction) -> Option<Closer> {
    match ending(records, direction) {
        Ending::Complete => None,
        Ending::Broken { by, .. } => Some(by),
    }
}

/// One call through a wiretape whose tape is kept; `stop` decides when the client has had enough.
async fn call(steps: Vec<Step>, request: &str, leave_after: Option<&[u8]>) -> Vec<Record> {
    let upstream = Upstream::new(steps).await;
    let (wiretape, kept) = Wiretape::recording(&format!("http://{}", upstream.address), |config| {
        config.proxy.token = Some(Secret::new("s3cret"));
    })
    .await;
    let mut client = wiretape.client().await;
    client.send(request.replace("/mock/", "/~token=s3cret,session=s%201/mock/")).await;
    match leave_after {
        Some(text) => {
            client.until(text).await;
            drop(client);
            upstream.saw_gone(1).await;
        }
        None => {
            soon(client.response()).await;
        }
    }
    wiretape.stop().await;
    records(&kept)
}

#[tokio::test]
async fn a_call_is_told_whole_and_in_order() {
    let response = "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let steps =
        vec![write(response), Step::Wait(Duration::from_millis(50)), write("6\r\n world\r\n0\r\n\r\n")];
    let records = call(steps, ASK, None).await;
    let Event::Begin(begin) = &records[0].event else { panic!("{records:?}") };
    assert_eq!(
        (&*begin.upstream, begin.method.as_str(), begin.forwarded.as_str()),
        ("mock", "POST", "/v1/x?q=1")
    );
    let headers: Vec<_> = begin.headers.iter().collect();
    assert_eq!(headers[1..3], [("x-dup", &b"a"[..]), ("x-dup", &b"b"[..])]);
    let labels: Vec<_> =
        begin.labels.iter().map(|label| (label.key.as_str(), label.value.as_str())).collect();
    assert_eq!(labels, [("session", "s 1")]);
    let head = records.iter().find_map(|record| match &record.event {
        Event::Head(head) => Some(head),
        _ => None,
    });
    assert!(head.is_some_and(|head| head.status == 200 && !head.ours));
    assert_eq!(bytes(&records, Direction::Request), b"hi");
    assert_eq!(bytes(&records, Direction::Response), b"hello world");
    assert_eq!(ending(&records, Direction::Request), Ending::Complete);
    assert_eq!(ending(&records, Direction::Response), Ending::Complete);
    assert!(records.windows(2).all(|pair| pair[0].at <= pair[1].at && pair[0].exchange == pair[1].exchange));
    let chunks: Vec<_> =
        records.iter().filter(|r| matches!(r.event, Event::Data(Direction::Response, _))).collect();
    assert!(chunks.len() == 2 && chunks[1].at.0 - chunks[0].at.0 >= 40_000, "each chunk has its time");
    assert!(!format!("{records:?}").contains("s3cret"), "the proxy's own token is not for the tape");
}

#[tokio::test]
async fn who_broke_it_off_is_told() {
    let begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n";
    let records = call(vec![write(begun), Step::AwaitGone], ASK, Some(b"some")).await;
    assert_eq!(broken_by(&records, Direction::Response), Some(Closer::Client));
    assert_eq!(bytes(&records, Direction::Response), b"some");
    let records =
        call(vec![write(begun), Step::Wait(Duration::from_millis(50)), Step::Reset], ASK, None).await;
    assert_eq!(broken_by(&records, Direction::Response), Some(Closer::Upstream));
    let records = call(vec![Step::Close], ASK, None).await;
    assert_eq!(broken_by(&records, Direction::Response), Some(Closer::Upstream));
    let ours = records.iter().any(|record| matches!(&record.event, Event::Head(head) if head.ours));
    assert!(ours, "the 502 is known as this program's");
}

#[tokio::test]
async fn a_stop_is_told_as_ours() {
    let begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n";
    let upstream = Upstream::new(vec![write(begun), Step::AwaitGone]).await;
    let (wiretape, kept) = Wiretape::recording(&format!("http://{}", upstream.address), |_| {}).await;
    let mut client = wiretape.client().await;
    client.send(ASK).await;
    client.until(b"some").await;
    wiretape.stop().await;
    assert_eq!(broken_by(&records(&kept), Direction::Response), Some(Closer::Us));
}

/// A queue too small for a body: the call passes whole, the tape has a prefix of it and says how much is missing.
#[tokio::test]
async fn what_does_not_fit_is_cut_and_counted_and_the_call_goes_on() {
    let body = noise(4 << 20, 9);
    let mut response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    response.extend(&body);
    let upstream = Upstream::new(vec![Step::Write(response)]).await;
    let (wiretape, kept) = Wiretape::recording(&format!("http://{}", upstream.address), |config| {
        config.proxy.workers = 1;
        config.tape.queue_bytes = ByteSize(10_000);
    })
    .await;
    let mut client = wiretape.client().await;
    client.send(ASK).await;
    assert!(soon(client.response()).await.body == body);
    until("the tape has been read", || kept.0.lock().unwrap().len() > 2).await;
    let books = wiretape.stop().await;
    let records = records(&kept);
    let told = bytes(&records, Direction::Response);
    assert!(told.len() < body.len() && body.starts_with(&told), "a prefix: cut, never holed");
    let lost = records.iter().find_map(|record| match &record.event {
        Event::Closed { direction: Direction::Response, lost, .. } => Some(*lost),
        _ => None,
    });
    assert_eq!(lost, Some((body.len() - told.len()) as u64));
    assert_eq!((books.counts.lost_bytes, books.counts.cut_bodies), (lost.unwrap(), 1));
}

/// A queue that has no room for a single exchange: nothing is recorded, everything passes, and it is counted.
#[tokio::test]
async fn a_full_queue_costs_records_and_no_calls() {
    let upstream = Upstream::new(vec![write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]).await;
    let (wiretape, kept) = Wiretape::recording(&format!("http://{}", upstream.address), |config| {
        config.proxy.workers = 1;
        config.tape.queue_events = 2;
    })
    .await;
    let mut client = wiretape.client().await;
    for _ in 0..10 {
        client.send(ASK).await;
        assert_eq!(soon(client.response()).await.text(), "ok");
    }
    let books = wiretape.stop().await;
    assert_eq!((books.counts.exchanges, books.counts.lost_exchanges), (0, 10));
    assert!(records(&kept).is_empty());
}
