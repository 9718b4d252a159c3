//! `cargo xtask docs`: the API reference, from the declarations of the built package.

use crate::failure::Result;
use crate::node;
use crate::package;
use crate::process::run as run_process;
use crate::project::{dist, short, template};

/// Its tool wants a compiler of its own, which nothing else needs.
const TOOL: &str = "reference";

pub fn run(_: &[String]) -> Result<()> {
    package::ensure()?;
    let tool = template().join(TOOL);
    // A link that leads nowhere, or a type that is named and not exported, fails it.
    run_process(node::program(&tool, "typedoc")?.current_dir(&tool))?;
    println!("{}", short(&dist().join("reference/index.html")));
    Ok(())
}
