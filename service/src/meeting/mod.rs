//! One meeting as a state machine: who is present, who waits, who may do what.
//!
//! Pure: commands and the time come in, effects come out in the order in which they must be carried
//! out. No clock, no randomness, no `async`, no socket, no engine, no store: [`crate::meetings`]
//! carries the effects out. The rules are those of `docs/` by their names: A2, A3, B5, C2, C7, S1.
//!
//! Two endpoints of one user are one participant: people are keyed by [`RawId`], seats in the
//! engine by [`EndpointId`].
// A function of its inputs, which tests and replays rely on; tests make times of their own.
#![cfg_attr(not(test), deny(clippy::disallowed_types, clippy::disallowed_methods))]

mod join;
mod leave;
mod lobby;
mod rights;
#[cfg(test)]
mod tests;
mod view;

pub use rights::{Admitters, Bypass, Kind, Operation, Presenters, Settings};

use plenary_protocol::agent::{Event, Role};
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, EndpointId, RawId, SessionId};
use std::collections::BTreeMap;

/// The numbers that bound a meeting.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Seats (`C7`).
    pub seats: usize,
    /// Of these, for clients that use the SDK (`C7`).
    pub sdk_seats: usize,
    /// Places in the lobby, apart from the seats.
    pub lobby_places: usize,
    /// How long somebody may wait.
    pub lobby_wait_ms: u64,
    /// Connections of one participant (`S11`).
    pub endpoints: usize,
}

/// A living meeting.
#[derive(Debug, Clone)]
pub struct Meeting {
    settings: Settings,
    bounds: Bounds,
    inside: BTreeMap<RawId, Person>,
    waiting: BTreeMap<RawId, Waiter>,
    /// Admissions from before a restart that nobody has taken up again yet.
    returning: BTreeMap<(RawId, CallId), Returning>,
}

/// Somebody in the meeting.
#[derive(Debug, Clone)]
struct Person {
    name: Option<String>,
    role: Role,
    seats: BTreeMap<EndpointId, Seat>,
}

/// Somebody who waits.
#[derive(Debug, Clone)]
struct Waiter {
    name: Option<String>,
    since: u64,
    seats: BTreeMap<EndpointId, Seat>,
}

/// One connection of somebody.
#[derive(Debug, Clone)]
struct Seat {
    call: CallId,
    session: SessionId,
    muted: bool,
}

/// An admission that was living when the service went down.
#[derive(Debug, Clone)]
struct Returning {
    endpoint: EndpointId,
    until: u64,
}

/// Who asks to come in, with what the edge knows of them from their token and the directory.
#[derive(Debug, Clone)]
pub struct Comer {
    /// Who.
    pub id: RawId,
    /// Name: a guest's own choice (`A2`), a member's from the directory (`A4`).
    pub name: Option<String>,
    /// The client's id of the call.
    pub call: CallId,
    /// A fresh id, used when the call is not known yet.
    pub endpoint: EndpointId,
    /// The agent session that speaks for it from now on.
    pub session: SessionId,
    /// Microphone muted.
    pub muted: bool,
}

/// Where an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the lobby: nothing of the meeting reaches it, nothing of it the meeting.
    Lobby,
    /// In the meeting.
    Inside,
}

/// What happens to a meeting. `by` is always the identity of a checked token, and `call` one of its
/// own calls.
#[derive(Debug, Clone)]
pub enum Command {
    /// Come in, or find back with a call id that is known.
    Join(Comer),
    /// Hang up.
    Leave {
        /// Who.
        by: RawId,
        /// Which of their calls.
        call: CallId,
    },
    /// A session's resume window ran out.
    Vanish {
        /// Whose.
        by: RawId,
        /// Which of their calls.
        call: CallId,
        /// The session: a call that another session has taken over stays.
        session: SessionId,
        /// What the participant is told, if anybody still listens.
        reason: Reason,
    },
    /// An identity lost its right to be here: deleted, revoked.
    Expel {
        /// Who.
        who: RawId,
        /// Why.
        reason: Reason,
    },
    /// Let somebody in.
    Admit {
        /// Who asks.
        by: RawId,
        /// From which call.
        call: CallId,
        /// Who waits.
        who: RawId,
    },
    /// Let everybody in.
    AdmitAll {
        /// Who asks.
        by: RawId,
        /// From which call.
        call: CallId,
    },
    /// Send somebody away from the lobby.
    Reject {
        /// Who asks.
        by: RawId,
        /// From which call.
        call: CallId,
        /// Who waits.
        who: RawId,
    },
    /// Send somebody away from the meeting.
    Remove {
        /// Who asks.
        by: RawId,
        /// From which call.
        call: CallId,
        /// Who is to go.
        who: RawId,
    },
    /// End the meeting for everybody.
    End {
        /// Who asks.
        by: RawId,
        /// From which call.
        call: CallId,
    },
    /// The organiser deleted the meeting.
    Delete,
    /// Somebody muted or unmuted themselves.
    SetMuted {
        /// Who.
        by: RawId,
        /// Which of their calls.
        call: CallId,
        /// The new state.
        muted: bool,
    },
    /// The meeting's settings were changed.
    Change(Settings),
    /// Time passed; see [`Meeting::deadline`].
    Tick,
}

/// What a command's sender learns at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Where the comer is now.
    Joined {
        /// Their endpoint: the fresh one, or the one that the call had before.
        endpoint: EndpointId,
        /// Waiting or in.
        place: Place,
        /// Whether the endpoint was living already.
        known: bool,
    },
    /// How many were let in, and how many could not be.
    Admitted {
        /// Let in.
        done: u32,
        /// No seat was left for them (`C7`).
        failed: u32,
    },
    /// Done.
    Done,
}

/// What is to be carried out, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Write the admission to the store before anybody hears of it.
    Keep(Admission),
    /// Take it out of the store.
    Forget {
        /// Whose.
        id: RawId,
        /// Which call.
        call: CallId,
    },
    /// Stop the endpoint's media, both ways, before anything else happens.
    Cut(EndpointId),
    /// Move the endpoint's media into the meeting, then tell its owner with a snapshot.
    Admit {
        /// Who was let in.
        endpoint: EndpointId,
        /// The session that speaks for it.
        session: SessionId,
    },
    /// Tell a session.
    Tell {
        /// Which.
        session: SessionId,
        /// What.
        event: Event,
    },
}

/// A living admission, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Who.
    pub id: RawId,
    /// The client's id of the call.
    pub call: CallId,
    /// The connection.
    pub endpoint: EndpointId,
}

impl Meeting {
    /// A meeting that wakes up. `admissions` were living when the service went down; who comes with
    /// the same identity and call id before `until` is back without the lobby.
    pub fn new(settings: Settings, bounds: Bounds, admissions: Vec<Admission>, until: u64) -> Self {
        let returning = admissions
            .into_iter()
            .map(|admission| {
                (
                    (admission.id, admission.call),
                    Returning {
                        endpoint: admission.endpoint,
                        until,
                    },
                )
            })
            .collect();
        Self {
            settings,
            bounds,
            inside: BTreeMap::new(),
            waiting: BTreeMap::new(),
            returning,
        }
    }

    /// Lets something happen at `now` (ms). An error means that nothing was changed.
    pub fn apply(
        &mut self,
        command: Command,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        match command {
            Command::Join(comer) => self.join(comer, now, effects),
            Command::Leave { by, call } => self.leave(&by, &call, effects),
            Command::Vanish {
                by,
                call,
                session,
                reason,
            } => self.vanish(&by, &call, &session, reason, effects),
            Command::Expel { who, reason } => self.expel(&who, reason, effects),
            Command::Admit { by, call, who } => self.admit(&by, &call, &who, effects),
            Command::AdmitAll { by, call } => self.admit_all(&by, &call, effects),
            Command::Reject { by, call, who } => self.reject(&by, &call, &who, effects),
            Command::Remove { by, call, who } => self.remove(&by, &call, &who, effects),
            Command::End { by, call } => self.end(&by, &call, effects),
            Command::Delete => Ok(self.close(effects)),
            Command::SetMuted { by, call, muted } => self.set_muted(&by, &call, muted, effects),
            Command::Change(settings) => Ok(self.change(settings, effects)),
            Command::Tick => Ok(self.tick(now, effects)),
        }
    }

    /// When [`Command::Tick`] is due, in ms.
    pub fn deadline(&self) -> Option<u64> {
        let lobby = self
            .waiting
            .values()
            .map(|waiter| waiter.since + self.bounds.lobby_wait_ms)
            .min();
        let restart = self
            .returning
            .values()
            .map(|returning| returning.until)
            .min();
        lobby.into_iter().chain(restart).min()
    }

    /// Nobody is here and nobody is expected: the meeting can go to sleep.
    pub fn is_empty(&self) -> bool {
        self.inside.is_empty() && self.waiting.is_empty() && self.returning.is_empty()
    }

    /// People in the meeting and people in the lobby.
    pub fn counts(&self) -> (usize, usize) {
        (self.inside.len(), self.waiting.len())
    }

    /// Where an endpoint is, if it is here.
    pub fn place(&self, endpoint: &EndpointId) -> Option<Place> {
        if self
            .inside
            .values()
            .any(|person| person.seats.contains_key(endpoint))
        {
            return Some(Place::Inside);
        }
        self.waiting
            .values()
            .any(|waiter| waiter.seats.contains_key(endpoint))
            .then_some(Place::Lobby)
    }

    /// The endpoint of somebody's call, if it is here.
    pub fn endpoint(&self, id: &RawId, call: &CallId) -> Option<EndpointId> {
        let inside = self.inside.get(id).map(|person| &person.seats);
        let waiting = self.waiting.get(id).map(|waiter| &waiter.seats);
        let find = |seats: &BTreeMap<EndpointId, Seat>| {
            seats
                .iter()
                .find(|(_, seat)| seat.call == *call)
                .map(|(endpoint, _)| endpoint.clone())
        };
        inside.and_then(find).or_else(|| waiting.and_then(find))
    }

    /// Every endpoint that is inside or waits.
    #[cfg(test)]
    pub fn endpoints(&self) -> Vec<EndpointId> {
        let inside = self.inside.values().flat_map(|p| p.seats.keys());
        let waiting = self.waiting.values().flat_map(|w| w.seats.keys());
        inside.chain(waiting).cloned().collect()
    }

    /// `B5`: present means in the meeting itself, not in the lobby.
    fn member_is_present(&self) -> bool {
        self.inside.keys().any(|id| Kind::of(id) == Kind::Member)
    }
}
