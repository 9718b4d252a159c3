//! What needs no test runner: format, lints, dependencies.

use serde_json::Value;

use crate::failure::{fail, Result};
use crate::node;
use crate::process::{cargo, path_with, run, succeeds};
use crate::project::{short, target};
use crate::toolchain::ensure_component;
use crate::{tools, wasm};

pub fn format() -> Result<()> {
    ensure_component("rustfmt")?;
    match run(cargo("fmt").args(["--all", "--check"])) {
        Ok(()) => Ok(()),
        Err(_) => fail("The sources are not formatted; type `cargo fmt --all`."),
    }
}

pub fn lint() -> Result<()> {
    ensure_component("clippy")?;
    run(cargo("clippy")
        .args(["--workspace", "--all-targets", "--target-dir"])
        .arg(target())
        .args(["--", "-D", "warnings"]))?;
    wasm::lint()
}

/// Licences, bans and sources of all crates, and what is known against crates and Node packages.
/// Gives what could not be looked up.
pub fn dependencies() -> Result<Vec<String>> {
    let mut skipped = Vec::new();
    let path = path_with(&tools::cargo_deny()?);
    let deny = |arguments: &[&str]| {
        let mut deny = cargo("deny");
        deny.env("PATH", &path).args(arguments);
        deny
    };
    run(&mut deny(&["check", "bans", "licenses", "sources"]))?;
    println!("fetching the advisories about crates");
    if succeeds(&mut deny(&["fetch", "db"])) {
        run(&mut deny(&["check", "--disable-fetch", "advisories"]))?;
    } else {
        skipped.push(
            "advisories about crates (their database cannot be reached from here)".to_owned(),
        );
    }
    for folder in node::package_folders()? {
        let report = node::npm_command(&folder)?
            .args(["audit", "--json", "--loglevel=silent"])
            .output();
        let report = report
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default();
        match vulnerabilities(&report) {
            Some(0) => {}
            Some(number) => {
                return fail(format!(
                    "npm knows of {number} serious vulnerabilities; see `npm audit` in {}.",
                    short(&folder)
                ));
            }
            None => skipped.push(format!(
                "npm audit of {} (the registry gives no audits)",
                short(&folder)
            )),
        }
    }
    Ok(skipped)
}

/// High and critical ones; `None` where the registry did not answer with a report.
fn vulnerabilities(report: &str) -> Option<u64> {
    let report: Value = serde_json::from_str(report).ok()?;
    let counts = report.get("metadata")?.get("vulnerabilities")?;
    Some(counts["high"].as_u64()? + counts["critical"].as_u64()?)
}
