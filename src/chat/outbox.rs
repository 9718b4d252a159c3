//! The outbox: requests that wait for the service.
//!
//! Messages to a thread go one after the other, in the order in which they were written, and are tried
//! until they are there: each has an id of its own, under which the service takes it once (`rest.md` 4,
//! `repeatability-request-id`). All other requests go at once and are tried again only where the service
//! asks for that, as Microsoft's client does.
//!
//! Contract: carry all actions out in their order, then call [`Outbox::on`] again when something happens
//! or [`Outbox::deadline`] is reached.

use crate::meeting::{At, Ticket};

/// A message is tried for this long. It outlasts a tunnel, a router's restart and the service's own; who
/// wrote it and sees it as unsent after that wants to decide anew.
pub(super) const MESSAGE_LIMIT: f64 = 300_000.0;
/// One attempt; the service answers from memory or after one write to its store.
pub(super) const ATTEMPT_LIMIT: f64 = 30_000.0;
/// First pause after an attempt that failed.
const FIRST_PAUSE: f64 = 1_000.0;
/// Longest pause; and between attempts while the browser says that there is no network, since it is
/// wrong about that where a virtual interface is the only one.
const LONGEST_PAUSE: f64 = 15_000.0;
/// Attempts of a request that is no message, the first one included.
pub(super) const ATTEMPTS: i32 = 4;
/// Nobody waits longer than this for the answer to a question.
const LONGEST_WAIT: f64 = 60_000.0;
/// More unsent messages than a person can write in [`MESSAGE_LIMIT`]: a program went wrong.
pub(super) const MOST_MESSAGES: usize = 500;

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A request is to be sent.
    Ask {
        /// Names it.
        ticket: Ticket,
        /// Of a message: the thread in which it has its place.
        thread: Option<String>,
    },
    /// An attempt is over.
    Answered(Ticket, Answer),
    /// The application does not want it any more.
    Dropped(Ticket),
    /// The browser says whether there is a network.
    Network(bool),
    /// [`Outbox::deadline`] is reached.
    Tick,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// The service answered.
    Status {
        /// Of HTTP.
        status: u16,
        /// When it wants to be asked again, in ms from now.
        retry_after: Option<f64>,
    },
    /// No answer came; whether the service got the request is not known.
    Lost,
}

/// Something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send the request; answer with [`Input::Answered`].
    Post(Ticket),
    /// The attempt takes too long: abort it, and say that it was lost.
    Cancel(Ticket),
    /// Give the application the last answer as it is.
    Give(Ticket),
    /// Tell the application why its message was not sent.
    Fail(Ticket, Failure),
}

/// Why a message was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It never left.
    NotSent,
    /// It left, and no answer came: it may be there.
    Unconfirmed,
    /// Too many wait already.
    TooMany,
}

#[derive(Debug)]
struct Request {
    ticket: Ticket,
    kind: Kind,
    attempts: i32,
    phase: Phase,
    heard: Heard,
}

#[derive(Debug)]
enum Kind {
    Message { thread: String, until: f64 },
    Question,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// `asked`: the service named the time, so nothing makes it come sooner.
    Waiting {
        from: f64,
        asked: bool,
    },
    Sent {
        until: f64,
    },
}

/// What is known of the attempts so far. One that was lost stays in mind: the message may be there.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Heard {
    Nothing,
    NotNow,
    Lost,
}

/// All requests of a page that are not answered.
#[derive(Debug)]
pub struct Outbox {
    requests: Vec<Request>,
    network: bool,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            requests: Vec::new(),
            network: true,
        }
    }
}

impl Outbox {
    /// Takes what happened, gives what is to be done, in this order.
    pub fn on(&mut self, input: Input, at: At) -> Vec<Action> {
        let mut out = Vec::new();
        match input {
            Input::Ask { ticket, thread } => self.ask(ticket, thread, at, &mut out),
            Input::Answered(ticket, answer) => self.answered(ticket, answer, at, &mut out),
            Input::Dropped(ticket) => self.requests.retain(|request| request.ticket != ticket),
            Input::Network(there) => self.network(there, at),
            Input::Tick => {}
        }
        self.expire(at, &mut out);
        self.post(at, &mut out);
        out
    }

    /// When [`Input::Tick`] is to be given at the latest.
    pub fn deadline(&self) -> Option<f64> {
        let due = self.requests.iter().enumerate().map(|(index, request)| {
            let until = request.until();
            match request.phase {
                Phase::Sent { until } => until,
                Phase::Waiting { from, .. } if self.is_next(index) => from.min(until),
                Phase::Waiting { .. } => until,
            }
        });
        due.reduce(f64::min).filter(|due| due.is_finite())
    }

    fn ask(&mut self, ticket: Ticket, thread: Option<String>, at: At, out: &mut Vec<Action>) {
        let kind = match thread {
            None => Kind::Question,
            Some(thread) => Kind::Message {
                thread,
                until: at.now + MESSAGE_LIMIT,
            },
        };
        let messages = self.requests.iter().filter(|other| other.is_message());
        if matches!(kind, Kind::Message { .. }) && messages.count() >= MOST_MESSAGES {
            return out.push(Action::Fail(ticket, Failure::TooMany));
        }
        let asked = false;
        let from = match (&kind, self.network) {
            (Kind::Message { .. }, false) => at.now + LONGEST_PAUSE,
            _ => at.now,
        };
        self.requests.push(Request {
            ticket,
            kind,
            attempts: 0,
            phase: Phase::Waiting { from, asked },
            heard: Heard::Nothing,
        });
    }

    fn answered(&mut self, ticket: Ticket, answer: Answer, at: At, out: &mut Vec<Action>) {
        let network = self.network;
        let sent = |request: &Request| {
            request.ticket == ticket && matches!(request.phase, Phase::Sent { .. })
        };
        let Some(index) = self.requests.iter().position(sent) else {
            return;
        };
        let request = &mut self.requests[index];
        let wait = request.again(answer).map(|asked| {
            let pause = match (asked, request.is_message() && !network) {
                (Some(asked), _) => asked,
                (None, true) => LONGEST_PAUSE,
                (None, false) => pause(request.attempts, at.random),
            };
            (pause, asked.is_some())
        });
        match wait {
            Some((pause, asked)) => {
                let from = at.now + pause;
                request.phase = Phase::Waiting { from, asked };
            }
            None => {
                self.requests.remove(index);
                out.push(Action::Give(ticket));
            }
        }
    }

    /// Back in the network, nobody waits for the rest of a pause.
    fn network(&mut self, there: bool, at: At) {
        if std::mem::replace(&mut self.network, there) == there {
            return;
        }
        for request in &mut self.requests {
            if let Phase::Waiting { from, asked: false } = &mut request.phase {
                *from = match (there, &request.kind) {
                    (true, _) => at.now,
                    (false, Kind::Message { .. }) => from.max(at.now + LONGEST_PAUSE),
                    (false, Kind::Question) => *from,
                };
            }
        }
    }

    /// Messages whose time is over, and attempts that take too long.
    fn expire(&mut self, at: At, out: &mut Vec<Action>) {
        self.requests.retain_mut(|request| {
            let over = request.until() <= at.now;
            match &mut request.phase {
                Phase::Sent { until } if *until <= at.now => {
                    *until = f64::INFINITY;
                    out.push(Action::Cancel(request.ticket));
                    true
                }
                Phase::Waiting { .. } if over => {
                    out.push(match request.heard {
                        Heard::Nothing => Action::Fail(request.ticket, Failure::NotSent),
                        Heard::Lost => Action::Fail(request.ticket, Failure::Unconfirmed),
                        Heard::NotNow => Action::Give(request.ticket),
                    });
                    false
                }
                _ => true,
            }
        });
    }

    fn post(&mut self, at: At, out: &mut Vec<Action>) {
        for index in 0..self.requests.len() {
            let due = match self.requests[index].phase {
                Phase::Waiting { from, .. } => from <= at.now && self.is_next(index),
                Phase::Sent { .. } => false,
            };
            if due {
                let request = &mut self.requests[index];
                request.attempts += 1;
                let until = at.now + ATTEMPT_LIMIT;
                request.phase = Phase::Sent { until };
                out.push(Action::Post(request.ticket));
            }
        }
    }

    /// Whether no earlier message to the same thread is under way.
    fn is_next(&self, index: usize) -> bool {
        let thread = self.requests[index].thread();
        let mut earlier = self.requests[..index].iter();
        thread.is_none() || earlier.all(|other| other.thread() != thread)
    }
}

impl Request {
    fn is_message(&self) -> bool {
        self.thread().is_some()
    }

    fn thread(&self) -> Option<&str> {
        match &self.kind {
            Kind::Message { thread, .. } => Some(thread),
            Kind::Question => None,
        }
    }

    fn until(&self) -> f64 {
        match self.kind {
            Kind::Message { until, .. } => until,
            Kind::Question => f64::INFINITY,
        }
    }

    /// Whether it is tried again, and the wait that the service asked for.
    fn again(&mut self, answer: Answer) -> Option<Option<f64>> {
        let is_message = self.is_message();
        match answer {
            Answer::Lost => {
                self.heard = Heard::Lost;
                is_message.then_some(None)
            }
            Answer::Status {
                status,
                retry_after,
            } => {
                if self.heard == Heard::Nothing {
                    self.heard = Heard::NotNow;
                }
                // What passes: too slow, too many, and the service's or its proxy's own failures.
                let passes = matches!(status, 408 | 429 | 500 | 502..=504);
                let patient = is_message
                    || (self.attempts < ATTEMPTS
                        && retry_after.is_none_or(|wait| wait <= LONGEST_WAIT));
                (passes && patient).then_some(retry_after)
            }
        }
    }
}

/// Growing, and spread: between half of it and all of it.
fn pause(attempts: i32, random: f64) -> f64 {
    let whole = (FIRST_PAUSE * 2f64.powi((attempts - 1).min(8))).min(LONGEST_PAUSE);
    whole * (0.5 + random / 2.0)
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    const BUSY: Answer = Answer::Status {
        status: 429,
        retry_after: Some(7_000.0),
    };
    const SENT: Answer = Answer::Status {
        status: 201,
        retry_after: None,
    };

    fn at(now: f64) -> At {
        At { now, random: 0.5 }
    }

    fn message(ticket: Ticket, thread: &str) -> Input {
        let thread = Some(thread.to_owned());
        Input::Ask { ticket, thread }
    }

    fn question(ticket: Ticket) -> Input {
        let thread = None;
        Input::Ask { ticket, thread }
    }

    #[test]
    fn messages_to_a_thread_go_one_after_the_other() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.on(message(1, "a"), at(0.0)), [Action::Post(1)]);
        assert_eq!(outbox.on(message(2, "a"), at(1.0)), []);
        assert_eq!(outbox.on(message(3, "b"), at(2.0)), [Action::Post(3)]);
        let answered = outbox.on(Input::Answered(1, SENT), at(3.0));
        assert_eq!(answered, [Action::Give(1), Action::Post(2)]);
    }

    #[test]
    fn a_message_waits_as_long_as_the_service_asks_and_others_behind_it() {
        let mut outbox = Outbox::default();
        outbox.on(message(1, "a"), at(0.0));
        outbox.on(message(2, "a"), at(0.0));
        assert_eq!(outbox.on(Input::Answered(1, BUSY), at(1_000.0)), []);
        assert_eq!(outbox.deadline(), Some(8_000.0));
        assert_eq!(outbox.on(Input::Network(true), at(2_000.0)), []);
        assert_eq!(outbox.on(Input::Tick, at(8_000.0)), [Action::Post(1)]);
    }

    #[test]
    fn what_was_written_offline_goes_in_its_order_when_the_network_is_back() {
        let mut outbox = Outbox::default();
        outbox.on(Input::Network(false), at(0.0));
        assert_eq!(outbox.on(message(1, "a"), at(1.0)), []);
        assert_eq!(outbox.on(message(2, "a"), at(2.0)), []);
        let back = outbox.on(Input::Network(true), at(5_000.0));
        assert_eq!(back, [Action::Post(1)]);
        let answered = outbox.on(Input::Answered(1, SENT), at(5_100.0));
        assert_eq!(answered, [Action::Give(1), Action::Post(2)]);
    }

    #[test]
    fn a_browser_that_is_wrong_about_the_network_only_delays() {
        let mut outbox = Outbox::default();
        outbox.on(Input::Network(false), at(0.0));
        outbox.on(message(1, "a"), at(0.0));
        assert_eq!(outbox.deadline(), Some(LONGEST_PAUSE));
        assert_eq!(outbox.on(Input::Tick, at(LONGEST_PAUSE)), [Action::Post(1)]);
    }

    #[test]
    fn given_up_with_what_is_known_of_it() {
        let failure = |heard: Option<Answer>| {
            let mut outbox = Outbox::default();
            outbox.on(Input::Network(false), at(0.0));
            outbox.on(message(1, "a"), at(0.0));
            if let Some(answer) = heard {
                outbox.on(Input::Tick, at(20_000.0));
                outbox.on(Input::Answered(1, answer), at(MESSAGE_LIMIT - 1.0));
            }
            outbox.on(Input::Tick, at(MESSAGE_LIMIT))
        };
        assert_eq!(failure(None), [Action::Fail(1, Failure::NotSent)]);
        let lost = [Action::Fail(1, Failure::Unconfirmed)];
        assert_eq!(failure(Some(Answer::Lost)), lost);
        assert_eq!(failure(Some(BUSY)), [Action::Give(1)]);
    }

    #[test]
    fn what_is_refused_is_told_at_once_and_does_not_hold_up_the_next() {
        let mut outbox = Outbox::default();
        outbox.on(message(1, "a"), at(0.0));
        outbox.on(message(2, "a"), at(0.0));
        for status in [400, 401, 403, 404, 413, 501] {
            let mut one = Outbox::default();
            one.on(message(1, "a"), at(0.0));
            let retry_after = None;
            let refused = Answer::Status {
                status,
                retry_after,
            };
            let told = one.on(Input::Answered(1, refused), at(1.0));
            assert_eq!(told, [Action::Give(1)], "{status}");
        }
        let refused = Answer::Status {
            status: 403,
            retry_after: None,
        };
        let told = outbox.on(Input::Answered(1, refused), at(1.0));
        assert_eq!(told, [Action::Give(1), Action::Post(2)]);
    }

    #[test]
    fn a_question_is_repeated_only_where_the_service_asks_for_it() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.on(question(1), at(0.0)), [Action::Post(1)]);
        let lost = outbox.on(Input::Answered(1, Answer::Lost), at(1.0));
        assert_eq!(lost, [Action::Give(1)]);
        outbox.on(question(2), at(0.0));
        let mut now = 0.0;
        for _ in 1..ATTEMPTS {
            assert_eq!(outbox.on(Input::Answered(2, BUSY), at(now)), []);
            now += 7_000.0;
            assert_eq!(outbox.on(Input::Tick, at(now)), [Action::Post(2)]);
        }
        let last = outbox.on(Input::Answered(2, BUSY), at(now));
        assert_eq!(last, [Action::Give(2)]);
    }

    #[test]
    fn an_attempt_without_end_is_aborted_once_and_tried_again() {
        let mut outbox = Outbox::default();
        outbox.on(message(1, "a"), at(0.0));
        assert_eq!(outbox.deadline(), Some(ATTEMPT_LIMIT));
        assert_eq!(
            outbox.on(Input::Tick, at(ATTEMPT_LIMIT)),
            [Action::Cancel(1)]
        );
        assert_eq!(outbox.on(Input::Tick, at(ATTEMPT_LIMIT + 1.0)), []);
        outbox.on(Input::Answered(1, Answer::Lost), at(ATTEMPT_LIMIT + 2.0));
        let again = outbox.deadline().expect("it waits");
        assert_eq!(outbox.on(Input::Tick, at(again)), [Action::Post(1)]);
    }

    #[test]
    fn a_dropped_message_lets_the_next_go() {
        let mut outbox = Outbox::default();
        outbox.on(message(1, "a"), at(0.0));
        outbox.on(message(2, "a"), at(0.0));
        assert_eq!(outbox.on(Input::Dropped(1), at(1.0)), [Action::Post(2)]);
        assert_eq!(outbox.on(Input::Answered(1, SENT), at(2.0)), []);
    }

    #[test]
    fn more_than_anybody_writes_is_refused() {
        let mut outbox = Outbox::default();
        for ticket in 0..MOST_MESSAGES as Ticket {
            outbox.on(message(ticket, "a"), at(0.0));
        }
        let refused = outbox.on(message(9_999, "b"), at(0.0));
        assert_eq!(refused, [Action::Fail(9_999, Failure::TooMany)]);
        assert_eq!(outbox.on(question(10_000), at(0.0)), [Action::Post(10_000)]);
    }
}
