//! A worker's thread: it gives the worker its datagrams, orders and time, and sends what comes out
//! before it waits for more.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use str0m::net::Protocol;
use tokio::sync::mpsc::UnboundedSender;

use super::tcp::{Connections, Writers};
use super::udp::{Flushed, Inbox, MediaSocket};
use crate::engine::packets::command::Report;
use crate::engine::packets::link::{Bell, Counters, Link, Links};
use crate::engine::packets::negotiate::Transport;
use crate::engine::packets::paths::Origin;
use crate::engine::packets::worker::{Datagram, Worker};

const SOCKET: Token = Token(0);
const BELL: Token = Token(1);

/// Calls to the socket before timers and commands get their turn again.
const READS: usize = 4;
/// Packets from other workers, and as many datagrams, before the socket gets its turn again.
const TURN: usize = 256;
/// Datagrams that wait until more are made: enough for batches, and made in about a millisecond.
const FLUSH_AT: usize = 256;

impl Bell for Waker {
    fn ring(&self) {
        if let Err(error) = self.wake() {
            tracing::error!(%error, "cannot wake a media worker");
        }
    }
}

/// A worker's place before it has its links.
pub(in crate::engine) struct Seat {
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
        Ok((Self { poll, socket }, Arc::new(Link::new(Box::new(bell)))))
    }

    /// Start the thread.
    pub fn take(
        self,
        transport: Transport,
        links: Links,
        connections: Connections,
        reports: UnboundedSender<Report>,
    ) -> std::io::Result<std::thread::JoinHandle<()>> {
        let index = transport.worker;
        std::thread::Builder::new()
            .name(format!("media-{index}"))
            .spawn(move || {
                let link = links[index].clone();
                let socket = MediaSocket::new(self.socket, &transport.candidates, index == 0);
                let running = Running {
                    poll: self.poll,
                    socket,
                    inbox: Inbox::new(),
                    writers: Writers::new(connections),
                    worker: Worker::new(transport, links, reports, Instant::now()),
                    link,
                    readable: true,
                    writable: true,
                };
                running.run();
            })
    }
}

struct Running {
    poll: Poll,
    socket: MediaSocket,
    inbox: Inbox,
    writers: Writers,
    worker: Worker,
    link: Arc<Link>,
    readable: bool,
    writable: bool,
}

impl Running {
    /// Until the worker is told to end. One that breaks begins anew with none of its sessions, whose
    /// clients come again: dead, it would be silence for a part of all who are there.
    fn run(mut self) {
        while catch_unwind(AssertUnwindSafe(|| self.work())).is_err() {
            tracing::error!("a media worker broke: its clients have to connect again");
            self.writers.end(&mut self.worker.outbox().ended);
            self.worker = self.worker.anew(Instant::now());
        }
    }

    fn work(&mut self) {
        let mut events = Events::with_capacity(8);
        self.link.woke();
        while !self.worker.stopped() {
            self.worker.obey(Instant::now());
            self.read();
            self.take_over();
            self.worker.wake(Instant::now());
            self.flush();
            if self.readable {
                continue;
            }
            let wait = match self.link.may_sleep() {
                true => self.worker.due().saturating_duration_since(Instant::now()),
                false => Duration::ZERO,
            };
            if let Err(error) = self.poll.poll(&mut events, Some(wait)) {
                if error.kind() != std::io::ErrorKind::Interrupted {
                    tracing::error!(%error, "a media worker cannot wait for its socket");
                    break;
                }
            }
            self.link.woke();
            for event in events.iter().filter(|e| e.token() == SOCKET) {
                self.readable |= event.is_readable() || event.is_error();
                if event.is_writable() {
                    self.unblock();
                }
            }
        }
        self.flush();
    }

    fn read(&mut self) {
        for _ in 0..READS {
            if !self.readable {
                return;
            }
            self.readable = self.socket.receive(&mut self.inbox, &self.link.counters);
            for at in 0..self.inbox.arrived.len() {
                let arrived = self.inbox.arrived[at];
                let datagram = Datagram {
                    from: Origin {
                        protocol: Protocol::Udp,
                        address: arrived.from,
                    },
                    to: arrived.to,
                    bytes: self.inbox.bytes(&arrived),
                };
                self.worker.receive(datagram, Instant::now());
                self.flush_some();
            }
        }
    }

    /// What other workers have for this one.
    fn take_over(&mut self) {
        for _ in 0..TURN {
            if !self.worker.receive_handed(Instant::now()) {
                break;
            }
            self.flush_some();
        }
        // Others begin while this one fans out.
        self.worker.ring_bells(Instant::now());
        self.worker.take_forwarded(TURN);
        while self.worker.fan_out(Instant::now()) {
            self.flush_some();
        }
    }

    fn flush_some(&mut self) {
        if self.worker.outbox().datagrams.len() >= FLUSH_AT && self.writable {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let outbox = self.worker.outbox();
        self.writers.end(&mut outbox.ended);
        if !outbox.datagrams.is_empty() {
            self.writers
                .send(&mut outbox.datagrams, &self.link.counters);
        }
        if !outbox.datagrams.is_empty() && self.writable {
            let (datagrams, buffers) = (&mut outbox.datagrams, &mut outbox.buffers);
            let flushed = self.socket.send(datagrams, buffers, &self.link.counters);
            if flushed == Flushed::Blocked {
                self.block();
            }
        }
        self.keep_promises();
    }

    /// Whoever waits for what was decided to have happened may rely on it: what the socket would
    /// not take until now is not sent later.
    fn keep_promises(&mut self) {
        let outbox = self.worker.outbox();
        if !outbox.has_promises() {
            return;
        }
        let lost = outbox.datagrams.drain(..).len();
        Counters::add(&self.link.counters.dropped, lost as u64);
        outbox.keep_promises();
    }

    /// The socket's buffer is full: wait until it is not. Asked for only then, since the system
    /// would tell it after every datagram that left.
    fn block(&mut self) {
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        self.writable = registry
            .reregister(self.socket.socket(), SOCKET, interest)
            .is_err();
    }

    fn unblock(&mut self) {
        self.writable = true;
        let registry = self.poll.registry();
        if let Err(error) = registry.reregister(self.socket.socket(), SOCKET, Interest::READABLE) {
            tracing::debug!(%error, "the media socket stays registered for writing");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};

    use tokio::sync::{mpsc, oneshot};

    use super::*;
    use crate::engine::packets::command::{Command, SessionId};
    use crate::engine::packets::negotiate::certificate;
    use crate::engine::packets::sending::clock::WallClock;

    /// S11: should a worker break over something, its sessions are told to be over, and it takes others.
    #[test]
    fn a_worker_that_breaks_begins_anew() {
        let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = socket.local_addr().unwrap();
        let (seat, link) = Seat::new(socket).unwrap();
        let transport = Transport {
            worker: 0,
            certificate: certificate(),
            candidates: vec![address],
            tcp_candidates: Vec::new(),
            random: rand::random,
            clock: WallClock::new(Instant::now(), Duration::from_secs(1_700_000_000)),
        };
        let (reports, mut reported) = mpsc::unbounded_channel();
        let links = Links::from([link.clone()]);
        let thread = seat.take(transport, links, Connections::default(), reports);
        link.command(Command::Create { id: SessionId(1) });
        link.command(Command::Break);
        let report = reported.blocking_recv();
        assert!(matches!(report, Some(Report::Closed(SessionId(1)))));
        let barrier = || {
            let (reply, carried_out) = oneshot::channel();
            link.command(Command::Barrier { reply });
            carried_out.blocking_recv().unwrap();
            let sessions = &link.counters.sessions;
            sessions.load(std::sync::atomic::Ordering::Relaxed)
        };
        assert_eq!(barrier(), 0);
        link.command(Command::Create { id: SessionId(2) });
        assert_eq!(barrier(), 1);
        link.command(Command::Shutdown);
        thread.unwrap().join().unwrap();
    }
}
