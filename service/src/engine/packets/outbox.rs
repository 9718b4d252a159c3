//! What a worker wants sent: filled by the sessions, emptied by whoever owns the sockets.

use std::net::SocketAddr;

use str0m::net::{Protocol, Transmit};
use tokio::sync::oneshot;

use super::demux::is_media;
use super::link::MAX_DATAGRAM;
use super::sending::rtcp::is_rtcp;

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

/// What one section sends: its own SSRC, and that of its retransmissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Streams([u32; 2]);

impl Streams {
    pub fn new(ssrc: u32, rtx: Option<u32>) -> Self {
        Self([ssrc, rtx.unwrap_or(ssrc)])
    }

    /// Whether an SSRC is of one of them.
    pub fn are(&self, ssrc: u32) -> bool {
        self.0.contains(&ssrc)
    }

    /// Whether an RTP packet is.
    pub fn have(&self, packet: &[u8]) -> bool {
        let ssrc = packet.get(8..12).and_then(|b| b.try_into().ok());
        let ssrc = ssrc.map(u32::from_be_bytes);
        !is_rtcp(packet) && ssrc.is_some_and(|ssrc| self.are(ssrc))
    }
}

/// Streams to a TCP client of which nothing that waits is to be sent.
#[derive(Debug)]
pub(crate) struct Ended {
    pub to: SocketAddr,
    pub streams: Streams,
}

/// Datagrams on their way out, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub datagrams: Vec<Transmit>,
    pub buffers: Buffers,
    /// To be carried out before the datagrams are sent.
    pub ended: Vec<Ended>,
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

    /// Streams to a TCP client end, and with them what waits of them for a slow reader. (By UDP nothing
    /// waits longer than until the next promise is kept.)
    pub fn end(&mut self, to: SocketAddr, streams: Streams) {
        let is_over = |d: &mut Transmit| {
            let there = d.proto != Protocol::Udp && d.destination == to;
            there && is_media(&d.contents) && streams.have(&d.contents)
        };
        let over = self.datagrams.extract_if(.., is_over);
        over.for_each(|datagram| self.buffers.give(datagram));
        self.ended.push(Ended { to, streams });
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

    /// S14: of a stream that ended nothing goes to a connection's queue; to others with the same address
    /// by UDP it does.
    #[test]
    fn what_was_made_of_a_stream_that_ended_is_left_out_for_tcp() {
        let rtp = |ssrc: u32| [vec![0x80; 8], ssrc.to_be_bytes().to_vec()].concat();
        let mut outbox = Outbox::default();
        for (proto, ssrc) in [(Protocol::Tcp, 1), (Protocol::Tcp, 2), (Protocol::Udp, 1)] {
            let datagram = datagram(rtp(ssrc));
            outbox.push(Transmit { proto, ..datagram });
        }
        let to = datagram(Vec::new()).destination;
        outbox.end(to, Streams::new(1, None));
        let left = outbox.datagrams.iter().map(|d| (d.proto, d.contents[11]));
        assert!(left.eq([(Protocol::Tcp, 2), (Protocol::Udp, 1)]));
        assert_eq!(outbox.ended.len(), 1);
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
