//! A received RTP packet's header (RFC 3550 5.1) and its extensions (RFC 8285), under the ids that
//! were negotiated.
//!
//! What it says is anybody's word until the packet is authenticated: nothing may be learned from it
//! before (S11). Nothing is copied.

use std::num::NonZeroU8;

use crate::engine::packets::dependency;

/// The part that every header has.
const FIXED: usize = 12;
const PADDED: u8 = 0x20;
const EXTENDED: u8 = 0x10;
/// RFC 8285 4.2 and 4.3; the last four bits of the latter are the application's.
const ONE_BYTE: u16 = 0xbede;
const TWO_BYTES: u16 = 0x1000;
/// In one-byte elements this id ends the reading.
const STOP: u8 = 15;
/// The highest id that str0m negotiates.
const MAX_ID: usize = 16;

/// An extension that is of use here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mid,
    Rid,
    RepairedRid,
    AudioLevel,
    Orientation,
    TransportSeq,
    Dependency,
}

impl Kind {
    fn of(uri: &str) -> Option<Self> {
        Some(match uri {
            "urn:ietf:params:rtp-hdrext:sdes:mid" => Self::Mid,
            "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id" => Self::Rid,
            "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id" => Self::RepairedRid,
            "urn:ietf:params:rtp-hdrext:ssrc-audio-level" => Self::AudioLevel,
            "urn:3gpp:video-orientation" => Self::Orientation,
            "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01" => {
                Self::TransportSeq
            }
            dependency::URI => Self::Dependency,
            _ => return None,
        })
    }
}

/// The ids under which the client sends extensions: one set for all sections, as these are bundled
/// (RFC 8843 9.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ExtensionIds([Option<Kind>; MAX_ID]);

impl ExtensionIds {
    /// What is of no use here is left out.
    pub fn set(&mut self, id: u8, uri: &str) {
        let place = usize::from(id).checked_sub(1);
        if let Some(slot) = place.and_then(|place| self.0.get_mut(place)) {
            *slot = Kind::of(uri);
        }
    }

    /// Whether packets are numbered for the whole transport.
    pub fn number_the_transport(&self) -> bool {
        self.0.contains(&Some(Kind::TransportSeq))
    }

    fn kind(&self, id: NonZeroU8) -> Option<Kind> {
        *self.0.get(usize::from(id.get()) - 1)?
    }
}

/// What extensions say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Extensions<'a> {
    pub mid: Option<&'a [u8]>,
    pub rid: Option<&'a [u8]>,
    pub repaired_rid: Option<&'a [u8]>,
    /// dBov, 0 is loudest (RFC 6464), and whether it is a voice.
    pub audio_level: Option<(i8, bool)>,
    /// Quarter turns.
    pub orientation: Option<u8>,
    pub transport_seq: Option<u16>,
    /// AV1's dependency descriptor, as it is.
    pub dependency: Option<&'a [u8]>,
}

impl<'a> Extensions<'a> {
    fn read(form: u16, mut elements: &'a [u8], ids: &ExtensionIds) -> Self {
        let mut extensions = Self::default();
        while let [first, rest @ ..] = elements {
            let (id, length, rest) = match form {
                // Padding between elements, in both forms.
                _ if *first == 0 => (0, 0, rest),
                ONE_BYTE if first >> 4 == STOP => break,
                ONE_BYTE => (first >> 4, first & 0x0f, rest),
                _ => match rest {
                    [length, rest @ ..] => (*first, *length, rest),
                    [] => break,
                },
            };
            // One byte says one less than there is.
            let one_more = form == ONE_BYTE && *first != 0;
            let length = usize::from(length) + usize::from(one_more);
            let Some((value, rest)) = rest.split_at_checked(length) else {
                break;
            };
            if let Some(kind) = NonZeroU8::new(id).and_then(|id| ids.kind(id)) {
                extensions.set(kind, value);
            }
            elements = rest;
        }
        extensions
    }

    fn set(&mut self, kind: Kind, value: &'a [u8]) {
        match (kind, value) {
            (Kind::Mid, value) => self.mid = Some(value),
            (Kind::Rid, value) => self.rid = Some(value),
            (Kind::RepairedRid, value) => self.repaired_rid = Some(value),
            (Kind::AudioLevel, [level, ..]) => {
                let below = (level & 0x7f).cast_signed();
                self.audio_level = Some((-below, level & 0x80 != 0));
            }
            (Kind::Orientation, [turns, ..]) => self.orientation = Some(turns & 3),
            (Kind::TransportSeq, [high, low, ..]) => {
                self.transport_seq = Some(u16::from_be_bytes([*high, *low]));
            }
            (Kind::Dependency, value) => self.dependency = Some(value),
            _ => {}
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub marker: bool,
    pub padded: bool,
    pub payload_type: u8,
    pub seq: u16,
    pub time: u32,
    pub ssrc: u32,
    /// Bytes before the payload.
    pub length: usize,
    pub extensions: Extensions<'a>,
}

impl<'a> Header<'a> {
    pub fn parse(packet: &'a [u8], ids: &ExtensionIds) -> Option<Self> {
        let (fixed, rest) = packet.split_first_chunk::<FIXED>()?;
        let [first, second, s, q, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        if first >> 6 != 2 {
            return None;
        }
        let (_contributors, mut rest) = rest.split_at_checked(4 * usize::from(first & 0x0f))?;
        let mut extensions = Extensions::default();
        if first & EXTENDED != 0 {
            let ([p0, p1, high, low], behind) = rest.split_first_chunk::<4>()?;
            let words = usize::from(u16::from_be_bytes([*high, *low]));
            let (elements, behind) = behind.split_at_checked(4 * words)?;
            let form = u16::from_be_bytes([*p0, *p1]);
            if form == ONE_BYTE || form & 0xfff0 == TWO_BYTES {
                extensions = Extensions::read(form, elements, ids);
            }
            rest = behind;
        }
        Some(Self {
            marker: second & 0x80 != 0,
            padded: first & PADDED != 0,
            payload_type: second & 0x7f,
            seq: u16::from_be_bytes([s, q]),
            time: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            length: packet.len() - rest.len(),
            extensions,
        })
    }

    /// The payload of a decrypted packet without its padding, whose last byte says how long it is;
    /// `None` if that cannot be.
    pub fn unpadded<'p>(&self, payload: &'p [u8]) -> Option<&'p [u8]> {
        if !self.padded {
            return Some(payload);
        }
        match usize::from(*payload.last()?) {
            0 => None,
            padding => payload.get(..payload.len().checked_sub(padding)?),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Ids as Chromium offers them.
    pub(in super::super) fn ids() -> ExtensionIds {
        let mut ids = ExtensionIds::default();
        for (id, uri) in [
            (1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
            (
                3,
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            ),
            (4, "urn:ietf:params:rtp-hdrext:sdes:mid"),
            (10, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"),
            (11, "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"),
            (12, dependency::URI),
            (13, "urn:3gpp:video-orientation"),
            (
                2,
                "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            ),
            (0, "urn:ietf:params:rtp-hdrext:sdes:mid"),
            (255, "urn:ietf:params:rtp-hdrext:sdes:mid"),
        ] {
            ids.set(id, uri);
        }
        ids
    }

    const FIXED_PART: [u8; 12] = [0x90, 0xe0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

    fn packet(form: u16, elements: &[u8], payload: &[u8]) -> Vec<u8> {
        assert_eq!(elements.len() % 4, 0);
        let words = (elements.len() / 4) as u16;
        let mut packet = FIXED_PART.to_vec();
        packet.extend(form.to_be_bytes());
        packet.extend(words.to_be_bytes());
        packet.extend(elements);
        packet.extend(payload);
        packet
    }

    fn expected() -> Extensions<'static> {
        Extensions {
            mid: Some(b"7"),
            rid: Some(b"q"),
            repaired_rid: Some(b"h"),
            audio_level: Some((-37, true)),
            orientation: Some(1),
            transport_seq: Some(0xabcd),
            dependency: Some(&[9, 8, 7]),
        }
    }

    #[test]
    fn elements_of_one_byte_with_padding_and_a_stop() {
        let elements = [
            0x40,
            b'7',
            0,
            0xa0,
            b'q',
            0xb0,
            b'h',
            0x10,
            0x80 | 37,
            0xd0,
            0x05,
            0x31,
            0xab,
            0xcd,
            0xc2,
            9,
            8,
            7,
            0x22,
            1,
            2,
            3,
            0xf0,
            0x40,
        ];
        let bytes = packet(ONE_BYTE, &elements, &[1, 2, 3]);
        let header = Header::parse(&bytes, &ids()).expect("a header");
        assert_eq!(header.extensions, expected());
        assert!(header.marker && !header.padded);
        let numbers = (header.payload_type, header.seq, header.time, header.ssrc);
        assert_eq!(numbers, (96, 0x0102, 0x0304_0506, 0x0708_090a));
        assert_eq!(bytes[header.length..], [1, 2, 3]);
    }

    #[test]
    fn elements_of_two_bytes() {
        let mut elements = vec![
            4,
            1,
            b'7',
            10,
            1,
            b'q',
            11,
            1,
            b'h',
            1,
            1,
            0x80 | 37,
            13,
            1,
            1,
            3,
            2,
            0xab,
            0xcd,
            12,
            3,
            9,
            8,
            7,
            200,
            0,
            99,
            1,
            5,
        ];
        elements.resize(32, 0);
        let bytes = packet(TWO_BYTES | 5, &elements, &[]);
        let header = Header::parse(&bytes, &ids()).expect("a header");
        assert_eq!(header.extensions, expected());
    }

    #[test]
    fn ids_tell_whether_the_transport_is_numbered() {
        assert!(ids().number_the_transport());
        assert!(!ExtensionIds::default().number_the_transport());
    }

    #[test]
    fn another_form_is_passed_over() {
        let bytes = packet(0x1234, &[0x40, b'7', 0, 0], &[5]);
        let header = Header::parse(&bytes, &ids()).expect("a header");
        assert_eq!(header.extensions, Extensions::default());
        assert_eq!(bytes[header.length..], [5]);
    }

    /// S11.
    #[test]
    fn what_is_cut_short_is_refused() {
        let mut whole = packet(ONE_BYTE, &[0x40, b'7', 0, 0], &[]);
        whole[0] |= 2;
        whole.splice(12..12, [0; 8]);
        assert!(Header::parse(&whole, &ids()).is_some());
        for length in 0..whole.len() {
            assert!(
                Header::parse(&whole[..length], &ids()).is_none(),
                "{length}"
            );
        }
        // An element that is longer than the extension.
        let bytes = packet(ONE_BYTE, &[0x4f, b'7', 0, 0], &[1; 20]);
        let header = Header::parse(&bytes, &ids()).expect("a header");
        assert_eq!(header.extensions.mid, None);
    }

    #[test]
    fn padding_is_counted_by_its_last_byte() {
        let mut plain = FIXED_PART;
        plain[0] &= !EXTENDED;
        let header = Header::parse(&plain, &ExtensionIds::default()).expect("a header");
        let padded = |padded| Header { padded, ..header };
        assert_eq!(padded(false).unpadded(&[1, 2, 9]), Some(&[1, 2, 9][..]));
        assert_eq!(padded(true).unpadded(&[1, 0, 2]), Some(&[1][..]));
        assert_eq!(padded(true).unpadded(&[0, 0, 3]), Some(&[][..]));
        assert_eq!(padded(true).unpadded(&[0, 4]), None);
        assert_eq!(padded(true).unpadded(&[5, 0]), None);
        assert_eq!(padded(true).unpadded(&[]), None);
    }

    proptest! {
        /// S11: whatever comes in: a header ends within its packet, or there is none.
        #[test]
        fn no_bytes_hurt(mut bytes in prop::collection::vec(any::<u8>(), 0..200), form in 0..3) {
            if let [first, ..] = &mut bytes[..] {
                *first = 0x80 | *first & 0x31;
            }
            let at = FIXED + 4 * usize::from(bytes.first().is_some_and(|b| b & 1 == 1));
            if let (Some(place), 1..) = (bytes.get_mut(at..at + 4), form) {
                let form = if form == 1 { ONE_BYTE } else { TWO_BYTES };
                place[..2].copy_from_slice(&form.to_be_bytes());
                place[2] = 0;
                place[3] &= 0x1f;
            }
            if let Some(header) = Header::parse(&bytes, &ids()) {
                prop_assert!(header.length <= bytes.len());
                let payload = &bytes[header.length..];
                prop_assert!(header.unpadded(payload).is_none_or(|p| p.len() <= payload.len()));
            }
        }
    }
}
