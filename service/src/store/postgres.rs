//! The store in PostgreSQL: where one is kept anyway. For one instance of the service at a time, and another for
//! the moment in which it takes over: what both write to a thread has one order, but what each has in memory, tells
//! and admits is its own.
//!
//! Several connections write at once. What holds them apart is the thread's row: every commit changes it first,
//! and has it to itself until it ends (`commit.rs`).

pub mod address;
#[path = "sql/chat.rs"]
#[allow(clippy::duplicate_mod)]
mod chat;
#[path = "sql/columns.rs"]
#[allow(clippy::duplicate_mod)]
mod columns;
mod commit;
#[path = "sql/tables.rs"]
#[allow(clippy::duplicate_mod)]
mod tables;

use super::{migrations, Result, StoreError};
use address::{place, DatabaseUrl};
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{ConnectOptions, Connection, PgPool};
use std::io::ErrorKind;
use std::time::Duration;

type Db = Postgres;
type DbRow = PgRow;
/// What is read until the end is of the moment of the first reading.
const READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
/// Connections of one instance. A commit holds one for some milliseconds, most of them on the server's disk; six
/// instances fit into the hundred that a server allows by default.
const CONNECTIONS: u32 = 16;
/// How long a request waits for a connection; then it is refused, and its sender may try again. Who waits for
/// their turn in a thread waits behind it, so it is short; a server that is started again in an orderly way is
/// back before.
const PATIENCE: Duration = Duration::from_secs(2);
/// A connection that lay idle for so long is asked whether it still stands. No server is started again sooner, so
/// none of the connections of before is taken for a good one; and where many write at once nobody asks.
const IDLE: Duration = Duration::from_millis(50);
/// How long the first connection may take.
const REACHED_WITHIN: Duration = Duration::from_secs(10);

/// For each connection. An instance that was lost in the middle of a transaction must not keep a thread's row, and
/// nothing here takes long. A writer that waited for another sees what that one wrote. What was acknowledged is
/// on the disk, whatever the server's default is; a stricter one (`remote_apply`) stays.
const SETTINGS: &str = "\
    SET statement_timeout = '15s'; \
    SET idle_in_transaction_session_timeout = '15s'; \
    SET default_transaction_isolation = 'read committed'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// The database.
#[derive(Debug, Clone)]
pub struct Postgres {
    pool: PgPool,
    /// The resource's store: the same database, or one of its own (`D3`).
    of_guests: PgPool,
}

impl Postgres {
    /// Connects, and brings the tables up to date.
    pub async fn open(url: &DatabaseUrl) -> Result<Self> {
        let pool = connect(url).await?;
        let of_guests = pool.clone();
        Ok(Self { pool, of_guests })
    }

    /// Keeps what is the resource's in another database (`D3`).
    pub async fn with_guests_in(self, url: &DatabaseUrl) -> Result<Self> {
        let of_guests = connect(url).await?;
        Ok(Self { of_guests, ..self })
    }
}

async fn connect(url: &DatabaseUrl) -> Result<PgPool> {
    let options = url.options()?;
    bring_up_to_date(&options).await?;
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, lay| {
            Box::pin(async move {
                if lay.idle_for > IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(SETTINGS).execute(connection).await?;
                Ok(())
            })
        });
    Ok(pool.connect_lazy_with(options))
}

/// Alone on a connection without our time limits: of several instances that start, one changes the tables, and
/// the others wait for it.
async fn bring_up_to_date(options: &PgConnectOptions) -> Result<()> {
    let unusable = |source: sqlx::Error| StoreError::Unusable {
        database: place(options),
        advice: advice(&source),
        source,
    };
    let late = |_| sqlx::Error::Io(ErrorKind::TimedOut.into());
    let connection = tokio::time::timeout(REACHED_WITHIN, options.connect()).await;
    let mut connection = connection.map_err(late).flatten().map_err(unusable)?;
    let done = migrations::migrator(migrations::POSTGRES)
        .run(&mut connection)
        .await;
    done.map_err(|error| match error {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
            unusable(source)
        }
        other => other.into(),
    })?;
    // It did what it was for.
    let _ = connection.close().await;
    Ok(())
}

/// What would be right.
fn advice(error: &sqlx::Error) -> &'static str {
    const AUTHORITY: &str =
        "Name the certificate of the server's authority: ?sslmode=verify-full&sslrootcert=FILE";
    let code = match error {
        sqlx::Error::Database(error) => error.code(),
        _ => None,
    };
    match (error, code.as_deref()) {
        // invalid_password, invalid_authorization_specification
        (_, Some("28P01" | "28000")) => {
            "Give a user that may connect, and its password in the URL, in PGPASSWORD or in ~/.pgpass"
        }
        // insufficient_privilege
        (_, Some("42501")) => "Let the user own it: ALTER DATABASE name OWNER TO user",
        // invalid_catalog_name
        (_, Some("3D000")) => "Make it on the server: createdb --owner=USER NAME",
        (sqlx::Error::Tls(_), _) => AUTHORITY,
        // So rustls says it.
        (sqlx::Error::Io(error), _) if error.kind() == ErrorKind::InvalidData => AUTHORITY,
        (sqlx::Error::Io(_), _) => {
            "Is a server running there, and may it be reached from here? The URL is postgres://USER@HOST:PORT/NAME"
        }
        _ => "See the server's log",
    }
}

#[cfg(test)]
mod on_postgresql;
