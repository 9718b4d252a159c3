//! What the engine's clock says to others: NTP time in sender reports, and the time of sending in
//! packets. One offset for all sessions, taken once: what counts for receivers is that the distance
//! between two times is right, and system clocks are set now and then.

use std::time::{Duration, Instant};

/// From NTP's epoch (1900) to 1970, in seconds (RFC 5905 6).
const NTP_AHEAD: u64 = 2_208_988_800;

/// Relates the engine's clock to the world's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WallClock {
    at: Instant,
    /// Since 1970, then.
    since_epoch: Duration,
}

impl WallClock {
    /// It is `since_epoch` after 1970 at this instant.
    pub fn new(at: Instant, since_epoch: Duration) -> Self {
        Self { at, since_epoch }
    }

    /// Seconds since 1900, as 32 bits and 32 of their fraction.
    pub fn ntp(&self, now: Instant) -> u64 {
        let since = self.since_epoch + now.saturating_duration_since(self.at);
        let seconds = (since.as_secs() + NTP_AHEAD) << 32;
        seconds | ((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000)
    }

    /// The middle of an NTP time: what reports repeat (RFC 3550 6.4.1), in 65536ths of a second.
    pub fn ntp_middle(&self, now: Instant) -> u32 {
        (self.ntp(now) >> 16) as u32
    }

    /// `abs-send-time`: 6 bits of seconds, 18 of their fraction.
    pub fn send_time(&self, now: Instant) -> u32 {
        (self.ntp(now) >> 14) as u32 & 0xff_ffff
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // any time is good to begin a test with
mod tests {
    use super::*;

    #[test]
    fn times_are_as_the_rfcs_have_them() {
        let start = Instant::now();
        let clock = WallClock::new(start, Duration::from_secs(1_000));
        let later = start + Duration::from_millis(2_500);
        assert_eq!(clock.ntp(later) >> 32, 2_208_988_800 + 1_002);
        assert_eq!(clock.ntp(later) as u32, 1 << 31);
        assert_eq!(
            clock.ntp_middle(later) - clock.ntp_middle(start),
            5 * 65_536 / 2
        );
        let seconds = (2_208_988_800u64 + 1_002) % 64;
        assert_eq!(u64::from(clock.send_time(later)), seconds << 18 | 1 << 17);
    }
}
