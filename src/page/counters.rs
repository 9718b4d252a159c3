//! How many of the browser's resources the SDK holds: all must be zero when everything is disposed
//! of (`core.ts`, `counters`; the leak tests).
//!
//! A count goes up with the token that its owner keeps beside the resource, and down when the token
//! is dropped; so it cannot be forgotten separately.

use std::cell::Cell;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// WebSockets.
    Socket,
    /// `RTCPeerConnection`s.
    PeerConnection,
    /// Media tracks that the SDK opened itself.
    Track,
    /// `setTimeout`.
    Timer,
    /// Event listeners.
    Listener,
    /// Rendered views.
    View,
    /// Audio and video elements.
    Element,
}

const KINDS: usize = 7;

thread_local! {
    static COUNTS: [Cell<u32>; KINDS] = const { [const { Cell::new(0) }; KINDS] };
}

/// One held resource.
#[derive(Debug)]
pub struct Counted(Resource);

impl Counted {
    /// Counts one more.
    pub fn new(resource: Resource) -> Self {
        COUNTS.with(|counts| counts[resource as usize].set(count(resource) + 1));
        Self(resource)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        COUNTS.with(|counts| counts[self.0 as usize].set(count(self.0).saturating_sub(1)));
    }
}

/// How many are held.
pub fn count(resource: Resource) -> u32 {
    COUNTS.with(|counts| counts[resource as usize].get())
}

/// All counts at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// WebSockets.
    pub sockets: u32,
    /// Peer connections.
    pub peer_connections: u32,
    /// Tracks.
    pub tracks: u32,
    /// Timers.
    pub timers: u32,
    /// Listeners.
    pub listeners: u32,
    /// Views.
    pub views: u32,
    /// Elements.
    pub elements: u32,
}

/// The counts as they are now.
pub fn snapshot() -> Counters {
    Counters {
        sockets: count(Resource::Socket),
        peer_connections: count(Resource::PeerConnection),
        tracks: count(Resource::Track),
        timers: count(Resource::Timer),
        listeners: count(Resource::Listener),
        views: count(Resource::View),
        elements: count(Resource::Element),
    }
}
