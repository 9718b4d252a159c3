//! A client with slots offers more of them while the meeting goes on.

use livekit_protocol as lk;
use lk::signal_request::Message as Ask;
use plenary_protocol::media::SlotMessage;

use crate::client::{shown, video_of, Change, Client, Seen, SLOTS};
use crate::server::Server;

fn videos(seen: &Seen) -> usize {
    let Some(SlotMessage::Slots { slots }) = seen.slots.last() else {
        return 0;
    };
    let videos = slots.iter().filter(|s| s.track.starts_with("TR_V"));
    videos.count()
}

/// Wait for so many more pictures.
async fn watches(viewer: &Client, pictures: usize) {
    let seen = |s: &Seen| s.heard.iter().filter(|h| h.from.ends_with("/v")).count();
    let before = viewer.look(|s| seen(s));
    viewer
        .until("pictures", |s| seen(s) >= before + pictures)
        .await;
}

/// A browser drops what comes into a section before it has applied the answer: the key frame, for which it
/// then waits 300 ms, as libwebrtc's encoders ignore a request so soon after the last. How large another
/// picture is shown may be said meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn into_a_new_section_nothing_is_sent_before_its_answer_is_applied() {
    let server = Server::start().await;
    let viewer = server.speaker("room", "viewer").await;
    let names: Vec<String> = (0..=SLOTS).map(|n| format!("p{n}")).collect();
    let mut people = Vec::new();
    for name in &names {
        people.push(server.speaker("room", name).await);
    }
    for name in &names[..SLOTS] {
        viewer.sees_and_hears(name).await;
    }
    let last = format!("{}/v", names[SLOTS]);
    viewer.offers(Change::OneMoreVideo).await;
    viewer.until("the new slot", |s| videos(s) > SLOTS).await;
    let other = video_of(&viewer, &names[0]).await;
    viewer.ask(shown(&other, 320, 180));
    watches(&viewer, 200).await;
    assert!(!viewer.heard_from().contains(&last), "too early");
    viewer.ask(Ask::TrackSetting(lk::UpdateTrackSettings::default()));
    viewer
        .until("the last one", |s| s.heard.iter().any(|h| h.from == last))
        .await;
}
