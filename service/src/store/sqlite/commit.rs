//! What a commit writes in SQLite: one statement after the other, in the process itself, costs nothing.

use super::columns::{json, signed};
use crate::chat::{Message, Participant, Thread};
use crate::store::chat::Writes;
use crate::store::Result;
use plenary_protocol::id::RawId;
use sqlx::sqlite::SqliteConnection;
use sqlx::SqlitePool;

/// All of it, or nothing; false: nothing.
pub async fn commit(pool: &SqlitePool, thread: &Thread, writes: &Writes) -> Result<bool> {
    // Leaving early rolls it back. Others who write wait for the end of it.
    let mut db = pool.begin_with("BEGIN IMMEDIATE").await?;
    if !put_thread(&mut db, thread).await? {
        return Ok(false);
    }
    if let Some((who, request)) = &writes.creation {
        let done = sqlx::query(
            "INSERT INTO chat_creation (raw_id, request, thread) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(who.as_str())
        .bind(request)
        .bind(&thread.id)
        .execute(&mut *db)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
    }
    for id in &writes.participants {
        if let Some(participant) = thread.participants.get(id) {
            put_participant(&mut db, &thread.id, id, participant).await?;
        }
    }
    if writes.purge {
        sqlx::query("DELETE FROM chat_message WHERE thread = $1")
            .bind(&thread.id)
            .execute(&mut *db)
            .await?;
    }
    for message in &writes.messages {
        if !put_message(&mut db, &thread.id, message).await? {
            return Ok(false);
        }
    }
    db.commit().await?;
    Ok(true)
}

/// The thread's own row. False: its revision is another by now.
async fn put_thread(db: &mut SqliteConnection, thread: &Thread) -> Result<bool> {
    let retention = thread
        .retention
        .as_ref()
        .map(|retention| json(retention, "a thread's retention"));
    let sql = match thread.revision {
        0 => {
            "INSERT INTO chat_thread (topic, metadata, retention, deleted, last_id, last_sequence, \
             last_received, id, revision, origin, created, creator) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9 + 1, $10, $11, $12) ON CONFLICT DO NOTHING"
        }
        _ => {
            "UPDATE chat_thread SET topic = $1, metadata = $2, retention = $3, deleted = $4, last_id = $5, \
             last_sequence = $6, last_received = $7, revision = revision + 1 WHERE id = $8 AND revision = $9"
        }
    };
    let mut query = sqlx::query(sql)
        .bind(&thread.topic)
        .bind(json(&thread.metadata, "a thread's metadata")?)
        .bind(retention.transpose()?)
        .bind(thread.deleted.map(signed))
        .bind(signed(thread.last_id))
        .bind(signed(thread.last_sequence))
        .bind(thread.last_received.map(signed))
        .bind(&thread.id)
        .bind(signed(thread.revision));
    if thread.revision == 0 {
        query = query
            .bind(json(&thread.origin, "a thread's origin")?)
            .bind(signed(thread.created))
            .bind(thread.creator.as_str());
    }
    Ok(query.execute(db).await?.rows_affected() == 1)
}

async fn put_participant(
    db: &mut SqliteConnection,
    thread: &str,
    id: &RawId,
    participant: &Participant,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO chat_participant (thread, raw_id, place, present, name, shared_from, windows, read_id, \
         read_at, attended, metadata) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (thread, raw_id) DO UPDATE SET place = excluded.place, present = excluded.present, \
         name = excluded.name, shared_from = excluded.shared_from, windows = excluded.windows, \
         read_id = excluded.read_id, read_at = excluded.read_at, attended = excluded.attended, metadata = excluded.metadata",
    )
    .bind(thread)
    .bind(id.as_str())
    .bind(signed(participant.order))
    .bind(participant.is_present())
    .bind(&participant.name)
    .bind(participant.shared_from.map(signed))
    .bind(json(&participant.windows, "what a participant may read")?)
    .bind(participant.read.map(|read| signed(read.message)))
    .bind(participant.read.map(|read| signed(read.at)))
    .bind(participant.attended)
    .bind(json(&participant.metadata, "a participant's metadata")?)
    .execute(db)
    .await?;
    Ok(())
}

/// False: the sender's client id is known.
async fn put_message(db: &mut SqliteConnection, thread: &str, message: &Message) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO chat_message (thread, id, sequence, version, created, sender, client_id, of_call, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (thread, id) DO UPDATE SET version = excluded.version, body = excluded.body \
         ON CONFLICT DO NOTHING",
    )
    .bind(thread)
    .bind(signed(message.id))
    .bind(signed(message.sequence))
    .bind(signed(message.version))
    .bind(signed(message.created))
    .bind(message.sender.as_ref().map(RawId::as_str))
    .bind(&message.client_id)
    .bind(message.body.content.is_of_the_call())
    .bind(json(&message.body, "a message")?)
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
