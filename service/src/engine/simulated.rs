//! The engine without a port and without threads: whoever calls carries its datagrams, tells it the
//! time and lets its workers run. For the simulation of the whole (`crate::simulation`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use str0m::net::{Protocol, Transmit};
use tokio::sync::{broadcast, mpsc, Notify};

use super::packets::link::{Bell, Link, Links};
use super::packets::negotiate::{certificate, Transport};
use super::packets::paths::Origin;
use super::packets::sending::clock::WallClock;
pub(crate) use super::packets::simulated::pictures;
use super::packets::worker::{Datagram, Worker};
use super::rooms::{self, Rooms};
use super::{Admissions, ApiKeys, Engine, Inner, EVENT_QUEUE};
use crate::{clock, random};

/// Wakes whoever runs the workers.
struct Doorbell(Arc<Notify>);

impl Bell for Doorbell {
    fn ring(&self) {
        self.0.notify_one();
    }
}

fn seeded() -> u128 {
    u128::from_le_bytes(random::bytes())
}

/// The workers of an engine, in the hands of their caller.
pub(crate) struct Workers {
    workers: Vec<Worker>,
    links: Links,
    rooms: Arc<Rooms>,
}

/// Where a participant is, as the rooms have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub identity: String,
    pub room: String,
    pub hears: bool,
}

impl Engine {
    /// An engine at an address of a simulated network; `bell` is rung when a worker has something to do.
    pub(crate) fn simulated(
        address: SocketAddr,
        workers: usize,
        resume_window: Duration,
        keys: ApiKeys,
        admissions: Arc<dyn Admissions>,
        bell: &Arc<Notify>,
    ) -> (Self, Workers) {
        let link = |_| Arc::new(Link::new(Box::new(Doorbell(bell.clone()))));
        let links: Links = (0..workers).map(link).collect();
        let (reports, receiver) = mpsc::unbounded_channel();
        let (events, _) = broadcast::channel(EVENT_QUEUE);
        let rooms = Rooms::new(
            links.clone(),
            keys,
            Vec::new(),
            resume_window,
            resume_window,
            // So that they meet across workers.
            1,
            events.clone(),
        );
        let certificate = certificate();
        let worker = |worker| {
            let transport = Transport {
                worker,
                certificate: certificate.clone(),
                candidates: vec![address],
                tcp_candidates: Vec::new(),
                random: seeded,
                clock: WallClock::new(clock::now(), Duration::from_secs(1_700_000_000)),
            };
            Worker::new(transport, links.clone(), reports.clone(), clock::now())
        };
        let workers = Workers {
            workers: (0..workers).map(worker).collect(),
            links: links.clone(),
            rooms: rooms.clone(),
        };
        tokio::spawn(rooms::reports::follow(rooms.clone(), receiver));
        let inner = Inner {
            rooms,
            admissions,
            events,
            address,
            tcp_address: None,
            tcp: None,
            threads: Mutex::default(),
        };
        let engine = Self {
            inner: Arc::new(inner),
        };
        (engine, workers)
    }
}

impl Workers {
    /// When [`Self::wake`] has to be called at the latest.
    pub fn due(&self) -> Option<Instant> {
        self.workers.iter().map(Worker::due).min()
    }

    pub fn wake(&mut self, now: Instant) {
        for worker in &mut self.workers {
            worker.wake(now);
        }
    }

    /// The socket is chosen by the sender's address, as the kernel does; not by the session's home.
    pub fn receive(&mut self, from: SocketAddr, bytes: &[u8], now: Instant) {
        let socket = usize::from(from.port()) % self.workers.len();
        let datagram = Datagram {
            from: Origin {
                protocol: Protocol::Udp,
                address: from,
            },
            to: None,
            bytes,
        };
        self.workers[socket].receive(datagram, now);
    }

    /// Lets the workers do everything that they have to do now; what they send goes to `send`.
    pub fn settle(&mut self, now: Instant, mut send: impl FnMut(SocketAddr, &[u8])) {
        loop {
            let mut quiet = true;
            for (worker, link) in self.workers.iter_mut().zip(self.links.iter()) {
                link.woke();
                worker.obey(now);
                while worker.receive_handed(now) {
                    quiet = false;
                }
                worker.take_forwarded(usize::MAX);
                while worker.fan_out(now) {
                    quiet = false;
                }
                let outbox = worker.outbox();
                for Transmit {
                    destination,
                    contents,
                    ..
                } in outbox.datagrams.drain(..)
                {
                    send(destination, &contents);
                }
                outbox.keep_promises();
            }
            let asleep = self.links.iter().all(|link| link.may_sleep());
            if quiet && asleep {
                return;
            }
        }
    }

    /// Who is where, and whether they may hear others there.
    pub fn places(&self) -> Vec<Place> {
        let locked = self.rooms.lock();
        let places = locked.participants.values().map(|p| Place {
            identity: p.identity.clone(),
            room: p.room.clone(),
            hears: p.grants.subscribe,
        });
        let mut places: Vec<Place> = places.collect();
        places.sort();
        places
    }
}
