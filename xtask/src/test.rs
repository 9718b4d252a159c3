//! `cargo xtask test`: every step in the order in which a mistake is found soonest, ending with the
//! first that fails. What takes long to build and seldom finds anything comes last.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::failure::{fail, Context, Failure, Result};
use crate::process::{cargo, watched};
use crate::project::{root, short, target};
use crate::provision::Provisions;
use crate::service;
use crate::tally::{count, Tally};
use crate::{checks, debian, instructions, node, package, postgres, python, reproducible, wasm};

/// What a step found. A failed check is one failure, a passed one no test.
#[derive(Default)]
struct Report {
    tally: Tally,
    skipped: Vec<String>,
}

type Step = fn(&mut Report) -> Result<()>;

const STEPS: &[(&str, &str, Step)] = &[
    ("format", "format of the sources", |_| checks::format()),
    ("lint", "Clippy, natively and for wasm", |_| checks::lint()),
    ("native", "tests of the workspace", native),
    (
        "instructions",
        "what the packet path costs (Callgrind)",
        |report| {
            report.skipped = instructions::gate()?;
            Ok(())
        },
    ),
    ("browser", "tests/browser in Chromium", browser),
    ("package", "the npm package, its size, built twice", |_| {
        package::build()?;
        package::check_sizes()?;
        reproducible::bundled_again()
    }),
    (
        "facade",
        "tests/package: the facade and the package",
        facade,
    ),
    ("e2e", "tests/e2e: the service and browsers", e2e),
    (
        "conformance",
        "tests/conformance: others' clients",
        conformance,
    ),
    (
        "dependencies",
        "licences, sources and advisories",
        |report| {
            report.skipped = checks::dependencies()?;
            Ok(())
        },
    ),
];

pub fn run(chosen: &[String]) -> Result<()> {
    if let Some(unknown) = chosen
        .iter()
        .find(|name| !STEPS.iter().any(|(step, ..)| step == name))
    {
        let names: Vec<_> = STEPS.iter().map(|(name, ..)| *name).collect();
        return fail(format!(
            "There is no step `{unknown}`; there are: {}.",
            names.join(", ")
        ));
    }
    let steps = STEPS
        .iter()
        .filter(|(name, ..)| chosen.is_empty() || chosen.iter().any(|one| one == name));

    let start = Instant::now();
    // For a step or two it would be a bad bargain.
    let mut provisions = chosen.is_empty().then(Provisions::begin);
    let mut total = Tally::default();
    let mut skipped = Vec::new();
    let mut failure: Option<(&str, Failure)> = None;
    for (name, title, step) in steps {
        println!("\n== {name}: {title}");
        if let Some(provisions) = &mut provisions {
            provisions.await_for(name);
        }
        let begun = Instant::now();
        let mut report = Report::default();
        let outcome = step(&mut report);
        if outcome.is_err() && report.tally.failed == 0 {
            report.tally.failed = 1;
        }
        total += report.tally;
        skipped.append(&mut report.skipped);
        println!(
            "== {name}: {} in {}",
            if outcome.is_ok() { "good" } else { "FAILED" },
            duration(begun)
        );
        if let Err(error) = outcome {
            failure = Some((name, error));
            break;
        }
    }

    println!("\nall of it took {}", duration(start));
    for what in &skipped {
        println!("skipped: {what}");
    }
    if total.skipped > 0 {
        println!(
            "skipped: {} tests, for the reasons they gave above",
            total.skipped
        );
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    match failure {
        None => Ok(()),
        Some((name, error)) => fail(format!("{error} (Alone: `cargo xtask test {name}`.)")),
    }
}

/// The service is built along with the tests.
fn native(report: &mut Report) -> Result<()> {
    let mut test = cargo("test");
    test.args(["--workspace", "--no-fail-fast", "--target-dir"])
        .arg(target());
    // Tests that would return at once and count as passed.
    test.arg("--");
    if let Some(without) = postgres::offer() {
        report.skipped.push(without);
        test.args(["--skip", "on_postgresql"]);
    }
    if !has_mount_namespaces() {
        let without = "tests with a full disk (no mount namespaces: unshare --user --mount)";
        report.skipped.push(without.to_owned());
        test.args(["--skip", "on_a_full_disk"]);
    }
    judge(report, watched(&mut test)?, "tests of the workspace")
}

/// Some containers and kernels let nobody make them.
fn has_mount_namespaces() -> bool {
    let mut unshare = Command::new("unshare");
    let alone = ["--user", "--map-root-user", "--mount", "true"];
    let made = unshare.args(alone).stderr(Stdio::null()).status();
    made.is_ok_and(|status| status.success())
}

fn browser(report: &mut Report) -> Result<()> {
    let (good, tally) = wasm::test()?;
    if tally == Tally::default() {
        report
            .skipped
            .push("tests/browser (it is not there yet)".to_owned());
    }
    report.tally = tally;
    if good {
        return Ok(());
    }
    fail("Tests in tests/browser failed; see above.")
}

/// tests/package: the facade over a scripted core, and the package as it was built.
fn facade(report: &mut Report) -> Result<()> {
    package::ensure()?;
    node::ensure_packages(&root().join("tests/package/ui-library"))?;
    node_tests("tests/package", &mut node::node()?, report)
}

/// With the example of Microsoft's UI library, whose packages link to ours.
fn e2e(report: &mut Report) -> Result<()> {
    package::ensure()?;
    node::ensure_packages(&root().join("examples/react-composite"))?;
    // Two files at a time: people wait for each other more than they keep a processor busy.
    with_service("tests/e2e", 2, &[], report)
}

/// Others' clients: LiveKit's in browsers and Python, Azure's identity and chat SDKs.
fn conformance(report: &mut Report) -> Result<()> {
    // Browsers are started by the harness there, with its packages.
    node::ensure_packages(&root().join("tests/e2e"))?;
    let python = python::livekit().map(|python| ("PYTHON_LIVEKIT", OsString::from(python)));
    // One at a time: others' clients on others' servers are not ours to make patient.
    with_service("tests/conformance", 1, python.as_slice(), report)?;
    with_service("tests/conformance/identity", 1, &[], report)?;
    with_service("tests/conformance/chat", 1, &[], report)
}

/// The package in the web apps that take long to build (`soak bundlers`).
pub fn bundlers(_: &[String]) -> Result<()> {
    package::build()?;
    node::ensure_packages(&root().join("tests/e2e"))?;
    let mut report = Report::default();
    with_service("tests/e2e/bundlers", 1, &[], &mut report)?;
    println!("{} passed", report.tally.passed);
    Ok(())
}

/// A folder whose tests have the service, the browsers and what else is named at hand.
/// So many files run at a time, each with browsers of its own.
fn with_service(
    folder: &str,
    at_a_time: usize,
    more: &[(&'static str, OsString)],
    report: &mut Report,
) -> Result<()> {
    if !root().join(folder).is_dir() {
        report
            .skipped
            .push(format!("{folder} (it is not there yet)"));
        return Ok(());
    }
    package::ensure()?;
    service::assemble_pages()?;
    let service = service::build_as_tested()?;
    // Tests of failing networks cut links with `ip`; without it they say so and are skipped.
    debian::offer("ip", "iproute2");
    let mut told = service::environment(&service)?;
    told.extend_from_slice(more);
    // Who makes a network namespace changes the machine's network, and Chromium gives up what it is
    // loading: not beside others. Nor what says so.
    let (alone, together): (Vec<_>, Vec<_>) = test_files(&root().join(folder))?
        .into_iter()
        .partition(|file| mentions(file, &["/namespace.mjs'", "\n// Alone: "]));
    for (files, at_a_time) in [(together, at_a_time), (alone, 1)] {
        let mut node = node::node()?;
        node.arg(format!("--test-concurrency={at_a_time}"));
        node.envs(told.iter().map(|(name, value)| (name, value)));
        if !files.is_empty() {
            run_files(folder, files, &mut node, report)?;
        }
    }
    Ok(())
}

fn mentions(file: &Path, texts: &[&str]) -> bool {
    let source = fs::read_to_string(file);
    source.is_ok_and(|source| texts.iter().any(|text| source.contains(text)))
}

/// Runs the `*.test.mjs` of a folder.
fn node_tests(folder: &str, node: &mut Command, report: &mut Report) -> Result<()> {
    let files = test_files(&root().join(folder))?;
    run_files(folder, files, node, report)
}

fn run_files(
    folder: &str,
    files: Vec<PathBuf>,
    node: &mut Command,
    report: &mut Report,
) -> Result<()> {
    let path = root().join(folder);
    if path.join("package-lock.json").is_file() {
        node::ensure_packages(&path)?;
    }
    node.args(["--test", "--test-reporter=spec", "--test-timeout=600000"])
        .args(files);
    judge(report, watched(node)?, folder)
}

fn judge(report: &mut Report, (good, output): (bool, String), what: &str) -> Result<()> {
    let tally = count(&output);
    report.tally += tally;
    if !good || tally.failed > 0 {
        return fail(format!("{what}: something failed; see above."));
    }
    if tally.passed + tally.skipped == 0 {
        return fail(format!("{what}: no test ran; see above."));
    }
    Ok(())
}

/// Named one by one: what Node makes of a folder changed between its releases.
fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).context(format!("Cannot read {}", short(folder)))? {
        let path = entry
            .context(format!("Cannot read {}", short(folder)))?
            .path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    if files.is_empty() {
        return fail(format!(
            "{} has no *.test.mjs; something is missing in this checkout.",
            short(folder)
        ));
    }
    files.sort();
    Ok(files)
}

fn duration(since: Instant) -> String {
    let seconds = since.elapsed().as_secs_f32();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:.0} s", (seconds / 60.0) as u32, seconds % 60.0)
    }
}
