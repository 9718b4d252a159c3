//! A stream's numbers without their wrap (RFC 3711 3.3.1), and which of the latest came or were used.

/// The latest numbers, 64 for each word; nothing older is taken.
#[derive(Debug, Clone)]
pub(crate) struct Window<const WORDS: usize> {
    highest: Option<u64>,
    came: [u64; WORDS],
}

impl<const WORDS: usize> Default for Window<WORDS> {
    fn default() -> Self {
        Self {
            highest: None,
            came: [0; WORDS],
        }
    }
}

impl<const WORDS: usize> Window<WORDS> {
    const NUMBERS: u64 = 64 * WORDS as u64;

    /// The number nearest to the highest one that ends in these 16 bits. A stream begins before its
    /// first wrap.
    pub fn extend(&self, seq: u16) -> Option<u64> {
        extend(self.highest, seq)
    }

    /// Whether a number did not come yet, as far as that is known: what is older than the window is
    /// not new.
    pub fn is_new(&self, number: u64) -> bool {
        let Some(highest) = self.highest else {
            return true;
        };
        match highest.checked_sub(number) {
            None => true,
            Some(behind) => {
                let (word, bit) = Self::place(number);
                behind < Self::NUMBERS && self.came[word] & bit == 0
            }
        }
    }

    /// Note a number; false if it is not new.
    pub fn take(&mut self, number: u64) -> bool {
        if !self.is_new(number) {
            return false;
        }
        match self.highest {
            Some(highest) if number <= highest => {}
            Some(highest) if number - highest < Self::NUMBERS => {
                (highest + 1..number).for_each(|n| {
                    let (word, bit) = Self::place(n);
                    self.came[word] &= !bit;
                });
                self.highest = Some(number);
            }
            _ => {
                self.came = [0; WORDS];
                self.highest = Some(number);
            }
        }
        let (word, bit) = Self::place(number);
        self.came[word] |= bit;
        true
    }

    fn place(number: u64) -> (usize, u64) {
        ((number / 64) as usize % WORDS, 1 << (number % 64))
    }
}

/// The number nearest to another that ends in these 16 bits.
pub(super) fn extend(near: Option<u64>, seq: u16) -> Option<u64> {
    let Some(near) = near else {
        return Some(u64::from(seq));
    };
    let ahead = seq.wrapping_sub(near as u16).cast_signed();
    near.checked_add_signed(i64::from(ahead))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const NUMBERS: u64 = 1024;
    type Received = Window<16>;
    const USED: u64 = 2048;
    type Used = Window<32>;

    #[test]
    fn numbers_go_on_behind_a_wrap_and_come_back() {
        let mut window = Received::default();
        for (seq, number) in [
            (65_530, 65_530),
            (3, 65_539),
            (65_535, 65_535),
            (30_000, 95_536),
        ] {
            assert_eq!(window.extend(seq), Some(number));
            window.take(number);
        }
        let mut young = Received::default();
        young.take(5);
        assert_eq!(young.extend(65_535), None, "before the beginning");
    }

    proptest! {
        /// Whatever comes: a number is new once; one that is not older than the window is new if it
        /// did not come.
        #[test]
        fn a_number_is_new_once(steps in prop::collection::vec(-1500i64..1500, 1..400)) {
            let (mut window, mut came) = (Received::default(), HashSet::new());
            let mut at = 30_000i64;
            for step in steps {
                at = (at + step).max(0);
                let number = at as u64;
                let highest = window.highest.unwrap_or(0);
                let known = highest.saturating_sub(number) < NUMBERS;
                if highest.abs_diff(number) < 1 << 15 {
                    prop_assert_eq!(window.extend(number as u16), Some(number));
                }
                prop_assert_eq!(window.is_new(number), window.clone().take(number));
                prop_assert_eq!(window.take(number), known && came.insert(number));
            }
        }

        /// Whatever is asked for: no number is given twice, and the next one always is.
        #[test]
        fn no_number_is_used_twice(steps in prop::collection::vec(-3000i64..3000, 1..300)) {
            let (mut window, mut used) = (Used::default(), HashSet::new());
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
                    prop_assert!(!is_new || highest.is_some_and(|h: u64| h - number >= USED));
                }
            }
        }
    }
}
