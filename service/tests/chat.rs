//! The chat REST interface on the wire: every operation, in the shapes of the specification.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::chat::*;
use common::*;
use hyper::StatusCode;
use serde_json::{json, Value};

#[tokio::test]
async fn a_thread_is_made_changed_listed_and_deleted() {
    let service = Service::start().await;
    let (jane, alex) = (service.guest().await, service.guest().await);
    let body = json!({
        "topic": "Lunch",
        "metadata": {"k": "v"},
        "retentionPolicy": {"kind": "threadCreationDate", "deleteThreadAfterDays": 30},
        "participants": [
            participant(&jane, "Jane"),
            participant(&alex, "Alex"),
            {"communicationIdentifier": {"communicationUser": {"id": "8:acs:nobody_nobody"}}},
        ],
    });
    let target = format!("/chat/threads?{VERSION}");
    let created = service.post(&target, Some(&jane.token), body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    let answer = created.json();
    let id = answer["chatThread"]["id"].as_str().unwrap();
    assert!(id.starts_with("19:") && id.ends_with("@thread.v2"), "{id}");
    assert!(created.header("location").contains("/chat/threads/19%3A"));
    assert_eq!(
        answer["chatThread"]["createdByCommunicationIdentifier"]["rawId"],
        json!(jane.id)
    );
    assert_eq!(
        answer["invalidParticipants"],
        json!([{"target": "8:acs:nobody_nobody", "code": "404", "message": "Not found"}])
    );
    let chat = Chat {
        service: &service,
        thread: id.to_owned(),
    };
    let read = chat.get(&alex, "").await.ok();
    assert_eq!(read["topic"], "Lunch");
    assert_eq!(read["metadata"], json!({"k": "v"}));
    assert_eq!(
        read["retentionPolicy"],
        json!({"kind": "threadCreationDate", "deleteThreadAfterDays": 30})
    );

    let patch = json!({"topic": "Dinner"});
    assert_eq!(
        chat.ask(&alex, "PATCH", "", patch).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(chat.get(&jane, "").await.ok()["topic"], "Dinner");
    let page = chat.get(&jane, "/messages").await.ok();
    let messages = page["value"].as_array().unwrap();
    let kinds: Vec<&str> = messages
        .iter()
        .map(|m| m["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["topicUpdated", "topicUpdated", "participantAdded"]);
    assert_eq!(messages[0]["content"]["topic"], "Dinner");
    assert_eq!(
        messages[0]["content"]["initiatorCommunicationIdentifier"]["rawId"],
        json!(alex.id)
    );
    assert_eq!(
        messages[2]["content"]["participants"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(messages[2]["sequenceId"], "1");
    assert!(messages[2]["senderCommunicationIdentifier"].is_null());

    let list = service
        .json("GET", &target, Some(&alex.token), Value::Null)
        .await
        .ok();
    assert_eq!(list["value"][0]["id"], json!(chat.thread));
    assert_eq!(
        chat.ask(&jane, "DELETE", "", Value::Null).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        chat.get(&jane, "/messages").await.status,
        StatusCode::FORBIDDEN
    );
    let list = service
        .json("GET", &target, Some(&alex.token), Value::Null)
        .await
        .ok();
    assert_eq!(list["value"], json!([]));
    service.stop().await;
}

#[tokio::test]
async fn a_message_is_sent_read_edited_and_deleted_by_its_sender_alone() {
    let service = Service::start().await;
    let (jane, alex) = (service.guest().await, service.guest().await);
    let chat = thread(&service, &jane, &[&alex]).await;
    let body = json!({
        "content": "Let's head out for lunch in 15 minutes.",
        "senderDisplayName": "Jane",
        "metadata": {"someKey1": "someValue1"},
    });
    let sent = chat.ask(&jane, "POST", "/messages", body).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.body);
    let id = sent.json()["id"].as_str().unwrap().to_owned();
    assert!(id.parse::<u64>().is_ok());
    assert!(sent
        .header("location")
        .ends_with(&format!("/messages/{id}")));
    let one = format!("/messages/{id}");
    let read = chat.get(&alex, &one).await.ok();
    assert_eq!(read["id"], json!(id));
    assert_eq!(read["type"], "text");
    assert_eq!(
        read["content"],
        json!({"message": "Let's head out for lunch in 15 minutes."})
    );
    assert_eq!(read["senderDisplayName"], "Jane");
    assert_eq!(
        read["senderCommunicationIdentifier"]["communicationUser"]["id"],
        json!(jane.id)
    );
    assert_eq!(read["metadata"], json!({"someKey1": "someValue1"}));

    let edit = json!({"content": "Later"});
    let by_another = chat.ask(&alex, "PATCH", &one, edit.clone()).await;
    assert_eq!(by_another.status, StatusCode::FORBIDDEN);
    assert_eq!(by_another.json()["error"]["code"], "Forbidden");
    assert_eq!(
        chat.ask(&jane, "PATCH", &one, edit).await.status,
        StatusCode::NO_CONTENT
    );
    let read = chat.get(&alex, &one).await.ok();
    assert_eq!(read["content"]["message"], "Later");
    assert!(read["editedOn"].is_string());
    assert_eq!(
        read["metadata"],
        json!({"someKey1": "someValue1"}),
        "absent is unchanged"
    );

    assert_eq!(
        chat.ask(&alex, "DELETE", &one, Value::Null).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        chat.ask(&jane, "DELETE", &one, Value::Null).await.status,
        StatusCode::NO_CONTENT
    );
    let read = chat.get(&alex, &one).await.ok();
    assert!(
        read["deletedOn"].is_string() && read["content"].is_null(),
        "{read}"
    );
    assert_eq!(
        chat.ask(&jane, "DELETE", &one, Value::Null).await.status,
        StatusCode::NOT_FOUND
    );
    service.stop().await;
}

#[tokio::test]
async fn pages_survive_what_is_written_meanwhile() {
    let service = Service::limited(|limits| limits.chat.rates.write.thread.per_10s = 0).await;
    let jane = service.guest().await;
    let chat = thread(&service, &jane, &[]).await;
    for n in 1..=7 {
        chat.send(&jane, &n.to_string()).await;
    }
    let mut target = chat.target("/messages?maxPageSize=3");
    let mut seen = Vec::new();
    loop {
        let page = service
            .json("GET", &target, Some(&jane.token), Value::Null)
            .await
            .ok();
        let messages = page["value"].as_array().unwrap();
        assert!(messages.len() <= 3);
        seen.extend(
            messages
                .iter()
                .map(|m| m["sequenceId"].as_str().unwrap().to_owned()),
        );
        chat.send(&jane, "meanwhile").await;
        let Some(link) = page["nextLink"].as_str() else {
            break;
        };
        target = link
            .split_once("/chat")
            .map(|(_, rest)| format!("/chat{rest}"))
            .unwrap();
        assert!(
            target.contains("maxPageSize=3") && target.contains(VERSION),
            "{target}"
        );
    }
    assert_eq!(seen, ["9", "8", "7", "6", "5", "4", "3", "2", "1"]);
    service.stop().await;
}

#[tokio::test]
async fn the_same_request_again_gives_the_same_thread_and_the_same_message() {
    let service = Service::start().await;
    let jane = service.guest().await;
    let authorization = format!("Bearer {}", jane.token);
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
        (
            "repeatability-request-id",
            "35dd6e71-251b-5e29-8376-ba93d09c3fbf",
        ),
    ];
    let target = format!("/chat/threads?{VERSION}");
    let body = json!({"topic": "Lunch"}).to_string();
    let ask = || service.http("POST", &target, &headers, &body);
    let first = ask().await.ok();
    assert_eq!(first, ask().await.ok());
    let thread = first["chatThread"]["id"].as_str().unwrap().to_owned();
    let chat = Chat {
        service: &service,
        thread,
    };
    let target = chat.target("/messages");
    let body = json!({"content": "once"}).to_string();
    let ask = || service.http("POST", &target, &headers, &body);
    let first = ask().await.ok();
    assert_eq!(first, ask().await.ok());
    assert_eq!(chat.texts(&jane).await, ["once"]);
    service.stop().await;
}

#[tokio::test]
async fn participants_come_and_go_and_read_what_is_shared_with_them() {
    let service = Service::start().await;
    let (jane, alex, rama) = (
        service.guest().await,
        service.guest().await,
        service.guest().await,
    );
    let chat = thread(&service, &jane, &[]).await;
    chat.send(&jane, "before").await;
    let mut sharing = participant(&rama, "Rama");
    sharing["shareHistoryTime"] = json!("2020-06-06T05:55:41Z");
    let body = json!({"participants": [participant(&alex, "Alex"), sharing]});
    let added = chat.ask(&jane, "POST", "/participants/:add", body).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);
    chat.send(&jane, "after").await;
    assert_eq!(chat.texts(&alex).await, ["after"]);
    assert_eq!(chat.texts(&rama).await, ["after", "before"]);
    let page = chat.get(&jane, "/participants?maxPageSize=2").await.ok();
    assert_eq!(
        page["value"][0]["communicationIdentifier"]["rawId"],
        json!(jane.id)
    );
    assert_eq!(page["value"][1]["displayName"], "Alex");
    let link = page["nextLink"].as_str().unwrap();
    assert!(
        link.contains("skip=2") && link.contains("maxPageSize=2"),
        "{link}"
    );

    let removed = chat
        .ask(&jane, "POST", "/participants/:remove", user(&alex))
        .await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT, "{}", removed.body);
    chat.send(&jane, "later").await;
    assert_eq!(chat.texts(&alex).await, ["after"], "the old history alone");
    assert_eq!(chat.get(&alex, "").await.status, StatusCode::FORBIDDEN);
    let body = json!({"content": "no"});
    assert_eq!(
        chat.ask(&alex, "POST", "/messages", body).await.status,
        StatusCode::FORBIDDEN
    );
    service.stop().await;
}

#[tokio::test]
async fn receipts_and_typing_reach_the_others_and_large_threads_have_none() {
    let service = Service::limited(|limits| limits.chat.small_thread = 2).await;
    let (jane, alex, rama) = (
        service.guest().await,
        service.guest().await,
        service.guest().await,
    );
    let chat = thread(&service, &jane, &[&alex]).await;
    let id = chat.send(&jane, "read me").await;
    let typing = chat
        .ask(
            &alex,
            "POST",
            "/typing",
            json!({"senderDisplayName": "Alex"}),
        )
        .await;
    assert_eq!(typing.status, StatusCode::OK);
    let body = json!({"chatMessageId": id});
    let read = chat.ask(&alex, "POST", "/readReceipts", body.clone()).await;
    assert_eq!(read.status, StatusCode::OK, "{}", read.body);
    let receipts = chat.get(&jane, "/readReceipts").await.ok();
    assert_eq!(receipts["value"][0]["chatMessageId"], json!(id));
    assert_eq!(
        receipts["value"][0]["senderCommunicationIdentifier"]["rawId"],
        json!(alex.id)
    );
    assert!(receipts["value"][0]["readOn"].is_string());
    let unknown = json!({"chatMessageId": "1"});
    let refused = chat.ask(&alex, "POST", "/readReceipts", unknown).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);

    let body = json!({"participants": [participant(&rama, "Rama")]});
    chat.ask(&jane, "POST", "/participants/:add", body)
        .await
        .ok();
    let typing = chat.ask(&alex, "POST", "/typing", json!({})).await;
    assert_eq!(typing.status, StatusCode::FORBIDDEN);
    assert_eq!(typing.json()["error"]["code"], "ThreadTooLarge");
    service.stop().await;
}

#[tokio::test]
async fn limits_are_told_with_the_time_to_wait() {
    let service = Service::start().await;
    let jane = service.guest().await;
    let chat = thread(&service, &jane, &[]).await;
    for n in 0..10 {
        chat.send(&jane, &n.to_string()).await;
    }
    let refused = chat
        .ask(&jane, "POST", "/messages", json!({"content": "more"}))
        .await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json()["error"]["code"], "TooManyRequests");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=10).contains(&wait));
    assert_eq!(
        chat.texts(&jane).await.len(),
        10,
        "what was refused is not there"
    );
    service.stop().await;
}

#[tokio::test]
async fn s11_what_is_too_large_is_refused() {
    let service = Service::start().await;
    let jane = service.guest().await;
    let chat = thread(&service, &jane, &[]).await;
    for body in [
        json!({"content": "x".repeat((28 << 10) + 1)}),
        json!({"content": "x", "metadata": {"k": "x".repeat(1_024)}}),
    ] {
        let refused = chat.ask(&jane, "POST", "/messages", body).await;
        assert_eq!(
            refused.status,
            StatusCode::PAYLOAD_TOO_LARGE,
            "{}",
            refused.body
        );
    }
    for body in [
        json!({}),
        json!([]),
        json!({"content": 1}),
        json!({"content": " \u{202e}"}),
    ] {
        let refused = chat.ask(&jane, "POST", "/messages", body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
    }
    assert_eq!(chat.texts(&jane).await, [""; 0]);
    service.stop().await;
}

#[tokio::test]
async fn s12_html_from_a_raw_client_is_sanitised_in_the_service() {
    let service = Service::start().await;
    let jane = service.guest().await;
    let chat = thread(&service, &jane, &[]).await;
    let hostile = "<p onclick=x>hi<script>alert(1)</script><a href='javascript:alert(1)'>l</a></p>";
    let body = json!({"content": hostile, "type": "html", "senderDisplayName": "Ja\u{202e}ne"});
    chat.ask(&jane, "POST", "/messages", body).await.ok();
    let page = chat.get(&jane, "/messages").await.ok();
    let message = &page["value"][0];
    assert_eq!(message["type"], "html");
    assert_eq!(
        message["content"]["message"],
        "<p>hi<a rel=\"noopener noreferrer nofollow\">l</a></p>"
    );
    assert_eq!(message["senderDisplayName"], "Jane");
    let edit = json!({"content": "<b>x</b><script>alert(1)</script>"});
    let one = format!("/messages/{}", message["id"].as_str().unwrap());
    chat.ask(&jane, "PATCH", &one, edit).await;
    assert_eq!(chat.texts(&jane).await, ["<b>x</b>"]);
    service.stop().await;
}

#[tokio::test]
async fn s5_s13_s16_strangers_get_the_same_answer_for_a_thread_and_for_none() {
    let service = Service::start().await;
    let (jane, eve) = (service.guest().await, service.guest().await);
    let chat = thread(&service, &jane, &[]).await;
    let id = chat.send(&jane, "secret").await;
    let none = Chat {
        service: &service,
        thread: "19:00000000000000000000000000000000@thread.v2".into(),
    };
    for (method, rest, body) in operations(&id, &eve) {
        let theirs = chat.ask(&eve, method, &rest, body.clone()).await;
        let nobodys = none.ask(&eve, method, &rest, body.clone()).await;
        assert_eq!(theirs.status, StatusCode::FORBIDDEN, "{method} {rest}");
        assert_eq!(
            (theirs.status, &theirs.body),
            (nobodys.status, &nobodys.body)
        );
        // S5: without a token of this kind nothing is looked at.
        let target = chat.target(&rest);
        for token in [
            None,
            Some("x"),
            Some(service.sign_in("Olivia").await.access.as_str()),
        ] {
            let refused = service.json(method, &target, token, body.clone()).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{method} {rest}");
            assert_eq!(
                refused.json()["error"]["message"],
                "Request is not authorized."
            );
        }
    }
    assert_eq!(chat.texts(&jane).await, ["secret"]);
    service.stop().await;
}

#[tokio::test]
async fn a_threads_own_policy_deletes_it_with_its_messages() {
    let service = Service::start().await;
    let jane = service.guest().await;
    let policy = json!({"kind": "threadCreationDate", "deleteThreadAfterDays": 30});
    let body = json!({"topic": "Lunch", "retentionPolicy": policy});
    let target = format!("/chat/threads?{VERSION}");
    let made = service.post(&target, Some(&jane.token), body).await.ok();
    let thread = made["chatThread"]["id"].as_str().unwrap().to_owned();
    let chat = Chat {
        service: &service,
        thread,
    };
    let id: u64 = chat.send(&jane, "soon gone").await.parse().unwrap();
    let app = service.running.as_ref().unwrap().app.clone();
    let thirty_days = 30 * 24 * 60 * 60_000;
    app.chats.sweep(id + thirty_days - 60_000).await;
    assert_eq!(chat.texts(&jane).await, ["soon gone"]);
    app.chats.sweep(id + thirty_days).await;
    assert_eq!(
        chat.get(&jane, "/messages").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(app.store.message(&chat.thread, id).await.unwrap(), None);
    service.stop().await;
}
