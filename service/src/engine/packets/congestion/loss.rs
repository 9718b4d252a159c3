//! What losses say: the loss-based half of Google's congestion control (draft-ietf-rmcat-gcc-02, 6),
//! and what is lost whatever is sent.
//!
//! The draft lowers the rate by half the loss while more than a tenth is lost. Where radio loses a
//! fifth of everything that would go on to nothing: so a loss that stays the same after the rate
//! has nearly halved is taken for the path's own, and only what is lost beyond it counts. The rate
//! then stays where it fell to, for as long as so much is lost.

use super::Micros;

/// Above this the rate falls, below that it may grow (6: 10 % and 2 %; a little more room for the
/// lower one, since a few packets are counted at a time).
const FALLS_ABOVE: f64 = 0.10;
const GROWS_BELOW: f64 = 0.03;
/// A count is closed after so long, if it has so many packets: three frames of the lowest layer
/// with its sound.
const COUNT: Micros = 250_000;
const COUNT_PACKETS: u32 = 12;
/// So many counts are looked at: a second.
const COUNTS: usize = 4;
/// The rate has to have fallen to this share of what it was for a loss to be called the path's own,
/// and the loss has to have stayed above that share: a queue that lost a third then loses nothing,
/// one that lost a half a third of that.
const FELL_TO: f64 = 0.6;
const STAYED: f64 = 0.5;
/// No path that loses more than this by itself carries a meeting; queues that overflow do.
const OWN_MOST: f64 = 0.25;
/// How fast the path's own loss is forgotten when less is lost, for each count.
const OWN_FADES: f64 = 0.2;

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    packets: u32,
    lost: u32,
    /// What was sent meanwhile, bits per second.
    rate: u64,
}

/// Lasting loss, and the rate at which it was seen first.
#[derive(Debug, Clone, Copy)]
struct Episode {
    loss: f64,
    rate: u64,
}

/// What follows from the losses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// The rate may grow.
    Grow,
    Hold,
    /// Leave this share.
    Fall(f64),
}

#[derive(Debug)]
pub(super) struct Loss {
    open: Count,
    opened: Option<Micros>,
    counts: [Count; COUNTS],
    next: usize,
    episode: Option<Episode>,
    own: f64,
    verdict: Verdict,
}

impl Default for Loss {
    fn default() -> Self {
        Self {
            open: Count::default(),
            opened: None,
            counts: [Count::default(); COUNTS],
            next: 0,
            episode: None,
            own: 0.0,
            verdict: Verdict::Grow,
        }
    }
}

impl Loss {
    pub fn arrived(&mut self) {
        self.open.packets += 1;
    }

    pub fn missing(&mut self) {
        self.open.packets += 1;
        self.open.lost += 1;
    }

    /// One that was told to be missing came after all.
    pub fn came_late(&mut self) {
        self.open.lost = self.open.lost.saturating_sub(1);
    }

    /// The share that was lost in the last second.
    pub fn share(&self) -> f64 {
        let (packets, lost) = self.sums();
        f64::from(lost) / f64::from(packets.max(1))
    }

    fn sums(&self) -> (u32, u32) {
        let counts = self.counts.iter();
        counts.fold((0, 0), |(p, l), c| (p + c.packets, l + c.lost))
    }

    /// What the losses up to the last count say.
    pub fn verdict(&self) -> Verdict {
        match self.verdict {
            // Once for each count.
            Verdict::Fall(_) => Verdict::Hold,
            verdict => verdict,
        }
    }

    pub fn is_falling(&self) -> bool {
        matches!(self.verdict, Verdict::Fall(_))
    }

    /// Close the count if it is time; `rate` is what is being sent.
    pub fn close(&mut self, rate: u64, now: Micros) -> Option<Verdict> {
        let opened = *self.opened.get_or_insert(now);
        if now - opened < COUNT || self.open.packets < COUNT_PACKETS {
            return None;
        }
        self.opened = Some(now);
        self.counts[self.next] = Count { rate, ..self.open };
        self.next = (self.next + 1) % COUNTS;
        self.open = Count::default();
        self.verdict = self.judge();
        Some(self.verdict)
    }

    /// The rate changed: losses of before say nothing of it.
    pub fn forget(&mut self) {
        self.counts = Default::default();
        self.open = Count::default();
        self.opened = None;
        self.verdict = Verdict::Hold;
    }

    /// So much is lost, whatever is sent, that no more is to be tried out.
    pub fn is_lasting(&self) -> bool {
        self.own > FALLS_ABOVE
    }

    fn judge(&mut self) -> Verdict {
        let (packets, _) = self.sums();
        let share = self.share();
        if share < self.own {
            self.own += (share - self.own) * OWN_FADES;
        }
        // Chance alone loses one in seven now and then where one in ten is lost.
        let chance = (share * (1.0 - share) / f64::from(packets.max(1))).sqrt();
        self.learn(share, share - chance > FALLS_ABOVE);
        let beyond = (share - self.own).max(0.0);
        if beyond - 2.0 * chance > FALLS_ABOVE {
            Verdict::Fall(1.0 - beyond / 2.0)
        } else if beyond > GROWS_BELOW + chance {
            Verdict::Hold
        } else {
            Verdict::Grow
        }
    }

    /// Whether the loss is the path's own.
    fn learn(&mut self, share: f64, lasting: bool) {
        let whole = self.counts.iter().all(|c| c.packets > 0);
        let highest = self.counts.iter().map(|c| c.rate).max().unwrap_or(0);
        let mean = self.counts.iter().map(|c| c.rate).sum::<u64>() / COUNTS as u64;
        let now = Episode {
            loss: share,
            rate: mean,
        };
        match self.episode {
            None if lasting && whole => self.episode = Some(now),
            Some(first) if lasting && (highest as f64) < first.rate as f64 * FELL_TO => {
                if share > first.loss * STAYED {
                    self.own = self.own.max(share.min(OWN_MOST));
                }
                self.episode = Some(now);
            }
            Some(_) if share < FALLS_ABOVE / 2.0 => self.episode = None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of this loss at this rate, and what each count says.
    fn second(loss: &mut Loss, now: &mut Micros, every: Option<u32>, rate: u64) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for n in 0..100 {
            *now += 10_000;
            match every.is_some_and(|every| n % every == 0) {
                true => loss.missing(),
                false => loss.arrived(),
            }
            verdicts.extend(loss.close(rate, *now));
        }
        verdicts
    }

    fn falls(verdicts: &[Verdict]) -> usize {
        let fall = |v: &&Verdict| matches!(v, Verdict::Fall(_));
        verdicts.iter().filter(fall).count()
    }

    #[test]
    fn a_twentieth_holds_a_third_falls_and_nothing_grows() {
        let (mut loss, mut now) = (Loss::default(), 0);
        let verdicts = second(&mut loss, &mut now, None, 1_000_000);
        assert!(verdicts.iter().all(|v| *v == Verdict::Grow));
        for _ in 0..10 {
            assert_eq!(falls(&second(&mut loss, &mut now, Some(20), 1_000_000)), 0);
        }
        assert!(falls(&second(&mut loss, &mut now, Some(3), 1_000_000)) >= 2);
        second(&mut loss, &mut now, Some(3), 1_000_000);
        assert!((loss.share() - 0.34).abs() < 0.02);
    }

    #[test]
    fn a_loss_that_stays_when_less_is_sent_is_the_paths_own() {
        let (mut loss, mut now) = (Loss::default(), 0);
        assert!(falls(&second(&mut loss, &mut now, Some(5), 2_000_000)) > 0);
        // The rate falls, the loss does not.
        second(&mut loss, &mut now, Some(5), 1_000_000);
        second(&mut loss, &mut now, Some(5), 1_000_000);
        for _ in 0..5 {
            assert_eq!(falls(&second(&mut loss, &mut now, Some(5), 1_000_000)), 0);
        }
        // More than that counts.
        assert!(falls(&second(&mut loss, &mut now, Some(2), 1_000_000)) > 0);
        // And when the path is good again that is forgotten.
        for _ in 0..10 {
            second(&mut loss, &mut now, None, 1_000_000);
        }
        second(&mut loss, &mut now, Some(5), 1_000_000);
        assert!(falls(&second(&mut loss, &mut now, Some(5), 1_000_000)) > 0);
    }

    #[test]
    fn what_comes_late_is_not_lost() {
        let (mut loss, mut now) = (Loss::default(), 0);
        for _ in 0..50 {
            now += 10_000;
            loss.missing();
            loss.arrived();
            loss.came_late();
            loss.close(1_000_000, now);
        }
        assert_eq!(loss.share(), 0.0);
    }
}
