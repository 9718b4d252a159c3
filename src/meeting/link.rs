//! The agent's connection to the service: opening, greeting, staying alive, coming back.
//!
//! "A client never gives up while the meeting lives and the user has not left": it tries again with
//! growing pauses, at once when the network comes back or the page is visible again.

use super::{Action, At, UserToken};
use plenary_protocol::agent::{
    close, ClientFrame, ClientInfo, ClientKind, Hello, Request, Resume, VERSION,
};
use plenary_protocol::id::SessionId;

/// A handshake of TCP, TLS and WebSocket takes four round trips; with 1 s each and a lost packet.
const OPEN_LIMIT: f64 = 8_000.0;
/// The service answers a hello from memory or one database read.
const GREET_LIMIT: f64 = 8_000.0;
/// So that a dead connection is known within [`SILENCE_LIMIT`], and middle boxes keep theirs.
const PING_EVERY: f64 = 4_000.0;
/// Two pings unanswered, and a second for the way.
const SILENCE_LIMIT: f64 = 9_000.0;
/// After the network changed a living connection answers quickly, or is dead.
const PROBE_LIMIT: f64 = 2_500.0;
/// First pause after a drop; the service may have been restarted with everybody in it.
const FIRST_PAUSE: f64 = 250.0;
/// Longest pause: people look at the screen while they wait.
const LONGEST_PAUSE: f64 = 8_000.0;
/// A connection that lasted this long was a good one: pauses start small again.
const GOOD_AFTER: f64 = 10_000.0;
/// Between two questions for a token when the credential fails or gives the old one.
const TOKEN_RETRY: f64 = 30_000.0;

/// The connection of one agent.
#[derive(Debug)]
pub struct Link {
    phase: Phase,
    token: TokenState,
    session: Option<SessionId>,
    last_seq: u64,
    attempt: i32,
    display_name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// Nothing is wanted, or the token is still missing that says where the service is.
    Off,
    /// The socket is being opened.
    Opening { until: f64 },
    /// It is open; the token is missing.
    Waiting { until: f64 },
    /// Hello is sent.
    Greeting { until: f64, hello: u32 },
    /// Welcome.
    Up {
        since: f64,
        ping_at: f64,
        dead_at: f64,
    },
    /// Before the next attempt.
    Pausing { until: f64 },
}

#[derive(Debug, Clone, PartialEq)]
enum TokenState {
    Missing,
    Asked { old: Option<UserToken> },
    Held { token: UserToken, refresh_at: f64 },
}

impl Link {
    /// Not connected.
    pub fn new(display_name: Option<String>) -> Self {
        let (phase, token) = (Phase::Off, TokenState::Missing);
        Self {
            phase,
            token,
            session: None,
            last_seq: 0,
            attempt: 0,
            display_name,
        }
    }

    /// Whether requests can be sent.
    pub fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up { .. })
    }

    /// Starts: token and socket at the same time where the service's address is known; else the token
    /// first, which names it.
    pub fn start(&mut self, address_known: bool, at: At, out: &mut Vec<Action>) {
        self.ask_token(out);
        if address_known {
            self.open(at, out);
        }
    }

    /// Stops for good.
    pub fn stop(&mut self, out: &mut Vec<Action>) {
        self.phase = Phase::Off;
        out.push(Action::CloseSocket(close::DONE));
    }

    /// The credential gave a token. True when a living session must be told about it.
    pub fn token(&mut self, token: UserToken, at: At, out: &mut Vec<Action>) -> bool {
        let old = match &self.token {
            TokenState::Asked { old } => old.clone(),
            TokenState::Held { token, .. } => Some(token.clone()),
            TokenState::Missing => None,
        };
        let fresh = old.is_none_or(|old| old.token != token.token);
        // Early enough for a slow backend and one retry: a fifth of the rest, at most five minutes.
        let left = token.expires_at - at.now;
        let refresh_at = if fresh {
            at.now + left - (left / 5.0).min(300_000.0)
        } else {
            at.now + TOKEN_RETRY
        };
        self.token = TokenState::Held {
            token,
            refresh_at: refresh_at.max(at.now + TOKEN_RETRY),
        };
        match self.phase {
            Phase::Off => self.open(at, out),
            Phase::Up { .. } => return fresh,
            _ => {}
        }
        false
    }

    /// The credential failed; whatever token there was stays in use.
    pub fn no_token(&mut self, at: At) {
        if let TokenState::Asked { old } = &mut self.token {
            let refresh_at = at.now + TOKEN_RETRY;
            self.token = old
                .take()
                .map_or(TokenState::Missing, |token| TokenState::Held {
                    token,
                    refresh_at,
                });
        }
    }

    /// The service did not take the token: the next attempt, `patience` from now at the earliest, needs
    /// another one.
    pub fn token_refused(&mut self, patience: f64, at: At, out: &mut Vec<Action>) {
        self.token = TokenState::Missing;
        self.phase = Phase::Pausing {
            until: at.now + patience,
        };
        out.push(Action::CloseSocket(close::RESUMES));
    }

    /// The current token, to be sent to a living session.
    pub fn current_token(&self) -> Option<&UserToken> {
        match &self.token {
            TokenState::Held { token, .. } => Some(token),
            TokenState::Asked { old } => old.as_ref(),
            TokenState::Missing => None,
        }
    }

    /// The socket is open: greets, or waits for the token.
    pub fn opened(&mut self, id: impl FnOnce() -> u32, at: At, out: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Opening { .. }) {
            self.phase = Phase::Waiting {
                until: at.now + GREET_LIMIT,
            };
            self.greet(id, at, out);
        }
    }

    /// Says hello once socket and token are there.
    pub fn greet(&mut self, id: impl FnOnce() -> u32, at: At, out: &mut Vec<Action>) {
        let token = match &self.token {
            TokenState::Held { token, .. } => token,
            TokenState::Asked { old: Some(token) } if token.expires_at > at.now => token,
            _ => return,
        };
        if !matches!(self.phase, Phase::Waiting { .. }) {
            return;
        }
        let id = id();
        let hello = Hello {
            version: VERSION,
            token: token.token.clone(),
            display_name: self.display_name.clone(),
            client: ClientInfo {
                kind: ClientKind::Web,
                name: "plenary-sdk".into(),
                version: env!("CARGO_PKG_VERSION").into(),
            },
            resume: self.session.clone().map(|session| Resume {
                session,
                last_seq: self.last_seq,
            }),
        };
        out.push(Action::Send(ClientFrame {
            id,
            request: Request::Hello(hello),
        }));
        self.phase = Phase::Greeting {
            until: at.now + GREET_LIMIT,
            hello: id,
        };
    }

    /// Whether this id is the hello's.
    pub fn is_hello(&self, id: u32) -> bool {
        matches!(self.phase, Phase::Greeting { hello, .. } if hello == id)
    }

    /// The service welcomed the agent.
    pub fn welcomed(&mut self, session: SessionId, resumed: bool, at: At) {
        if !resumed {
            self.last_seq = 0;
        }
        self.session = Some(session);
        self.phase = Phase::Up {
            since: at.now,
            ping_at: at.now + PING_EVERY,
            dead_at: at.now + SILENCE_LIMIT,
        };
    }

    /// Anything came: the connection lives.
    pub fn heard(&mut self, at: At) {
        if let Phase::Up { dead_at, .. } = &mut self.phase {
            *dead_at = at.now + SILENCE_LIMIT;
        }
    }

    /// Whether an event of this number is new: numbers rise.
    pub fn is_new(&mut self, seq: u64) -> bool {
        let new = seq > self.last_seq;
        if new {
            self.last_seq = seq;
        }
        new
    }

    /// The socket is gone, or is to be given up: a pause, then another attempt.
    pub fn lost(&mut self, at: At, out: &mut Vec<Action>) {
        match self.phase {
            Phase::Off | Phase::Pausing { .. } => return,
            Phase::Up { since, .. } if at.now - since >= GOOD_AFTER => self.attempt = 0,
            _ => {}
        }
        out.push(Action::CloseSocket(close::RESUMES));
        self.phase = Phase::Pausing {
            until: at.now + pause(self.attempt, at.random),
        };
        self.attempt += 1;
    }

    /// The network is back or the page awake: tries at once, or finds out at once whether the
    /// connection survived.
    pub fn hurry(&mut self, id: impl FnOnce() -> u32, at: At, out: &mut Vec<Action>) {
        match &mut self.phase {
            Phase::Pausing { until } => {
                *until = at.now;
                self.attempt = 0;
            }
            Phase::Up {
                ping_at, dead_at, ..
            } => {
                *ping_at = at.now + PING_EVERY;
                *dead_at = dead_at.min(at.now + PROBE_LIMIT).max(at.now + 1.0);
                out.push(Action::Send(ClientFrame {
                    id: id(),
                    request: Request::Ping,
                }));
            }
            _ => {}
        }
    }

    /// Does what is due. True when the connection turned out dead.
    pub fn tick(&mut self, id: impl FnOnce() -> u32, at: At, out: &mut Vec<Action>) -> bool {
        if let TokenState::Held { refresh_at, .. } = self.token {
            if refresh_at <= at.now {
                self.ask_token(out);
            }
        }
        match &mut self.phase {
            Phase::Pausing { until } if *until <= at.now => {
                if matches!(self.token, TokenState::Missing) {
                    self.ask_token(out);
                }
                self.open(at, out);
            }
            Phase::Up { dead_at, .. } if *dead_at <= at.now => return true,
            Phase::Up { ping_at, .. } if *ping_at <= at.now => {
                *ping_at = at.now + PING_EVERY;
                out.push(Action::Send(ClientFrame {
                    id: id(),
                    request: Request::Ping,
                }));
            }
            Phase::Opening { until } | Phase::Waiting { until } | Phase::Greeting { until, .. } => {
                return *until <= at.now
            }
            _ => {}
        }
        false
    }

    /// When [`Link::tick`] has something to do.
    pub fn deadline(&self) -> Option<f64> {
        let phase = match self.phase {
            Phase::Off => None,
            Phase::Up {
                ping_at, dead_at, ..
            } => Some(ping_at.min(dead_at)),
            Phase::Opening { until }
            | Phase::Waiting { until }
            | Phase::Greeting { until, .. }
            | Phase::Pausing { until } => Some(until),
        };
        let token = match (&self.token, self.phase) {
            (TokenState::Held { refresh_at, .. }, Phase::Up { .. }) => Some(*refresh_at),
            _ => None,
        };
        [phase, token].into_iter().flatten().reduce(f64::min)
    }

    fn open(&mut self, at: At, out: &mut Vec<Action>) {
        self.phase = Phase::Opening {
            until: at.now + OPEN_LIMIT,
        };
        out.push(Action::OpenSocket);
    }

    fn ask_token(&mut self, out: &mut Vec<Action>) {
        let old = match std::mem::replace(&mut self.token, TokenState::Missing) {
            TokenState::Missing => None,
            TokenState::Held { token, .. } => Some(token),
            TokenState::Asked { old } => {
                self.token = TokenState::Asked { old };
                return;
            }
        };
        self.token = TokenState::Asked { old };
        out.push(Action::GetToken);
    }
}

/// Growing, and spread: between half of it and all of it.
fn pause(attempt: i32, random: f64) -> f64 {
    (FIRST_PAUSE * 2f64.powi(attempt.min(16))).min(LONGEST_PAUSE) * (0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_are_spread() {
        assert_eq!(pause(0, 0.0), FIRST_PAUSE / 2.0);
        assert!((1..40).all(|n| pause(n, 0.5) >= pause(n - 1, 0.5)));
        assert_eq!(pause(1000, 0.999_999).round(), LONGEST_PAUSE);
        assert!(pause(3, 0.1) < pause(3, 0.9));
    }
}
