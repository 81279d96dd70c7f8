//! An export as it runs: bytes for whoever asks for more of them, a file of the command line or a body of the web side.

use std::sync::Arc;

use super::encode::{EncodeError, Encoder, InTalk, InTrace, Step, Wire};
use super::format::{Format, Takes};
use super::walk::{Conversations, Steps, Talks, Traces, Wires, began};
use super::wanted::Wanted;
use crate::model::Micros;
use crate::store::{Store, StoreError};

/// Bytes are handed over when there are so many, or no more.
const PIECE: usize = 64 << 10;

/// Records on their way out. Memory is bounded by the largest item, whatever the number of them.
pub struct Export {
    work: Work,
    state: State,
    written: u64,
    at: Option<Micros>,
}

#[derive(PartialEq)]
enum State {
    New,
    Begun,
    Done,
}

/// What is gone through, and what it is written with.
enum Work {
    Steps(Box<Steps>, Box<dyn Encoder<Step>>),
    Conversations(Box<Conversations>, Box<dyn Encoder<Step>>),
    Wires(Box<Wires>, Box<dyn Encoder<Wire>>),
    Traces(Box<Traces>, Box<dyn Encoder<InTrace>>),
    Talks(Box<Talks>, Box<dyn Encoder<InTalk>>),
}

/// Why an export ended early.
#[derive(Debug)]
pub enum Failed {
    Store(StoreError),
    Encode(EncodeError),
}

impl From<StoreError> for Failed {
    fn from(why: StoreError) -> Self {
        Self::Store(why)
    }
}

impl From<EncodeError> for Failed {
    fn from(why: EncodeError) -> Self {
        Self::Encode(why)
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(why) => why.fmt(f),
            Self::Encode(EncodeError(why)) => f.write_str(why),
        }
    }
}

impl Export {
    pub fn new(store: &Arc<dyn Store>, format: &Format, wanted: Wanted) -> Self {
        let work = match format.takes {
            Takes::Steps(start) => {
                let encoder = start(&wanted);
                Work::Steps(Box::new(Steps::new(store, wanted, true)), encoder)
            }
            Takes::Heads(start) => {
                let encoder = start(&wanted);
                Work::Steps(Box::new(Steps::new(store, wanted, false)), encoder)
            }
            Takes::Conversations(start) => {
                let encoder = start(&wanted);
                Work::Conversations(Box::new(Conversations::new(store, wanted)), encoder)
            }
            Takes::Wires(start) => {
                let encoder = start(&wanted);
                Work::Wires(Box::new(Wires::new(store, wanted)), encoder)
            }
            Takes::Traces(start) => {
                let encoder = start(&wanted);
                Work::Traces(Box::new(Traces::new(store, wanted)), encoder)
            }
            Takes::Talks(start) => {
                let encoder = start(&wanted);
                Work::Talks(Box::new(Talks::new(store, wanted)), encoder)
            }
        };
        Self { work, state: State::New, written: 0, at: None }
    }

    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Failed> {
        let mut out = Vec::new();
        if self.state == State::New {
            self.work.begin(&mut out)?;
            self.state = State::Begun;
        }
        while self.state == State::Begun && out.len() < PIECE {
            match self.work.advance(&mut out).await? {
                Some((written, at)) => {
                    self.written += written;
                    self.at = at.or(self.at);
                }
                None => {
                    self.work.end(&mut out)?;
                    self.state = State::Done;
                }
            }
        }
        Ok((!out.is_empty()).then_some(out))
    }

    /// How many things were written so far: what they are, the form says.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// When what was written last began, so that whoever waits can be told how far it is.
    pub fn at(&self) -> Option<Micros> {
        self.at
    }
}

/// How many things were written, and when what they come from began.
type Advanced = (u64, Option<Micros>);

impl Work {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Steps(_, encoder) | Self::Conversations(_, encoder) => encoder.begin(out),
            Self::Wires(_, encoder) => encoder.begin(out),
            Self::Traces(_, encoder) => encoder.begin(out),
            Self::Talks(_, encoder) => encoder.begin(out),
        }
    }

    /// One item more; `None` where there is none.
    async fn advance(&mut self, out: &mut Vec<u8>) -> Result<Option<Advanced>, Failed> {
        let step = match self {
            Self::Steps(walk, encoder) => (walk.next().await?, encoder),
            Self::Conversations(walk, encoder) => (walk.next().await?, encoder),
            Self::Wires(walk, encoder) => {
                let Some(wire) = walk.next().await? else { return Ok(None) };
                return Ok(Some((encoder.put(&wire, out)?, Some(wire.exchange.began))));
            }
            Self::Traces(walk, encoder) => {
                let Some(item) = walk.next().await? else { return Ok(None) };
                let at = match &item {
                    InTrace::Begin(trace) => Some(trace.summary.first),
                    InTrace::Step(_) | InTrace::End => None,
                };
                return Ok(Some((encoder.put(&item, out)?, at)));
            }
            Self::Talks(walk, encoder) => {
                let Some(item) = walk.next().await? else { return Ok(None) };
                let at = match &item {
                    InTalk::Begin(trace) => Some(trace.summary.first),
                    InTalk::Said { .. } | InTalk::End => None,
                };
                return Ok(Some((encoder.put(&item, out)?, at)));
            }
        };
        let (Some(step), encoder) = step else { return Ok(None) };
        Ok(Some((encoder.put(&step, out)?, began(&step.record))))
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Steps(_, encoder) | Self::Conversations(_, encoder) => encoder.end(out),
            Self::Wires(_, encoder) => encoder.end(out),
            Self::Traces(_, encoder) => encoder.end(out),
            Self::Talks(_, encoder) => encoder.end(out),
        }
    }
}
