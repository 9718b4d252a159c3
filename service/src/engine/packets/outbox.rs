//! What a worker wants sent: filled by the sessions, emptied by whoever owns the sockets.

use str0m::net::Transmit;
use tokio::sync::oneshot;

use super::link::MAX_DATAGRAM;

/// Datagrams that may wait for a socket whose buffer is full: about 5 MB, or 40 ms of a gigabit.
/// What would wait longer is of no use as media; it is dropped and counted.
pub(crate) const MAX_WAITING: usize = 4096;

/// Buffers that are kept for the next datagrams: those of a flush or two. Few enough, and the one that
/// was used last first, so that they stay in the processor's cache.
const MAX_SPARE: usize = 512;
/// Room in a new buffer: an Ethernet frame's, which no packet of a WebRTC client exceeds.
const ROOM: usize = 1536;

/// Buffers of datagrams that have left.
#[derive(Debug, Default)]
pub(crate) struct Buffers(Vec<Vec<u8>>);

impl Buffers {
    /// An empty one.
    pub fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_else(|| Vec::with_capacity(ROOM))
    }

    /// The datagram has left, or never will. Of another maker its buffer is of any size.
    pub fn give(&mut self, datagram: Transmit) {
        let mut buffer: Vec<u8> = datagram.contents.into();
        if self.0.len() < MAX_SPARE && (ROOM..=MAX_DATAGRAM).contains(&buffer.capacity()) {
            buffer.clear();
            self.0.push(buffer);
        }
    }
}

/// Datagrams on their way out, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub datagrams: Vec<Transmit>,
    pub buffers: Buffers,
    /// Answered once everything above has left the process (or is known to be lost).
    promises: Vec<oneshot::Sender<()>>,
}

impl Outbox {
    /// False if the datagram is lost because too many wait already.
    pub fn push(&mut self, datagram: Transmit) -> bool {
        if self.datagrams.len() >= MAX_WAITING {
            self.buffers.give(datagram);
            return false;
        }
        self.datagrams.push(datagram);
        true
    }

    pub fn promise(&mut self, reply: oneshot::Sender<()>) {
        self.promises.push(reply);
    }

    pub fn has_promises(&self) -> bool {
        !self.promises.is_empty()
    }

    /// To be called when the datagrams are gone.
    pub fn keep_promises(&mut self) {
        for promise in self.promises.drain(..) {
            // Who waited may have given up.
            let _ = promise.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use str0m::net::Protocol;

    use super::*;

    fn datagram(contents: Vec<u8>) -> Transmit {
        let address = SocketAddr::from(([192, 0, 2, 1], 1));
        Transmit {
            proto: Protocol::Udp,
            source: address,
            destination: address,
            contents: contents.into(),
        }
    }

    /// Buffers of our own come back empty; others', and more than are of use, do not.
    #[test]
    fn a_buffer_is_used_again() {
        let mut buffers = Buffers::default();
        let mut first = buffers.take();
        first.extend_from_slice(b"secret");
        let place = first.as_ptr();
        buffers.give(datagram(first));
        let again = buffers.take();
        assert_eq!((again.as_ptr(), again.len()), (place, 0));

        buffers.give(datagram(vec![1; 100]));
        buffers.give(datagram(vec![1; MAX_DATAGRAM + 1]));
        assert!(buffers.0.is_empty());
        (0..MAX_SPARE + 5).for_each(|_| buffers.give(datagram(Vec::with_capacity(ROOM))));
        assert_eq!(buffers.0.len(), MAX_SPARE);
    }
}
