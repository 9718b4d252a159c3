//! A worker: one thread, one socket on the engine's port, and the sessions that live here.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;
use str0m::net::{Protocol, Receive, Transmit};
use str0m::Input;
use tokio::sync::mpsc::UnboundedSender;

use super::command::{Command, Report, SessionId, Upstream};
use super::demux::{Belongs, Demux};
use super::downstream::{Delivered, Downstream, Route};
use super::forward::{Forward, TrackKey};
use super::link::{Counters, Link, Links, MAX_DATAGRAM};
use super::negotiate::Transport;
use super::session::{Outlet, Session};
use super::upstream::UpTrack;
use str0m::media::Mid;

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
struct Desk {
    index: usize,
    socket: mio::net::UdpSocket,
    links: Links,
    reports: UnboundedSender<Report>,
    /// Which workers (a bit each) have subscribers of a track published here. Kept apart from the
    /// tracks themselves, since another worker may ask before the track is known here.
    interests: HashMap<TrackKey, u64>,
    /// Packets for subscribers on this worker.
    here: VecDeque<Forward>,
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
        let Some(mut workers) = self.interests.get(&packet.track).copied() else {
            return;
        };
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

    fn want_keyframe(&mut self, track: TrackKey, origin: usize) {
        if let Some(link) = self.links.get(origin) {
            link.command(Command::Keyframe { track });
        }
    }
}

struct Worker {
    poll: Poll,
    desk: Desk,
    own: Arc<Link>,
    transport: Transport,
    demux: Demux,
    sessions: Slab<Session>,
    index_of: HashMap<SessionId, usize>,
    /// Who receives a track here: session and section.
    routes: HashMap<TrackKey, Vec<(usize, Mid)>>,
    /// Tracks published here, by the session that does.
    uptracks: HashMap<TrackKey, usize>,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    readable: bool,
    stopped: bool,
    next_tick: Instant,
    next_levels: Instant,
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

    fn forget_address(&mut self, index: usize, address: SocketAddr, by: usize) {
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

    fn fan_out(&mut self, now: Instant) {
        while let Some(packet) = self.desk.here.pop_front() {
            self.deliver(packet, now);
        }
    }

    fn deliver(&mut self, packet: Forward, now: Instant) {
        let Some(receivers) = self.routes.get(&packet.track) else {
            return;
        };
        for (index, mid) in receivers {
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
                    if let Some(route) = down.route {
                        self.desk.want_keyframe(route.track, route.origin);
                    }
                }
                Delivered::Dropped => {}
            }
        }
    }

    fn schedule(&mut self, index: usize) {
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
        if report_levels {
            self.next_levels = now + LEVELS;
            if !levels.is_empty() {
                self.desk.report(Report::Levels(levels));
            }
        }
    }

    fn ask_keyframe(&mut self, key: TrackKey, index: usize, now: Instant) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        let Some(track) = session.up.iter_mut().find(|t| t.key == key) else {
            return;
        };
        if track.ask_keyframe(&mut session.rtc, now) {
            session.drain(now, &mut self.desk);
            schedule(session, index, &mut self.timers);
        }
    }

    fn obey(&mut self, now: Instant) {
        while let Some(command) = self.own.next_command() {
            self.carry_out(command, now);
        }
        self.fan_out(now);
    }

    fn carry_out(&mut self, command: Command, now: Instant) {
        match command {
            Command::Create { id } => self.create(id, now),
            Command::Offer { id, sdp, reply } => {
                let worker = self.desk.index;
                let result = self.with_session(id, now, |s| s.answer_offer(worker, &sdp));
                // Who asked may have gone.
                let _ = reply.send(result.unwrap_or_else(|| Err("no such session".to_owned())));
            }
            Command::MakeOffer { id, more, reply } => {
                let result = self.with_session(id, now, |s| s.make_offer(&more));
                let _ = reply.send(result.unwrap_or_else(|| Err("no such session".to_owned())));
            }
            Command::Answer { id, sdp, reply } => {
                let result = self.with_session(id, now, |s| s.accept_answer(&sdp));
                let _ = reply.send(result.unwrap_or_else(|| Err("no such session".to_owned())));
            }
            Command::Candidate { id, candidate } => {
                self.with_session(id, now, |s| s.add_candidate(&candidate));
            }
            Command::Publish { id, upstream } => self.publish(id, upstream),
            Command::Gate { key, open } => self.gate(key, open, now),
            Command::Unpublish { id, key } => self.unpublish(id, key),
            Command::Rekey { from, to } => self.rekey(from, to),
            Command::Route {
                id,
                mid,
                track,
                origin,
                video,
            } => self.route(id, mid, Route { track, origin }, video, now),
            Command::Unroute { id, mid } => self.unroute(id, mid, now),
            Command::Interest { track, worker, on } => self.interest(track, worker, on),
            Command::Keyframe { track } => {
                if let Some(index) = self.uptracks.get(&track).copied() {
                    let session = &mut self.sessions[index];
                    if let Some(t) = session.up.iter_mut().find(|t| t.key == track) {
                        t.want_keyframe();
                    }
                    self.ask_keyframe(track, index, now);
                }
            }
            Command::Data { id, label, bytes } => {
                self.with_session(id, now, |s| s.send_data(&label, &bytes));
            }
            Command::Elsewhere { address, worker } => self.demux.set_elsewhere(address, worker),
            Command::Close { id } => self.close(id, now),
            Command::Barrier { reply } => {
                let _ = reply.send(());
            }
            Command::Shutdown => {
                let ids: Vec<SessionId> = self.index_of.keys().copied().collect();
                ids.into_iter().for_each(|id| self.close(id, now));
                self.stopped = true;
            }
        }
    }

    fn create(&mut self, id: SessionId, now: Instant) {
        let rtc = match self.transport.rtc(now) {
            Ok(rtc) => rtc,
            Err(error) => {
                tracing::error!(%error, "cannot make a session");
                return self.desk.report(Report::Closed(id));
            }
        };
        let session = Session::new(id, rtc, now);
        let ufrag = session.ufrag.clone();
        let index = self.sessions.insert(session);
        self.demux.add_ufrag(ufrag, index);
        self.index_of.insert(id, index);
        self.own
            .counters
            .sessions
            .store(self.sessions.len() as u64, Ordering::Relaxed);
        self.schedule(index);
    }

    /// Change a session, then drain it, and keep the demultiplexer's user name up to date.
    fn with_session<T>(
        &mut self,
        id: SessionId,
        now: Instant,
        change: impl FnOnce(&mut Session) -> T,
    ) -> Option<T> {
        let index = *self.index_of.get(&id)?;
        let session = self.sessions.get_mut(index)?;
        let before = session.ufrag.clone();
        let result = change(session);
        session.drain(now, &mut self.desk);
        if session.ufrag != before {
            let ufrag = session.ufrag.clone();
            self.demux.remove_ufrag(&before);
            self.demux.add_ufrag(ufrag, index);
        }
        self.schedule(index);
        Some(result)
    }

    fn publish(&mut self, id: SessionId, upstream: Upstream) {
        let Some(index) = self.index_of.get(&id).copied() else {
            return;
        };
        let session = &mut self.sessions[index];
        let replaced: Vec<TrackKey> = session
            .up
            .iter()
            .filter(|t| t.mid == upstream.mid || t.key == upstream.key)
            .map(|t| t.key)
            .collect();
        session
            .up
            .retain(|t| t.mid != upstream.mid && t.key != upstream.key);
        for key in replaced {
            self.uptracks.remove(&key);
        }
        self.uptracks.insert(upstream.key, index);
        self.sessions[index].up.push(UpTrack::new(upstream));
    }

    fn gate(&mut self, key: TrackKey, open: bool, now: Instant) {
        let Some(index) = self.uptracks.get(&key).copied() else {
            return;
        };
        if let Some(track) = self.sessions[index].up.iter_mut().find(|t| t.key == key) {
            let was_open = std::mem::replace(&mut track.open, open);
            let opens = open && !was_open;
            // Only for somebody: an encoder makes three key frames a second at most, and one that
            // nobody was there for delays the one that is needed.
            if !opens || !self.desk.interests.contains_key(&key) {
                return;
            }
            track.want_keyframe();
        }
        self.ask_keyframe(key, index, now);
    }

    fn unpublish(&mut self, id: SessionId, key: TrackKey) {
        self.uptracks.remove(&key);
        self.interests_ended(key);
        if let Some(index) = self.index_of.get(&id) {
            self.sessions[*index].up.retain(|t| t.key != key);
        }
    }

    fn interests_ended(&mut self, key: TrackKey) {
        self.desk.interests.remove(&key);
    }

    fn rekey(&mut self, from: TrackKey, to: TrackKey) {
        let Some(index) = self.uptracks.remove(&from) else {
            return;
        };
        self.interests_ended(from);
        self.uptracks.insert(to, index);
        if let Some(track) = self.sessions[index].up.iter_mut().find(|t| t.key == from) {
            track.key = to;
        }
    }

    fn route(&mut self, id: SessionId, mid: Mid, route: Route, video: bool, now: Instant) {
        let Some(index) = self.index_of.get(&id).copied() else {
            return;
        };
        self.unroute(id, mid, now);
        let session = &mut self.sessions[index];
        if !session.down.iter().any(|d| d.mid == mid) {
            match Downstream::new(&mut session.rtc, mid, video) {
                Some(down) => session.down.push(down),
                None => {
                    tracing::debug!(session = id.0, %mid, "no stream to send in this section");
                    return;
                }
            }
        }
        if let Some(down) = session.down.iter_mut().find(|d| d.mid == mid) {
            down.start(route, now);
        }
        let receivers = self.routes.entry(route.track).or_default();
        receivers.push((index, mid));
        if receivers.len() == 1 {
            self.tell_interest(route, true);
        }
        if video {
            self.desk.want_keyframe(route.track, route.origin);
        }
    }

    fn unroute(&mut self, id: SessionId, mid: Mid, now: Instant) {
        let Some(index) = self.index_of.get(&id).copied() else {
            return;
        };
        let session = &mut self.sessions[index];
        let Some(down) = session.down.iter_mut().find(|d| d.mid == mid) else {
            return;
        };
        let Some(route) = down.stop(&mut session.rtc) else {
            return;
        };
        session.drain(now, &mut self.desk);
        self.remove_receiver(route, index, mid);
    }

    fn remove_receiver(&mut self, route: Route, index: usize, mid: Mid) {
        let Some(receivers) = self.routes.get_mut(&route.track) else {
            return;
        };
        receivers.retain(|r| *r != (index, mid));
        if receivers.is_empty() {
            self.routes.remove(&route.track);
            self.tell_interest(route, false);
        }
    }

    fn tell_interest(&mut self, route: Route, on: bool) {
        let worker = self.desk.index;
        if route.origin == worker {
            self.interest(route.track, worker, on);
        } else if let Some(link) = self.desk.links.get(route.origin) {
            link.command(Command::Interest {
                track: route.track,
                worker,
                on,
            });
        }
    }

    fn interest(&mut self, track: TrackKey, worker: usize, on: bool) {
        let bits = self.desk.interests.entry(track).or_default();
        match on {
            true => *bits |= 1 << worker,
            false => *bits &= !(1 << worker),
        }
        if *bits == 0 {
            self.desk.interests.remove(&track);
        }
    }

    /// End a session: media both ways stops here and now; the goodbye (RTCP BYE, DTLS
    /// close_notify) is sent once.
    fn close(&mut self, id: SessionId, now: Instant) {
        let Some(index) = self.index_of.remove(&id) else {
            return;
        };
        let mut session = self.sessions.remove(index);
        let routes: Vec<(Route, Mid)> = session
            .down
            .iter()
            .filter_map(|d| d.route.map(|r| (r, d.mid)))
            .collect();
        for (route, mid) in routes {
            self.remove_receiver(route, index, mid);
        }
        for track in session.up.drain(..) {
            self.uptracks.remove(&track.key);
            self.interests_ended(track.key);
        }
        self.demux.remove_ufrag(&session.ufrag);
        for (address, by) in std::mem::take(&mut session.addresses) {
            self.forget_address(index, address, by);
        }
        session.failed = true;
        if session.rtc.is_alive() && session.rtc.close().is_ok() {
            session.drain(now, &mut self.desk);
        }
        self.own
            .counters
            .sessions
            .store(self.sessions.len() as u64, Ordering::Relaxed);
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
