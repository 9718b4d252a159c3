//! The Plenary SDK's core: a meeting client for the browser, compiled to wasm.
//!
//! `api` translates JavaScript to inputs and actions to JavaScript, `meeting` and `chat` decide, `media` and
//! `transport` carry out. No layer reaches around its neighbour: api → meeting → (media, transport).
//! `meeting` compiles natively, where there is no browser to be reached; that and `clippy.toml` keep
//! it pure. The facade's side is `pkg-template/src/core.ts`.

// `clippy.toml` lists the browser, clocks, randomness and locks. The edges carry out what the core
// decides: they alone have a browser.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

#[allow(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod api;
pub mod chat;
#[allow(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod media;
pub mod meeting;
#[cfg(target_arch = "wasm32")]
#[allow(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod page;
#[cfg(target_arch = "wasm32")]
#[allow(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod transport;
#[cfg(target_arch = "wasm32")]
#[allow(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod values;

// The standard library's allocator takes 3 KB more of the package, gzipped. Threads would need another
// one, and the module is built without them.
#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
