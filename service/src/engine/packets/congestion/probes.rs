//! Trying out whether more would pass: short bursts of padding above the estimate.
//!
//! A forwarder sends what layers there are, mostly much less than would pass, and what passes of
//! that proves little. So while more is desired than is estimated, a few packets are sent at a higher
//! rate; how fast they come is the proof. One that comes whole is followed at once by one of twice
//! the rate, so a path that is wide again is found out within a second from whatever was left.

use std::time::Duration;

use super::history::{Fate, History, Role};
use super::Micros;

/// The first one asks for three times the initial rate, the next for twice that: three and six
/// times, as in libwebrtc.
const FIRST: u64 = 3;
const FURTHER: u64 = 2;
/// While more is desired the path is tried so often. A probe that finds no room delays what is
/// behind it by its own length.
const EVERY: Micros = 4_000_000;
/// Not sooner after a fall: its queue has to empty.
const AFTER_FALL: Micros = 2_000_000;
/// When more is desired than before, the next one need not wait for its turn, but so long.
const SPACED: Micros = 1_000_000;
/// How long a burst is: jitter of a few milliseconds must not hide the rate, and a queue that it
/// builds must stay short.
const OVER: Micros = 40_000;
/// The least packets that tell a rate, and the most bytes in one.
const PACKETS: usize = 5;
const PACKET: usize = 1_200;
/// No burst is faster than this: 100 KB of padding are enough for anybody.
const FASTEST: u64 = 20_000_000;
/// More is not tried out while so much of it is there.
const NEAR: f64 = 0.95;
/// From this share of what was tried on, the next one follows at once.
const WHOLE: f64 = 0.7;
/// What comes slower than this share of how it was sent filled the path: leave it a little air.
const FULL: f64 = 0.9;
const AIR: f64 = 0.95;
/// Half of the burst has to come for its rate to mean anything.
const CAME: usize = 2;
/// The sender may take so long beyond the burst's length to get it out.
const SENDING: Micros = 100_000;
/// Without an answer for so long there is none: feedback comes each quarter of a second at least.
const ANSWER: Micros = 1_500_000;
/// Media sent so soon behind a burst may wait behind it.
const SHADOW: Micros = 150_000;

/// Names a probe's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProbeId(u32);

/// A probe that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probe {
    pub id: ProbeId,
    pub bytes: usize,
    pub packets: usize,
    pub over: Duration,
}

/// A probe that was asked for.
#[derive(Debug, Clone, Copy)]
struct Flight {
    target: u64,
    packets: usize,
    asked: Micros,
    sent: Option<Burst>,
}

/// What of it was sent.
#[derive(Debug, Clone, Copy)]
struct Burst {
    first: u16,
    last: u16,
    packets: usize,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Resting { until: Micros },
    Underway(Flight),
}

#[derive(Debug)]
pub(super) struct Probes {
    phase: Phase,
    id: u32,
    factor: u64,
    /// Not before this, whatever is desired.
    not_before: Micros,
    shadow: Micros,
}

impl Default for Probes {
    fn default() -> Self {
        Self {
            phase: Phase::Resting { until: 0 },
            id: 0,
            factor: FIRST,
            not_before: 0,
            shadow: 0,
        }
    }
}

impl Probes {
    /// When the next one is due, if this is estimated and that is desired.
    pub fn due(&self, estimate: u64, desired: u64) -> Option<Micros> {
        match self.phase {
            Phase::Resting { until } if is_short(estimate, desired) => {
                Some(until.max(self.not_before))
            }
            Phase::Resting { .. } => None,
            Phase::Underway(flight) => Some(flight.asked + ANSWER),
        }
    }

    pub fn is_underway(&self) -> bool {
        matches!(self.phase, Phase::Underway(_))
    }

    pub fn ask(&mut self, estimate: u64, desired: u64, now: Micros) -> Option<Probe> {
        let Phase::Resting { until } = self.phase else {
            return None;
        };
        if now < until.max(self.not_before) || !is_short(estimate, desired) {
            return None;
        }
        let target = (estimate * self.factor).min(desired).min(FASTEST);
        let bytes = (target * OVER as u64 / 8_000_000) as usize;
        let packets = bytes.div_ceil(PACKET).max(PACKETS);
        self.factor = FURTHER;
        self.id = self.id.wrapping_add(1);
        self.phase = Phase::Underway(Flight {
            target,
            packets,
            asked: now,
            sent: None,
        });
        Some(Probe {
            id: ProbeId(self.id),
            bytes,
            packets,
            over: Duration::from_micros(OVER as u64),
        })
    }

    /// What a packet that leaves now is sent for.
    pub fn sent(&mut self, seq: u16, probe: Option<ProbeId>, now: Micros) -> Role {
        let Some(id) = probe else {
            return match now < self.shadow {
                true => Role::Shadowed,
                false => Role::Media,
            };
        };
        self.shadow = now + SHADOW;
        if let (Phase::Underway(flight), true) = (&mut self.phase, id.0 == self.id) {
            let burst = flight.sent.get_or_insert(Burst {
                first: seq,
                last: seq,
                packets: 0,
            });
            burst.last = seq;
            burst.packets += 1;
        }
        Role::Probe
    }

    /// The rate at which a probe came, when all of it was told of.
    pub fn answered(&mut self, history: &History, newest: u16, now: Micros) -> Option<u64> {
        let Phase::Underway(flight) = self.phase else {
            return None;
        };
        let burst = flight.sent?;
        let all = burst.packets >= flight.packets || now > flight.asked + OVER + SENDING;
        if !all || (newest.wrapping_sub(burst.last) as i16) < 0 {
            return None;
        }
        let came = measured(history, &burst).map(|came| came.min(flight.target));
        let whole = came.is_some_and(|came| came as f64 >= flight.target as f64 * WHOLE);
        let until = if whole { now } else { now + EVERY };
        self.phase = Phase::Resting { until };
        came
    }

    /// Give up on one that nobody answers.
    pub fn give_up(&mut self, now: Micros) {
        if let Phase::Underway(flight) = self.phase {
            if now >= flight.asked + ANSWER {
                self.phase = Phase::Resting { until: now + EVERY };
            }
        }
    }

    /// The path is narrower than it was: what is underway is answered by that.
    pub fn fell(&mut self, now: Micros) {
        self.not_before = now + AFTER_FALL;
        if let Phase::Underway(_) = self.phase {
            self.phase = Phase::Resting { until: now };
        }
        if let Phase::Resting { until } = &mut self.phase {
            *until = (*until).min(self.not_before);
        }
    }

    /// There is reason to look again.
    pub fn hurry(&mut self, now: Micros) {
        if let Phase::Resting { until } = &mut self.phase {
            *until = (*until).min(now.max(*until - EVERY + SPACED));
        }
    }
}

fn is_short(estimate: u64, desired: u64) -> bool {
    (estimate as f64) < desired as f64 * NEAR
}

/// The rate of everything between a burst's first and last packet: media among it is part of what
/// the path carried.
fn measured(history: &History, burst: &Burst) -> Option<u64> {
    let between = usize::from(burst.last.wrapping_sub(burst.first)) + 1;
    let (mut bits_sent, mut bits_came, mut came) = (0, 0, 0);
    let (mut sent, mut arrivals) = (Span::default(), Span::default());
    for packet in history.back_from(burst.last).take(between) {
        bits_sent += packet.bits();
        sent.add(packet.sent, packet.bits());
        if let Fate::Arrived { at } = packet.fate {
            bits_came += packet.bits();
            arrivals.add(at, packet.bits());
            came += usize::from(packet.role == Role::Probe);
        }
    }
    if came * CAME < burst.packets || came < 2 {
        return None;
    }
    // The last one sent and the first one that came have their time outside the span.
    let sent = rate(bits_sent - sent.bits_at_end, &sent);
    let came = rate(bits_came - arrivals.bits_at_start, &arrivals);
    match (came as f64) < sent as f64 * FULL {
        true => Some((came as f64 * AIR) as u64),
        false => Some(came.min(sent)),
    }
}

fn rate(bits: u64, span: &Span) -> u64 {
    // A burst that leaves in one system call has no length.
    bits * 1_000_000 / span.end.saturating_sub(span.start).clamp(1_000, ANSWER) as u64
}

#[derive(Debug)]
struct Span {
    start: Micros,
    end: Micros,
    bits_at_start: u64,
    bits_at_end: u64,
}

impl Default for Span {
    fn default() -> Self {
        Self {
            start: Micros::MAX,
            end: Micros::MIN,
            bits_at_start: 0,
            bits_at_end: 0,
        }
    }
}

impl Span {
    fn add(&mut self, at: Micros, bits: u64) {
        if at < self.start {
            (self.start, self.bits_at_start) = (at, bits);
        }
        if at > self.end {
            (self.end, self.bits_at_end) = (at, bits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::Packet;
    use super::*;

    const MS: Micros = 1_000;

    /// Send a probe evenly and let its packets arrive so far apart; `None` is lost.
    fn probed(apart: impl Fn(usize) -> Option<Micros>) -> (Probe, Option<u64>, Probes) {
        let (mut probes, mut history) = (Probes::default(), History::new());
        let probe = probes.ask(500_000, 10_000_000, 0).expect("due");
        for n in 0..probe.packets {
            let sent = n as Micros * OVER / probe.packets as Micros;
            let role = probes.sent(n as u16, Some(probe.id), sent);
            let fate = match apart(n) {
                Some(apart) => Fate::Arrived {
                    at: n as Micros * apart,
                },
                None => Fate::Missing,
            };
            let bytes = (probe.bytes / probe.packets) as u16;
            history.insert(Packet {
                sent,
                bytes,
                seq: n as u16,
                fate,
                role,
            });
        }
        let came = probes.answered(&history, probe.packets as u16 - 1, 100 * MS);
        (probe, came, probes)
    }

    #[test]
    fn a_probe_that_comes_whole_is_followed_by_one_of_twice_the_rate() {
        let (probe, came, mut probes) = probed(|_| Some(5 * MS));
        assert_eq!((probe.bytes, probe.packets), (7_500, 7));
        let came = came.expect("a rate");
        assert!((1_400_000..=1_500_000).contains(&came), "{came}");
        let next = probes.ask(came, 10_000_000, 100 * MS).expect("at once");
        assert_eq!(next.bytes as u64, came * 2 / 200);
    }

    #[test]
    fn one_that_fills_the_path_shows_its_width_and_the_next_waits() {
        // 1,071 bytes each 16 ms: 535 kbit/s.
        let (_, came, mut probes) = probed(|_| Some(16 * MS));
        let came = came.expect("a rate");
        assert!((500_000..520_000).contains(&came), "{came}");
        assert_eq!(probes.ask(came, 10_000_000, 3_000 * MS), None);
        assert!(probes.ask(came, 10_000_000, 4_100 * MS).is_some());
    }

    #[test]
    fn one_that_is_lost_proves_nothing() {
        let (_, came, _) = probed(|n| (n % 4 == 0).then_some(5 * MS));
        assert_eq!(came, None);
        let (_, came, _) = probed(|_| None);
        assert_eq!(came, None);
    }

    #[test]
    fn what_is_desired_is_never_exceeded_and_nothing_is_tried_when_it_is_there() {
        let mut probes = Probes::default();
        assert_eq!(probes.ask(1_000_000, 1_040_000, 0), None);
        assert_eq!(probes.due(1_000_000, 1_040_000), None);
        let probe = probes.ask(1_000_000, 1_200_000, 0).expect("due");
        assert_eq!(probe.bytes, 6_000);
        // One at a time, and an unanswered one is given up.
        assert_eq!(probes.ask(1_000_000, 1_200_000, MS), None);
        probes.give_up(2_000 * MS);
        assert_eq!(probes.due(1_000_000, 1_200_000), Some(6_000 * MS));
        probes.hurry(2_500 * MS);
        assert_eq!(probes.due(1_000_000, 1_200_000), Some(3_000 * MS));
    }
}
