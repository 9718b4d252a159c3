//! A camera that sends three spatial layers with three temporal layers each, as simulcast in VP8's or
//! AV1's clothes or in one stream in VP9's or AV1's: the descriptors are real, the picture is padding
//! that tells where it comes from.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use livekit_protocol as lk;
use str0m::format::Codec;
use str0m::media::{Mid, Pt, Rid};
use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues, RtpWrite};
use str0m::Rtc;

#[path = "descriptor.rs"]
pub mod descriptor;

use descriptor::{Describer, Mode};

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

/// AV1's dependency descriptor in a packet's header, as it is.
pub struct Described(pub Vec<u8>);

/// The extension that carries it.
pub fn extension() -> Extension {
    const URI: &str =
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
    Extension::with_serializer(URI, Descriptors)
}

#[derive(Debug)]
struct Descriptors;

impl ExtensionSerializer for Descriptors {
    fn write_to(&self, buffer: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(Described(bytes)) = values.user_values.get() else {
            return 0;
        };
        buffer[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    }

    fn parse_value(&self, bytes: &[u8], values: &mut ExtensionValues) -> bool {
        values.user_values.set(Described(bytes.to_vec()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        let described = values.user_values.get::<Described>();
        described.is_none_or(|d| d.0.len() > 16)
    }
}

/// AV1's aggregation header: one element, and whether a coded video sequence begins.
fn aggregation(key: bool) -> u8 {
    if key {
        0x18
    } else {
        0x10
    }
}

fn described(bytes: Vec<u8>) -> ExtensionValues {
    let mut values = ExtensionValues::default();
    values.user_values.set(Described(bytes));
    values
}

struct Encoder {
    rid: Rid,
    /// Of AV1.
    describer: Option<Describer>,
    name: &'static str,
    size: usize,
    seq: u64,
    time: u32,
    picture: u16,
    tl0: u8,
    wants_keyframe: bool,
    on: bool,
}

/// One encoder of all layers, of which the upper ones refer to the lower ones in key pictures alone.
struct Nested {
    /// Of AV1; VP9 has its own.
    describer: Option<Describer>,
    seq: u64,
    time: u32,
    picture: u16,
    tl0: u8,
    wants_keyframe: bool,
}

pub struct Camera {
    codec: Codec,
    encoders: Vec<Encoder>,
    nested: Option<Nested>,
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
            describer: None,
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
            codec: Codec::Vp8,
            encoders: encoders.collect(),
            nested: None,
            frame: 0,
            next: None,
            delay: Duration::ZERO,
        }
    }

    /// Layers that are streams of their own, in AV1.
    pub fn av1() -> Self {
        let mut camera = Self::new();
        let mode = Mode {
            spatial: 1,
            temporal: 3,
            key_only: false,
        };
        for (n, encoder) in (0..).zip(&mut camera.encoders) {
            encoder.describer = Some(Describer::new(mode, 65_530 - 777 * n, 20));
        }
        camera.codec = Codec::Av1;
        camera
    }

    /// All layers in one stream of VP9.
    pub fn nested() -> Self {
        Self::in_one(Codec::Vp9, None)
    }

    /// All layers in one stream of AV1, which refer to each other as `mode` says.
    pub fn described(mode: Mode) -> Self {
        Self::in_one(Codec::Av1, Some(Describer::new(mode, 65_500, 50)))
    }

    fn in_one(codec: Codec, describer: Option<Describer>) -> Self {
        Self {
            codec,
            encoders: Vec::new(),
            nested: Some(Nested {
                describer,
                seq: 11,
                time: 1_234_567,
                picture: 0x7ff8,
                tl0: 251,
                wants_keyframe: true,
            }),
            ..Self::new()
        }
    }

    pub fn codec(&self) -> Codec {
        self.codec
    }

    pub fn is_simulcast(&self) -> bool {
        self.nested.is_none()
    }

    pub fn keyframe(&mut self, rid: Option<Rid>) {
        if let Some(nested) = &mut self.nested {
            nested.wants_keyframe = true;
        }
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
            if let Some(nested) = &mut self.nested {
                nested.send(rtc, mid, pt, owner, self.frame, captured);
            }
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
        let mut describer = self.describer.as_mut();
        let described_frame = describer.as_mut().map(|d| d.picture(key).remove(0));
        for packet in 0..packets {
            let begins = packet == 0;
            let values = describer.as_ref().zip(described_frame.as_ref());
            let values = values.map(|(d, f)| described(d.write(f, begins, packet + 1 == packets)));
            let mut payload = vec![
                0x80 | if begins { 0x10 } else { 0 },
                0xe0,
                0x80 | (self.picture >> 8) as u8,
                self.picture as u8,
                self.tl0,
                temporal << 6 | u8::from(sync) << 5,
                u8::from(!key),
            ];
            if values.is_some() {
                payload = vec![aggregation(key && begins)];
            }
            payload.resize(size / packets, 0);
            let captured = micros(at);
            let mark = format!(
                "|{frame},{packet},{packets},{captured}#{owner}/{}",
                self.name
            );
            payload.extend(mark.bytes());
            let write = RtpWrite::new(pt, self.seq.into(), self.time, at, payload)
                .marker(packet + 1 == packets)
                .ext_vals(values.unwrap_or_default())
                .nackable(true);
            stream.write_rtp(write);
            self.seq += 1;
        }
    }
}

impl Nested {
    fn send(&mut self, rtc: &mut Rtc, mid: Mid, pt: Pt, owner: &str, frame: u64, at: Instant) {
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else {
            return;
        };
        let key = std::mem::take(&mut self.wants_keyframe);
        let temporal = if key {
            0
        } else {
            PATTERN[(frame % 4) as usize].0
        };
        self.time = self.time.wrapping_add(3_000);
        self.picture = self.picture.wrapping_add(1) & 0x7fff;
        if temporal == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        let described_frames = self.describer.as_mut().map(|d| d.picture(key));
        for (spatial, (_, size)) in LAYERS.iter().enumerate() {
            let size = if key { size * KEY } else { *size };
            let packets = size.div_ceil(PACKET);
            for packet in 0..packets {
                let (begins, ends) = (packet == 0, packet + 1 == packets);
                let structure = key && begins && spatial == 0;
                let values = self.describer.as_ref().zip(described_frames.as_ref());
                let values = values.map(|(d, f)| described(d.write(&f[spatial], begins, ends)));
                let mut payload = vec![
                    0xa0 | bit(!key, 0x40)
                        | bit(begins, 0x08)
                        | bit(ends, 0x04)
                        | bit(structure, 0x02),
                    0x80 | (self.picture >> 8) as u8,
                    self.picture as u8,
                    // Every picture is a switching point.
                    temporal << 5 | 0x10 | (spatial as u8) << 1 | bit(spatial > 0 && key, 1),
                    self.tl0,
                    // Three layers, without their sizes and without a pattern.
                    0x40,
                ];
                if values.is_some() {
                    payload = vec![aggregation(structure)];
                }
                payload.resize(size / packets, 0);
                let captured = micros(at);
                let mark = format!("|{frame},{packet},{packets},{captured}#{owner}/s{spatial}");
                payload.extend(mark.bytes());
                let write = RtpWrite::new(pt, self.seq.into(), self.time, at, payload)
                    .marker(ends && spatial + 1 == LAYERS.len())
                    .ext_vals(values.unwrap_or_default())
                    .nackable(true);
                stream.write_rtp(write);
                self.seq += 1;
            }
        }
    }
}

/// The layers as LiveKit's clients announce them.
pub fn announced() -> Vec<lk::VideoLayer> {
    let layer = |quality: lk::VideoQuality, width, height| lk::VideoLayer {
        quality: quality as i32,
        width,
        height,
        ..Default::default()
    };
    vec![
        layer(lk::VideoQuality::High, 1280, 720),
        layer(lk::VideoQuality::Medium, 640, 360),
        layer(lk::VideoQuality::Low, 320, 180),
    ]
}

/// What a received payload says of itself.
pub fn read(payload: &[u8]) -> Option<(Mark, Descriptor)> {
    if payload.len() < 7 {
        return None;
    }
    // VP9's descriptor has layer indices here, where VP8's says that a picture may be dropped.
    let descriptor = match payload[0] & 0x20 != 0 {
        true => Descriptor {
            picture: u16::from_be_bytes([payload[1] & 0x7f, payload[2]]),
            tl0: payload[4],
            temporal: payload[3] >> 5,
        },
        false => Descriptor {
            picture: u16::from_be_bytes([payload[2] & 0x7f, payload[3]]),
            tl0: payload[4],
            temporal: payload[5] >> 6,
        },
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
