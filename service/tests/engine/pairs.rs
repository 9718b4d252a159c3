//! Somebody's sound and picture are in slots of one stream, for browsers synchronise what is of one.

use std::collections::BTreeMap;

use livekit_protocol as lk;
use lk::signal_request::Message as Ask;
use lk::signal_response::Message as Signal;
use plenary_protocol::media::SlotAssignment;

use crate::client::{Client, Seen, SLOTS};
use crate::server::Server;

fn is_sound(slot: &SlotAssignment) -> bool {
    slot.track.starts_with("TR_AM")
}

/// The stream that the answer gives each section.
fn streams(seen: &Seen) -> BTreeMap<String, String> {
    let answers = seen.signals.iter().filter_map(|m| match m {
        Signal::Answer(answer) => Some(answer.sdp.as_str()),
        _ => None,
    });
    let sections = answers.flat_map(|sdp| sdp.split("\r\nm=").skip(1));
    let named = sections.filter_map(|section| {
        let value = |name| section.lines().find_map(|l| l.strip_prefix(name));
        let stream = value("a=msid:")?.split(' ').next()?;
        Some((value("a=mid:")?.to_owned(), stream.to_owned()))
    });
    named.collect()
}

/// The streams of everybody's sound and picture.
fn received(viewer: &Client) -> BTreeMap<String, [Option<String>; 2]> {
    viewer.look(|s| {
        let streams = streams(s);
        let mut received = BTreeMap::<_, [Option<String>; 2]>::new();
        for slot in s.assigned() {
            let own = received.entry(slot.identity.clone()).or_default();
            own[usize::from(!is_sound(slot))] = streams.get(&slot.mid).cloned();
        }
        received
    })
}

fn without(viewer: &Client, owner: &str, sound: bool) {
    let of_owner = |slot: &&SlotAssignment| slot.identity == owner && is_sound(slot) == sound;
    let track = viewer.look(|s| s.assigned().iter().find(of_owner).map(|s| s.track.clone()));
    viewer.ask(Ask::Subscription(lk::UpdateSubscription {
        track_sids: vec![track.expect("a slot")],
        subscribe: false,
        ..Default::default()
    }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_shown_is_heard_in_the_same_stream() {
    let server = Server::start().await;
    let viewer = server.speaker("room", "viewer").await;
    let mut people = Vec::new();
    for name in ["ada", "bob", "cid", "dan"] {
        people.push(server.speaker("room", name).await);
        viewer.sees_and_hears(name).await;
    }
    assert_eq!(received(&viewer).len(), SLOTS);
    // What is left is a slot of sound at one number, and one of pictures at another.
    without(&viewer, "ada", true);
    without(&viewer, "dan", false);
    let left = |s: &Seen| s.assigned().len() == 2 * SLOTS - 2;
    viewer.until("two free slots", left).await;
    people.push(server.speaker("room", "eve").await);
    viewer
        .until("eve in both", |s| s.assigned().len() == 2 * SLOTS)
        .await;

    let received = received(&viewer);
    for name in ["bob", "cid", "eve"] {
        let [sound, picture] = &received[name];
        assert!(sound.is_some() && sound == picture, "{name}: {received:?}");
    }
    viewer.mark().await;
    for name in ["bob", "cid", "eve"] {
        viewer.sees_and_hears(name).await;
    }
    let dan = |s: &Seen| s.heard.iter().any(|h| h.from == "dan/a");
    viewer.until("dan, who made room", dan).await;
    server.engine.shutdown().await;
}
