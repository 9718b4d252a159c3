//! Redundant sound (RFC 2198): as it is to who has it, the sound alone to everybody else.

use livekit_protocol as lk;
use lk::signal_request::Message as Ask;
use lk::signal_response::Message;
use plenary_service::engine::Grants;

use crate::client::{Client, Offering};
use crate::server::Server;

async fn redundant(server: &Server, room: &str, name: &str) -> Client {
    let token = server.token(room, name, &Grants::speaker());
    Client::join_with(server.http, name, &token, Offering::redundant().await).await
}

/// Blocks of the first so many packets of somebody's sound.
async fn blocks(client: &Client, from: &str, packets: usize) -> Vec<usize> {
    let heard = |seen: &mut crate::client::Seen| {
        let of = seen.heard.iter().filter(|h| h.from == from);
        of.map(|h| h.blocks).collect::<Vec<_>>()
    };
    client
        .until(&format!("sound of {from}"), |s| {
            s.heard.iter().filter(|h| h.from == from).count() >= packets
        })
        .await;
    client.look(heard)
}

/// All packets repeat the one before, only the first does not: nobody was there for that one.
fn assert_repeats(blocks: &[usize]) {
    assert_ne!(blocks[0], 2, "{blocks:?}");
    // A client that did not get its turn for a while has nothing to repeat that is near enough.
    let repeat = blocks.iter().filter(|n| **n == 2).count();
    assert!(repeat + 2 >= blocks.len(), "{blocks:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_red_gets_it_and_everybody_else_the_sound_alone() {
    let server = Server::start().await;
    let ada = redundant(&server, "room", "ada").await;
    let bob = redundant(&server, "room", "bob").await;
    let cid = server.speaker("room", "cid").await;
    // What a client sends is what the answer names first.
    let answer = ada.look(|s| {
        s.signals.iter().find_map(|m| match m {
            Message::Answer(answer) => Some(answer.sdp.clone()),
            _ => None,
        })
    });
    let answer = answer.expect("an answer");
    assert!(
        answer.contains("m=audio 9 UDP/TLS/RTP/SAVPF 63 "),
        "{answer}"
    );

    let at_bob = blocks(&bob, "ada/a", 20).await;
    assert_repeats(&at_bob);
    let at_cid = blocks(&cid, "ada/a", 20).await;
    assert!(at_cid.iter().all(|n| *n == 0), "{at_cid:?}");
    // And who sends plain sound is heard by who could have RED.
    assert_eq!(blocks(&bob, "cid/a", 5).await[..5], [0; 5]);
    server.engine.shutdown().await;
}

/// S14: what was said before a move, or while muted, is repeated to nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_before_a_cut_is_repeated_after_it() {
    let server = Server::start().await;
    let ada = redundant(&server, "here", "ada").await;
    let bob = redundant(&server, "here", "bob").await;
    let cid = redundant(&server, "there", "cid").await;
    cid.until("a connection", |s| s.connected).await;
    assert_repeats(&blocks(&bob, "ada/a", 10).await);

    let moved = server
        .engine
        .move_participant("ada", "here", "there", Grants::speaker());
    moved.await.expect("somebody to move");
    let after = blocks(&cid, "ada/a", 10).await;
    assert_repeats(&after);

    // This client goes on sending while muted.
    let track = cid.look(|s| s.track_of("ada", "TR_AM"));
    let sid = track.expect("a slot of ada's sound");
    let mute = |muted| {
        Ask::Mute(lk::MuteTrackRequest {
            sid: sid.clone(),
            muted,
        })
    };
    ada.ask(mute(true));
    cid.until("the mute", |s| shows_muted(s, true)).await;
    server.engine.settled().await;
    cid.mark().await;
    ada.ask(mute(false));
    let after = blocks(&cid, "ada/a", 10).await;
    assert_repeats(&after);
    server.engine.shutdown().await;
}

fn shows_muted(seen: &crate::client::Seen, muted: bool) -> bool {
    let updates = seen.signals.iter().filter_map(|m| match m {
        Message::Update(update) => Some(&update.participants),
        _ => None,
    });
    let mut ada = updates.flatten().filter(|p| p.identity == "ada");
    ada.any(|p| p.tracks.iter().any(|t| t.muted == muted))
}
