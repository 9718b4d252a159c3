//! What a report means for the rate: queues first, then losses, then growth.
//!
//! GCC's detector (draft-ietf-rmcat-gcc-02, 5) is one of the voices; the others look at the queue
//! itself.

use super::delay::Usage;
use super::loss::Verdict;
use super::{Congestion, Micros, GROWTH_QUEUE};

/// A queue that makes every packet wait so long while more goes in than comes out is a path that
/// has narrowed; jitter does not do that.
const NARROWED_QUEUE: Micros = 50_000;
/// It has narrowed to less than this share of the estimate, and so for a while: others' key frames
/// fill a queue for a tenth of a second. What is between is the trend's.
const NARROWED: f64 = 0.7;
const NARROWED_FOR: Micros = 250_000;
/// No key frame of others leaves so little: that is known at once.
const NARROWED_FAR: f64 = 0.35;
/// So many losses in a quarter of a second, and half of everything, with a queue: it overflows.
const OVERFLOWING: u32 = 8;
/// A queue that is so deep for so long and does not get shorter is one of ours, and what came
/// through is still too much: this share of it is left.
const STUCK_QUEUE: Micros = 100_000;
const STUCK: Micros = 1_000_000;
const STUCK_SHARE: f64 = 0.85;
/// What comes out of a queue is the capacity; this share of it does not fill it.
const OUT_OF_QUEUE: f64 = 0.85;

impl Congestion {
    /// What the last report means for the rate.
    pub(super) fn judge(&mut self, now: Micros) {
        self.overusing = self.queue_says(now);
        let verdict = self.loss.close(self.passage.sent, now);
        self.rate.stay(self.loss.is_lasting());
        let passage = &self.passage;
        match verdict {
            Some(Verdict::Fall(share)) => {
                self.rate.scale(share, now);
                self.overusing = true;
            }
            // What comes out of a queue that does not grow is no guess: nor is it when the rate fell
            // too far.
            _ if passage.busy > NARROWED_FOR && !passage.filling => {
                let out = passage.bottleneck.unwrap_or(0) as f64 * OUT_OF_QUEUE;
                self.rate.proven(out as u64, now);
            }
            _ if !self.overusing && self.may_grow() => {
                let round_trip = self.round_trip.unwrap_or(0);
                self.rate.grow(passage.acked, round_trip, now);
            }
            _ => self.rate.hold(now),
        }
    }

    /// Whether the queue before the bottleneck lowered the rate.
    fn queue_says(&mut self, now: Micros) -> bool {
        let passage = self.passage;
        let out = passage.bottleneck.unwrap_or(passage.acked);
        let through = out.max(passage.acked);
        let over = self.delay.usage() == Usage::Over;
        let held_up = passage.filling || passage.acked < passage.sent / 10 * 9;
        let stuck = self.is_stuck(now);
        if self.has_narrowed(out) {
            self.rate.full_at(out, now);
            self.narrowed = Some(now);
            self.stuck = None;
        } else if stuck {
            self.rate.full_at(out, now);
            self.rate.scale(STUCK_SHARE, now);
        } else if over && held_up && passage.busy > NARROWED_FOR {
            self.rate.full_at(through, now);
        } else if over && passage.queue() > GROWTH_QUEUE {
            self.rate.ease(through, now);
        } else {
            return false;
        }
        self.fell(now);
        true
    }

    /// A queue fills or overflows, and what comes out of it is a fraction of the estimate.
    fn has_narrowed(&self, through: u64) -> bool {
        let passage = &self.passage;
        let fills = passage.filling && passage.queue() > NARROWED_QUEUE;
        let overflows = passage.missing >= OVERFLOWING
            && passage.missing * 2 >= passage.recent
            && (passage.queue() > GROWTH_QUEUE || passage.bottleneck.is_some());
        let share = through as f64 / self.rate.bps() as f64;
        let sure = share < NARROWED_FAR || share < NARROWED && passage.busy > NARROWED_FOR;
        (fills || overflows) && sure
    }

    /// A deep queue does not empty, though the rate was lowered: more is sent than was granted,
    /// such as what is lost again and again.
    fn is_stuck(&mut self, now: Micros) -> bool {
        let Some(standing) = self.passage.standing else {
            return false;
        };
        if standing < STUCK_QUEUE {
            self.stuck = None;
            return false;
        }
        let (since, at_first) = *self.stuck.get_or_insert((now, standing));
        let over = now - since > STUCK;
        if over {
            self.stuck = Some((now, standing));
        }
        over && standing > at_first / 4 * 3
    }

    fn may_grow(&self) -> bool {
        self.passage.queue() < GROWTH_QUEUE
            && self.delay.usage() == Usage::Normal
            && self.loss.verdict() == Verdict::Grow
    }

    pub(super) fn fell(&mut self, now: Micros) {
        self.changed = now;
        self.delay.forget();
        self.loss.forget();
        self.probes.fell(now);
    }
}
