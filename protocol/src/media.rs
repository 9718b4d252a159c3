//! What Plenary adds to LiveKit's signalling socket: receive slots.
//!
//! LiveKit's own messages travel as binary frames (protobuf). A client that asks for slots
//! (`?slots=1` on the socket, or an offer handed over with the agent socket's `join`) gets, on the
//! same socket, text frames with the messages below; other clients never see one.
//!
//! Such a client says that it has applied an answer by an `UpdateTrackSettings` that names no track:
//! before that nothing is sent into sections that were new in its offer, since the browser would drop it, the
//! key frame that everything waits for included. The sections of its first offer wait for no word, and a
//! resumed socket stands for one that was lost with the socket before.

use serde::{Deserialize, Serialize};

/// Text frames from the engine to a client with receive slots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum SlotMessage {
    /// The whole assignment, replacing the one before. A mid that is not named is empty.
    Slots {
        /// Every filled slot.
        slots: Vec<SlotAssignment>,
    },
}

/// One filled receive slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SlotAssignment {
    /// The m-section's mid, as in the client's offer.
    pub mid: String,
    /// Sid of the track that arrives there (`TR_…`).
    pub track: String,
    /// LiveKit identity of the participant who publishes it: the endpoint's id.
    pub identity: String,
}
