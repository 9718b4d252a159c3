//! Every viewer gets the layer that it can use, and streams without a seam.

use livekit_protocol as lk;
use lk::signal_request::Message as Ask;
use lk::signal_response::Message;

use crate::client::{gets_only, shown, video_of, Heard};
use crate::server::Server;

/// Numbers, times and picture ids of a section go on without a gap.
pub fn assert_seamless(heard: &[Heard]) {
    let mut video: Vec<_> = heard.iter().filter(|h| h.picture.is_some()).collect();
    // A busy machine's sockets overflow, and what was lost is sent again.
    video.sort_by_key(|h| h.seq);
    video.dedup_by_key(|h| h.seq);
    assert!(video.len() > 100, "traffic first: {}", video.len());
    let mut lost = 0;
    for pair in video.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let ((mark_a, picture_a), (mark_b, picture_b)) =
            (a.picture.expect("a frame"), b.picture.expect("a frame"));
        if b.seq != a.seq + 1 {
            // Sockets of a client that was not given its turn for a while: once or twice at most.
            lost += 1;
            assert!(lost < 3 && b.seq > a.seq, "{a:?} {b:?}");
            continue;
        }
        if (&a.from, mark_a.frame) == (&b.from, mark_b.frame) {
            assert_eq!((a.time, picture_a), (b.time, picture_b));
            continue;
        }
        let ahead = b.time.wrapping_sub(a.time);
        assert!(ahead > 0 && ahead < 0x8000_0000, "{a:?} {b:?}");
        assert_eq!(
            picture_b.picture,
            (picture_a.picture + 1) & 0x7fff,
            "{a:?} {b:?}"
        );
        let tl0 = picture_a
            .tl0
            .wrapping_add(u8::from(picture_b.temporal == 0));
        assert_eq!(picture_b.tl0, tl0, "{a:?} {b:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_viewer_gets_the_layer_that_fills_its_tile() {
    let server = Server::start().await;
    let ada = server.publisher("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    let cid = server.speaker("room", "cid").await;
    let track = video_of(&bob, "ada").await;
    bob.ask(shown(&track, 160, 90));
    cid.ask(shown(&track, 1280, 720));
    gets_only(&bob, "ada/q", 60).await;
    gets_only(&cid, "ada/f", 200).await;
    gets_only(&bob, "ada/q", 60).await;
    // There and back again, in both: nothing shows in the stream.
    bob.ask(shown(&track, 1280, 720));
    cid.ask(shown(&track, 640, 360));
    gets_only(&bob, "ada/f", 200).await;
    gets_only(&cid, "ada/h", 60).await;
    bob.ask(shown(&track, 160, 90));
    gets_only(&bob, "ada/q", 60).await;
    assert_seamless(&bob.look(|s| s.heard.clone()));
    assert_seamless(&cid.look(|s| s.heard.clone()));
    drop(ada);
    server.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fewer_frames_are_temporal_layers_left_out() {
    let server = Server::start().await;
    let ada = server.publisher("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    let track = video_of(&bob, "ada").await;
    let rate = |fps: u32| {
        Ask::TrackSetting(lk::UpdateTrackSettings {
            track_sids: vec![track.clone()],
            width: 160,
            height: 90,
            fps,
            ..Default::default()
        })
    };
    for (fps, most) in [(30, 2), (15, 1), (7, 0), (30, 2)] {
        bob.ask(rate(fps));
        bob.until(&format!("layers up to {most} at {fps} frames"), |s| {
            let mut last = s.heard.iter().rev().filter_map(|h| h.picture);
            let last: Vec<_> = last.by_ref().take(60).map(|(_, d)| d.temporal).collect();
            last.len() == 60 && last.iter().max() == Some(&most)
        })
        .await;
    }
    assert_seamless(&bob.look(|s| s.heard.clone()));
    drop(ada);
    server.engine.shutdown().await;
}

fn told(signals: &[Message]) -> Option<Vec<bool>> {
    signals.iter().rev().find_map(|m| match m {
        Message::SubscribedQualityUpdate(update) => {
            let qualities = update.subscribed_codecs[0].qualities.iter();
            Some(qualities.map(|q| q.enabled).collect())
        }
        _ => None,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn layers_without_a_viewer_stop_at_their_source_and_come_back_for_one() {
    let server = Server::start().await;
    let ada = server.publisher("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    let track = video_of(&bob, "ada").await;
    bob.ask(shown(&track, 160, 90));
    ada.until("two layers switched off", |s| {
        told(&s.signals) == Some(vec![true, false, false])
    })
    .await;
    // The camera of these tests does as it is told: its bytes stop.
    let flow = |n: u64| server.engine.stats().bytes_in >= n;
    gets_only(&bob, "ada/q", 30).await;
    let before = server.engine.stats().bytes_in;
    gets_only(&bob, "ada/q", 90).await;
    let (after, frames) = (server.engine.stats().bytes_in, 60);
    assert!(
        flow(before) && after - before < frames * 3_000,
        "{}",
        after - before
    );

    bob.ask(shown(&track, 1280, 720));
    ada.until("all layers switched on", |s| {
        told(&s.signals) == Some(vec![true, true, true])
    })
    .await;
    gets_only(&bob, "ada/f", 100).await;
    assert_seamless(&bob.look(|s| s.heard.clone()));

    // Nobody at all: the lowest goes on, for whoever comes next.
    bob.ask(Ask::TrackSetting(lk::UpdateTrackSettings {
        track_sids: vec![track],
        disabled: true,
        ..Default::default()
    }));
    ada.until("all but the lowest switched off", |s| {
        told(&s.signals) == Some(vec![true, false, false])
    })
    .await;
    server.engine.shutdown().await;
}
