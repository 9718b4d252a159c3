//! A media packet between its publisher's session and those of its subscribers.

use std::sync::Arc;
use std::time::Instant;

use str0m::format::{Codec, CodecSpec};
use str0m::rtp::{RtpPacket, VideoOrientation, Vp8Descriptor};

/// Names a published track inside the engine.
///
/// Not its sid: a track that moves to another room keeps its sid and gets a new key, so that a
/// packet on its way from before the move finds no route in the new room (S14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TrackKey(pub u64);

/// One packet on its way. Cloning shares the payload.
#[derive(Debug, Clone)]
pub(crate) struct Forward {
    pub track: TrackKey,
    /// The publisher's SSRC: another one means another encoder, so counters start anew.
    pub stream: u32,
    /// Extended sequence number.
    pub seq: u64,
    pub time: u32,
    pub arrived: Instant,
    pub marker: bool,
    pub spec: CodecSpec,
    pub payload: Arc<[u8]>,
    /// This packet begins a key frame (always so for audio).
    pub starts_keyframe: bool,
    pub vp8: Option<Vp8Descriptor>,
    pub audio_level: Option<i8>,
    pub voice_activity: Option<bool>,
    pub orientation: Option<VideoOrientation>,
}

impl Forward {
    /// What is forwarded of a received packet.
    pub fn new(track: TrackKey, packet: RtpPacket, spec: CodecSpec) -> Self {
        let vp8 = match spec.codec {
            Codec::Vp8 => Vp8Descriptor::parse(&packet.payload).ok(),
            _ => None,
        };
        let starts_keyframe = match spec.codec {
            Codec::Vp8 => vp8.is_some_and(|d| d.starts_keyframe(&packet.payload)),
            Codec::H264 => starts_h264_keyframe(&packet.payload),
            _ => true,
        };
        Self {
            track,
            stream: *packet.header.ssrc,
            seq: *packet.seq_no,
            time: packet.header.timestamp,
            arrived: packet.timestamp,
            marker: packet.header.marker,
            spec,
            starts_keyframe,
            vp8,
            audio_level: packet.header.ext_vals.audio_level,
            voice_activity: packet.header.ext_vals.voice_activity,
            orientation: packet.header.ext_vals.video_orientation,
            payload: packet.payload,
        }
    }
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
    use super::starts_h264_keyframe;

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
