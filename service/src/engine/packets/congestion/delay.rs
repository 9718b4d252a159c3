//! Whether the way's delay grows: the delay-based half of Google's congestion control.
//!
//! draft-ietf-rmcat-gcc-02, 5: packets sent in a burst are a group (5.2); how much further apart two
//! groups arrive than they were sent is a sample. The draft's filter became a straight line through
//! the last samples in libwebrtc ("trendline"), whose slope is compared with a threshold that
//! follows it (5.4), so that a flow does not starve beside others that fill queues.

use std::collections::VecDeque;

use super::Micros;

/// What was sent within this time is a group (5.2).
const BURST: Micros = 5_000;
/// What arrives together after a pause is a group for no longer than this: a queue that never
/// empties would be one group.
const BURST_MOST: Micros = 100_000;
/// Samples that the line goes through.
const WINDOW: usize = 20;
/// Share of the old in the smoothed delay, as in libwebrtc.
const SMOOTHING: f64 = 0.9;
/// The slope times this and the number of samples, up to the next, is compared in milliseconds.
const GAIN: f64 = 4.0;
const SAMPLES_COUNTED: u32 = 60;
/// The threshold and its bounds in milliseconds (5.4 and table 1).
const THRESHOLD: f64 = 12.5;
const THRESHOLD_BOUNDS: (f64, f64) = (6.0, 600.0);
/// How fast it follows, per millisecond, away from the signal and towards it (table 1).
const FOLLOW_UP: f64 = 0.0087;
const FOLLOW_DOWN: f64 = 0.039;
/// A signal so far above the threshold is an event, not something to get used to (5.4).
const OUTLIER: f64 = 15.0;
/// The threshold follows over no more than this at once: after a silence it would jump.
const FOLLOW_MOST: f64 = 100.0;
/// For so long the signal has to be above the threshold (table 1: `overuse_time_th`).
const LASTING: Micros = 10_000;

/// What the way's delay does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    /// It shrinks: a queue empties.
    Under,
    Normal,
    /// It grows: a queue fills.
    Over,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: Micros,
    last_sent: Micros,
    first_arrival: Micros,
    last_arrival: Micros,
}

impl Group {
    fn new(sent: Micros, arrival: Micros) -> Self {
        Self {
            first_sent: sent,
            last_sent: sent,
            first_arrival: arrival,
            last_arrival: arrival,
        }
    }

    /// Whether a packet is of this group: sent with it, or held up and let go together with it.
    fn holds(&self, sent: Micros, arrival: Micros) -> bool {
        if sent - self.first_sent <= BURST {
            return true;
        }
        let later = arrival.wrapping_sub(self.last_arrival);
        later <= BURST
            && later < sent - self.last_sent
            && arrival.wrapping_sub(self.first_arrival) < BURST_MOST
    }

    fn add(&mut self, sent: Micros, arrival: Micros) {
        self.last_sent = self.last_sent.max(sent);
        self.last_arrival = self.last_arrival.max(arrival);
    }
}

#[derive(Debug, Default)]
pub(super) struct Delay {
    before: Option<Group>,
    current: Option<Group>,
    line: Line,
}

impl Delay {
    /// A packet arrived; packets are told of in the order in which they were sent.
    pub fn arrived(&mut self, sent: Micros, arrival: Micros) {
        let Some(current) = &mut self.current else {
            self.current = Some(Group::new(sent, arrival));
            return;
        };
        // Told of late, since it came late: its group is gone.
        if sent < current.first_sent {
            return;
        }
        if current.holds(sent, arrival) {
            current.add(sent, arrival);
            return;
        }
        let whole = std::mem::replace(current, Group::new(sent, arrival));
        if let Some(before) = self.before.replace(whole) {
            let apart_sent = whole.last_sent - before.last_sent;
            let apart = whole.last_arrival.wrapping_sub(before.last_arrival);
            self.line.add(
                apart.wrapping_sub(apart_sent),
                apart_sent,
                whole.last_arrival,
            );
        }
    }

    pub fn usage(&self) -> Usage {
        self.line.usage
    }

    /// What was sent between is not to be compared: a probe's own queue, or another clock.
    pub fn interrupt(&mut self) {
        self.before = None;
        self.current = None;
    }

    /// Begin anew, but for the threshold: the rate has changed, and old samples say nothing of it.
    pub fn forget(&mut self) {
        self.interrupt();
        self.line = Line {
            threshold: self.line.threshold,
            ..Line::default()
        };
    }
}

/// A line through the last samples.
#[derive(Debug)]
struct Line {
    /// Arrival and smoothed delay, in milliseconds since the first.
    samples: VecDeque<(f64, f64)>,
    counted: u32,
    first: Option<Micros>,
    sum: f64,
    smoothed: f64,
    slope: f64,
    threshold: f64,
    followed: Option<f64>,
    over_since: Option<Micros>,
    usage: Usage,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            samples: VecDeque::with_capacity(WINDOW),
            counted: 0,
            first: None,
            sum: 0.0,
            smoothed: 0.0,
            slope: 0.0,
            threshold: THRESHOLD,
            followed: None,
            over_since: None,
            usage: Usage::Normal,
        }
    }
}

impl Line {
    /// `more` is how much further apart two groups arrived than they were sent.
    fn add(&mut self, more: Micros, apart_sent: Micros, arrival: Micros) {
        let first = *self.first.get_or_insert(arrival);
        let at = arrival.wrapping_sub(first) as f64 / 1_000.0;
        self.counted = (self.counted + 1).min(SAMPLES_COUNTED);
        self.sum += more as f64 / 1_000.0;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.sum;
        if self.samples.len() == WINDOW {
            self.samples.pop_front();
        }
        self.samples.push_back((at, self.smoothed));
        let slope = match self.samples.len() == WINDOW {
            true => slope(&self.samples),
            false => 0.0,
        };
        let signal = f64::from(self.counted) * slope * GAIN;
        self.judge(signal, slope, apart_sent, arrival);
        self.follow(signal, at);
        self.slope = slope;
    }

    fn judge(&mut self, signal: f64, slope: f64, apart_sent: Micros, arrival: Micros) {
        if signal.abs() <= self.threshold {
            self.over_since = None;
            self.usage = Usage::Normal;
        } else if signal < 0.0 {
            self.over_since = None;
            self.usage = Usage::Under;
        } else {
            let since = *self.over_since.get_or_insert(arrival - apart_sent / 2);
            if arrival.wrapping_sub(since) > LASTING && slope >= self.slope {
                self.usage = Usage::Over;
            }
        }
    }

    /// The threshold follows the signal: away from it slowly, back fast (5.4).
    fn follow(&mut self, signal: f64, at: f64) {
        let since = self.followed.replace(at).unwrap_or(at);
        let signal = signal.abs();
        if signal > self.threshold + OUTLIER {
            return;
        }
        let speed = match signal < self.threshold {
            true => FOLLOW_DOWN,
            false => FOLLOW_UP,
        };
        let passed = (at - since).clamp(0.0, FOLLOW_MOST);
        self.threshold += speed * (signal - self.threshold) * passed;
        self.threshold = self.threshold.clamp(THRESHOLD_BOUNDS.0, THRESHOLD_BOUNDS.1);
    }
}

/// Least squares.
fn slope(samples: &VecDeque<(f64, f64)>) -> f64 {
    let n = samples.len() as f64;
    let (x, y) = samples
        .iter()
        .fold((0.0, 0.0), |(x, y), s| (x + s.0, y + s.1));
    let (x, y) = (x / n, y / n);
    let (over, under) = samples.iter().fold((0.0, 0.0), |(over, under), s| {
        (over + (s.0 - x) * (s.1 - y), under + (s.0 - x) * (s.0 - x))
    });
    match under > 0.0 {
        true => over / under,
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet each 20 ms, whose delay grows by `growth` microseconds with each.
    fn paced(delay: &mut Delay, count: i64, growth: impl Fn(i64) -> i64) -> Usage {
        let mut queue = 0;
        for n in 0..count {
            queue += growth(n);
            delay.arrived(n * 20_000, n * 20_000 + queue);
        }
        delay.usage()
    }

    #[test]
    fn a_growing_delay_is_overuse_a_shrinking_one_underuse() {
        assert_eq!(paced(&mut Delay::default(), 60, |_| 0), Usage::Normal);
        assert_eq!(paced(&mut Delay::default(), 60, |_| 3_000), Usage::Over);
        assert_eq!(paced(&mut Delay::default(), 60, |_| -3_000), Usage::Under);
        // Jitter that goes up and down by 5 ms is neither.
        let jitter = |n: i64| if n % 2 == 0 { 5_000 } else { -5_000 };
        assert_eq!(paced(&mut Delay::default(), 60, jitter), Usage::Normal);
    }

    #[test]
    fn a_burst_is_one_sample() {
        let mut delay = Delay::default();
        for frame in 0..60 {
            // Seven packets at once, that a narrow link delivers 1.5 ms apart: no queue grows.
            for n in 0..7 {
                delay.arrived(frame * 33_000, frame * 33_000 + n * 1_500);
            }
        }
        assert_eq!(delay.usage(), Usage::Normal);
    }

    #[test]
    fn what_comes_out_of_order_changes_nothing() {
        let (mut straight, mut shuffled) = (Delay::default(), Delay::default());
        for n in 0..60 {
            straight.arrived(n * 20_000, n * 23_000);
            shuffled.arrived(n * 20_000, n * 23_000);
            shuffled.arrived((n - 3).max(0) * 20_000, n * 23_000 + 1_000);
        }
        assert_eq!(straight.usage(), Usage::Over);
        assert_eq!(shuffled.usage(), Usage::Over);
    }
}
