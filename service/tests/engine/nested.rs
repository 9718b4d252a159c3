//! All spatial layers in one stream (VP9's SVC): every viewer gets its own and those below, and streams
//! without a seam.

use livekit_protocol as lk;
use lk::signal_response::Message;
use plenary_service::engine::Grants;
use str0m::format::Codec;

use crate::client::{shown, video_of, Client, Heard, Offering};
use crate::server::Server;

async fn join(server: &Server, room: &str, name: &str, offering: Offering) -> Client {
    let token = server.token(room, name, &Grants::speaker());
    Client::join_with(server.http, name, &token, offering).await
}

/// Wait until the last so many pictures of somebody had no layer above this one, and each had it.
async fn gets_up_to(viewer: &Client, owner: &str, layer: usize, pictures: usize) {
    let top = format!("{owner}/s{layer}");
    viewer
        .until(&format!("pictures up to {top}"), |s| {
            let video = s.heard.iter().rev().filter(|h| h.picture.is_some());
            let ends: Vec<_> = video.clone().filter(|h| h.marker).take(pictures).collect();
            let Some(first) = ends.last() else {
                return false;
            };
            let of_them = video.take_while(|h| h.time != first.time);
            ends.len() == pictures
                && ends.iter().all(|h| h.from == top)
                && of_them.clone().count() > 0
                && of_them.into_iter().all(|h| h.from <= top)
        })
        .await;
}

/// Numbers go on without a gap, pictures end with a marker and are whole, their ids rise.
fn assert_seamless(heard: &[Heard]) {
    let mut video: Vec<_> = heard.iter().filter(|h| h.picture.is_some()).collect();
    video.sort_by_key(|h| h.seq);
    video.dedup_by_key(|h| h.seq);
    assert!(video.len() > 200, "traffic first: {}", video.len());
    let mut lost = 0;
    for pair in video.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let ((_, ids_a), (_, ids_b)) = (a.picture.expect("a frame"), b.picture.expect("a frame"));
        if b.seq != a.seq + 1 {
            // As in `layers`.
            lost += 1;
            assert!(lost < 3 && b.seq > a.seq, "{a:?} {b:?}");
            continue;
        }
        if a.time == b.time {
            assert!(!a.marker && ids_a == ids_b, "{a:?} {b:?}");
            assert!(a.from <= b.from, "layers in their order: {a:?} {b:?}");
            continue;
        }
        assert!(a.marker, "a picture ends with a marker: {a:?} {b:?}");
        assert!(
            b.from.ends_with("/s0"),
            "and begins with the lowest layer: {b:?}"
        );
        assert!(b.time.wrapping_sub(a.time) < 1 << 31, "{a:?} {b:?}");
        let step = ids_b.picture.wrapping_sub(ids_a.picture) & 0x7fff;
        assert!((1..8).contains(&step), "{a:?} {b:?}");
        assert!(ids_b.tl0.wrapping_sub(ids_a.tl0) < 4, "{a:?} {b:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_viewer_gets_its_layer_of_vp9_and_those_below() {
    let server = Server::start().await;
    let codec = Codec::Vp9;
    let ada = join(&server, "here", "ada", Offering::nested().await).await;
    let eve = join(&server, "there", "eve", Offering::nested().await).await;
    let takes = [Codec::Vp8, codec];
    let bob = join(&server, "here", "bob", Offering::taking(&takes).await).await;
    let cid = join(&server, "here", "cid", Offering::taking(&takes).await).await;
    let track = video_of(&bob, "ada").await;
    bob.ask(shown(&track, 160, 90));
    cid.ask(shown(&track, 1280, 720));
    gets_up_to(&bob, "ada", 0, 20).await;
    gets_up_to(&cid, "ada", 2, 20).await;
    // Down and up and down again.
    bob.ask(shown(&track, 640, 360));
    cid.ask(shown(&track, 160, 90));
    gets_up_to(&bob, "ada", 1, 20).await;
    gets_up_to(&cid, "ada", 0, 20).await;
    // And through another source.
    let moved = server
        .engine
        .move_participant("bob", "here", "there", Grants::speaker());
    moved.await.expect("somebody to move");
    gets_up_to(&bob, "eve", 2, 20).await;
    assert_seamless(&bob.look(|s| s.heard.clone()));
    assert_seamless(&cid.look(|s| s.heard.clone()));
    drop((ada, eve));
    server.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lacks_the_codec_is_told_and_gets_nothing_of_it() {
    let server = Server::start().await;
    let ada = join(&server, "room", "ada", Offering::nested().await).await;
    let bob = join(
        &server,
        "room",
        "bob",
        Offering::taking(&[Codec::Vp8]).await,
    )
    .await;
    let told = |s: &crate::client::Seen| {
        s.signals.iter().any(|m| match m {
            Message::SubscriptionResponse(response) => {
                response.err() == lk::SubscriptionError::SeCodecUnsupported
                    && response.track_sid.starts_with("TR_VC")
            }
            _ => false,
        })
    };
    bob.until("the reason", told).await;
    bob.until("her sound", |s| s.heard.iter().any(|h| h.from == "ada/a"))
        .await;
    assert!(bob.look(|s| s.heard.iter().all(|h| h.picture.is_none())));
    drop(ada);
    server.engine.shutdown().await;
}
