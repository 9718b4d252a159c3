//! The Plenary SDK.

pub mod media;
