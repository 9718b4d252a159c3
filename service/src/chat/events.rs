//! What is told of a thread, in the words of the agent socket: the same for all who hear it.

use super::commands::News;
use super::message::{Content, Life, Message, Named};
use super::thread::{Participant, Retention, Thread};
use plenary_protocol::chat::{
    ChatEvent, ChatMessage, ChatMessageKind, ChatParticipant, ChatRetention, ChatThread,
};
use plenary_protocol::id::RawId;
use std::collections::BTreeMap;

#[allow(clippy::cast_precision_loss)] // Milliseconds since 1970 fit 53 bits.
fn time(ms: u64) -> f64 {
    ms as f64
}

fn entries(metadata: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let entries = metadata.iter();
    entries.map(|(k, v)| (k.clone(), v.clone())).collect()
}

impl Thread {
    /// Of the thread as it is after the change. `None`: clients of this interface have no word for it.
    pub fn event(&self, news: &News) -> Option<ChatEvent> {
        Some(match news {
            News::Message(message) => return self.message_event(message),
            News::Typing { who, at } => ChatEvent::Typing {
                thread_id: self.id.clone(),
                sender: who.id.clone(),
                sender_display_name: who.name.clone(),
                version: at.to_string(),
                received_on: time(*at),
            },
            News::Read { who, receipt } => ChatEvent::ReadReceipt {
                thread_id: self.id.clone(),
                sender: who.clone(),
                chat_message_id: receipt.message.to_string(),
                read_on: time(receipt.at),
            },
            News::Created => ChatEvent::ThreadCreated {
                thread: self.properties(self.created),
                created_on: time(self.created),
                created_by: self.person(&self.creator, None),
                participants: self
                    .present()
                    .into_iter()
                    .map(|(id, _)| self.person(id, None))
                    .collect(),
            },
            News::Properties { by, at } => ChatEvent::ThreadPropertiesUpdated {
                thread: self.properties(*at),
                updated_on: time(*at),
                updated_by: self.person(by, None),
            },
            News::Deleted { by, at } => ChatEvent::ThreadDeleted {
                thread_id: self.id.clone(),
                version: at.to_string(),
                deleted_on: time(*at),
                deleted_by: by.as_ref().map(|by| self.person(by, None)),
            },
        })
    }

    /// The version under which it is stored; what is not stored has none.
    pub fn version_of(&self, news: &News) -> Option<u64> {
        match news {
            News::Message(message) => Some(message.version),
            News::Created | News::Properties { .. } | News::Deleted { .. } => Some(self.last_id),
            News::Typing { .. } | News::Read { .. } => None,
        }
    }

    /// What there was to hear of a message after `since`, of the thread as it is now: that it came, unless
    /// it is gone, and what became of it; each with its version.
    pub fn missed(&self, message: &Message, since: u64) -> Vec<(u64, ChatEvent)> {
        let mut missed = Vec::new();
        let mut tell = |version: u64, news: &News| {
            let event = self.event(news).filter(|_| version > since);
            missed.extend(event.map(|event| (version, event)));
        };
        let at = message.created;
        match &message.body.content {
            // Both were told as one: the thread is there.
            Content::ParticipantAdded { .. } if message.sequence == 1 => {
                tell(message.id, &News::Created);
            }
            Content::TopicUpdated { .. } if message.sequence == 2 && at == self.created => {}
            Content::TopicUpdated { by, .. } => {
                let by = by.clone();
                tell(message.id, &News::Properties { by, at });
            }
            _ if message.body.life == Life::Sent => {
                tell(message.id, &News::Message(Box::new(message.clone())));
            }
            _ => {
                if !message.is_deleted() {
                    let mut sent = message.clone();
                    sent.body.life = Life::Sent;
                    tell(message.id, &News::Message(Box::new(sent)));
                }
                tell(message.version, &News::Message(Box::new(message.clone())));
            }
        }
        missed
    }

    /// That the thread is gone, which those hear who took part; guests of a meeting went with its call (`D1`).
    pub fn missed_end(&self, who: &RawId) -> Option<(u64, ChatEvent)> {
        let there = self
            .participants
            .get(who)
            .is_some_and(Participant::is_present);
        let at = self
            .deleted
            .filter(|_| there && !self.is_for_calls_of(who))?;
        // Nobody wrote down who did it.
        let event = self.event(&News::Deleted { by: None, at })?;
        Some((self.last_id, event))
    }

    fn message_event(&self, message: &Message) -> Option<ChatEvent> {
        let (thread_id, version) = (self.id.clone(), message.version.to_string());
        let at = time(message.created);
        let people = |who: &[Named]| {
            let who = who.iter();
            who.map(|one| self.person(&one.id, one.name.clone()))
                .collect()
        };
        match &message.body.content {
            Content::Text(text) => self.written(message, ChatMessageKind::Text, text),
            Content::Html(html) => self.written(message, ChatMessageKind::Html, html),
            Content::ParticipantAdded { who, by } => Some(ChatEvent::ParticipantsAdded {
                thread_id,
                version,
                added_on: at,
                added_by: self.person(by, None),
                participants_added: people(who),
            }),
            Content::ParticipantRemoved { who, by } => Some(ChatEvent::ParticipantsRemoved {
                thread_id,
                version,
                removed_on: at,
                removed_by: self.person(by, None),
                participants_removed: people(who),
            }),
            // The first is told as a change of properties.
            Content::TopicUpdated { .. } | Content::CallStarted { .. } | Content::CallEnded => None,
        }
    }

    fn written(&self, message: &Message, kind: ChatMessageKind, text: &str) -> Option<ChatEvent> {
        let told = ChatMessage {
            thread_id: self.id.clone(),
            id: message.id.to_string(),
            version: message.version.to_string(),
            created_on: time(message.created),
            kind,
            sender: message.sender.clone()?,
            sender_display_name: message.body.name.clone(),
            message: text.to_owned(),
            metadata: entries(&message.body.metadata),
            client_message_id: message.client_id.clone(),
        };
        Some(match message.body.life {
            Life::Sent => ChatEvent::MessageReceived(told),
            Life::Edited(at) => ChatEvent::MessageEdited {
                message: told,
                edited_on: time(at),
            },
            Life::Deleted(at) => ChatEvent::MessageDeleted {
                message: told,
                deleted_on: time(at),
            },
        })
    }

    fn properties(&self, version: u64) -> ChatThread {
        ChatThread {
            thread_id: self.id.clone(),
            version: version.to_string(),
            topic: self.topic.clone(),
            metadata: entries(&self.metadata),
            retention: self.retention.map(|retention| match retention {
                Retention::None => ChatRetention::None,
                Retention::AfterCreation(days) => ChatRetention::ThreadCreationDate {
                    delete_thread_after_days: days,
                },
            }),
        }
    }

    fn person(&self, id: &RawId, name: Option<String>) -> ChatParticipant {
        let known: Option<&Participant> = self.participants.get(id);
        ChatParticipant {
            id: id.clone(),
            display_name: name.or_else(|| known?.name.clone()),
            share_history_time: known.and_then(|known| known.shared_from).map(time),
            metadata: known.map_or_else(Vec::new, |known| entries(&known.metadata)),
        }
    }
}
