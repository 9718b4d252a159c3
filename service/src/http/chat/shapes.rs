//! The bodies of the chat interface, in and out. What its clients need is always there, also where the
//! specification calls it optional (`rest.md` 4.2).

use crate::chat::{Content, Life, Message, Named, Participant, Receipt, Retention, Thread};
use crate::clock::rfc3339;
use crate::http::identifier::{CommunicationUser, TeamsUser};
use plenary_protocol::id::RawId;
use serde::Deserialize;
use serde_json::{json, Map, Value};

/// Somebody as a client names them: several forms, of which one at a time.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identifier {
    raw_id: Option<String>,
    communication_user: Option<CommunicationUser>,
    microsoft_teams_user: Option<TeamsUser>,
    // The others are read to be refused by name.
    phone_number: Option<Value>,
    microsoft_teams_app: Option<Value>,
    teams_extension_user: Option<Value>,
}

impl Identifier {
    /// The one identity that it names; more than one, or none, is an error of the client.
    pub fn raw_id(&self) -> Option<RawId> {
        let user = self.communication_user.as_ref().map(|user| user.id.clone());
        let member = self.microsoft_teams_user.as_ref().map(TeamsUser::raw_id);
        let others = [
            &self.phone_number,
            &self.microsoft_teams_app,
            &self.teams_extension_user,
        ];
        let others = others.iter().filter(|other| other.is_some()).count();
        let named: Vec<String> = user.into_iter().chain(member).collect();
        match (named.len() + others, named.into_iter().next(), &self.raw_id) {
            (0, None, Some(raw)) => Some(RawId(raw.clone())),
            (1, Some(named), None) => Some(RawId(named)),
            (1, Some(named), Some(raw)) => (named == *raw).then_some(RawId(named)),
            (1, None, Some(raw)) => Some(RawId(raw.clone())),
            _ => None,
        }
    }
}

/// Somebody, as clients read them.
pub fn identifier(id: &RawId) -> Value {
    let raw = id.as_str();
    if let Some(oid) = raw.strip_prefix("8:orgid:") {
        let user = json!({"userId": oid, "isAnonymous": false, "cloud": "public"});
        return json!({"kind": "microsoftTeamsUser", "rawId": raw, "microsoftTeamsUser": user});
    }
    if raw.starts_with("8:acs:") {
        let user = json!({"id": raw});
        return json!({"kind": "communicationUser", "rawId": raw, "communicationUser": user});
    }
    json!({"kind": "unknown", "rawId": raw})
}

/// `ChatRetentionPolicy`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum RetentionPolicy {
    /// After so many days.
    ThreadCreationDate {
        /// How many.
        delete_thread_after_days: u32,
    },
    /// Never.
    None,
}

impl RetentionPolicy {
    /// `None`: more or fewer days than Microsoft's service takes, too.
    pub fn checked(self) -> Option<Retention> {
        match self {
            Self::ThreadCreationDate {
                delete_thread_after_days: days,
            } => (30..=90)
                .contains(&days)
                .then_some(Retention::AfterCreation(days)),
            Self::None => Some(Retention::None),
        }
    }
}

fn retention(policy: Retention) -> Value {
    match policy {
        Retention::AfterCreation(days) => {
            json!({"kind": "threadCreationDate", "deleteThreadAfterDays": days})
        }
        Retention::None => json!({"kind": "none"}),
    }
}

/// `ChatThreadProperties`.
pub fn thread(thread: &Thread) -> Value {
    let mut body = json!({
        "id": thread.id,
        "topic": thread.topic,
        "createdOn": rfc3339(thread.created),
        "createdByCommunicationIdentifier": identifier(&thread.creator),
    });
    if !thread.metadata.is_empty() {
        body["metadata"] = json!(thread.metadata);
    }
    if let Some(policy) = thread.retention {
        body["retentionPolicy"] = retention(policy);
    }
    body
}

/// `ChatParticipant`.
pub fn participant(id: &RawId, participant: &Participant) -> Value {
    let mut body = named(&Named {
        id: id.clone(),
        name: participant.name.clone(),
    });
    if let Some(from) = participant.shared_from {
        body["shareHistoryTime"] = json!(rfc3339(from));
    }
    if !participant.metadata.is_empty() {
        body["metadata"] = json!(participant.metadata);
    }
    body
}

fn named(one: &Named) -> Value {
    let mut body = json!({"communicationIdentifier": identifier(&one.id)});
    if let Some(name) = &one.name {
        body["displayName"] = json!(name);
    }
    body
}

/// `ChatMessageReadReceipt`.
pub fn receipt(who: &RawId, receipt: Receipt) -> Value {
    json!({
        "senderCommunicationIdentifier": identifier(who),
        "chatMessageId": receipt.message.to_string(),
        "readOn": rfc3339(receipt.at),
    })
}

/// `ChatMessage`.
pub fn message(message: &Message) -> Value {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    put("id", json!(message.id.to_string()));
    put("type", json!(kind(&message.body.content)));
    put("sequenceId", json!(message.sequence.to_string()));
    put("version", json!(message.version.to_string()));
    put("createdOn", json!(rfc3339(message.created)));
    if !message.is_deleted() {
        put("content", content(&message.body.content));
    }
    if let Some(name) = &message.body.name {
        put("senderDisplayName", json!(name));
    }
    if let Some(sender) = &message.sender {
        put("senderCommunicationIdentifier", identifier(sender));
    }
    match message.body.life {
        Life::Sent => {}
        Life::Edited(at) => put("editedOn", json!(rfc3339(at))),
        Life::Deleted(at) => put("deletedOn", json!(rfc3339(at))),
    }
    if !message.body.metadata.is_empty() {
        put("metadata", json!(message.body.metadata));
    }
    Value::Object(body)
}

fn kind(content: &Content) -> &'static str {
    match content {
        Content::Text(_) => "text",
        Content::Html(_) => "html",
        Content::TopicUpdated { .. } => "topicUpdated",
        Content::ParticipantAdded { .. } => "participantAdded",
        Content::ParticipantRemoved { .. } => "participantRemoved",
        // Never listed here; the interface has no word for them.
        Content::CallStarted { .. } => "callStarted",
        Content::CallEnded => "callEnded",
    }
}

fn content(content: &Content) -> Value {
    let initiator = |by: &RawId| {
        (
            "initiatorCommunicationIdentifier".to_owned(),
            identifier(by),
        )
    };
    let of = |fields: Vec<(String, Value)>| Value::Object(fields.into_iter().collect());
    match content {
        Content::Text(text) | Content::Html(text) => json!({"message": text}),
        Content::TopicUpdated { topic, by } => {
            of(vec![("topic".to_owned(), json!(topic)), initiator(by)])
        }
        Content::ParticipantAdded { who, by } | Content::ParticipantRemoved { who, by } => {
            let who: Vec<Value> = who.iter().map(named).collect();
            of(vec![("participants".to_owned(), json!(who)), initiator(by)])
        }
        Content::CallStarted { .. } | Content::CallEnded => json!({}),
    }
}
