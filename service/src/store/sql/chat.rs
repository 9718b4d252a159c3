//! Chat's statements, but those of a commit: PostgreSQL and SQLite read them alike. Compiled once for each
//! database, whose own module names its types and says how a transaction begins.

use super::columns::{found, json, maybe, read, signed, unsigned};
use super::commit::commit;
use super::{Db, DbRow, READING};
use crate::chat::retention::LastMessage;
use crate::chat::{Message, Participant, Receipt, Thread};
use crate::store::chat::{ChatStore, Listed, Stretch, Writes};
use crate::store::{Result, StoreError};
use async_trait::async_trait;
use plenary_protocol::id::RawId;
use sqlx::Row;

// Columns by name: a later version may add some while this one runs.
const THREAD: &str =
    "SELECT id, origin, topic, created, creator, metadata, retention, deleted, last_id, \
    last_sequence, last_received, revision FROM chat_thread WHERE id = $1";
const PARTICIPANTS: &str =
    "SELECT raw_id, place, name, shared_from, windows, read_id, read_at, attended, metadata \
    FROM chat_participant WHERE thread = $1";

fn thread(row: &DbRow) -> Result<Thread> {
    let retention: Option<&str> = row.try_get("retention")?;
    let retention = retention.map(serde_json::from_str).transpose();
    Ok(Thread {
        id: row.try_get("id")?,
        origin: read(row, "origin", "a thread's origin")?,
        topic: row.try_get("topic")?,
        created: unsigned(row, "created")?,
        creator: RawId(row.try_get("creator")?),
        metadata: read(row, "metadata", "a thread's metadata")?,
        retention: retention.map_err(|_| StoreError::Corrupt("a thread's retention"))?,
        deleted: maybe(row, "deleted")?,
        last_id: unsigned(row, "last_id")?,
        last_sequence: unsigned(row, "last_sequence")?,
        last_received: maybe(row, "last_received")?,
        revision: unsigned(row, "revision")?,
        participants: std::collections::BTreeMap::new(),
    })
}

fn participant(row: &DbRow) -> Result<(RawId, Participant)> {
    let receipt = maybe(row, "read_id")?.zip(maybe(row, "read_at")?);
    let participant = Participant {
        name: row.try_get("name")?,
        shared_from: maybe(row, "shared_from")?,
        order: unsigned(row, "place")?,
        windows: read(row, "windows", "what a participant may read")?,
        read: receipt.map(|(message, at)| Receipt { message, at }),
        attended: row.try_get("attended")?,
        metadata: read(row, "metadata", "a participant's metadata")?,
    };
    Ok((RawId(row.try_get("raw_id")?), participant))
}

fn message(row: &DbRow) -> Result<Message> {
    Ok(Message {
        id: unsigned(row, "id")?,
        sequence: unsigned(row, "sequence")?,
        version: unsigned(row, "version")?,
        created: unsigned(row, "created")?,
        sender: row.try_get::<Option<String>, _>("sender")?.map(RawId),
        client_id: row.try_get("client_id")?,
        body: read(row, "body", "a message")?,
    })
}

fn last_message(row: &DbRow) -> Result<LastMessage> {
    Ok(LastMessage {
        guest: RawId(row.try_get("raw_id")?),
        thread: row.try_get("thread")?,
        message: unsigned(row, "message")?,
        sent: unsigned(row, "sent")?,
        body: read(row, "body", "a guest's last message")?,
    })
}

#[async_trait]
impl ChatStore for Db {
    async fn thread(&self, id: &str) -> Result<Option<Thread>> {
        // Both are of one moment.
        let mut db = self.pool.begin_with(READING).await?;
        let row = sqlx::query(THREAD).bind(id).fetch_optional(&mut *db).await;
        let Some(row) = found(row)? else {
            return Ok(None);
        };
        let rows = sqlx::query(PARTICIPANTS)
            .bind(id)
            .fetch_all(&mut *db)
            .await?;
        let mut thread = thread(&row)?;
        thread.participants = rows.iter().map(participant).collect::<Result<_>>()?;
        Ok(Some(thread))
    }

    async fn commit(&self, thread: &Thread, writes: &Writes) -> Result<bool> {
        commit(&self.pool, thread, writes).await
    }

    async fn messages(&self, thread: &str, stretch: Stretch) -> Result<Vec<Message>> {
        let Stretch {
            window,
            below,
            with_calls,
            limit,
        } = stretch;
        let to = window.to.unwrap_or(u64::MAX).min(below.saturating_sub(1));
        let rows = sqlx::query(
            "SELECT id, sequence, version, created, sender, client_id, body FROM chat_message WHERE thread = $1 AND id >= $2 AND id <= $3 AND of_call <= $4 \
             ORDER BY id DESC LIMIT $5",
        )
        .bind(thread)
        .bind(signed(window.from))
        .bind(signed(to))
        .bind(with_calls)
        .bind(signed(limit as u64))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(message).collect()
    }

    async fn changed(&self, thread: &str, since: u64, limit: usize) -> Result<Vec<Message>> {
        let rows = sqlx::query(
            "SELECT id, sequence, version, created, sender, client_id, body FROM chat_message \
             WHERE thread = $1 AND version > id AND version > $2 AND id <= $3 ORDER BY version DESC LIMIT $4",
        )
        .bind(thread)
        .bind(signed(since))
        .bind(signed(since))
        .bind(signed(limit as u64))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(message).collect()
    }

    async fn changed_threads(&self, who: &RawId, since: u64, limit: usize) -> Result<Vec<String>> {
        let rows = sqlx::query(
            "SELECT id FROM chat_participant JOIN chat_thread ON id = thread \
             WHERE raw_id = $1 AND last_id > $2 ORDER BY last_id DESC LIMIT $3",
        )
        .bind(who.as_str())
        .bind(signed(since))
        .bind(signed(limit as u64))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
    }

    async fn message(&self, thread: &str, id: u64) -> Result<Option<Message>> {
        let row = sqlx::query("SELECT id, sequence, version, created, sender, client_id, body FROM chat_message WHERE thread = $1 AND id = $2")
            .bind(thread)
            .bind(signed(id))
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(message).transpose()
    }

    async fn sent(&self, thread: &str, sender: &RawId, client_id: &str) -> Result<Option<u64>> {
        let row = sqlx::query(
            "SELECT id FROM chat_message WHERE thread = $1 AND sender = $2 AND client_id = $3",
        )
        .bind(thread)
        .bind(sender.as_str())
        .bind(client_id)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| unsigned(&row, "id")).transpose()
    }

    async fn made(&self, who: &RawId, request: &str) -> Result<Option<String>> {
        let row =
            sqlx::query("SELECT thread FROM chat_creation WHERE raw_id = $1 AND request = $2")
                .bind(who.as_str())
                .bind(request)
                .fetch_optional(&self.pool)
                .await?;
        Ok(row.map(|row| row.try_get("thread")).transpose()?)
    }

    async fn threads_of(
        &self,
        who: &RawId,
        after: Option<(u64, String)>,
        since: u64,
        limit: usize,
    ) -> Result<Vec<Listed>> {
        let (created, id) = after.unwrap_or((u64::MAX, String::new()));
        let rows = sqlx::query(
            "SELECT id, created, last_received FROM chat_participant JOIN chat_thread ON id = thread \
             WHERE raw_id = $1 AND present AND coalesce(last_received, created) >= $2 \
             AND (created < $3 OR (created = $4 AND id > $5)) ORDER BY created DESC, id LIMIT $6",
        )
        .bind(who.as_str())
        .bind(signed(since))
        .bind(signed(created))
        .bind(signed(created))
        .bind(id)
        .bind(signed(limit as u64))
        .fetch_all(&self.pool)
        .await?;
        let listed = |row: &DbRow| {
            Ok(Listed {
                id: row.try_get("id")?,
                created: unsigned(row, "created")?,
                last_received: maybe(row, "last_received")?,
            })
        };
        rows.iter().map(listed).collect()
    }

    async fn mortal(&self, after: &str, limit: usize) -> Result<Vec<String>> {
        let rows = sqlx::query(
            "SELECT id FROM chat_thread WHERE retention IS NOT NULL AND deleted IS NULL AND id > $1 \
             ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(signed(limit as u64))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
    }

    async fn keep_last(&self, last: &LastMessage) -> Result<()> {
        sqlx::query(
            "INSERT INTO guest_message (raw_id, thread, message, sent, body) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (raw_id) DO UPDATE SET thread = excluded.thread, message = excluded.message, \
             sent = excluded.sent, body = excluded.body",
        )
        .bind(last.guest.as_str())
        .bind(&last.thread)
        .bind(signed(last.message))
        .bind(signed(last.sent))
        .bind(json(&last.body, "a guest's last message")?)
        .execute(&self.of_guests)
        .await?;
        Ok(())
    }

    async fn last_of(&self, guest: &RawId) -> Result<Option<LastMessage>> {
        let row = sqlx::query(
            "SELECT raw_id, thread, message, sent, body FROM guest_message WHERE raw_id = $1",
        )
        .bind(guest.as_str())
        .fetch_optional(&self.of_guests)
        .await?;
        row.as_ref().map(last_message).transpose()
    }

    async fn last_messages(&self, after: Option<&RawId>, limit: usize) -> Result<Vec<LastMessage>> {
        let rows =
            sqlx::query("SELECT raw_id, thread, message, sent, body FROM guest_message WHERE raw_id > $1 ORDER BY raw_id LIMIT $2")
                .bind(after.map_or("", RawId::as_str))
                .bind(signed(limit as u64))
                .fetch_all(&self.of_guests)
                .await?;
        rows.iter().map(last_message).collect()
    }

    async fn forget_last(&self, guest: &RawId, thread: &str, message: u64) -> Result<()> {
        sqlx::query("DELETE FROM guest_message WHERE raw_id = $1 AND thread = $2 AND message = $3")
            .bind(guest.as_str())
            .bind(thread)
            .bind(signed(message))
            .execute(&self.of_guests)
            .await?;
        Ok(())
    }
}
