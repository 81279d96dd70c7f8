//! Private keys in PEM, from their first line to their last, or as far as they came.

use std::ops::Range;

use memchr::memmem;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const KEY: &[u8] = b"PRIVATE KEY";
const DASHES: &[u8] = b"-----";
/// What a first or last line may be long.
const LABEL: usize = 64;
/// No key is longer than this.
const LONGEST: usize = 64 << 10;

/// Hands out the keys' ranges, in order.
pub(super) fn find(text: &[u8], out: &mut dyn FnMut(Range<usize>)) {
    let mut at = 0;
    // The next last line, looked for once however many first lines come before it.
    let mut next_end: Option<usize> = Some(0);
    while let Some(start) = memmem::find(text.get(at..).unwrap_or_default(), BEGIN).map(|found| at + found) {
        let Some(body) = label(text, start + BEGIN.len()) else {
            at = start + BEGIN.len();
            continue;
        };
        if next_end.is_some_and(|end| end < body) {
            let rest = text.get(body..).unwrap_or_default();
            next_end = memmem::find(rest, END).map(|found| body + found);
        }
        let near = next_end.filter(|end| end - body <= LONGEST);
        let end = near.and_then(|end| label(text, end + END.len())).unwrap_or_else(|| body + cut(text, body));
        out(start..end);
        at = end;
    }
}

/// Where a line ends that says `PRIVATE KEY`, from behind its first word on.
fn label(text: &[u8], start: usize) -> Option<usize> {
    let rest = text.get(start..)?;
    let near = rest.get(..LABEL).unwrap_or(rest);
    let dashes = memmem::find(near, DASHES)?;
    memmem::find(near.get(..dashes)?, KEY)?;
    Some(start + dashes + DASHES.len())
}

/// How much of what stands there can be a key without its last line.
fn cut(text: &[u8], start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let is_key = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/=\\:, \t\r\n".contains(byte);
    rest.iter().take(LONGEST).take_while(is_key).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let mut all = Vec::new();
        find(text.as_bytes(), &mut |range| all.push(&text[range]));
        all
    }

    #[test]
    fn keys_are_found_whole_cut_and_on_one_line() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE+/=\nabc\n-----END RSA PRIVATE KEY-----";
        assert_eq!(found(&format!("a\n{key}\nb {key}")), [key, key]);
        let line = "-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----";
        assert_eq!(found(&format!("\"{line}\"")), [line]);
        let cut = "-----BEGIN OPENSSH PRIVATE KEY-----\nMIIE";
        assert_eq!(found(&format!("{cut}\"; x")), [cut]);
        assert_eq!(found("-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----"), [""; 0]);
    }

    #[test]
    fn many_beginnings_take_one_pass() {
        let text = "-----BEGIN PRIVATE KEY-----!".repeat(100_000);
        assert_eq!(found(&text).len(), 100_000);
    }
}
