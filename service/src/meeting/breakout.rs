//! The breakout rooms themselves: which there are, who is assigned, what holds in them (`E1`-`E13`).
//! Who is where is `moves.rs`'s business.

use super::{Meeting, Operation};
use plenary_protocol::breakout::{BreakoutSettings, RoomState};
use plenary_protocol::end::Reason;
use plenary_protocol::id::{RawId, RoomId};
use plenary_protocol::matrix::{self, Client};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rooms of one meeting (`S11`): as many as Teams has.
const MOST_ROOMS: usize = 50;
/// People who may be assigned (`S11`): a meeting's seats (`C7`).
const MOST_ASSIGNED: usize = 1_000;

/// A meeting's breakout rooms, as the store keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Breakout {
    /// In their order.
    pub rooms: Vec<Room>,
    /// Who is assigned where.
    pub assigned: BTreeMap<RawId, RoomId>,
    /// Invitees are moved when their room opens (`E8`).
    pub auto_move: bool,
    /// Nobody returns before the room closes (`E11`).
    pub return_disabled: bool,
    /// When all rooms close (`E12`), in ms.
    pub ends: Option<u64>,
}

impl Default for Breakout {
    fn default() -> Self {
        Self {
            rooms: Vec::new(),
            assigned: BTreeMap::new(),
            auto_move: true,
            return_disabled: false,
            ends: None,
        }
    }
}

/// One room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// Which.
    pub id: RoomId,
    /// Its name.
    pub name: String,
    /// Chat thread.
    pub thread: String,
    /// `E7`.
    pub state: RoomState,
}

/// What a manager wants of the rooms (`E4`).
#[derive(Debug, Clone)]
pub enum Change {
    /// More rooms.
    Create(Vec<NewRoom>),
    /// Another name.
    Rename {
        /// Which.
        room: RoomId,
        /// The new name.
        name: String,
    },
    /// Away with it; who is in it is moved back first.
    Delete {
        /// Which.
        room: RoomId,
    },
    /// By hand; `None` takes an assignment back.
    Assign(BTreeMap<RawId, Option<RoomId>>),
    /// Everybody who does not manage the rooms, in rooms of equal size.
    Distribute {
        /// At random, from this seed; otherwise in the order of their ids.
        seed: Option<u64>,
    },
    /// Open rooms; none named means all.
    Open {
        /// Which.
        rooms: Vec<RoomId>,
        /// When they close again, in ms.
        ends: Option<u64>,
    },
    /// Close rooms; none named means all. Who is in them is moved back.
    Close {
        /// Which.
        rooms: Vec<RoomId>,
    },
    /// What holds in the rooms.
    Configure {
        /// `E8`.
        auto_move: Option<bool>,
        /// `E11`.
        return_disabled: Option<bool>,
        /// `E12`; `Some(None)` takes the timer away.
        ends: Option<Option<u64>>,
    },
}

/// A room to be made; what nobody may guess is made at the edge.
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// Its id.
    pub id: RoomId,
    /// Its name, or "Room n".
    pub name: Option<String>,
    /// Its chat thread.
    pub thread: String,
}

impl Breakout {
    /// The room of that id.
    pub fn room(&self, id: &RoomId) -> Option<&Room> {
        self.rooms.iter().find(|room| room.id == *id)
    }

    /// Whether there is such a room, and it is open.
    pub fn is_open(&self, id: &RoomId) -> bool {
        self.room(id)
            .is_some_and(|room| room.state == RoomState::Open)
    }

    /// The room into which somebody is moved without asking (`E8`).
    pub(super) fn pulls(&self, who: &RawId) -> Option<&RoomId> {
        let room = self.assigned.get(who).filter(|_| self.auto_move)?;
        self.is_open(room).then_some(room)
    }

    /// As participants are told.
    pub(super) fn told_settings(&self) -> BreakoutSettings {
        #[allow(clippy::cast_precision_loss)] // Milliseconds since 1970 fit 53 bits.
        BreakoutSettings {
            disable_return_to_main_meeting: self.return_disabled,
            room_end_time: self.ends.map(|ends| ends as f64),
        }
    }

    /// Applies a change; an error changes nothing. `people` are those who may be distributed.
    pub(super) fn change(&mut self, change: Change, people: Vec<RawId>) -> Result<(), Reason> {
        match change {
            Change::Create(new) => self.create(new)?,
            Change::Rename { room, name } => self.find(&room)?.name = name,
            Change::Delete { room } => {
                self.find(&room)?;
                self.rooms.retain(|r| r.id != room);
                self.assigned.retain(|_, r| *r != room);
            }
            Change::Assign(wishes) => self.assign(wishes)?,
            Change::Distribute { seed } => self.distribute(people, seed)?,
            Change::Open { rooms, ends } => {
                self.switch(&rooms, RoomState::Open)?;
                self.ends = ends.or(self.ends);
            }
            Change::Close { rooms } => self.close(&rooms)?,
            Change::Configure {
                auto_move,
                return_disabled,
                ends,
            } => {
                self.auto_move = auto_move.unwrap_or(self.auto_move);
                self.return_disabled = return_disabled.unwrap_or(self.return_disabled);
                self.ends = ends.unwrap_or(self.ends);
            }
        }
        Ok(())
    }

    fn find(&mut self, id: &RoomId) -> Result<&mut Room, Reason> {
        let room = self.rooms.iter_mut().find(|room| room.id == *id);
        room.ok_or(Reason::NO_SUCH_ROOM)
    }

    fn create(&mut self, new: Vec<NewRoom>) -> Result<(), Reason> {
        if self.rooms.len() + new.len() > MOST_ROOMS {
            return Err(Reason::TOO_MANY_ROOMS);
        }
        for NewRoom { id, name, thread } in new {
            let name = name.unwrap_or_else(|| self.free_name());
            let state = RoomState::Closed;
            self.rooms.push(Room {
                id,
                name,
                thread,
                state,
            });
        }
        Ok(())
    }

    fn free_name(&self) -> String {
        (1..)
            .map(|n| format!("Room {n}"))
            .find(|name| self.rooms.iter().all(|room| room.name != *name))
            .unwrap_or_default()
    }

    fn assign(&mut self, wishes: BTreeMap<RawId, Option<RoomId>>) -> Result<(), Reason> {
        if wishes.values().flatten().any(|id| self.room(id).is_none()) {
            return Err(Reason::NO_SUCH_ROOM);
        }
        let mut assigned = self.assigned.clone();
        for (who, room) in wishes {
            match room {
                Some(room) => assigned.insert(who, room),
                None => assigned.remove(&who),
            };
        }
        if assigned.len() > MOST_ASSIGNED {
            return Err(Reason::TOO_MANY_ROOMS);
        }
        self.assigned = assigned;
        Ok(())
    }

    fn distribute(&mut self, mut people: Vec<RawId>, seed: Option<u64>) -> Result<(), Reason> {
        if self.rooms.is_empty() {
            return Err(Reason::NO_SUCH_ROOM);
        }
        if let Some(seed) = seed {
            shuffle(&mut people, seed);
        }
        let rooms = self.rooms.iter().map(|room| &room.id).cycle();
        self.assigned = people.into_iter().zip(rooms.cloned()).collect();
        Ok(())
    }

    fn switch(&mut self, which: &[RoomId], state: RoomState) -> Result<(), Reason> {
        if which.iter().any(|id| self.room(id).is_none()) || self.rooms.is_empty() {
            return Err(Reason::NO_SUCH_ROOM);
        }
        for room in &mut self.rooms {
            if which.is_empty() || which.contains(&room.id) {
                room.state = state;
            }
        }
        Ok(())
    }

    /// The timer belongs to an opening: it ends with the last open room.
    pub(super) fn close(&mut self, which: &[RoomId]) -> Result<(), Reason> {
        self.switch(which, RoomState::Closed)?;
        if self
            .rooms
            .iter()
            .all(|room| room.state == RoomState::Closed)
        {
            self.ends = None;
        }
        Ok(())
    }
}

/// Fisher and Yates, with SplitMix64: the same seed gives the same order.
fn shuffle(people: &mut [RawId], seed: u64) {
    let mut state = seed;
    for last in (1..people.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        #[allow(clippy::cast_possible_truncation)] // Less than the number of people.
        people.swap(last, (z % (last as u64 + 1)) as usize);
    }
}

impl Meeting {
    /// What the support matrix says, with what is chosen for the rooms now.
    pub(super) fn permitted(
        &self,
        by: &RawId,
        client: Client,
        operation: Operation,
    ) -> Result<(), Reason> {
        let mut asker = self.settings.asker(by, client);
        asker.facts.return_enabled = !self.breakout.return_disabled;
        matrix::ask(operation, asker).map_err(|no| no.reason)
    }

    /// Organiser, co-organiser and breakout room manager (`E4`), whether they are in the meeting or not:
    /// rooms are prepared before it.
    pub(super) fn may_manage(&self, by: &RawId) -> Result<(), Reason> {
        self.permitted(by, Client::Web, Operation::ManageRooms)
    }

    pub(super) fn manages(&self, who: &RawId) -> bool {
        self.may_manage(who).is_ok()
    }
}
