//! Looking into JSON that may be shaped otherwise than its provider says.

use serde_json::{Map, Value};

use crate::model::Usage;

/// Looks that find nothing where the shape is another.
pub trait Look {
    /// A text at this key; an empty one counts.
    fn text(&self, key: &str) -> Option<&str>;

    /// A text at this key that is not empty.
    fn word(&self, key: &str) -> Option<&str> {
        self.text(key).filter(|text| !text.is_empty())
    }

    /// A whole number at this key, also where it is written as 12.0 or "12".
    fn count(&self, key: &str) -> Option<u64>;

    /// The elements of an array at this key, none where there is no such.
    fn list(&self, key: &str) -> &[Value];

    /// What is at this key, unless it is null.
    fn some(&self, key: &str) -> Option<&Value>;

    fn truth(&self, key: &str) -> Option<bool>;
}

impl Look for Value {
    fn text(&self, key: &str) -> Option<&str> {
        at(self, key)?.as_str()
    }

    fn count(&self, key: &str) -> Option<u64> {
        count(at(self, key)?)
    }

    fn list(&self, key: &str) -> &[Value] {
        at(self, key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    fn some(&self, key: &str) -> Option<&Value> {
        at(self, key).filter(|value| !value.is_null())
    }

    fn truth(&self, key: &str) -> Option<bool> {
        at(self, key)?.as_bool()
    }
}

/// Up to so many keys are sooner compared than hashed.
const FEW: usize = 12;

/// What is at this key of an object, as `get` has it. Readers look for much that is not there, in small objects.
pub fn at<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    if object.len() > FEW {
        return object.get(key);
    }
    object.iter().find(|(own, _)| *own == key).map(|(_, value)| value)
}

/// A whole number, also where it is written as 12.0 or "12".
pub fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let float =
                number.as_f64().filter(|float| float.fract() == 0.0 && (0.0..9e15).contains(float))?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole, positive and small enough, as was just asked"
            )]
            Some(float as u64)
        }),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// JSON as all read it, and as those write it who are less strict: half of a character that a program cut in two, a number
/// that is none, bytes that are no text. What stands there becomes a replacement character, or null.
pub fn parse(bytes: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice(bytes).or_else(|why| match mended(bytes) {
        Some(mended) => serde_json::from_slice(&mended),
        None => Err(why),
    })
}

/// Numbers that JSON does not have, and other languages write.
const NO_NUMBERS: &[&[u8]] = &[b"NaN", b"Infinity", b"-Infinity"];

/// The same in strict JSON, as far as it can be mended; `None` where there is nothing to mend.
fn mended(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(bytes.len());
    for chunk in bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).utf8_chunks() {
        text.extend_from_slice(chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            text.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    let (mut out, mut rest, mut in_text) = (Vec::with_capacity(text.len()), text.as_slice(), false);
    while let Some(&first) = rest.first() {
        let mut taken = 1;
        match first {
            b'"' => {
                in_text = !in_text;
                out.push(first);
            }
            b'\\' if in_text => {
                let (length, is_whole) = escape(rest);
                taken = length;
                let kept = if is_whole { rest.get(..taken).unwrap_or(rest) } else { b"\\ufffd" };
                out.extend_from_slice(kept);
            }
            0..0x20 if in_text => out.extend_from_slice(format!("\\u{first:04x}").as_bytes()),
            _ if in_text => out.push(first),
            _ => match NO_NUMBERS.iter().find(|word| rest.starts_with(word)) {
                Some(word) => {
                    out.extend_from_slice(b"null");
                    taken = word.len();
                }
                None => out.push(first),
            },
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    (out != bytes).then_some(out)
}

/// How long the escape is that begins here, and whether it is a whole character: half of a pair is none.
fn escape(bytes: &[u8]) -> (usize, bool) {
    match unit(bytes) {
        Some(0xd800..0xdc00) => match bytes.get(6..).and_then(unit) {
            Some(0xdc00..0xe000) => (12, true),
            _ => (6, false),
        },
        Some(0xdc00..0xe000) => (6, false),
        Some(_) => (6, true),
        None => (2, true),
    }
}

/// The number in `\u83fd`.
fn unit(bytes: &[u8]) -> Option<u32> {
    let hex = bytes.strip_prefix(b"\\u")?.get(..4).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

/// JSON where it parses, else the text as it came; an empty text is an empty object. What tools' arguments are.
pub fn arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    // A word that is null only when mended is a text.
    let json = parse(text.as_bytes()).ok().filter(|json| !json.is_null() || text.trim() == "null");
    json.unwrap_or_else(|| text.into())
}

/// The keys of an object but these, without nulls: a call's parameters are what is left of its request.
pub fn rest(object: &Value, but: &[&str]) -> Map<String, Value> {
    let Some(object) = object.as_object() else { return Map::new() };
    let kept = object.iter().filter(|(key, value)| !but.contains(&key.as_str()) && !value.is_null());
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Whether there is nothing in it: providers send empty lists and nulls along.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

/// Takes a text out of its place, leaving null.
pub fn take_text(value: &mut Value, key: &str) -> Option<String> {
    match value.get_mut(key)?.take() {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Adds up what there is.
pub fn sum(counts: &[Option<u64>]) -> Option<u64> {
    let mut known = counts.iter().flatten().peekable();
    known.peek()?;
    Some(known.fold(0, |sum, count| sum.saturating_add(*count)))
}

/// The checks that hold for every provider, once its figures are in the common meaning: what contradicts itself is said.
pub fn check(usage: &mut Usage) {
    let parts = [
        ("cache_read", usage.cache_read, usage.input, "input"),
        ("cache_write", usage.cache_write, usage.input, "input"),
        ("reasoning", usage.reasoning, usage.output, "output"),
        ("audio_input", usage.audio_input, usage.input, "input"),
        ("audio_output", usage.audio_output, usage.output, "output"),
    ];
    for (name, part, whole, of) in parts {
        if let (Some(part), Some(whole)) = (part, whole)
            && part > whole
        {
            usage.anomalies.push(format!("{name} {part} is above {of} {whole}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_come_in_many_shapes() {
        for (value, expected) in [
            (json!(12), Some(12)),
            (json!(12.0), Some(12)),
            (json!("12"), Some(12)),
            (json!(12.5), None),
            (json!(-1), None),
            (json!(null), None),
        ] {
            assert_eq!(count(&value), expected, "{value}");
        }
    }

    #[test]
    fn what_others_write_is_read_all_the_same() {
        for (text, expected) in [
            (&br#"{"a": "x \ud83d y"}"#[..], json!({"a": "x \u{fffd} y"})),
            (br#"["\ud83d\ude00 \uDE00\ud83d\u0041"]"#, json!(["\u{1f600} \u{fffd}\u{fffd}A"])),
            (br#"["\\ud83d", "\"\ud83d\""]"#, json!(["\\ud83d", "\"\u{fffd}\""])),
            (b"[NaN, -Infinity,Infinity, \"NaN\", -1]", json!([null, null, null, "NaN", -1])),
            (b"{\"a\":\"b\xff\xc3\"}", json!({"a": "b\u{fffd}\u{fffd}"})),
            (b"{\"a\":\t\"b\n\tc\"}", json!({"a": "b\n\tc"})),
            (b"\xef\xbb\xbf{}", json!({})),
        ] {
            assert_eq!(parse(text).unwrap(), expected);
        }
        for broken in [&br#"{"a": "\ud83d"#[..], b"{\"a\":", b"", b"\"\\", b"\"\\u12", b"Na", b"\xff"] {
            assert!(parse(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn arguments_are_json_where_they_parse() {
        assert_eq!(arguments(r#"{"a":1}"#), json!({"a": 1}));
        assert_eq!(arguments(" "), json!({}));
        assert_eq!(arguments(r#"{"a":"#), json!(r#"{"a":"#));
        assert_eq!(arguments(r#"{"a":"\ud83d"}"#), json!({"a": "\u{fffd}"}));
        assert_eq!((arguments("NaN"), arguments(" null")), (json!("NaN"), json!(null)));
    }

    #[test]
    fn nothing_known_has_no_sum() {
        assert_eq!(sum(&[None, None]), None);
        assert_eq!(sum(&[None, Some(2), Some(3)]), Some(5));
    }

    #[test]
    fn a_part_above_its_whole_is_said() {
        let mut usage = Usage { input: Some(1), cache_read: Some(2), ..Usage::default() };
        check(&mut usage);
        assert_eq!(usage.anomalies, ["cache_read 2 is above input 1"]);
    }
}
