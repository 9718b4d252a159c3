//! The pictures of a published track since its last key frame, kept while somebody is expected in its
//! room: who comes sees it at once, instead of when its publisher has captured and encoded another key
//! frame.
//!
//! Of the smallest layer alone, and of little of it: a key frame is asked for every [`RENEWAL`], and
//! what grows beyond [`MAX_BYTES`] before is forgotten. Sound is never kept, and nothing of another room
//! or of before a mute (S14). No clock and no I/O.

use std::time::{Duration, Instant};

use super::forward::Forward;

/// How old a key frame gets before another one is asked for. It costs the publisher's other receivers
/// some quality, for encoders make one of each layer.
const RENEWAL: Duration = Duration::from_millis(1_500);
/// What a path of a megabit per second takes in a third of a second; the smallest layer of a camera has
/// 28,000 bytes in [`RENEWAL`], and its key frame some thousand.
const MAX_BYTES: usize = 40 * 1024;
const MAX_PACKETS: usize = 128;

#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Nobody is expected after this.
    until: Option<Instant>,
    asked: Option<Instant>,
    /// By their numbers, the first packet of a key frame first.
    packets: Vec<Forward>,
    bytes: usize,
}

impl Memory {
    /// Somebody may come until then.
    pub fn expect(&mut self, until: Instant) {
        self.until = self.until.max(Some(until));
    }

    /// Whether a key frame is to be asked for now.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let Some(until) = self.until else {
            return false;
        };
        if until <= now {
            *self = Self::default();
            return false;
        }
        let since = self.asked.map(|at| now.saturating_duration_since(at));
        let due = since.is_none_or(|since| since >= RENEWAL);
        if due {
            self.asked = Some(now);
        }
        due
    }

    /// Take note of a packet that goes on.
    pub fn keep(&mut self, packet: &Forward) {
        let head = &packet.head;
        if self.until.is_none() || head.layer.spatial != 0 || head.nested.is_some() {
            return;
        }
        let first = self.packets.first().map(|p| &p.head);
        let known = first.is_some_and(|f| f.stream == head.stream);
        let newer = first.is_some_and(|f| f.seq < head.seq);
        match head.starts_keyframe {
            true if !known || newer => self.forget(),
            false if known && newer => {}
            _ => return,
        }
        let at = self.packets.partition_point(|p| p.head.seq < head.seq);
        self.packets.insert(at, packet.clone());
        self.bytes += packet.payload.len();
        if self.bytes > MAX_BYTES || self.packets.len() > MAX_PACKETS {
            self.forget();
        }
    }

    /// What came before is not for who comes now.
    pub fn forget(&mut self) {
        self.packets = Vec::new();
        self.bytes = 0;
    }

    /// What was kept, if nothing of it is missing, as if it had been captured right before the newest:
    /// a tick between two pictures, so that all of them are shown at once and the newest in its time.
    pub fn recall(&self) -> Vec<Forward> {
        let (Some(first), Some(last)) = (self.packets.first(), self.packets.last()) else {
            return Vec::new();
        };
        if last.head.seq - first.head.seq + 1 != self.packets.len() as u64 {
            return Vec::new();
        }
        let (mut time, mut behind) = (last.head.time, 0);
        let mut recalled = self.packets.clone();
        for packet in recalled.iter_mut().rev() {
            behind += u32::from(packet.head.time != time);
            time = packet.head.time;
            packet.head.time = last.head.time.wrapping_sub(behind);
            packet.captured = last.captured;
            packet.recalled = true;
        }
        recalled
    }
}
