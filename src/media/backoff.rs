//! Pauses between attempts: growing, bounded, spread.

/// The first retry comes almost at once: most drops are a blip.
const FIRST_MS: u32 = 200;
/// Nobody should wait longer than this after the network is back (where `online` does not tell).
const LONGEST_MS: u32 = 5_000;

/// Counts attempts. Seeded, so that the clients of a service that was restarted do not all come in
/// the same moment, and so that a test can replay it.
#[derive(Debug, Clone)]
pub struct Backoff {
    attempt: u32,
    random: u32,
}

impl Backoff {
    /// `seed`: any number, different per session.
    pub fn new(seed: u32) -> Self {
        Self {
            attempt: 0,
            random: seed | 1,
        }
    }

    /// The attempt succeeded.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }

    /// The pause before the next attempt, in ms: doubling, and of it a random half to whole.
    pub fn next_ms(&mut self) -> u32 {
        let whole = FIRST_MS
            .saturating_mul(1 << self.attempt.min(16))
            .min(LONGEST_MS);
        self.attempt += 1;
        // xorshift32 (Marsaglia 2003): good enough to spread clients.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        whole / 2 + self.random % (whole / 2 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        for seed in 0..100 {
            let mut backoff = Backoff::new(seed);
            let pauses: Vec<u32> = (0..40).map(|_| backoff.next_ms()).collect();
            assert!(pauses[0] <= FIRST_MS);
            assert!(pauses
                .iter()
                .all(|p| *p >= FIRST_MS / 2 && *p <= LONGEST_MS));
            assert!(pauses[39] >= LONGEST_MS / 2);
        }
    }
}
