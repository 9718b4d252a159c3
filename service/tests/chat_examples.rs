//! Every example of the chat specification (`examples/chat.json`), asked of the service and answered in
//! its shape: the status, every field that the example has with a value of its kind, and no field that it
//! has not.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::chat::VERSION;
use common::*;
use serde_json::{json, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::LazyLock;

static EXAMPLES: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("examples/chat.json")).unwrap());

/// Fields that the specification has and an example may leave out.
const OPTIONAL: [&str; 6] = [
    "displayName",
    "kind",
    "editedOn",
    "metadata",
    "nextLink",
    "shareHistoryTime",
];

/// What an example has and this service never says: files cannot be sent here, so no message has any (`D2`).
const NEVER: [&str; 1] = ["attachments"];

/// What differs between two values in shape.
fn differs(example: &Value, ours: &Value, at: &str) -> Option<String> {
    let wrong = |what: &str| Some(format!("{at}: {what}: {example} and {ours}"));
    if at.ends_with(".metadata") {
        // The application's own, whatever it is.
        return match ours.is_object() {
            true => None,
            false => wrong("no map"),
        };
    }
    match (example, ours) {
        (Value::Object(example), Value::Object(ours)) => {
            let asked = |key: &&String| !NEVER.contains(&key.as_str());
            let mut wanted = example.keys().filter(asked);
            let missing = wanted.find(|key| !ours.contains_key(*key));
            let known =
                |key: &String| example.contains_key(key) || OPTIONAL.contains(&key.as_str());
            let more = ours.keys().find(|key| !known(key));
            if let Some(key) = missing.or(more) {
                return wrong(key);
            }
            let mut both = example.iter().filter(|(key, _)| asked(key));
            both.find_map(|(key, value)| differs(value, &ours[key], &format!("{at}.{key}")))
        }
        (Value::Array(example), Value::Array(ours)) => example.iter().find_map(|one| {
            if one["deletedOn"].is_string() {
                // Deleted threads are not listed here: what is gone is gone.
                return None;
            }
            let all = ours.iter().map(|ours| differs(one, ours, at));
            let all: Vec<Option<String>> = all.collect();
            match all.iter().any(Option::is_none) {
                true => None,
                false => wrong(&format!("nothing like {one}: {all:?}")),
            }
        }),
        (Value::String(example), Value::String(ours)) => {
            let kind = |text: &str| match text {
                text if !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()) => "number",
                text if plenary_service::clock::parse_rfc3339(text).is_some() => "time",
                text if text.starts_with("http") => "link",
                text if text.starts_with("8:") || text.contains("-5cce-") => "identity",
                text if text.starts_with("19:") => "thread",
                _ => "text",
            };
            let kind = (kind(example), kind(ours));
            (kind.0 != kind.1).then(|| format!("{at}: {example} and {ours}"))
        }
        (Value::Number(_), Value::Number(_)) | (Value::Bool(_), Value::Bool(_)) => None,
        _ => wrong("another kind"),
    }
}

/// Asks for examples; those that were asked for are counted.
struct Asker<'a> {
    service: &'a Service,
    who: &'a SignedIn,
    /// Identities of the examples and ours.
    people: Vec<(&'static str, String)>,
    asked: RefCell<BTreeSet<String>>,
}

impl Asker<'_> {
    /// The request's body, about our people.
    fn request(&self, name: &str) -> String {
        let request = &EXAMPLES["examples"][name]["request"];
        let mut text = match request.is_null() {
            true => String::new(),
            false => request.to_string(),
        };
        for (theirs, ours) in &self.people {
            let theirs = format!("8:acs:8540c0de-899f-5cce-acb5-3ec493af3800_{theirs}");
            text = text.replace(&theirs, ours);
        }
        text
    }

    async fn ask(&self, name: &str, method: &str, target: &str) -> Value {
        let body = self.request(name);
        self.with(name, method, target, &[], &body).await
    }

    async fn with(
        &self,
        name: &str,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Value {
        let mark = if target.contains('?') { '&' } else { '?' };
        let target = format!("/chat/threads{target}{mark}{VERSION}");
        let authorization = format!("Bearer {}", self.who.token);
        let kind = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let mut all = vec![
            ("authorization", authorization.as_str()),
            ("content-type", kind),
        ];
        all.extend_from_slice(headers);
        let answer = self.service.http(method, &target, &all, body).await;
        let example = &EXAMPLES["examples"][name];
        assert_eq!(
            json!(answer.status.as_u16()),
            example["status"],
            "{name}: {}",
            answer.body
        );
        if let Some(location) = example["location"].as_str() {
            let path = |url: &str| url.split('/').skip(3).take(2).collect::<Vec<_>>().join("/");
            assert_eq!(path(answer.header("location")), path(location), "{name}");
        }
        self.asked.borrow_mut().insert(name.to_owned());
        if example["body"].is_null() {
            assert_eq!(answer.body, "", "{name}");
            return Value::Null;
        }
        let ours = answer.json();
        if let Some(wrong) = differs(&example["body"], &ours, name) {
            panic!("{wrong}");
        }
        ours
    }
}

#[tokio::test]
async fn every_example_is_answered_in_its_shape() {
    let service = Service::start().await;
    let (jane, alex, rama) = (
        service.guest().await,
        service.guest().await,
        service.guest().await,
    );
    let olivia = service.sign_in("Olivia").await;
    let people = vec![
        ("c94ff260-162d-46d6-94fd-e79f4d213715", jane.id.0.clone()),
        ("0e59221d-0c1d-46ae-9544-c963ce56c10b", alex.id.0.clone()),
        ("f13a9208-0bb8-45c0-916c-f3ed922728ce", rama.id.0.clone()),
        // No user of the resource; the other is nobody's.
        ("a34d2d65-d72f-4c48-a12c-2d5c9ac75a1a", olivia.id.0.clone()),
    ];
    let asker = Asker {
        service: &service,
        who: &jane,
        people,
        asked: RefCell::default(),
    };
    asker.ask("Threads_CreateChatThread", "POST", "").await;
    let again = "Threads_CreateChatThreadWithIdempotencyToken";
    let header = [(
        "repeatability-request-id",
        "35dd6e71-251b-5e29-8376-ba93d09c3fbf",
    )];
    let body = asker.request(again);
    let made = asker.with(again, "POST", "", &header, &body).await;
    let same = asker.with(again, "POST", "", &header, &body).await;
    assert_eq!(made["chatThread"]["id"], same["chatThread"]["id"]);
    let id = made["chatThread"]["id"].as_str().unwrap();
    let thread = format!("/{}", id.replace(':', "%3A").replace('@', "%40"));
    asker.ask("Threads_GetChatThread", "GET", &thread).await;
    asker
        .ask("Threads_UpdateChatThreadTopic", "PATCH", &thread)
        .await;

    let messages = format!("{thread}/messages");
    let sent = asker
        .ask("Messages_SendChatMessage", "POST", &messages)
        .await;
    let message = format!("{messages}/{}", sent["id"].as_str().unwrap());
    asker.ask("Messages_GetChatMessage", "GET", &message).await;
    asker
        .ask("Messages_UpdateChatMessage", "PATCH", &message)
        .await;
    let html = json!({"content": "<p>This place for lunch?</p>", "type": "html", "senderDisplayName": "Jane", "metadata": {"a": "b"}});
    let html = asker
        .with(
            "Messages_SendChatMessage",
            "POST",
            &messages,
            &[],
            &html.to_string(),
        )
        .await;
    let page = format!("{messages}?maxPageSize=5");
    asker
        .ask("Messages_ListChatMessagesWithPageSize", "GET", &page)
        .await;
    asker
        .ask(
            "Threads_ListChatThreadsWithPageSize",
            "GET",
            "?maxPageSize=1",
        )
        .await;

    asker
        .ask(
            "Messages_SendTypingNotification",
            "POST",
            &format!("{thread}/typing"),
        )
        .await;
    let receipts = format!("{thread}/readReceipts");
    let read = json!({"chatMessageId": html["id"]}).to_string();
    for who in [&jane, &alex] {
        let reader = Asker {
            service: &service,
            who,
            people: Vec::new(),
            asked: RefCell::default(),
        };
        let name = "Conversations_SendChatReadReceipt";
        reader.with(name, "POST", &receipts, &[], &read).await;
        asker
            .asked
            .borrow_mut()
            .append(&mut reader.asked.borrow_mut());
    }
    let page = format!("{receipts}?maxPageSize=1");
    asker
        .ask(
            "Conversations_ListChatReadReceiptsWithPageSize",
            "GET",
            &page,
        )
        .await;

    asker
        .ask("Messages_DeleteChatMessage", "DELETE", &message)
        .await;
    let participants = format!("{thread}/participants");
    let remove = format!("{participants}/:remove");
    asker
        .ask("Participants_RemoveChatParticipant", "POST", &remove)
        .await;
    // The example's answer is about people that its request does not name.
    let mut body: Value =
        serde_json::from_str(&asker.request("Participants_AddChatParticipants")).unwrap();
    for who in [
        &olivia.id.0,
        "8:acs:8540c0de-899f-5cce-acb5-3ec493af3800_f6762773",
    ] {
        let one = json!({"communicationIdentifier": {"rawId": who}});
        body["participants"].as_array_mut().unwrap().push(one);
    }
    let add = format!("{participants}/:add");
    let name = "Participants_AddChatParticipants";
    asker.with(name, "POST", &add, &[], &body.to_string()).await;
    let page = format!("{participants}?maxPageSize=2");
    asker
        .ask(
            "Participants_ListChatParticipantsWithPageSize",
            "GET",
            &page,
        )
        .await;
    asker
        .ask("Threads_DeleteChatThread", "DELETE", &thread)
        .await;

    let all = EXAMPLES["examples"].as_object().unwrap().keys();
    let all: BTreeSet<String> = all.cloned().collect();
    assert_eq!(*asker.asked.borrow(), all);
    service.stop().await;
}

#[tokio::test]
async fn errors_are_those_of_the_examples() {
    let service = Service::start().await;
    let (jane, eve) = (service.guest().await, service.guest().await);
    let chat = common::chat::thread(&service, &jane, &[]).await;
    let target = chat.target("/messages");
    let error = |status: u16, answer: &Answer| {
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.json(), EXAMPLES["errors"][status.to_string()]);
    };
    error(401, &service.json("GET", &target, None, Value::Null).await);
    error(403, &chat.get(&eve, "/messages").await);
    let typing = loop {
        let answer = chat.ask(&jane, "POST", "/typing", json!({})).await;
        if !answer.status.is_success() {
            break answer;
        }
    };
    error(429, &typing);
    assert!(!typing.header("retry-after").is_empty());
    // The database is gone.
    let app = service.running.as_ref().unwrap().app.clone();
    app.store.close().await;
    error(503, &chat.get(&jane, "/messages").await);
    let body = json!({"content": "x"});
    error(503, &chat.ask(&jane, "POST", "/messages", body).await);
    service.stop().await;
}
