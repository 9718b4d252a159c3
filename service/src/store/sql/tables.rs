//! The store's statements, but chat's: PostgreSQL and SQLite read them alike. Compiled once for each database,
//! whose own module names its types.

use super::columns::{found, json, number, read, signed, unsigned};
use super::{Db, DbRow};
use crate::meeting::{Admission, Breakout};
use crate::store::{MeetingKey, MeetingRow, Member, Resource, Result, Store, StoreError, User};
use async_trait::async_trait;
use plenary_protocol::id::{CallId, EndpointId, RawId, RoomId};
use plenary_protocol::state::Recording;
use sqlx::Row;

const MEETING: &str =
    "SELECT id, digits, passcode, link_secret, thread, join_url, organizer, external_id, \
     created, starts, ends, subject, options FROM meeting";

fn resource(row: &DbRow) -> Result<Resource> {
    Ok(Resource {
        id: row.try_get("id")?,
        primary_key: row.try_get("primary_key")?,
        secondary_key: row.try_get("secondary_key")?,
    })
}

fn member(row: &DbRow) -> Result<Member> {
    Ok(Member {
        oid: row.try_get("oid")?,
        display_name: row.try_get("display_name")?,
        upn: row.try_get("upn")?,
    })
}

fn meeting(row: &DbRow) -> Result<MeetingRow> {
    Ok(MeetingRow {
        id: row.try_get("id")?,
        digits: row.try_get("digits")?,
        passcode: row.try_get("passcode")?,
        link_secret: row.try_get("link_secret")?,
        thread: row.try_get("thread")?,
        join_url: row.try_get("join_url")?,
        organizer: row.try_get("organizer")?,
        external_id: row.try_get("external_id")?,
        created: unsigned(row, "created")?,
        starts: unsigned(row, "starts")?,
        ends: unsigned(row, "ends")?,
        subject: row.try_get("subject")?,
        options: read(row, "options", "meeting options")?,
    })
}

fn admission(row: &DbRow) -> Result<Admission> {
    Ok(Admission {
        id: RawId(row.try_get("raw_id")?),
        call: CallId(row.try_get("call")?),
        endpoint: EndpointId(row.try_get("endpoint")?),
        room: row.try_get::<Option<String>, _>("room")?.map(RoomId),
        held: row.try_get::<Option<String>, _>("held")?.map(CallId),
        former: row.try_get::<Option<String>, _>("former")?.map(CallId),
        moves: number(row, "moves")?,
    })
}

#[async_trait]
impl Store for Db {
    async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    async fn close(&self) {
        self.pool.close().await;
        self.of_guests.close().await;
    }

    async fn resource(&self, id: &str) -> Result<Option<Resource>> {
        let row = sqlx::query("SELECT id, primary_key, secondary_key FROM resource WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await;
        found(row)?.as_ref().map(resource).transpose()
    }

    async fn resources(&self) -> Result<Vec<Resource>> {
        let rows =
            sqlx::query("SELECT id, primary_key, secondary_key FROM resource ORDER BY created, id")
                .fetch_all(&self.pool)
                .await?;
        rows.iter().map(resource).collect()
    }

    async fn add_resource(&self, resource: &Resource, now: u64) -> Result<()> {
        sqlx::query(
            "INSERT INTO resource (id, primary_key, secondary_key, created) VALUES ($1, $2, $3, $4)",
        )
        .bind(&resource.id)
        .bind(&resource.primary_key)
        .bind(&resource.secondary_key)
        .bind(signed(now))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn user(&self, id: &RawId) -> Result<Option<User>> {
        let row = sqlx::query(
            "SELECT raw_id, resource, generation, deleted FROM \"user\" WHERE raw_id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&self.pool)
        .await;
        let Some(row) = found(row)? else {
            return Ok(None);
        };
        Ok(Some(User {
            id: RawId(row.try_get("raw_id")?),
            resource: row.try_get("resource")?,
            generation: number(&row, "generation")?,
            deleted: row.try_get("deleted")?,
        }))
    }

    async fn add_user(&self, id: &RawId, resource: Option<&str>, now: u64) -> Result<()> {
        sqlx::query("INSERT INTO \"user\" (raw_id, resource, created) VALUES ($1, $2, $3) ON CONFLICT (raw_id) DO NOTHING")
            .bind(id.as_str())
            .bind(resource)
            .bind(signed(now))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn revoke(&self, id: &RawId) -> Result<()> {
        sqlx::query("UPDATE \"user\" SET generation = generation + 1 WHERE raw_id = $1")
            .bind(id.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn delete_user(&self, id: &RawId) -> Result<()> {
        sqlx::query(
            "UPDATE \"user\" SET deleted = TRUE, generation = generation + 1 WHERE raw_id = $1",
        )
        .bind(id.as_str())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn members(&self) -> Result<Vec<Member>> {
        let rows =
            sqlx::query("SELECT oid, display_name, upn FROM member ORDER BY display_name, oid")
                .fetch_all(&self.pool)
                .await?;
        rows.iter().map(member).collect()
    }

    async fn member(&self, oid: &str) -> Result<Option<Member>> {
        let row = sqlx::query("SELECT oid, display_name, upn FROM member WHERE oid = $1")
            .bind(oid)
            .fetch_optional(&self.pool)
            .await;
        found(row)?.as_ref().map(member).transpose()
    }

    async fn add_member(&self, member: &Member) -> Result<()> {
        sqlx::query("INSERT INTO member (oid, display_name, upn) VALUES ($1, $2, $3) ON CONFLICT (upn) DO NOTHING")
            .bind(&member.oid)
            .bind(&member.display_name)
            .bind(&member.upn)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn meeting(&self, key: MeetingKey<'_>) -> Result<Option<MeetingRow>> {
        let (condition, values) = match key {
            MeetingKey::Id(id) => ("id = $1", vec![id]),
            MeetingKey::Digits(digits) => ("digits = $1", vec![digits]),
            MeetingKey::Thread(thread) => ("thread = $1", vec![thread]),
            MeetingKey::JoinUrl(url) => ("join_url = $1", vec![url]),
            MeetingKey::External(organizer, id) => {
                ("organizer = $1 AND external_id = $2", vec![organizer, id])
            }
        };
        // Both parts are constants of this file; values are bound.
        let sql = sqlx::AssertSqlSafe(format!("{MEETING} WHERE {condition}"));
        let query = values.into_iter().fold(sqlx::query(sql), |query, value| {
            query.bind(value.to_owned())
        });
        let row = query.fetch_optional(&self.pool).await;
        found(row)?.as_ref().map(meeting).transpose()
    }

    async fn add_meeting(&self, meeting: &MeetingRow) -> Result<bool> {
        let done = sqlx::query(
            "INSERT INTO meeting (id, digits, passcode, link_secret, thread, join_url, organizer, external_id, \
             created, starts, ends, subject, options) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT DO NOTHING",
        )
        .bind(&meeting.id)
        .bind(&meeting.digits)
        .bind(&meeting.passcode)
        .bind(&meeting.link_secret)
        .bind(&meeting.thread)
        .bind(&meeting.join_url)
        .bind(&meeting.organizer)
        .bind(&meeting.external_id)
        .bind(signed(meeting.created))
        .bind(signed(meeting.starts))
        .bind(signed(meeting.ends))
        .bind(&meeting.subject)
        .bind(json(&meeting.options, "meeting options")?)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn change_meeting(&self, meeting: &MeetingRow) -> Result<()> {
        sqlx::query(
            "UPDATE meeting SET starts = $1, ends = $2, subject = $3, options = $4 WHERE id = $5",
        )
        .bind(signed(meeting.starts))
        .bind(signed(meeting.ends))
        .bind(&meeting.subject)
        .bind(json(&meeting.options, "meeting options")?)
        .bind(&meeting.id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn delete_meeting(&self, id: &str) -> Result<()> {
        sqlx::query("DELETE FROM meeting WHERE id = $1")
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn breakout(&self, meeting: &str) -> Result<Breakout> {
        let row = sqlx::query("SELECT breakout FROM meeting WHERE id = $1")
            .bind(meeting)
            .fetch_optional(&self.pool)
            .await?;
        let text: Option<String> = match row {
            Some(row) => row.try_get("breakout")?,
            None => None,
        };
        let read = |text: String| serde_json::from_str(&text);
        let breakout = text.map(read).transpose();
        Ok(breakout
            .map_err(|_| StoreError::Corrupt("breakout rooms"))?
            .unwrap_or_default())
    }

    async fn keep_breakout(&self, meeting: &str, breakout: &Breakout) -> Result<()> {
        sqlx::query("UPDATE meeting SET breakout = $1 WHERE id = $2")
            .bind(json(breakout, "breakout rooms")?)
            .bind(meeting)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn recordings(&self, meeting: &str) -> Result<Vec<Recording>> {
        let row = sqlx::query("SELECT recordings FROM meeting WHERE id = $1")
            .bind(meeting)
            .fetch_optional(&self.pool)
            .await?;
        let text: Option<String> = match row {
            Some(row) => row.try_get("recordings")?,
            None => None,
        };
        let read = |text: String| serde_json::from_str(&text);
        let recordings = text.map(read).transpose();
        Ok(recordings
            .map_err(|_| StoreError::Corrupt("recordings"))?
            .unwrap_or_default())
    }

    async fn keep_recordings(&self, meeting: &str, recordings: &[Recording]) -> Result<()> {
        sqlx::query("UPDATE meeting SET recordings = $1 WHERE id = $2")
            .bind(json(&recordings, "recordings")?)
            .bind(meeting)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn keep(&self, meeting: &str, admission: &Admission, run: &str) -> Result<()> {
        sqlx::query(
            "INSERT INTO admission (meeting, raw_id, call, endpoint, run, room, held, former, moves) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT (raw_id, call) DO UPDATE SET meeting = excluded.meeting, endpoint = excluded.endpoint, \
             run = excluded.run, room = excluded.room, held = excluded.held, former = excluded.former, \
             moves = excluded.moves",
        )
        .bind(meeting)
        .bind(admission.id.as_str())
        .bind(admission.call.as_str())
        .bind(admission.endpoint.as_str())
        .bind(run)
        .bind(admission.room.as_ref().map(RoomId::as_str))
        .bind(admission.held.as_ref().map(CallId::as_str))
        .bind(admission.former.as_ref().map(CallId::as_str))
        .bind(i64::from(admission.moves))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn forget(&self, id: &RawId, call: &CallId) -> Result<()> {
        sqlx::query("DELETE FROM admission WHERE raw_id = $1 AND call = $2")
            .bind(id.as_str())
            .bind(call.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn forget_all(&self, id: &RawId) -> Result<()> {
        sqlx::query("DELETE FROM admission WHERE raw_id = $1")
            .bind(id.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn admissions_before(&self, meeting: &str, run: &str) -> Result<Vec<Admission>> {
        let rows = sqlx::query(
            "SELECT raw_id, call, endpoint, room, held, former, moves FROM admission \
             WHERE meeting = $1 AND run <> $2",
        )
        .bind(meeting)
        .bind(run)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(admission).collect()
    }

    async fn admitted_to(&self, id: &RawId, call: &CallId) -> Result<Option<String>> {
        let row = sqlx::query(
            "SELECT meeting FROM admission WHERE raw_id = $1 AND $2 IN (call, held, former)",
        )
        .bind(id.as_str())
        .bind(call.as_str())
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| row.try_get("meeting")).transpose()?)
    }

    async fn lapse_before(&self, run: &str) -> Result<u64> {
        let done = sqlx::query("DELETE FROM admission WHERE run <> $1")
            .bind(run)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }
}
