//! What the engine sends: RTP, and the RTCP about it, on a path of its own beside str0m.
//!
//! str0m walks through all of its parts for each packet that it sends; an engine that forwards one
//! packet to a hundred receivers needs a header, a copy and a cipher. So str0m keeps ICE, DTLS, SCTP,
//! SDP and everything that clients publish, and here is the rest: [`sections`] names the streams
//! that clients are told of, [`stream`] writes their packets, [`egress`] protects and sends them,
//! [`rtcp`] reads what receivers say about them.
//!
//! str0m's books have no stream to send, so it never sends RTP; its RTCP goes out under the same
//! keys by an SSRC that none of ours may be ([`egress::Egress::may_pass`]).

pub(crate) mod clock;
pub(crate) mod egress;
pub(crate) mod header;
mod history;
pub(crate) mod patch;
pub(crate) mod rtcp;
pub(crate) mod sections;
pub(crate) mod stream;
