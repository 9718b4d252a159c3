//! RTCP about what the engine sends: reading receivers' compounds (RFC 3550 6.4, RFC 4585, RFC
//! 5104), writing sender reports and goodbyes.
//!
//! What comes in is authentic, but a client may say anything: what is malformed ends the reading,
//! never more (S11).

use crate::engine::packets::rtcp::{
    word, write_name, write_packet, SenderInfo, GOODBYE, MOST_COUNTED, NACK, PAYLOAD_FEEDBACK,
    PICTURE_LOSS, RECEIVER_REPORT, SENDER_REPORT, TRANSPORT_FEEDBACK, TRANSPORT_WIDE,
};

/// The other format of asking for a key frame (RFC 5104 4.3.1).
const INTRA_REQUEST: u8 = 4;
/// Where a sender report's blocks begin.
const SENDER_INFO: usize = 24;

/// Whether a datagram is RTCP as str0m sees it (RFC 5761 4).
pub(crate) fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, 192..=223, ..])
}

/// The SSRC that a compound's nonce is made of.
pub(crate) fn sender(datagram: &[u8]) -> Option<u32> {
    word(datagram, 4)
}

/// A packet of a compound, as far as it is of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// The client sends, too.
    SenderReport(SenderInfo, Blocks<'a>),
    ReceiverReport(Blocks<'a>),
    Nack {
        ssrc: u32,
        lost: Lost<'a>,
    },
    /// The receiver lost its picture (PLI).
    PictureLoss {
        ssrc: u32,
    },
    /// The same, by the older request (FIR).
    IntraRequests(IntraRequests<'a>),
    /// Transport-wide congestion control, behind the two SSRCs.
    TransportWide(&'a [u8]),
    Other,
}

/// The packets of a compound, up to the first that is malformed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compound<'a>(pub &'a [u8]);

impl<'a> Iterator for Compound<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let [first, kind, high, low, ..] = self.0 else {
            return None;
        };
        let size = 4 * (usize::from(u16::from_be_bytes([*high, *low])) + 1);
        let (packet, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        if first >> 6 != 2 {
            self.0 = &[];
            return None;
        }
        let packet = read(*kind, first & 0x1f, &packet[4..]);
        if packet.is_none() {
            self.0 = &[];
        }
        packet
    }
}

fn read(kind: u8, count: u8, body: &[u8]) -> Option<Packet<'_>> {
    Some(match (kind, count) {
        (SENDER_REPORT, _) => {
            let info = SenderInfo {
                ssrc: word(body, 0)?,
                ntp: u64::from(word(body, 4)?) << 32 | u64::from(word(body, 8)?),
                time: word(body, 12)?,
            };
            Packet::SenderReport(info, Blocks::read(body.get(SENDER_INFO..)?, count)?)
        }
        (RECEIVER_REPORT, _) => Packet::ReceiverReport(Blocks::read(body.get(4..)?, count)?),
        (TRANSPORT_FEEDBACK, NACK) => Packet::Nack {
            ssrc: word(body, 4)?,
            lost: Lost::read(body.get(8..)?),
        },
        (TRANSPORT_FEEDBACK, TRANSPORT_WIDE) => Packet::TransportWide(body.get(8..)?),
        (PAYLOAD_FEEDBACK, PICTURE_LOSS) => Packet::PictureLoss {
            ssrc: word(body, 4)?,
        },
        (PAYLOAD_FEEDBACK, INTRA_REQUEST) => Packet::IntraRequests(IntraRequests(body.get(8..)?)),
        _ => Packet::Other,
    })
}

/// What a receiver says about one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub ssrc: u32,
    /// Packets lost since the stream began; duplicates count against it.
    pub lost: i32,
    pub highest: u32,
    /// The middle of the last sender report's NTP time, and how long ago it came, in 65536ths.
    pub last_report: u32,
    pub delay: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Blocks<'a>(&'a [u8]);

const BLOCK: usize = 24;

impl<'a> Blocks<'a> {
    fn read(bytes: &'a [u8], count: u8) -> Option<Self> {
        bytes.get(..BLOCK * usize::from(count)).map(Self)
    }
}

impl Iterator for Blocks<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let (block, rest) = self.0.split_at_checked(BLOCK)?;
        self.0 = rest;
        // 8 bits of a fraction, 24 signed ones of a count.
        let lost = word(block, 4)?.cast_signed() << 8 >> 8;
        Some(Block {
            ssrc: word(block, 0)?,
            lost,
            highest: word(block, 8)?,
            last_report: word(block, 16)?,
            delay: word(block, 20)?,
        })
    }
}

/// The sequence numbers of a NACK (RFC 4585 6.2.1): each item is one and up to 16 behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost<'a> {
    items: &'a [u8],
    base: u16,
    /// Bit n is the number n behind the base; the base itself is bit 0.
    mask: u32,
}

impl<'a> Lost<'a> {
    fn read(items: &'a [u8]) -> Self {
        Self {
            items,
            base: 0,
            mask: 0,
        }
    }
}

impl Iterator for Lost<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.mask == 0 {
            let (item, rest) = self.items.split_at_checked(4)?;
            self.items = rest;
            let item = word(item, 0)?;
            self.base = (item >> 16) as u16;
            self.mask = (item & 0xffff) << 1 | 1;
        }
        let bit = self.mask.trailing_zeros();
        self.mask &= self.mask - 1;
        Some(self.base.wrapping_add(bit as u16))
    }
}

/// The streams of which a FIR asks for key frames (RFC 5104 4.3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IntraRequests<'a>(&'a [u8]);

impl Iterator for IntraRequests<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (entry, rest) = self.0.split_at_checked(8)?;
        self.0 = rest;
        word(entry, 0)
    }
}

/// What a sender says about its stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SenderReport<'a> {
    pub ssrc: u32,
    pub ntp: u64,
    pub time: u32,
    pub packets: u32,
    pub octets: u32,
    pub cname: &'a str,
}

/// Append a sender report and the sender's name (RFC 3550 6.4.1, 6.5).
pub(crate) fn write_report(out: &mut Vec<u8>, report: &SenderReport<'_>) {
    write_packet(out, 0, SENDER_REPORT, |out| {
        out.extend_from_slice(&report.ssrc.to_be_bytes());
        out.extend_from_slice(&report.ntp.to_be_bytes());
        for word in [report.time, report.packets, report.octets] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    });
    write_name(out, report.ssrc, report.cname);
}

/// Append goodbyes of these streams (RFC 3550 6.6).
pub(crate) fn write_goodbye(out: &mut Vec<u8>, ssrcs: &[u32]) {
    for sources in ssrcs.chunks(MOST_COUNTED) {
        write_packet(out, sources.len() as u8, GOODBYE, |out| {
            for ssrc in sources {
                out.extend_from_slice(&ssrc.to_be_bytes());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_nack_names_each_lost_packet() {
        let nack = [
            0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 7, 0xff, 0xfe, 0x80, 0x03, 0, 9, 0, 0,
        ];
        let packets: Vec<Packet<'_>> = Compound(&nack).collect();
        let [Packet::Nack { ssrc: 7, lost }] = packets[..] else {
            panic!("{packets:?}")
        };
        assert_eq!(lost.collect::<Vec<_>>(), [0xfffe, 0xffff, 0, 14, 9]);
    }

    #[test]
    fn a_receiver_report_with_feedback_behind_it() {
        let mut compound = vec![0x81, 201, 0, 7, 0, 0, 0, 1];
        compound.extend([0, 0, 0, 7, 128, 0xff, 0xff, 0xfe, 0, 1, 0, 5]);
        compound.extend([0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0x80, 0]);
        compound.extend([0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 8]);
        compound.extend([
            0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0,
        ]);
        let packets: Vec<Packet<'_>> = Compound(&compound).collect();
        let [Packet::ReceiverReport(blocks), Packet::PictureLoss { ssrc: 8 }, Packet::IntraRequests(fir)] =
            packets[..]
        else {
            panic!("{packets:?}")
        };
        let block = Block {
            ssrc: 7,
            lost: -2,
            highest: 0x1_0005,
            last_report: 0x2_0000,
            delay: 0x8000,
        };
        assert_eq!(blocks.collect::<Vec<_>>(), [block]);
        assert_eq!(fir.collect::<Vec<_>>(), [9]);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut out = Vec::new();
        write_report(
            &mut out,
            &SenderReport {
                ssrc: 7,
                ntp: 1,
                time: 2,
                packets: 3,
                octets: 4,
                cname: "somebody",
            },
        );
        write_goodbye(&mut out, &(0..40).collect::<Vec<u32>>());
        let read: Vec<Packet<'_>> = Compound(&out).collect();
        assert!(matches!(
            read[..],
            [
                Packet::SenderReport(..),
                Packet::Other,
                Packet::Other,
                Packet::Other
            ]
        ));
        assert_eq!(sender(&out), Some(7));
        assert_eq!(out.len(), 28 + 20 + (4 + 31 * 4) + (4 + 9 * 4));
    }

    fn sender_infos(compound: &[u8]) -> impl Iterator<Item = SenderInfo> + '_ {
        Compound(compound).filter_map(|packet| match packet {
            Packet::SenderReport(info, _) => Some(info),
            _ => None,
        })
    }

    #[test]
    fn sender_reports_are_found_in_a_compound() {
        let mut compound = vec![0x80, 201, 0, 1, 0, 0, 0, 1];
        compound.extend([
            0x80, 200, 0, 6, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 42,
        ]);
        compound.extend([0; 8]);
        compound.extend([0x80, 200, 0, 6, 0, 0, 0, 10]);
        let mut reports = sender_infos(&compound);
        let info = SenderInfo {
            ssrc: 9,
            ntp: 0x0102_0304_0506_0708,
            time: 42,
        };
        assert_eq!(reports.next(), Some(info));
        assert_eq!(reports.next(), None, "cut short");
    }

    proptest! {
        /// S11.
        #[test]
        fn no_report_hurts(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for start in (0..bytes.len().saturating_sub(4)).step_by(12) {
                bytes[start..start + 3].copy_from_slice(&[0x80, SENDER_REPORT, 0]);
                bytes[start + 3] &= 7;
            }
            prop_assert!(sender_infos(&bytes).count() <= bytes.len() / 4);
        }

        /// S11: whatever a client says: the reading ends, and takes no longer than what was said is long.
        #[test]
        fn no_bytes_hurt(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 195u8..210) {
            let mut compound = bytes.clone();
            for start in (0..compound.len().saturating_sub(4)).step_by(16) {
                // As often as not something that looks like a packet.
                compound[start] = 0x80 | compound[start] & 0x1f;
                compound[start + 1] = kind;
                compound[start + 2] = 0;
                compound[start + 3] &= 7;
            }
            for text in [&bytes, &compound] {
                let said: usize = Compound(text).map(|packet| match packet {
                    Packet::SenderReport(_, b) | Packet::ReceiverReport(b) => b.count(),
                    Packet::Nack { lost, .. } => lost.count(),
                    Packet::IntraRequests(r) => r.count(),
                    _ => 1,
                }).sum();
                prop_assert!(said <= 5 * text.len());
            }
        }
    }
}
