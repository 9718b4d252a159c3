//! A simulation of the whole: the service, its engine and several clients in one thread, on a simulated
//! network and clock, everything from one seed.
//!
//! What is real: the service from its HTTP routes inwards (agent socket and LiveKit socket with their
//! frames, sessions, replay and resume; meetings; admissions; rooms), the engine's workers with str0m,
//! and of the SDK the agent's machine (`plenary::meeting`) and LiveKit's signalling
//! (`plenary::media::signalling`). What stands in: pipes in memory for TCP (`wire.rs`), a queue for UDP
//! (`network.rs`), a store in memory that outlives crashes (`store/rows.rs`; SQLite's threads know no
//! simulated clock), and str0m for the browser's peer connection (`media.rs`).
//!
//! Time is tokio's, paused: it goes on only when nobody has anything to do. Chance comes from the seed:
//! the service's (`random.rs`), str0m's (`fastrand`), the clients', the network's, the story's. What no
//! seed reaches is inside TLS: keys and nonces, which change no event, and the jitter of DTLS's timers;
//! so the network delays DTLS records and never loses them. Orders of maps that are walked through do
//! not depend on chance.
//!
//! A story (`story.rs`) is rounds of things going wrong, each followed by all being mended; then the
//! oracles (`oracles.rs`) must be content. S14 is looked at with every packet that anybody hears.
//!
//! `cargo xtask test` runs a handful of seeds, `cargo xtask soak simulation` as many as there is time
//! for. A seed that found something stays as a test.

mod around;
mod client;
mod media;
mod network;
mod oracles;
mod service;
mod story;
mod tests;
mod wire;
mod world;
