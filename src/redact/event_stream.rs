//! AWS event streams: frames of headers and a payload with lengths and checksums, and in Bedrock's payloads the model's own
//! events in base64.
//!
//! Payloads are gone through as the events of one stream, and headers each alone. Frames that need no change stay as they
//! are; of the others the lengths and the checksums are made right. The last may have broken off: it is gone through as far
//! as it came, and left out where something has to go. So is what is neither frames nor text: it is gone through as it
//! stands, and as what its letters of base64 may be.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::body::{self, Changed};
use super::coding::Coding;
use super::edit::{self, Edit};
use super::encoding::is_text;
use super::event_headers;
use super::find::Finder;
use super::json::{Kind, Leaf, Level, Scanner, Sink};
use super::stream::Stream;

const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;
/// A frame that breaks off and says that it is longer is none: readers take 24 MiB, and 128 kiB of headers.
const LONGEST: usize = 25 << 20;

/// Fewer letters of base64 hold no secret worth the name.
const FEW_LETTERS: usize = 16;

/// Base64 as far as it goes: without the padding, and with bits that belong to a byte that did not come.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A frame, and where its payload lies in the texts that are gone through.
struct Frame {
    whole: Range<usize>,
    headers: Range<usize>,
    payload: Range<usize>,
    inner: Vec<Inner>,
    /// Its end did not come.
    is_cut: bool,
}

/// An event in a payload.
struct Inner {
    /// Where in the texts its base64 stands, and where the event itself does.
    base64: Range<usize>,
    event: Range<usize>,
}

/// Takes out what has to go; `None` where nothing has.
pub(super) fn redact(finder: &Finder, bytes: &[u8]) -> Option<Changed> {
    let (mut frames, texts) = frames(bytes);
    let mut stream = Stream::new(finder, &texts);
    for frame in &frames {
        let name = bytes.get(frame.headers.clone()).unwrap_or_default();
        stream.part(name, frame.payload.clone());
        stream.event_ended();
        for inner in &frame.inner {
            stream.part(b"", inner.event.clone());
            stream.event_ended();
        }
    }
    let mut edits = stream.finish();
    edit::settle(&mut edits);
    // What cannot be cut into frames is looked at as it is, if it can be.
    let rest = frames.last().map_or(0, |frame| frame.whole.end);
    let tail = bytes.get(rest..).unwrap_or_default();
    let tail = if !is_text(tail) && hides_any(finder, tail) { b"" } else { tail };
    let mut left_out = bytes.len() - rest - tail.len();
    let found = finder.written(Coding::Plain, tail);
    let headers = headers(finder, bytes, &frames);
    if edits.is_empty() && found.is_empty() && left_out == 0 && headers.iter().all(Option::is_none) {
        return None;
    }
    let has_changed = |(frame, headers): (&Frame, &Option<_>)| headers.is_some() || frame.has_any(&edits);
    let last = frames.last().zip(headers.last());
    if last.is_some_and(|(frame, headers)| frame.is_cut && has_changed((frame, headers))) {
        left_out += frames.pop().map_or(0, |frame| frame.whole.len());
    }
    let mut made = Vec::with_capacity(bytes.len());
    for (frame, headers) in frames.iter().zip(&headers) {
        frame.write(bytes, &texts, &edits, headers.as_deref(), &mut made);
    }
    let found: Vec<Edit> = found.into_iter().map(Edit::from).collect();
    made.extend_from_slice(&edit::apply(tail, 0..tail.len(), &found));
    edits.extend(found);
    edits.extend(headers.iter().flatten().flat_map(|changed| changed.edits.iter().cloned()));
    let left_out = left_out as u64;
    Some(Changed { bytes: made, counts: body::counts(&edits), left_out, ..Changed::default() })
}

/// Whether something that has to go stands in base64 among bytes that are no frames.
fn hides_any(finder: &Finder, bytes: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=\\".contains(byte);
    let runs = bytes.split(|byte| !is_letter(byte)).filter(|run| run.len() >= FEW_LETTERS);
    let mut events = runs.filter_map(event);
    events.any(|event| !finder.written(Coding::Plain, &event).is_empty())
}

/// What becomes of each frame's headers. A stream has few that differ, and each is gone through once.
fn headers(finder: &Finder, bytes: &[u8], frames: &[Frame]) -> Vec<Option<Rc<event_headers::Changed>>> {
    let mut known: HashMap<&[u8], Option<Rc<event_headers::Changed>>> = HashMap::new();
    let mut changed = |frame: &Frame| {
        let headers = bytes.get(frame.headers.clone()).unwrap_or_default();
        let gone_through = || event_headers::redact(finder, headers).map(Rc::new);
        known.entry(headers).or_insert_with(gone_through).clone()
    };
    frames.iter().map(&mut changed).collect()
}

/// All frames up to one that cannot be true, and their payloads one after another.
fn frames(bytes: &[u8]) -> (Vec<Frame>, Vec<u8>) {
    let (mut frames, mut texts) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(Parts { whole, headers, payload, is_cut }) = Parts::read(bytes, at) {
        at = whole.end;
        let payload = bytes.get(payload).unwrap_or_default();
        let start = texts.len();
        texts.extend_from_slice(payload);
        let place = start..texts.len();
        let inner = base64_in(payload).into_iter().filter_map(|base64| {
            let event = event(payload.get(base64.clone())?)?;
            let from = texts.len();
            texts.extend_from_slice(&event);
            Some(Inner { base64: base64.start + start..base64.end + start, event: from..texts.len() })
        });
        let inner = inner.collect();
        frames.push(Frame { whole, headers, payload: place, inner, is_cut });
    }
    (frames, texts)
}

/// Where a frame and its parts are in the bytes, as far as they came.
struct Parts {
    whole: Range<usize>,
    headers: Range<usize>,
    payload: Range<usize>,
    is_cut: bool,
}

impl Parts {
    /// The frame that begins here; `None` where there is none.
    fn read(bytes: &[u8], at: usize) -> Option<Self> {
        let (length, headers) = (number(bytes, at)?, number(bytes, at + 4)?);
        let (start, end) = (at + PRELUDE, at.saturating_add(length));
        let headers_end = start.saturating_add(headers);
        let is_cut = end > bytes.len();
        if length < PRELUDE + CHECKSUM || headers_end > end - CHECKSUM || is_cut && length > LONGEST {
            return None;
        }
        let came = |end: usize| end.min(bytes.len());
        (start <= bytes.len()).then(|| Self {
            whole: at..came(end),
            headers: start..came(headers_end),
            payload: came(headers_end)..came(end - CHECKSUM),
            is_cut,
        })
    }
}

/// The event that base64 holds: as it should be, or as far as that goes.
fn event(base64: &[u8]) -> Option<Vec<u8>> {
    if let Ok(event) = STANDARD.decode(base64) {
        return Some(event);
    }
    let mut letters = Vec::new();
    Coding::Json.decode(base64, &mut letters);
    letters.retain(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte));
    if letters.len() % 4 == 1 {
        letters.pop();
    }
    LENIENT.decode(&letters).ok()
}

impl Frame {
    /// Whether some of these edits are in it.
    fn has_any(&self, edits: &[Edit]) -> bool {
        let events = self.inner.iter().map(|inner| &inner.event);
        events.chain([&self.payload]).any(|range| !edit::within(edits, range).is_empty())
    }

    fn write(
        &self,
        bytes: &[u8],
        texts: &[u8],
        edits: &[Edit],
        headers: Option<&event_headers::Changed>,
        made: &mut Vec<u8>,
    ) {
        let mut own = edit::within(edits, &self.payload).to_vec();
        for inner in self.inner.iter().filter(|inner| !edit::within(edits, &inner.event).is_empty()) {
            let event = STANDARD.encode(body::part(texts, &inner.event, edits));
            own.retain(|edit| edit.range.end <= inner.base64.start || edit.range.start >= inner.base64.end);
            own.push(Edit { range: inner.base64.clone(), put: Some((0, event.into())), length: 0 });
            edit::settle(&mut own);
        }
        if own.is_empty() && headers.is_none() {
            made.extend_from_slice(bytes.get(self.whole.clone()).unwrap_or_default());
            return;
        }
        let payload = edit::apply(texts, self.payload.clone(), &own);
        let same = bytes.get(self.headers.clone()).unwrap_or_default();
        let headers = headers.map_or(same, |changed| &changed.bytes);
        let start = made.len();
        for length in [PRELUDE + headers.len() + payload.len() + CHECKSUM, headers.len()] {
            made.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        }
        seal(made, start);
        made.extend_from_slice(headers);
        made.extend_from_slice(&payload);
        seal(made, start);
    }
}

/// Adds the checksum of what was written from there on.
fn seal(made: &mut Vec<u8>, start: usize) {
    let checksum = crc32fast::hash(made.get(start..).unwrap_or_default());
    made.extend_from_slice(&checksum.to_be_bytes());
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let number = bytes.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_be_bytes(*number)).ok()
}

/// Where the base64 of the events in a payload is, of which there is one: `{"bytes":"…"}`.
fn base64_in(payload: &[u8]) -> Vec<Range<usize>> {
    let mut bytes = Bytes { payload, found: Vec::new() };
    Scanner::new().push(payload, 0..payload.len(), &mut bytes);
    bytes.found
}

struct Bytes<'a> {
    payload: &'a [u8],
    found: Vec<Range<usize>>,
}

impl Sink for Bytes<'_> {
    fn open(&mut self, _path: &[Level]) {}

    fn leaf(&mut self, path: &[Level], leaf: Leaf) {
        // Wherever it lies: Converse has it at the root, agents have it in a `chunk`.
        let named = path.last().and_then(|level| self.payload.get(level.name.clone())) == Some(b"bytes");
        if leaf.kind == Kind::Text && named {
            self.found.push(leaf.range);
        }
    }

    fn close(&mut self, _path: &[Level]) {}
}
