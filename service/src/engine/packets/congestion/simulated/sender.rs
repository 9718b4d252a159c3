//! A sender as the engine is one: sound, and the layer of one video that fits the estimate.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::Rng;

use super::super::{Congestion, ProbeId};
use super::receiver::{Piece, Receiver};
use super::{Micros, MS, SECOND};

pub(in super::super) const SOUND: u64 = 44_000;
const SOUND_EVERY: Micros = 20 * MS;
const SOUND_BYTES: usize = 110;
/// Bits and frames per second.
const LAYERS: [(u64, i64); 3] = [(150_000, 20), (500_000, 30), (1_700_000, 30)];
/// A key frame is as large as so many milliseconds of its layer.
const KEYFRAME: u64 = 250;
/// From asking for a key frame to its first packet.
const KEYFRAME_AFTER: Micros = 60 * MS;
const PACKET: usize = 1_200;
const PAUSE_AFTER: Micros = 800 * MS;
const HOLD: Micros = 2 * SECOND;
const LASTING: Micros = 500 * MS;
/// As `bandwidth.rs` tells it: everything, and a quarter more.
const DESIRED: u64 = (SOUND + LAYERS[2].0) * 5 / 4;

#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Outgoing {
    pub at: Micros,
    pub bytes: usize,
    pub piece: Option<Piece>,
    pub probe: Option<ProbeId>,
}

/// What is on its way to a receiver.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Incoming {
    pub at: Micros,
    pub seq: u16,
    pub packet: Outgoing,
}

/// One sender, its receiver, and what happened.
#[derive(Debug)]
pub(in super::super) struct Peer {
    pub congestion: Congestion,
    pub start: Instant,
    pub seq: u64,
    pub outgoing: Vec<Outgoing>,
    pub incoming: VecDeque<Incoming>,
    pub feedback: VecDeque<(Micros, Vec<u8>)>,
    pub receiver: Receiver,
    pub sound_at: Micros,
    /// The layer that is sent, and the next frame of its run.
    pub current: Option<usize>,
    pub run: u32,
    pub frame: u32,
    pub frame_at: Micros,
    /// A key frame of this layer comes.
    pub keyframe: Option<(usize, Micros)>,
    pub aim: Option<usize>,
    pub short: Option<Micros>,
    pub fell: Micros,
    pub narrowed: Option<Instant>,
    pub sustained: VecDeque<(Micros, u64)>,
    pub retransmit: f64,
    pub estimates: Vec<(Micros, u64)>,
    pub aims: Vec<(Micros, Option<usize>)>,
    pub delivered: u64,
}

impl Peer {
    pub fn new(start: Instant) -> Self {
        let mut congestion = Congestion::new(1_000_000, start);
        congestion.set_desired(DESIRED, start);
        Self {
            congestion,
            start,
            seq: 65_000,
            outgoing: Vec::new(),
            incoming: VecDeque::new(),
            feedback: VecDeque::new(),
            receiver: Receiver::default(),
            sound_at: 0,
            current: None,
            run: 0,
            frame: 0,
            frame_at: 0,
            keyframe: Some((0, 0)),
            aim: Some(0),
            short: None,
            fell: -HOLD,
            narrowed: None,
            sustained: VecDeque::new(),
            retransmit: 0.0,
            estimates: Vec::new(),
            aims: Vec::new(),
            delivered: 0,
        }
    }

    pub fn at(&self, now: Micros) -> Instant {
        self.start + Duration::from_micros(now as u64)
    }

    pub fn capture(&mut self, now: Micros, random: &mut StdRng) {
        if now >= self.sound_at {
            self.sound_at = now + SOUND_EVERY;
            self.put(now, SOUND_BYTES, None, None);
        }
        if let Some((layer, _)) = self.keyframe.filter(|(_, at)| now >= *at) {
            self.keyframe = None;
            (self.current, self.frame_at) = (Some(layer), now);
            (self.run, self.frame) = (self.run + 1, 0);
        }
        let Some(layer) = self.current.filter(|_| now >= self.frame_at) else {
            return;
        };
        let (rate, frames) = LAYERS[layer];
        let every = SECOND / frames;
        self.frame_at += every;
        let (bytes, over) = match self.frame {
            0 => (rate * KEYFRAME / 8_000, 3 * every),
            _ => {
                let usual = rate / frames as u64 / 8;
                (usual * random.random_range(80..120) / 100, every * 2 / 5)
            }
        };
        let of = (bytes as usize).div_ceil(PACKET);
        for n in 0..of as i64 {
            let piece = Piece {
                run: self.run,
                frame: self.frame,
                of,
                tries: 0,
            };
            self.put(
                now + over * n / of as i64,
                bytes as usize / of,
                Some(piece),
                None,
            );
        }
        self.frame += 1;
    }

    pub fn put(&mut self, at: Micros, bytes: usize, piece: Option<Piece>, probe: Option<ProbeId>) {
        self.outgoing.push(Outgoing {
            at,
            bytes,
            piece,
            probe,
        });
    }

    /// What bandwidth.rs does with an estimate, for one video.
    pub fn allocate(&mut self, now: Micros) {
        let estimate = self.congestion.estimate().unwrap_or(u64::MAX);
        self.sustained.push_back((now, estimate));
        while self
            .sustained
            .front()
            .is_some_and(|(at, _)| now - at > LASTING)
        {
            self.sustained.pop_front();
        }
        let least = self.sustained.iter().map(|(_, e)| *e).min().unwrap_or(0);
        let room = |estimate: u64| estimate.saturating_sub(SOUND);
        let fits = |room: u64, spare: u64| LAYERS.iter().rposition(|l| l.0 * spare / 100 <= room);
        let mut granted = fits(room(estimate), 100).min(self.aim);
        if self.aim.is_some() && granted < self.aim {
            self.fell = now;
        }
        if now - self.fell > HOLD {
            granted = granted.max(fits(room(least), 115));
        }
        let paused = self.aim.is_none();
        if granted.is_some() {
            self.short = None;
        } else if !paused && now - *self.short.get_or_insert(now) < PAUSE_AFTER {
            granted = Some(0);
        }
        let narrowed = self.congestion.narrowed();
        let hard = narrowed != self.narrowed;
        self.narrowed = narrowed;
        if granted == self.aim {
            return;
        }
        self.aims.push((now, granted));
        self.aim = granted;
        self.keyframe = granted
            .filter(|g| self.current != Some(*g))
            .map(|g| (g, now + KEYFRAME_AFTER));
        // What waits before the bottleneck is late anyway: nothing is added to it.
        if granted.is_none() || hard && self.current > granted {
            self.current = None;
            self.outgoing.retain(|o| o.piece.is_none());
        }
    }

    pub fn told(&mut self, now: Micros) {
        while let Some((_, fci)) = self.feedback.pop_front_if(|(at, _)| *at <= now) {
            let at = self.at(now);
            self.congestion.feedback(&fci, at).expect("well formed");
            self.allocate(now);
        }
    }

    /// A receiver that cannot go on asks for a key frame.
    pub fn unstick(&mut self, now: Micros) {
        let stalled = self
            .receiver
            .shown
            .last()
            .is_none_or(|at| now - at > 300 * MS);
        if let (true, Some(current), None) = (stalled, self.current, self.keyframe) {
            if self.frame > 10 {
                self.keyframe = Some((current, now + KEYFRAME_AFTER));
            }
        }
    }

    /// The longest time between two pictures, from then to then.
    pub fn freeze(&self, from: Micros, to: Micros) -> Micros {
        let shown = self.receiver.shown.iter().copied();
        let times: Vec<_> = shown.filter(|at| (from..to).contains(at)).collect();
        let gaps = times.windows(2).map(|w| w[1] - w[0]);
        gaps.max().unwrap_or(to - from)
    }

    /// What was aimed at then.
    pub fn aim_at(&self, at: Micros) -> Option<usize> {
        self.aims
            .iter()
            .rfind(|(a, _)| *a <= at)
            .and_then(|(_, aim)| *aim)
    }

    pub fn changes(&self, from: Micros, to: Micros) -> i64 {
        self.aims
            .iter()
            .filter(|(at, _)| (from..to).contains(at))
            .count() as i64
    }

    pub fn range(&self, from: Micros, to: Micros) -> (u64, u64) {
        let within = self
            .estimates
            .iter()
            .filter(|(at, _)| (from..to).contains(at));
        within.fold((u64::MAX, 0), |(least, most), (_, e)| {
            (least.min(*e), most.max(*e))
        })
    }

    pub fn mean(&self, from: Micros, to: Micros) -> u64 {
        let within = self
            .estimates
            .iter()
            .filter(|(at, _)| (from..to).contains(at));
        let (sum, count) = within.fold((0, 0), |(s, c), (_, e)| (s + e, c + 1));
        sum / count.max(1)
    }

    /// How long after `from` the estimate first was so.
    pub fn when(&self, from: Micros, is: impl Fn(u64) -> bool) -> Option<Micros> {
        let after = self.estimates.iter().filter(|(at, _)| *at >= from);
        let found = after.clone().find(|(_, e)| is(*e))?;
        Some(found.0 - from)
    }
}

/// A lost picture packet is sent again when it was asked for, as long as that stays a small share.
pub(super) fn peer_lost(peer: &mut Peer, packet: Outgoing, at: Micros) {
    let Some(piece) = packet.piece.filter(|p| p.tries < 3 && p.run == peer.run) else {
        return;
    };
    if peer.retransmit < packet.bytes as f64 {
        return;
    }
    peer.retransmit -= packet.bytes as f64;
    let piece = Piece {
        tries: piece.tries + 1,
        ..piece
    };
    peer.put(at, packet.bytes, Some(piece), None);
}
