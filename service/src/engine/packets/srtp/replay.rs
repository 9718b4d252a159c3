//! Which SRTCP packets have come already (RFC 3711 3.3.2): a copy that somebody sends again is to
//! have no effect, be it a request for a key frame.

/// Senders remembered. A browser has one SSRC for each of its sending sections and one for all
/// receiving ones; of those that are not remembered copies are taken.
const SENDERS: usize = 256;

/// One sender's packets: the highest, and which of those before it were seen.
#[derive(Debug, Clone, Copy)]
struct Sender {
    ssrc: u32,
    highest: u32,
    /// Bit n is the packet n before the highest.
    seen: u128,
}

#[derive(Debug, Default)]
pub(super) struct Replay(Vec<Sender>);

impl Replay {
    /// Whether a packet was not there before, as far as that is known: what is older than the
    /// window is not new.
    pub fn is_new(&self, ssrc: u32, index: u32) -> bool {
        let Some(sender) = self.0.iter().find(|s| s.ssrc == ssrc) else {
            return true;
        };
        match sender.highest.checked_sub(index) {
            None => true,
            Some(behind) => behind < u128::BITS && sender.seen >> behind & 1 == 0,
        }
    }

    /// Take note of an authentic packet.
    pub fn seen(&mut self, ssrc: u32, index: u32) {
        let at = match self.0.iter().position(|s| s.ssrc == ssrc) {
            Some(at) => at,
            None => {
                if self.0.len() == SENDERS {
                    self.0.remove(0);
                }
                self.0.push(Sender {
                    ssrc,
                    highest: index,
                    seen: 0,
                });
                self.0.len() - 1
            }
        };
        let sender = &mut self.0[at];
        if index > sender.highest {
            let ahead = index - sender.highest;
            sender.seen = sender.seen.checked_shl(ahead).unwrap_or(0);
            sender.highest = index;
        }
        let behind = sender.highest - index;
        sender.seen |= 1u128.checked_shl(behind).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_new_once_in_any_order() {
        let mut replay = Replay::default();
        for index in [0, 5, 3, 4, 200, 100, 199] {
            assert!(replay.is_new(7, index), "{index}");
            replay.seen(7, index);
            assert!(!replay.is_new(7, index), "{index}");
        }
        assert!(replay.is_new(7, 101));
        assert!(!replay.is_new(7, 6), "too old to know");
        assert!(replay.is_new(8, 5), "another sender");
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut replay = Replay::default();
        (0..10_000).for_each(|ssrc| replay.seen(ssrc, 1));
        assert_eq!(replay.0.len(), SENDERS);
        assert!(!replay.is_new(9_999, 1));
    }
}
