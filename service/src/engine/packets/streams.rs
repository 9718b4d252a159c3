//! Which section and layer a publisher's SSRCs belong to, and that nobody else changes it.
//!
//! str0m learns a new SSRC from a packet's header extensions before it has authenticated the packet
//! (0.25), and then refuses the SSRC of before. So one forged packet, sent from what looks like the
//! client's address, would end a stream for good (found by `simulated`; S11). What str0m made of a
//! packet that turned out not to be the client's is undone here.

use str0m::media::{MediaKind, Mid, Rid};
use str0m::rtp::Ssrc;
use str0m::Rtc;

/// The SSRC of each section and layer, as the last authenticated packet had it.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    known: Vec<(Ssrc, Mid, Option<Rid>)>,
}

impl Streams {
    /// The section and layer of an authenticated packet. str0m knows it from the offer or has
    /// learned it from the header extensions; remembered so as not to ask for each packet.
    pub fn section_of(&mut self, rtc: &mut Rtc, ssrc: Ssrc) -> Option<(Mid, Option<Rid>)> {
        if let Some((_, mid, rid)) = self.known.iter().find(|(s, ..)| *s == ssrc) {
            return Some((*mid, *rid));
        }
        let (mid, rid) = {
            let mut api = rtc.direct_api();
            let stream = api.stream_rx(&ssrc)?;
            (stream.mid(), stream.rid())
        };
        self.known.retain(|(_, m, r)| (*m, *r) != (mid, rid));
        self.known.push((ssrc, mid, rid));
        Some((mid, rid))
    }

    /// An offer may change everything.
    pub fn clear(&mut self) {
        self.known.clear();
    }

    /// Whether a datagram is a media packet that may teach str0m another SSRC.
    pub fn may_be_changed_by(&self, datagram: &[u8]) -> bool {
        // RFC 7983: RTP and RTCP begin with 128 to 191; RFC 5761: RTCP's second byte is 192 to 223,
        // and what str0m takes for RTCP is a part of that.
        let [128..=191, second, _, _, _, _, _, _, a, b, c, d, ..] = datagram else {
            return false;
        };
        let ssrc = u32::from_be_bytes([*a, *b, *c, *d]);
        !(192..=223).contains(second) && !self.known.iter().any(|(s, ..)| **s == ssrc)
    }

    /// After such a datagram: a stream whose new SSRC came with no authenticated packet gets the
    /// one of before.
    pub fn undo_forged(&self, rtc: &mut Rtc) {
        for (ssrc, mid, rid) in &self.known {
            let Some(kind) = rtc.media(*mid).map(|m| m.kind()) else {
                continue;
            };
            let mut api = rtc.direct_api();
            let (forged, rtx) = match api.stream_rx_by_mid(*mid, *rid) {
                Some(stream) if stream.ssrc() != *ssrc => (stream.ssrc(), stream.rtx()),
                _ => continue,
            };
            tracing::debug!(%mid, "a packet that is not the client's named another SSRC");
            api.remove_stream_rx(forged);
            let stream = api.expect_stream_rx(*ssrc, rtx, *mid, *rid);
            if kind == MediaKind::Audio {
                // As str0m has it for sections without retransmission.
                stream.suppress_nack(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_of_an_unknown_ssrc_is_looked_after() {
        let streams = Streams {
            known: vec![(7.into(), Mid::from("0"), None)],
        };
        let packet = |first, second, ssrc: u32| {
            let mut packet = vec![first, second, 0, 1, 0, 0, 0, 1];
            packet.extend(ssrc.to_be_bytes());
            packet
        };
        assert!(streams.may_be_changed_by(&packet(0x90, 0x6f, 8)));
        assert!(
            streams.may_be_changed_by(&packet(0x90, 0xef, 8)),
            "with marker"
        );
        assert!(!streams.may_be_changed_by(&packet(0x90, 0x6f, 7)), "known");
        assert!(!streams.may_be_changed_by(&packet(0x80, 200, 8)), "RTCP");
        assert!(!streams.may_be_changed_by(&packet(0x16, 0xfe, 8)), "DTLS");
        assert!(!streams.may_be_changed_by(&[0x90, 0x6f]), "too short");
    }
}
