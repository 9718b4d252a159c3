//! The outgoing half of a signalling socket, as the rooms hold it.

use livekit_protocol as lk;
use lk::signal_response::Message;
use tokio::sync::mpsc;

/// Messages that may wait for a slow reader; one who falls further behind is dropped (S11) and
/// comes back by a resume. A room of 350 that joins at once makes some hundreds.
pub(crate) const QUEUE: usize = 1024;

/// A frame for the client.
#[derive(Debug)]
pub(crate) enum Frame {
    Message(Box<Message>),
    Text(String),
    /// Close the socket after what was queued before.
    Close,
}

/// The way to a client's socket.
#[derive(Debug, Clone)]
pub(crate) struct Signal {
    frames: mpsc::Sender<Frame>,
    /// Tells a newer socket of the same participant from this one.
    pub generation: u64,
}

impl Signal {
    pub fn new(generation: u64) -> (Self, mpsc::Receiver<Frame>) {
        let (frames, receiver) = mpsc::channel(QUEUE);
        (Self { frames, generation }, receiver)
    }

    /// False if the reader is too slow or gone; the socket must go, too.
    pub fn send(&self, frame: Frame) -> bool {
        self.frames.try_send(frame).is_ok()
    }
}
