//! A worker: some of the engine's sessions, and what goes between them.
//!
//! It has no socket, no clock and no thread of its own. Datagrams, the time and (through its
//! [`Link`]) orders go in, datagrams come out of its [`Outbox`]; who runs it may be a thread with a
//! socket (`engine::port`) or a test with a simulated network. Between two inputs the outbox has to
//! be emptied from time to time; the worker never waits for it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;
use str0m::net::{Receive, Transmit};
use str0m::Input;
use tokio::sync::mpsc::UnboundedSender;

use super::bandwidth::Moved;
use super::bells::Bells;
use super::command::{Command, Report, SessionId};
use super::demux::{is_media, is_stun, Belongs, Demux};
use super::forward::{Forward, TrackKey};
use super::interest::{Interests, Receivers};
use super::link::{Counters, Link, Links};
use super::negotiate::Transport;
use super::nomination::{is_handshake, nominates, nomination};
use super::outbox::{Outbox, MAX_WAITING};
use super::paths::Origin;
use super::sending::rtcp::is_rtcp;
use super::session::{Outlet, Session};
use super::upstream::UpTrack;

/// How often remembered key frame requests are looked at.
const TICK: Duration = Duration::from_millis(100);
/// How often loudness is reported.
const LEVELS: Duration = Duration::from_millis(300);
/// Datagrams that are made at once at most, unless a track has more subscribers: a quarter of what
/// may wait in the outbox.
const FAN_OUT: usize = MAX_WAITING / 4;
/// How often addresses that were not heard of are looked for.
const EXPIRY: Duration = Duration::from_secs(5);

/// A datagram as a socket gave it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Datagram<'a> {
    pub from: Origin,
    /// The local address that it was sent to, where the socket tells.
    pub to: Option<IpAddr>,
    pub bytes: &'a [u8],
}

/// What a session's output needs while the session itself is borrowed.
pub(super) struct Desk {
    pub(super) index: usize,
    pub(super) links: Links,
    pub(super) reports: UnboundedSender<Report>,
    pub(super) outbox: Outbox,
    /// Which workers have subscribers of a track published here. Kept apart from the tracks
    /// themselves, since another worker may ask before the track is known here.
    pub(super) interests: HashMap<TrackKey, Interests>,
    /// Packets for subscribers on this worker, until [`Worker::fan_out`].
    pub(super) here: VecDeque<Forward>,
    pub(super) bells: Bells,
}

impl Desk {
    /// A packet for a worker's subscribers.
    pub(super) fn pass_on(&mut self, worker: usize, packet: Forward) {
        if worker == self.index {
            self.here.push_back(packet);
        } else if let Some(link) = self.links.get(worker) {
            link.forward(packet);
            self.bells.now(worker);
        }
    }

    /// Ask a track's worker for what it remembers of it.
    pub(super) fn recall(&mut self, track: TrackKey, origin: usize) {
        if let Some(link) = self.links.get(origin) {
            let worker = self.index;
            link.command(Command::Recall { track, worker });
        }
    }
}

impl Outlet for Desk {
    fn buffer(&mut self) -> Vec<u8> {
        self.outbox.buffers.take()
    }

    fn transmit(&mut self, transmit: Transmit) {
        if !self.outbox.push(transmit) {
            Counters::add(&self.links[self.index].counters.dropped, 1);
        }
    }

    fn forward(&mut self, packet: Forward) {
        let Some(interests) = self.interests.get(&packet.track) else {
            return;
        };
        // Nested layers are chosen where they are received: each needs those below it.
        let mut workers = match packet.head.nested {
            Some(_) => interests.all_workers(),
            None => interests.workers(packet.head.layer.spatial),
        };
        while workers != 0 {
            let worker = workers.trailing_zeros() as usize;
            workers &= workers - 1;
            self.pass_on(worker, packet.clone());
        }
    }

    fn report(&mut self, report: Report) {
        let report = match report {
            data @ Report::Data { .. } => match self.links[self.index].report_data() {
                Some(pending) => Report::Waiting(Box::new(data), pending),
                None => return Counters::add(&self.links[self.index].counters.dropped, 1),
            },
            other => other,
        };
        // The receiver ends only with the engine.
        let _ = self.reports.send(report);
    }

    fn want_keyframes(&mut self, track: TrackKey, origin: usize, layers: u8) {
        if let Some(link) = self.links.get(origin) {
            link.command(Command::Keyframe { track, layers });
        }
    }
}

pub(crate) struct Worker {
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
    pub(super) stopped: bool,
    /// Room for the packets that are being fanned out.
    run: Vec<Forward>,
    next_tick: Instant,
    next_levels: Instant,
    next_expiry: Instant,
}

impl Worker {
    pub fn new(
        transport: Transport,
        links: Links,
        reports: UnboundedSender<Report>,
        now: Instant,
    ) -> Self {
        let index = transport.worker;
        Self {
            own: links[index].clone(),
            desk: Desk {
                index,
                links,
                reports,
                outbox: Outbox::default(),
                interests: HashMap::new(),
                here: VecDeque::with_capacity(256),
                bells: Bells::default(),
            },
            demux: Demux::new(index),
            transport,
            sessions: Slab::new(),
            index_of: HashMap::new(),
            routes: HashMap::new(),
            moved: Vec::new(),
            uptracks: HashMap::new(),
            timers: BinaryHeap::new(),
            stopped: false,
            run: Vec::new(),
            next_tick: now,
            next_levels: now,
            next_expiry: now + EXPIRY,
        }
    }

    /// The same worker without its sessions, which are reported to be over; other workers need no longer
    /// think of them.
    pub fn anew(&mut self, now: Instant) -> Self {
        for id in self.index_of.keys() {
            self.desk.report(Report::Closed(*id));
        }
        self.routes.values_mut().for_each(|r| r.list.clear());
        let tracks: Vec<TrackKey> = self.routes.keys().copied().collect();
        tracks.into_iter().for_each(|t| self.refresh_interest(t));
        let mut forgotten = Vec::new();
        for (index, session) in &mut self.sessions {
            let paths = session.paths.take().into_iter();
            forgotten.extend(paths.map(|(origin, by)| (index, origin, by)));
        }
        self.forget_addresses(forgotten);
        self.own.counters.sessions.store(0, Ordering::Relaxed);
        let (links, reports) = (self.desk.links.clone(), self.desk.reports.clone());
        Self {
            demux: self.demux.without_sessions(),
            stopped: self.stopped,
            ..Self::new(self.transport.clone(), links, reports, now)
        }
    }

    /// What is to be sent.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.desk.outbox
    }

    /// It was told to end; what is in the outbox is its goodbye.
    pub fn stopped(&self) -> bool {
        self.stopped
    }

    /// When [`Self::wake`] has to be called at the latest.
    pub fn due(&self) -> Instant {
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let others = timer.into_iter().chain(self.desk.bells.due());
        others.fold(self.next_tick, Instant::min)
    }

    /// A datagram from one of this worker's sockets.
    pub fn receive(&mut self, datagram: Datagram<'_>, now: Instant) {
        Counters::add(&self.own.counters.packets_in, 1);
        Counters::add(&self.own.counters.bytes_in, datagram.bytes.len() as u64);
        match self.demux.belongs(datagram.from, datagram.bytes) {
            Belongs::Here(session) => self.input(session, datagram, self.desk.index, now),
            Belongs::Elsewhere(worker) => self.hand(worker, datagram, now),
            Belongs::Nowhere => Counters::add(&self.own.counters.unknown, 1),
        }
    }

    fn hand(&mut self, worker: usize, datagram: Datagram<'_>, now: Instant) {
        let Some(link) = self
            .desk
            .links
            .get(worker)
            .filter(|_| worker != self.desk.index)
        else {
            return;
        };
        let mut handed = self.own.spare_box();
        if handed.fill(datagram, self.desk.index) {
            link.hand(handed);
            match is_media(datagram.bytes) && is_rtcp(datagram.bytes) {
                true => self.desk.bells.later(worker, now),
                false => self.desk.bells.now(worker),
            }
        }
    }

    /// The next datagram that another worker's socket or a TCP connection heard; false if there is
    /// none.
    pub fn receive_handed(&mut self, now: Instant) -> bool {
        let Some(handed) = self.own.next_datagram() else {
            return false;
        };
        Counters::add(&self.own.counters.handed, 1);
        let datagram = handed.datagram();
        match self.demux.belongs(datagram.from, datagram.bytes) {
            Belongs::Here(session) => self.input(session, datagram, handed.by, now),
            _ => Counters::add(&self.own.counters.unknown, 1),
        }
        if let Some(link) = self.desk.links.get(handed.by) {
            link.return_box(handed);
        }
        true
    }

    /// A datagram for a session. Strangers are kept out here: media has to come from an address that
    /// a connectivity check verified, and of the rest `accepts` compares the source address (for
    /// DTLS) or the user name and integrity (for STUN); `handle_input` takes anything (ASVS 17.2.6,
    /// CVE-2025-53399).
    fn input(&mut self, index: usize, datagram: Datagram<'_>, by: usize, now: Instant) {
        match is_media(datagram.bytes) {
            true => self.media(index, datagram, now),
            false => self.control(index, datagram, by, now),
        }
    }

    /// RTP and RTCP, of which str0m sees nothing.
    fn media(&mut self, index: usize, datagram: Datagram<'_>, now: Instant) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        if session.failed || !session.paths.knows(datagram.from) {
            Counters::add(&self.own.counters.unknown, 1);
            return;
        }
        if !is_rtcp(datagram.bytes) {
            session.read_rtp(datagram.bytes, now, &mut self.desk);
            return schedule(session, index, &mut self.timers);
        }
        session.read_rtcp(datagram.bytes, now, &mut self.desk);
        let falls = session.is_falling();
        schedule(session, index, &mut self.timers);
        if falls {
            // What fills the path is replaced at once.
            self.allocate(index, now);
        }
    }

    /// STUN and DTLS, and in that SCTP.
    fn control(&mut self, index: usize, datagram: Datagram<'_>, by: usize, now: Instant) {
        let Datagram { from, to, bytes } = datagram;
        if let Some(made) = self.nominated_by(index, datagram) {
            let bytes = made.as_slice();
            self.control(index, Datagram { from, to, bytes }, by, now);
        }
        let Some(session) = self.sessions.get_mut(index).filter(|s| !s.failed) else {
            return;
        };
        let Some(destination) = self.transport.destination(from, to) else {
            return;
        };
        let Ok(contents) = bytes.try_into() else {
            return;
        };
        let stun = is_stun(bytes);
        let input = Input::Receive(
            now,
            Receive {
                proto: from.protocol,
                source: from.address,
                destination,
                contents,
            },
        );
        let taken = session.shielded(now, &mut self.desk, |session, desk| {
            if !session.rtc.accepts(&input) || stun && session.paths.is_copy(bytes, from) {
                return false;
            }
            if stun {
                session.paths.before_check(&mut session.rtc, from);
            }
            if let Err(error) = session.rtc.handle_input(input) {
                tracing::debug!(session = session.id.0, %error, "a datagram was refused");
            }
            session.drain(now, desk);
            true
        });
        if taken == Some(false) {
            Counters::add(&self.own.counters.unknown, 1);
            return;
        }
        if stun && taken.is_some() {
            self.checked(index, datagram, by, now);
        }
        self.schedule(index);
    }

    /// What a handshake says of the path on which it comes, before any is selected.
    fn nominated_by(&mut self, index: usize, datagram: Datagram<'_>) -> Option<Vec<u8>> {
        let session = self.sessions.get_mut(index);
        let session = session.filter(|s| is_handshake(datagram.bytes) && !s.failed)?;
        let check = session.paths.undecided(datagram.from)?;
        let password = session.rtc.direct_api().local_ice_credentials().pass;
        nomination(check, &password)
    }

    /// A verified connectivity check came from here.
    fn checked(&mut self, index: usize, datagram: Datagram<'_>, by: usize, now: Instant) {
        let (from, own) = (datagram.from, self.desk.index);
        let session = &mut self.sessions[index];
        let forgotten = session.paths.checked(from, datagram.bytes, by, now);
        let here = self.transport.destination(from, datagram.to);
        let nominated = here.filter(|_| nominates(datagram.bytes));
        session.shielded(now, &mut self.desk, |session, desk| {
            if nominated.is_some_and(|here| session.paths.select(&mut session.rtc, from, here)) {
                // str0m looks for another pair when time goes on.
                if session.rtc.handle_input(Input::Timeout(now)).is_ok() {
                    session.drain(now, desk);
                }
            }
        });
        if self.demux.add_address(from, index) && by != own {
            self.desk.links[by].command(Command::Elsewhere {
                address: from.address,
                worker: own,
                there: true,
            });
        }
        if let Some((origin, by)) = forgotten {
            self.forget_address(index, origin, by);
        }
    }

    pub(super) fn forget_address(&mut self, index: usize, origin: Origin, by: usize) {
        let own = self.desk.index;
        // Another session here may have it by now.
        if self.demux.remove_address(&origin, index) && by != own {
            self.desk.links[by].command(Command::Elsewhere {
                address: origin.address,
                worker: own,
                there: false,
            });
        }
    }

    /// Wake the workers that were given something.
    pub fn ring_bells(&mut self, now: Instant) {
        self.desk.bells.ring(&self.desk.links, now);
    }

    /// Take up to so many packets over that other workers published for subscribers here.
    pub fn take_forwarded(&mut self, most: usize) {
        let packets = std::iter::from_fn(|| self.own.next_media());
        self.desk.here.extend(packets.take(most));
    }

    /// Send the next packets to their subscribers here; false if there are none.
    ///
    /// Those of one track that follow each other, such as a frame's, go to each subscriber together:
    /// what it takes to send there is looked up once, and the socket can send them as one.
    pub fn fan_out(&mut self, now: Instant) -> bool {
        let Some(first) = self.desk.here.front() else {
            return false;
        };
        let track = first.track;
        let receivers = self.routes.get(&track).map_or(&[][..], |r| &r.list);
        let most = (FAN_OUT / receivers.len().max(1)).max(1);
        let here = &mut self.desk.here;
        let length = here.iter().take(most).take_while(|p| p.track == track);
        let length = length.count();
        let mut run = std::mem::take(&mut self.run);
        run.extend(here.drain(..length));
        for (index, mid) in receivers {
            if let Some(session) = self.sessions.get_mut(*index) {
                session.deliver(*mid, &run, now, &mut self.desk);
            }
        }
        run.clear();
        self.run = run;
        true
    }

    pub(super) fn schedule(&mut self, index: usize) {
        if let Some(session) = self.sessions.get_mut(index) {
            schedule(session, index, &mut self.timers);
        }
    }

    /// Everything that is due by the time.
    pub fn wake(&mut self, now: Instant) {
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
            if session.due <= now {
                session.shielded(now, &mut self.desk, |session, desk| {
                    session.drain(now, desk)
                });
            }
            if session.egress.due().is_some_and(|due| due <= now) {
                session.probe(now, &mut self.desk);
            }
            session.tell(now, &mut self.desk);
            session.tell_fare(now, &mut self.desk);
            schedule(session, index, &mut self.timers);
        }
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.tick(now);
        }
        if now >= self.next_expiry {
            self.next_expiry = now + EXPIRY;
            self.expire(now);
        }
        self.ring_bells(now);
    }

    fn expire(&mut self, now: Instant) {
        let mut forgotten = Vec::new();
        for (index, session) in &mut self.sessions {
            let gone = session.paths.expire(now);
            forgotten.extend(gone.into_iter().map(|(origin, by)| (index, origin, by)));
        }
        self.forget_addresses(forgotten);
    }

    fn forget_addresses(&mut self, forgotten: Vec<(usize, Origin, usize)>) {
        for (index, origin, by) in forgotten {
            self.forget_address(index, origin, by);
        }
    }

    fn tick(&mut self, now: Instant) {
        let keys: Vec<(TrackKey, usize)> = self.uptracks.iter().map(|(k, s)| (*k, *s)).collect();
        let mut levels = HashMap::new();
        let report_levels = now >= self.next_levels;
        for (key, index) in keys {
            self.ask_keyframe(key, index, now);
            let Some(track) = self.published(key, index) else {
                continue;
            };
            track.measure(now);
            if report_levels {
                levels.extend(track.take_level().map(|level| (key, level)));
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

    /// A track that is published here.
    pub(super) fn uptrack(&mut self, key: TrackKey) -> Option<&mut UpTrack> {
        self.published(key, *self.uptracks.get(&key)?)
    }

    /// The same, where its session is known.
    fn published(&mut self, key: TrackKey, index: usize) -> Option<&mut UpTrack> {
        let session = self.sessions.get_mut(index)?;
        session.up.iter_mut().find(|t| t.key == key)
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
        track.ask_keyframes(&mut session.receiver, now);
        session.tell(now, &mut self.desk);
        schedule(session, index, &mut self.timers);
    }
}

/// Put a session's next due time on the timers, unless an earlier entry already wakes it.
fn schedule(
    session: &mut Session,
    index: usize,
    timers: &mut BinaryHeap<Reverse<(Instant, usize)>>,
) {
    let due = session.wake_at();
    if session.failed || session.scheduled.is_some_and(|at| at <= due) {
        return;
    }
    session.scheduled = Some(due);
    timers.push(Reverse((due, index)));
}
