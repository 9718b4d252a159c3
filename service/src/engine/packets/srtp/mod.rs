//! SRTP and SRTCP in str0m's stead, under the keys that DTLS gives to both ([`tap`]; RFC 3711, RFC
//! 7714).
//!
//! Should str0m ever send RTCP of its own under these keys, it has its own packet indexes. A cipher's
//! nonce is made of SSRC and index, so no SSRC may be used by both: `sending` sees to that.

mod cipher;
mod keys;
mod replay;
pub(crate) mod tap;
#[cfg(test)]
mod vectors;

pub(crate) use cipher::Cipher;
use keys::Half;
pub(crate) use keys::Keys;
use replay::Replay;

/// A session's protection, both ways.
#[derive(Debug)]
pub(crate) struct Srtp {
    rtp_out: Cipher,
    rtcp_out: Cipher,
    rtp_in: Cipher,
    rtcp_in: Cipher,
    /// The next SRTCP packet's index: one for all our SSRCs.
    next_rtcp: u32,
    replay: Replay,
}

impl Srtp {
    /// `None` for keys of a profile that is not known here: there is none that str0m negotiates.
    pub fn new(keys: &Keys) -> Option<Self> {
        let (ours, theirs) = (keys.half(Half::Ours)?, keys.half(Half::Theirs)?);
        Some(Self {
            rtp_out: ours.rtp()?,
            rtcp_out: ours.rtcp()?,
            rtp_in: theirs.rtp()?,
            rtcp_in: theirs.rtcp()?,
            next_rtcp: 0,
            replay: Replay::default(),
        })
    }

    /// Protect an RTP packet in place. `index` is its extended sequence number, and no pair of SSRC
    /// and index may come twice: the caller's promise.
    pub fn seal_rtp(&self, packet: &mut Vec<u8>, header: usize, index: u64) {
        self.rtp_out.seal_rtp(packet, header, index);
    }

    /// Put the payload of an RTP packet whose header is this long into `plain`; false if it is not
    /// authentic. What came before is known to who gives the indexes.
    pub fn open_rtp(&self, packet: &[u8], header: usize, index: u64, plain: &mut Vec<u8>) -> bool {
        self.rtp_in.open_rtp(packet, header, index, plain)
    }

    /// Protect a compound RTCP packet of ours in place.
    pub fn seal_rtcp(&mut self, packet: &mut Vec<u8>) {
        let index = self.next_rtcp;
        self.next_rtcp = (index + 1) & cipher::MAX_INDEX;
        self.rtcp_out.seal_rtcp(packet, index);
    }

    /// Put the plain text of a compound RTCP packet into `plain`; false if it is not authentic, or
    /// was there before.
    pub fn open_rtcp(&mut self, packet: &[u8], plain: &mut Vec<u8>) -> bool {
        let Some((ssrc, index)) = cipher::rtcp_index(packet, &self.rtcp_in) else {
            return false;
        };
        let new = self.replay.is_new(ssrc, index);
        let opened = new && self.rtcp_in.open_rtcp(packet, index, plain);
        if opened {
            self.replay.seen(ssrc, index);
        }
        opened
    }
}
