//! Counting what test runners report, in their own words.

use std::ops::AddAssign;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Sums every summary in the output of libtest, wasm-bindgen's runner or Node's.
pub fn count(output: &str) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines().map(str::trim) {
        if let Some((_, counts)) = line.split_once("test result: ") {
            tally += libtest(counts);
        } else if let Some(counter) = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# "))
        {
            tally += node(counter);
        }
    }
    tally
}

/// `ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.10s`
fn libtest(counts: &str) -> Tally {
    let number = |label: &str| {
        counts
            .split([';', '.'])
            .filter_map(|part| part.trim().strip_suffix(label)?.trim().parse::<u64>().ok())
            .next()
            .unwrap_or(0)
    };
    Tally {
        passed: number("passed"),
        failed: number("failed"),
        skipped: number("ignored"),
    }
}

/// `pass 12`, `fail 0`, `cancelled 0`, `skipped 1`, `todo 0`
fn node(counter: &str) -> Tally {
    let mut tally = Tally::default();
    if let Some((label, Ok(number))) = counter
        .split_once(' ')
        .map(|(label, number)| (label, number.trim().parse()))
    {
        match label {
            "pass" => tally.passed = number,
            "fail" | "cancelled" => tally.failed = number,
            "skipped" | "todo" => tally.skipped = number,
            _ => {}
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtest_summaries_are_added_up() {
        let output = "running 2 tests\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 5 filtered out; finished in 0.00s\n\
            test result: FAILED. 10 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(
            count(output),
            Tally {
                passed: 12,
                failed: 3,
                skipped: 1
            }
        );
    }

    #[test]
    fn node_summaries_are_added_up() {
        let output = "✔ joins (3ms)\nℹ tests 5\nℹ suites 0\nℹ pass 2\nℹ fail 1\nℹ cancelled 1\nℹ skipped 1\nℹ todo 0\n";
        assert_eq!(
            count(output),
            Tally {
                passed: 2,
                failed: 2,
                skipped: 1
            }
        );
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(
            count("# Subtest: pass 3 balls\nℹ duration_ms 12.5\n12 passed\n"),
            Tally::default()
        );
    }
}
