//! Coming in: straight, through the lobby, and back after a drop or a restart (`B5`, `C7`).

use super::view::Receiver;
use super::{Admission, Answer, Comer, Effect, Meeting, Person, Place, Returning, Seat, Waiter};
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, EndpointId, RawId, RoomId};

impl Meeting {
    pub(super) fn join(
        &mut self,
        comer: Comer,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        if let Some(answer) = self.find_back(&comer, effects) {
            return Ok(answer);
        }
        if let Some(admission) = self.take_up(&comer) {
            // Admitted before the restart, by the same identity's same call: no lobby again. The seat
            // was counted before, so it is not refused now.
            let seat = Seat {
                room: admission.room,
                held: admission.held,
                former: admission.former,
                moves: admission.moves,
                // Where somebody was is where they stay.
                fresh: false,
                ..Seat::new(admission.call, comer.session, comer.muted, comer.client)
            };
            return Ok(self.take_seat(comer.id, comer.name, admission.endpoint, seat, effects));
        }
        if let Some(person) = self.inside.get(&comer.id) {
            // Another connection of somebody who is in already: the same participant, no seat more.
            if person.seats.len() >= self.bounds.endpoints {
                return Err(Reason::TOO_MANY_ATTEMPTS);
            }
            return Ok(self.take_new_seat(comer, effects));
        }
        let waits_already = self.waiting.contains_key(&comer.id);
        if waits_already || self.settings.must_wait(&comer.id, self.member_is_present()) {
            return self.wait(comer, now, effects);
        }
        self.seat_is_left()?;
        Ok(self.take_new_seat(comer, effects))
    }

    fn take_up(&mut self, comer: &Comer) -> Option<Admission> {
        let means = |((id, _), returning): &(&(RawId, CallId), &Returning)| {
            *id == comer.id && returning.goes_by(&comer.call)
        };
        let key = self
            .returning
            .iter()
            .find(means)
            .map(|(key, _)| key.clone());
        Some(self.returning.remove(&key?)?.admission)
    }

    /// `C7`: the newcomer gets a reason, and nobody inside is harmed. Who is expected back after a
    /// restart keeps their seat.
    pub(super) fn seat_is_left(&self) -> Result<(), Reason> {
        let mut expected: Vec<&RawId> = self.returning.keys().map(|(id, _)| id).collect();
        expected.dedup();
        expected.retain(|id| !self.inside.contains_key(*id));
        let taken = self.inside.len() + expected.len();
        if taken >= self.bounds.seats {
            return Err(Reason::MEETING_FULL);
        }
        if taken >= self.bounds.sdk_seats {
            return Err(Reason::SDK_SEATS_TAKEN);
        }
        Ok(())
    }

    /// The same call again: after a drop, from a new session, with another offer. It changes neither
    /// place nor role; the session that asked last speaks for it.
    fn find_back(&mut self, comer: &Comer, effects: &mut Vec<Effect>) -> Option<Answer> {
        let endpoint = self.endpoint(&comer.id, &comer.call)?;
        let place = self.place(&endpoint)?;
        let seats = match place {
            Place::Inside | Place::Room(_) => &mut self.inside.get_mut(&comer.id)?.seats,
            Place::Lobby => &mut self.waiting.get_mut(&comer.id)?.seats,
        };
        let seat = seats.get_mut(&endpoint)?;
        // Who was muted by somebody, and has not heard of it, does not undo it by coming back.
        let muted = comer.muted || seat.silenced.is_some();
        let changed = seat.muted != muted;
        seat.muted = muted;
        seat.session = comer.session.clone();
        seat.client = comer.client;
        if place != Place::Lobby {
            let seat = seat.clone();
            self.tell_state_of(&seat, false, effects);
            effects.extend(seat.told_of_muting());
        }
        if changed && place != Place::Lobby {
            let others = self.receivers_but_endpoint(&endpoint);
            self.tell_roster(&others, &[], std::slice::from_ref(&comer.id), effects);
        }
        Some(Answer::Joined {
            endpoint,
            place,
            known: true,
        })
    }

    fn take_new_seat(&mut self, comer: Comer, effects: &mut Vec<Effect>) -> Answer {
        let seat = Seat::new(comer.call, comer.session, comer.muted, comer.client);
        self.take_seat(comer.id, comer.name, comer.endpoint, seat, effects)
    }

    fn take_seat(
        &mut self,
        id: RawId,
        name: Option<String>,
        endpoint: EndpointId,
        seat: Seat,
        effects: &mut Vec<Effect>,
    ) -> Answer {
        effects.push(Effect::Keep(seat.admission(&id, &endpoint)));
        effects.push(Effect::Settle(endpoint.clone()));
        // C3: before the snapshot. Who was away for long comes with the same call, and may know of what is over.
        self.tell_state_of(&seat, false, effects);
        let role = self.settings.role(&id);
        let places = seat.places();
        let was_at = |place: &Option<RoomId>| self.is_at(&id, place.as_ref());
        let was_at: Vec<bool> = places.iter().map(was_at).collect();
        let person = self.inside.entry(id.clone()).or_insert_with(|| Person {
            name,
            role,
            seats: Default::default(),
            reactions: Default::default(),
            acts: Default::default(),
        });
        let place = seat.room.clone().map_or(Place::Inside, Place::Room);
        person.seats.insert(endpoint.clone(), seat);
        let others = self.receivers_but_endpoint(&endpoint);
        let who = std::slice::from_ref(&id);
        for (place, was_there) in places.iter().zip(was_at) {
            let there = others.iter().filter(|other| other.is_at(place.as_ref()));
            let there: Vec<Receiver> = there.cloned().collect();
            match was_there {
                false => self.tell_roster(&there, who, &[], effects),
                true => self.tell_roster(&there, &[], who, effects),
            }
        }
        // Who waited with another connection and is in by a restart's admission waits no more.
        self.admit_waiting_connections(&id, effects);
        Answer::Joined {
            endpoint,
            place,
            known: false,
        }
    }

    fn admit_waiting_connections(&mut self, id: &RawId, effects: &mut Vec<Effect>) {
        if self.waiting.contains_key(id) {
            self.let_in(std::slice::from_ref(id), effects);
        }
    }

    fn wait(
        &mut self,
        comer: Comer,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        let Comer {
            id,
            name,
            call,
            endpoint,
            session,
            muted,
            client,
        } = comer;
        let places = self.waiting.len();
        let is_new = !self.waiting.contains_key(&id);
        if is_new && places >= self.bounds.lobby_places {
            return Err(Reason::LOBBY_FULL);
        }
        let waiter = self.waiting.entry(id.clone()).or_insert_with(|| Waiter {
            name,
            since: now,
            seats: Default::default(),
        });
        if waiter.seats.len() >= self.bounds.endpoints {
            return Err(Reason::TOO_MANY_ATTEMPTS);
        }
        waiter
            .seats
            .insert(endpoint.clone(), Seat::new(call, session, muted, client));
        if is_new {
            let receivers = self.receivers(&[]);
            self.tell_lobby(&receivers, &[id], &[], effects);
        }
        Ok(Answer::Joined {
            endpoint,
            place: Place::Lobby,
            known: false,
        })
    }

    pub(super) fn set_muted(
        &mut self,
        by: &RawId,
        call: &CallId,
        muted: bool,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        let endpoint = self.endpoint(by, call).ok_or(Reason::NO_SUCH_CALL)?;
        if let Some(waiter) = self.waiting.get_mut(by) {
            // Nobody sees it yet; it counts from the admission on.
            waiter
                .seats
                .entry(endpoint)
                .and_modify(|seat| seat.muted = muted);
            return Ok(Answer::Done);
        }
        let seats = self.inside.get_mut(by).map(|person| &mut person.seats);
        let seat = seats
            .and_then(|seats| seats.get_mut(&endpoint))
            .ok_or(Reason::NO_SUCH_CALL)?;
        seat.silenced = None;
        if seat.muted != muted {
            seat.muted = muted;
            let everybody = self.receivers(&[]);
            self.tell_roster(&everybody, &[], std::slice::from_ref(by), effects);
        }
        Ok(Answer::Done)
    }

    /// Every connection inside but this one.
    pub(super) fn receivers_but_endpoint(&self, endpoint: &EndpointId) -> Vec<Receiver> {
        let mut people = self.inside.values();
        let own = people.find_map(|person| person.seats.get(endpoint));
        let is_own = |receiver: &Receiver| {
            let (session, call) = receiver.address();
            own.is_some_and(|seat| seat.session == *session && seat.goes_by(call))
        };
        let mut receivers = self.receivers(&[]);
        receivers.retain(|receiver| !is_own(receiver));
        receivers
    }
}
