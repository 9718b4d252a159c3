//! What stands in columns, and how it is read.

use super::DbRow;
use crate::store::{Result, StoreError};
use serde::de::DeserializeOwned;
use serde::Serialize;
use sqlx::Row;

/// The databases' integers are signed; times and counters of ours never come near the sign.
pub fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub fn unsigned(row: &DbRow, column: &str) -> Result<u64> {
    Ok(maybe(row, column)?.unwrap_or_default())
}

pub fn maybe(row: &DbRow, column: &str) -> Result<Option<u64>> {
    let value: Option<i64> = row.try_get(column)?;
    Ok(value.map(|value| u64::try_from(value).unwrap_or_default()))
}

/// A small counter.
pub fn number(row: &DbRow, column: &'static str) -> Result<u32> {
    let value: i64 = row.try_get(column)?;
    u32::try_from(value).map_err(|_| StoreError::Corrupt(column))
}

pub fn json(value: &impl Serialize, what: &'static str) -> Result<String> {
    serde_json::to_string(value).map_err(|_| StoreError::Corrupt(what))
}

pub fn read<T: DeserializeOwned>(
    row: &DbRow,
    column: &'static str,
    what: &'static str,
) -> Result<T> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt(what))
}

/// `character_not_in_repertoire`: PostgreSQL keeps no NUL in its texts.
const NO_SUCH_TEXT: &str = "22021";

/// A row that was looked up by what a stranger wrote. What cannot be in the database is not found there.
pub fn found(row: std::result::Result<Option<DbRow>, sqlx::Error>) -> Result<Option<DbRow>> {
    match row {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(NO_SUCH_TEXT) => {
            Ok(None)
        }
        other => Ok(other?),
    }
}
