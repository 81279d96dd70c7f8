//! When a body's bytes came: in few bits, for a stream has hundreds of chunks. Pure.
//!
//! How long each chunk is follows as a rule from the bytes: one event, or all there is.

use crate::model::{Body, Chunk};
use crate::store::pieces::{Reader, put, put_bytes};

/// What stands with an exchange.
#[derive(Clone, Debug)]
pub enum Times {
    /// An earlier version's, to be unpacked.
    Packed {
        packed: i64,
        length: usize,
        data: Vec<u8>,
    },
    /// An earlier version's.
    Before(Vec<u8>),
    Now(Vec<u8>),
}

impl Default for Times {
    fn default() -> Self {
        Self::Now(Vec::new())
    }
}

/// Stands where an earlier version says how they are packed.
const NOW: u64 = 16;

/// How long chunks are: as is said; one of all bytes; of so many events each; of one event each.
const SAID: u8 = 0;
const ALL: u8 = 1;
const EVENTS: u8 = 2;
const ONE_EVENT: u8 = 3;

pub fn put_times(to: &mut Vec<u8>, bodies: [&Body; 2]) {
    let mut times = Vec::new();
    bodies.iter().for_each(|body| put_body(&mut times, &body.bytes, &body.chunks));
    put(to, NOW);
    put_bytes(to, &times);
}

pub fn read_times(from: &mut Reader) -> Option<Times> {
    match from.number()? {
        NOW => Some(Times::Now(from.bytes()?.to_vec())),
        packed => Some(Times::Packed {
            packed: packed.cast_signed(),
            length: usize::try_from(from.number()?).ok()?,
            data: from.bytes()?.to_vec(),
        }),
    }
}

impl Times {
    /// The chunks of both bodies, of which these are the bytes. `None` where they are damaged.
    pub fn chunks(&self, bodies: [&[u8]; 2]) -> Option<[Vec<Chunk>; 2]> {
        match self {
            Self::Packed { .. } => None,
            Self::Before(bytes) => {
                let mut from = Reader(bytes);
                Some([read_before(&mut from)?, read_before(&mut from)?])
            }
            Self::Now(bytes) => {
                let mut from = Reader(bytes);
                Some([read_body(&mut from, bodies[0])?, read_body(&mut from, bodies[1])?])
            }
        }
    }
}

fn put_body(to: &mut Vec<u8>, bytes: &[u8], chunks: &[Chunk]) {
    put(to, chunks.len() as u64);
    let Some(first) = chunks.first() else { return };
    put(to, first.after);
    let later: Vec<u64> = chunks.windows(2).map(|two| two[1].after.wrapping_sub(two[0].after)).collect();
    put_bits(to, &later);
    put_lengths(to, bytes, chunks);
}

fn put_lengths(to: &mut Vec<u8>, bytes: &[u8], chunks: &[Chunk]) {
    if let [only] = chunks
        && only.length == bytes.len() as u64
    {
        return to.push(ALL);
    }
    let Some(counts) = events_of(bytes, chunks) else {
        to.push(SAID);
        return put_bits(to, &chunks.iter().map(|chunk| chunk.length).collect::<Vec<_>>());
    };
    if counts.iter().all(|count| *count == 1) {
        return to.push(ONE_EVENT);
    }
    to.push(EVENTS);
    put_bits(to, &counts);
}

fn read_body(from: &mut Reader, bytes: &[u8]) -> Option<Vec<Chunk>> {
    let count = usize::try_from(from.number()?).ok()?;
    if count == 0 {
        return Some(Vec::new());
    }
    let mut after = from.number()?;
    let later = read_bits(from, count - 1)?;
    let lengths = match from.byte()? {
        SAID => read_bits(from, count)?,
        ALL => vec![bytes.len() as u64],
        how @ (EVENTS | ONE_EVENT) => {
            let counts = if how == EVENTS { read_bits(from, count)? } else { vec![1; count] };
            lengths_of(bytes, &counts)?
        }
        _ => return None,
    };
    if lengths.len() != count {
        return None;
    }
    let mut chunks = Vec::with_capacity(lengths.len());
    for (at, length) in lengths.into_iter().enumerate() {
        if at > 0 {
            after = after.wrapping_add(later[at - 1]);
        }
        chunks.push(Chunk { after, length });
    }
    Some(chunks)
}

/// Where events end, and the body.
fn ends(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let ends = memchr::memmem::find_iter(bytes, b"\n\n").map(|at| at + 2);
    let is_open = !bytes.ends_with(b"\n\n");
    ends.chain(is_open.then_some(bytes.len()))
}

/// How many events are in each chunk. `None` where one ends within an event.
fn events_of(bytes: &[u8], chunks: &[Chunk]) -> Option<Vec<u64>> {
    let mut ends = ends(bytes);
    let mut end = 0_usize;
    let mut counts = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        end = end.checked_add(usize::try_from(chunk.length).ok()?)?;
        let mut count = 0;
        loop {
            count += 1;
            match ends.next()?.cmp(&end) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => break,
                std::cmp::Ordering::Greater => return None,
            }
        }
        counts.push(count);
    }
    Some(counts)
}

fn lengths_of(bytes: &[u8], counts: &[u64]) -> Option<Vec<u64>> {
    let mut ends = ends(bytes);
    let mut begin = 0;
    let lengths = counts.iter().map(|count| {
        let end = ends.nth(usize::try_from(count.checked_sub(1)?).ok()?)?;
        let length = end - begin;
        begin = end;
        Some(length as u64)
    });
    lengths.collect()
}

/// Numbers of one size: the least, how many bits the others are beyond it, and these bits. Where one is far beyond the
/// others, all of them as they are.
fn put_bits(to: &mut Vec<u8>, numbers: &[u64]) {
    let Some(least) = numbers.iter().copied().min() else { return };
    let most = numbers.iter().copied().max().unwrap_or(least) - least;
    let width = u64::BITS - most.leading_zeros();
    let mut plain = vec![PLAIN];
    numbers.iter().for_each(|number| put(&mut plain, *number));
    let mut bits = vec![width.to_le_bytes()[0]];
    put(&mut bits, least);
    let (mut held, mut count) = (0_u128, 0);
    for number in numbers {
        held |= u128::from(number - least) << count;
        count += width;
        while count >= 8 {
            bits.push(held.to_le_bytes()[0]);
            held >>= 8;
            count -= 8;
        }
    }
    if count > 0 {
        bits.push(held.to_le_bytes()[0]);
    }
    to.extend_from_slice(if bits.len() <= plain.len() { &bits } else { &plain });
}

/// No number has so many bits.
const PLAIN: u8 = 0xff;

fn read_bits(from: &mut Reader, count: usize) -> Option<Vec<u64>> {
    if count == 0 {
        return Some(Vec::new());
    }
    let width = from.byte()?;
    if width == PLAIN {
        return (0..count).map(|_| from.number()).collect();
    }
    if u32::from(width) > u64::BITS {
        return None;
    }
    let least = from.number()?;
    let bytes = usize::from(width).checked_mul(count)?.div_ceil(8);
    let mut bytes = from.take(bytes)?.iter();
    // A damaged number of nothing but zeros would take all memory.
    let mut numbers = Vec::with_capacity(count.min(1 << 16));
    let (mut held, mut has) = (0_u128, 0);
    for _ in 0..count.min(MOST) {
        while has < width {
            held |= u128::from(*bytes.next()?) << has;
            has += 8;
        }
        let number = held & ((1 << width) - 1);
        held >>= width;
        has -= width;
        numbers.push(least.wrapping_add(u64::try_from(number).ok()?));
    }
    (numbers.len() == count).then_some(numbers)
}

/// More chunks than any body has.
const MOST: usize = 1 << 28;

/// As earlier versions wrote them: the times first and then the lengths.
fn read_before(from: &mut Reader) -> Option<Vec<Chunk>> {
    let count = from.number()?;
    let mut last: u64 = 0;
    let times = (0..count).map(|_| {
        last = last.wrapping_add(from.signed()?.cast_unsigned());
        Some(last)
    });
    let times: Vec<u64> = times.collect::<Option<_>>()?;
    let mut last: u64 = 0;
    let chunks = times.into_iter().map(|after| {
        last = last.wrapping_add(from.signed()?.cast_unsigned());
        Some(Chunk { after, length: last })
    });
    chunks.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::pieces::put_signed;

    fn back(bytes: &[u8], chunks: &[Chunk]) -> usize {
        let body = Body { bytes: bytes.to_vec().into(), chunks: chunks.to_vec(), ..Body::default() };
        let mut put = Vec::new();
        put_times(&mut put, [&body, &body]);
        let times = read_times(&mut Reader(&put)).unwrap();
        assert_eq!(times.chunks([bytes, bytes]), Some([chunks.to_vec(), chunks.to_vec()]));
        put.len() / 2
    }

    fn spread(lengths: &[usize]) -> Vec<Chunk> {
        let after = |at: usize| 700_000 + at as u64 * 20_000 + (at * 7919 % 4096) as u64;
        let chunks =
            lengths.iter().enumerate().map(|(at, length)| Chunk { after: after(at), length: *length as u64 });
        chunks.collect()
    }

    #[test]
    fn a_chunk_of_a_stream_takes_the_bits_of_its_time() {
        let events: Vec<String> = (0..100).map(|at| format!("data: {}\n\n", "x".repeat(at % 40))).collect();
        let lengths: Vec<usize> = events.iter().map(String::len).collect();
        let body = events.concat();
        assert!(back(body.as_bytes(), &spread(&lengths)) < 180);
        let pairs: Vec<usize> = lengths.chunks(2).map(|two| two.iter().sum()).collect();
        assert!(back(body.as_bytes(), &spread(&pairs)) < 110);
        // The last event is cut.
        assert!(
            back(&body.as_bytes()[..body.len() - 1], &spread(&[&lengths[..99], &[lengths[99] - 1]].concat()))
                < 180
        );
        assert!(back(body.as_bytes(), &spread(&[body.len()])) < 8);
        // Within an event.
        back(body.as_bytes(), &spread(&[5, body.len() - 5]));
        back(b"", &[]);
        back(b"", &spread(&[0]));
        back(b"abc", &[Chunk { after: u64::MAX, length: 1 }, Chunk { after: 0, length: 2 }]);
    }

    #[test]
    fn what_earlier_versions_wrote_is_read() {
        let mut bytes = Vec::new();
        for _ in 0..2 {
            put(&mut bytes, 2);
            [300, 70, 10, -4].iter().for_each(|number| put_signed(&mut bytes, *number));
        }
        let expected = vec![Chunk { after: 300, length: 10 }, Chunk { after: 370, length: 6 }];
        assert_eq!(Times::Before(bytes).chunks([b"", b""]), Some([expected.clone(), expected]));
    }

    proptest! {
        #[test]
        fn times_come_back(
            body in "[a-c\n]{0,60}", chunks in prop::collection::vec((any::<u64>(), 0..9_u64), 0..20), far: bool,
        ) {
            let chunk = |(after, length)| Chunk { after: if far { after } else { after >> 44 }, length };
            back(body.as_bytes(), &chunks.into_iter().map(chunk).collect::<Vec<_>>());
        }

        #[test]
        fn damaged_times_are_no_panic(bytes: Vec<u8>, body: Vec<u8>) {
            let _ = Times::Before(bytes.clone()).chunks([&body, &body]);
            let _ = Times::Now(bytes).chunks([&body, &body]);
        }
    }
}
