//! One client's channel: what goes on when its connection drops.

use super::{bodies, frames};
use crate::chats::live::{Listener, Subscription, Told};
use crate::chats::Chats;
use crate::tokens::UserToken;
use parking_lot::Mutex;
use plenary_protocol::chat::ChatEvent;
use plenary_protocol::id::RawId;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use tokio::sync::mpsc;

/// Notifications that are kept for a client that does not answer; then the oldest go (`S11`).
const KEPT: usize = 1_000;
/// Frames that may wait for one connection, beyond what is kept.
const QUEUE: usize = 256;

/// A channel.
pub struct Channel {
    /// Its name; unguessable.
    pub id: String,
    /// Whose.
    pub who: RawId,
    state: Mutex<State>,
}

struct State {
    expires: u64,
    link: Link,
    next: u64,
    /// What the client has not answered yet.
    kept: VecDeque<Kept>,
    subscription: Option<Subscription>,
}

struct Kept {
    number: u64,
    thread: Arc<str>,
    frame: String,
}

enum Link {
    Up {
        connection: u64,
        out: mpsc::Sender<String>,
    },
    Down {
        since: u64,
    },
    Over,
}

impl Channel {
    pub(super) fn new(id: String, token: &UserToken, chats: &Chats, now: u64) -> Arc<Self> {
        Arc::new_cyclic(|own: &Weak<Self>| {
            let state = State {
                expires: token.expires,
                link: Link::Down { since: now },
                next: 1,
                kept: VecDeque::new(),
                subscription: Some(chats.listen(&token.id, own.clone())),
            };
            Self {
                id,
                who: token.id.clone(),
                state: Mutex::new(state),
            }
        })
    }

    /// The path under which its notifications arrive.
    pub fn path(&self) -> String {
        format!("/v4/f/{}/", self.id)
    }

    pub(super) fn refresh(&self, expires: u64) {
        self.state.lock().expires = expires;
    }

    /// When its token runs out, ms.
    pub fn expires(&self) -> u64 {
        self.state.lock().expires
    }

    /// A connection in the place of the last one; first comes what was not answered.
    pub(super) fn attach(&self, connection: u64, now: u64) -> Option<mpsc::Receiver<String>> {
        let mut state = self.state.lock();
        if matches!(state.link, Link::Over) {
            return None;
        }
        let (out, queue) = mpsc::channel(KEPT + QUEUE);
        let seconds = state.expires.saturating_sub(now) / 1_000;
        let first = [frames::CONNECT.to_owned(), frames::connected(seconds)];
        let kept = state.kept.iter().map(|kept| kept.frame.clone());
        for frame in first.into_iter().chain(kept) {
            // The queue is longer than what is kept.
            let _ = out.try_send(frame);
        }
        state.link = Link::Up { connection, out };
        Some(queue)
    }

    pub(super) fn detach(&self, connection: u64, now: u64) {
        let mut state = self.state.lock();
        if matches!(state.link, Link::Up { connection: current, .. } if current == connection) {
            state.link = Link::Down { since: now };
        }
    }

    /// The client has it.
    pub(super) fn answered(&self, number: u64) {
        let mut state = self.state.lock();
        state.kept.retain(|kept| kept.number != number);
    }

    /// Something else to say on this connection.
    pub(super) fn send(&self, connection: u64, frame: String) {
        let state = self.state.lock();
        if let Link::Up {
            connection: current,
            out,
        } = &state.link
        {
            if *current == connection {
                // Whoever reads so little is dropped by the writer's deadline.
                let _ = out.try_send(frame);
            }
        }
    }

    pub(super) fn is_overdue(&self, window_ms: u64, now: u64) -> bool {
        let state = self.state.lock();
        let vanished = matches!(state.link, Link::Down { since } if since + window_ms <= now);
        vanished || state.expires <= now
    }

    /// Closes the connection; nothing more is heard.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        state.link = Link::Over;
        state.subscription = None;
        state.kept.clear();
    }
}

impl Listener for Channel {
    fn hear(&self, told: &Told) {
        let Some(body) = bodies::body(&told.event, &self.who) else {
            return;
        };
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        let path = format!("{}messages", self.path());
        let frame = frames::request(number, &path, &body.to_string());
        // Nobody wants to know who typed a minute ago.
        if !matches!(told.event, ChatEvent::Typing { .. }) {
            state.kept.push_back(Kept {
                number,
                thread: told.thread.clone(),
                frame: frame.clone(),
            });
            if state.kept.len() > KEPT {
                state.kept.pop_front();
            }
        }
        if let Link::Up { out, .. } = &state.link {
            if out.try_send(frame).is_err() {
                // Too slow: it comes again, for what is kept.
                let since = crate::clock::now_ms();
                state.link = Link::Down { since };
            }
        }
    }

    fn withdraw(&self, thread: &str) {
        let mut state = self.state.lock();
        state.kept.retain(|kept| &*kept.thread != thread);
    }
}
