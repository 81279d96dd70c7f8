//! What there is to read in a piece, for full-text search.

use super::cut::Kind;

/// Values of these keys are not what anyone said.
const NOT_SAID: [&[u8]; 12] = [
    b"type",
    b"role",
    b"id",
    b"tool_use_id",
    b"tool_call_id",
    b"call_id",
    b"signature",
    b"data",
    b"media_type",
    b"encrypted_content",
    b"object",
    b"thought_signature",
];

/// A run of so many letters and digits is no word.
const NO_WORD: usize = 160;

/// The words of a piece, a line for each string. Empty where there are none.
pub fn words_of(kind: Kind, piece: &[u8]) -> String {
    match kind {
        Kind::Text => unescape(piece),
        Kind::Glue => strings(piece),
        // Its first byte ends a string that is not its own.
        Kind::Tail => strings(piece.get(1..).unwrap_or_default()),
        Kind::Node | Kind::Data | Kind::Shape | Kind::Woven | Kind::Form => String::new(),
    }
}

/// Whether a text has words in it: base64 has none.
pub fn is_words(text: &[u8]) -> bool {
    let text = &text[..text.len().min(4096)];
    let is_of_run = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte);
    // A run of this length would hold one of the places looked at, and begin behind the last byte that is of none.
    let mut begin = 0;
    while let Some(run) = text.get(begin..begin + NO_WORD) {
        match run.iter().rposition(|byte| !is_of_run(byte)) {
            Some(at) => begin += at + 1,
            None => return false,
        }
    }
    true
}

/// The strings in JSON that are values worth finding.
fn strings(json: &[u8]) -> String {
    let mut words = String::new();
    let (mut at, mut key): (usize, &[u8]) = (0, b"");
    while let Some(quote) = memchr::memchr(b'"', &json[at..]) {
        let begin = at + quote + 1;
        let mut end = begin;
        while end < json.len() && json[end] != b'"' {
            end += if json[end] == b'\\' { 2 } else { 1 };
        }
        // The quote that opens a string which is the next piece.
        if end >= json.len() {
            break;
        }
        at = end + 1;
        let string = &json[begin..end];
        if json[at..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':') {
            key = string;
        } else if !string.is_empty() && !NOT_SAID.contains(&key) && is_words(string) {
            words.push_str(&unescape(string));
            words.push('\n');
        }
    }
    words
}

/// A string of JSON as the text it means. What is no text is replaced.
fn unescape(string: &[u8]) -> String {
    let mut text = String::with_capacity(string.len());
    for chunk in string.utf8_chunks() {
        unescape_valid(chunk.valid(), &mut text);
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

fn unescape_valid(mut rest: &str, text: &mut String) {
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let mut escape = rest[at + 1..].chars();
        let meant = match escape.next() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b' | 'f') => ' ',
            Some('u') => {
                let (meant, after) = unicode(escape.as_str());
                text.push(meant);
                rest = after;
                continue;
            }
            Some(other) => other,
            None => return,
        };
        text.push(meant);
        rest = escape.as_str();
    }
    text.push_str(rest);
}

/// The character that the digits behind `\u` mean, and what comes behind them.
fn unicode(rest: &str) -> (char, &str) {
    let unit = |text: &str| u32::from_str_radix(text.get(..4)?, 16).ok();
    let Some(first) = unit(rest) else { return (char::REPLACEMENT_CHARACTER, rest) };
    let after = &rest[4..];
    if let Some(meant) = char::from_u32(first) {
        return (meant, after);
    }
    let second = after.strip_prefix("\\u").and_then(unit).filter(|second| (0xdc00..0xe000).contains(second));
    match second.filter(|_| first < 0xdc00) {
        Some(second) => {
            let meant = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            (char::from_u32(meant).unwrap_or(char::REPLACEMENT_CHARACTER), &after[6..])
        }
        None => (char::REPLACEMENT_CHARACTER, after),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn strings_become_text() {
        assert_eq!(
            words_of(Kind::Text, br#"a\n\"b\" \u00e9\ud83d\ude00 \ud83d \u12"#),
            "a\n\"b\" é😀 \u{fffd} \u{fffd}12"
        );
        let glue = br#"","model":"gpt-4.1","messages":[{"role":"user","content":"fix it"},{"x":["one","two"],"text":""#;
        assert_eq!(words_of(Kind::Tail, glue), "gpt-4.1\nfix it\none\ntwo\n");
        assert_eq!(words_of(Kind::Data, b"{\"a\":\"b\"}"), "");
    }

    #[test]
    fn base64_is_no_words() {
        assert!(!is_words("iVBORw0KGgo".repeat(40).as_bytes()));
        assert!(is_words("the quick brown fox ".repeat(40).as_bytes()));
        assert!(is_words("日本語".repeat(100).as_bytes()));
    }

    proptest! {
        #[test]
        fn a_run_is_found_wherever_it_stands(before in "[ a]{0,400}", run in 150_usize..170, after in "[ a]{0,400}") {
            let text = format!("{before} {} {after}", "a".repeat(run));
            let longest = text.split(' ').map(str::len).max().unwrap_or(0);
            prop_assert_eq!(is_words(text.as_bytes()), longest < NO_WORD);
        }

        #[test]
        fn json_strings_are_read_as_json_reads_them(text: String) {
            let json = serde_json::to_string(&text).unwrap();
            let read = words_of(Kind::Text, &json.as_bytes()[1..json.len() - 1]);
            prop_assert_eq!(read, text.replace(['\u{8}', '\u{c}'], " "));
        }

        #[test]
        fn any_bytes_are_no_panic(bytes: Vec<u8>) {
            for kind in Kind::ALL {
                words_of(kind, &bytes);
            }
        }
    }
}
