//! What crosses workers: bounded queues without locks, and a bell that wakes the receiver.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
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

/// Bytes of data messages that may wait for a worker: a tenth of a second of a gigabit.
const DATA_BYTES: usize = 16 * 1024 * 1024;
/// Data messages of a worker's clients that may wait to be relayed (S11): one participant that
/// floods the room is not to fill the memory. What is lost is lost to a receiver's resume, too.
const DATA_REPORTS: usize = 1024;

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
    /// Bytes of data messages among the commands.
    data_bytes: AtomicUsize,
    /// Data messages reported and not yet relayed.
    data_reports: AtomicUsize,
    pub counters: Counters,
}

/// All workers' links, by worker.
pub(crate) type Links = Arc<[Arc<Link>]>;

/// A data message that waits to be relayed; dropped when it has been.
pub(crate) struct Pending(Arc<Link>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.data_reports.fetch_sub(1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pending")
    }
}

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
            data_bytes: AtomicUsize::new(0),
            data_reports: AtomicUsize::new(0),
            counters: Counters::default(),
        }
    }

    /// An order; data messages are dropped and counted if too many of them wait.
    pub fn command(&self, command: Command) {
        if let Command::Data { bytes, .. } = &command {
            let waiting = self.data_bytes.fetch_add(bytes.len(), Ordering::Relaxed);
            if waiting > DATA_BYTES {
                self.data_bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
                return Counters::add(&self.counters.dropped, 1);
            }
        }
        self.commands.push(command);
        self.ring();
    }

    /// A packet for subscribers on this worker; dropped and counted if the worker is behind. Whoever
    /// calls rings the bell when there are no more.
    pub fn forward(&self, packet: Forward) {
        if self.media.push(packet).is_err() {
            Counters::add(&self.counters.dropped, 1);
        }
    }

    /// A datagram of one of this worker's sessions; the same holds for it.
    pub fn hand(&self, datagram: Box<Handed>) {
        if self.datagrams.push(datagram).is_err() {
            Counters::add(&self.counters.dropped, 1);
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
        let command = self.commands.pop()?;
        if let Command::Data { bytes, .. } = &command {
            self.data_bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
        }
        Some(command)
    }

    /// Room for one more data message on its way to the rooms; `None` if too many wait there.
    pub fn report_data(self: &Arc<Self>) -> Option<Pending> {
        let pending = Pending(self.clone());
        let waiting = self.data_reports.fetch_add(1, Ordering::Relaxed);
        (waiting < DATA_REPORTS).then_some(pending)
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
        let empty = self.commands.is_empty() && !self.has_packets();
        if !empty {
            self.awake.store(true, Ordering::SeqCst);
        }
        empty
    }

    pub fn woke(&self) {
        self.awake.store(true, Ordering::SeqCst);
    }

    /// Whether packets wait here that were not taken yet.
    pub fn has_packets(&self) -> bool {
        !self.media.is_empty() || !self.datagrams.is_empty()
    }

    /// One system call when the worker sleeps, none while it runs.
    pub fn ring(&self) {
        if !self.awake.swap(true, Ordering::SeqCst) {
            self.bell.ring();
        }
    }
}

/// Where all workers are asked after each event, or none is there, nobody has to be woken.
#[cfg(test)]
pub(crate) struct Silent;

#[cfg(test)]
impl Bell for Silent {
    fn ring(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::packets::command::SessionId;

    fn data(size: usize) -> Command {
        Command::Data {
            id: SessionId(1),
            label: "_reliable".to_owned(),
            bytes: vec![0; size],
        }
    }

    /// S11: a flood of data messages is cut off, and orders go on.
    #[test]
    fn data_messages_that_wait_are_bounded() {
        let link = Link::new(Box::new(Silent));
        let size = 64 * 1024;
        let room = DATA_BYTES / size + 1;
        for _ in 0..room + 5 {
            link.command(data(size));
        }
        link.command(Command::Shutdown);
        assert_eq!(link.counters.dropped.load(Ordering::Relaxed), 5);
        for _ in 0..room {
            assert!(matches!(link.next_command(), Some(Command::Data { .. })));
        }
        assert!(matches!(link.next_command(), Some(Command::Shutdown)));
        link.command(data(size));
        assert!(link.next_command().is_some(), "room again");
        assert_eq!(link.data_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn data_messages_that_were_not_relayed_yet_are_bounded() {
        let link = Arc::new(Link::new(Box::new(Silent)));
        let mut pending: Vec<_> = (0..DATA_REPORTS).map(|_| link.report_data()).collect();
        assert!(pending.iter().all(Option::is_some));
        assert!(link.report_data().is_none());
        pending.pop();
        assert!(link.report_data().is_some());
    }
}
