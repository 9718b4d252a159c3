//! One meeting as a state machine: who is present, who waits, who may do what.
//!
//! Pure: commands and the time come in, effects come out in the order in which they must be carried
//! out. No clock, no randomness, no `async`, no socket, no engine, no store: [`crate::meetings`]
//! carries the effects out. The rules are those of `docs/` by their names: A2, A3, B5, C2, C3, C5,
//! C7, E1-E15, S1.
//!
//! Two endpoints of one user are one participant: people are keyed by [`RawId`], seats in the
//! engine by [`EndpointId`].
// A function of its inputs, which tests and replays rely on; tests make times of their own.
#![cfg_attr(not(test), deny(clippy::disallowed_types, clippy::disallowed_methods))]

mod breakout;
mod chat;
mod join;
mod leave;
mod lobby;
mod moves;
mod rights;
mod state;
#[cfg(test)]
mod tests;
mod view;

pub use breakout::{Breakout, Change, NewRoom, Room};
pub use chat::Chat;
pub use plenary_protocol::matrix::Operation;
pub use rights::{Admitters, Bypass, Kind, Presenters, Settings};
pub use state::RecordingChange;

use plenary_protocol::agent::{Event, Role};
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, EndpointId, RawId, RoomId, SessionId};
use plenary_protocol::matrix::Client;
use plenary_protocol::state::{Act, Recording};
use state::{Rate, State};
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
    breakout: Breakout,
    state: State,
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
    reactions: Rate,
    acts: Rate,
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
    /// Its owner put it on hold.
    on_hold: bool,
    /// Who muted it, until its client has said what it does about it.
    silenced: Option<RawId>,
    client: Client,
    /// The breakout room; without one, in the main meeting.
    room: Option<RoomId>,
    /// The call in the main meeting that is on hold meanwhile (`E9`).
    held: Option<CallId>,
    /// The call before the last move: a client that missed the move finds back by it.
    former: Option<CallId>,
    /// Moves so far; names the next call.
    moves: u32,
    /// It has not been looked at yet whether a room is open for it.
    fresh: bool,
}

impl Seat {
    fn new(call: CallId, session: SessionId, muted: bool, client: Client) -> Self {
        Self {
            call,
            session,
            muted,
            on_hold: false,
            silenced: None,
            client,
            room: None,
            held: None,
            former: None,
            moves: 0,
            fresh: true,
        }
    }

    /// Whether a client means this connection by that call.
    fn goes_by(&self, call: &CallId) -> bool {
        self.call == *call || self.holds(call) || self.former.as_ref() == Some(call)
    }

    fn holds(&self, call: &CallId) -> bool {
        self.held.as_ref() == Some(call)
    }

    fn admission(&self, id: &RawId, endpoint: &EndpointId) -> Admission {
        Admission {
            id: id.clone(),
            call: self.call.clone(),
            endpoint: endpoint.clone(),
            room: self.room.clone(),
            held: self.held.clone(),
            former: self.former.clone(),
            moves: self.moves,
        }
    }
}

/// An admission that was living when the service went down.
#[derive(Debug, Clone)]
struct Returning {
    admission: Admission,
    until: u64,
}

impl Returning {
    /// Whether a client means this admission by that call.
    fn goes_by(&self, call: &CallId) -> bool {
        let Admission {
            call: own,
            held,
            former,
            ..
        } = &self.admission;
        own == call || held.as_ref() == Some(call) || former.as_ref() == Some(call)
    }
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
    /// What it runs on: breakout rooms are not for every kind (section E).
    pub client: Client,
}

/// Where an endpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the lobby: nothing of the meeting reaches it, nothing of it the meeting.
    Lobby,
    /// In the main meeting.
    Inside,
    /// In a breakout room.
    Room(RoomId),
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
    /// A manager changes the breakout rooms (`E4`).
    Manage {
        /// Who asks.
        by: RawId,
        /// What they want.
        change: Change,
    },
    /// A manager reads the breakout rooms.
    Rooms {
        /// Who asks.
        by: RawId,
    },
    /// A manager says something to everybody, in whatever room.
    Announce {
        /// Who asks.
        by: RawId,
        /// What they say.
        message: String,
    },
    /// Go to a breakout room (`E3`).
    JoinRoom {
        /// Who asks.
        by: RawId,
        /// From which call.
        call: CallId,
        /// Where to.
        room: RoomId,
    },
    /// Go back to the main meeting (`E11`).
    Return {
        /// Who asks.
        by: RawId,
        /// From which call.
        call: CallId,
    },
    /// A recording or transcription starts, pauses, goes on or ends (`C3`).
    Record {
        /// Who says so; without anybody, a recorder whose own token was checked.
        by: Option<RawId>,
        /// What becomes of it.
        change: RecordingChange,
    },
    /// Raise a hand, react, mute others (`C5`, `S1`).
    Act {
        /// Who asks.
        by: RawId,
        /// From which call.
        call: CallId,
        /// What they do.
        act: Act,
        /// Whom it is about.
        who: Option<RawId>,
    },
    /// See [`Effect::Settle`].
    Settle(EndpointId),
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
    /// The breakout rooms, and who is where.
    Rooms(Box<Rooms>),
    /// The recordings and transcriptions that go on.
    Recordings(Vec<Recording>),
    /// Done.
    Done,
}

/// The breakout rooms as their managers see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rooms {
    /// The rooms.
    pub breakout: Breakout,
    /// Who is in the meeting: where, with which name.
    pub people: Vec<(RawId, Option<String>, Vec<Option<RoomId>>)>,
}

/// What is to be carried out, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Write the breakout rooms to the store before anybody hears of it.
    KeepRooms(Breakout),
    /// Write the recordings to the store before anybody hears of them.
    KeepRecordings(Vec<Recording>),
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
    /// Forward nothing of the endpoint's microphone until its owner unmutes it.
    Mute(EndpointId),
    /// Move the endpoint's media into the meeting, then tell its owner with a snapshot.
    Admit {
        /// Who was let in.
        endpoint: EndpointId,
        /// The session that speaks for it.
        session: SessionId,
    },
    /// Move the endpoint's media to where it is now, then tell its owner with a snapshot (`E8`, `E9`).
    Move {
        /// Who.
        endpoint: EndpointId,
        /// The session that speaks for it.
        session: SessionId,
        /// The call that they were in.
        from: CallId,
        /// It is on hold, not over.
        held: bool,
    },
    /// When everything else is carried out, and who joined has heard so: [`Command::Settle`]. Somebody
    /// new goes where they belong, late to a room that is open for them, or out of one that was closed
    /// while they were away.
    Settle(EndpointId),
    /// Tell a session.
    Tell {
        /// Which.
        session: SessionId,
        /// What.
        event: Event,
    },
}

impl Effect {
    /// Whether somebody comes, goes, or is somewhere else, or the rooms are others.
    pub fn moves_somebody(&self) -> bool {
        matches!(
            self,
            Self::Keep(_) | Self::Forget { .. } | Self::KeepRooms(_) | Self::Move { .. }
        )
    }
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
    /// The breakout room; without one, in the main meeting.
    pub room: Option<RoomId>,
    /// The call that is on hold in the main meeting (`E9`).
    pub held: Option<CallId>,
    /// The call before the last move.
    pub former: Option<CallId>,
    /// Moves so far.
    pub moves: u32,
}

impl Meeting {
    /// A meeting that wakes up. `admissions` were living when the service went down; who comes with
    /// the same identity and call id before `until` is back without the lobby.
    pub fn new(
        settings: Settings,
        breakout: Breakout,
        recordings: Vec<Recording>,
        bounds: Bounds,
        admissions: Vec<Admission>,
        until: u64,
    ) -> Self {
        let returning = admissions
            .into_iter()
            .map(|admission| {
                let key = (admission.id.clone(), admission.call.clone());
                (key, Returning { admission, until })
            })
            .collect();
        Self {
            settings,
            breakout,
            state: State::recorded(recordings),
            bounds,
            inside: BTreeMap::new(),
            waiting: BTreeMap::new(),
            returning,
        }
    }

    /// Lets something happen at `now` (ms). An error means that nothing was
    /// changed, but that recordings of nobody have ended.
    pub fn apply(
        &mut self,
        command: Command,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        self.end_recordings_of_nobody(effects);
        let answer = self.obey(command, now, effects)?;
        self.lower_hands_of_gone(effects);
        self.end_recordings_of_nobody(effects);
        Ok(answer)
    }

    fn obey(
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
            Command::Manage { by, change } => self.manage(&by, change, effects),
            Command::Rooms { by } => self.rooms(&by),
            Command::Announce { by, message } => self.announce(&by, message, effects),
            Command::JoinRoom { by, call, room } => self.join_room(&by, &call, room, effects),
            Command::Return { by, call } => self.return_to_main(&by, &call, effects),
            Command::Record { by, change } => self.record(by.as_ref(), change, effects),
            Command::Act { by, call, act, who } => self.act((&by, &call), act, who, now, effects),
            Command::Settle(endpoint) => Ok(self.settle(&endpoint, effects)),
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
        lobby
            .into_iter()
            .chain(restart)
            .chain(self.breakout.ends)
            .min()
    }

    /// Nobody is here and nobody is expected: the meeting can go to sleep.
    pub fn is_empty(&self) -> bool {
        self.inside.is_empty() && self.waiting.is_empty() && self.returning.is_empty()
    }

    /// People in the meeting and people in the lobby.
    pub fn counts(&self) -> (usize, usize) {
        (self.inside.len(), self.waiting.len())
    }

    /// What the organiser chose.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The breakout rooms.
    pub fn breakout(&self) -> &Breakout {
        &self.breakout
    }

    /// Where an endpoint is, if it is here.
    pub fn place(&self, endpoint: &EndpointId) -> Option<Place> {
        let mut inside = self.inside.values();
        if let Some(seat) = inside.find_map(|person| person.seats.get(endpoint)) {
            return Some(seat.room.clone().map_or(Place::Inside, Place::Room));
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
                .find(|(_, seat)| seat.goes_by(call))
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

    /// `B5`: present means in the meeting itself or one of its breakout rooms, not in the lobby.
    fn member_is_present(&self) -> bool {
        self.inside.keys().any(|id| Kind::of(id) == Kind::Member)
    }
}
