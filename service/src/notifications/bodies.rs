//! Notifications as `@azure/communication-chat` reads them (`rest.md` 6.3). What is JSON within JSON of a
//! thread's events goes through `unescape()` there before it is parsed, so that a percent sign that
//! somebody wrote would become what they wished (`S12`): it is escaped here.

use crate::clock::rfc3339;
use plenary_protocol::chat::{
    ChatEvent, ChatMessage, ChatMessageKind, ChatParticipant, ChatRetention, ChatThread,
};
use plenary_protocol::id::RawId;
use serde_json::{json, Map, Value};
use std::fmt::Write;

/// The body for one receiver. `None`: there is no notification of it.
pub fn body(event: &ChatEvent, receiver: &RawId) -> Option<Value> {
    let mut body = match event {
        ChatEvent::MessageReceived(message) => written(200, message),
        ChatEvent::MessageEdited { message, edited_on } => {
            let mut body = written(247, message);
            body["edittime"] = json!(time(*edited_on));
            body
        }
        ChatEvent::MessageDeleted {
            message,
            deleted_on,
        } => {
            let mut body = of_message(248, message);
            body["deletetime"] = json!(time(*deleted_on));
            body
        }
        ChatEvent::Typing {
            thread_id,
            sender,
            sender_display_name,
            version,
            received_on,
        } => json!({
            "eventId": 245,
            "senderId": sender,
            "groupId": thread_id,
            "senderDisplayName": sender_display_name.as_deref().unwrap_or_default(),
            "version": version,
            "originalArrivalTime": time(*received_on),
        }),
        ChatEvent::ReadReceipt {
            thread_id,
            sender,
            chat_message_id,
            read_on,
        } => json!({
            "eventId": 246,
            "senderId": sender,
            "groupId": thread_id,
            "messageId": chat_message_id,
            "messageBody": json!({
                "user": sender,
                "consumptionhorizon": format!("{chat_message_id};{read_on};0"),
                "messageVisibilityTime": 0,
                "version": format!("{read_on}"),
            })
            .to_string(),
        }),
        ChatEvent::Withdrawn => return None,
        ChatEvent::ThreadCreated { .. }
        | ChatEvent::ThreadPropertiesUpdated { .. }
        | ChatEvent::ThreadDeleted { .. }
        | ChatEvent::ParticipantsAdded { .. }
        | ChatEvent::ParticipantsRemoved { .. } => return Some(of_thread(event)),
    };
    body["recipientMri"] = json!(receiver);
    Some(body)
}

fn of_message(event: u32, message: &ChatMessage) -> Value {
    json!({
        "eventId": event,
        "senderId": message.sender,
        "groupId": message.thread_id,
        "messageId": message.id,
        "clientMessageId": message.client_message_id,
        "senderDisplayName": message.sender_display_name.as_deref().unwrap_or_default(),
        "messageType": match message.kind {
            ChatMessageKind::Text => "Text",
            ChatMessageKind::Html => "RichText/Html",
        },
        "version": message.version,
        "originalArrivalTime": time(message.created_on),
    })
}

fn written(event: u32, message: &ChatMessage) -> Value {
    let mut body = of_message(event, message);
    body["messageBody"] = json!(message.message);
    body["acsChatMessageMetadata"] = json!(map(&message.metadata).to_string());
    body["attachments"] = json!("[]");
    body
}

fn of_thread(event: &ChatEvent) -> Value {
    match event {
        ChatEvent::ThreadCreated {
            thread,
            created_on,
            created_by,
            participants,
        } => json!({
            "eventId": 257,
            "threadId": thread.thread_id,
            "version": thread.version,
            "createTime": time(*created_on),
            "createdBy": escaped(&person(created_by)),
            "members": escaped(&people(participants)),
            "properties": escaped(&properties(thread)),
        }),
        ChatEvent::ThreadPropertiesUpdated {
            thread,
            updated_on,
            updated_by,
        } => json!({
            "eventId": 258,
            "threadId": thread.thread_id,
            "version": thread.version,
            "editTime": time(*updated_on),
            "editedBy": escaped(&person(updated_by)),
            "properties": escaped(&properties(thread)),
        }),
        ChatEvent::ThreadDeleted {
            thread_id,
            version,
            deleted_on,
            deleted_by,
        } => json!({
            "eventId": 259,
            "threadId": thread_id,
            "version": version,
            "deleteTime": time(*deleted_on),
            "deletedBy": deleted_by.as_ref().map(|by| escaped(&person(by))),
            "reason": match deleted_by {
                Some(_) => "deletedByUser",
                None => "deletedByPolicy",
            },
        }),
        ChatEvent::ParticipantsAdded {
            thread_id,
            version,
            added_on,
            added_by,
            participants_added,
        } => json!({
            "eventId": 260,
            "threadId": thread_id,
            "version": version,
            "time": time(*added_on),
            "addedBy": escaped(&person(added_by)),
            "participantsAdded": escaped(&people(participants_added)),
        }),
        ChatEvent::ParticipantsRemoved {
            thread_id,
            version,
            removed_on,
            removed_by,
            participants_removed,
        } => json!({
            "eventId": 261,
            "threadId": thread_id,
            "version": version,
            "time": time(*removed_on),
            "removedBy": escaped(&person(removed_by)),
            "participantsRemoved": escaped(&people(participants_removed)),
        }),
        _ => Value::Null,
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Milliseconds since 1970.
fn time(ms: f64) -> String {
    rfc3339(ms as u64)
}

fn map(entries: &[(String, String)]) -> Value {
    let entries = entries.iter().map(|(k, v)| (k.clone(), json!(v)));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn person(one: &ChatParticipant) -> Value {
    let mut person = json!({
        "participantId": one.id,
        "displayName": one.display_name.as_deref().unwrap_or_default(),
    });
    if let Some(from) = one.share_history_time {
        person["shareHistoryTime"] = json!(time(from));
    }
    if !one.metadata.is_empty() {
        person["memberMetaData"] = json!(map(&one.metadata).to_string());
    }
    person
}

fn people(all: &[ChatParticipant]) -> Value {
    all.iter().map(person).collect()
}

fn properties(thread: &ChatThread) -> Value {
    let mut properties = json!({"topic": thread.topic});
    if !thread.metadata.is_empty() {
        properties["acsChatThreadMetadata"] = json!(map(&thread.metadata).to_string());
    }
    if let Some(ChatRetention::ThreadCreationDate {
        delete_thread_after_days: days,
    }) = thread.retention
    {
        let policy = json!({
            "retentionPolicyType": "DeleteAfterCreationTime",
            "executeAfter": format!("{days:02}.00:00:00"),
        });
        properties["retentionPolicy"] = json!(policy.to_string());
    }
    properties
}

/// JSON that JavaScript's `unescape()` gives back unchanged: ASCII, and no percent sign of its own.
fn escaped(value: &Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        match c {
            '%' => text.push_str("%25"),
            c if c.is_ascii() => text.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // A text takes what is written to it.
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As JavaScript has it (ECMAScript, B.2.1.2).
    fn unescape(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            out.push_str(before);
            let code = after
                .get(..2)
                .and_then(|hex| u8::from_str_radix(hex, 16).ok());
            match code {
                Some(code) => {
                    out.push(char::from(code));
                    rest = &after[2..];
                }
                None => {
                    out.push('%');
                    rest = after;
                }
            }
        }
        out + rest
    }

    #[test]
    fn s12_what_somebody_wrote_is_what_comes_out_behind_unescape() {
        for topic in [
            "100%",
            "%22,\"admin\":\"%22",
            "%u0022}",
            "Grüße 🎉 %41",
            "\"\\ \u{2028}",
        ] {
            let escaped = escaped(&json!({"topic": topic}));
            assert!(escaped.is_ascii() && !escaped.contains("%u"), "{escaped}");
            let read: Value = serde_json::from_str(&unescape(&escaped)).unwrap();
            assert_eq!(read, json!({"topic": topic}));
        }
    }
}
