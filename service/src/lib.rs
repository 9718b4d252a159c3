//! The meeting service: identity, scheduling, lobby and roster, and the media engine, in one binary.
//!
//! `http` and `agent` are the edges, where strings become types; `meeting` decides and is pure;
//! `meetings` carries decisions out on `store`, `media` and sessions. `docs/ARCHITECTURE.md` draws it.

pub mod agent;
pub mod app;
pub mod chat;
pub mod chats;
pub mod clock;
pub mod commands;
pub mod config;
pub mod engine;
pub mod http;
pub mod import;
pub mod keys;
pub mod limits;
pub mod link;
pub mod media;
pub mod meeting;
pub mod meetings;
pub mod notifications;
pub mod random;
pub mod server;
#[cfg(test)]
mod simulation;
pub mod store;
pub mod text;
pub mod tls;
pub mod tokens;
