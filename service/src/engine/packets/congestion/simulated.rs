//! A bottleneck, receivers with feedback, and senders as the engine is one: everything from a seed.
//!
//! A sender has sound of 44 kbit/s and one video with three layers, of which it sends the one that
//! fits the estimate, by the rules of `bandwidth.rs` made small. A receiver decodes as a browser
//! does: a frame is shown when it is whole and the one before it was, or when it is a key frame.

mod receiver;
mod sender;

use std::time::Instant;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub(super) use receiver::report;
use sender::{peer_lost, Incoming, Outgoing};
pub(super) use sender::{Peer, SOUND};

use super::Micros;

pub(super) const MS: Micros = 1_000;
pub(super) const SECOND: Micros = 1_000_000;

/// The way from the senders to their receivers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path {
    /// Bits per second.
    pub rate: u64,
    /// What does not leave within this time is dropped on arrival.
    pub queue: Micros,
    /// One way.
    pub delay: Micros,
    /// Added to the delay evenly, up to this; packets keep their order.
    pub jitter: Micros,
    pub loss: f64,
    /// Feedback passes, and comes so often: libwebrtc's default is 100 ms, between 50 and 250.
    pub feedback: bool,
    pub feedback_every: Micros,
}

impl Default for Path {
    fn default() -> Self {
        Self {
            rate: 5_000_000,
            queue: 300 * MS,
            delay: 20 * MS,
            jitter: 0,
            loss: 0.0,
            feedback: true,
            feedback_every: 100 * MS,
        }
    }
}

pub(super) struct World {
    pub path: Path,
    pub peers: Vec<Peer>,
    now: Micros,
    /// When the bottleneck is free again.
    free: Micros,
    /// The latest arrival: jitter does not reorder.
    latest: Micros,
    random: StdRng,
}

impl World {
    pub fn new(path: Path, peers: usize, seed: u64) -> Self {
        let start = Instant::now();
        Self {
            path,
            peers: (0..peers).map(|_| Peer::new(start)).collect(),
            now: 0,
            free: 0,
            latest: 0,
            random: StdRng::seed_from_u64(seed),
        }
    }

    pub fn run_until(&mut self, end: Micros) {
        while self.now < end {
            self.now += MS;
            for n in 0..self.peers.len() {
                self.turn(n);
            }
        }
    }

    /// The bottleneck stands still for so long.
    pub fn stall(&mut self, time: Micros) {
        self.free = self.free.max(self.now) + time;
    }

    fn turn(&mut self, n: usize) {
        let now = self.now;
        let peer = &mut self.peers[n];
        peer.capture(now, &mut self.random);
        peer.told(now);
        let at = peer.at(now);
        if peer.congestion.due().is_some_and(|due| due <= at) {
            peer.congestion.tick(at);
            if let Some(probe) = peer.congestion.probe(at) {
                let over = probe.over.as_micros() as Micros;
                for n in 0..probe.packets as i64 {
                    let at = now + over * n / probe.packets as i64;
                    peer.put(at, probe.bytes / probe.packets, None, Some(probe.id));
                }
            }
        }
        if now % (50 * MS) == 0 {
            peer.allocate(now);
            peer.unstick(now);
            let estimate = peer.congestion.estimate().unwrap_or(0);
            peer.estimates.push((now, estimate));
        }
        let mut due: Vec<_> = peer.outgoing.extract_if(.., |o| o.at <= now).collect();
        due.sort_by_key(|o| o.at);
        due.into_iter().for_each(|packet| self.send(n, packet));
        self.receive(n);
    }

    fn send(&mut self, n: usize, packet: Outgoing) {
        let (now, path) = (self.now, self.path);
        let peer = &mut self.peers[n];
        let (seq, at) = (peer.seq, peer.at(now));
        peer.seq += 1;
        peer.congestion
            .sent(seq as u16, packet.bytes, packet.probe, at);
        let dropped = self.free - now > path.queue;
        if !dropped {
            let takes = packet.bytes as i64 * 8 * SECOND / path.rate as i64;
            self.free = self.free.max(now) + takes;
        }
        if dropped || self.random.random_bool(path.loss) {
            return peer_lost(peer, packet, now + 2 * path.delay + 20 * MS);
        }
        peer.retransmit = (peer.retransmit + packet.bytes as f64 * 0.15).min(10_000.0);
        let jitter = self.random.random_range(0..=path.jitter);
        self.latest = self.latest.max(self.free + path.delay + jitter);
        peer.incoming.push_back(Incoming {
            at: self.latest,
            seq: seq as u16,
            packet,
        });
    }

    fn receive(&mut self, n: usize) {
        let (now, path) = (self.now, self.path);
        let peer = &mut self.peers[n];
        while let Some(incoming) = peer.incoming.pop_front_if(|i| i.at <= now) {
            // Extend the number: the receiver knows as much.
            let behind = (peer.seq as u16).wrapping_sub(incoming.seq);
            let seq = peer.seq - u64::from(behind);
            peer.receiver.arrivals.insert(seq, incoming.at / 250 * 250);
            if incoming.packet.probe.is_none() {
                peer.delivered += incoming.packet.bytes as u64 * 8;
            }
            if let Some(piece) = incoming.packet.piece {
                peer.receiver.piece(piece, incoming.at);
            }
        }
        if let Some(report) = peer.receiver.report(path.feedback_every, now) {
            if path.feedback {
                peer.feedback.push_back((now + path.delay, report));
            }
        }
    }
}
