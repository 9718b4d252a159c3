//! Layers and sources change at random under a receiver that decodes: whatever happens, it gets
//! numbers without a gap, times that rise, and frames that it can decode.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use str0m::rtp::Vp8Descriptor;

use super::*;
use crate::engine::packets::capture::Captured;
use crate::engine::packets::continuity::Continuity;

/// Temporal layers of successive frames, whether each may be begun with, and how many frames back
/// its reference is: the pattern of libvpx with three layers.
const PATTERN: [(u8, bool, usize); 4] = [(0, false, 4), (2, true, 1), (1, true, 2), (2, false, 1)];

/// One simulcast layer's encoder.
struct Encoder {
    spatial: u8,
    stream: u32,
    seq: u64,
    time: u32,
    picture: u16,
    tl0: u8,
    frame: u64,
    /// Frames since the last key frame.
    since: usize,
    wants_keyframe: bool,
}

struct Packet {
    head: Head,
    descriptor: Vp8Descriptor,
    frame: u64,
    refers_to: Option<u64>,
}

impl Encoder {
    /// `source` counts the sources; `seed` is where their numbers begin.
    fn new(spatial: u8, source: u32, seed: u32) -> Self {
        let stream = source * 4 + u32::from(spatial);
        let seed = seed ^ stream.wrapping_mul(2_654_435_761);
        Self {
            spatial,
            stream,
            seq: u64::from(seed >> 8 & 0x7fff),
            time: seed,
            picture: (seed & 0x7fff) as u16,
            tl0: seed as u8,
            frame: u64::from(stream) << 32,
            since: 0,
            wants_keyframe: true,
        }
    }

    /// The packets of the next frame; all encoders of a source keep one rhythm.
    fn encode(&mut self, packets: usize, beat: usize) -> Vec<Packet> {
        let key = std::mem::take(&mut self.wants_keyframe);
        let (temporal, sync, back) = match key {
            true => (0, true, 0),
            false => PATTERN[beat % 4],
        };
        // Right behind a key frame everything refers to it.
        self.since = if key { 0 } else { self.since + 1 };
        let refers_to = (!key).then(|| self.frame + 1 - back.min(self.since) as u64);
        self.frame += 1;
        self.time = self.time.wrapping_add(3_000);
        self.picture = self.picture.wrapping_add(1) & 0x7fff;
        if temporal == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        (0..packets)
            .map(|n| {
                let first = n == 0;
                let payload = [
                    0x80 | if first { 0x10 } else { 0 },
                    0xe0,
                    0x80 | (self.picture >> 8) as u8,
                    self.picture as u8,
                    self.tl0,
                    temporal << 6 | u8::from(sync) << 5,
                    u8::from(!key),
                ];
                let seq = self.seq;
                self.seq += 1;
                Packet {
                    head: Head {
                        stream: self.stream,
                        seq,
                        time: self.time,
                        layer: Layer::new(self.spatial, temporal),
                        starts_keyframe: key && first,
                        sync,
                        opens: false,
                        nested: None,
                    },
                    descriptor: Vp8Descriptor::parse(&payload).expect("a valid descriptor"),
                    frame: self.frame,
                    refers_to,
                }
            })
            .collect()
    }
}

/// What the receiver has got.
#[derive(Default)]
struct Decoder {
    seq: Option<u64>,
    time: Option<u32>,
    frame: Option<(u32, u64)>,
    picture: Option<(u16, u8)>,
    decoded: HashSet<u64>,
    frames: usize,
}

impl Decoder {
    fn receive(&mut self, packet: &Packet, seq: u64, time: u32, c: &mut Continuity) {
        let gap = self.seq.map_or(1, |last| seq.wrapping_sub(last));
        assert_eq!(gap, 1, "sequence numbers go on without a gap");
        self.seq = Some(seq);
        let frame = (packet.head.stream, packet.frame);
        let begins = self.frame.replace(frame) != Some(frame);
        let descriptor = &packet.descriptor;
        let ids = c.map_picture(packet.head.seq, descriptor);
        let (picture, tl0) = match self.picture {
            Some((picture, tl0)) if begins => (
                picture.wrapping_add(1) & 0x7fff,
                tl0.wrapping_add(u8::from(packet.head.layer.temporal == 0)),
            ),
            Some(same) => same,
            None => (
                descriptor.picture_id().expect("an id"),
                descriptor.tl0_pic_idx().expect("an index"),
            ),
        };
        self.picture = Some((picture, tl0));
        let ids = ids.map(|ids| (ids.picture, ids.tl0));
        assert_eq!(ids, Some((picture, tl0)), "picture ids go on by one");
        if !begins {
            assert_eq!(self.time, Some(time), "one frame, one time");
            return;
        }
        let ahead = self.time.is_none_or(|last| {
            let ahead = time.wrapping_sub(last);
            ahead != 0 && ahead < 1 << 31
        });
        assert!(ahead, "time goes on");
        self.time = Some(time);
        if packet.head.starts_keyframe {
            self.decoded.clear();
        }
        let decodes = packet.refers_to.is_none_or(|f| self.decoded.contains(&f));
        assert!(decodes, "a frame refers to what was never sent");
        self.decoded.insert(packet.frame);
        self.frames += 1;
    }
}

#[derive(Debug, Clone)]
enum Step {
    Frames(usize),
    Aim(Aim),
    /// Another receiver asked for a key frame.
    Keyframe(u8),
    /// Nothing larger fits any more.
    BreakOff(Layer),
    /// Another publisher is routed here.
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
        1 => (0u8..3).prop_map(Step::Keyframe),
        1 => any_layer().prop_map(Step::BreakOff),
        1 => any::<u32>().prop_map(Step::Source),
    ]
}

proptest! {
    #[test]
    fn a_decoder_follows_every_change_of_layer_and_source(
        seed in any::<u32>(),
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        let mut now = Instant::now();
        let mut c = Continuity::new(90_000, seed as u16);
        let mut choice = Choice::new(Layer::TOP);
        let mut decoder = Decoder::default();
        let mut encoders: Vec<Encoder> = (0..3).map(|s| Encoder::new(s, 0, seed)).collect();
        let mut sources = 0;
        let mut beat = 0;
        for step in steps {
            let frames = match step {
                Step::Frames(frames) => frames,
                Step::Aim(aim) => {
                    choice.set_aim(aim);
                    if aim == Aim::Paused {
                        c.end_source();
                    }
                    0
                }
                Step::Keyframe(spatial) => {
                    encoders[usize::from(spatial)].wants_keyframe = true;
                    0
                }
                Step::BreakOff(layer) => {
                    if choice.break_off(layer.spatial) {
                        c.end_source();
                    }
                    choice.set_aim(Aim::At(layer));
                    prop_assert!(choice.current().is_none_or(|c| c.spatial <= layer.spatial));
                    0
                }
                Step::Source(seed) => {
                    choice = Choice::new(Layer::TOP);
                    c.end_source();
                    sources += 1;
                    encoders = (0..3).map(|s| Encoder::new(s, sources, seed)).collect();
                    0
                }
            };
            for _ in 0..frames {
                now += Duration::from_millis(33);
                beat += 1;
                for encoder in &mut encoders {
                    for packet in encoder.encode(1 + beat % 3, beat) {
                        match choice.pick(&packet.head) {
                            Pick::Send => {}
                            Pick::Begin => {
                                let h = &packet.head;
                                c.begin_source(h.stream, h.seq, h.time, Captured::on_arrival(now));
                            }
                            Pick::Skip => {
                                c.skip(packet.head.seq, Some(&packet.descriptor));
                                continue;
                            }
                            Pick::Await => {
                                encoder.wants_keyframe = true;
                                continue;
                            }
                            Pick::Lacks => unreachable!("no layers are nested"),
                            Pick::Drop => continue,
                        }
                        let head = packet.head;
                        let (seq, time) = c.map(head.seq, head.time, Captured::on_arrival(now)).expect("in order");
                        decoder.receive(&packet, seq, time, &mut c);
                    }
                }
                if let Aim::At(aim) = choice.aim() {
                    // What is not sent is on its way: the target has been asked for.
                    let current = choice.current().map(|l| l.spatial);
                    let asked = encoders[usize::from(aim.spatial)].wants_keyframe;
                    prop_assert!(current == Some(aim.spatial) || asked);
                }
            }
        }
    }
}

fn head(stream: u32, seq: u64, spatial: u8, starts_keyframe: bool) -> Head {
    Head {
        stream,
        seq,
        time: seq as u32 * 3_000,
        layer: Layer::new(spatial, 0),
        starts_keyframe,
        sync: false,
        opens: false,
        nested: None,
    }
}

#[test]
fn a_layer_begins_at_its_key_frame_and_the_old_one_goes_on_until_then() {
    let mut choice = Choice::new(Layer::TOP);
    choice.set_aim(Aim::At(Layer::new(0, 3)));
    assert_eq!(choice.pick(&head(1, 1, 0, true)), Pick::Begin);
    choice.set_aim(Aim::At(Layer::new(2, 3)));
    assert_eq!(choice.listens(), 0b101);
    assert_eq!(choice.pick(&head(3, 1, 2, false)), Pick::Await);
    assert_eq!(choice.pick(&head(1, 2, 0, false)), Pick::Send);
    assert_eq!(choice.pick(&head(3, 2, 2, true)), Pick::Begin);
    assert_eq!(choice.pick(&head(1, 3, 0, false)), Pick::Drop);
    assert_eq!(choice.listens(), 0b100);
}

#[test]
fn a_key_frame_whose_end_went_by_is_not_begun_with() {
    let mut choice = Choice::new(Layer::TOP);
    choice.set_aim(Aim::At(Layer::new(0, 3)));
    assert_eq!(choice.pick(&head(1, 8, 0, false)), Pick::Await);
    assert_eq!(choice.pick(&head(1, 7, 0, true)), Pick::Await);
    assert_eq!(choice.pick(&head(1, 9, 0, true)), Pick::Begin);
}

#[test]
fn before_anything_is_known_every_better_key_frame_is_taken() {
    let mut choice = Choice::new(Layer::new(1, 3));
    assert_eq!(choice.listens(), 0b011);
    assert_eq!(choice.pick(&head(1, 1, 0, true)), Pick::Begin);
    assert_eq!(choice.pick(&head(2, 1, 1, true)), Pick::Begin);
    assert_eq!(choice.pick(&head(3, 1, 2, true)), Pick::Drop);
    assert_eq!(choice.pick(&head(1, 2, 0, true)), Pick::Drop);
}

#[test]
fn what_is_paused_carries_nothing() {
    let mut choice = Choice::new(Layer::TOP);
    assert_eq!(choice.pick(&head(1, 1, 0, true)), Pick::Begin);
    choice.set_aim(Aim::Paused);
    assert_eq!(choice.listens(), 0);
    assert_eq!(choice.pick(&head(1, 2, 0, true)), Pick::Drop);
}
