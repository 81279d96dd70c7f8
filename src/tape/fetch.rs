//! Reads exchanges back from the tape: those that grew past their share of memory, or that waited for the store too long.

use std::collections::HashMap;
use std::fs::File;
use std::io;

use super::format::Stored;
use super::scan::{Opened, Piece, Scan};
use super::segment;
use super::shelf::Shelf;
use crate::model::{Direction, ExchangeId};

/// Every record of these exchanges that is not committed yet, in order. Damage is stepped over: recovery reports it.
///
/// They are looked for from where the first of them began to where the last ended, in one pass: where a store is slow,
/// thousands are read back that passed at the same time, and from a segment's beginning each of them would be all of it.
pub fn fetch(shelf: &Shelf, exchanges: &[ExchangeId], out: &mut dyn FnMut(Stored)) -> io::Result<()> {
    let mut ended: HashMap<ExchangeId, [bool; 2]> =
        exchanges.iter().map(|exchange| (*exchange, [false; 2])).collect();
    for (number, from) in shelf.holding(exchanges) {
        let file = File::open(segment::path(shelf.dir(), number))?;
        let Opened::Segment(mut scan) = Scan::open(file)? else { continue };
        scan.skip_to(from)?;
        while let Some(piece) = scan.next()? {
            let Piece::Record(record) = piece else { continue };
            let Some(sides) = ended.get_mut(&record.exchange) else { continue };
            if let Some(direction) = record.ends() {
                sides[usize::from(direction == Direction::Response)] = true;
            }
            if *sides == [true; 2] {
                ended.remove(&record.exchange);
            }
            out(record);
            if ended.is_empty() {
                return Ok(());
            }
        }
    }
    Ok(())
}
