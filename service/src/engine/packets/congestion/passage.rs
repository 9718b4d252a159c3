//! How the last packets passed: the rate that was acknowledged, the queue that stands before the
//! bottleneck, and what the bottleneck lets through.
//!
//! Looked up in the history once for each report. What a queue lets through while it is never empty
//! is the capacity itself, and it is known after a few packets: sooner than a trend.

use super::history::{Fate, History, Packet, Role};
use super::Micros;

/// What the acknowledged rate is averaged over: ten frames of a slow video.
const WINDOW: Micros = 500_000;
/// So many packets are looked at for each report at most (S11): half a second of 20 Mbit/s.
const LOOK_BACK: usize = 1_024;
/// A queue stands if so many packets one after the other waited in it: jitter delays one, not all.
const STANDING: usize = 3;
/// A packet that waited for longer than this found a queue.
const WAITED: Micros = 20_000;
/// Packets behind each other at the bottleneck for at least so long, and at least so many, tell how
/// fast it is.
const BUSY_LEAST: Micros = 60_000;
const BUSY_PACKETS: u64 = 3;
/// The bottleneck's rate is that of the last packets: it may have changed before.
const BUSY_MOST: Micros = 400_000;
/// The least delay is looked for within the last so many seconds: a route may change, and clocks
/// drift apart.
const BASE_SECONDS: usize = 10;
const SECOND: Micros = 1_000_000;
/// Delays that differ by so much are those of two clocks.
const OTHER_CLOCK: Micros = 30 * SECOND;

/// The least delay of late, in the two clocks' difference.
#[derive(Debug)]
pub(super) struct BaseDelay {
    least: [Micros; BASE_SECONDS],
    second: i64,
    base: Micros,
}

impl Default for BaseDelay {
    fn default() -> Self {
        Self {
            least: [Micros::MAX; BASE_SECONDS],
            second: 0,
            base: Micros::MAX,
        }
    }
}

impl BaseDelay {
    /// True if the receiver's clock is another one than before.
    pub fn note(&mut self, sent: Micros, arrival: Micros) -> bool {
        let delay = arrival.wrapping_sub(sent);
        let known = self.base != Micros::MAX;
        let other = known && delay.wrapping_sub(self.base).saturating_abs() > OTHER_CLOCK;
        if other {
            *self = Self {
                second: self.second,
                ..Self::default()
            };
        }
        let second = sent / SECOND;
        let later = second > self.second;
        if later {
            let gone = (second - self.second).min(BASE_SECONDS as i64);
            for n in 0..gone {
                self.least[(second - n).rem_euclid(BASE_SECONDS as i64) as usize] = Micros::MAX;
            }
            self.second = second;
        }
        let least = &mut self.least[second.rem_euclid(BASE_SECONDS as i64) as usize];
        *least = delay.min(*least);
        self.base = match later {
            // Some were forgotten.
            true => self.least.iter().copied().min().unwrap_or(delay),
            false => self.base.min(delay),
        };
        other
    }

    /// How long a packet waited.
    fn waited(&self, sent: Micros, arrival: Micros) -> Micros {
        arrival.wrapping_sub(sent).wrapping_sub(self.base)
    }
}

/// How packets passed up to now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Passage {
    /// What arrived of media in the last half second, in bits per second; never more than was sent.
    pub acked: u64,
    /// What was sent in the same time, lost packets and all.
    pub sent: u64,
    /// The least that any of the last packets waited; `None` if there were too few since the rate
    /// changed.
    pub standing: Option<Micros>,
    /// What the bottleneck lets through, if packets queue there.
    pub bottleneck: Option<u64>,
    /// For how long they have queued there without a pause.
    pub busy: Micros,
    /// More was sent into the queue than came out of it.
    pub filling: bool,
    /// Packets of the last quarter of a second, and how many of them are missing.
    pub recent: u32,
    pub missing: u32,
}

/// Losses count as recent for so long.
const RECENT: Micros = 250_000;

impl Passage {
    pub fn queue(&self) -> Micros {
        self.standing.unwrap_or(0)
    }

    /// Look back from the packet that was told of last. Queues and losses count among what was sent
    /// after `since`, that is after the last change of the rate.
    pub fn look(
        history: &History,
        base: &BaseDelay,
        newest: u16,
        since: Micros,
        began: Micros,
    ) -> Self {
        let Some(last) = history.get(newest).copied() else {
            return Self::default();
        };
        let mut passage = Self::default();
        let mut standing = Standing::default();
        let mut busy = Busy::default();
        let (mut acked, mut sent) = (0, 0);
        let mut stretch = Stretch::NONE;
        let oldest = last.sent - WINDOW;
        let looked = history.back_from(newest).take(LOOK_BACK);
        for packet in looked.take_while(|p| p.sent > oldest) {
            let arrival = match packet.fate {
                Fate::Arrived { at } => Some(at),
                _ => None,
            };
            if let Some(at) = arrival {
                stretch.add(at);
            }
            if packet.role != Role::Probe {
                sent += packet.bits();
                acked += arrival.map_or(0, |_| packet.bits());
            }
            if packet.sent <= since {
                continue;
            }
            if packet.role == Role::Media && packet.sent > last.sent - RECENT {
                passage.recent += 1;
                passage.missing += u32::from(packet.fate == Fate::Missing);
            }
            if busy.over && standing.is_full() {
                continue;
            }
            let waited = arrival.map(|at| base.waited(packet.sent, at));
            if let (Some(waited), Role::Media) = (waited, packet.role) {
                standing.add(waited);
            }
            busy.add(packet, arrival, waited);
        }
        let span = (last.sent - began).clamp(WINDOW / 5, WINDOW);
        passage.sent = per_second(sent, span);
        passage.acked = per_second(acked, span.max(stretch.length()));
        passage.standing = standing.least();
        if let Some((out, into)) = busy.rates() {
            passage.bottleneck = Some(out);
            passage.busy = busy.span();
            passage.filling = out < into / 20 * 17;
        }
        passage
    }
}

fn per_second(bits: u64, span: Micros) -> u64 {
    bits * 1_000_000 / span.max(1) as u64
}

/// When the first and the last arrived of all that was looked at.
#[derive(Debug)]
struct Stretch(Micros, Micros);

impl Stretch {
    const NONE: Self = Self(Micros::MAX, Micros::MIN);

    fn add(&mut self, at: Micros) {
        *self = Self(self.0.min(at), self.1.max(at));
    }

    fn length(&self) -> Micros {
        let Self(first, last) = *self;
        // A receiver's clock may say anything; what is sent within half a second and takes longer
        // than three has not passed.
        last.saturating_sub(first).clamp(0, 3 * SECOND)
    }
}

#[derive(Debug, Default)]
struct Standing {
    seen: usize,
    least: Option<Micros>,
}

impl Standing {
    fn add(&mut self, waited: Micros) {
        if self.seen < STANDING {
            self.seen += 1;
            self.least = Some(self.least.map_or(waited, |l| l.min(waited)));
        }
    }

    fn is_full(&self) -> bool {
        self.seen == STANDING
    }

    fn least(&self) -> Option<Micros> {
        self.least.filter(|_| self.is_full())
    }
}

/// The packets that stood in the queue one behind the other, from the last one back.
///
/// The longest pause between two of them is left out: a radio that said nothing for a moment and then
/// everything at once is no narrow path, and on a narrow one all pauses are alike.
#[derive(Debug, Default)]
struct Busy {
    over: bool,
    packets: u64,
    /// Of what came, without the first one: it began the time.
    bits_out: u64,
    bits_in: u64,
    first: Option<(Packet, Micros)>,
    last: Option<(Packet, Micros)>,
    /// The longest pause, and what came at its end.
    pause: Micros,
    bits_after_pause: u64,
}

impl Busy {
    fn add(&mut self, packet: &Packet, arrival: Option<Micros>, waited: Option<Micros>) {
        if self.over {
            return;
        }
        let (Some(arrival), Some(waited)) = (arrival, waited) else {
            if self.first.is_some() {
                self.bits_in += packet.bits();
            }
            return;
        };
        let spans = self.last.map_or(0, |(_, last)| last.wrapping_sub(arrival));
        // The one that found no queue is where the time begins.
        self.over = waited < WAITED || !(0..=BUSY_MOST).contains(&spans);
        if self.over && (spans < 0 || self.last.is_none()) {
            return;
        }
        if let Some((next, came)) = self.first.replace((*packet, arrival)) {
            self.bits_out += next.bits();
            self.bits_in += next.bits();
            let pause = came.wrapping_sub(arrival);
            if pause > self.pause {
                (self.pause, self.bits_after_pause) = (pause, next.bits());
            }
        }
        self.last.get_or_insert((*packet, arrival));
        self.packets += 1;
    }

    /// How long it was busy, without the longest pause.
    fn span(&self) -> Micros {
        let (Some((_, begun)), Some((_, ended))) = (self.first, self.last) else {
            return 0;
        };
        ended.wrapping_sub(begun).wrapping_sub(self.pause)
    }

    /// What came out of the queue and what went in.
    fn rates(&self) -> Option<(u64, u64)> {
        let ((first, _), (last, _)) = (self.first?, self.last?);
        let span = self.span();
        if span < BUSY_LEAST || self.packets < BUSY_PACKETS {
            return None;
        }
        let out = per_second(self.bits_out - self.bits_after_pause, span);
        let into = per_second(self.bits_in, (last.sent - first.sent).max(1_000));
        Some((out, into))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history of packets of 1,200 bytes, each sent and arrived (or lost) at these times in ms.
    fn history(packets: &[(i64, Option<i64>)]) -> (History, BaseDelay) {
        let (mut history, mut base) = (History::new(), BaseDelay::default());
        for (n, (sent, arrival)) in packets.iter().enumerate() {
            let sent = sent * 1_000;
            if let Some(arrival) = arrival {
                base.note(sent, arrival * 1_000);
            }
            history.insert(Packet {
                sent,
                bytes: 1_200,
                seq: n as u16,
                fate: arrival.map_or(Fate::Missing, |a| Fate::Arrived { at: a * 1_000 }),
                role: Role::Media,
            });
        }
        (history, base)
    }

    fn look(packets: &[(i64, Option<i64>)]) -> Passage {
        let (history, base) = history(packets);
        Passage::look(&history, &base, packets.len() as u16 - 1, -1, 0)
    }

    #[test]
    fn a_path_without_a_queue_has_no_bottleneck() {
        let packets: Vec<_> = (1..200).map(|n| (n * 10, Some(n * 10 + 50))).collect();
        let passage = look(&packets);
        assert_eq!(passage.bottleneck, None);
        assert_eq!(passage.standing, Some(0));
        // 1,200 bytes each 10 ms.
        assert_eq!(passage.sent, 960_000);
        assert_eq!(passage.acked, 960_000);
    }

    #[test]
    fn a_narrowed_path_shows_its_rate_after_five_packets() {
        // 1,200 bytes each 6 ms, then 300 kbit/s: each takes 32 ms.
        let mut packets: Vec<_> = (1..100).map(|n| (n * 6, Some(n * 6 + 20))).collect();
        packets.extend((1..=5).map(|n| (594 + n * 6, Some(614 + n * 32))));
        let passage = look(&packets);
        assert_eq!(passage.bottleneck, Some(300_000));
        assert!(passage.filling);
        assert_eq!(passage.standing, Some(3 * 26_000));
    }

    #[test]
    fn a_pause_with_everything_behind_it_is_no_narrow_path() {
        let mut packets: Vec<_> = (1..100).map(|n| (n * 6, Some(n * 6 + 20))).collect();
        // Nothing for 200 ms, then a packet each 2 ms.
        packets.extend((1..=40).map(|n| (594 + n * 6, Some(814 + n * 2))));
        let passage = look(&packets);
        assert_eq!(passage.bottleneck, Some(4_800_000));
        assert!(!passage.filling);
    }

    #[test]
    fn losses_are_counted_and_not_acknowledged() {
        let packets: Vec<_> = (1..200)
            .map(|n| (n * 10, (n % 5 != 1).then_some(n * 10 + 50)))
            .collect();
        let passage = look(&packets);
        assert_eq!(passage.sent, 960_000);
        assert_eq!(passage.acked, 768_000);
        assert_eq!((passage.recent, passage.missing), (25, 5));
    }

    #[test]
    fn the_least_delay_follows_a_change_of_route_and_another_clock() {
        let mut base = BaseDelay::default();
        for n in 0..100 {
            assert!(!base.note(n * 100_000, n * 100_000 + 20_000));
        }
        assert_eq!(base.waited(0, 120_000), 100_000);
        for n in 100..220 {
            assert!(!base.note(n * 100_000, n * 100_000 + 120_000));
        }
        assert_eq!(base.waited(0, 120_000), 0);
        assert!(base.note(22_000_000, 900_000_000));
        assert_eq!(base.waited(22_000_000, 900_000_000), 0);
    }
}
