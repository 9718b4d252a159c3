//! Where the imports of these tests come from: a service that is filled over REST, and hostile servers.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

mod filled;
mod hostile;

pub use filled::*;
pub use hostile::*;
