//! What a worker wants sent: filled by the sessions, emptied by whoever owns the sockets.

use str0m::net::Transmit;
use tokio::sync::oneshot;

/// Datagrams that may wait for a socket whose buffer is full: about 5 MB, or 40 ms of a gigabit.
/// What would wait longer is of no use as media; it is dropped and counted.
pub(crate) const MAX_WAITING: usize = 4096;

/// Datagrams on their way out, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub datagrams: Vec<Transmit>,
    /// Answered once everything above has left the process (or is known to be lost).
    promises: Vec<oneshot::Sender<()>>,
}

impl Outbox {
    /// False if the datagram is lost because too many wait already.
    pub fn push(&mut self, datagram: Transmit) -> bool {
        if self.datagrams.len() >= MAX_WAITING {
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
