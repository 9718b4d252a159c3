//! What can go wrong at the engine's API.

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The media port cannot be opened.
    #[error("cannot open the media port: {0}")]
    Port(#[source] std::io::Error),
    /// A media thread cannot be started.
    #[error("cannot start a media worker: {0}")]
    Worker(#[source] std::io::Error),
    /// No certificate for DTLS.
    #[error("cannot make a certificate for DTLS: {0}")]
    Certificate(String),
    /// Nobody of that identity is in that room.
    #[error("no such participant")]
    NoParticipant,
    /// The participant has no such track.
    #[error("no such track")]
    NoTrack,
    /// The room does not exist.
    #[error("no such room")]
    NoRoom,
    /// The client's offer cannot be answered.
    #[error("the offer cannot be answered: {0}")]
    Offer(String),
}
