//! A meeting's thread, asked by hand.

use super::{encoded, operations, VERSION};
use crate::common::scene::both_come;
use crate::common::*;

/// A meeting that needs no admission, with its organiser and a guest in the call.
pub struct InCall {
    pub olivia: SignedIn,
    pub meeting: Value,
    pub thread: String,
    pub organizer: Agent,
    pub ada: SignedIn,
    pub guest: Agent,
}

impl InCall {
    pub async fn of(service: &Service) -> Self {
        let olivia = service.sign_in("Olivia").await;
        let open = json!({"lobbyBypassSettings": {"scope": "everyone"}});
        let meeting = service.schedule(&olivia, open).await;
        let (organizer, ada, guest) = both_come(service, &olivia, &meeting).await;
        Self {
            olivia,
            thread: thread_of(&meeting),
            meeting,
            organizer,
            ada,
            guest,
        }
    }
}

pub async fn ask(
    service: &Service,
    who: &SignedIn,
    method: &str,
    thread: &str,
    rest: &str,
    body: Value,
) -> Answer {
    let thread = encoded(thread);
    let target = format!("/chat/threads/{thread}{rest}?{VERSION}");
    service.json(method, &target, Some(&who.token), body).await
}

pub async fn send(service: &Service, who: &SignedIn, thread: &str, text: &str) -> Answer {
    let body = json!({"content": text, "senderDisplayName": "Somebody Else"});
    ask(service, who, "POST", thread, "/messages", body).await
}

pub async fn history(service: &Service, who: &SignedIn, thread: &str) -> Answer {
    ask(service, who, "GET", thread, "/messages", Value::Null).await
}

pub fn texts(page: &Value) -> Vec<&str> {
    let messages = page["value"].as_array().unwrap().iter();
    messages
        .filter_map(|m| m["content"]["message"].as_str())
        .collect()
}

pub fn thread_of(meeting: &Value) -> String {
    meeting["chatInfo"]["threadId"].as_str().unwrap().to_owned()
}

pub async fn graph(
    service: &Service,
    who: &SignedIn,
    method: &str,
    thread: &str,
    rest: &str,
    body: Value,
) -> Answer {
    let target = format!("/v1.0/chats/{thread}/messages{rest}");
    service.json(method, &target, Some(&who.access), body).await
}

pub fn graph_texts(page: &Value) -> Vec<&str> {
    let messages = page["value"].as_array().unwrap().iter();
    let messages = messages.filter(|message| message["messageType"] == "message");
    messages
        .map(|m| m["body"]["content"].as_str().unwrap())
        .collect()
}

/// Every operation of somebody who is to have nothing, about a message that is there, beside the same of a
/// thread that does not exist: the same answers (`S13`).
pub async fn assert_refused(service: &Service, who: &SignedIn, thread: &str, message: &str) {
    let none = "19:meeting_none@thread.v2";
    for (method, rest, body) in operations(message, who) {
        let theirs = ask(service, who, method, thread, &rest, body.clone()).await;
        let nobodys = ask(service, who, method, none, &rest, body).await;
        let refused = (StatusCode::FORBIDDEN, &nobodys.body);
        assert_eq!((theirs.status, &theirs.body), refused, "{method} {rest}");
    }
}

/// The same, of who has no other thread either.
pub async fn assert_nothing(service: &Service, who: &SignedIn, thread: &str, message: &str) {
    assert_refused(service, who, thread, message).await;
    assert_eq!(threads(service, who).await, json!([]));
}

/// Those that somebody is told of.
pub async fn threads(service: &Service, who: &SignedIn) -> Value {
    let target = format!("/chat/threads?{VERSION}");
    let list = service.json("GET", &target, Some(&who.token), Value::Null);
    list.await.ok()["value"].clone()
}

/// The id of a message that was sent.
pub fn written(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    text(&answer.json()["id"]).to_owned()
}
