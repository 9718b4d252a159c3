//! Between the main meeting and its breakout rooms (`E3`, `E7`-`E12`): who goes where, by asking or
//! because a room opened, closed or is theirs now.
//!
//! A move gives a participant another call: the one of before is over, or for who manages the rooms on
//! hold (`E9`). Rosters are told after all of a command's moves, once to each receiver.

use super::breakout::{Breakout, Change};
use super::view::{name_for, Receiver};
use super::{Answer, Effect, Meeting, Operation, Rooms, Seat, Settings};
use plenary_protocol::agent::{Endpoint, Event};
use plenary_protocol::breakout::{BreakoutView, RoomState};
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, EndpointId, RawId, RoomId, SessionId};
use plenary_protocol::matrix::Client;
use std::collections::{BTreeMap, BTreeSet};

/// Who is to go where; without a room, to the main meeting.
type Way = (RawId, EndpointId, Option<RoomId>);
/// Who is seen at each place.
type Rosters = BTreeMap<Option<RoomId>, BTreeMap<RawId, Vec<Endpoint>>>;
/// What each connection knows of the rooms.
type Views = BTreeMap<EndpointId, (SessionId, CallId, BreakoutView)>;

impl Seat {
    /// Where this connection is seen: in its room, and on hold in the main meeting.
    pub(super) fn places(&self) -> Vec<Option<RoomId>> {
        let held = self.held.is_some().then_some(None);
        std::iter::once(self.room.clone()).chain(held).collect()
    }

    pub(super) fn is_at(&self, place: Option<&RoomId>) -> bool {
        self.room.as_ref() == place || (place.is_none() && self.held.is_some())
    }

    /// Goes somewhere else; the call of before, and whether it is on hold now. The new call is named after
    /// the endpoint: clients come with ids of before, and one may have been given out already.
    fn go(&mut self, endpoint: &EndpointId, to: Option<RoomId>, manages: bool) -> (CallId, bool) {
        let from = self.call.clone();
        let holds = self.room.is_none() && manages;
        let resumed = if to.is_none() { self.held.take() } else { None };
        self.call = resumed.unwrap_or_else(|| {
            self.moves += 1;
            CallId(format!("{endpoint}~{}", self.moves))
        });
        if holds {
            self.held = Some(from.clone());
        }
        self.former = (!holds).then(|| from.clone());
        self.room = to;
        self.on_hold = false;
        self.fresh = false;
        (from, holds)
    }
}

impl Meeting {
    pub(super) fn is_at(&self, who: &RawId, place: Option<&RoomId>) -> bool {
        let person = self.inside.get(who);
        person.is_some_and(|person| person.seats.values().any(|seat| seat.is_at(place)))
    }

    /// The open rooms that somebody is assigned to who is here and not there: they may come any moment.
    pub fn awaited_rooms(&self) -> BTreeSet<&RoomId> {
        let assigned = self.breakout.assigned.iter();
        let open = assigned.filter(|(_, room)| self.breakout.is_open(room));
        let away = open
            .filter(|(who, room)| self.inside.contains_key(*who) && !self.is_at(who, Some(room)));
        away.map(|(_, room)| room).collect()
    }

    // --- by those who manage the rooms ---

    pub(super) fn manage(
        &mut self,
        by: &RawId,
        change: Change,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        self.may_manage(by)?;
        if let Change::Delete { room } = &change {
            // Its people go first (nextcloud/spreed 17544).
            let rooms = vec![room.clone()];
            self.alter(Change::Close { rooms }, effects)?;
        }
        self.alter(change, effects)?;
        Ok(Answer::Done)
    }

    /// `E12`: the time is over.
    pub(super) fn rooms_ended(&mut self, effects: &mut Vec<Effect>) {
        let rooms = Vec::new();
        if self.alter(Change::Close { rooms }, effects).is_err() {
            // A timer without rooms.
            self.breakout.ends = None;
            effects.push(Effect::KeepRooms(self.breakout.clone()));
        }
    }

    fn alter(&mut self, change: Change, effects: &mut Vec<Effect>) -> Result<(), Reason> {
        let people = self.inside.keys().filter(|id| !self.manages(id));
        let people = people.cloned().collect();
        let mut next = self.breakout.clone();
        next.change(change, people)?;
        if next == self.breakout {
            return Ok(());
        }
        let told = self.views();
        let before = std::mem::replace(&mut self.breakout, next);
        effects.push(Effect::KeepRooms(self.breakout.clone()));
        self.tell_views(&told, effects);
        let ways = self.ways_after(&before);
        self.relocate(ways, effects);
        Ok(())
    }

    /// Who has to go somewhere now that the rooms have changed.
    fn ways_after(&self, before: &Breakout) -> Vec<Way> {
        let now = &self.breakout;
        let mut ways = Vec::new();
        for (id, person) in &self.inside {
            let assigned = now.assigned.get(id);
            let reassigned = before.assigned.get(id) != assigned;
            let opened = assigned.is_some_and(|room| now.is_open(room) && !before.is_open(room));
            let pulled = now.pulls(id).filter(|_| reassigned || opened);
            for (endpoint, seat) in &person.seats {
                let to = match &seat.room {
                    // E11.
                    Some(room) if !now.is_open(room) => Some(None),
                    // E10; who is assigned nowhere any more is not left behind.
                    Some(_) if reassigned && assigned.is_none() && now.auto_move => Some(None),
                    // E8, E10. An opening fetches people from the main meeting alone.
                    Some(_) if !reassigned => None,
                    _ => pulled.cloned().map(Some).filter(|_| self.may_go(id, seat)),
                };
                ways.extend(to.map(|to| (id.clone(), endpoint.clone(), to)));
            }
        }
        ways
    }

    /// `E3`: who is no manager of the rooms any more leaves those that were open to them as one, for the
    /// main meeting; the room that is theirs they join from there, as everybody does.
    pub(super) fn ways_of_withdrawn(&self, before: &Settings) -> Vec<Way> {
        let mut ways = Vec::new();
        // Rooms that are switched off (E13) are everybody's loss: nobody is moved for it.
        let people = self.inside.iter().filter(|_| self.settings.breakout);
        for (id, person) in people {
            let managed = before.may(id, Operation::ManageRooms);
            if !managed || self.manages(id) {
                continue;
            }
            for (endpoint, seat) in &person.seats {
                let visits = seat.room.is_some() && seat.room.as_ref() != self.assigned_to(id);
                if visits || self.holds_no_more(id, seat) {
                    ways.push((id.clone(), endpoint.clone(), None));
                }
            }
        }
        ways
    }

    fn assigned_to(&self, who: &RawId) -> Option<&RoomId> {
        self.breakout.assigned.get(who)
    }

    /// `E9`: only who manages the rooms has a call on hold.
    fn holds_no_more(&self, who: &RawId, seat: &Seat) -> bool {
        seat.held.is_some() && self.settings.breakout && !self.manages(who)
    }

    pub(super) fn rooms(&self, by: &RawId) -> Result<Answer, Reason> {
        self.may_manage(by)?;
        let people = self.inside.iter().map(|(id, person)| {
            let places = person.seats.values().map(|seat| seat.room.clone());
            let name = name_for(by, id, person.name.as_ref());
            (id.clone(), name, places.collect())
        });
        Ok(Answer::Rooms(Box::new(Rooms {
            breakout: self.breakout.clone(),
            people: people.collect(),
        })))
    }

    pub(super) fn announce(
        &mut self,
        by: &RawId,
        message: String,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        self.may_manage(by)?;
        for seat in self
            .inside
            .values()
            .flat_map(|person| person.seats.values())
        {
            effects.push(Effect::Tell {
                session: seat.session.clone(),
                event: Event::Announcement {
                    call: seat.call.clone(),
                    message: message.clone(),
                    from: by.clone(),
                },
            });
        }
        Ok(Answer::Done)
    }

    // --- by participants ---

    /// `E3`, `E7`.
    pub(super) fn join_room(
        &mut self,
        by: &RawId,
        call: &CallId,
        room: RoomId,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        let endpoint = self.endpoint_inside(by, call)?;
        let operation = match self.breakout.assigned.get(by) == Some(&room) {
            true => Operation::JoinAssignedRoom,
            false => Operation::JoinAnyRoom,
        };
        // Another's room and none are the same answer.
        self.permitted(by, self.client_of(by, &endpoint), operation)?;
        match self.breakout.room(&room) {
            None => Err(Reason::NOT_ASSIGNED),
            Some(room) if room.state == RoomState::Closed => Err(Reason::ROOM_CLOSED),
            Some(_) => {
                self.relocate(vec![(by.clone(), endpoint, Some(room))], effects);
                Ok(Answer::Done)
            }
        }
    }

    /// `E11`.
    pub(super) fn return_to_main(
        &mut self,
        by: &RawId,
        call: &CallId,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        let endpoint = self.endpoint_inside(by, call)?;
        let is_out = self.is_in_a_room(by, &endpoint);
        if is_out {
            self.permitted(by, self.client_of(by, &endpoint), Operation::Return)?;
        }
        self.relocate(vec![(by.clone(), endpoint, None)], effects);
        Ok(Answer::Done)
    }

    /// The connection of a call that is in the meeting, not in its lobby.
    fn endpoint_inside(&self, by: &RawId, call: &CallId) -> Result<EndpointId, Reason> {
        let seats = self.inside.get(by).map(|person| &person.seats);
        let found = seats.and_then(|seats| seats.iter().find(|(_, seat)| seat.goes_by(call)));
        match found {
            Some((endpoint, _)) => Ok(endpoint.clone()),
            None if self.endpoint(by, call).is_some() => Err(Reason::NOT_ALLOWED),
            None => Err(Reason::NO_SUCH_CALL),
        }
    }

    fn is_in_a_room(&self, who: &RawId, endpoint: &EndpointId) -> bool {
        let seat = self.inside.get(who).and_then(|p| p.seats.get(endpoint));
        seat.is_some_and(|seat| seat.room.is_some())
    }

    fn client_of(&self, who: &RawId, endpoint: &EndpointId) -> Client {
        let seat = self.inside.get(who).and_then(|p| p.seats.get(endpoint));
        seat.map_or(Client::Native, |seat| seat.client)
    }

    /// Whether a connection can be moved to the room of its owner: not every kind of client can follow
    /// (section E), and where rooms are off nothing is raised (`E13`).
    fn may_go(&self, who: &RawId, seat: &Seat) -> bool {
        let may = self.permitted(who, seat.client, Operation::JoinAssignedRoom);
        may.is_ok()
    }

    // --- late comers ---

    /// A newcomer goes to the room that is open for them; nobody stays in one that is closed.
    pub(super) fn settle(&mut self, endpoint: &EndpointId, effects: &mut Vec<Effect>) -> Answer {
        let mut people = self.inside.iter();
        let found = people.find_map(|(id, person)| Some((id, person.seats.get(endpoint)?)));
        if let Some((id, seat)) = found {
            let pulled = || self.breakout.pulls(id).filter(|_| self.may_go(id, seat));
            let to = match &seat.room {
                Some(room) if !self.breakout.is_open(room) || self.holds_no_more(id, seat) => {
                    Some(None)
                }
                None if seat.fresh => pulled().cloned().map(Some),
                _ => None,
            };
            let id = id.clone();
            let seats = self.inside.get_mut(&id).map(|person| &mut person.seats);
            if let Some(seat) = seats.and_then(|seats| seats.get_mut(endpoint)) {
                seat.fresh = false;
            }
            let way = to.map(|to| (id, endpoint.clone(), to));
            self.relocate(way.into_iter().collect(), effects);
        }
        Answer::Done
    }

    // --- the move itself ---

    pub(super) fn relocate(&mut self, ways: Vec<Way>, effects: &mut Vec<Effect>) {
        if ways.is_empty() {
            return;
        }
        let before = self.rosters();
        let mut heard = self.receivers(&[]);
        for (id, endpoint, to) in ways {
            let manages = self.manages(&id);
            let seats = self.inside.get_mut(&id).map(|person| &mut person.seats);
            let seat = seats.and_then(|seats| seats.get_mut(&endpoint));
            let Some(seat) = seat.filter(|seat| seat.room != to) else {
                continue;
            };
            let (from, held) = seat.go(&endpoint, to, manages);
            // Who is told with a snapshot.
            heard.retain(|receiver| receiver.address() != (&seat.session, &seat.call));
            effects.push(Effect::Keep(seat.admission(&id, &endpoint)));
            effects.push(Effect::Forget {
                id,
                call: from.clone(),
            });
            effects.push(Effect::Move {
                session: seat.session.clone(),
                endpoint,
                from,
                held,
            });
            let seat = seat.clone();
            self.tell_state_of(&seat, true, effects);
        }
        self.tell_differences(&before, &heard, effects);
    }

    fn rosters(&self) -> Rosters {
        let mut rosters = Rosters::new();
        for (id, person) in &self.inside {
            for place in person.seats.values().flat_map(Seat::places) {
                let seen = self.endpoints_at(person, place.as_ref());
                rosters.entry(place).or_default().insert(id.clone(), seen);
            }
        }
        rosters
    }

    /// `E15`: each place hears of its own people alone. Who came has a snapshot.
    fn tell_differences(&self, before: &Rosters, heard: &[Receiver], effects: &mut Vec<Effect>) {
        let now = self.rosters();
        let none = BTreeMap::new();
        let stayed = self.receivers(&[]);
        for place in before.keys() {
            let receivers = stayed.iter().filter(|r| r.is_at(place.as_ref()));
            let receivers: Vec<Receiver> = receivers
                .filter(|receiver| heard.iter().any(|other| other.is_same(receiver)))
                .cloned()
                .collect();
            let (was, is) = (&before[place], now.get(place).unwrap_or(&none));
            let ids = |of: &BTreeMap<RawId, Vec<Endpoint>>, take: &dyn Fn(&RawId) -> bool| {
                of.keys().filter(|id| take(id)).cloned().collect::<Vec<_>>()
            };
            let joined = ids(is, &|id| !was.contains_key(id));
            let updated = ids(is, &|id| {
                was.get(id).is_some_and(|before| *before != is[id])
            });
            let left = ids(was, &|id| !is.contains_key(id));
            self.tell_roster(&receivers, &joined, &updated, effects);
            if !left.is_empty() {
                self.tell_left(&receivers, &left, effects);
            }
        }
    }

    // --- what participants know of the rooms ---

    pub(super) fn views(&self) -> Views {
        let mut views = Views::new();
        for (id, person) in &self.inside {
            for (endpoint, seat) in &person.seats {
                let view = self.breakout_view(id, seat.client).unwrap_or_default();
                let address = (seat.session.clone(), seat.call.clone(), view);
                views.insert(endpoint.clone(), address);
            }
        }
        views
    }

    /// `E14`.
    pub(super) fn tell_views(&self, before: &Views, effects: &mut Vec<Effect>) {
        for (endpoint, (session, call, view)) in self.views() {
            if before
                .get(&endpoint)
                .is_some_and(|(.., known)| *known == view)
            {
                continue;
            }
            effects.push(Effect::Tell {
                session,
                event: Event::Breakout { call, view },
            });
        }
    }
}
