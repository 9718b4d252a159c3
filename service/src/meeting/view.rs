//! What each receiver may see. Everything that leaves the meeting for a socket is made here, so that
//! one place decides: who waits sees their own state alone (CVE-2020-3441), the lobby is for those who
//! may admit (`B5`), members see guests labelled (`A3`).

use super::{Effect, Kind, Meeting, Operation, Person, Place};
use plenary_protocol::agent::{
    CallSnapshot, CallState, Endpoint, Event, LobbyEntry, Participant, Role,
};
use plenary_protocol::id::{CallId, EndpointId, RawId, SessionId};

/// `A3`.
const LABEL: &str = " (External)";
/// What is labelled when a guest chose no name.
const NAMELESS: &str = "Guest";

/// Somebody's name as `receiver` is to see it.
fn name_for(receiver: &RawId, id: &RawId, name: Option<&String>) -> Option<String> {
    let labelled = Kind::of(receiver) == Kind::Member && Kind::of(id) == Kind::Guest;
    if labelled {
        let name = name.map_or(NAMELESS, String::as_str);
        return Some(format!("{name}{LABEL}"));
    }
    name.cloned()
}

/// A connection inside the meeting that can be told something.
pub(super) struct Receiver {
    id: RawId,
    call: CallId,
    session: SessionId,
    sees_lobby: bool,
}

impl Meeting {
    /// Every connection inside the meeting, except those of `but`.
    pub(super) fn receivers(&self, but: &[RawId]) -> Vec<Receiver> {
        let people = self.inside.iter().filter(|(id, _)| !but.contains(id));
        people
            .flat_map(|(id, person)| {
                let sees_lobby = self.settings.may(id, person.role, Operation::Lobby);
                person.seats.values().map(move |seat| Receiver {
                    id: id.clone(),
                    call: seat.call.clone(),
                    session: seat.session.clone(),
                    sees_lobby,
                })
            })
            .collect()
    }

    fn participant(&self, receiver: &RawId, id: &RawId, person: &Person) -> Participant {
        let endpoints = person.seats.iter().map(|(id, seat)| Endpoint {
            id: id.clone(),
            muted: seat.muted,
        });
        Participant {
            id: id.clone(),
            display_name: name_for(receiver, id, person.name.as_ref()),
            role: person.role,
            endpoints: endpoints.collect(),
        }
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
                people
                    .map(|(id, person)| self.participant(&receiver.id, id, person))
                    .collect::<Vec<_>>()
            };
            let event = Event::Roster {
                call: receiver.call.clone(),
                joined: seen(joined),
                updated: seen(updated),
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

    /// The role of whoever is inside with this endpoint.
    pub fn role_inside(&self, endpoint: &EndpointId) -> Option<Role> {
        let owns = |person: &&Person| person.seats.contains_key(endpoint);
        self.inside.values().find(owns).map(|person| person.role)
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
                    media: None,
                })
            }
            Place::Inside => {
                let (id, person) = self
                    .inside
                    .iter()
                    .find(|(_, person)| person.seats.contains_key(endpoint))?;
                let roster = self
                    .inside
                    .iter()
                    .map(|(other, person)| self.participant(id, other, person));
                let lobby = self
                    .settings
                    .may(id, person.role, Operation::Lobby)
                    .then(|| {
                        self.waiting
                            .keys()
                            .filter_map(|waiter| self.lobby_entry(id, waiter))
                            .collect::<Vec<_>>()
                    });
                Some(CallSnapshot {
                    call: person.seats.get(endpoint)?.call.clone(),
                    server_call_id: server_call_id.to_owned(),
                    endpoint: endpoint.clone(),
                    state: CallState::Connected,
                    role: person.role,
                    thread_id: Some(self.settings.thread.clone()),
                    roster: roster.collect(),
                    lobby,
                    media: None,
                })
            }
        }
    }
}

impl Receiver {
    /// Which call of which session this is.
    pub(super) fn address(&self) -> (&SessionId, &CallId) {
        (&self.session, &self.call)
    }
}
