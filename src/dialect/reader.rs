//! Reads one HTTP exchange: the request as a whole, the response as it comes.

use serde_json::Value;

use super::again::Again;
use super::framing::{Auto, Bounds, Content, Decoder, Event, Fault, Framing, Kind};
use super::json::parse;
use super::{Answer, AnswerHead, Call, Dialect, Heard, error, find};
use crate::model::{Answered, Asked, Body, Exchange, Micros, Reading};

/// The longest frame, or whole JSON body, that is read.
const LARGEST: usize = 64 << 20;
/// What may come out of a content-encoding.
const BOUNDS: Bounds = Bounds { size: 1 << 30, ratio: 1_000 };
/// How much of a body that is no events is kept to read from.
const BEGINNING: usize = 256 << 10;

/// Listens to one exchange.
pub struct Reader {
    dialect: &'static dyn Dialect,
    call: Call,
    asked: Asked,
    hearing: Option<Hearing>,
}

/// An answer that has begun.
struct Hearing {
    head: AnswerHead,
    decoder: Option<Decoder>,
    framing: Auto,
    /// How the decoded body begins: that of a failed call, or one that is not known to be events.
    beginning: Vec<u8>,
    length: u64,
    last: Micros,
    ears: Ears,
    problems: Vec<String>,
}

/// What the events are told to.
struct Ears {
    /// `None`: the call failed, and the dialect is not asked.
    answer: Option<Box<dyn Answer>>,
    /// The first JSON of a failed call's body.
    error: Option<Value>,
    kind: Option<Kind>,
    heard: u64,
    again: Again,
}

impl Reader {
    /// `None` where no dialect knows the call.
    pub fn new(call: Call) -> Option<Self> {
        let dialect = find(&call)?;
        Some(Self { dialect, call, asked: Asked::default(), hearing: None })
    }

    /// Reads what there is of an exchange.
    pub fn over(exchange: &Exchange) -> Option<Self> {
        let mut reader = Self::new(Call::of(exchange))?;
        let encoding = exchange.headers.joined("content-encoding");
        reader.request(if exchange.request.decoded { b"" } else { &encoding }, &exchange.request.bytes);
        if let Some(head) = &exchange.head {
            let decoded = exchange.response.decoded;
            reader.head(AnswerHead { status: head.status, headers: head.headers.clone() }, decoded);
            if decoded {
                // Where the wire's chunks were in these bytes is not known any more.
                let at = exchange.response.chunks.first().map_or(0, |chunk| chunk.after);
                reader.response(&exchange.response.bytes, Micros(exchange.began.0 + at));
            } else {
                in_chunks(exchange.began, &exchange.response, |bytes, at| reader.response(bytes, at));
            }
        }
        Some(reader)
    }

    /// The request's body, whole or as far as it came.
    pub fn request(&mut self, content_encoding: &[u8], body: &[u8]) {
        match decode(content_encoding, body) {
            Ok(None) => self.asked = self.dialect.asked(&self.call, body),
            Ok(Some((decoded, fault))) => {
                self.asked = self.dialect.asked(&self.call, &decoded);
                self.asked.problems.extend(fault.map(|fault| format!("request: {fault}")));
            }
            Err(why) => {
                self.asked = self.dialect.asked(&self.call, b"");
                self.asked.problems = vec![format!("request: {why}")];
            }
        }
    }

    /// What was asked.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// The response's head. `plain`: its body's content-encoding has been taken off.
    pub fn head(&mut self, head: AnswerHead, plain: bool) {
        let encoding = if plain { Vec::new() } else { head.headers.joined("content-encoding") };
        let (decoder, problems) = match Decoder::new(&encoding, BOUNDS) {
            Ok(decoder) => (Some(decoder), Vec::new()),
            Err(why) => (None, vec![format!("response: {why}")]),
        };
        let framing = Auto::new(head.headers.get("content-type"), LARGEST);
        let answer = (head.status < 400).then(|| self.dialect.answer(&self.call, &head));
        let ears = Ears { answer, error: None, kind: None, heard: 0, again: Again::default() };
        let last = Micros(0);
        self.hearing =
            Some(Hearing { head, decoder, framing, beginning: Vec::new(), length: 0, last, ears, problems });
    }

    /// The next bytes of the response's body, and when they came.
    pub fn response(&mut self, bytes: &[u8], at: Micros) {
        if let Some(hearing) = &mut self.hearing {
            hearing.bytes(bytes, at);
        }
    }

    /// The end. A stream that broke off is read as far as it came.
    pub fn finish(mut self) -> Vec<Reading> {
        let operation = self.dialect.operation(&self.call);
        let name = self.dialect.name();
        let (answered, more) = match self.hearing.take() {
            Some(hearing) => hearing.finish(&mut self.asked),
            None => (Answered::default(), Vec::new()),
        };
        let reading =
            Reading { dialect: name, operation, asked: self.asked, answered, start: None, end: None };
        let mut readings = vec![reading];
        readings.extend(more);
        readings
    }
}

impl Hearing {
    fn bytes(&mut self, bytes: &[u8], at: Micros) {
        self.last = at;
        let Self { decoder: Some(decoder), framing, beginning, length, ears, problems, .. } = self else {
            return;
        };
        let result = decoder.push(bytes, &mut |plain| {
            *length += plain.len() as u64;
            if ears.answer.is_none() || matches!(ears.kind, None | Some(Kind::Opaque)) {
                let room = BEGINNING.saturating_sub(beginning.len()).min(plain.len());
                beginning.extend_from_slice(plain.get(..room).unwrap_or_default());
            }
            let mut rest = plain;
            // Which framing it is shows by the first bytes, and the first event is told with it: so one at a time till then.
            while ears.kind.is_none()
                && let Some((first, behind)) = rest.split_at_checked(1)
            {
                framing.push(first, &mut |frame| ears.frame(&frame.content, at, problems));
                ears.kind = framing.kind();
                rest = behind;
            }
            framing.push(rest, &mut |frame| ears.frame(&frame.content, at, problems));
        });
        if let Err(fault) = result {
            problems.push(format!("response: {fault}"));
            self.decoder = None;
        }
    }

    fn finish(mut self, asked: &mut Asked) -> (Answered, Vec<Reading>) {
        let Self { head, decoder, framing, beginning, length, last, ears, problems } = &mut self;
        if let Some(Err(fault)) = decoder.as_mut().map(Decoder::finish) {
            problems.push(format!("response: {fault}"));
        }
        framing.finish(&mut |frame| ears.frame(&frame.content, *last, problems));
        let kind = framing.kind();
        let streamed = matches!(kind, Some(Kind::Sse | Kind::Ndjson | Kind::EventStream));
        let Some(mut answer) = ears.answer.take() else {
            let error = error::of_response(head.status, &head.headers, ears.error.as_ref(), beginning);
            let problems = std::mem::take(problems);
            let answered = Answered { error: Some(error), complete: true, problems, ..Answered::default() };
            return (answered, Vec::new());
        };
        if matches!(kind, Some(Kind::Opaque)) {
            answer.opaque(beginning, *length, *last);
        }
        asked.streamed |= streamed;
        let finished = answer.finish(asked);
        let mut answered = finished.answered;
        if !asked.streamed {
            answered.first_token = None;
        }
        answered.problems.append(problems);
        (answered, finished.more)
    }
}

impl Ears {
    fn frame(&mut self, content: &Content<'_>, at: Micros, problems: &mut Vec<String>) {
        match content {
            Content::Event(event) => self.event(event, at),
            Content::Problem(problem) => problems.push(format!("response: {problem}")),
            Content::Ping(_) | Content::Pong(_) | Content::Close { .. } => {}
        }
    }

    fn event(&mut self, event: &Event<'_>, at: Micros) {
        self.heard += 1;
        let streamed = !matches!(self.kind, None | Some(Kind::Json));
        if let (Some(answer), true) = (&mut self.answer, streamed && !event.error)
            && let Some(text) = self.again.text(event)
        {
            return answer.more(&text, at);
        }
        let json = match parse(event.data) {
            Ok(json) => json,
            Err(_) if streamed && is_lines(event.data) => {
                let lines = event.data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                return lines.for_each(|data| self.event(&Event { data, ..*event }, at));
            }
            Err(_) => Value::Null,
        };
        let Some(answer) = &mut self.answer else {
            if self.error.is_none() && !json.is_null() {
                self.error = Some(json);
            }
            return;
        };
        let name = std::str::from_utf8(event.name).unwrap_or_default();
        answer.event(Heard { name, json, data: event.data, at, error: event.error, streamed });
        if streamed {
            self.again.keep(event, answer.goes_on().filter(|_| !event.error));
        }
    }
}

/// Whether an event's data are events themselves, a line each: some servers leave out the blank lines between.
fn is_lines(data: &[u8]) -> bool {
    let mut lines = data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let is_object = |line: &[u8]| line.starts_with(b"{") && parse(line).is_ok();
    lines.next().is_some_and(is_object) && lines.next().is_some()
}

/// Decoded bytes, and why there are no more of them.
type Plain = (Vec<u8>, Option<Fault>);

/// A body with its content-encoding taken off; `None` where it has none. A body that breaks off is decoded as far as it goes.
fn decode(content_encoding: &[u8], body: &[u8]) -> Result<Option<Plain>, String> {
    if content_encoding.is_empty() {
        return Ok(None);
    }
    let mut decoder = Decoder::new(content_encoding, BOUNDS).map_err(|why| why.to_string())?;
    let mut plain = Vec::new();
    let fault =
        decoder.push(body, &mut |bytes| plain.extend_from_slice(bytes)).and_then(|()| decoder.finish()).err();
    Ok(Some((plain, fault)))
}

/// A body's bytes chunk by chunk, as they came on the wire.
pub(super) fn in_chunks(began: Micros, body: &Body, mut out: impl FnMut(&[u8], Micros)) {
    let mut rest: &[u8] = &body.bytes;
    let mut last = began;
    for chunk in &body.chunks {
        let length = usize::try_from(chunk.length).unwrap_or(usize::MAX).min(rest.len());
        let (piece, behind) = rest.split_at(length);
        last = Micros(began.0 + chunk.after);
        if !piece.is_empty() {
            out(piece, last);
        }
        rest = behind;
    }
    if !rest.is_empty() {
        out(rest, last);
    }
}
