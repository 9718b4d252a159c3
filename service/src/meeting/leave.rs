//! Going: by oneself, by losing the connection, by being removed, by the meeting's end; and what a
//! change of settings does to those inside.

use super::{Answer, Effect, Kind, Meeting, Operation, Seat, Settings};
use plenary_protocol::agent::{Event, Role};
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, EndpointId, RawId, RoomId, SessionId};
use std::collections::BTreeSet;

impl Meeting {
    pub(super) fn leave(
        &mut self,
        by: &RawId,
        call: &CallId,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        let endpoint = self.endpoint(by, call).ok_or(Reason::NO_SUCH_CALL)?;
        let seat = self.seat(by, &endpoint).ok_or(Reason::NO_SUCH_CALL)?;
        if seat.holds(call) {
            self.drop_held(by, &endpoint, effects);
        } else if seat.held.is_some() {
            // E9: who leaves the room finds the main meeting again.
            self.relocate(vec![(by.clone(), endpoint, None)], effects);
        } else {
            self.drop_endpoint(by, &endpoint, Reason::HUNG_UP, effects);
        }
        Ok(Answer::Done)
    }

    pub(super) fn vanish(
        &mut self,
        by: &RawId,
        call: &CallId,
        session: &SessionId,
        reason: Reason,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        let endpoint = self.endpoint(by, call).ok_or(Reason::NO_SUCH_CALL)?;
        let seat = self.seat(by, &endpoint).ok_or(Reason::NO_SUCH_CALL)?;
        if seat.session == *session {
            self.drop_endpoint(by, &endpoint, reason, effects);
        }
        Ok(Answer::Done)
    }

    /// The call on hold ends; the one in the breakout room goes on.
    fn drop_held(&mut self, id: &RawId, endpoint: &EndpointId, effects: &mut Vec<Effect>) {
        let seats = self.inside.get_mut(id).map(|person| &mut person.seats);
        let Some(seat) = seats.and_then(|seats| seats.get_mut(endpoint)) else {
            return;
        };
        let Some(call) = seat.held.take() else { return };
        effects.push(Effect::Keep(seat.admission(id, endpoint)));
        let session = seat.session.clone();
        effects.push(ended(session, call, Reason::HUNG_UP));
        self.tell_gone(id, &[None], effects);
    }

    /// Somebody is seen less at these places, or no longer.
    fn tell_gone(&self, id: &RawId, places: &[Option<RoomId>], effects: &mut Vec<Effect>) {
        let who = std::slice::from_ref(id);
        for place in places {
            let receivers = self.receivers_at(place.as_ref());
            match self.is_at(id, place.as_ref()) {
                true => self.tell_roster(&receivers, &[], who, effects),
                false => self.tell_left(&receivers, who, effects),
            }
        }
    }

    fn seat(&self, id: &RawId, endpoint: &EndpointId) -> Option<&Seat> {
        let inside = self
            .inside
            .get(id)
            .and_then(|person| person.seats.get(endpoint));
        inside.or_else(|| {
            self.waiting
                .get(id)
                .and_then(|waiter| waiter.seats.get(endpoint))
        })
    }

    /// One connection goes; with the last one the participant does.
    fn drop_endpoint(
        &mut self,
        id: &RawId,
        endpoint: &EndpointId,
        reason: Reason,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(waiter) = self
            .waiting
            .get_mut(id)
            .filter(|waiter| waiter.seats.contains_key(endpoint))
        {
            if waiter.seats.len() == 1 {
                self.turn_away(id, reason, effects);
            } else if let Some(seat) = waiter.seats.remove(endpoint) {
                effects.push(Effect::Cut(endpoint.clone()));
                effects.extend(seat.ended(reason));
            }
            return;
        }
        let Some(person) = self.inside.get_mut(id) else {
            return;
        };
        let Some(seat) = person.seats.remove(endpoint) else {
            return;
        };
        if person.seats.is_empty() {
            self.inside.remove(id);
        }
        effects.push(Effect::Cut(endpoint.clone()));
        effects.push(Effect::Forget {
            id: id.clone(),
            call: seat.call.clone(),
        });
        let places = seat.places();
        effects.extend(seat.ended(reason));
        self.tell_gone(id, &places, effects);
    }

    /// `C2`, `S1`. Every endpoint of that identity ends, waiting ones and ones expected back too
    /// (CVE-2022-41961). The organiser cannot be removed from their own meeting.
    pub(super) fn remove(
        &mut self,
        by: &RawId,
        call: &CallId,
        who: &RawId,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        self.allowed(by, call, Operation::Remove)?;
        let person = self.inside.get(who).ok_or(Reason::NO_SUCH_CALL)?;
        if person.role == Role::Organizer {
            return Err(Reason::NOT_ALLOWED);
        }
        self.take_out(who, Reason::REMOVED, effects);
        Ok(Answer::Done)
    }

    pub(super) fn expel(
        &mut self,
        who: &RawId,
        reason: Reason,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        self.take_out(who, reason, effects);
        Ok(Answer::Done)
    }

    fn take_out(&mut self, who: &RawId, reason: Reason, effects: &mut Vec<Effect>) {
        self.turn_away(who, reason, effects);
        self.returning.retain(|(id, call), _| {
            if id == who {
                effects.push(Effect::Forget {
                    id: id.clone(),
                    call: call.clone(),
                });
            }
            id != who
        });
        let Some(person) = self.inside.remove(who) else {
            return;
        };
        effects.extend(person.seats.keys().cloned().map(Effect::Cut));
        let mut places = BTreeSet::new();
        let mut forget = Vec::new();
        for seat in person.seats.into_values() {
            places.extend(seat.places());
            forget.push(Effect::Forget {
                id: who.clone(),
                call: seat.call.clone(),
            });
            effects.extend(seat.ended(reason));
        }
        // A slow disk is not to stand between the cut and the word: a client whose media is gone asks
        // for another.
        effects.append(&mut forget);
        let places: Vec<Option<RoomId>> = places.into_iter().collect();
        self.tell_gone(who, &places, effects);
    }

    pub(super) fn end(
        &mut self,
        by: &RawId,
        call: &CallId,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        self.allowed(by, call, Operation::End)?;
        Ok(self.close(effects))
    }

    /// Everybody goes, those who wait and those expected back too.
    pub(super) fn close(&mut self, effects: &mut Vec<Effect>) -> Answer {
        let inside = std::mem::take(&mut self.inside)
            .into_iter()
            .map(|(id, person)| (id, person.seats, true));
        let waiting = std::mem::take(&mut self.waiting)
            .into_iter()
            .map(|(id, waiter)| (id, waiter.seats, false));
        for (id, seats, admitted) in inside.chain(waiting) {
            for (endpoint, seat) in seats {
                effects.push(Effect::Cut(endpoint));
                if admitted {
                    effects.push(Effect::Forget {
                        id: id.clone(),
                        call: seat.call.clone(),
                    });
                }
                effects.extend(seat.ended(Reason::ENDED_FOR_EVERYONE));
            }
        }
        let before = self.breakout.clone();
        // Without rooms there are none to close.
        let _ = self.breakout.close(&[]);
        if self.breakout != before {
            effects.push(Effect::KeepRooms(self.breakout.clone()));
        }
        for (id, call) in std::mem::take(&mut self.returning).into_keys() {
            effects.push(Effect::Forget { id, call });
        }
        Answer::Done
    }

    /// New settings hold at once for rights and roles; they put nobody out and, like the coming of a
    /// member, admit nobody who waits already. Who manages the rooms no longer does not stay in one that
    /// is not theirs (`E3`).
    pub(super) fn change(&mut self, settings: Settings, effects: &mut Vec<Effect>) -> Answer {
        let views = self.views();
        let before = std::mem::replace(&mut self.settings, settings);
        let mut changed = Vec::new();
        let mut told = Vec::new();
        for (id, person) in &mut self.inside {
            let role = self.settings.role(id);
            let saw = before.may(id, Operation::ManageLobby);
            let sees = self.settings.may(id, Operation::ManageLobby);
            if role != person.role {
                person.role = role;
                changed.push(id.clone());
            }
            if changed.last() == Some(id) || saw != sees {
                for seat in person.seats.values() {
                    let calls = std::iter::once(&seat.call).chain(&seat.held);
                    told.extend(calls.map(|call| {
                        (
                            id.clone(),
                            role,
                            sees && !saw,
                            seat.session.clone(),
                            call.clone(),
                        )
                    }));
                }
            }
        }
        for (_, role, _, session, call) in &told {
            let event = Event::Role {
                call: call.clone(),
                role: *role,
            };
            effects.push(Effect::Tell {
                session: session.clone(),
                event,
            });
        }
        let newly_see: Vec<&SessionId> = told
            .iter()
            .filter(|told| told.2)
            .map(|told| &told.3)
            .collect();
        if !newly_see.is_empty() && !self.waiting.is_empty() {
            let mut receivers = self.receivers(&[]);
            receivers.retain(|receiver| newly_see.contains(&receiver.address().0));
            let waiting: Vec<RawId> = self.waiting.keys().cloned().collect();
            self.tell_lobby(&receivers, &waiting, &[], effects);
        }
        if !changed.is_empty() {
            let everybody = self.receivers(&[]);
            self.tell_roster(&everybody, &[], &changed, effects);
        }
        self.tell_views(&views, effects);
        self.relocate(self.ways_of_withdrawn(&before), effects);
        Answer::Done
    }

    /// Members and guests inside, for the meeting's metrics.
    pub fn kinds(&self) -> (usize, usize) {
        let members = self
            .inside
            .keys()
            .filter(|id| Kind::of(id) == Kind::Member)
            .count();
        (members, self.inside.len() - members)
    }
}

impl Seat {
    /// The end of its call, and of the one on hold.
    fn ended(self, reason: Reason) -> impl Iterator<Item = Effect> {
        let session = self.session;
        let calls = std::iter::once(self.call).chain(self.held);
        calls.map(move |call| ended(session.clone(), call, reason))
    }
}

fn ended(session: SessionId, call: CallId, reason: Reason) -> Effect {
    let reason = reason.end();
    Effect::Tell {
        session,
        event: Event::Ended { call, reason },
    }
}
