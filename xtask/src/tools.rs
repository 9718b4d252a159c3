//! Rust programs that the build calls, each in `target/tools/<name>-<version>/`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Context, Result};
use crate::process::{cargo, command, find, line, run};
use crate::project::{locked_version, tools};

/// Its licence, ban and source checks need no network; see deny.toml.
const CARGO_DENY: &str = "0.20.2";

/// The folder with `wasm-bindgen` and `wasm-bindgen-test-runner`: exactly the version of the library,
/// as the format between them has no compatibility.
pub fn wasm_bindgen() -> Result<PathBuf> {
    ensure(
        "wasm-bindgen-cli",
        &["wasm-bindgen", "wasm-bindgen-test-runner"],
        &locked_version("wasm-bindgen")?,
    )
}

pub fn cargo_deny() -> Result<PathBuf> {
    ensure("cargo-deny", &["cargo-deny"], CARGO_DENY)
}

fn ensure(krate: &str, programs: &[&str], version: &str) -> Result<PathBuf> {
    let home = tools().join(format!("{krate}-{version}"));
    let bin = home.join("bin");
    if has(&bin, programs, version) {
        return Ok(bin);
    }
    let on_path = find(programs[0]).and_then(|program| Some(program.parent()?.to_owned()));
    if let Some(folder) = on_path.filter(|folder| has(folder, programs, version)) {
        return Ok(folder);
    }
    // Unoptimised: they run for seconds, but are compiled on every fresh machine. Not --locked: a
    // crate's own lock file may name a version that a mirror does not have.
    let scratch = tools().join("build");
    let mut install = cargo("install");
    install
        .args([krate, "--version", version, "--debug", "--root"])
        .arg(&home)
        .env("CARGO_TARGET_DIR", &scratch)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0");
    println!(
        "building {krate} {version} (once, one or two minutes): {}",
        line(&install)
    );
    run(&mut install)?;
    fs::remove_dir_all(&scratch).context(format!("Cannot clean {}", scratch.display()))?;
    Ok(bin)
}

fn has(folder: &Path, programs: &[&str], version: &str) -> bool {
    programs.iter().all(|program| {
        let path = folder.join(format!("{program}{}", env::consts::EXE_SUFFIX));
        let output = command(path).arg("--version").output();
        output.is_ok_and(|output| {
            String::from_utf8_lossy(&output.stdout)
                .split_whitespace()
                .any(|word| word == version)
        })
    })
}
