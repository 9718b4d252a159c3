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
    pub fn send(&mut self, datagrams: &mut Vec<Transmit>, counters: &Counters) -> Flushed {
        let mut segments = self.segments();
        loop {
            self.plan.make(datagrams, segments);
            match self.send_planned(datagrams, counters) {
                Outcome::Done => {
                    datagrams.clear();
                    return Flushed::All;
                }
                Outcome::Blocked(at) => {
                    self.keep_from(at, datagrams);
                    return Flushed::Blocked;
                }
                Outcome::Unsegmented(at) => {
                    segments = 1;
                    self.keep_from(at, datagrams);
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
    fn keep_from(&self, at: usize, datagrams: &mut Vec<Transmit>) {
        let mut sent = vec![false; datagrams.len()];
        for message in &self.plan.messages[..at] {
            self.plan
                .places(message)
                .for_each(|place| sent[place] = true);
        }
        let mut places = sent.into_iter();
        datagrams.retain(|_| !places.next().unwrap_or(false));
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
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
    use std::time::Duration;

    use str0m::net::Protocol;

    use super::*;

    /// A media socket as the engine has it, and the address that it is reached at over IPv4.
    fn media(bind: SocketAddr, told: IpAddr) -> (MediaSocket, SocketAddr) {
        let socket = super::super::sockets(bind, 1).expect("a port").remove(0);
        socket.set_nonblocking(true).expect("a socket");
        let port = socket.local_addr().expect("a bound socket").port();
        let told = SocketAddr::new(told, port);
        let socket = mio::net::UdpSocket::from_std(socket);
        (MediaSocket::new(socket, &[told], false), told)
    }

    fn client(ip: IpAddr) -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind((ip, 0)).expect("a port");
        let address = socket.local_addr().expect("a bound socket");
        (socket, address)
    }

    fn datagram(from: SocketAddr, to: SocketAddr, size: usize, mark: u8) -> Transmit {
        Transmit {
            proto: Protocol::Udp,
            source: from,
            destination: to,
            contents: vec![mark; size].into(),
        }
    }

    /// As a receiver sees it there is no difference between one call and many.
    fn arrives_in_order(mut media: MediaSocket, from: SocketAddr) -> Counters {
        let (ada, to_ada) = client(from.ip());
        let (bob, to_bob) = client(from.ip());
        let counters = Counters::default();
        let mut list = Vec::new();
        let sizes = [1100, 1100, 1100, 1101, 1101, 300, 1100, 40];
        for (mark, size) in (0..).zip(sizes) {
            list.push(datagram(from, to_ada, size, mark));
            list.push(datagram(from, to_bob, size, mark + 100));
        }
        assert_eq!(media.send(&mut list, &counters), Flushed::All);
        assert!(list.is_empty());
        for (client, first) in [(ada, 0), (bob, 100)] {
            for (mark, size) in (first..).zip(sizes) {
                let mut buffer = [0; 2000];
                let (length, sender) = client.recv_from(&mut buffer).expect("a datagram");
                assert_eq!((length, buffer[0], sender), (size, mark, from));
            }
        }
        let sent = counters
            .packets_out
            .load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(sent, 2 * sizes.len() as u64);
        counters
    }

    #[test]
    fn what_is_sent_together_arrives_apart_and_in_order() {
        let local = IpAddr::from(Ipv4Addr::LOCALHOST);
        let (media, from) = media(SocketAddr::new(local, 0), local);
        let counters = arrives_in_order(media, from);
        let calls = counters.writes.load(std::sync::atomic::Ordering::Relaxed);
        if cfg!(target_os = "linux") {
            assert_eq!(calls, 1);
        }
    }

    #[test]
    fn the_same_one_by_one() {
        let local = IpAddr::from(Ipv4Addr::LOCALHOST);
        let (mut media, from) = media(SocketAddr::new(local, 0), local);
        media.way = Way::Single;
        let counters = arrives_in_order(media, from);
        let calls = counters.writes.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(calls, 16);
    }

    /// A socket that is bound to all addresses answers from the one that clients were told, though
    /// the system's own choice would be another.
    #[cfg(target_os = "linux")]
    #[test]
    fn an_answer_comes_from_the_address_that_was_told() {
        // All of 127.0.0.0/8 is this machine.
        let second = IpAddr::from([127, 0, 0, 2]);
        let all = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let (media, from) = media(all, second);
        arrives_in_order_from_anywhere(media, from);
        let all = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0);
        let (media, from) = super::tests::media(all, second);
        arrives_in_order_from_anywhere(media, from);
    }

    #[cfg(target_os = "linux")]
    fn arrives_in_order_from_anywhere(mut media: MediaSocket, from: SocketAddr) {
        let (client, to) = client(Ipv4Addr::LOCALHOST.into());
        let counters = Counters::default();
        let mut list = vec![datagram(from, to, 9, 1), datagram(from, to, 9, 2)];
        assert_eq!(media.send(&mut list, &counters), Flushed::All);
        for mark in [1, 2] {
            let mut buffer = [0; 20];
            let (length, sender) = client.recv_from(&mut buffer).expect("a datagram");
            assert_eq!((length, buffer[0], sender), (9, mark, from));
        }
        // And the way back: the datagram says where it was sent to.
        client.send_to(&[7; 30], from).expect("to send on loopback");
        let mut inbox = Inbox::new();
        while inbox.arrived.is_empty() {
            media.receive(&mut inbox, &counters);
        }
        let arrived = inbox.arrived[0];
        assert_eq!(arrived.from, to);
        assert_eq!(arrived.to, Some(from.ip()));
        assert_eq!(inbox.bytes(&arrived), [7; 30]);
    }

    /// One call reads what is there, up to a batch, and says whether to ask again.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_call_reads_many_and_drops_what_is_too_large() {
        let local = IpAddr::from(Ipv4Addr::LOCALHOST);
        let (mut media, to) = media(SocketAddr::new(local, 0), local);
        let (client, _) = client(local);
        let send = |size| {
            client
                .send_to(&vec![5; size], to)
                .expect("to send on loopback")
        };
        for n in 1..=READ_BATCH + 3 {
            send(n);
        }
        send(MAX_DATAGRAM + 1);
        let counters = Counters::default();
        let mut inbox = Inbox::new();
        assert!(media.receive(&mut inbox, &counters));
        let lengths = inbox.arrived.iter().map(|a| a.length);
        assert!(lengths.eq(1..=READ_BATCH));
        assert!(!media.receive(&mut inbox, &counters), "the rest");
        assert_eq!(inbox.arrived.len(), 3, "without the large one");
        assert!(!media.receive(&mut inbox, &counters), "nothing");
        assert!(inbox.arrived.is_empty());
        let calls = counters.reads.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(calls, 3);
    }

    /// What a datagram costs, by the way it is sent: for `docs/engine.md`. Processor time of this
    /// thread, the ways in turn, so that what else the machine does matters little.
    #[cfg(target_os = "linux")]
    #[test]
    #[ignore = "a measurement"]
    #[allow(clippy::print_stdout)]
    fn cost_of_sending() {
        const ROUNDS: usize = 300;
        let local = IpAddr::from(Ipv4Addr::LOCALHOST);
        let sinks: Vec<(UdpSocket, SocketAddr)> = (0..64).map(|_| client(local)).collect();
        sinks
            .iter()
            .for_each(|(s, _)| s.set_nonblocking(true).expect("a socket"));
        for (what, sinks, each) in [
            ("1 to each of 64", &sinks[..], 1),
            ("16 to each of 16", &sinks[..16], 16),
        ] {
            let mut ways = ["one a call", "batches", "batches and GSO"].map(|name| {
                let (mut media, from) = media(SocketAddr::new(local, 0), local);
                match &mut media.way {
                    way if name == "one a call" => *way = Way::Single,
                    Way::Batches { segments, .. } if name == "batches" => *segments = 1,
                    _ => {}
                }
                (name, media, from, Counters::default(), Duration::ZERO)
            });
            for _ in 0..ROUNDS {
                for (_, media, from, counters, spent) in &mut ways {
                    let to = (0..each).flat_map(|_| sinks.iter().map(|(_, to)| *to));
                    let mut list = to.map(|to| datagram(*from, to, 1100, 0)).collect();
                    let start = processor_time();
                    media.send(&mut list, counters);
                    *spent += processor_time() - start;
                    for (sink, _) in sinks {
                        while sink.recv_from(&mut [0; 2000]).is_ok() {}
                    }
                }
            }
            for (name, _, _, counters, spent) in &ways {
                let sent = counters
                    .packets_out
                    .load(std::sync::atomic::Ordering::Relaxed) as f64;
                let cost = spent.as_secs_f64() * 1e6 / sent;
                println!("{what}, {name}: {cost:.2} µs a datagram of {sent}");
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn processor_time() -> Duration {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the clock is written to a `timespec`.
        let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
        assert_eq!(result, 0);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }
}
