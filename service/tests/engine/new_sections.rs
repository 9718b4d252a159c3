//! A client with slots offers more of them while the meeting goes on.

use livekit_protocol as lk;
use lk::signal_request::Message as Ask;

use crate::client::{shown, video_of, Change, Client, Seen, SLOTS};
use crate::resume::attach;
use crate::server::Server;

fn videos(seen: &Seen) -> usize {
    let videos = seen
        .assigned()
        .iter()
        .filter(|s| s.track.starts_with("TR_V"));
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

/// A viewer who offers one more section than there are people to see in those before, and the name of who
/// stands in it now.
async fn one_more_section(server: &Server) -> (Client, Vec<Client>, String) {
    let viewer = server.speaker("room", "viewer").await;
    let mut people = Vec::new();
    for n in 0..=SLOTS {
        people.push(server.speaker("room", &format!("p{n}")).await);
    }
    for person in &people[..SLOTS] {
        viewer.sees_and_hears(&person.name).await;
    }
    viewer.offers(Change::OneMoreVideo).await;
    viewer.until("the new slot", |s| videos(s) > SLOTS).await;
    (viewer, people, format!("p{SLOTS}"))
}

/// A browser drops what comes into a section before it has applied the answer: the key frame, for which it
/// then waits 300 ms, as libwebrtc's encoders ignore a request so soon after the last. How large another
/// picture is shown may be said meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn into_a_new_section_nothing_is_sent_before_its_answer_is_applied() {
    let server = Server::start().await;
    let (viewer, _people, last) = one_more_section(&server).await;
    let other = video_of(&viewer, "p0").await;
    viewer.ask(shown(&other, 320, 180));
    watches(&viewer, 200).await;
    assert!(
        !viewer.heard_from().contains(&format!("{last}/v")),
        "too early"
    );
    viewer.ask(Ask::TrackSetting(lk::UpdateTrackSettings::default()));
    viewer.sees(&last).await;
}

/// The word that an answer is applied may be lost with the socket that it went into.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_lost_leaves_no_section_empty() {
    let server = Server::start().await;
    let (viewer, _people, last) = one_more_section(&server).await;
    viewer.drop_socket();
    attach(&server, &viewer, "room").await;
    viewer.sees(&last).await;
}
