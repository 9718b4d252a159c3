//! The npm package, as wasm-pack.toml describes it: `dist/plenary-sdk/` and its tarball.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::write::GzEncoder;
use flate2::Compression;
use serde_json::Value;

use crate::failure::{fail, Context, Result};
use crate::node;
use crate::process::{output, run};
use crate::project::{dist, read_json, read_toml, root, short, template, workspace_package};
use crate::wasm;

/// The one wasm of all entries.
const WASM: &str = "plenary_bg.wasm";

pub fn folder() -> PathBuf {
    dist().join("plenary-sdk")
}

pub fn run_command(_: &[String]) -> Result<()> {
    build()?;
    check_sizes()?;
    let tarball = pack()?;
    println!("\n{}", short(&tarball));
    Ok(())
}

/// Builds it unless it is there.
pub fn ensure() -> Result<()> {
    if folder().join("index.js").is_file() {
        return Ok(());
    }
    build()
}

/// Everything but the tarball.
pub fn build() -> Result<()> {
    wasm::build()?;
    node::ensure_packages(&template())?;
    let folder = folder();
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).context(format!("Cannot create {}", short(&folder)))?;
    copy(&wasm::generated().join(WASM), &folder)?;
    bundle(&entries()?, &folder)?;
    run(node::program(&template(), "tsc")?
        .current_dir(template())
        .args(["--project", "tsconfig.json", "--outDir"])
        .arg(folder.join("types")))?;
    for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
        copy(&root().join(file), &folder)?;
    }
    copy(&template().join("README.md"), &folder)?;
    write_manifest(&folder)
}

/// An entry point of the package.
struct Entry {
    source: String,
    output: String,
    /// `esm` for bundlers and module scripts, `iife` for a plain script tag.
    format: String,
    /// The variable that an `iife` defines.
    global: Option<String>,
}

/// The modules in one build, so that they share what they have in common; each plain script by itself.
fn bundle(entries: &[Entry], folder: &Path) -> Result<()> {
    let mut modules = esbuild("esm")?;
    modules
        .args(["--splitting", "--chunk-names=shared-[hash]"])
        .arg(format!("--outdir={}", folder.display()))
        .arg(format!("--metafile={}", parts().display()));
    for entry in entries {
        let Some(global) = &entry.global else {
            let name = entry.output.trim_end_matches(".js");
            modules.arg(format!("{name}={}", entry.source));
            continue;
        };
        // A plain script has no import.meta: the glue looks for its wasm beside the script.
        run(esbuild(&entry.format)?
            .args([
                "--define:import.meta.url=scriptUrl",
                "--inject:./script-url.js",
                // Found beside the script, like the wasm.
                "--external:./later.js",
            ])
            .arg(format!("--global-name={global}"))
            .arg(format!(
                "--outfile={}",
                folder.join(&entry.output).display()
            ))
            .arg(&entry.source))?;
    }
    run(&mut modules)?;
    let files = fs::read_dir(folder).context(format!("Cannot read {}", short(folder)))?;
    let scripts = files.filter_map(|file| Some(file.ok()?.path()));
    for script in scripts.filter(|path| path.extension().is_some_and(|kind| kind == "js")) {
        shrink(&script)?;
    }
    Ok(())
}

/// What esbuild leaves: 3 % of the gzipped scripts (measured).
fn shrink(script: &Path) -> Result<()> {
    let map = format!("{}.map", script.display());
    let name = Path::new(&map).file_name().unwrap_or_default();
    let mut terser = node::program(&template(), "terser")?;
    terser
        .arg(script)
        // No function of ours is a constructor: those are classes.
        .args(["--ecma=2020", "--compress=passes=3,unsafe_arrows", "--mangle"])
        .arg("--source-map")
        .arg(format!("content='{map}',url='{}'", name.to_string_lossy()))
        .arg("--output")
        .arg(script);
    let plain = short(script).ends_with(".iife.js");
    run(if plain {
        &mut terser
    } else {
        terser.arg("--module")
    })
}

fn esbuild(format: &str) -> Result<Command> {
    let mut esbuild = node::program(&template(), "esbuild")?;
    esbuild
        .current_dir(template())
        .args([
            "--bundle",
            "--minify",
            // Members that only our own files use, the glue's included, have short names.
            "--mangle-props=^(_[a-z]|__wbg_ptr$|__destroy_into_raw$|__wrap$)",
            "--mangle-quoted",
            "--sourcemap",
            "--target=es2022",
            "--charset=utf8",
            "--log-level=warning",
        ])
        .arg(format!("--format={format}"));
    Ok(esbuild)
}

/// esbuild's account of the modules: which file imports which.
fn parts() -> PathBuf {
    dist().join("modules.json")
}

/// An entry with everything that it imports, file by file.
fn loaded_with(entry: &str, files: &mut Vec<String>, imports: &Value) {
    if files.iter().any(|file| file == entry) {
        return;
    }
    files.push(entry.to_owned());
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let outputs = imports["outputs"].as_object().into_iter().flatten();
    for (path, output) in outputs {
        if name(path) == entry {
            for import in output["imports"].as_array().into_iter().flatten() {
                // What is loaded when it is first used is not loaded with the page.
                if import["kind"] == "dynamic-import" {
                    continue;
                }
                loaded_with(
                    &name(import["path"].as_str().unwrap_or_default()),
                    files,
                    imports,
                );
            }
        }
    }
}

fn settings() -> Result<toml::Table> {
    read_toml(&root().join("wasm-pack.toml"))
}

fn entries() -> Result<Vec<Entry>> {
    let settings = settings()?;
    let list = settings
        .get("entry")
        .and_then(|list| list.as_array())
        .context("wasm-pack.toml has no [[entry]].")?;
    list.iter()
        .map(|entry| {
            let text = |key: &str| {
                entry
                    .get(key)
                    .and_then(|value| value.as_str())
                    .map(str::to_owned)
            };
            let required = |key: &str| {
                text(key).context(format!("An [[entry]] of wasm-pack.toml lacks `{key}`."))
            };
            Ok(Entry {
                source: required("source")?,
                output: required("output")?,
                format: required("format")?,
                global: text("global"),
            })
        })
        .collect()
}

/// Prints what the parts weigh and fails above a budget of wasm-pack.toml.
pub fn check_sizes() -> Result<()> {
    println!("\n{:<42} {:>9} {:>9}", "size in bytes", "raw", "gzip");
    let imports = read_json(&parts())?;
    let mut files = vec![WASM.to_owned()];
    for entry in entries()? {
        loaded_with(&entry.output, &mut files, &imports);
    }
    for file in &files {
        let bytes = shipped(file)?;
        println!("{file:<42} {:>9} {:>9}", bytes.len(), gzipped(&bytes)?);
    }
    println!("\nwhat a page loads for");
    let settings = settings()?;
    let (mut over, mut largest) = (Vec::new(), 0);
    let budgets = settings.get("budget").and_then(|list| list.as_array());
    for budget in budgets.into_iter().flatten() {
        let lacks = "A [[budget]] of wasm-pack.toml lacks `name`, or `entries`.";
        let name = budget["name"].as_str().context(lacks)?;
        let mut files = vec![WASM.to_owned()];
        for entry in budget["entries"].as_array().context(lacks)? {
            loaded_with(entry.as_str().context(lacks)?, &mut files, &imports);
        }
        let mut size = 0;
        for file in &files {
            size += gzipped(&shipped(file)?)?;
        }
        largest = largest.max(size);
        let Some(limit) = budget.get("gzip").and_then(|limit| limit.as_integer()) else {
            println!("{name:<42} {:>9} {size:>9}", "");
            continue;
        };
        println!("{name:<42} {:>9} {size:>9} of {limit}", "");
        if i64::try_from(size).unwrap_or(i64::MAX) > limit {
            let files = files.join(" + ");
            over.push(format!(
                "{name} ({files}) is {size} bytes gzipped, {limit} are allowed"
            ));
        }
    }
    let peer = peer()?;
    println!("{:<42} {:>9} {peer:>9}", "livekit-client alone", "");
    if largest >= peer {
        over.push(format!(
            "livekit-client alone is {peer} bytes, less than ours"
        ));
    }
    if over.is_empty() {
        return Ok(());
    }
    fail(format!(
        "The package is too big: {}. Make it smaller; the budget stands in wasm-pack.toml.",
        over.join("; ")
    ))
}

/// What LiveKit's own client weighs by the same bundler: ours must weigh less.
fn peer() -> Result<usize> {
    let out = dist().join("peer.js");
    run(esbuild("esm")?
        .arg("peer.js")
        .arg(format!("--outfile={}", out.display())))?;
    shrink(&out)?;
    gzipped(&fs::read(&out).context(format!("Cannot read {}", short(&out)))?)
}

fn shipped(file: &str) -> Result<Vec<u8>> {
    fs::read(folder().join(file)).context(format!("Cannot read {file} of the package"))
}

fn gzipped(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).context("Cannot compress")?;
    Ok(encoder.finish().context("Cannot compress")?.len())
}

/// The template's package.json without what only its build needs, with the workspace's version.
fn write_manifest(folder: &Path) -> Result<()> {
    let mut manifest = read_json(&template().join("package.json"))?;
    let fields = manifest
        .as_object_mut()
        .context("pkg-template/package.json is no object")?;
    for build_only in ["private", "scripts", "devDependencies"] {
        fields.shift_remove(build_only);
    }
    fields.insert(
        "version".to_owned(),
        Value::from(workspace_package("version")?),
    );
    let text = serde_json::to_string_pretty(&manifest).context("Cannot write package.json")?;
    fs::write(folder.join("package.json"), text + "\n").context("Cannot write package.json")
}

/// The tarball that `npm publish` would send.
pub fn pack() -> Result<PathBuf> {
    let mut pack = node::npm_command(&folder())?;
    pack.args([
        "pack",
        "--json",
        "--loglevel=error",
        "--ignore-scripts",
        "--pack-destination",
    ])
    .arg(dist());
    let report: Value =
        serde_json::from_str(&output(&mut pack)?).context("`npm pack --json` printed no JSON")?;
    // A list, or since npm 11.17 an object by package name.
    let first = report
        .as_array()
        .and_then(|list| list.first())
        .or_else(|| report.as_object()?.values().next());
    let name = first
        .and_then(|packed| packed["filename"].as_str())
        .context("`npm pack` named no file")?;
    Ok(dist().join(name))
}

fn copy(file: &Path, folder: &Path) -> Result<()> {
    let name = file.file_name().context("A file without a name")?;
    fs::copy(file, folder.join(name)).context(format!("Cannot copy {}", short(file)))?;
    Ok(())
}
