//! How often and how much: every limit of chat on the wire, with the time to wait, and the documented sizes.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::chat::*;
use common::signed::{resource, signed};
use common::*;
use hyper::StatusCode;
use plenary_service::chat::rates::{AllRates, Rate, Rates};
use serde_json::{json, Value};
use std::time::Duration;

/// So often in ten seconds.
const OFTEN: u32 = 3;
const SO_OFTEN: Rate = Rate {
    per_10s: OFTEN,
    per_minute: 0,
};

fn all(rates: Rates) -> AllRates {
    AllRates {
        thread: rates,
        update: rates,
        participants: rates,
        read_thread: rates,
        read_message: rates,
        list_messages: rates,
        list_receipts: rates,
        list_participants: rates,
        write: rates,
        receipt: rates,
        typing: rates,
    }
}

/// One operation of each kind that is counted; without a thread, a new one.
fn counted(message: &str) -> [(&'static str, Option<String>, Value); 11] {
    let rest = |rest: &str| Some(rest.to_owned());
    [
        ("POST", None, json!({"topic": "x"})),
        ("PATCH", rest(""), json!({"topic": "x"})),
        (
            "POST",
            rest("/participants/:add"),
            json!({"participants": []}),
        ),
        ("GET", rest(""), Value::Null),
        ("GET", rest(&format!("/messages/{message}")), Value::Null),
        ("GET", rest("/messages"), Value::Null),
        ("GET", rest("/readReceipts"), Value::Null),
        ("GET", rest("/participants"), Value::Null),
        ("POST", rest("/messages"), json!({"content": "x"})),
        (
            "POST",
            rest("/readReceipts"),
            json!({"chatMessageId": message}),
        ),
        ("POST", rest("/typing"), json!({})),
    ]
}

async fn asked(
    chat: &Chat<'_>,
    who: &SignedIn,
    operation: &(&str, Option<String>, Value),
) -> Answer {
    let (method, rest, body) = operation;
    match rest {
        Some(rest) => chat.ask(who, method, rest, body.clone()).await,
        None => {
            let target = format!("/chat/threads?{VERSION}");
            chat.service
                .json(method, &target, Some(&who.token), body.clone())
                .await
        }
    }
}

/// Refused, and told for how many seconds.
fn wait(answer: &Answer, at: &str) -> u64 {
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{at}");
    assert_eq!(answer.json()["error"]["code"], "TooManyRequests", "{at}");
    let wait = answer.header("retry-after").parse().unwrap();
    assert!((1..=10).contains(&wait), "{at}: {wait}");
    wait
}

/// Each kind of operation until it is refused, and again after the time that was told.
async fn each_is_limited(of_user: bool) {
    let none = Rate {
        per_10s: 0,
        per_minute: 0,
    };
    let rates = match of_user {
        true => Rates {
            user: SO_OFTEN,
            thread: none,
        },
        false => Rates {
            user: none,
            thread: SO_OFTEN,
        },
    };
    let service = Service::limited(|limits| limits.chat.rates = all(rates)).await;
    let (maker, jane, alex) = (
        service.guest().await,
        service.guest().await,
        service.guest().await,
    );
    let chat = thread(&service, &maker, &[&jane, &alex]).await;
    let message = chat.send(&maker, "counted, too").await;
    let mut longest = 0;
    let all = counted(&message);
    // What is counted for a thread alone does not count its making.
    let limited: Vec<_> = all
        .iter()
        .filter(|(_, rest, _)| of_user || rest.is_some())
        .collect();
    for operation in &limited {
        let at = format!("{} {:?}, of a user: {of_user}", operation.0, operation.1);
        let writes = operation.0 == "POST" && operation.1.as_deref() == Some("/messages");
        let before = u32::from(writes && !of_user);
        for _ in before..OFTEN {
            let done = asked(&chat, &jane, operation).await;
            assert!(done.status.is_success(), "{at}: {}", done.body);
        }
        longest = longest.max(wait(&asked(&chat, &jane, operation).await, &at));
        let others = asked(&chat, &alex, operation).await;
        match of_user {
            true => assert!(others.status.is_success(), "{at}: {}", others.body),
            false => drop(wait(&others, &at)),
        }
    }
    tokio::time::sleep(Duration::from_secs(longest)).await;
    for operation in limited {
        let done = asked(&chat, &jane, operation).await;
        assert!(
            done.status.is_success(),
            "{operation:?} after the wait: {}",
            done.body
        );
    }
    service.stop().await;
}

#[tokio::test]
async fn each_operation_is_limited_for_a_user_and_for_a_thread_and_let_in_after_the_wait() {
    tokio::join!(each_is_limited(true), each_is_limited(false));
}

#[tokio::test]
async fn reading_a_thread_and_listing_threads_are_counted_together() {
    let service = Service::limited(|limits| limits.chat.rates.read_thread.user = SO_OFTEN).await;
    let jane = service.guest().await;
    let (one, other) = (
        thread(&service, &jane, &[]).await,
        thread(&service, &jane, &[]).await,
    );
    let list = format!("/chat/threads?{VERSION}");
    assert_eq!(one.get(&jane, "").await.status, StatusCode::OK);
    assert_eq!(other.get(&jane, "").await.status, StatusCode::OK);
    let listed = service.json("GET", &list, Some(&jane.token), Value::Null);
    assert_eq!(listed.await.status, StatusCode::OK);
    wait(&one.get(&jane, "").await, "a fourth");
    service.stop().await;
}

/// A page's entries, and whether there are more.
fn page(answer: &Answer) -> (usize, bool) {
    let page = answer.json();
    let entries = page["value"].as_array().unwrap().len();
    (entries, page["nextLink"].is_string())
}

#[tokio::test]
async fn c7_a_thread_holds_250_of_whom_200_come_at_once_and_a_page_holds_200() {
    let service = Service::limited(|limits| limits.chat.rates.write.thread = UNBOUNDED).await;
    let key = resource(&service).await.primary_key;
    let mut ids = Vec::new();
    for _ in 0..251 {
        let target = format!("/identities?{}", common::signed::VERSION);
        let made = signed(&service, &key, "POST", &target, "{}").await.ok();
        ids.push(text(&made["identity"]["id"]).to_owned());
    }
    let people = |ids: &[String]| -> Value {
        // As large as it may be said.
        let one = |id: &String| {
            json!({
                "communicationIdentifier": {"rawId": id, "communicationUser": {"id": id}},
                "displayName": "n".repeat(256),
                "shareHistoryTime": "2026-11-22T00:00:00Z",
                "metadata": {"k": "x".repeat(1_000)},
            })
        };
        json!({"participants": ids.iter().map(one).collect::<Vec<_>>()})
    };
    let jane = service.guest().await;
    let chat = thread(&service, &jane, &[]).await;
    let add = async |some: &[String]| {
        let answer = chat.ask(&jane, "POST", "/participants/:add", people(some));
        let answer = answer.await;
        (answer.status, answer.json()["error"]["code"].clone())
    };
    assert_eq!(
        add(&ids[..201]).await,
        (StatusCode::BAD_REQUEST, json!("BadRequest"))
    );
    assert_eq!(add(&ids[..200]).await, (StatusCode::CREATED, Value::Null));
    // With her they are 201.
    let full = (StatusCode::FORBIDDEN, json!("ParticipantLimitReached"));
    assert_eq!(add(&ids[200..250]).await, full);
    assert_eq!(
        add(&ids[200..249]).await,
        (StatusCode::CREATED, Value::Null)
    );
    assert_eq!(add(&ids[249..250]).await, full);
    for rest in ["/participants", "/participants?maxPageSize=999"] {
        assert_eq!(page(&chat.get(&jane, rest).await), (200, true), "{rest}");
    }
    assert_eq!(chat.list(&jane, "/participants").await.unwrap().len(), 250);
    for n in 0..200 {
        chat.send(&jane, &n.to_string()).await;
    }
    for rest in ["/messages", "/messages?maxPageSize=201"] {
        assert_eq!(page(&chat.get(&jane, rest).await), (200, true), "{rest}");
    }
    service.stop().await;
}

#[tokio::test]
async fn twenty_hear_each_other_type_and_twenty_one_do_not() {
    let service = Service::start().await;
    let mut people = Vec::new();
    for _ in 0..21 {
        people.push(service.guest().await);
    }
    let twenty: Vec<&SignedIn> = people[1..20].iter().collect();
    let chat = thread(&service, &people[0], &twenty).await;
    let id = chat.send(&people[0], "read me").await;
    let both = async || {
        let typing = chat.ask(&people[1], "POST", "/typing", json!({})).await;
        let body = json!({"chatMessageId": id});
        let read = chat.ask(&people[1], "POST", "/readReceipts", body).await;
        [typing.status, read.status]
    };
    assert_eq!(both().await, [StatusCode::OK; 2]);
    let one_more = json!({"participants": [participant(&people[20], "x")]});
    chat.ask(&people[0], "POST", "/participants/:add", one_more)
        .await
        .ok();
    assert_eq!(both().await, [StatusCode::FORBIDDEN; 2]);
    service.stop().await;
}
