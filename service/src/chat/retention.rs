//! How long the copy of a guest's last message is kept (`D3`, `D4`), and why it goes.

use super::Body;
use plenary_protocol::id::RawId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const DAY: u64 = 24 * 60 * 60_000;
/// Where no policy applies (`D4`).
const DAYS: u32 = 30;

/// A policy of the organisation that deletes chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// After so many days.
    pub days: u32,
    /// Object ids of the members whom it is for; all of them, if it is not said.
    pub members: Option<BTreeSet<String>>,
}

/// The last message that a guest sent in a meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastMessage {
    /// Whose.
    pub guest: RawId,
    /// In which thread.
    pub thread: String,
    /// Its id there.
    pub message: u64,
    /// When it was sent, ms.
    pub sent: u64,
    /// What it says.
    pub body: Body,
}

/// Why a copy, or a thread, is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A policy for somebody who was in the meeting; the strictest one.
    Policy(u32),
    /// None applies.
    Age(u32),
    /// Whoever made or changed the thread said so.
    Own(u32),
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Policy(days) => write!(
                f,
                "a policy of {days} days applies to a member who was in the meeting"
            ),
            Self::Age(days) => write!(f, "no policy applies, and it is older than {days} days"),
            Self::Own(days) => write!(f, "its own policy keeps it for {days} days"),
        }
    }
}

/// Whether a copy's time is over. `attended`: the members who were in the meeting.
pub fn is_over(sent: u64, attended: &[&RawId], policies: &[Policy], now: u64) -> Option<Why> {
    let applies = |policy: &&Policy| {
        attended.iter().any(|id| {
            let oid = id.as_str().strip_prefix("8:orgid:");
            oid.is_some_and(|oid| policy.members.as_ref().is_none_or(|all| all.contains(oid)))
        })
    };
    let strictest = policies
        .iter()
        .filter(applies)
        .map(|policy| policy.days)
        .min();
    let (days, why) = match strictest {
        Some(days) => (days, Why::Policy(days)),
        None => (DAYS, Why::Age(DAYS)),
    };
    (now >= sent.saturating_add(u64::from(days) * DAY)).then_some(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(days: u32, members: Option<&[&str]>) -> Policy {
        let members = members.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
        Policy { days, members }
    }

    #[test]
    fn d4_the_strictest_policy_for_anybody_who_was_there_counts_and_else_thirty_days() {
        let (olivia, marco) = (RawId::from("8:orgid:olivia"), RawId::from("8:orgid:marco"));
        let policies = [policy(7, Some(&["olivia"])), policy(3, Some(&["petra"]))];
        let at = |attended: &[&RawId], policies: &[Policy], days: u64| {
            is_over(1, attended, policies, 1 + days * DAY)
        };
        assert_eq!(at(&[&olivia, &marco], &policies, 7), Some(Why::Policy(7)));
        assert_eq!(
            at(&[&olivia, &marco], &policies, 6),
            None,
            "petra was not there"
        );
        assert_eq!(at(&[&marco], &policies, 29), None);
        assert_eq!(at(&[&marco], &policies, 30), Some(Why::Age(30)));
        // A longer policy keeps it longer.
        assert_eq!(at(&[&marco], &[policy(365, None)], 30), None);
        let both = [policy(365, None), policy(7, Some(&["marco"]))];
        assert_eq!(at(&[&marco], &both, 7), Some(Why::Policy(7)));
        assert_eq!(at(&[], &[policy(1, None)], 29), None, "nobody was there");
    }
}
