//! What later steps of `cargo xtask test` need, fetched and built beside the first ones: those keep the
//! processor busy, these mostly wait for the network.
//!
//! At the lowest priority, and in the order of the steps. A step begins when what it needs is there or
//! could not be had: then it tries itself, and says what is missing as it would alone.

use std::path::Path;
use std::sync::mpsc::{channel, Receiver};
use std::thread;

use crate::failure::Result;
use crate::process::{command, find, run, succeeds};
use crate::project::{root, template};
use crate::{browser, debian, node, postgres, python, tools};

/// The step that needs it, and how it comes here.
type Provision = (&'static str, fn() -> Result<()>);

const PROVISIONS: &[Provision] = &[
    ("native", || {
        postgres::offer();
        Ok(())
    }),
    ("instructions", || {
        debian::offer("valgrind", "valgrind");
        Ok(())
    }),
    ("browser", || {
        browser::chromium()?;
        browser::chromedriver()?;
        browser::firefox();
        debian::offer("ip", "iproute2");
        Ok(())
    }),
    ("browser", || tools::wasm_bindgen().map(drop)),
    ("package", || node::ensure_packages(&template())),
    ("facade", || {
        packages_of(&["tests/package", "tests/package/ui-library"])
    }),
    ("e2e", || {
        packages_of(&["tests/e2e", "examples/react-composite"])
    }),
    ("e2e", livekit_server),
    ("conformance", || {
        python::livekit();
        packages_of(&[
            "tests/conformance",
            "tests/conformance/identity",
            "tests/conformance/chat",
        ])
    }),
    ("dependencies", || tools::cargo_deny().map(drop)),
];

/// What is on its way.
pub struct Provisions {
    /// The number of each that is done with.
    done: Receiver<usize>,
    next: usize,
}

impl Provisions {
    pub fn begin() -> Self {
        let (tell, done) = channel();
        thread::spawn(move || {
            step_back();
            for (number, (_, provide)) in PROVISIONS.iter().enumerate() {
                // Who needs it tries again, and says what went wrong.
                let _ = provide();
                if tell.send(number).is_err() {
                    return;
                }
            }
        });
        Self { done, next: 0 }
    }

    /// Waits for what a step needs.
    pub fn await_for(&mut self, step: &str) {
        let last = PROVISIONS.iter().rposition(|(of, _)| *of == step);
        while last.is_some_and(|last| self.next <= last) {
            match self.done.recv() {
                Ok(number) => self.next = number + 1,
                Err(_) => return,
            }
        }
    }
}

fn packages_of(folders: &[&str]) -> Result<()> {
    folders
        .iter()
        .try_for_each(|folder| node::ensure_packages(&root().join(folder)))
}

/// The tests build it with Go where it is missing.
fn livekit_server() -> Result<()> {
    let build = "import('./harness/livekit-server.mjs').then(({ findLivekit }) => findLivekit())";
    let mut node = node::node()?;
    run(node
        .current_dir(root().join("tests/e2e"))
        .args(["-e", build]))
}

/// What this thread starts gets what others leave of the processor. On Linux a thread has a priority of
/// its own; elsewhere everything goes on as before.
fn step_back() {
    let thread = std::fs::read_link("/proc/thread-self").unwrap_or_default();
    let id = thread.file_name().map(Path::new);
    if let (Some(id), Some(renice)) = (id, find("renice")) {
        // A courtesy.
        let _ = succeeds(command(renice).args(["-n", "19", "-p"]).arg(id));
    }
}
