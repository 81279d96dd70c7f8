//! What of a record's head no column has: a form and its values, or the rest itself. And what search finds of it.

use serde_json::{Map, Value};

use super::columns::Columns;
use super::fault::Result;
use super::follows::{thicken, thin};
use super::head::Head;
use super::observation::{Detail, Found, json};
use super::pack::{FORM, FORM_PACKED};
use super::reading::Reading;
use super::writing::Writing;
use crate::model::{ExchangeId, Micros};
use crate::store::PART;
use crate::store::heads::{Known, put_form, read_form};
use crate::store::pieces::{Kind, Reader, put, words_of};

/// Values from so many bytes on are packed: before, there is nothing to be gained.
const WORTH_PACKING: usize = 192;
/// So many bytes a call of a tool will need when its result comes. They are kept free, or its page might have to be split.
const RESERVED: usize = 10;

impl Writing<'_> {
    /// What of a head no column has, in few bytes, and how they are to be read.
    pub fn packed_rest(
        &mut self,
        head: &Head,
        columns: &Columns,
        exchange: Option<ExchangeId>,
    ) -> Result<(i64, Vec<u8>)> {
        let mut rest = columns.rest_of(head, exchange);
        thin(&mut rest, [columns.tokens[0], columns.tokens[1]], columns.cost);
        let mut data = Vec::new();
        if self.state.forms.is_worth_it() {
            let (form, values) = put_form(&rest, &known(columns), &mut self.state.habits);
            let pieces = self.counters.pieces;
            let form = self.piece(Kind::Form, &form, None)?;
            self.state.forms.used(self.counters.pieces > pieces);
            put(&mut data, form.cast_unsigned());
            if values.len() < WORTH_PACKING {
                data.extend_from_slice(&values);
                if columns.is_open_tool() {
                    data.extend_from_slice(&[0; RESERVED]);
                }
                return Ok((FORM, data));
            }
            put(&mut data, values.len() as u64);
            let (packed, values) = self.state.packer.pack_head(&values);
            put(&mut data, packed.cast_unsigned());
            data.extend_from_slice(&values);
            return Ok((FORM_PACKED, data));
        }
        let rest = json(serde_json::to_vec(&rest))?;
        let (packed, packed_rest) = self.state.packer.pack_head(&rest);
        // Unpacking needs the length.
        put(&mut data, rest.len() as u64);
        data.extend_from_slice(&packed_rest);
        Ok((packed, data))
    }
}

impl Reading<'_> {
    /// What of a head no column has. `None` where it is damaged.
    pub fn rest(
        &mut self,
        found: &Found,
        packed: i64,
        data: &mut Reader,
    ) -> Result<Option<Map<String, Value>>> {
        let columns = &found.columns;
        let Some(number) = data.number() else { return Ok(None) };
        let mut rest = if matches!(packed, FORM | FORM_PACKED) {
            let (_, form) = self.piece(number.cast_signed())?;
            let values = if packed == FORM { Some(data.0.to_vec()) } else { self.packed_values(data)? };
            let mut columns = self.with_words(found)?;
            columns.session = self.session_of(found)?;
            values.and_then(|values| read_form(&form, &values, &known(&columns)))
        } else {
            let length = usize::try_from(number).unwrap_or(usize::MAX);
            serde_json::from_slice(&self.unpack(packed, data.0.to_vec(), length)?).ok()
        };
        if let Some(rest) = &mut rest {
            thicken(rest, [columns.tokens[0], columns.tokens[1]], columns.cost);
        }
        Ok(rest)
    }

    fn packed_values(&mut self, data: &mut Reader) -> Result<Option<Vec<u8>>> {
        let Some((length, packed)) = data.number().zip(data.number()) else { return Ok(None) };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.unpack(packed.cast_signed(), data.0.to_vec(), length).map(Some)
    }

    /// What an answer says, as search finds it.
    pub fn answer_words(&mut self, detail: &Detail) -> Result<String> {
        let mut words = words_of(Kind::Text, &self.bytes(&detail.text)?);
        for call in calls(detail.rest.get("tool_calls"))
            .filter(|call| !words.contains(call.as_str()))
            .collect::<Vec<_>>()
        {
            words.push('\n');
            words.push_str(&call);
        }
        Ok(words)
    }

    /// All that an observation is found by, beside its exchange's texts.
    pub fn found_by(&mut self, found: &Found) -> Result<String> {
        let detail = self.detail(found)?;
        let mut words = self.answer_words(&detail)?;
        if let Some(content) = &detail.content {
            words.push('\n');
            words.push_str(&words_of(Kind::Glue, &self.bytes(content)?));
        }
        Ok(words)
    }
}

/// What a form may refer to.
fn known(columns: &Columns) -> Known<'_> {
    let micros = |at: i64| Micros(at.max(0).cast_unsigned());
    Known {
        start: micros(columns.start),
        end: columns.took.map(|took| micros(columns.start.saturating_add(took))),
        numbers: &columns.tokens,
        texts: &columns.words,
        session: columns.session.as_deref(),
    }
}

/// A call of a tool as search finds it.
fn call(one: &Value) -> Option<String> {
    let name = one.get("name")?.as_str()?;
    Some(format!("{name} {}", one.get("arguments")?))
}

fn calls(calls: Option<&Value>) -> impl Iterator<Item = String> {
    calls.and_then(Value::as_array).into_iter().flatten().filter_map(call)
}

/// An answer's parts without the calls of tools: those stand in its head.
pub fn without_calls(text: &str, head: &Head) -> String {
    let mut calls: Vec<String> = calls(head.get("tool_calls")).collect();
    let mut kept = String::new();
    for part in text.split(PART).filter(|part| !part.is_empty()) {
        if let Some(at) = calls.iter().position(|call| call == part) {
            calls.swap_remove(at);
            continue;
        }
        if !kept.is_empty() {
            kept.push(PART);
        }
        kept.push_str(part);
    }
    kept
}
