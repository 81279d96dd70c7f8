//! The parts all framings are made of: bytes of a frame that is not whole yet, and a byte order mark to step over.

/// Capacity that is kept from one frame to the next. Most frames are smaller; one that was not gives its room back.
const KEPT: usize = 16 << 10;

/// Bytes of a frame that is not whole yet, up to a limit. Past it they are dropped, and it remembers that.
pub(super) struct Held {
    bytes: Vec<u8>,
    limit: usize,
    over: bool,
}

impl Held {
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, over: false }
    }

    pub(super) fn add(&mut self, more: &[u8]) {
        if self.over || more.len() > self.limit - self.bytes.len() {
            self.over = true;
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(more);
        }
    }

    /// What is held; `None` where it was more than the limit.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        (!self.over).then_some(&self.bytes)
    }

    /// Nothing is held, and nothing was dropped.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.over
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.over = false;
        empty(&mut self.bytes);
    }
}

/// Empties a buffer, and gives back its room where that is large.
pub(super) fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT);
}

/// JSON's white space.
pub(super) fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

pub(super) fn trim_start(bytes: &[u8]) -> &[u8] {
    let white = bytes.iter().take_while(|byte| is_white(**byte)).count();
    bytes.get(white..).unwrap_or_default()
}

pub(super) fn trim_end(bytes: &[u8]) -> &[u8] {
    let white = bytes.iter().rev().take_while(|byte| is_white(**byte)).count();
    bytes.get(..bytes.len() - white).unwrap_or_default()
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Steps over a byte order mark at the start of a stream, also where it comes in pieces.
#[derive(Default)]
pub(super) struct Bom {
    /// How much of it has matched; past that once the question is settled.
    seen: usize,
}

impl Bom {
    /// How many bytes at the start of these belong to the mark, and those that were taken for its beginning before but
    /// were not: they come first.
    pub(super) fn strip(&mut self, bytes: &[u8]) -> (usize, &'static [u8]) {
        let before = self.seen;
        for (at, byte) in bytes.iter().enumerate() {
            if self.seen >= BOM.len() {
                return (at, &[]);
            }
            if BOM[self.seen] != *byte {
                self.seen = BOM.len();
                return (0, &BOM[..before]);
            }
            self.seen += 1;
        }
        (bytes.len(), &[])
    }

    /// The stream ended: bytes that were taken for the mark's beginning but were not.
    pub(super) fn rest(&mut self) -> &'static [u8] {
        let seen = std::mem::replace(&mut self.seen, BOM.len());
        if seen < BOM.len() { &BOM[..seen] } else { &[] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_stepped_over_however_it_is_cut() {
        for (text, left) in [
            (&b"\xef\xbb\xbfab"[..], &b"ab"[..]),
            (b"\xef\xbb\xbf\xef\xbb\xbf", b"\xef\xbb\xbf"),
            (b"\xef\xbbab", b"\xef\xbbab"),
            (b"ab\xef\xbb\xbf", b"ab\xef\xbb\xbf"),
            (b"\xef\xbb", b"\xef\xbb"),
            (b"", b""),
        ] {
            for cut in 0..=text.len() {
                let (mut bom, mut found) = (Bom::default(), Vec::new());
                for part in [&text[..cut], &text[cut..]] {
                    let (stripped, first) = bom.strip(part);
                    found.extend_from_slice(first);
                    found.extend_from_slice(&part[stripped..]);
                }
                found.extend_from_slice(bom.rest());
                assert_eq!(found, left, "{} cut at {cut}", text.escape_ascii());
            }
        }
    }

    #[test]
    fn what_is_above_the_limit_is_dropped_for_good() {
        let mut held = Held::new(3);
        held.add(b"abc");
        assert_eq!(held.bytes(), Some(&b"abc"[..]));
        held.add(b"d");
        held.add(b"");
        assert_eq!((held.bytes(), held.len(), held.is_empty()), (None, 0, false));
        held.clear();
        assert!(held.is_empty());
    }
}
