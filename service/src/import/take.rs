//! One message of the other server, checked as if a stranger had sent it (`S12`), with its id, times, sender
//! and place as they were.

use super::identities::Identities;
use super::report::{Code, Finding, ThreadReport};
use super::shapes::{self, Identifier};
use crate::chat::{content, Body, Content, Life, Message, Named};
use crate::clock::parse_rfc3339;
use crate::config::ChatLimits;
use crate::text;
use plenary_protocol::id::RawId;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Before every imported message's id as the store's client id. No client can claim one: the character is in
/// no header.
const MARK: &str = "imported·";
/// Ids are milliseconds since 1970; smaller numbers are counters of servers that number in another way.
const FIRST_ID: u64 = 1_000_000_000_000;
/// Of an id or a name of a stranger's, as far as the report repeats it.
const SAID: usize = 128;
/// Numbers and versions, which may be times in milliseconds: what is written later goes on above them, and stays
/// exact in every JSON number.
const HIGHEST: u64 = 1 << 48;
/// A server's clock may go before ours.
const AHEAD: u64 = 24 * 60 * 60_000;

/// A message as it was there. Its id is 0 if it gets another one here.
pub(super) struct Entry {
    pub source_id: String,
    pub message: Message,
}

/// The id under which the store knows a message of that id there.
pub(super) fn mark(source_id: &str) -> String {
    format!("{MARK}{source_id}")
}

/// Whether a message of the store came from another server.
pub(super) fn is_imported(message: &Message) -> bool {
    let id = message.client_id.as_deref();
    id.is_some_and(|id| id.starts_with(MARK))
}

/// Reads the messages of one thread.
pub(super) struct Reader<'a> {
    pub identities: &'a Identities,
    pub limits: &'a ChatLimits,
    /// Who stands for those who are not named.
    pub creator: RawId,
    pub now: u64,
    pub report: &'a mut ThreadReport,
    /// People who are named, by their ids there.
    pub met: BTreeSet<String>,
    /// Messages out of which something was taken.
    pub cleaned: usize,
}

impl Reader<'_> {
    /// `None`: it cannot be taken, and the report says why.
    pub(super) fn read(&mut self, raw: &Value) -> Option<Entry> {
        let id = raw["id"].as_str().filter(|id| shapes::is_plain(id));
        let Ok(raw) = serde::Deserialize::deserialize(raw) else {
            let finding = Finding::new(
                Code::MalformedMessage,
                "it is not in the shape of a chat message",
            );
            self.report.cannot(match id {
                Some(id) => finding.of_message(id),
                None => finding,
            });
            return None;
        };
        let raw: shapes::Message = raw;
        match self.message(&raw) {
            Ok(message) => Some(Entry {
                source_id: raw.id,
                message,
            }),
            Err(finding) => {
                let id: String = raw.id.chars().take(SAID).collect();
                self.report.cannot(finding.of_message(&id));
                None
            }
        }
    }

    fn message(&mut self, raw: &shapes::Message) -> Result<Message, Finding> {
        let malformed = |why: &str| Finding::new(Code::MalformedMessage, why);
        if !shapes::is_plain(&raw.id) {
            return Err(malformed(
                "its id is empty, too long, or has control characters",
            ));
        }
        if raw.people().any(Identifier::is_odd) {
            return Err(malformed(
                "it names somebody by an id that is empty, too long, or has control characters",
            ));
        }
        let created = parse_rfc3339(&raw.created_on);
        let created = created.ok_or_else(|| malformed("createdOn is no time"))?;
        let sequence = number(raw.sequence_id.as_deref()).unwrap_or_default();
        let latest = [&raw.edited_on, &raw.deleted_on].map(time).into_iter();
        let latest = latest.flatten().chain([created]).max();
        if latest > Some(self.now.saturating_add(AHEAD)) {
            return Err(malformed("it is of a time that is to come"));
        }
        if sequence > HIGHEST {
            return Err(malformed("its number is above what any thread comes to"));
        }
        let life = match (time(&raw.deleted_on), time(&raw.edited_on)) {
            (Some(at), _) => Life::Deleted(at),
            (None, Some(at)) => Life::Edited(at),
            (None, None) => Life::Sent,
        };
        let content = self.content(raw, matches!(life, Life::Deleted(_)))?;
        if !raw.content.attachments.is_empty() {
            self.attachments(raw);
        }
        let id = self.id(&raw.id);
        let changed = match life {
            Life::Deleted(at) | Life::Edited(at) => at,
            Life::Sent => created,
        };
        Ok(Message {
            id,
            sequence,
            version: number(raw.version.as_deref())
                .filter(|version| *version <= HIGHEST)
                .unwrap_or(changed),
            created,
            sender: self.who(raw.sender_communication_identifier.as_ref()),
            client_id: Some(mark(&raw.id)),
            body: Body {
                name: raw
                    .sender_display_name
                    .as_deref()
                    .and_then(text::display_name),
                content,
                metadata: self.metadata(raw),
                life,
            },
        })
    }

    /// The id, if it can stay: a time, written as numbers are.
    fn id(&self, raw: &str) -> u64 {
        let id = raw.parse().ok().filter(|id: &u64| id.to_string() == raw);
        let range = FIRST_ID..=self.now.saturating_add(AHEAD);
        id.filter(|id| range.contains(id)).unwrap_or_default()
    }

    fn who(&mut self, who: Option<&Identifier>) -> Option<RawId> {
        let there = who?.raw_id()?;
        let here = self.identities.here(&there);
        self.met.insert(there);
        Some(here)
    }

    fn content(&mut self, raw: &shapes::Message, deleted: bool) -> Result<Content, Finding> {
        match raw.kind.as_str() {
            "text" if deleted => Ok(Content::Text(String::new())),
            "html" if deleted => Ok(Content::Html(String::new())),
            "text" => self.written(raw, content::plain),
            "html" => self.written(raw, content::html),
            "topicUpdated" => {
                let topic = raw.content.topic.as_deref().and_then(text::subject);
                let nothing = || Finding::new(Code::NothingReadable, "the topic is empty");
                let topic = topic.ok_or_else(nothing)?;
                let by = self.initiator(raw);
                Ok(Content::TopicUpdated { topic, by })
            }
            "participantAdded" => {
                let (who, by) = self.people(raw);
                Ok(Content::ParticipantAdded { who, by })
            }
            "participantRemoved" => {
                let (who, by) = self.people(raw);
                Ok(Content::ParticipantRemoved { who, by })
            }
            other => {
                let kind: String = other.chars().take(SAID).collect();
                let why = format!("its type is {kind:?}");
                Err(Finding::new(Code::UnknownMessageType, why))
            }
        }
    }

    fn written(
        &mut self,
        raw: &shapes::Message,
        clean: fn(&str) -> Option<Content>,
    ) -> Result<Content, Finding> {
        let text = raw.content.message.as_deref().unwrap_or_default();
        let most = self.limits.message_bytes;
        if text.len() > most {
            let length = text.len();
            let why = format!(
                "it has {length} bytes; limits.chat.message_bytes of this service is {most}"
            );
            return Err(Finding::new(Code::MessageTooLong, why));
        }
        let nothing = match raw.content.attachments.len() {
            0 => "nothing is left of it that may be shown".to_owned(),
            n => format!("there is nothing in it beside {n} attachments, which are not taken"),
        };
        let cleaned = clean(text);
        let cleaned = cleaned.ok_or_else(|| Finding::new(Code::NothingReadable, nothing))?;
        if let Content::Text(left) | Content::Html(left) = &cleaned {
            self.cleaned += usize::from(left != text);
        }
        Ok(cleaned)
    }

    fn attachments(&mut self, raw: &shapes::Message) {
        let known = |kind: &str| matches!(kind, "image" | "file");
        let kinds = raw.content.attachments.iter().map(|one| {
            let kind = one.attachment_type.as_str();
            if known(kind) {
                kind
            } else {
                "other"
            }
        });
        let kinds: Vec<&str> = kinds.collect();
        let ids: Vec<String> = raw
            .content
            .attachments
            .iter()
            .map(|one| one.id.chars().take(SAID).collect())
            .collect();
        let why = format!(
            "files and pictures are not taken ({}): {}",
            kinds.join(", "),
            ids.join(", ")
        );
        let finding = Finding::new(Code::Attachment, why);
        self.report.cannot(finding.of_message(&raw.id));
    }

    fn initiator(&mut self, raw: &shapes::Message) -> RawId {
        let by = self.who(raw.content.initiator_communication_identifier.as_ref());
        by.unwrap_or_else(|| {
            let why = "who did it is not said; the thread's creator stands for them";
            let finding = Finding::new(Code::InitiatorUnknown, why);
            self.report.note(finding.of_message(&raw.id));
            self.creator.clone()
        })
    }

    fn people(&mut self, raw: &shapes::Message) -> (Vec<Named>, RawId) {
        let by = self.initiator(raw);
        let mut who = Vec::new();
        for one in &raw.content.participants {
            if let Some(id) = self.who(Some(&one.communication_identifier)) {
                let name = one.display_name.as_deref().and_then(text::display_name);
                who.push(Named { id, name });
            }
        }
        (who, by)
    }

    fn metadata(&mut self, raw: &shapes::Message) -> BTreeMap<String, String> {
        let most = self.limits.metadata_bytes;
        if content::metadata_fits(&raw.metadata, most) {
            return raw.metadata.clone();
        }
        self.report.cannot(too_large(most).of_message(&raw.id));
        BTreeMap::new()
    }
}

pub(super) fn too_large(most: usize) -> Finding {
    let why =
        format!("its metadata is above limits.chat.metadata_bytes of this service, {most} bytes");
    Finding::new(Code::MetadataTooLarge, why)
}

pub(super) fn time(text: &Option<String>) -> Option<u64> {
    text.as_deref().and_then(parse_rfc3339)
}

fn number(text: Option<&str>) -> Option<u64> {
    // As large as the databases take it.
    let number: i64 = text?.parse().ok()?;
    u64::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::super::identities::Way;
    use super::*;
    use crate::store::rows::Rows;
    use crate::store::{Resource, Store};

    /// From the specification (2025-03-15), without the picture: ids, versions and senders as Microsoft's
    /// service writes them.
    const EXAMPLES: &str = r#"[
        {"id": "1593107077690", "type": "html", "version": "1593107077683", "sequenceId": "5",
         "content": {"message": "<p>This place for lunch?&nbsp;</p>\r\n"},
         "senderDisplayName": "Jane", "createdOn": "2020-06-25T17:44:37.6830000Z",
         "metadata": {"amsreferences": "[]"},
         "senderCommunicationIdentifier": {
            "rawId": "8540c0de-899f-5cce-acb5-3ec493af3800_0e59221d-0c1d-46ae-9544-c963ce56c10b"}},
        {"id": "1593106976785", "type": "topicUpdated", "version": "1593106976785", "sequenceId": "2",
         "content": {"topic": "Lunch", "initiatorCommunicationIdentifier": {"communicationUser": {
            "id": "8:acs:8540c0de-899f-5cce-acb5-3ec493af3800_0e59221d-0c1d-46ae-9544-c963ce56c10b"}}},
         "createdOn": "2020-06-25T17:42:56.7850000Z"}
    ]"#;

    #[tokio::test]
    async fn the_examples_of_the_specification_are_taken_as_they_are() {
        let store = Rows::default();
        let resource = Resource {
            id: "ours".into(),
            primary_key: String::new(),
            secondary_key: String::new(),
        };
        store.add_resource(&resource, 1).await.unwrap();
        let identities = Identities::new(&store, None, Way::Keep, "").await.unwrap();
        let mut report = ThreadReport::new("t");
        let mut reader = Reader {
            identities: &identities,
            limits: &ChatLimits::default(),
            creator: "8:acs:a_b".into(),
            now: 1_600_000_000_000,
            report: &mut report,
            met: BTreeSet::new(),
            cleaned: 0,
        };
        let examples: Vec<Value> = serde_json::from_str(EXAMPLES).unwrap();
        let taken = examples.iter().map(|raw| reader.read(raw).unwrap().message);
        let taken: Vec<Message> = taken.collect();
        assert_eq!(reader.met.len(), 2);
        let report = &*reader.report;
        assert!(report.not_taken.is_empty() && report.notes.is_empty());
        assert_eq!(taken[0].id, 1_593_107_077_690);
        assert_eq!(taken[0].version, 1_593_107_077_683, "smaller than its id");
        assert_eq!(
            (taken[0].sequence, taken[0].created),
            (5, 1_593_107_077_683)
        );
        let html = "<p>This place for lunch?&nbsp;</p>";
        assert_eq!(taken[0].body.content, Content::Html(html.into()));
        let by = "8:acs:8540c0de-899f-5cce-acb5-3ec493af3800_0e59221d-0c1d-46ae-9544-c963ce56c10b";
        let (topic, by) = ("Lunch".to_owned(), by.into());
        assert_eq!(taken[1].body.content, Content::TopicUpdated { topic, by });
        assert_eq!(taken[1].sender, None);

        // What would be before everything that is written here later.
        for (field, value) in [
            ("createdOn", "9999-12-31T23:59:59Z"),
            ("editedOn", "9999-12-31T23:59:59Z"),
            ("sequenceId", "9223372036854775807"),
        ] {
            let mut ahead = examples[0].clone();
            ahead[field] = value.into();
            assert!(reader.read(&ahead).is_none(), "{field}");
        }
        let mut ahead = examples[0].clone();
        ahead["version"] = "9223372036854775807".into();
        let version = reader.read(&ahead).unwrap().message.version;
        assert_eq!(version, 1_593_107_077_683);
        let codes = reader.report.not_taken.iter().map(|finding| finding.code);
        assert_eq!(codes.collect::<Vec<_>>(), [Code::MalformedMessage; 3]);
    }
}
