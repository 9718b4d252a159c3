//! A breakout room's chat: for members, for guests only where the option is on, and only of their own room.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::chat::meeting::*;
use common::chat::{listening, texts_until, UNBOUNDED};
use common::notified::Client;
use common::*;
use hyper::StatusCode;
use plenary_protocol::agent::*;
use plenary_protocol::id::CallId;
use serde_json::{json, Value};

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
    let hello = written(&send(&service, &ada, &room, "hello room").await);
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
    assert_nothing(&service, &ada, &room, &hello).await;
    service.stop().await;
}

#[tokio::test]
async fn s13_e15_with_the_option_a_guest_has_the_chat_of_their_own_room_and_of_no_other() {
    let service = Service::limited(|limits| limits.chat.rates.thread.user = UNBOUNDED).await;
    let olivia = service.sign_in("Olivia").await;
    let wish = json!({
        "lobbyBypassSettings": {"scope": "everyone"},
        "allowGuestChatInBreakoutRooms": true,
    });
    let meeting = service.schedule(&olivia, wish).await;
    let base = format!("/meetings/{}/breakoutRooms", text(&meeting["id"]));
    let token = Some(olivia.access.as_str());
    let made = service.post(&base, token, json!({"count": 2})).await.ok();
    let room = |n: usize| text(&made["value"][n]["threadId"]).to_owned();
    let (first, second) = (room(0), room(1));
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let (ada, bob) = (service.guest().await, service.guest().await);
    let mut ear = listening(&service, &ada, "Ada").await;
    let mut others_ear = listening(&service, &bob, "Bob").await;
    let mut notified = Client::of(&service, &ada).await;
    ear.join("a", &meeting).await.unwrap();
    others_ear.join("b", &meeting).await.unwrap();
    let assignments = json!([
        {"id": ada.id, "roomId": made["value"][0]["id"]},
        {"id": bob.id, "roomId": made["value"][1]["id"]},
    ]);
    for (what, body) in [
        ("assign", json!({"assignments": assignments})),
        ("open", json!({})),
    ] {
        let target = format!("{base}/{what}");
        service.post(&target, token, body).await.ok();
    }
    for agent in [&mut ear, &mut others_ear] {
        agent
            .until(|event| matches!(event, Event::Moved { .. }).then_some(()))
            .await;
    }

    let secret = written(&send(&service, &bob, &second, "secret of Room 2").await);
    let one = format!("/messages/{secret}");
    for (method, rest, body) in [
        ("PATCH", one.as_str(), json!({"content": "secret, edited"})),
        ("POST", "/typing", json!({})),
        ("POST", "/readReceipts", json!({"chatMessageId": secret})),
    ] {
        let done = ask(&service, &bob, method, &second, rest, body).await;
        assert!(done.status.is_success(), "{method} {rest}: {}", done.body);
    }
    let last = written(&send(&service, &bob, &second, "last of Room 2").await);
    assert_eq!(
        texts_until(&mut others_ear, "last of Room 2").await,
        ["secret of Room 2", "last of Room 2"],
        "who is in the room hears it"
    );
    let gone = format!("/messages/{last}");
    let gone = ask(&service, &bob, "DELETE", &second, &gone, Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);

    // Asked for, by its id and by the ids of what is in it.
    assert_refused(&service, &ada, &second, &secret).await;
    let here = ask(&service, &ada, "GET", &first, &one, Value::Null).await;
    assert_eq!(here.status, StatusCode::NOT_FOUND);
    // Listed.
    let threads = threads(&service, &ada).await.to_string();
    assert!(threads.contains(&first) && threads.contains(&thread_of(&meeting)));
    assert!(!threads.contains(&second), "{threads}");
    // Listened to: what comes first of all that is written from now on is her own room's.
    written(&send(&service, &ada, &first, "to Room 1").await);
    assert_eq!(texts_until(&mut ear, "to Room 1").await, ["to Room 1"]);
    let all = ear.heard.join("\n");
    assert!(all.contains(&first) && !all.contains(&second), "{all}");
    loop {
        let (_, body) = notified.notified().await;
        assert!(!body.to_string().contains(&second), "{body}");
        if body["messageBody"] == "to Room 1" {
            break;
        }
    }

    // Room 2's thread was hers while she was in it, and is no longer once she is moved out of it.
    let assign =
        |room: usize| json!({"assignments": [{"id": ada.id, "roomId": made["value"][room]["id"]}]});
    let target = format!("{base}/assign");
    service.post(&target, token, assign(1)).await.ok();
    ear.until(|event| matches!(event, Event::Moved { .. }).then_some(()))
        .await;
    let page = history(&service, &ada, &second).await.ok();
    assert_eq!(texts(&page), [""; 0], "nothing of before");
    assert_refused(&service, &ada, &first, &secret).await;
    let own = written(&send(&service, &ada, &second, "in Room 2").await);
    service.post(&target, token, assign(0)).await.ok();
    ear.until(|event| matches!(event, Event::Moved { .. }).then_some(()))
        .await;
    assert_refused(&service, &ada, &second, &own).await;
    service.stop().await;
}
