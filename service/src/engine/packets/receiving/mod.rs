//! Receiving what a client publishes: from an authenticated RTP packet to what is forwarded of it,
//! and the RTCP that tells the client about it.
//!
//! [`header`] reads, [`negotiated`] and [`sections`] say whose a stream is, [`receiver`] keeps the
//! streams; [`window`] knows which packets came, [`missing`] which are asked for, [`reception`] what
//! reports say, [`arrivals`] what congestion control is told, [`rtcp`] and [`compounds`] how all that
//! is written.
//!
//! Nothing here knows keys or sockets: packets come in decrypted, and what was not authenticated
//! changes nothing (S11).

mod arrivals;
mod compounds;
pub(crate) mod header;
mod missing;
pub(crate) mod negotiated;
pub(crate) mod receiver;
mod reception;
pub(crate) mod rtcp;
pub(crate) mod sections;
mod stream;
#[cfg(test)]
mod tests;
