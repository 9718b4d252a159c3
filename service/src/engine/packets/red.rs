//! Redundant sound (RFC 2198): what of a RED payload decides who gets it, and how the sound itself is
//! taken out for who has no RED.
//!
//! A packet repeats earlier ones. What it repeats must not reach further back than the source does at its
//! receiver: before a cut there was another room, or a mute (S14). Such a packet is sent without it.

use std::cell::OnceCell;
use std::sync::Arc;

/// The farthest that a block can lie back: its offset has 14 bits.
const REACH: u32 = 0x3fff;
/// libwebrtc's receiver takes no more either; its sender makes one or two.
const MAX_BLOCKS: usize = 32;

/// Where things are in a RED payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Red {
    /// Where the newest sound, which is no repetition, begins.
    primary: usize,
    /// How far the oldest repetition lies back, in ticks of the RTP clock; 0 without any.
    pub reach: u32,
    /// Payload type of the newest sound: that of Opus, as the publisher numbers it.
    pub payload_type: u8,
    /// What it repeats may be sent on.
    pub whole: bool,
    /// The newest sound alone, once somebody needs it.
    stripped: OnceCell<Arc<[u8]>>,
}

impl Red {
    /// `None` for what is no RED, for one without sound of its own, and for one that holds anything of
    /// another payload type than the one negotiated for the sound.
    pub fn parse(payload: &[u8], payload_type: u8) -> Option<Self> {
        let (mut at, mut repeated, mut reach) = (0, 0, 0);
        for _ in 0..=MAX_BLOCKS {
            let first = *payload.get(at)?;
            if first & 0x7f != payload_type {
                return None;
            }
            if first & 0x80 == 0 {
                let primary = at + 1 + repeated;
                return (primary < payload.len()).then(|| Self {
                    primary,
                    reach,
                    payload_type,
                    whole: true,
                    stripped: OnceCell::new(),
                });
            }
            let [_, high, middle, low] = payload.get(at..at + 4)? else {
                return None;
            };
            reach = reach.max(u32::from(*high) << 6 | u32::from(*middle) >> 2);
            repeated += usize::from(*middle & 3) << 8 | usize::from(*low);
            at += 4;
        }
        None
    }

    /// The newest sound alone. Copied for the first receiver of a worker that needs it, shared by all
    /// others there.
    pub fn stripped(&self, payload: &[u8]) -> Arc<[u8]> {
        let strip = || payload.get(self.primary..).unwrap_or_default().into();
        self.stripped.get_or_init(strip).clone()
    }
}

/// From when on a source's sound may be heard.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// Its first packet is still to come.
    #[default]
    Next,
    /// Its first packet had this RTP time.
    Time(u32),
    /// So long that nothing can reach back before it.
    Long,
}

impl Since {
    /// Whether all that a packet of this time repeats is from then on.
    pub fn covers(&mut self, time: u32, reach: u32) -> bool {
        let since = match *self {
            Self::Next => time,
            Self::Time(since) => since,
            Self::Long => return true,
        };
        // Negative for one that was sent before the first.
        let age = time.wrapping_sub(since).cast_signed();
        *self = match age > REACH.cast_signed() {
            true => Self::Long,
            false => Self::Time(since),
        };
        age >= reach.cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPUS: u8 = 111;

    /// Repetitions (how far back, what), then the sound itself.
    fn red(repeated: &[(u32, &[u8])], sound: &[u8]) -> Vec<u8> {
        let mut payload = Vec::new();
        for (back, block) in repeated {
            let field = back << 10 | block.len() as u32;
            payload.push(0x80 | OPUS);
            payload.extend(&field.to_be_bytes()[1..]);
        }
        payload.push(OPUS);
        repeated
            .iter()
            .for_each(|(_, block)| payload.extend(*block));
        payload.extend(sound);
        payload
    }

    #[test]
    fn the_sound_itself_is_taken_out() {
        for repeated in [
            &[][..],
            &[(960, &b"before"[..])],
            &[(1_920, b"long before"), (960, b"")],
        ] {
            let payload = red(repeated, b"now");
            let read = Red::parse(&payload, OPUS).expect("RED");
            assert_eq!(&*read.stripped(&payload), b"now");
            let reach = repeated.iter().map(|(back, _)| *back).max();
            assert_eq!(read.reach, reach.unwrap_or(0));
            assert_eq!((read.payload_type, read.whole), (OPUS, true));
        }
    }

    #[test]
    fn what_is_cut_off_is_no_red() {
        let payload = red(&[(960, b"before"), (480, b"just before")], b"now");
        // Down to the sound itself nothing is whole; of the sound the first byte is enough.
        for length in 0..payload.len() - 2 {
            assert_eq!(Red::parse(&payload[..length], OPUS), None, "{length}");
        }
        assert_eq!(Red::parse(&payload, 0), None, "comfort noise, say");
        assert_eq!(
            Red::parse(&[0x80 | OPUS; 200], OPUS),
            None,
            "headers without end"
        );
    }

    #[test]
    fn nothing_reaches_back_before_the_first_packet() {
        let mut since = Since::default();
        let start = u32::MAX - 900;
        assert!(
            !since.covers(start, 960),
            "the first repeats what was before"
        );
        assert!(since.covers(start, 0));
        assert!(!since.covers(start.wrapping_add(960), 1_920));
        assert!(since.covers(start.wrapping_add(960), 960));
        assert!(
            !since.covers(start.wrapping_sub(960), 0),
            "late, from before"
        );
        assert!(since.covers(start.wrapping_add(REACH + 1), REACH));
        // Half a day later the numbers are the same as before the beginning.
        assert!(since.covers(start.wrapping_sub(960), 960));
    }

    proptest! {
        #[test]
        fn nothing_that_arrives_makes_it_fail(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            let payload_type = payload.first().map_or(0, |b| b & 0x7f);
            if let Some(read) = Red::parse(&payload, payload_type) {
                let sound = read.stripped(&payload);
                prop_assert!(!sound.is_empty() && payload.ends_with(&sound));
                prop_assert!(read.reach <= REACH);
            }
        }
    }
}
