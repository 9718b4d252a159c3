//! What holds of the outbox whatever happens in whichever order, with a service that takes each message
//! once and answers that get lost on either way.

use super::outbox::{ATTEMPT_LIMIT, MESSAGE_LIMIT};
use super::*;
use crate::meeting::{At, Ticket};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone)]
enum Step {
    Write {
        thread: u8,
    },
    Read,
    /// One of the attempts under way ends like this.
    End {
        which: usize,
        how: End,
    },
    Drop {
        which: usize,
    },
    Network(bool),
    Pass(f64),
}

#[derive(Debug, Clone, Copy)]
enum End {
    Taken,
    TakenAndAnswerLost,
    Lost,
    Status(u16, Option<f64>),
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        3 => Just(End::Taken),
        1 => Just(End::TakenAndAnswerLost),
        1 => Just(End::Lost),
        1 => (prop_oneof![Just(429u16), Just(503), Just(500)], proptest::option::of(0.0..100_000.0))
            .prop_map(|(status, wait)| End::Status(status, wait)),
        1 => prop_oneof![Just(400u16), Just(403), Just(413)].prop_map(|status| End::Status(status, None)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3u8).prop_map(|thread| Step::Write { thread }),
        1 => Just(Step::Read),
        4 => (any::<usize>(), end()).prop_map(|(which, how)| Step::End { which, how }),
        1 => any::<usize>().prop_map(|which| Step::Drop { which }),
        1 => any::<bool>().prop_map(Step::Network),
        2 => (0.0..40_000.0).prop_map(Step::Pass),
    ]
}

/// The page and the service around one outbox.
#[derive(Default)]
struct World {
    outbox: Outbox,
    now: f64,
    last: Ticket,
    /// Thread and time of what is not settled.
    open: BTreeMap<Ticket, (Option<u8>, f64)>,
    under_way: BTreeSet<Ticket>,
    not_before: BTreeMap<Ticket, f64>,
    /// What the service has, by thread.
    taken: BTreeMap<u8, Vec<Ticket>>,
}

impl World {
    fn give(&mut self, input: Input) {
        let at = At {
            now: self.now,
            random: (self.now / 7.0).fract(),
        };
        let actions = self.outbox.on(input, at);
        for action in actions {
            self.check(action);
        }
        for (ticket, (thread, since)) in &self.open {
            let overdue =
                thread.is_some() && self.now - since > MESSAGE_LIMIT + 2.0 * ATTEMPT_LIMIT;
            assert!(!overdue, "{ticket} is neither there nor given up");
        }
    }

    fn check(&mut self, action: Action) {
        match action {
            Action::Post(ticket) => {
                let (thread, _) = self.open[&ticket];
                assert!(self.under_way.insert(ticket), "{ticket} twice at once");
                assert!(self
                    .not_before
                    .get(&ticket)
                    .is_none_or(|from| *from <= self.now));
                let in_thread = |other: &Ticket| thread.is_some() && self.open[other].0 == thread;
                assert_eq!(
                    self.under_way.iter().filter(|one| in_thread(one)).count(),
                    usize::from(thread.is_some())
                );
                let earlier = self.open.keys().take_while(|other| **other < ticket);
                assert!(
                    !earlier.clone().any(in_thread),
                    "{ticket} before an earlier one"
                );
            }
            Action::Cancel(ticket) => {
                assert!(self.under_way.contains(&ticket));
                self.end(ticket, End::Lost);
            }
            Action::Give(ticket) | Action::Fail(ticket, _) => {
                assert!(
                    !self.under_way.contains(&ticket),
                    "{ticket} is settled on its way"
                );
                assert!(
                    self.open.remove(&ticket).is_some(),
                    "{ticket} is settled twice"
                );
            }
        }
    }

    fn ask(&mut self, thread: Option<u8>) {
        self.last += 1;
        self.open.insert(self.last, (thread, self.now));
        let thread = thread.map(|thread| thread.to_string());
        self.give(Input::Ask {
            ticket: self.last,
            thread,
        });
    }

    fn end(&mut self, ticket: Ticket, how: End) {
        self.under_way.remove(&ticket);
        let taken = matches!(how, End::Taken | End::TakenAndAnswerLost);
        if let (true, (Some(thread), _)) = (taken, self.open[&ticket]) {
            let place = self.taken.entry(thread).or_default();
            // The service's own rule: an id is good once.
            if !place.contains(&ticket) {
                assert!(
                    place.last().is_none_or(|last| *last < ticket),
                    "out of order"
                );
                place.push(ticket);
            }
        }
        let answer = match how {
            End::Taken => Answer::Status {
                status: 201,
                retry_after: None,
            },
            End::Status(status, retry_after) => {
                self.not_before
                    .insert(ticket, self.now + retry_after.unwrap_or(0.0));
                Answer::Status {
                    status,
                    retry_after,
                }
            }
            End::Lost | End::TakenAndAnswerLost => Answer::Lost,
        };
        self.give(Input::Answered(ticket, answer));
    }

    fn pass(&mut self, time: f64) {
        let until = self.now + time;
        let mut ticks = 0;
        while let Some(due) = self.outbox.deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.give(Input::Tick);
            ticks += 1;
            assert!(ticks < 10_000, "the outbox never sleeps");
        }
        self.now = until;
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Write { thread } => self.ask(Some(thread)),
            Step::Read => self.ask(None),
            Step::End { which, how } => {
                let tickets: Vec<_> = self.under_way.iter().copied().collect();
                if let Some(ticket) = tickets.get(which % tickets.len().max(1)) {
                    self.end(*ticket, how);
                }
            }
            Step::Drop { which } => {
                let tickets: Vec<_> = self.open.keys().copied().collect();
                if let Some(ticket) = tickets.get(which % tickets.len().max(1)) {
                    self.open.remove(ticket);
                    self.under_way.remove(ticket);
                    self.give(Input::Dropped(*ticket));
                }
            }
            Step::Network(there) => self.give(Input::Network(there)),
            Step::Pass(time) => self.pass(time),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// In order, never two at once, each settled once, never sooner than the service asked; and at last
    /// everything is settled.
    #[test]
    fn every_message_is_there_once_in_its_order_or_given_up(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::default();
        for step in steps {
            world.step(step);
        }
        world.give(Input::Network(true));
        while let Some(ticket) = world.under_way.first().copied() {
            world.end(ticket, End::Taken);
        }
        for _ in 0..40 {
            world.pass(10_000.0);
            while let Some(ticket) = world.under_way.first().copied() {
                world.end(ticket, End::Taken);
            }
        }
        prop_assert!(world.open.is_empty(), "{:?}", world.open);
        prop_assert_eq!(world.outbox.deadline(), None);
    }
}
