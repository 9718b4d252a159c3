//! The meeting as state machines: what happened goes in with the time, what is to be done comes out.
//!
//! No I/O, no clock, no randomness and nothing of a browser in here, so that a bug report becomes a
//! test that replays a list of [`Input`]s. `api/` carries [`Action`]s out with `transport/` and
//! `media/`. The rules are those of `docs/` (`B5`, `C7`, `S1`, …) and of the calling API's
//! invariants: property before event, thread before `Connected`, people before their streams.
//!
//! Contract of [`Agent`]: hand it one input with [`Agent::on`], carry all its actions out in their
//! order, then call it again when something happens or [`Agent::deadline`] is reached.

mod agent;
mod call;
mod input;
mod link;
mod locator;
pub mod reasons;
mod refused;
mod requests;
mod roster;
mod screen;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod harness;
// proptest's macros hold their strategies in an `Arc`.
#[cfg(all(test, not(target_arch = "wasm32")))]
#[allow(clippy::disallowed_types)]
mod properties;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod scenarios;

pub use agent::Agent;
pub use input::{
    Action, At, Command, Identity, Input, Kind, MicrophoneUse, NewCall, Outcome, Received, Ticket,
    UserToken,
};
pub use locator::check_locator;
pub use refused::Refused;
pub use roster::StreamIds;
