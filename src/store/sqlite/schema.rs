//! Opens the file, and brings it to the form this program knows.

use std::path::Path;

use tokio_rusqlite::OpenFlags;
use tokio_rusqlite::rusqlite::Connection;

use super::fault::Result;
use crate::store::{Config, Durable, StoreError};

/// Each brings a store from the version before to its own, which is its place counted from 1. They are kept for ever, as
/// they are: somebody has a store that needs them.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_begin.sql"),
    include_str!("migrations/0002_story.sql"),
    include_str!("migrations/0003_annotations.sql"),
    include_str!("migrations/0004_outgoing.sql"),
    include_str!("migrations/0005_small.sql"),
    include_str!("migrations/0006_told.sql"),
];

/// The version from which on sums are kept of the versions of prompts.
const PROMPTS_SINCE: usize = 2;
/// The version from which on hashes are numbers: the place of `0005_small.sql`.
const HASHES_SINCE: usize = 5;

/// How long to wait for another process that writes.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Opens the file to write, and makes it if there is none.
pub fn open_to_write(path: &Path, config: &Config) -> Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags).map_err(|error| named(path, error.into()))?;
    let prepare = |db: &mut Connection| -> Result<()> {
        common(db, config)?;
        // Before the first table, or it has no effect.
        db.pragma_update(None, "auto_vacuum", "incremental")?;
        db.pragma_update(None, "journal_mode", "wal")?;
        let synchronous = match config.durable {
            Durable::Normal => "normal",
            Durable::Full => "full",
        };
        db.pragma_update(None, "synchronous", synchronous)?;
        db.pragma_update(None, "wal_autocheckpoint", 4000)?;
        db.pragma_update(None, "journal_size_limit", 64 << 20)?;
        migrate(db)
    };
    prepare(&mut db).map_err(|error| named(path, error))?;
    Ok(db)
}

/// Opens the file to read.
pub fn open_to_read(path: &Path, config: &Config) -> Result<Connection> {
    if !path.exists() {
        return Err(StoreError::Unavailable(format!("there is no store at {}", path.display())));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(|error| named(path, error.into()))?;
    let check = |db: &Connection| -> Result<()> {
        common(db, config)?;
        db.pragma_update(None, "query_only", true)?;
        match version(db)? {
            0 => Err(StoreError::Broken("it is no store of wiretape's".to_owned())),
            older if older < MIGRATIONS.len() => Err(StoreError::Unavailable(
                "an earlier version wrote it: open it once for writing".to_owned(),
            )),
            _ => Ok(()),
        }
    };
    check(&db).map_err(|error| named(path, error))?;
    Ok(db)
}

fn common(db: &Connection, config: &Config) -> Result<()> {
    db.busy_timeout(PATIENCE)?;
    db.set_prepared_statement_cache_capacity(128);
    let kilobytes = i64::try_from(config.cache_bytes.0 / 1024).unwrap_or(i64::MAX);
    db.pragma_update(None, "cache_size", -kilobytes)?;
    db.pragma_update(None, "temp_store", "memory")?;
    Ok(())
}

/// The store's version; 0 where there is nothing yet.
fn version(db: &Connection) -> Result<usize> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    if version > MIGRATIONS.len() {
        return Err(StoreError::Broken(format!(
            "a later version of wiretape wrote it (its form is {version}, this program knows {}): use that one",
            MIGRATIONS.len()
        )));
    }
    Ok(version)
}

fn migrate(db: &mut Connection) -> Result<()> {
    if version(db)? == MIGRATIONS.len() {
        return Ok(());
    }
    // Whoever gets the lock first does it; the others then find it done.
    let step = db.transaction_with_behavior(tokio_rusqlite::rusqlite::TransactionBehavior::Immediate)?;
    let from = version(&step)?;
    let tables: i64 = step.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if from == 0 && tables > 0 {
        return Err(StoreError::Broken("it is a database, but no store of wiretape's".to_owned()));
    }
    for migration in &MIGRATIONS[from..] {
        step.execute_batch(migration)?;
    }
    if from > 0 && from < PROMPTS_SINCE {
        super::prompts::fill(&step)?;
    }
    if from < HASHES_SINCE {
        super::hashes::fill(&step)?;
    }
    step.pragma_update(None, "user_version", i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX))?;
    step.commit()?;
    Ok(())
}

/// The error, saying which file.
fn named(path: &Path, error: StoreError) -> StoreError {
    let say = |why: String| format!("{}: {why}", path.display());
    match error {
        StoreError::Unavailable(why) => StoreError::Unavailable(say(why)),
        StoreError::Asked(why) => StoreError::Asked(say(why)),
        StoreError::Broken(why) => StoreError::Broken(say(why)),
    }
}
