//! A thread: who takes part, and what each of them may read.
//!
//! What somebody may read are windows over message ids, which are times: each opens when they are let
//! in and closes when they go. Where a guest of a meeting is not in its call, nothing is readable
//! (`D1`); in other threads old windows stay open to who was removed.

use crate::meeting::Kind;
use plenary_protocol::id::RawId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A thread, without its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// `19:…@thread.v2`.
    pub id: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Topic.
    pub topic: String,
    /// Made at, ms.
    pub created: u64,
    /// Made by.
    pub creator: RawId,
    /// The application's own.
    pub metadata: BTreeMap<String, String>,
    /// When it goes.
    pub retention: Option<Retention>,
    /// When it went.
    pub deleted: Option<u64>,
    /// The version of the last change, which is the last message's id if nothing was changed since; 0: there
    /// is none.
    pub last_id: u64,
    /// The last message's sequence number.
    pub last_sequence: u64,
    /// When somebody last wrote.
    pub last_received: Option<u64>,
    /// Counts commits: a store refuses one that was made from an older state.
    pub revision: u64,
    /// Everybody who ever took part.
    pub participants: BTreeMap<RawId, Participant>,
}

/// Where a thread comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// A user made it.
    Group,
    /// It is a meeting's.
    Meeting(String),
    /// It is a breakout room's; the meeting's id.
    Room(String),
}

/// When a thread goes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Retention {
    /// Never.
    None,
    /// So many days after it was made.
    AfterCreation(u32),
}

/// Somebody who takes part, or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Name.
    pub name: Option<String>,
    /// From when on history was shared with them, as it was asked for.
    pub shared_from: Option<u64>,
    /// In the order of coming.
    pub order: u64,
    /// What they may read, the oldest first. The last is open while they take part.
    pub windows: Vec<Window>,
    /// How far they have read.
    pub read: Option<Receipt>,
    /// They were in the call (`D4`).
    pub attended: bool,
    /// The application's own.
    pub metadata: BTreeMap<String, String>,
}

/// Message ids from `from` on, up to `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first id.
    pub from: u64,
    /// The last id; without one it is open.
    pub to: Option<u64>,
}

/// How far somebody has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The message.
    pub message: u64,
    /// When, ms.
    pub at: u64,
}

/// The numbers that bound a thread.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Participants at a time (`C7`).
    pub participants: usize,
    /// With more than these there are no typing indicators and no read receipts.
    pub small: usize,
}

/// Why something was not done; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not theirs to do; a thread that is not theirs is not told apart from none (`S13`).
    #[error("User is not allowed to perform specified action.")]
    NotAllowed,
    /// No such message for them.
    #[error("There is no such message.")]
    NoSuchMessage,
    /// `C7`.
    #[error("The thread has as many participants as it may have.")]
    Full,
    /// Typing and receipts.
    #[error("The thread has too many participants for typing indicators and read receipts.")]
    TooManyToHear,
}

/// Windows of one participant; the oldest are forgotten, so that coming and going a thousand times costs
/// no memory.
const WINDOWS: usize = 32;
const DAY: u64 = 24 * 60 * 60_000;

impl Window {
    /// Whether a message is in it.
    pub fn holds(&self, id: u64) -> bool {
        self.from <= id && self.to.is_none_or(|to| id <= to)
    }
}

impl Participant {
    /// Somebody who reads nothing yet.
    pub(super) fn new(order: u64) -> Self {
        Self {
            name: None,
            shared_from: None,
            order,
            windows: Vec::new(),
            read: None,
            attended: false,
            metadata: BTreeMap::new(),
        }
    }

    /// Whether they take part now.
    pub fn is_present(&self) -> bool {
        self.windows.last().is_some_and(|last| last.to.is_none())
    }

    /// Takes part from now on; reads from `from` on.
    pub(super) fn enter(&mut self, from: u64) {
        if self.is_present() {
            return;
        }
        // Sharing an older history swallows what lies within it.
        self.windows.retain(|window| window.from < from);
        if let Some(last) = self.windows.last_mut() {
            last.to = last.to.min(Some(from.saturating_sub(1)));
        }
        self.windows.push(Window { from, to: None });
        if self.windows.len() > WINDOWS {
            self.windows.remove(0);
        }
    }

    /// Takes part no longer; reads up to `to` (`D1`).
    pub(super) fn go(&mut self, to: u64) {
        let Some(last) = self.windows.last_mut() else {
            return;
        };
        if last.to.is_none() {
            last.to = Some(to);
            // Nothing was written while they were there.
            if to < last.from {
                last.to = Some(last.from.saturating_sub(1));
            }
        }
    }
}

impl Thread {
    /// One without people, messages or a topic.
    pub fn new(id: String, origin: Origin, creator: RawId, created: u64) -> Self {
        Self {
            id,
            origin,
            topic: String::new(),
            created,
            creator,
            metadata: BTreeMap::new(),
            retention: None,
            deleted: None,
            last_id: 0,
            last_sequence: 0,
            last_received: None,
            revision: 0,
            participants: BTreeMap::new(),
        }
    }

    /// Whether it is gone: deleted, or by its own policy.
    pub fn is_gone(&self, now: u64) -> bool {
        self.deleted.is_some() || self.expired(now).is_some()
    }

    /// The days of its own policy, when they are over.
    pub fn expired(&self, now: u64) -> Option<u32> {
        match self.retention {
            Some(Retention::AfterCreation(days)) => {
                (now >= self.created + u64::from(days) * DAY).then_some(days)
            }
            Some(Retention::None) | None => None,
        }
    }

    /// Whether it is a meeting's or one of its rooms'.
    pub fn is_of_a_meeting(&self) -> bool {
        !matches!(self.origin, Origin::Group)
    }

    /// Those who take part now, in the order of coming.
    pub fn present(&self) -> Vec<(&RawId, &Participant)> {
        let mut present: Vec<_> = self
            .participants
            .iter()
            .filter(|(_, participant)| participant.is_present())
            .collect();
        present.sort_by_key(|(_, participant)| participant.order);
        present
    }

    /// Members who were in the call (`D4`).
    pub fn attended(&self) -> Vec<&RawId> {
        let all = self.participants.iter();
        let attended = all.filter(|(id, one)| one.attended && Kind::of(id) == Kind::Member);
        attended.map(|(id, _)| id).collect()
    }

    pub(super) fn present_count(&self) -> usize {
        self.participants
            .values()
            .filter(|participant| participant.is_present())
            .count()
    }

    /// Whether somebody has it only while in the call: a guest, a meeting's thread (`D1`, `S13`).
    pub fn is_for_calls_of(&self, who: &RawId) -> bool {
        self.is_of_a_meeting() && Kind::of(who) == Kind::Guest
    }

    /// What somebody may read. `in_call`: they are in the meeting's call now, as the meeting knows it, see
    /// [`Self::is_for_calls_of`].
    pub fn readable(&self, who: &RawId, in_call: bool, now: u64) -> Result<&[Window], Refusal> {
        let participant = self.participants.get(who).ok_or(Refusal::NotAllowed)?;
        let out = self.is_for_calls_of(who) && !(in_call && participant.is_present());
        if self.is_gone(now) || out {
            return Err(Refusal::NotAllowed);
        }
        Ok(&participant.windows)
    }

    /// Somebody who takes part now.
    pub fn taking_part(
        &self,
        who: &RawId,
        in_call: bool,
        now: u64,
    ) -> Result<&Participant, Refusal> {
        self.readable(who, in_call, now)?;
        let participant = self.participants.get(who).ok_or(Refusal::NotAllowed)?;
        participant
            .is_present()
            .then_some(participant)
            .ok_or(Refusal::NotAllowed)
    }
}
