//! `cargo xtask demo`: the service with its embedded defaults and the built pages.

use std::process::Stdio;

use crate::failure::Result;
use crate::package;
use crate::process::{command, line};
use crate::service::{assemble_pages, build, www, Profile};

/// Further arguments go to the service.
pub fn run(arguments: &[String]) -> Result<()> {
    println!("building the package");
    package::build()?;
    assemble_pages()?;
    println!("building the service");
    let mut serve = command(build(Profile::Debug)?);
    serve
        .arg("serve")
        .arg("--www")
        .arg(www())
        .args(arguments)
        .stdin(Stdio::inherit());
    println!("starting `{}`; Ctrl-C ends it", line(&serve));

    // In xtask's place where that exists: then Ctrl-C reaches the service and nobody else waits.
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        crate::failure::fail(format!(
            "The service could not be started: {}.",
            serve.exec()
        ))
    }
    #[cfg(not(unix))]
    {
        crate::process::run(&mut serve)
    }
}
