//! The embedded media engine.
