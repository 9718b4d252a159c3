//! RTCP about what the engine receives: reports and requests (RFC 3550 6.4.2, RFC 4585).

use crate::engine::packets::rtcp::{
    write_name, write_packet, MOST_COUNTED, NACK, PAYLOAD_FEEDBACK, PICTURE_LOSS, RECEIVER_REPORT,
    TRANSPORT_FEEDBACK, TRANSPORT_WIDE,
};

/// What is told about one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub ssrc: u32,
    /// In 256ths, since the last report.
    pub fraction: u8,
    /// Since the beginning; below zero if more came than was sent.
    pub lost: i32,
    pub highest: u32,
    pub jitter: u32,
    /// The middle of the last sender report's NTP time, and how long ago it came, in 65536ths.
    pub last_report: u32,
    pub delay: u32,
}

/// Append what every compound begins with: a report, be it an empty one, and its sender's name (RFC
/// 3550 6.1; nobody agreed on anything shorter). As many blocks as one packet has room for.
pub(super) fn write_report(out: &mut Vec<u8>, sender: u32, name: &str, blocks: &[Block]) {
    let blocks = &blocks[..blocks.len().min(MOST_COUNTED)];
    write_packet(out, blocks.len() as u8, RECEIVER_REPORT, |out| {
        out.extend_from_slice(&sender.to_be_bytes());
        for block in blocks {
            out.extend_from_slice(&block.ssrc.to_be_bytes());
            let lost = block.lost.to_be_bytes();
            out.extend_from_slice(&[block.fraction, lost[1], lost[2], lost[3]]);
            for word in [block.highest, block.jitter, block.last_report, block.delay] {
                out.extend_from_slice(&word.to_be_bytes());
            }
        }
    });
    write_name(out, sender, name);
}

/// Append a request for packets, whose numbers are in order.
pub(super) fn write_nack(out: &mut Vec<u8>, sender: u32, media: u32, numbers: &[u16]) {
    write_packet(out, NACK, TRANSPORT_FEEDBACK, |out| {
        write_ssrcs(out, sender, media);
        let mut numbers = numbers.iter().copied().peekable();
        while let Some(first) = numbers.next() {
            let mut mask = 0u16;
            let behind = |n: &u16| (1..=16).contains(&n.wrapping_sub(first));
            while let Some(number) = numbers.next_if(behind) {
                mask |= 1 << (number.wrapping_sub(first) - 1);
            }
            out.extend_from_slice(&first.to_be_bytes());
            out.extend_from_slice(&mask.to_be_bytes());
        }
    });
}

/// Append a request for a key frame.
pub(super) fn write_picture_loss(out: &mut Vec<u8>, sender: u32, media: u32) {
    write_packet(out, PICTURE_LOSS, PAYLOAD_FEEDBACK, |out| {
        write_ssrcs(out, sender, media)
    });
}

/// Append transport-wide feedback, as `fci` writes it; false and nothing if it writes none.
pub(super) fn write_transport_wide(
    out: &mut Vec<u8>,
    sender: u32,
    media: u32,
    fci: impl FnOnce(&mut Vec<u8>) -> bool,
) -> bool {
    let (start, mut written) = (out.len(), false);
    write_packet(out, TRANSPORT_WIDE, TRANSPORT_FEEDBACK, |out| {
        write_ssrcs(out, sender, media);
        written = fci(out);
    });
    if !written {
        out.truncate(start);
    }
    written
}

fn write_ssrcs(out: &mut Vec<u8>, sender: u32, media: u32) {
    out.extend_from_slice(&sender.to_be_bytes());
    out.extend_from_slice(&media.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_report_and_a_name() {
        let mut out = Vec::new();
        let block = Block {
            ssrc: 7,
            fraction: 9,
            lost: -2,
            highest: 0x1_0005,
            jitter: 3,
            last_report: 4,
            delay: 5,
        };
        write_report(&mut out, 1, "me", &[block]);
        let expected = [
            &[0x81, 201, 0, 7, 0, 0, 0, 1][..],
            &[0, 0, 0, 7, 9, 0xff, 0xff, 0xfe, 0, 1, 0, 5],
            &[0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5],
            &[0x81, 202, 0, 3, 0, 0, 0, 1, 1, 2, b'm', b'e', 0, 0, 0, 0],
        ];
        assert_eq!(out, expected.concat());
        let mut out = Vec::new();
        write_report(&mut out, 1, &"n".repeat(300), &[block; 40]);
        assert_eq!(out.len(), 8 + 31 * 24 + 4 + 4 + 2 + 255 + 3);
    }

    #[test]
    fn requests() {
        let mut out = Vec::new();
        write_nack(&mut out, 1, 7, &[0xfffe, 0xffff, 14, 15, 300]);
        let items = [0xff, 0xfe, 0x80, 0x01, 0, 15, 0, 0, 1, 44, 0, 0];
        let head = [0x81, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 7];
        assert_eq!(out, [&head[..], &items].concat());
        let mut out = Vec::new();
        write_picture_loss(&mut out, 1, 7);
        assert_eq!(out, [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 7]);
        let mut out = vec![9];
        assert!(!write_transport_wide(&mut out, 1, 7, |_| false));
        assert_eq!(out, [9]);
    }

    proptest! {
        /// Whatever is missing is asked for, in no more than an item each.
        #[test]
        fn a_nack_names_each_number(start: u16, steps in prop::collection::vec(1u16..40, 1..240)) {
            let numbers: Vec<u16> = steps.iter().scan(start, |n, step| {
                *n = n.wrapping_add(*step);
                Some(*n)
            }).collect();
            let mut out = Vec::new();
            write_nack(&mut out, 1, 2, &numbers);
            let named: Vec<u16> = out[12..].chunks(4).flat_map(|item| {
                let first = u16::from_be_bytes([item[0], item[1]]);
                let mask = u16::from_be_bytes([item[2], item[3]]);
                let behind = (0..16u16).filter(move |bit| mask >> bit & 1 == 1);
                std::iter::once(first).chain(behind.map(move |bit| first.wrapping_add(bit + 1)))
            }).collect();
            prop_assert_eq!(named, numbers);
        }
    }
}
