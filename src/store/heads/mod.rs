//! An exchange without its bodies, in three parts: what its request's head has in common with many others (the shape), the
//! same of the response, and the values that are its own. Pure; the shapes are pieces, and stored once.

mod block;
mod form;
mod habit;
mod value;

use bytes::Bytes;

use self::block::{put_block, read_block};
pub use self::form::{Known, put_form, read_form};
pub use self::habit::Habits;
use super::pieces::{Reader, put, put_bytes, put_signed};
use crate::model::{Body, Closer, Ending, Exchange, ExchangeId, Head, Headers, Label, Micros};

/// An exchange's heads, packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    pub request: Vec<u8>,
    pub response: Option<Vec<u8>>,
    pub values: Vec<u8>,
}

/// Of the values, and of both shapes. What is read says which it is; what is written is the newest.
const VERSION: u8 = 1;

/// Everything of an exchange but its bodies' bytes and chunks.
pub fn pack(exchange: &Exchange, habits: &mut Habits) -> Packed {
    let Exchange {
        id: _,
        upstream,
        provider,
        dialect,
        method,
        target,
        forwarded,
        version,
        headers,
        labels,
        upgrade,
        began,
        request,
        informational,
        head,
        response,
        redactions,
    } = exchange;
    let mut values = vec![VERSION];
    put(&mut values, began.0);
    let mut shape = vec![VERSION];
    for text in [upstream, provider, method, version] {
        put_bytes(&mut shape, text.as_bytes());
    }
    put_text_option(&mut shape, dialect.as_deref());
    shape.push(u8::from(*upgrade));
    put(&mut shape, labels.len() as u64);
    for Label { key, value } in labels {
        put_bytes(&mut shape, key.as_bytes());
        put_bytes(&mut shape, value.as_bytes());
    }
    put_url(&mut shape, &mut values, target.as_deref(), habits, "target");
    put_url(&mut shape, &mut values, Some(forwarded), habits, "forwarded");
    put_block(&mut shape, &mut values, headers, *began, habits);
    let response_shape = head.as_ref().map(|head| pack_head(head, &mut values, *began, habits));
    put(&mut values, informational.len() as u64);
    for (status, at) in informational {
        put(&mut values, u64::from(*status));
        put_time(&mut values, *at, *began);
    }
    put(&mut values, redactions.len() as u64);
    redactions.iter().for_each(|redaction| put_bytes(&mut values, redaction.as_bytes()));
    put_body(&mut values, request, *began);
    put_body(&mut values, response, *began);
    Packed { request: shape, response: response_shape, values }
}

/// The exchange again, its bodies still empty. `None` where what is read is damaged.
pub fn unpack(id: ExchangeId, request: &[u8], response: Option<&[u8]>, values: &[u8]) -> Option<Exchange> {
    let (mut shape, mut values) = (Reader(request), Reader(values));
    if (shape.byte()?, values.byte()?) != (VERSION, VERSION) {
        return None;
    }
    let began = Micros(values.number()?);
    let mut text = || shape.text().map(str::to_owned);
    let (upstream, provider, method, version) = (text()?, text()?, text()?, text()?);
    let dialect = text_option(&mut shape)?;
    let upgrade = shape.byte()? != 0;
    let labels = (0..shape.number()?)
        .map(|_| Some(Label { key: shape.text()?.to_owned(), value: shape.text()?.to_owned() }))
        .collect::<Option<_>>()?;
    let target = read_url(&mut shape, &mut values)?;
    let forwarded = read_url(&mut shape, &mut values)??;
    let headers = read_block(&mut shape, &mut values, began)?;
    let head = match response {
        Some(response) => Some(unpack_head(response, &mut values, began)?),
        None => None,
    };
    let informational = (0..values.number()?)
        .map(|_| Some((u16::try_from(values.number()?).ok()?, time(&mut values, began)?)))
        .collect::<Option<_>>()?;
    let redactions =
        (0..values.number()?).map(|_| values.text().map(str::to_owned)).collect::<Option<_>>()?;
    let (request, response) = (read_body(&mut values, began)?, read_body(&mut values, began)?);
    Some(Exchange {
        id,
        upstream,
        provider,
        dialect,
        method,
        target,
        forwarded,
        version,
        headers,
        labels,
        upgrade,
        began,
        request,
        informational,
        head,
        response,
        redactions,
    })
}

fn pack_head(head: &Head, values: &mut Vec<u8>, began: Micros, habits: &mut Habits) -> Vec<u8> {
    let Head { at, status, version, headers, ours } = head;
    let mut shape = vec![VERSION];
    put(&mut shape, u64::from(*status));
    put_bytes(&mut shape, version.as_bytes());
    shape.push(u8::from(*ours));
    put_time(values, *at, began);
    put_block(&mut shape, values, headers, began, habits);
    shape
}

fn unpack_head(shape: &[u8], values: &mut Reader, began: Micros) -> Option<Head> {
    let mut shape = Reader(shape);
    if shape.byte()? != VERSION {
        return None;
    }
    let status = u16::try_from(shape.number()?).ok()?;
    let version = shape.text()?.to_owned();
    let ours = shape.byte()? != 0;
    let at = time(values, began)?;
    let headers = read_block(&mut shape, values, began)?;
    Some(Head { at, status, version, headers, ours })
}

/// A body's end, trailers and losses.
fn put_body(values: &mut Vec<u8>, body: &Body, began: Micros) {
    let Body { bytes: _, decoded, chunks: _, trailers, end, lost } = body;
    let ending = match end {
        None => 0,
        Some((_, Ending::Complete)) => 1,
        Some((_, Ending::Broken { by, .. })) => 2 + closer_number(*by),
    };
    values.push(
        ending | u8::from(*decoded) << 3 | u8::from(trailers.is_some()) << 4 | u8::from(*lost > 0) << 5,
    );
    if let Some((at, ending)) = end {
        put_time(values, *at, began);
        if let Ending::Broken { by: _, why } = ending {
            put_bytes(values, why.as_bytes());
        }
    }
    if let Some(trailers) = trailers {
        put_bytes(values, trailers.as_bytes());
    }
    if *lost > 0 {
        put(values, *lost);
    }
}

fn read_body(values: &mut Reader, began: Micros) -> Option<Body> {
    let flags = values.byte()?;
    let end = match flags & 7 {
        0 => None,
        ending => {
            let at = time(values, began)?;
            let ending = match ending {
                1 => Ending::Complete,
                by => Ending::Broken { by: closer(by - 2)?, why: values.text()?.to_owned() },
            };
            Some((at, ending))
        }
    };
    let trailers = match flags & 16 {
        0 => None,
        _ => Some(Headers::from_lines(values.bytes()?)),
    };
    let lost = if flags & 32 == 0 { 0 } else { values.number()? };
    Some(Body { bytes: Bytes::new(), decoded: flags & 8 != 0, chunks: Vec::new(), trailers, end, lost })
}

fn closer_number(closer: Closer) -> u8 {
    match closer {
        Closer::Client => 0,
        Closer::Upstream => 1,
        Closer::Us => 2,
    }
}

fn closer(number: u8) -> Option<Closer> {
    [Closer::Client, Closer::Upstream, Closer::Us].get(usize::from(number)).copied()
}

fn put_time(to: &mut Vec<u8>, at: Micros, began: Micros) {
    put_signed(to, at.0.wrapping_sub(began.0).cast_signed());
}

fn time(from: &mut Reader, began: Micros) -> Option<Micros> {
    Some(Micros(began.0.wrapping_add(from.signed()?.cast_unsigned())))
}

fn put_text_option(to: &mut Vec<u8>, text: Option<&str>) {
    to.push(u8::from(text.is_some()));
    if let Some(text) = text {
        put_bytes(to, text.as_bytes());
    }
}

fn text_option(from: &mut Reader) -> Option<Option<String>> {
    match from.byte()? {
        0 => Some(None),
        _ => Some(Some(from.text()?.to_owned())),
    }
}

/// Most calls go to the same few paths; some have an id in theirs.
fn put_url(shape: &mut Vec<u8>, values: &mut Vec<u8>, url: Option<&str>, habits: &mut Habits, which: &str) {
    match url {
        None => shape.push(0),
        Some(url) if habits.changes(which, url.as_bytes()) => {
            shape.push(2);
            put_bytes(values, url.as_bytes());
        }
        Some(url) => {
            shape.push(1);
            put_bytes(shape, url.as_bytes());
        }
    }
}

fn read_url(shape: &mut Reader, values: &mut Reader) -> Option<Option<String>> {
    let url = match shape.byte()? {
        0 => return Some(None),
        1 => shape.text()?,
        _ => values.text()?,
    };
    Some(Some(url.to_owned()))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
