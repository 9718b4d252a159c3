//! The packets that clients send: sized and paced like sound and picture, with the time of sending in
//! their last eight bytes, where no server rewrites anything.

use std::time::{Duration, Instant};

/// Opus at 32 kbit/s, 20 ms a packet.
pub const AUDIO_PAUSE: Duration = Duration::from_millis(20);
const AUDIO_BYTES: usize = 80;
/// Below an Ethernet frame, as encoders fill packets.
const VIDEO_BYTES: usize = 1100;
const STAMP: usize = 8;

/// A packet of sound.
pub fn audio(epoch: Instant) -> Vec<u8> {
    stamped(vec![0x78], AUDIO_BYTES, epoch)
}

/// A packet of a VP8 frame (RFC 7741): with a 15-bit picture id, TL0PICIDX, and in a key frame's first
/// packet the frame header.
pub fn video(frame: u64, index: u32, keyframe: bool, epoch: Instant) -> Vec<u8> {
    let picture = frame as u16 & 0x7fff;
    let start = if index == 0 { 0x90 } else { 0x80 };
    let mut payload = vec![
        start,
        0xe0,
        0x80 | (picture >> 8) as u8,
        picture as u8,
        frame as u8,
        // Temporal layer 0 with its key index.
        0x00,
    ];
    if index == 0 {
        match keyframe {
            // Frame tag (shown key frame), start code, 640 x 360.
            true => payload.extend([0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]),
            false => payload.extend([0x11, 0x02, 0x00]),
        }
    }
    stamped(payload, VIDEO_BYTES, epoch)
}

fn stamped(mut payload: Vec<u8>, size: usize, epoch: Instant) -> Vec<u8> {
    payload.resize(size - STAMP, 0);
    payload.extend((epoch.elapsed().as_nanos() as u64).to_be_bytes());
    payload
}

/// How long a packet was on its way, if it is one of ours.
pub fn delay(payload: &[u8], epoch: Instant) -> Option<Duration> {
    let stamp = payload.last_chunk::<STAMP>()?;
    let sent = Duration::from_nanos(u64::from_be_bytes(*stamp));
    epoch.elapsed().checked_sub(sent)
}
