//! Media.
#[cfg(target_arch = "wasm32")]
pub mod devices;
pub mod interface;
#[cfg(target_arch = "wasm32")]
pub mod session;
