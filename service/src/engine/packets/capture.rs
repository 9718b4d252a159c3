//! When a packet was captured, on the engine's clock.
//!
//! A publisher's sender reports say which of its RTP times is which time of its own clock (RFC
//! 3550 6.4.1), and that clock is one for its sound and its picture. So both are moved onto the
//! engine's clock by one offset, and stay as far apart as they were captured, however much later
//! one of them arrives. The offset is that of the quickest packet of late: the shortest way. From when
//! sound is reported on it changes slowly: receivers average over many reports. Pictures are moved by as
//! much as it changes, before and after, see [`super::continuity`].

use std::time::{Duration, Instant};

use super::rtcp::SenderInfo;

/// The quickest packet is looked for among those of this long and as much before: the clocks drift
/// apart by up to 50 ms in a quarter of an hour, a fraction of a millisecond in this time.
const WINDOW: Duration = Duration::from_secs(10);

/// The offset follows by so much of the time that passes: faster than clocks drift, too slow to be seen.
const SLEW: i128 = 1_000;
/// A clock that was set is followed at once.
const STEP: i128 = 500_000_000;

/// Ticks a second of sound's times (RFC 7587 4.1).
const SOUND: u32 = 48_000;
/// And of pictures' (RFC 7741 4.1, RFC 9628 4, RFC 6184 5.1).
pub(crate) const VIDEO: u32 = 90_000;

/// Those of one of them.
pub(crate) fn clock_rate(video: bool) -> u32 {
    if video {
        VIDEO
    } else {
        SOUND
    }
}

/// When a packet was captured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Captured {
    /// On the engine's clock; that of its arrival while the publisher has not reported on its stream.
    /// It may be later than the arrival, by as much as the offset has still to follow.
    pub at: Instant,
    /// By the publisher's clock.
    pub reported: bool,
}

impl Captured {
    /// Nobody knows better.
    pub fn on_arrival(at: Instant) -> Self {
        Self {
            at,
            reported: false,
        }
    }
}

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
    /// What is added to the publisher's times, and since when.
    offset: Option<(i128, Instant)>,
    sound: Sound,
}

/// Whether there was a report on sound, which comes seconds after its first packets.
#[derive(Debug)]
enum Sound {
    Silent,
    /// The stream, an RTP time of it, and when that would have come by the quickest packet so far, in
    /// nanoseconds.
    Unreported(u32, u32, i128),
    Reported,
}

impl CaptureClock {
    pub fn new(now: Instant) -> Self {
        Self {
            origin: now,
            ahead: None,
            before: None,
            window: now,
            offset: None,
            sound: Sound::Silent,
        }
    }

    /// The time of capture of a packet with this RTP time.
    pub fn captured(
        &mut self,
        report: Option<&SenderInfo>,
        (stream, rtp_time): (u32, u32),
        audio: bool,
        arrived: Instant,
    ) -> Captured {
        let arrival = nanos(arrived.saturating_duration_since(self.origin));
        let Some(report) = report else {
            if audio {
                self.heard(stream, rtp_time, arrival);
            }
            return Captured::on_arrival(arrived);
        };
        if audio {
            self.reported(stream, report, arrived);
        }
        let own = own_time(report, rtp_time, clock_rate(!audio));
        let ahead = self.note(arrival - own, arrived);
        let captured = own + self.follow(ahead, arrived);
        let since = u64::try_from(captured.min(arrival + STEP)).unwrap_or(0);
        Captured {
            at: self.origin + Duration::from_nanos(since),
            reported: true,
        }
    }

    /// Sound came without a report.
    fn heard(&mut self, stream: u32, rtp_time: u32, arrival: i128) {
        match &mut self.sound {
            Sound::Silent => self.sound = Sound::Unreported(stream, rtp_time, arrival),
            Sound::Unreported(known, first, quickest) if *known == stream => {
                *quickest = (*quickest).min(arrival - elapsed(*first, rtp_time, SOUND));
            }
            Sound::Unreported(..) | Sound::Reported => {}
        }
    }

    /// Sound came with a report: what came before counts by it, and the offset is found.
    fn reported(&mut self, stream: u32, report: &SenderInfo, now: Instant) {
        if let Sound::Reported = self.sound {
            return;
        }
        if let Sound::Unreported(known, first, quickest) = self.sound {
            if known == stream {
                self.note(quickest - own_time(report, first, SOUND), now);
            }
        }
        self.sound = Sound::Reported;
        self.offset = None;
    }

    fn follow(&mut self, ahead: i128, now: Instant) -> i128 {
        let (offset, since) = self.offset.unwrap_or((ahead, now));
        let missing = ahead - offset;
        let most = nanos(now.saturating_duration_since(since)) / SLEW;
        let at_once = !matches!(self.sound, Sound::Reported) || missing.abs() > STEP;
        let offset = match at_once {
            true => ahead,
            false => offset + missing.clamp(-most, most),
        };
        self.offset = Some((offset, now));
        offset
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
    reported + elapsed(report.time, rtp_time, clock_rate)
}

/// Nanoseconds from one RTP time to another, which may be the earlier.
fn elapsed(from: u32, to: u32, clock_rate: u32) -> i128 {
    let since = to.wrapping_sub(from).cast_signed();
    i128::from(since) * 1_000_000_000 / i128::from(clock_rate)
}

/// RTP time that passes from one instant to another, which may be the earlier.
pub(crate) fn ticks(from: Instant, to: Instant, clock_rate: u32) -> u32 {
    let passed =
        |gap: Duration| (gap.as_micros() as u64 * u64::from(clock_rate) / 1_000_000) as u32;
    match to.checked_duration_since(from) {
        Some(gap) => passed(gap),
        None => passed(from - to).wrapping_neg(),
    }
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
    /// Streams.
    const HEARD: u32 = 1;
    const SEEN: u32 = 2;

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
            let time = (HEARD, 48_000 + n * 960);
            let heard = clock.captured(Some(&sound), time, true, captured + 10 * MS);
            let time = (SEEN, (u32::MAX - 100).wrapping_add(n * 1_800));
            let seen = clock.captured(Some(&picture), time, false, captured + 90 * MS);
            apart.push(match seen.at > heard.at {
                true => seen.at - heard.at,
                false => heard.at - seen.at,
            });
        }
        assert!(apart.iter().all(|d| *d < MS), "{apart:?}");
    }

    #[test]
    fn without_a_report_it_is_the_arrival() {
        let start = Instant::now();
        let mut clock = CaptureClock::new(start);
        let captured = clock.captured(None, (HEARD, 5), true, start);
        assert_eq!((captured.at, captured.reported), (start, false));
    }

    #[test]
    fn the_first_report_on_sound_counts_for_what_came_before() {
        let start = Instant::now();
        let mut clock = CaptureClock::new(start);
        let (sound, picture) = (
            report(Duration::from_secs(9), 0),
            report(Duration::from_secs(9), 0),
        );
        for n in 0..100u32 {
            // One of them takes 5 ms, the others up to 80.
            let late = if n == 42 { 5 } else { 50 + n % 30 };
            clock.captured(None, (HEARD, n * 960), true, start + (n * 20 + late) * MS);
            let late = start + (n * 20 + 150) * MS;
            clock.captured(Some(&picture), (SEEN, n * 1_800), false, late);
        }
        let arrived = start + 2_080 * MS;
        let heard = clock.captured(Some(&sound), (HEARD, 96_000), true, arrived);
        let seen = clock.captured(Some(&picture), (SEEN, 180_000), false, start + 2_150 * MS);
        assert_eq!(
            (heard.at, seen.at),
            (start + 2_005 * MS, start + 2_005 * MS)
        );
    }

    #[test]
    fn a_quicker_packet_moves_no_sound_at_once() {
        let start = Instant::now();
        let mut clock = CaptureClock::new(start);
        let info = report(Duration::from_secs(5), 0);
        let mut at = |captured: u32, late: u32| {
            let arrived = start + (captured + late) * MS;
            let time = (HEARD, captured * 48);
            clock.captured(Some(&info), time, true, arrived).at
        };
        // Everything is late at first.
        let first = at(1_000, 200);
        let second = at(1_020, 5);
        assert!(second - first > 19 * MS && second - first < 21 * MS);
        let later = (1_040..400_000).step_by(20).map(|n| at(n, 5)).last();
        assert_eq!(later, Some(start + 399_985 * MS), "and follows in the end");
    }

    #[test]
    fn a_clock_that_is_set_is_followed() {
        let start = Instant::now();
        let mut clock = CaptureClock::new(start);
        let info = report(Duration::from_secs(5), 0);
        let mut last = start;
        for second in 0..40u32 {
            // From the second on everything comes 600 ms later by that clock.
            let late = if second == 0 { 0 } else { 600 };
            let arrived = start + (second * 1_000 + late) * MS;
            let time = (HEARD, second * 48_000);
            last = clock.captured(Some(&info), time, true, arrived).at;
        }
        assert_eq!(last, start + 39_600 * MS);
    }
}
