//! What callers of the engine give and get.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::token::{ApiKeys, Grants};
use super::turn::TurnServer;
use livekit_protocol::AddTrackRequest;

/// How the engine runs.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The one UDP port for all media; port 0 takes a free one.
    pub udp_bind: SocketAddr,
    /// Media by TCP, for clients whose network lets no UDP through.
    pub tcp: TcpFallback,
    /// Addresses that clients are told; empty: the bound one, or the machine's own.
    pub advertised: Vec<IpAddr>,
    /// STUN and TURN servers that clients are told.
    pub turn: Vec<TurnServer>,
    /// Media threads; 0: one per core.
    pub workers: usize,
    /// So many participants of one room have one media thread, before the next one gets any: what goes around in
    /// a small room stays there, and a large one has all of them.
    pub together: usize,
    /// Keys that tokens are signed with.
    pub keys: ApiKeys,
    /// How long a participant stays without socket or transport.
    pub resume_window: Duration,
    /// How long a participant with a socket may take until its transport is up.
    pub setup_deadline: Duration,
}

impl EngineConfig {
    /// An engine on this machine alone, on a free port.
    pub fn local(keys: ApiKeys) -> Self {
        Self {
            udp_bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tcp: TcpFallback::SamePort,
            advertised: Vec::new(),
            turn: Vec::new(),
            workers: 0,
            together: 32,
            keys,
            resume_window: Duration::from_secs(60),
            setup_deadline: Duration::from_secs(60),
        }
    }
}

/// Where media is taken by TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpFallback {
    /// Nowhere.
    Off,
    /// At the address and the number of the UDP port.
    SamePort,
    /// At this address; port 0 takes a free one.
    At(SocketAddr),
}

/// What happens to participants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineEvent {
    /// The transport is up for the first time.
    ParticipantConnected {
        /// The room's name.
        room: String,
        /// The participant's identity.
        identity: String,
    },
    /// The participant is out of the engine: left, removed, or away for too long.
    ParticipantLost {
        /// The room's name.
        room: String,
        /// The participant's identity.
        identity: String,
        /// LiveKit's `DisconnectReason` by name.
        reason: String,
    },
}

/// A first offer that came by another way than the signalling socket.
#[derive(Debug, Clone, Default)]
pub struct OfferSpec {
    /// The offer.
    pub sdp: String,
    /// Which section carries which announced track (`AddTrackRequest.cid`).
    pub mid_to_cid: HashMap<String, String>,
    /// Tracks that the client is going to send.
    pub add_tracks: Vec<AddTrackRequest>,
}

/// A participant that the service makes.
#[derive(Debug, Clone)]
pub struct JoinSpec {
    /// The room's name.
    pub room: String,
    /// The room that it will be in sooner or later.
    pub near: String,
    /// The participant's identity.
    pub identity: String,
    /// What it may do.
    pub grants: Grants,
    /// Its first offer, if it came already.
    pub offer: Option<OfferSpec>,
    /// Answer with receive slots.
    pub slots: bool,
}

/// A participant's move to another room, or to other grants where it is.
#[derive(Debug, Clone)]
pub struct MoveSpec {
    /// The participant's identity.
    pub identity: String,
    /// The room where it is.
    pub from: String,
    /// The room where it will be.
    pub to: String,
    /// What it may do there.
    pub grants: Grants,
}

/// What comes of a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// For the signalling socket: `reconnect=1&sid=…`, or `participant_sid` in v1.
    pub participant_sid: String,
    /// The answer, if there was an offer.
    pub answer: Option<String>,
}

/// Counters since the start, and how many there are now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Transports.
    pub sessions: u64,
    /// Rooms with somebody in them.
    pub rooms: u64,
    /// Participants, with or without a transport.
    pub participants: u64,
    /// Published tracks, and their second codecs.
    pub tracks: u64,
    /// Datagrams received.
    pub packets_in: u64,
    /// Datagrams sent.
    pub packets_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Packets lost to full queues or sockets.
    pub dropped: u64,
    /// Datagrams of unknown or unproven senders.
    pub unknown: u64,
    /// Datagrams that came to another worker's socket, or by TCP.
    pub handed: u64,
    /// System calls that read datagrams.
    pub reads: u64,
    /// System calls that sent datagrams.
    pub writes: u64,
}
