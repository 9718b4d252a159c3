//! What a commit writes in PostgreSQL: one statement, and so one way to the server and back, however much it is.
//! By itself it is a transaction.
//!
//! Everything is inserted from the row of the thread that the statement's first part gives back. That part waits
//! for whoever has the row, looks at the revision then, and gives nothing if it is another by now: so of several
//! writers each has its turn, and who comes from an older state writes nothing.

use super::columns::{json, signed};
use crate::chat::{Message, Participant, Thread};
use crate::store::chat::Writes;
use crate::store::Result;
use plenary_protocol::id::RawId;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;
use sqlx::{PgPool, Postgres};
use std::collections::BTreeMap;

macro_rules! statement {
    ($thread:literal) => {
        concat!(
            "WITH kept AS (", $thread, " RETURNING id), \
             creation AS ( \
                INSERT INTO chat_creation (raw_id, request, thread) \
                SELECT $13, $14, id FROM kept WHERE $14 IS NOT NULL \
             ), \
             people AS ( \
                INSERT INTO chat_participant (thread, raw_id, place, present, name, shared_from, windows, read_id, \
                    read_at, attended, metadata) \
                SELECT kept.id, new.* FROM kept, UNNEST($15, $16, $17, $18, $19, $20, $21, $22, $23, $24) AS new \
                ON CONFLICT (thread, raw_id) DO UPDATE SET place = excluded.place, present = excluded.present, \
                    name = excluded.name, shared_from = excluded.shared_from, windows = excluded.windows, \
                    read_id = excluded.read_id, read_at = excluded.read_at, attended = excluded.attended, \
                    metadata = excluded.metadata \
             ), \
             messages AS ( \
                INSERT INTO chat_message (thread, id, sequence, version, created, sender, client_id, of_call, body) \
                SELECT kept.id, new.* FROM kept, UNNEST($25, $26, $27, $28, $29, $30, $31, $32) AS new \
                ON CONFLICT (thread, id) DO UPDATE SET version = excluded.version, body = excluded.body \
             ) \
             SELECT id FROM kept"
        )
    };
}

/// Both take the same values.
const NEW: &str = statement!(
    "INSERT INTO chat_thread (id, topic, metadata, retention, deleted, last_id, last_sequence, last_received, \
        revision, origin, created, creator) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9 + 1, $10, $11, $12) ON CONFLICT DO NOTHING"
);
const CHANGED: &str = statement!(
    "UPDATE chat_thread SET topic = $2, metadata = $3, retention = $4, deleted = $5, last_id = $6, \
        last_sequence = $7, last_received = $8, revision = revision + 1 WHERE id = $1 AND revision = $9"
);

/// All of it, or nothing; false: nothing.
pub async fn commit(pool: &PgPool, thread: &Thread, writes: &Writes) -> Result<bool> {
    if !writes.purge {
        return write(&mut *pool.acquire().await?, thread, writes).await;
    }
    // Parts of one statement have no order, so what goes first is one of its own. The thread's row is taken before
    // its messages, as everybody does; leaving early rolls back.
    let mut db = pool.begin().await?;
    for first in [
        "SELECT id FROM chat_thread WHERE id = $1 FOR UPDATE",
        "DELETE FROM chat_message WHERE thread = $1",
    ] {
        sqlx::query(first)
            .bind(&thread.id)
            .execute(&mut *db)
            .await?;
    }
    let done = write(&mut db, thread, writes).await?;
    if done {
        db.commit().await?;
    }
    Ok(done)
}

async fn write(db: &mut PgConnection, thread: &Thread, writes: &Writes) -> Result<bool> {
    let statement = match thread.revision {
        0 => NEW,
        _ => CHANGED,
    };
    let query = with_thread(sqlx::query(statement), thread)?;
    let creation = writes.creation.as_ref();
    let query = query
        .bind(creation.map(|(who, _)| who.as_str()))
        .bind(creation.map(|(_, request)| request));
    let query = with_participants(query, thread, &writes.participants)?;
    match with_messages(query, &writes.messages)?
        .fetch_optional(db)
        .await
    {
        Ok(row) => Ok(row.is_some()),
        // The request or the client id is known.
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

type Filled<'q> = Query<'q, Postgres, PgArguments>;

fn with_thread<'q>(query: Filled<'q>, thread: &'q Thread) -> Result<Filled<'q>> {
    let retention = thread.retention.as_ref();
    let retention = retention.map(|retention| json(retention, "a thread's retention"));
    Ok(query
        .bind(&thread.id)
        .bind(&thread.topic)
        .bind(json(&thread.metadata, "a thread's metadata")?)
        .bind(retention.transpose()?)
        .bind(thread.deleted.map(signed))
        .bind(signed(thread.last_id))
        .bind(signed(thread.last_sequence))
        .bind(thread.last_received.map(signed))
        .bind(signed(thread.revision))
        .bind(json(&thread.origin, "a thread's origin")?)
        .bind(signed(thread.created))
        .bind(thread.creator.as_str()))
}

/// A column is a list. Nothing may be in it twice: a statement changes a row once.
fn with_participants<'q>(
    query: Filled<'q>,
    thread: &'q Thread,
    ids: &'q [RawId],
) -> Result<Filled<'q>> {
    let rows = ids
        .iter()
        .filter_map(|id| thread.participants.get_key_value(id));
    let rows: BTreeMap<&RawId, &Participant> = rows.collect();
    let windows = |row: &&Participant| json(&row.windows, "what a participant may read");
    let metadata = |row: &&Participant| json(&row.metadata, "a participant's metadata");
    let all = || rows.values();
    Ok(query
        .bind(Vec::from_iter(rows.keys().map(|id| id.as_str())))
        .bind(Vec::from_iter(all().map(|row| signed(row.order))))
        .bind(Vec::from_iter(all().map(|row| row.is_present())))
        .bind(Vec::from_iter(all().map(|row| row.name.as_deref())))
        .bind(Vec::from_iter(all().map(|row| row.shared_from.map(signed))))
        .bind(all().map(windows).collect::<Result<Vec<_>>>()?)
        .bind(Vec::from_iter(
            all().map(|row| row.read.map(|read| signed(read.message))),
        ))
        .bind(Vec::from_iter(
            all().map(|row| row.read.map(|read| signed(read.at))),
        ))
        .bind(Vec::from_iter(all().map(|row| row.attended)))
        .bind(all().map(metadata).collect::<Result<Vec<_>>>()?))
}

fn with_messages<'q>(query: Filled<'q>, messages: &'q [Message]) -> Result<Filled<'q>> {
    let rows = messages.iter().map(|message| (message.id, message));
    let rows: BTreeMap<u64, &Message> = rows.collect();
    let all = || rows.values();
    let body = |row: &&Message| json(&row.body, "a message");
    let sender = |row: &&'q Message| row.sender.as_ref().map(RawId::as_str);
    Ok(query
        .bind(Vec::from_iter(all().map(|row| signed(row.id))))
        .bind(Vec::from_iter(all().map(|row| signed(row.sequence))))
        .bind(Vec::from_iter(all().map(|row| signed(row.version))))
        .bind(Vec::from_iter(all().map(|row| signed(row.created))))
        .bind(Vec::from_iter(all().map(sender)))
        .bind(Vec::from_iter(all().map(|row| row.client_id.as_deref())))
        .bind(Vec::from_iter(
            all().map(|row| row.body.content.is_of_the_call()),
        ))
        .bind(all().map(body).collect::<Result<Vec<_>>>()?))
}
