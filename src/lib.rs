//! The Plenary SDK.
