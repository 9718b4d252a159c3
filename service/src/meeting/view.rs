//! What each receiver may see. Everything that leaves the meeting for a socket is made here, so that
//! one place decides: who waits sees their own state alone (CVE-2020-3441), the lobby is for those who
//! may admit (`B5`), members see guests labelled (`A3`).

use super::{Breakout, Effect, Kind, Meeting, Operation, Person, Place, Room};
use plenary_protocol::agent::{CallSnapshot, CallState, Endpoint, Event, LobbyEntry, Participant};
use plenary_protocol::breakout::{BreakoutRoom, BreakoutView};
use plenary_protocol::id::{CallId, EndpointId, RawId, RoomId, SessionId};
use plenary_protocol::matrix::Client;

/// `A3`.
const LABEL: &str = " (External)";
/// What is labelled when a guest chose no name.
const NAMELESS: &str = "Guest";

/// Somebody's name as `receiver` is to see it.
pub(super) fn name_for(receiver: &RawId, id: &RawId, name: Option<&String>) -> Option<String> {
    let labelled = Kind::of(receiver) == Kind::Member && Kind::of(id) == Kind::Guest;
    if labelled {
        let name = name.map_or(NAMELESS, String::as_str);
        return Some(format!("{name}{LABEL}"));
    }
    name.cloned()
}

/// A call inside the meeting that can be told something.
#[derive(Debug, Clone)]
pub(super) struct Receiver {
    id: RawId,
    call: CallId,
    session: SessionId,
    /// The breakout room; without one, in the main meeting.
    place: Option<RoomId>,
    sees_lobby: bool,
}

impl Meeting {
    /// Every call in the main meeting and its rooms, those on hold too, except those of `but`.
    pub(super) fn receivers(&self, but: &[RawId]) -> Vec<Receiver> {
        let people = self.inside.iter().filter(|(id, _)| !but.contains(id));
        people
            .flat_map(|(id, person)| {
                let admits = self.settings.may(id, Operation::ManageLobby);
                person.seats.values().flat_map(move |seat| {
                    let held = seat.held.as_ref().map(|call| (call, None));
                    let calls = std::iter::once((&seat.call, seat.room.as_ref())).chain(held);
                    calls.map(move |(call, place)| Receiver {
                        id: id.clone(),
                        call: call.clone(),
                        session: seat.session.clone(),
                        place: place.cloned(),
                        sees_lobby: admits && place.is_none(),
                    })
                })
            })
            .collect()
    }

    /// Every call at a place.
    pub(super) fn receivers_at(&self, place: Option<&RoomId>) -> Vec<Receiver> {
        let mut receivers = self.receivers(&[]);
        receivers.retain(|receiver| receiver.is_at(place));
        receivers
    }

    /// The connections of somebody that are seen at a place (`E15`).
    pub(super) fn endpoints_at(&self, person: &Person, place: Option<&RoomId>) -> Vec<Endpoint> {
        let seats = person.seats.iter().filter(|(_, seat)| seat.is_at(place));
        let seen = seats.map(|(id, seat)| Endpoint {
            id: id.clone(),
            muted: seat.muted,
            held: seat.on_hold || seat.room.as_ref() != place,
        });
        seen.collect()
    }

    /// Somebody as they are seen at a place; nothing where they are not (`E15`).
    fn participant(
        &self,
        receiver: &RawId,
        place: Option<&RoomId>,
        id: &RawId,
        person: &Person,
    ) -> Option<Participant> {
        let endpoints = self.endpoints_at(person, place);
        (!endpoints.is_empty()).then(|| Participant {
            id: id.clone(),
            display_name: name_for(receiver, id, person.name.as_ref()),
            role: person.role,
            endpoints,
        })
    }

    /// Tells `to` who came and who changed.
    pub(super) fn tell_roster(
        &self,
        to: &[Receiver],
        joined: &[RawId],
        updated: &[RawId],
        effects: &mut Vec<Effect>,
    ) {
        for receiver in to {
            let seen = |ids: &[RawId]| {
                let people = ids.iter().filter_map(|id| self.inside.get_key_value(id));
                let place = receiver.place.as_ref();
                people
                    .filter_map(|(id, person)| self.participant(&receiver.id, place, id, person))
                    .collect::<Vec<_>>()
            };
            let (joined, updated) = (seen(joined), seen(updated));
            if joined.is_empty() && updated.is_empty() {
                continue;
            }
            let event = Event::Roster {
                call: receiver.call.clone(),
                joined,
                updated,
                left: Vec::new(),
            };
            effects.push(Effect::Tell {
                session: receiver.session.clone(),
                event,
            });
        }
    }

    /// Tells `to` who left.
    pub(super) fn tell_left(&self, to: &[Receiver], left: &[RawId], effects: &mut Vec<Effect>) {
        for receiver in to {
            let event = Event::Roster {
                call: receiver.call.clone(),
                joined: Vec::new(),
                updated: Vec::new(),
                left: left.to_vec(),
            };
            effects.push(Effect::Tell {
                session: receiver.session.clone(),
                event,
            });
        }
    }

    /// Tells those of `to` who may admit about the lobby (`B5`).
    pub(super) fn tell_lobby(
        &self,
        to: &[Receiver],
        waiting: &[RawId],
        gone: &[RawId],
        effects: &mut Vec<Effect>,
    ) {
        for receiver in to.iter().filter(|receiver| receiver.sees_lobby) {
            let event = Event::Lobby {
                call: receiver.call.clone(),
                waiting: waiting
                    .iter()
                    .filter_map(|id| self.lobby_entry(&receiver.id, id))
                    .collect(),
                gone: gone.to_vec(),
            };
            effects.push(Effect::Tell {
                session: receiver.session.clone(),
                event,
            });
        }
    }

    fn lobby_entry(&self, receiver: &RawId, id: &RawId) -> Option<LobbyEntry> {
        let waiter = self.waiting.get(id)?;
        Some(LobbyEntry {
            id: id.clone(),
            display_name: name_for(receiver, id, waiter.name.as_ref()),
        })
    }

    /// Whether whoever is inside with this endpoint may share a screen (`B9`).
    pub fn may_share_screen(&self, endpoint: &EndpointId) -> bool {
        let mut people = self.inside.iter();
        let found = people.find(|(_, person)| person.seats.contains_key(endpoint));
        found.is_some_and(|(id, _)| self.settings.may(id, Operation::ShareScreen))
    }

    /// Everything about one endpoint's call that its owner may know; media is the edge's to add.
    pub fn snapshot(&self, endpoint: &EndpointId, server_call_id: &str) -> Option<CallSnapshot> {
        match self.place(endpoint)? {
            Place::Lobby => {
                let (id, waiter) = self
                    .waiting
                    .iter()
                    .find(|(_, waiter)| waiter.seats.contains_key(endpoint))?;
                Some(CallSnapshot {
                    call: waiter.seats.get(endpoint)?.call.clone(),
                    server_call_id: server_call_id.to_owned(),
                    endpoint: endpoint.clone(),
                    state: CallState::Lobby,
                    role: self.settings.role(id),
                    thread_id: None,
                    roster: Vec::new(),
                    lobby: None,
                    room: None,
                    breakout: None,
                    media: None,
                })
            }
            Place::Inside | Place::Room(_) => self.inside_snapshot(endpoint, None, server_call_id),
        }
    }

    /// The same for the call that is on hold in the main meeting (`E9`).
    pub fn held_snapshot(&self, call: &CallId, server_call_id: &str) -> Option<CallSnapshot> {
        let mut seats = self.inside.values().flat_map(|person| &person.seats);
        let (endpoint, _) = seats.find(|(_, seat)| seat.holds(call))?;
        self.inside_snapshot(endpoint, Some(call), server_call_id)
    }

    fn inside_snapshot(
        &self,
        endpoint: &EndpointId,
        held: Option<&CallId>,
        server_call_id: &str,
    ) -> Option<CallSnapshot> {
        let mut people = self.inside.iter();
        let (id, person) = people.find(|(_, person)| person.seats.contains_key(endpoint))?;
        let seat = person.seats.get(endpoint)?;
        let place = seat.room.as_ref().filter(|_| held.is_none());
        let people = self.inside.iter();
        let roster =
            people.filter_map(|(other, person)| self.participant(id, place, other, person));
        let admits = self.settings.may(id, Operation::ManageLobby);
        let lobby = (admits && place.is_none()).then(|| {
            let waiters = self.waiting.keys();
            waiters
                .filter_map(|waiter| self.lobby_entry(id, waiter))
                .collect::<Vec<_>>()
        });
        let room = place.and_then(|place| self.breakout.room(place));
        let (thread, chat) = match room {
            Some(room) => (&room.thread, Operation::RoomChat),
            None => (&self.settings.thread, Operation::Chat),
        };
        // E5, B7: what is not theirs to read is not named either.
        let thread = self.settings.may(id, chat).then(|| thread.clone());
        Some(CallSnapshot {
            call: held.unwrap_or(&seat.call).clone(),
            server_call_id: server_call_id.to_owned(),
            endpoint: endpoint.clone(),
            state: match held {
                Some(_) => CallState::Held,
                None => CallState::Connected,
            },
            role: person.role,
            thread_id: thread,
            roster: roster.collect(),
            lobby,
            room: place.cloned(),
            breakout: self.breakout_view(id, seat.client),
            media: None,
        })
    }

    /// What somebody may know of the rooms (`E1`, `E2`): guests names and states, members the threads
    /// too, managers everything. Nothing where there are none, none may be (`E13`), or a client does not
    /// do them (section E).
    pub(super) fn breakout_view(&self, who: &RawId, client: Client) -> Option<BreakoutView> {
        let Breakout {
            rooms, assigned, ..
        } = &self.breakout;
        let may = |operation| self.permitted(who, client, operation).is_ok();
        if rooms.is_empty() || !may(Operation::AllRooms) {
            return None;
        }
        let threads = may(Operation::RoomThreads);
        let invitees = may(Operation::RoomInvitees);
        let view = |room: &Room| BreakoutRoom {
            id: room.id.clone(),
            display_name: room.name.clone(),
            state: room.state,
            auto_move: self.breakout.auto_move,
            thread_id: threads.then(|| room.thread.clone()),
            invitees: invitees.then(|| {
                let invited = assigned.iter().filter(|(_, there)| **there == room.id);
                invited.map(|(id, _)| id.clone()).collect()
            }),
        };
        let own = assigned.get(who).filter(|_| may(Operation::AssignedRoom));
        let own = own.and_then(|id| self.breakout.room(id));
        Some(BreakoutView {
            assigned: own.map(view),
            rooms: rooms.iter().map(view).collect(),
            settings: self.breakout.told_settings(),
        })
    }
}

impl Receiver {
    /// Which call of which session this is.
    pub(super) fn address(&self) -> (&SessionId, &CallId) {
        (&self.session, &self.call)
    }

    pub(super) fn is_at(&self, place: Option<&RoomId>) -> bool {
        self.place.as_ref() == place
    }

    /// The same call at the same place.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.address() == other.address() && self.place == other.place
    }
}
