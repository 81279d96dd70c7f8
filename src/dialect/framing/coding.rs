//! The content codings, each a step from bytes to bytes: gzip, deflate, br, zstd.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder, Operation};

/// What one step took and gave.
#[derive(Default)]
pub(super) struct Step {
    pub(super) read: usize,
    pub(super) written: usize,
}

/// The bytes are not what the coding allows. What was written before stands.
pub(super) struct Corrupt {
    /// What was written, and, as nearly as that can be told, what it was made of.
    pub(super) before: Step,
}

pub(super) trait Coding: Send {
    /// Reads some of `input` and writes some of `output`: as much as there is bytes and room for.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Corrupt>;

    /// The input may end here.
    fn is_whole(&self) -> bool;

    /// All that was read has come out, as far as it says anything.
    fn is_settled(&self) -> bool {
        true
    }
}

/// The coding of this name, if it is one.
pub(super) fn named(name: &[u8]) -> Option<Box<dyn Coding>> {
    let named = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    if named(&["gzip", "x-gzip"]) {
        Some(Box::new(Gzip { member: Decompress::new_gzip(15), whole: true, first: true }))
    } else if named(&["deflate"]) {
        Some(Box::new(Deflate { inner: None, whole: true }))
    } else if named(&["br"]) {
        let alloc = StandardAlloc::default;
        Some(Box::new(Brotli { state: Box::new(BrotliState::new(alloc(), alloc(), alloc())), whole: true }))
    } else if named(&["zstd"]) {
        Zstd::new().map(|zstd| Box::new(zstd) as Box<dyn Coding>)
    } else {
        None
    }
}

/// Members that follow one another, and zeros that fill a block behind the last.
struct Gzip {
    member: Decompress,
    whole: bool,
    first: bool,
}

impl Coding for Gzip {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Corrupt> {
        if self.whole && !self.first {
            let zeros = input.iter().take_while(|byte| **byte == 0).count();
            if zeros > 0 || input.is_empty() {
                return Ok(Step { read: zeros, written: 0 });
            }
            self.member = Decompress::new_gzip(15);
        }
        let (step, ended) = inflate(&mut self.member, input, output)?;
        if ended {
            (self.whole, self.first) = (true, false);
        } else if step.read > 0 {
            self.whole = false;
        }
        Ok(step)
    }

    fn is_whole(&self) -> bool {
        self.whole
    }
}

/// With zlib's header, as it should be, or without, as some send it.
struct Deflate {
    inner: Option<Decompress>,
    whole: bool,
}

impl Coding for Deflate {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Corrupt> {
        let Some(&first) = input.first() else {
            return match &mut self.inner {
                Some(inner) if !self.whole => inflate(inner, input, output).map(|(step, _)| step),
                _ => Ok(Step { read: 0, written: 0 }),
            };
        };
        if self.whole && self.inner.is_some() {
            return Err(Corrupt { before: Step::default() });
        }
        // A zlib stream begins with its method, 8, and a window of at most 7. A bare one that begins like this would be a
        // stored block with other than zeros to fill its first byte.
        let zlib = first & 0x0f == 8 && first >> 4 <= 7;
        let inner = self.inner.get_or_insert_with(|| Decompress::new(zlib));
        let (step, ended) = inflate(inner, input, output)?;
        self.whole = ended;
        Ok(step)
    }

    fn is_whole(&self) -> bool {
        self.whole
    }
}

/// One step of zlib's, and whether it was the last.
fn inflate(stream: &mut Decompress, input: &[u8], output: &mut [u8]) -> Result<(Step, bool), Corrupt> {
    let (read, written) = (stream.total_in(), stream.total_out());
    let status = stream.decompress(input, output, FlushDecompress::None);
    let read = usize::try_from(stream.total_in() - read).unwrap_or(usize::MAX);
    let written = usize::try_from(stream.total_out() - written).unwrap_or(usize::MAX);
    match status {
        Ok(status) => Ok((Step { read, written }, matches!(status, Status::StreamEnd))),
        Err(_) => {
            // Nothing came of it: it is no deflate at all.
            let read = if written > 0 { read } else { 0 };
            Err(Corrupt { before: Step { read, written } })
        }
    }
}

struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    whole: bool,
}

impl Brotli {
    /// It writes when it runs out of input or room, not before it fails, so that it gets little at a time: where the bytes
    /// are corrupt, no more than what came of these is missing. Single bytes would take five times as long as all at once;
    /// this takes twice as long.
    const SLICE: usize = 16;
}

impl Coding for Brotli {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Corrupt> {
        let input = input.get(..Self::SLICE).unwrap_or(input);
        let (mut available, mut read) = (input.len(), 0);
        let (mut room, mut written, mut total) = (output.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut available,
            &mut read,
            input,
            &mut room,
            &mut written,
            output,
            &mut total,
            &mut self.state,
        );
        let ended = matches!(result, BrotliResult::ResultSuccess);
        self.whole = ended || self.whole && read == 0;
        match result {
            BrotliResult::ResultFailure => Err(Corrupt { before: Step { read, written } }),
            // It has come to its end, and more stands behind it.
            _ if ended && read == 0 && written == 0 && !input.is_empty() => {
                Err(Corrupt { before: Step::default() })
            }
            _ => Ok(Step { read, written }),
        }
    }

    fn is_whole(&self) -> bool {
        self.whole
    }
}

/// Frames that follow one another.
struct Zstd {
    frames: Decoder<'static>,
    /// How many bytes it needs to go on; 0 between frames.
    wanted: usize,
    /// What is read is not in a block that is decoded once it is there as a whole.
    settled: bool,
}

impl Zstd {
    /// The window that HTTP allows (RFC 9659): 8 MiB. It bounds the memory a stream can ask for.
    const WINDOW_LOG: u32 = 23;
    /// What tells how long a frame's head is.
    const HEAD: usize = 5;
    const BLOCK_HEAD: usize = 3;

    fn new() -> Option<Self> {
        let mut frames = Decoder::new().ok()?;
        frames.set_parameter(DParameter::WindowLogMax(Self::WINDOW_LOG)).ok()?;
        Some(Self { frames, wanted: 0, settled: true })
    }
}

impl Coding for Zstd {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Corrupt> {
        if self.is_whole() && input.is_empty() {
            return Ok(Step { read: 0, written: 0 });
        }
        // One block at a time: a call that fails does not say what it wrote before it did. With a block it asks for the
        // head of the next, too, which may be what is corrupt.
        let wanted = match self.wanted {
            0 => Self::HEAD,
            head @ ..=Self::BLOCK_HEAD => head,
            more => more - Self::BLOCK_HEAD,
        };
        let input = input.get(..wanted).unwrap_or(input);
        let status =
            self.frames.run_on_buffers(input, output).map_err(|_| Corrupt { before: Step::default() })?;
        self.wanted = status.remaining;
        let (read, written) = (status.bytes_read, status.bytes_written);
        if read > 0 || written > 0 {
            // Three bytes short of the end of a frame it wants as many as before a block, but has given nothing.
            self.settled = self.is_whole() || written > 0 && self.wanted == Self::BLOCK_HEAD;
        }
        Ok(Step { read, written })
    }

    fn is_whole(&self) -> bool {
        self.wanted == 0
    }

    fn is_settled(&self) -> bool {
        self.settled
    }
}
