//! Reads one exchange back from the tape: one that grew past its share of memory, or that waited for the store too long.

use std::fs::File;
use std::io;

use super::format::Stored;
use super::scan::{Opened, Piece, Scan};
use super::segment;
use super::shelf::Shelf;
use crate::model::{Direction, ExchangeId};

/// Every record of an exchange that is not committed yet, in order. Damage is stepped over: recovery reports it.
///
/// It is looked for from where it began to where it ended: many exchanges are read back one by one where a store was
/// slow, and from a segment's beginning each of them would be all of it.
pub fn fetch(shelf: &Shelf, exchange: ExchangeId, out: &mut dyn FnMut(Stored)) -> io::Result<()> {
    let mut ended = [false; 2];
    for (number, from) in shelf.holding(exchange) {
        let file = File::open(segment::path(shelf.dir(), number))?;
        let Opened::Segment(mut scan) = Scan::open(file)? else { continue };
        scan.skip_to(from)?;
        while let Some(piece) = scan.next()? {
            if let Piece::Record(record) = piece
                && record.exchange == exchange
            {
                if let Some(direction) = record.ends() {
                    ended[usize::from(direction == Direction::Response)] = true;
                }
                out(record);
                if ended == [true; 2] {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
