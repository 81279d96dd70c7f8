//! What SQLite's errors mean to whoever asked.

use tokio_rusqlite::{self as asynchronous, ErrorCode, rusqlite};

use crate::store::StoreError;

pub type Result<T> = std::result::Result<T, StoreError>;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let what = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Broken(format!("the store's file is damaged: {what}"))
            }
            Some(
                ErrorCode::DiskFull
                | ErrorCode::ReadOnly
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::SystemIoFailure
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationInterrupted,
            ) => Self::Unavailable(format!("the store cannot be used just now: {what}")),
            _ => Self::Broken(format!("the store: {what}")),
        }
    }
}

impl From<asynchronous::Error<StoreError>> for StoreError {
    fn from(error: asynchronous::Error<StoreError>) -> Self {
        match error {
            asynchronous::Error::Error(error) => error,
            _ => Self::Unavailable("the store is closed".to_owned()),
        }
    }
}

/// Something that is not as it was written.
pub fn broken(what: impl Into<String>) -> StoreError {
    StoreError::Broken(what.into())
}
