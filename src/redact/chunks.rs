//! Bodies in chunks with their lengths, as uploads have them that are signed piece by piece (`aws-chunked`):
//!
//! ```text
//! length in hexadecimal │ ; and what belongs to the chunk │ CRLF │ data │ CRLF  …  0 │ CRLF │ trailers │ CRLF
//! ```

use memchr::memchr;

/// What the chunks hold.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chunks {
    pub(super) data: Vec<u8>,
    /// The lines between them, and the trailers.
    pub(super) lines: Vec<u8>,
    /// How many bytes at the end are something else.
    pub(super) rest: u64,
}

impl Chunks {
    /// Reads them as far as they come; `None` where there is not even one.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut chunks = Self::default();
        let mut rest = bytes;
        while let Some((line, behind)) = line(rest) {
            let Some(length) = length(line) else { break };
            chunks.lines.extend_from_slice(line);
            if length == 0 {
                // Trailers.
                return Some(chunks.ended_by(behind, true));
            }
            // The last may have broken off.
            let (data, behind) = behind.split_at(behind.len().min(length));
            chunks.data.extend_from_slice(data);
            let end = behind.get(..2).unwrap_or(behind);
            rest = behind.get(end.len()..).unwrap_or_default();
            if !b"\r\n".starts_with(end) {
                return Some(chunks.ended_by(behind, false));
            }
        }
        let is_line = length(rest).is_some() && memchr(b'\n', rest).is_none();
        (rest.len() < bytes.len()).then(|| chunks.ended_by(rest, rest.is_empty() || is_line))
    }

    fn ended_by(mut self, rest: &[u8], is_sound: bool) -> Self {
        self.lines.extend_from_slice(rest);
        let is_text = |byte: &u8| byte.is_ascii_graphic() || b" \t\r\n".contains(byte);
        if !is_sound || !self.lines.iter().all(is_text) {
            self.rest = (rest.len() as u64).max(1);
        }
        self
    }
}

/// A line with its end, and what follows.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, behind) = bytes.split_at(memchr(b'\n', bytes)? + 1);
    line.ends_with(b"\r\n").then_some((line, behind))
}

fn length(line: &[u8]) -> Option<usize> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    let is_number = digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    usize::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<(&'static str, bool)> {
        let chunks = Chunks::read(bytes)?;
        let data = String::from_utf8(chunks.data).unwrap();
        Some((data.leak(), chunks.rest == 0))
    }

    #[test]
    fn chunks_are_put_together_as_far_as_they_came() {
        let whole = b"3;chunk-signature=0f\r\nabc\r\nA\r\ndefghijklm\r\n0\r\nx-a: b\r\n\r\n";
        for cut in 3..whole.len() {
            let (data, is_sound) = read(&whole[..cut]).unwrap_or(("", true));
            assert!(is_sound && "abcdefghijklm".starts_with(data), "{cut}");
        }
        let chunks = Chunks::read(whole).unwrap();
        assert_eq!((&chunks.data[..], chunks.rest), (&b"abcdefghijklm"[..], 0));
        assert_eq!(chunks.lines, b"3;chunk-signature=0f\r\nA\r\n0\r\nx-a: b\r\n\r\n");
    }

    #[test]
    fn what_is_not_so_framed_is_told_from_what_is() {
        for bytes in
            [&b""[..], b"{\"a\": 1}", b"{\r\n}", b"3\nabc", b"abc", b"-1\r\n", b"fffffffffffffffff\r\n"]
        {
            assert_eq!(read(bytes), None, "{}", bytes.escape_ascii());
        }
        assert_eq!(read(b"3\r\nabc{}\r\n"), Some(("abc", false)));
        assert_eq!(read(b"3\r\nabc\r\n{}\r\n"), Some(("abc", false)));
        assert_eq!(read(b"3\r\nabc\r\n{}"), Some(("abc", false)));
        assert_eq!(read(b"3;\xff\r\nabc\r\n"), Some(("abc", false)));
        assert_eq!(read(b"3\r\nabc\r\n0\r\n\0\r\n"), Some(("abc", false)));
        assert_eq!(read(b"ffffffffffffffff\r\nabc"), Some(("abc", true)));
    }
}
