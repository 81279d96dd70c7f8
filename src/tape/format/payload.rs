//! What a record says, as bytes: a text or a list of bytes is its length (u32) and itself, a choice is one byte.

use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{Method, StatusCode, Version};

use super::{Begin, Bytes, Direction, Headers, ResponseHead};
use crate::model::{Closer, Ending, Label};

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    // What is longer than a u32 tells is longer than a record may be, and is refused as a whole when that is sealed.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

pub(super) fn put_direction(out: &mut Vec<u8>, direction: Direction) {
    out.push(match direction {
        Direction::Request => 0,
        Direction::Response => 1,
    });
}

pub(super) fn put_ending(out: &mut Vec<u8>, ending: &Ending) {
    match ending {
        Ending::Complete => out.push(0),
        Ending::Broken { by, why } => {
            out.push(match by {
                Closer::Client => 1,
                Closer::Upstream => 2,
                Closer::Us => 3,
            });
            put_bytes(out, why.as_bytes());
        }
    }
}

pub(super) fn put_begin(out: &mut Vec<u8>, begin: &Begin) {
    let Begin { upstream, method, target, forwarded, version, headers, labels, upgrade } = begin;
    put_bytes(out, upstream.as_bytes());
    put_bytes(out, method.as_str().as_bytes());
    match target {
        None => out.push(0),
        Some(target) => {
            out.push(1);
            put_bytes(out, target.as_str().as_bytes());
        }
    }
    put_bytes(out, forwarded.as_str().as_bytes());
    put_version(out, *version);
    put_bytes(out, headers.as_bytes());
    out.extend_from_slice(&u32::try_from(labels.len()).unwrap_or(u32::MAX).to_le_bytes());
    for Label { key, value } in labels {
        put_bytes(out, key.as_bytes());
        put_bytes(out, value.as_bytes());
    }
    out.push(u8::from(*upgrade));
}

pub(super) fn put_head(out: &mut Vec<u8>, head: &ResponseHead) {
    let ResponseHead { status, version, headers, ours } = head;
    out.extend_from_slice(&status.as_u16().to_le_bytes());
    put_version(out, *version);
    put_bytes(out, headers.as_bytes());
    out.push(u8::from(*ours));
}

/// Versions as tens and ones.
const VERSIONS: &[(u8, Version)] = &[
    (9, Version::HTTP_09),
    (10, Version::HTTP_10),
    (11, Version::HTTP_11),
    (20, Version::HTTP_2),
    (30, Version::HTTP_3),
];

fn put_version(out: &mut Vec<u8>, version: Version) {
    let known = VERSIONS.iter().find(|(_, known)| *known == version);
    out.push(known.map_or(0, |(number, _)| *number));
}

/// Takes a payload apart from its front. Everything is `None` where the bytes do not go that far or say nothing known.
pub(super) struct Cursor<'a>(pub &'a [u8]);

impl Cursor<'_> {
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub fn byte(&mut self) -> Option<u8> {
        let [byte] = self.array()?;
        Some(byte)
    }

    pub fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.array()?))
    }

    /// All that is left.
    pub fn rest(&mut self) -> Bytes {
        Bytes::copy_from_slice(std::mem::take(&mut self.0))
    }

    fn bytes(&mut self) -> Option<&[u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        self.take(length)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    fn path(&mut self) -> Option<PathAndQuery> {
        let bytes = self.bytes()?;
        // A fragment would be cut off without a word; none is ever written.
        PathAndQuery::try_from(bytes).ok().filter(|path| path.as_str().as_bytes() == bytes)
    }

    pub fn headers(&mut self) -> Option<Headers> {
        self.bytes().map(Headers::from_lines)
    }

    pub fn status(&mut self) -> Option<StatusCode> {
        StatusCode::from_u16(u16::from_le_bytes(self.array()?)).ok()
    }

    fn version(&mut self) -> Option<Version> {
        let number = self.byte()?;
        VERSIONS.iter().find(|(known, _)| *known == number).map(|(_, version)| *version)
    }

    pub fn direction(&mut self) -> Option<Direction> {
        match self.byte()? {
            0 => Some(Direction::Request),
            1 => Some(Direction::Response),
            _ => None,
        }
    }

    pub fn ending(&mut self) -> Option<Ending> {
        let by = match self.byte()? {
            0 => return Some(Ending::Complete),
            1 => Closer::Client,
            2 => Closer::Upstream,
            3 => Closer::Us,
            _ => return None,
        };
        Some(Ending::Broken { by, why: self.text()? })
    }

    pub fn begin(&mut self) -> Option<Begin> {
        Some(Begin {
            upstream: Arc::from(self.text()?),
            method: Method::from_bytes(self.bytes()?).ok()?,
            target: if self.flag()? { Some(self.path()?) } else { None },
            forwarded: self.path()?,
            version: self.version()?,
            headers: self.headers()?,
            labels: self.labels()?,
            upgrade: self.flag()?,
        })
    }

    /// Their number is not trusted with an allocation: it may be damage.
    fn labels(&mut self) -> Option<Vec<Label>> {
        let count = self.u32()?;
        (0..count).map(|_| Some(Label { key: self.text()?, value: self.text()? })).collect()
    }

    pub fn head(&mut self) -> Option<ResponseHead> {
        Some(ResponseHead {
            status: self.status()?,
            version: self.version()?,
            headers: self.headers()?,
            ours: self.flag()?,
        })
    }
}
