//! From `src/` to the glue and the wasm that the facade imports, and the tests in a browser.
//!
//! The glue goes to `pkg-template/src/generated/`: `plenary.js`, its types, `plenary_bg.wasm`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::browser;
use crate::failure::{fail, Context, Result};
use crate::glue;
use crate::imports;
use crate::likeness;
use crate::node;
use crate::process::{command, run, watched};
use crate::project::{read_json, root, short, template, test_targets, tools, wasm_target};
use crate::tally::{count, Tally};
use crate::toolchain::{self, remapped_paths, Toolchain, TARGET};
use crate::tools as rust_tools;

/// Small after compression, which is not the same as small: `-Oz` saves 8 % of the bytes and makes the
/// gzipped file 5 % larger, and so does merging similar functions (measured). Control flow that was taken
/// apart and put together again is more alike.
const OPTIMISE: &[&str] = &[
    "-O1",
    "--flatten",
    "--rereloop",
    "-O1",
    "--flatten",
    "--rereloop",
    "-O1",
    "--gufa-optimizing",
    "-O1",
    "--converge",
    "--dae-optimizing",
    // What the loops above leave: tails in common, values that are set again.
    "--code-folding",
    "--merge-blocks",
    "--remove-unused-names",
    "--rse",
    "--vacuum",
    "--reorder-locals",
    // Rust puts the stack first: its last kilobyte is no place for data.
    "--low-memory-unused",
    "--strip-debug",
    "--strip-producers",
];

/// Afterwards, when the functions have their places for names (`likeness.rs`).
const REORDER: &[&str] = &[
    "--reorder-functions-by-name",
    "--strip-debug",
    "--strip-target-features",
];

pub fn generated() -> PathBuf {
    template().join("src/generated")
}

/// Builds what `generated()` holds.
pub fn build() -> Result<()> {
    let module = compile()?;

    let bin = rust_tools::wasm_bindgen()?;
    let folder = generated();
    let last = wasm_target().join("last-generated.wasm");
    let unchanged =
        fs::read(&module).ok() == fs::read(&last).ok() && folder.join("plenary_bg.wasm").is_file();
    if unchanged && folder.join("plenary.js").is_file() {
        return Ok(());
    }
    let _ = fs::remove_dir_all(&folder);
    run(command(bin.join("wasm-bindgen"))
        .args(["--target", "web", "--out-name", "plenary", "--out-dir"])
        .arg(&folder)
        .arg(&module))?;
    let wasm = folder.join("plenary_bg.wasm");
    wasm_opt(OPTIMISE, &wasm)?;
    let named = likeness::named(&read(&wasm)?)?;
    fs::write(&wasm, named).context(format!("Cannot write {}", short(&wasm)))?;
    wasm_opt(REORDER, &wasm)?;
    let script = folder.join("plenary.js");
    let written = fs::read_to_string(&script).context(format!("Cannot read {}", short(&script)))?;
    let (short_wasm, short_script) = imports::shorten(&read(&wasm)?, &glue::trim(&written)?)?;
    fs::write(&wasm, short_wasm).context(format!("Cannot write {}", short(&wasm)))?;
    fs::write(&script, short_script).context(format!("Cannot write {}", short(&script)))?;
    fs::copy(&module, &last).context(format!("Cannot write {}", short(&last)))?;
    Ok(())
}

/// Forgets what was compiled, so that the next build does it all again.
pub fn forget() -> Result<()> {
    let small = wasm_target().join("small");
    if small.is_dir() {
        fs::remove_dir_all(&small).context(format!("Cannot remove {}", short(&small)))?;
    }
    let _ = fs::remove_dir_all(wasm_target().join(TARGET).join("wasm"));
    let _ = fs::remove_file(wasm_target().join("last-generated.wasm"));
    Ok(())
}

fn wasm_opt(passes: &[&str], wasm: &Path) -> Result<()> {
    let mut wasm_opt = node::program(&template(), "wasm-opt")?;
    run(wasm_opt.args(passes).arg(wasm).arg("-o").arg(wasm))
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).context(format!("Cannot read {}", short(file)))
}

/// The module, with a standard library whose panics trap at once: their messages and all that formats
/// them are 4 % of the package. Building it takes half a minute, once.
fn compile() -> Result<PathBuf> {
    let toolchain = toolchain::wasm()?;
    let mut flags = vec![];
    let mut folder = wasm_target();
    let small = toolchain::ensure_library_source(toolchain);
    if small {
        // The places of panics are told to nobody either.
        flags.extend(
            [
                "-Zunstable-options",
                "-Cpanic=immediate-abort",
                "-Zlocation-detail=none",
                "--cfg=immediate_abort",
            ]
            .map(str::to_owned),
        );
        // Flags are not part of an artefact's name: the tests' would be built again each time.
        folder.push("small");
    }
    let mut build = cargo_with(toolchain, "build", &folder, flags);
    build.args(["--package", "plenary", "--lib", "--profile", "wasm"]);
    if small {
        // Both are stable in what they do, not yet in how they are asked for.
        build.env("RUSTC_BOOTSTRAP", "1").args([
            "-Zbuild-std=std,panic_abort",
            "-Zbuild-std-features=optimize_for_size",
        ]);
    }
    run(&mut build)?;
    Ok(folder.join(TARGET).join("wasm/plenary.wasm"))
}

/// Clippy over what only the wasm build sees.
pub fn lint() -> Result<()> {
    let toolchain = toolchain::wasm()?;
    toolchain::ensure_clippy(toolchain)?;
    let mut clippy = cargo(toolchain, "clippy");
    clippy.args(["--package", "plenary", "--lib"]);
    for target in browser_tests()? {
        clippy.args(["--test", &target]);
    }
    run(clippy.args(["--", "-D", "warnings"]))
}

/// The files of `tests/browser/`, each in a fresh headless Chromium.
///
/// Cargo with wasm-bindgen's runner is what `wasm-pack test --headless --chrome` calls; wasm-pack
/// itself would take another minute and a half to build. It works too: webdriver.json is for both.
pub fn test() -> Result<(bool, Tally)> {
    let targets = browser_tests()?;
    if targets.is_empty() {
        return Ok((true, Tally::default()));
    }
    let chromium = browser::chromium()?;
    let chromedriver = browser::chromedriver()?;
    let runner = rust_tools::wasm_bindgen()?.join("wasm-bindgen-test-runner");

    let mut test = cargo(toolchain::wasm()?, "test");
    test.args(["--package", "plenary", "--no-fail-fast"]);
    for target in &targets {
        test.args(["--test", target]);
    }
    test.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
        .env("CHROMEDRIVER", chromedriver)
        .env("WASM_BINDGEN_TEST_ONLY_WEB", "1")
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities(&chromium)?)
        // A busy machine starts a browser slowly; a test that hangs is still found.
        .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60")
        .env("WASM_BINDGEN_TEST_TIMEOUT", "180");
    let (good, output) = watched(&mut test)?;
    Ok((good, count(&output)))
}

/// A file that no `[[test]]` names would silently never run.
fn browser_tests() -> Result<Vec<String>> {
    let folder = root().join("tests/browser");
    let targets = test_targets(&folder)?;
    let files = fs::read_dir(&folder).into_iter().flatten().flatten();
    for path in files
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
    {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !targets.contains(&name) && !targets.contains(&"browser".to_owned()) {
            return fail(format!("{} is tested by nobody; add `[[test]] name = \"{name}\"` with its path to Cargo.toml.", short(&path)));
        }
    }
    Ok(targets)
}

/// webdriver.json, with the browser that was found.
fn capabilities(chromium: &Path) -> Result<PathBuf> {
    let mut capabilities = read_json(&root().join("webdriver.json"))?;
    capabilities["goog:chromeOptions"]["binary"] = json!(chromium);
    let path = tools().join("webdriver.json");
    fs::create_dir_all(tools()).context("Cannot write to the target folder")?;
    fs::write(&path, capabilities.to_string()).context(format!("Cannot write {}", short(&path)))?;
    Ok(path)
}

/// Cargo for wasm, in its own target folder.
fn cargo(toolchain: Toolchain, subcommand: &str) -> Command {
    cargo_with(toolchain, subcommand, &wasm_target(), vec![])
}

fn cargo_with(
    toolchain: Toolchain,
    subcommand: &str,
    folder: &Path,
    mut flags: Vec<String>,
) -> Command {
    let mut cargo = toolchain.cargo(subcommand);
    cargo.args(["--target", TARGET, "--target-dir"]).arg(folder);
    // Panic messages name source files: the same on every machine, so that equal sources give equal
    // bytes. Added to the flags of .cargo/config.toml, where RUSTFLAGS would replace them.
    let remapped = remapped_paths().into_iter();
    flags.extend(remapped.map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())));
    let flags = serde_json::Value::from(flags);
    cargo
        .arg("--config")
        .arg(format!("target.{TARGET}.rustflags={flags}"));
    // The browser tests wait for their compiler, not for their code.
    cargo.args(["--config", "profile.dev.opt-level=0"]);
    cargo
}
