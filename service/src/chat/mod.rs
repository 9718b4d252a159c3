//! Chat as plain logic: one thread as a state machine, what a message is, what text may hold, how often
//! somebody may ask.
//!
//! Pure: commands and the time come in, effects come out. No clock, no store, no socket:
//! [`crate::chats`] loads, commits and tells. Messages are not part of a thread's state, which may have a
//! hundred thousand of them: a command brings the one it is about. Rules by their names: B7, C2, C7,
//! D1, D2, E5, S12, S13.
#![cfg_attr(not(test), deny(clippy::disallowed_types, clippy::disallowed_methods))]

mod commands;
pub mod content;
mod events;
mod follow;
mod imported;
mod message;
pub mod rates;
pub mod retention;
#[cfg(test)]
mod tests;
mod thread;
mod writing;

pub use commands::{Answer, Command, Draft, Effect, Invited, News, Notice, Speaker, Update};
pub use follow::Roster;
pub use imported::{people, Listed};
pub use message::{Body, Content, Life, Message, Named};
pub use thread::{Bounds, Origin, Participant, Receipt, Refusal, Retention, Thread, Window};
