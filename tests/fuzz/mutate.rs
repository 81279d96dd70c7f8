//! Changes inputs: always the same for the same number.

/// Numbers that look random (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; 0 where that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = end.max(1) as u64;
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}

/// Values of JSON, in place of others.
const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1",
    "-0.5",
    "1e300",
    "18446744073709551615",
    "-9223372036854775808",
    "1e-400",
    "4294967296",
    "0.1",
    "\"\"",
    "\"a\"",
    "\"\\u0000\"",
    "\"\\ud83d\"",
    "\"é€😀\"",
    "\"12\"",
    "\"-1s\"",
    "[]",
    "{}",
    "[null]",
    "[[]]",
    "[{}]",
    "{\"\":null}",
    "[1,2,3]",
    "\"{\\\"a\\\":1}\"",
    "\"data:image/png;base64,AA==\"",
    "{\"type\":\"text\",\"text\":\"é\"}",
    "[{\"type\":\"error\"}]",
    "\"2024-02-30T25:61:61.999999999Z\"",
    "\"////\"",
];

/// What streams and texts are made of.
const TOKENS: &[&[u8]] = &[
    b"\n",
    b"\r\n",
    b"\r",
    b"\n\n",
    b"\r\n\r\n",
    b"data:",
    b"data: ",
    b"data: [DONE]\n\n",
    b"event: error\n",
    b"event:",
    b"id: 1\n",
    b"retry: 1\n",
    b": hi\n",
    b"\xef\xbb\xbf",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud83d",
    b"\xc3",
    b"\xf0\x9f\x98\x80",
    b"\xff",
    b"\0",
    b"null",
    b"\"error\":",
    b"\"type\":",
    b"\"index\":",
    b"\"usage\":",
    b"\"delta\":",
    b"\"content\":",
    b"\"id\":",
    b"text/event-stream",
    b"application/json",
    b"multipart/form-data; boundary=x",
    b"--x\r\n",
    b"--x--",
    b"audio/mpeg",
    b"application/x-ndjson",
    b"content-type: ",
    b"content-encoding: gzip\r\n",
    b"%ff",
    b"%",
    b"/",
    b"?",
    b"&",
    b"=",
    b"sk-",
    b"eyJ",
    b"@",
    b"://u:",
    b"-----BEGIN RSA PRIVATE KEY-----",
    b"-----END RSA PRIVATE KEY-----",
    b"4111 1111 1111 1111",
    b"\\u0073\\u006b-",
    b"\"password\":\"",
    b"Bearer ",
    b"+1 202 555 0143",
    b"123-45-6789",
];

const NUMBERS: &[u64] = &[0, 1, 2, 15, 16, 125, 126, 127, 128, 255, 256, 65_535, 65_536, 1 << 31, u64::MAX];

/// An input made of one seed, at times with parts of another.
pub fn mutate(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    const LONGEST: usize = 1 << 18;
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let other = &seeds[random.below(seeds.len())];
        change(&mut input, other, random);
        input.truncate(LONGEST);
    }
    input
}

fn change(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let most = 1 << random.below(10);
    let end = (at + 1 + random.below(most)).min(input.len()).max(at);
    match random.below(16) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.byte();
            }
        }
        2 => input.insert(at, random.byte()),
        3 => drop(input.drain(at..end)),
        4 => input.truncate(at),
        5 => {
            let part = input[at..end].to_vec();
            let times = 1 + random.below(4);
            let to = random.below(input.len() + 1);
            drop(input.splice(to..to, part.repeat(times)));
        }
        6 => {
            let from = random.below(other.len() + 1);
            let upto = (from + random.below(600)).min(other.len());
            drop(input.splice(at..end, other[from..upto].iter().copied()));
        }
        7 => {
            input.truncate(at);
            input.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        8 => length(input, at, random),
        9 | 10 => drop(input.splice(at..at, random.pick(TOKENS).iter().copied())),
        11 => nest(input, at, random),
        // The values of JSON most of all: what is read is JSON nearly everywhere.
        _ => {
            let Some((from, to)) = value(input, at) else { return };
            let new = match random.below(6) {
                0 | 1 => value(other, random.below(other.len() + 1))
                    .map_or_else(Vec::new, |(from, to)| other[from..to].to_vec()),
                2 => value(input, random.below(input.len() + 1))
                    .map_or_else(Vec::new, |(from, to)| input[from..to].to_vec()),
                _ => random.pick(VALUES).as_bytes().to_vec(),
            };
            drop(input.splice(from..to, new));
        }
    }
}

/// A number in place of bytes, as lengths are written.
fn length(input: &mut [u8], at: usize, random: &mut Random) {
    let number = random.pick(NUMBERS);
    let width = random.pick(&[1, 2, 4, 8]);
    let bytes = if random.below(2) == 0 { number.to_be_bytes() } else { number.swap_bytes().to_be_bytes() };
    let bytes = if random.below(2) == 0 { &bytes[8 - width..] } else { &bytes[..width] };
    for (place, byte) in input.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}

/// Many brackets.
fn nest(input: &mut Vec<u8>, at: usize, random: &mut Random) {
    let Some((from, to)) = value(input, at) else { return };
    let depth = random.pick(&[1, 2, 60, 125, 200]);
    let (open, close) = random.pick(&[("[", "]"), ("{\"a\":", "}"), ("[{\"content\":", "}]")]);
    let new = [open.repeat(depth).as_bytes(), &input[from..to], close.repeat(depth).as_bytes()].concat();
    drop(input.splice(from..to, new));
}

/// Where the value of JSON is that begins behind the next colon, comma or bracket.
fn value(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = bytes.get(at..)?;
    let mut start = at + rest.iter().position(|byte| matches!(byte, b':' | b',' | b'['))? + 1;
    start += bytes[start..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let (mut depth, mut text, mut escaped) = (0, false, false);
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        let first = at == start;
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' if text => {
                text = false;
                if depth == 0 {
                    return Some((start, at + 1));
                }
            }
            _ if text => {}
            b'"' if depth == 0 && !first => return Some((start, at)),
            b'"' => text = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return Some((start, at)),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some((start, at + 1));
                }
            }
            b',' | b'\n' if depth == 0 => return Some((start, at)),
            _ => {}
        }
    }
    Some((start, bytes.len()))
}
