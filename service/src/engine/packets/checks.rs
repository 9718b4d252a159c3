//! Connectivity checks of before. A check says by its integrity that its client made it, but not
//! when: a copy, sent from elsewhere by whoever saw it on its way, would pass for the client's wish
//! to be served there.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};

use str0m::ice::TransId;

use super::paths::Origin;

/// A client repeats a check that was lost under the same transaction, within a few seconds and from
/// where it was: these may come again.
const RECENT: usize = 64;

/// Others are remembered by a hash. With a check every 2.5 s, as browsers send them, one generation or
/// two of so many are 27 to 55 hours, in at most 0.7 MB for a session that lives so long.
const GENERATION: usize = 40_000;

/// The verified checks of a session.
#[derive(Debug, Default)]
pub(super) struct Checks {
    recent: VecDeque<(TransId, Origin)>,
    young: HashSet<u32>,
    old: HashSet<u32>,
}

impl Checks {
    /// Whether a check was there before, other than as a client repeats it; remembers it.
    pub fn have(&mut self, transaction: TransId, from: Origin) -> bool {
        if let Some((_, origin)) = self.recent.iter().find(|(t, _)| *t == transaction) {
            return *origin != from;
        }
        let short = shorten(transaction);
        if self.young.contains(&short) || self.old.contains(&short) {
            return true;
        }
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(short);
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((transaction, from));
        false
    }
}

/// Two checks that meet in 32 bits cost a client one of them, and it makes another.
fn shorten(transaction: TransId) -> u32 {
    let mut hasher = DefaultHasher::new();
    transaction.hash(&mut hasher);
    hasher.finish() as u32
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use str0m::net::Protocol;

    use super::*;

    fn at(port: u16) -> Origin {
        Origin {
            protocol: Protocol::Udp,
            address: SocketAddr::from(([192, 0, 2, 1], port)),
        }
    }

    #[test]
    fn a_check_comes_again_from_its_own_address_and_soon_or_not_at_all() {
        let mut checks = Checks::default();
        let first = TransId::new();
        assert!(!checks.have(first, at(1)));
        assert!(!checks.have(first, at(1)), "repeated by the client");
        assert!(checks.have(first, at(2)), "copied by somebody");
        for _ in 0..2 * RECENT {
            checks.have(TransId::new(), at(1));
        }
        assert!(checks.have(first, at(1)), "too late for a client");
        assert!(checks.have(first, at(2)));
    }

    /// Found by an hour of fuzzing, which are thirteen of a simulated meeting: a copy of the first check, from
    /// elsewhere, led a session's media away until its client's next one.
    #[test]
    fn a_check_of_a_day_ago_is_known() {
        let mut checks = Checks::default();
        let first = TransId::new();
        checks.have(first, at(1));
        for _ in 0..24 * 60 * 60 * 2 / 5 {
            checks.have(TransId::new(), at(1));
        }
        assert!(checks.have(first, at(2)));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut checks = Checks::default();
        for _ in 0..4 * GENERATION {
            checks.have(TransId::new(), at(1));
        }
        assert!(checks.young.len() <= GENERATION && checks.old.len() <= GENERATION);
        assert!(checks.recent.len() <= RECENT);
    }
}
