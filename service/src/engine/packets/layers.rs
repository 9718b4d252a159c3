//! Spatial and temporal layers of a published track, and what each costs.
//!
//! Measured where the track arrives ([`Meter`]), read wherever it is received ([`Rates`]): plain
//! atomics, so that nobody waits for anybody.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Simulcast layers of a track: LiveKit's clients name three (`q`, `h`, `f`).
pub(crate) const SPATIAL: usize = 3;
/// Temporal layers: VP8's TID has two bits (RFC 7741 4.2).
pub(crate) const TEMPORAL: usize = 4;

/// A layer that sent nothing for so long while another one of its track did has been stopped by
/// its encoder; even a shared screen's layers send five frames a second. Compared with the other
/// layers, not with the clock: a screen on which nothing changes sends a frame a second in all.
const SILENCE: Duration = Duration::from_millis(400);

/// What a layer is taken to cost until it was measured: the bit rates that LiveKit's clients give
/// their three layers by default.
const ASSUMED: [u32; SPATIAL] = [150_000, 500_000, 1_700_000];

/// Measurements after which a layer's own average is believed.
const SETTLED: u32 = 4;
/// The share of the newest measurement in the average: ten of them, a second, are what counts.
const NEWEST: f32 = 0.1;

/// A spatial layer, smallest first, up to and including a temporal layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Layer {
    pub spatial: u8,
    pub temporal: u8,
}

impl Layer {
    pub const TOP: Self = Self::new(SPATIAL as u8 - 1, TEMPORAL as u8 - 1);

    /// All of a track that has one spatial layer.
    pub const WHOLE: Self = Self::new(0, TEMPORAL as u8 - 1);

    pub const fn new(spatial: u8, temporal: u8) -> Self {
        Self { spatial, temporal }
    }
}

/// Bits per second of each spatial layer up to each temporal layer; 0 while it does not flow.
#[derive(Debug, Default)]
pub(crate) struct Rates([[AtomicU32; TEMPORAL]; SPATIAL]);

impl Rates {
    pub fn of(&self, layer: Layer) -> u32 {
        let spatial = usize::from(layer.spatial).min(SPATIAL - 1);
        let temporal = usize::from(layer.temporal).min(TEMPORAL - 1);
        self.0[spatial][temporal].load(Ordering::Relaxed)
    }

    fn set(&self, spatial: usize, temporal: usize, rate: u32) {
        self.0[spatial][temporal].store(rate, Ordering::Relaxed);
    }

    fn flows(&self, spatial: u8) -> bool {
        self.of(Layer::new(spatial, TEMPORAL as u8 - 1)) > 0
    }

    /// The choices for somebody who is to get `most` at most, from the least upwards. Where only
    /// larger layers flow, the smallest of those counts as the least.
    pub fn ladder(&self, most: Layer) -> Ladder {
        let mut ladder = Ladder::default();
        let Some(least) = (0..SPATIAL as u8).find(|s| self.flows(*s)) else {
            return ladder;
        };
        for spatial in least..=most.spatial.max(least) {
            if !self.flows(spatial) {
                continue;
            }
            // A large picture that stutters is worse than a small one that does not: the larger
            // layers begin at half their frames.
            let first = if spatial == least { 0 } else { 1 };
            for temporal in first.min(most.temporal)..=most.temporal {
                let layer = Layer::new(spatial, temporal);
                ladder.push(Rung {
                    layer,
                    rate: self.of(layer),
                });
            }
        }
        ladder
    }
}

/// One choice, and its bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rung {
    pub layer: Layer,
    pub rate: u32,
}

/// Choices in ascending order of quality and of cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ladder {
    rungs: [Rung; SPATIAL * TEMPORAL],
    len: usize,
}

impl Default for Ladder {
    fn default() -> Self {
        let none = Rung {
            layer: Layer::new(0, 0),
            rate: 0,
        };
        Self {
            rungs: [none; SPATIAL * TEMPORAL],
            len: 0,
        }
    }
}

impl Ladder {
    /// Add a better choice; those that cost as much or more are of no use any longer.
    pub fn push(&mut self, rung: Rung) {
        while self.last().is_some_and(|last| last.rate >= rung.rate) {
            self.len -= 1;
        }
        self.rungs[self.len] = rung;
        self.len += 1;
    }

    pub fn rungs(&self) -> &[Rung] {
        &self.rungs[..self.len]
    }

    pub fn last(&self) -> Option<Rung> {
        self.rungs().last().copied()
    }

    /// The best rung that is no better than this layer.
    pub fn at_most(&self, layer: Layer) -> Option<usize> {
        self.rungs().iter().rposition(|r| r.layer <= layer)
    }
}

/// Measures a published track.
#[derive(Debug)]
pub(crate) struct Meter {
    layers: [LayerMeter; SPATIAL],
    latest: Option<Instant>,
    measured: Option<Instant>,
    rates: Arc<Rates>,
    /// A spatial layer is of no use without those below it, and costs what they do, too.
    nested: bool,
}

#[derive(Debug, Default)]
struct LayerMeter {
    last_packet: Option<Instant>,
    bytes: [u32; TEMPORAL],
    averages: [f32; TEMPORAL],
    measurements: u32,
}

impl Meter {
    pub fn new(rates: Arc<Rates>) -> Self {
        Self {
            layers: Default::default(),
            latest: None,
            measured: None,
            rates,
            nested: false,
        }
    }

    /// A packet arrived; `nested` says whether its spatial layer builds on those below it.
    pub fn received(&mut self, layer: Layer, nested: bool, bytes: usize, now: Instant) {
        self.nested = nested;
        let spatial = usize::from(layer.spatial).min(SPATIAL - 1);
        let meter = &mut self.layers[spatial];
        if meter.measurements == 0 && !self.rates.flows(spatial as u8) {
            for temporal in 0..TEMPORAL {
                self.rates.set(spatial, temporal, ASSUMED[spatial]);
            }
        }
        meter.last_packet = Some(now);
        meter.bytes[usize::from(layer.temporal).min(TEMPORAL - 1)] += bytes as u32;
        self.latest = Some(now);
    }

    /// Whether the encoder sends this layer.
    pub fn flows(&self, spatial: u8) -> bool {
        let last = self.layers[usize::from(spatial).min(SPATIAL - 1)].last_packet;
        match (last, self.latest) {
            (Some(last), Some(latest)) => latest.saturating_duration_since(last) < SILENCE,
            _ => false,
        }
    }

    /// Take stock; to be called about ten times a second.
    pub fn measure(&mut self, now: Instant) {
        let since = self.measured.replace(now).unwrap_or(now);
        let seconds = now.saturating_duration_since(since).as_secs_f32();
        if seconds <= 0.0 {
            return;
        }
        let mut below = [0.0; TEMPORAL];
        for spatial in 0..SPATIAL {
            if !self.flows(spatial as u8) {
                self.layers[spatial] = LayerMeter::default();
                (0..TEMPORAL).for_each(|t| self.rates.set(spatial, t, 0));
                continue;
            }
            let meter = &mut self.layers[spatial];
            meter.measurements = meter.measurements.saturating_add(1);
            let weight = NEWEST.max(1.0 / meter.measurements as f32);
            let mut total = 0.0;
            for (temporal, below) in below.iter_mut().enumerate() {
                let bits = std::mem::take(&mut meter.bytes[temporal]) as f32 * 8.0 / seconds;
                let average = &mut meter.averages[temporal];
                *average += (bits - *average) * weight;
                total += *average;
                if self.nested {
                    *below += total;
                }
                let cost = if self.nested { *below } else { total };
                if meter.measurements >= SETTLED {
                    self.rates.set(spatial, temporal, (cost as u32).max(1));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    /// Feed a track of `layers` spatial and two temporal layers for some time.
    fn feed(meter: &mut Meter, start: Instant, millis: std::ops::Range<u64>, layers: &[u8]) {
        for now in millis {
            for spatial in layers {
                let temporal = (now / 10 % 2) as u8;
                if now % 10 == 0 {
                    let layer = Layer::new(*spatial, temporal);
                    meter.received(layer, false, 125, at(start, now));
                }
            }
            if now % 100 == 0 {
                meter.measure(at(start, now));
            }
        }
    }

    #[test]
    fn a_layer_costs_what_it_sent() {
        let (start, rates) = (Instant::now(), Arc::new(Rates::default()));
        let mut meter = Meter::new(rates.clone());
        feed(&mut meter, start, 0..3_000, &[0]);
        let near = |rate: u32, expected: u32| rate.abs_diff(expected) < expected / 10;
        // 125 bytes a 10 ms: 100 kbit/s, half of it in each temporal layer.
        assert!(near(rates.of(Layer::new(0, 0)), 50_000));
        assert!(near(rates.of(Layer::new(0, 1)), 100_000));
        assert!(near(rates.of(Layer::new(0, 3)), 100_000));
        assert_eq!(rates.of(Layer::new(1, 3)), 0);
    }

    #[test]
    fn a_nested_layer_costs_what_those_below_it_do_too() {
        let (start, rates) = (Instant::now(), Arc::new(Rates::default()));
        let mut meter = Meter::new(rates.clone());
        for now in 0..300u64 {
            for spatial in 0..3 {
                meter.received(Layer::new(spatial, 0), true, 125, at(start, now * 10));
            }
            if now % 10 == 0 {
                meter.measure(at(start, now * 10));
            }
        }
        for (spatial, expected) in [100_000u32, 200_000, 300_000].into_iter().enumerate() {
            let rate = rates.of(Layer::new(spatial as u8, 3));
            assert!(rate.abs_diff(expected) < expected / 10, "{rate}");
        }
    }

    #[test]
    fn a_layer_is_there_from_its_first_packet_and_gone_when_only_it_is_silent() {
        let (start, rates) = (Instant::now(), Arc::new(Rates::default()));
        let mut meter = Meter::new(rates.clone());
        meter.received(Layer::new(1, 0), false, 100, start);
        assert_eq!(rates.of(Layer::new(1, 0)), ASSUMED[1]);
        feed(&mut meter, start, 0..1_000, &[0, 1]);
        assert!(meter.flows(0) && meter.flows(1));
        // Nothing changes on the screen: nothing at all is sent for a while.
        meter.measure(at(start, 3_000));
        assert!(meter.flows(0) && meter.flows(1));
        feed(&mut meter, start, 3_000..3_600, &[0]);
        assert!(meter.flows(0) && !meter.flows(1));
        assert_eq!(rates.of(Layer::TOP), 0);
    }

    #[test]
    fn choices_rise_in_quality_and_cost() {
        let rates = Rates::default();
        let set = |spatial: usize, values: [u32; TEMPORAL]| {
            for (temporal, rate) in values.into_iter().enumerate() {
                rates.set(spatial, temporal, rate);
            }
        };
        set(0, [50, 70, 100, 100]);
        set(1, [200, 300, 400, 400]);
        let ladder = rates.ladder(Layer::TOP);
        let costs: Vec<u32> = ladder.rungs().iter().map(|r| r.rate).collect();
        assert_eq!(costs, [50, 70, 100, 300, 400]);
        assert_eq!(ladder.last().map(|r| r.layer), Some(Layer::new(1, 3)));
        assert_eq!(rates.ladder(Layer::new(0, 1)).rungs().len(), 2);
        // A larger picture that costs less than a smaller one (a still screen) is the better one.
        set(0, [100; TEMPORAL]);
        set(1, [80; TEMPORAL]);
        assert_eq!(rates.ladder(Layer::TOP).rungs().len(), 1);
        // Only a larger layer is sent: better that than nothing.
        set(0, [0; TEMPORAL]);
        assert_eq!(rates.ladder(Layer::new(0, 3)).rungs().len(), 1);
    }
}
