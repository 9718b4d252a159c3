//! A meeting's thread follows the meeting: members take part by right, guests while they are in the call
//! (`D1`), and not at all where they have no chat (`B7`, `E5`).

use super::commands::{Answer, Effect, Invited};
use super::message::Content;
use super::thread::{Bounds, Participant, Thread};
use crate::meeting::Kind;
use plenary_protocol::id::RawId;
use std::collections::{BTreeMap, BTreeSet};

/// Who is there, as the meeting says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    /// Members who take part by right; they stay.
    pub members: BTreeMap<RawId, Option<String>>,
    /// Guests in the call who have chat; with their going their right goes. `None`: as it was.
    pub guests: Option<BTreeMap<RawId, Option<String>>>,
    /// Members who are in the call, of whichever room (`D4`).
    pub attended: BTreeSet<RawId>,
    /// The first roster since the service started then: guests who were there before and did not come
    /// back had their last word before that.
    pub restarted: Option<u64>,
}

impl Thread {
    pub(super) fn follow(
        &mut self,
        roster: Roster,
        bounds: Bounds,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Answer {
        let by = self.creator.clone();
        let last = self.last_id;
        let gone = self.participants.iter().filter(|(id, participant)| {
            participant.is_present()
                && Kind::of(id) == Kind::Guest
                && roster
                    .guests
                    .as_ref()
                    .is_some_and(|guests| !guests.contains_key(id))
        });
        let gone: Vec<(RawId, u64)> = gone
            .map(|(id, _)| {
                let to = roster.restarted.map_or(last, |at| last.min(at));
                (id.clone(), to)
            })
            .collect();
        self.let_go(&gone, &by, now, effects);
        let mut come = Vec::new();
        let guests = roster.guests.unwrap_or_default();
        for (people, shared_from) in [(&roster.members, Some(0)), (&guests, None)] {
            for (id, name) in people {
                let known = self.participants.get(id);
                if known.is_some_and(Participant::is_present) {
                    self.known_as(id, name.as_ref(), effects);
                    continue;
                }
                // C7: one more has no chat, and nobody who has it is harmed.
                if self.present_count() + come.len() < bounds.participants {
                    come.push(Invited {
                        id: id.clone(),
                        name: name.clone(),
                        shared_from,
                        metadata: BTreeMap::new(),
                    });
                }
            }
        }
        self.let_in(come, &by, now, effects);
        for id in roster.attended {
            let participant = self.participants.get_mut(&id);
            if let Some(participant) = participant.filter(|participant| !participant.attended) {
                participant.attended = true;
                effects.push(Effect::KeepParticipant(id));
            }
        }
        Answer::Done
    }

    fn known_as(&mut self, id: &RawId, name: Option<&String>, effects: &mut Vec<Effect>) {
        let Some(participant) = self.participants.get_mut(id) else {
            return;
        };
        if name.is_some() && participant.name.as_ref() != name {
            participant.name = name.cloned();
            effects.push(Effect::KeepParticipant(id.clone()));
        }
    }

    /// The meeting's call began or is over.
    pub(super) fn call(
        &mut self,
        started: Option<RawId>,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Answer {
        let content = match started {
            Some(by) => Content::CallStarted { by },
            None => Content::CallEnded,
        };
        self.record(content, now, effects);
        Answer::Done
    }
}
