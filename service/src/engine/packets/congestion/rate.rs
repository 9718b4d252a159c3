//! The rate itself: how it falls and how it grows (draft-ietf-rmcat-gcc-02, 5.5).
//!
//! It falls to a share of what came through, and grows by a share of itself each second, or, near
//! the rate at which the path was full before, by about a packet each round trip. It never grows
//! beyond half as much again as what came through: what nobody has tried is not known. What *was*
//! tried, by probing, stays, though less is sent than would pass.

use super::Micros;

/// Less than this is not worth to be given: Opus needs it for speech.
pub(super) const LEAST: u64 = 30_000;
/// More than this nobody sends to one participant: two dozen of the largest pictures.
pub(super) const MOST: u64 = 50_000_000;
/// What is left when the path is full (5.5: β).
const DECREASE: f64 = 0.85;
/// Growth each second far from the capacity (5.5: η).
const INCREASE: f64 = 0.08;
/// Least growth near it, bits per second each second, as in libwebrtc.
const INCREASE_LEAST: f64 = 4_000.0;
/// A response takes a round trip and so long for the detector (5.5).
const RESPONSE: Micros = 100_000;
/// Size of a packet in bits, of which one more is sent each response time.
const PACKET: f64 = 8.0 * 1_200.0;
/// What came through is no proof of more than half as much again, and of a little where next to
/// nothing is sent (5.5).
const PROOF: f64 = 1.5;
const PROOF_MORE: u64 = 10_000;
/// Growth counts time up to here: after a silence it would jump.
const STEP_MOST: Micros = 500_000;

/// Rates at which the path was full before: mean and spread of the last few.
#[derive(Debug, Default)]
struct Capacity {
    mean: Option<f64>,
    /// Variance, over the mean.
    spread: f64,
}

/// Share of the newest one; bounds of the spread, in kbit/s as in libwebrtc.
const NEWEST: f64 = 0.05;
const SPREAD: (f64, f64) = (0.4, 2.5);

impl Capacity {
    fn deviation(&self, mean: f64) -> f64 {
        3.0 * (self.spread.clamp(SPREAD.0, SPREAD.1) * mean).sqrt()
    }

    /// Whether this rate is near it.
    fn is_near(&self, rate: u64) -> bool {
        let rate = rate as f64 / 1_000.0;
        let near = |mean: f64| (rate - mean).abs() <= self.deviation(mean);
        self.mean.is_some_and(near)
    }

    fn full_at(&mut self, rate: u64) {
        if !self.is_near(rate) {
            *self = Self::default();
        }
        let rate = rate as f64 / 1_000.0;
        let mean = match self.mean {
            None => rate,
            Some(mean) => mean + NEWEST * (rate - mean),
        };
        let error = mean - rate;
        self.spread += NEWEST * (error * error / mean.max(1.0) - self.spread);
        self.mean = Some(mean);
    }

    /// More than that came through: it is out of date.
    fn passed(&mut self, rate: u64) {
        let rate = rate as f64 / 1_000.0;
        if self
            .mean
            .is_some_and(|mean| rate > mean + self.deviation(mean))
        {
            *self = Self::default();
        }
    }
}

#[derive(Debug)]
pub(super) struct Rate {
    bps: u64,
    capacity: Capacity,
    /// Where it stood when it was found that what is lost is lost at any rate.
    ceiling: Option<u64>,
    /// When it last grew, or could have.
    stepped: Option<Micros>,
}

impl Rate {
    pub fn new(bps: u64) -> Self {
        Self {
            bps: bps.clamp(LEAST, MOST),
            capacity: Capacity::default(),
            ceiling: None,
            stepped: None,
        }
    }

    pub fn bps(&self) -> u64 {
        self.bps
    }

    /// No more than now while that lasts.
    pub fn stay(&mut self, lasting: bool) {
        self.ceiling = lasting.then(|| self.ceiling.unwrap_or(self.bps));
    }

    /// The most that it may become.
    pub fn most(&self) -> u64 {
        self.ceiling.unwrap_or(MOST)
    }

    fn lower(&mut self, bps: u64, now: Micros) {
        self.bps = self.bps.min(bps.max(LEAST));
        self.stepped = Some(now);
    }

    /// The path is full, and this is what comes through.
    pub fn full_at(&mut self, through: u64, now: Micros) {
        self.capacity.full_at(through);
        self.lower((through as f64 * DECREASE) as u64, now);
    }

    /// A queue grows, though what was sent comes through: others fill it, or it is a whim. Down one
    /// step at a time, and no further than a full path would take it.
    pub fn ease(&mut self, through: u64, now: Micros) {
        let full = (through as f64 * DECREASE) as u64;
        self.lower(full.max((self.bps as f64 * DECREASE) as u64), now);
    }

    /// To this share of itself.
    pub fn scale(&mut self, share: f64, now: Micros) {
        self.lower((self.bps as f64 * share) as u64, now);
    }

    /// Time passed in which it may not grow.
    pub fn hold(&mut self, now: Micros) {
        self.stepped = Some(now);
    }

    /// Nothing is in the way: grow as far as what comes through is proof of.
    pub fn grow(&mut self, acked: u64, round_trip: Micros, now: Micros) {
        let since = self.stepped.replace(now).unwrap_or(now);
        let seconds = (now - since).clamp(0, STEP_MOST) as f64 / 1e6;
        self.capacity.passed(acked);
        let bps = self.bps as f64;
        let more = match self.capacity.is_near(self.bps) {
            true => {
                let response = (round_trip + RESPONSE) as f64 / 1e6;
                (PACKET / response).max(INCREASE_LEAST) * seconds
            }
            false => (bps * INCREASE).max(INCREASE_LEAST) * seconds,
        };
        let proven = (acked as f64 * PROOF) as u64 + PROOF_MORE;
        let grown = ((bps + more) as u64).min(proven).min(self.most());
        self.bps = self.bps.max(grown);
    }

    /// A probe came through at this rate.
    pub fn proven(&mut self, bps: u64, now: Micros) {
        if bps.min(self.most()) > self.bps {
            self.bps = bps.min(self.most());
            self.capacity.passed(bps);
            self.stepped = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    /// So many seconds in which this comes through.
    fn pass(rate: &mut Rate, now: &mut Micros, seconds: i64, through: impl Fn(u64) -> u64) {
        for _ in 0..seconds * 10 {
            *now += SECOND / 10;
            rate.grow(through(rate.bps()), 50_000, *now);
        }
    }

    #[test]
    fn it_grows_by_a_twelfth_each_second_and_slower_near_the_capacity() {
        let (mut rate, mut now) = (Rate::new(1_000_000), 0);
        pass(&mut rate, &mut now, 10, |r| r);
        assert!(
            (2_000_000..2_300_000).contains(&rate.bps()),
            "{}",
            rate.bps()
        );
        rate.full_at(2_000_000, now);
        assert_eq!(rate.bps(), 1_700_000);
        rate.full_at(1_800_000, now);
        pass(&mut rate, &mut now, 3, |r| r);
        let before = rate.bps();
        rate.capacity.full_at(before);
        rate.capacity.full_at(before);
        pass(&mut rate, &mut now, 1, |_| before);
        assert!(rate.bps() - before < 70_000, "{}", rate.bps() - before);
    }

    #[test]
    fn who_sends_little_keeps_what_is_proven_and_gets_no_more() {
        let (mut rate, mut now) = (Rate::new(2_000_000), 0);
        pass(&mut rate, &mut now, 60, |_| 44_000);
        assert_eq!(rate.bps(), 2_000_000);
        rate.full_at(60_000, now);
        assert_eq!(rate.bps(), 51_000);
        pass(&mut rate, &mut now, 60, |_| 44_000);
        assert_eq!(rate.bps(), 76_000);
        rate.proven(400_000, now);
        pass(&mut rate, &mut now, 60, |_| 44_000);
        assert_eq!(rate.bps(), 400_000);
    }

    #[test]
    fn it_eases_step_by_step_and_not_below_what_comes_through() {
        let mut rate = Rate::new(2_000_000);
        rate.ease(200_000, 0);
        assert_eq!(rate.bps(), 1_700_000);
        (1..50).for_each(|n| rate.ease(200_000, n));
        assert_eq!(rate.bps(), 170_000);
        (1..50).for_each(|n| rate.scale(0.5, n));
        assert_eq!(rate.bps(), LEAST);
    }
}
