//! `cargo xtask soak fuzz [seconds] [seed]`: everything that meets bytes from outside, for long.
//!
//! The same tests run for two seconds in `cargo xtask test`, always from one seed; here each target
//! has an hour and a seed of its own, which is printed so that a failure can be had again.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::failure::{Context, Result};
use crate::process::{cargo, run};

/// Where the test is, and its name.
const TARGETS: [(&[&str], &str); 6] = [
    (&["--lib"], "nothing_that_arrives_hurts_those_inside"),
    (&["--lib"], "no_report_hurts_anybody"),
    (&["--lib"], "no_descriptor_hurts_anybody"),
    (&["--test", "engine"], "nonsense::join_requests"),
    (&["--test", "engine"], "nonsense::signalling"),
    (&["--test", "engine"], "nonsense::descriptions"),
];

const HOUR: u64 = 3600;

pub fn soak(arguments: &[String]) -> Result<()> {
    let number = |at: usize, usual: u64| match arguments.get(at) {
        Some(text) => text.parse().context("seconds and seed are numbers"),
        None => Ok(usual),
    };
    let seconds = number(0, HOUR)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = number(1, now.map_or(0, |d| d.as_secs()))?;
    for (place, name) in TARGETS {
        println!("{name}: {seconds} s, seed {seed}");
        run(cargo("test")
            .args(["-p", "plenary-service"])
            .args(place)
            .args(["--", name, "--nocapture"])
            .env("PLENARY_FUZZ_SECONDS", seconds.to_string())
            .env("PLENARY_FUZZ_SEED", seed.to_string()))?;
    }
    Ok(())
}
