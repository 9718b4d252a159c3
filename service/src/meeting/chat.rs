//! Who has chat where: members by right, guests while they are in the call and where they may (`B7`,
//! `D1`, `E5`). [`crate::meetings`] tells chat so before anybody is told of their admission or end.

use super::{Kind, Meeting, Operation};
use crate::chat::Roster;
use plenary_protocol::id::{RawId, RoomId};
use std::collections::{BTreeMap, BTreeSet};

/// The chat of the meeting or of one of its rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// The room; without one, the meeting itself.
    pub room: Option<RoomId>,
    /// Its thread.
    pub thread: String,
    /// The room's name.
    pub name: Option<String>,
    /// Who takes part.
    pub roster: Roster,
}

type People = BTreeMap<RawId, Option<String>>;

impl Meeting {
    /// All chats of this meeting, and who takes part in each.
    pub fn chats(&self) -> Vec<Chat> {
        let main = Chat {
            room: None,
            thread: self.settings.thread.clone(),
            name: None,
            roster: self.main_roster(),
        };
        let rooms = self.breakout.rooms.iter().map(|room| Chat {
            room: Some(room.id.clone()),
            thread: room.thread.clone(),
            name: Some(room.name.clone()),
            roster: self.room_roster(&room.id),
        });
        std::iter::once(main).chain(rooms).collect()
    }

    /// Somebody who is in the call, if anybody is.
    pub fn anybody(&self) -> Option<&RawId> {
        self.inside.keys().next()
    }

    /// Who is in a breakout room, or expected back after a restart, is in the call all the same (`D1`).
    fn main_roster(&self) -> Roster {
        let invited = self.settings.invited.keys();
        let mut members: People = invited.map(|id| (id.clone(), None)).collect();
        members.insert(self.settings.organizer.clone(), None);
        let mut guests = People::new();
        let inside = self.in_call(None);
        let attended = members_of(&inside);
        for (id, name) in inside {
            if Kind::of(&id) == Kind::Member {
                members.insert(id, name);
            } else if self.settings.may(&id, Operation::Chat) {
                guests.insert(id, name);
            }
        }
        Roster {
            members,
            guests: Some(guests),
            attended,
            restarted: None,
        }
    }

    /// Members who are in the room, assigned to it, or manage the rooms.
    fn room_roster(&self, room: &RoomId) -> Roster {
        let assigned = self.breakout.assigned.iter();
        let assigned = assigned.filter(|(id, at)| *at == room && Kind::of(id) == Kind::Member);
        let mut members: People = assigned.map(|(id, _)| (id.clone(), None)).collect();
        members.insert(self.settings.organizer.clone(), None);
        let managers = self.inside.iter().filter(|(id, _)| self.manages(id));
        members.extend(managers.map(|(id, person)| (id.clone(), person.name.clone())));
        let mut guests = People::new();
        let inside = self.in_call(Some(room));
        let attended = members_of(&inside);
        for (id, name) in inside {
            if Kind::of(&id) == Kind::Member {
                members.insert(id, name);
            } else if self.settings.may(&id, Operation::RoomChat) {
                guests.insert(id, name);
            }
        }
        Roster {
            members,
            guests: Some(guests),
            attended,
            restarted: None,
        }
    }

    fn in_call(&self, room: Option<&RoomId>) -> People {
        let returning = self
            .returning
            .iter()
            .filter(|(_, returning)| room.is_none() || returning.admission.room.as_ref() == room);
        let mut people: People = returning.map(|((id, _), _)| (id.clone(), None)).collect();
        for (id, person) in &self.inside {
            if room.is_none() || self.is_at(id, room) {
                people.insert(id.clone(), person.name.clone());
            }
        }
        people
    }
}

fn members_of(people: &People) -> BTreeSet<RawId> {
    let members = people.keys().filter(|id| Kind::of(id) == Kind::Member);
    members.cloned().collect()
}
