//! Peer connections, devices, tracks and rendering.
//!
//! Carries out what `meeting/` decides and reports what happens as [`interface::MediaEvent`]s; knows
//! nothing of meetings, rosters or lobbies. What decides is pure and tested natively
//! (`signalling`, `negotiation`, `assignment`, `announcements`, `publications`, `backoff`, `decoding`,
//! `join_request`, `sdp`, `simulcast`, `viewing`, `wire`);
//! what touches the browser is built for wasm alone.

pub mod announcements;
pub mod assignment;
pub mod backoff;
pub mod decoding;
pub mod interface;
pub mod join_request;
pub mod negotiation;
pub(crate) mod protobuf;
pub mod publications;
pub mod sdp;
pub mod signalling;
pub mod simulcast;
pub mod small_map;
pub mod viewing;
#[allow(missing_docs)] // LiveKit's documentation says what the fields are
pub mod wire;

#[cfg(target_arch = "wasm32")]
pub mod devices;
#[cfg(target_arch = "wasm32")]
mod error;
#[cfg(target_arch = "wasm32")]
mod frames;
#[cfg(target_arch = "wasm32")]
mod peer;
#[cfg(target_arch = "wasm32")]
mod playback;
#[cfg(target_arch = "wasm32")]
mod sender;
#[cfg(target_arch = "wasm32")]
pub mod session;
#[cfg(target_arch = "wasm32")]
mod socket;
#[cfg(target_arch = "wasm32")]
pub mod view;

#[cfg(target_arch = "wasm32")]
use crate::page::{bindings, counters, guard};
#[cfg(target_arch = "wasm32")]
pub use error::MediaError;
#[cfg(target_arch = "wasm32")]
pub use session::{MediaConfig, MediaSession};
