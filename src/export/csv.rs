//! Records as a table for spreadsheets: comma-separated values (RFC 4180), without what was said but for its beginnings.

use super::columns::{COLUMNS, Cell, Column, ColumnKind};
use super::encode::{EncodeError, Encoder, Step};
use super::format::{Format, Takes};
use crate::model::Micros;

pub const FORMAT: Format = Format {
    name: "csv",
    extension: "csv",
    media_type: "text/csv; charset=utf-8; header=present",
    help: "A table of steps for spreadsheets, without what was said but for its beginnings.",
    is_binary: false,
    takes: Takes::Heads(|_| Box::new(Csv)),
};

struct Csv;

fn columns() -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(|column| column.kind != ColumnKind::Json)
}

impl Encoder<Step> for Csv {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        line(columns().map(|column| column.name.to_owned()), out);
        Ok(())
    }

    fn put(&mut self, step: &Step, out: &mut Vec<u8>) -> Result<u64, EncodeError> {
        line(columns().map(|column| shown(column.cell(step))), out);
        Ok(1)
    }
}

fn shown(cell: Cell) -> String {
    match cell {
        Cell::Nothing => String::new(),
        Cell::Text(text) => guarded(text),
        Cell::Whole(number) => number.to_string(),
        Cell::Number(number) => number.to_string(),
        Cell::YesNo(is) => is.to_string(),
        Cell::Time(micros) => Micros(u64::try_from(micros).unwrap_or_default()).rfc3339(),
    }
}

/// What begins as a formula would be run by a spreadsheet: an apostrophe in front of it makes it text.
fn guarded(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

fn line(fields: impl Iterator<Item = String>, out: &mut Vec<u8>) {
    for (at, field) in fields.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if field.contains([',', '"', '\r', '\n']) {
            out.push(b'"');
            out.extend_from_slice(field.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(field.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let mut out = Vec::new();
        line(["plain", "a,b", "say \"hi\"", "two\nlines", ""].map(str::to_owned).into_iter(), &mut out);
        assert_eq!(out, b"plain,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\r\n");
    }

    #[test]
    fn a_text_is_no_formula() {
        let text = |text: &str| shown(Cell::Text(text.to_owned()));
        assert_eq!(text("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(text("plain - text"), "plain - text");
        assert_eq!(shown(Cell::Number(-1.5)), "-1.5");
        assert_eq!(shown(Cell::Time(1)), "1970-01-01T00:00:00.000001Z");
    }
}
