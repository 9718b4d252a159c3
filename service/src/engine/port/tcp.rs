//! ICE over TCP, for clients whose network lets no UDP through (RFC 6544, passive candidates; the
//! framing is RFC 4571's: a length of two bytes before each packet).
//!
//! A task per connection reads frames and hands them to the worker that the first one names; what
//! the worker sends comes through a bounded queue, so a slow reader loses media and delays nobody.
//! This way takes tokio's locks; it is the fallback, not the packet path.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_queue::SegQueue;
use parking_lot::Mutex;
use str0m::net::{Protocol, Transmit};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::frames::{queue, Frames, Waiting};
use crate::engine::packets::command::Command;
use crate::engine::packets::demux::worker_of_check;
use crate::engine::packets::link::{Counters, Link, Links, MAX_DATAGRAM};
use crate::engine::packets::outbox::Ended;
use crate::engine::packets::paths::Origin;
use crate::engine::packets::worker::Datagram;

/// Until a connection has sent a check that its session answers; a client's first check comes with
/// the connection, and is repeated after half a second (S11).
const PROOF: Duration = Duration::from_secs(10);
/// Frames taken from a connection that has proven nothing: a few repeated checks.
const UNPROVEN_FRAMES: usize = 16;
/// Connections that have proven nothing yet, in all and of one address: a company's people behind
/// one NAT may come together.
const STRANGERS: usize = 1024;
const STRANGERS_OF_ADDRESS: usize = 128;
/// A client checks its path every few seconds; after this long without a frame it is gone
/// (RFC 7675 5.1).
const SILENCE: Duration = Duration::from_secs(30);
/// A frame that cannot be written for so long has no reader.
const PATIENCE: Duration = Duration::from_secs(10);
/// Packets written by one call.
const WRITES: usize = 32;
/// What the system may hold back on the way out, on top of the queue: what is older than that is
/// better lost than late.
const SEND_BUFFER: usize = 128 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// A connection that belongs to a worker from now on.
pub(in crate::engine) struct Connected {
    address: SocketAddr,
    frames: Frames,
}

/// New connections of one worker, on their way to its thread.
pub(in crate::engine) type Connections = Arc<SegQueue<Connected>>;

/// The writing ends of a worker's connections.
pub(super) struct Writers {
    coming: Connections,
    frames: HashMap<SocketAddr, Frames>,
}

impl Writers {
    pub fn new(coming: Connections) -> Self {
        Self {
            coming,
            frames: HashMap::new(),
        }
    }

    /// Take what goes by TCP out of the list and queue it.
    pub fn send(&mut self, datagrams: &mut Vec<Transmit>, counters: &Counters) {
        for datagram in datagrams.extract_if(.., |d| d.proto != Protocol::Udp) {
            self.welcome();
            let length = datagram.contents.len() as u64;
            let sent = match self.frames.get_mut(&datagram.destination) {
                Some(frames) => frames.put(datagram.contents),
                None => Err(TrySendError::Closed(())),
            };
            match sent {
                Ok(()) => {
                    Counters::add(&counters.packets_out, 1);
                    Counters::add(&counters.bytes_out, length);
                }
                Err(error) => {
                    Counters::add(&counters.dropped, 1);
                    if error == TrySendError::Closed(()) {
                        self.frames.remove(&datagram.destination);
                    }
                }
            }
        }
    }

    /// What waits of streams that ended is not written any more.
    pub fn end(&self, ended: &mut Vec<Ended>) {
        for Ended { to, streams } in ended.drain(..) {
            if let Some(frames) = self.frames.get(&to) {
                frames.end(streams);
            }
        }
    }

    fn welcome(&mut self) {
        while let Some(connected) = self.coming.pop() {
            self.frames.retain(|_, frames| !frames.is_closed());
            self.frames.insert(connected.address, connected.frames);
        }
    }
}

/// Open the port.
pub(in crate::engine) fn listen(bind: SocketAddr) -> std::io::Result<TcpListener> {
    let domain = socket2::Domain::for_address(bind);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    if bind.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A restart must not wait for the connections of before to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&bind.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accept connections until dropped; they end with it.
pub(in crate::engine) async fn serve(
    listener: TcpListener,
    links: Links,
    connections: Arc<[Connections]>,
) {
    let strangers = Arc::new(Strangers::default());
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => {
                    // One too many is closed without a word.
                    let Some(place) = strangers.place(from.ip()) else { continue };
                    let talk = Conversation::new(&stream, from, &links, &connections);
                    tasks.spawn(talk.hold(stream, place));
                }
                Err(error) => {
                    // No file descriptors are left, for instance: others have to end first.
                    tracing::warn!(%error, "a media connection cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
        }
    }
}

/// Connections that have proven nothing.
#[derive(Default)]
struct Strangers {
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// One of them; dropped when it has proven itself or ends.
struct Place {
    strangers: Arc<Strangers>,
    address: IpAddr,
}

impl Strangers {
    fn place(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut by_address = self.by_address.lock();
        let all: usize = by_address.values().sum();
        let of_address = by_address.get(&address).copied().unwrap_or(0);
        if all >= STRANGERS || of_address >= STRANGERS_OF_ADDRESS {
            return None;
        }
        by_address.insert(address, of_address + 1);
        Some(Place {
            strangers: self.clone(),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.strangers.by_address.lock();
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

/// One connection.
struct Conversation {
    from: Origin,
    to: Option<IpAddr>,
    links: Links,
    connections: Arc<[Connections]>,
    /// The worker has sent something: str0m answers none but verified checks.
    proven: AtomicBool,
}

impl Conversation {
    fn new(
        stream: &TcpStream,
        from: SocketAddr,
        links: &Links,
        connections: &Arc<[Connections]>,
    ) -> Self {
        Self {
            from: Origin {
                protocol: Protocol::Tcp,
                address: SocketAddr::new(from.ip().to_canonical(), from.port()),
            },
            to: stream.local_addr().ok().map(|a| a.ip().to_canonical()),
            links: links.clone(),
            connections: connections.clone(),
            proven: AtomicBool::new(false),
        }
    }

    async fn hold(self, stream: TcpStream, place: Place) {
        // Without either it works, with more delay.
        let _ = stream.set_nodelay(true);
        let _ = socket2::SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
        let (reader, writer) = stream.into_split();
        let mut reader = BufReader::with_capacity(2 * MAX_DATAGRAM, reader);
        let mut frame = [0; MAX_DATAGRAM];
        let Ok(Some(length)) = timeout(PROOF, next_frame(&mut reader, &mut frame)).await else {
            return;
        };
        let worker = worker_of_check(&frame[..length]);
        let Some((worker, link)) = worker.and_then(|w| Some((w, self.links.get(w)?.clone())))
        else {
            return;
        };
        let (frames, waiting) = queue();
        self.connections[worker].push(Connected {
            address: self.from.address,
            frames,
        });
        self.hand(&link, worker, &frame[..length]);
        tokio::select! {
            () = self.read(reader, &mut frame, &link, worker) => {}
            () = self.write(writer, waiting, place) => {}
        }
        link.command(Command::Hangup {
            address: self.from.address,
        });
    }

    async fn read(
        &self,
        mut reader: BufReader<OwnedReadHalf>,
        frame: &mut [u8; MAX_DATAGRAM],
        link: &Link,
        worker: usize,
    ) {
        let mut unproven = 1;
        loop {
            let Ok(Some(length)) = timeout(SILENCE, next_frame(&mut reader, frame)).await else {
                return;
            };
            if !self.proven.load(Ordering::Relaxed) {
                unproven += 1;
                if unproven > UNPROVEN_FRAMES {
                    return;
                }
            }
            self.hand(link, worker, &frame[..length]);
        }
    }

    fn hand(&self, link: &Link, worker: usize, bytes: &[u8]) {
        let datagram = Datagram {
            from: self.from,
            to: self.to,
            bytes,
        };
        let mut handed = link.spare_box();
        // By its own worker: the connection ends there and nowhere else.
        if handed.fill(datagram, worker) {
            Counters::add(&link.counters.packets_in, 1);
            Counters::add(&link.counters.bytes_in, bytes.len() as u64);
            link.hand(handed);
            link.ring();
        }
    }

    async fn write(&self, mut writer: OwnedWriteHalf, mut waiting: Waiting, place: Place) {
        let mut frames = Vec::with_capacity(WRITES);
        let mut bytes = Vec::with_capacity(WRITES * MAX_DATAGRAM);
        let Ok(true) = timeout(PROOF, waiting.take(&mut frames, WRITES)).await else {
            return;
        };
        self.proven.store(true, Ordering::Relaxed);
        drop(place);
        loop {
            for frame in frames.drain(..) {
                put_frame(&mut bytes, &frame);
            }
            match timeout(PATIENCE, writer.write_all(&bytes)).await {
                Ok(Ok(())) => bytes.clear(),
                _ => return,
            }
            if !waiting.take(&mut frames, WRITES).await {
                return;
            }
        }
    }
}

/// The next frame's length; `None` at the end, or at a frame that no WebRTC client sends.
async fn next_frame(
    reader: &mut BufReader<OwnedReadHalf>,
    frame: &mut [u8; MAX_DATAGRAM],
) -> Option<usize> {
    let length = usize::from(reader.read_u16().await.ok()?);
    let room = frame.get_mut(..length)?;
    reader.read_exact(room).await.ok()
}

fn put_frame(bytes: &mut Vec<u8>, frame: &[u8]) {
    // A packet larger than this was never made: str0m's are below an Ethernet frame.
    let Ok(length) = u16::try_from(frame.len()) else {
        return;
    };
    bytes.extend(length.to_be_bytes());
    bytes.extend(frame);
}

#[cfg(test)]
mod tests {
    use super::super::frames::QUEUE;
    use super::*;

    fn datagram(protocol: Protocol, port: u16) -> Transmit {
        let address = SocketAddr::from(([192, 0, 2, 1], port));
        Transmit {
            proto: protocol,
            source: address,
            destination: address,
            contents: vec![0; 100].into(),
        }
    }

    /// Who does not read loses media; nothing waits for it, and others get theirs.
    #[test]
    fn a_slow_reader_loses_media_alone() {
        let connections = Connections::default();
        let mut writers = Writers::new(connections.clone());
        let counters = Counters::default();
        let connect = |port| {
            let (frames, waiting) = queue();
            let address = SocketAddr::from(([192, 0, 2, 1], port));
            connections.push(Connected { address, frames });
            waiting
        };
        let (slow, mut quick) = (connect(1), connect(2));
        for _ in 0..QUEUE + 10 {
            let mut list = vec![
                datagram(Protocol::Tcp, 1),
                datagram(Protocol::Udp, 1),
                datagram(Protocol::Tcp, 2),
            ];
            writers.send(&mut list, &counters);
            assert_eq!(list.len(), 1, "what goes by UDP is left");
            assert!(quick.try_take());
        }
        assert_eq!(slow.len(), QUEUE);
        assert_eq!(counters.dropped.load(Ordering::Relaxed), 10);
        // One that is gone is forgotten.
        drop(slow);
        writers.send(&mut vec![datagram(Protocol::Tcp, 1)], &counters);
        assert_eq!(counters.dropped.load(Ordering::Relaxed), 11);
        assert_eq!(writers.frames.len(), 1);
    }

    /// S11: whoever proves nothing takes a bounded number of places, and others find one.
    #[test]
    fn strangers_are_bounded_by_address_and_in_all() {
        let strangers = Arc::new(Strangers::default());
        let address = |n: usize| IpAddr::from([10, 0, 0, n as u8]);
        let mut places = Vec::new();
        for _ in 0..STRANGERS_OF_ADDRESS {
            places.push(strangers.place(address(1)).expect("room for some"));
        }
        assert!(strangers.place(address(1)).is_none());
        assert!(strangers.place(address(2)).is_some());
        places.pop();
        places.push(
            strangers
                .place(address(1))
                .expect("the place of one that ended"),
        );
        for n in 2.. {
            if places.len() == STRANGERS {
                break;
            }
            for _ in 0..STRANGERS_OF_ADDRESS {
                places.extend(strangers.place(address(n)));
            }
        }
        assert!(strangers.place(address(200)).is_none());
        drop(places);
        assert!(strangers.by_address.lock().is_empty());
    }
}
