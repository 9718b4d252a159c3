//! LiveKit's `RoomService` over Twirp: who may call what, and what comes of it.

use std::time::Duration;

use axum::body::Body;
use axum::http::{header, Request, StatusCode};
use http_body_util::BodyExt;
use livekit_protocol as lk;
use lk::signal_response::Message;
use plenary_service::engine::{Grants, MediaClaims, VideoGrants};
use prost::Message as _;
use serde_json::{json, Value};
use tower::ServiceExt;

use crate::client::{open, Client};
use crate::server::Server;

/// All methods that there are, with a request for the room `red`.
fn methods() -> Vec<(&'static str, Value)> {
    let room = || json!({"room": "red"});
    let ada = || json!({"room": "red", "identity": "ada"});
    let blue = || json!({"room": "red", "identity": "ada", "destinationRoom": "blue"});
    vec![
        ("CreateRoom", json!({"name": "red"})),
        ("ListRooms", json!({})),
        ("DeleteRoom", room()),
        ("ListParticipants", room()),
        ("GetParticipant", ada()),
        ("RemoveParticipant", ada()),
        ("MutePublishedTrack", ada()),
        ("UpdateParticipant", ada()),
        ("UpdateSubscriptions", ada()),
        ("SendData", room()),
        ("UpdateRoomMetadata", room()),
        ("MoveParticipant", blue()),
        ("ForwardParticipant", blue()),
        ("PerformRpc", room()),
    ]
}

fn token(server: &Server, video: VideoGrants) -> String {
    let claims = MediaClaims {
        sub: "server".to_owned(),
        video: Some(video),
        ..Default::default()
    };
    server.engine.issue_token(claims, Duration::from_secs(60))
}

/// Everything for one room.
fn admin(room: &str) -> VideoGrants {
    VideoGrants {
        room: room.to_owned(),
        room_admin: true,
        room_create: true,
        room_list: true,
        destination_room: "blue".to_owned(),
        ..Default::default()
    }
}

async fn post(
    server: &Server,
    token: &str,
    method: &str,
    kind: &str,
    body: Vec<u8>,
) -> (StatusCode, Vec<u8>) {
    let mut request = Request::post(format!("/twirp/livekit.RoomService/{method}"))
        .header(header::CONTENT_TYPE, kind);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::from(body)).expect("a request");
    let response = server
        .engine
        .router()
        .oneshot(request)
        .await
        .expect("no error");
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body");
    (status, body.to_bytes().to_vec())
}

async fn json_call(server: &Server, token: &str, method: &str, body: Value) -> (StatusCode, Value) {
    let body = body.to_string().into_bytes();
    let (status, body) = post(server, token, method, "application/json", body).await;
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// As an administrator of `red`; what is refused is a failure of the test.
async fn call(server: &Server, method: &str, body: Value) -> Value {
    let token = token(server, admin("red"));
    let (status, answer) = json_call(server, &token, method, body).await;
    assert_eq!(status, StatusCode::OK, "{method}: {answer}");
    answer
}

/// CVE-2026-55489, CVE-2026-41127: every method asks for its own grant and for the room's, before
/// it says anything of what is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_checks_its_grant() {
    let server = Server::start().await;
    let ada = server.speaker("red", "ada").await;
    for (method, body) in methods() {
        let create = matches!(method, "CreateRoom" | "DeleteRoom");
        let list = method == "ListRooms";
        let without = VideoGrants {
            room_admin: create || list,
            room_create: !create,
            room_list: !list,
            ..admin("red")
        };
        let participant = Grants::speaker().to_video("red");
        let mut refused = vec![
            ("no token", String::new(), StatusCode::UNAUTHORIZED),
            ("garbage", "abc".to_owned(), StatusCode::UNAUTHORIZED),
            (
                "all but its grant",
                token(&server, without),
                StatusCode::FORBIDDEN,
            ),
            (
                "a participant's",
                token(&server, participant),
                StatusCode::FORBIDDEN,
            ),
        ];
        if !create && !list {
            let other = token(&server, admin("blue"));
            refused.push(("another room's", other, StatusCode::FORBIDDEN));
            let nowhere = token(&server, admin(""));
            refused.push(("no room's", nowhere, StatusCode::FORBIDDEN));
        }
        if matches!(method, "MoveParticipant" | "ForwardParticipant") {
            let elsewhere = VideoGrants {
                destination_room: "green".to_owned(),
                ..admin("red")
            };
            let elsewhere = token(&server, elsewhere);
            refused.push(("another destination", elsewhere, StatusCode::FORBIDDEN));
        }
        for (what, token, expected) in refused {
            let (status, answer) = json_call(&server, &token, method, body.clone()).await;
            assert_eq!(status, expected, "{method} with {what}: {answer}");
            assert!(answer["code"].is_string() && answer["msg"].is_string());
        }
        let other_key = MediaClaims {
            sub: "server".to_owned(),
            video: Some(admin("red")),
            ..Default::default()
        };
        let other_key = server.foreign_token(other_key);
        let (status, _) = json_call(&server, &other_key, method, body.clone()).await;
        assert_eq!(
            status,
            StatusCode::UNAUTHORIZED,
            "{method} with another key"
        );
    }
    // None of it did anything.
    assert_eq!(server.engine.stats().participants, 1);
    ada.look(|s| assert!(!s.socket_closed));

    let granted = token(&server, admin("red"));
    let refusals = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
    for (method, body) in methods() {
        let (status, answer) = json_call(&server, &granted, method, body).await;
        assert!(!refusals.contains(&status), "{method}: {answer}");
        assert!(!status.is_server_error() || status == StatusCode::NOT_IMPLEMENTED);
    }
    server.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_says_so() {
    let server = Server::start().await;
    let token = token(&server, admin("red"));
    let protobuf = "application/protobuf";
    for (method, kind, body, status, code) in [
        (
            "Nothing",
            protobuf,
            vec![],
            StatusCode::NOT_FOUND,
            "bad_route",
        ),
        (
            "ListRooms",
            "text/plain",
            vec![],
            StatusCode::NOT_FOUND,
            "bad_route",
        ),
        (
            "ListRooms",
            protobuf,
            vec![0xff; 3],
            StatusCode::BAD_REQUEST,
            "malformed",
        ),
        (
            "ListRooms",
            "application/json",
            b"{".to_vec(),
            StatusCode::BAD_REQUEST,
            "malformed",
        ),
        (
            "CreateRoom",
            protobuf,
            vec![],
            StatusCode::BAD_REQUEST,
            "invalid_argument",
        ),
    ] {
        let (answered, body) = post(&server, &token, method, kind, body).await;
        let error: Value = serde_json::from_slice(&body).expect("a Twirp error");
        assert_eq!(
            (answered, error["code"].as_str()),
            (status, Some(code)),
            "{method}"
        );
    }
    for method in [
        "GetParticipant",
        "RemoveParticipant",
        "UpdateParticipant",
        "UpdateSubscriptions",
    ] {
        let body = json!({"room": "red", "identity": "nobody"});
        let (status, error) = json_call(&server, &token, method, body).await;
        assert_eq!(
            (status, &error["code"]),
            (StatusCode::NOT_FOUND, &json!("not_found")),
            "{method}"
        );
    }
    for method in ["DeleteRoom", "SendData", "UpdateRoomMetadata"] {
        let (status, _) = json_call(&server, &token, method, json!({"room": "red"})).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method}");
    }
    for method in ["ForwardParticipant", "PerformRpc"] {
        let body = json!({"room": "red", "identity": "ada", "destination_room": "blue"});
        let (status, error) = json_call(&server, &token, method, body).await;
        assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
        assert_eq!(error["code"], "unimplemented", "{method}");
    }
    server.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ordered_room_is_there_before_anybody_and_has_its_limits() {
    let server = Server::start().await;
    let order = json!({"name": "red", "emptyTimeout": 60, "maxParticipants": 1, "metadata": "m"});
    let room = call(&server, "CreateRoom", order).await;
    assert_eq!(room["metadata"], "m");
    assert_eq!(room["emptyTimeout"], 60);
    let rooms = call(&server, "ListRooms", json!({"names": ["red", "blue"]})).await;
    assert_eq!(rooms["rooms"].as_array().map(Vec::len), Some(1));
    assert_eq!(rooms["rooms"][0]["sid"], room["sid"]);

    let ada = server.speaker("red", "ada").await;
    ada.look(|s| {
        let joined = s.signals.iter().find_map(|m| match m {
            Message::Join(join) => join.room.clone(),
            _ => None,
        });
        assert_eq!(joined.expect("a join response").metadata, "m");
    });
    // One more is one too many; who is in may start over.
    let guest = server.token("red", "bob", &Grants::speaker());
    let mut socket = open(server.http, &format!("access_token={guest}"))
        .await
        .expect("a socket");
    match crate::client::next_message(&mut socket).await {
        Message::Leave(leave) => {
            assert_eq!(leave.reason(), lk::DisconnectReason::JoinFailure);
            assert_eq!(leave.action(), lk::leave_request::Action::Disconnect);
        }
        other => panic!("{other:?} for one too many"),
    }
    let ada = {
        drop(ada);
        server.speaker("red", "ada").await
    };
    call(
        &server,
        "UpdateRoomMetadata",
        json!({"room": "red", "metadata": "n"}),
    )
    .await;
    ada.until("the room's new metadata", |s| {
        s.signals.iter().any(|m| match m {
            Message::RoomUpdate(u) => u.room.as_ref().is_some_and(|r| r.metadata == "n"),
            _ => false,
        })
    })
    .await;
    call(&server, "DeleteRoom", json!({"room": "red"})).await;
    ada.until("the end", |s| s.socket_closed).await;
    let rooms = call(&server, "ListRooms", json!({})).await;
    // JSON leaves out what is empty.
    assert!(rooms["rooms"].is_null());
    server.engine.shutdown().await;
}

/// The last word about a participant that a client got.
fn told(client: &Client, sid: &str) -> Option<lk::ParticipantInfo> {
    client.look(|s| {
        let updates = s.signals.iter().filter_map(|m| match m {
            Message::Update(update) => Some(&update.participants),
            _ => None,
        });
        updates.flatten().rfind(|p| p.sid == sid).cloned()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_participant_is_changed_for_everybody_and_itself() {
    let server = Server::start().await;
    let ada = server.speaker("red", "ada").await;
    let bob = server.speaker("red", "bob").await;
    ada.sees_and_hears("bob").await;
    let change = json!({
        "room": "red", "identity": "bob", "name": "Bob", "metadata": "m",
        "attributes": {"seat": "4"},
    });
    let info = call(&server, "UpdateParticipant", change).await;
    assert_eq!(
        (&info["name"], &info["attributes"]["seat"]),
        (&json!("Bob"), &json!("4"))
    );
    for client in [&ada, &bob] {
        client
            .until("word of the change", |s| {
                s.signals.iter().any(|m| match m {
                    Message::Update(u) => u.participants.iter().any(|p| p.name == "Bob"),
                    _ => false,
                })
            })
            .await;
        let told = told(client, &bob.sid).expect("just seen");
        assert_eq!(told.attributes.get("seat").map(String::as_str), Some("4"));
    }

    // Its camera and microphone are taken away: nothing of them comes when that is answered.
    let change = json!({
        "room": "red", "identity": "bob", "attributes": {"seat": ""},
        "permission": {"canSubscribe": true, "canPublish": false},
    });
    let info = call(&server, "UpdateParticipant", change).await;
    assert!(info["attributes"].is_null());
    ada.mark().await;
    bob.mark().await;
    bob.sees_and_hears("ada").await;
    ada.settle().await;
    assert_eq!(ada.heard_from(), [] as [&str; 0]);

    for (what, change) in [
        ("name", json!({"name": "x".repeat(257)})),
        ("metadata", json!({"metadata": "x".repeat(64_001)})),
        (
            "attributes",
            json!({"attributes": {"k": "x".repeat(64_001)}}),
        ),
    ] {
        let mut change = change;
        change["room"] = json!("red");
        change["identity"] = json!("bob");
        let token = token(&server, admin("red"));
        let (status, error) = json_call(&server, &token, "UpdateParticipant", change).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{what}: {error}");
    }
    server.engine.shutdown().await;
}

/// Protobuf as the servers' SDKs speak it: mute, unsubscribe, move and remove.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_in_protobuf() {
    let server = Server::start().await;
    let ada = server.speaker("red", "ada").await;
    let bob = server.speaker("red", "bob").await;
    ada.sees_and_hears("bob").await;
    let token = token(&server, admin("red"));
    let call = async |method: &str, body: Vec<u8>| {
        let (status, body) = post(&server, &token, method, "application/protobuf", body).await;
        assert_eq!(
            status,
            StatusCode::OK,
            "{method}: {}",
            String::from_utf8_lossy(&body)
        );
        body
    };
    let room = lk::ListParticipantsRequest {
        room: "red".to_owned(),
    };
    let body = call("ListParticipants", room.encode_to_vec()).await;
    let list = lk::ListParticipantsResponse::decode(&*body)
        .expect("a list")
        .participants;
    assert_eq!(
        list.iter().map(|p| &*p.identity).collect::<Vec<_>>(),
        ["ada", "bob"]
    );
    let camera = list[1]
        .tracks
        .iter()
        .find(|t| t.source() == lk::TrackSource::Camera);
    let camera = camera.expect("bob's camera").sid.clone();

    let mute = lk::MuteRoomTrackRequest {
        room: "red".to_owned(),
        identity: "bob".to_owned(),
        track_sid: camera,
        muted: true,
    };
    let body = call("MutePublishedTrack", mute.encode_to_vec()).await;
    let muted = lk::MuteRoomTrackResponse::decode(&*body)
        .expect("an answer")
        .track;
    assert!(muted.expect("the track").muted);
    server.engine.settled().await;
    ada.mark().await;
    ada.until("bob's sound", |s| s.heard.iter().any(|h| h.from == "bob/a"))
        .await;
    assert_eq!(ada.heard_from(), ["bob/a"]);

    let everything = list[1].tracks.iter().map(|t| t.sid.clone()).collect();
    let update = lk::UpdateSubscriptionsRequest {
        room: "red".to_owned(),
        identity: "ada".to_owned(),
        track_sids: everything,
        subscribe: false,
        ..Default::default()
    };
    call("UpdateSubscriptions", update.encode_to_vec()).await;
    server.engine.settled().await;
    ada.mark().await;
    bob.mark().await;
    bob.sees_and_hears("ada").await;
    ada.settle().await;
    assert_eq!(ada.heard_from(), [] as [&str; 0]);

    let moved = lk::MoveParticipantRequest {
        room: "red".to_owned(),
        identity: "bob".to_owned(),
        destination_room: "blue".to_owned(),
    };
    call("MoveParticipant", moved.encode_to_vec()).await;
    bob.until("word of the move", |s| {
        s.signals.iter().any(|m| matches!(m, Message::RoomMoved(_)))
    })
    .await;
    let gone = lk::RoomParticipantIdentity {
        room: "red".to_owned(),
        identity: "ada".to_owned(),
        ..Default::default()
    };
    call("RemoveParticipant", gone.encode_to_vec()).await;
    ada.until("the end", |s| s.socket_closed).await;
    assert_eq!(server.engine.stats().participants, 1);
    server.engine.shutdown().await;
}

/// To those named, or to everybody; with its topic, from nobody; not to who waits in a lobby.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_servers_data_reach_those_they_are_for() {
    let server = Server::start().await;
    let ada = server.speaker("red", "ada").await;
    let bob = server.speaker("red", "bob").await;
    let waiting = server.token("red", "cid", &Grants::waiting());
    let cid = Client::join(server.http, "cid", &waiting).await;
    for client in [&ada, &bob, &cid] {
        client
            .until("both channels", |s| s.channels.len() == 2)
            .await;
    }
    // Base64 of "one" and "all".
    let one = json!({
        "room": "red", "data": "b25l", "kind": "RELIABLE", "topic": "t",
        "destinationIdentities": ["bob"],
    });
    call(&server, "SendData", one).await;
    call(
        &server,
        "SendData",
        json!({"room": "red", "data": "YWxs", "kind": "LOSSY"}),
    )
    .await;
    for client in [&ada, &bob] {
        client
            .until("the server's data", |s| {
                payloads(&s.data).contains(&b"all".to_vec())
            })
            .await;
    }
    bob.until("its own data", |s| {
        payloads(&s.data).contains(&b"one".to_vec())
    })
    .await;
    for client in [&ada, &cid] {
        client.settle().await;
        client.look(|s| assert!(!payloads(&s.data).contains(&b"one".to_vec())));
    }
    cid.look(|s| assert!(s.data.is_empty()));
    bob.look(|s| {
        assert!(s.data.iter().all(|p| p.participant_identity.is_empty()));
        let topics = s.data.iter().filter_map(|p| match &p.value {
            Some(lk::data_packet::Value::User(user)) => user.topic.clone(),
            _ => None,
        });
        assert_eq!(topics.collect::<Vec<_>>(), ["t"]);
    });
    server.engine.shutdown().await;
}

fn payloads(data: &[lk::DataPacket]) -> Vec<Vec<u8>> {
    let payload = |p: &lk::DataPacket| match &p.value {
        Some(lk::data_packet::Value::User(user)) => Some(user.payload.clone()),
        _ => None,
    };
    data.iter().filter_map(payload).collect()
}
