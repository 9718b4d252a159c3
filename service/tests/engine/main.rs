//! The media engine from outside: raw clients over loopback, no browser, no fixed sleeps.

mod admission;
mod client;
mod data;
mod forwarding;
mod moves;
mod nonsense;
mod permissions;
mod resume;
mod room_service;
mod server;
mod strangers;
mod transport;
