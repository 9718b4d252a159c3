//! One outgoing stream out of many incoming ones: sequence numbers, timestamps and VP8's and VP9's
//! picture ids go on without a break when the source changes; numbers, times and VP8's ids close up
//! over what is left out of it (RFC 3550 5.1, RFC 7741 4.2, RFC 9628 4.2).
//!
//! No clock and no I/O: times come in as arguments.

use std::collections::VecDeque;
use std::time::Instant;

use str0m::rtp::Vp8Descriptor;

use super::capture::{ticks, Captured, VIDEO};
use super::sending::patch::Vp8Ids as Ids;
use super::vp9::{Edits, Vp9};

/// Gaps remembered for packets that come late: at 30 frames a second, each with a layer left out, four
/// seconds; no retransmission takes longer.
const GAPS: usize = 128;

/// So far a picture's time may be from that of its capture, in ticks: 10 ms, a fifth of what is noticed
/// beside sound.
const TOLERANCE: u32 = 900;
/// Offsets of a source's times that are remembered, for packets that come late: at 30 frames a second half a
/// second of corrections.
const SHIFTS: usize = 16;

/// An RTP time of the outgoing stream, and the time that it stands for.
#[derive(Debug, Clone, Copy)]
struct Sent {
    time: u32,
    at: Instant,
}

/// From this time of the source on its times are moved by so much.
#[derive(Debug, Clone, Copy)]
struct Shift {
    from: u32,
    offset: u32,
}

/// How the current source is moved onto the outgoing stream.
#[derive(Debug, Clone, Copy)]
struct Source {
    stream: u32,
    /// Nothing before this packet of the source is forwarded: it belongs to a frame nobody can
    /// decode, and its number is taken by the source before.
    first_seq: u64,
    /// The highest that was forwarded or left out.
    highest: u64,
    seq_offset: u64,
    /// The newest time that was forwarded.
    time: u32,
    shift: Shift,
}

/// Packets of a source that were left out on purpose (temporal layers), in a row.
#[derive(Debug, Clone, Copy)]
struct Gap {
    first: u64,
    last: u64,
    /// Packets left out up to the end of this gap.
    packets: u64,
    /// Pictures left out up to the end of this gap, and the last of them.
    pictures: u16,
    picture: Option<u16>,
}

/// Where a packet of the source stands among the gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// This many packets and pictures were left out before it.
    Behind { packets: u64, pictures: u16 },
    /// It was left out itself, or is so old that nobody knows.
    Gone,
}

/// Maps the packets of successive sources onto one stream.
#[derive(Debug)]
pub(crate) struct Continuity {
    clock_rate: u32,
    next_seq: u64,
    sent: Option<Sent>,
    /// Which time of a picture stands for which time of capture, for all sources: so the reports on the
    /// stream lie on one line whatever is in it.
    line: Option<Sent>,
    source: Option<Source>,
    /// Earlier ones of the source, the last one first.
    shifts: VecDeque<Shift>,
    gaps: VecDeque<Gap>,
    picture: PictureIds,
    frame: FrameNumbers,
}

impl Continuity {
    /// `first_seq` is the stream's first sequence number; below 2^15, so that a receiver that
    /// misses the first packets still guesses the rollover counter right (RFC 3711 3.3.1).
    pub fn new(clock_rate: u32, first_seq: u16) -> Self {
        Self {
            clock_rate,
            next_seq: u64::from(first_seq & 0x7fff),
            sent: None,
            line: None,
            source: None,
            shifts: VecDeque::new(),
            gaps: VecDeque::with_capacity(GAPS),
            picture: PictureIds::default(),
            frame: FrameNumbers::default(),
        }
    }

    /// The stream that is being mapped now.
    pub fn source(&self) -> Option<u32> {
        self.source.map(|s| s.stream)
    }

    /// Whether a packet of the source, or one behind it, was forwarded or left out.
    pub fn has(&self, stream: u32, seq: u64) -> bool {
        let source = self.source.filter(|s| s.stream == stream);
        source.is_some_and(|s| seq <= s.highest)
    }

    /// Forget the source: the next one starts right behind what was sent.
    pub fn end_source(&mut self) {
        self.source = None;
        self.shifts.clear();
        self.gaps.clear();
        self.picture.end_source();
        self.frame.offset = None;
    }

    /// Begin a new source with this packet.
    pub fn begin_source(&mut self, stream: u32, seq: u64, time: u32, captured: Captured) {
        // As much media time as wall time went by, so that the receiver neither waits nor hurries.
        let out_time = match self.line.or(self.sent) {
            Some(line) => self.behind_sent(self.on(line, captured.at)),
            None => time,
        };
        self.end_source();
        self.source = Some(Source {
            stream,
            first_seq: seq,
            highest: seq.saturating_sub(1),
            seq_offset: self.next_seq.wrapping_sub(seq),
            time,
            shift: Shift {
                from: time,
                offset: out_time.wrapping_sub(time),
            },
        });
    }

    /// The time on a line that stands for this instant.
    fn on(&self, line: Sent, at: Instant) -> u32 {
        line.time.wrapping_add(ticks(line.at, at, self.clock_rate))
    }

    /// This time, or the one after the newest: two frames never share one.
    fn behind_sent(&self, time: u32) -> u32 {
        match self.sent {
            Some(sent) if !is_after(time, sent.time) => sent.time.wrapping_add(1),
            _ => time,
        }
    }

    /// A new picture's time is that of its capture again, if it is not: its source began before that was
    /// known. Sound stays as it came, for a decoder conceals what is missing; its reports say where it is.
    fn correct(&mut self, time: u32, captured: Captured) {
        let Some(source) = self.source.as_ref().filter(|_| captured.reported) else {
            return;
        };
        let shift = source.shift;
        let out_time = time.wrapping_add(shift.offset);
        let line = *self.line.get_or_insert(Sent {
            time: out_time,
            at: captured.at,
        });
        let wanted = self.on(line, captured.at);
        if wanted.wrapping_sub(out_time).wrapping_add(TOLERANCE) <= 2 * TOLERANCE {
            return;
        }
        let offset = self.behind_sent(wanted).wrapping_sub(time);
        if let Some(source) = self.source.as_mut().filter(|_| offset != shift.offset) {
            source.shift = Shift { from: time, offset };
            self.shifts.truncate(SHIFTS - 1);
            self.shifts.push_front(shift);
        }
    }

    /// The outgoing numbers of a packet of the current source, or `None` if it is older than it
    /// or was left out.
    pub fn map(&mut self, seq: u64, time: u32, captured: Captured) -> Option<(u64, u32)> {
        let source = self.source.as_ref()?;
        if seq < source.first_seq {
            return None;
        }
        let packets = match place(&self.gaps, seq) {
            Place::Behind { packets, .. } => packets,
            Place::Gone => return None,
        };
        let newer = is_after(time, source.time);
        if self.clock_rate == VIDEO && (newer || self.line.is_none()) {
            self.correct(time, captured);
        }
        let source = self.source.as_mut()?;
        if newer {
            source.time = time;
        }
        source.highest = source.highest.max(seq);
        let out_seq = seq.wrapping_add(source.seq_offset).wrapping_sub(packets);
        let mut shift = source.shift;
        if is_after(shift.from, time) {
            let earlier = self.shifts.iter().find(|s| !is_after(s.from, time));
            shift = *earlier.or(self.shifts.back()).unwrap_or(&shift);
        }
        let out_time = time.wrapping_add(shift.offset);
        if out_seq >= self.next_seq {
            self.next_seq = out_seq + 1;
            self.sent = Some(Sent {
                time: out_time,
                at: captured.at,
            });
        }
        Some((out_seq, out_time))
    }

    /// Leave this packet of the current source out, and close the gap that it leaves. One that
    /// comes late leaves its gap open: what follows it has been sent.
    pub fn skip(&mut self, seq: u64, descriptor: Option<&Vp8Descriptor>) {
        let Some(source) = self.source.as_mut().filter(|s| seq > s.highest) else {
            return;
        };
        let joins = seq == source.highest + 1;
        source.highest = seq;
        let picture = descriptor.and_then(Vp8Descriptor::picture_id);
        let last = self.gaps.back().copied();
        let (packets, pictures) = last.map_or((0, 0), |g| (g.packets, g.pictures));
        let known = picture.is_none() || last.is_some_and(|g| g.picture == picture);
        let gap = Gap {
            first: seq,
            last: seq,
            packets: packets + 1,
            pictures: pictures.wrapping_add(u16::from(!known)),
            picture,
        };
        match self.gaps.back_mut() {
            Some(back) if joins && back.last + 1 == seq => {
                *back = Gap {
                    first: back.first,
                    ..gap
                };
            }
            _ => {
                if self.gaps.len() == GAPS {
                    self.gaps.pop_front();
                }
                self.gaps.push_back(gap);
            }
        }
        // What is older than the oldest gap that is remembered has no known place.
        if let (Some(oldest), true) = (self.gaps.front(), self.gaps.len() == GAPS) {
            source.first_seq = source.first_seq.max(oldest.first);
        }
    }

    /// The ids that keep a VP8 stream's pictures going on; to be asked for packets that were mapped.
    pub fn map_picture(&mut self, seq: u64, descriptor: &Vp8Descriptor) -> Option<Ids> {
        match place(&self.gaps, seq) {
            Place::Behind { pictures, .. } => Some(self.picture.map(descriptor, pictures)),
            Place::Gone => None,
        }
    }

    /// The same for VP9's picture ids and TL0PICIDX (RFC 9628 4.2).
    pub fn map_vp9(&mut self, descriptor: &Vp9) -> Edits {
        self.picture.map_vp9(descriptor)
    }

    /// The same for the frame numbers of dependency descriptors, of which what is left out leaves its gap.
    pub fn map_frame(&mut self, number: u16) -> u16 {
        self.frame.map(number)
    }
}

/// A dependency descriptor's frame numbers across sources. A receiver takes a key frame whose number is
/// no higher than that of the last one for an old one, and drops it; what frames refer to is said by
/// differences.
#[derive(Debug, Default)]
struct FrameNumbers {
    last: Option<u16>,
    offset: Option<u16>,
}

impl FrameNumbers {
    fn map(&mut self, number: u16) -> u16 {
        let last = self.last;
        let next = |last: u16| last.wrapping_add(1).wrapping_sub(number);
        let offset = *self.offset.get_or_insert_with(|| last.map_or(0, next));
        let out = number.wrapping_add(offset);
        if last.is_none_or(|last| out.wrapping_sub(last) < 1 << 15) {
            self.last = Some(out);
        }
        out
    }
}

/// Gaps are in order; late packets are few, so the search begins at the newest.
fn place(gaps: &VecDeque<Gap>, seq: u64) -> Place {
    match gaps.iter().rev().find(|g| g.first <= seq) {
        Some(gap) if seq <= gap.last => Place::Gone,
        Some(gap) => Place::Behind {
            packets: gap.packets,
            pictures: gap.pictures,
        },
        None => Place::Behind {
            packets: 0,
            pictures: 0,
        },
    }
}

/// RFC 1982.
fn is_after(time: u32, other: u32) -> bool {
    time.wrapping_sub(other).cast_signed() > 0
}

/// VP8's picture id (7 or 15 bits), TL0PICIDX and KEYIDX across sources.
#[derive(Debug, Default)]
struct PictureIds {
    last: Option<Ids>,
    offset: Option<Ids>,
}

impl PictureIds {
    fn end_source(&mut self) {
        self.offset = None;
    }

    /// `left_out` pictures of the source were left out before this one.
    fn map(&mut self, descriptor: &Vp8Descriptor, left_out: u16) -> Ids {
        self.follow(Ids {
            picture: descriptor.picture_id().unwrap_or(0).wrapping_sub(left_out),
            tl0: descriptor.tl0_pic_idx().unwrap_or(0),
            key: descriptor.key_idx().unwrap_or(0),
        })
    }

    /// VP9 says by picture ids what refers to what, so what is left out leaves its gap.
    fn map_vp9(&mut self, descriptor: &Vp9) -> Edits {
        let out = self.follow(Ids {
            picture: descriptor.picture_id().unwrap_or(0),
            tl0: descriptor.tl0_pic_idx().unwrap_or(0),
            key: 0,
        });
        descriptor.edits(out.picture, out.tl0)
    }

    fn follow(&mut self, own: Ids) -> Ids {
        let offset = *self.offset.get_or_insert_with(|| match self.last {
            Some(last) => Ids {
                picture: last.picture.wrapping_add(1).wrapping_sub(own.picture),
                tl0: last.tl0.wrapping_add(1).wrapping_sub(own.tl0),
                key: last.key.wrapping_add(1).wrapping_sub(own.key),
            },
            None => Ids::default(),
        });
        let out = Ids {
            picture: own.picture.wrapping_add(offset.picture) & 0x7fff,
            tl0: own.tl0.wrapping_add(offset.tl0),
            key: own.key.wrapping_add(offset.key) & 0x1f,
        };
        // The highest is what the next source follows; a late packet does not set it back.
        let ahead = match self.last {
            Some(last) => (out.picture.wrapping_sub(last.picture) & 0x7fff) < 0x4000,
            None => true,
        };
        if ahead {
            self.last = Some(out);
        }
        out
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // any time is good to begin a test with
mod tests {
    use std::time::Duration;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_switch_goes_on_where_the_stream_stood() {
        let start = Instant::now();
        let mut c = Continuity::new(90_000, 100);
        c.begin_source(1, 5_000, 70_000, Captured::on_arrival(start));
        assert_eq!(
            c.map(5_000, 70_000, Captured::on_arrival(start)),
            Some((100, 70_000))
        );
        let second = start + Duration::from_millis(1_000);
        c.begin_source(2, 17, 3, Captured::on_arrival(second));
        assert_eq!(
            c.map(17, 3, Captured::on_arrival(second)),
            Some((101, 160_000))
        );
        assert_eq!(
            c.map(16, 3, Captured::on_arrival(second)),
            None,
            "older than the switch"
        );
    }

    #[test]
    fn what_is_left_out_leaves_no_gap_and_late_packets_find_their_place() {
        let now = Instant::now();
        let mut c = Continuity::new(90_000, 100);
        c.begin_source(1, 10, 0, Captured::on_arrival(now));
        let map =
            |c: &mut Continuity, seq| c.map(seq, 0, Captured::on_arrival(now)).map(|(seq, _)| seq);
        assert_eq!(map(&mut c, 10), Some(100));
        c.skip(11, None);
        c.skip(12, None);
        // 13 is late.
        assert_eq!(map(&mut c, 14), Some(102));
        c.skip(15, None);
        assert_eq!(map(&mut c, 16), Some(103));
        assert_eq!(map(&mut c, 13), Some(101));
        assert_eq!(map(&mut c, 12), None, "it was left out");
        // One that should have been left out, and comes when its place is taken, keeps it.
        assert_eq!(map(&mut c, 18), Some(105));
        c.skip(17, None);
        assert_eq!(map(&mut c, 19), Some(106));
        // A new source follows the highest.
        c.begin_source(2, 7, 0, Captured::on_arrival(now));
        assert_eq!(map(&mut c, 7), Some(107));
    }

    #[test]
    fn gaps_without_end_are_forgotten_from_the_oldest_on() {
        let now = Instant::now();
        let mut c = Continuity::new(90_000, 0);
        c.begin_source(1, 0, 0, Captured::on_arrival(now));
        for n in 0..1_000 {
            assert_eq!(
                c.map(n * 2, 0, Captured::on_arrival(now)).map(|m| m.0),
                Some(n)
            );
            c.skip(n * 2 + 1, None);
        }
        assert_eq!(c.gaps.len(), GAPS);
        assert_eq!(
            c.map(3, 0, Captured::on_arrival(now)),
            None,
            "nobody knows its place any more"
        );
        assert_eq!(
            c.map(1_998, 0, Captured::on_arrival(now)).map(|m| m.0),
            Some(999)
        );
    }

    fn reported(at: Instant) -> Captured {
        Captured { at, reported: true }
    }

    #[test]
    fn pictures_come_back_to_the_line_of_their_capture_and_late_packets_to_their_picture() {
        let start = Instant::now();
        let ms = |n: u64| start + Duration::from_millis(n);
        let mut c = Continuity::new(VIDEO, 0);
        c.begin_source(1, 0, 0, reported(start));
        assert_eq!(c.map(0, 0, reported(start)), Some((0, 0)));
        // Captured at 1,000 and 1,033, and nobody knows yet that they came 100 ms late.
        c.begin_source(2, 50, 7_000, Captured::on_arrival(ms(1_100)));
        let unknown = [(50, 7_000, 1_100), (52, 9_970, 1_133)];
        let times = unknown.map(|(seq, time, at)| c.map(seq, time, Captured::on_arrival(ms(at))));
        assert_eq!(times, [Some((1, 99_000)), Some((3, 101_970))]);
        // From 1,066 on it is known.
        let known = [12_940u32, 15_910, 18_880, 21_850].map(|time| {
            let captured = 1_000 + u64::from(time - 7_000) / 90;
            let seq = 54 + u64::from(time - 12_940) / 2_970;
            c.map(seq, time, reported(ms(captured))).expect("a time").1
        });
        // A tick after the one before, until the line has caught up: 104,850 but for a millisecond.
        assert_eq!(known, [101_971, 101_972, 101_973, 104_943]);
        let late = [
            (51, 7_000, 99_000),
            (53, 9_970, 101_970),
            (56, 18_880, 101_973),
        ];
        for (seq, time, as_before) in late {
            let (_, out) = c.map(seq, time, reported(ms(1_300))).expect("a time");
            assert_eq!(out, as_before);
        }
    }

    #[test]
    fn sound_is_never_moved_while_it_plays() {
        let start = Instant::now();
        let mut c = Continuity::new(48_000, 0);
        c.begin_source(1, 0, 0, Captured::on_arrival(start));
        for n in 0..100u32 {
            let captured = reported(start + Duration::from_millis(u64::from(n) * 20 + 50));
            assert_eq!(
                c.map(n.into(), n * 960, captured),
                Some((n.into(), n * 960))
            );
        }
    }

    #[test]
    fn frame_numbers_go_on_and_wrap() {
        let mut frames = FrameNumbers::default();
        assert_eq!([65_534, 65_535].map(|n| frames.map(n)), [65_534, 65_535]);
        frames.offset = None;
        // The newest counts, not the last.
        assert_eq!([500, 504, 502].map(|n| frames.map(n)), [0, 4, 2]);
        frames.offset = None;
        assert_eq!(frames.map(40_000), 5);
    }

    #[test]
    fn picture_ids_go_on_and_wrap() {
        let descriptor = |id: u16, tl0: u8| {
            let payload = [
                0x90,
                0xe0,
                0x80 | (id >> 8) as u8,
                id as u8,
                tl0,
                0x20,
                0x00,
            ];
            Vp8Descriptor::parse(&payload).expect("a valid descriptor")
        };
        let mut ids = PictureIds::default();
        ids.map(&descriptor(0x7ffe, 255), 0);
        ids.map(&descriptor(0x7fff, 0), 0);
        ids.end_source();
        let last = ids.map(&descriptor(500, 9), 0);
        assert_eq!((last.picture, last.tl0), (0, 1));
    }

    proptest! {
        /// Whatever the sources send, and however often they change: no outgoing number is used
        /// twice, each source begins right behind the one before, and timestamps never go back at
        /// a switch.
        #[test]
        fn numbers_are_unique_and_ordered(
            first in 0u16..0x8000,
            sources in prop::collection::vec((any::<u16>(), any::<u32>(), 1u64..40, 0u64..5_000), 1..12),
        ) {
            let start = Instant::now();
            let mut at = start;
            let mut c = Continuity::new(90_000, first);
            let mut expected = u64::from(first);
            let mut last_time: Option<u32> = None;
            for (stream, (seq, time, count, pause)) in sources.into_iter().enumerate() {
                at += Duration::from_millis(pause);
                let seq = u64::from(seq) + 1;
                c.begin_source(stream as u32, seq, time, Captured::on_arrival(at));
                for n in 0..count {
                    let (out, out_time) = c.map(seq + n, time.wrapping_add(n as u32 * 3_000), Captured::on_arrival(at))
                        .expect("not older than the source");
                    prop_assert_eq!(out, expected);
                    expected += 1;
                    if n == 0 {
                        if let Some(last) = last_time {
                            prop_assert!(out_time.wrapping_sub(last) < 0x8000_0000);
                            prop_assert!(out_time != last);
                        }
                    }
                    last_time = Some(out_time);
                    at += Duration::from_millis(33);
                }
                prop_assert_eq!(c.map(seq - 1, time, Captured::on_arrival(at)), None);
            }
        }
    }
}
