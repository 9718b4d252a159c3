//! Transport-wide feedback as a receiver writes it: which packets came, and when.
//!
//! draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1. Everything here comes from outside
//! (S11): a report is looked through once before anything is taken from it, so that a malformed one
//! changes nothing, and its cost is bounded by [`MOST_STATUSES`].

use super::Micros;

/// What one report may tell of. More packets than this are never remembered
/// ([`super::history::MOST`]), so nothing could be learnt from the rest.
pub(super) const MOST_STATUSES: u16 = super::history::MOST as u16;

/// Base number, count, reference time, count of reports.
const HEADER: usize = 8;
/// A unit of the reference time (3.1, "reference time").
const REFERENCE: Micros = 64_000;
/// A unit of the receive deltas (3.1.5).
const DELTA: Micros = 250;

/// Why a report was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("the feedback is shorter than its header")]
    Header,
    #[error("the feedback tells of no packet")]
    Empty,
    #[error("the feedback tells of more packets than anybody remembers")]
    TooMany,
    #[error("the feedback ends within its status chunks")]
    Chunks,
    #[error("the feedback holds a reserved status")]
    Status,
    #[error("the feedback ends within its receive times")]
    Deltas,
}

/// What a report says of a run of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// These have not come so far.
    Missing { from: u16, count: u16 },
    /// This one came so long after the reference time.
    Arrived { seq: u16, after: Micros },
}

/// A report that has been looked through: reading it cannot fail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Feedback<'a> {
    base: u16,
    count: u16,
    reference: i32,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Missing,
    Small,
    Large,
}

impl Symbol {
    fn new(bits: u16) -> Result<Self, Malformed> {
        match bits & 3 {
            0 => Ok(Self::Missing),
            1 => Ok(Self::Small),
            2 => Ok(Self::Large),
            _ => Err(Malformed::Status),
        }
    }

    fn delta_len(self) -> usize {
        match self {
            Self::Missing => 0,
            Self::Small => 1,
            Self::Large => 2,
        }
    }
}

/// A status chunk (3.1.2 to 3.1.4).
#[derive(Debug, Clone, Copy)]
enum Chunk {
    Run {
        symbol: u16,
        len: u16,
    },
    /// Fourteen symbols of one bit, or seven of two, the first one highest.
    Vector {
        symbols: u16,
        wide: bool,
    },
}

impl Chunk {
    fn new(bytes: [u8; 2]) -> Self {
        let bits = u16::from_be_bytes(bytes);
        match bits >> 14 {
            0 | 1 => Self::Run {
                symbol: bits >> 13,
                len: bits & 0x1fff,
            },
            wide => Self::Vector {
                symbols: bits & 0x3fff,
                wide: wide == 3,
            },
        }
    }

    fn len(self) -> u16 {
        match self {
            Self::Run { len, .. } => len,
            Self::Vector { wide: true, .. } => 7,
            Self::Vector { wide: false, .. } => 14,
        }
    }

    /// The bits of the `n`th symbol.
    fn symbol(self, n: u16) -> u16 {
        match self {
            Self::Run { symbol, .. } => symbol,
            Self::Vector {
                symbols,
                wide: true,
            } => symbols >> (12 - 2 * n),
            Self::Vector {
                symbols,
                wide: false,
            } => (symbols >> (13 - n)) & 1,
        }
    }

    /// How many bytes of receive times the first `count` symbols have.
    fn delta_bytes(self, count: u16) -> Result<usize, Malformed> {
        if let Self::Run { symbol, .. } = self {
            return Ok(usize::from(count) * Symbol::new(symbol)?.delta_len());
        }
        (0..count).try_fold(0, |sum, n| {
            Ok(sum + Symbol::new(self.symbol(n))?.delta_len())
        })
    }
}

impl<'a> Feedback<'a> {
    /// `fci` is what stands behind the two SSRCs of the RTCP packet (RFC 4585, 6.1).
    pub fn parse(fci: &'a [u8]) -> Result<Self, Malformed> {
        let Some((head, rest)) = fci.split_first_chunk::<HEADER>() else {
            return Err(Malformed::Header);
        };
        let [b0, b1, c0, c1, r0, r1, r2, _] = *head;
        let count = u16::from_be_bytes([c0, c1]);
        match count {
            0 => return Err(Malformed::Empty),
            1..=MOST_STATUSES => {}
            _ => return Err(Malformed::TooMany),
        }
        let (mut left, mut chunks, mut deltas) = (count, 0, 0);
        while left > 0 {
            let bytes = rest.get(chunks..chunks + 2).ok_or(Malformed::Chunks)?;
            let chunk = Chunk::new([bytes[0], bytes[1]]);
            let covered = chunk.len().min(left);
            deltas += chunk.delta_bytes(covered)?;
            left -= covered;
            chunks += 2;
        }
        let (chunks, rest) = rest.split_at(chunks);
        let deltas = rest.get(..deltas).ok_or(Malformed::Deltas)?;
        Ok(Self {
            base: u16::from_be_bytes([b0, b1]),
            count,
            reference: i32::from_be_bytes([r0, r1, r2, 0]) >> 8,
            chunks,
            deltas,
        })
    }

    /// Tell of every packet in the order of their numbers.
    pub fn each(&self, mut tell: impl FnMut(Status)) {
        let (mut seq, mut left) = (self.base, self.count);
        let (mut deltas, mut after) = (self.deltas, 0);
        for bytes in self.chunks.chunks_exact(2) {
            let chunk = Chunk::new([bytes[0], bytes[1]]);
            let covered = chunk.len().min(left);
            left -= covered;
            if let Chunk::Run { symbol: 0, .. } = chunk {
                tell(Status::Missing {
                    from: seq,
                    count: covered,
                });
                seq = seq.wrapping_add(covered);
                continue;
            }
            for n in 0..covered {
                match take_delta(chunk.symbol(n), &mut deltas) {
                    Some(delta) => {
                        after += delta;
                        tell(Status::Arrived { seq, after });
                    }
                    None => tell(Status::Missing {
                        from: seq,
                        count: 1,
                    }),
                }
                seq = seq.wrapping_add(1);
            }
        }
    }
}

/// The receive time of a packet that came, relative to the one before it.
fn take_delta(symbol: u16, deltas: &mut &[u8]) -> Option<Micros> {
    let symbol = Symbol::new(symbol).ok()?;
    let (delta, rest) = deltas.split_at_checked(symbol.delta_len())?;
    *deltas = rest;
    match *delta {
        [small] => Some(Micros::from(small) * DELTA),
        [high, low] => Some(Micros::from(i16::from_be_bytes([high, low])) * DELTA),
        _ => None,
    }
}

/// The receiver's clock: its reference times have 24 bits and wrap after twelve days.
#[derive(Debug, Default)]
pub(super) struct ReceiverClock {
    /// Units of 64 ms, unwrapped.
    latest: Option<i64>,
}

impl ReceiverClock {
    /// The report's reference time on a clock that does not wrap.
    pub fn reference(&mut self, feedback: &Feedback) -> Micros {
        let latest = match self.latest {
            None => i64::from(feedback.reference),
            Some(latest) => {
                let ahead = feedback.reference.wrapping_sub(latest as i32);
                latest + i64::from((ahead << 8) >> 8)
            }
        };
        self.latest = Some(latest);
        latest * REFERENCE
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulated::report;
    use super::*;
    use proptest::prelude::*;

    fn statuses(fci: &[u8]) -> Vec<(u16, Option<Micros>)> {
        let mut all = Vec::new();
        Feedback::parse(fci)
            .expect("well formed")
            .each(|s| match s {
                Status::Missing { from, count } => {
                    all.extend((0..count).map(|n| (from.wrapping_add(n), None)));
                }
                Status::Arrived { seq, after } => all.push((seq, Some(after))),
            });
        all
    }

    #[test]
    fn every_kind_of_chunk_is_read() {
        // Base 65534, nine packets, reference 1, report 0.
        let mut fci = vec![0xff, 0xfe, 0, 9, 0, 0, 1, 0];
        fci.extend([0x20, 0x02]); // Two came, small deltas.
        fci.extend([0x00, 0x01]); // One did not.
        fci.extend([0b1101_1000, 0b0010_0100]); // small, large, missing, missing, large, small: two bits each.
        fci.extend([4, 8, 1, 0xff, 0xff, 0, 40, 2]);
        assert_eq!(
            statuses(&fci),
            [
                (65534, Some(1_000)),
                (65535, Some(3_000)),
                (0, None),
                (1, Some(3_250)),
                (2, Some(3_000)),
                (3, None),
                (4, None),
                (5, Some(13_000)),
                (6, Some(13_500)),
            ]
        );
        // One bit each: the second and the fourteenth came.
        let fci = [0, 7, 0, 14, 0, 0, 0, 0, 0b1001_0000, 0b0000_0001, 1, 2];
        let came: Vec<_> = statuses(&fci)
            .into_iter()
            .filter(|s| s.1.is_some())
            .collect();
        assert_eq!(came, [(8, Some(250)), (20, Some(750))]);
    }

    #[test]
    fn what_is_malformed_is_named() {
        let error = |fci: &[u8]| Feedback::parse(fci).map(|_| ()).expect_err("malformed");
        assert_eq!(error(&[0; 7]), Malformed::Header);
        assert_eq!(error(&[0; 20]), Malformed::Empty);
        assert_eq!(
            error(&[0, 0, 255, 255, 0, 0, 0, 0, 0x1f, 0xff]),
            Malformed::TooMany
        );
        assert_eq!(error(&[0, 0, 0, 9, 0, 0, 0, 0, 0x20]), Malformed::Chunks);
        assert_eq!(
            error(&[0, 0, 0, 2, 0, 0, 0, 0, 0x60, 2, 1, 1]),
            Malformed::Status
        );
        assert_eq!(
            error(&[0, 0, 0, 2, 0, 0, 0, 0, 0x40, 2, 1, 1, 1]),
            Malformed::Deltas
        );
        // Runs of no length would never end.
        assert_eq!(
            error(&[0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]),
            Malformed::Chunks
        );
    }

    #[test]
    fn the_reference_time_goes_on_when_it_wraps_or_comes_late() {
        let mut clock = ReceiverClock::default();
        let mut at = |reference: u32| {
            let [_, r0, r1, r2] = reference.to_be_bytes();
            let fci = [0, 0, 0, 1, r0, r1, r2, 0, 0x20, 1, 0];
            clock.reference(&Feedback::parse(&fci).expect("well formed"))
        };
        let first = at(0x7f_ffff);
        assert_eq!(at(0x80_0001) - first, 2 * REFERENCE);
        assert_eq!(at(0x7f_fffe) - first, -REFERENCE);
        assert_eq!(at(0xbf_ffff) - first, (1 << 22) * REFERENCE);
        assert_eq!(at(0xff_ffff) - first, (1 << 23) * REFERENCE);
        assert_eq!(at(3) - first, ((1 << 23) + 4) * REFERENCE);
    }

    proptest! {
        /// What a receiver writes is what is read.
        #[test]
        fn a_report_says_what_it_was_made_of(
            base: u16,
            packets in prop::collection::vec(prop::option::weighted(0.8, -200i64..300), 1..200),
        ) {
            let mut at = 64_000 * 5;
            let arrivals: Vec<_> = packets
                .iter()
                .map(|delta| { let d = (*delta)?; at += d * DELTA; Some(at) })
                .collect();
            let fci = report(base, &arrivals, 0);
            let feedback = Feedback::parse(&fci).expect("well formed");
            let reference = Micros::from(feedback.reference) * REFERENCE;
            let read: Vec<_> = statuses(&fci).into_iter().map(|s| s.1.map(|a| a + reference)).collect();
            prop_assert_eq!(read, arrivals);
        }

        /// S11: no bytes make it panic, nor tell of more than its bound.
        #[test]
        fn arbitrary_bytes_are_read_or_refused(fci in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(feedback) = Feedback::parse(&fci) {
                let mut told = 0;
                feedback.each(|s| told += match s {
                    Status::Missing { count, .. } => u32::from(count),
                    Status::Arrived { .. } => 1,
                });
                prop_assert_eq!(told, u32::from(feedback.count));
                prop_assert!(told <= u32::from(MOST_STATUSES));
            }
        }
    }
}
