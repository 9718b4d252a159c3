//! How a stream arrives, as receiver reports tell its sender (RFC 3550 6.4.1, A.3, A.8).

use std::time::{Duration, Instant};

use super::rtcp::Block;
use crate::engine::packets::rtcp::SenderInfo;

/// The count of lost packets is a signed number of 24 bits.
const MOST_LOST: i64 = 0x7f_ffff;

#[derive(Debug, Default)]
pub(crate) struct Reception {
    first: Option<First>,
    highest: u64,
    received: u64,
    /// Both at the last report.
    expected_before: u64,
    received_before: u64,
    /// In RTP time, sixteenfold.
    jitter: u64,
    /// The last packet's RTP time and how long it was on its way, in RTP time, from any origin.
    latest: Option<(u32, i64)>,
    /// The middle of the last sender report's NTP time, and when that came.
    sender: Option<(u32, Instant)>,
}

#[derive(Debug, Clone, Copy)]
struct First {
    number: u64,
    at: Instant,
}

/// Packets expected and lost since the last report.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loss {
    pub expected: u64,
    pub lost: u64,
}

impl Loss {
    pub fn add(&mut self, other: Self) {
        self.expected += other.expected;
        self.lost += other.lost;
    }

    pub fn share(self) -> f32 {
        match self.expected {
            0 => 0.0,
            expected => self.lost as f32 / expected as f32,
        }
    }
}

impl Reception {
    /// A packet came that did not come before.
    pub fn arrived(&mut self, number: u64, time: u32, clock_rate: u32, now: Instant) {
        let first = *self.first.get_or_insert(First { number, at: now });
        if number < first.number {
            // What came before the first was not expected.
            return;
        }
        self.received += 1;
        if number >= self.highest {
            self.highest = number;
            self.travelled(time, clock_rate, now.saturating_duration_since(first.at));
        }
    }

    /// A frame's packets have one time and are sent one by one: only the first tells anything.
    fn travelled(&mut self, time: u32, clock_rate: u32, since: Duration) {
        let arrived = since.as_micros() as i64 * i64::from(clock_rate) / 1_000_000;
        let Some((before, travelled_before)) = self.latest else {
            self.latest = Some((time, arrived));
            return;
        };
        let passed = i64::from(time.wrapping_sub(before).cast_signed());
        if passed == 0 {
            return;
        }
        // Both as distances from the packet before, so that RTP time may wrap.
        let difference = (arrived - travelled_before - passed).unsigned_abs();
        // A pause, such as a muted source, is no jitter: its clock may have gone on or not.
        let difference = difference.min(u64::from(clock_rate));
        self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
        self.latest = Some((time, arrived));
    }

    pub fn reported(&mut self, info: &SenderInfo, now: Instant) {
        self.sender = Some(((info.ntp >> 16) as u32, now));
    }

    /// Whether packets came since the last report.
    pub fn has_news(&self) -> bool {
        self.received > self.received_before
    }

    /// What to report, and what was lost since the last report.
    pub fn report(&mut self, ssrc: u32, now: Instant) -> (Block, Loss) {
        let first = self.first.map_or(self.highest, |f| f.number);
        let expected = self.highest + 1 - first;
        let loss = self.since_last(expected);
        let all = expected.cast_signed() - self.received.cast_signed();
        let (last_report, delay) = match self.sender {
            None => (0, 0),
            Some((middle, at)) => {
                let waited = now.saturating_duration_since(at).as_micros();
                (middle, (waited * 65_536 / 1_000_000) as u32)
            }
        };
        let block = Block {
            ssrc,
            fraction: (loss.lost * 256 / loss.expected.max(1)).min(255) as u8,
            lost: all.clamp(-MOST_LOST - 1, MOST_LOST) as i32,
            highest: self.highest as u32,
            jitter: (self.jitter >> 4) as u32,
            last_report,
            delay,
        };
        (block, loss)
    }

    fn since_last(&mut self, expected: u64) -> Loss {
        let since = expected - self.expected_before;
        let received = self.received - self.received_before;
        (self.expected_before, self.received_before) = (expected, self.received);
        Loss {
            expected: since,
            // Fewer than none if what was late came now.
            lost: since.saturating_sub(received),
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // any time is good to begin a test with
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn loss_is_told_for_the_last_stretch_and_in_all() {
        let (start, mut reception) = (Instant::now(), Reception::default());
        for number in (100..200).filter(|n| n % 4 != 3) {
            reception.arrived(number, 0, 90_000, start);
        }
        let (block, loss) = reception.report(7, start);
        // The last one that came is 198: nobody can miss 199.
        assert_eq!((loss.expected, loss.lost), (99, 24));
        assert_eq!((block.lost, block.fraction), (24, (24 * 256 / 99) as u8));
        assert_eq!((block.ssrc, block.highest), (7, 198));
        assert!(!reception.has_news());
        // What was late counts again.
        reception.arrived(195, 0, 90_000, start);
        (200..210).for_each(|n| reception.arrived(n, 0, 90_000, start));
        assert!(reception.has_news());
        let (block, loss) = reception.report(7, start);
        assert_eq!((block.lost, block.fraction), (24, 0));
        assert_eq!((loss.expected, loss.lost), (11, 0));
    }

    #[test]
    fn jitter_is_that_of_rfc_3550() {
        let (start, mut reception) = (Instant::now(), Reception::default());
        // Every second frame 10 ms late: each differs by 10 ms from the one before, and the mean
        // approaches that. A frame's second packet does not count.
        for n in 0..500u32 {
            let late = if n % 2 == 1 { 10 * MS } else { Duration::ZERO };
            let time = (u32::MAX - 90_000).wrapping_add(n * 1_800);
            for packet in 0..2 {
                let at = start + n * 20 * MS + late + packet * 5 * MS;
                reception.arrived(u64::from(2 * n + packet), time, 90_000, at);
            }
        }
        let (block, _) = reception.report(1, start);
        assert!((880..=900).contains(&block.jitter), "{}", block.jitter);
    }

    #[test]
    fn a_report_answers_the_senders() {
        let (start, mut reception) = (Instant::now(), Reception::default());
        reception.arrived(1, 0, 90_000, start);
        let info = SenderInfo {
            ssrc: 7,
            ntp: 0x1122_3344_5566_7788,
            time: 0,
        };
        reception.reported(&info, start);
        let (block, _) = reception.report(7, start + 500 * MS);
        assert_eq!((block.last_report, block.delay), (0x3344_5566, 32_768));
    }

    #[test]
    fn a_sender_that_sends_the_same_twice_is_no_loss() {
        let (start, mut reception) = (Instant::now(), Reception::default());
        reception.arrived(10, 0, 90_000, start);
        reception.arrived(5, 0, 90_000, start);
        let (block, loss) = reception.report(7, start);
        assert_eq!((block.lost, loss.lost, loss.expected), (0, 0, 1));
    }
}
