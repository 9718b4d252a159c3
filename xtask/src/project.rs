//! Where things are in the repository, and what its manifests say.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::{Context, Result};
use crate::process;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask/ lies in the repository")
}

/// The folder of the native builds; the wasm builds have their own, since their compiler may be another.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

pub fn wasm_target() -> PathBuf {
    target().join("wasm")
}

pub fn tools() -> PathBuf {
    target().join("tools")
}

pub fn dist() -> PathBuf {
    root().join("dist")
}

pub fn template() -> PathBuf {
    root().join("pkg-template")
}

/// `path` as a person reads it: relative to the repository where it lies inside.
pub fn short(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

pub fn read_toml(path: &Path) -> Result<toml::Table> {
    let text = fs::read_to_string(path).context(format!("Cannot read {}", short(path)))?;
    text.parse()
        .context(format!("{} is not valid TOML", short(path)))
}

pub fn read_json(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).context(format!("Cannot read {}", short(path)))?;
    serde_json::from_str(&text).context(format!("{} is not valid JSON", short(path)))
}

/// A value of `[workspace.package]`: `version`, `rust-version`.
pub fn workspace_package(key: &str) -> Result<String> {
    let manifest = read_toml(&root().join("Cargo.toml"))?;
    manifest["workspace"]["package"]
        .get(key)
        .and_then(|value| value.as_str())
        .map(str::to_owned)
        .context(format!(
            "Cargo.toml has no workspace.package.{key}; add it."
        ))
}

/// The version of a crate in Cargo.lock.
pub fn locked_version(krate: &str) -> Result<String> {
    let lock = read_toml(&root().join("Cargo.lock"))?;
    lock.get("package")
        .and_then(|packages| packages.as_array())
        .and_then(|packages| {
            packages.iter().find(|package| package.get("name").and_then(|name| name.as_str()) == Some(krate))
        })
        .and_then(|package| package.get("version")?.as_str())
        .map(str::to_owned)
        .context(format!(
            "Cargo.lock names no `{krate}`; the crate `plenary` must depend on it, then run `cargo update --workspace`."
        ))
}

/// The names of the SDK's test targets whose file lies in `folder`.
pub fn test_targets(folder: &Path) -> Result<Vec<String>> {
    let mut metadata = process::cargo("metadata");
    let text = process::output(metadata.args(["--no-deps", "--format-version", "1"]))?;
    let metadata: Value =
        serde_json::from_str(&text).context("`cargo metadata` printed no JSON")?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let targets = packages
        .filter(|package| package["name"] == "plenary")
        .flat_map(|package| package["targets"].as_array().into_iter().flatten());
    Ok(targets
        .filter(|target| target["kind"][0] == "test")
        .filter(|target| {
            target["src_path"]
                .as_str()
                .is_some_and(|path| Path::new(path).starts_with(folder))
        })
        .filter_map(|target| target["name"].as_str().map(str::to_owned))
        .collect())
}
