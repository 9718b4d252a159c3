//! The store in SQLite: the embedded default. One file in the data folder, write-ahead log, readers
//! beside one writer.

#[path = "sql/chat.rs"]
mod chat;
#[path = "sql/columns.rs"]
mod columns;
mod commit;
#[path = "sql/tables.rs"]
mod tables;

use super::{migrations, Result};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Connection as _, SqlitePool};
use std::path::Path;
use std::time::Duration;

type Db = Sqlite;
type DbRow = SqliteRow;
/// What is read until the end is of the moment of the first reading.
const READING: &str = "BEGIN";

/// The database.
#[derive(Debug, Clone)]
pub struct Sqlite {
    pool: SqlitePool,
    /// The resource's store: the same database, or one of its own (`D3`).
    of_guests: SqlitePool,
}

impl Sqlite {
    /// Opens or makes the database file and brings its tables up to date.
    pub async fn open(file: &Path) -> Result<Self> {
        let pool = Self::connect(file).await?;
        let of_guests = pool.clone();
        Ok(Self { pool, of_guests })
    }

    /// Keeps what is the resource's in another file (`D3`).
    pub async fn with_guests_in(self, file: &Path) -> Result<Self> {
        let of_guests = Self::connect(file).await?;
        Ok(Self { of_guests, ..self })
    }

    async fn connect(file: &Path) -> Result<SqlitePool> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With the write-ahead log nothing acknowledged is lost when the process is killed.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(10));
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .after_release(|connection, _| {
                Box::pin(async move {
                    // Behind the rollback of whoever gave the connection back. On a full disk SQLite has rolled
                    // back by itself, sqlx takes the transaction for open, and none begins on it any more.
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
            .connect_with(options)
            .await?;
        migrations::migrator(migrations::SQLITE).run(&pool).await?;
        Ok(pool)
    }
}
