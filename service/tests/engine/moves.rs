//! S14: after a move nothing of the old room arrives, through many moves; what was measured of the
//! time they take is in `docs/engine.md`.

use plenary_service::engine::Grants;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::client::Client;
use crate::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_cuts_the_old_room_and_keeps_the_transport() {
    let server = Server::start().await;
    let ada = server.speaker("red", "ada").await;
    let bob = server.speaker("red", "bob").await;
    let cid = server.speaker("blue", "cid").await;
    bob.sees_and_hears("ada").await;
    ada.sees_and_hears("bob").await;

    server
        .engine
        .move_participant("bob", "red", "blue", Grants::speaker())
        .await
        .expect("somebody to move");
    ada.mark().await;
    bob.mark().await;
    bob.sees_and_hears("cid").await;
    cid.sees_and_hears("bob").await;
    ada.settle().await;
    bob.settle().await;
    assert_eq!(bob.heard_from(), ["cid/a", "cid/v"]);
    assert_eq!(ada.heard_from(), [] as [&str; 0]);
    assert_eq!(
        server.engine.stats().sessions,
        3,
        "no transport was made for the move"
    );
    server.engine.shutdown().await;
}

/// Random moves between three rooms; the seed is fixed, and those that found something stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_many_moves_everybody_receives_their_own_room_alone() {
    const ROOMS: [&str; 3] = ["red", "green", "blue"];
    let server = Server::start().await;
    let mut random = StdRng::seed_from_u64(14);
    let mut crowd: Vec<(Client, usize)> = Vec::new();
    for n in 0..5 {
        let room = n % ROOMS.len();
        let name = format!("p{n}");
        crowd.push((server.speaker(ROOMS[room], &name).await, room));
    }
    for _ in 0..40 {
        let who = random.random_range(0..crowd.len());
        let to = random.random_range(0..ROOMS.len());
        let (client, room) = &mut crowd[who];
        if *room == to {
            continue;
        }
        server
            .engine
            .move_participant(&client.name, ROOMS[*room], ROOMS[to], Grants::speaker())
            .await
            .expect("somebody to move");
        *room = to;
        for (client, _) in &crowd {
            client.mark().await;
        }
        // Traffic first: everybody gets everybody of their room. Then: and nobody else.
        for (client, room) in &crowd {
            for (other, _) in crowd
                .iter()
                .filter(|(c, r)| r == room && c.name != client.name)
            {
                client.sees_and_hears(&other.name).await;
            }
        }
        for (client, room) in &crowd {
            client.settle().await;
            for heard in client.heard_from() {
                let from = heard.split('/').next().expect("a name");
                let there = crowd.iter().find(|(c, _)| c.name == from).map(|(_, r)| r);
                assert_eq!(there, Some(room), "{} heard {heard}", client.name);
            }
        }
    }
    assert_eq!(server.engine.stats().sessions, 5);
    server.engine.shutdown().await;
}

/// CVE-2020-3471: removed right after (in the middle of) a move, media stops both ways.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removed_in_the_middle_of_a_move_nothing_flows() {
    let server = Server::start().await;
    let ada = server.speaker("red", "ada").await;
    let bob = server.speaker("red", "bob").await;
    let cid = server.speaker("blue", "cid").await;
    let dan = server.speaker("blue", "dan").await;
    ada.sees_and_hears("bob").await;
    dan.sees_and_hears("cid").await;
    let (moved, removed) = tokio::join!(
        server
            .engine
            .move_participant("bob", "red", "blue", Grants::speaker()),
        server.engine.remove_participant("blue", "bob"),
    );
    moved.expect("somebody to move");
    if removed.is_err() {
        // The removal was first; now it is after the move.
        server
            .engine
            .remove_participant("blue", "bob")
            .await
            .expect("somebody to remove");
    }
    for client in [&ada, &bob, &cid, &dan] {
        client.mark().await;
    }
    dan.sees_and_hears("cid").await;
    for client in [&ada, &bob, &cid, &dan] {
        client.settle().await;
    }
    assert_eq!(bob.heard_from(), [] as [&str; 0]);
    assert_eq!(ada.heard_from(), [] as [&str; 0]);
    assert_eq!(dan.heard_from(), ["cid/a", "cid/v"]);
    server.engine.shutdown().await;
}
