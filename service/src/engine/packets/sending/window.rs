//! Which of the latest numbers were used: one that was is refused, since a cipher's nonce is made
//! of it (RFC 3711 9.1, RFC 7714 8.4).

/// At 1,000 packets a second two seconds: no packet of a publisher comes later than that.
const NUMBERS: u64 = 2048;
const WORDS: usize = (NUMBERS / 64) as usize;

#[derive(Debug)]
pub(super) struct Window {
    /// One behind the highest.
    next: u64,
    used: [u64; WORDS],
}

impl Default for Window {
    fn default() -> Self {
        Self {
            next: 0,
            used: [0; WORDS],
        }
    }
}

impl Window {
    /// Use a number; false if it was, or is so old that nobody knows.
    pub fn take(&mut self, number: u64) -> bool {
        if number >= self.next {
            // What comes into the window is unused.
            match number - self.next {
                ahead if ahead >= NUMBERS => self.used.fill(0),
                _ => (self.next..number).for_each(|n| self.clear(n)),
            }
            self.clear(number);
            self.next = number + 1;
        } else if self.next - number > NUMBERS {
            return false;
        }
        let (word, bit) = place(number);
        let was_used = self.used[word] & bit != 0;
        self.used[word] |= bit;
        !was_used
    }

    fn clear(&mut self, number: u64) {
        let (word, bit) = place(number);
        self.used[word] &= !bit;
    }
}

fn place(number: u64) -> (usize, u64) {
    ((number / 64) as usize % WORDS, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is asked for: no number is given twice, and the next one always is.
        #[test]
        fn no_number_is_used_twice(steps in prop::collection::vec(-3000i64..3000, 1..300)) {
            let (mut window, mut used) = (Window::default(), HashSet::new());
            let mut at = 30_000i64;
            for step in steps {
                at = (at + step).max(0);
                let highest = used.iter().max().copied();
                let number = at as u64;
                let given = window.take(number);
                let is_new = used.insert(number);
                if given {
                    prop_assert!(is_new);
                } else {
                    prop_assert!(!is_new || highest.is_some_and(|h: u64| h - number >= NUMBERS));
                }
            }
        }
    }
}
