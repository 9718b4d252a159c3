//! What the rooms ask of a worker, and what a worker tells them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use str0m::media::{Mid, Rid};
use tokio::sync::oneshot;

use super::forward::TrackKey;
use super::layers::{Layer, Rates};
use super::link::Pending;

/// Names a session (one transport, one `Rtc`) in the whole engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SessionId(pub u64);

/// Where a session lives. It stays there for life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionRef {
    pub id: SessionId,
    pub worker: usize,
}

/// An SDP answer or offer as str0m made it, and the SSRCs of its sending sections.
#[derive(Debug)]
pub(crate) struct Negotiated {
    pub sdp: String,
    /// Sections that this call added, in order.
    pub added: Vec<String>,
}

/// The error text of a failed negotiation.
pub(crate) type NegotiationResult = Result<Negotiated, String>;

/// What a published section carries, for its worker.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    pub mid: Mid,
    pub key: TrackKey,
    pub audio: bool,
    /// Simulcast layers, the smallest first; empty without simulcast.
    pub layers: Vec<Rid>,
    /// While closed, what arrives is dropped: muted, or no grant to publish.
    pub open: bool,
    /// Where its layers' bit rates are written to.
    pub rates: Arc<Rates>,
}

/// What somebody wants of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Want {
    /// No better layer than this one is of use.
    pub most: Layer,
    /// Bandwidth goes to higher classes first.
    pub class: u16,
    /// Pixels shown: among equals the larger first.
    pub size: u32,
}

/// What an offer of ours changes.
#[derive(Debug, Default, Clone)]
pub(crate) struct More {
    pub audios: usize,
    pub videos: usize,
    /// Sections that are of no use any more.
    pub stopped: Vec<Mid>,
    pub ice_restart: bool,
}

/// An order to a worker. Orders of one sender are carried out in order.
#[derive(Debug)]
pub(crate) enum Command {
    Create {
        id: SessionId,
    },
    /// The client's offer; the answer goes to `reply`.
    Offer {
        id: SessionId,
        sdp: String,
        reply: oneshot::Sender<NegotiationResult>,
    },
    /// Make an offer with this many more sections.
    MakeOffer {
        id: SessionId,
        more: More,
        reply: oneshot::Sender<NegotiationResult>,
    },
    /// The client's answer to the offer made last.
    Answer {
        id: SessionId,
        sdp: String,
        reply: oneshot::Sender<Result<(), String>>,
    },
    Publish {
        id: SessionId,
        upstream: Upstream,
    },
    /// Open or close a published section.
    Gate {
        key: TrackKey,
        open: bool,
    },
    Unpublish {
        id: SessionId,
        key: TrackKey,
    },
    /// Somebody may come into the track's room until then.
    Expect {
        key: TrackKey,
        until: Instant,
    },
    /// The track goes on under another key (a move).
    Rekey {
        from: TrackKey,
        to: TrackKey,
    },
    /// Send a track into a section of this worker's session, instead of what was there.
    Route {
        id: SessionId,
        mid: Mid,
        track: TrackKey,
        origin: usize,
        video: bool,
        want: Want,
        rates: Arc<Rates>,
        /// Pictures of before may be remembered at its publisher.
        recall: bool,
    },
    /// What is wanted of the track in a section has changed.
    Want {
        id: SessionId,
        mid: Mid,
        want: Want,
    },
    Unroute {
        id: SessionId,
        mid: Mid,
    },
    /// The layers of a track published here that another worker's subscribers want, a bit each.
    Interest {
        track: TrackKey,
        worker: usize,
        layers: u8,
    },
    /// Key frames of these layers are needed, a bit each.
    Keyframe {
        track: TrackKey,
        layers: u8,
    },
    /// Somebody at this worker has come who may have the pictures that are remembered.
    Recall {
        track: TrackKey,
        worker: usize,
    },
    Data {
        id: SessionId,
        label: String,
        bytes: Vec<u8>,
    },
    /// An address that this worker's socket hears belongs to a session of `worker`, or no longer.
    Elsewhere {
        address: std::net::SocketAddr,
        worker: usize,
        there: bool,
    },
    /// A TCP connection of this worker's ended.
    Hangup {
        address: std::net::SocketAddr,
    },
    Close {
        id: SessionId,
    },
    /// Answered when everything told before has been carried out and what was to be sent for it has
    /// been sent.
    Barrier {
        reply: oneshot::Sender<()>,
    },
    Shutdown,
    /// What no worker should meet with.
    #[cfg(test)]
    Break,
}

/// How a session's packets fare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Path {
    /// Shares of the packets lost from the client, and to it.
    pub loss_up: f32,
    pub loss_down: f32,
    /// In seconds.
    pub round_trip: f32,
    /// Some videos are sent smaller than they are wanted, or not at all.
    pub short: bool,
    pub paused: bool,
}

/// What a worker reports.
#[derive(Debug)]
pub(crate) enum Report {
    Connected(SessionId),
    /// ICE lost its path; the session lives on and may come back.
    Disconnected(SessionId),
    /// The other side closed DTLS, or the session failed.
    Closed(SessionId),
    Data {
        id: SessionId,
        label: String,
        bytes: Vec<u8>,
    },
    /// A data message that counts as waiting until it has been relayed.
    Waiting(Box<Report>, Pending),
    /// Loudness of the audio tracks published at this worker since the last report: the share of
    /// full scale, 0 to 1.
    Levels(HashMap<TrackKey, f32>),
    /// How a session's packets fared of late.
    Path(SessionId, Path),
    /// A video does not fit into a receiver's bandwidth any more, or does again.
    Paused {
        id: SessionId,
        track: TrackKey,
        paused: bool,
    },
}
