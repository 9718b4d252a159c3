//! A worker: one thread, one socket on the engine's port, and the sessions that live here.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;
use str0m::net::{Protocol, Receive, Transmit};
use str0m::Input;
use tokio::sync::mpsc::UnboundedSender;

use super::bandwidth::Moved;
use super::command::{Command, Report, SessionId};
use super::demux::{Belongs, Demux};
use super::downstream::Delivered;
use super::forward::{Forward, TrackKey};
use super::interest::{Interests, Receivers};
use super::link::{Counters, Link, Links, MAX_DATAGRAM};
use super::negotiate::Transport;
use super::session::{Outlet, Session};
use super::upstream::UpTrack;

const SOCKET: Token = Token(0);
const BELL: Token = Token(1);

/// Datagrams read before timers and commands get their turn again.
const READ_BUDGET: usize = 64;

/// How often remembered key frame requests are looked at.
const TICK: Duration = Duration::from_millis(100);
/// How often loudness is reported.
const LEVELS: Duration = Duration::from_millis(300);

/// A worker before it has its links.
pub(crate) struct Seat {
    poll: Poll,
    socket: mio::net::UdpSocket,
}

impl Seat {
    pub fn new(socket: std::net::UdpSocket) -> std::io::Result<(Self, Arc<Link>)> {
        socket.set_nonblocking(true)?;
        let mut socket = mio::net::UdpSocket::from_std(socket);
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut socket, SOCKET, Interest::READABLE)?;
        let bell = Waker::new(poll.registry(), BELL)?;
        Ok((Self { poll, socket }, Arc::new(Link::new(bell))))
    }

    /// Start the thread.
    pub fn take(
        self,
        transport: Transport,
        links: Links,
        reports: UnboundedSender<Report>,
    ) -> std::io::Result<std::thread::JoinHandle<()>> {
        let index = transport.worker;
        let worker = Worker {
            poll: self.poll,
            sessions: Slab::new(),
            index_of: HashMap::new(),
            demux: Demux::new(index),
            routes: HashMap::new(),
            moved: Vec::new(),
            uptracks: HashMap::new(),
            transport,
            readable: true,
            stopped: false,
            next_tick: Instant::now(),
            next_levels: Instant::now(),
            own: links[index].clone(),
            desk: Desk {
                index,
                socket: self.socket,
                links,
                reports,
                interests: HashMap::new(),
                here: VecDeque::with_capacity(256),
            },
            timers: BinaryHeap::new(),
        };
        std::thread::Builder::new()
            .name(format!("media-{index}"))
            .spawn(move || worker.run())
    }
}

/// What a session's output needs while the session itself is borrowed.
pub(super) struct Desk {
    pub(super) index: usize,
    pub(super) socket: mio::net::UdpSocket,
    pub(super) links: Links,
    pub(super) reports: UnboundedSender<Report>,
    /// Which workers have subscribers of a track published here. Kept apart from the tracks
    /// themselves, since another worker may ask before the track is known here.
    pub(super) interests: HashMap<TrackKey, Interests>,
    /// Packets for subscribers on this worker.
    pub(super) here: VecDeque<Forward>,
}

impl Outlet for Desk {
    fn transmit(&mut self, transmit: &Transmit) {
        let counters = &self.links[self.index].counters;
        match self
            .socket
            .send_to(&transmit.contents, transmit.destination)
        {
            Ok(sent) => {
                Counters::add(&counters.packets_out, 1);
                Counters::add(&counters.bytes_out, sent as u64);
            }
            // A full socket buffer is congestion on our side: the packet is lost, as on any wire.
            Err(_) => Counters::add(&counters.dropped, 1),
        }
    }

    fn forward(&mut self, packet: Forward) {
        let Some(interests) = self.interests.get(&packet.track) else {
            return;
        };
        let mut workers = interests.workers(packet.head.layer.spatial);
        while workers != 0 {
            let worker = workers.trailing_zeros() as usize;
            workers &= workers - 1;
            if worker == self.index {
                self.here.push_back(packet.clone());
            } else if let Some(link) = self.links.get(worker) {
                link.forward(packet.clone());
            }
        }
    }

    fn report(&mut self, report: Report) {
        // The receiver ends only with the engine.
        let _ = self.reports.send(report);
    }

    fn want_keyframes(&mut self, track: TrackKey, origin: usize, layers: u8) {
        if let Some(link) = self.links.get(origin) {
            link.command(Command::Keyframe { track, layers });
        }
    }
}

pub(super) struct Worker {
    pub(super) poll: Poll,
    pub(super) desk: Desk,
    pub(super) own: Arc<Link>,
    pub(super) transport: Transport,
    pub(super) demux: Demux,
    pub(super) sessions: Slab<Session>,
    pub(super) index_of: HashMap<SessionId, usize>,
    /// Who receives a track here.
    pub(super) routes: HashMap<TrackKey, Receivers>,
    /// Sections whose layers changed, while that is being carried out.
    pub(super) moved: Vec<Moved>,
    /// Tracks published here, by the session that does.
    pub(super) uptracks: HashMap<TrackKey, usize>,
    pub(super) timers: BinaryHeap<Reverse<(Instant, usize)>>,
    pub(super) readable: bool,
    pub(super) stopped: bool,
    pub(super) next_tick: Instant,
    pub(super) next_levels: Instant,
}

impl Worker {
    fn run(mut self) {
        let mut events = Events::with_capacity(8);
        let mut buffer = [0u8; MAX_DATAGRAM];
        self.own.woke();
        while !self.stopped {
            let now = Instant::now();
            self.obey(now);
            self.take_handed();
            self.read_socket(&mut buffer);
            self.take_media();
            self.fire_timers(Instant::now());
            if self.readable {
                continue;
            }
            let wait = match self.own.may_sleep() {
                true => self.next_due().saturating_duration_since(Instant::now()),
                false => Duration::ZERO,
            };
            if let Err(error) = self.poll.poll(&mut events, Some(wait)) {
                if error.kind() != std::io::ErrorKind::Interrupted {
                    tracing::error!(%error, "a media worker cannot wait for its socket");
                    break;
                }
            }
            self.own.woke();
            self.readable |= events.iter().any(|e| e.token() == SOCKET);
        }
    }

    fn next_due(&self) -> Instant {
        let tick = self.next_tick;
        match self.timers.peek() {
            Some(Reverse((at, _))) => tick.min(*at),
            None => tick,
        }
    }

    fn read_socket(&mut self, buffer: &mut [u8]) {
        for _ in 0..READ_BUDGET {
            match self.desk.socket.recv_from(buffer) {
                Ok((length, from)) => {
                    Counters::add(&self.own.counters.packets_in, 1);
                    Counters::add(&self.own.counters.bytes_in, length as u64);
                    self.datagram(from, &buffer[..length]);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    return;
                }
                // An ICMP error of an earlier send; the next read goes on.
                Err(_) => {}
            }
        }
    }

    fn datagram(&mut self, from: SocketAddr, bytes: &[u8]) {
        match self.demux.belongs(from, bytes) {
            Belongs::Here(session) => self.input(session, from, bytes, self.desk.index),
            Belongs::Elsewhere(worker) => self.hand(worker, from, bytes),
            Belongs::Nowhere => Counters::add(&self.own.counters.unknown, 1),
        }
    }

    fn hand(&mut self, worker: usize, from: SocketAddr, bytes: &[u8]) {
        let Some(link) = self
            .desk
            .links
            .get(worker)
            .filter(|_| worker != self.desk.index)
        else {
            return;
        };
        let mut handed = self.own.spare_box();
        handed.from = from;
        handed.by = self.desk.index;
        handed.length = bytes.len();
        handed.bytes[..bytes.len()].copy_from_slice(bytes);
        link.hand(handed);
    }

    fn take_handed(&mut self) {
        for _ in 0..READ_BUDGET {
            let Some(handed) = self.own.next_datagram() else {
                return;
            };
            let bytes = &handed.bytes[..handed.length];
            match self.demux.belongs(handed.from, bytes) {
                Belongs::Here(session) => self.input(session, handed.from, bytes, handed.by),
                _ => Counters::add(&self.own.counters.unknown, 1),
            }
            if let Some(link) = self.desk.links.get(handed.by) {
                link.return_box(handed);
            }
        }
    }

    /// A datagram for a session. `accepts` is what keeps strangers out: only it compares the source
    /// address (for DTLS and SRTP) or the user name and integrity (for STUN); `handle_input` takes
    /// anything (ASVS 17.2.6, CVE-2025-53399).
    fn input(&mut self, index: usize, from: SocketAddr, bytes: &[u8], by: usize) {
        let now = Instant::now();
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        let Some(destination) = self.transport.destination(from) else {
            return;
        };
        let Ok(contents) = bytes.try_into() else {
            return;
        };
        let stun = bytes[0] < 4;
        let input = Input::Receive(
            now,
            Receive {
                proto: Protocol::Udp,
                source: from,
                destination,
                contents,
            },
        );
        if !session.rtc.accepts(&input) {
            Counters::add(&self.own.counters.unknown, 1);
            return;
        }
        if let Err(error) = session.rtc.handle_input(input) {
            tracing::debug!(session = session.id.0, %error, "a datagram was refused");
        }
        session.drain(now, &mut self.desk);
        if stun && self.demux.add_address(from, index) {
            self.learned_address(index, from, by);
        }
        self.schedule(index);
        self.fan_out(now);
    }

    fn learned_address(&mut self, index: usize, from: SocketAddr, by: usize) {
        let own = self.desk.index;
        if by != own {
            self.desk.links[by].command(Command::Elsewhere {
                address: from,
                worker: Some(own),
            });
        }
        let forgotten = self.sessions[index].add_address(from, by);
        if let Some((address, by)) = forgotten {
            self.forget_address(index, address, by);
        }
    }

    pub(super) fn forget_address(&mut self, index: usize, address: SocketAddr, by: usize) {
        self.demux.remove_address(&address, index);
        if by != self.desk.index {
            self.desk.links[by].command(Command::Elsewhere {
                address,
                worker: None,
            });
        }
    }

    fn take_media(&mut self) {
        let now = Instant::now();
        while let Some(packet) = self.own.next_media() {
            self.deliver(packet, now);
        }
        self.fan_out(now);
    }

    pub(super) fn fan_out(&mut self, now: Instant) {
        while let Some(packet) = self.desk.here.pop_front() {
            self.deliver(packet, now);
        }
    }

    fn deliver(&mut self, packet: Forward, now: Instant) {
        let Some(receivers) = self.routes.get(&packet.track) else {
            return;
        };
        for (index, mid) in &receivers.list {
            let Some(session) = self.sessions.get_mut(*index) else {
                continue;
            };
            let Some(down) = session.down.iter_mut().find(|d| d.mid == *mid) else {
                continue;
            };
            match down.deliver(&mut session.rtc, &packet, now) {
                Delivered::Sent => {
                    session.drain(now, &mut self.desk);
                    schedule(session, *index, &mut self.timers);
                }
                Delivered::AwaitsKeyframe => {
                    if let Some(route) = down.route() {
                        let layer = 1 << packet.head.layer.spatial;
                        self.desk.want_keyframes(route.track, route.origin, layer);
                    }
                }
                Delivered::Dropped => {}
            }
        }
    }

    pub(super) fn schedule(&mut self, index: usize) {
        if let Some(session) = self.sessions.get_mut(index) {
            schedule(session, index, &mut self.timers);
        }
    }

    fn fire_timers(&mut self, now: Instant) {
        while let Some(Reverse((at, index))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            let Some(session) = self.sessions.get_mut(index) else {
                continue;
            };
            if session.scheduled == Some(at) {
                session.scheduled = None;
            }
            if session.due <= now && !session.failed {
                session.drain(now, &mut self.desk);
                // A drain that found nothing due leaves the time where it was.
            }
            schedule(session, index, &mut self.timers);
        }
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.tick(now);
        }
        self.fan_out(now);
    }

    fn tick(&mut self, now: Instant) {
        let keys: Vec<(TrackKey, usize)> = self.uptracks.iter().map(|(k, s)| (*k, *s)).collect();
        let mut levels = HashMap::new();
        let report_levels = now >= self.next_levels;
        for (key, index) in keys {
            self.ask_keyframe(key, index, now);
            self.measure(key, index, now);
            if report_levels {
                let level = self
                    .sessions
                    .get_mut(index)
                    .and_then(|s| s.up.iter_mut().find(|t| t.key == key))
                    .and_then(UpTrack::take_level);
                if let Some(level) = level {
                    levels.insert(key, level);
                }
            }
        }
        self.allocate_all(now);
        if report_levels {
            self.next_levels = now + LEVELS;
            if !levels.is_empty() {
                self.desk.report(Report::Levels(levels));
            }
        }
    }

    fn measure(&mut self, key: TrackKey, index: usize, now: Instant) {
        let session = self.sessions.get_mut(index);
        if let Some(track) = session.and_then(|s| s.up.iter_mut().find(|t| t.key == key)) {
            track.measure(now);
        }
    }

    /// Bandwidth, what layers cost and which of them flow change all the time.
    fn allocate_all(&mut self, now: Instant) {
        let receiving: Vec<usize> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.down.iter().any(|d| d.video && d.source.is_some()))
            .map(|(index, _)| index)
            .collect();
        receiving.into_iter().for_each(|i| self.allocate(i, now));
        // Layers that were only kept until another began.
        let tracks: Vec<TrackKey> = self.routes.keys().copied().collect();
        tracks.into_iter().for_each(|t| self.refresh_interest(t));
    }

    pub(super) fn ask_keyframe(&mut self, key: TrackKey, index: usize, now: Instant) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        let Some(track) = session.up.iter_mut().find(|t| t.key == key) else {
            return;
        };
        if track.ask_keyframes(&mut session.rtc, now) {
            session.drain(now, &mut self.desk);
            schedule(session, index, &mut self.timers);
        }
    }
}

/// Put a session's next due time on the timers, unless an earlier entry already wakes it.
fn schedule(
    session: &mut Session,
    index: usize,
    timers: &mut BinaryHeap<Reverse<(Instant, usize)>>,
) {
    if session.failed || session.scheduled.is_some_and(|at| at <= session.due) {
        return;
    }
    session.scheduled = Some(session.due);
    timers.push(Reverse((session.due, index)));
}
