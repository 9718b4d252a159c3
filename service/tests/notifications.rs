//! The notification channel of Microsoft's chat client, by hand: who gets one, what comes over it, and
//! what is kept for a client that is away. Their own client speaks it in `tests/conformance/chat`.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::chat::*;
use common::notified::*;
use common::signed::{resource, signed};
use common::*;
use hyper::StatusCode;
use plenary_protocol::agent::Request;
use plenary_protocol::id::CallId;
use serde_json::json;

#[tokio::test]
async fn what_was_answered_does_not_come_again_and_what_was_not_does() {
    let service = Service::start().await;
    let (jane, alex) = (service.guest().await, service.guest().await);
    let chat = thread(&service, &jane, &[&alex]).await;
    let mut client = Client::of(&service, &alex).await;
    chat.send(&jane, "one").await;
    let (number, body) = client.notified().await;
    assert_eq!(
        (&body["eventId"], &body["messageBody"]),
        (&json!(200), &json!("one"))
    );
    assert_eq!(body["recipientMri"], json!(alex.id));
    client.answer(number).await;
    chat.send(&jane, "two").await;
    let (_, body) = client.notified().await;
    assert_eq!(body["messageBody"], "two");
    // Cut before the answer; and what is written meanwhile waits.
    client.socket = None;
    chat.send(&jane, "three").await;
    client.connect().await;
    let mut numbers = Vec::new();
    for expected in ["two", "three"] {
        let (number, body) = client.notified().await;
        assert_eq!(body["messageBody"], expected);
        numbers.push(number);
    }
    for number in numbers {
        client.answer(number).await;
    }
    client.socket = None;
    client.connect().await;
    chat.send(&jane, "four").await;
    assert_eq!(client.notified().await.1["messageBody"], "four");
    service.stop().await;
}

#[tokio::test]
async fn s13_a_channel_is_its_identitys_and_a_ticket_is_good_once() {
    let service = Service::start().await;
    let (jane, eve) = (service.guest().await, service.guest().await);
    let client = Client::of(&service, &jane).await;
    // Another's token gets another channel, and no handshake with this one.
    let other = allocated(&service, &eve.token, &client.channel).await.ok();
    assert_ne!(other["connectparams"]["st"], json!(client.channel));
    let refused = handshake(&service, &eve.token, &client.channel).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let unknown = handshake(&service, &eve.token, "nothing").await;
    assert_eq!(refused.body, unknown.body);
    let ticket = ticket_of(&handshake(&service, &jane.token, &client.channel).await);
    let _socket = websocket(&service, &ticket).await.unwrap();
    for used in [ticket.as_str(), &client.channel, "nothing"] {
        assert!(websocket(&service, used).await.is_err(), "{used}");
    }
    service.stop().await;
}

#[tokio::test]
async fn s6_revoking_a_user_closes_their_channels() {
    let service = Service::start().await;
    let (jane, alex) = (service.guest().await, service.guest().await);
    let chat = thread(&service, &jane, &[&alex]).await;
    let mut client = Client::of(&service, &alex).await;
    let key = resource(&service).await.primary_key;
    let id = common::signed::encoded(alex.id.as_str());
    let target = format!(
        "/identities/{id}/:revokeAccessTokens?{}",
        common::signed::VERSION
    );
    let revoked = signed(&service, &key, "POST", &target, "").await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    chat.send(&jane, "not for the revoked").await;
    assert_eq!(client.frame().await, None, "closed");
    let refused = allocated(&service, &alex.token, &client.channel).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    service.stop().await;
}

#[tokio::test]
async fn d1_what_a_guest_did_not_fetch_in_time_is_withdrawn() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let open = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, open).await;
    let chat = Chat {
        service: &service,
        thread: meeting["chatInfo"]["threadId"].as_str().unwrap().to_owned(),
    };
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let ada = service.guest().await;
    let mut client = Client::of(&service, &ada).await;
    chat.send(&olivia, "before").await;
    let mut guest = service.agent(&ada, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    let (number, body) = client.notified().await;
    assert_eq!(
        body["eventId"], 260,
        "she is there now, and heard nothing of before"
    );
    client.answer(number).await;
    client.socket = None;
    chat.send(&olivia, "during").await;
    let leave = Request::Leave {
        call: CallId::from("g"),
    };
    guest.ask(leave).await.unwrap();
    chat.send(&olivia, "after").await;
    client.connect().await;
    // Her own thread's event is the next that she hears.
    thread(&service, &ada, &[]).await;
    let (_, body) = client.notified().await;
    assert_eq!(body["eventId"], 257, "{body}");
    service.stop().await;
}
