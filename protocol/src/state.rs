//! What everybody in a call is told of its state, beside who is there: recordings (`C3`), raised hands and
//! reactions (`C5`); and what is asked with a word.
//!
//! Nothing in the SDK's core depends on any of it, so that it stays JSON on its way to the facade.

use crate::id::RawId;
use serde::{Deserialize, Serialize};

/// The state of a call; always the whole. It is told before the snapshot of whoever joins or is let in,
/// after that of whoever is moved, and with every change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MeetingState {
    /// Of the whole meeting, its breakout rooms too (`C3`): one that has ended is no longer here.
    #[serde(default)]
    pub recordings: Vec<Recording>,
    /// Who has raised a hand in the room of the call, the first first.
    #[serde(default)]
    pub hands: Vec<RawId>,
}

/// A recording or transcription that goes on (`C3`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    /// Which.
    pub id: String,
    /// Of what kind.
    pub kind: RecordingKind,
    /// It has been started, and takes nothing at the moment.
    #[serde(default)]
    pub paused: bool,
}

/// What is made of a meeting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RecordingKind {
    /// Sound, and perhaps pictures.
    #[default]
    Recording,
    /// Text.
    Transcription,
}

/// What somebody does with a word and perhaps somebody whom it is about. On the wire it is any text: a word
/// that the service does not know is a malformed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Act {
    /// Raise one's hand (`C5`).
    RaiseHand,
    /// Lower one's own, or another's with the right to do so.
    LowerHand,
    /// Lower all hands in the room.
    LowerAllHands,
    /// Mute somebody in the room (`S1`); only they unmute themselves.
    MuteParticipant,
    /// Mute everybody else in the room.
    MuteAll,
    /// Let somebody in from the lobby (`B5`).
    Admit,
    /// Let everybody in; answered by [`Reply::Admitted`](crate::agent::Reply::Admitted).
    AdmitAll,
    /// Send somebody away from the lobby (`B5`).
    Reject,
    /// Remove somebody from the meeting (`C2`, `S1`).
    Remove,
    /// Put one's own call on hold: others see it so.
    Hold,
    /// Go on with it.
    Resume,
    /// A reaction (`C5`).
    Like,
    /// A reaction.
    Heart,
    /// A reaction.
    Laugh,
    /// A reaction.
    Surprised,
    /// A reaction.
    Applause,
}

impl Act {
    /// All of them, with their words.
    pub const ALL: [(&str, Self); 16] = [
        ("raiseHand", Self::RaiseHand),
        ("lowerHand", Self::LowerHand),
        ("lowerAllHands", Self::LowerAllHands),
        ("muteParticipant", Self::MuteParticipant),
        ("muteAll", Self::MuteAll),
        ("admit", Self::Admit),
        ("admitAll", Self::AdmitAll),
        ("reject", Self::Reject),
        ("remove", Self::Remove),
        ("hold", Self::Hold),
        ("resume", Self::Resume),
        ("like", Self::Like),
        ("heart", Self::Heart),
        ("laugh", Self::Laugh),
        ("surprised", Self::Surprised),
        ("applause", Self::Applause),
    ];

    /// What a word says.
    pub fn named(word: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(name, _)| *name == word);
        found.map(|(_, act)| *act)
    }

    /// Whether it is over as soon as it is told.
    pub fn is_reaction(self) -> bool {
        use Act::{Applause, Heart, Laugh, Like, Surprised};
        matches!(self, Like | Heart | Laugh | Surprised | Applause)
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, act)| *act == self);
        found.map_or("", |(name, _)| name)
    }
}
