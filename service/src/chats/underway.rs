//! Which changes are on their way to those who hear of them. Each thread tells in its own order; this says up
//! to when everything is told in all of them, which a client that lost its session is asked for.

use crate::clock::now_ms;
use parking_lot::Mutex;
use std::collections::HashMap;

/// Changes that began and are not told yet.
#[derive(Debug, Default)]
pub(super) struct Underway(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The greatest version that was told.
    told: u64,
    /// Threads that change, each one change at a time, and since when: no version of it is smaller.
    begun: HashMap<String, u64>,
}

impl Underway {
    /// A thread changes, until this is dropped. It is later than what was told, also in the same millisecond.
    pub fn begin(&self, thread: &str) -> Begun<'_> {
        let mut state = self.0.lock();
        let at = now_ms().max(state.told + 1);
        state.begun.insert(thread.to_owned(), at);
        Begun {
            underway: self,
            thread: thread.to_owned(),
            at,
        }
    }

    /// Up to when everything is told, in µs since 1970, once this version of a thread is.
    pub fn told(&self, thread: &str, version: u64) -> u64 {
        let mut state = self.0.lock();
        state.told = state.told.max(version);
        let others = state.begun.iter().filter(|(id, _)| *id != thread);
        before(version, others.map(|(_, at)| *at).min())
    }

    /// When the first of those on their way began.
    pub fn first(&self) -> Option<u64> {
        self.0.lock().begun.values().min().copied()
    }
}

/// The time of a version in µs; where another is not told yet, before that.
pub(super) fn before(version: u64, untold: Option<u64>) -> u64 {
    let at = version.saturating_mul(1_000);
    untold.map_or(at, |untold| at.min(untold.saturating_mul(1_000) - 1))
}

/// A thread changes for as long as this lives.
pub(super) struct Begun<'a> {
    underway: &'a Underway,
    thread: String,
    /// When it began, ms.
    pub at: u64,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.underway.0.lock().begun.remove(&self.thread);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_while_another_thread_changes_does_not_say_that_the_other_was_told() {
        let underway = Underway::default();
        let slow = underway.begin("slow");
        let quick = underway.begin("quick");
        let version = quick.at + 7;
        let through = underway.told("quick", version);
        assert!(through < slow.at * 1_000 && through >= (slow.at - 1) * 1_000);
        drop(quick);
        assert_eq!(underway.told("slow", slow.at), slow.at * 1_000);
        drop(slow);
        assert_eq!(underway.first(), None);
        assert!(
            underway.begin("next").at > version,
            "also in the same millisecond"
        );
    }
}
