//! Server-sent events: what is being said, and calls as they come into the store.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use serde_json::Value;
use tokio::sync::mpsc::Receiver;

use super::fault::Fault;
use super::page::{self, live_row};
use super::shared::Shared;
use crate::export::summary::line;
use crate::recorder::{Live, News};
use crate::store::{Order, Page, Store, StoreError};

/// How often the store is asked whether something is new, while somebody looks.
const PAUSE: Duration = Duration::from_millis(200);
/// How often it is looked whether somebody does.
const IDLE: Duration = Duration::from_millis(500);
/// Of what came in the meantime so many are shown: nobody reads more.
const MOST: usize = 100;
/// So that both sides notice when the other has gone.
const PING: Duration = Duration::from_secs(15);

/// The news, for as long as somebody listens.
pub fn events(shared: &Shared) -> Result<Response, Fault> {
    let live = shared.live.as_ref().ok_or_else(|| Fault {
        status: StatusCode::SERVICE_UNAVAILABLE,
        message: "nothing is recorded here".to_owned(),
    })?;
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    // Lets the page know at once that it is connected, and how soon to come back.
    let hello = Some(Bytes::from_static(b"retry: 1000\n\n"));
    Ok((headers, Body::new(Stream { hello, news: live.watch() })).into_response())
}

/// News as a body.
struct Stream {
    hello: Option<Bytes>,
    news: Receiver<News>,
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(hello) = self.hello.take() {
            return Poll::Ready(Some(Ok(Frame::data(hello))));
        }
        let news = std::task::ready!(self.news.poll_recv(context));
        Poll::Ready(news.map(|News { kind, data }| {
            // JSON has no line breaks of its own.
            let text =
                if kind == "ping" { ":\n\n".to_owned() } else { format!("event: {kind}\ndata: {data}\n\n") };
            Ok(Frame::data(text.into()))
        }))
    }
}

/// Tells of calls as they come into the store, as long as somebody looks.
pub async fn follow(shared: Arc<Shared>) {
    let (Some(live), Ok(store)) = (shared.live.clone(), shared.store().cloned()) else {
        return std::future::pending().await;
    };
    let mut known = HashMap::new();
    let mut version = None;
    let mut pinged = tokio::time::Instant::now();
    loop {
        if !live.is_watched() {
            (known, version) = (HashMap::new(), None);
            tokio::time::sleep(IDLE).await;
            continue;
        }
        if let Ok(now) = store.version().await
            && version != Some(now)
        {
            // What is there already when somebody begins to look stands in the page.
            let is_first = version.is_none();
            version = Some(now);
            if let Err(why) = tell(store.as_ref(), &live, &mut known, is_first).await {
                tracing::debug!("nothing new to show: {why}");
            }
        }
        if pinged.elapsed() > PING {
            pinged = tokio::time::Instant::now();
            live.tell("ping", &Value::Null);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Tells of what is new or has changed among the last.
async fn tell(
    store: &dyn Store,
    live: &Live,
    known: &mut HashMap<String, u64>,
    is_first: bool,
) -> Result<(), StoreError> {
    let last = Page { order: Order::LastRecorded, limit: MOST, after: None };
    let rows = store.list(crate::store::Filter::default(), last).await?;
    let mut now = HashMap::with_capacity(rows.len());
    for row in rows.iter().rev() {
        let mut item = line(row);
        let text = item.to_string();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let id = item.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !is_first && known.get(&id) != Some(&hasher.finish()) {
            item["html"] = live_row(&page::Page::default(), &item).into_string().into();
            live.tell("call", &item);
        }
        now.insert(id, hasher.finish());
    }
    *known = now;
    Ok(())
}
