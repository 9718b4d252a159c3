//! S2 and S5: who is not admitted gets nothing, whichever way it tries.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use livekit_protocol as lk;
use lk::signal_request::Message as Ask;
use lk::signal_response::Message;
use plenary_service::engine::{Grants, JoinSpec, OfferSpec};

use crate::client::{next_message, open, tracks, Client, Offering};
use crate::server::{Server, SECRET};

fn signed(claims: &serde_json::Value, secret: &str) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).expect("a token")
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs()
}

/// S5, over the wire: the table of `engine::token` has every case, these are the ways in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_way_in_takes_a_bad_token() {
    let server = Server::start().await;
    let video = serde_json::json!({ "roomJoin": true, "room": "room" });
    let claims =
        |exp: u64| serde_json::json!({"iss": "key", "sub": "eve", "exp": exp, "video": video});
    let bad = [
        ("none at all", String::new()),
        ("expired", signed(&claims(now() - 1), SECRET)),
        ("forged", signed(&claims(now() + 60), "another secret")),
        (
            "without a room",
            signed(
                &serde_json::json!({"iss": "key", "sub": "eve", "exp": now() + 60,
                    "video": {"roomJoin": true}}),
                SECRET,
            ),
        ),
        (
            "without the right to join",
            signed(
                &serde_json::json!({"iss": "key", "sub": "eve", "exp": now() + 60,
                    "video": {"room": "room"}}),
                SECRET,
            ),
        ),
    ];
    for (what, token) in bad {
        for query in ["", "reconnect=1&sid=PA_x&", "slots=1&"] {
            let refused = open(server.http, &format!("{query}access_token={token}")).await;
            let status = refused.err();
            assert!(matches!(status, Some(401 | 403)), "{what}: {status:?}");
        }
    }
    server.engine.shutdown().await;
}

/// S2: a token is worth what its admission is worth.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_dies_with_its_admission() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    ada.sees_and_hears("bob").await;

    let token = server.token("room", "bob", &Grants::speaker());
    server.doors.close("room", "bob");
    server
        .engine
        .remove_participant("room", "bob")
        .await
        .expect("somebody to remove");
    bob.until("the goodbye", |s| s.signals.iter().any(is_removal))
        .await;

    // Removed while still sending: nothing of it goes on, and nothing comes.
    ada.mark().await;
    bob.mark().await;
    let cid = server.speaker("room", "cid").await;
    ada.sees_and_hears("cid").await;
    bob.settle().await;
    assert_eq!(bob.heard_from(), [] as [&str; 0]);
    assert_eq!(ada.heard_from(), ["cid/a", "cid/v"]);
    drop(cid);

    for query in [
        format!("access_token={token}"),
        format!("reconnect=1&sid={}&access_token={token}", bob.sid),
    ] {
        assert_eq!(open(server.http, &query).await.err(), Some(401));
    }
    server.engine.shutdown().await;
}

/// S2: after a move the old room's token opens nothing; the new one resumes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_of_before_a_move_is_dead() {
    let server = Server::start().await;
    let old = server.token("lobby", "ada", &Grants::speaker());
    let ada = Client::join(server.http, "ada", &old).await;
    server
        .engine
        .move_participant("ada", "lobby", "room", Grants::speaker())
        .await
        .expect("somebody to move");
    ada.until("the move", |s| moved(&s.signals).is_some()).await;
    let new = ada.look(|s| moved(&s.signals)).expect("a new token").token;

    server.doors.close("lobby", "ada");
    let query = |token: &str| format!("reconnect=1&sid={}&access_token={token}", ada.sid);
    assert_eq!(open(server.http, &query(&old)).await.err(), Some(401));
    let mut socket = open(server.http, &query(&new)).await.expect("a resume");
    assert!(matches!(
        next_message(&mut socket).await,
        Message::Reconnect(_)
    ));
    server.engine.shutdown().await;
}

/// Even where the admission of the old room lives on, its token resumes nothing elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_another_room_resumes_nothing() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    for (room, identity) in [("other", "ada"), ("room", "eve")] {
        let token = server.token(room, identity, &Grants::speaker());
        let query = format!(
            "reconnect=1&join_request={}&access_token={token}",
            crate::client::pack(&lk::JoinRequest {
                reconnect: true,
                participant_sid: ada.sid.clone(),
                ..Default::default()
            })
        );
        let mut socket = open(server.http, &query).await.expect("an open socket");
        let Message::Leave(leave) = next_message(&mut socket).await else {
            panic!("a resume of somebody else's session");
        };
        assert_eq!(leave.reason(), lk::DisconnectReason::StateMismatch);
    }
    server.engine.shutdown().await;
}

/// Zoom 2020, CVE-2020-3441: who waits has a transport, and gets nothing by it; nor do the others
/// get anything of who waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_neither_sends_nor_receives() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    bob.sees_and_hears("ada").await;

    // In the meeting's own room, which the service never does: the grants alone must hold.
    let offering = Offering::new().await;
    let joined = server
        .engine
        .join(JoinSpec {
            room: "room".to_owned(),
            near: "room".to_owned(),
            identity: "eve".to_owned(),
            grants: Grants::waiting(),
            offer: Some(OfferSpec {
                sdp: offering.sdp.clone(),
                mid_to_cid: offering.mid_to_cid.clone(),
                add_tracks: tracks(),
            }),
            slots: true,
        })
        .await
        .expect("a join");
    let answer = joined.answer.expect("an answer");
    let eve = offering.start("eve", &joined.participant_sid, &answer, None);
    eve.until("the transport", |s| s.connected).await;
    let token = server.token("room", "eve", &Grants::waiting());
    let query = format!("reconnect=1&sid={}&access_token={token}", eve.sid);
    let socket = open_v0(&server, &query).await;
    eve.attach(socket);
    eve.until("the resume", |s| !s.slots.is_empty()).await;
    ada.mark().await;
    bob.mark().await;
    bob.until("a second of ada", |s| {
        s.heard.iter().filter(|h| h.from == "ada/a").count() > 50
    })
    .await;
    eve.settle().await;
    assert_eq!(eve.heard_from(), [] as [&str; 0]);
    assert_eq!(ada.heard_from(), ["bob/a", "bob/v"]);
    let told = eve.look(|s| format!("{:?}", s.signals));
    assert!(
        !told.contains("\"ada\"") && !told.contains("\"bob\""),
        "{told}"
    );

    // Let in, everything flows: it was the grants that held it back.
    server
        .engine
        .update_grants("room", "eve", Grants::speaker())
        .await
        .expect("somebody to let in");
    eve.sees_and_hears("ada").await;
    ada.sees_and_hears("eve").await;
    server.engine.shutdown().await;
}

/// S3: sources that a role lacks, and data without the grant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_not_granted_is_refused() {
    let server = Server::start().await;
    let bob = server.speaker("room", "bob").await;
    let grants = Grants {
        sources: vec![lk::TrackSource::Microphone],
        ..Grants::speaker()
    };
    let token = server.token("room", "ada", &grants);
    let ada = Client::join(server.http, "ada", &token).await;
    bob.until("the sound of ada", |s| {
        s.heard.iter().filter(|h| h.from == "ada/a").count() > 20
    })
    .await;
    assert!(!bob.heard_from().contains(&"ada/v".to_owned()));
    ada.ask(Ask::UpdateMetadata(lk::UpdateParticipantMetadata {
        name: "somebody else".to_owned(),
        request_id: 7,
        ..Default::default()
    }));
    ada.until("the refusal", |s| {
        s.signals
            .iter()
            .any(|m| matches!(m, Message::RequestResponse(r) if r.request_id == 7))
    })
    .await;
    let told = bob.look(|s| format!("{:?}", s.signals));
    assert!(!told.contains("somebody else"));
    server.engine.shutdown().await;
}

/// The same endpoint again, from the start: the old session ends and says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_join_replaces_the_first() {
    let server = Server::start().await;
    let bob = server.speaker("room", "bob").await;
    let first = server.speaker("room", "ada").await;
    bob.sees_and_hears("ada").await;
    let second = server.speaker("room", "ada").await;
    first
        .until("the goodbye", |s| {
            s.signals.iter().any(|m| {
                matches!(m, Message::Leave(l) if l.reason() == lk::DisconnectReason::DuplicateIdentity)
            })
        })
        .await;
    second.sees_and_hears("bob").await;
    assert_eq!(server.engine.stats().participants, 2);
    server.engine.shutdown().await;
}

async fn open_v0(
    server: &Server,
    query: &str,
) -> tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>> {
    let url = format!("ws://{}/rtc?{query}", server.http);
    let connecting = tokio_tungstenite::connect_async(url);
    let opened = tokio::time::timeout(Duration::from_secs(10), connecting).await;
    opened.expect("in time").expect("a socket").0
}

fn is_removal(message: &Message) -> bool {
    matches!(message, Message::Leave(l) if l.reason() == lk::DisconnectReason::ParticipantRemoved)
}

pub fn moved(signals: &[Message]) -> Option<lk::RoomMovedResponse> {
    signals.iter().rev().find_map(|m| match m {
        Message::RoomMoved(moved) => Some(moved.clone()),
        _ => None,
    })
}
