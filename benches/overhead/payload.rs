//! The bytes both ends agree on without talking: given a number, the provider and the clients each build the same
//! body, so that either can compare what arrived byte by byte. A comparison costs less than a hash and misses nothing.

use rustix::time::{ClockId, clock_gettime};

/// Prime, so that bytes lost or repeated in any power of two shift the pattern visibly.
const PERIOD: usize = 65_521;
/// Different words, of which the first come far more often than the last, as in what people write.
const WORDS: u64 = 4_000;

/// Letters of a request's prompt, of which the system's part is the same in all, and of an answer: about 2 KB and 1 KB on
/// the wire with heads and JSON around them.
const SYSTEM: usize = 500;
const PROMPT: usize = 1_200;
const ANSWER: usize = 500;
/// Letters of one streamed event beside its number and times.
const DELTA: usize = 14;

/// Microseconds of the machine's one monotonic clock, comparable between processes.
pub fn micros() -> u64 {
    nanos() / 1_000
}

pub fn nanos() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Pseudo-random words, the same in every process.
pub struct Pattern {
    /// Two periods, so that a slice of up to one period never wraps.
    letters: Vec<u8>,
    /// The same of other words: who asks rarely says what others were answered.
    answers: Vec<u8>,
}

/// Marsaglia's xorshift.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 16
}

impl Pattern {
    pub fn new() -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        Pattern { letters: Self::letters(&mut state), answers: Self::letters(&mut state) }
    }

    fn letters(state: &mut u64) -> Vec<u8> {
        let words: Vec<Vec<u8>> = (0..WORDS)
            .map(|_| (0..2 + random(state) % 9).map(|_| b'a' + (random(state) % 26) as u8).collect())
            .collect();
        let mut letters = Vec::with_capacity(2 * PERIOD);
        while letters.len() < PERIOD {
            let (one, other) = (random(state) % WORDS, random(state) % WORDS);
            letters.extend_from_slice(&words[(one * other / WORDS) as usize]);
            letters.push(b' ');
        }
        letters.truncate(PERIOD);
        letters.extend_from_within(..);
        letters
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
        into.extend_from_slice(br#"{"model":"gpt-4o-mini","messages":[{"role":"system","content":""#);
        into.extend_from_slice(self.slice(0, 0, SYSTEM));
        into.extend_from_slice(br#""},{"role":"user","content":""#);
        digits::<12>(number, into);
        into.push(b' ');
        into.extend_from_slice(self.slice(number, 0, PROMPT));
        into.extend_from_slice(br#""}],"temperature":0.2,"stream":"#);
        into.extend_from_slice(if stream {
            br#"true,"stream_options":{"include_usage":true}}"#
        } else {
            b"false}"
        });
    }

    pub fn answer(&self, number: u64, into: &mut Vec<u8>) {
        into.extend_from_slice(br#"{"id":"chatcmpl-"#);
        digits::<12>(number, into);
        into.extend_from_slice(
            br#"","object":"chat.completion","created":1767225600,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"#,
        );
        into.extend_from_slice(br#""message":{"role":"assistant","content":""#);
        let start = (number.wrapping_mul(131) % PERIOD as u64) as usize;
        into.extend_from_slice(&self.answers[start..start + ANSWER]);
        into.extend_from_slice(
            br#"","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":"#,
        );
        into.extend_from_slice(USAGE);
        into.extend_from_slice(br#","service_tier":"default","system_fingerprint":"fp_0123456789"}"#);
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

    /// What comes behind a stream's last event.
    pub fn ending(&self, stream: u64, into: &mut Vec<u8>) {
        let middle = br#"","object":"chat.completion.chunk","created":1767225600,"model":"gpt-4o-mini-2024-07-18","choices":["#;
        for (choice, usage) in [
            (&br#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}"#[..], &b"null"[..]),
            (b"", USAGE),
        ] {
            into.extend_from_slice(EVENT_OPENS);
            digits::<8>(stream, into);
            into.extend_from_slice(middle);
            into.extend_from_slice(choice);
            into.extend_from_slice(br#"],"usage":"#);
            into.extend_from_slice(usage);
            into.extend_from_slice(b"}\n\n");
        }
        into.extend_from_slice(b"data: [DONE]\n\n");
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
const EVENT_MIDDLE: &[u8] = br#"","object":"chat.completion.chunk","created":1767225600,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":""#;
const EVENT_CLOSES: &[u8] = b"\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n";
const USAGE: &[u8] = br#"{"prompt_tokens":450,"completion_tokens":200,"total_tokens":650,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}}"#;
const STAMP: usize = EVENT_OPENS.len() + 8 + EVENT_MIDDLE.len() + 8 + 1;
/// Every event is this long, which spares the clients looking for line ends.
pub const EVENT: usize = STAMP + 16 + 1 + 16 + 1 + DELTA + EVENT_CLOSES.len();

/// `number` in exactly `N` decimal digits.
fn digits<const N: usize>(mut number: u64, into: &mut Vec<u8>) {
    let mut text = [b'0'; N];
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    into.extend_from_slice(&text);
}
