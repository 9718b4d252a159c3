//! Node.js and the packages of the folders that have a lock file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{fail, Context, Result};
use crate::process::{command, find, output, run};
use crate::project::{root, short};

/// The oldest release whose test runner and `import` we use.
const MINIMUM: u32 = 20;

pub fn node() -> Result<Command> {
    let advice =
        format!("Install Node.js {MINIMUM} or later (https://nodejs.org), then run this again.");
    if find("node").is_none() || npm().is_none() {
        return fail(format!("Node.js or npm is missing. {advice}"));
    }
    let version = output(command("node").arg("--version"))?;
    let major = version
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    if major.unwrap_or(0) < MINIMUM {
        return fail(format!("Node.js is {}. {advice}", version.trim()));
    }
    Ok(command("node"))
}

/// On Windows npm is a script that only its full name starts.
fn npm() -> Option<PathBuf> {
    if cfg!(windows) {
        return std::env::split_paths(&std::env::var_os("PATH")?)
            .map(|folder| folder.join("npm.cmd"))
            .find(|path| path.is_file());
    }
    find("npm")
}

pub fn npm_command(folder: &Path) -> Result<Command> {
    node()?;
    let mut npm = command(npm().context("npm is missing; install Node.js.")?);
    npm.current_dir(folder);
    Ok(npm)
}

/// Installs what the folder's lock file names, if it changed since.
pub fn ensure_packages(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let installed = folder.join("node_modules/.installed-lock.json");
    let wanted = fs::read(&lock).context(format!("Cannot read {}", short(&lock)))?;
    if fs::read(&installed).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    println!("installing the Node packages of {}", short(folder));
    run(npm_command(folder)?.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    fs::write(&installed, wanted).context(format!("Cannot write {}", short(&installed)))
}

/// A program of the folder's packages, with Node where it is a script.
pub fn program(folder: &Path, name: &str) -> Result<Command> {
    ensure_packages(folder)?;
    let bin = folder.join("node_modules/.bin");
    let mut path = bin.join(name);
    if cfg!(windows) {
        path.set_extension("cmd");
    }
    Ok(command(path))
}

/// The folders of the project that have Node packages of their own.
pub fn package_folders() -> Result<Vec<PathBuf>> {
    let mut folders = vec![root().join("pkg-template")];
    let tests = root().join("tests");
    if tests.is_dir() {
        let entries = fs::read_dir(&tests).context("Cannot read tests/")?;
        folders.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    folders.retain(|folder| folder.join("package-lock.json").is_file());
    folders.sort();
    Ok(folders)
}
