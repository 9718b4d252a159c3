//! The agent socket: a WebSocket with the control protocol's subprotocol, text frames.

use crate::meeting::Received;
use crate::page::counters::{Counted, Resource};
use crate::page::guard::Listener;
use crate::values::{frames, requests, stringify};
use plenary_protocol::agent::{close, ClientFrame, SUBPROTOCOL};
use std::rc::Rc;
use web_sys::{MessageEvent, WebSocket};

/// What a socket reports.
pub enum SocketEvent {
    /// Open: the hello can go.
    Opened,
    /// A frame.
    Received(Received),
    /// Closed, or could not be opened; nothing follows.
    Closed,
}

/// An open, or opening, socket; dropping it closes it and nothing is reported any more.
pub struct Socket {
    socket: WebSocket,
    // Before the socket's own drop: a closed socket must not report to whoever dropped it.
    _listeners: [Listener; 3],
    _counted: Counted,
}

impl Socket {
    /// Opens. `None` where the browser refuses the address at once (mixed content, a bad port).
    pub fn open(address: &str, then: impl Fn(SocketEvent) + 'static) -> Option<Self> {
        let socket = WebSocket::new_with_str(address, SUBPROTOCOL).ok()?;
        let then = Rc::new(then);
        let (opened, received, closed) = (then.clone(), then.clone(), then);
        let listeners = [
            Listener::told(&socket, "open", move || opened(SocketEvent::Opened)),
            Listener::new(&socket, "message", move |event: MessageEvent| {
                let text = event.data().as_string();
                received(SocketEvent::Received(
                    text.map_or(Received::Unreadable, |text| frames::received(&text)),
                ));
            }),
            // A failure to connect reports `error`, then `close`.
            Listener::told(&socket, "close", move || closed(SocketEvent::Closed)),
        ];
        Some(Self {
            socket,
            _listeners: listeners,
            _counted: Counted::new(Resource::Socket),
        })
    }

    /// Sends; a socket that is closing drops it, and reports that it closed.
    pub fn send(&self, frame: &ClientFrame) {
        let _ = self
            .socket
            .send_with_str(&stringify(&requests::frame(frame)));
    }

    /// Closes; what was sent before is still delivered.
    pub fn close(self, code: u16) {
        let _ = self.socket.close_with_code(code);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Nothing, where it is closed already.
        let _ = self.socket.close_with_code(close::RESUMES);
    }
}
