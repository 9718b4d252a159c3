//! When other workers are woken for the packets that they were given.
//!
//! A bell costs two system calls and a change of threads, as much as several packets. So it is rung once
//! for all that a turn gave to a worker, which then has a frame's packets together; and for reports on
//! what clients receive later than for media: a worker that runs finds them by itself.

use std::time::{Duration, Instant};

use super::link::Links;

/// How long reports of a client may wait for a worker that sleeps. Feedback comes each 50 ms or less
/// often, and a request for what was lost takes a round trip.
const PATIENCE: Duration = Duration::from_millis(5);

/// The workers that were given something, a bit each.
#[derive(Debug, Default)]
pub(super) struct Bells {
    now: u64,
    later: u64,
    /// When `later` is now.
    due: Option<Instant>,
}

impl Bells {
    pub fn now(&mut self, worker: usize) {
        self.now |= 1 << worker;
    }

    pub fn later(&mut self, worker: usize, now: Instant) {
        self.later |= 1 << worker;
        self.due.get_or_insert(now + PATIENCE);
    }

    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Ring those that it is time for, unless what they were given has been taken.
    pub fn ring(&mut self, links: &Links, now: Instant) {
        let mut workers = std::mem::take(&mut self.now);
        if self.due.is_some_and(|due| due <= now) {
            workers |= std::mem::take(&mut self.later);
            self.due = None;
        }
        while workers != 0 {
            let worker = workers.trailing_zeros() as usize;
            workers &= workers - 1;
            if let Some(link) = links.get(worker).filter(|link| link.has_packets()) {
                link.ring();
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // any time is good to begin a test with
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::Arc;

    use super::*;
    use crate::engine::packets::link::{Bell, Link};

    struct Counting(Arc<AtomicUsize>);

    impl Bell for Counting {
        fn ring(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn asleep() -> (Links, Arc<AtomicUsize>) {
        let rung = Arc::new(AtomicUsize::new(0));
        let link = Arc::new(Link::new(Box::new(Counting(rung.clone()))));
        assert!(link.may_sleep());
        (Arc::from([link]), rung)
    }

    #[test]
    fn media_is_rung_for_once_and_reports_later() {
        let start = Instant::now();
        let (links, rung) = asleep();
        let rung = || rung.load(Ordering::Relaxed);
        let mut bells = Bells::default();
        links[0].hand(links[0].spare_box());
        bells.later(0, start);
        bells.ring(&links, start);
        assert_eq!(rung(), 0, "a report waits");
        assert_eq!(bells.due(), Some(start + PATIENCE));
        bells.ring(&links, start + PATIENCE);
        assert_eq!((rung(), bells.due()), (1, None));

        assert!(links[0].next_datagram().is_some());
        assert!(links[0].may_sleep());
        for _ in 0..3 {
            links[0].hand(links[0].spare_box());
            bells.now(0);
        }
        bells.ring(&links, start);
        bells.ring(&links, start);
        assert_eq!(rung(), 2, "once for all of them");
    }

    /// Who ran meanwhile has taken it, and sleeps on.
    #[test]
    fn what_was_taken_needs_no_bell() {
        let start = Instant::now();
        let (links, rung) = asleep();
        let mut bells = Bells::default();
        links[0].hand(links[0].spare_box());
        bells.later(0, start);
        assert!(links[0].next_datagram().is_some());
        bells.ring(&links, start + PATIENCE);
        assert_eq!(rung.load(Ordering::Relaxed), 0);
    }
}
