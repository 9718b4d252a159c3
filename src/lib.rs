//! The Plenary SDK's core: a meeting client for the browser, compiled to wasm.
//!
//! `api` translates JavaScript to inputs and actions to JavaScript, `meeting` decides, `media` and
//! `transport` carry out. No layer reaches around its neighbour: api → meeting → (media, transport).
//! `meeting` compiles natively, where there is no browser to be reached; that and `clippy.toml` keep
//! it pure. The facade's side is `pkg-template/src/core.ts`.

pub mod api {
    //! The boundary to JavaScript: commands in, changes out; no decisions.
    pub mod changes;
}
pub mod media {
    //! Media.
    pub mod interface;
}
pub mod meeting;
