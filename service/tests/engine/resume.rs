//! Signalling lost and found again; media does not notice.

use std::time::Duration;

use livekit_protocol as lk;
use lk::signal_response::Message;
use plenary_service::engine::{EngineEvent, Grants, JoinSpec, OfferSpec};

use crate::client::{open, tracks, Client, Offering, DEADLINE};
use crate::server::Server;

pub async fn attach(server: &Server, client: &Client, room: &str) {
    let token = server.token(room, &client.name, &Grants::speaker());
    let request = crate::client::pack(&lk::JoinRequest {
        reconnect: true,
        participant_sid: client.sid.clone(),
        ..Default::default()
    });
    let query = format!("access_token={token}&join_request={request}");
    let socket = open(server.http, &query).await.expect("a resume");
    client.attach(socket);
}

fn resumed(signals: &[Message]) -> bool {
    signals.iter().any(|m| matches!(m, Message::Reconnect(_)))
}

/// Our SDK's way: the offer is answered before any signalling socket exists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_attaches_to_a_transport_that_is_up_already() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    let offering = Offering::new().await;
    let joined = server
        .engine
        .join(JoinSpec {
            room: "room".to_owned(),
            near: "room".to_owned(),
            identity: "bob".to_owned(),
            grants: Grants::speaker(),
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
    let bob = offering.start("bob", &joined.participant_sid, &answer, None);
    // Not even the transport waits for the socket.
    bob.sees_and_hears("ada").await;
    ada.sees_and_hears("bob").await;

    attach(&server, &bob, "room").await;
    bob.until("the resume", |s| resumed(&s.signals) && !s.slots.is_empty())
        .await;
    bob.until("word of its own tracks", |s| {
        let published = |m: &&Message| matches!(m, Message::TrackPublished(_));
        s.signals.iter().filter(published).count() == 2
    })
    .await;
    bob.mark().await;
    bob.sees_and_hears("ada").await;
    assert_eq!(server.engine.stats().sessions, 2);
    server.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_goes_on_while_the_socket_is_away_and_news_come_with_it() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    bob.sees_and_hears("ada").await;
    bob.drop_socket();
    let cid = server.speaker("room", "cid").await;
    bob.mark().await;
    bob.sees_and_hears("ada").await;
    bob.look(|s| {
        s.slots.clear();
        s.signals.clear();
    });
    attach(&server, &bob, "room").await;
    bob.until("the resume", |s| resumed(&s.signals) && !s.slots.is_empty())
        .await;
    bob.sees_and_hears("cid").await;
    let told = bob.look(|s| format!("{:?}", s.signals));
    assert!(told.contains("\"cid\"") && told.contains("\"ada\""));
    drop((ada, cid));
    server.engine.shutdown().await;
}

/// A resume after a move finds the session in its new room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_moved_while_away_resumes_in_the_new_room() {
    let server = Server::start().await;
    let ada = server.speaker("red", "ada").await;
    let bob = server.speaker("red", "bob").await;
    let cid = server.speaker("blue", "cid").await;
    bob.sees_and_hears("ada").await;
    bob.drop_socket();
    server
        .engine
        .move_participant("bob", "red", "blue", Grants::speaker())
        .await
        .expect("somebody to move");
    bob.mark().await;
    attach(&server, &bob, "blue").await;
    bob.until("the resume", |s| resumed(&s.signals)).await;
    bob.sees_and_hears("cid").await;
    bob.settle().await;
    assert_eq!(bob.heard_from(), ["cid/a", "cid/v"]);
    drop((ada, cid));
    server.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stays_away_is_ended_after_the_window() {
    let server = Server::with(|c| c.resume_window = Duration::from_millis(300)).await;
    let mut events = server.engine.events();
    let ada = server.speaker("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    ada.sees_and_hears("bob").await;
    drop(bob);
    let lost = async {
        while let Ok(event) = events.recv().await {
            if matches!(&event, EngineEvent::ParticipantLost { identity, .. } if identity == "bob")
            {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, lost)
        .await
        .expect("bob to be given up");
    ada.until("word of it", |s| {
        s.signals.iter().any(|m| {
            matches!(m, Message::Update(u) if u.participants.iter().any(|p| p.identity == "bob"
                && p.state() == lk::participant_info::State::Disconnected))
        })
    })
    .await;
    server.engine.settled().await;
    assert_eq!(server.engine.stats().sessions, 1);
    server.engine.shutdown().await;
}
