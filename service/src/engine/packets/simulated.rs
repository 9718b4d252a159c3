//! Workers and clients in one thread, on a simulated network and clock: no socket is opened and no
//! time passes. What the network loses, delays and mixes up comes from a seed.

mod instructions;
mod memories;
pub(crate) mod pictures;
mod publishing;
pub(super) mod tests;

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, Mid};
use str0m::net::{Protocol, Receive, TcpType, Transmit};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::sync::{mpsc, oneshot};

use super::command::{Command, Report, SessionId, Upstream, Want};
use super::forward::TrackKey;
use super::layers::{Layer, Rates};
use super::link::{Link, Links, Silent};
use super::negotiate::{certificate, Transport};
use super::paths::Origin;
use super::sending::clock::WallClock;
use super::worker::{Datagram, Worker};
use instructions::by_workers;
use pictures::{Camera, Media};

thread_local! {
    static SECRETS: RefCell<StdRng> = RefCell::new(StdRng::seed_from_u64(0));
}

/// Credentials of a simulation come from its seed, too.
fn seeded() -> u128 {
    SECRETS.with_borrow_mut(|r| r.random())
}

/// A datagram on its way.
struct Travelling {
    at: Instant,
    /// Keeps the order of what arrives at the same time.
    number: u64,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl PartialEq for Travelling {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Travelling {}

impl PartialOrd for Travelling {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Travelling {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// What the network does to a datagram, and by which protocol it goes (by TCP to one worker alone).
#[derive(Clone, Copy)]
struct Weather {
    protocol: Protocol,
    loss: f64,
    delay: (u64, u64),
}

struct Network {
    random: StdRng,
    weather: Weather,
    travelling: BinaryHeap<Reverse<Travelling>>,
    number: u64,
    /// Datagrams that went to the engine, for those who want to send them again, or worse.
    seen: Vec<(SocketAddr, Vec<u8>)>,
    /// Everything that was sent, to whom, also what was lost.
    sent: Vec<(SocketAddr, Vec<u8>)>,
}

impl Network {
    fn send(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.sent.push((to, bytes.to_vec()));
        let (least, most) = self.weather.delay;
        let delay = Duration::from_millis(self.random.random_range(least..=most));
        if self.random.random_bool(self.weather.loss) {
            return;
        }
        self.number += 1;
        self.travelling.push(Reverse(Travelling {
            at: now + delay,
            number: self.number,
            from,
            to,
            bytes: bytes.to_vec(),
        }));
    }
}

/// A client with a microphone or a camera, and a section for each of the others.
struct Peer {
    media: Media,
    camera: Camera,
    /// What its layers cost.
    rates: Arc<Rates>,
    rtc: Rtc,
    name: usize,
    protocol: Protocol,
    address: SocketAddr,
    source: Mid,
    ears: Vec<Mid>,
    due: Instant,
    sent: u64,
    /// How many packets of each peer arrived.
    heard: Vec<u64>,
}

struct World {
    now: Instant,
    workers: Vec<Worker>,
    peers: Vec<Peer>,
    links: Links,
    network: Network,
    next_packet: Instant,
    /// How many of the peers speak: the first ones.
    speakers: usize,
    engine: SocketAddr,
    _reports: mpsc::UnboundedReceiver<Report>,
}

/// A packet of sound every 20 ms.
const PACE: Duration = Duration::from_millis(20);

impl World {
    /// As many workers, and as many peers on them who all hear each other.
    fn new(seed: u64, workers: usize, peers: usize, weather: Weather) -> Self {
        Self::of(Media::Sound, seed, workers, peers, weather)
    }

    /// The same, of sound or pictures.
    fn of(media: Media, seed: u64, workers: usize, peers: usize, weather: Weather) -> Self {
        // The only time that is asked for; from here on it is told.
        #[allow(clippy::disallowed_methods)]
        let now = Instant::now();
        SECRETS.with_borrow_mut(|r| *r = StdRng::seed_from_u64(seed));
        fastrand::seed(seed);
        let engine = SocketAddr::from(([192, 0, 2, 1], 7882));
        let links: Links = (0..workers)
            .map(|_| Arc::new(Link::new(Box::new(Silent))))
            .collect();
        let certificate = certificate();
        let (reports, receiver) = mpsc::unbounded_channel();
        let worker = |worker| {
            let transport = Transport {
                worker,
                certificate: certificate.clone(),
                candidates: vec![engine],
                tcp_candidates: vec![engine],
                random: seeded,
                clock: WallClock::new(now, Duration::from_secs(1_700_000_000)),
            };
            Worker::new(transport, links.clone(), reports.clone(), now)
        };
        let mut world = Self {
            now,
            workers: (0..workers).map(worker).collect(),
            peers: (0..peers)
                .map(|n| Peer::new(media, weather.protocol, n, peers - 1, now))
                .collect(),
            links,
            network: Network {
                random: StdRng::seed_from_u64(seed),
                weather,
                travelling: BinaryHeap::new(),
                number: 0,
                seen: Vec::new(),
                sent: Vec::new(),
            },
            next_packet: now,
            speakers: peers,
            engine,
            _reports: receiver,
        };
        (0..peers).for_each(|n| world.join(n));
        (0..peers).for_each(|n| world.route(n));
        world
    }

    fn home(&self, peer: usize) -> usize {
        peer % self.workers.len()
    }

    /// The SSRCs of what a peer is sent.
    fn sending_ssrcs(&self, peer: usize) -> Vec<u32> {
        let worker = &self.workers[self.home(peer)];
        let session = &worker.sessions[worker.index_of[&SessionId(peer as u64)]];
        session.down.iter().map(|d| d.stream.ssrc()).collect()
    }

    fn join(&mut self, peer: usize) {
        let (id, home) = (SessionId(peer as u64), self.home(peer));
        let (sdp, pending) = self.peers[peer].offer();
        let (reply, mut answer) = oneshot::channel();
        let link = self.links[home].clone();
        link.command(Command::Create { id });
        link.command(Command::Offer { id, sdp, reply });
        link.command(Command::Publish {
            id,
            upstream: Upstream {
                mid: self.peers[peer].source,
                key: TrackKey(peer as u64),
                audio: self.peers[peer].media == Media::Sound,
                layers: self.peers[peer].media.layers(),
                open: true,
                rates: self.peers[peer].rates.clone(),
            },
        });
        self.workers[home].obey(self.now);
        let answer = answer.try_recv().expect("an answer at once");
        let peer = &mut self.peers[peer];
        let answer = SdpAnswer::from_sdp_string(&answer.expect("no error").sdp);
        let accepted = peer
            .rtc
            .sdp_api()
            .accept_answer(pending, answer.expect("an answer"));
        accepted.expect("an acceptable answer");
    }

    /// Everybody else's sound into the sections of this peer.
    fn route(&mut self, peer: usize) {
        let others: Vec<usize> = (0..self.peers.len()).filter(|o| *o != peer).collect();
        for (other, mid) in others.into_iter().zip(self.peers[peer].ears.clone()) {
            self.route_one(peer, mid, other, TrackKey(other as u64));
        }
    }

    fn route_one(&mut self, peer: usize, mid: Mid, other: usize, track: TrackKey) {
        self.links[self.home(peer)].command(Command::Route {
            id: SessionId(peer as u64),
            mid,
            track,
            origin: self.home(other),
            video: self.peers[peer].media == Media::Pictures,
            want: Want {
                most: Layer::TOP,
                class: 0,
                size: 0,
            },
            rates: self.peers[other].rates.clone(),
            recall: true,
        });
    }

    /// Let time go on.
    fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.settle();
            let next = self.next_event().min(end);
            self.now = next.max(self.now);
            self.happen();
        }
    }

    /// Until everybody is connected: a handshake that loses packets waits for its timers, a second
    /// at first and twice as long each time.
    fn connect(&mut self) {
        let patience = self.now + Duration::from_secs(60);
        while !self.peers.iter().all(|p| p.rtc.is_connected()) {
            assert!(self.now < patience, "a handshake does not come to its end");
            self.run(Duration::from_millis(100));
        }
        // What is under way arrives, and the first packets with it.
        self.run(Duration::from_secs(1));
    }

    fn next_event(&self) -> Instant {
        let arrival = self.network.travelling.peek().map(|Reverse(t)| t.at);
        let workers = self.workers.iter().map(Worker::due);
        let peers = self.peers.iter().map(|p| p.due);
        let due = workers.chain(peers).chain(arrival).min();
        due.unwrap_or(self.next_packet).min(self.next_packet)
    }

    fn happen(&mut self) {
        while let Some(Reverse(first)) = self.network.travelling.peek() {
            if first.at > self.now {
                break;
            }
            if let Some(Reverse(arrived)) = self.network.travelling.pop() {
                self.arrive(arrived);
            }
        }
        by_workers(|| {
            for worker in &mut self.workers {
                worker.wake(self.now);
            }
        });
        for peer in &mut self.peers {
            if peer.due <= self.now {
                let _ = peer.rtc.handle_input(Input::Timeout(self.now));
            }
        }
        if self.next_packet <= self.now {
            self.next_packet = self.now + PACE;
            let speakers = self.peers.iter_mut().take(self.speakers);
            speakers.for_each(|p| p.publish(self.now));
        }
    }

    fn arrive(&mut self, arrived: Travelling) {
        if arrived.to == self.engine {
            self.network
                .seen
                .push((arrived.from, arrived.bytes.clone()));
            self.reach_engine(arrived.from, &arrived.bytes);
        } else if let Some(peer) = self.peers.iter_mut().find(|p| p.address == arrived.to) {
            peer.receive(arrived.from, &arrived.bytes, self.now);
            // str0m wants to be drained after each input.
            self.settle();
        }
    }

    /// The socket is chosen by the sender's address, as the kernel does; not by the session's home.
    fn reach_engine(&mut self, from: SocketAddr, bytes: &[u8]) {
        let socket = usize::from(from.port()) % self.workers.len();
        let datagram = Datagram {
            from: Origin {
                protocol: self.network.weather.protocol,
                address: from,
            },
            to: None,
            bytes,
        };
        by_workers(|| self.workers[socket].receive(datagram, self.now));
        self.settle();
    }

    /// Until nobody has anything to say at this time.
    fn settle(&mut self) {
        loop {
            let mut quiet = true;
            for worker in &mut self.workers {
                let now = self.now;
                by_workers(|| {
                    worker.obey(now);
                    while worker.receive_handed(now) {
                        quiet = false;
                    }
                    worker.take_forwarded(usize::MAX);
                    while worker.fan_out(now) {
                        quiet = false;
                    }
                });
                let outbox = worker.outbox();
                outbox.keep_promises();
                for Transmit {
                    source,
                    destination,
                    contents,
                    ..
                } in outbox.datagrams.drain(..)
                {
                    self.network.send(self.now, source, destination, &contents);
                }
            }
            for peer in &mut self.peers {
                for transmit in peer.drain() {
                    let to = transmit.destination;
                    self.network
                        .send(self.now, peer.address, to, &transmit.contents);
                }
            }
            if quiet {
                return;
            }
        }
    }

    /// Forget what was heard, and tell at least how much everybody hears of everybody in a time.
    fn least_heard(&mut self, duration: Duration) -> u64 {
        self.peers.iter_mut().for_each(|p| p.heard.fill(0));
        self.run(duration);
        let heard = self.peers.iter().flat_map(|peer| {
            let others = peer
                .heard
                .iter()
                .enumerate()
                .filter(|(n, _)| *n != peer.name);
            others.map(|(_, count)| *count)
        });
        heard.min().unwrap_or(0)
    }
}

impl Peer {
    fn new(media: Media, protocol: Protocol, name: usize, others: usize, now: Instant) -> Self {
        let address =
            SocketAddr::from(([198, 51, 100, 1], 4000 + name as u16 / 2 * 7 + name as u16));
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(media == Media::Sound, false)
            .enable_vp8(media == Media::Pictures)
            .build(now);
        let candidate = match protocol {
            Protocol::Udp => Candidate::host(address, "udp"),
            _ => {
                let candidate = Candidate::builder().tcp().host(address);
                candidate.tcptype(TcpType::Active).build()
            }
        };
        rtc.add_local_candidate(candidate.expect("a valid address"));
        Self {
            media,
            protocol,
            camera: Camera::default(),
            rates: Arc::default(),
            rtc,
            name,
            address,
            source: Mid::from("-"),
            ears: Vec::new(),
            due: now,
            sent: 0,
            heard: vec![0; others + 1],
        }
    }

    fn offer(&mut self) -> (String, SdpPendingOffer) {
        let mut change = self.rtc.sdp_api();
        let (kind, layers) = (self.media.kind(), self.media.simulcast());
        self.source = change.add_media(kind, Direction::SendOnly, None, None, layers);
        self.ears = self.heard[1..]
            .iter()
            .map(|_| change.add_media(kind, Direction::RecvOnly, None, None, None))
            .collect();
        let (offer, pending) = change.apply().expect("something to offer");
        (offer.to_sdp_string(), pending)
    }

    fn receive(&mut self, from: SocketAddr, bytes: &[u8], now: Instant) {
        let Ok(contents) = bytes.try_into() else {
            return;
        };
        let receive = Receive {
            proto: self.protocol,
            source: from,
            destination: self.address,
            contents,
        };
        let _ = self.rtc.handle_input(Input::Receive(now, receive));
    }

    fn drain(&mut self) -> Vec<Transmit> {
        let mut out = Vec::new();
        loop {
            match self.rtc.poll_output().expect("a living client") {
                Output::Timeout(due) => {
                    self.due = due;
                    return out;
                }
                Output::Transmit(transmit) => out.push(transmit),
                Output::Event(Event::RtpPacket(packet)) => {
                    // Who is hostile says anything.
                    let of = (packet.payload.last()).map_or(usize::MAX, |of| usize::from(*of));
                    self.camera.seen(&packet.payload);
                    if let Some(heard) = self.heard.get_mut(of) {
                        *heard += 1;
                    }
                }
                Output::Event(Event::KeyframeRequest(request)) => self.camera.asked(request.rid),
                Output::Event(_) => {}
            }
        }
    }

    fn publish(&mut self, now: Instant) {
        match self.media {
            Media::Sound => self.speak(now),
            Media::Pictures => self.show(now),
        }
    }

    fn speak(&mut self, now: Instant) {
        if !self.rtc.is_connected() {
            return;
        }
        self.sent += 1;
        let pt = self.rtc.codec_config().params()[0].pt();
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.source, None);
        let payload = vec![self.name as u8; 40];
        let time = (self.sent * 960) as u32;
        let write = RtpWrite::new(pt, self.sent.into(), time, now, payload);
        stream.expect("a sending section").write_rtp(write);
    }
}
