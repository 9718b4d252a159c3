//! A thread of the chat interface, asked by hand.

pub mod meeting;

use super::*;
use plenary_protocol::chat::ChatEvent;
use plenary_service::chat::rates::Rate;

pub const VERSION: &str = "api-version=2025-03-15";

pub const UNBOUNDED: Rate = Rate {
    per_10s: 0,
    per_minute: 0,
};

pub fn encoded(id: &str) -> String {
    id.replace(':', "%3A").replace('@', "%40")
}

pub struct Chat<'a> {
    pub service: &'a Service,
    pub thread: String,
}

impl Chat<'_> {
    pub fn target(&self, rest: &str) -> String {
        let thread = encoded(&self.thread);
        let mark = if rest.contains('?') { '&' } else { '?' };
        format!("/chat/threads/{thread}{rest}{mark}{VERSION}")
    }

    pub async fn ask(&self, who: &SignedIn, method: &str, rest: &str, body: Value) -> Answer {
        let target = self.target(rest);
        self.service
            .json(method, &target, Some(&who.token), body)
            .await
    }

    pub async fn get(&self, who: &SignedIn, rest: &str) -> Answer {
        self.ask(who, "GET", rest, Value::Null).await
    }

    pub async fn send(&self, who: &SignedIn, text: &str) -> String {
        let answer = self
            .ask(who, "POST", "/messages", json!({"content": text}))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub async fn texts(&self, who: &SignedIn) -> Vec<String> {
        let page = self.get(who, "/messages").await.ok();
        let messages = page["value"].as_array().unwrap().iter();
        let texts = messages.filter_map(|message| message["content"]["message"].as_str());
        texts.map(str::to_owned).collect()
    }

    /// All pages of a list, or the status that came in place of one.
    pub async fn list(&self, who: &SignedIn, rest: &str) -> Result<Vec<Value>, StatusCode> {
        let mut all = Vec::new();
        let mut target = self.target(rest);
        loop {
            let page = self.service;
            let page = page.json("GET", &target, Some(&who.token), Value::Null);
            let page = page.await;
            if !page.status.is_success() {
                return Err(page.status);
            }
            let page = page.json();
            all.extend(page["value"].as_array().unwrap().iter().cloned());
            let Some(link) = page["nextLink"].as_str() else {
                return Ok(all);
            };
            target = format!("/chat{}", link.split_once("/chat").unwrap().1);
        }
    }

    /// All messages with their ids, the oldest first, page after page.
    pub async fn stored(&self, who: &SignedIn) -> Vec<(String, String)> {
        let messages = self.list(who, "/messages").await.unwrap();
        let messages = messages.iter().rev().filter_map(|message| {
            let written = message["content"]["message"].as_str()?;
            Some((text(&message["id"]).to_owned(), written.to_owned()))
        });
        messages.collect()
    }
}

pub fn user(who: &SignedIn) -> Value {
    json!({"rawId": who.id, "communicationUser": {"id": who.id}})
}

pub fn participant(who: &SignedIn, name: &str) -> Value {
    json!({"communicationIdentifier": user(who), "displayName": name})
}

pub async fn thread<'a>(service: &'a Service, by: &SignedIn, others: &[&SignedIn]) -> Chat<'a> {
    let others: Vec<Value> = others.iter().map(|one| participant(one, "Other")).collect();
    let body = json!({"topic": "Lunch", "participants": others});
    let target = format!("/chat/threads?{VERSION}");
    let created = service.post(&target, Some(&by.token), body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    let thread = created.json()["chatThread"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    Chat { service, thread }
}

/// Every operation on a thread, about one of its messages, by somebody and about them.
pub fn operations(message: &str, by: &SignedIn) -> Vec<(&'static str, String, Value)> {
    let (all, one) = ("/messages".to_owned(), format!("/messages/{message}"));
    let receipts = || "/readReceipts".to_owned();
    let me = json!({"participants": [participant(by, "Me")]});
    let text = json!({"content": "x"});
    vec![
        ("GET", String::new(), Value::Null),
        ("PATCH", String::new(), json!({"topic": "mine"})),
        ("DELETE", String::new(), Value::Null),
        ("GET", all.clone(), Value::Null),
        ("POST", all, text.clone()),
        ("GET", one.clone(), Value::Null),
        ("PATCH", one.clone(), text),
        ("DELETE", one, Value::Null),
        ("GET", "/participants".to_owned(), Value::Null),
        ("POST", "/participants/:add".to_owned(), me),
        ("POST", "/participants/:remove".to_owned(), user(by)),
        ("POST", "/typing".to_owned(), json!({})),
        ("GET", receipts(), Value::Null),
        ("POST", receipts(), json!({"chatMessageId": message})),
    ]
}

/// An agent that hears of chat.
pub async fn listening(service: &Service, who: &SignedIn, name: &str) -> Agent {
    let mut agent = service.agent(who, name).await;
    agent.ask(Request::SubscribeChat).await.unwrap();
    agent
}

pub async fn heard(agent: &mut Agent) -> ChatEvent {
    agent
        .until(|event| match event {
            Event::Chat(event) => Some((**event).clone()),
            _ => None,
        })
        .await
}

/// The texts of new messages up to the one that says `last`; whatever else was said is passed over.
pub async fn texts_until(agent: &mut Agent, last: &str) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.last().is_none_or(|text| text != last) {
        if let ChatEvent::MessageReceived(message) = heard(agent).await {
            texts.push(message.message);
        }
    }
    texts
}
