//! The compiler of the wasm steps.
//!
//! Detected, never assumed: a compiler counts when it links an empty wasm module. One compiler does
//! all wasm steps, since crates of two versions do not mix (E0514).

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::debian;
use crate::failure::{fail, Context, Result};
use crate::process::{self, command, find, line, output, path_with, run, succeeds};
use crate::project::{tools, workspace_package};

pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian keeps a current compiler under these names, for its browsers.
const DEBIAN_COMPILER: &[&str] = &[
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-llvm",
    "rust-web-clippy",
];
const DEBIAN_BIN: &str = "/usr/bin";

#[derive(Clone, Copy)]
pub enum Toolchain {
    /// The one that runs xtask.
    Default,
    /// Debian's, beside it.
    Debian,
}

impl Toolchain {
    pub fn rustc(self) -> Command {
        match self {
            Toolchain::Default => command("rustc"),
            Toolchain::Debian => self.on_its_own(command(Path::new(DEBIAN_BIN).join("rustc"))),
        }
    }

    pub fn cargo(self, subcommand: &str) -> Command {
        let mut cargo = match self {
            Toolchain::Default => return process::cargo(subcommand),
            // Cargo would look for the subcommand in its own home first, and find another toolchain's.
            Toolchain::Debian if subcommand == "clippy" => {
                command(Path::new(DEBIAN_BIN).join("cargo-clippy"))
            }
            Toolchain::Debian => command(Path::new(DEBIAN_BIN).join("cargo")),
        };
        cargo.arg(subcommand);
        self.on_its_own(cargo)
    }

    /// Without what rustup told xtask about its toolchain.
    fn on_its_own(self, mut command: Command) -> Command {
        let bin = Path::new(DEBIAN_BIN);
        command
            .env("PATH", path_with(bin))
            .env("CARGO", bin.join("cargo"))
            .env("RUSTC", bin.join("rustc"))
            .env("RUSTDOC", bin.join("rustdoc"))
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("LD_LIBRARY_PATH");
        command
    }

    fn compiles_wasm(self) -> bool {
        let probe = tools().join("probe");
        let source = probe.join("probe.rs");
        if fs::create_dir_all(&probe)
            .and_then(|()| fs::write(&source, "pub fn probe() {}\n"))
            .is_err()
        {
            return false;
        }
        self.is_recent()
            && succeeds(
                self.rustc()
                    .args(["--target", TARGET, "--crate-type", "cdylib", "--out-dir"])
                    .arg(&probe)
                    .arg(&source),
            )
    }

    fn is_recent(self) -> bool {
        let minimum = workspace_package("rust-version")
            .ok()
            .and_then(|version| release(&version));
        let actual = self.rustc().arg("--version").output().ok();
        let actual = actual
            .and_then(|output| release(String::from_utf8_lossy(&output.stdout).split(' ').nth(1)?));
        actual.is_some() && actual >= minimum
    }

    fn library(self) -> Result<PathBuf> {
        let text = output(
            self.rustc()
                .args(["--print", "target-libdir", "--target", TARGET]),
        )?;
        Ok(PathBuf::from(text.trim()))
    }
}

/// Major and minor number of a version.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The wasm compiler; set up on the first call where it is missing.
pub fn wasm() -> Result<Toolchain> {
    static FOUND: OnceLock<Toolchain> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Ok(*found);
    }
    let toolchain = find_or_install()?;
    Ok(*FOUND.get_or_init(|| toolchain))
}

fn find_or_install() -> Result<Toolchain> {
    if Toolchain::Default.compiles_wasm() {
        return Ok(Toolchain::Default);
    }
    // A second compiler is better than none, but only where it is ready: the first is everybody's way.
    if Toolchain::Debian.compiles_wasm() {
        println!("wasm is compiled by {DEBIAN_BIN}/rustc, which has the target");
        return Ok(Toolchain::Debian);
    }
    if find("rustup").is_some() {
        let mut add = command("rustup");
        add.args(["target", "add", TARGET]);
        println!("adding the wasm target: {}", line(&add));
        if run(&mut add).is_ok() && Toolchain::Default.compiles_wasm() {
            return Ok(Toolchain::Default);
        }
        println!("rustup could not add it");
    }
    if debian::may_install() && debian::offers(DEBIAN_COMPILER[0]) {
        install_debian_compiler()?;
        if Toolchain::Debian.compiles_wasm() {
            return Ok(Toolchain::Debian);
        }
    }
    fail(format!(
        "This Rust cannot compile to wasm; with rustup type `rustup target add {TARGET}` (Rust {} or later), then run this again.",
        workspace_package("rust-version")?
    ))
}

/// Whether the source of the standard library is there, which rustup adds and Debian's compiler has.
pub fn ensure_library_source(toolchain: Toolchain) -> bool {
    let there = || {
        let sysroot = output(toolchain.rustc().args(["--print", "sysroot"])).unwrap_or_default();
        let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
        source.join("Cargo.lock").is_file()
    };
    if there() {
        return true;
    }
    if matches!(toolchain, Toolchain::Default) && find("rustup").is_some() {
        let mut add = command("rustup");
        add.args(["component", "add", "rust-src"]);
        println!("adding the standard library's source: {}", line(&add));
        if run(&mut add).is_ok() && there() {
            return true;
        }
    }
    println!("without the standard library's source (`rustup component add rust-src`) the wasm is 4 % larger");
    false
}

/// Clippy of the wasm compiler; rustup's default profile has it, Debian packs it apart.
pub fn ensure_clippy(toolchain: Toolchain) -> Result<()> {
    if succeeds(toolchain.cargo("clippy").arg("--version")) {
        return Ok(());
    }
    match toolchain {
        Toolchain::Debian if debian::may_install() => debian::install(&["rust-web-clippy"]),
        Toolchain::Debian => fail(format!(
            "Clippy is missing; type `{}`.",
            debian::advice(&["rust-web-clippy"])
        )),
        Toolchain::Default => ensure_component("clippy"),
    }
}

/// A component of the default toolchain: `clippy`, `rustfmt`.
pub fn ensure_component(component: &str) -> Result<()> {
    let subcommand = component.trim_start_matches("rust");
    if succeeds(process::cargo(subcommand).arg("--version")) {
        return Ok(());
    }
    let mut add = command("rustup");
    add.args(["component", "add", component]);
    println!("adding {component}: {}", line(&add));
    match run(&mut add) {
        Ok(()) => Ok(()),
        Err(_) => fail(format!("`cargo {subcommand}` is missing; install {component} for the Rust in use, then run this again.")),
    }
}

/// Debian's compiler has no standard library for wasm, but its source: half a minute builds it.
fn install_debian_compiler() -> Result<()> {
    debian::install(DEBIAN_COMPILER)?;
    let linker = Path::new(DEBIAN_BIN).join("rust-lld");
    if !linker.exists() {
        // A link to a program of a package that nothing depends on, such as lld-22.
        let package = fs::read_link(&linker).context("Debian's rust-web-llvm has no rust-lld")?;
        debian::install(&[&package.to_string_lossy()])?;
    }
    build_standard_library()
}

fn build_standard_library() -> Result<()> {
    println!("building the standard library for wasm (once, about a minute)");
    let toolchain = Toolchain::Debian;
    let folder = tools().join("wasm-std");
    fs::create_dir_all(folder.join("src")).context("Cannot write to the target folder")?;
    let manifest =
        "[package]\nname = \"wasm-std\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n";
    fs::write(folder.join("Cargo.toml"), manifest).context("Cannot write to the target folder")?;
    fs::write(folder.join("src/lib.rs"), "#![no_std]\n")
        .context("Cannot write to the target folder")?;

    let sysroot = PathBuf::from(output(toolchain.rustc().args(["--print", "sysroot"]))?.trim());
    let source = sysroot.join("lib/rustlib/src/rust");
    let source = source.canonicalize().unwrap_or(source);
    run(toolchain
        .cargo("build")
        .current_dir(&folder)
        .args([
            "--release",
            "--target",
            TARGET,
            "-Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test",
        ])
        .arg("--target-dir")
        .arg(folder.join("target"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env(
            "RUSTFLAGS",
            format!("--remap-path-prefix={}=/rustc", source.display()),
        ))?;

    let library = toolchain.library()?;
    fs::create_dir_all(&library).context(format!("Cannot write to {}", library.display()))?;
    for old in rlibs(&library)? {
        fs::remove_file(&old).context(format!("Cannot replace {}", old.display()))?;
    }
    for rlib in rlibs(&folder.join("target").join(TARGET).join("release/deps"))? {
        let name = rlib.file_name().context("A library without a name")?;
        if !name.to_string_lossy().starts_with("libwasm_std-") {
            fs::copy(&rlib, library.join(name))
                .context(format!("Cannot write to {}", library.display()))?;
        }
    }
    println!("installed it in {}", library.display());
    let _ = fs::remove_dir_all(&folder);
    Ok(())
}

fn rlibs(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).context(format!("Cannot read {}", folder.display()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "rlib")
        })
        .collect())
}

/// Folders that must not be seen in what we ship, and what stands there instead.
pub fn remapped_paths() -> Vec<(PathBuf, &'static str)> {
    let home = env::var_os("HOME")
        .or_else(|| env::var_os("USERPROFILE"))
        .map(PathBuf::from);
    let cargo = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(home?.join(".cargo")));
    let mut paths = vec![(crate::project::root().to_owned(), "/plenary")];
    if let Some(cargo) = cargo {
        paths.push((cargo, "/cargo"));
    }
    paths
}
