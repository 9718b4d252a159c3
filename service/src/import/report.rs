//! What was taken, what was not, and why. It names threads, messages and people by their ids; what they
//! wrote, and what they are called, is nobody's business here.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The kinds of what is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Code {
    /// The other server gives no token for a user who was named.
    UserRefused,
    /// The other server does not show a thread.
    ThreadRefused,
    /// Somebody has written to the thread here since it was taken.
    ThreadInUse,
    /// A meeting's thread, or a breakout room's: a guest reads it in the meeting alone (`D1`).
    MeetingThread,
    /// Of a thread's beginning nothing can be read by anybody asked.
    HistoryIncomplete,
    /// A message of a type that is not known here.
    UnknownMessageType,
    /// Not a message as the specification has it.
    MalformedMessage,
    /// An entry of a list that is not in the shape that the specification has.
    MalformedEntry,
    /// A message above this service's bound.
    MessageTooLong,
    /// Nothing of a message is left that may be shown (`S12`).
    NothingReadable,
    /// A file or picture.
    Attachment,
    /// Metadata above this service's bound.
    MetadataTooLarge,
    /// A rule of deletion that is not known here.
    RetentionPolicy,
    /// Somebody who is no user of a resource: a member, a telephone, a bot.
    ParticipantNotAUser,
    /// A user of another resource of this service (`S16`).
    ParticipantOfAnotherResource,
    /// Two threads or messages claim one place in the store.
    Conflict,

    /// A note: deleted there, nothing is left to take.
    ThreadDeletedThere,
    /// A note: deleted here since, and left so.
    ThreadDeletedHere,
    /// A note: the thread's id was taken or is none.
    ThreadIdChanged,
    /// A note: the message's id is no time.
    MessageIdChanged,
    /// A note: what deceives was taken out of a message (`S12`).
    ContentCleaned,
    /// A note: who did it is not said; the thread's creator stands for them.
    InitiatorUnknown,
    /// A note: changed here since, and left so.
    ChangedHere,
    /// A note: no token for somebody who was met; threads that they alone are in are not known.
    UserNotAsked,
}

/// One thing to be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Of what kind.
    pub code: Code,
    /// In which thread, by its id there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Which message, by its id there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Who, by their id there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Why.
    pub reason: String,
}

/// What became of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It was not here before.
    New,
    /// It was, and something was added or changed.
    BroughtUpToDate,
    /// It was, and is as it was there.
    Unchanged,
    /// It was not taken, or not brought up to date.
    Left,
}

/// One thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadReport {
    /// Its id there.
    pub source: String,
    /// Its id here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Messages that were not here.
    pub added: usize,
    /// Messages that were here and have changed.
    pub changed: usize,
    /// Whom it leads to: users there, who may have other threads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
    /// What could not be taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_taken: Vec<Finding>,
    /// What else is to be said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Finding>,
}

/// Somebody, there and here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mapping {
    /// Id there.
    pub source: String,
    /// Id here.
    pub target: String,
}

/// How many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Users whose threads were listed.
    pub users: usize,
    /// Threads that were looked at.
    pub threads: usize,
    /// Threads that were not here.
    pub threads_new: usize,
    /// Threads that were brought up to date.
    pub threads_brought_up_to_date: usize,
    /// Messages that were not here.
    pub messages_added: usize,
    /// Messages that have changed.
    pub messages_changed: usize,
}

/// A whole run, and the interrupted ones before it that it went on from.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The other server.
    pub source: String,
    /// This service's resource.
    pub resource: String,
    /// It came to its end; otherwise the same command goes on.
    pub finished: bool,
    /// How many.
    pub counts: Counts,
    /// Users whose id here is another than there.
    pub users: Vec<Mapping>,
    /// Threads.
    pub threads: Vec<ThreadReport>,
    /// What could not be taken, of no thread.
    pub not_taken: Vec<Finding>,
    /// What else is to be said, of no thread.
    pub notes: Vec<Finding>,
}

impl Finding {
    pub(super) fn new(code: Code, reason: impl Into<String>) -> Self {
        Self {
            code,
            thread: None,
            message: None,
            user: None,
            reason: reason.into(),
        }
    }

    /// Of a list with so many entries that are in no shape.
    pub(super) fn odd(entries: usize, of: &str) -> Option<Self> {
        let why = format!("{entries} {of} are not in the shape that the specification has");
        (entries > 0).then(|| Self::new(Code::MalformedEntry, why))
    }

    pub(super) fn of_user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    pub(super) fn of_message(mut self, message: &str) -> Self {
        self.message = Some(message.to_owned());
        self
    }
}

impl ThreadReport {
    pub(super) fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            target: None,
            outcome: Outcome::Left,
            added: 0,
            changed: 0,
            people: Vec::new(),
            not_taken: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn cannot(&mut self, mut finding: Finding) {
        finding.thread = Some(self.source.clone());
        self.not_taken.push(finding);
    }

    pub(super) fn note(&mut self, mut finding: Finding) {
        finding.thread = Some(self.source.clone());
        self.notes.push(finding);
    }
}

impl Report {
    pub(super) fn add(&mut self, thread: ThreadReport) {
        self.counts.threads += 1;
        self.counts.messages_added += thread.added;
        self.counts.messages_changed += thread.changed;
        match thread.outcome {
            Outcome::New => self.counts.threads_new += 1,
            Outcome::BroughtUpToDate => self.counts.threads_brought_up_to_date += 1,
            Outcome::Unchanged | Outcome::Left => {}
        }
        self.threads.push(thread);
    }

    fn cannot(&self) -> impl Iterator<Item = &Finding> {
        let of_threads = self.threads.iter().flat_map(|thread| &thread.not_taken);
        self.not_taken.iter().chain(of_threads)
    }

    /// Everything could be taken.
    pub fn is_whole(&self) -> bool {
        self.cannot().next().is_none()
    }

    /// For people: a few lines, whatever the size.
    pub fn summary(&self) -> String {
        let Counts {
            users,
            threads,
            threads_new,
            threads_brought_up_to_date,
            messages_added,
            messages_changed,
        } = self.counts;
        let mut lines = vec![format!(
            "{threads} threads of {users} users: {threads_new} new, {threads_brought_up_to_date} brought \
             up to date; {messages_added} messages added, {messages_changed} changed"
        )];
        let mut kinds: BTreeMap<Code, (usize, &Finding)> = BTreeMap::new();
        for finding in self.cannot() {
            kinds.entry(finding.code).or_insert((0, finding)).0 += 1;
        }
        for (code, (count, first)) in kinds {
            let code = serde_json::to_string(&code).unwrap_or_default();
            let code = code.trim_matches('"');
            let reason = first.reason.escape_debug();
            lines.push(format!("not taken: {count} × {code}, such as: {reason}"));
        }
        lines.join("\n")
    }
}
