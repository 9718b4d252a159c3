//! When packets arrived, told to a sender that numbers them for the whole transport
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01): its congestion control lives on it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::engine::packets::window::extend;

/// Told so often, as libwebrtc does: its estimator looks at groups of packets, not at each.
const INTERVAL: Duration = Duration::from_millis(100);
/// With so many packets to tell of already after half of that.
const MANY: usize = 16;
/// Numbers remembered, told or not: more than a second at 8 Mbit/s.
const WINDOW: u64 = 1024;
/// Of these, those that were told: a late packet is told of with what came around it.
const TOLD: u64 = 256;
/// Times are told in 250 µs; the reference time in 256 of these, as 24 bits.
const TICK_MICROS: u128 = 250;
const TICKS_PER_REFERENCE: i64 = 256;
/// No first number lies so low that one before it could not be told.
const BEGIN: u64 = 1 << 16;

/// In the packet: base, count, reference time, count of feedback packets.
const HEAD: usize = 8;

/// How a number is told (3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Lost = 0,
    /// The time since the packet before fits into a byte.
    Small = 1,
    /// It takes two, or is negative.
    Large = 2,
}

#[derive(Debug)]
pub(crate) struct Arrivals {
    origin: Instant,
    /// The number of the first entry.
    first: u64,
    /// In ticks since the origin, `None` for what did not come.
    ticks: VecDeque<Option<i64>>,
    /// The first number that was not told yet.
    next: u64,
    /// How many wait to be told, and since when.
    waiting: usize,
    since: Option<Instant>,
    /// Counts the packets that told.
    told: u8,
    /// Used again and again.
    statuses: Vec<Status>,
    deltas: Vec<u8>,
}

impl Arrivals {
    pub fn new(now: Instant) -> Self {
        Self {
            origin: now,
            first: BEGIN,
            ticks: VecDeque::new(),
            next: BEGIN,
            waiting: 0,
            since: None,
            told: 0,
            statuses: Vec::new(),
            deltas: Vec::new(),
        }
    }

    pub fn arrived(&mut self, number: u16, now: Instant) {
        let end = self.first + self.ticks.len() as u64;
        let number = match self.ticks.is_empty() {
            true => BEGIN + u64::from(number),
            false => match extend(Some(end - 1), number) {
                Some(number) => number,
                None => return,
            },
        };
        if number < self.first && !self.ticks.is_empty() {
            return;
        }
        if self.ticks.is_empty() || number - self.first >= 2 * WINDOW {
            // Nobody waits for what was before such a jump.
            self.ticks.clear();
            (self.first, self.next, self.waiting) = (number, number, 0);
        }
        self.note(number, now);
    }

    fn note(&mut self, number: u64, now: Instant) {
        let place = (number - self.first) as usize;
        if place >= self.ticks.len() {
            self.ticks.resize(place + 1, None);
        }
        let ticks = now.saturating_duration_since(self.origin).as_micros() / TICK_MICROS;
        match &mut self.ticks[place] {
            Some(_) => return,
            slot => *slot = Some(ticks as i64),
        }
        self.next = self.next.min(number);
        self.waiting += 1;
        self.since.get_or_insert(now);
        self.forget();
    }

    fn forget(&mut self) {
        let end = self.first + self.ticks.len() as u64;
        let told = self.next.saturating_sub(TOLD);
        let keep = told.max(end.saturating_sub(WINDOW));
        while self.first < keep {
            self.ticks.pop_front();
            self.first += 1;
        }
        self.next = self.next.max(self.first);
    }

    pub fn due(&self) -> Option<Instant> {
        let interval = match self.waiting < MANY {
            true => INTERVAL,
            false => INTERVAL / 2,
        };
        Some(self.since? + interval)
    }

    /// Append what a feedback packet has behind its two SSRCs, of at most this many bytes. False if
    /// there is nothing to tell; there may be more to tell.
    pub fn write(&mut self, out: &mut Vec<u8>, room: usize) -> bool {
        let Some(base) = self.collect(room) else {
            (self.waiting, self.since) = (0, None);
            return false;
        };
        let reference = base.div_euclid(TICKS_PER_REFERENCE) as u32;
        let count = self.statuses.len() as u16;
        out.extend_from_slice(&(self.next as u16).to_be_bytes());
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(&reference.to_be_bytes()[1..]);
        out.push(self.told);
        write_chunks(&self.statuses, out);
        out.extend_from_slice(&self.deltas);
        self.told = self.told.wrapping_add(1);
        self.next += u64::from(count);
        true
    }

    /// Statuses and deltas of what can be told in this room; the time of the first that came.
    fn collect(&mut self, room: usize) -> Option<i64> {
        self.statuses.clear();
        self.deltas.clear();
        let start = (self.next - self.first) as usize;
        let base = self.ticks.iter().skip(start).find_map(|t| *t)?;
        let mut before = base - base.rem_euclid(TICKS_PER_REFERENCE);
        for ticks in self.ticks.iter().skip(start) {
            // At worst every chunk holds seven; two for the last one and the padding.
            let chunks = 2 * (self.statuses.len() / 7 + 2);
            if HEAD + chunks + self.deltas.len() + 2 > room {
                break;
            }
            let Some(ticks) = *ticks else {
                self.statuses.push(Status::Lost);
                continue;
            };
            let delta = ticks - before;
            if let Ok(small) = u8::try_from(delta) {
                self.statuses.push(Status::Small);
                self.deltas.push(small);
            } else if let Ok(large) = i16::try_from(delta) {
                self.statuses.push(Status::Large);
                self.deltas.extend_from_slice(&large.to_be_bytes());
            } else {
                // A packet with a reference time of its own tells it.
                break;
            }
            before = ticks;
        }
        Some(base)
    }
}

/// The statuses in chunks of two bytes (3.1.3, 3.1.4).
fn write_chunks(mut statuses: &[Status], out: &mut Vec<u8>) {
    const MOST: usize = 0x1fff;
    while let Some(first) = statuses.first() {
        let run = statuses.iter().take(MOST).take_while(|s| *s == first);
        let run = run.count();
        let few = |n: usize| &statuses[..n.min(statuses.len())];
        let (chunk, length) = if run >= few(14).len() {
            ((*first as u16) << 13 | run as u16, run)
        } else if few(14).iter().all(|s| *s != Status::Large) {
            (vector(0x8000, 1, few(14)), few(14).len())
        } else if run > 7 {
            ((*first as u16) << 13 | run as u16, run)
        } else {
            (vector(0xc000, 2, few(7)), few(7).len())
        };
        out.extend_from_slice(&chunk.to_be_bytes());
        statuses = &statuses[length..];
    }
}

/// Symbols of so many bits behind a mark of two.
fn vector(mark: u16, bits: usize, statuses: &[Status]) -> u16 {
    let place = |n: usize| 14 - bits * (n + 1);
    let symbols = statuses.iter().enumerate();
    symbols.fold(mark, |chunk, (n, s)| chunk | (*s as u16) << place(n))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // any time is good to begin a test with
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A second reader: number and time in ticks of each packet that came, `None` for lost ones.
    pub(in super::super) fn read(fci: &[u8]) -> Option<Vec<(u16, Option<i64>)>> {
        let (head, mut rest) = fci.split_first_chunk::<HEAD>()?;
        let base = u16::from_be_bytes([head[0], head[1]]);
        let count = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let reference = u32::from_be_bytes([0, head[4], head[5], head[6]]);
        let mut statuses = Vec::new();
        while statuses.len() < count {
            let (chunk, behind) = rest.split_first_chunk::<2>()?;
            rest = behind;
            let chunk = u16::from_be_bytes(*chunk);
            match chunk >> 14 {
                0 | 1 => {
                    let run = usize::from(chunk & 0x1fff);
                    assert!(run > 0, "an empty run");
                    statuses.extend(std::iter::repeat_n(chunk >> 13 & 3, run));
                }
                2 => statuses.extend((0..14).rev().map(|bit| chunk >> bit & 1)),
                _ => statuses.extend((0..7).rev().map(|pair| chunk >> (2 * pair) & 3)),
            }
        }
        let mut ticks = i64::from(reference) * TICKS_PER_REFERENCE;
        let mut read = Vec::new();
        for (place, status) in statuses.into_iter().take(count).enumerate() {
            let delta = match status {
                0 => None,
                1 => {
                    let (delta, behind) = rest.split_first()?;
                    rest = behind;
                    Some(i64::from(*delta))
                }
                2 => {
                    let (delta, behind) = rest.split_first_chunk::<2>()?;
                    rest = behind;
                    Some(i64::from(i16::from_be_bytes(*delta)))
                }
                other => panic!("{other}"),
            };
            let at = delta.map(|delta| {
                ticks += delta;
                ticks
            });
            read.push((base.wrapping_add(place as u16), at));
        }
        assert!(rest.is_empty(), "{rest:?}");
        Some(read)
    }

    fn tell(arrivals: &mut Arrivals, room: usize) -> Vec<Vec<(u16, Option<i64>)>> {
        let mut told = Vec::new();
        loop {
            let mut out = Vec::new();
            if !arrivals.write(&mut out, room) {
                assert_eq!(arrivals.due(), None);
                return told;
            }
            assert!(out.len() <= room);
            told.push(read(&out).expect("can be read"));
        }
    }

    fn at(start: Instant, ticks: u64) -> Instant {
        start + Duration::from_micros(250 * ticks)
    }

    #[test]
    fn what_came_is_told_with_its_time() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        // Behind a wrap, one lost, one late, one long after the one before.
        for (number, ticks) in [(65_534, 300), (65_535, 304), (2, 310), (0, 311), (3, 900)] {
            arrivals.arrived(number, at(start, ticks));
        }
        assert_eq!(arrivals.due(), Some(at(start, 300) + INTERVAL));
        let told = tell(&mut arrivals, 1_000);
        let expected = [
            (65_534, Some(300)),
            (65_535, Some(304)),
            (0, Some(311)),
            (1, None),
            (2, Some(310)),
            (3, Some(900)),
        ];
        assert_eq!(told, [expected]);
        // What is late is told with what was told around it.
        arrivals.arrived(1, at(start, 901));
        let told = tell(&mut arrivals, 1_000);
        assert_eq!(told[0][0], (1, Some(901)));
        assert_eq!(told[0].last(), Some(&(3, Some(900))));
    }

    #[test]
    fn many_packets_are_told_sooner() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        (0..15).for_each(|n| arrivals.arrived(n, start));
        assert_eq!(arrivals.due(), Some(start + INTERVAL));
        arrivals.arrived(15, start);
        assert_eq!(arrivals.due(), Some(start + INTERVAL / 2));
    }

    /// The times between do not fit into two bytes.
    #[test]
    fn a_long_pause_takes_another_packet() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        arrivals.arrived(1, start);
        arrivals.arrived(2, at(start, 40_000));
        let told = tell(&mut arrivals, 1_000);
        assert_eq!(told, [[(1, Some(0))], [(2, Some(40_000))]]);
    }

    /// S11.
    #[test]
    fn what_is_remembered_is_bounded() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        let mut number = 0u16;
        for step in 0..20_000u16 {
            number = number.wrapping_add(step % 5_000);
            arrivals.arrived(number, start);
            assert!(arrivals.ticks.len() as u64 <= WINDOW);
        }
        let packets = tell(&mut arrivals, 1_000);
        assert!(packets.len() <= 4, "{}", packets.len());
        assert!(arrivals.ticks.len() as u64 <= WINDOW);
    }

    proptest! {
        /// Whatever comes in which order: each that came is told once it can be, with its time, and
        /// nothing is told to have come that did not.
        #[test]
        fn what_came_is_told(
            steps in prop::collection::vec((-20i64..30, 0u64..600, any::<bool>()), 1..200),
            room in 40usize..300,
        ) {
            let start = Instant::now();
            let mut arrivals = Arrivals::new(start);
            let (mut came, mut told) = (std::collections::HashMap::new(), Vec::new());
            let (mut number, mut ticks) = (100i64, 0);
            for (step, passed, tell_now) in steps {
                number = (number + step).max(100);
                ticks += passed;
                arrivals.arrived(number as u16, at(start, ticks));
                came.entry(number as u16).or_insert(ticks as i64);
                if tell_now {
                    told.extend(tell(&mut arrivals, room).concat());
                }
            }
            told.extend(tell(&mut arrivals, room).concat());
            for (number, at) in &told {
                if let Some(at) = at {
                    prop_assert_eq!(came.get(number), Some(at));
                }
            }
            for (number, at) in came {
                // The first one begins it all; one before that is too old.
                let is_told = told.contains(&(number, Some(at)));
                prop_assert!(is_told || u64::from(number) + BEGIN < arrivals.first);
            }
        }
    }
}
