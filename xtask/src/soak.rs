//! `cargo xtask soak`: what needs long to be believed. With a name one of them, without all of them.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::bench;
use crate::docs;
use crate::failure::{fail, Context, Result};
use crate::fuzz;
use crate::process::{cargo, run};
use crate::project::target;
use crate::reproducible;
use crate::service::{self, Profile};
use crate::test;

type Soak = fn(&[String]) -> Result<()>;

const SOAKS: [(&str, &str, Soak); 9] = [
    (
        "fuzz",
        "[seconds for each target, 3600] [seed]: bytes from outside",
        fuzz::soak,
    ),
    (
        "simulation",
        "[seconds, 3600] [seed]: the whole on a simulated network, seed after seed",
        simulation,
    ),
    (
        "moves",
        "a thousand moves of thirty people between rooms, and nothing crosses",
        moves,
    ),
    (
        "rooms",
        "two hundred people into twenty breakout rooms and back, ten times",
        rooms,
    ),
    (
        "meeting",
        "[minutes, 120]: twenty people come and go, and the service does not grow",
        meeting,
    ),
    (
        "pages",
        "[--minutes 10]: a guest comes and goes, and neither service nor page grows",
        bench::soak,
    ),
    (
        "leaks",
        "[--agents 10000] [--calls 200]: agents and calls of one page, and nothing grows",
        bench::leaks,
    ),
    (
        "bundlers",
        "the npm package in Next.js, Parcel and development servers, in a meeting each",
        test::bundlers,
    ),
    (
        "package",
        "the npm package compiled twice gives the same bytes; its reference is built",
        package,
    ),
];

const HOUR: u64 = 3600;
/// Two hours, in minutes.
const MEETING: u64 = 120;

pub fn soak(arguments: &[String]) -> Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        return SOAKS.iter().try_for_each(|(name, _, soak)| {
            println!("\n== {name}");
            soak(&[])
        });
    };
    match SOAKS.iter().find(|(soak, ..)| soak == name) {
        Some((_, _, soak)) => soak(rest),
        None => {
            println!("cargo xtask soak [name]; without a name all of them\n");
            for (name, line, _) in SOAKS {
                println!("  {name:<10} {line}");
            }
            fail(format!("There is no soak `{name}`."))
        }
    }
}

fn number(arguments: &[String], at: usize, usual: u64) -> Result<u64> {
    match arguments.get(at) {
        Some(text) => text.parse().context(format!("`{text}` is no number")),
        None => Ok(usual),
    }
}

/// Each run begins with another seed, which is printed so that a failure can be had again.
fn simulation(arguments: &[String]) -> Result<()> {
    let seconds = number(arguments, 0, HOUR)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = number(arguments, 1, now.map_or(0, |d| d.as_secs()))?;
    run(cargo("test")
        .args(["-p", "plenary-service", "--lib", "--target-dir"])
        .arg(target())
        .args(["--", "--exact", "--ignored", "--nocapture"])
        .arg("simulation::tests::sweep")
        .env("PLENARY_SIMULATION_SECONDS", seconds.to_string())
        .env("PLENARY_SIMULATION_SEED", seed.to_string()))
}

fn moves(_: &[String]) -> Result<()> {
    run(cargo("test")
        .args(["-p", "plenary-service", "--test", "engine", "--target-dir"])
        .arg(target())
        .args(["--", "--exact", "--ignored", "--nocapture"])
        .arg("moves::e15_s14_through_a_thousand_moves_of_thirty_nothing_crosses"))
}

fn package(_: &[String]) -> Result<()> {
    reproducible::from_scratch()?;
    docs::run(&[])
}

fn rooms(_: &[String]) -> Result<()> {
    let mut soak = against_release("two_hundred_in_twenty_rooms_are_where_they_should_be")?;
    run(&mut soak)
}

fn meeting(arguments: &[String]) -> Result<()> {
    let minutes = number(arguments, 0, MEETING)?;
    let mut soak = against_release("people_come_and_go_and_nothing_grows")?;
    run(soak.env("PLENARY_SOAK_SECONDS", (minutes * 60).to_string()))
}

/// The release build is what is to run for long.
fn against_release(test: &str) -> Result<Command> {
    let binary = service::build(Profile::Release)?;
    let mut soak = cargo("test");
    soak.args(["-p", "plenary-service", "--test", "soak", "--target-dir"])
        .arg(target())
        .args(["--", "--exact", "--ignored", "--nocapture", test])
        .env("PLENARY_SERVICE_BIN", binary);
    Ok(soak)
}
