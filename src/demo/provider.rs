//! The provider that the demo's calls go to: a server on loopback that answers what was put on the stage, and anyone
//! else with a few words in the format in which it was asked.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Sleep;

use super::random::Random;
use super::stage::{Ending, Stage, Staged};
use super::talk::{Answer, Refusal, Reply, Usage, tokens};
use super::wire;

/// What everyone else is told.
const GREETING: &str = "This is the provider of wiretape's demo, which knows no more than its lines. Your call has \
    come through the recorder all the same: look for it on the page, with its bytes, its tokens and its timing.";

/// What was written before a break goes out first.
const BEFORE_THE_BREAK: Duration = Duration::from_millis(20);

/// The stage, once there is one: the provider has to be there before the proxy is.
pub type Curtain = Arc<OnceLock<Arc<Stage>>>;

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, curtain: Curtain) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((socket, _)) = accepted else { continue };
                let _ = socket.set_nodelay(true);
                let curtain = Arc::clone(&curtain);
                connections.spawn(async move {
                    let service = hyper::service::service_fn(|request| answer(request, &curtain));
                    // That a client left, or was left, is part of the play.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service)
                        .await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(request: Request<Incoming>, curtain: &Curtain) -> Result<Response<Paced>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let body = body.unwrap_or_default();
    let staged = curtain.get().and_then(|stage| stage.take(&body));
    let staged = staged.unwrap_or_else(|| improvised(&path, &body));
    tokio::time::sleep(staged.think).await;
    let mut response = Response::builder().status(staged.status).header("content-type", staged.content_type);
    for (name, value) in &staged.headers {
        response = response.header(name, value);
    }
    let paced = Paced { pieces: staged.pieces, gap: staged.gap, ending: staged.ending, pause: None };
    Ok(response.body(paced).unwrap_or_else(|why| {
        tracing::error!("the demo's answer is not HTTP: {why}");
        Response::new(Paced { ending: Ending::Breaks, ..Paced::default() })
    }))
}

/// What someone is answered who is not of the play.
fn improvised(path: &str, body: &Bytes) -> Staged {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let wire = wire::ALL.iter().find(|wire| (wire.is_path)(path));
    let Some(wire) = wire.filter(|_| asked.is_object()) else {
        let message =
            "the demo's provider speaks Messages, Chat Completions, Responses and generateContent only";
        let refusal = Refusal { status: 404, kind: "not_found_error", message };
        return json_answer(404, &(wire::CHAT.refusal)(&refusal));
    };
    let model = asked.get("model").and_then(Value::as_str).unwrap_or("gemini-3.8-flash").to_owned();
    let text = String::from_utf8(body.to_vec()).unwrap_or_default();
    let id = format!("{}{}", wire.id_prefix, Random::of(&text).letters(22));
    let usage = Usage { input: tokens(&text), output: tokens(GREETING), ..Usage::default() };
    let reply = Reply { text: GREETING.to_owned(), ..Reply::default() };
    let answer = Answer { id, model, reply, usage };
    if asked.get("stream") == Some(&json!(true)) || path.contains(":stream") {
        let pieces = (wire.events)(&answer).into_iter().map(Bytes::from).collect();
        let gap = Duration::from_millis(40);
        return Staged { pieces, gap, content_type: "text/event-stream", ..json_answer(200, &Value::Null) };
    }
    json_answer(200, &(wire.whole)(&answer))
}

fn json_answer(status: u16, body: &Value) -> Staged {
    Staged { status, think: Duration::from_millis(150), ..Staged::at_once(body) }
}

/// A body that comes piece by piece.
#[derive(Debug, Default)]
struct Paced {
    pieces: VecDeque<Bytes>,
    gap: Duration,
    ending: Ending,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let Some(piece) = self.pieces.pop_front() else {
            return match self.ending {
                Ending::Whole => Poll::Ready(None),
                Ending::Breaks => Poll::Ready(Some(Err(std::io::Error::other("the provider breaks off")))),
                // The connection ends when the client leaves, and this with it.
                Ending::Waits => Poll::Pending,
            };
        };
        let breaks = self.pieces.is_empty() && self.ending == Ending::Breaks;
        let gap = if breaks { self.gap.max(BEFORE_THE_BREAK) } else { self.gap };
        if !gap.is_zero() {
            self.pause = Some(Box::pin(tokio::time::sleep(gap)));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && self.ending == Ending::Whole
    }

    fn size_hint(&self) -> SizeHint {
        match (self.pieces.len(), self.ending) {
            (1, Ending::Whole) => SizeHint::with_exact(self.pieces[0].len() as u64),
            _ => SizeHint::default(),
        }
    }
}
