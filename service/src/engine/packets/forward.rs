//! A media packet between its publisher's session and those of its subscribers.

use std::sync::Arc;

use str0m::format::{Codec, CodecSpec};
use str0m::rtp::{VideoOrientation, Vp8Descriptor};

use super::capture::Captured;
use super::choice::{Head, Nested};
use super::dependency::Frame;
use super::layers::{Layer, SPATIAL, TEMPORAL};
use super::red::Red;
use super::vp9::Vp9;

/// Names a published track inside the engine.
///
/// Not its sid: a track that moves to another room keeps its sid and gets a new key, so that a
/// packet on its way from before the move finds no route in the new room (S14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TrackKey(pub u64);

/// A packet as it was received, its payload decrypted.
#[derive(Debug)]
pub(crate) struct Received {
    pub ssrc: u32,
    /// Its sequence number without wraps.
    pub number: u64,
    pub time: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    pub audio_level: Option<i8>,
    pub voice_activity: Option<bool>,
    pub orientation: Option<VideoOrientation>,
}

/// One packet on its way. Cloning shares the payload.
#[derive(Debug, Clone)]
pub(crate) struct Forward {
    pub track: TrackKey,
    /// What decides whether it is sent on.
    pub head: Head,
    pub captured: Captured,
    pub marker: bool,
    pub spec: CodecSpec,
    pub payload: Arc<[u8]>,
    pub descriptor: Descriptor,
    pub audio_level: Option<i8>,
    pub voice_activity: Option<bool>,
    pub orientation: Option<VideoOrientation>,
    /// It comes from the [`super::memory::Memory`], for who has just come.
    pub recalled: bool,
}

/// What a payload says of itself, as far as it is needed to send it on.
#[derive(Debug, Clone)]
pub(crate) enum Descriptor {
    None,
    Vp8(Vp8Descriptor),
    Vp9(Vp9),
    /// AV1's stands in the header.
    Av1(Frame),
    /// Sound with repetitions of earlier sound.
    Red(Red),
}

impl Forward {
    pub fn vp8(&self) -> Option<&Vp8Descriptor> {
        match &self.descriptor {
            Descriptor::Vp8(descriptor) => Some(descriptor),
            _ => None,
        }
    }

    pub fn red_mut(&mut self) -> Option<&mut Red> {
        match &mut self.descriptor {
            Descriptor::Red(red) => Some(red),
            _ => None,
        }
    }

    /// Sound with repetitions; `None` if what arrived is no such thing, or holds anything but sound of
    /// the payload type `plain`.
    pub fn redundant(
        track: TrackKey,
        captured: Captured,
        packet: Received,
        spec: CodecSpec,
        plain: u8,
    ) -> Option<Self> {
        let red = Red::parse(&packet.payload, plain)?;
        let forward = Self::new(track, None, captured, packet, spec);
        Some(Self {
            descriptor: Descriptor::Red(red),
            ..forward
        })
    }

    /// A packet with a dependency descriptor.
    pub fn described(
        track: TrackKey,
        spatial: Option<u8>,
        captured: Captured,
        packet: Received,
        spec: CodecSpec,
        frame: Frame,
    ) -> Self {
        let mut forward = Self::new(track, spatial, captured, packet, spec);
        described_head(&mut forward.head, &frame, spatial.is_none());
        Self {
            descriptor: Descriptor::Av1(frame),
            ..forward
        }
    }

    /// What is forwarded of a received packet: of a simulcast layer, or of a track that has one stream.
    pub fn new(
        track: TrackKey,
        spatial: Option<u8>,
        captured: Captured,
        packet: Received,
        spec: CodecSpec,
    ) -> Self {
        let descriptor = match spec.codec {
            Codec::Vp8 => {
                Vp8Descriptor::parse(&packet.payload).map_or(Descriptor::None, Descriptor::Vp8)
            }
            Codec::Vp9 => Vp9::parse(&packet.payload).map_or(Descriptor::None, Descriptor::Vp9),
            _ => Descriptor::None,
        };
        let mut head = Head {
            stream: packet.ssrc,
            seq: packet.number,
            time: packet.time,
            layer: Layer::new(spatial.unwrap_or(0), 0),
            starts_keyframe: spec.codec.is_audio(),
            sync: false,
            opens: false,
            nested: None,
        };
        match &descriptor {
            Descriptor::Vp8(vp8) => {
                head.starts_keyframe = vp8.starts_keyframe(&packet.payload);
                let temporal = vp8_temporal(&packet.payload);
                (head.layer.temporal, head.sync) = temporal.unwrap_or((0, false));
            }
            Descriptor::Vp9(vp9) => vp9_head(&mut head, vp9, spatial.is_none()),
            _ if spec.codec == Codec::H264 => {
                head.starts_keyframe = starts_h264_keyframe(&packet.payload);
            }
            _ if spec.codec == Codec::Av1 => {
                head.starts_keyframe = starts_av1_sequence(&packet.payload);
            }
            _ => {}
        }
        Self {
            track,
            head,
            captured,
            marker: packet.marker,
            spec,
            descriptor,
            audio_level: packet.audio_level,
            voice_activity: packet.voice_activity,
            orientation: packet.orientation,
            recalled: false,
            payload: packet.payload,
        }
    }
}

/// A VP9 packet's place in its stream. Spatial layers of its own count where the track has no others.
fn vp9_head(head: &mut Head, vp9: &Vp9, single: bool) {
    head.starts_keyframe = vp9.starts_keyframe();
    let Some(layers) = vp9.layers else {
        return;
    };
    head.layer.temporal = layers.temporal.min(TEMPORAL as u8 - 1);
    head.opens = layers.switch;
    if single {
        head.layer.spatial = layers.spatial.min(SPATIAL as u8 - 1);
        head.nested = Some(Nested {
            begins: vp9.begins,
            ends: vp9.ends,
            refers_back: vp9.refers_back,
            stacked: true,
        });
    }
}

/// The place in its stream of a packet with a dependency descriptor.
fn described_head(head: &mut Head, frame: &Frame, single: bool) {
    head.starts_keyframe = frame.is_key;
    head.layer.temporal = frame.temporal.min(TEMPORAL as u8 - 1);
    if single {
        head.layer.spatial = frame.spatial.min(SPATIAL as u8 - 1);
        head.nested = Some(Nested {
            begins: frame.begins,
            ends: frame.ends,
            refers_back: !frame.is_key,
            stacked: frame.structure.stacked,
        });
    }
}

/// Whether an AV1 payload is the first of a coded video sequence: N in its aggregation header, where no
/// fragment goes on from the packet before (Z).
fn starts_av1_sequence(payload: &[u8]) -> bool {
    const Z: u8 = 0x80;
    const N: u8 = 0x08;
    payload.first().is_some_and(|header| header & (Z | N) == N)
}

/// A VP8 packet's temporal layer, and whether its frame refers to the lowest one alone, so that a
/// decoder may begin with that layer here (TID and Y, RFC 7741 4.2). Str0m's descriptor keeps both
/// to itself.
fn vp8_temporal(payload: &[u8]) -> Option<(u8, bool)> {
    let (first, extension) = (payload.first()?, *payload.get(1)?);
    if first & 0x80 == 0 || extension & 0x20 == 0 {
        return None;
    }
    let mut at = 2;
    if extension & 0x80 != 0 {
        at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
    }
    if extension & 0x40 != 0 {
        at += 1;
    }
    let tid = payload.get(at)?;
    Some((tid >> 6, tid & 0x20 != 0))
}

/// Whether an H.264 RTP payload begins an access unit that a decoder can start at: it carries the
/// sequence parameter set, which encoders send right before each IDR picture (RFC 6184, 5.4-5.7).
fn starts_h264_keyframe(payload: &[u8]) -> bool {
    const SPS: u8 = 7;
    const STAP_A: u8 = 24;
    let Some(first) = payload.first() else {
        return false;
    };
    match first & 0x1f {
        SPS => true,
        STAP_A => {
            let mut rest = &payload[1..];
            while let [high, low, unit @ ..] = rest {
                let size = usize::from(u16::from_be_bytes([*high, *low]));
                if unit.first().is_some_and(|nal| nal & 0x1f == SPS) {
                    return true;
                }
                if size == 0 || size > unit.len() {
                    return false;
                }
                rest = &unit[size..];
            }
            false
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{starts_av1_sequence, starts_h264_keyframe, vp8_temporal};

    #[test]
    fn an_av1_sequence_starts_where_the_aggregation_header_says_so() {
        assert!(starts_av1_sequence(&[0x28, 0x0a, 1]));
        assert!(!starts_av1_sequence(&[0x10, 0x32]));
        assert!(!starts_av1_sequence(&[0xb8, 0x0a]), "a fragment goes on");
        assert!(!starts_av1_sequence(&[]));
    }

    #[test]
    fn a_vp8_packet_tells_its_temporal_layer() {
        // X, then I L T K: a long picture id, TL0PICIDX, TID 2 with the sync bit.
        let long = [0x90, 0xe0, 0x81, 0x02, 7, 0xa0, 0];
        assert_eq!(vp8_temporal(&long), Some((2, true)));
        let short = [0x90, 0xe0, 0x01, 7, 0x40, 0];
        assert_eq!(vp8_temporal(&short), Some((1, false)));
        assert_eq!(vp8_temporal(&[0x90, 0x20, 0xc0, 0]), Some((3, false)));
        assert_eq!(vp8_temporal(&[0x90, 0x80, 0x01, 0]), None);
        assert_eq!(vp8_temporal(&[0x10, 0]), None);
        assert_eq!(vp8_temporal(&[0x90, 0xe0, 0x81]), None);
    }

    #[test]
    fn an_h264_keyframe_starts_with_its_parameter_set() {
        assert!(starts_h264_keyframe(&[0x67, 0x42]));
        // STAP-A: a two byte access unit delimiter, then the SPS.
        assert!(starts_h264_keyframe(&[
            0x78, 0, 2, 0x09, 0xf0, 0, 2, 0x67, 0x42
        ]));
        assert!(!starts_h264_keyframe(&[0x41, 0x9a]));
        assert!(!starts_h264_keyframe(&[]));
        assert!(!starts_h264_keyframe(&[0x78, 0xff, 0xff, 0x01]));
    }
}
