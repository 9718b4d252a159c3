//! How often somebody may try (`S8`). Pure: the time is an argument.

use std::collections::HashMap;
use std::hash::Hash;

/// Counts events per key in a sliding minute, in bounded memory.
#[derive(Debug)]
pub struct PerMinute<K> {
    allowed: u32,
    seen: HashMap<K, Vec<u64>>,
}

const MINUTE: u64 = 60_000;
/// More keys than this at a time: the oldest are forgotten (`S11`).
const KEYS: usize = 100_000;

impl<K: Hash + Eq + Clone> PerMinute<K> {
    /// So many a minute.
    pub fn new(allowed: u32) -> Self {
        Self {
            allowed,
            seen: HashMap::new(),
        }
    }

    /// How long to wait before the next try, in ms; `None`: now.
    pub fn wait(&mut self, key: &K, now: u64) -> Option<u64> {
        let times = self.seen.get_mut(key)?;
        times.retain(|at| at + MINUTE > now);
        if times.is_empty() {
            self.seen.remove(key);
            return None;
        }
        let full = times.len() >= self.allowed as usize;
        full.then(|| times.first().map_or(0, |first| first + MINUTE - now))
    }

    /// Counts one try.
    pub fn count(&mut self, key: K, now: u64) {
        if self.seen.len() >= KEYS && !self.seen.contains_key(&key) {
            self.seen
                .retain(|_, times| times.last().is_some_and(|at| at + MINUTE > now));
            if self.seen.len() >= KEYS {
                // Somebody uses a hundred thousand addresses in a minute: their own tries are forgotten
                // first, in any order, and memory stays bounded.
                let any = self.seen.keys().next().cloned();
                any.map(|any| self.seen.remove(&any));
            }
        }
        let times = self.seen.entry(key).or_default();
        if times.len() < self.allowed as usize {
            times.push(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s8_the_eleventh_try_in_a_minute_waits() {
        let mut tries = PerMinute::new(10);
        for n in 0..10 {
            assert_eq!(tries.wait(&"ada", n), None);
            tries.count("ada", n);
        }
        assert_eq!(tries.wait(&"ada", 10), Some(59_990));
        assert_eq!(tries.wait(&"bob", 10), None);
        assert_eq!(tries.wait(&"ada", 60_000), None);
    }
}
