//! What of a record's head no column has, as a form with holes and the values that go there: of an agent's calls most have
//! the same form, which is stored once.
//!
//! As with headers, a text that changes and is taken for one that stays costs a form of its own, the other way round it
//! costs its length; either comes back.

use serde_json::{Map, Number, Value};

use super::habit::Habits;
use super::value::{prefix, put_value, read_value};
use crate::model::{Micros, Usd};
use crate::store::pieces::{Reader, put, put_bytes, put_signed};

/// What a record's row says, and a form refers to.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub start: Micros,
    pub end: Option<Micros>,
    pub numbers: &'a [Option<i64>],
    pub texts: &'a [Option<String>],
    pub session: Option<&'a str>,
}

impl Known<'_> {
    fn at(&self, text: &str) -> Option<usize> {
        let mut all = self.texts.iter().map(Option::as_deref).chain([self.session]);
        all.position(|known| known == Some(text)).filter(|_| !text.is_empty())
    }

    fn text(&self, at: usize) -> Option<&str> {
        if at == self.texts.len() { self.session } else { self.texts.get(at)?.as_deref() }
    }
}

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const NUMBER: u8 = 3;
const TEXT: u8 = 4;
const ARRAY: u8 = 5;
const OBJECT: u8 = 6;
/// Holes: a text, a text behind a prefix, a whole number, a number as it is written, an amount of money, a time, any JSON.
const OWN_TEXT: u8 = 7;
const OWN_TEXT_BEHIND: u8 = 8;
const OWN_WHOLE: u8 = 9;
const OWN_NUMBER: u8 = 10;
const OWN_AMOUNT: u8 = 11;
const OWN_TIME: u8 = 12;
const OWN_JSON: u8 = 13;
/// What the row says: one of its numbers or texts, or when it ended.
const KNOWN_NUMBER: u8 = 14;
const KNOWN_TEXT: u8 = 15;
const KNOWN_END: u8 = 16;

/// Under these keys stands what someone else made up: only its keys have a form, if they are few.
const FREE: [&str; 2] = ["arguments", "call"];
const FEW: usize = 6;
/// Under these, a text or number is a call's own.
const OWN: [&str; 7] = ["id", "call_id", "answered_by", "upstream_request_id", "count", "input", "output"];
/// A list of more than this has no form either.
const LONG: usize = 8;
/// Nor has what is nested deeper.
const DEEPEST: usize = 8;

/// The form, and the values.
pub fn put_form(rest: &Map<String, Value>, known: &Known, habits: &mut Habits) -> (Vec<u8>, Vec<u8>) {
    let mut putting =
        Putting { form: Vec::new(), values: Vec::new(), known, habits, path: "form".to_owned() };
    putting.object(rest, 0);
    (putting.form, putting.values)
}

struct Putting<'a> {
    form: Vec<u8>,
    values: Vec<u8>,
    known: &'a Known<'a>,
    habits: &'a mut Habits,
    /// Where it is.
    path: String,
}

impl Putting<'_> {
    fn object(&mut self, object: &Map<String, Value>, depth: usize) {
        self.form.push(OBJECT);
        put(&mut self.form, object.len() as u64);
        for (key, value) in object {
            put_bytes(&mut self.form, key.as_bytes());
            let before = self.path.len();
            self.path.push('.');
            self.path.push_str(key);
            self.value(key, value, depth + 1);
            self.path.truncate(before);
        }
    }

    fn value(&mut self, key: &str, value: &Value, depth: usize) {
        match value {
            Value::Null => self.form.push(NULL),
            Value::Bool(is) => self.form.push(if *is { TRUE } else { FALSE }),
            Value::Number(number) => self.number(key, number),
            Value::String(text) => self.text(key, text),
            Value::Array(list) if list.len() <= LONG && depth < DEEPEST && !FREE.contains(&key) => {
                self.form.push(ARRAY);
                put(&mut self.form, list.len() as u64);
                list.iter().for_each(|one| self.value(key, one, depth + 1));
            }
            Value::Object(object) if depth < DEEPEST && !FREE.contains(&key) => self.object(object, depth),
            Value::Object(object) if depth < DEEPEST && object.len() <= FEW => self.free(object),
            Value::Array(_) | Value::Object(_) => {
                self.form.push(OWN_JSON);
                put_bytes(&mut self.values, value.to_string().as_bytes());
            }
        }
    }

    fn free(&mut self, object: &Map<String, Value>) {
        self.form.push(OBJECT);
        put(&mut self.form, object.len() as u64);
        for (key, value) in object {
            put_bytes(&mut self.form, key.as_bytes());
            match value {
                Value::Null => self.form.push(NULL),
                Value::Bool(is) => self.form.push(if *is { TRUE } else { FALSE }),
                Value::String(text) => self.own_text(text),
                _ => {
                    self.form.push(OWN_JSON);
                    put_bytes(&mut self.values, value.to_string().as_bytes());
                }
            }
        }
    }

    fn number(&mut self, key: &str, number: &Number) {
        let same =
            |known: &Option<i64>| known.is_some_and(|known| known > 0 && number.as_i64() == Some(known));
        if let Some(at) = self.known.numbers.iter().position(same) {
            self.form.push(KNOWN_NUMBER);
            return put(&mut self.form, at as u64);
        }
        let written = number.to_string();
        if written == "0" || !(OWN.contains(&key) || self.habits.changes(&self.path, written.as_bytes())) {
            self.form.push(NUMBER);
            put_bytes(&mut self.form, written.as_bytes());
        } else if let Some(whole) = number.as_u64() {
            self.form.push(OWN_WHOLE);
            put(&mut self.values, whole);
        } else if let Some(amount) = amount(number) {
            self.form.push(OWN_AMOUNT);
            put_amount(&mut self.values, amount);
        } else {
            self.form.push(OWN_NUMBER);
            put_bytes(&mut self.values, written.as_bytes());
        }
    }

    fn text(&mut self, key: &str, text: &str) {
        if let Some(at) = self.known.at(text) {
            self.form.push(KNOWN_TEXT);
            return put(&mut self.form, at as u64);
        }
        let time = Micros::parse_rfc3339(text).filter(|at| at.rfc3339() == text);
        if time.is_some() && time == self.known.end {
            self.form.push(KNOWN_END);
        } else if let Some(at) = time {
            self.form.push(OWN_TIME);
            put_signed(&mut self.values, at.0.wrapping_sub(self.known.start.0).cast_signed());
        } else if !(OWN.contains(&key) || self.habits.changes(&self.path, text.as_bytes())) {
            self.form.push(TEXT);
            put_bytes(&mut self.form, text.as_bytes());
        } else {
            self.own_text(text);
        }
    }

    fn own_text(&mut self, text: &str) {
        let prefix = prefix(text);
        if prefix.is_empty() {
            self.form.push(OWN_TEXT);
        } else {
            self.form.push(OWN_TEXT_BEHIND);
            put_bytes(&mut self.form, prefix.as_bytes());
        }
        put_value(&mut self.values, &text.as_bytes()[prefix.len()..], self.known.start);
    }
}

/// The amount that is written so, if it comes back.
fn amount(number: &Number) -> Option<u64> {
    let amount = Usd::from_f64(number.as_f64()?)?;
    let is_back = amount.to_json() == Value::Number(number.clone());
    u64::try_from(amount.picos()).ok().filter(|_| is_back)
}

/// Prices have few digits that count.
fn put_amount(to: &mut Vec<u8>, mut picos: u64) {
    let mut zeros = 0;
    while picos > 0 && picos.is_multiple_of(10) {
        picos /= 10;
        zeros += 1;
    }
    to.push(zeros);
    put(to, picos);
}

fn read_amount(from: &mut Reader) -> Option<Value> {
    let power = 10_u64.checked_pow(from.byte()?.into())?;
    let picos = from.number()?.checked_mul(power)?;
    Some(Usd::from_picos(picos.into()).to_json())
}

/// The number that is written so, to the last bit.
fn number(written: &str) -> Option<Value> {
    let whole = written.parse::<u64>().map(Value::from).or_else(|_| written.parse::<i64>().map(Value::from));
    whole.ok().or_else(|| Number::from_f64(written.parse().ok()?).map(Value::from))
}

/// The rest again. `None` where what is read is damaged.
pub fn read_form(form: &[u8], values: &[u8], known: &Known) -> Option<Map<String, Value>> {
    match (Getting { form: Reader(form), values: Reader(values), known }).value(0)? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

struct Getting<'a> {
    form: Reader<'a>,
    values: Reader<'a>,
    known: &'a Known<'a>,
}

impl Getting<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEEPEST + 1 {
            return None;
        }
        Some(match self.form.byte()? {
            NULL => Value::Null,
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            NUMBER => number(self.form.text()?)?,
            TEXT => self.form.text()?.into(),
            ARRAY => {
                (0..self.form.number()?).map(|_| self.value(depth + 1)).collect::<Option<Vec<_>>>()?.into()
            }
            OBJECT => {
                let mut object = Map::new();
                for _ in 0..self.form.number()? {
                    let key = self.form.text()?.to_owned();
                    object.insert(key, self.value(depth + 1)?);
                }
                Value::Object(object)
            }
            OWN_TEXT => self.own_text("")?,
            OWN_TEXT_BEHIND => {
                let prefix = self.form.text()?.to_owned();
                self.own_text(&prefix)?
            }
            OWN_WHOLE => self.values.number()?.into(),
            OWN_NUMBER => number(self.values.text()?)?,
            OWN_JSON => serde_json::from_slice(self.values.bytes()?).ok()?,
            OWN_AMOUNT => read_amount(&mut self.values)?,
            OWN_TIME => {
                let after = self.values.signed()?.cast_unsigned();
                Micros(self.known.start.0.wrapping_add(after)).rfc3339().into()
            }
            KNOWN_NUMBER => (*self.known.numbers.get(self.at()?)?)?.into(),
            KNOWN_TEXT => self.known.text(self.at()?)?.into(),
            KNOWN_END => self.known.end?.rfc3339().into(),
            _ => return None,
        })
    }

    fn at(&mut self) -> Option<usize> {
        usize::try_from(self.form.number()?).ok()
    }

    fn own_text(&mut self, prefix: &str) -> Option<Value> {
        let mut text = prefix.as_bytes().to_vec();
        read_value(&mut self.values, self.known.start, &mut text)?;
        String::from_utf8(text).ok().map(Value::from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NUMBERS: [Option<i64>; 3] = [Some(7), None, Some(1200)];

    fn texts() -> [Option<String>; 2] {
        [None, Some("grep".to_owned())]
    }

    fn back(rest: &Value, habits: &mut Habits) -> (Vec<u8>, Vec<u8>) {
        let texts = texts();
        let start = Micros(1_795_262_400_000_000);
        let known = Known {
            start,
            end: Some(Micros(start.0 + 1_500_000)),
            numbers: &NUMBERS,
            texts: &texts,
            session: Some("s-1"),
        };
        let rest = rest.as_object().unwrap();
        let (form, values) = put_form(rest, &known, habits);
        assert_eq!(read_form(&form, &values, &known).as_ref(), Some(rest));
        (form, values)
    }

    #[test]
    fn calls_of_an_agent_have_one_form() {
        let call = |number: u64, id: &str, by: &str| {
            json!({
                "tool": {"call_id": format!("toolu_{id}"), "name": "grep", "answered_by": by,
                    "result_time": "2026-11-21T12:00:01.500000Z"},
                "usage": {"raw": {"input_tokens": 1200, "details": {"cached": 0}}},
                "cost": {"input": 0.001, "details": [{"unit": "input", "count": number, "price": 3.0}]},
                "tool_calls": [{"id": format!("call_{id}"), "arguments": {"path": [number]}}],
                "links": [{"to": "result", "confidence": 0.99}],
            })
        };
        let mut habits = Habits::default();
        let (form, values) = back(&call(3, "01AbCdEfGhIjKlMnOpQrStUv", "0123456789abcdef"), &mut habits);
        let (other, _) = back(&call(400, "01zzzzzzzzzzzzzzzzzzzzzz", "00000000000000ff"), &mut habits);
        assert_eq!(form, other);
        assert!(values.len() < 75, "{}", values.len());
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            "[a-z_0-9A-Z-]{0,20}",
            Just("grep".to_owned()),
            Just("s-1".to_owned()),
            ".{0,8}",
            Just("2026-11-21T12:00:01.500000Z".to_owned()),
            Just("2026-11-21T12:00:09.000001Z".to_owned())
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (0_u64..2000).prop_map(Value::from),
            any::<i32>().prop_map(|n| Value::from(f64::from(n) / 1000.0)),
            (0_u32..90_000).prop_map(|n| Value::from(f64::from(n) / 1e6)),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(9, 40, 10, |inner| {
            let key = prop_oneof![
                "[a-z]{1,3}",
                Just("id".to_owned()),
                Just("arguments".to_owned()),
                Just("".to_owned())
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..10).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..5).prop_map(|all| all.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_rest_comes_back(rests in prop::collection::vec(value(), 1..6)) {
            let mut habits = Habits::default();
            for rest in rests {
                back(&json!({"one": rest}), &mut habits);
            }
        }

        #[test]
        fn damaged_bytes_are_no_panic(form: Vec<u8>, values: Vec<u8>) {
            let known = Known { start: Micros(0), end: None, numbers: &NUMBERS, texts: &[], session: None };
            let _ = read_form(&form, &values, &known);
        }
    }
}
