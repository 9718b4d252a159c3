//! What a message is.

use plenary_protocol::id::RawId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A message of a thread, written by somebody or by the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Milliseconds since 1970, made to rise: no two messages of a thread have the same.
    pub id: u64,
    /// Counts the thread's messages from 1.
    pub sequence: u64,
    /// Rises with every change.
    pub version: u64,
    /// When it came, ms.
    pub created: u64,
    /// Who wrote it; system messages have nobody.
    pub sender: Option<RawId>,
    /// The sender's own id of it: sent twice, it is there once.
    pub client_id: Option<String>,
    /// Everything that is only shown.
    pub body: Body,
}

/// What is only shown of a message; the store keeps it as one text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The sender's name at that time.
    pub name: Option<String>,
    /// What it says.
    pub content: Content,
    /// The application's own.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// What became of it.
    pub life: Life,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// As it was sent.
    Sent,
    /// Changed at that time, ms.
    Edited(u64),
    /// Deleted at that time, ms: its text is gone.
    Deleted(u64),
}

/// Somebody with the name that they had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Who.
    pub id: RawId,
    /// Name.
    pub name: Option<String>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Sanitised HTML (`S12`).
    Html(String),
    /// Somebody changed the topic.
    TopicUpdated {
        /// The new one.
        topic: String,
        /// Who did.
        by: RawId,
    },
    /// People came.
    ParticipantAdded {
        /// Who.
        who: Vec<Named>,
        /// Who added them.
        by: RawId,
    },
    /// People went.
    ParticipantRemoved {
        /// Who.
        who: Vec<Named>,
        /// Who removed them.
        by: RawId,
    },
    /// The meeting's call began.
    CallStarted {
        /// With whom.
        by: RawId,
    },
    /// The meeting's call is over.
    CallEnded,
}

impl Content {
    /// Events of the call are told to members alone: the chat interface of Communication Services has no
    /// type for them.
    pub fn is_of_the_call(&self) -> bool {
        matches!(self, Self::CallStarted { .. } | Self::CallEnded)
    }

    /// The same kind, saying nothing.
    pub(super) fn emptied(&self) -> Self {
        match self {
            Self::Html(_) => Self::Html(String::new()),
            _ => Self::Text(String::new()),
        }
    }
}

impl Message {
    /// Whether its text is gone.
    pub fn is_deleted(&self) -> bool {
        matches!(self.body.life, Life::Deleted(_))
    }
}
