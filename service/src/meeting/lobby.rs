//! The lobby (`B5`): letting in, sending away, waiting too long. The coming of a member admits nobody;
//! only an act of a member who may admit does.

use super::{Answer, Effect, Meeting, Operation, Person, Waiter};
use plenary_protocol::agent::Event;
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, RawId};
use plenary_protocol::matrix::Client;

impl Meeting {
    /// Whether `by` may do it, from a call of their own that is inside (`S1`).
    pub(super) fn allowed(
        &self,
        by: &RawId,
        call: &CallId,
        operation: Operation,
    ) -> Result<(), Reason> {
        let person = self.inside.get(by);
        let inside = person.filter(|person| person.seats.values().any(|seat| seat.goes_by(call)));
        match inside {
            Some(_) => self.permitted(by, Client::Web, operation),
            // In the lobby nothing is allowed; elsewhere there is no such call.
            None if self.endpoint(by, call).is_some() => Err(Reason::NOT_ALLOWED),
            None => Err(Reason::NO_SUCH_CALL),
        }
    }

    pub(super) fn admit(
        &mut self,
        by: &RawId,
        call: &CallId,
        who: &RawId,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        self.allowed(by, call, Operation::ManageLobby)?;
        if !self.waiting.contains_key(who) {
            return Err(Reason::NO_SUCH_CALL);
        }
        self.seat_is_left()?;
        self.let_in(std::slice::from_ref(who), effects);
        Ok(Answer::Done)
    }

    pub(super) fn admit_all(
        &mut self,
        by: &RawId,
        call: &CallId,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        self.allowed(by, call, Operation::ManageLobby)?;
        let mut queue: Vec<(u64, RawId)> = self
            .waiting
            .iter()
            .map(|(id, waiter)| (waiter.since, id.clone()))
            .collect();
        queue.sort();
        let mut done = 0;
        let mut failed = 0;
        let mut admitted = Vec::new();
        for (_, who) in queue {
            if self.seat_is_left_beside(admitted.len()) {
                admitted.push(who);
                done += 1;
            } else {
                failed += 1;
            }
        }
        self.let_in(&admitted, effects);
        Ok(Answer::Admitted { done, failed })
    }

    fn seat_is_left_beside(&self, more: usize) -> bool {
        let taken = self.inside.len() + more;
        self.seat_is_left().is_ok() && taken < self.bounds.seats && taken < self.bounds.sdk_seats
    }

    /// Moves waiters into the meeting: those inside hear of all of them in one message, the admitted
    /// get a snapshot with all of them in it.
    pub(super) fn let_in(&mut self, who: &[RawId], effects: &mut Vec<Effect>) {
        let here_before = self.receivers(&[]);
        let mut joined = Vec::new();
        let mut updated = Vec::new();
        for id in who {
            let Some(Waiter { name, seats, .. }) = self.waiting.remove(id) else {
                continue;
            };
            for (endpoint, seat) in &seats {
                effects.push(Effect::Keep(seat.admission(id, endpoint)));
            }
            for (endpoint, seat) in &seats {
                // C3: before the snapshot.
                self.tell_state_of(seat, true, effects);
                effects.push(Effect::Admit {
                    endpoint: endpoint.clone(),
                    session: seat.session.clone(),
                });
                effects.push(Effect::Settle(endpoint.clone()));
            }
            let role = self.settings.role(id);
            match self.is_at(id, None) {
                true => updated.push(id.clone()),
                false => joined.push(id.clone()),
            }
            let person = self.inside.entry(id.clone()).or_insert_with(|| Person {
                name,
                role,
                seats: Default::default(),
                reactions: Default::default(),
                acts: Default::default(),
            });
            person.seats.extend(seats);
        }
        if joined.is_empty() && updated.is_empty() {
            return;
        }
        self.tell_roster(&here_before, &joined, &updated, effects);
        let gone: Vec<RawId> = joined.into_iter().chain(updated).collect();
        self.tell_lobby(&here_before, &[], &gone, effects);
    }

    pub(super) fn reject(
        &mut self,
        by: &RawId,
        call: &CallId,
        who: &RawId,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Reason> {
        self.allowed(by, call, Operation::ManageLobby)?;
        if !self.waiting.contains_key(who) {
            return Err(Reason::NO_SUCH_CALL);
        }
        self.turn_away(who, Reason::REJECTED, effects);
        Ok(Answer::Done)
    }

    /// Ends the waiting of somebody, on all their connections.
    pub(super) fn turn_away(&mut self, who: &RawId, reason: Reason, effects: &mut Vec<Effect>) {
        let Some(waiter) = self.waiting.remove(who) else {
            return;
        };
        effects.extend(waiter.seats.keys().cloned().map(Effect::Cut));
        for seat in waiter.seats.into_values() {
            let event = Event::Ended {
                call: seat.call,
                reason: reason.end(),
            };
            effects.push(Effect::Tell {
                session: seat.session,
                event,
            });
        }
        let receivers = self.receivers(&[]);
        self.tell_lobby(&receivers, &[], std::slice::from_ref(who), effects);
    }

    /// Waiting is bounded and its time-out has its own reason (`B5`); admissions of before a restart
    /// lapse.
    pub(super) fn tick(&mut self, now: u64, effects: &mut Vec<Effect>) -> Answer {
        let wait = self.bounds.lobby_wait_ms;
        let late = self
            .waiting
            .iter()
            .filter(|(_, waiter)| waiter.since + wait <= now);
        let late: Vec<RawId> = late.map(|(id, _)| id.clone()).collect();
        for who in late {
            self.turn_away(&who, Reason::LOBBY_TIMEOUT, effects);
        }
        if self.breakout.ends.is_some_and(|ends| ends <= now) {
            self.rooms_ended(effects);
        }
        self.returning.retain(|(id, call), returning| {
            let lapsed = returning.until <= now;
            if lapsed {
                effects.push(Effect::Forget {
                    id: id.clone(),
                    call: call.clone(),
                });
            }
            !lapsed
        });
        Answer::Done
    }
}
