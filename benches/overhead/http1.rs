//! Just enough HTTP/1.1, written by hand so that neither the mock provider nor the clients become what is measured.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;

/// Bound on a head and on what one chunk's size line may take.
const HEAD_MAX: usize = 32 * 1024;

/// The bytes of a request's or an answer's head, the empty line included.
pub struct Head {
    bytes: Vec<u8>,
}

impl Head {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn status(&self) -> Option<u16> {
        std::str::from_utf8(self.bytes.get(9..12)?).ok()?.parse().ok()
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        self.bytes.split(|&byte| byte == b'\n').skip(1).find_map(|line| {
            let (key, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b":")?;
            key.eq_ignore_ascii_case(name.as_bytes())
                .then(|| std::str::from_utf8(value).ok().map(str::trim))?
        })
    }

    /// How the body after this head is framed; a request without either header has none.
    pub fn framing(&self) -> Result<Framing> {
        if self.value("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return Ok(Framing::Chunked(Chunk::Size(0)));
        }
        Ok(match self.value("content-length") {
            Some(length) => Framing::Length(length.parse()?),
            None => Framing::Length(0),
        })
    }
}

pub enum Framing {
    /// Bytes still to come.
    Length(u64),
    Chunked(Chunk),
}

/// Where in a chunked body the next byte stands.
pub enum Chunk {
    Size(u64),
    SizeEnd(u64),
    Data(u64),
    DataEnd,
    /// Bytes in the trailer's current line; an empty line ends the body.
    Trailer(usize),
    Over,
}

impl Framing {
    pub fn is_over(&self) -> bool {
        matches!(self, Framing::Length(0) | Framing::Chunked(Chunk::Over))
    }

    /// Hands the payload in `input` to `out` and says how much of `input` was the body's.
    fn decode(&mut self, input: &[u8], out: &mut impl FnMut(&[u8])) -> Result<usize> {
        let mut rest = input;
        while !rest.is_empty() && !self.is_over() {
            match self {
                Framing::Length(left) | Framing::Chunked(Chunk::Data(left)) => {
                    let (data, after) = rest.split_at(rest.len().min(usize::try_from(*left)?));
                    out(data);
                    rest = after;
                    *left -= data.len() as u64;
                }
                Framing::Chunked(chunk) => {
                    chunk.step(rest[0])?;
                    rest = &rest[1..];
                }
            }
            if let Framing::Chunked(chunk @ Chunk::Data(0)) = self {
                *chunk = Chunk::DataEnd;
            }
        }
        Ok(input.len() - rest.len())
    }
}

impl Chunk {
    /// One byte that is not payload.
    fn step(&mut self, byte: u8) -> Result<()> {
        *self = match (&*self, byte) {
            (&Chunk::Size(size), b'\r' | b';') => Chunk::SizeEnd(size),
            (&Chunk::Size(size), _) => {
                let digit = char::from(byte).to_digit(16).ok_or("a chunk's size is no number")?;
                Chunk::Size(size.checked_mul(16).ok_or("a chunk's size is too large")? + u64::from(digit))
            }
            (Chunk::SizeEnd(0), b'\n') => Chunk::Trailer(0),
            (&Chunk::SizeEnd(size), b'\n') => Chunk::Data(size),
            (&Chunk::SizeEnd(size), _) => Chunk::SizeEnd(size),
            (Chunk::DataEnd, b'\r') => Chunk::DataEnd,
            (Chunk::DataEnd, b'\n') => Chunk::Size(0),
            (Chunk::Trailer(0), b'\n') => Chunk::Over,
            (&Chunk::Trailer(length), b'\r') => Chunk::Trailer(length),
            (Chunk::Trailer(_), b'\n') => Chunk::Trailer(0),
            (&Chunk::Trailer(length), _) => Chunk::Trailer(length + 1),
            _ => return Err("a chunk is longer than it says".into()),
        };
        Ok(())
    }
}

/// A connection and what was read from it and not yet used.
pub struct Wire {
    socket: TcpStream,
    buffer: Vec<u8>,
    used: usize,
    /// How much to ask for in one read.
    room: usize,
}

impl Wire {
    pub fn new(socket: TcpStream, room: usize) -> Result<Self> {
        // Otherwise small writes wait for the other side's delayed acknowledgement: 40 ms on every call.
        socket.set_nodelay(true)?;
        Ok(Wire { socket, buffer: Vec::new(), used: 0, room })
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.socket.write_all(bytes).await?)
    }

    /// Whether more came; `false` is the other side's end.
    pub async fn fill(&mut self) -> Result<bool> {
        if self.used == self.buffer.len() {
            self.buffer.clear();
            self.used = 0;
        }
        self.buffer.reserve(self.room);
        Ok(self.socket.read_buf(&mut self.buffer).await? > 0)
    }

    /// The next head, or `None` when the connection ends cleanly before one.
    pub async fn head(&mut self) -> Result<Option<Head>> {
        loop {
            let unread = &self.buffer[self.used..];
            if let Some(at) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
                let bytes = unread[..at + 4].to_vec();
                self.used += bytes.len();
                return Ok(Some(Head { bytes }));
            }
            if unread.len() > HEAD_MAX {
                return Err("a head without end".into());
            }
            let nothing = unread.is_empty();
            if !self.fill().await? {
                return if nothing { Ok(None) } else { Err("the connection ended within a head".into()) };
            }
        }
    }

    /// Reads until some of the body was handed to `out` or it is over; `false` when it is over.
    pub async fn body(&mut self, framing: &mut Framing, mut out: impl FnMut(&[u8])) -> Result<bool> {
        if framing.is_over() {
            return Ok(false);
        }
        if self.used == self.buffer.len() && !self.fill().await? {
            return Err("the connection ended within a body".into());
        }
        self.used += framing.decode(&self.buffer[self.used..], &mut out)?;
        Ok(!framing.is_over())
    }
}
