//! A call agent: one connection to the service, and the calls on it.

mod connection;
mod service;

use super::call::{Around, Call};
use super::input::{
    Action, At, Command, Identity, Input, Kind, NewCall, Outcome, Received, Ticket, UserToken,
};
use super::link::Link;
use super::requests::{Purpose, Requests};
use super::roster::StreamIds;
use super::{check_locator, reasons, Refused};
use crate::api::changes::Change;
use plenary_protocol::agent::{CallSnapshot, Event, Frame, ProtocolError, Reply, Request, Welcome};
use plenary_protocol::end::Reason;
use plenary_protocol::id::CallId;

/// Creating an agent fails after this time; once created it keeps trying.
const CREATE_LIMIT: f64 = 10_000.0;
/// Before another attempt after the service refused a token for the second time.
const REFUSED_PAUSE: f64 = 30_000.0;

/// The machine of one agent.
#[derive(Debug)]
pub struct Agent {
    handle: u32,
    kind: Kind,
    address_known: bool,
    life: Life,
    link: Link,
    requests: Requests,
    calls: Vec<Call>,
    streams: StreamIds,
    told_connected: bool,
    /// Times in a row that the service refused the token.
    refusals: u32,
}

#[derive(Debug)]
enum Life {
    New,
    Starting { ticket: Ticket, until: f64 },
    Alive(Identity),
    Over,
}

impl Agent {
    /// An agent that waits for [`Input::Start`]. `address_known`: the socket's address does not have
    /// to be read from the token.
    pub fn new(
        handle: u32,
        kind: Kind,
        display_name: Option<String>,
        address_known: bool,
        streams: StreamIds,
    ) -> Self {
        Self {
            handle,
            kind,
            address_known,
            life: Life::New,
            link: Link::new(display_name),
            requests: Requests::default(),
            calls: vec![],
            streams,
            told_connected: false,
            refusals: 0,
        }
    }

    /// Takes what happened, gives what is to be done, in this order.
    pub fn on(&mut self, input: Input, at: At) -> Vec<Action> {
        let mut out = Vec::new();
        match (&self.life, input) {
            (Life::Over, input) => refuse(input, &mut out),
            (Life::New, Input::Start(ticket)) => {
                self.life = Life::Starting {
                    ticket,
                    until: at.now + CREATE_LIMIT,
                };
                self.link.start(self.address_known, at, &mut out);
            }
            (_, Input::Start(ticket)) => {
                out.push(Action::Settle(ticket, Err(reasons::DISPOSED.into())))
            }
            (_, Input::Dispose(ticket)) => self.dispose(ticket, at, &mut out),
            (_, Input::Join(new)) => self.join(new, at, &mut out),
            (
                _,
                Input::Command {
                    call,
                    ticket,
                    command,
                },
            ) => self.command(&call, ticket, command, at, &mut out),
            (_, Input::Opened) => {
                let Self { link, requests, .. } = self;
                link.opened(|| requests.id(), at, &mut out);
            }
            (_, Input::Closed) => self.link_lost(at, &mut out),
            (_, Input::Received(received)) => self.received(received, at, &mut out),
            (_, Input::Token(Ok(token))) => self.token(token, at, &mut out),
            (_, Input::Token(Err(why))) => self.no_token(why, at, &mut out),
            (_, Input::Network(there)) => self.network(there, at, &mut out),
            (_, Input::Visible) => self.hurry(at, &mut out),
            (_, Input::Tick) => {}
            (
                _,
                Input::Offer {
                    call,
                    session,
                    offer,
                },
            ) => {
                self.with(&call, at, &mut out, |call, around| {
                    call.offered(session, offer, around)
                });
            }
            (
                _,
                Input::Media {
                    call,
                    session,
                    event,
                },
            ) => {
                self.with(&call, at, &mut out, |call, around| {
                    call.media(session, event, around)
                });
            }
            (_, Input::Microphone { call, opened }) => {
                self.with(&call, at, &mut out, |call, around| {
                    call.microphone(opened, around)
                });
            }
        }
        self.tick(at, &mut out);
        self.calls.retain(|call| !call.is_over());
        out
    }

    /// When [`Input::Tick`] is to be given at the latest.
    pub fn deadline(&self) -> Option<f64> {
        let starting = if let Life::Starting { until, .. } = self.life {
            Some(until)
        } else {
            None
        };
        if matches!(self.life, Life::Over) {
            return None;
        }
        let calls = self.calls.iter().filter_map(Call::deadline);
        let fixed = [starting, self.link.deadline(), self.requests.deadline()];
        calls.chain(fixed.into_iter().flatten()).reduce(f64::min)
    }

    /// Calls that are not over.
    pub fn calls(&self) -> impl Iterator<Item = &CallId> {
        self.calls.iter().map(|call| &call.id)
    }

    /// Sid of the track behind a remote stream.
    pub fn track_of(&self, call: &CallId, stream: u32) -> Option<&str> {
        self.calls
            .iter()
            .find(|known| known.id == *call)?
            .roster
            .track_of(stream)
    }

    /// The remote streams of a call, with their tracks.
    pub fn stream_tracks(&self, call: &CallId) -> impl Iterator<Item = (u32, &str)> {
        let call = self.calls.iter().find(|known| known.id == *call);
        call.into_iter()
            .flat_map(|call| call.roster.stream_tracks())
    }

    /// Who the service says this is.
    pub fn identity(&self) -> Option<&Identity> {
        if let Life::Alive(identity) = &self.life {
            Some(identity)
        } else {
            None
        }
    }

    /// Whether it is there for calls: one of those for each identity.
    pub fn has_calls(&self) -> bool {
        self.kind != Kind::Chat
    }

    fn with(
        &mut self,
        call: &CallId,
        at: At,
        out: &mut Vec<Action>,
        then: impl FnOnce(&mut Call, &mut Around),
    ) -> bool {
        let up = self.link.is_up();
        let Some(call) = self.calls.iter_mut().find(|known| known.id == *call) else {
            return false;
        };
        then(
            call,
            &mut Around {
                at,
                up,
                requests: &mut self.requests,
                out,
            },
        );
        true
    }

    fn each(
        &mut self,
        at: At,
        out: &mut Vec<Action>,
        mut then: impl FnMut(&mut Call, &mut Around),
    ) {
        let up = self.link.is_up();
        for call in &mut self.calls {
            then(
                call,
                &mut Around {
                    at,
                    up,
                    requests: &mut self.requests,
                    out,
                },
            );
        }
    }

    // ----- the user -----

    fn join(&mut self, new: NewCall, at: At, out: &mut Vec<Action>) {
        let Life::Alive(identity) = &self.life else {
            return;
        };
        if check_locator(&new.locator).is_err() || self.calls.iter().any(|call| call.id == new.call)
        {
            return;
        }
        let (own, up) = (identity.id.clone(), self.link.is_up());
        let mut around = Around {
            at,
            up,
            requests: &mut self.requests,
            out,
        };
        self.calls
            .push(Call::start(new, own, self.streams.clone(), &mut around));
    }

    fn command(
        &mut self,
        call: &CallId,
        ticket: Ticket,
        command: Command,
        at: At,
        out: &mut Vec<Action>,
    ) {
        let hanging_up = matches!(command, Command::HangUp { .. });
        // E9: who leaves the room is in the main meeting again, without an end of media between.
        let command = match command {
            Command::HangUp {
                for_everyone: false,
            } if self.holds_another(call) => Command::Return,
            other => other,
        };
        if !self.with(call, at, out, |call, around| {
            call.command(command, ticket, around)
        }) {
            // To hang up a call that is over is no mistake.
            let result = if hanging_up {
                Ok(Outcome::Done)
            } else {
                Err(Reason::NO_SUCH_CALL.into())
            };
            out.push(Action::Settle(ticket, result));
        }
    }

    /// Whether the call goes back to one that is on hold.
    fn holds_another(&self, call: &CallId) -> bool {
        let mut calls = self.calls.iter();
        let is_there = self.calls.iter().any(|known| known.id == *call);
        is_there && calls.any(|other| other.id != *call && other.is_held())
    }

    fn dispose(&mut self, ticket: Ticket, at: At, out: &mut Vec<Action>) {
        self.each(at, out, |call, around| {
            call.hang_up(None, around);
            call.left(around);
        });
        self.over(reasons::DISPOSED.into(), out);
        out.push(Action::Settle(ticket, Ok(Outcome::Done)));
    }

    /// Lets go of everything.
    fn over(&mut self, why: Refused, out: &mut Vec<Action>) {
        for purpose in self.requests.all() {
            if let Purpose::Command(ticket) | Purpose::EndForEveryone(_, ticket) = purpose {
                out.push(Action::Settle(ticket, Err(why.clone())));
            }
        }
        self.link.stop(out);
        if let Life::Starting { ticket, .. } = std::mem::replace(&mut self.life, Life::Over) {
            out.push(Action::Settle(ticket, Err(why)));
        }
        self.tell_connected(false, None, out);
        self.calls.clear();
        out.push(Action::Disposed);
    }

    // ----- credentials -----

    fn tick(&mut self, at: At, out: &mut Vec<Action>) {
        if matches!(self.life, Life::Over) {
            return;
        }
        if matches!(self.life, Life::Starting { until, .. } if until <= at.now) {
            return self.over(reasons::UNREACHABLE.into(), out);
        }
        let Self { link, requests, .. } = self;
        if link.tick(|| requests.id(), at, out) {
            self.link_lost(at, out);
        }
        for purpose in self.requests.overdue(at) {
            self.unanswered(purpose, at, out);
        }
        self.each(at, out, Call::tick);
    }
}

/// The answer to everything after the end.
fn refuse(input: Input, out: &mut Vec<Action>) {
    match input {
        Input::Command {
            ticket,
            command: Command::HangUp { .. },
            ..
        }
        | Input::Dispose(ticket) => {
            out.push(Action::Settle(ticket, Ok(Outcome::Done)));
        }
        Input::Command { ticket, .. } | Input::Start(ticket) => {
            out.push(Action::Settle(ticket, Err(reasons::DISPOSED.into())));
        }
        _ => {}
    }
}
