//! The meeting service's binary and the pages that it serves.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::browser;
use crate::failure::{Context, Result};
use crate::package;
use crate::process::{cargo, run};
use crate::project::{dist, root, short, target};

const BINARY: &str = "plenary-service";

/// `debug` serves the demo and the tests, `release` the benchmarks.
#[derive(Clone, Copy)]
pub enum Profile {
    Debug,
    Release,
}

/// Builds the service. `--workspace` although it is one binary: the features of shared dependencies
/// are then those of the load tools, too, and nothing heavy is compiled twice.
pub fn build(profile: Profile) -> Result<PathBuf> {
    build_binary(BINARY, profile)
}

/// The service as `cargo test --workspace` makes it for the tests beside it, of which one is enough: with
/// the features that tests need of shared dependencies, so that nothing is compiled again.
pub fn build_as_tested() -> Result<PathBuf> {
    let mut build = cargo("test");
    build.args(["--workspace", "--test", "process", "--no-run"]);
    run(build.arg("--target-dir").arg(target()))?;
    Ok(built(BINARY, "debug"))
}

/// A load tool, as optimised as what it loads.
pub fn build_load(name: &str) -> Result<PathBuf> {
    build_binary(name, Profile::Release)
}

fn build_binary(name: &str, profile: Profile) -> Result<PathBuf> {
    let mut build = cargo("build");
    build.args(["--workspace", "--bin", name]);
    let folder = match profile {
        Profile::Debug => "debug",
        Profile::Release => {
            build.arg("--release");
            "release"
        }
    };
    run(build.arg("--target-dir").arg(target()))?;
    Ok(built(name, folder))
}

fn built(name: &str, folder: &str) -> PathBuf {
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    target().join(folder).join(file)
}

pub fn www() -> PathBuf {
    dist().join("www")
}

/// `dist/www/`: the pages of `www/`, and the package of `dist/plenary-sdk/` under `/sdk/`.
pub fn assemble_pages() -> Result<()> {
    let _ = fs::remove_dir_all(www());
    copy_folder(&root().join("www"), &www())?;
    copy_folder(&package::folder(), &www().join("sdk"))
}

/// What the Node tests and benchmarks are told about the build.
pub fn environment(service: &Path) -> Result<Vec<(&'static str, OsString)>> {
    let mut variables = vec![
        ("PLENARY_SERVICE_BIN", service.into()),
        ("CHROMIUM", browser::chromium()?.into()),
    ];
    if let Some(firefox) = browser::firefox() {
        variables.push(("FIREFOX", firefox.into()));
    }
    Ok(variables)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).context(format!("Cannot create {}", short(to)))?;
    for entry in fs::read_dir(from).context(format!("Cannot read {}", short(from)))? {
        let path = entry
            .context(format!("Cannot read {}", short(from)))?
            .path();
        let copy = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_folder(&path, &copy)?;
        } else {
            fs::copy(&path, &copy).context(format!("Cannot copy {}", short(&path)))?;
        }
    }
    Ok(())
}
