//! Requests that wait: for the socket, then for their answer.
//!
//! What was sent and not answered when the socket dropped is never sent twice from here: commands
//! fail, and what must happen anyway (joining, leaving, being muted or on hold) is asked for anew by its owner.

use super::{Action, At, Identity, Ticket};
use plenary_protocol::agent::{ClientFrame, Request};
use plenary_protocol::id::CallId;

/// How long a command may take, the wait for a socket included.
const COMMAND_LIMIT: f64 = 20_000.0;

/// Who asked, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// With the number of the media session that it was asked with.
    Join(CallId, u32),
    Leave(CallId),
    /// The promise is settled by the call when it has ended.
    EndForEveryone(CallId, Ticket),
    Command(Ticket),
    Muted(CallId),
    Held(CallId),
    MediaToken(CallId),
    /// To hear of chat; with who the service says the agent is.
    Chat(Identity),
    /// Nobody waits for the answer.
    Silent,
}

#[derive(Debug)]
struct Waiting {
    purpose: Purpose,
    state: State,
    until: f64,
}

#[derive(Debug)]
enum State {
    Unsent(Request),
    Sent(u32),
}

/// All open requests of an agent.
#[derive(Debug, Default)]
pub struct Requests {
    last: u32,
    waiting: Vec<Waiting>,
}

impl Requests {
    /// A fresh id.
    pub fn id(&mut self) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.last
    }

    /// Sends now, or keeps the request until the socket is up.
    pub fn ask(
        &mut self,
        purpose: Purpose,
        request: Request,
        up: bool,
        at: At,
        out: &mut Vec<Action>,
    ) {
        let state = if up {
            let id = self.id();
            out.push(Action::Send(ClientFrame { id, request }));
            State::Sent(id)
        } else {
            State::Unsent(request)
        };
        self.waiting.push(Waiting {
            purpose,
            state,
            until: at.now + COMMAND_LIMIT,
        });
    }

    /// The socket is up: sends what waited for it.
    pub fn flush(&mut self, out: &mut Vec<Action>) {
        for waiting in &mut self.waiting {
            if matches!(waiting.state, State::Sent(_)) {
                continue;
            }
            self.last = self.last.wrapping_add(1);
            let id = self.last;
            if let State::Unsent(request) = std::mem::replace(&mut waiting.state, State::Sent(id)) {
                out.push(Action::Send(ClientFrame { id, request }));
            }
        }
    }

    /// The request that an answer is for.
    pub fn answered(&mut self, id: u32) -> Option<Purpose> {
        let at = self
            .waiting
            .iter()
            .position(|w| matches!(w.state, State::Sent(sent) if sent == id))?;
        Some(self.waiting.remove(at).purpose)
    }

    /// The socket dropped: what had been sent has no answer coming.
    pub fn dropped(&mut self) -> Vec<Purpose> {
        self.take(|w| matches!(w.state, State::Sent(_)))
    }

    /// Commands that took too long.
    pub fn overdue(&mut self, at: At) -> Vec<Purpose> {
        self.take(|w| {
            w.until <= at.now
                && matches!(w.purpose, Purpose::Command(_) | Purpose::EndForEveryone(..))
        })
    }

    /// Everything: the agent goes.
    pub fn all(&mut self) -> Vec<Purpose> {
        self.take(|_| true)
    }

    /// When a command becomes overdue.
    pub fn deadline(&self) -> Option<f64> {
        let commands = self
            .waiting
            .iter()
            .filter(|w| matches!(w.purpose, Purpose::Command(_) | Purpose::EndForEveryone(..)));
        commands.map(|w| w.until).reduce(f64::min)
    }

    fn take(&mut self, which: impl Fn(&Waiting) -> bool) -> Vec<Purpose> {
        let mut taken = Vec::new();
        let mut at = 0;
        while let Some(waiting) = self.waiting.get(at) {
            if which(waiting) {
                taken.push(self.waiting.remove(at).purpose);
            } else {
                at += 1;
            }
        }
        taken
    }
}
