//! The browsers of the tests, and Chromium's driver.
//!
//! Looked for first; Debian's packages as root; else a matching pair of Chrome and driver, downloaded
//! to `target/tools/browsers/`.

use std::env;
use std::path::{Path, PathBuf};

use crate::debian;
use crate::failure::{fail, Context, Result};
use crate::node;
use crate::process::{find, output};
use crate::project::{root, tools};

const CHROMIUM_NAMES: &[&str] = &[
    "chromium",
    "google-chrome",
    "google-chrome-stable",
    "chromium-browser",
    "chrome",
];
const CHROMIUM_PLACES: &[&str] = &[
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];
/// The Chromium of all tests.
pub fn chromium() -> Result<PathBuf> {
    if let Some(found) = find_chromium()? {
        return Ok(found);
    }
    if debian::may_install() {
        debian::install(&["chromium", "chromium-driver"])?;
        return find_chromium()?.context(
            "Debian's chromium was installed but is not on the PATH; set CHROMIUM to it.",
        );
    }
    download("chrome").or_else(|_| {
        fail(format!(
            "There is no Chromium; install one (`{}`) or set CHROMIUM to it.",
            by_hand("chromium", "npx playwright install chromium")
        ))
    })
}

fn find_chromium() -> Result<Option<PathBuf>> {
    if let Some(path) = env::var_os("CHROMIUM") {
        let path = PathBuf::from(path);
        if !path.is_file() {
            return fail(format!(
                "CHROMIUM names {}, which is no file; correct or unset it.",
                path.display()
            ));
        }
        return Ok(Some(path));
    }
    let named = CHROMIUM_NAMES.iter().find_map(|name| find(name));
    let placed = || {
        CHROMIUM_PLACES
            .iter()
            .map(PathBuf::from)
            .find(|path| path.is_file())
    };
    Ok(playwrights().or(named).or_else(placed))
}

/// The Chromium that Playwright downloaded, if it did.
fn playwrights() -> Option<PathBuf> {
    let folder = root().join("tests/e2e");
    if !folder.join("node_modules/playwright-core").is_dir() {
        return None;
    }
    let script =
        "import('playwright-core').then(({ chromium }) => console.log(chromium.executablePath()))";
    let path = output(node::node().ok()?.current_dir(folder).args(["-e", script])).ok()?;
    Some(PathBuf::from(path.trim())).filter(|path| path.is_file())
}

/// The driver that fits `chromium`.
pub fn chromedriver() -> Result<PathBuf> {
    let find_driver = || {
        env::var_os("CHROMEDRIVER")
            .map(PathBuf::from)
            .or_else(|| find("chromedriver"))
    };
    if let Some(found) = find_driver() {
        return Ok(found);
    }
    if debian::may_install() {
        debian::install(&["chromium-driver"])?;
        return find_driver().context("Debian's chromium-driver was installed but is not on the PATH; set CHROMEDRIVER to it.");
    }
    download("chromedriver").or_else(|_| {
        let advice = by_hand("chromium-driver", "npx @puppeteer/browsers install chromedriver@stable");
        fail(format!("There is no chromedriver; install the one of your Chromium's version (`{advice}`) or set CHROMEDRIVER to it."))
    })
}

/// Firefox serves a few tests; without it they are skipped, and say so.
pub fn firefox() -> Option<PathBuf> {
    let find_firefox = || {
        let set = env::var_os("FIREFOX")
            .map(PathBuf::from)
            .filter(|path| path.is_file());
        let placed = Path::new("/Applications/Firefox.app/Contents/MacOS/firefox");
        set.or_else(|| find("firefox-esr"))
            .or_else(|| find("firefox"))
            .or_else(|| placed.is_file().then(|| placed.to_owned()))
    };
    if find_firefox().is_none() {
        debian::offer("firefox-esr", "firefox-esr");
    }
    find_firefox()
}

fn download(browser: &str) -> Result<PathBuf> {
    let folder = tools().join("browsers");
    println!("downloading {browser} to {}", folder.display());
    let mut install = node::program(&root().join("tests/e2e"), "browsers")?;
    install.args([
        "install",
        &format!("{browser}@stable"),
        "--format",
        "{{path}}",
        "--path",
    ]);
    let text = output(install.arg(&folder))?;
    let path = text
        .lines()
        .map(str::trim)
        .map(PathBuf::from)
        .find(|path| path.is_file());
    path.context(format!("The download of {browser} named no file"))
}

fn by_hand(package: &str, elsewhere: &str) -> String {
    if debian::is_debian() {
        debian::advice(&[package])
    } else {
        elsewhere.to_owned()
    }
}
