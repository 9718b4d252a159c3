//! Hostile text in every field of chat that somebody writes and others are shown (S12): what is too large is
//! refused and leaves nothing behind, what deceives is taken out, markup is left as the text that it is.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::chat::meeting::{graph, graph_texts, thread_of};
use common::chat::*;
use common::notified::Client;
use common::*;
use hyper::StatusCode;
use plenary_protocol::chat::ChatEvent;
use serde_json::{json, Value};

/// Markup, an escape of an address, of a notification and of JSON, characters that turn the writing or are not
/// seen.
const HOSTILE: &str = "Lun\u{202e}ch <img src=x onerror=hit()>\u{200b}<script>hit()</script> %3Cb%3E %u003C \\u003c \"},{";
/// The same as others see it.
const SEEN: &str =
    "Lunch <img src=x onerror=hit()><script>hit()</script> %3Cb%3E %u003C \\u003c \"},{";

/// Everything that is kept of a thread, as somebody reads it.
async fn kept(chat: &Chat<'_>, who: &SignedIn) -> Vec<Value> {
    let mut kept = Vec::new();
    for rest in ["", "/messages", "/participants", "/readReceipts"] {
        kept.push(chat.get(who, rest).await.ok());
    }
    kept
}

#[tokio::test]
async fn s11_s12_a_megabyte_is_refused_wherever_it_is_written_and_nothing_of_it_is_kept() {
    let service = Service::start().await;
    let (jane, alex) = (service.guest().await, service.guest().await);
    let chat = thread(&service, &jane, &[]).await;
    let id = chat.send(&jane, "small").await;
    let one = format!("/messages/{id}");
    let before = kept(&chat, &jane).await;
    // What the operation could take in full, and what it does not even read.
    for size in [100 << 10, 1 << 20] {
        let large = "x".repeat(size);
        let named = json!({"participants": [participant(&alex, &large)]});
        let about = json!({"participants": [{
            "communicationIdentifier": user(&alex),
            "metadata": {"k": large},
        }]});
        for (method, rest, body) in [
            ("POST", "/messages", json!({"content": large})),
            (
                "POST",
                "/messages",
                json!({"content": large, "type": "html"}),
            ),
            (
                "POST",
                "/messages",
                json!({"content": "x", "senderDisplayName": large}),
            ),
            (
                "POST",
                "/messages",
                json!({"content": "x", "metadata": {"k": large}}),
            ),
            ("PATCH", &one, json!({"content": large})),
            ("PATCH", &one, json!({"metadata": {"k": large}})),
            ("PATCH", "", json!({"topic": large})),
            ("PATCH", "", json!({"metadata": {"k": large}})),
            ("POST", "/participants/:add", named),
            ("POST", "/participants/:add", about),
            ("POST", "/typing", json!({"senderDisplayName": large})),
        ] {
            let refused = chat.ask(&jane, method, rest, body).await;
            let at = format!("{method} {rest} of {size}");
            assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE, "{at}");
            assert_eq!(
                refused.json()["error"]["code"],
                "RequestEntityTooLarge",
                "{at}"
            );
        }
        let target = format!("/chat/threads?{VERSION}");
        let creator = json!([participant(&jane, &large)]);
        for body in [
            json!({"topic": large}),
            json!({"topic": "x", "participants": creator}),
        ] {
            let refused = service.post(&target, Some(&jane.token), body).await;
            assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
            assert_eq!(refused.json()["error"]["code"], "RequestEntityTooLarge");
        }
    }
    assert_eq!(kept(&chat, &jane).await, before);
    assert_eq!(
        meeting::threads(&service, &jane)
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    service.stop().await;
}

#[tokio::test]
async fn s11_s12_a_megabyte_is_no_rooms_name_and_no_members_message() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service.schedule(&olivia, json!({"subject": "x"})).await;
    let base = format!("/meetings/{}/breakoutRooms", text(&meeting["id"]));
    let token = Some(olivia.access.as_str());
    let made = service.post(&base, token, json!({"count": 1})).await.ok();
    let room = format!("{base}/{}", text(&made["value"][0]["id"]));
    let large = "x".repeat(1 << 20);
    let too_large = |refused: Answer| {
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(refused.json()["error"]["code"], "RequestEntityTooLarge");
    };
    let named = json!({"displayName": large});
    too_large(service.json("PATCH", &room, token, named.clone()).await);
    too_large(service.post(&base, token, named).await);
    let subject = json!({"subject": large});
    let target = format!("/v1.0/me/onlineMeetings/{}", text(&meeting["id"]));
    too_large(service.json("PATCH", &target, token, subject).await);
    let thread = thread_of(&meeting);
    for size in [100 << 10, 1 << 20] {
        let body = json!({"body": {"content": "x".repeat(size)}});
        too_large(graph(&service, &olivia, "POST", &thread, "", body).await);
    }
    let rooms = service.json("GET", &base, token, Value::Null).await.ok();
    assert_eq!(rooms["value"], made["value"]);
    let page = graph(&service, &olivia, "GET", &thread, "", Value::Null);
    assert_eq!(graph_texts(&page.await.ok()), [""; 0]);
    service.stop().await;
}

#[tokio::test]
async fn what_is_allowed_is_taken_however_its_client_writes_it() {
    let service = Service::start().await;
    let jane = service.guest().await;
    let chat = thread(&service, &jane, &[]).await;
    // As .NET's clients write what is neither a letter nor a digit.
    let content = format!("\"{}\"", "\\u003C".repeat(28 << 10));
    let body = format!("{{\"content\":{content}}}");
    let authorization = format!("Bearer {}", jane.token);
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
    ];
    let target = chat.target("/messages");
    let sent = service.http("POST", &target, &headers, &body).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.body);
    assert_eq!(chat.texts(&jane).await, ["<".repeat(28 << 10)]);
    service.stop().await;
}

#[tokio::test]
async fn s12_hostile_topics_and_names_are_harmless_text_wherever_they_are_told() {
    let service = Service::start().await;
    let (jane, alex, rama) = (
        service.guest().await,
        service.guest().await,
        service.guest().await,
    );
    let mut ear = listening(&service, &alex, "").await;
    let mut notified = Client::of(&service, &alex).await;
    let target = format!("/chat/threads?{VERSION}");
    let body = json!({"topic": HOSTILE, "participants": [participant(&alex, HOSTILE)]});
    let made = service.post(&target, Some(&jane.token), body).await.ok();
    assert_eq!(made["chatThread"]["topic"], SEEN);
    let chat = Chat {
        service: &service,
        thread: text(&made["chatThread"]["id"]).to_owned(),
    };
    let ChatEvent::ThreadCreated {
        thread,
        participants,
        ..
    } = heard(&mut ear).await
    else {
        panic!("a thread is made first");
    };
    assert_eq!(thread.topic, SEEN);
    let names = participants.iter().map(|one| one.display_name.as_deref());
    assert!(names.collect::<Vec<_>>().contains(&Some(SEEN)));

    let topic = json!({"topic": format!("{HOSTILE}!")});
    let changed = chat.ask(&jane, "PATCH", "", topic).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{}", changed.body);
    let added = json!({"participants": [participant(&rama, HOSTILE)]});
    chat.ask(&jane, "POST", "/participants/:add", added)
        .await
        .ok();
    let said = json!({"content": HOSTILE, "senderDisplayName": HOSTILE});
    chat.ask(&jane, "POST", "/messages", said).await.ok();
    let types = json!({"senderDisplayName": HOSTILE});
    assert_eq!(
        chat.ask(&jane, "POST", "/typing", types).await.status,
        StatusCode::OK
    );

    assert_eq!(
        chat.get(&alex, "").await.ok()["topic"],
        json!(format!("{SEEN}!"))
    );
    let people = chat.get(&alex, "/participants").await.ok();
    for one in &people["value"].as_array().unwrap()[1..] {
        assert_eq!(one["displayName"], SEEN);
    }
    let page = chat.get(&alex, "/messages").await.ok();
    assert_eq!(page["value"][0]["content"]["message"], SEEN);
    assert_eq!(page["value"][0]["senderDisplayName"], SEEN);
    assert_eq!(
        page["value"][1]["content"]["participants"][0]["displayName"],
        SEEN
    );
    assert_eq!(
        page["value"][2]["content"]["topic"],
        json!(format!("{SEEN}!"))
    );

    // What is told at once is what is read: nothing unseen in any frame, up to the last that was said.
    let mut told = 0;
    while told < 4 {
        told += match heard(&mut ear).await {
            ChatEvent::ThreadPropertiesUpdated { thread, .. } => {
                assert_eq!(thread.topic, format!("{SEEN}!"));
                1
            }
            ChatEvent::ParticipantsAdded {
                participants_added, ..
            } => {
                assert_eq!(participants_added[0].display_name.as_deref(), Some(SEEN));
                1
            }
            ChatEvent::MessageReceived(message) => {
                assert_eq!(message.message, SEEN);
                assert_eq!(message.sender_display_name.as_deref(), Some(SEEN));
                1
            }
            ChatEvent::Typing {
                sender_display_name,
                ..
            } => {
                assert_eq!(sender_display_name.as_deref(), Some(SEEN));
                1
            }
            other => panic!("{other:?}"),
        };
    }
    loop {
        let (_, body) = notified.notified().await;
        let all = body.to_string();
        assert!(!all.contains(['\u{202e}', '\u{200b}']), "{all}");
        if body["eventId"] == 245 {
            assert_eq!(body["senderDisplayName"], SEEN);
            break;
        }
    }
    service.stop().await;
}
