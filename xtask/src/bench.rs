//! `cargo xtask bench <name>`, `soak pages` and `soak leaks`: scripts of `tests/bench/`, against the release build.

use std::fs;

use crate::failure::{fail, Context, Result};
use crate::instructions;
use crate::node;
use crate::package;
use crate::process;
use crate::project::root;
use crate::service::{self, Profile};

/// Those that belong to `cargo xtask soak`.
const SOAKS: [&str; 2] = ["soak", "leaks"];
/// Those without pages and browsers, under a load tool of `tests/load/`, which they find by the variable.
const NATIVE: [(&str, &str, &str); 2] = [
    ("engine", "plenary-load", "PLENARY_LOAD_BIN"),
    ("chat", "plenary-chat-load", "PLENARY_CHAT_LOAD_BIN"),
];

pub fn run(arguments: &[String]) -> Result<()> {
    let names = names()?;
    match arguments.split_first() {
        Some((name, rest)) if name == "instructions" => instructions::bench(rest),
        Some((name, rest)) if names.contains(name) => script(name, rest),
        Some((name, _)) => fail(format!(
            "There is no benchmark `{name}`; there are: {}.",
            names.join(", ")
        )),
        None => {
            println!("cargo xtask bench <name>\n");
            println!("  instructions");
            names.iter().for_each(|name| println!("  {name}"));
            Ok(())
        }
    }
}

/// The script of `soak pages`.
pub fn soak(arguments: &[String]) -> Result<()> {
    script("soak", arguments)
}

/// The script of `soak leaks`.
pub fn leaks(arguments: &[String]) -> Result<()> {
    script("leaks", arguments)
}

fn script(name: &str, arguments: &[String]) -> Result<()> {
    let file = root().join("tests/bench").join(format!("{name}.mjs"));
    if !file.is_file() {
        return fail(format!(
            "tests/bench/{name}.mjs is not there yet; write it first."
        ));
    }
    for folder in node::package_folders()? {
        node::ensure_packages(&folder)?;
    }
    let mut node = node::node()?;
    node.arg(file).args(arguments);
    if let Some((_, load, variable)) = NATIVE.iter().find(|(native, ..)| *native == name) {
        let binary = service::build(Profile::Release)?;
        node.env("PLENARY_SERVICE_BIN", binary)
            .env(variable, service::build_load(load)?);
        return process::run(&mut node);
    }
    package::build()?;
    service::assemble_pages()?;
    let binary = service::build(Profile::Release)?;
    process::run(node.envs(service::environment(&binary)?))
}

fn names() -> Result<Vec<String>> {
    let folder = root().join("tests/bench");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).context("Cannot read tests/bench/")?;
    let files = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = files
        .filter_map(|file| file.strip_suffix(".mjs").map(str::to_owned))
        .filter(|name| !SOAKS.contains(&name.as_str()))
        .collect();
    names.sort();
    Ok(names)
}
