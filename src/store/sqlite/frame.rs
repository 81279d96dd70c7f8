//! What zstd writes, without what every frame begins with: its sign and the length are known where it is kept.

/// Every frame's sign.
const SIGN: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Of the byte behind the sign: how many bytes say the length, all of it at once, a checksum at the end, and how many
/// bytes say the dictionary.
const LENGTH_BITS: u8 = 6;
const AT_ONCE: u8 = 1 << 5;
const CHECKED: u8 = 1 << 2;
const DICTIONARY: u8 = 3;

/// The blocks of a frame, if it can be made of them again.
pub fn bare(frame: &[u8]) -> Option<&[u8]> {
    let (about, rest) = frame.strip_prefix(&SIGN)?.split_first()?;
    if about & AT_ONCE == 0 || about & CHECKED != 0 {
        return None;
    }
    let dictionary = [0, 1, 2, 4][usize::from(about & DICTIONARY)];
    let length = [1, 2, 4, 8][usize::from(about >> LENGTH_BITS)];
    rest.get(dictionary + length..)
}

/// The frame again. `length` is what it makes.
pub fn framed(bare: &[u8], length: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(bare.len() + 9);
    frame.extend_from_slice(&SIGN);
    match (u8::try_from(length), u16::try_from(length.wrapping_sub(256)), u32::try_from(length)) {
        (Ok(length), _, _) => frame.extend_from_slice(&[AT_ONCE, length]),
        (_, Ok(above), _) => {
            frame.push(AT_ONCE | 1 << LENGTH_BITS);
            frame.extend_from_slice(&above.to_le_bytes());
        }
        (_, _, Ok(length)) => {
            frame.push(AT_ONCE | 2 << LENGTH_BITS);
            frame.extend_from_slice(&length.to_le_bytes());
        }
        _ => {
            frame.push(AT_ONCE | 3 << LENGTH_BITS);
            frame.extend_from_slice(&(length as u64).to_le_bytes());
        }
    }
    frame.extend_from_slice(bare);
    frame
}

#[cfg(test)]
mod tests {
    use zstd::bulk::{compress, decompress};

    use super::*;

    #[test]
    fn frames_of_any_length_come_back() {
        for length in [0, 1, 7, 255, 256, 257, 1000, 65_535, 65_791, 65_792, 70_000, 300_000] {
            let bytes: Vec<u8> = (0..length).map(|at: usize| (at * at % 251) as u8).collect();
            let frame = compress(&bytes, 3).unwrap();
            let bare = bare(&frame).unwrap();
            assert!(bare.len() + 6 <= frame.len());
            assert_eq!(decompress(&framed(bare, length), length).unwrap(), bytes);
        }
        assert_eq!(bare(b"not one"), None);
        assert_eq!(bare(&SIGN), None);
        // A window of its own, a checksum.
        assert_eq!(bare(&[SIGN.as_slice(), &[0, 0x58, 1, 0, 0]].concat()), None);
        assert_eq!(bare(&[SIGN.as_slice(), &[AT_ONCE | CHECKED, 1, 1, 0, 0]].concat()), None);
    }
}
