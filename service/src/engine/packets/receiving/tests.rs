//! The receiver as a whole, from decrypted packets to what is forwarded and what is told.
#![allow(clippy::disallowed_methods)] // any time is good to begin a test with

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use str0m::media::{Mid, Rid};

use super::header::{Extensions, Header};
use super::receiver::Receiver;
use super::sections::tests::{negotiation, OPUS, RTX, VP8};
use super::sections::Place;
use crate::engine::packets::rtcp::SenderInfo;

const MS: Duration = Duration::from_millis(1);
const OWN: u32 = 77;

fn receiver(now: Instant) -> Receiver {
    let mut receiver = Receiver::new(OWN, now);
    receiver.renegotiated(negotiation());
    receiver
}

/// A packet of a section and layer, as it is after decryption.
#[derive(Debug, Clone, Copy)]
struct Packet {
    ssrc: u32,
    payload_type: u8,
    seq: u16,
    padded: bool,
    said: Extensions<'static>,
}

fn video(ssrc: u32, seq: u16) -> Packet {
    Packet {
        ssrc,
        payload_type: VP8,
        seq,
        padded: false,
        said: Extensions {
            mid: Some(b"1"),
            rid: Some(b"q"),
            ..Default::default()
        },
    }
}

fn repair(ssrc: u32, seq: u16) -> Packet {
    Packet {
        payload_type: RTX,
        said: Extensions {
            mid: Some(b"1"),
            repaired_rid: Some(b"q"),
            ..Default::default()
        },
        ..video(ssrc, seq)
    }
}

fn sound(ssrc: u32, seq: u16) -> Packet {
    Packet {
        payload_type: OPUS,
        said: Extensions {
            mid: Some(b"0"),
            ..Default::default()
        },
        ..video(ssrc, seq)
    }
}

impl Packet {
    fn silent(self) -> Self {
        Self {
            said: Extensions::default(),
            ..self
        }
    }

    fn numbered(mut self, number: u16) -> Self {
        self.said.transport_seq = Some(number);
        self
    }

    fn header(self) -> Header<'static> {
        Header {
            marker: false,
            padded: self.padded,
            payload_type: self.payload_type,
            seq: self.seq,
            time: u32::from(self.seq) * 3_000,
            ssrc: self.ssrc,
            length: 12,
            extensions: self.said,
        }
    }

    /// What goes on of it: place, stream, number and payload.
    fn arrives(self, at: &mut Receiver, payload: &[u8], now: Instant) -> Option<Went> {
        let header = self.header();
        let number = at.number(&header)?;
        let arrival = at.authentic(&header, number, payload, now)?;
        Some(Went {
            place: arrival.place,
            ssrc: arrival.ssrc,
            number: arrival.number,
            payload_type: arrival.payload_type,
            payload: arrival.payload.to_vec(),
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Went {
    place: Place,
    ssrc: u32,
    number: u64,
    payload_type: u8,
    payload: Vec<u8>,
}

fn layer(mid: &str, rid: Option<&str>) -> Place {
    Place {
        mid: Mid::from(mid),
        rid: rid.map(Rid::from),
    }
}

/// What a compound holds, read by another reader than the engine's.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Report { blocks: Vec<u32> },
    Name(String),
    Nack { ssrc: u32, numbers: Vec<u16> },
    PictureLoss(u32),
    TransportWide { ssrc: u32, came: Vec<u16> },
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn read(mut compound: &[u8]) -> Vec<Told> {
    assert!(compound.len() <= 1_200, "{}", compound.len());
    let mut told = Vec::new();
    while !compound.is_empty() {
        let size = 4 * (usize::from(u16::from_be_bytes([compound[2], compound[3]])) + 1);
        let (packet, rest) = compound.split_at(size);
        compound = rest;
        assert_eq!(packet[0] >> 6, 2);
        assert_eq!(word(packet, 4), OWN);
        told.push(match (packet[1], packet[0] & 0x1f) {
            (201, count) => {
                assert_eq!(size, 8 + 24 * usize::from(count));
                let blocks = packet[8..].chunks(24).map(|block| word(block, 0));
                Told::Report {
                    blocks: blocks.collect(),
                }
            }
            (202, 1) => {
                let length = usize::from(packet[9]);
                Told::Name(String::from_utf8_lossy(&packet[10..10 + length]).into())
            }
            (205, 1) => Told::Nack {
                ssrc: word(packet, 8),
                numbers: packet[12..].chunks(4).flat_map(asked_for).collect(),
            },
            (205, 15) => Told::TransportWide {
                ssrc: word(packet, 8),
                came: came(&packet[12..]),
            },
            (206, 1) => Told::PictureLoss(word(packet, 8)),
            other => panic!("{other:?}"),
        });
    }
    told
}

fn asked_for(item: &[u8]) -> Vec<u16> {
    let (first, mask) = ((word(item, 0) >> 16) as u16, word(item, 0) as u16);
    let behind = (0..16).filter(|bit| mask >> bit & 1 == 1);
    std::iter::once(first)
        .chain(behind.map(|bit| first.wrapping_add(bit + 1)))
        .collect()
}

/// The padding of a feedback packet is not told by anything but its end.
fn came(fci: &[u8]) -> Vec<u16> {
    let read = (0..4).find_map(|padding| {
        let (text, zeroes) = fci.split_at(fci.len() - padding);
        let fits = zeroes.iter().all(|b| *b == 0);
        let told = || std::panic::catch_unwind(|| super::arrivals::tests::read(text)).ok()?;
        fits.then(told)?
    });
    let told = read.expect("a feedback packet");
    told.iter().filter_map(|(n, at)| at.map(|_| *n)).collect()
}

fn tell(receiver: &mut Receiver, now: Instant) -> Vec<Told> {
    let mut all = Vec::new();
    receiver.tell(now, |compound| {
        let told = read(&compound);
        // RFC 3550 6.1.
        assert!(matches!(told[0], Told::Report { .. }), "{told:?}");
        assert_eq!(told[1], Told::Name("0000004d".to_owned()));
        all.extend(told);
    });
    all
}

#[test]
fn a_stream_is_known_by_its_first_packet_and_then_by_its_ssrc() {
    let now = Instant::now();
    let mut receiver = receiver(now);
    let first = video(5, 10).arrives(&mut receiver, b"a", now);
    let place = layer("1", Some("q"));
    let went = |number, payload: &[u8]| Went {
        place,
        ssrc: 5,
        number,
        payload_type: VP8,
        payload: payload.to_vec(),
    };
    assert_eq!(first, Some(went(10, b"a")));
    let second = video(5, 11).silent().arrives(&mut receiver, b"b", now);
    assert_eq!(second, Some(went(11, b"b")));
    // A copy, and one of nobody.
    assert_eq!(
        video(5, 11).silent().arrives(&mut receiver, b"b", now),
        None
    );
    assert_eq!(
        video(6, 12).silent().arrives(&mut receiver, b"b", now),
        None
    );
}

#[test]
fn a_packet_is_read_by_what_was_negotiated() {
    let now = Instant::now();
    let mut receiver = receiver(now);
    let bytes = [
        0x90, 0x60, 0, 9, 0, 0, 0, 0, 0, 0, 0, 5, 0xbe, 0xde, 0, 1, 0x40, b'1', 0xa0, b'h', 7, 8,
    ];
    let header = Header::parse(&bytes, receiver.ids()).expect("a header");
    let number = receiver.number(&header).expect("a new one");
    let arrival = receiver.authentic(&header, number, &bytes[header.length..], now);
    let went = arrival.map(|a| (a.place, a.payload));
    assert_eq!(went, Some((layer("1", Some("h")), &[7, 8][..])));
}

/// S11: a packet that is only claimed to be somebody's ends no stream.
#[test]
fn a_forged_packet_changes_nothing() {
    let now = Instant::now();
    let mut receiver = receiver(now);
    video(5, 10)
        .arrives(&mut receiver, b"a", now)
        .expect("a packet");
    // Others at its place, and numbers far ahead of its own: asked for the number, and then they
    // cannot be decrypted.
    for seq in (0..u16::MAX).step_by(97) {
        receiver.number(&video(9, seq).header());
        receiver.number(&video(5, seq).header());
    }
    let went = video(5, 11).silent().arrives(&mut receiver, b"b", now);
    assert_eq!(went.map(|w| w.number), Some(11));
    assert_eq!(receiver.due(), Some(now + 1_000 * MS), "nothing to ask for");
}

#[test]
fn another_stream_takes_the_place_and_the_old_one_is_only_late() {
    let start = Instant::now();
    let mut receiver = receiver(start);
    let mut went = |packet: Packet, millis| {
        let went = packet.arrives(&mut receiver, b"a", start + millis * MS);
        went.map(|w| (w.ssrc, w.number))
    };
    assert_eq!(went(video(5, 10), 0), Some((5, 10)));
    assert_eq!(went(video(6, 900), 0), Some((6, 900)));
    assert_eq!(went(video(5, 11), 400), None, "late");
    assert_eq!(went(video(6, 901), 400), Some((6, 901)));
    // The new one is silent, and the old one is there again, with its numbers.
    assert_eq!(went(video(5, 12), 1_000), Some((5, 12)));
    assert_eq!(went(video(6, 902), 1_000), None);
}

#[test]
fn what_is_sent_again_goes_on_as_it_was_sent_at_first() {
    let now = Instant::now();
    let mut receiver = receiver(now);
    // Before there is anything to repair: padding.
    let mut early = repair(8, 1).numbered(1);
    early.padded = true;
    assert_eq!(early.arrives(&mut receiver, &[0, 0, 3], now), None);
    for seq in [65_534, 1] {
        video(5, seq)
            .arrives(&mut receiver, b"a", now)
            .expect("a packet");
    }
    let wanted = Told::Nack {
        ssrc: 5,
        numbers: vec![65_535, 0],
    };
    assert!(tell(&mut receiver, now).contains(&wanted));
    let again = |seq: u16| [&seq.to_be_bytes()[..], b"again"].concat();
    let went = repair(8, 2).arrives(&mut receiver, &again(65_535), now);
    let expected = Went {
        place: layer("1", Some("q")),
        ssrc: 5,
        number: 65_535,
        payload_type: VP8,
        payload: b"again".to_vec(),
    };
    assert_eq!(went, Some(expected));
    // Twice, once more by itself, and what was there anyway.
    assert_eq!(
        repair(8, 3)
            .silent()
            .arrives(&mut receiver, &again(65_535), now),
        None
    );
    assert_eq!(video(5, 65_535).arrives(&mut receiver, b"a", now), None);
    assert_eq!(
        repair(8, 4).silent().arrives(&mut receiver, &again(1), now),
        None
    );
    assert_eq!(repair(8, 5).silent().arrives(&mut receiver, b"", now), None);
    // The retransmission counted for the transport, also before it was known whose it was.
    let told = tell(&mut receiver, now + 100 * MS);
    let counted =
        |told: &Told| matches!(told, Told::TransportWide { ssrc: 8, came } if came == &[1]);
    assert!(told.iter().any(counted), "{told:?}");
}

#[test]
fn sound_is_not_asked_for_again() {
    let now = Instant::now();
    let mut receiver = receiver(now);
    for seq in [1, 5] {
        sound(3, seq)
            .arrives(&mut receiver, b"a", now)
            .expect("a packet");
    }
    assert_eq!(tell(&mut receiver, now), []);
}

#[test]
fn a_probe_is_only_counted() {
    let now = Instant::now();
    let mut receiver = receiver(now);
    for seq in 0..20 {
        let probe = sound(0, seq).silent().numbered(seq);
        assert_eq!(probe.arrives(&mut receiver, &[0; 20], now), None);
    }
    let told = tell(&mut receiver, now + 50 * MS);
    let came: Vec<u16> = (0..20).collect();
    assert!(
        told.contains(&Told::TransportWide { ssrc: 0, came }),
        "{told:?}"
    );
    assert_eq!(receiver.due(), None);
}

#[test]
fn streams_are_reported_on_while_they_are_there() {
    let start = Instant::now();
    let mut receiver = receiver(start);
    assert_eq!(receiver.due(), None);
    for seq in (0..100).filter(|seq| seq % 10 != 5) {
        sound(3, seq)
            .arrives(&mut receiver, b"a", start)
            .expect("a packet");
    }
    let due = receiver.due().expect("a report");
    assert_eq!(due, start + 1_000 * MS);
    let report = Told::Report { blocks: vec![3] };
    assert_eq!(tell(&mut receiver, due)[0], report);
    assert!((receiver.take_loss() - 0.1).abs() < 0.001);
    assert!(receiver.take_loss() < 0.001, "counted anew");
    assert_eq!(receiver.due(), None, "an idle session is not woken");
    // Many streams take several packets.
    for ssrc in 100..140 {
        video(ssrc, 1).arrives(&mut receiver, b"a", due);
    }
    let told = tell(&mut receiver, due + 1_000 * MS);
    let blocks = told.iter().map(|told| match told {
        Told::Report { blocks } => blocks.len(),
        _ => 0,
    });
    assert_eq!(blocks.sum::<usize>(), 40);
}

#[test]
fn key_frames_are_asked_for_where_there_is_a_stream() {
    let now = Instant::now();
    let mut receiver = receiver(now);
    let place = layer("1", Some("q"));
    assert!(!receiver.want_keyframe(&place, now));
    video(5, 1)
        .arrives(&mut receiver, b"a", now)
        .expect("a packet");
    assert!(receiver.want_keyframe(&place, now) && receiver.want_keyframe(&place, now));
    assert!(!receiver.want_keyframe(&layer("1", Some("h")), now));
    assert_eq!(receiver.due(), Some(now));
    assert_eq!(tell(&mut receiver, now)[2..], [Told::PictureLoss(5)]);
    assert_eq!(tell(&mut receiver, now), []);
}

#[test]
fn a_senders_report_goes_with_its_packets() {
    let now = Instant::now();
    let mut receiver = receiver(now);
    sound(3, 1)
        .arrives(&mut receiver, b"a", now)
        .expect("a packet");
    let info = SenderInfo {
        ssrc: 3,
        ntp: 1 << 40,
        time: 9,
    };
    receiver.reported(info, now);
    receiver.reported(SenderInfo { ssrc: 4, ..info }, now);
    let header = sound(3, 2).header();
    let arrival = receiver.authentic(&header, 2, b"a", now).expect("a packet");
    assert_eq!(arrival.report, Some(info));
}

#[test]
fn renegotiation_keeps_streams_and_ends_those_without_a_place() {
    let now = Instant::now();
    let mut receiver = receiver(now);
    sound(3, 1)
        .arrives(&mut receiver, b"a", now)
        .expect("a packet");
    video(5, 1)
        .arrives(&mut receiver, b"a", now)
        .expect("a packet");
    let mut less = negotiation();
    less.sections.remove(1);
    receiver.renegotiated(less);
    assert!(sound(3, 2)
        .silent()
        .arrives(&mut receiver, b"a", now)
        .is_some());
    assert!(video(5, 2).arrives(&mut receiver, b"a", now).is_none());
    receiver.renegotiated(negotiation());
    assert!(video(5, 3).arrives(&mut receiver, b"a", now).is_some());
    assert!(
        video(5, 1).arrives(&mut receiver, b"a", now).is_none(),
        "a copy still"
    );
}

/// What happens to a packet on its way, and when.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Arrives,
    Lost,
    Twice,
    /// Behind so many others.
    Late(usize),
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        6 => Just(Fate::Arrives),
        2 => Just(Fate::Lost),
        1 => Just(Fate::Twice),
        1 => (1usize..20).prop_map(Fate::Late),
    ];
    prop::collection::vec(fate, 1..200)
}

/// The order in which packets arrive that were sent as these numbers.
fn on_the_way(fates: &[Fate]) -> Vec<u64> {
    let mut arriving: Vec<(usize, u64)> = Vec::new();
    for (sent, fate) in fates.iter().enumerate() {
        let number = sent as u64;
        match fate {
            Fate::Arrives => arriving.push((sent, number)),
            Fate::Lost => {}
            Fate::Twice => arriving.extend([(sent, number), (sent + 3, number)]),
            Fate::Late(by) => arriving.push((sent + by, number)),
        }
    }
    arriving.sort_by_key(|(at, _)| *at);
    arriving.into_iter().map(|(_, number)| number).collect()
}

proptest! {
    /// Whatever is lost, late or there twice on its way, and also of what is sent again: every
    /// packet behind the first goes on, once, under its own number.
    #[test]
    fn each_packet_goes_on_once(first in 0u16.., fates in fates(), losses in prop::collection::vec(any::<bool>(), 64)) {
        let start = Instant::now();
        let mut receiver = receiver(start);
        let (mut losses, mut lost) = (losses.into_iter().cycle(), BTreeMap::new());
        // The first and the last arrive, or nobody knows of them.
        let mut sent = vec![Fate::Arrives];
        sent.extend(fates);
        sent.push(Fate::Arrives);
        let numbers = sent.len() as u64;
        let mut went = Vec::new();
        let (mut now, mut rtx) = (start, 0u16);
        let payload = |number: u64| number.to_be_bytes();
        let mut arriving = on_the_way(&sent).into_iter();
        // Until all are there: nobody asks more than ten times, nor later than a second.
        loop {
            let number = arriving.next();
            if let Some(number) = number {
                now += MS / 4;
                let packet = video(5, first.wrapping_add(number as u16));
                went.extend(packet.arrives(&mut receiver, &payload(number), now));
            } else {
                match receiver.due().filter(|due| *due < start + 1_900 * MS) {
                    Some(due) => now = now.max(due),
                    None => break,
                }
            }
            if receiver.due().is_none_or(|due| due > now) {
                continue;
            }
            for told in tell(&mut receiver, now) {
                let Told::Nack { ssrc: 5, numbers } = told else { continue };
                for seq in numbers {
                    rtx += 1;
                    // Half of what is sent again gets lost as well, but not five times.
                    let times = lost.entry(seq).or_insert(0);
                    if losses.next() == Some(true) && *times < 4 {
                        *times += 1;
                        continue;
                    }
                    let number = u64::from(seq.wrapping_sub(first));
                    let text = [&seq.to_be_bytes()[..], &payload(number)].concat();
                    went.extend(repair(8, rtx).arrives(&mut receiver, &text, now));
                }
            }
        }
        let mut seen = BTreeSet::new();
        for packet in &went {
            let number = packet.number - u64::from(first);
            prop_assert_eq!(&packet.payload, &payload(number));
            prop_assert!(seen.insert(number), "{} twice", number);
        }
        prop_assert_eq!(seen.len() as u64, numbers);
    }

    /// S11: whatever an authenticated client sends: its streams are bounded, and what is told fits
    /// into packets.
    #[test]
    fn no_client_hurts(packets in prop::collection::vec(
        (0u32..400, any::<u16>(), 0u8..5, any::<bool>(), any::<u16>(), prop::collection::vec(any::<u8>(), 0..6)),
        1..400,
    )) {
        let start = Instant::now();
        let mut receiver = receiver(start);
        for (n, (ssrc, seq, kind, padded, number, payload)) in packets.into_iter().enumerate() {
            let now = start + n as u32 * 7 * MS;
            let mut packet = match kind {
                0 => sound(ssrc, seq),
                1 => repair(ssrc, seq),
                2 => repair(ssrc, seq).silent(),
                3 => video(ssrc % 8, seq),
                _ => video(ssrc, seq).silent(),
            };
            packet.padded = padded;
            packet = packet.numbered(number);
            packet.arrives(&mut receiver, &payload, now);
            receiver.reported(SenderInfo { ssrc, ntp: u64::from(seq) << 40, time: ssrc }, now);
            if receiver.due().is_some_and(|due| due <= now) {
                tell(&mut receiver, now);
                prop_assert!(receiver.due().is_none_or(|due| due > now));
            }
        }
        prop_assert!(receiver.streams() <= 128);
    }
}
