//! Which piece has which hash, in as little room as that takes: the first eight bytes are the row's number, two more stand
//! with the piece. Should two pieces have these eight in common, the later one takes the next row that is free.

use tokio_rusqlite::rusqlite::{Connection, OptionalExtension, params};

use super::fault::Result;
use super::state::Hash;

/// Rows that a hash may stand in.
const ROWS: i64 = 8;
const CHECKED_BITS: u32 = 16;

/// The first row, and what stands with the piece.
fn parts(hash: &Hash) -> (i64, i64) {
    let (row, rest) = hash.split_at(8);
    let row = row.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
    (row, rest.first_chunk().map_or(0, |bytes| i64::from(u16::from_le_bytes(*bytes))))
}

fn row(db: &Connection, hash: &Hash, at: i64) -> Result<Option<i64>> {
    let mut known = db.prepare_cached("SELECT piece FROM hash WHERE hash = ?1")?;
    Ok(known.query_row([parts(hash).0.wrapping_add(at)], |row| row.get(0)).optional()?)
}

/// The piece of a hash; or this one, which is to be new, is kept under it. Where there is no room, it will not be found, and
/// that is all.
pub fn find_or_put(db: &Connection, hash: &Hash, new: i64) -> Result<Option<i64>> {
    let (first, check) = parts(hash);
    let mut insert = db.prepare_cached("INSERT OR IGNORE INTO hash (hash, piece) VALUES (?1, ?2)")?;
    for at in 0..ROWS {
        if insert.execute(params![first.wrapping_add(at), new << CHECKED_BITS | check])? > 0 {
            break;
        }
        if let Some(found) = row(db, hash, at)?.filter(|found| found & ((1 << CHECKED_BITS) - 1) == check) {
            return Ok(Some(found >> CHECKED_BITS));
        }
    }
    Ok(None)
}

pub fn remove(db: &Connection, hash: &Hash, piece: i64) -> Result<()> {
    let (first, check) = parts(hash);
    let mut delete = db.prepare_cached("DELETE FROM hash WHERE hash BETWEEN ?1 AND ?2 AND piece = ?3")?;
    delete.execute(params![first, first.saturating_add(ROWS - 1), piece << CHECKED_BITS | check])?;
    Ok(())
}

/// Whether a piece is kept under its hash.
pub fn is_kept(db: &Connection, hash: &Hash, piece: i64) -> Result<bool> {
    let (_, check) = parts(hash);
    for at in 0..ROWS {
        // One that came before may be gone since.
        if row(db, hash, at)? == Some(piece << CHECKED_BITS | check) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes over what an earlier version kept, whole hashes.
pub fn fill(db: &Connection) -> Result<()> {
    let mut all = db.prepare("SELECT hash, piece FROM hash_before")?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        find_or_put(db, &row.get(0)?, row.get(1)?)?;
    }
    drop(rows);
    drop(all);
    db.execute_batch("DROP TABLE hash_before")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_that_begin_alike_are_told_apart() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE hash (hash INTEGER PRIMARY KEY, piece INTEGER NOT NULL) STRICT")
            .unwrap();
        let hash = |last: u8| {
            let mut hash = [0xff; 16];
            hash[8] = last;
            hash
        };
        for last in 0..10 {
            assert_eq!(find_or_put(&db, &hash(last), 100 + i64::from(last)).unwrap(), None);
        }
        for last in 0..8 {
            assert_eq!(find_or_put(&db, &hash(last), 7).unwrap(), Some(100 + i64::from(last)));
            assert!(is_kept(&db, &hash(last), 100 + i64::from(last)).unwrap());
        }
        assert_eq!(find_or_put(&db, &hash(8), 7).unwrap(), None);
        remove(&db, &hash(3), 103).unwrap();
        assert_eq!(find_or_put(&db, &hash(3), 113).unwrap(), None);
        assert!(is_kept(&db, &hash(7), 107).unwrap());
    }
}
