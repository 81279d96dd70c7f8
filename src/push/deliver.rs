//! A batch to its destination, and what the answer means.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::counts::Counters;
use super::destination::Destination;
use crate::export::otlp::{Coding, Span, gzip};
use crate::model::Micros;
use crate::proxy::client::{Answer, Client};
use crate::store::Outgoing;

/// A span that is ready to go.
#[derive(Clone, Debug)]
pub struct Ready {
    pub what: Outgoing,
    pub span: Span,
    /// Bytes that it takes, before compression.
    pub bytes: usize,
}

/// What a destination says to a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Taken {
        rejected: u64,
        why: String,
    },
    /// Not now.
    Later {
        after: Option<Duration>,
        why: String,
    },
    /// Never: the spans are to blame.
    Never {
        why: String,
    },
}

/// What was settled: taken, or refused for good.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    pub sent: Vec<Outgoing>,
    pub parked: Vec<(Outgoing, String)>,
}

/// Why not all could be delivered now.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    pub after: Option<Duration>,
    pub why: String,
}

/// A server that fails at a batch so often in a row has trouble with what is in it.
const MOST_FAILURES: u32 = 5;

/// Sends to one destination.
pub struct Sender<'a> {
    pub client: &'a Client,
    pub destination: &'a Destination,
    pub counters: &'a Counters,
    /// Answers in a row that said that the server itself failed.
    pub failures: u32,
}

impl Sender<'_> {
    /// Delivers a batch. A batch that is refused is halved, until what is to blame stands alone. What is settled is told of
    /// at once, so that it is kept before anything else is tried.
    pub async fn deliver<F>(
        &mut self,
        batch: Vec<Ready>,
        mut settled: impl FnMut(Settled) -> F,
    ) -> Result<(), Wait>
    where
        F: Future<Output = Result<(), Wait>>,
    {
        let mut parts = VecDeque::from([batch]);
        while let Some(mut part) = parts.pop_front() {
            match self.post(&part).await {
                Verdict::Taken { rejected, why } => {
                    self.counters.add(&self.counters.sent, part.len());
                    self.counters.add(&self.counters.rejected, usize::try_from(rejected).unwrap_or(0));
                    let name = &self.destination.name;
                    if rejected > 0 || !why.is_empty() {
                        tracing::warn!(destination = name, rejected, "not all spans were taken: {why}");
                    }
                    let sent = part.into_iter().map(|ready| ready.what).collect();
                    settled(Settled { sent, ..Settled::default() }).await?;
                }
                Verdict::Later { after, why } => {
                    self.counters.add(&self.counters.failed, 1);
                    return Err(Wait { after, why });
                }
                Verdict::Never { .. } if part.len() > 1 => {
                    let rest = part.split_off(part.len() / 2);
                    parts.push_front(rest);
                    parts.push_front(part);
                }
                Verdict::Never { why } => {
                    self.counters.add(&self.counters.parked, part.len());
                    let name = &self.destination.name;
                    tracing::warn!(destination = name, "a span was refused, and is kept aside: {why}");
                    let parked = part.into_iter().map(|ready| (ready.what, why.clone())).collect();
                    settled(Settled { parked, ..Settled::default() }).await?;
                }
            }
        }
        Ok(())
    }

    async fn post(&mut self, part: &[Ready]) -> Verdict {
        let Destination { form, coding, target, path, headers, config, .. } = self.destination;
        let spans = part.iter().map(|ready| ready.span.clone()).collect();
        let mut body = coding.encode(&form.request(spans));
        if config.gzip {
            body = gzip(&body);
        }
        match self.client.post(target, path, headers, Bytes::from(body), config.timeout).await {
            Err(why) => Verdict::Later { after: None, why },
            Ok(answer) => {
                let failed = matches!(answer.status, 500 | 501 | 505..);
                self.failures = if failed { self.failures + 1 } else { 0 };
                let verdict = verdict(&answer, *coding, self.failures >= MOST_FAILURES);
                if matches!(verdict, Verdict::Never { .. }) {
                    self.failures = 0;
                }
                verdict
            }
        }
    }
}

/// What an answer means.
fn verdict(answer: &Answer, sent_as: Coding, fails_on: bool) -> Verdict {
    let coding = answer.header("content-type").and_then(Coding::of).unwrap_or(sent_as);
    let why = || {
        let said = std::str::from_utf8(&answer.body).unwrap_or_default();
        let printable: String = said.chars().filter(|c| !c.is_control()).take(300).collect();
        format!("HTTP {} {printable}", answer.status).trim_end().to_owned()
    };
    match answer.status {
        200..=299 => {
            let (rejected, why) = coding.rejected(&answer.body).unwrap_or_default();
            Verdict::Taken { rejected, why }
        }
        408 | 429 | 502..=504 => Verdict::Later { after: retry_after(answer), why: why() },
        // The address or the credentials are wrong, and not the spans: these wait until somebody has put that right.
        300..=399 | 401 | 403 | 404 | 405 | 407 | 415 => {
            Verdict::Later { after: retry_after(answer), why: why() }
        }
        500.. if !fails_on => Verdict::Later { after: retry_after(answer), why: why() },
        _ => Verdict::Never { why: why() },
    }
}

/// No destination is waited for longer than this at a time.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// Seconds, or a date.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let text = answer.header("retry-after")?.trim();
    let wait = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => {
            let until = http_date(text)?;
            Duration::from_micros(until.0.saturating_sub(Micros::now().0))
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Wed, 21 Oct 2026 07:28:00 GMT`
fn http_date(text: &str) -> Option<Micros> {
    let (_, date) = text.split_once(", ")?;
    let mut words = date.strip_suffix(" GMT")?.split(' ');
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|known| *known == month)? + 1;
    Micros::parse_rfc3339(&format!("{year}-{month:02}-{day}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Answer { status, headers, body: Bytes::copy_from_slice(body) }
    }

    #[test]
    fn answers_are_understood() {
        let of = |status, headers: &[(&str, &str)], body: &[u8]| {
            verdict(&answer(status, headers, body), Coding::Protobuf, false)
        };
        assert_eq!(of(200, &[], b""), Verdict::Taken { rejected: 0, why: String::new() });
        let partial = Coding::Protobuf.answer(2, "too old");
        let taken = Verdict::Taken { rejected: 2, why: "too old".to_owned() };
        assert_eq!(of(200, &[], &partial), taken);
        let json = [("content-type", "application/json; charset=utf-8")];
        assert_eq!(of(200, &json, &Coding::Json.answer(2, "too old")), taken);
        for (status, after) in [(429, 7), (503, 1)] {
            let seconds = after.to_string();
            let Verdict::Later { after: waited, .. } = of(status, &[("retry-after", &seconds)], b"") else {
                panic!("{status}");
            };
            assert_eq!(waited, Some(Duration::from_secs(after)));
        }
        for status in [307, 401, 403, 404, 415, 500, 502, 504] {
            assert!(matches!(of(status, &[], b""), Verdict::Later { after: None, .. }), "{status}");
        }
        for status in [400, 413, 422] {
            let why = format!("HTTP {status} bad");
            assert_eq!(of(status, &[], b"bad"), Verdict::Never { why }, "{status}");
        }
        assert!(matches!(verdict(&answer(500, &[], b""), Coding::Json, true), Verdict::Never { .. }));
    }

    #[test]
    fn dates_are_read() {
        let at = http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap();
        assert_eq!(at.rfc3339(), "2026-10-21T07:28:00.000000Z");
        assert_eq!(http_date("tomorrow"), None);
        let past = answer(503, &[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], b"");
        assert_eq!(retry_after(&past), Some(Duration::ZERO));
        assert_eq!(retry_after(&answer(503, &[("retry-after", "1e9")], b"")), Some(LONGEST_WAIT));
    }
}
