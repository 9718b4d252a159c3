//! The meeting service as a library: what the binary and its tests are made of.

pub mod commands;
pub mod engine;
