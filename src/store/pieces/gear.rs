//! Places to cut that the bytes before them choose (FastCDC's gear hash): bytes put in elsewhere move no other cut.

/// One number for each byte, from a fixed generator: the cuts of every store ever written hang on these.
const GEAR: [u64; 256] = {
    let mut table = [0; 256];
    let mut state: u64 = 0x7769_7265_7461_7065;
    let mut at = 0;
    while at < 256 {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        table[at] = mixed ^ (mixed >> 31);
        at += 1;
    }
    table
};

/// The hash of the last 64 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gear(u64);

impl Gear {
    pub fn push(&mut self, byte: u8) {
        self.0 = (self.0 << 1).wrapping_add(GEAR[usize::from(byte)]);
    }

    /// True once in 2^`bits` times.
    pub fn is_cut(self, bits: u32) -> bool {
        // The upper bits have seen the most bytes.
        self.0 >> (64 - bits) == 0
    }
}

/// How large chunks are.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub least: usize,
    /// Behind `least`, a cut comes once in 2^`bits` bytes.
    pub bits: u32,
    pub most: usize,
}

/// Large text, and large bodies that are not JSON.
pub const LARGE: Sizes = Sizes { least: 4 << 10, bits: 13, most: 64 << 10 };

/// How long the first chunk is.
pub fn first_chunk(bytes: &[u8], sizes: Sizes) -> usize {
    let end = bytes.len().min(sizes.most);
    if end <= sizes.least {
        return end;
    }
    let mut gear = Gear::default();
    for (at, &byte) in bytes[..end].iter().enumerate().skip(sizes.least.saturating_sub(64)) {
        gear.push(byte);
        if at + 1 >= sizes.least && gear.is_cut(sizes.bits) {
            return at + 1;
        }
    }
    end
}

/// Chunks one after the other: their lengths.
pub fn chunks(bytes: &[u8], sizes: Sizes) -> impl Iterator<Item = usize> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = first_chunk(rest, sizes);
        rest = &rest[length..];
        (length > 0).then_some(length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes without a pattern.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 7_u64;
        let next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..length).map(next).collect()
    }

    #[test]
    fn bytes_put_in_move_few_cuts() {
        let bytes = noise(1 << 20);
        let mut other = bytes.clone();
        other.splice(5000..5000, *b"put in");
        let ends = |bytes: &[u8]| -> Vec<usize> {
            let mut end = 0;
            chunks(bytes, LARGE)
                .map(|length| {
                    end += length;
                    bytes.len() - end
                })
                .collect()
        };
        let (before, after) = (ends(&bytes), ends(&other));
        let same = before.iter().filter(|end| after.contains(end)).count();
        assert!(before.len() > 50 && same + 4 >= before.len(), "{same} of {}", before.len());
    }

    #[test]
    fn chunks_have_their_sizes_and_are_the_whole() {
        for bytes in [noise(300_000), vec![0; 300_000], Vec::new(), noise(10)] {
            let lengths: Vec<usize> = chunks(&bytes, LARGE).collect();
            assert_eq!(lengths.iter().sum::<usize>(), bytes.len());
            assert!(lengths.iter().all(|&length| length <= LARGE.most));
            assert!(lengths.iter().rev().skip(1).all(|&length| length >= LARGE.least));
        }
    }
}
