//! Two builds of the package give the same bytes: whoever has the sources can check what was published.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::failure::{fail, Context, Result};
use crate::package;
use crate::project::short;
use crate::wasm;

type Files = BTreeMap<String, Vec<u8>>;

/// Bundles again what was built, and compares.
pub fn bundled_again() -> Result<()> {
    compared(|| Ok(()))
}

/// Compiles again, too, the standard library included.
pub fn from_scratch() -> Result<()> {
    package::build()?;
    compared(wasm::forget)
}

fn compared(between: impl Fn() -> Result<()>) -> Result<()> {
    let first = shipped()?;
    between()?;
    package::build()?;
    let second = shipped()?;
    let different: Vec<_> = first
        .keys()
        .chain(second.keys())
        .filter(|name| first.get(*name) != second.get(*name))
        .map(String::as_str)
        .collect();
    if different.is_empty() {
        println!("built twice: {} files, the same bytes", second.len());
        return Ok(());
    }
    fail(format!(
        "Two builds of the package differ in: {}.",
        different.join(", ")
    ))
}

/// Every file of the package, and the tarball.
fn shipped() -> Result<Files> {
    let mut files = Files::new();
    read(&package::folder(), &mut files)?;
    let tarball = package::pack()?;
    let bytes = fs::read(&tarball).context(format!("Cannot read {}", short(&tarball)))?;
    files.insert(short(&tarball), bytes);
    Ok(files)
}

fn read(folder: &Path, files: &mut Files) -> Result<()> {
    for entry in fs::read_dir(folder).context(format!("Cannot read {}", short(folder)))? {
        let path = entry
            .context(format!("Cannot read {}", short(folder)))?
            .path();
        if path.is_dir() {
            read(&path, files)?;
        } else {
            let bytes = fs::read(&path).context(format!("Cannot read {}", short(&path)))?;
            files.insert(short(&path), bytes);
        }
    }
    Ok(())
}
