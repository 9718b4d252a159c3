//! One datagram a system call: for systems without batches.

use std::io::Result;

use super::udp::{Arrived, Inbox};

/// Put the next datagram into the inbox.
pub(super) fn receive(socket: &mio::net::UdpSocket, inbox: &mut Inbox) -> Result<usize> {
    inbox.arrived.clear();
    let (length, from) = socket.recv_from(&mut inbox.buffers[0])?;
    inbox.arrived.push(Arrived {
        from,
        to: None,
        place: 0,
        length,
    });
    Ok(1)
}
