//! The other server's bodies, read leniently: what is missing or of another type is dealt with where it is
//! used, and said in the report. Everything is a stranger's text.

use crate::http::identifier::{CommunicationUser, TeamsUser};
use crate::text;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// Longest id that is taken.
pub const ID_BYTES: usize = 256;

/// Whether an id there can be one here.
pub fn is_plain(id: &str) -> bool {
    text::is_id(id, ID_BYTES)
}

/// `null` is as good as nothing.
fn or_nothing<'de, D, T>(of: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(of)?.unwrap_or_default())
}

/// `ChatThreadItem`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadItem {
    pub id: String,
    pub deleted_on: Option<String>,
    pub last_message_received_on: Option<String>,
}

/// `ChatThreadProperties`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    #[serde(default, deserialize_with = "or_nothing")]
    pub topic: String,
    pub created_on: String,
    pub created_by_communication_identifier: Identifier,
    #[serde(default, deserialize_with = "or_nothing")]
    pub metadata: BTreeMap<String, String>,
    pub retention_policy: Option<RetentionPolicy>,
    pub deleted_on: Option<String>,
}

/// `ChatRetentionPolicy`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionPolicy {
    pub kind: String,
    pub delete_thread_after_days: Option<u32>,
}

/// `ChatParticipant`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    pub communication_identifier: Identifier,
    pub display_name: Option<String>,
    pub share_history_time: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub metadata: BTreeMap<String, String>,
}

/// `ChatMessageReadReceipt`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    pub sender_communication_identifier: Identifier,
    pub chat_message_id: String,
    pub read_on: String,
}

/// `ChatMessage`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub sequence_id: Option<String>,
    pub version: Option<String>,
    pub created_on: String,
    #[serde(default, deserialize_with = "or_nothing")]
    pub content: Content,
    pub sender_display_name: Option<String>,
    pub sender_communication_identifier: Option<Identifier>,
    pub edited_on: Option<String>,
    pub deleted_on: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub metadata: BTreeMap<String, String>,
}

impl Message {
    /// Everybody whom it names.
    pub fn people(&self) -> impl Iterator<Item = &Identifier> {
        let sender = self.sender_communication_identifier.iter();
        let by = self.content.initiator_communication_identifier.iter();
        let who = self.content.participants.iter();
        let who = who.map(|one| &one.communication_identifier);
        sender.chain(by).chain(who)
    }
}

/// `ChatMessageContent`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    pub message: Option<String>,
    pub topic: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub participants: Vec<Participant>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub attachments: Vec<Attachment>,
    pub initiator_communication_identifier: Option<Identifier>,
}

/// `ChatAttachment`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attachment {
    pub id: String,
    pub attachment_type: String,
}

/// `CommunicationIdentifierModel`: the raw id, or one of the forms that it is made of.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identifier {
    raw_id: Option<String>,
    communication_user: Option<CommunicationUser>,
    microsoft_teams_user: Option<TeamsUser>,
}

impl Identifier {
    /// Whom it names.
    pub fn raw_id(&self) -> Option<String> {
        self.named().filter(|id| is_plain(id))
    }

    /// It names somebody by what is no id.
    pub fn is_odd(&self) -> bool {
        self.named().is_some_and(|id| !is_plain(&id))
    }

    fn named(&self) -> Option<String> {
        let user = || Some(self.communication_user.as_ref()?.id.clone());
        let member = || Some(self.microsoft_teams_user.as_ref()?.raw_id());
        self.raw_id.clone().or_else(user).or_else(member)
    }
}

/// `IssueAccessToken`'s answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    pub token: String,
    pub expires_on: String,
}
