//! S14: after a move nothing of the old room arrives, through many moves; what was measured of the
//! time they take is in `docs/engine.md`.

use plenary_service::engine::Grants;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::client::{Client, SLOTS};
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

/// Random moves between rooms, whose people all speak and show themselves.
struct Moves {
    server: Server,
    random: StdRng,
    rooms: Vec<String>,
    /// With the room that each is in.
    crowd: Vec<(Client, usize)>,
}

impl Moves {
    async fn new(people: usize, rooms: usize) -> Self {
        let server = Server::start().await;
        let rooms: Vec<String> = (0..rooms).map(|n| format!("room {n}")).collect();
        let mut crowd = Vec::new();
        for n in 0..people {
            let room = n % rooms.len();
            let client = server.speaker(&rooms[room], &format!("p{n}")).await;
            crowd.push((client, room));
        }
        // The seed is fixed; those that found something stay.
        let random = StdRng::seed_from_u64(14);
        Self {
            server,
            random,
            rooms,
            crowd,
        }
    }

    /// Somebody goes to another room; from here on only the new one counts.
    async fn one(&mut self) {
        let who = self.random.random_range(0..self.crowd.len());
        let to = self.random.random_range(0..self.rooms.len());
        let (client, room) = &mut self.crowd[who];
        if *room != to {
            let (from, into) = (&self.rooms[*room], &self.rooms[to]);
            let engine = &self.server.engine;
            let moved = engine.move_participant(&client.name, from, into, Grants::speaker());
            moved.await.expect("somebody to move");
            *room = to;
        }
        for (client, _) in &self.crowd {
            client.mark().await;
        }
    }

    fn mates<'a>(&'a self, of: &'a Client, room: usize) -> impl Iterator<Item = &'a Client> {
        let mates = self.crowd.iter().filter(move |(_, other)| *other == room);
        mates
            .map(|(mate, _)| mate)
            .filter(move |mate| mate.name != of.name)
    }

    /// Everybody gets everybody of their room, as far as there are slots for all.
    async fn all_are_heard(&self) {
        for (client, room) in &self.crowd {
            if self.mates(client, *room).count() <= SLOTS {
                for mate in self.mates(client, *room) {
                    client.sees_and_hears(&mate.name).await;
                }
            }
        }
    }

    /// And nobody else.
    async fn nothing_crosses(&self) -> usize {
        let mut packets = 0;
        for (client, room) in &self.crowd {
            client.settle().await;
            packets += client.look(|seen| seen.heard.len());
            for heard in client.heard_from() {
                let from = heard.split('/').next().expect("a name");
                let there = self.mates(client, *room).any(|mate| mate.name == from);
                assert!(there, "{} heard {heard}", client.name);
            }
        }
        packets
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_many_moves_everybody_receives_their_own_room_alone() {
    let mut moves = Moves::new(5, 3).await;
    for _ in 0..40 {
        moves.one().await;
        moves.all_are_heard().await;
        moves.nothing_crosses().await;
    }
    assert_eq!(moves.server.engine.stats().sessions, 5);
    moves.server.engine.shutdown().await;
}

/// `cargo xtask soak moves`: E15, S14 with thirty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a soak of some minutes"]
async fn through_a_thousand_moves_of_thirty_nothing_crosses() {
    let mut moves = Moves::new(30, 6).await;
    let mut packets = 0;
    for n in 1..=1000 {
        moves.one().await;
        if n % 20 == 0 {
            moves.all_are_heard().await;
        }
        packets += moves.nothing_crosses().await;
        if n % 100 == 0 {
            println!("{n} moves, {packets} packets, all of the right room");
        }
    }
    assert_eq!(moves.server.engine.stats().sessions, 30);
    moves.server.engine.shutdown().await;
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
