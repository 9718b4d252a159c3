//! A receiving session's bandwidth: from the estimate of its path to the layer that each section aims at.
//!
//! The estimate is Google's congestion control on the receiver's transport-wide feedback. A client
//! that negotiated none gets what it wants, as far as anybody knows.

use std::time::{Duration, Instant};

use super::allocation::{distribute, order, Demand};
use super::choice::Aim;
use super::command::{Report, SessionId};
use super::downstream::{Downstream, Route};
use super::layers::Layer;
use super::session::{Outlet, Session};

/// A video is paused when it has not fitted for so long: an estimate dips for a moment now and
/// then, and to begin again costs a key frame.
const PAUSE_AFTER: Duration = Duration::from_millis(800);
/// After the estimate made a layer fall nothing rises for so long.
const HOLD: Duration = Duration::from_secs(2);
/// Room for something better has to last about so long: a probe may promise too much.
const LASTING: Duration = Duration::from_millis(500);
/// A section's layers changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moved {
    pub route: Route,
    /// Key frames needed for it, a bit for each layer.
    pub keyframes: u8,
}

/// The least that was estimated of late: within [`LASTING`] and the same time before.
#[derive(Debug)]
struct Sustained {
    least: u64,
    before: u64,
    since: Option<Instant>,
}

impl Sustained {
    fn note(&mut self, estimate: u64, now: Instant) -> u64 {
        match self.since {
            Some(since) if now.saturating_duration_since(since) < LASTING => {}
            _ => {
                self.before = self.least;
                self.least = u64::MAX;
                self.since = Some(now);
            }
        }
        self.least = self.least.min(estimate);
        self.least.min(self.before)
    }
}

/// What a session knows of its bandwidth, and room to calculate in.
#[derive(Debug)]
pub(crate) struct Bandwidth {
    /// Bits per second; `None` without feedback from the receiver.
    estimate: Option<u64>,
    sustained: Sustained,
    /// Somebody gets less than they want.
    short: bool,
    fell: Option<Instant>,
    /// The path is full right now.
    full: bool,
    /// When the path was last found to have narrowed.
    narrowed: Option<Instant>,
    demands: Vec<Demand>,
    /// The section of each demand.
    sections: Vec<usize>,
    order: Vec<usize>,
    granted: Vec<Option<usize>>,
    raised: Vec<Option<usize>>,
}

impl Default for Bandwidth {
    fn default() -> Self {
        Self {
            estimate: None,
            sustained: Sustained {
                least: u64::MAX,
                before: u64::MAX,
                since: None,
            },
            short: false,
            fell: None,
            full: false,
            narrowed: None,
            demands: Vec::new(),
            sections: Vec::new(),
            order: Vec::new(),
            granted: Vec::new(),
            raised: Vec::new(),
        }
    }
}

impl Bandwidth {
    /// Whether somebody gets less than they want.
    pub fn is_short(&self) -> bool {
        self.short
    }

    /// The demands of the video sections, none of which is to rise unless it is new.
    fn collect(&mut self, down: &[Downstream]) {
        self.demands.clear();
        self.sections.clear();
        for (section, down) in down.iter().enumerate().filter(|(_, d)| d.video) {
            let Some(source) = &down.source else { continue };
            let ladder = source.rates.ladder(source.want.most);
            let (current, open) = match down.aim() {
                Aim::At(layer) => (ladder.at_most(layer), false),
                Aim::Paused => (None, false),
                Aim::Open(_) => (None, true),
            };
            self.sections.push(section);
            self.demands.push(Demand {
                class: source.want.class,
                size: source.want.size,
                ladder,
                current,
                hold: !open,
            });
        }
    }

    /// Share the estimate out: what everybody has as far as it still fits, and more where there has
    /// been room for it for a while.
    fn share(&mut self, audio: u64, now: Instant) {
        let estimate = self.estimate.unwrap_or(u64::MAX);
        let sustained = self.sustained.note(estimate, now);
        order(&self.demands, &mut self.order);
        let budget = estimate.saturating_sub(audio);
        distribute(budget, &self.demands, &self.order, &mut self.granted);
        let fell = self.fell;
        if self.full || fell.is_some_and(|at| now.saturating_duration_since(at) < HOLD) {
            return;
        }
        self.demands.iter_mut().for_each(|d| d.hold = false);
        let budget = sustained.saturating_sub(audio);
        distribute(budget, &self.demands, &self.order, &mut self.raised);
        // Where the estimate stands still, one may also fall for another that matters more.
        let steady = sustained >= estimate / 10 * 9;
        let better = |(raised, granted): (&Option<usize>, &Option<usize>)| raised >= granted;
        if steady || self.raised.iter().zip(&self.granted).all(better) {
            std::mem::swap(&mut self.raised, &mut self.granted);
        }
    }
}

impl Session {
    /// The estimate has fallen since the bandwidth was shared out last.
    pub fn is_falling(&self) -> bool {
        let before = self.bandwidth.estimate.unwrap_or(0);
        self.egress
            .estimate()
            .is_some_and(|now| now < before / 10 * 9)
    }

    /// Share the bandwidth out among the videos; what changed by it goes to `moved`.
    pub fn allocate(&mut self, now: Instant, outlet: &mut impl Outlet, moved: &mut Vec<Moved>) {
        let routed = |d: &&Downstream| d.video && d.source.is_some();
        if self
            .down
            .iter()
            .filter(routed)
            .any(|d| d.stream.is_told_of())
        {
            self.egress.estimate_path(now);
        }
        let congestion = self.egress.congestion.as_mut();
        if let Some(congestion) = congestion.filter(|c| c.due().is_some_and(|due| due <= now)) {
            congestion.tick(now);
        }
        let bandwidth = &mut self.bandwidth;
        bandwidth.estimate = self.egress.estimate();
        let congestion = self.egress.congestion.as_ref();
        bandwidth.full = congestion.is_some_and(|c| c.is_overusing());
        let narrowed = congestion.and_then(|c| c.narrowed());
        let hurry = narrowed != std::mem::replace(&mut bandwidth.narrowed, narrowed);
        bandwidth.collect(&self.down);
        if bandwidth.demands.is_empty() {
            bandwidth.short = false;
            if let Some(congestion) = &mut self.egress.congestion {
                congestion.set_desired(0, now);
            }
            return;
        }
        let audio = self.down.iter().filter(|d| !d.video);
        let audio: u64 = audio
            .filter_map(|d| Some(u64::from(d.source.as_ref()?.rates.of(Layer::WHOLE))))
            .sum();
        bandwidth.share(audio, now);
        let (mut desired, mut short) = (audio, false);
        for (n, demand) in bandwidth.demands.iter().enumerate() {
            let Some(top) = demand.ladder.last() else {
                continue;
            };
            let granted = bandwidth.granted[n];
            desired += u64::from(top.rate);
            short |= granted.is_none_or(|g| g + 1 < demand.ladder.rungs().len());
            if demand.current.is_some() && granted < demand.current {
                bandwidth.fell = Some(now);
            }
            let down = &mut self.down[bandwidth.sections[n]];
            if hurry {
                // Asked for below, at once; who listens to what is looked up again all the time.
                let rung = granted.unwrap_or(0);
                down.break_off(demand.ladder.rungs()[rung].layer);
            }
            apply(self.id, down, demand, granted, now, outlet, moved);
        }
        bandwidth.short = short;
        if let Some(congestion) = &mut self.egress.congestion {
            // A better layer needs some room to spare.
            congestion.set_desired(desired * 5 / 4, now);
            self.probe(now, outlet);
        }
    }
}

/// Aim a section at what it was granted.
fn apply(
    id: SessionId,
    down: &mut Downstream,
    demand: &Demand,
    granted: Option<usize>,
    now: Instant,
    outlet: &mut impl Outlet,
    moved: &mut Vec<Moved>,
) {
    let Some(route) = down.route() else { return };
    let was_paused = down.aim() == Aim::Paused;
    let aim = match granted {
        Some(rung) => {
            down.short = None;
            Aim::At(demand.ladder.rungs()[rung].layer)
        }
        None if was_paused => return,
        None => {
            let since = *down.short.get_or_insert(now);
            match now.saturating_duration_since(since) < PAUSE_AFTER {
                true => Aim::At(demand.ladder.rungs()[0].layer),
                false => Aim::Paused,
            }
        }
    };
    let before = down.listens();
    let keyframe = down.set_aim(aim, now);
    if keyframe || down.listens() != before {
        let keyframes = match aim {
            Aim::At(layer) if keyframe => 1 << layer.spatial,
            _ => 0,
        };
        moved.push(Moved { route, keyframes });
    }
    let paused = aim == Aim::Paused;
    if paused != was_paused {
        tracing::debug!(session = id.0, mid = %down.mid, paused, "bandwidth");
        outlet.report(Report::Paused {
            id,
            track: route.track,
            paused,
        });
    }
}
