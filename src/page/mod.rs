//! What every part that touches the browser shares: owned listeners and timers, their counts, and
//! what web-sys lacks. Knows nothing of meetings, media or sockets.

pub mod bindings;
pub mod counters;
pub mod guard;
pub mod task;
