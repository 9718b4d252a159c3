//! S14: after a move nothing of the old room arrives, through many moves; what was measured of the
//! time they take is in `docs/engine.md`.

use std::collections::{BTreeMap, BTreeSet};

use livekit_protocol as lk;
use lk::signal_request::Message as Ask;
use lk::signal_response::Message as Signal;
use plenary_service::engine::Grants;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::client::{shown, video_of, Client, Seen, SLOTS};
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

/// Random moves between rooms, whose people all speak, show themselves and send data.
struct Moves {
    server: Server,
    random: StdRng,
    rooms: Vec<String>,
    /// With the room that each is in.
    crowd: Vec<(Client, usize)>,
    counted: Counted,
}

/// What arrived, all of the right room.
#[derive(Debug, Default)]
struct Counted {
    packets: usize,
    /// Mentions of a participant on the signalling socket.
    roster: usize,
    data: usize,
}

fn talker() -> Grants {
    Grants {
        publish_data: true,
        ..Grants::speaker()
    }
}

async fn talks(server: &Server, room: &str, name: &str) -> Client {
    let token = server.token(room, name, &talker());
    Client::join(server.http, name, &token).await
}

impl Moves {
    async fn new(people: usize, rooms: usize) -> Self {
        let server = Server::start().await;
        let rooms: Vec<String> = (0..rooms).map(|n| format!("room {n}")).collect();
        let mut crowd = Vec::new();
        for n in 0..people {
            let (room, name) = (n % rooms.len(), format!("p{n}"));
            crowd.push((talks(&server, &rooms[room], &name).await, room));
        }
        for (client, _) in &crowd {
            let open = |s: &Seen| s.channels.len() == 2;
            client.until("both channels", open).await;
            client.hears_no_more().await;
        }
        // The seed is fixed; those that found something stay.
        let random = StdRng::seed_from_u64(14);
        Self {
            server,
            random,
            rooms,
            crowd,
            counted: Counted::default(),
        }
    }

    /// Somebody speaks up and goes to another room; from here on only the new one counts.
    async fn one(&mut self) {
        let who = self.random.random_range(0..self.crowd.len());
        let to = self.random.random_range(0..self.rooms.len());
        self.says(who).await;
        let (client, room) = &mut self.crowd[who];
        let (name, from) = (client.name.clone(), *room);
        if from != to {
            let (from, into) = (&self.rooms[from], &self.rooms[to]);
            let engine = &self.server.engine;
            let moved = engine.move_participant(&client.name, from, into, talker());
            moved.await.expect("somebody to move");
            *room = to;
        }
        self.rosters_are_right(&name, from, to).await;
        for (client, _) in &self.crowd {
            client.mark().await;
            client.look(|s| s.data.clear());
        }
        self.says(who).await;
    }

    async fn says(&mut self, who: usize) {
        let packet = lk::DataPacket {
            value: Some(lk::data_packet::Value::User(lk::UserPacket::default())),
            ..Default::default()
        };
        self.crowd[who].0.send_data("_reliable", &packet).await;
    }

    /// Since the last look everybody was told of those alone who were in their room; and after the word
    /// that they are in another one, of those in that one alone.
    async fn rosters_are_right(&mut self, mover: &str, from: usize, to: usize) {
        let names: BTreeMap<String, String> = (self.crowd.iter())
            .map(|(client, _)| (client.sid.clone(), client.name.clone()))
            .collect();
        for (client, room) in &self.crowd {
            client.hears_no_more().await;
            let in_room = |room: usize| {
                let there = self.crowd.iter().filter(move |(_, other)| *other == room);
                there.map(|(mate, _)| mate.name.as_str())
            };
            let mut known: BTreeSet<&str> = in_room(*room).collect();
            let after = known.clone();
            // The mover's old room knew them, and they it.
            if client.name == mover {
                known.extend(in_room(from));
            } else if *room == from || *room == to {
                known.insert(mover);
            }
            for signal in client.look(|s| std::mem::take(&mut s.signals)) {
                if matches!(signal, Signal::RoomMoved(_)) {
                    known.clone_from(&after);
                }
                for named in mentioned(&signal, &names) {
                    assert!(known.contains(&*named), "{} heard of {named}", client.name);
                    self.counted.roster += 1;
                }
            }
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
    async fn nothing_crosses(&mut self) {
        for (client, room) in &self.crowd {
            client.settle().await;
            let (packets, data) = client.look(|s| (s.heard.len(), s.data.clone()));
            self.counted.packets += packets;
            self.counted.data += data.len();
            let heard = client.heard_from().into_iter();
            let heard = heard.map(|heard| heard.split('/').next().expect("a name").to_owned());
            let said = data.into_iter().map(|packet| packet.participant_identity);
            for from in heard.chain(said) {
                let there = self.mates(client, *room).any(|mate| mate.name == from);
                assert!(there, "{} heard {from}", client.name);
            }
        }
    }
}

/// Whom a message names.
fn mentioned(signal: &Signal, names: &BTreeMap<String, String>) -> Vec<String> {
    let by_sid = |sid: &String| names.get(sid).unwrap_or(sid).clone();
    match signal {
        Signal::Update(update) => {
            let named = update.participants.iter();
            named.map(|p| p.identity.clone()).collect()
        }
        Signal::RoomMoved(moved) => {
            let named = moved.other_participants.iter();
            named.map(|p| p.identity.clone()).collect()
        }
        Signal::SpeakersChanged(changed) => {
            changed.speakers.iter().map(|s| by_sid(&s.sid)).collect()
        }
        Signal::ConnectionQuality(update) => {
            let named = update.updates.iter();
            named.map(|u| by_sid(&u.participant_sid)).collect()
        }
        Signal::StreamStateUpdate(update) => {
            let named = update.stream_states.iter();
            named.map(|s| by_sid(&s.participant_sid)).collect()
        }
        _ => Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e15_s14_through_many_moves_everybody_is_in_their_own_room_alone() {
    let mut moves = Moves::new(5, 3).await;
    for _ in 0..40 {
        moves.one().await;
        moves.all_are_heard().await;
        moves.nothing_crosses().await;
    }
    let Counted { roster, data, .. } = moves.counted;
    assert!(roster > 40 && data > 10, "{:?}", moves.counted);
    assert_eq!(moves.server.engine.stats().sessions, 5);
    moves.server.engine.shutdown().await;
}

/// `cargo xtask soak moves`: the same with thirty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a soak of some minutes"]
async fn e15_s14_through_a_thousand_moves_of_thirty_nothing_crosses() {
    let mut moves = Moves::new(30, 6).await;
    for n in 1..=1000 {
        moves.one().await;
        if n % 20 == 0 {
            moves.all_are_heard().await;
        }
        moves.nothing_crosses().await;
        if n % 100 == 0 {
            println!("{n} moves, all of the right room: {:?}", moves.counted);
        }
    }
    assert_eq!(moves.server.engine.stats().sessions, 30);
    moves.server.engine.shutdown().await;
}

/// S2, S14: who was moved keeps the token of before, asks for a track of the old room and writes to who
/// is there: they get nothing, and nobody hears them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s14_what_was_good_in_the_old_room_opens_nothing_after_a_move() {
    let server = Server::start().await;
    let ada = talks(&server, "red", "ada").await;
    let bob = talks(&server, "red", "bob").await;
    let cid = talks(&server, "blue", "cid").await;
    bob.sees_and_hears("ada").await;
    let foreign = video_of(&bob, "ada").await;
    let engine = &server.engine;
    let moved = engine.move_participant("bob", "red", "blue", talker());
    moved.await.expect("somebody to move");
    bob.mark().await;
    bob.ask(Ask::Subscription(lk::UpdateSubscription {
        track_sids: vec![foreign.clone()],
        subscribe: true,
        ..Default::default()
    }));
    bob.ask(shown(&foreign, 640, 360));
    let packet = lk::DataPacket {
        destination_identities: vec!["ada".to_owned()],
        value: Some(lk::data_packet::Value::User(lk::UserPacket::default())),
        ..Default::default()
    };
    for channel in ["_reliable", "_lossy"] {
        bob.send_data(channel, &packet).await;
    }
    bob.hears_no_more().await;
    bob.sees_and_hears("cid").await;
    cid.sees_and_hears("bob").await;
    for client in [&ada, &bob] {
        client.settle().await;
    }
    assert_eq!(bob.heard_from(), ["cid/a", "cid/v"]);
    assert_eq!(ada.look(|s| s.data.len()), 0);
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
