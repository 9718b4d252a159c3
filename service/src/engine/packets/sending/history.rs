//! Packets that were sent, for receivers who lost them (RFC 4588). Payloads are shared with all
//! receivers of a track, so remembering them costs a reference.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::patch::Patch;
use crate::engine::packets::dependency::Encoded;

/// About a second of video at 8 Mbit/s.
const PACKETS: usize = 1000;
const AGE: Duration = Duration::from_secs(3);
/// Above this share of retransmissions of late more of them make a full path worse. The bandwidth
/// estimate counts them, too, so this is the last resort: a small layer's key frame is a good part
/// of a second's bytes, and without its lost packets nothing is seen.
const RATIO: (u64, u64) = (1, 2);
/// What "of late" is: this long, and as much before.
const LATE: Duration = Duration::from_millis(500);
/// A receiver that asks for the same packet again so soon has not waited for it.
const REPEAT: Duration = Duration::from_millis(5);

/// A packet as it was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub seq: u64,
    pub time: u32,
    pub marker: bool,
    pub rtx_payload_type: u8,
    pub payload: Arc<[u8]>,
    pub patch: Patch,
    pub orientation: Option<u8>,
    pub dependency: Option<Encoded>,
    pub at: Instant,
    pub resent: Option<Instant>,
}

/// Bytes of one kind and the other in a stretch of time.
#[derive(Debug, Default, Clone, Copy)]
struct Bytes {
    sent: u64,
    resent: u64,
}

#[derive(Debug, Default)]
pub(super) struct History {
    /// In order of their numbers.
    packets: VecDeque<Sent>,
    now: Bytes,
    before: Bytes,
    since: Option<Instant>,
}

impl History {
    /// Remember a packet, and forget the oldest.
    pub fn remember(&mut self, packet: Sent) {
        self.turn(packet.at);
        self.now.sent += packet.payload.len() as u64;
        while self.packets.front().is_some_and(|oldest| {
            self.packets.len() >= PACKETS || packet.at.saturating_duration_since(oldest.at) > AGE
        }) {
            self.packets.pop_front();
        }
        match self.packets.back() {
            Some(newest) if newest.seq > packet.seq => {
                let place = self.packets.partition_point(|p| p.seq < packet.seq);
                self.packets.insert(place, packet);
            }
            _ => self.packets.push_back(packet),
        }
    }

    /// The packet with this number, if it may be sent again.
    pub fn again(&mut self, seq: u16, now: Instant) -> Option<&Sent> {
        self.turn(now);
        let (sent, resent) = (
            self.now.sent + self.before.sent,
            self.now.resent + self.before.resent,
        );
        if resent * RATIO.1 > (sent + resent) * RATIO.0 {
            return None;
        }
        let number = self.extend(seq)?;
        let place = self.packets.binary_search_by_key(&number, |p| p.seq).ok()?;
        let packet = &mut self.packets[place];
        let since = |at: Instant| now.saturating_duration_since(at);
        if since(packet.at) > AGE || packet.resent.is_some_and(|at| since(at) < REPEAT) {
            return None;
        }
        packet.resent = Some(now);
        self.now.resent += packet.payload.len() as u64;
        Some(packet)
    }

    /// The newest packet no larger than this, to make up for something that has to be sent.
    pub fn newest(&self, most: usize, now: Instant) -> Option<&Sent> {
        let newest = self.packets.iter().rev().take(16);
        let fresh = |p: &&Sent| now.saturating_duration_since(p.at) < AGE;
        let fits = |p: &&Sent| p.payload.len() <= most;
        newest.filter(fresh).find(fits)
    }

    /// Nothing of before is ever sent again (S14); what comes is measured anew.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// A number of 16 bits is the nearest to the newest packet's.
    fn extend(&self, seq: u16) -> Option<u64> {
        let newest = self.packets.back()?.seq;
        let behind = (newest as u16).wrapping_sub(seq);
        newest.checked_sub(u64::from(behind))
    }

    fn turn(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let passed = now.saturating_duration_since(since);
        if passed < LATE {
            return;
        }
        self.before = match passed < 2 * LATE {
            true => self.now,
            false => Bytes::default(),
        };
        self.now = Bytes::default();
        self.since = Some(now);
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // any time is good to begin a test with
mod tests {
    use super::*;

    fn packet(seq: u64, at: Instant) -> Sent {
        Sent {
            seq,
            time: 0,
            marker: false,
            rtx_payload_type: 97,
            payload: Arc::from([0; 100]),
            patch: Patch::default(),
            orientation: None,
            dependency: None,
            at,
            resent: None,
        }
    }

    #[test]
    fn a_packet_is_found_by_the_low_bits_of_its_number() {
        let start = Instant::now();
        let mut history = History::default();
        for seq in [65_530, 65_537, 65_535, 65_536, 65_540] {
            history.remember(packet(seq, start));
        }
        for seq in [65_530u64, 65_535, 65_536, 65_540] {
            let found = history.again(seq as u16, start).map(|p| p.seq);
            assert_eq!(found, Some(seq));
        }
        assert!(history.again(2, start).is_none(), "never sent");
        assert!(history.again(4, start).is_none(), "just sent again");
    }

    #[test]
    fn what_is_old_or_too_much_is_not_sent_again() {
        let start = Instant::now();
        let mut history = History::default();
        (0..2 * PACKETS as u64).for_each(|seq| history.remember(packet(seq, start)));
        assert_eq!(history.packets.len(), PACKETS);
        let late = start + AGE + Duration::from_millis(1);
        assert!(history.again(1_999, late).is_none());
        history.forget();
        // Ten are sent, and asked for over and over.
        (0..10).for_each(|seq| history.remember(packet(seq, late)));
        let asked = (0..1_000).filter(|n| {
            let at = late + Duration::from_millis(n / 10 * 5);
            history.again((n % 10) as u16, at).is_some()
        });
        assert_eq!(asked.take(100).count(), 11, "as much again, and no more");
    }

    /// S14.
    #[test]
    fn what_was_before_a_cut_is_forgotten() {
        let start = Instant::now();
        let mut history = History::default();
        history.remember(packet(5, start));
        history.forget();
        assert!(history.again(5, start).is_none());
        assert!(history.newest(1_000, start).is_none());
    }
}
