//! A camera that sends three simulcast layers with three temporal layers each, in VP8's clothes:
//! the descriptors are real, the picture is padding that tells where it comes from.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use str0m::media::{Mid, Pt, Rid};
use str0m::rtp::RtpWrite;
use str0m::Rtc;

/// Thirty frames a second.
pub const FRAME: Duration = Duration::from_micros(33_333);
/// Bytes of a frame by layer: 150, 500 and 1,700 kbit/s at 30 frames a second.
const LAYERS: [(&str, usize); 3] = [("q", 625), ("h", 2_083), ("f", 7_083)];
/// A key frame is so much larger.
const KEY: usize = 3;
const PACKET: usize = 1_100;
/// Temporal layers of successive frames, and whether a decoder may begin with each: libvpx's
/// pattern for three.
const PATTERN: [(u8, bool); 4] = [(0, false), (2, true), (1, true), (2, false)];

/// Microseconds on the clock that all clients of a test share.
pub fn micros(at: Instant) -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    at.duration_since(*START.get_or_init(Instant::now))
        .as_micros() as u64
}

/// Which frame a packet is of, as its payload says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub frame: u64,
    pub packet: usize,
    pub packets: usize,
    /// When it was captured.
    pub captured: u64,
}

/// What of the descriptor matters to a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    pub picture: u16,
    pub tl0: u8,
    pub temporal: u8,
}

struct Encoder {
    rid: Rid,
    name: &'static str,
    size: usize,
    seq: u64,
    time: u32,
    picture: u16,
    tl0: u8,
    wants_keyframe: bool,
    on: bool,
}

pub struct Camera {
    encoders: Vec<Encoder>,
    frame: u64,
    /// When the next frame is captured, once the camera runs.
    next: Option<Instant>,
    /// How much later than their capture frames are sent.
    pub delay: Duration,
}

impl Camera {
    pub fn new() -> Self {
        let encoders = LAYERS.iter().enumerate().map(|(n, (name, size))| Encoder {
            rid: Rid::from(*name),
            name,
            size: *size,
            seq: 1_000 * n as u64 + 7,
            time: 77_777 * n as u32,
            picture: 0x7ff0 + n as u16,
            tl0: 250 + n as u8,
            wants_keyframe: true,
            on: true,
        });
        Self {
            encoders: encoders.collect(),
            frame: 0,
            next: None,
            delay: Duration::ZERO,
        }
    }

    pub fn keyframe(&mut self, rid: Option<Rid>) {
        for encoder in &mut self.encoders {
            encoder.wants_keyframe |= rid.is_none_or(|r| r == encoder.rid);
        }
    }

    /// Switch layers off and on, the smallest first, as `SubscribedQualityUpdate` says.
    pub fn subscribed(&mut self, enabled: &[bool]) {
        for (encoder, on) in self.encoders.iter_mut().zip(enabled) {
            encoder.wants_keyframe |= *on && !encoder.on;
            encoder.on = *on;
        }
    }

    /// Send the frames that are due.
    pub fn send(&mut self, rtc: &mut Rtc, mid: Mid, pt: Pt, owner: &str, now: Instant) {
        let mut next = self.next.unwrap_or(now);
        while next + self.delay <= now {
            let captured = next;
            next += FRAME;
            self.frame += 1;
            for encoder in self.encoders.iter_mut() {
                encoder.time = encoder.time.wrapping_add(3_000);
                if encoder.on {
                    encoder.send(rtc, mid, pt, owner, self.frame, captured);
                }
            }
        }
        self.next = Some(next);
    }
}

impl Encoder {
    fn send(&mut self, rtc: &mut Rtc, mid: Mid, pt: Pt, owner: &str, frame: u64, at: Instant) {
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, Some(self.rid)) else {
            return;
        };
        let key = std::mem::take(&mut self.wants_keyframe);
        let (temporal, sync) = match key {
            true => (0, true),
            false => PATTERN[(frame % 4) as usize],
        };
        self.picture = self.picture.wrapping_add(1) & 0x7fff;
        if temporal == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let size = if key { self.size * KEY } else { self.size };
        let packets = size.div_ceil(PACKET);
        for packet in 0..packets {
            let begins = packet == 0;
            let mut payload = vec![
                0x80 | if begins { 0x10 } else { 0 },
                0xe0,
                0x80 | (self.picture >> 8) as u8,
                self.picture as u8,
                self.tl0,
                temporal << 6 | u8::from(sync) << 5,
                u8::from(!key),
            ];
            payload.resize(size / packets, 0);
            let captured = micros(at);
            let mark = format!(
                "|{frame},{packet},{packets},{captured}#{owner}/{}",
                self.name
            );
            payload.extend(mark.bytes());
            let write = RtpWrite::new(pt, self.seq.into(), self.time, at, payload)
                .marker(packet + 1 == packets)
                .nackable(true);
            stream.write_rtp(write);
            self.seq += 1;
        }
    }
}

/// What a received payload says of itself.
pub fn read(payload: &[u8]) -> Option<(Mark, Descriptor)> {
    if payload.len() < 7 {
        return None;
    }
    let descriptor = Descriptor {
        picture: u16::from_be_bytes([payload[2] & 0x7f, payload[3]]),
        tl0: payload[4],
        temporal: payload[5] >> 6,
    };
    let text = &payload[payload.iter().rposition(|b| *b == b'|')? + 1..];
    let text = std::str::from_utf8(text).ok()?.split('#').next()?;
    let mut numbers = text.split(',');
    let mark = Mark {
        frame: numbers.next()?.parse().ok()?,
        packet: numbers.next()?.parse().ok()?,
        packets: numbers.next()?.parse().ok()?,
        captured: numbers.next()?.parse().ok()?,
    };
    Some((mark, descriptor))
}
