//! Who may read a meeting's chat, and until when: each rule from outside, with raw clients.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::*;
use hyper::StatusCode;
use plenary_protocol::agent::*;
use plenary_protocol::id::CallId;
use plenary_service::chat::retention::{Policy, Why};
use plenary_service::chat::Content;
use plenary_service::store::chat::ChatStore;
use plenary_service::store::sqlite::Sqlite;
use serde_json::{json, Value};

const VERSION: &str = "api-version=2025-03-15";

async fn ask(
    service: &Service,
    who: &SignedIn,
    method: &str,
    thread: &str,
    rest: &str,
    body: Value,
) -> Answer {
    let thread = thread.replace(':', "%3A").replace('@', "%40");
    let target = format!("/chat/threads/{thread}{rest}?{VERSION}");
    service.json(method, &target, Some(&who.token), body).await
}

async fn send(service: &Service, who: &SignedIn, thread: &str, text: &str) -> Answer {
    let body = json!({"content": text, "senderDisplayName": "Somebody Else"});
    ask(service, who, "POST", thread, "/messages", body).await
}

async fn history(service: &Service, who: &SignedIn, thread: &str) -> Answer {
    ask(service, who, "GET", thread, "/messages", Value::Null).await
}

fn texts(page: &Value) -> Vec<&str> {
    let messages = page["value"].as_array().unwrap().iter();
    messages
        .filter_map(|m| m["content"]["message"].as_str())
        .collect()
}

fn thread_of(meeting: &Value) -> String {
    meeting["chatInfo"]["threadId"].as_str().unwrap().to_owned()
}

/// Every operation of somebody who is to have nothing, beside those of a stranger to a thread that does
/// not exist: the same answers.
async fn assert_nothing(service: &Service, who: &SignedIn, thread: &str) {
    let none = "19:meeting_none@thread.v2";
    for (method, rest, body) in [
        ("GET", "", Value::Null),
        ("GET", "/messages", Value::Null),
        ("GET", "/participants", Value::Null),
        ("GET", "/readReceipts", Value::Null),
        ("POST", "/messages", json!({"content": "x"})),
        ("POST", "/typing", json!({})),
        ("GET", "/messages/1", Value::Null),
    ] {
        let theirs = ask(service, who, method, thread, rest, body.clone()).await;
        let nobodys = ask(service, who, method, none, rest, body).await;
        assert_eq!(
            theirs.status,
            StatusCode::FORBIDDEN,
            "{method} {rest} {}",
            theirs.body
        );
        assert_eq!(theirs.body, nobodys.body, "{method} {rest}");
    }
    let target = format!("/chat/threads?{VERSION}");
    let list = service
        .json("GET", &target, Some(&who.token), Value::Null)
        .await
        .ok();
    assert_eq!(list["value"], json!([]));
}

#[tokio::test]
async fn d1_s13_a_guest_has_chat_while_in_the_call_and_not_before_or_after() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service
        .schedule(&olivia, json!({"subject": "Plenary"}))
        .await;
    let thread = thread_of(&meeting);
    let ada = service.guest().await;
    assert_nothing(&service, &ada, &thread).await;
    assert_eq!(
        send(&service, &olivia, &thread, "before").await.status,
        StatusCode::CREATED
    );

    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let mut guest = service.agent(&ada, "Ada").await;
    let waits = guest.join("g", &meeting).await.unwrap();
    assert_eq!(waits.state, CallState::Lobby);
    assert_nothing(&service, &ada, &thread).await;

    let admit = act("o", "admit", Some(ada.id.clone()));
    organizer.ask(admit).await.unwrap();
    guest.admitted().await;
    // Let in, the guest writes at once.
    let sent = send(&service, &ada, &thread, "hello").await;
    assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.body);
    let page = history(&service, &ada, &thread).await.ok();
    assert_eq!(texts(&page), ["hello"], "nothing of before");
    assert_eq!(
        page["value"][0]["senderDisplayName"], "Ada",
        "as the meeting knows her"
    );
    let page = history(&service, &olivia, &thread).await.ok();
    assert_eq!(texts(&page), ["hello", "before"]);
    let kinds: Vec<&str> = page["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["type"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"participantAdded") && !kinds.contains(&"callStarted"),
        "{kinds:?}"
    );

    // While the connection is being resumed she is still in the call.
    let mut guest = guest.drop_and_resume().await;
    assert_eq!(
        texts(&history(&service, &ada, &thread).await.ok()),
        ["hello"]
    );
    guest
        .ask(Request::Leave {
            call: CallId::from("g"),
        })
        .await
        .unwrap();
    assert_nothing(&service, &ada, &thread).await;
    assert_eq!(
        send(&service, &olivia, &thread, "among us").await.status,
        StatusCode::CREATED
    );

    // Back again: what she had is readable, and not what was said meanwhile.
    guest.join("again", &meeting).await.unwrap();
    assert_nothing(&service, &ada, &thread).await;
    let admit = act("o", "admit", Some(ada.id.clone()));
    organizer.ask(admit).await.unwrap();
    guest.admitted().await;
    assert_eq!(
        texts(&history(&service, &ada, &thread).await.ok()),
        ["hello"]
    );

    // C2, D2: she manages nothing of it.
    let me = json!({"rawId": olivia.id});
    let refused = ask(&service, &ada, "POST", &thread, "/participants/:remove", me).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let refused = ask(
        &service,
        &ada,
        "PATCH",
        &thread,
        "",
        json!({"topic": "mine"}),
    )
    .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let refused = ask(&service, &ada, "DELETE", &thread, "", Value::Null).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);

    organizer
        .ask(Request::EndForEveryone {
            call: CallId::from("o"),
        })
        .await
        .unwrap();
    guest.ended().await;
    assert_nothing(&service, &ada, &thread).await;
    assert_eq!(
        texts(&history(&service, &olivia, &thread).await.ok()).len(),
        3
    );
    service.stop().await;
}

#[tokio::test]
async fn d1_s13_removal_ends_reading_though_the_token_is_good() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let open = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, open).await;
    let thread = thread_of(&meeting);
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let ada = service.guest().await;
    let mut guest = service.agent(&ada, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    assert_eq!(
        send(&service, &ada, &thread, "hello").await.status,
        StatusCode::CREATED
    );
    let remove = act("o", "remove", Some(ada.id.clone()));
    organizer.ask(remove).await.unwrap();
    assert_nothing(&service, &ada, &thread).await;
    service.stop().await;
}

#[tokio::test]
async fn b7_in_a_channels_meeting_guests_have_no_chat_at_all() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service
        .schedule(
            &olivia,
            json!({
                "lobbyBypassSettings": {"scope": "everyone"},
                "chatInfo": {"threadId": "19:general@thread.tacv2"},
            }),
        )
        .await;
    let thread = thread_of(&meeting);
    assert!(thread.ends_with("@thread.tacv2"), "{thread}");
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    assert_eq!(
        send(&service, &olivia, &thread, "members").await.status,
        StatusCode::CREATED
    );
    let ada = service.guest().await;
    let mut guest = service.agent(&ada, "Ada").await;
    let joined = guest.join("g", &meeting).await.unwrap();
    assert_eq!(joined.state, CallState::Connected);
    assert_nothing(&service, &ada, &thread).await;
    service.stop().await;
}

#[tokio::test]
async fn c7_one_guest_too_many_is_told_why_and_nobody_is_harmed() {
    let service = Service::limited(|limits| limits.chat.participants = 2).await;
    let olivia = service.sign_in("Olivia").await;
    let open = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, open).await;
    let thread = thread_of(&meeting);
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let (ada, bob) = (service.guest().await, service.guest().await);
    let mut first = service.agent(&ada, "Ada").await;
    first.join("a", &meeting).await.unwrap();
    let mut second = service.agent(&bob, "Bob").await;
    let joined = second.join("b", &meeting).await.unwrap();
    assert_eq!(
        joined.state,
        CallState::Connected,
        "in the call all the same"
    );
    let refused = send(&service, &bob, &thread, "hello").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.json()["error"]["code"], "ParticipantLimitReached");
    assert_eq!(
        send(&service, &ada, &thread, "hello").await.status,
        StatusCode::CREATED
    );
    service.stop().await;
}

#[tokio::test]
async fn d1_after_a_restart_a_guest_reads_only_once_back_in_the_call() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::over(data.path()).await;
    let olivia = service.sign_in("Olivia").await;
    let open = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, open).await;
    let thread = thread_of(&meeting);
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let ada = service.guest().await;
    let mut guest = service.agent(&ada, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    assert_eq!(
        send(&service, &ada, &thread, "hello").await.status,
        StatusCode::CREATED
    );
    service.stop().await;

    let service = Service::over(data.path()).await;
    assert_nothing(&service, &ada, &thread).await;
    let mut guest = service.agent(&ada, "Ada").await;
    let mut url = meeting.clone();
    let link = meeting["joinWebUrl"].as_str().unwrap();
    url["joinWebUrl"] = json!(link);
    guest.join("g", &url).await.unwrap();
    assert_eq!(
        texts(&history(&service, &ada, &thread).await.ok()),
        ["hello"]
    );
    service.stop().await;
}

struct Rooms {
    service: Service,
    olivia: SignedIn,
    ada: SignedIn,
    organizer: Agent,
    guest: Agent,
    main: String,
    room: String,
}

/// Ada is in an open breakout room, Olivia in the main meeting.
async fn ada_in_a_room(options: Value) -> Rooms {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let mut wish = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    wish.as_object_mut()
        .unwrap()
        .extend(options.as_object().unwrap().clone());
    let meeting = service.schedule(&olivia, wish).await;
    let base = format!(
        "/meetings/{}/breakoutRooms",
        meeting["id"].as_str().unwrap()
    );
    let token = Some(olivia.access.as_str());
    let made = service.post(&base, token, json!({"count": 2})).await.ok();
    let room = &made["value"][0];
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let ada = service.guest().await;
    let mut guest = service.agent(&ada, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    let assign = json!({"assignments": [{"id": ada.id, "roomId": room["id"]}]});
    service
        .post(&format!("{base}/assign"), token, assign)
        .await
        .ok();
    service
        .post(&format!("{base}/open"), token, json!({}))
        .await
        .ok();
    guest
        .until(|event| matches!(event, Event::Moved { .. }).then_some(()))
        .await;
    Rooms {
        main: thread_of(&meeting),
        room: room["threadId"].as_str().unwrap().to_owned(),
        service,
        olivia,
        ada,
        organizer,
        guest,
    }
}

async fn graph(
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

fn graph_texts(page: &Value) -> Vec<&str> {
    let messages = page["value"].as_array().unwrap().iter();
    let messages = messages.filter(|message| message["messageType"] == "message");
    messages
        .map(|m| m["body"]["content"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn e5_d5_a_rooms_chat_is_for_members_through_graph_and_not_for_guests() {
    let Rooms {
        service,
        olivia,
        ada,
        main,
        room,
        ..
    } = ada_in_a_room(json!({})).await;
    let body = json!({"body": {"content": "to the room"}});
    let sent = graph(&service, &olivia, "POST", &room, "", body).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.body);
    let page = graph(&service, &olivia, "GET", &room, "", Value::Null)
        .await
        .ok();
    assert_eq!(graph_texts(&page), ["to the room"]);
    // E5: not to the guest who is in it, whatever they ask; D1: but the meeting's chat is still theirs.
    for (method, rest) in [("GET", "/messages"), ("POST", "/messages"), ("GET", "")] {
        let refused = ask(&service, &ada, method, &room, rest, json!({"content": "x"})).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method} {rest}");
    }
    assert_eq!(
        send(&service, &ada, &main, "from the room").await.status,
        StatusCode::CREATED
    );
    // E15: nothing of the room's chat is in the meeting's.
    assert_eq!(
        texts(&history(&service, &ada, &main).await.ok()),
        ["from the room"]
    );
    // A member who has nothing to do with the room does not find it.
    let marco = service.sign_in("Marco").await;
    let refused = graph(&service, &marco, "GET", &room, "", Value::Null).await;
    let none = graph(
        &service,
        &marco,
        "GET",
        "19:none@thread.v2",
        "",
        Value::Null,
    )
    .await;
    assert_eq!((refused.status, &refused.body), (none.status, &none.body));
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    service.stop().await;
}

#[tokio::test]
async fn e5_where_the_option_is_on_a_guest_has_the_rooms_chat_while_in_the_room() {
    let on = json!({"allowGuestChatInBreakoutRooms": true});
    let Rooms {
        service,
        ada,
        mut guest,
        mut organizer,
        room,
        olivia,
        ..
    } = ada_in_a_room(on).await;
    let sent = send(&service, &ada, &room, "hello room").await;
    assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.body);
    assert_eq!(
        texts(&history(&service, &ada, &room).await.ok()),
        ["hello room"]
    );
    let page = graph(&service, &olivia, "GET", &room, "", Value::Null)
        .await
        .ok();
    assert_eq!(graph_texts(&page), ["hello room"]);
    let end = Request::EndForEveryone {
        call: CallId::from("o"),
    };
    organizer.ask(end).await.unwrap();
    guest.ended().await;
    assert_nothing(&service, &ada, &room).await;
    service.stop().await;
}

#[tokio::test]
async fn d5_members_read_and_write_chat_in_graphs_shape() {
    let service = Service::start().await;
    let (olivia, marco) = (
        service.sign_in("Olivia").await,
        service.sign_in("Marco").await,
    );
    let attendees = json!([{"identity": {"user": {"id": marco.oid}}}]);
    let wish = json!({"subject": "Plenary", "participants": {"attendees": attendees}});
    let meeting = service.schedule(&olivia, wish).await;
    let thread = thread_of(&meeting);
    let text = |content: &str| json!({"body": {"content": content, "contentType": "html"}});
    let sent = graph(
        &service,
        &marco,
        "POST",
        &thread,
        "",
        text("<b>hi</b><script>x</script>"),
    )
    .await;
    assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.body);
    let message = sent.json();
    assert_eq!(
        message["body"],
        json!({"contentType": "html", "content": "<b>hi</b>"}),
        "S12"
    );
    assert_eq!(message["from"]["user"]["id"], json!(marco.oid));
    assert_eq!(message["from"]["user"]["displayName"], "Marco Member");
    assert_eq!(message["etag"], message["id"]);
    assert_eq!(message["chatId"], json!(thread));
    let one = format!("/{}", message["id"].as_str().unwrap());
    let refused = graph(&service, &olivia, "PATCH", &thread, &one, text("mine")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let changed = graph(&service, &marco, "PATCH", &thread, &one, text("changed")).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{}", changed.body);
    graph(&service, &olivia, "POST", &thread, "", text("second"))
        .await
        .ok();
    let page = graph(&service, &olivia, "GET", &thread, "?$top=1", Value::Null)
        .await
        .ok();
    assert_eq!(graph_texts(&page), ["second"]);
    let link = page["@odata.nextLink"].as_str().unwrap();
    let target = link
        .split_once("/v1.0")
        .map(|(_, rest)| format!("/v1.0{rest}"))
        .unwrap();
    let page = service
        .json("GET", &target, Some(&olivia.access), Value::Null)
        .await
        .ok();
    assert_eq!(graph_texts(&page), ["changed"]);
    let gone = graph(
        &service,
        &marco,
        "POST",
        &thread,
        &format!("{one}/softDelete"),
        json!({}),
    )
    .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.body);
    let read = graph(&service, &olivia, "GET", &thread, &one, Value::Null)
        .await
        .ok();
    assert!(read["deletedDateTime"].is_string(), "{read}");
    assert_eq!(read["body"]["content"], "");
    // S5: a guest's token is none of the organisation's.
    let ada = service.guest().await;
    let target = format!("/v1.0/chats/{thread}/messages");
    let refused = service
        .json("GET", &target, Some(&ada.token), Value::Null)
        .await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    // The call is told, too.
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let page = graph(&service, &marco, "GET", &thread, "?$top=1", Value::Null)
        .await
        .ok();
    let event = &page["value"][0];
    assert_eq!(event["messageType"], "systemEventMessage");
    assert_eq!(
        event["eventDetail"]["@odata.type"],
        "#microsoft.graph.callStartedEventMessageDetail"
    );
    service.stop().await;
}

#[tokio::test]
async fn d2_a_guest_has_text_and_their_own_messages_and_no_files_replies_or_reactions() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let open = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, open).await;
    let thread = thread_of(&meeting);
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let ada = service.guest().await;
    let mut guest = service.agent(&ada, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    let sent = send(&service, &ada, &thread, "mine").await.ok();
    let mine = format!("/messages/{}", sent["id"].as_str().unwrap());
    let edit = json!({"content": "changed"});
    let edited = ask(&service, &ada, "PATCH", &thread, &mine, edit.clone()).await;
    assert_eq!(edited.status, StatusCode::NO_CONTENT, "{}", edited.body);
    let typing = ask(&service, &ada, "POST", &thread, "/typing", json!({})).await;
    assert_eq!(typing.status, StatusCode::OK);
    let read = json!({"chatMessageId": sent["id"]});
    let receipt = ask(&service, &ada, "POST", &thread, "/readReceipts", read).await;
    assert_eq!(receipt.status, StatusCode::OK, "{}", receipt.body);
    // Another's message, files, replies, reactions.
    let theirs = send(&service, &olivia, &thread, "theirs").await.ok();
    let theirs = format!("/messages/{}", theirs["id"].as_str().unwrap());
    for method in ["PATCH", "DELETE"] {
        let refused = ask(&service, &ada, method, &thread, &theirs, edit.clone()).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    for extra in [
        json!({"attachments": [{"id": "1"}]}),
        json!({"replyToId": "1"}),
    ] {
        let mut body = json!({"content": "x"});
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let refused = ask(&service, &ada, "POST", &thread, "/messages", body).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert_eq!(refused.json()["error"]["code"], "NotSupported");
    }
    for rest in [format!("{theirs}/reactions"), "/images".to_owned()] {
        let refused = ask(&service, &ada, "POST", &thread, &rest, json!({})).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{rest}");
    }
    let page = history(&service, &ada, &thread).await.ok();
    assert_eq!(texts(&page), ["theirs", "changed"]);
    let deleted = ask(&service, &ada, "DELETE", &thread, &mine, Value::Null).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    service.stop().await;
}

const DAY: u64 = 24 * 60 * 60_000;

#[tokio::test]
async fn d3_d4_a_guests_last_message_is_kept_apart_and_goes_by_the_policy_of_who_was_there() {
    let apart = tempfile::tempdir().unwrap();
    let service = Service::with(|config| {
        config.resource_data = Some(apart.path().to_owned());
        config.retention = vec![Policy {
            days: 7,
            members: None,
        }];
    })
    .await;
    let app = service.running.as_ref().unwrap().app.clone();
    let olivia = service.sign_in("Olivia").await;
    let open = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, open).await;
    let thread = thread_of(&meeting);
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let ada = service.guest().await;
    let mut guest = service.agent(&ada, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    for text in ["first", "last"] {
        assert_eq!(
            send(&service, &ada, &thread, text).await.status,
            StatusCode::CREATED
        );
    }
    assert_eq!(
        send(&service, &olivia, &thread, "a member's").await.status,
        StatusCode::CREATED
    );
    let copies = app.store.last_messages(None, 9).await.unwrap();
    assert_eq!(copies.len(), 1, "guests' alone, and one of each");
    assert_eq!(copies[0].body.content, Content::Text("last".into()));
    // In the resource's own database, and not in the organisation's.
    let database = plenary_service::server::database;
    let own = Sqlite::open(&database(apart.path())).await.unwrap();
    assert_eq!(own.last_messages(None, 9).await.unwrap(), copies);
    let organisation = Sqlite::open(&database(service.data.path())).await.unwrap();
    assert!(organisation
        .last_messages(None, 9)
        .await
        .unwrap()
        .is_empty());
    assert!(own.thread(&thread).await.unwrap().is_none());
    // It follows what its guest does with it.
    let one = format!("/messages/{}", copies[0].message);
    let edit = json!({"content": "changed"});
    let edited = ask(&service, &ada, "PATCH", &thread, &one, edit).await;
    assert_eq!(edited.status, StatusCode::NO_CONTENT);
    let copies = app.store.last_messages(None, 9).await.unwrap();
    assert_eq!(copies[0].body.content, Content::Text("changed".into()));

    let sent = copies[0].sent;
    app.chats.sweep(sent + 7 * DAY - 1).await;
    assert_eq!(app.store.last_messages(None, 9).await.unwrap().len(), 1);
    let over = app.chats.past_their_time(sent + 7 * DAY).await.unwrap();
    assert_eq!(over[0].1, Why::Policy(7), "Olivia was there");
    app.chats.sweep(sent + 7 * DAY).await;
    assert!(app.store.last_messages(None, 9).await.unwrap().is_empty());
    let page = history(&service, &olivia, &thread).await.ok();
    assert_eq!(
        texts(&page)[1],
        "changed",
        "the organisation's is not the resource's"
    );
    service.stop().await;
}
