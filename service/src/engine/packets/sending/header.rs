//! An outgoing packet's header: RTP (RFC 3550 5.1) and its extensions (RFC 8285), under the ids
//! that were negotiated for the section.

use str0m::media::Media;
use str0m::rtp::Extension;

use crate::engine::packets::dependency;

/// One-byte elements have ids up to this one, and up to 16 bytes.
const ONE_BYTE_IDS: u8 = 14;
const ONE_BYTE_LENGTH: usize = 16;

/// What every packet's header says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fixed {
    pub marker: bool,
    pub payload_type: u8,
    pub seq: u16,
    pub time: u32,
    pub ssrc: u32,
}

/// Ids of the extensions that a section may carry; `None` where the client did not offer one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExtensionIds {
    pub mid: Option<u8>,
    pub audio_level: Option<u8>,
    pub orientation: Option<u8>,
    pub playout_delay: Option<u8>,
    pub transport_cc: Option<u8>,
    pub send_time: Option<u8>,
    pub dependency: Option<u8>,
}

impl ExtensionIds {
    pub fn negotiated(media: &Media) -> Self {
        let map = media.remote_extmap();
        Self {
            mid: map.id_of(Extension::RtpMid),
            audio_level: map.id_of(Extension::AudioLevel),
            orientation: map.id_of(Extension::VideoOrientation),
            playout_delay: map.id_of(Extension::PlayoutDelay),
            transport_cc: map.id_of(Extension::TransportSequenceNumber),
            send_time: map.id_of(Extension::AbsoluteSendTime),
            dependency: map.id_of(dependency::extension()),
        }
    }
}

/// The extensions of one packet; what has no id is left out.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Extensions<'a> {
    pub mid: Option<&'a str>,
    /// Level in dBov (0 to -127), and whether there is a voice.
    pub audio_level: Option<(i8, bool)>,
    pub orientation: Option<u8>,
    /// Least and most, in hundredths of a second.
    pub playout_delay: Option<(u16, u16)>,
    pub transport_cc: Option<u16>,
    pub send_time: Option<u32>,
    /// As it is to stand there.
    pub dependency: Option<&'a [u8]>,
}

/// Append a header with these extensions; its length.
pub(crate) fn write(
    packet: &mut Vec<u8>,
    fixed: &Fixed,
    ids: &ExtensionIds,
    extensions: &Extensions<'_>,
) -> usize {
    let start = packet.len();
    let extended = 0x90;
    packet.push(extended);
    packet.push(u8::from(fixed.marker) << 7 | (fixed.payload_type & 0x7f));
    packet.extend_from_slice(&fixed.seq.to_be_bytes());
    packet.extend_from_slice(&fixed.time.to_be_bytes());
    packet.extend_from_slice(&fixed.ssrc.to_be_bytes());
    let profile = packet.len();
    packet.extend_from_slice(&[0; 4]);
    let mut elements = Elements {
        packet,
        one_byte: is_one_byte(ids, extensions),
    };
    elements.put_all(ids, extensions);
    let one_byte = elements.one_byte;
    let begin = profile + 4;
    if packet.len() == begin {
        // Nothing to say: no extension.
        packet.truncate(profile);
        packet[start] = 0x80;
        return packet.len() - start;
    }
    while !(packet.len() - begin).is_multiple_of(4) {
        packet.push(0);
    }
    let words = ((packet.len() - begin) / 4) as u16;
    let form: u16 = if one_byte { 0xbede } else { 0x1000 };
    packet[profile..profile + 2].copy_from_slice(&form.to_be_bytes());
    packet[profile + 2..begin].copy_from_slice(&words.to_be_bytes());
    packet.len() - start
}

/// All elements have one form; the longer one is needed for high ids and for what is empty or long.
fn is_one_byte(ids: &ExtensionIds, extensions: &Extensions<'_>) -> bool {
    let dependency = extensions.dependency.zip(ids.dependency);
    let fixed = [
        ids.mid,
        ids.audio_level,
        ids.orientation,
        ids.playout_delay,
        ids.transport_cc,
        ids.send_time,
    ];
    let dependency = dependency.is_none_or(|(bytes, id)| {
        id <= ONE_BYTE_IDS && (1..=ONE_BYTE_LENGTH).contains(&bytes.len())
    });
    let mid = extensions
        .mid
        .is_none_or(|m| (1..=ONE_BYTE_LENGTH).contains(&m.len()));
    dependency && mid && fixed.iter().flatten().all(|id| *id <= ONE_BYTE_IDS)
}

struct Elements<'a> {
    packet: &'a mut Vec<u8>,
    one_byte: bool,
}

impl Elements<'_> {
    fn put(&mut self, id: u8, bytes: &[u8]) {
        match self.one_byte {
            true => self.packet.push(id << 4 | (bytes.len() as u8 - 1)),
            false => self.packet.extend_from_slice(&[id, bytes.len() as u8]),
        }
        self.packet.extend_from_slice(bytes);
    }

    fn put_all(&mut self, ids: &ExtensionIds, extensions: &Extensions<'_>) {
        if let (Some(id), Some(mid)) = (ids.mid, extensions.mid) {
            self.put(id, mid.as_bytes());
        }
        if let (Some(id), Some((level, voice))) = (ids.audio_level, extensions.audio_level) {
            let level = level.unsigned_abs() & 0x7f;
            self.put(id, &[u8::from(voice) << 7 | level]);
        }
        if let (Some(id), Some(orientation)) = (ids.orientation, extensions.orientation) {
            self.put(id, &[orientation]);
        }
        if let (Some(id), Some((least, most))) = (ids.playout_delay, extensions.playout_delay) {
            let both = u32::from(least & 0xfff) << 12 | u32::from(most & 0xfff);
            self.put(id, &both.to_be_bytes()[1..]);
        }
        if let (Some(id), Some(number)) = (ids.transport_cc, extensions.transport_cc) {
            self.put(id, &number.to_be_bytes());
        }
        if let (Some(id), Some(time)) = (ids.send_time, extensions.send_time) {
            self.put(id, &time.to_be_bytes()[1..]);
        }
        if let (Some(id), Some(bytes)) = (ids.dependency, extensions.dependency) {
            self.put(id, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXED: Fixed = Fixed {
        marker: true,
        payload_type: 96,
        seq: 0x0102,
        time: 0x0304_0506,
        ssrc: 0x0708_090a,
    };

    const IDS: ExtensionIds = ExtensionIds {
        mid: Some(4),
        audio_level: Some(1),
        orientation: Some(13),
        playout_delay: Some(5),
        transport_cc: Some(3),
        send_time: Some(2),
        dependency: Some(9),
    };

    fn written(ids: &ExtensionIds, extensions: &Extensions<'_>) -> Vec<u8> {
        let mut packet = Vec::new();
        assert_eq!(write(&mut packet, &FIXED, ids, extensions), packet.len());
        packet
    }

    #[test]
    fn elements_of_one_byte() {
        let extensions = Extensions {
            mid: Some("7"),
            audio_level: Some((-37, true)),
            orientation: Some(1),
            playout_delay: Some((0x123, 0x456)),
            transport_cc: Some(0xabcd),
            send_time: Some(0x12_3456),
            dependency: Some(&[1, 2]),
        };
        let packet = written(&IDS, &extensions);
        assert_eq!(packet[..12], [0x90, 0xe0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(packet[12..16], [0xbe, 0xde, 0, 5]);
        let elements = [
            &[0x40, b'7'][..],
            &[0x10, 0x80 | 37],
            &[0xd0, 1],
            &[0x52, 0x12, 0x34, 0x56],
            &[0x31, 0xab, 0xcd],
            &[0x22, 0x12, 0x34, 0x56],
            &[0x91, 1, 2],
        ]
        .concat();
        assert_eq!(packet[16..], elements);
    }

    #[test]
    fn elements_of_two_bytes_where_one_needs_them() {
        let long = [7; 20];
        let extensions = Extensions {
            transport_cc: Some(5),
            dependency: Some(&long),
            ..Default::default()
        };
        let packet = written(&IDS, &extensions);
        assert_eq!(packet[12..16], [0x10, 0, 0, 7]);
        assert_eq!(packet[16..22], [3, 2, 0, 5, 9, 20]);
        let high = ExtensionIds {
            transport_cc: Some(16),
            ..Default::default()
        };
        let extensions = Extensions {
            transport_cc: Some(5),
            ..Default::default()
        };
        assert_eq!(
            written(&high, &extensions)[12..],
            [0x10, 0, 0, 1, 16, 2, 0, 5]
        );
    }

    #[test]
    fn nothing_is_said_that_was_not_negotiated() {
        let extensions = Extensions {
            mid: Some("7"),
            audio_level: Some((-1, false)),
            ..Default::default()
        };
        let packet = written(&ExtensionIds::default(), &extensions);
        assert_eq!((packet.len(), packet[0]), (12, 0x80));
    }
}
