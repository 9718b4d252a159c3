//! The only place that reads a clock; everything that decides gets the time as an argument.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use time::format_description::well_known::Rfc3339;
use time::OffsetDateTime;

/// The time that the runtime's timers go by: a simulation stops it, and both stand still.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    #[cfg(test)]
    if let Some(ms) = simulated::now_ms() {
        return ms;
    }
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The wall clock as LiveKit's messages want it.
pub fn wall() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(now_ms())
}

/// A time as the REST interfaces write it: RFC 3339, UTC.
pub fn rfc3339(ms: u64) -> String {
    let nanos = i128::from(ms) * 1_000_000;
    let time =
        OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(&Rfc3339).unwrap_or_default()
}

/// Reads an RFC 3339 time, with any offset and any number of fractional digits.
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
}

/// A wall clock that goes by the runtime's time, from a date of the test's choice.
#[cfg(test)]
pub(crate) mod simulated {
    use std::cell::Cell;
    use std::time::Instant;

    thread_local! {
        static BEGUN: Cell<Option<(Instant, u64)>> = const { Cell::new(None) };
    }

    /// From now on this thread's wall clock says `ms` and what the runtime's time has gone on since.
    pub fn begin(ms: u64) {
        BEGUN.set(Some((super::now(), ms)));
    }

    pub fn end() {
        BEGUN.set(None);
    }

    pub(super) fn now_ms() -> Option<u64> {
        let (begun, ms) = BEGUN.get()?;
        let gone = super::now().saturating_duration_since(begun);
        Some(ms + u64::try_from(gone.as_millis()).unwrap_or(u64::MAX))
    }
}
