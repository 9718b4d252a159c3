//! A track in two codecs: who lacks the first gets the second, and what holds for a track holds for
//! both of its streams. Ada's pictures are `ada/s…` in VP9 and `ada/b` in VP8.

use livekit_protocol as lk;
use lk::signal_request::Message as Ask;
use lk::signal_response::Message;
use plenary_service::engine::{Grants, TrackSource};
use str0m::format::Codec;

use crate::client::{video_of, Change, Client, Offering, Seen};
use crate::resume::attach;
use crate::server::Server;

const FIRST: &str = "ada/s";
const SECOND: &str = "ada/b";

async fn join(server: &Server, room: &str, name: &str, offering: Offering) -> Client {
    let token = server.token(room, name, &Grants::speaker());
    Client::join_with(server.http, name, &token, offering).await
}

/// Ada, who sends VP9 and has VP8, too; a viewer who takes both, and one without VP9.
async fn three(server: &Server) -> (Client, Client, Client) {
    let ada = join(server, "here", "ada", Offering::backed().await).await;
    let cid = with_vp9(server, "here", "cid").await;
    sees(&cid, FIRST).await;
    let bob = without_vp9(server, "here", "bob").await;
    ada.until("to be asked for VP8", |s| enabled(s) == (true, true))
        .await;
    ada.adds_second_codec("cam2").await;
    sees(&bob, SECOND).await;
    (ada, cid, bob)
}

async fn with_vp9(server: &Server, room: &str, name: &str) -> Client {
    let takes = Offering::taking(&[Codec::Vp8, Codec::Vp9]);
    join(server, room, name, takes.await).await
}

async fn without_vp9(server: &Server, room: &str, name: &str) -> Client {
    join(server, room, name, Offering::taking(&[Codec::Vp8]).await).await
}

fn pictures(seen: &Seen, of: &str) -> usize {
    let heard = seen.heard.iter();
    heard.filter(|h| h.from.starts_with(of)).count()
}

/// Pictures of this stream, from now on.
async fn sees(viewer: &Client, stream: &str) {
    let before = viewer.look(|s| pictures(s, stream));
    let more = |s: &Seen| pictures(s, stream) > before + 20;
    viewer.until(&format!("pictures {stream}"), more).await;
}

/// Whether the publisher's camera is wanted in VP9, and in VP8, as last told.
fn enabled(seen: &Seen) -> (bool, bool) {
    let of = |update: &lk::SubscribedQualityUpdate, codec: &str| {
        let codecs = &update.subscribed_codecs;
        let codec = codecs.iter().find(|c| c.codec == codec);
        codec.is_some_and(|c| c.qualities.iter().any(|q| q.enabled))
    };
    let last = seen.signals.iter().rev().find_map(|m| match m {
        Message::SubscribedQualityUpdate(u) => Some((of(u, "vp9"), of(u, "vp8"))),
        _ => None,
    });
    last.unwrap_or((true, false))
}

/// Sound comes, and since `mark` no picture did.
async fn sees_nothing_of_ada(viewers: [&Client; 2]) {
    for viewer in viewers {
        viewer.mark().await;
    }
    for viewer in viewers {
        let sound = |s: &Seen| pictures(s, "ada/a") > 20;
        viewer.until("sound", sound).await;
        viewer.settle().await;
        assert_eq!(viewer.look(|s| pictures(s, FIRST)), 0, "{}", viewer.name);
        assert_eq!(viewer.look(|s| pictures(s, SECOND)), 0, "{}", viewer.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lacks_the_first_codec_gets_the_second_and_the_others_keep_the_first() {
    let server = Server::start().await;
    let ada = join(&server, "here", "ada", Offering::backed().await).await;
    let cid = with_vp9(&server, "here", "cid").await;
    sees(&cid, FIRST).await;
    ada.hears_no_more().await;
    let asked = ada.look(|s| enabled(s));
    assert_eq!(asked, (true, false), "nobody needs VP8");

    let bob = without_vp9(&server, "here", "bob").await;
    ada.until("to be asked for VP8", |s| enabled(s) == (true, true))
        .await;
    ada.adds_second_codec("cam2").await;
    sees(&bob, SECOND).await;
    sees(&cid, FIRST).await;
    let told = ada.published("cam2").expect("an answer");
    assert_eq!(told.sid, video_of(&bob, "ada").await);
    assert_eq!(told.sid, video_of(&cid, "ada").await);
    assert_eq!(told.mime_type, "video/VP9");
    let codecs: Vec<_> = told
        .codecs
        .iter()
        .map(|c| (&*c.mime_type, &*c.cid))
        .collect();
    assert_eq!(codecs, [("video/VP9", "cam"), ("video/VP8", "cam2")]);
    assert_eq!(bob.look(|s| pictures(s, FIRST)), 0);
    assert_eq!(cid.look(|s| pictures(s, SECOND)), 0);
    let refused = |m: &Message| matches!(m, Message::SubscriptionResponse(_));
    assert!(!bob.look(|s| s.signals.iter().any(refused)));
    // Others know of one camera.
    let cameras = cid.look(|s| {
        let mut updates = s.signals.iter().rev().filter_map(|m| match m {
            Message::Update(update) => update.participants.iter().find(|p| p.identity == "ada"),
            _ => None,
        });
        let tracks = &updates.next().expect("word of ada").tracks;
        tracks.iter().filter(|t| t.sid == told.sid).count()
    });
    assert_eq!(cameras, 1);
    assert_eq!(
        server.engine.stats().tracks,
        7,
        "six, and one in two codecs"
    );

    bob.ask(Ask::Leave(lk::LeaveRequest::default()));
    ada.until("VP8 to be of no use", |s| enabled(s) == (true, false))
        .await;
    let again = without_vp9(&server, "here", "bea").await;
    ada.until("VP8 to be wanted again", |s| enabled(s) == (true, true))
        .await;
    sees(&again, SECOND).await;
    sees(&cid, FIRST).await;
    server.engine.shutdown().await;
}

/// S14: what comes of a muted camera is dropped, in whatever codec and whoever muted it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s14_a_muted_camera_is_muted_in_both_codecs() {
    let server = Server::start().await;
    let (ada, cid, bob) = three(&server).await;
    let sid = ada.published("cam").expect("a camera").sid;
    let mute = |muted: bool| {
        let sid = sid.clone();
        ada.ask(Ask::Mute(lk::MuteTrackRequest { sid, muted }));
    };
    for by_herself in [true, false] {
        match by_herself {
            true => mute(true),
            false => {
                let camera = TrackSource::Camera;
                let muted = server.engine.mute_participant("here", "ada", camera);
                muted.expect("a camera to mute");
            }
        }
        ada.hears_no_more().await;
        server.engine.settled().await;
        sees_nothing_of_ada([&cid, &bob]).await;
        mute(false);
        sees(&cid, FIRST).await;
        sees(&bob, SECOND).await;
    }
    // Announced anew by a second codec, it is as muted as before.
    ada.offers(Change::StopSecond).await;
    mute(true);
    ada.adds_second_codec("cam3").await;
    server.engine.settled().await;
    sees_nothing_of_ada([&cid, &bob]).await;
    mute(false);
    sees(&bob, SECOND).await;
    server.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permission_and_grants_hold_for_both_codecs() {
    let server = Server::start().await;
    let (ada, cid, bob) = three(&server).await;
    let microphone = ada.published("mic").expect("a microphone").sid;
    let permit = |all_participants: bool| {
        let to = |name: &str| lk::TrackPermission {
            participant_identity: name.to_owned(),
            track_sids: vec![microphone.clone()],
            ..Default::default()
        };
        ada.ask(Ask::SubscriptionPermission(lk::SubscriptionPermission {
            all_participants,
            track_permissions: vec![to("bob"), to("cid")],
        }));
    };
    permit(false);
    ada.hears_no_more().await;
    server.engine.settled().await;
    sees_nothing_of_ada([&cid, &bob]).await;
    permit(true);
    sees(&cid, FIRST).await;
    sees(&bob, SECOND).await;

    let without_camera = Grants {
        sources: vec![TrackSource::Microphone],
        ..Grants::speaker()
    };
    for (grants, sent) in [(without_camera, false), (Grants::speaker(), true)] {
        let engine = &server.engine;
        let changed = engine.move_participant("ada", "here", "here", grants);
        changed.await.expect("somebody to restrict");
        match sent {
            false => sees_nothing_of_ada([&cid, &bob]).await,
            true => {
                sees(&cid, FIRST).await;
                sees(&bob, SECOND).await;
            }
        }
    }
    server.engine.shutdown().await;
}

/// S14, E15: who stays behind gets nothing more in either codec, and who is there gets theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e15_s14_a_move_takes_both_codecs_along() {
    let server = Server::start().await;
    let (ada, cid, bob) = three(&server).await;
    let dan = without_vp9(&server, "there", "dan").await;
    let eve = with_vp9(&server, "there", "eve").await;
    dan.sees_and_hears("eve").await;
    for (from, to) in [("here", "there"), ("there", "here")] {
        let engine = &server.engine;
        let moved = engine.move_participant("ada", from, to, Grants::speaker());
        moved.await.expect("somebody to move");
        let (left, joined) = match to {
            "there" => ([&cid, &bob], [&eve, &dan]),
            _ => ([&eve, &dan], [&cid, &bob]),
        };
        for viewer in left {
            viewer.mark().await;
        }
        sees(joined[0], FIRST).await;
        sees(joined[1], SECOND).await;
        for viewer in left {
            // Traffic goes on there.
            let others = |s: &Seen| {
                s.heard
                    .iter()
                    .filter(|h| !h.from.starts_with("ada"))
                    .count()
            };
            viewer.until("each other", |s| others(s) > 20).await;
            viewer.settle().await;
            assert_eq!(viewer.look(|s| pictures(s, "ada")), 0, "{}", viewer.name);
        }
    }
    drop(ada);
    server.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unpublished_is_unpublished_in_both_codecs() {
    let server = Server::start().await;
    let (ada, cid, bob) = three(&server).await;
    // The second alone: the first goes on, and who needs the second has it asked for again.
    let asked = |s: &Seen| s.signals.len();
    let before = ada.look(|s| asked(s));
    ada.offers(Change::StopSecond).await;
    ada.until("to be asked anew", |s| {
        asked(s) > before && enabled(s) == (true, true)
    })
    .await;
    sees(&cid, FIRST).await;
    ada.adds_second_codec("cam3").await;
    sees(&bob, SECOND).await;

    ada.offers(Change::StopCamera).await;
    server.engine.settled().await;
    sees_nothing_of_ada([&cid, &bob]).await;
    assert_eq!(server.engine.stats().tracks, 5);
    server.engine.shutdown().await;
}

/// S14: what was shown before somebody was moved in is kept for them of no second codec, which may have
/// stopped long ago.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s14_nothing_of_a_second_codec_is_remembered() {
    let server = Server::start().await;
    let (ada, _cid, bob) = three(&server).await;
    let dan = without_vp9(&server, "there", "dan").await;
    server.engine.expect(&["here".to_owned()]);
    server.engine.settled().await;
    sees(&bob, SECOND).await;
    ada.sends(false);
    ada.settle().await;
    server.engine.settled().await;
    let moved = server
        .engine
        .move_participant("dan", "there", "here", Grants::speaker());
    moved.await.expect("somebody to move");
    dan.sees_and_hears("bob").await;
    dan.settle().await;
    assert_eq!(dan.look(|s| pictures(s, "ada")), 0);
    ada.sends(true);
    sees(&dan, SECOND).await;
    server.engine.shutdown().await;
}

/// What was asked for while the publisher's socket was away it is told when that is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_codec_is_asked_for_after_a_resume() {
    let server = Server::start().await;
    let ada = join(&server, "here", "ada", Offering::backed().await).await;
    ada.hears_no_more().await;
    ada.drop_socket();
    let bob = without_vp9(&server, "here", "bob").await;
    bob.until("sound", |s| pictures(s, "ada/a") > 20).await;
    attach(&server, &ada, "here").await;
    ada.until("to be asked for VP8", |s| enabled(s) == (true, true))
        .await;
    ada.adds_second_codec("cam2").await;
    sees(&bob, SECOND).await;
    server.engine.shutdown().await;
}
