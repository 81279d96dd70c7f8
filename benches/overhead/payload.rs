//! The bytes both ends agree on without talking: given a number, the provider and the clients each build the same
//! body, so that either can compare what arrived byte by byte. A comparison costs less than a hash and misses nothing.

use rustix::time::{ClockId, clock_gettime};

/// Prime, so that bytes lost or repeated in any power of two shift the pattern visibly.
const PERIOD: usize = 65_521;
const ALPHABET: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -";

/// Letters of a request's prompt and of an answer: about 2 KB and 1 KB on the wire with heads and JSON around them.
const PROMPT: usize = 1_800;
const ANSWER: usize = 800;
/// Letters of one streamed event, which is about 200 bytes in all.
const DELTA: usize = 30;

/// Microseconds of the machine's one monotonic clock, comparable between processes.
pub fn micros() -> u64 {
    nanos() / 1_000
}

pub fn nanos() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Pseudo-random letters, the same in every process.
pub struct Pattern {
    /// Two periods, so that a slice of up to one period never wraps.
    letters: Vec<u8>,
}

impl Pattern {
    pub fn new() -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut letters = Vec::with_capacity(2 * PERIOD);
        for _ in 0..PERIOD {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            letters.push(ALPHABET[(state >> 58) as usize]);
        }
        letters.extend_from_within(..);
        Pattern { letters }
    }

    /// Up to one period of the endless body `number`, from `offset` on.
    pub fn slice(&self, number: u64, offset: u64, length: usize) -> &[u8] {
        let start = ((number.wrapping_mul(131) + offset) % PERIOD as u64) as usize;
        &self.letters[start..start + length.min(PERIOD)]
    }

    /// Whether `piece` is what the endless body `number` holds at `offset`.
    pub fn holds(&self, number: u64, offset: u64, piece: &[u8]) -> bool {
        let mut at = offset;
        piece.chunks(PERIOD).all(|part| {
            let same = part == self.slice(number, at, part.len());
            at += part.len() as u64;
            same
        })
    }

    pub fn request(&self, number: u64, stream: bool, into: &mut Vec<u8>) {
        into.extend_from_slice(br#"{"model":"mock-1","messages":[{"role":"user","content":""#);
        into.extend_from_slice(self.slice(number, 0, PROMPT));
        into.extend_from_slice(br#""}],"stream":"#);
        into.extend_from_slice(if stream { b"true}" } else { b"false}" });
    }

    pub fn answer(&self, number: u64, into: &mut Vec<u8>) {
        into.extend_from_slice(br#"{"id":"chatcmpl-"#);
        digits::<12>(number, into);
        into.extend_from_slice(
            br#"","object":"chat.completion","model":"mock-1","choices":[{"index":0,"message":"#,
        );
        into.extend_from_slice(br#"{"role":"assistant","content":""#);
        into.extend_from_slice(self.slice(number, 7, ANSWER));
        into.extend_from_slice(
            br#""},"finish_reason":"stop"}],"usage":{"prompt_tokens":450,"completion_tokens":200}}"#,
        );
    }

    /// One server-sent event. `sent` is in it twice, so that a byte of it that differs is noticed too.
    pub fn event(&self, stream: u64, sequence: u64, sent: u64, into: &mut Vec<u8>) {
        into.extend_from_slice(EVENT_OPENS);
        digits::<8>(stream, into);
        into.extend_from_slice(EVENT_MIDDLE);
        digits::<8>(sequence, into);
        into.push(b' ');
        digits::<16>(sent, into);
        into.push(b' ');
        digits::<16>(sent, into);
        into.push(b' ');
        into.extend_from_slice(self.slice(stream + sequence, 0, DELTA));
        into.extend_from_slice(EVENT_CLOSES);
    }

    /// When this event was sent, if it is exactly the one expected. `scratch` only saves an allocation.
    pub fn sent(&self, stream: u64, sequence: u64, event: &[u8], scratch: &mut Vec<u8>) -> Option<u64> {
        let stamp = event.get(STAMP..STAMP + 16)?;
        let sent = std::str::from_utf8(stamp).ok()?.parse().ok()?;
        scratch.clear();
        self.event(stream, sequence, sent, scratch);
        (scratch == event).then_some(sent)
    }
}

const EVENT_OPENS: &[u8] = br#"data: {"id":"chatcmpl-"#;
const EVENT_MIDDLE: &[u8] =
    br#"","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":""#;
const EVENT_CLOSES: &[u8] = b"\"}}]}\n\n";
const STAMP: usize = EVENT_OPENS.len() + 8 + EVENT_MIDDLE.len() + 8 + 1;
/// Every event is this long, which spares the clients looking for line ends.
pub const EVENT: usize = STAMP + 16 + 1 + 16 + 1 + DELTA + EVENT_CLOSES.len();
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// `number` in exactly `N` decimal digits.
fn digits<const N: usize>(mut number: u64, into: &mut Vec<u8>) {
    let mut text = [b'0'; N];
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    into.extend_from_slice(&text);
}
