//! A store in memory, for simulations: what a crash leaves is there for the next run, and nothing waits
//! for a thread, which would let a simulated clock run on. The contract's tests hold it to the same as
//! the databases.

mod chat;

use super::{MeetingKey, MeetingRow, Member, Resource, Result, Store, User};
use crate::meeting::{Admission, Breakout};
use async_trait::async_trait;
use parking_lot::Mutex;
use plenary_protocol::id::{CallId, RawId};
use plenary_protocol::state::Recording;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

#[derive(Debug, Default)]
struct Tables {
    resources: Vec<Resource>,
    users: BTreeMap<RawId, User>,
    members: Vec<Member>,
    meetings: Vec<MeetingRow>,
    breakouts: BTreeMap<String, Breakout>,
    recordings: BTreeMap<String, Vec<Recording>>,
    /// With meeting and run.
    admissions: BTreeMap<(RawId, CallId), (Admission, String, String)>,
    chat: chat::Tables,
}

/// One process's way to the tables.
#[derive(Debug, Default)]
pub struct Rows {
    tables: Arc<Mutex<Tables>>,
    dead: AtomicBool,
    /// What becomes of the next commit, if it does not go well.
    fault: Mutex<Option<Fault>>,
    /// The resource's store does not take guests' last messages.
    no_copies: AtomicBool,
}

/// A store that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Before it wrote.
    Refused,
    /// When it had written, before it said so.
    Unanswered,
}

impl Rows {
    /// For the next process.
    pub fn reopened(&self) -> Self {
        Self {
            tables: self.tables.clone(),
            ..Self::default()
        }
    }

    /// The next commit fails.
    pub fn fail(&self, how: Fault) {
        *self.fault.lock() = Some(how);
    }

    /// From now on the resource's store fails, or does not.
    pub fn fail_copies(&self, fails: bool) {
        self.no_copies.store(fails, Ordering::SeqCst);
    }

    /// The process died: none of its calls comes to an end any more, or does anything.
    pub fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    async fn tables<T>(&self, then: impl FnOnce(&mut Tables) -> T) -> Result<T> {
        if self.dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(then(&mut self.tables.lock()))
    }
}

fn found(row: &MeetingRow, key: MeetingKey<'_>) -> bool {
    match key {
        MeetingKey::Id(id) => row.id == id,
        MeetingKey::Digits(digits) => row.digits == digits,
        MeetingKey::Thread(thread) => row.thread == thread,
        MeetingKey::JoinUrl(url) => row.join_url == url,
        MeetingKey::External(organizer, id) => {
            row.organizer == organizer && row.external_id.as_deref() == Some(id)
        }
    }
}

#[async_trait]
impl Store for Rows {
    async fn ping(&self) -> Result<()> {
        self.tables(|_| ()).await
    }

    async fn close(&self) {}

    async fn resource(&self, id: &str) -> Result<Option<Resource>> {
        self.tables(|t| t.resources.iter().find(|r| r.id == id).cloned())
            .await
    }

    async fn resources(&self) -> Result<Vec<Resource>> {
        self.tables(|t| t.resources.clone()).await
    }

    async fn add_resource(&self, resource: &Resource, _now: u64) -> Result<()> {
        self.tables(|t| t.resources.push(resource.clone())).await
    }

    async fn user(&self, id: &RawId) -> Result<Option<User>> {
        self.tables(|t| t.users.get(id).cloned()).await
    }

    async fn add_user(&self, id: &RawId, resource: Option<&str>, _now: u64) -> Result<()> {
        let user = User {
            id: id.clone(),
            resource: resource.map(str::to_owned),
            generation: 0,
            deleted: false,
        };
        self.tables(|t| {
            t.users.entry(id.clone()).or_insert(user);
        })
        .await
    }

    async fn revoke(&self, id: &RawId) -> Result<()> {
        self.tables(|t| {
            if let Some(user) = t.users.get_mut(id) {
                user.generation += 1;
            }
        })
        .await
    }

    async fn delete_user(&self, id: &RawId) -> Result<()> {
        self.tables(|t| {
            if let Some(user) = t.users.get_mut(id) {
                user.generation += 1;
                user.deleted = true;
            }
        })
        .await
    }

    async fn members(&self) -> Result<Vec<Member>> {
        let mut members = self.tables(|t| t.members.clone()).await?;
        members.sort_by(|a, b| a.display_name.cmp(&b.display_name));
        Ok(members)
    }

    async fn member(&self, oid: &str) -> Result<Option<Member>> {
        self.tables(|t| t.members.iter().find(|m| m.oid == oid).cloned())
            .await
    }

    async fn add_member(&self, member: &Member) -> Result<()> {
        self.tables(|t| {
            if t.members.iter().all(|m| m.upn != member.upn) {
                t.members.push(member.clone());
            }
        })
        .await
    }

    async fn meeting(&self, key: MeetingKey<'_>) -> Result<Option<MeetingRow>> {
        self.tables(|t| t.meetings.iter().find(|row| found(row, key)).cloned())
            .await
    }

    async fn add_meeting(&self, meeting: &MeetingRow) -> Result<bool> {
        let taken = |row: &MeetingRow| {
            let external = meeting.external_id.as_deref();
            row.id == meeting.id
                || row.digits == meeting.digits
                || row.thread == meeting.thread
                || row.join_url == meeting.join_url
                || external
                    .is_some_and(|id| found(row, MeetingKey::External(&meeting.organizer, id)))
        };
        self.tables(|t| {
            let free = !t.meetings.iter().any(taken);
            if free {
                t.meetings.push(meeting.clone());
            }
            free
        })
        .await
    }

    async fn change_meeting(&self, meeting: &MeetingRow) -> Result<()> {
        self.tables(|t| {
            if let Some(row) = t.meetings.iter_mut().find(|row| row.id == meeting.id) {
                row.starts = meeting.starts;
                row.ends = meeting.ends;
                row.subject.clone_from(&meeting.subject);
                row.options = meeting.options.clone();
            }
        })
        .await
    }

    async fn delete_meeting(&self, id: &str) -> Result<()> {
        self.tables(|t| {
            t.meetings.retain(|row| row.id != id);
            t.breakouts.remove(id);
            t.recordings.remove(id);
            t.admissions.retain(|_, (_, meeting, _)| meeting != id);
        })
        .await
    }

    async fn breakout(&self, meeting: &str) -> Result<Breakout> {
        self.tables(|t| t.breakouts.get(meeting).cloned().unwrap_or_default())
            .await
    }

    async fn keep_breakout(&self, meeting: &str, breakout: &Breakout) -> Result<()> {
        self.tables(|t| {
            if t.meetings.iter().any(|row| row.id == meeting) {
                t.breakouts.insert(meeting.to_owned(), breakout.clone());
            }
        })
        .await
    }

    async fn recordings(&self, meeting: &str) -> Result<Vec<Recording>> {
        self.tables(|t| t.recordings.get(meeting).cloned().unwrap_or_default())
            .await
    }

    async fn keep_recordings(&self, meeting: &str, recordings: &[Recording]) -> Result<()> {
        self.tables(|t| {
            if t.meetings.iter().any(|row| row.id == meeting) {
                t.recordings.insert(meeting.to_owned(), recordings.to_vec());
            }
        })
        .await
    }

    async fn keep(&self, meeting: &str, admission: &Admission, run: &str) -> Result<()> {
        self.tables(|t| {
            let key = (admission.id.clone(), admission.call.clone());
            let row = (admission.clone(), meeting.to_owned(), run.to_owned());
            t.admissions.insert(key, row);
        })
        .await
    }

    async fn forget(&self, id: &RawId, call: &CallId) -> Result<()> {
        self.tables(|t| {
            t.admissions.remove(&(id.clone(), call.clone()));
        })
        .await
    }

    async fn forget_all(&self, id: &RawId) -> Result<()> {
        self.tables(|t| t.admissions.retain(|(who, _), _| who != id))
            .await
    }

    async fn admissions_before(&self, meeting: &str, run: &str) -> Result<Vec<Admission>> {
        self.tables(|t| {
            let rows = t.admissions.values();
            let before = rows.filter(|(_, of, by)| of == meeting && by != run);
            before.map(|(admission, ..)| admission.clone()).collect()
        })
        .await
    }

    async fn admitted_to(&self, id: &RawId, call: &CallId) -> Result<Option<String>> {
        self.tables(|t| {
            let is = |(key, (admission, ..)): &(&(RawId, CallId), &(Admission, String, String))| {
                let calls = [
                    Some(&key.1),
                    admission.held.as_ref(),
                    admission.former.as_ref(),
                ];
                key.0 == *id && calls.contains(&Some(call))
            };
            let row = t.admissions.iter().find(is);
            row.map(|(_, (_, meeting, _))| meeting.clone())
        })
        .await
    }

    async fn lapse_before(&self, run: &str) -> Result<u64> {
        self.tables(|t| {
            let before = t.admissions.len();
            t.admissions.retain(|_, (_, _, by)| by == run);
            (before - t.admissions.len()) as u64
        })
        .await
    }
}
