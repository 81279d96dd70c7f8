//! Text that compresses as source code does, from a seed.

/// Numbers from a seed (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    /// From 0, small numbers more often: the rank of a word.
    fn rank(&mut self, bound: u64) -> u64 {
        let one = self.below(bound) + 1;
        self.below(one)
    }

    pub fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from(b"0123456789abcdef"[self.below(16) as usize])).collect()
    }

    /// As ids of providers look: letters of both cases and digits.
    pub fn id(&mut self, length: usize) -> String {
        let letters = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
        (0..length).map(|_| char::from(letters[self.below(letters.len() as u64) as usize])).collect()
    }

    /// So many bytes of text: lines of words, some of them indented, with the signs of code.
    pub fn text(&mut self, length: usize) -> String {
        let mut text = String::with_capacity(length + 40);
        while text.len() < length {
            let indent = self.below(4) as usize * 4;
            text.extend(std::iter::repeat_n(' ', indent));
            for _ in 0..3 + self.below(9) {
                let word = word(self.rank(420));
                text.push_str(&word);
                text.push_str(
                    [" ", " ", " ", " ", ".", "(", ") ", ", ", " = ", "_"][self.below(10) as usize],
                );
            }
            text.push('\n');
        }
        text.truncate(length);
        text
    }
}

/// A word by its rank: the same ones in every session, as a language has.
fn word(rank: u64) -> String {
    let mut dice = Dice(rank.wrapping_mul(7919) + 13);
    let parts =
        ["ra", "ten", "lo", "mi", "sor", "ke", "pa", "du", "vi", "ner", "co", "ba", "sta", "el", "fo", "ing"];
    (0..2 + dice.below(3)).map(|_| parts[dice.below(16) as usize]).collect()
}

/// How many times smaller zstd makes such text, a file of it at a time.
pub fn compressibility() -> f64 {
    let text = Dice(99).text(64 << 10);
    let packed = zstd::bulk::compress(text.as_bytes(), 3).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    let ratio = text.len() as f64 / packed.len() as f64;
    ratio
}
