//! Aims, layers and sources change at random under a receiver of AV1, in one stream or as simulcast:
//! whatever happens, it can read every descriptor, its numbers have no gap, each picture ends with a
//! marker, and every frame refers to frames that it got.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::*;
use crate::engine::packets::capture::Captured;
use crate::engine::packets::choice::Nested;
use crate::engine::packets::continuity::Continuity;
use crate::engine::packets::dependency::tests::written::{Describer, Mode};
use crate::engine::packets::dependency::Reader;
use crate::engine::packets::simulated::tests::search;

struct Encoder {
    stream: u32,
    /// Its place among simulcast layers.
    simulcast: Option<u8>,
    describer: Describer,
    reader: Reader,
    seq: u64,
    time: u32,
    wants_keyframe: bool,
}

struct Packet {
    head: Head,
    frame: Frame,
    marker: bool,
}

impl Encoder {
    fn new(stream: u32, seed: u32, mode: Mode, simulcast: Option<u8>) -> Self {
        Self {
            stream,
            simulcast,
            describer: Describer::new(mode, (seed >> 3) as u16, seed as u8),
            reader: Reader::default(),
            seq: u64::from(seed >> 8 & 0x7fff),
            time: seed,
            wants_keyframe: true,
        }
    }

    /// The packets of the next picture, so many for each frame.
    fn encode(&mut self, packets: usize) -> Vec<Packet> {
        let key = std::mem::take(&mut self.wants_keyframe);
        self.time = self.time.wrapping_add(3_000);
        let frames = self.describer.picture(key);
        let mut out = Vec::new();
        for frame in &frames {
            for n in 0..packets {
                let (begins, ends) = (n == 0, n + 1 == packets);
                let bytes = self.describer.write(frame, begins, ends);
                let read = self.reader.read(self.stream, self.seq, &bytes);
                let read = read.expect("a descriptor");
                let spatial = self.simulcast.unwrap_or(read.spatial);
                let nested = self.simulcast.is_none();
                out.push(Packet {
                    head: Head {
                        stream: self.stream,
                        seq: self.seq,
                        time: self.time,
                        layer: Layer::new(spatial, read.temporal),
                        starts_keyframe: read.is_key,
                        sync: false,
                        opens: false,
                        nested: nested.then_some(Nested {
                            begins,
                            ends,
                            refers_back: !read.is_key,
                            stacked: read.structure.stacked,
                        }),
                    },
                    marker: ends && frame.spatial + 1 == self.describer.mode.spatial,
                    frame: read,
                });
                self.seq += 1;
            }
        }
        out
    }
}

/// What the receiver has got.
#[derive(Default)]
struct Decoder {
    reader: Reader,
    seq: Option<u64>,
    /// The newest picture's time, and whether its marker came.
    picture: Option<(u32, bool)>,
    /// The decode targets that it was told of.
    active: u32,
    /// Numbers of the latest frames.
    frames: VecDeque<u16>,
    /// The encoder's pictures so far, and the layers of the latest.
    pictures: u64,
    layers: VecDeque<(u64, Layer)>,
}

impl Decoder {
    fn receive(&mut self, bytes: &[u8], seq: u64, time: u32, marker: bool, layer: Layer) {
        let gap = self.seq.map_or(1, |last| seq.wrapping_sub(last));
        assert_eq!(gap, 1, "sequence numbers go on without a gap");
        self.seq = Some(seq);
        let frame = self
            .reader
            .read(1, seq, bytes)
            .expect("it knows the structure");
        match self.picture {
            Some((same, ended)) if same == time => assert!(!ended, "nothing behind the marker"),
            Some((last, ended)) => {
                assert!(ended, "a picture ends with a marker");
                assert!(time.wrapping_sub(last) < 1 << 31, "time goes on");
            }
            None => {}
        }
        self.picture = Some((time, marker));
        self.active = frame.active;
        let active = |t: &&Target| frame.active >> t.number & 1 == 1;
        let targets = frame.structure.targets().iter().filter(active);
        let mut needing = targets.filter(|t| frame.indications.present(t.number));
        assert!(needing.next().is_some(), "an active decode target needs it");
        if self.frames.back() != Some(&frame.number) {
            let newest = self.frames.back().copied();
            let step = newest.map_or(1, |n| frame.number.wrapping_sub(n));
            assert!(
                (1..1 << 15).contains(&step),
                "frame numbers go on: {newest:?} {}",
                frame.number
            );
            for n in (0..64).filter(|n| frame.references.0 >> n & 1 == 1) {
                let number = frame.number.wrapping_sub(n + 1);
                assert!(
                    self.frames.contains(&number),
                    "{} refers to {number}",
                    frame.number
                );
            }
            self.frames.push_back(frame.number);
        }
        self.layers.push_back((self.pictures, layer));
        if self.frames.len() > 200 {
            self.frames.pop_front();
        }
        if self.layers.len() > 200 {
            self.layers.pop_front();
        }
    }

    /// The highest layers of the pictures from one on.
    fn highest(&self, since: u64) -> Layer {
        let latest = self.layers.iter().filter(|(picture, _)| *picture >= since);
        latest.fold(Layer::new(0, 0), |all, (_, l)| {
            Layer::new(all.spatial.max(l.spatial), all.temporal.max(l.temporal))
        })
    }
}

#[derive(Debug, Clone)]
enum Step {
    Frames(usize),
    Aim(Aim),
    /// Another receiver asked for a key frame.
    Keyframe,
    /// The encoders have other layers now, and begin them with a key picture.
    Layers(Mode),
    Source(u32),
}

fn any_mode() -> impl Strategy<Value = Mode> {
    (1u8..4, 1u8..4, any::<bool>()).prop_map(|(spatial, temporal, key_only)| Mode {
        spatial,
        temporal,
        key_only,
    })
}

fn any_layer() -> impl Strategy<Value = Layer> {
    (0u8..3, 0u8..4).prop_map(|(s, t)| Layer::new(s, t))
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1usize..16).prop_map(Step::Frames),
        3 => any_layer().prop_map(|l| Step::Aim(Aim::At(l))),
        1 => any_layer().prop_map(|l| Step::Aim(Aim::Open(l))),
        1 => Just(Step::Aim(Aim::Paused)),
        1 => Just(Step::Keyframe),
        1 => any_mode().prop_map(Step::Layers),
        1 => any::<u32>().prop_map(Step::Source),
    ]
}

/// One encoder of all layers, or one for each.
fn source(first: u32, seed: u32, mode: Mode, simulcast: bool) -> Vec<Encoder> {
    match simulcast {
        false => vec![Encoder::new(first, seed, mode, None)],
        true => (0..3u8)
            .map(|n| {
                let mode = Mode { spatial: 1, ..mode };
                let seed = seed.wrapping_mul(u32::from(n) * 2 + 3);
                Encoder::new(first + u32::from(n), seed, mode, Some(n))
            })
            .collect(),
    }
}

fn want_keyframe(encoders: &mut [Encoder], spatial: u8) {
    let single = encoders.len() == 1;
    let at = if single { 0 } else { usize::from(spatial) };
    encoders[at].wants_keyframe = true;
}

fn follow(seed: u32, mode: Mode, simulcast: bool, steps: Vec<Step>) {
    let mut now = Instant::now();
    let mut c = Continuity::new(90_000, seed as u16);
    let mut choice = Choice::new(Layer::TOP);
    let mut decoder = Decoder::default();
    let mut encoders = source(0, seed, mode, simulcast);
    for (n, step) in steps.into_iter().enumerate() {
        let mut count = 0;
        match step {
            Step::Frames(frames) => count = frames,
            Step::Aim(aim) => {
                choice.set_aim(aim);
                match aim {
                    Aim::Paused => c.end_source(),
                    // As it is asked for with the change.
                    Aim::At(aim) if choice.wants(aim.spatial) => {
                        want_keyframe(&mut encoders, aim.spatial);
                    }
                    Aim::At(_) | Aim::Open(_) => {}
                }
            }
            Step::Keyframe => want_keyframe(&mut encoders, seed as u8 % 3),
            Step::Layers(mode) => encoders.iter_mut().for_each(|e| {
                let spatial = if simulcast { 1 } else { mode.spatial };
                e.describer.mode = Mode { spatial, ..mode };
                e.wants_keyframe = true;
            }),
            Step::Source(seed) => {
                choice = Choice::new(Layer::TOP);
                c.end_source();
                encoders = source(n as u32 * 8 + 8, seed, mode, simulcast);
            }
        }
        for picture in 0..count {
            now += Duration::from_millis(33);
            decoder.pictures += 1;
            for encoder in &mut encoders {
                for packet in encoder.encode(1 + picture % 3) {
                    let wanted = deliver(&mut choice, &mut c, &mut decoder, &packet, now);
                    encoder.wants_keyframe |= wanted;
                }
            }
        }
        // A picture for the key frame, and the pattern of temporal layers after that.
        if let (Aim::At(aim), true) = (choice.aim(), count > 9) {
            let mode = encoders[0].describer.mode;
            let spatial = if simulcast { 2 } else { mode.spatial - 1 };
            let best = Layer::new(
                aim.spatial.min(spatial),
                aim.temporal.min(mode.temporal - 1),
            );
            assert_eq!(
                decoder.highest(decoder.pictures - 3),
                best,
                "what is aimed at is what is sent"
            );
        }
    }
}

/// Whether a key frame is needed.
fn deliver(
    choice: &mut Choice,
    c: &mut Continuity,
    to: &mut Decoder,
    packet: &Packet,
    now: Instant,
) -> bool {
    let (head, frame) = (&packet.head, &packet.frame);
    match choice.pick_frame(head, frame) {
        Pick::Send => {}
        Pick::Begin => c.begin_source(head.stream, head.seq, head.time, Captured::on_arrival(now)),
        Pick::Skip => {
            c.skip(head.seq, None);
            return false;
        }
        Pick::Lacks => {
            c.skip(head.seq, None);
            return true;
        }
        Pick::Await => return true,
        Pick::Drop => return false,
    }
    let (seq, time) = c
        .map(head.seq, head.time, Captured::on_arrival(now))
        .expect("in order");
    let marker = choice.completes(head, frame, packet.marker);
    let told = frame.told(c.map_frame(frame.number), choice.targets_told(frame));
    to.receive(&told, seq, time, marker, head.layer);
    let mut targets = frame.structure.targets().iter();
    let sent = targets.find(|t| t.number == choice.frames.target);
    let sent = frame.structure.up_to(sent.expect("a target").layer);
    assert_eq!(to.active, sent & frame.active, "it knows what it gets");
    false
}

proptest! {
    #[test]
    fn a_decoder_follows_every_change_of_av1_in_one_stream(
        seed in any::<u32>(),
        mode in any_mode(),
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        follow(seed, mode, false, steps);
    }

    #[test]
    fn a_decoder_follows_every_change_of_av1_s_simulcast(
        seed in any::<u32>(),
        mode in any_mode(),
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        follow(seed, mode, true, steps);
    }
}

fn picks(choice: &mut Choice, encoder: &mut Encoder) -> Vec<Pick> {
    let pick = |p: Packet| choice.pick_frame(&p.head, &p.frame);
    encoder.encode(1).into_iter().map(pick).collect()
}

const L3T1: Mode = Mode {
    spatial: 3,
    temporal: 1,
    key_only: false,
};

#[test]
fn layers_that_build_on_each_other_are_left_without_a_key_frame() {
    let (mut encoder, mut choice) = (Encoder::new(1, 0, L3T1, None), Choice::new(Layer::TOP));
    assert_eq!(
        picks(&mut choice, &mut encoder),
        [Pick::Begin, Pick::Send, Pick::Send]
    );
    choice.set_aim(Aim::At(Layer::new(1, 3)));
    assert!(!choice.wants(1));
    assert_eq!(
        picks(&mut choice, &mut encoder),
        [Pick::Send, Pick::Send, Pick::Skip]
    );
    choice.set_aim(Aim::At(Layer::new(2, 3)));
    assert!(choice.wants(2));
    assert_eq!(
        picks(&mut choice, &mut encoder),
        [Pick::Send, Pick::Send, Pick::Lacks]
    );
}

#[test]
fn layers_that_meet_in_key_pictures_alone_are_sent_alone() {
    let mode = Mode {
        key_only: true,
        ..L3T1
    };
    let (mut encoder, mut choice) = (Encoder::new(1, 0, mode, None), Choice::new(Layer::TOP));
    assert_eq!(
        picks(&mut choice, &mut encoder),
        [Pick::Begin, Pick::Send, Pick::Send]
    );
    assert_eq!(
        picks(&mut choice, &mut encoder),
        [Pick::Skip, Pick::Skip, Pick::Send]
    );
    choice.set_aim(Aim::At(Layer::new(1, 3)));
    assert!(choice.wants(1), "it was not sent all the time");
    assert_eq!(
        picks(&mut choice, &mut encoder),
        [Pick::Skip, Pick::Lacks, Pick::Send]
    );
    encoder.wants_keyframe = true;
    assert_eq!(
        picks(&mut choice, &mut encoder),
        [Pick::Send, Pick::Send, Pick::Skip]
    );
    assert_eq!(
        picks(&mut choice, &mut encoder),
        [Pick::Skip, Pick::Send, Pick::Skip]
    );
}

#[test]
fn what_the_publisher_does_not_send_is_not_waited_for() {
    let (mut encoder, mut choice) = (Encoder::new(1, 0, L3T1, None), Choice::new(Layer::TOP));
    encoder.describer.active = 0b011;
    let packets = encoder.encode(1);
    assert_eq!(
        choice.pick_frame(&packets[0].head, &packets[0].frame),
        Pick::Begin
    );
    assert_eq!(choice.current(), Some(Layer::new(1, 0)));
    assert!(!choice.completes(&packets[0].head, &packets[0].frame, false));
    assert_eq!(
        choice.pick_frame(&packets[1].head, &packets[1].frame),
        Pick::Send
    );
    assert!(choice.completes(&packets[1].head, &packets[1].frame, false));
    assert_eq!(
        choice.targets_told(&packets[1].frame),
        None,
        "it gets all that there is"
    );
}

#[test]
fn nothing_begins_behind_a_picture_s_marker() {
    let (mut encoder, mut choice) = (
        Encoder::new(1, 0, L3T1, None),
        Choice::new(Layer::new(0, 3)),
    );
    assert_eq!(
        picks(&mut choice, &mut encoder),
        [Pick::Begin, Pick::Skip, Pick::Skip]
    );
    let mut packets = encoder.encode(1);
    let lowest = &packets[0];
    assert_eq!(choice.pick_frame(&lowest.head, &lowest.frame), Pick::Send);
    assert!(choice.completes(&lowest.head, &lowest.frame, false));
    // The next layer refers to the lowest alone here, so one could begin with it in any picture.
    choice.set_aim(Aim::At(Layer::new(1, 3)));
    let next = &mut packets[1];
    next.frame.references.0 = 1;
    assert_eq!(choice.pick_frame(&next.head, &next.frame), Pick::Lacks);
}

#[test]
fn packets_that_come_late_go_where_their_frame_went() {
    let (mut encoder, mut choice) = (
        Encoder::new(1, 0, L3T1, None),
        Choice::new(Layer::new(0, 3)),
    );
    let mut packets = encoder.encode(2);
    packets.extend(encoder.encode(2));
    let mut pick = |n: usize| choice.pick_frame(&packets[n].head, &packets[n].frame);
    // The lowest layer's first frame; one of the next picture, and what is left of both.
    assert_eq!(
        [0, 6, 1, 2, 7].map(&mut pick),
        [Pick::Begin, Pick::Send, Pick::Send, Pick::Skip, Pick::Send]
    );
}

/// S11: publishers describe their frames as they like. Whatever is read is chosen from and told on, and
/// of one honest publisher everything goes on.
#[test]
fn no_descriptor_hurts_anybody() {
    let (seed, goes_on) = search(14);
    let mut random = StdRng::seed_from_u64(seed);
    let (mut read, mut spoiled) = (0u64, 0u64);
    for _ in (0..).take_while(|round| goes_on(*round)) {
        let mode = Mode {
            spatial: random.random_range(1..4),
            temporal: random.random_range(1..4),
            key_only: random.random(),
        };
        let mut describer = Describer::new(mode, random.random(), random.random());
        let (mut reader, mut c) = (Reader::default(), Continuity::new(90_000, 0));
        let mut choice = Choice::new(Layer::TOP);
        let mut time = random.random::<u32>();
        for n in 0..2_000u64 {
            let frames = describer.picture(random.random_bool(0.05) || n == 0);
            let frame = &frames[random.random_range(0..frames.len())];
            let mut bytes = describer.write(frame, random.random(), random.random());
            for _ in 0..random.random_range(0..4) {
                spoil(&mut random, &mut bytes);
            }
            time = time.wrapping_add(random.random_range(0..6_000));
            let Some(frame) = reader.read(random.random_range(0..20) / 19, n, &bytes) else {
                spoiled += 1;
                continue;
            };
            read += 1;
            let nested = Nested {
                begins: frame.begins,
                ends: frame.ends,
                refers_back: !frame.is_key,
                stacked: frame.structure.stacked,
            };
            let head = Head {
                stream: 1,
                seq: n,
                time,
                layer: Layer::new(frame.spatial.min(2), frame.temporal.min(3)),
                starts_keyframe: frame.is_key,
                sync: false,
                opens: false,
                nested: random.random_bool(0.7).then_some(nested),
            };
            if random.random_bool(0.05) {
                let layer = Layer::new(random.random_range(0..3), random.random_range(0..4));
                choice.set_aim(Aim::At(layer));
            }
            choice.pick_frame(&head, &frame);
            choice.completes(&head, &frame, random.random());
            let told = frame.told(c.map_frame(frame.number), choice.targets_told(&frame));
            assert!(told.len() <= bytes.len() + 9 && told.len() >= 3);
        }
    }
    assert!(read > 1_000 && spoiled > 1_000, "{read} {spoiled}");
}

fn spoil(random: &mut StdRng, bytes: &mut Vec<u8>) {
    let at = random.random_range(0..=bytes.len());
    match random.random_range(0..5) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, random.random()),
        2 => bytes.extend((0..random.random_range(0..300)).map(|_| random.random::<u8>())),
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.random_range(0..8);
            }
        }
    }
}
