//! Why a store could not do what it was asked to.

use std::fmt;

/// What went wrong, and whether it may go right later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The store cannot be written or reached just now: a full disk, a lock, a network. Worth another try.
    Unavailable(String),
    /// What was asked makes no sense: a bad search, a cursor of another store.
    Asked(String),
    /// The store itself is damaged, or a later version of this program wrote it.
    Broken(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unavailable(why) | Self::Asked(why) | Self::Broken(why)) = self;
        f.write_str(why)
    }
}

impl std::error::Error for StoreError {}
