//! What waits to be written to a TCP connection.
//!
//! A slow reader's packets may wait for a second. Whose stream ended meanwhile, because they were moved
//! for instance, is not sent what waits of it (S14); what the system was given already cannot be had back.

use std::sync::Arc;

use parking_lot::Mutex;
use str0m::net::DatagramSend;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::engine::packets::demux::is_media;
use crate::engine::packets::outbox::Streams;

/// Packets that wait for a slow reader: about a second of 2.5 Mbit/s.
pub(super) const QUEUE: usize = 256;

/// The end where packets are put in.
pub(super) struct Frames {
    queue: mpsc::Sender<Frame>,
    made: u64,
    ended: Arc<Mutex<Vec<Cut>>>,
}

/// The end where they are written.
pub(super) struct Waiting {
    queue: mpsc::Receiver<Frame>,
    ended: Arc<Mutex<Vec<Cut>>>,
    taken: Vec<Frame>,
}

struct Frame {
    number: u64,
    packet: DatagramSend,
}

/// One for each section.
struct Cut {
    streams: Streams,
    /// Frames below this number are over.
    before: u64,
}

/// A connection's queue.
pub(super) fn queue() -> (Frames, Waiting) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let ended = Arc::default();
    let frames = Frames {
        queue: sender,
        made: 0,
        ended: Arc::clone(&ended),
    };
    let waiting = Waiting {
        queue: receiver,
        ended,
        taken: Vec::new(),
    };
    (frames, waiting)
}

impl Frames {
    /// An error says whether the queue is full or its connection gone.
    pub fn put(&mut self, packet: DatagramSend) -> Result<(), TrySendError<()>> {
        let number = self.made;
        self.made += 1;
        let put = self.queue.try_send(Frame { number, packet });
        put.map_err(|error| match error {
            TrySendError::Full(_) => TrySendError::Full(()),
            TrySendError::Closed(_) => TrySendError::Closed(()),
        })
    }

    /// Nothing that waits of these streams is to be written.
    pub fn end(&self, streams: Streams) {
        let mut ended = self.ended.lock();
        ended.retain(|e| e.streams != streams);
        ended.push(Cut {
            streams,
            before: self.made,
        });
    }

    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }
}

impl Waiting {
    /// Wait for packets, and add up to so many of them. False once there will be none any more.
    pub async fn take(&mut self, packets: &mut Vec<DatagramSend>, most: usize) -> bool {
        if self.queue.recv_many(&mut self.taken, most).await == 0 {
            return false;
        }
        let ended = self.ended.lock();
        let goes_on = |f: &Frame| !ended.iter().any(|e| e.has(f));
        packets.extend(self.taken.drain(..).filter(goes_on).map(|f| f.packet));
        true
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    #[cfg(test)]
    pub fn try_take(&mut self) -> bool {
        self.queue.try_recv().is_ok()
    }
}

impl Cut {
    fn has(&self, frame: &Frame) -> bool {
        frame.number < self.before && is_media(&frame.packet) && self.streams.have(&frame.packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTP: u8 = 0x80;

    fn packet(ssrc: u32, mark: u8) -> DatagramSend {
        let mut bytes = vec![RTP, mark, 0, 0, 0, 0, 0, 0];
        bytes.extend(ssrc.to_be_bytes());
        bytes.into()
    }

    async fn marks(waiting: &mut Waiting) -> Vec<u8> {
        let mut packets = Vec::new();
        assert!(waiting.take(&mut packets, QUEUE).await);
        packets.iter().map(|p| p[1]).collect()
    }

    /// S14, E15: of a room that somebody left nothing is sent that still waited; of the others'
    /// streams, and of what came after, everything is.
    #[tokio::test]
    async fn what_waits_of_a_stream_that_ended_is_not_written() {
        let (mut frames, mut waiting) = queue();
        for (ssrc, mark) in [(1, 1), (2, 2), (3, 3)] {
            frames.put(packet(ssrc, mark)).unwrap();
        }
        let handshake: Vec<u8> = [vec![22], vec![0; 7], 1u32.to_be_bytes().to_vec()].concat();
        frames.put(handshake.into()).unwrap();
        frames.end(Streams::new(1, Some(2)));
        for (ssrc, mark) in [(1, 4), (2, 5)] {
            frames.put(packet(ssrc, mark)).unwrap();
        }
        assert_eq!(marks(&mut waiting).await, [3, 0, 4, 5]);
        // Ended again, before anything else came.
        frames.put(packet(1, 6)).unwrap();
        frames.end(Streams::new(1, Some(2)));
        assert_eq!(frames.ended.lock().len(), 1);
        assert_eq!(marks(&mut waiting).await, [] as [u8; 0]);
        drop(frames);
        assert!(!waiting.take(&mut Vec::new(), 1).await);
    }
}
