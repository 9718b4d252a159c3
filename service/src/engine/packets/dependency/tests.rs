//! Descriptors as the specification has them, and as nobody should.

use proptest::prelude::*;

use super::*;

#[path = "../../../../tests/engine/descriptor.rs"]
pub(in crate::engine::packets) mod written;

use crate::engine::packets::layers::Layer;
use written::{Describer, Mode};

fn any_mode() -> impl Strategy<Value = Mode> {
    (1u8..4, 1u8..4, any::<bool>()).prop_map(|(spatial, temporal, key_only)| Mode {
        spatial,
        temporal,
        key_only,
    })
}

#[test]
fn the_structure_of_an_example_of_the_specification_is_read() {
    // A.10.2.1, L1T3: templates with their layers, DTIs, fdiffs and chain diffs, written by hand.
    let text = concat!(
        "1 1 000000 0000000000000101", // starts, ends, template 0, frame 5
        "1 0 0 0 0",                   // with a structure
        "000000 00010",                // offset 0, three decode targets
        "00 01 01 00 11",              // T0 twice, T1, T2 twice
        "101010 101010 100100 010000 010000",
        "0 1 0011 0 1 0001 0 1 0000 0 1 0000 0",
        "01 ", // one chain; ns(1) takes no bits
        "0000 0100 0010 0001 0011",
        "0", // no resolutions
    );
    let bits: Vec<u8> = text
        .bytes()
        .filter(|b| *b != b' ')
        .map(|b| b - b'0')
        .collect();
    let byte = |bits: &[u8]| {
        bits.iter()
            .enumerate()
            .fold(0, |b, (n, bit)| b | bit << (7 - n))
    };
    let bytes: Vec<u8> = bits.chunks(8).map(byte).collect();
    let mut reader = Reader::default();
    let key = reader.read(1, 100, &bytes).expect("a descriptor");
    assert!(key.is_key && key.begins && key.ends && key.structure.stacked);
    assert_eq!(
        (key.number, key.active, key.structure.chains),
        (5, 0b111, 1)
    );
    // The first target is the best here.
    let targets: Vec<_> = key
        .structure
        .targets()
        .iter()
        .map(|t| (t.number, t.layer.temporal))
        .collect();
    assert_eq!(targets, [(0, 2), (1, 1), (2, 0)]);
    // Template 3: T2, discardable, one frame back.
    let frame = reader.read(1, 101, &[0x83, 0, 6]).expect("a descriptor");
    assert_eq!((frame.temporal, frame.references), (2, References(1)));
    assert_eq!(frame.indications.of(0), Indication::Discardable);
    assert!(!frame.indications.present(1) && !frame.ends);
    // Another source has its own structure, and a template that is not there is none.
    assert!(reader.read(1, 102, &[0x85, 0, 6]).is_none());
    assert!(reader.read(2, 102, &[0x83, 0, 6]).is_none());
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16);
    digits
        .chunks(2)
        .map(|pair| byte(pair).expect("a byte"))
        .collect()
}

/// The first packets of Chromium 156's camera of 960 x 576 in `L3T3_KEY`, while it sends two layers.
#[test]
fn a_browser_s_descriptors_are_read() {
    let mut reader = Reader::default();
    let key = "c00001c0081485214eaaaaa800060000400010 0002aa80a8000600004000100002a000a800060000400016d5\
        49241b5524906d54923157e001974ca864330e222396eca8655304224390eca8775300ef008f01df011f03bf023f1f80";
    let packets = [
        key, "c50002", "ca0005", "c30006", "8d0008", "0d0008", "4d0008",
    ];
    let frames: Vec<_> = (0..)
        .zip(packets)
        .map(|(n, text)| reader.read(1, n, &hex(text)).expect("a descriptor"))
        .collect();
    let first = &frames[0];
    assert!(first.is_key && !first.structure.stacked);
    assert_eq!(
        (first.structure.targets().len(), first.active),
        (9, 0b000_111_111)
    );
    assert_eq!(first.structure.targets()[0].layer, Layer::new(2, 2));
    let layers: Vec<_> = frames.iter().map(|f| (f.spatial, f.temporal)).collect();
    assert_eq!(layers[..4], [(0, 0), (1, 0), (2, 0), (0, 2)]);
    let ends: Vec<_> = frames.iter().map(|f| (f.begins, f.ends)).collect();
    assert_eq!(ends[4..], [(true, false), (false, false), (false, true)]);
    // What refers to other frames than its template says (`L3T3`): its own layer's, and the lower one's.
    let other = reader
        .read(1, 9, &hex("c800041a2800604000"))
        .expect("a descriptor");
    assert_eq!((other.number, other.references), (4, References(0b11)));
    let told = other.told(77, Some(0b111));
    assert_eq!(hex("c8004d")[..], told[..3]);
    let read = reader.read(1, 10, &told).expect("a descriptor");
    assert_eq!((read.active, read.references), (0b111, other.references));
}

/// What a publisher, receiver and engine agree on.
#[test]
fn what_is_written_is_read() {
    let mode = Mode {
        spatial: 3,
        temporal: 3,
        key_only: true,
    };
    let mut describer = Describer::new(mode, 65_534, 60);
    let mut reader = Reader::default();
    let mut packet = 0;
    for key in [true, false, false, false, false, true, false] {
        for frame in describer.picture(key) {
            for (begins, ends) in [(true, false), (false, true)] {
                packet += 1;
                let bytes = describer.write(&frame, begins, ends);
                let read = reader.read(7, packet, &bytes).expect("a descriptor");
                let layer = (read.spatial, read.temporal);
                assert_eq!(layer, (frame.spatial, frame.temporal));
                let back = frame.back.iter().fold(0, |all, back| all | 1 << (back - 1));
                assert_eq!(
                    (read.number, read.references),
                    (frame.number, References(back))
                );
                assert_eq!((read.begins, read.ends), (begins, ends));
                let best = read.structure.targets()[0];
                assert_eq!(best.layer, Layer::new(2, 2));
                assert_eq!(
                    read.indications.present(best.number),
                    key || frame.spatial == 2
                );
                assert!(!read.structure.stacked);
            }
        }
    }
}

#[test]
fn an_old_structure_does_not_take_the_place_of_a_newer_one() {
    let mode = Mode {
        spatial: 1,
        temporal: 3,
        key_only: false,
    };
    let mut describer = Describer::new(mode, 0, 0);
    let mut key = || {
        let frame = describer.picture(true).remove(0);
        describer.write(&frame, true, true)
    };
    let (old, new) = (key(), key());
    let mut reader = Reader::default();
    assert!(reader.read(1, 20, &new).is_some());
    assert!(reader.read(1, 10, &old).is_some(), "it is whole in itself");
    let frame = describer.picture(false).remove(0);
    let bytes = describer.write(&frame, true, true);
    assert!(reader.read(1, 21, &bytes).is_some());
}

#[test]
fn a_structure_comes_with_a_frame_s_first_packet_alone() {
    let mode = Mode {
        spatial: 1,
        temporal: 1,
        key_only: false,
    };
    let mut describer = Describer::new(mode, 0, 0);
    let frame = describer.picture(true).remove(0);
    let mut bytes = describer.write(&frame, true, true);
    assert!(Reader::default().read(1, 1, &bytes).is_some());
    bytes[0] &= 0x7f;
    assert!(Reader::default().read(1, 1, &bytes).is_none());
}

/// Whoever reads what a receiver was told sees what the publisher said, but for the number and targets.
fn assert_told(
    told: &[u8],
    frame: &Frame,
    number: u16,
    targets: Option<u32>,
    reader: &mut Reader,
    packet: u64,
) {
    let read = reader.read(9, packet, told).expect("a descriptor");
    assert_eq!(read.number, number);
    let active = targets.map_or(read.active, |t| t & frame.structure.all());
    assert_eq!(read.active, active);
    let same = |f: &Frame| {
        (
            f.begins,
            f.ends,
            f.is_key,
            f.spatial,
            f.temporal,
            f.indications,
            f.references,
        )
    };
    assert_eq!(same(&read), same(frame));
    assert_eq!(read.structure, frame.structure);
    // Chains stand behind everything else.
    let rest = |f: &Frame| {
        let start = usize::from(f.mask_at)
            + if f.has_mask {
                usize::from(f.structure.count)
            } else {
                0
            };
        let mut bits = Bits::new(&f.encoded, start);
        (start..usize::from(f.end))
            .map(|_| bits.flag())
            .collect::<Vec<_>>()
    };
    assert_eq!(rest(&read), rest(frame));
}

proptest! {
    #[test]
    fn a_receiver_is_told_other_numbers_and_targets_and_nothing_else(
        mode in any_mode(),
        first in any::<u16>(),
        number in any::<u16>(),
        offset in 0u8..64,
        active in prop::option::of(1u32..512),
        pictures in prop::collection::vec((any::<bool>(), prop::option::of(any::<u32>())), 1..20),
    ) {
        let mut describer = Describer::new(mode, first, offset);
        describer.active = active.unwrap_or(u32::MAX);
        let (mut publisher, mut receiver) = (Reader::default(), Reader::default());
        for (packet, (key, targets)) in pictures.into_iter().enumerate() {
            for frame in describer.picture(key || packet == 0) {
                let bytes = describer.write(&frame, true, true);
                let packet = packet as u64;
                let frame = publisher.read(1, packet, &bytes).expect("a descriptor");
                let told = frame.told(number, targets);
                assert_told(&told, &frame, number, targets, &mut receiver, packet);
            }
        }
    }

    /// S11: whatever arrives, in whichever order, nothing fails; and what makes sense can be told on.
    #[test]
    fn no_bytes_hurt(
        seed in any::<u16>(),
        mode in any_mode(),
        packets in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..80), any::<bool>(), 0usize..400, any::<u32>(), 0u64..50),
            1..60,
        ),
    ) {
        let mut describer = Describer::new(mode, seed, seed as u8);
        let mut reader = Reader::default();
        for (random, real, flip, targets, packet) in packets {
            let mut bytes = random;
            if real {
                let frame = describer.picture(flip % 3 == 0).remove(0);
                bytes = describer.write(&frame, true, true);
                // Cut or bent a little.
                if let Some(byte) = bytes.get_mut(flip / 8) {
                    *byte ^= 1 << (flip % 8);
                }
            }
            if let Some(frame) = reader.read(1, packet, &bytes) {
                prop_assert!(frame.told(seed, Some(targets)).len() <= encoded::LONGEST);
                prop_assert!(frame.active & !frame.structure.all() == 0);
            }
        }
    }
}
