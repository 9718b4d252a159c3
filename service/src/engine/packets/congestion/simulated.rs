//! A bottleneck, receivers with feedback, and senders as the engine is one: everything from a seed.
//!
//! A sender has sound of 44 kbit/s and one video with three layers, of which it sends the one that
//! fits the estimate, by the rules of `bandwidth.rs` made small. A receiver decodes as a browser
//! does: a frame is shown when it is whole and the one before it was, or when it is a key frame.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Congestion, Micros, ProbeId};

pub(super) const MS: Micros = 1_000;
pub(super) const SECOND: Micros = 1_000_000;

pub(super) const SOUND: u64 = 44_000;
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
pub(super) const DESIRED: u64 = (SOUND + LAYERS[2].0) * 5 / 4;

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

/// A packet of a picture: the run of its layer, its frame in that run, and whether the frame is the
/// run's first, which is a key frame.
#[derive(Debug, Clone, Copy)]
struct Piece {
    run: u32,
    frame: u32,
    of: usize,
    tries: u8,
}

#[derive(Debug, Clone, Copy)]
struct Outgoing {
    at: Micros,
    bytes: usize,
    piece: Option<Piece>,
    probe: Option<ProbeId>,
}

/// What is on its way to a receiver.
#[derive(Debug, Clone, Copy)]
struct Incoming {
    at: Micros,
    seq: u16,
    packet: Outgoing,
}

#[derive(Debug, Default)]
struct Receiver {
    arrivals: BTreeMap<u64, Micros>,
    told: u64,
    feedback_at: Micros,
    reports: u8,
    run: u32,
    next: u32,
    frames: BTreeMap<u32, usize>,
    shown: Vec<Micros>,
}

impl Receiver {
    fn piece(&mut self, piece: Piece, now: Micros) {
        if piece.run < self.run {
            return;
        }
        if piece.run > self.run {
            (self.run, self.next) = (piece.run, 0);
            self.frames.clear();
        }
        *self.frames.entry(piece.frame).or_insert(piece.of) -= 1;
        while self.frames.get(&self.next) == Some(&0) {
            self.frames.remove(&self.next);
            self.next += 1;
            self.shown.push(now);
        }
    }

    fn report(&mut self, every: Micros, now: Micros) -> Option<Vec<u8>> {
        if now < self.feedback_at {
            return None;
        }
        self.feedback_at = now + every;
        let last = *self.arrivals.keys().next_back()?;
        // A receive delta has 16 bits.
        let arrivals: Vec<_> = (self.told.max(last.saturating_sub(2_000))..=last)
            .map(|seq| self.arrivals.get(&seq).copied())
            .collect();
        let first = last + 1 - arrivals.len() as u64;
        self.told = last + 1;
        self.arrivals.clear();
        self.reports = self.reports.wrapping_add(1);
        Some(report(first as u16, &arrivals, self.reports))
    }
}

/// Write a feedback packet, behind its SSRCs.
pub(super) fn report(base: u16, arrivals: &[Option<Micros>], number: u8) -> Vec<u8> {
    let mut clock = None;
    let mut symbols = Vec::new();
    let mut deltas = Vec::new();
    let first = arrivals.iter().flatten().next().copied().unwrap_or(0);
    let reference = first.div_euclid(64 * MS);
    for arrival in arrivals {
        let Some(arrival) = arrival else {
            symbols.push(0u16);
            continue;
        };
        let units = arrival.div_euclid(250);
        let delta = units - clock.unwrap_or(reference * 256);
        clock = Some(units);
        match u8::try_from(delta) {
            Ok(small) => {
                symbols.push(1);
                deltas.push(small);
            }
            Err(_) => {
                symbols.push(2);
                deltas.extend((delta.clamp(-32_768, 32_767) as i16).to_be_bytes());
            }
        }
    }
    let mut out = base.to_be_bytes().to_vec();
    out.extend((arrivals.len() as u16).to_be_bytes());
    out.extend(&(reference as u32).to_be_bytes()[1..]);
    out.push(number);
    let mut rest = symbols.as_slice();
    while let Some(first) = rest.first() {
        let run = rest.iter().take_while(|s| *s == first).count().min(0x1fff);
        let (chunk, taken) = if run >= 7 || run == rest.len() {
            (first << 13 | run as u16, run)
        } else if rest.iter().take(14).all(|s| *s < 2) {
            let bits = rest.iter().take(14).enumerate();
            (bits.fold(2 << 14, |c, (n, s)| c | s << (13 - n)), 14)
        } else {
            let bits = rest.iter().take(7).enumerate();
            (bits.fold(3 << 14, |c, (n, s)| c | s << (12 - 2 * n)), 7)
        };
        out.extend(chunk.to_be_bytes());
        rest = &rest[taken.min(rest.len())..];
    }
    out.extend(deltas);
    out
}

/// One sender, its receiver, and what happened.
#[derive(Debug)]
pub(super) struct Peer {
    congestion: Congestion,
    start: Instant,
    seq: u64,
    outgoing: Vec<Outgoing>,
    incoming: VecDeque<Incoming>,
    feedback: VecDeque<(Micros, Vec<u8>)>,
    receiver: Receiver,
    sound_at: Micros,
    /// The layer that is sent, and the next frame of its run.
    current: Option<usize>,
    run: u32,
    frame: u32,
    frame_at: Micros,
    /// A key frame of this layer comes.
    keyframe: Option<(usize, Micros)>,
    aim: Option<usize>,
    short: Option<Micros>,
    fell: Micros,
    narrowed: Option<Instant>,
    sustained: VecDeque<(Micros, u64)>,
    retransmit: f64,
    pub estimates: Vec<(Micros, u64)>,
    pub aims: Vec<(Micros, Option<usize>)>,
    pub delivered: u64,
}

impl Peer {
    fn new(start: Instant) -> Self {
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

    fn at(&self, now: Micros) -> Instant {
        self.start + Duration::from_micros(now as u64)
    }

    fn capture(&mut self, now: Micros, random: &mut StdRng) {
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

    fn put(&mut self, at: Micros, bytes: usize, piece: Option<Piece>, probe: Option<ProbeId>) {
        self.outgoing.push(Outgoing {
            at,
            bytes,
            piece,
            probe,
        });
    }

    /// What bandwidth.rs does with an estimate, for one video.
    fn allocate(&mut self, now: Micros) {
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

    fn told(&mut self, now: Micros) {
        while let Some((_, fci)) = self.feedback.pop_front_if(|(at, _)| *at <= now) {
            let at = self.at(now);
            self.congestion.feedback(&fci, at).expect("well formed");
            self.allocate(now);
        }
    }

    /// A receiver that cannot go on asks for a key frame.
    fn unstick(&mut self, now: Micros) {
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

/// A lost picture packet is sent again when it was asked for, as long as that stays a small share.
fn peer_lost(peer: &mut Peer, packet: Outgoing, at: Micros) {
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
