//! Chat as it happens, over the agent socket: every event, to those who may read and to nobody else, in
//! order, across a drop.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::chat::meeting::InCall;
use common::chat::*;
use common::signed::{resource, signed};
use common::*;
use hyper::StatusCode;
use plenary_protocol::agent::*;
use plenary_protocol::chat::*;
use plenary_protocol::id::CallId;
use serde_json::{json, Value};

/// A guest with a token of these scopes.
async fn scoped(service: &Service, scopes: &[&str]) -> SignedIn {
    let key = resource(service).await.primary_key;
    let body = json!({"createTokenWithScopes": scopes, "expiresInMinutes": 60}).to_string();
    let target = format!("/identities?{}", common::signed::VERSION);
    let made = signed(service, &key, "POST", &target, &body).await.ok();
    let (id, token) = (&made["identity"]["id"], &made["accessToken"]["token"]);
    SignedIn::guest(text(id), text(token))
}

#[tokio::test]
async fn every_event_comes_with_its_payload_and_without_a_call() {
    let service = Service::start().await;
    let jane = scoped(&service, &["chat"]).await;
    let alex = scoped(&service, &["chat"]).await;
    let rama = scoped(&service, &["chat"]).await;
    let mut ear = listening(&service, &alex, "").await;
    let mut own = listening(&service, &jane, "").await;
    let mut third = listening(&service, &rama, "").await;
    let chat = thread(&service, &jane, &[&alex]).await;
    let ChatEvent::ThreadCreated {
        thread,
        created_by,
        participants,
        created_on,
    } = heard(&mut ear).await
    else {
        panic!("a thread is made first");
    };
    assert_eq!((&thread.thread_id, &*thread.topic), (&chat.thread, "Lunch"));
    assert_eq!(created_by.id, jane.id);
    assert!(created_on > 1.7e12 && thread.retention.is_none());
    let names: Vec<_> = participants.iter().map(|one| &one.id).collect();
    assert!(names.contains(&&alex.id) && names.contains(&&jane.id));

    let id = chat.send(&jane, "hello").await;
    let ChatEvent::MessageReceived(message) = heard(&mut ear).await else {
        panic!("nothing else");
    };
    let stored = chat.get(&alex, &format!("/messages/{id}")).await.ok();
    assert_eq!(json!(message.id), stored["id"]);
    assert_eq!(json!(message.version), stored["version"]);
    assert_eq!(
        (message.kind, &*message.message),
        (ChatMessageKind::Text, "hello")
    );
    assert_eq!(
        (&message.sender, &message.thread_id),
        (&jane.id, &chat.thread)
    );

    let path = format!("/messages/{id}");
    let edit = json!({"content": "hello all", "metadata": {"k": "v"}});
    chat.ask(&jane, "PATCH", &path, edit).await;
    let ChatEvent::MessageEdited { message, edited_on } = heard(&mut ear).await else {
        panic!("nothing else");
    };
    assert_eq!((&*message.message, &message.id), ("hello all", &id));
    assert_eq!(message.metadata, [("k".to_owned(), "v".to_owned())]);
    assert!(edited_on >= message.created_on);

    let typing = json!({"senderDisplayName": "Jane D"});
    chat.ask(&jane, "POST", "/typing", typing).await;
    let ChatEvent::Typing {
        sender,
        sender_display_name,
        thread_id,
        ..
    } = heard(&mut ear).await
    else {
        panic!("nothing else");
    };
    assert_eq!((sender, thread_id), (jane.id.clone(), chat.thread.clone()));
    assert_eq!(sender_display_name.as_deref(), Some("Jane D"));

    let read = json!({"chatMessageId": id});
    chat.ask(&jane, "POST", "/readReceipts", read).await;
    let ChatEvent::ReadReceipt {
        sender,
        chat_message_id,
        ..
    } = heard(&mut ear).await
    else {
        panic!("nothing else");
    };
    assert_eq!((sender, chat_message_id), (jane.id.clone(), id.clone()));

    chat.ask(&jane, "DELETE", &path, Value::Null).await;
    let ChatEvent::MessageDeleted {
        message,
        deleted_on,
    } = heard(&mut ear).await
    else {
        panic!("nothing else");
    };
    assert_eq!((&message.id, &*message.message), (&id, ""));
    assert!(message.metadata.is_empty() && deleted_on >= message.created_on);

    let update = json!({"topic": "Dinner", "metadata": {"a": "b"}, "retentionPolicy": {"kind": "threadCreationDate", "deleteThreadAfterDays": 40}});
    chat.ask(&jane, "PATCH", "", update).await;
    let ChatEvent::ThreadPropertiesUpdated {
        thread, updated_by, ..
    } = heard(&mut ear).await
    else {
        panic!("nothing else");
    };
    assert_eq!((&*thread.topic, updated_by.id), ("Dinner", jane.id.clone()));
    assert_eq!(thread.metadata, [("a".to_owned(), "b".to_owned())]);
    let days = 40;
    let kept = ChatRetention::ThreadCreationDate {
        delete_thread_after_days: days,
    };
    assert_eq!(thread.retention, Some(kept));

    let add = json!({"participants": [participant(&rama, "Rama")]});
    chat.ask(&jane, "POST", "/participants/:add", add)
        .await
        .ok();
    for agent in [&mut ear, &mut third] {
        let ChatEvent::ParticipantsAdded {
            added_by,
            participants_added,
            ..
        } = heard(agent).await
        else {
            panic!("who is added hears it, and nothing of before");
        };
        assert_eq!(added_by.id, jane.id);
        assert_eq!(participants_added[0].id, rama.id);
        assert_eq!(participants_added[0].display_name.as_deref(), Some("Rama"));
    }
    chat.ask(&jane, "POST", "/participants/:remove", user(&rama))
        .await;
    for agent in [&mut ear, &mut third] {
        let ChatEvent::ParticipantsRemoved {
            removed_by,
            participants_removed,
            ..
        } = heard(agent).await
        else {
            panic!("who is removed hears it");
        };
        assert_eq!(
            (removed_by.id, &participants_removed[0].id),
            (jane.id.clone(), &rama.id)
        );
    }
    chat.send(&jane, "without Rama").await;
    chat.ask(&jane, "DELETE", "", Value::Null).await;
    assert_eq!(
        texts_until(&mut ear, "without Rama").await,
        ["without Rama"]
    );
    let ChatEvent::ThreadDeleted {
        thread_id,
        deleted_by,
        ..
    } = heard(&mut ear).await
    else {
        panic!("nothing else");
    };
    assert_eq!(
        (thread_id, deleted_by.unwrap().id),
        (chat.thread.clone(), jane.id.clone())
    );

    // The sender hears their own, but not that they type; who was removed heard nothing more.
    assert_eq!(
        texts_until(&mut own, "without Rama").await,
        ["hello", "without Rama"]
    );
    assert!(own.heard.iter().all(|frame| !frame.contains("typing")));
    third.ask(Request::Ping).await.unwrap();
    assert!(third.events.is_empty(), "{:?}", third.events);
    service.stop().await;
}

#[tokio::test]
async fn a_token_that_is_not_for_chat_hears_none_and_one_that_is_not_for_calls_joins_none() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service.schedule(&olivia, json!({})).await;
    let caller = scoped(&service, &["voip"]).await;
    let mut agent = service.agent(&caller, "Ada").await;
    let refused = agent.ask(Request::SubscribeChat).await.unwrap_err();
    assert_eq!(refused.code, 403);
    agent.join("c", &meeting).await.unwrap();

    let writer = scoped(&service, &["chat.join.limited"]).await;
    let mut agent = listening(&service, &writer, "").await;
    let refused = agent.join("c", &meeting).await.unwrap_err();
    assert_eq!(refused.code, 403);

    let jane = scoped(&service, &["chat"]).await;
    let chat = thread(&service, &jane, &[&writer]).await;
    heard(&mut agent).await;
    agent.ask(Request::UnsubscribeChat).await.unwrap();
    chat.send(&jane, "unheard").await;
    agent.ask(Request::SubscribeChat).await.unwrap();
    chat.send(&jane, "heard").await;
    assert_eq!(texts_until(&mut agent, "heard").await, ["heard"]);
    service.stop().await;
}

/// Olivia's meeting, with Ada in its lobby; both listen.
struct Scene {
    service: Service,
    olivia: SignedIn,
    ada: SignedIn,
    organizer: Agent,
    guest: Agent,
    chat: String,
}

impl Scene {
    async fn of(wish: Value) -> Self {
        let service = Service::start().await;
        let olivia = service.sign_in("Olivia").await;
        let meeting = service.schedule(&olivia, wish).await;
        let ada = service.guest().await;
        let mut guest = listening(&service, &ada, "Ada").await;
        let mut organizer = listening(&service, &olivia, "").await;
        organizer.join("o", &meeting).await.unwrap();
        guest.join("g", &meeting).await.unwrap();
        Self {
            chat: meeting["chatInfo"]["threadId"].as_str().unwrap().to_owned(),
            service,
            olivia,
            ada,
            organizer,
            guest,
        }
    }

    async fn admit(&mut self) {
        let admit = act("o", "admit", Some(self.ada.id.clone()));
        self.organizer.ask(admit).await.unwrap();
        self.guest.admitted().await;
    }

    async fn says(&self, text: &str) {
        let chat = Chat {
            service: &self.service,
            thread: self.chat.clone(),
        };
        chat.send(&self.olivia, text).await;
    }

    /// Everything of chat that the guest ever got, after a message that reaches the organiser.
    async fn guest_got(&mut self, last: &str) -> Vec<String> {
        self.says(last).await;
        texts_until(&mut self.organizer, last).await;
        self.guest.ask(Request::Ping).await.unwrap();
        let frames = self.guest.heard.iter();
        frames
            .filter(|frame| frame.contains("\"chat\""))
            .cloned()
            .collect()
    }
}

#[tokio::test]
async fn d1_s13_a_guest_hears_from_admission_to_leaving_and_nothing_else() {
    let mut scene = Scene::of(json!({})).await;
    let before = scene.guest_got("secret of before").await;
    assert!(before.is_empty(), "in the lobby: {before:?}");
    scene.admit().await;
    scene.says("welcome").await;
    assert_eq!(texts_until(&mut scene.guest, "welcome").await, ["welcome"]);
    let leave = Request::Leave {
        call: CallId::from("g"),
    };
    scene.guest.ask(leave).await.unwrap();
    let count = scene.guest.heard.len();
    let got = scene.guest_got("secret of after").await;
    assert!(got.iter().all(|frame| !frame.contains("secret")), "{got:?}");
    let after = scene.guest.heard[count..].iter();
    assert!(
        after.clone().all(|frame| !frame.contains("\"chat\"")),
        "{:?}",
        after
    );
    scene.service.stop().await;
}

#[tokio::test]
async fn b7_s13_in_a_channels_meeting_a_guest_hears_nothing() {
    let channel = json!({"chatInfo": {"threadId": "19:x@thread.tacv2"}});
    let mut scene = Scene::of(channel).await;
    scene.admit().await;
    let got = scene.guest_got("among members").await;
    assert!(got.is_empty(), "{got:?}");
    scene.service.stop().await;
}

#[tokio::test]
async fn d1_what_a_guest_did_not_fetch_in_time_is_withdrawn_when_they_are_removed() {
    let mut scene = Scene::of(json!({})).await;
    scene.admit().await;
    scene.says("fetched").await;
    texts_until(&mut scene.guest, "fetched").await;
    let Scene {
        service,
        olivia,
        ada,
        mut organizer,
        guest,
        chat,
    } = scene;
    // The guest's connection drops; what is said then waits for them.
    let (resume, token, address) = (guest.resume(), guest.token.clone(), guest.address);
    drop(guest);
    let thread = Chat {
        service: &service,
        thread: chat,
    };
    thread.send(&olivia, "not for leavers").await;
    texts_until(&mut organizer, "not for leavers").await;
    let remove = act("o", "remove", Some(ada.id.clone()));
    organizer.ask(remove).await.unwrap();
    let mut guest = Agent::greet(address, &token, "Ada", Some(resume))
        .await
        .unwrap();
    assert!(guest.welcome.resumed);
    guest.ended().await;
    let got = guest.heard.join("\n");
    assert!(
        got.contains("withdrawn") && !got.contains("leavers"),
        "{got}"
    );
    service.stop().await;
}

#[tokio::test]
async fn d1_s13_after_a_restart_a_guest_hears_only_once_back_in_the_call() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::over(data.path()).await;
    let InCall {
        olivia,
        meeting,
        thread,
        ada,
        organizer: _organizer,
        guest: _guest,
    } = InCall::of(&service).await;
    service.stop().await;

    // The thread still has her; the meeting sleeps, and has not said that she is there.
    let service = Service::over(data.path()).await;
    let mut guest = listening(&service, &ada, "Ada").await;
    let mut organizer = listening(&service, &olivia, "").await;
    let chat = Chat {
        service: &service,
        thread,
    };
    chat.send(&olivia, "secret").await;
    texts_until(&mut organizer, "secret").await;
    guest.join("g", &meeting).await.unwrap();
    chat.send(&olivia, "welcome back").await;
    assert_eq!(
        texts_until(&mut guest, "welcome back").await,
        ["welcome back"]
    );
    service.stop().await;
}

#[tokio::test]
async fn what_is_said_while_a_client_is_away_comes_once_and_in_order() {
    let service = Service::limited(|limits| limits.chat.rates.write.thread = UNBOUNDED).await;
    let jane = scoped(&service, &["chat"]).await;
    let alex = scoped(&service, &["chat"]).await;
    let chat = thread(&service, &jane, &[&alex]).await;
    let mut ear = listening(&service, &alex, "").await;
    let mut expected = Vec::new();
    let mut got = Vec::new();
    for round in 0..5 {
        for n in 0..4 {
            let text = format!("{round}.{n}");
            chat.send(&jane, &text).await;
            expected.push(text);
        }
        if round % 2 == 0 {
            ear = ear.drop_and_resume().await;
            assert!(ear.welcome.resumed);
        }
        got.extend(texts_until(&mut ear, &format!("{round}.3")).await);
    }
    assert_eq!(got, expected);
    service.stop().await;
}

#[tokio::test]
async fn everybody_hears_a_thread_in_the_same_order() {
    let service = Service::limited(|limits| limits.chat.rates.write.thread = UNBOUNDED).await;
    let (jane, alex) = (
        scoped(&service, &["chat"]).await,
        scoped(&service, &["chat"]).await,
    );
    let chat = thread(&service, &jane, &[&alex]).await;
    let mut ears = Vec::new();
    for who in [&jane, &alex, &alex] {
        ears.push(listening(&service, who, "").await);
    }
    let all = (0..40).map(|n| {
        let by = if n % 2 == 0 { &jane } else { &alex };
        let chat = &chat;
        async move { chat.send(by, &n.to_string()).await }
    });
    futures::future::join_all(all).await;
    chat.send(&jane, "end").await;
    let mut stored = chat.texts(&jane).await;
    stored.reverse();
    assert_eq!(stored.len(), 41);
    for ear in &mut ears {
        assert_eq!(texts_until(ear, "end").await, stored);
    }
    let status = chat.get(&alex, "").await.status;
    assert_eq!(status, StatusCode::OK);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_is_heard_also_when_its_sender_hung_up() {
    use tokio::io::AsyncWriteExt;
    let service = Service::limited(|limits| limits.chat.rates.write.thread = UNBOUNDED).await;
    let (jane, alex) = (
        scoped(&service, &["chat"]).await,
        scoped(&service, &["chat"]).await,
    );
    let chat = thread(&service, &jane, &[&alex]).await;
    let mut ear = listening(&service, &alex, "").await;
    for n in 0..200_u64 {
        let body = json!({"content": n.to_string()}).to_string();
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            chat.target("/messages"),
            jane.token,
            body.len()
        );
        let mut stream = tokio::net::TcpStream::connect(service.address)
            .await
            .unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        // At another moment each time: in the middle of everything that sending takes.
        tokio::time::sleep(std::time::Duration::from_micros(20 * n)).await;
        drop(stream);
    }
    chat.send(&jane, "end").await;
    let heard = texts_until(&mut ear, "end").await;
    let target = chat.target("/messages?maxPageSize=200");
    let page = service
        .json("GET", &target, Some(&jane.token), Value::Null)
        .await
        .ok();
    let stored = page["value"].as_array().unwrap().iter();
    let mut stored: Vec<&str> = stored
        .filter_map(|message| message["content"]["message"].as_str())
        .collect();
    stored.reverse();
    let newest = &heard[heard.len().saturating_sub(stored.len())..];
    assert_eq!(newest, stored);
    service.stop().await;
}
