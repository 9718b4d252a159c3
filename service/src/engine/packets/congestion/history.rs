//! What was sent of late, and what became of it.

use super::Micros;

/// Where a session begins: a second of sound and a small picture.
const LEAST: usize = 256;
/// The most that is remembered: two seconds of 40 Mbit/s. Feedback that is later than that says
/// nothing about now.
pub(super) const MOST: usize = 8_192;
/// A packet that was not told of is worth its place for so long.
const KEPT: Micros = 2_000_000;

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// There was no such packet.
    Unknown,
    Underway,
    /// The receiver said that it has not come.
    Missing,
    Arrived {
        at: Micros,
    },
}

/// What a packet was sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Media,
    /// Media that may wait behind a probe: its delay is of our own making.
    Shadowed,
    Probe,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    pub sent: Micros,
    pub bytes: u16,
    pub seq: u16,
    pub fate: Fate,
    pub role: Role,
}

impl Packet {
    const NONE: Self = Self {
        sent: 0,
        bytes: 0,
        seq: 0,
        fate: Fate::Unknown,
        role: Role::Media,
    };

    pub fn bits(&self) -> u64 {
        u64::from(self.bytes) * 8
    }
}

/// A ring, indexed by the packets' numbers. It grows with the rate up to [`MOST`], then forgets.
#[derive(Debug)]
pub(super) struct History {
    packets: Box<[Packet]>,
}

impl History {
    pub fn new() -> Self {
        Self {
            packets: vec![Packet::NONE; LEAST].into(),
        }
    }

    fn slot(&self, seq: u16) -> usize {
        usize::from(seq) & (self.packets.len() - 1)
    }

    pub fn insert(&mut self, packet: Packet) {
        let old = &self.packets[self.slot(packet.seq)];
        let needed = old.fate == Fate::Underway && packet.sent - old.sent < KEPT;
        if needed && old.seq != packet.seq && self.packets.len() < MOST {
            self.grow();
        }
        self.packets[self.slot(packet.seq)] = packet;
    }

    fn grow(&mut self) {
        let larger = vec![Packet::NONE; self.packets.len() * 2].into();
        let smaller = std::mem::replace(&mut self.packets, larger);
        for packet in smaller.iter().filter(|p| p.fate != Fate::Unknown) {
            self.packets[self.slot(packet.seq)] = *packet;
        }
    }

    pub fn get_mut(&mut self, seq: u16) -> Option<&mut Packet> {
        let slot = self.slot(seq);
        let packet = &mut self.packets[slot];
        (packet.seq == seq && packet.fate != Fate::Unknown).then_some(packet)
    }

    pub fn get(&self, seq: u16) -> Option<&Packet> {
        let packet = &self.packets[self.slot(seq)];
        (packet.seq == seq && packet.fate != Fate::Unknown).then_some(packet)
    }

    /// Those of a run of numbers that are known. A run that is longer than the ring costs no more
    /// than the ring (S11).
    pub fn each_of(&mut self, from: u16, count: u16, mut of: impl FnMut(&mut Packet)) {
        if usize::from(count) < self.packets.len() {
            let run = (0..count).map(|n| from.wrapping_add(n));
            run.for_each(|seq| self.get_mut(seq).into_iter().for_each(&mut of));
            return;
        }
        let known = self.packets.iter_mut().filter(|p| p.fate != Fate::Unknown);
        let within = known.filter(|p| p.seq.wrapping_sub(from) < count);
        within.for_each(of);
    }

    /// From this packet back through those that were sent before it.
    pub fn back_from(&self, seq: u16) -> impl Iterator<Item = &Packet> {
        (0..self.packets.len() as u16).map_while(move |n| self.get(seq.wrapping_sub(n)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(seq: u16, sent: Micros) -> Packet {
        Packet {
            sent,
            seq,
            bytes: 1_000,
            fate: Fate::Underway,
            role: Role::Media,
        }
    }

    #[test]
    fn it_grows_while_packets_are_underway_and_not_beyond_its_bound() {
        let mut history = History::new();
        for n in 0..20_000u32 {
            history.insert(packet(n as u16, Micros::from(n)));
        }
        assert_eq!(history.packets.len(), MOST);
        assert_eq!(history.back_from(19_999).count(), MOST);
        assert!(history.get(19_999 - MOST as u16).is_none());

        let mut slow = History::new();
        for n in 0..5_000u32 {
            slow.insert(packet(n as u16, Micros::from(n) * 20_000));
        }
        assert_eq!(slow.packets.len(), LEAST);
    }

    #[test]
    fn a_run_is_found_however_long() {
        let mut history = History::new();
        (65_500..65_600u32).for_each(|n| history.insert(packet(n as u16, 0)));
        for (from, count, known) in [(65_490, 20, 10), (65_530, 10, 10), (65_530, 8_000, 70)] {
            let mut found = 0;
            history.each_of(from, count, |_| found += 1);
            assert_eq!(found, known, "{count} from {from}");
        }
    }

    #[test]
    fn numbers_wrap() {
        let mut history = History::new();
        for n in 0..70_000u32 {
            history.insert(packet(n as u16, Micros::from(n) * 20_000));
        }
        let newest = 69_999u32 as u16;
        let sent: Vec<_> = history.back_from(newest).map(|p| p.sent / 20_000).collect();
        assert!(sent.windows(2).all(|w| w[0] == w[1] + 1));
        assert_eq!(sent.len(), LEAST);
    }
}
