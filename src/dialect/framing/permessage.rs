//! Compressed WebSocket messages (RFC 7692, `permessage-deflate`): what was agreed, and the inflating.

use flate2::{Decompress, FlushDecompress, Status};

use crate::model::Direction;

/// What was agreed about the messages of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMessageDeflate {
    /// A message may refer back to those before it.
    pub takeover: bool,
    /// How far back, as a power of two. Inflating needs no less room for less, so that nothing depends on it.
    pub window_bits: u8,
}

impl PerMessageDeflate {
    /// Reads the response's `Sec-WebSocket-Extensions`: what holds for messages that go this way, or `None` where they
    /// are not compressed.
    pub fn agreed(extensions: &[u8], direction: Direction) -> Option<Self> {
        let (no_takeover, window) = match direction {
            Direction::Request => (&b"client_no_context_takeover"[..], &b"client_max_window_bits"[..]),
            Direction::Response => (&b"server_no_context_takeover"[..], &b"server_max_window_bits"[..]),
        };
        extensions.split(|byte| *byte == b',').find_map(|extension| {
            let mut parts = extension.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            if !parts.next()?.eq_ignore_ascii_case(b"permessage-deflate") {
                return None;
            }
            let mut agreed = Self { takeover: true, window_bits: 15 };
            for part in parts {
                let mut sides = part.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
                let name = sides.next().unwrap_or_default();
                if name.eq_ignore_ascii_case(no_takeover) {
                    agreed.takeover = false;
                } else if name.eq_ignore_ascii_case(window) {
                    agreed.window_bits = sides.next().and_then(window_bits).unwrap_or(15);
                }
            }
            Some(agreed)
        })
    }
}

/// 8 to 15, in quotes or not.
fn window_bits(value: &[u8]) -> Option<u8> {
    let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    let bits = std::str::from_utf8(bare).ok()?.parse().ok()?;
    (8..=15).contains(&bits).then_some(bits)
}

/// What the sender leaves off each message's end.
const TAIL: &[u8] = &[0, 0, 0xff, 0xff];

pub(super) struct Inflate {
    raw: Decompress,
    takeover: bool,
    /// A message did not inflate: what later ones refer back to is missing.
    broken: bool,
}

impl Inflate {
    pub(super) fn new(agreed: PerMessageDeflate) -> Self {
        Self { raw: Decompress::new(false), takeover: agreed.takeover, broken: false }
    }

    /// Inflates the next bytes of a message. What comes of them goes to `out`. Says how many of them cannot be inflated.
    pub(super) fn push(&mut self, mut bytes: &[u8], out: &mut dyn FnMut(&[u8])) -> usize {
        let mut room = [0; 8192];
        while !self.broken {
            let (read, written) = (self.raw.total_in(), self.raw.total_out());
            let status = self.raw.decompress(bytes, &mut room, FlushDecompress::None);
            let read = usize::try_from(self.raw.total_in() - read).unwrap_or(usize::MAX);
            let written = usize::try_from(self.raw.total_out() - written).unwrap_or(usize::MAX);
            out(room.get(..written).unwrap_or_default());
            bytes = bytes.get(read..).unwrap_or_default();
            match status {
                Err(_) => self.broken = true,
                // A sender may end the deflate stream with a message, and begin another.
                Ok(Status::StreamEnd) => self.raw.reset(false),
                Ok(_) if read == 0 && written == 0 => return 0,
                Ok(_) if bytes.is_empty() && written < room.len() => return 0,
                Ok(_) => {}
            }
        }
        // What the fault is in has been read, and says nothing either.
        bytes.len().max(1)
    }

    /// The message ends here: hands out what is left of it, and gets ready for the next. Says whether this one was sound.
    pub(super) fn end_message(&mut self, out: &mut dyn FnMut(&[u8])) -> bool {
        self.push(TAIL, out);
        let sound = !self.broken;
        if !self.takeover {
            self.renew();
        }
        sound
    }

    /// The message at hand lost its end: what later ones refer back to may be missing.
    pub(super) fn abandon_message(&mut self) {
        self.broken = true;
        if !self.takeover {
            self.renew();
        }
    }

    fn renew(&mut self) {
        self.raw.reset(false);
        self.broken = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_agreed_is_read_for_each_direction() {
        let read = |text: &[u8], direction| PerMessageDeflate::agreed(text, direction);
        let plain = Some(PerMessageDeflate { takeover: true, window_bits: 15 });
        assert_eq!(read(b"permessage-deflate", Direction::Request), plain);
        let text =
            b"x-other; a=b , Permessage-Deflate; server_no_context_takeover ;client_max_window_bits = \"10\"";
        assert_eq!(
            read(text, Direction::Response),
            Some(PerMessageDeflate { takeover: false, window_bits: 15 })
        );
        assert_eq!(
            read(text, Direction::Request),
            Some(PerMessageDeflate { takeover: true, window_bits: 10 })
        );
        assert_eq!(read(b"permessage-deflate; client_max_window_bits=99", Direction::Request), plain);
        assert_eq!(read(b"permessage-bzip2, x; permessage-deflate", Direction::Request), None);
        assert_eq!(read(b"", Direction::Response), None);
    }
}
