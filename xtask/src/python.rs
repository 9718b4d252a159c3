//! Python, in an environment of its own below `target/tools/`.

use std::path::PathBuf;

use crate::debian;
use crate::failure::{fail, Result};
use crate::process::{command, find, run, succeeds};
use crate::project::tools;

/// LiveKit's SDK for Python, a client that nobody here wrote.
const LIVEKIT: &str = "livekit==1.2.1";

/// A Python that has LiveKit's SDK: `PYTHON_LIVEKIT`, or one made here. It serves a few tests; without
/// it they are skipped, and say so.
pub fn livekit() -> Option<PathBuf> {
    if let Some(set) = std::env::var_os("PYTHON_LIVEKIT") {
        return Some(PathBuf::from(set));
    }
    environment(LIVEKIT)
        .inspect_err(|failure| println!("going on without Python's {LIVEKIT}: {failure}"))
        .ok()
}

fn environment(package: &str) -> Result<PathBuf> {
    let home = tools().join(format!("python-{}", package.replace("==", "-")));
    let python = match cfg!(windows) {
        true => home.join("Scripts/python.exe"),
        false => home.join("bin/python"),
    };
    let has = || succeeds(command(&python).args(["-c", "import livekit.rtc"]));
    if python.is_file() && has() {
        return Ok(python);
    }
    let Some(system) = find("python3").or_else(|| find("python")) else {
        return fail("there is no Python on the PATH");
    };
    let complete = succeeds(command(&system).args(["-c", "import venv, ensurepip"]));
    if !complete && debian::may_install() {
        debian::install(&["python3-venv"])?;
    }
    println!("installing {package} with Python (once)");
    run(command(system).args(["-m", "venv", "--clear"]).arg(&home))?;
    run(command(&python)
        .args(["-m", "pip", "install", "-q", "--disable-pip-version-check"])
        .arg(package))?;
    match has() {
        true => Ok(python),
        false => fail(format!("{package} was installed and does not start")),
    }
}
