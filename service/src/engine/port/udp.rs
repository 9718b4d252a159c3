//! A worker's UDP socket: reads and sends as many datagrams a system call as the machine lets it.

use std::io::{ErrorKind, Result};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use str0m::net::Transmit;

use super::batch::{Plan, MAX_SEGMENTS};
#[cfg(target_os = "linux")]
use super::mmsg;
use super::{is_local, single};
use crate::engine::packets::link::{Counters, MAX_DATAGRAM};
use crate::engine::packets::outbox::Buffers;

/// Datagrams read by one call: at 10,000 a second and a turn of 1 ms there are ten.
const READ_BATCH: usize = 32;

/// Where the datagrams of one call are put.
pub(super) struct Inbox {
    pub buffers: Vec<[u8; MAX_DATAGRAM]>,
    pub arrived: Vec<Arrived>,
}

/// A datagram in the inbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrived {
    pub from: SocketAddr,
    /// The local address that it was sent to, where that is worth asking.
    pub to: Option<IpAddr>,
    pub place: usize,
    pub length: usize,
}

impl Inbox {
    pub fn new() -> Self {
        Self {
            buffers: vec![[0; MAX_DATAGRAM]; READ_BATCH],
            arrived: Vec::with_capacity(READ_BATCH),
        }
    }

    pub fn bytes(&self, arrived: &Arrived) -> &[u8] {
        &self.buffers[arrived.place][..arrived.length]
    }
}

/// From which of the machine's addresses datagrams are sent.
#[derive(Debug)]
pub(super) struct Origins {
    /// The socket speaks IPv6; IPv4 is mapped into it (RFC 4291 2.5.5.2).
    pub v6: bool,
    /// Addresses that clients were told and that are this machine's own. An answer has to come
    /// from the address that was asked (RFC 8445 7.2.5.2.1), which the system's choice by route is
    /// not always. Empty where the socket is bound to one address anyway.
    pinned: Vec<IpAddr>,
}

impl Origins {
    fn new(bound: SocketAddr, candidates: &[SocketAddr]) -> Self {
        let told = candidates.iter().map(SocketAddr::ip);
        Self {
            v6: bound.is_ipv6(),
            pinned: match bound.ip().is_unspecified() {
                true => told.filter(|ip| is_local(*ip)).collect(),
                false => Vec::new(),
            },
        }
    }

    pub fn pinned(&self, source: SocketAddr) -> Option<IpAddr> {
        Some(source.ip()).filter(|ip| self.pinned.contains(ip))
    }

    pub fn destination(&self, to: SocketAddr) -> SocketAddr {
        match to {
            SocketAddr::V4(v4) if self.v6 => {
                SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port())
            }
            other => other,
        }
    }
}

/// How datagrams are read and sent.
enum Way {
    /// `recvmmsg` and `sendmmsg`; a message may have that many segments.
    #[cfg(target_os = "linux")]
    Batches { calls: mmsg::Calls, segments: usize },
    /// One a call.
    Single,
}

/// What became of a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flushed {
    All,
    /// The socket's buffer is full; the rest is still in the list.
    Blocked,
}

/// The socket. Not `Send` on Linux: made by the thread that uses it.
pub(super) struct MediaSocket {
    socket: mio::net::UdpSocket,
    origins: Origins,
    plan: Plan,
    way: Way,
}

impl MediaSocket {
    /// `report` says in the log what was found, once for all workers.
    pub fn new(socket: mio::net::UdpSocket, candidates: &[SocketAddr], report: bool) -> Self {
        let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
        let bound = socket.local_addr().unwrap_or(unspecified);
        let origins = Origins::new(bound, candidates);
        let way = Way::best(socket.as_fd(), &origins, bound.ip().is_unspecified());
        if report {
            way.report();
        }
        Self {
            socket,
            origins,
            plan: Plan::default(),
            way,
        }
    }

    pub fn socket(&mut self) -> &mut mio::net::UdpSocket {
        &mut self.socket
    }

    /// Fill the inbox. True if there may be more to read.
    pub fn receive(&mut self, inbox: &mut Inbox, counters: &Counters) -> bool {
        Counters::add(&counters.reads, 1);
        let received = match &mut self.way {
            #[cfg(target_os = "linux")]
            Way::Batches { calls, .. } => calls.receive(self.socket.as_fd(), inbox),
            Way::Single => single::receive(&self.socket, inbox),
        };
        for arrived in &mut inbox.arrived {
            arrived.from.set_ip(arrived.from.ip().to_canonical());
        }
        match received {
            // Fewer than there was room for: the socket is empty.
            Ok(count) => count == inbox.buffers.len() || matches!(self.way, Way::Single),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                inbox.arrived.clear();
                false
            }
            Err(error) => {
                inbox.arrived.clear();
                self.falls_back(&error)
            }
        }
    }

    /// Send everything, and count it; what is refused for good is lost.
    pub fn send(
        &mut self,
        datagrams: &mut Vec<Transmit>,
        buffers: &mut Buffers,
        counters: &Counters,
    ) -> Flushed {
        let mut segments = self.segments();
        loop {
            self.plan.make(datagrams, segments);
            match self.send_planned(datagrams, counters) {
                Outcome::Done => {
                    datagrams.drain(..).for_each(|d| buffers.give(d));
                    return Flushed::All;
                }
                Outcome::Blocked(at) => {
                    self.keep_from(at, datagrams, buffers);
                    return Flushed::Blocked;
                }
                Outcome::Unsegmented(at) => {
                    segments = 1;
                    self.keep_from(at, datagrams, buffers);
                }
            }
        }
    }

    fn send_planned(&mut self, datagrams: &[Transmit], counters: &Counters) -> Outcome {
        let mut at = 0;
        while at < self.plan.messages.len() {
            Counters::add(&counters.writes, 1);
            match self.send_some(datagrams, at) {
                Ok(sent) => {
                    self.count(datagrams, at..at + sent, counters);
                    at += sent;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Outcome::Blocked(at);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    if self.falls_back(&error) || self.is_refused_whole(at, &error) {
                        return Outcome::Unsegmented(at);
                    }
                    // This destination cannot be reached, or the system has no memory for more:
                    // the message is lost, as on any wire.
                    let lost = self.plan.messages[at].count as u64;
                    Counters::add(&counters.dropped, lost);
                    at += 1;
                }
            }
        }
        Outcome::Done
    }

    fn send_some(&mut self, datagrams: &[Transmit], at: usize) -> Result<usize> {
        match &mut self.way {
            #[cfg(target_os = "linux")]
            Way::Batches { calls, .. } => calls.send(
                self.socket.as_fd(),
                datagrams,
                &self.plan,
                at,
                &self.origins,
            ),
            Way::Single => {
                let datagram = &datagrams[self.plan.messages[at].first];
                let to = self.origins.destination(datagram.destination);
                self.socket.send_to(&datagram.contents, to).map(|_| 1)
            }
        }
    }

    fn count(&self, datagrams: &[Transmit], sent: std::ops::Range<usize>, counters: &Counters) {
        let (mut packets, mut bytes) = (0, 0);
        for message in &self.plan.messages[sent] {
            packets += message.count as u64;
            let places = self.plan.places(message);
            bytes += places
                .map(|at| datagrams[at].contents.len() as u64)
                .sum::<u64>();
        }
        Counters::add(&counters.packets_out, packets);
        Counters::add(&counters.bytes_out, bytes);
    }

    /// Drop what the messages before `at` sent from the list.
    fn keep_from(&self, at: usize, datagrams: &mut Vec<Transmit>, buffers: &mut Buffers) {
        let mut sent = vec![false; datagrams.len()];
        for message in &self.plan.messages[..at] {
            self.plan
                .places(message)
                .for_each(|place| sent[place] = true);
        }
        let mut places = sent.into_iter();
        let gone = datagrams.extract_if(.., |_| places.next().unwrap_or(false));
        gone.for_each(|d| buffers.give(d));
    }

    fn segments(&self) -> usize {
        match &self.way {
            #[cfg(target_os = "linux")]
            Way::Batches { segments, .. } => *segments,
            Way::Single => 1,
        }
    }

    /// Whether the message is refused for being several datagrams: they go out by themselves then.
    #[cfg(target_os = "linux")]
    fn is_refused_whole(&mut self, at: usize, error: &std::io::Error) -> bool {
        let Way::Batches { segments, .. } = &mut self.way else {
            return false;
        };
        if self.plan.messages[at].count == 1 || !mmsg::refuses_gso(error) {
            return false;
        }
        if mmsg::is_without_gso(error) {
            tracing::warn!(%error, "the network card cannot cut messages up: no GSO");
            *segments = 1;
        }
        true
    }

    #[cfg(not(target_os = "linux"))]
    fn is_refused_whole(&mut self, _at: usize, _error: &std::io::Error) -> bool {
        false
    }

    /// Whether it is the system call that is refused: from now on it goes without.
    #[cfg(target_os = "linux")]
    fn falls_back(&mut self, error: &std::io::Error) -> bool {
        let lacks = matches!(self.way, Way::Batches { .. }) && mmsg::is_not_there(error);
        if lacks {
            tracing::warn!(%error, "no batched system calls here: one datagram a call");
            self.way = Way::Single;
        }
        lacks
    }

    #[cfg(not(target_os = "linux"))]
    fn falls_back(&mut self, _error: &std::io::Error) -> bool {
        false
    }
}

enum Outcome {
    Done,
    /// The message at this place waits for the socket.
    Blocked(usize),
    /// What is left from this place on has to be sent one by one.
    Unsegmented(usize),
}

impl Way {
    #[cfg(target_os = "linux")]
    fn best(socket: BorrowedFd<'_>, origins: &Origins, unspecified: bool) -> Self {
        if unspecified {
            if let Err(error) = mmsg::ask_for_local_address(socket, origins.v6) {
                tracing::warn!(%error, "the media socket does not tell local addresses");
            }
        }
        Self::Batches {
            calls: mmsg::Calls::default(),
            segments: if mmsg::has_gso(socket) {
                MAX_SEGMENTS
            } else {
                1
            },
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn best(_socket: BorrowedFd<'_>, _origins: &Origins, _unspecified: bool) -> Self {
        Self::Single
    }

    fn report(&self) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Batches { segments, .. } => {
                tracing::info!(
                    batch = READ_BATCH,
                    segments,
                    "media in batched system calls"
                );
            }
            Self::Single => tracing::info!("media in one system call a datagram"),
        }
    }
}

#[cfg(test)]
mod tests;
