//! Content-encodings: the first byte of an input chooses the bounds, the second how the stream is cut.

use wiretape::dialect::framing::{Bounds, Decoder, Fault};

use super::pieces;

/// The codings there are, and some of them one over the other.
pub const ALL: [&str; 6] = ["gzip", "deflate", "br", "zstd", "gzip, br", "deflate, zstd"];

const CHOICES: usize = 2;

const BOUNDS: [Bounds; 3] = [
    Bounds { size: 1 << 21, ratio: 1_000 },
    Bounds { size: 100, ratio: 1_000 },
    Bounds { size: 1 << 21, ratio: 2 },
];

/// An input with this stream.
pub fn input(stream: &[u8]) -> Vec<u8> {
    [&[0, 7], stream].concat()
}

pub fn check(names: &str, input: &[u8]) {
    let Some((&[bounds, choice], stream)) = input.split_first_chunk::<CHOICES>() else { return };
    let bounds = BOUNDS[usize::from(bounds) % BOUNDS.len()];
    let (whole, fault) = read(names, bounds, &[stream]);
    for choice in [choice, 0] {
        let (cut, same) = read(names, bounds, &pieces(stream, choice));
        match fault {
            None | Some(Fault::Unterminated) => {
                assert!(same == fault, "cut by {choice}: {same:?} in place of {fault:?}");
                assert!(cut == whole, "cut by {choice}: {} bytes, not {}", cut.len(), whole.len());
            }
            // Around a fault a coding hands out more or less of what it had made; what it hands out is the same.
            Some(_) => {
                assert!(same.is_some(), "cut by {choice}: no fault in place of {fault:?}");
                let length = cut.len().min(whole.len());
                assert!(cut[..length] == whole[..length], "cut by {choice}: other bytes");
            }
        }
    }
}

fn read(names: &str, bounds: Bounds, pieces: &[&[u8]]) -> (Vec<u8>, Option<Fault>) {
    let mut decoder = Decoder::new(names.as_bytes(), bounds).expect("the codings are known");
    let mut decoded = Vec::new();
    let mut fault = None;
    for piece in pieces {
        fault = decoder.push(piece, &mut |bytes| decoded.extend_from_slice(bytes)).err();
        assert!(decoded.len() as u64 <= bounds.size, "{} bytes came out", decoded.len());
        if fault.is_some() {
            break;
        }
    }
    let last = decoder.finish().err();
    assert!(fault.is_none() || fault == last, "{last:?} in place of {fault:?}");
    (decoded, last)
}
