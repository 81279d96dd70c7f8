//! An exchange as it is kept: all that went by, with times, less credentials.

use bytes::Bytes;

use super::exchange::{Closer, Direction, Ending, ExchangeId, Label, Micros};
use super::headers::Headers;

/// One HTTP request and its response, or one upgraded connection. What was never seen is absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    pub id: ExchangeId,
    /// The upstream's name.
    pub upstream: String,
    /// Whose rules of accounting hold.
    pub provider: String,
    /// What is spoken, where the configuration says so.
    pub dialect: Option<String>,
    pub method: String,
    /// The request target as the client wrote it; absent where it had a token of ours in it.
    pub target: Option<String>,
    /// The path and query sent on.
    pub forwarded: String,
    /// `HTTP/1.1`
    pub version: String,
    pub headers: Headers,
    pub labels: Vec<Label>,
    /// The client asked to change protocols; the bodies are that protocol's bytes.
    pub upgrade: bool,
    pub began: Micros,
    pub request: Body,
    /// Answers before the answer, as 103.
    pub informational: Vec<(u16, Micros)>,
    pub head: Option<Head>,
    pub response: Body,
    /// What was taken out or changed before it was kept, in words, each once.
    pub redactions: Vec<String>,
}

/// The response's head.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    pub at: Micros,
    pub status: u16,
    pub version: String,
    pub headers: Headers,
    /// This program wrote the answer because the upstream gave none.
    pub ours: bool,
}

/// One direction's body: a prefix of what went by, or all of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// As on the wire, content-encoding and all, unless a redaction had to take that off: see `decoded`.
    pub bytes: Bytes,
    /// The content-encoding was taken off so that what had to go could be taken out.
    pub decoded: bool,
    /// When which bytes came: chunks as lengths on the wire, in order.
    pub chunks: Vec<Chunk>,
    pub trailers: Option<Headers>,
    /// When and how it ended; absent while it goes on, and for good where this program was stopped in its midst.
    pub end: Option<(Micros, Ending)>,
    /// Bytes at the end that went by and were not kept.
    pub lost: u64,
}

impl Body {
    /// Lets go of all bytes there are: from here on they count as lost.
    pub fn lose(&mut self) {
        let kept = std::mem::take(&mut self.bytes).len() as u64;
        // What went by, where that is known: without its content-encoding the body has another length.
        let went_by: u64 = self.chunks.drain(..).map(|chunk| chunk.length).sum();
        self.lost += if went_by > 0 { went_by } else { kept };
    }

    /// Counts so many of the bytes that went by as lost: what is kept says nothing of them.
    pub fn cut(&mut self, mut bytes: u64) {
        self.lost += bytes;
        while let Some(last) = self.chunks.last_mut().filter(|_| bytes > 0) {
            let cut = bytes.min(last.length);
            last.length -= cut;
            bytes -= cut;
            if last.length == 0 {
                self.chunks.pop();
            }
        }
    }
}

/// A piece of a body as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Since the exchange began, in microseconds.
    pub after: u64,
    pub length: u64,
}

impl Exchange {
    pub fn body(&self, direction: Direction) -> &Body {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    pub fn body_mut(&mut self, direction: Direction) -> &mut Body {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }

    /// The path sent on, and its query.
    pub fn path_and_query(&self) -> (&str, Option<&str>) {
        match self.forwarded.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&self.forwarded, None),
        }
    }

    /// When all was over, as far as that is known.
    pub fn ended(&self) -> Option<Micros> {
        let ends = [&self.request.end, &self.response.end].into_iter().flatten();
        ends.map(|(at, _)| *at).max()
    }

    /// Who broke it off, where someone did: the answer's end says it first.
    pub fn broken_by(&self) -> Option<(Closer, &str)> {
        let ends = [&self.response.end, &self.request.end].into_iter().flatten();
        ends.filter_map(|(_, ending)| match ending {
            Ending::Complete => None,
            Ending::Broken { by, why } => Some((*by, why.as_str())),
        })
        .next()
    }

    /// Both directions have ended.
    pub fn is_over(&self) -> bool {
        self.request.end.is_some() && self.response.end.is_some()
    }
}

impl Body {
    /// When the byte at this place (counted on the wire) came; the last chunk's time beyond the end.
    pub fn time_at(&self, began: Micros, place: u64) -> Option<Micros> {
        let mut seen = 0;
        let chunk = self.chunks.iter().find(|chunk| {
            seen += chunk.length;
            seen > place
        });
        chunk.or(self.chunks.last()).map(|chunk| Micros(began.0 + chunk.after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_time_of_their_chunk() {
        let chunk = |after, length| Chunk { after, length };
        let body = Body { chunks: vec![chunk(5, 2), chunk(9, 3)], ..Body::default() };
        let times = [0, 1, 2, 4, 99].map(|place| body.time_at(Micros(100), place).unwrap().0);
        assert_eq!(times, [105, 105, 109, 109, 109]);
        assert_eq!(Body::default().time_at(Micros(100), 0), None);
    }

    #[test]
    fn what_is_cut_off_is_lost_and_went_by_all_the_same() {
        let chunk = |after, length| Chunk { after, length };
        let mut body = Body { chunks: vec![chunk(5, 2), chunk(9, 3)], lost: 1, ..Body::default() };
        for (bytes, chunks, lost) in [
            (0, vec![chunk(5, 2), chunk(9, 3)], 1),
            (1, vec![chunk(5, 2), chunk(9, 2)], 2),
            (3, vec![chunk(5, 1)], 5),
            (9, vec![], 14),
        ] {
            body.cut(bytes);
            assert_eq!((&body.chunks, body.lost), (&chunks, lost));
        }
    }
}
