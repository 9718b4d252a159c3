//! Real-time notifications for `@azure/communication-chat` in browsers (`rest.md` 6): a client allocates a
//! channel with its user token, connects to it by WebSocket, and gets every chat event that its identity
//! may hear ([`crate::chats::live`]). A notification is kept until the client has answered it, so that
//! nothing is lost when the connection drops; one whose answer was lost comes again. A channel does not outlive
//! the process or the resume window: a new one hears what happens from then on, and the client reads the rest.

mod bodies;
mod channel;
mod frames;
mod socket;

pub use channel::Channel;
pub use socket::serve;

use crate::chats::Chats;
use crate::random;
use crate::tokens::UserToken;
use parking_lot::Mutex;
use plenary_protocol::id::RawId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Channels of one identity at a time (`S11`).
const PER_IDENTITY: usize = 16;
/// A handshake is taken up at once or not at all, ms.
const TICKET_LIFE: u64 = 30_000;
/// Handshakes that were not taken up yet (`S11`).
const TICKETS: usize = 10_000;

/// All channels of this process.
#[derive(Default)]
pub struct Notifications {
    channels: Mutex<BTreeMap<String, Arc<Channel>>>,
    /// Handshakes: the WebSocket carries no token, so it names one of these. Each is good once.
    tickets: Mutex<BTreeMap<String, (Arc<Channel>, u64)>>,
}

impl Notifications {
    /// The channel of before, if it is this identity's, or a new one. `None`: there are too many.
    pub fn allocate(
        &self,
        chats: &Chats,
        token: &UserToken,
        before: Option<&str>,
        now: u64,
    ) -> Option<Arc<Channel>> {
        if let Some(channel) = before.and_then(|id| self.channel(id, &token.id)) {
            channel.refresh(token.expires);
            return Some(channel);
        }
        let id = random::text(random::ALPHANUMERIC, 32);
        let channel = Channel::new(id, token, chats, now);
        let mut channels = self.channels.lock();
        let own = channels.values().filter(|other| other.who == token.id);
        if own.count() >= PER_IDENTITY {
            return None;
        }
        channels.insert(channel.id.clone(), channel.clone());
        Some(channel)
    }

    /// A channel, by its id and its identity.
    pub fn channel(&self, id: &str, who: &RawId) -> Option<Arc<Channel>> {
        let channels = self.channels.lock();
        channels.get(id).filter(|found| found.who == *who).cloned()
    }

    /// A ticket for one WebSocket.
    pub fn ticket(&self, channel: &Arc<Channel>, now: u64) -> Option<String> {
        let mut tickets = self.tickets.lock();
        tickets.retain(|_, (_, at)| *at + TICKET_LIFE > now);
        if tickets.len() >= TICKETS {
            return None;
        }
        let ticket = random::text(random::ALPHANUMERIC, 32);
        tickets.insert(ticket.clone(), (channel.clone(), now));
        Some(ticket)
    }

    /// Takes a ticket up.
    pub fn redeem(&self, ticket: &str, now: u64) -> Option<Arc<Channel>> {
        let found = self.tickets.lock().remove(ticket);
        let (channel, at) = found?;
        (at + TICKET_LIFE > now).then_some(channel)
    }

    /// Forgets channels whose token or window ran out.
    pub fn expire(&self, window_ms: u64, now: u64) {
        let all: Vec<_> = self.channels.lock().values().cloned().collect();
        for channel in all.into_iter().filter(|one| one.is_overdue(window_ms, now)) {
            self.channels.lock().remove(&channel.id);
            channel.end();
        }
    }

    /// Ends all channels of an identity at once (`S6`).
    pub fn end(&self, who: &RawId) {
        let all: Vec<_> = self.channels.lock().values().cloned().collect();
        for channel in all.into_iter().filter(|one| one.who == *who) {
            self.channels.lock().remove(&channel.id);
            channel.end();
        }
    }
}
