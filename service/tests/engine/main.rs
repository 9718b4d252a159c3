//! The media engine from outside: raw clients over loopback, no browser, no fixed sleeps.

mod admission;
mod backup;
// Also used by the tests of `bandwidth`, some of it by them alone.
#[allow(dead_code)]
mod client;
mod data;
mod described;
mod forwarding;
mod layers;
mod moves;
mod nested;
mod new_sections;
mod nonsense;
mod pairs;
mod permissions;
mod redundancy;
mod resume;
mod room_service;
mod server;
mod strangers;
mod transport;
