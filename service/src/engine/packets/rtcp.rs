//! What reading and writing RTCP have in common (RFC 3550 6, RFC 4585): `sending` reads what clients say
//! and writes about what is sent, `receiving` writes about what is received.

/// Packet types (RFC 3550 12.1, RFC 4585 9).
pub(super) const SENDER_REPORT: u8 = 200;
pub(super) const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
pub(super) const GOODBYE: u8 = 203;
pub(super) const TRANSPORT_FEEDBACK: u8 = 205;
pub(super) const PAYLOAD_FEEDBACK: u8 = 206;
/// Formats of feedback.
pub(super) const NACK: u8 = 1;
pub(super) const TRANSPORT_WIDE: u8 = 15;
pub(super) const PICTURE_LOSS: u8 = 1;
/// A packet's count of blocks or sources has five bits.
pub(super) const MOST_COUNTED: usize = 31;

/// What a sender's report says about times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SenderInfo {
    pub ssrc: u32,
    /// Seconds since 1900, 32 bits and 32 of their fraction.
    pub ntp: u64,
    /// The same instant in RTP time.
    pub time: u32,
}

pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// Append a packet, filled up to whole words.
pub(super) fn write_packet(
    out: &mut Vec<u8>,
    count: u8,
    kind: u8,
    body: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[0x80 | count, kind, 0, 0]);
    body(out);
    while !(out.len() - start).is_multiple_of(4) {
        out.push(0);
    }
    let words = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

/// Append a source's name, which every report is followed by (RFC 3550 6.1, 6.5).
pub(super) fn write_name(out: &mut Vec<u8>, ssrc: u32, name: &str) {
    write_packet(out, 1, DESCRIPTION, |out| {
        const CNAME: u8 = 1;
        let name = &name.as_bytes()[..name.len().min(255)];
        out.extend_from_slice(&ssrc.to_be_bytes());
        out.extend_from_slice(&[CNAME, name.len() as u8]);
        out.extend_from_slice(name);
        // An item of type zero ends the list.
        out.push(0);
    });
}
