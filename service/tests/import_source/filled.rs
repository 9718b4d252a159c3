//! A service with chat in it, written over REST, and what somebody can read of it.

use crate::common::chat::*;
use crate::common::*;
use hyper::StatusCode;
use plenary_service::chat::rates::{Rate, Rates};
use plenary_service::config::Limits;
use serde_json::{json, Value};

pub fn unlimited(limits: &mut Limits) {
    let none = Rate {
        per_10s: 0,
        per_minute: 0,
    };
    let none = Rates {
        user: none,
        thread: none,
    };
    let rates = &mut limits.chat.rates;
    rates.thread = none;
    rates.update = none;
    rates.participants = none;
    rates.read_thread = none;
    rates.read_message = none;
    rates.list_messages = none;
    rates.list_receipts = none;
    rates.list_participants = none;
    rates.write = none;
    rates.receipt = none;
}

pub async fn source() -> Service {
    Service::limited(unlimited).await
}

pub struct Filled {
    pub people: Vec<SignedIn>,
    pub threads: Vec<String>,
}

async fn done(chat: &Chat<'_>, who: &SignedIn, method: &str, rest: &str, body: Value) {
    let answer = chat.ask(who, method, rest, body).await;
    assert!(answer.status.is_success(), "{rest}: {}", answer.body);
}

async fn write(chat: &Chat<'_>, who: &SignedIn, body: Value) -> String {
    let answer = chat.ask(who, "POST", "/messages", body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn add(chat: &Chat<'_>, by: &SignedIn, who: &SignedIn, name: &str, shared: Option<&str>) {
    let mut one = participant(who, name);
    if let Some(from) = shared {
        one["shareHistoryTime"] = json!(from);
    }
    let body = json!({"participants": [one]});
    done(chat, by, "POST", "/participants/:add", body).await;
}

async fn read(chat: &Chat<'_>, who: &SignedIn, message: &str) {
    let body = json!({"chatMessageId": message});
    done(chat, who, "POST", "/readReceipts", body).await;
}

/// One thread of two people, with so many texts.
pub async fn fill_small(service: &Service, texts: usize) -> Filled {
    let (jane, alex) = (service.guest().await, service.guest().await);
    let chat = thread(service, &jane, &[&alex]).await;
    let mut last = String::new();
    for n in 0..texts {
        last = chat.send(&jane, &format!("text {n}")).await;
    }
    read(&chat, &alex, &last).await;
    let thread = chat.thread;
    Filled {
        people: vec![jane, alex],
        threads: vec![thread],
    }
}

/// Five people; a long thread in which people come and go, one that only others lead to, one without a word,
/// and one that is deleted.
pub async fn fill(service: &Service) -> Filled {
    let mut people = Vec::new();
    for _ in 0..5 {
        people.push(service.guest().await);
    }
    let [jane, alex, maria, carl, ben] = people.as_slice() else {
        unreachable!()
    };
    let long = long(service, [jane, alex, maria, carl, ben]).await;

    let leads = thread(service, alex, &[ben]).await;
    leads.send(ben, "Only through Alex").await;
    let silent = thread(service, jane, &[]).await;
    let deleted = thread(service, jane, &[alex]).await;
    deleted.send(jane, "gone").await;
    done(&deleted, jane, "DELETE", "", Value::Null).await;
    let threads = vec![long, leads.thread, silent.thread, deleted.thread];
    Filled { people, threads }
}

async fn long(service: &Service, [jane, alex, maria, carl, ben]: [&SignedIn; 5]) -> String {
    let body = json!({
        "topic": "Lunch",
        "metadata": {"k": "v"},
        "retentionPolicy": {"kind": "threadCreationDate", "deleteThreadAfterDays": 60},
        "participants": [participant(jane, "Jane"), participant(alex, "Alex")],
    });
    let target = format!("/chat/threads?{VERSION}");
    let made = service.post(&target, Some(&jane.token), body).await.ok();
    let id = made["chatThread"]["id"].as_str().unwrap().to_owned();
    let chat = Chat {
        service,
        thread: id.clone(),
    };
    let mut sent = Vec::new();
    for n in 0..400 {
        let who = [jane, alex][n % 2];
        let body = match n % 10 {
            0 => {
                json!({"content": format!("<p>{n}<script>alert(1)</script> <b>&amp;</b></p>"), "type": "html"})
            }
            1 => {
                json!({"content": format!("<a href=\"https://example.org/{n}\">x</a>"), "type": "html", "metadata": {"n": n.to_string()}})
            }
            _ => {
                json!({"content": format!("{n} <b>ünïcode</b>\n👩‍🚀"), "senderDisplayName": "Another"})
            }
        };
        sent.push(write(&chat, who, body).await);
        let shared = chat.get(jane, &format!("/messages/{}", sent[0])).await;
        match n {
            100 => add(&chat, jane, maria, "Maria", None).await,
            150 => {
                done(&chat, jane, "POST", "/participants/:remove", user(alex)).await;
                write(&chat, jane, json!({"content": "without Alex"})).await;
                add(&chat, maria, alex, "Alexander", None).await;
            }
            200 | 320 => {
                let from = shared.ok()["createdOn"].as_str().unwrap().to_owned();
                let (who, name) = if n == 200 {
                    (carl, "Carl")
                } else {
                    (ben, "Ben")
                };
                add(&chat, jane, who, name, Some(&from)).await;
            }
            250 => done(&chat, maria, "PATCH", "", json!({"topic": "Dinner"})).await,
            300 => done(&chat, jane, "POST", "/participants/:remove", user(carl)).await,
            _ => {}
        }
    }
    // The second was Alex's, who is there again; the others are Jane's.
    for n in [0, 2, 350] {
        let edit = json!({"content": format!("edited {n}"), "metadata": {"e": "1"}});
        done(
            &chat,
            jane,
            "PATCH",
            &format!("/messages/{}", sent[n]),
            edit,
        )
        .await;
    }
    for n in [10, 352, 399] {
        let who = [jane, alex][n % 2];
        let path = format!("/messages/{}", sent[n]);
        done(&chat, who, "DELETE", &path, Value::Null).await;
    }
    read(&chat, maria, &sent[390]).await;
    read(&chat, alex, &sent[398]).await;
    id
}

/// Writes on in the long thread.
pub async fn grow(service: &Service, filled: &mut Filled) {
    let [jane, alex, maria, carl, _] = filled.people.as_slice() else {
        unreachable!()
    };
    let chat = Chat {
        service,
        thread: filled.threads[0].clone(),
    };
    let page = chat.get(jane, "/messages?maxPageSize=20").await.ok();
    let texts = page["value"].as_array().unwrap().iter();
    let texts: Vec<String> = texts
        .filter(|m| m["senderCommunicationIdentifier"]["rawId"] == json!(jane.id))
        .filter(|m| m["deletedOn"].is_null())
        .map(|m| m["id"].as_str().unwrap().to_owned())
        .collect();
    chat.send(alex, "later").await;
    let edit = json!({"content": "later changed"});
    done(
        &chat,
        jane,
        "PATCH",
        &format!("/messages/{}", texts[0]),
        edit,
    )
    .await;
    let path = format!("/messages/{}", texts[1]);
    done(&chat, jane, "DELETE", &path, Value::Null).await;
    done(&chat, jane, "PATCH", "", json!({"topic": "Supper"})).await;
    done(&chat, jane, "POST", "/participants/:remove", user(maria)).await;
    add(&chat, jane, carl, "Carl again", None).await;
    let last = chat.send(carl, "back").await;
    read(&chat, jane, &last).await;
}

/// All pages of a list, or why there are none.
async fn list(chat: &Chat<'_>, who: &SignedIn, rest: &str) -> Value {
    match chat.list(who, rest).await {
        Ok(all) => json!(all),
        Err(status) => json!(status.as_u16()),
    }
}

/// Everything that somebody can read over REST.
pub async fn everything(service: &Service, who: &SignedIn, threads: &[String]) -> Value {
    let mut read = Vec::new();
    for thread in threads {
        let chat = Chat {
            service,
            thread: thread.clone(),
        };
        let properties = chat.get(who, "").await;
        read.push(json!({
            "properties": match properties.status.is_success() {
                true => properties.json(),
                false => json!(properties.status.as_u16()),
            },
            "participants": list(&chat, who, "/participants").await,
            "messages": list(&chat, who, "/messages?maxPageSize=90").await,
            "receipts": list(&chat, who, "/readReceipts").await,
        }));
    }
    let target = format!("/chat/threads?{VERSION}");
    let all = service.json("GET", &target, Some(&who.token), Value::Null);
    json!({"threads": read, "list": all.await.ok()["value"]})
}
