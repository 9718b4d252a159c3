//! Which SRTCP packets have come already (RFC 3711 3.3.2): a copy that somebody sends again is to
//! have no effect, be it a request for a key frame.

use crate::engine::packets::window::Window;

/// Senders remembered. A browser has one SSRC for each of its sending sections and one for all
/// receiving ones; of those that are not remembered copies are taken.
const SENDERS: usize = 256;

/// By SSRC, the indexes of the latest 128.
#[derive(Debug, Default)]
pub(super) struct Replay(Vec<(u32, Window<2>)>);

impl Replay {
    /// Whether a packet was not there before, as far as that is known: what is older than the
    /// window is not new.
    pub fn is_new(&self, ssrc: u32, index: u32) -> bool {
        let sender = self.0.iter().find(|(sender, _)| *sender == ssrc);
        sender.is_none_or(|(_, window)| window.is_new(u64::from(index)))
    }

    /// Take note of an authentic packet.
    pub fn seen(&mut self, ssrc: u32, index: u32) {
        let known = self.0.iter().position(|(sender, _)| *sender == ssrc);
        let at = known.unwrap_or_else(|| {
            if self.0.len() == SENDERS {
                self.0.remove(0);
            }
            self.0.push((ssrc, Window::default()));
            self.0.len() - 1
        });
        self.0[at].1.take(u64::from(index));
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
