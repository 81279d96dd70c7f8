//! A block of headers as a shape with holes, and the values that go there.

use super::habit::Habits;
use super::value::{prefix, put_value, read_value};
use crate::model::{Headers, Micros};
use crate::store::pieces::{Reader, put, put_bytes};

/// What becomes of a header's value: it stands in the shape, or it is the call's own, all of it or behind a prefix.
const STAYS: u8 = 0;
const CHANGES: u8 = 1;
const CHANGES_BEHIND: u8 = 2;

/// Puts what stays into the shape and what changes into the values.
pub fn put_block(
    shape: &mut Vec<u8>,
    values: &mut Vec<u8>,
    headers: &Headers,
    began: Micros,
    habits: &mut Habits,
) {
    let bytes = headers.as_bytes();
    let Some(lines) = lines(bytes) else {
        // Not lines as they should be: kept as they are.
        shape.push(0);
        put_bytes(values, bytes);
        return;
    };
    shape.push(1);
    put(shape, lines.len() as u64);
    for (name, value) in lines {
        put_bytes(shape, name);
        let hole = std::str::from_utf8(name).is_ok_and(|name| habits.changes(name, value));
        if !hole {
            shape.push(STAYS);
            put_bytes(shape, value);
            continue;
        }
        let prefix = std::str::from_utf8(value).map_or("", prefix);
        if prefix.is_empty() {
            shape.push(CHANGES);
            put_value(values, value, began);
        } else {
            shape.push(CHANGES_BEHIND);
            put_bytes(shape, prefix.as_bytes());
            put_value(values, &value[prefix.len()..], began);
        }
    }
}

pub fn read_block(shape: &mut Reader, values: &mut Reader, began: Micros) -> Option<Headers> {
    if shape.byte()? == 0 {
        return Some(Headers::from_lines(values.bytes()?));
    }
    let mut bytes = Vec::new();
    for _ in 0..shape.number()? {
        bytes.extend_from_slice(shape.bytes()?);
        bytes.extend_from_slice(b": ");
        match shape.byte()? {
            STAYS => bytes.extend_from_slice(shape.bytes()?),
            CHANGES => read_value(values, began, &mut bytes)?,
            _ => {
                bytes.extend_from_slice(shape.bytes()?);
                read_value(values, began, &mut bytes)?;
            }
        }
        bytes.extend_from_slice(b"\r\n");
    }
    Some(Headers::from_lines(bytes))
}

/// Where these two stand side by side for the first time.
fn find(bytes: &[u8], [first, second]: [u8; 2]) -> Option<usize> {
    memchr::memchr_iter(first, bytes).find(|at| bytes.get(at + 1) == Some(&second))
}

/// Names and values, if these are such lines from beginning to end.
fn lines(mut bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let end = find(bytes, *b"\r\n")?;
        let colon = find(&bytes[..end], *b": ")?;
        found.push((&bytes[..colon], &bytes[colon + 2..end]));
        bytes = &bytes[end + 2..];
    }
    Some(found)
}
