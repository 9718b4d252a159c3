//! Where the imports of these tests come from: a service that is filled over REST, and hostile servers.
#![allow(dead_code, unused_imports, clippy::unwrap_used, missing_docs)]

mod filled;
mod hostile;
mod run;

pub use filled::*;
pub use hostile::*;
pub use run::*;
