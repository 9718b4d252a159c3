//! Data messages: relayed by grant, with the sender set here and not by the client (S3).
//!
//! A sender numbers its reliable messages. What it repeats after a resume is relayed once; what a
//! receiver missed meanwhile is sent again from a bounded memory, and the numbers let its client
//! drop what it had.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use livekit_protocol as lk;
use prost::Message as _;

use super::Locked;
use crate::clock;
use crate::engine::packets::command::{Command, SessionId};
use crate::engine::packets::negotiate::{LOSSY, RELIABLE};

/// The largest message that is relayed; LiveKit's clients split at 15 KB.
pub(crate) const MAX_MESSAGE: usize = 64 * 1024;
/// What is remembered of one sender, in bytes and in time: more than a connection's own buffer
/// holds back while it is away, for as long as a participant may be.
const MAX_REMEMBERED: usize = 256 * 1024;
const REMEMBERED: Duration = Duration::from_secs(60);
/// Receivers that one message may name: everybody in the largest meeting, twice.
const MAX_TARGETS: usize = 2048;

/// A participant's reliable messages in its present room.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// The number of the last one; numbers begin at 1.
    last: u32,
    recent: VecDeque<Recent>,
    bytes: usize,
}

#[derive(Debug)]
struct Recent {
    sequence: u32,
    at: Instant,
    targets: Vec<String>,
    bytes: Vec<u8>,
}

impl Sent {
    pub fn last(&self) -> u32 {
        self.last
    }

    /// False for one that came before.
    fn takes(&mut self, sequence: u32) -> bool {
        let new = sequence == 0 || sequence > self.last;
        if new {
            self.last = self.last.max(sequence);
        }
        new
    }

    fn remember(&mut self, sequence: u32, targets: &[String], bytes: &[u8], now: Instant) {
        self.bytes += bytes.len();
        self.recent.push_back(Recent {
            sequence,
            at: now,
            targets: targets.to_vec(),
            bytes: bytes.to_vec(),
        });
        while let Some(oldest) = self.recent.front() {
            let old = now.saturating_duration_since(oldest.at) > REMEMBERED;
            if !old && self.bytes <= MAX_REMEMBERED {
                break;
            }
            self.bytes -= oldest.bytes.len();
            self.recent.pop_front();
        }
    }

    /// Messages after a number, for somebody who has been in the room since then.
    fn missed(&self, by: &str, after: u32, since: Instant) -> Vec<Vec<u8>> {
        let meant = |r: &&Recent| {
            r.sequence > after
                && r.at >= since
                && (r.targets.is_empty() || r.targets.iter().any(|t| t == by))
        };
        let missed = self.recent.iter().filter(meant);
        missed.map(|r| r.bytes.clone()).collect()
    }

    /// What was said in a room stays there (S14); the numbers go on.
    pub fn moved(&mut self) {
        self.recent.clear();
        self.bytes = 0;
    }
}

impl Locked<'_> {
    pub fn relay_data(&mut self, session: SessionId, label: &str, bytes: &[u8]) {
        if bytes.len() > MAX_MESSAGE || (label != RELIABLE && label != LOSSY) {
            return;
        }
        let Some(sid) = self.sessions.get(&session).cloned() else {
            return;
        };
        let Some(sender) = self
            .participants
            .get_mut(&sid)
            .filter(|p| p.grants.publish_data)
        else {
            return;
        };
        let Ok(mut packet) = lk::DataPacket::decode(bytes) else {
            return;
        };
        packet.participant_identity.clone_from(&sender.identity);
        packet.participant_sid.clone_from(&sender.sid);
        let mut targets = std::mem::take(&mut packet.destination_identities);
        targets.truncate(MAX_TARGETS);
        let bytes = packet.encode_to_vec();
        if label == RELIABLE {
            if !sender.sent.takes(packet.sequence) {
                return;
            }
            if packet.sequence > 0 {
                let now = clock::now();
                sender.sent.remember(packet.sequence, &targets, &bytes, now);
            }
        }
        self.relay(&sid, label, &targets, &bytes);
    }

    fn relay(&self, from: &str, label: &str, targets: &[String], bytes: &[u8]) {
        let Some(sender) = self.participants.get(from) else {
            return;
        };
        for other in self.others(from) {
            let Some(receiver) = self.participants.get(&other) else {
                continue;
            };
            let named = targets.is_empty() || targets.contains(&receiver.identity);
            if named && self.sees(receiver, sender) {
                self.send_data(&other, label, bytes.to_vec());
            }
        }
    }

    /// Send a participant that came back what it missed: for each sender the messages after the
    /// last that it had.
    pub fn replay_data(&self, sid: &str, had: &[lk::DataChannelReceiveState]) {
        let Some(receiver) = self.participants.get(sid) else {
            return;
        };
        for other in self.others(sid) {
            let Some(sender) = self.participants.get(&other) else {
                continue;
            };
            if !self.sees(receiver, sender) {
                continue;
            }
            let state = had.iter().find(|s| s.publisher_sid == other);
            let after = state.map_or(0, |s| s.last_seq);
            let missed = sender
                .sent
                .missed(&receiver.identity, after, receiver.entered);
            for bytes in missed {
                self.send_data(sid, RELIABLE, bytes);
            }
        }
    }

    pub fn send_data(&self, sid: &str, label: &str, bytes: Vec<u8>) {
        let Some(receiver) = self.participants.get(sid) else {
            return;
        };
        let session = receiver.receiver();
        self.rooms.command(
            session.worker,
            Command::Data {
                id: session.id,
                label: label.to_owned(),
                bytes,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(count: u32, size: usize, now: Instant) -> Sent {
        let mut sent = Sent::default();
        for sequence in 1..=count {
            assert!(sent.takes(sequence));
            sent.remember(sequence, &[], &vec![sequence as u8; size], now);
        }
        sent
    }

    #[test]
    fn a_message_that_is_repeated_is_taken_once() {
        let mut sent = sent(3, 1, Instant::now());
        assert!(!sent.takes(3) && !sent.takes(1));
        assert!(sent.takes(4));
        // Older clients do not number.
        assert!(sent.takes(0) && sent.takes(0));
    }

    #[test]
    fn who_comes_back_gets_what_came_after_its_last() {
        let now = Instant::now();
        let mut sent = sent(3, 1, now);
        sent.takes(4);
        sent.remember(4, &["bob".to_owned()], &[4], now);
        assert_eq!(sent.missed("ada", 1, now), [[2], [3]]);
        assert_eq!(sent.missed("bob", 2, now), [[3], [4]]);
        // Who came into the room afterwards has missed nothing.
        let later = now + Duration::from_secs(1);
        assert!(sent.missed("bob", 0, later).is_empty());
        sent.moved();
        assert!(sent.missed("bob", 0, now).is_empty());
        assert_eq!(sent.last(), 4);
    }

    #[test]
    fn the_memory_is_bounded_in_bytes_and_in_time() {
        let now = Instant::now();
        let mut sent = sent(100, MAX_MESSAGE, now);
        assert!(sent.bytes <= MAX_REMEMBERED);
        assert_eq!(
            sent.missed("ada", 0, now).len(),
            MAX_REMEMBERED / MAX_MESSAGE
        );
        let later = now + REMEMBERED + Duration::from_secs(1);
        sent.remember(101, &[], &[1], later);
        assert_eq!(sent.missed("ada", 0, now), [[1]]);
        assert_eq!(sent.bytes, 1);
    }
}
