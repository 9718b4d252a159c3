//! The packet path: workers that own the sessions and carry their media.
//!
//! The invariant of this module: from a datagram's arrival to its departure no lock is taken and
//! nothing of ours is allocated. A worker owns its sessions and their tables; what crosses workers
//! does so through bounded lock-free queues ([`link`]), media as a [`Forward`] whose payload is
//! shared, datagrams in boxes that are used again. What is sent is written into buffers that come back
//! ([`outbox`]). What remains per packet is one `Arc<[u8]>` for a received payload; and one for a packet
//! of redundant sound, on each worker with receivers that have no RED.
//!
//! str0m has ICE, DTLS and SCTP, and the text of SDP; media comes in by [`receiving`] and goes out
//! by [`sending`], beside it.
//!
//! It may not know sockets, threads or clocks: datagrams and the time come in, datagrams go out
//! ([`worker`]). Who gives and takes them is `engine::port`, or a simulation. `clippy.toml` says what
//! is forbidden here.
//!
//! [`Forward`]: forward::Forward
// Tests make times of their own.
#![cfg_attr(not(test), deny(clippy::disallowed_types, clippy::disallowed_methods))]

pub(crate) mod allocation;
pub(crate) mod bandwidth;
mod bells;
pub(crate) mod capture;
mod checks;
pub(crate) mod choice;
pub(crate) mod command;
pub(crate) mod congestion;
pub(crate) mod continuity;
pub(crate) mod demux;
pub(crate) mod dependency;
pub(crate) mod downstream;
pub(crate) mod forward;
pub(crate) mod interest;
pub(crate) mod layers;
pub(crate) mod link;
mod memory;
pub(crate) mod negotiate;
mod nomination;
mod orders;
pub(crate) mod outbox;
pub(crate) mod paths;
pub(crate) mod receiving;
pub(crate) mod red;
mod rtcp;
pub(crate) mod sending;
pub(crate) mod session;
#[cfg(test)]
pub(crate) mod simulated;
pub(crate) mod srtp;
pub(crate) mod upstream;
pub(crate) mod vp9;
pub(crate) mod window;
pub(crate) mod worker;
