//! The boundary to JavaScript: commands in, changes out; no decisions.
//!
//! Loading the wasm and importing the glue touch nothing of the browser; beginning does.

#[cfg(target_arch = "wasm32")]
mod calls;
pub mod changes;
#[cfg(target_arch = "wasm32")]
mod core;
#[cfg(target_arch = "wasm32")]
mod errors;
#[cfg(target_arch = "wasm32")]
mod glue;
#[cfg(target_arch = "wasm32")]
mod page;
#[cfg(target_arch = "wasm32")]
mod promises;

#[cfg(target_arch = "wasm32")]
pub use self::core::Core;
