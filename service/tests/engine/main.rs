//! The media engine from outside: raw clients over loopback, no browser, no fixed sleeps.

mod admission;
mod client;
mod forwarding;
mod moves;
mod resume;
mod server;
mod strangers;
