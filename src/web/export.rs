//! What one sees, as a file: every form of export, with the filters of the pages, written while it is sent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use http_body::Frame;

use super::fault::Fault;
use super::query::Query;
use super::shared::Shared;
use crate::export::{Export, FORMATS, Failed, Leave, Sample, Wanted, format};

/// What it takes beside filters.
const OTHERS: &[&str] =
    &["format", "limit", "raw", "sample", "seed", "no_content", "redact", "after", "order"];

pub fn export(shared: &Shared, query: &Query) -> Result<Response, Fault> {
    let name = query.first("format").unwrap_or("jsonl");
    let form = format(name).ok_or_else(|| {
        let names: Vec<&str> = FORMATS.iter().map(|form| form.name).collect();
        Fault::asked(format!("format={name}: expected one of {}", names.join(", ")))
    })?;
    let wanted = wanted(shared, query)?;
    let export = Export::new(shared.store()?, form, wanted);
    let file = format!("attachment; filename=\"wiretape.{}\"", form.extension);
    let headers = [
        (header::CONTENT_TYPE, form.media_type.to_owned()),
        (header::CONTENT_DISPOSITION, file),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::new(Stream { step: Some(Box::pin(step(export))) })).into_response())
}

fn wanted(shared: &Shared, query: &Query) -> Result<Wanted, Fault> {
    let sample = match query.first("sample") {
        Some(share) => {
            let share = crate::export::share(share).map_err(|why| Fault::asked(format!("sample: {why}")))?;
            Some(Sample { share, seed: query.number("seed")?.unwrap_or(0) as u64 })
        }
        None => None,
    };
    let redactor = query.has("redact").then(|| shared.leaving.clone()).flatten();
    if query.has("redact") && redactor.is_none() {
        return Err(Fault::asked("redact: there are no rules here"));
    }
    Ok(Wanted {
        filter: query.filter(OTHERS)?,
        limit: query.number("limit")?,
        sample,
        raw: query.has("raw"),
        origins: Arc::clone(&shared.origins),
        leave: Arc::new(Leave { no_content: query.has("no_content"), redactor }),
    })
}

type Stepped = (Export, Result<Option<Vec<u8>>, Failed>);

async fn step(mut export: Export) -> Stepped {
    let next = export.next().await;
    (export, next)
}

/// An export as a body: the next piece is made when the last one has gone.
struct Stream {
    step: Option<Pin<Box<dyn Future<Output = Stepped> + Send>>>,
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let Some(step) = &mut self.step else { return Poll::Ready(None) };
        let (export, next) = std::task::ready!(step.as_mut().poll(context));
        match next {
            Ok(Some(bytes)) => {
                self.step = Some(Box::pin(self::step(export)));
                Poll::Ready(Some(Ok(Frame::data(bytes.into()))))
            }
            Ok(None) => {
                self.step = None;
                Poll::Ready(None)
            }
            // The answer has begun: that it breaks off is all that can be said now.
            Err(why) => {
                self.step = None;
                tracing::warn!("an export broke off: {why}");
                Poll::Ready(Some(Err(std::io::Error::other(why.to_string()))))
            }
        }
    }
}
