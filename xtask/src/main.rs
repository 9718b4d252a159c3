//! `cargo xtask`: the project's only build script.
//!
//! Each module has one subject. Whatever a command needs (the wasm target, wasm-bindgen, Node packages,
//! a browser) is looked for first, then installed with a notice, and where it may not be installed the
//! command ends with the line to type. Tools that are built here go to `target/tools/`.

mod bench;
mod browser;
mod checks;
mod debian;
mod demo;
mod docs;
mod failure;
mod fuzz;
mod glue;
mod imports;
mod instructions;
mod likeness;
mod node;
mod package;
mod postgres;
mod process;
mod project;
mod provision;
mod python;
mod reproducible;
mod service;
mod soak;
mod tally;
mod test;
mod toolchain;
mod tools;
mod wasm;

use std::process::ExitCode;

use failure::{fail, Result};

type Run = fn(&[String]) -> Result<()>;

const COMMANDS: &[(&str, &str, Run)] = &[
    (
        "demo",
        "build what is needed, start the service and print the links to open",
        demo::run,
    ),
    (
        "test",
        "all checks and tests, in real browsers; `test <step>…` for some of them",
        test::run,
    ),
    (
        "package",
        "build the npm package into dist/ and check its size",
        package::run_command,
    ),
    (
        "docs",
        "write the API reference into dist/reference/",
        docs::run,
    ),
    (
        "bench",
        "`bench <name>`: run a benchmark against the release build",
        bench::run,
    ),
    (
        "soak",
        "everything that needs hours, or `soak <name>` one of it",
        soak::soak,
    ),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        list();
        return ExitCode::SUCCESS;
    };
    let rest: Vec<String> = arguments.collect();
    let outcome = match COMMANDS.iter().find(|(command, ..)| *command == name) {
        Some((_, _, run)) => run(&rest),
        None => {
            list();
            fail(format!(
                "There is no command `{name}`; choose one of the list above."
            ))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn list() {
    println!("cargo xtask <command>\n");
    for (name, line, _) in COMMANDS {
        println!("  {name:<8} {line}");
    }
}
