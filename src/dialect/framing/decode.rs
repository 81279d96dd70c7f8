//! Taking the content-encoding off a copy of the bytes, as they come: whatever can be told after a push is handed out,
//! because providers flush what they compress with each event.

use std::fmt;

use super::beside::Beside;
use super::coding::{self, Coding};

/// How much may come out of how little.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes that may come out of one coding, all told.
    pub size: u64,
    /// Bytes that may come out for each that went in. The first MiB is free: a short text of one letter is no bomb.
    pub ratio: u64,
}

/// Output that is not held against the ratio.
const FREE: u64 = 1 << 20;
/// Room for what one step writes.
const ROOM: usize = 16 << 10;
/// Nobody applies more codings than this with good reason.
const MOST_STAGES: usize = 4;

/// Why the bytes cannot be decoded, or not beyond what came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes are not what the coding allows, or more follow behind its end.
    Corrupt,
    /// More came out than the bounds allow.
    TooLarge,
    /// The stream ended before the coding did. All that could be told has been handed out.
    Unterminated,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Corrupt => "the compressed bytes are corrupt",
            Self::TooLarge => "the compressed bytes hold more than is allowed",
            Self::Unterminated => "the compressed bytes end too early",
        })
    }
}

/// A content-encoding that has no decoder here, or is a list too long to be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCoding(pub Vec<u8>);

impl fmt::Display for UnknownCoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "content-encoding {} is not known", self.0.escape_ascii())
    }
}

/// Takes off one content-encoding, which may be a chain of codings.
pub struct Decoder {
    /// In the order in which they are taken off.
    stages: Vec<Stage>,
    bounds: Bounds,
    fault: Option<Fault>,
    /// What the codings' bytes say beside what comes out of them, where that is wanted.
    beside: Vec<u8>,
}

struct Stage {
    coding: Box<dyn Coding>,
    room: Box<[u8]>,
    read: u64,
    written: u64,
    /// How many of the bytes read have come out of the last stage, as far as they say anything.
    told: u64,
    beside: Beside,
}

impl Decoder {
    /// For the header's value; of several such headers, their values joined by commas. An empty one is no encoding.
    pub fn new(content_encoding: &[u8], bounds: Bounds) -> Result<Self, UnknownCoding> {
        let names = content_encoding.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let mut stages = Vec::new();
        for name in names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity")) {
            let coding = coding::named(name).filter(|_| stages.len() < MOST_STAGES);
            let coding = coding.ok_or_else(|| UnknownCoding(content_encoding.to_vec()))?;
            let beside = Beside::Nothing;
            stages.push(Stage { coding, room: vec![0; ROOM].into(), read: 0, written: 0, told: 0, beside });
        }
        // They are named in the order in which they were applied.
        stages.reverse();
        Ok(Self { stages, bounds, fault: None, beside: Vec::new() })
    }

    /// The same, which keeps what stands beside what comes out: see [`Self::beside`]. It takes as much room as it has.
    pub fn with_beside(content_encoding: &[u8], bounds: Bounds) -> Result<Self, UnknownCoding> {
        let mut decoder = Self::new(content_encoding, bounds)?;
        let names = content_encoding.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let names = names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"));
        for (stage, name) in decoder.stages.iter_mut().rev().zip(names) {
            stage.beside = Beside::of(name);
        }
        Ok(decoder)
    }

    /// The next bytes. What comes out of them goes to `out`; after a fault, nothing more does.
    pub fn push(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8])) -> Result<(), Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let result = run(&mut self.stages, self.bounds, bytes, &mut self.beside, out);
        self.fault = result.err();
        result
    }

    /// The stream ended here.
    pub fn finish(&mut self) -> Result<(), Fault> {
        let whole = self.stages.iter().all(|stage| stage.coding.is_whole());
        let fault = self.fault.or((!whole).then_some(Fault::Unterminated));
        fault.map_or(Ok(()), Err)
    }

    /// How many of the bytes pushed have come out, as far as they say anything and as nearly as that can be told.
    pub fn told(&self) -> u64 {
        self.stages.first().map_or(0, |stage| stage.told)
    }

    /// What the bytes say that does not come out: names and comments of gzip's members, zstd's frames that are skipped, and
    /// what can be read in brotli's bytes as they stand.
    pub fn beside(&mut self) -> &[u8] {
        for stage in &mut self.stages {
            stage.beside.finish(&mut self.beside);
        }
        &self.beside
    }

    /// Something was pushed that may yet come out: it stands in a block that is decoded once it is there as a whole.
    pub fn holds_back(&self) -> bool {
        self.stages.iter().any(|stage| !stage.coding.is_settled())
    }
}

fn run(
    stages: &mut [Stage],
    bounds: Bounds,
    mut bytes: &[u8],
    beside: &mut Vec<u8>,
    out: &mut dyn FnMut(&[u8]),
) -> Result<(), Fault> {
    let Some((stage, rest)) = stages.split_first_mut() else {
        out(bytes);
        return Ok(());
    };
    if bytes.is_empty() {
        return Ok(());
    }
    loop {
        let (step, fault) = match stage.coding.step(bytes, &mut stage.room) {
            Ok(step) => (step, None),
            Err(corrupt) => (corrupt.before, Some(Fault::Corrupt)),
        };
        let read = bytes.get(..step.read).unwrap_or(bytes);
        stage.beside.see(read, stage.coding.is_whole(), beside);
        stage.read += step.read as u64;
        let allowed = stage.allowed(bounds, step.written);
        stage.written += allowed as u64;
        run(rest, bounds, stage.room.get(..allowed).unwrap_or_default(), beside, out)?;
        let is_settled = stage.coding.is_settled() && rest.iter().all(|stage| stage.coding.is_settled());
        if allowed == step.written && is_settled {
            stage.told = stage.read;
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
        if allowed < step.written {
            return Err(Fault::TooLarge);
        }
        bytes = bytes.get(step.read..).unwrap_or_default();
        let idle = step.read == 0 && step.written == 0;
        if idle || bytes.is_empty() && step.written < stage.room.len() {
            return Ok(());
        }
    }
}

impl Stage {
    /// How many of the bytes just written the bounds allow.
    fn allowed(&self, bounds: Bounds, written: usize) -> usize {
        let ratio = self.read.saturating_mul(bounds.ratio).max(FREE);
        let left = bounds.size.min(ratio).saturating_sub(self.written);
        usize::try_from(left).map_or(written, |left| left.min(written))
    }
}

#[cfg(test)]
mod tests;
