//! When a packet was captured, on the engine's clock.
//!
//! A publisher's sender reports say which of its RTP times is which time of its own clock (RFC
//! 3550 6.4.1), and that clock is one for its sound and its picture. So both are moved onto the
//! engine's clock by one offset, and stay as far apart as they were captured, however much later
//! one of them arrives. The offset is that of the quickest packet of late: the shortest way.

use std::time::{Duration, Instant};

use super::rtcp::SenderInfo;

/// The quickest packet is looked for among those of this long and as much before: the clocks drift
/// apart by up to 50 ms in a quarter of an hour, a fraction of a millisecond in this time.
const WINDOW: Duration = Duration::from_secs(10);

/// Relates one publisher's clock to the engine's.
#[derive(Debug)]
pub(crate) struct CaptureClock {
    /// What the engine's times are counted from.
    origin: Instant,
    /// Nanoseconds that the engine's clock is ahead of the publisher's, at least: in this window
    /// and in the one before.
    ahead: Option<i128>,
    before: Option<i128>,
    window: Instant,
}

impl CaptureClock {
    pub fn new(now: Instant) -> Self {
        Self {
            origin: now,
            ahead: None,
            before: None,
            window: now,
        }
    }

    /// The time of capture of a packet with this RTP time; that of its arrival while the publisher
    /// has not reported. Never later than the arrival.
    pub fn captured(
        &mut self,
        report: Option<&SenderInfo>,
        rtp_time: u32,
        clock_rate: u32,
        arrived: Instant,
    ) -> Instant {
        let Some(own) = report.map(|r| own_time(r, rtp_time, clock_rate)) else {
            return arrived;
        };
        let arrival = nanos(arrived.saturating_duration_since(self.origin));
        let ahead = self.note(arrival - own, arrived);
        let captured = own + ahead;
        let since = u64::try_from(captured).unwrap_or(0);
        (self.origin + Duration::from_nanos(since)).min(arrived)
    }

    fn note(&mut self, ahead: i128, now: Instant) -> i128 {
        if now.saturating_duration_since(self.window) > WINDOW {
            self.window = now;
            self.before = self.ahead.take();
        }
        let least = self.ahead.map_or(ahead, |a| a.min(ahead));
        self.ahead = Some(least);
        self.before.map_or(least, |b| b.min(least))
    }
}

/// The RTP time on the publisher's own clock, in nanoseconds since 1900.
fn own_time(report: &SenderInfo, rtp_time: u32, clock_rate: u32) -> i128 {
    let reported = (i128::from(report.ntp) * 1_000_000_000) >> 32;
    let since = rtp_time.wrapping_sub(report.time).cast_signed();
    reported + i128::from(since) * 1_000_000_000 / i128::from(clock_rate.max(1))
}

fn nanos(duration: Duration) -> i128 {
    duration.as_nanos().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(own: Duration, time: u32) -> SenderInfo {
        SenderInfo {
            ssrc: 1,
            ntp: own.as_secs() << 32,
            time,
        }
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn sound_and_picture_of_one_instant_stay_together() {
        let start = Instant::now();
        let mut clock = CaptureClock::new(start);
        // The publisher's clock says something else altogether.
        let epoch = Duration::from_secs(1_000_000);
        let sound = report(epoch, 48_000);
        let picture = report(epoch, u32::MAX - 100);
        let mut apart = Vec::new();
        for n in 0..100u32 {
            let captured = start + n * 20 * MS;
            let heard = clock.captured(Some(&sound), 48_000 + n * 960, 48_000, captured + 10 * MS);
            let time = (u32::MAX - 100).wrapping_add(n * 1_800);
            let seen = clock.captured(Some(&picture), time, 90_000, captured + 90 * MS);
            apart.push(if seen > heard {
                seen - heard
            } else {
                heard - seen
            });
        }
        assert!(apart.iter().all(|d| *d < MS), "{apart:?}");
    }

    #[test]
    fn without_a_report_it_is_the_arrival_and_never_later() {
        let start = Instant::now();
        let mut clock = CaptureClock::new(start);
        assert_eq!(clock.captured(None, 5, 90_000, start), start);
        let info = report(Duration::from_secs(5), 0);
        for late in [40u32, 10, 30] {
            let arrived = start + late * MS;
            assert!(clock.captured(Some(&info), 0, 90_000, arrived) <= arrived);
        }
    }

    #[test]
    fn a_clock_that_falls_behind_is_followed() {
        let start = Instant::now();
        let mut clock = CaptureClock::new(start);
        let info = report(Duration::from_secs(5), 0);
        clock.captured(Some(&info), 0, 90_000, start);
        // From now on everything comes 500 ms later by that clock.
        let mut last = start;
        for second in 1..40u32 {
            let arrived = start + second * 1_000 * MS + 500 * MS;
            last = clock.captured(Some(&info), second * 90_000, 90_000, arrived);
            assert!(last <= arrived);
        }
        assert_eq!(last, start + 39_500 * MS);
    }
}
