//! The chat client's decisions: when a request goes to the service, again, or not at all.
//!
//! As in `meeting/`: no I/O, no clock, no randomness and nothing of a browser; what happened goes in with
//! the time, what is to be done comes out. The facade (`pkg-template/src/chat/`) carries it out with
//! `fetch`, and knows the shapes of the REST interface, of which nothing is known here.

mod outbox;
// proptest's macros hold their strategies in an `Arc`.
#[cfg(all(test, not(target_arch = "wasm32")))]
#[allow(clippy::disallowed_types)]
mod properties;

pub use outbox::{Action, Answer, Failure, Input, Outbox};
