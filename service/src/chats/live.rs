//! Who hears of chat as it happens. A thread's news are told one after the other, before the thread takes
//! its next command, so that everybody hears them in the thread's order; each only to those who may read
//! the thread at that moment (`S13`, CVE-2022-29232).

use super::Chats;
use crate::chat::{Notice, Thread};
use crate::meeting::Kind;
use parking_lot::Mutex;
use plenary_protocol::chat::ChatEvent;
use plenary_protocol::id::RawId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// What is told, once for all who hear it.
#[derive(Debug)]
pub struct Told {
    /// The thread.
    pub thread: Arc<str>,
    /// What.
    pub event: ChatEvent,
    /// The same in JSON.
    pub json: String,
}

/// Hears of chat for one identity. It takes what it hears and does not wait.
pub trait Listener: Send + Sync {
    /// Something happened.
    fn hear(&self, told: &Told);

    /// What was heard of a thread and is still kept here may not be read any more (`D1`).
    fn withdraw(&self, thread: &str);
}

type Numbered = (u64, Weak<dyn Listener>);

/// Those who listen, by identity.
#[derive(Default)]
pub struct Listeners {
    all: Mutex<HashMap<RawId, Vec<Numbered>>>,
    next: AtomicU64,
}

/// Somebody listens for as long as this lives.
pub struct Subscription {
    who: RawId,
    number: u64,
    listeners: Arc<Listeners>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut all = self.listeners.all.lock();
        if let Some(own) = all.get_mut(&self.who) {
            own.retain(|(number, _)| *number != self.number);
            if own.is_empty() {
                all.remove(&self.who);
            }
        }
    }
}

impl Listeners {
    fn of(&self, who: &RawId) -> Vec<Arc<dyn Listener>> {
        // Nobody hears while this is locked: who hears may stop listening.
        let all = self.all.lock();
        let own = all.get(who).into_iter().flatten();
        own.filter_map(|(_, listener)| listener.upgrade()).collect()
    }
}

impl Chats {
    /// From now on this hears what `who` may.
    pub fn listen(&self, who: &RawId, listener: Weak<dyn Listener>) -> Subscription {
        let listeners = self.listeners.clone();
        let number = listeners.next.fetch_add(1, Ordering::Relaxed);
        let mut all = listeners.all.lock();
        let own = all.entry(who.clone()).or_default();
        own.push((number, listener));
        drop(all);
        Subscription {
            who: who.clone(),
            number,
            listeners,
        }
    }

    /// Told while the thread is held, of the thread as it is now.
    pub(super) fn tell(&self, thread: &Thread, notices: &[Notice]) {
        for notice in notices {
            let Some(event) = thread.event(&notice.news) else {
                continue;
            };
            let ends = matches!(event, ChatEvent::ThreadDeleted { .. });
            let told = Told {
                thread: thread.id.as_str().into(),
                #[allow(clippy::expect_used)] // A text of our own types.
                json: serde_json::to_string(&event).expect("an event has a JSON form"),
                event,
            };
            // The notice was made of what the thread knows; the meeting knows first who is gone. Held, so
            // that nobody is found gone between here and what they hear (D1).
            let in_call = thread.is_of_a_meeting().then(|| self.in_call.lock());
            let here = |who: &RawId| {
                let guests = in_call.as_ref().map(|all| all.get(&thread.id));
                guests.is_none_or(|guests| guests.is_some_and(|guests| guests.contains(who)))
            };
            let hears = |who: &&RawId| Kind::of(who) == Kind::Member || here(who);
            for who in notice.to.iter().filter(hears) {
                for listener in self.listeners.of(who) {
                    if ends {
                        listener.withdraw(&thread.id);
                    }
                    listener.hear(&told);
                }
            }
        }
    }

    /// Guests whose call is over keep nothing of what their clients have not fetched yet (`D1`).
    pub(super) fn withdraw(&self, thread: &str, from: impl IntoIterator<Item = RawId>) {
        for who in from {
            for listener in self.listeners.of(&who) {
                listener.withdraw(thread);
            }
        }
    }
}
