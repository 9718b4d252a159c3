//! Chat as the agent socket tells of it, after [`Request::SubscribeChat`]: everything that happens in the
//! threads which the session's identity may read at that moment (`S13`), in each thread in its order.
//! Names and payloads are those of the events of `@azure/communication-chat`. Writing and reading goes over
//! REST.
//!
//! [`Request::SubscribeChat`]: crate::agent::Request::SubscribeChat

use crate::id::RawId;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use std::collections::BTreeMap;

/// Something happened in a thread. Times are ms since 1970; ids and versions as in REST.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ChatEvent {
    /// `chatMessageReceived`; the sender hears their own message, too.
    MessageReceived(ChatMessage),
    /// `chatMessageEdited`: the message as it is now.
    MessageEdited {
        /// The whole message.
        message: ChatMessage,
        /// When.
        edited_on: f64,
    },
    /// `chatMessageDeleted`: its text and metadata are gone, and empty here.
    MessageDeleted {
        /// What is left of the message.
        message: ChatMessage,
        /// When.
        deleted_on: f64,
    },
    /// `typingIndicatorReceived`.
    Typing {
        /// Where.
        thread_id: String,
        /// Who types.
        sender: RawId,
        /// Their name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sender_display_name: Option<String>,
        /// Rises.
        version: String,
        /// When.
        received_on: f64,
    },
    /// `readReceiptReceived`.
    ReadReceipt {
        /// Where.
        thread_id: String,
        /// Who has read.
        sender: RawId,
        /// Up to which message.
        chat_message_id: String,
        /// When.
        read_on: f64,
    },
    /// `chatThreadCreated`, with the receiver in it.
    ThreadCreated {
        /// Which, and what it is called.
        thread: ChatThread,
        /// When.
        created_on: f64,
        /// By whom.
        created_by: ChatParticipant,
        /// Who takes part.
        participants: Vec<ChatParticipant>,
    },
    /// `chatThreadPropertiesUpdated`: all of them as they are now.
    ThreadPropertiesUpdated {
        /// Which, and what it is called.
        thread: ChatThread,
        /// When.
        updated_on: f64,
        /// By whom.
        updated_by: ChatParticipant,
    },
    /// `chatThreadDeleted`: nothing more follows about it.
    ThreadDeleted {
        /// Which.
        thread_id: String,
        /// Rises.
        version: String,
        /// When.
        deleted_on: f64,
        /// By whom; nobody, if a policy did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deleted_by: Option<ChatParticipant>,
    },
    /// `participantsAdded`; who was added hears it, too.
    ParticipantsAdded {
        /// Where.
        thread_id: String,
        /// Rises.
        version: String,
        /// When.
        added_on: f64,
        /// By whom.
        added_by: ChatParticipant,
        /// Who.
        participants_added: Vec<ChatParticipant>,
    },
    /// `participantsRemoved`. Who was removed hears it as the last of the thread, but a guest whose call
    /// ended hears nothing more of the meeting's (`D1`).
    ParticipantsRemoved {
        /// Where.
        thread_id: String,
        /// Rises.
        version: String,
        /// When.
        removed_on: f64,
        /// By whom.
        removed_by: ChatParticipant,
        /// Who.
        participants_removed: Vec<ChatParticipant>,
    },
    /// In a replay, in the place of what the receiver may no longer read (`D1`): to be passed over.
    Withdrawn,
}

/// A message that somebody wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChatMessage {
    /// Where.
    pub thread_id: String,
    /// Its id.
    pub id: String,
    /// Rises with every change.
    pub version: String,
    /// When it came.
    pub created_on: f64,
    /// How to read [`Self::message`].
    pub kind: ChatMessageKind,
    /// Who wrote it.
    pub sender: RawId,
    /// Their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<String>,
    /// What it says; HTML is sanitised (`S12`).
    pub message: String,
    /// The application's own.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "crate::entries"
    )]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, String>"))]
    pub metadata: Vec<(String, String)>,
    /// The `repeatability-request-id` under which its sender sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
}

/// How to read a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ChatMessageKind {
    /// As plain text.
    Text,
    /// As HTML.
    Html,
}

/// A thread's properties.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChatThread {
    /// Which.
    pub thread_id: String,
    /// Rises.
    pub version: String,
    /// Topic.
    pub topic: String,
    /// The application's own.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "crate::entries"
    )]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, String>"))]
    pub metadata: Vec<(String, String)>,
    /// When it goes by itself; absent: it was never said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<ChatRetention>,
}

/// When a thread goes by itself: `ChatRetentionPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ChatRetention {
    /// Never.
    None,
    /// After so many days from its creation.
    ThreadCreationDate {
        /// How many.
        delete_thread_after_days: u32,
    },
}

/// Somebody in a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChatParticipant {
    /// Who.
    pub id: RawId,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// From when on history was shared with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_history_time: Option<f64>,
    /// The application's own.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "crate::entries"
    )]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, String>"))]
    pub metadata: Vec<(String, String)>,
}
