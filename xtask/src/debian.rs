//! Packages of a Debian machine, installed where that is allowed: on Debian itself, as root.

use std::fs;
use std::sync::{Mutex, Once};

use crate::failure::Result;
use crate::process::{command, find, output, run};

static INDEX: Once = Once::new();

/// Debian only: its derivatives name browsers and compilers otherwise.
pub fn is_debian() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    release.lines().any(|line| line == "ID=debian") && find("apt-get").is_some()
}

pub fn may_install() -> bool {
    is_debian()
        && find("id").is_some()
        && output(command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// The line for those who may not, or who want to do it themselves.
pub fn advice(packages: &[&str]) -> String {
    format!(
        "sudo apt-get update && sudo apt-get install --no-install-recommends {}",
        packages.join(" ")
    )
}

/// Whether the archive has a package of that name.
pub fn offers(package: &str) -> bool {
    refresh();
    output(command("apt-cache").args(["policy", package]))
        .is_ok_and(|text| text.contains("Candidate: ") && !text.contains("Candidate: (none)"))
}

pub fn install(packages: &[&str]) -> Result<()> {
    // There is one lock for the whole machine, and who does not get it fails.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    refresh();
    println!("installing Debian packages: {}", packages.join(" "));
    run(command("apt-get")
        .args(["-q", "-y", "install", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}

/// A program that some tests use and can do without.
pub fn offer(program: &str, package: &str) {
    if find(program).is_none() && may_install() {
        if let Err(failure) = install(&[package]) {
            println!("going on without {program}: {failure}");
        }
    }
}

/// Once per run: a fresh machine has no index, an old one names files that are gone.
fn refresh() {
    INDEX.call_once(|| {
        println!("reading Debian's package index");
        if let Err(failure) = run(command("apt-get").args(["-qq", "update"])) {
            println!("the index could not be read ({failure}); going on with the one there is");
        }
    });
}
