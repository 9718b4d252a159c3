//! What outlives the process: one trait, one module per database, one set of contract tests.
//!
//! A database's module opens it, and has its own migrations. The statements are written once, in `sql/`, as both
//! databases read them (`$1`, `ON CONFLICT`, quoted `"user"`), and compiled for each by `#[path]`: sqlx's traits
//! would take a page of bounds for every function that is generic over the database, and its `Any` driver knows
//! neither their settings nor their types. A commit of chat is each database's own (`commit.rs`): PostgreSQL is
//! elsewhere, and every statement a way there and back.

pub mod chat;
#[cfg(test)]
mod contract;
mod migrations;
pub mod postgres;
#[cfg(test)]
pub(crate) mod rows;
pub mod sqlite;

use crate::meeting::{Admission, Admitters, Breakout, Bypass, Presenters, Settings};
use async_trait::async_trait;
use plenary_protocol::agent::Role;
use plenary_protocol::id::{CallId, RawId};
use plenary_protocol::state::Recording;
use serde::{Deserialize, Serialize};

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The database's tables cannot be brought up to date.
    #[error("the database cannot be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The address of a database is none.
    #[error("the address of the database cannot be used: {0}")]
    Address(#[from] postgres::address::BadUrl),
    /// A database that the configuration names cannot be used.
    #[error("{database} cannot be used: {source}. {advice}")]
    Unusable {
        /// Where it is, without secrets.
        database: String,
        /// Why.
        source: sqlx::Error,
        /// What would be right.
        advice: &'static str,
    },
    /// A value in the database cannot be read.
    #[error("the database holds {0} that cannot be read")]
    Corrupt(&'static str),
}

type Result<T> = std::result::Result<T, StoreError>;

/// A Communication Services resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// GUID.
    pub id: String,
    /// Base64 of 64 bytes.
    pub primary_key: String,
    /// The other one, for rotation.
    pub secondary_key: String,
}

/// A user whose tokens we issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `8:acs:…` or `8:orgid:…`.
    pub id: RawId,
    /// The resource that a guest belongs to (`S16`).
    pub resource: Option<String>,
    /// Tokens of an earlier generation are revoked (`S6`).
    pub generation: u32,
    /// Deleted users keep their row, so that their id is never used again.
    pub deleted: bool,
}

/// A member of the development organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Object id.
    pub oid: String,
    /// Name, from the directory (`A4`).
    pub display_name: String,
    /// User principal name.
    pub upn: String,
}

impl Member {
    /// The identity in calls.
    pub fn raw_id(&self) -> RawId {
        RawId(format!("8:orgid:{}", self.oid))
    }
}

/// A scheduled meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeetingRow {
    /// Id in the Graph-style interface.
    pub id: String,
    /// `joinMeetingId`.
    pub digits: String,
    /// Passcode, if one is required.
    pub passcode: Option<String>,
    /// What the link carries as `p` (`S8`).
    pub link_secret: String,
    /// Chat thread.
    pub thread: String,
    /// Join link, exactly as given out.
    pub join_url: String,
    /// Object id of the organiser.
    pub organizer: String,
    /// The application's own id (`createOrGet`).
    pub external_id: Option<String>,
    /// Times in ms.
    pub created: u64,
    /// Start.
    pub starts: u64,
    /// End.
    pub ends: u64,
    /// Subject.
    pub subject: Option<String>,
    /// What the organiser chose.
    pub options: Options,
}

/// What an organiser chose, as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// `lobbyBypassSettings.scope`.
    pub bypass: Bypass,
    /// `allowedPresenters`.
    pub presenters: Presenters,
    /// `allowedLobbyAdmitters`.
    pub admitters: Admitters,
    /// Invited members.
    pub attendees: Vec<Attendee>,
    /// No breakout rooms (`E13`).
    pub breakout_off: bool,
    /// Object ids of members who manage the breakout rooms (`E4`).
    pub breakout_managers: Vec<String>,
    /// Scheduled in a channel: guests have no chat (`B7`).
    pub in_channel: bool,
    /// Guests have chat in breakout rooms, too (`E5`).
    pub guest_chat_in_rooms: bool,
}

/// An invited member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attendee {
    /// Object id.
    pub oid: String,
    /// The role they were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

impl MeetingRow {
    /// The settings that the meeting core decides by.
    pub fn settings(&self) -> Settings {
        let member = |oid: &str| RawId(format!("8:orgid:{oid}"));
        let invited = self
            .options
            .attendees
            .iter()
            .map(|attendee| (member(&attendee.oid), attendee.role));
        Settings {
            organizer: member(&self.organizer),
            invited: invited.collect(),
            bypass: self.options.bypass,
            presenters: self.options.presenters,
            admitters: self.options.admitters,
            thread: self.thread.clone(),
            breakout: !self.options.breakout_off,
            breakout_managers: self
                .options
                .breakout_managers
                .iter()
                .map(|oid| member(oid))
                .collect(),
            guest_chat: !self.options.in_channel,
            guest_chat_in_rooms: self.options.guest_chat_in_rooms,
        }
    }
}

/// By what a meeting is looked up; every way is an index.
#[derive(Debug, Clone, Copy)]
pub enum MeetingKey<'a> {
    /// Graph-style id.
    Id(&'a str),
    /// `joinMeetingId`.
    Digits(&'a str),
    /// Chat thread.
    Thread(&'a str),
    /// Join link, exactly.
    JoinUrl(&'a str),
    /// Organiser and the application's own id.
    External(&'a str, &'a str),
}

/// The store.
#[async_trait]
pub trait Store: chat::ChatStore {
    /// Whether the database answers.
    async fn ping(&self) -> Result<()>;
    /// Ends the connections; SQLite's log is folded into its file.
    async fn close(&self);

    /// The resource of that id.
    async fn resource(&self, id: &str) -> Result<Option<Resource>>;
    /// All resources, the oldest first.
    async fn resources(&self) -> Result<Vec<Resource>>;
    /// Adds a resource.
    async fn add_resource(&self, resource: &Resource, now: u64) -> Result<()>;

    /// The user of that id.
    async fn user(&self, id: &RawId) -> Result<Option<User>>;
    /// Adds a user; one that is there already stays as it is.
    async fn add_user(&self, id: &RawId, resource: Option<&str>, now: u64) -> Result<()>;
    /// Makes all tokens of a user invalid (`S6`).
    async fn revoke(&self, id: &RawId) -> Result<()>;
    /// Deletes a user.
    async fn delete_user(&self, id: &RawId) -> Result<()>;

    /// Members of the development organisation, in the order of their names.
    async fn members(&self) -> Result<Vec<Member>>;
    /// A member of the development organisation.
    async fn member(&self, oid: &str) -> Result<Option<Member>>;
    /// Adds a member; one with that principal name stays as it is.
    async fn add_member(&self, member: &Member) -> Result<()>;

    /// Looks a meeting up.
    async fn meeting(&self, key: MeetingKey<'_>) -> Result<Option<MeetingRow>>;
    /// Adds a meeting. False: an id, link or external id is taken.
    async fn add_meeting(&self, meeting: &MeetingRow) -> Result<bool>;
    /// Writes times, subject and options of a meeting.
    async fn change_meeting(&self, meeting: &MeetingRow) -> Result<()>;
    /// Deletes a meeting and its admissions.
    async fn delete_meeting(&self, id: &str) -> Result<()>;

    /// The breakout rooms of a meeting; none if there is no such meeting.
    async fn breakout(&self, meeting: &str) -> Result<Breakout>;
    /// Writes the breakout rooms of a meeting.
    async fn keep_breakout(&self, meeting: &str, breakout: &Breakout) -> Result<()>;

    /// The recordings and transcriptions of a meeting that go on (`C3`).
    async fn recordings(&self, meeting: &str) -> Result<Vec<Recording>>;
    /// Writes them.
    async fn keep_recordings(&self, meeting: &str, recordings: &[Recording]) -> Result<()>;

    /// Keeps an admission as one of this run.
    async fn keep(&self, meeting: &str, admission: &Admission, run: &str) -> Result<()>;
    /// Forgets an admission.
    async fn forget(&self, id: &RawId, call: &CallId) -> Result<()>;
    /// Forgets all admissions of somebody.
    async fn forget_all(&self, id: &RawId) -> Result<()>;
    /// The admissions of a meeting that an earlier run left.
    async fn admissions_before(&self, meeting: &str, run: &str) -> Result<Vec<Admission>>;
    /// The meeting into which somebody's call was admitted; a call on hold and one of before a move count.
    async fn admitted_to(&self, id: &RawId, call: &CallId) -> Result<Option<String>>;
    /// Forgets all admissions of earlier runs.
    async fn lapse_before(&self, run: &str) -> Result<u64>;
}
