//! PostgreSQL for the tests that the service runs on it: its programs alone, for each test run makes a server of
//! its own.

use std::fs;

use crate::debian;
use crate::process::find;

const PACKAGE: &str = "postgresql";
/// Debian keeps a folder for each release here, beside the PATH.
const RELEASES: &str = "/usr/lib/postgresql";

/// Without it those tests are skipped: then this is the line that says so.
pub fn offer() -> Option<String> {
    if !is_there() && debian::may_install() {
        if let Err(failure) = debian::install(&[PACKAGE]) {
            println!("going on without PostgreSQL: {failure}");
        }
    }
    (!is_there()).then(|| {
        let advice = match debian::is_debian() {
            true => debian::advice(&[PACKAGE]),
            false => "install PostgreSQL so that `initdb` is on the PATH".to_owned(),
        };
        format!("tests on PostgreSQL, which is not here ({advice})")
    })
}

fn is_there() -> bool {
    let releases = fs::read_dir(RELEASES).into_iter().flatten().flatten();
    let mut programs = releases.map(|release| release.path().join("bin/initdb"));
    find("initdb").is_some() || programs.any(|program| program.is_file())
}
