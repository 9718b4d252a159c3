//! Coming in: straight, through the lobby, and back after a drop or a restart (`B5`, `C7`).

use super::{Admission, Answer, Comer, Effect, Meeting, Person, Place, Seat, Waiter};
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, EndpointId, RawId, SessionId};

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
        let returning = self.returning.get(&(comer.id.clone(), comer.call.clone()));
        if let Some(endpoint) = returning.map(|returning| returning.endpoint.clone()) {
            // Admitted before the restart, by the same identity's same call: no lobby again. The seat
            // was counted before, so it is not refused now.
            self.returning
                .remove(&(comer.id.clone(), comer.call.clone()));
            return Ok(self.take_seat(Comer { endpoint, ..comer }, effects));
        }
        if let Some(person) = self.inside.get(&comer.id) {
            // Another connection of somebody who is in already: the same participant, no seat more.
            if person.seats.len() >= self.bounds.endpoints {
                return Err(Reason::TOO_MANY_ATTEMPTS);
            }
            return Ok(self.take_seat(comer, effects));
        }
        let waits_already = self.waiting.contains_key(&comer.id);
        if waits_already || self.settings.must_wait(&comer.id, self.member_is_present()) {
            return self.wait(comer, now, effects);
        }
        self.seat_is_left()?;
        Ok(self.take_seat(comer, effects))
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
            Place::Inside => &mut self.inside.get_mut(&comer.id)?.seats,
            Place::Lobby => &mut self.waiting.get_mut(&comer.id)?.seats,
        };
        let seat = seats.get_mut(&endpoint)?;
        let changed = seat.muted != comer.muted;
        seat.muted = comer.muted;
        seat.session = comer.session.clone();
        if changed && place == Place::Inside {
            let others = self.receivers_but_endpoint(&endpoint);
            self.tell_roster(&others, &[], std::slice::from_ref(&comer.id), effects);
        }
        Some(Answer::Joined {
            endpoint,
            place,
            known: true,
        })
    }

    fn take_seat(&mut self, comer: Comer, effects: &mut Vec<Effect>) -> Answer {
        let Comer {
            id,
            name,
            call,
            endpoint,
            session,
            muted,
        } = comer;
        effects.push(Effect::Keep(Admission {
            id: id.clone(),
            call: call.clone(),
            endpoint: endpoint.clone(),
        }));
        let role = self.settings.role(&id);
        let is_new = !self.inside.contains_key(&id);
        let person = self.inside.entry(id.clone()).or_insert_with(|| Person {
            name,
            role,
            seats: Default::default(),
        });
        person.seats.insert(
            endpoint.clone(),
            Seat {
                call,
                session,
                muted,
            },
        );
        let others = self.receivers_but_endpoint(&endpoint);
        let who = std::slice::from_ref(&id);
        if is_new {
            self.tell_roster(&others, who, &[], effects);
        } else {
            self.tell_roster(&others, &[], who, effects);
        }
        // Who waited with another connection and is in by a restart's admission waits no more.
        self.admit_waiting_connections(&id, effects);
        Answer::Joined {
            endpoint,
            place: Place::Inside,
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
        waiter.seats.insert(
            endpoint.clone(),
            Seat {
                call,
                session,
                muted,
            },
        );
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
        if seat.muted != muted {
            seat.muted = muted;
            let everybody = self.receivers(&[]);
            self.tell_roster(&everybody, &[], std::slice::from_ref(by), effects);
        }
        Ok(Answer::Done)
    }

    /// Every connection inside but this one.
    pub(super) fn receivers_but_endpoint(
        &self,
        endpoint: &EndpointId,
    ) -> Vec<super::view::Receiver> {
        let own: Option<(&SessionId, &CallId)> = self
            .inside
            .values()
            .find_map(|person| person.seats.get(endpoint))
            .map(|seat| (&seat.session, &seat.call));
        let mut receivers = self.receivers(&[]);
        receivers.retain(|receiver| Some(receiver.address()) != own);
        receivers
    }
}
