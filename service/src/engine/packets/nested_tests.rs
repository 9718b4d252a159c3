//! Aims and sources change at random under a receiver of VP9 with all spatial layers in one stream:
//! whatever happens, its numbers have no gap, each picture ends with a marker, and every frame refers
//! to frames that it got.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::engine::packets::capture::Captured;
use crate::engine::packets::continuity::Continuity;
use crate::engine::packets::vp9::Vp9;

/// Temporal layers of successive pictures, and how many pictures back their reference is: libvpx's
/// pattern for three layers, in which every picture is a switching point.
const PATTERN: [(u8, u64); 4] = [(0, 4), (2, 1), (1, 2), (2, 1)];

/// An encoder of up to three spatial layers.
struct Encoder {
    stream: u32,
    layers: u8,
    /// Upper layers refer to the lower ones in key pictures only (`L3T3_KEY`).
    key_only: bool,
    seq: u64,
    time: u32,
    picture: u64,
    first_id: u16,
    tl0: u8,
    since: u64,
    wants_keyframe: bool,
}

/// A frame of a spatial layer: stream, picture, layer.
type Frame = (u32, u64, u8);

struct Packet {
    head: Head,
    vp9: Vp9,
    frame: Frame,
    refers_to: Vec<Frame>,
    marker: bool,
}

impl Encoder {
    fn new(stream: u32, seed: u32) -> Self {
        Self {
            stream,
            layers: 3,
            key_only: seed & 1 == 0,
            seq: u64::from(seed >> 8 & 0x7fff),
            time: seed,
            picture: 0,
            first_id: (seed >> 3 & 0x7fff) as u16,
            tl0: seed as u8,
            since: 0,
            wants_keyframe: true,
        }
    }

    /// The packets of the next picture, so many for each frame.
    fn encode(&mut self, packets: usize) -> Vec<Packet> {
        let key = std::mem::take(&mut self.wants_keyframe);
        self.since = if key { 0 } else { self.since + 1 };
        let (temporal, back) = match key {
            true => (0, 0),
            false => PATTERN[(self.since % 4) as usize],
        };
        self.picture += 1;
        self.time = self.time.wrapping_add(3_000);
        if temporal == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let mut out = Vec::new();
        for spatial in 0..self.layers {
            let frame = (self.stream, self.picture, spatial);
            let mut refers_to = Vec::new();
            if !key {
                let back = back.min(self.since);
                refers_to.push((self.stream, self.picture - back, spatial));
            }
            if spatial > 0 && (key || !self.key_only) {
                refers_to.push((self.stream, self.picture, spatial - 1));
            }
            for n in 0..packets {
                let (begins, ends) = (n == 0, n + 1 == packets);
                out.push(Packet {
                    head: self.head(spatial, temporal, key, begins, ends),
                    vp9: self.descriptor(spatial, temporal, key, begins, ends),
                    frame,
                    refers_to: refers_to.clone(),
                    marker: ends && spatial + 1 == self.layers,
                });
                self.seq += 1;
            }
        }
        out
    }

    fn head(&self, spatial: u8, temporal: u8, key: bool, begins: bool, ends: bool) -> Head {
        Head {
            stream: self.stream,
            seq: self.seq,
            time: self.time,
            layer: Layer::new(spatial, temporal),
            starts_keyframe: key && begins && spatial == 0,
            sync: false,
            opens: true,
            nested: Some(Nested {
                begins,
                ends,
                refers_back: !key,
                stacked: true,
            }),
        }
    }

    fn descriptor(&self, spatial: u8, temporal: u8, key: bool, begins: bool, ends: bool) -> Vp9 {
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        let id = self.first_id.wrapping_add(self.picture as u16) & 0x7fff;
        let payload = [
            0xa0 | bit(!key, 0x40) | bit(begins, 0x08) | bit(ends, 0x04),
            0x80 | (id >> 8) as u8,
            id as u8,
            temporal << 5 | 0x10 | spatial << 1 | bit(spatial > 0, 1),
            self.tl0,
            9,
        ];
        Vp9::parse(&payload).expect("a descriptor")
    }
}

/// A picture, its numbers, and whether its marker came.
type Seen = ((u32, u64), (u16, u8), bool);

/// What the receiver has got.
#[derive(Default)]
struct Decoder {
    seq: Option<u64>,
    time: Option<u32>,
    /// The newest picture, its numbers, and whether its marker came.
    picture: Option<Seen>,
    decoded: HashSet<Frame>,
    highest: u8,
    /// The next packet begins a source, or goes on with one after a pause.
    begins: bool,
}

impl Decoder {
    fn receive(&mut self, packet: &Packet, seq: u64, time: u32, marker: bool, ids: (u16, u8)) {
        let gap = self.seq.map_or(1, |last| seq.wrapping_sub(last));
        assert_eq!(gap, 1, "sequence numbers go on without a gap");
        self.seq = Some(seq);
        let picture = (packet.frame.0, packet.frame.1);
        match self.picture {
            Some((same, its, ended)) if same == picture => {
                assert_eq!(
                    (self.time, its),
                    (Some(time), ids),
                    "one picture, one time and id"
                );
                assert!(!ended, "nothing behind the marker");
            }
            last => {
                let newer = self
                    .time
                    .is_none_or(|l| time.wrapping_sub(l) < 1 << 31 && time != l);
                assert!(newer, "time goes on");
                if let Some(((source, number), (id, tl0), ended)) = last {
                    assert!(ended, "a picture ends with a marker");
                    let step = match source == picture.0 && !self.begins {
                        true => (picture.1 - number) as u16,
                        false => 1,
                    };
                    assert_eq!(ids.0, id.wrapping_add(step) & 0x7fff, "picture ids go on");
                    assert!(ids.1.wrapping_sub(tl0) < 128, "TL0PICIDX goes on");
                }
            }
        }
        self.begins = false;
        self.picture = Some((picture, ids, marker));
        self.time = Some(time);
        let decodes = packet.refers_to.iter().all(|f| self.decoded.contains(f));
        assert!(decodes, "{:?} refers to what was never sent", packet.frame);
        self.decoded.insert(packet.frame);
        self.highest = packet.frame.2;
    }
}

#[derive(Debug, Clone)]
enum Step {
    Frames(usize),
    Aim(Aim),
    /// Another receiver asked for a key frame.
    Keyframe,
    /// The encoder has room for so many layers now, and begins them with a key picture.
    Layers(u8),
    Source(u32),
}

fn any_layer() -> impl Strategy<Value = Layer> {
    (0u8..3, 0u8..4).prop_map(|(s, t)| Layer::new(s, t))
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1usize..12).prop_map(Step::Frames),
        3 => any_layer().prop_map(|l| Step::Aim(Aim::At(l))),
        1 => any_layer().prop_map(|l| Step::Aim(Aim::Open(l))),
        1 => Just(Step::Aim(Aim::Paused)),
        1 => Just(Step::Keyframe),
        1 => (1u8..4).prop_map(Step::Layers),
        1 => any::<u32>().prop_map(Step::Source),
    ]
}

/// The counters that a payload would carry after these edits.
fn written(edits: crate::engine::packets::vp9::Edits) -> (u16, u8) {
    let byte = |n: usize| edits[n].expect("it has all counters").1;
    (u16::from_be_bytes([byte(0) & 0x7f, byte(1)]), byte(2))
}

proptest! {
    #[test]
    fn a_decoder_follows_every_change_of_nested_layers(
        seed in any::<u32>(),
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        let mut now = Instant::now();
        let mut c = Continuity::new(90_000, seed as u16);
        let mut choice = Choice::new(Layer::TOP);
        let mut decoder = Decoder::default();
        let mut encoder = Encoder::new(0, seed);
        for (n, step) in steps.into_iter().enumerate() {
            let frames = match step {
                Step::Frames(frames) => frames,
                Step::Aim(aim) => {
                    choice.set_aim(aim);
                    match aim {
                        Aim::Paused => c.end_source(),
                        // As it is asked for with the change.
                        Aim::At(aim) => encoder.wants_keyframe |= choice.wants(aim.spatial),
                        Aim::Open(_) => {}
                    }
                    0
                }
                Step::Keyframe => {
                    encoder.wants_keyframe = true;
                    0
                }
                Step::Layers(layers) => {
                    (encoder.layers, encoder.wants_keyframe) = (layers, true);
                    0
                }
                Step::Source(seed) => {
                    choice = Choice::new(Layer::TOP);
                    c.end_source();
                    encoder = Encoder::new(n as u32 + 1, seed);
                    0
                }
            };
            for frame in 0..frames {
                now += Duration::from_millis(33);
                for packet in encoder.encode(1 + frame % 3) {
                    let head = &packet.head;
                    match choice.pick(head) {
                        Pick::Send => {}
                        Pick::Begin => {
                            decoder.begins = true;
                            c.begin_source(head.stream, head.seq, head.time, Captured::on_arrival(now));
                        }
                        Pick::Skip => {
                            c.skip(head.seq, None);
                            continue;
                        }
                        Pick::Lacks => {
                            c.skip(head.seq, None);
                            encoder.wants_keyframe = true;
                            continue;
                        }
                        Pick::Await => {
                            encoder.wants_keyframe = true;
                            continue;
                        }
                        Pick::Drop => continue,
                    }
                    let (seq, time) = c.map(head.seq, head.time, Captured::on_arrival(now)).expect("in order");
                    let ids = written(c.map_vp9(&packet.vp9));
                    let marker = packet.marker || choice.ends_picture(head);
                    decoder.receive(&packet, seq, time, marker, ids);
                }
            }
            // With the next picture of the lowest temporal layer what is aimed at is what is sent.
            if let (Aim::At(aim), true) = (choice.aim(), frames > 4) {
                prop_assert_eq!(decoder.highest, aim.spatial.min(encoder.layers - 1));
            }
        }
    }
}

#[test]
fn a_lower_layer_needs_no_key_frame_and_a_higher_one_does() {
    let mut encoder = Encoder::new(1, 0);
    let mut choice = Choice::new(Layer::TOP);
    let mut picks = |choice: &mut Choice| {
        let packets = encoder.encode(1);
        let pick = |p: &Packet| choice.pick(&p.head);
        packets.iter().map(pick).collect::<Vec<_>>()
    };
    assert_eq!(picks(&mut choice), [Pick::Begin, Pick::Send, Pick::Send]);
    choice.set_aim(Aim::At(Layer::new(1, 3)));
    assert!(!choice.wants(1));
    assert_eq!(picks(&mut choice), [Pick::Send, Pick::Send, Pick::Skip]);
    choice.set_aim(Aim::At(Layer::new(2, 3)));
    assert!(choice.wants(2));
    assert_eq!(picks(&mut choice), [Pick::Send, Pick::Send, Pick::Lacks]);
}
