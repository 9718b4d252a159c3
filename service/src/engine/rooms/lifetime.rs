//! How rooms come and go. One that somebody joins is there as long as somebody is in it; one that
//! was ordered (`CreateRoom`) also waits for the first to come and for a while after the last left.

use std::time::{Duration, Instant};

use livekit_protocol as lk;
use lk::signal_response::Message;

use super::{new_sid, Locked, Room};
use crate::clock;

/// LiveKit's defaults for rooms that were ordered.
const EMPTY: Duration = Duration::from_secs(300);
const DEPARTURE: Duration = Duration::from_secs(20);
/// Rooms that are kept though nobody is in them (S11: whoever holds a key is trusted, but may err).
const MAX_ORDERED: usize = 10_000;

/// What was ordered for a room.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// How long it waits; `None` for a room that nobody ordered.
    pub waits: Option<Waits>,
    /// 0 for no limit.
    pub max_participants: u32,
    pub metadata: String,
}

/// The two pauses of an ordered room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waits {
    /// For the first to come.
    pub empty: Duration,
    /// After the last has left.
    pub departure: Duration,
}

/// Since when nobody is in a room.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Vacancy {
    NobodyYet(Instant),
    Occupied,
    Left(Instant),
}

impl Settings {
    fn ordered(request: &lk::CreateRoomRequest) -> Self {
        let seconds = |given: u32, usual: Duration| match given {
            0 => usual,
            given => Duration::from_secs(given.into()),
        };
        Self {
            waits: Some(Waits {
                empty: seconds(request.empty_timeout, EMPTY),
                departure: seconds(request.departure_timeout, DEPARTURE),
            }),
            max_participants: request.max_participants,
            metadata: request.metadata.clone(),
        }
    }
}

impl Room {
    pub fn new(name: &str, settings: Settings, now: Instant) -> Self {
        Self {
            sid: new_sid("RM_"),
            name: name.to_owned(),
            created: clock::wall(),
            members: Vec::new(),
            departed: Default::default(),
            settings,
            vacancy: Vacancy::NobodyYet(now),
            expects: None,
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        if !self.members.is_empty() {
            return false;
        }
        let Some(waits) = self.settings.waits else {
            return true;
        };
        let (since, patience) = match self.vacancy {
            Vacancy::NobodyYet(since) => (since, waits.empty),
            Vacancy::Left(since) => (since, waits.departure),
            Vacancy::Occupied => return false,
        };
        now.saturating_duration_since(since) >= patience
    }

    /// Whether one more may come.
    pub fn is_full(&self) -> bool {
        let limit = self.settings.max_participants as usize;
        limit > 0 && self.members.len() >= limit
    }
}

impl Locked<'_> {
    /// Order a room, or change the settings of one that is there. `None` if too many wait.
    pub fn create_room(&mut self, request: &lk::CreateRoomRequest) -> Option<lk::Room> {
        let settings = Settings::ordered(request);
        let known = self.room(&request.name).is_some();
        if !known && self.vacant_rooms() >= MAX_ORDERED {
            return None;
        }
        let room = self
            .state
            .rooms
            .entry(request.name.clone())
            .or_insert_with(|| Room::new(&request.name, Settings::default(), clock::now()));
        room.settings = settings;
        Some(self.room_info(&request.name))
    }

    fn vacant_rooms(&self) -> usize {
        let rooms = self.all_rooms();
        rooms.filter(|r| r.members.is_empty()).count()
    }

    /// False if there is no such room.
    pub fn set_room_metadata(&mut self, name: &str, metadata: &str) -> bool {
        let Some(room) = self.state.rooms.get_mut(name) else {
            return false;
        };
        metadata.clone_into(&mut room.settings.metadata);
        let info = self.room_info(name);
        for member in self.members(name) {
            let room = Some(info.clone());
            self.send(&member, Message::RoomUpdate(lk::RoomUpdate { room }));
        }
        true
    }

    /// Whether somebody of this identity cannot come in. Who is in already only starts over.
    pub fn is_full_for(&self, room: &str, identity: &str) -> bool {
        self.room(room).is_some_and(Room::is_full) && self.find(room, identity).is_none()
    }

    /// A room lost its last, or its time passed.
    pub fn end_room_if_over(&mut self, name: &str, now: Instant) {
        if self.room(name).is_some_and(|r| r.is_over(now)) {
            self.state.rooms.remove(name);
        }
    }

    pub fn sweep_rooms(&mut self, now: Instant) {
        self.state.rooms.retain(|_, room| !room.is_over(now));
    }

    /// End a room that nobody is in; false if there is none.
    pub fn drop_room(&mut self, name: &str) -> bool {
        self.state.rooms.remove(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(now: Instant) -> Room {
        let request = lk::CreateRoomRequest {
            empty_timeout: 60,
            departure_timeout: 5,
            max_participants: 2,
            ..Default::default()
        };
        Room::new("room", Settings::ordered(&request), now)
    }

    #[test]
    fn an_ordered_room_waits_for_the_first_and_after_the_last() {
        let now = Instant::now();
        let after = |seconds| now + Duration::from_secs(seconds);
        let mut room = ordered(now);
        assert!(!room.is_over(after(59)));
        assert!(room.is_over(after(60)));
        room.members.push("PA_a".to_owned());
        room.vacancy = Vacancy::Occupied;
        assert!(!room.is_over(after(3600)));
        room.members.clear();
        room.vacancy = Vacancy::Left(after(3600));
        assert!(!room.is_over(after(3604)));
        assert!(room.is_over(after(3605)));
    }

    #[test]
    fn a_room_that_nobody_ordered_ends_with_its_last() {
        let now = Instant::now();
        let mut room = Room::new("room", Settings::default(), now);
        room.vacancy = Vacancy::Left(now);
        assert!(room.is_over(now));
    }

    #[test]
    fn a_full_room_takes_nobody() {
        let mut room = ordered(Instant::now());
        room.members.push("PA_a".to_owned());
        assert!(!room.is_full());
        room.members.push("PA_b".to_owned());
        assert!(room.is_full());
    }
}
