//! What crosses workers: bounded queues without locks, and a bell that wakes the receiver.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use crossbeam_queue::{ArrayQueue, SegQueue};
use str0m::net::Protocol;

use super::command::Command;
use super::forward::Forward;
use super::paths::Origin;
use super::worker::Datagram;

/// Packets waiting for a worker. 4096 are a quarter of a second of 16,000 packets a second, far
/// above what one core forwards; beyond it the worker is overloaded and late media is of no use.
const MEDIA_QUEUE: usize = 4096;

/// Datagrams that arrived at another worker's socket.
const DATAGRAM_QUEUE: usize = 1024;

/// The largest datagram of interest: WebRTC stays below an Ethernet frame.
pub(crate) const MAX_DATAGRAM: usize = 2048;

/// A datagram handed to the worker that owns the session.
pub(crate) struct Handed {
    pub from: Origin,
    /// The local address that it was sent to, where the socket tells.
    pub to: Option<IpAddr>,
    /// The worker whose socket heard it.
    pub by: usize,
    length: usize,
    bytes: [u8; MAX_DATAGRAM],
}

impl Handed {
    /// Take a datagram up; false if it is larger than any that counts.
    pub fn fill(&mut self, datagram: Datagram<'_>, by: usize) -> bool {
        let length = datagram.bytes.len();
        let Some(room) = self.bytes.get_mut(..length) else {
            return false;
        };
        room.copy_from_slice(datagram.bytes);
        (self.from, self.to, self.by) = (datagram.from, datagram.to, by);
        self.length = length;
        true
    }

    pub fn datagram(&self) -> Datagram<'_> {
        Datagram {
            from: self.from,
            to: self.to,
            bytes: &self.bytes[..self.length],
        }
    }
}

/// What a worker counts; read for `/metrics`.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub sessions: AtomicU64,
    pub packets_in: AtomicU64,
    pub packets_out: AtomicU64,
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    pub dropped: AtomicU64,
    pub unknown: AtomicU64,
    /// Datagrams that another worker's socket heard.
    pub handed: AtomicU64,
    /// System calls that read and that wrote datagrams.
    pub reads: AtomicU64,
    pub writes: AtomicU64,
}

impl Counters {
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}

/// Wakes a worker that sleeps: how, is the business of whoever runs it.
pub(crate) trait Bell: Send + Sync {
    fn ring(&self);
}

/// The way to one worker, shared by everybody.
pub(crate) struct Link {
    commands: SegQueue<Command>,
    media: ArrayQueue<Forward>,
    datagrams: ArrayQueue<Box<Handed>>,
    /// Used boxes, back at the worker that fills them.
    spare: ArrayQueue<Box<Handed>>,
    bell: Box<dyn Bell>,
    awake: AtomicBool,
    pub counters: Counters,
}

/// All workers' links, by worker.
pub(crate) type Links = Arc<[Arc<Link>]>;

impl Link {
    pub fn new(bell: Box<dyn Bell>) -> Self {
        let spare = ArrayQueue::new(DATAGRAM_QUEUE);
        Self {
            commands: SegQueue::new(),
            media: ArrayQueue::new(MEDIA_QUEUE),
            datagrams: ArrayQueue::new(DATAGRAM_QUEUE),
            spare,
            bell,
            awake: AtomicBool::new(false),
            counters: Counters::default(),
        }
    }

    pub fn command(&self, command: Command) {
        self.commands.push(command);
        self.ring();
    }

    /// A packet for subscribers on this worker; dropped and counted if the worker is behind.
    pub fn forward(&self, packet: Forward) {
        match self.media.push(packet) {
            Ok(()) => self.ring(),
            Err(_) => Counters::add(&self.counters.dropped, 1),
        }
    }

    pub fn hand(&self, datagram: Box<Handed>) {
        match self.datagrams.push(datagram) {
            Ok(()) => self.ring(),
            Err(_) => Counters::add(&self.counters.dropped, 1),
        }
    }

    /// A box to hand a datagram over in; a new one only until enough of them are on their way.
    pub fn spare_box(&self) -> Box<Handed> {
        self.spare.pop().unwrap_or_else(|| {
            Box::new(Handed {
                from: Origin {
                    protocol: Protocol::Udp,
                    address: SocketAddr::from(([0, 0, 0, 0], 0)),
                },
                to: None,
                by: 0,
                length: 0,
                bytes: [0; MAX_DATAGRAM],
            })
        })
    }

    pub fn return_box(&self, datagram: Box<Handed>) {
        // A full pool means that enough boxes exist; this one may go.
        let _ = self.spare.push(datagram);
    }

    pub fn next_command(&self) -> Option<Command> {
        self.commands.pop()
    }

    pub fn next_media(&self) -> Option<Forward> {
        self.media.pop()
    }

    pub fn next_datagram(&self) -> Option<Box<Handed>> {
        self.datagrams.pop()
    }

    /// To be called before sleeping; false means that something came in meanwhile.
    pub fn may_sleep(&self) -> bool {
        self.awake.store(false, Ordering::SeqCst);
        let empty = self.commands.is_empty() && self.media.is_empty() && self.datagrams.is_empty();
        if !empty {
            self.awake.store(true, Ordering::SeqCst);
        }
        empty
    }

    pub fn woke(&self) {
        self.awake.store(true, Ordering::SeqCst);
    }

    /// One system call when the worker sleeps, none while it runs.
    fn ring(&self) {
        if !self.awake.swap(true, Ordering::SeqCst) {
            self.bell.ring();
        }
    }
}
