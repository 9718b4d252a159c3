//! What `meeting/` and `api/` see of `media/`: plain data, no web-sys in the decisions.

use plenary_protocol::agent::TrackSource;

/// What a media session reports.
#[derive(Debug, Clone, PartialEq)]
pub enum MediaEvent {
    /// The transport is up (first time, or again after an interruption).
    Connected,
    /// The transport or the signalling socket is down; the session goes on by itself.
    Interrupted,
    /// The engine no longer knows this session (a restart, a window that ran out): a new offer is
    /// needed, made with `MediaSession::offer` of a new session.
    SessionLost,
    /// A remote track is announced or changed (it may have no slot).
    TrackPublished {
        /// Endpoint that sends it: the LiveKit identity.
        endpoint: String,
        /// Sid of the track.
        track: String,
        /// What it is.
        source: TrackSource,
        /// Muted at its sender.
        muted: bool,
    },
    /// A remote track is gone.
    TrackUnpublished {
        /// Endpoint.
        endpoint: String,
        /// Sid of the track.
        track: String,
    },
    /// A track arrives in a section now (`arrives`), or no longer.
    TrackAssigned {
        /// Sid of the track.
        track: String,
        /// Whether the section carries it.
        arrives: bool,
    },
    /// The engine stopped sending a track because the network cannot carry it, or goes on.
    TrackPaused {
        /// Sid of the track.
        track: String,
        /// Whether it is stopped.
        paused: bool,
    },
    /// The engine takes the shared screen, or does not (the role does not allow it).
    ScreenTaken(bool),
    /// First frame decoded since the assignment or since the sender unmuted, or the size changed.
    Frames {
        /// Sid of the track.
        track: String,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// Endpoints that speak now, loudest first.
    Speaking(Vec<String>),
    /// Remote audio cannot start without a user's gesture, or has started after one.
    PlaybackBlocked(bool),
    /// The local microphone or camera track ended by itself (unplugged, permission withdrawn).
    LocalTrackEnded(TrackSource),
}
