//! Packets of a stream that did not come, and when to ask for them (RFC 4585 6.2.1).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Numbers looked for at a time: what one request has room for. A stream that lost more at once is
/// better off with a key frame, for which its receivers ask.
const MOST: usize = 240;
/// Nobody waits longer for a picture.
const AGE: Duration = Duration::from_secs(1);
/// A packet that did not come after so many requests does not come.
const TIMES: u8 = 10;
/// The round trip before any was seen.
const ROUND_TRIP: Duration = Duration::from_millis(100);
/// Repeated no sooner: what comes back within less was on its way.
const LEAST: Duration = Duration::from_millis(20);
/// What a sender takes until it answers.
const MARGIN: Duration = Duration::from_millis(5);

#[derive(Debug, Clone, Copy)]
struct Lost {
    number: u64,
    since: Instant,
    asked: Option<Instant>,
    times: u8,
}

/// One stream's.
#[derive(Debug)]
pub(crate) struct Missing {
    /// In order of their numbers.
    lost: VecDeque<Lost>,
    highest: Option<u64>,
    /// From a request to its answer.
    round_trip: Duration,
    due: Option<Instant>,
}

impl Default for Missing {
    fn default() -> Self {
        Self {
            lost: VecDeque::new(),
            highest: None,
            round_trip: ROUND_TRIP,
            due: None,
        }
    }
}

impl Missing {
    /// A packet came, by itself or sent again.
    pub fn arrived(&mut self, number: u64, sent_again: bool, now: Instant) {
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            return;
        };
        if number <= highest {
            self.found(number, sent_again, now);
            return;
        }
        self.highest = Some(number);
        let lost = highest + 1..number;
        if number - highest > MOST as u64 {
            self.lost.clear();
            return;
        }
        for number in lost {
            if self.lost.len() >= MOST {
                self.lost.pop_front();
            }
            self.lost.push_back(Lost {
                number,
                since: now,
                asked: None,
                times: 0,
            });
            self.due = Some(now);
        }
    }

    fn found(&mut self, number: u64, sent_again: bool, now: Instant) {
        let Ok(at) = self.lost.binary_search_by_key(&number, |l| l.number) else {
            return;
        };
        let Some(lost) = self.lost.remove(at) else {
            return;
        };
        // Of several requests nobody knows which one was answered.
        if let (true, 1, Some(asked)) = (sent_again, lost.times, lost.asked) {
            let took = now.saturating_duration_since(asked).min(AGE);
            self.round_trip = (self.round_trip * 7 + took) / 8;
        }
    }

    /// When to ask next.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Note that what is due by now is asked for: the low bits of its numbers, in order.
    pub fn ask(&mut self, now: Instant, numbers: &mut Vec<u16>) {
        let since = |at: Instant| now.saturating_duration_since(at);
        let patience = self.patience();
        self.lost
            .retain(|l| l.times < TIMES && since(l.since) < AGE);
        self.due = None;
        for lost in &mut self.lost {
            if lost.asked.is_none_or(|at| since(at) >= patience) {
                lost.asked = Some(now);
                lost.times += 1;
                numbers.push(lost.number as u16);
            }
            let next = lost.asked.unwrap_or(now) + patience;
            self.due = Some(self.due.map_or(next, |due| due.min(next)));
        }
    }

    fn patience(&self) -> Duration {
        (self.round_trip + MARGIN).max(LEAST)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // any time is good to begin a test with
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn ask(missing: &mut Missing, now: Instant) -> Vec<u16> {
        let mut numbers = Vec::new();
        missing.ask(now, &mut numbers);
        numbers
    }

    #[test]
    fn a_gap_is_asked_for_at_once_and_again_after_a_round_trip() {
        let (start, mut missing) = (Instant::now(), Missing::default());
        missing.arrived(65_534, false, start);
        assert_eq!(missing.due(), None);
        missing.arrived(65_538, false, start);
        assert_eq!(missing.due(), Some(start));
        assert_eq!(ask(&mut missing, start), [65_535, 0, 1]);
        missing.arrived(65_536, false, start + 30 * MS);
        let again = missing.due().expect("two are missing");
        assert_eq!(again, start + ROUND_TRIP + MARGIN);
        assert_eq!(ask(&mut missing, again - MS), [0; 0]);
        assert_eq!(ask(&mut missing, again), [65_535, 1]);
    }

    #[test]
    fn requests_end_by_number_and_by_age() {
        let (start, mut missing) = (Instant::now(), Missing::default());
        missing.arrived(1, false, start);
        missing.arrived(3, false, start);
        let mut times = 0;
        while let Some(due) = missing.due() {
            assert!(due < start + 2 * AGE);
            times += ask(&mut missing, due).len();
        }
        assert!((5..=usize::from(TIMES)).contains(&times), "{times}");
        // A short way: the number ends it.
        missing.round_trip = LEAST;
        missing.arrived(5, false, start);
        let mut times = 0;
        while let Some(due) = missing.due() {
            times += ask(&mut missing, due).len();
        }
        assert_eq!(times, usize::from(TIMES));
    }

    #[test]
    fn the_round_trip_is_learned_from_what_was_sent_again() {
        let (mut now, mut missing) = (Instant::now(), Missing::default());
        for number in (0..200).step_by(2) {
            missing.arrived(number, false, now);
            ask(&mut missing, now);
            now += 40 * MS;
            missing.arrived(number.saturating_sub(1), true, now);
        }
        assert!(missing.patience() < 50 * MS, "{:?}", missing.patience());
        assert!(missing.patience() > 40 * MS);
    }

    /// S11.
    #[test]
    fn what_is_looked_for_is_bounded() {
        let (start, mut missing) = (Instant::now(), Missing::default());
        for number in (0..2_000).step_by(2) {
            missing.arrived(number, false, start);
            assert!(missing.lost.len() <= MOST);
        }
        assert_eq!(ask(&mut missing, start).len(), MOST);
        missing.arrived(1 << 40, false, start);
        assert!(missing.lost.is_empty(), "too much to ask for");
    }
}
