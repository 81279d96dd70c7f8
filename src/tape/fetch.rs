//! Reads one exchange back from the tape: one that grew past its share of memory, or that waited for the store too long.

use std::fs::File;
use std::io;

use super::format::Stored;
use super::scan::{Opened, Piece, Scan};
use super::segment;
use super::shelf::Shelf;
use crate::model::ExchangeId;

/// Every record of an exchange that is not committed yet, in order. Damage is stepped over: recovery reports it.
pub fn fetch(shelf: &Shelf, exchange: ExchangeId, out: &mut dyn FnMut(Stored)) -> io::Result<()> {
    for number in shelf.holding(exchange) {
        let file = File::open(segment::path(shelf.dir(), number))?;
        let Opened::Segment(mut scan) = Scan::open(file)? else { continue };
        while let Some(piece) = scan.next()? {
            if let Piece::Record(record) = piece
                && record.exchange == exchange
            {
                out(record);
            }
        }
    }
    Ok(())
}
