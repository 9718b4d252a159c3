//! Who hears of chat as it happens. A thread's news are told one after the other, before the thread takes
//! its next command, so that everybody hears them in the thread's order; each only to those who may read
//! the thread at that moment (`S13`, CVE-2022-29232).

use super::Chats;
use crate::chat::{Notice, Thread};
use crate::meeting::Kind;
use parking_lot::Mutex;
use plenary_protocol::chat::ChatEvent;
use plenary_protocol::id::RawId;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// What is told, once for all who hear it.
#[derive(Debug, Clone)]
pub struct Told {
    /// The thread.
    pub thread: Arc<str>,
    /// The version under which it is stored; what is not, as that somebody types, has none.
    pub version: Option<u64>,
    /// With it everything is told that changed up to then, µs since 1970; 0: it says nothing of that.
    pub through: u64,
    /// What.
    pub event: ChatEvent,
    /// The same in JSON.
    pub json: String,
}

impl Told {
    /// Of a thread.
    pub(super) fn new(thread: &str, version: Option<u64>, event: ChatEvent) -> Self {
        Self {
            thread: thread.into(),
            version,
            through: 0,
            #[allow(clippy::expect_used)] // A text of our own types.
            json: serde_json::to_string(&event).expect("an event has a JSON form"),
            event,
        }
    }
}

/// Hears of chat for one identity. It takes what it hears and does not wait.
pub trait Listener: Send + Sync {
    /// Something happened.
    fn hear(&self, told: &Told);

    /// What was heard of a thread and is still kept here may not be read any more (`D1`).
    fn withdraw(&self, thread: &str);

    /// The call of a thread's meeting has them again. True: they missed something of it, and nothing is to
    /// be heard before [`Self::catch_up`].
    fn comes_back(&self, _thread: &str) -> bool {
        false
    }

    /// They may read the thread to which they came back.
    fn catch_up(self: Arc<Self>, _chats: Arc<Chats>) {}
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

impl Subscription {
    /// No other has it.
    pub fn number(&self) -> u64 {
        self.number
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
            let version = thread.version_of(&notice.news);
            let mut told = Told::new(&thread.id, version, event);
            told.through = version.map_or(0, |version| self.underway.told(&thread.id, version));
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

    /// Guests who are in a thread's call from now on; gives those who were, and who has to catch up.
    pub(super) fn are_in_call(
        &self,
        thread: &str,
        guests: &BTreeSet<RawId>,
    ) -> (Option<BTreeSet<RawId>>, Vec<Arc<dyn Listener>>) {
        // Held, so that nobody hears what comes before what they missed.
        let mut in_call = self.in_call.lock();
        let before = in_call.insert(thread.to_owned(), guests.clone());
        let was_away = |guest: &&RawId| before.as_ref().is_none_or(|all| !all.contains(*guest));
        let come = guests.iter().filter(was_away);
        let listeners = come.flat_map(|guest| self.listeners.of(guest));
        let back = listeners
            .filter(|listener| listener.comes_back(thread))
            .collect();
        (before, back)
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
