//! Whom a publisher lets receive its tracks.

use livekit_protocol as lk;
use lk::signal_request::Message as Ask;
use lk::signal_response::Message;

use crate::client::Client;
use crate::server::Server;

async fn is_told(client: &Client, allowed: bool, count: usize) {
    client
        .until("word of its permission", |s| {
            let told = s.signals.iter().filter(|m| match m {
                Message::SubscriptionPermissionUpdate(u) => u.allowed == allowed,
                _ => false,
            });
            told.count() >= count
        })
        .await;
}

/// All, one by name, one track of it, and all again; those for whom it changes are told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_chooses_who_receives_it() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    let cid = server.speaker("room", "cid").await;
    for client in [&bob, &cid] {
        client.sees_and_hears("ada").await;
    }
    let microphone = ada.look(|s| {
        let mut published = s.signals.iter().filter_map(|m| match m {
            Message::TrackPublished(p) if p.cid == "mic" => p.track.clone(),
            _ => None,
        });
        published.next().expect("its microphone").sid
    });
    let to_bob = |all_tracks, track_sids| {
        Ask::SubscriptionPermission(lk::SubscriptionPermission {
            all_participants: false,
            track_permissions: vec![lk::TrackPermission {
                participant_identity: "bob".to_owned(),
                all_tracks,
                track_sids,
                ..Default::default()
            }],
        })
    };
    ada.ask(to_bob(true, vec![]));
    is_told(&cid, false, 2).await;
    server.engine.settled().await;
    cid.mark().await;
    bob.mark().await;
    bob.sees_and_hears("ada").await;
    cid.sees_and_hears("bob").await;
    assert_eq!(cid.heard_from(), ["bob/a", "bob/v"]);

    ada.ask(to_bob(false, vec![microphone]));
    is_told(&bob, false, 1).await;
    server.engine.settled().await;
    bob.mark().await;
    bob.until("ada's sound", |s| s.heard.iter().any(|h| h.from == "ada/a"))
        .await;
    bob.until("cid's picture", |s| {
        s.heard.iter().any(|h| h.from == "cid/v")
    })
    .await;
    assert!(!bob.heard_from().contains(&"ada/v".to_owned()));

    ada.ask(Ask::SubscriptionPermission(lk::SubscriptionPermission {
        all_participants: true,
        ..Default::default()
    }));
    is_told(&cid, true, 2).await;
    is_told(&bob, true, 1).await;
    for client in [&bob, &cid] {
        client.mark().await;
        client.sees_and_hears("ada").await;
    }
    server.engine.shutdown().await;
}
