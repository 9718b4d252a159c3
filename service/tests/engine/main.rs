//! The media engine from outside: raw clients over loopback, no browser, no fixed sleeps.

mod admission;
mod camera;
mod client;
mod forwarding;
mod layers;
mod moves;
mod relay;
mod resume;
mod server;
mod strangers;
