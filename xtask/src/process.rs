//! Starting other programs: what fails names the program that failed.

use std::env;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{fail, Context, Result};
use crate::project;

/// A command in the repository's root, without what Cargo told xtask about xtask: build scripts that
/// look at such variables would run again and again.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(project::root()).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let about_xtask = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
            .iter()
            .any(|start| text.starts_with(start));
        if about_xtask || text == "CARGO_CRATE_NAME" || text == "CARGO_PRIMARY_PACKAGE" {
            command.env_remove(name);
        }
    }
    command
}

/// The Cargo that runs xtask.
pub fn cargo(subcommand: &str) -> Command {
    let mut command = command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand);
    command
}

/// Runs to the end, output and all.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().context(cannot_start(command))?;
    if status.success() {
        return Ok(());
    }
    fail(format!(
        "`{}` failed ({status}); see its output above.",
        line(command)
    ))
}

/// Runs to the end and gives what it printed; its errors are shown.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .context(cannot_start(command))?;
    if !output.status.success() {
        return fail(format!(
            "`{}` failed ({}); see its output above.",
            line(command),
            output.status
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether it ran to a good end; silent.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs to the end, shows what it prints and gives it too.
pub fn watched(command: &mut Command) -> Result<(bool, String)> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context(cannot_start(command))?;
    let mut seen = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut bytes = Vec::new();
    while lines
        .read_until(b'\n', &mut bytes)
        .context("Cannot read the program's output")?
        > 0
    {
        // The reader of our own output may have gone; the tests still count.
        let _ = io::stdout().lock().write_all(&bytes);
        seen.push_str(&String::from_utf8_lossy(&bytes));
        bytes.clear();
    }
    let status = child.wait().context(cannot_start(command))?;
    Ok((status.success(), seen))
}

/// The program of that name on the PATH.
pub fn find(program: &str) -> Option<PathBuf> {
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file())
}

/// The PATH with a folder in front.
pub fn path_with(folder: &Path) -> std::ffi::OsString {
    let rest = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(env::split_paths(&rest));
    env::join_paths(folders).unwrap_or(rest.clone())
}

/// The command as one could type it.
pub fn line(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let words = std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy());
    words.collect::<Vec<_>>().join(" ")
}

fn cannot_start(command: &Command) -> String {
    format!("Cannot start `{}`", command.get_program().to_string_lossy())
}
