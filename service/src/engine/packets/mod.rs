//! The packet path: worker threads that own the sessions and carry their media.
//!
//! The invariant of this module: from the socket's `recv` to the socket's `send` of a media packet
//! no lock is taken and nothing of ours is allocated. A worker owns its sessions and their tables;
//! what crosses workers does so through bounded lock-free queues ([`link`]), media as a [`Forward`]
//! whose payload is shared, datagrams in boxes that are used again. What remains per packet is
//! str0m's own: one `Arc<[u8]>` for a received payload, one buffer for a sent datagram.
//!
//! [`Forward`]: forward::Forward

pub(crate) mod allocation;
pub(crate) mod bandwidth;
pub(crate) mod capture;
pub(crate) mod choice;
pub(crate) mod command;
pub(crate) mod continuity;
pub(crate) mod demux;
pub(crate) mod downstream;
pub(crate) mod forward;
pub(crate) mod interest;
pub(crate) mod layers;
pub(crate) mod link;
pub(crate) mod negotiate;
mod orders;
pub(crate) mod session;
pub(crate) mod upstream;
pub(crate) mod worker;
