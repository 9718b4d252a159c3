//! The media engine from outside: raw clients over loopback, no browser, no fixed sleeps.

mod admission;
mod camera;
mod client;
mod data;
mod forwarding;
mod layers;
mod moves;
mod nonsense;
mod permissions;
mod relay;
mod resume;
mod room_service;
mod server;
mod strangers;
mod transport;
