//! The media engine on narrow and lossy paths. A program of its own, one test after the other: what
//! is measured is delay, and forty clients on two cores are a narrow path themselves.

// What both programs use; neither uses all of it.
#[allow(dead_code)]
#[path = "../engine/client.rs"]
mod client;
mod paths;
#[allow(dead_code)]
#[path = "../engine/server.rs"]
mod server;
mod step;
