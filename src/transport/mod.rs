//! Sockets and credentials: what `meeting/` asked for, carried out in the browser.
//!
//! Nothing here decides when to try again or what a frame means; that is `meeting/`.

pub mod credentials;
pub mod socket;
