//! `cargo xtask bench instructions`: what the packet path costs, in instructions (Callgrind).
//!
//! Instructions repeat where times do not, so a step of `cargo xtask test` fails when one of the counts
//! rises. The tests are those of `service/src/engine/packets/simulated/instructions.rs`; the counts that
//! hold are in `service/instructions.txt`, which `--write` writes anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::debian;
use crate::failure::{fail, Context, Result};
use crate::process::{cargo, command, find, output};
use crate::project::{root, target};

/// How much a count may rise. Keys and signatures are drawn anew each time, and so are the orders of
/// tables: repetitions differ by less than one in a hundred. Processors hardly matter, since Valgrind
/// shows programs one with AES-NI and AVX2 and nothing newer; another compiler does.
const TOLERANCE: f64 = 0.05;
const FILE: &str = "service/instructions.txt";
const TESTS: &str = "engine::packets::simulated::instructions::";
const SCENARIOS: [&str; 4] = ["fan_out", "full_relay", "idle", "layer_switching"];
const COUNTED: &str = "plenary_counted";

/// Instructions for one of what the scenario counts, and what that is.
struct Cost {
    each: f64,
    what: String,
}

pub fn bench(arguments: &[String]) -> Result<()> {
    let write = match arguments {
        [] => false,
        [only] if only == "--write" => true,
        _ => return fail("`bench instructions` takes `--write`, or nothing."),
    };
    if let Some(reason) = missing() {
        return fail(reason);
    }
    let costs = count()?;
    if write {
        return keep(&costs);
    }
    let known = known()?;
    for (name, cost) in &costs {
        let before = known.get(name);
        let change = before.map(|b| format!(", {:+.1} %", (cost.each / b - 1.0) * 100.0));
        println!(
            "{name:<12} {:>8.0} instructions for each of {}{}",
            cost.each,
            cost.what,
            change.unwrap_or_default()
        );
    }
    Ok(())
}

/// The step of `cargo xtask test`: why it was skipped, if it was.
pub fn gate() -> Result<Vec<String>> {
    if let Some(reason) = missing() {
        return Ok(vec![format!("instruction counts: {reason}")]);
    }
    if !root().join(FILE).is_file() {
        let write = "`cargo xtask bench instructions --write`";
        return Ok(vec![format!(
            "instruction counts: {FILE} is not there yet; {write}"
        )]);
    }
    let known = known()?;
    let mut dearer = Vec::new();
    for (name, cost) in count()? {
        let Some(before) = known.get(&name) else {
            return fail(format!(
                "{FILE} does not have `{name}`: `cargo xtask bench instructions --write`"
            ));
        };
        let change = cost.each / before - 1.0;
        println!("{name:<12} {:>8.0}, {:+.1} %", cost.each, change * 100.0);
        if change > TOLERANCE {
            dearer.push(name);
        } else if change < -TOLERANCE {
            println!(
                "{name} has become cheaper: `cargo xtask bench instructions --write` keeps that."
            );
        }
    }
    if dearer.is_empty() {
        return Ok(Vec::new());
    }
    fail(format!(
        "{} cost more instructions than {FILE} says; if that is worth it, `cargo xtask bench instructions --write`.",
        dearer.join(", ")
    ))
}

/// Why nothing can be counted here.
fn missing() -> Option<String> {
    if find("valgrind").is_none() {
        debian::offer("valgrind", "valgrind");
    }
    find("valgrind").is_none().then(|| {
        format!(
            "Callgrind is part of valgrind, which is not there: {}",
            debian::advice(&["valgrind"])
        )
    })
}

fn count() -> Result<BTreeMap<String, Cost>> {
    let tests = build()?;
    let mut costs = BTreeMap::new();
    for name in SCENARIOS {
        costs.insert(name.to_owned(), measure(&tests, name)?);
    }
    Ok(costs)
}

/// The tests as `cargo test` builds them, so that nothing is compiled for this alone: dependencies are
/// optimised and the service's own code is not. Good for noticing a change, and not what is shipped.
fn build() -> Result<PathBuf> {
    let messages = output(
        cargo("test")
            .args(["--workspace", "--lib", "--no-run"])
            .args(["--message-format", "json", "--target-dir"])
            .arg(target()),
    )?;
    let executable = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_service = message["target"]["name"] == "plenary_service";
        let path = message["executable"].as_str().filter(|_| is_service)?;
        Some(PathBuf::from(path))
    });
    executable.context("Cargo names no test program of the service")
}

fn measure(tests: &Path, name: &str) -> Result<Cost> {
    let counts = target().join(format!("callgrind.{name}"));
    let printed = output(
        command("valgrind")
            .args(["-q", "--tool=callgrind"])
            .arg(format!("--toggle-collect={COUNTED}"))
            .arg(format!("--callgrind-out-file={}", counts.display()))
            .arg(tests)
            .args(["--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .arg(format!("{TESTS}{name}")),
    )?;
    let line = printed
        .lines()
        .find_map(|line| line.split("units: ").nth(1));
    let (units, what) = line
        .and_then(|line| line.split_once(' '))
        .context(format!("`{name}` does not say how much it did"))?;
    let units: f64 = units.parse().context("units are a number")?;
    let text = fs::read_to_string(&counts).context("Callgrind wrote no counts")?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: "))
        .context("Callgrind's counts have no total")?;
    let total: f64 = total.trim().parse().context("the total is a number")?;
    if total == 0.0 {
        return fail(format!("`{name}`: {COUNTED} was not found by Callgrind."));
    }
    Ok(Cost {
        each: total / units,
        what: what.to_owned(),
    })
}

fn known() -> Result<BTreeMap<String, f64>> {
    let text = fs::read_to_string(root().join(FILE)).context(format!("Cannot read {FILE}"))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let costs = lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
    });
    Ok(costs.collect())
}

fn keep(costs: &BTreeMap<String, Cost>) -> Result<()> {
    let mut text = "# Instructions by Callgrind, for each of what is named; `cargo xtask bench instructions --write`.\n".to_owned();
    for (name, cost) in costs {
        // "4000 packets sent" was divided by 4000.
        text += &format!("{name:<12} {:>8.0}  {}\n", cost.each, cost.what);
    }
    fs::write(root().join(FILE), &text).context(format!("Cannot write {FILE}"))?;
    print!("{text}");
    Ok(())
}
