//! Reads one segment: records, and what lies between them where bytes are damaged. Works on anything that can be read and
//! sought in, and holds one record at a time.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::format::{Checksum, FIXED, PREFIX, Prefix, Stored, decode, is_plausible};
use super::segment::{HEADER, Header, Unreadable};

/// How much is looked at in one go when damage is searched for its end.
const WINDOW: usize = 64 << 10;

/// What the next bytes of a segment are.
#[derive(Debug, PartialEq)]
pub enum Piece {
    Record(Stored),
    /// Bytes that are no record.
    Gap {
        from: u64,
        to: u64,
        /// They are the beginning of a record, at the segment's end: its writer was stopped in the middle.
        torn: bool,
    },
}

/// A segment being read.
pub struct Scan<R> {
    reader: BufReader<R>,
    at: u64,
    end: u64,
    salt: u32,
    record: Vec<u8>,
}

/// What a segment is.
pub enum Opened<R> {
    Segment(Scan<R>),
    /// Too short for a header: its writer was stopped in the middle of that. There is no record in it.
    Torn(u64),
    Unreadable(Unreadable),
}

impl<R: Read + Seek> Scan<R> {
    /// Opens a segment as far as it goes now.
    pub fn open(file: R) -> io::Result<Opened<R>> {
        let mut reader = BufReader::with_capacity(WINDOW, file);
        let end = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(0))?;
        if end < HEADER as u64 {
            return Ok(Opened::Torn(end));
        }
        let mut header = [0; HEADER];
        reader.read_exact(&mut header)?;
        Ok(match Header::decode(&header) {
            Ok(Header { salt, run: _ }) => {
                Opened::Segment(Self { reader, at: HEADER as u64, end, salt, record: Vec::new() })
            }
            Err(why) => Opened::Unreadable(why),
        })
    }

    /// Goes on from a place where a record begins.
    pub fn skip_to(&mut self, at: u64) -> io::Result<()> {
        if at > self.at {
            self.at = at;
            self.reader.seek(SeekFrom::Start(at))?;
        }
        Ok(())
    }

    /// The next piece; `None` at the end.
    pub fn next(&mut self) -> io::Result<Option<Piece>> {
        if self.at >= self.end {
            return Ok(None);
        }
        let from = self.at;
        if let Some(stored) = self.record()? {
            return Ok(Some(Piece::Record(stored)));
        }
        let to = self.search(from + 1)?;
        let torn = to == self.end && self.is_torn(from)?;
        self.at = to;
        self.reader.seek(SeekFrom::Start(to))?;
        Ok(Some(Piece::Gap { from, to, torn }))
    }

    /// Reads the record that begins here and goes on behind it; `None`, and nowhere, if there is none.
    fn record(&mut self) -> io::Result<Option<Stored>> {
        let Some((prefix, length)) = self.prefix()? else { return Ok(None) };
        self.record.resize(length, 0);
        self.reader.read_exact(&mut self.record)?;
        if !prefix.fits(self.salt, &self.record) {
            return Ok(None);
        }
        let stored = decode(&self.record);
        if stored.is_some() {
            self.at += (PREFIX + length) as u64;
        }
        Ok(stored)
    }

    /// The prefix that begins here, if what it announces fits what is left.
    fn prefix(&mut self) -> io::Result<Option<(Prefix, usize)>> {
        let left = self.end - self.at;
        if left < (PREFIX + FIXED) as u64 {
            return Ok(None);
        }
        let mut bytes = [0; PREFIX];
        self.reader.read_exact(&mut bytes)?;
        let prefix = Prefix::read(bytes);
        Ok(prefix.length().filter(|length| (PREFIX + length) as u64 <= left).map(|length| (prefix, length)))
    }

    /// Where the next record begins, from `start` on; the end if none does.
    fn search(&mut self, start: u64) -> io::Result<u64> {
        const FIRST: usize = PREFIX + FIXED;
        let mut window = Vec::with_capacity(WINDOW);
        let mut base = start;
        while base + FIRST as u64 <= self.end {
            self.reader.seek(SeekFrom::Start(base))?;
            window.clear();
            self.reader.by_ref().take(WINDOW as u64).read_to_end(&mut window)?;
            if window.len() < FIRST {
                break;
            }
            for (offset, first) in window.windows(FIRST).enumerate() {
                let plausible = first.try_into().is_ok_and(is_plausible);
                if plausible && self.begins_at(base + offset as u64)? {
                    return Ok(base + offset as u64);
                }
            }
            base += (window.len() - FIRST + 1) as u64;
        }
        Ok(self.end)
    }

    /// Whether a record that fits its checksum begins there. Read in pieces: a length made of damage may be a large one.
    fn begins_at(&mut self, at: u64) -> io::Result<bool> {
        self.reader.seek(SeekFrom::Start(at))?;
        let here = std::mem::replace(&mut self.at, at);
        let prefix = self.prefix();
        self.at = here;
        let Some((prefix, mut left)) = prefix? else { return Ok(false) };
        let mut sum = Checksum::new(self.salt, prefix.counted);
        let mut piece = [0; 8 << 10];
        while left > 0 {
            let count = left.min(piece.len());
            self.reader.read_exact(&mut piece[..count])?;
            sum.add(&piece[..count]);
            left -= count;
        }
        Ok(sum.value() == prefix.sum)
    }

    /// Whether the bytes from here to the end are what a stopped writer leaves: a record that has not all arrived, or the
    /// zeros of a file that had grown before its bytes were written.
    fn is_torn(&mut self, from: u64) -> io::Result<bool> {
        self.reader.seek(SeekFrom::Start(from))?;
        let left = self.end - from;
        let mut bytes = [0; PREFIX];
        if left < PREFIX as u64 {
            return Ok(true);
        }
        self.reader.read_exact(&mut bytes)?;
        if Prefix::read(bytes).length().is_some_and(|length| (PREFIX + length) as u64 > left) {
            return Ok(true);
        }
        let mut rest = self.reader.by_ref().take(left - PREFIX as u64);
        let mut zero = bytes == [0; PREFIX];
        let mut piece = [0; 8 << 10];
        while zero {
            let count = rest.read(&mut piece)?;
            if count == 0 {
                break;
            }
            zero = piece[..count].iter().all(|&byte| byte == 0);
        }
        Ok(zero)
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
