//! One direction of a WebSocket (RFC 6455): messages out of frames that may be masked, fragmented, interleaved with
//! pings, and compressed.
//!
//! A message is gathered, and inflated, as it comes. One that lost a frame is left out, not handed on with a hole in it.

use super::held::{Held, empty};
use super::permessage::{Inflate, PerMessageDeflate};
use super::{Content, Event, Frame, Framing, Out, Problem};

/// What a ping, a pong or a close may carry at most.
const MOST_CONTROL: u64 = 125;
const LONGEST_HEAD: usize = 14;

pub struct Websocket {
    limit: usize,
    inflate: Option<Inflate>,
    /// Bytes seen.
    at: u64,
    place: Place,
    head: [u8; LONGEST_HEAD],
    head_length: usize,
    message: Option<Message>,
    control: Vec<u8>,
    left_out: u64,
}

enum Place {
    Head,
    Payload(Payload),
    Lost,
}

/// A frame whose head has been read.
struct Payload {
    length: u64,
    left: u64,
    mask: Option<[u8; 4]>,
    /// How many bytes of it have been unmasked, by which the mask is turned.
    turn: usize,
    last: bool,
    into: Into,
}

#[derive(Clone, Copy)]
enum Into {
    Message,
    Control { opcode: u8 },
    Nowhere,
}

/// A message whose first frame has come.
struct Message {
    binary: bool,
    compressed: bool,
    held: Held,
    length: u64,
    /// Bytes on the wire, and how many of them could not be inflated.
    wire: u64,
    unread: u64,
}

impl Message {
    fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.held.add(bytes);
    }
}

/// The first bytes of a frame, read.
struct Head {
    last: bool,
    reserved: u8,
    opcode: u8,
    mask: Option<[u8; 4]>,
    length: u64,
}

impl Head {
    /// `None` while bytes are missing.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[first, second], rest) = bytes.split_first_chunk()?;
        let (length, rest) = match second & 0x7f {
            126 => {
                rest.split_first_chunk().map(|(length, rest)| (u16::from_be_bytes(*length).into(), rest))?
            }
            127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
            length => (u64::from(length), rest),
        };
        let mask = if second & 0x80 == 0 { None } else { Some(*rest.first_chunk()?) };
        Some(Self { last: first & 0x80 != 0, reserved: first & 0x70, opcode: first & 0x0f, mask, length })
    }
}

impl Websocket {
    /// `limit` bounds a message; `deflate` is what was agreed for this direction.
    pub fn new(limit: usize, deflate: Option<PerMessageDeflate>) -> Self {
        Self {
            limit,
            inflate: deflate.map(Inflate::new),
            at: 0,
            place: Place::Head,
            head: [0; LONGEST_HEAD],
            head_length: 0,
            message: None,
            control: Vec::new(),
            left_out: 0,
        }
    }

    /// How many bytes had something in them of which nothing is handed out.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    fn head_byte(&mut self, byte: u8, out: &mut Out<'_>) {
        if let Some(place) = self.head.get_mut(self.head_length) {
            *place = byte;
        }
        self.head_length += 1;
        self.at += 1;
        let Some(head) = Head::read(self.head.get(..self.head_length).unwrap_or(&self.head)) else { return };
        let own = std::mem::take(&mut self.head_length) as u64;
        if head.length >> 63 != 0 {
            self.left_out += own;
            self.report(Problem::Lost { length: head.length }, out);
            self.place = Place::Lost;
            return;
        }
        let into = match self.destination(&head, out) {
            Ok(into) => into,
            Err(why) => {
                self.report(Problem::Malformed(why), out);
                self.left_out += own;
                Into::Nowhere
            }
        };
        if let (Into::Message, Some(message)) = (into, &mut self.message) {
            message.wire += own;
        }
        self.payload(
            Payload {
                length: head.length,
                left: head.length,
                mask: head.mask,
                turn: 0,
                last: head.last,
                into,
            },
            out,
        );
    }

    /// Where this frame's payload goes.
    fn destination(&mut self, head: &Head, out: &mut Out<'_>) -> Result<Into, &'static str> {
        const COMPRESSED: u8 = 0x40;
        let control = head.opcode & 0x08 != 0;
        let begins = matches!(head.opcode, 1 | 2);
        if begins {
            self.leave_message(out);
        }
        let allowed = if begins && self.inflate.is_some() { COMPRESSED } else { 0 };
        if head.reserved & !allowed != 0 {
            if let Some(message) = if control { None } else { self.drop_message() } {
                self.left_out += message.wire;
            }
            return Err("a WebSocket frame uses bits that were not agreed on, and was left out");
        }
        match head.opcode {
            0 if self.message.is_some() => Ok(Into::Message),
            0 => Err("a WebSocket frame continues a message that is not there, and was left out"),
            1 | 2 => {
                self.message = Some(Message {
                    binary: head.opcode == 2,
                    compressed: head.reserved & COMPRESSED != 0,
                    held: Held::new(self.limit),
                    length: 0,
                    wire: 0,
                    unread: 0,
                });
                Ok(Into::Message)
            }
            8..=10 if !head.last || head.length > MOST_CONTROL => {
                Err("a WebSocket control frame is too long or in pieces, and was left out")
            }
            8..=10 => Ok(Into::Control { opcode: head.opcode }),
            _ => Err("a WebSocket frame is of an unknown kind, and was left out"),
        }
    }

    /// A new message begins, or the stream ends: one that was not whole yet is handed out as far as it came.
    fn leave_message(&mut self, out: &mut Out<'_>) {
        if let Some(message) = self.drop_message() {
            self.hand_out(&message, true, out);
        }
    }

    fn drop_message(&mut self) -> Option<Message> {
        let message = self.message.take()?;
        if let Some(inflate) = self.inflate.as_mut().filter(|_| message.compressed) {
            inflate.abandon_message();
        }
        Some(message)
    }

    /// Goes on with a frame: the end of one may be its head's.
    fn payload(&mut self, payload: Payload, out: &mut Out<'_>) {
        self.place = if payload.left > 0 {
            Place::Payload(payload)
        } else {
            match payload.into {
                Into::Message if payload.last => self.message_ended(out),
                Into::Control { opcode } => self.control_ended(opcode, out),
                Into::Message | Into::Nowhere => {}
            }
            Place::Head
        };
    }

    fn take(&mut self, piece: &[u8], into: Into) {
        match into {
            Into::Nowhere => self.left_out += piece.len() as u64,
            Into::Control { .. } => self.control.extend_from_slice(piece),
            Into::Message => {
                let Some(message) = &mut self.message else { return };
                message.wire += piece.len() as u64;
                match &mut self.inflate {
                    Some(inflate) if message.compressed => {
                        message.unread += inflate.push(piece, &mut |bytes| message.add(bytes)) as u64;
                    }
                    _ => message.add(piece),
                }
            }
        }
    }

    /// Says whether all of the message could be inflated.
    fn end_compressed(&mut self, message: &mut Message) -> bool {
        let inflate = self.inflate.as_mut();
        inflate.is_some_and(|inflate| inflate.end_message(&mut |bytes| message.add(bytes)))
    }

    fn message_ended(&mut self, out: &mut Out<'_>) {
        let Some(mut message) = self.message.take() else { return };
        if message.compressed && !self.end_compressed(&mut message) {
            self.left_out += message.wire;
            return self.report(Problem::Malformed("a WebSocket message does not inflate"), out);
        }
        self.hand_out(&message, false, out);
    }

    fn hand_out(&mut self, message: &Message, unterminated: bool, out: &mut Out<'_>) {
        let held = message.held.bytes();
        self.left_out += if held.is_some() { message.unread } else { message.wire };
        let content = match held {
            Some(data) => {
                Content::Event(Event { data, binary: message.binary, unterminated, ..Event::default() })
            }
            None => Content::Problem(Problem::TooLarge { length: message.length }),
        };
        out(Frame { end: self.at, content });
    }

    fn control_ended(&mut self, opcode: u8, out: &mut Out<'_>) {
        let data = self.control.as_slice();
        let content = match (opcode, data) {
            (9, _) => Content::Ping(data),
            (10, _) => Content::Pong(data),
            (_, [first, second, reason @ ..]) => {
                Content::Close { code: Some(u16::from_be_bytes([*first, *second])), reason }
            }
            (_, reason) => Content::Close { code: None, reason },
        };
        out(Frame { end: self.at, content });
        empty(&mut self.control);
    }

    fn report(&self, problem: Problem, out: &mut Out<'_>) {
        out(Frame { end: self.at, content: Content::Problem(problem) });
    }
}

impl Framing for Websocket {
    fn push(&mut self, mut bytes: &[u8], out: &mut Out<'_>) {
        while let Some(&first) = bytes.first() {
            let taken = match std::mem::replace(&mut self.place, Place::Head) {
                Place::Lost => {
                    self.place = Place::Lost;
                    self.at += bytes.len() as u64;
                    self.left_out += bytes.len() as u64;
                    return;
                }
                Place::Head => {
                    self.head_byte(first, out);
                    1
                }
                Place::Payload(mut payload) => {
                    let mut room = [0; 4096];
                    let piece = payload.piece(bytes, &mut room);
                    let taken = piece.len();
                    self.at += taken as u64;
                    self.take(piece, payload.into);
                    self.payload(payload, out);
                    taken
                }
            };
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        // What comes of a control frame is handed out when it is whole; a head alone says nothing.
        self.left_out += self.control.len() as u64;
        let came = match std::mem::replace(&mut self.place, Place::Head) {
            Place::Payload(Payload { length, left, into: Into::Control { .. } | Into::Nowhere, .. }) => {
                length - left
            }
            _ => self.head_length as u64,
        };
        if self.message.is_some() {
            self.leave_message(out);
        } else if came > 0 {
            self.report(Problem::Unterminated { length: came }, out);
        }
        self.head_length = 0;
        empty(&mut self.control);
    }

    fn buffered(&self) -> usize {
        self.head_length + self.control.len() + self.message.as_ref().map_or(0, |message| message.held.len())
    }
}

impl Payload {
    /// The part of these bytes that is this frame's, unmasked, as far as there is room.
    fn piece<'a>(&mut self, bytes: &'a [u8], room: &'a mut [u8]) -> &'a [u8] {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let piece = bytes.get(..most).unwrap_or(bytes);
        let piece = match self.mask {
            None => piece,
            Some(mask) => {
                let piece = piece.get(..room.len()).unwrap_or(piece);
                for (place, byte) in room.iter_mut().zip(piece) {
                    *place = byte ^ mask[self.turn % 4];
                    self.turn = (self.turn + 1) % 4;
                }
                room.get(..piece.len()).unwrap_or_default()
            }
        };
        self.left -= piece.len() as u64;
        piece
    }
}

#[cfg(test)]
mod tests;
