//! What everybody in a call is told beside who is there: recordings (`C3`), raised hands and reactions
//! (`C5`); and muting others (`S1`).
//!
//! Recordings are of the whole meeting, whatever room its people are in: whoever may be recorded is told.
//! Hands, reactions and muting stay in the room where they happen (`E15`).

use super::{Answer, Effect, Kind, Meeting, Operation, Seat};
use plenary_protocol::agent::Event;
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, EndpointId, RawId, RoomId};
use plenary_protocol::matrix::Client;
use plenary_protocol::state::{Act, MeetingState, Recording};
use std::collections::BTreeMap;

/// Recordings and transcriptions at a time (`S11`).
const MOST_RECORDINGS: usize = 10;
/// In so many ms there are at most so many reactions of one person, and of all together, and so much else of
/// one person: each is sent to everybody in the room (`S11`).
const WINDOW: u64 = 5_000;
const REACTIONS: u32 = 10;
const ACTS: u32 = 30;
const REACTIONS_OF_ALL: u32 = 100;

/// The state of a meeting that is no matter of who is where.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) recordings: Vec<Recording>,
    /// In each room, the first first.
    pub(super) hands: BTreeMap<Option<RoomId>, Vec<RawId>>,
    reactions: Rate,
}

impl State {
    /// As the store kept it; hands are of the moment, and down after a restart.
    pub(super) fn recorded(recordings: Vec<Recording>) -> Self {
        Self {
            recordings,
            ..Self::default()
        }
    }
}

/// How often something happened lately.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rate {
    since: u64,
    count: u32,
}

impl Rate {
    fn is_spent(&self, now: u64, most: u32) -> bool {
        now < self.since + WINDOW && self.count >= most
    }

    fn add(&mut self, now: u64) {
        if now >= self.since + WINDOW {
            *self = Self {
                since: now,
                count: 0,
            };
        }
        self.count += 1;
    }
}

/// What becomes of a recording or transcription.
#[derive(Debug, Clone)]
pub enum RecordingChange {
    /// It begins.
    Start(Recording),
    /// It takes nothing for a while, or goes on.
    Pause {
        /// Which.
        id: String,
        /// Whether it pauses.
        paused: bool,
    },
    /// It is over.
    Stop {
        /// Which.
        id: String,
    },
    /// Nothing: somebody reads what there is.
    Look,
}

impl Meeting {
    /// What a call at a place is told.
    pub(super) fn state_at(&self, place: Option<&RoomId>) -> MeetingState {
        let hands = self.state.hands.iter();
        let hands = hands.filter(|(there, _)| there.as_ref() == place);
        MeetingState {
            recordings: self.state.recordings.clone(),
            hands: hands.flat_map(|(_, hands)| hands.clone()).collect(),
        }
    }

    /// Tells the calls of one connection. Who is new knows of nothing, and is not told so.
    pub(super) fn tell_state_of(&self, seat: &Seat, is_new: bool, effects: &mut Vec<Effect>) {
        let held = seat.held.as_ref().map(|call| (call, None));
        for (call, place) in std::iter::once((&seat.call, seat.room.as_ref())).chain(held) {
            let (call, state) = (call.clone(), self.state_at(place));
            if is_new && state == MeetingState::default() {
                continue;
            }
            effects.push(Effect::Tell {
                session: seat.session.clone(),
                event: Event::State { call, state },
            });
        }
    }

    fn tell_state_at(&self, place: Option<&RoomId>, effects: &mut Vec<Effect>) {
        self.tell_at(place, effects, |call| Event::State {
            call,
            state: self.state_at(place),
        });
    }

    fn tell_at(
        &self,
        place: Option<&RoomId>,
        effects: &mut Vec<Effect>,
        event: impl Fn(CallId) -> Event,
    ) {
        for receiver in self.receivers_at(place) {
            let (session, call) = receiver.address();
            effects.push(Effect::Tell {
                session: session.clone(),
                event: event(call.clone()),
            });
        }
    }

    // --- recordings ---

    /// `C2`, `C3`. Without `by` it is a recorder, whose own token has been checked.
    pub(super) fn record(
        &mut self,
        by: Option<&RawId>,
        change: RecordingChange,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        match (by, &change) {
            // Who waits in the lobby hears of nothing inside.
            (Some(by), RecordingChange::Look) if Kind::of(by) == Kind::Guest => {
                self.inside.get(by).ok_or(Reason::NOT_ALLOWED)?;
            }
            (Some(by), change) if !matches!(change, RecordingChange::Look) => {
                self.permitted(by, Client::Web, Operation::Record)?;
            }
            _ => {}
        }
        let mut next = self.state.recordings.clone();
        let find = |id: &str| next.iter().position(|recording| recording.id == id);
        match change {
            RecordingChange::Start(_) if self.is_over() => return Err(Reason::NO_SUCH_CALL),
            RecordingChange::Start(_) if next.len() >= MOST_RECORDINGS => {
                return Err(Reason::TOO_MANY_RECORDINGS);
            }
            RecordingChange::Start(recording) => next.push(recording),
            RecordingChange::Pause { id, paused } => {
                let at = find(&id).ok_or(Reason::NO_SUCH_RECORDING)?;
                next[at].paused = paused;
            }
            RecordingChange::Stop { id } => {
                next.remove(find(&id).ok_or(Reason::NO_SUCH_RECORDING)?);
            }
            RecordingChange::Look => {}
        }
        self.set_recordings(next, effects);
        Ok(Answer::Recordings(self.state.recordings.clone()))
    }

    fn set_recordings(&mut self, next: Vec<Recording>, effects: &mut Vec<Effect>) {
        if next == self.state.recordings {
            return;
        }
        effects.push(Effect::KeepRecordings(next.clone()));
        self.state.recordings = next;
        for (_, receiver) in self.seats() {
            self.tell_state_of(receiver, false, effects);
        }
    }

    /// Nobody is in the call, nor expected back.
    fn is_over(&self) -> bool {
        self.inside.is_empty() && self.returning.is_empty()
    }

    /// A recording is of one call: the next people to come are not told of that of before.
    pub(super) fn end_recordings_of_nobody(&mut self, effects: &mut Vec<Effect>) {
        if self.is_over() {
            self.set_recordings(Vec::new(), effects);
        }
    }

    // --- hands, reactions, others' microphones ---

    pub(super) fn act(
        &mut self,
        (by, call): (&RawId, &CallId),
        act: Act,
        who: Option<RawId>,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        self.act_is_bounded(by, act, now)?;
        let own = who.as_ref().is_none_or(|who| who == by);
        let operation = match act {
            // Of one's own call: nobody needs a right to it.
            Act::Hold | Act::Resume => None,
            Act::LowerHand if !own => Some(Operation::LowerHands),
            Act::LowerAllHands => Some(Operation::LowerHands),
            Act::MuteParticipant | Act::MuteAll => Some(Operation::MuteOthers),
            _ => Some(Operation::React),
        };
        if let Some(operation) = operation {
            self.allowed(by, call, operation)?;
        }
        let place = self.place_of(by, call)?;
        let who = who.unwrap_or_else(|| by.clone());
        match act {
            Act::RaiseHand => self.raise(by, place, effects),
            Act::LowerHand => self.lower(place, effects, |id| *id == who),
            Act::LowerAllHands => self.lower(place, effects, |_| true),
            Act::MuteParticipant => {
                let there = self.inside.get(&who).filter(|_| !own);
                let there = there.is_some_and(|p| p.seats.values().any(|s| s.room == place));
                if !there {
                    return Err(Reason::NO_SUCH_CALL);
                }
                self.mute_others(by, &place, |id| *id == who, effects);
            }
            Act::MuteAll => self.mute_others(by, &place, |id| id != by, effects),
            Act::Hold | Act::Resume => self.hold(by, call, act == Act::Hold, effects),
            Act::Like | Act::Heart | Act::Laugh | Act::Surprised | Act::Applause => {
                self.react(by, place, act, now, effects)?;
            }
            // Commands of their own.
            Act::Admit | Act::AdmitAll | Act::Reject | Act::Remove => {
                return Err(Reason::MALFORMED)
            }
        }
        Ok(Answer::Done)
    }

    /// `S11`: each is told to everybody. Reactions have bounds of their own.
    fn act_is_bounded(&mut self, by: &RawId, act: Act, now: u64) -> Result<(), Reason> {
        let person = self.inside.get_mut(by);
        let Some(person) = person.filter(|_| !act.is_reaction()) else {
            return Ok(());
        };
        if person.acts.is_spent(now, ACTS) {
            return Err(Reason::TOO_MANY_ATTEMPTS);
        }
        person.acts.add(now);
        Ok(())
    }

    /// Where somebody is with this call; on hold they are elsewhere.
    fn place_of(&self, by: &RawId, call: &CallId) -> Result<Option<RoomId>, Reason> {
        let seats = self.inside.get(by).map(|person| &person.seats);
        let mut seats = seats.into_iter().flat_map(BTreeMap::values);
        let seat = seats.find(|seat| seat.is_on_as(call));
        seat.map(|seat| seat.room.clone())
            .ok_or(Reason::NO_SUCH_CALL)
    }

    /// One's own call; the others see it.
    fn hold(&mut self, by: &RawId, call: &CallId, on: bool, effects: &mut Vec<Effect>) {
        let seats = self.inside.get_mut(by).map(|person| &mut person.seats);
        let mut seats = seats.into_iter().flat_map(BTreeMap::values_mut);
        let Some(seat) = seats.find(|seat| seat.is_on_as(call)) else {
            return;
        };
        if std::mem::replace(&mut seat.on_hold, on) != on {
            let everybody = self.receivers(&[]);
            self.tell_roster(&everybody, &[], std::slice::from_ref(by), effects);
        }
    }

    fn raise(&mut self, by: &RawId, place: Option<RoomId>, effects: &mut Vec<Effect>) {
        let hands = self.state.hands.entry(place.clone()).or_default();
        if !hands.contains(by) {
            hands.push(by.clone());
            self.tell_state_at(place.as_ref(), effects);
        }
    }

    fn lower(
        &mut self,
        place: Option<RoomId>,
        effects: &mut Vec<Effect>,
        which: impl Fn(&RawId) -> bool,
    ) {
        let hands = self.state.hands.entry(place.clone()).or_default();
        let before = hands.len();
        hands.retain(|id| !which(id));
        let lowered = hands.len() != before;
        if hands.is_empty() {
            self.state.hands.remove(&place);
        }
        if lowered {
            self.tell_state_at(place.as_ref(), effects);
        }
    }

    /// Who leaves a room takes their hand down.
    pub(super) fn lower_hands_of_gone(&mut self, effects: &mut Vec<Effect>) {
        let places: Vec<Option<RoomId>> = self.state.hands.keys().cloned().collect();
        for place in places {
            let people = self.inside.iter();
            let there = people.filter(|(_, p)| p.seats.values().any(|seat| seat.room == place));
            let there: Vec<RawId> = there.map(|(id, _)| id.clone()).collect();
            self.lower(place, effects, |id| !there.contains(id));
        }
    }

    fn react(
        &mut self,
        by: &RawId,
        place: Option<RoomId>,
        act: Act,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Reason> {
        let person = self.inside.get_mut(by).ok_or(Reason::NO_SUCH_CALL)?;
        // Who is on hold is not there to react.
        let mut seats = person.seats.values();
        if !seats.any(|seat| seat.room == place && !seat.on_hold) {
            return Err(Reason::NO_SUCH_CALL);
        }
        let all = &mut self.state.reactions;
        if person.reactions.is_spent(now, REACTIONS) || all.is_spent(now, REACTIONS_OF_ALL) {
            return Err(Reason::TOO_MANY_ATTEMPTS);
        }
        person.reactions.add(now);
        all.add(now);
        self.tell_at(place.as_ref(), effects, |call| Event::Reaction {
            call,
            from: by.clone(),
            reaction: act.word().to_owned(),
        });
        Ok(())
    }

    /// The engine forwards nothing of their microphones, whatever their clients do; they are told, and shown
    /// as muted.
    fn mute_others(
        &mut self,
        by: &RawId,
        place: &Option<RoomId>,
        which: impl Fn(&RawId) -> bool,
        effects: &mut Vec<Effect>,
    ) {
        let mut muted = Vec::new();
        for (id, person) in self.inside.iter_mut().filter(|(id, _)| which(id)) {
            for (endpoint, seat) in &mut person.seats {
                if seat.room != *place {
                    continue;
                }
                effects.push(Effect::Mute(endpoint.clone()));
                // Who is muted already is told, too: an unmute may be on its way.
                seat.silenced = Some(by.clone());
                effects.extend(seat.told_of_muting());
                if !std::mem::replace(&mut seat.muted, true) {
                    muted.push(id.clone());
                }
            }
        }
        muted.dedup();
        let there = self.receivers_at(place.as_ref());
        self.tell_roster(&there, &[], &muted, effects);
    }

    /// Every connection inside.
    fn seats(&self) -> impl Iterator<Item = (&EndpointId, &Seat)> {
        self.inside.values().flat_map(|person| &person.seats)
    }
}

impl Seat {
    /// Whether this connection is there with that call, and not on hold in the main meeting.
    fn is_on_as(&self, call: &CallId) -> bool {
        self.goes_by(call) && !self.holds(call)
    }

    /// Told again to a client that comes back without having heard it.
    pub(super) fn told_of_muting(&self) -> Option<Effect> {
        let by = self.silenced.clone()?;
        Some(Effect::Tell {
            session: self.session.clone(),
            event: Event::Muted {
                call: self.call.clone(),
                by,
            },
        })
    }
}
