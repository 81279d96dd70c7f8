//! Records as a table for programs: parquet, compressed with zstd. What is no single value is JSON as text.
//!
//! Rows are gathered until there are enough of them, or enough bytes in them, for a row group: so much is in memory.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};

use super::columns::{COLUMNS, Cell, ColumnKind};
use super::encode::{EncodeError, Encoder, Step};
use super::format::{Format, Takes};

pub const FORMAT: Format = Format {
    name: "parquet",
    extension: "parquet",
    media_type: "application/vnd.apache.parquet",
    help: "A table of steps for programs, with what was said as JSON in columns of text.",
    is_binary: true,
    takes: Takes::Steps(|_| Box::new(Parquet::default())),
};

/// A row group has no more rows than this,
const MOST_ROWS: usize = 20_000;
/// and is ended by the row that brings it to so many bytes.
const MOST_BYTES: usize = 32 << 20;

#[derive(Default)]
struct Parquet {
    writer: Option<SerializedFileWriter<Shared>>,
    written: Shared,
    /// Of each column the values that wait for their row group.
    columns: Vec<Vec<Cell>>,
    bytes: usize,
}

/// What the writer wrote and nobody has taken yet.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn take(&self) -> Vec<u8> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl From<ParquetError> for EncodeError {
    fn from(why: ParquetError) -> Self {
        Self(why.to_string())
    }
}

impl Encoder<Step> for Parquet {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_created_by(concat!("wiretape ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = SerializedFileWriter::new(self.written.clone(), schema()?, Arc::new(properties))?;
        self.writer = Some(writer);
        self.columns = COLUMNS.iter().map(|_| Vec::new()).collect();
        out.append(&mut self.written.take());
        Ok(())
    }

    fn put(&mut self, step: &Step, out: &mut Vec<u8>) -> Result<u64, EncodeError> {
        for (column, cells) in COLUMNS.iter().zip(&mut self.columns) {
            let cell = column.cell(step);
            self.bytes += mem::size_of::<Cell>() + if let Cell::Text(text) = &cell { text.len() } else { 0 };
            cells.push(cell);
        }
        if self.bytes >= MOST_BYTES || self.columns.first().is_some_and(|cells| cells.len() >= MOST_ROWS) {
            self.row_group(out)?;
        }
        Ok(1)
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.row_group(out)?;
        if let Some(writer) = self.writer.take() {
            writer.close()?;
        }
        out.append(&mut self.written.take());
        Ok(())
    }
}

impl Parquet {
    fn row_group(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        if self.columns.iter().all(Vec::is_empty) {
            return Ok(());
        }
        self.bytes = 0;
        let mut group = writer.next_row_group()?;
        for (column, cells) in COLUMNS.iter().zip(&mut self.columns) {
            let Some(own) = group.next_column()? else { break };
            write(column.kind, own, cells)?;
            cells.clear();
        }
        group.close()?;
        out.append(&mut self.written.take());
        Ok(())
    }
}

/// Every column may be without a value.
fn schema() -> Result<TypePtr, ParquetError> {
    let columns = COLUMNS.iter().map(|column| {
        let (physical, logical) = match column.kind {
            ColumnKind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            // As text, which every reader knows what to do with.
            ColumnKind::Json => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            ColumnKind::Whole => (Physical::INT64, None),
            ColumnKind::Number => (Physical::DOUBLE, None),
            ColumnKind::YesNo => (Physical::BOOLEAN, None),
            ColumnKind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        };
        let builder = Type::primitive_type_builder(column.name, physical);
        let built = builder.with_repetition(Repetition::OPTIONAL).with_logical_type(logical).build();
        built.map(Arc::new)
    });
    let fields = columns.collect::<Result<_, _>>()?;
    Ok(Arc::new(Type::group_type_builder("observations").with_fields(fields).build()?))
}

/// Writes a column of a row group. A definition level of 1 says that there is a value.
fn write(
    kind: ColumnKind,
    mut own: SerializedColumnWriter<'_>,
    cells: &mut [Cell],
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(*cell != Cell::Nothing)).collect();
    match kind {
        ColumnKind::Text | ColumnKind::Json => {
            let values = cells.iter_mut().filter_map(|cell| match mem::replace(cell, Cell::Nothing) {
                Cell::Text(text) => Some(ByteArray::from(text.into_bytes())),
                _ => None,
            });
            let values: Vec<ByteArray> = values.collect();
            own.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
        }
        ColumnKind::Whole | ColumnKind::Time => {
            let values = cells.iter().filter_map(|cell| match cell {
                Cell::Whole(number) | Cell::Time(number) => Some(*number),
                _ => None,
            });
            let values: Vec<i64> = values.collect();
            own.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
        }
        ColumnKind::Number => {
            let values = cells.iter().filter_map(|cell| match cell {
                Cell::Number(number) => Some(*number),
                _ => None,
            });
            let values: Vec<f64> = values.collect();
            own.typed::<DoubleType>().write_batch(&values, Some(&levels), None)?;
        }
        ColumnKind::YesNo => {
            let values = cells.iter().filter_map(|cell| match cell {
                Cell::YesNo(is) => Some(*is),
                _ => None,
            });
            let values: Vec<bool> = values.collect();
            own.typed::<BoolType>().write_batch(&values, Some(&levels), None)?;
        }
    }
    own.close()
}
