//! Going: by oneself, by losing the connection, by being removed, by the meeting's end; and what a
//! change of settings does to those inside.

use super::{Answer, Effect, Kind, Meeting, Operation, Seat, Settings};
use plenary_protocol::agent::{Event, Role};
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, EndpointId, RawId, SessionId};

impl Meeting {
    pub(super) fn leave(
        &mut self,
        by: &RawId,
        call: &CallId,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        let endpoint = self.endpoint(by, call).ok_or(Reason::NO_SUCH_CALL)?;
        self.drop_endpoint(by, &endpoint, Reason::HUNG_UP, effects);
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
                effects.push(ended(seat, reason));
            }
            return;
        }
        let Some(person) = self.inside.get_mut(id) else {
            return;
        };
        let Some(seat) = person.seats.remove(endpoint) else {
            return;
        };
        let is_gone = person.seats.is_empty();
        effects.push(Effect::Cut(endpoint.clone()));
        effects.push(Effect::Forget {
            id: id.clone(),
            call: seat.call.clone(),
        });
        effects.push(ended(seat, reason));
        if is_gone {
            self.inside.remove(id);
            let others = self.receivers(&[]);
            self.tell_left(&others, std::slice::from_ref(id), effects);
        } else {
            let everybody = self.receivers(&[]);
            self.tell_roster(&everybody, &[], std::slice::from_ref(id), effects);
        }
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
        for seat in person.seats.into_values() {
            effects.push(Effect::Forget {
                id: who.clone(),
                call: seat.call.clone(),
            });
            effects.push(ended(seat, reason));
        }
        let others = self.receivers(&[]);
        self.tell_left(&others, std::slice::from_ref(who), effects);
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
                effects.push(ended(seat, Reason::ENDED_FOR_EVERYONE));
            }
        }
        for (id, call) in std::mem::take(&mut self.returning).into_keys() {
            effects.push(Effect::Forget { id, call });
        }
        Answer::Done
    }

    /// New settings hold at once for rights and roles; they put nobody out and, like the coming of a
    /// member, admit nobody who waits already.
    pub(super) fn change(&mut self, settings: Settings, effects: &mut Vec<Effect>) -> Answer {
        let before = std::mem::replace(&mut self.settings, settings);
        let mut changed = Vec::new();
        let mut told = Vec::new();
        for (id, person) in &mut self.inside {
            let role = self.settings.role(id);
            let saw = before.may(id, person.role, Operation::Lobby);
            let sees = self.settings.may(id, role, Operation::Lobby);
            if role != person.role {
                person.role = role;
                changed.push(id.clone());
            }
            if changed.last() == Some(id) || saw != sees {
                let seats = person.seats.values();
                told.extend(seats.map(|seat| {
                    (
                        id.clone(),
                        role,
                        sees && !saw,
                        seat.session.clone(),
                        seat.call.clone(),
                    )
                }));
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

fn ended(seat: Seat, reason: Reason) -> Effect {
    Effect::Tell {
        session: seat.session,
        event: Event::Ended {
            call: seat.call,
            reason: reason.end(),
        },
    }
}
