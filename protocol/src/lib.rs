//! The control protocol of a Plenary meeting, shared by SDK and service.
//!
//! JSON text frames on one WebSocket per call agent ([`agent`]), and what Plenary adds to LiveKit's
//! signalling socket ([`media`]). Unknown fields are ignored; an unknown request type is answered
//! with an error, an unknown event type is skipped.

pub mod agent;
pub mod breakout;
pub mod chat;
pub mod end;
mod entries;
pub mod id;
pub mod matrix;
pub mod media;
pub mod state;
