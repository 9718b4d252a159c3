//! Sound and picture in step: what was captured at one instant is reported as one instant, however
//! much later the pictures arrive.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use livekit_protocol as lk;
use lk::signal_request::Message as Ask;
use plenary_protocol::media::SlotMessage;

use crate::client::{Client, Heard, Offering, Seen};
use crate::paths::ALONE;
use crate::server::Server;
use plenary_service::engine::Grants;

/// What is not noticed, with room for the browser's own part.
const BOUND_US: i64 = 45_000;
/// Fewer reports on a section have no middle.
const REPORTS: usize = 2;

/// Microseconds from an instant of capture to the instant that the sender reports of a section say,
/// for each packet; what it is counted from does not matter.
fn reported(client: &Client, from: &str, clock: i64, captured: impl Fn(&Heard) -> u64) -> Vec<i64> {
    client.look(|s| {
        let heard: Vec<&Heard> = s.heard.iter().filter(|h| h.from == from).collect();
        let mid = &heard.last().expect("packets").mid;
        let report = s.reports.iter().rev().find(|(m, ..)| m == mid);
        let report = report.expect("a sender report");
        let told = heard
            .iter()
            .map(|h| instant(report, h, clock) - captured(h) as i64);
        told.collect()
    })
}

/// The instant of a packet by a report on its section, in microseconds.
fn instant((_, ntp, rtp): &(String, SystemTime, u32), heard: &Heard, clock: i64) -> i64 {
    let since = i64::from(heard.time.wrapping_sub(*rtp).cast_signed());
    let reported = ntp.duration_since(UNIX_EPOCH).expect("a clock");
    reported.as_micros() as i64 + since * 1_000_000 / clock
}

fn middle(mut all: Vec<i64>) -> i64 {
    all.sort_unstable();
    all[all.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_that_arrive_80_ms_late_are_in_step_with_their_sound() {
    let _alone = ALONE.lock().await;
    let server = Server::start().await;
    let offering = Offering::simulcast().await;
    let offering = offering.late_pictures(Duration::from_millis(80));
    let token = server.token("room", "ada", &Grants::speaker());
    let ada = Client::join_with(server.http, "ada", &token, offering).await;
    let bob = server.speaker("room", "bob").await;
    // The publisher's reports come first (after five seconds for sound), then ours by them.
    for _ in 0..2 {
        bob.look(|s| s.reports.clear());
        bob.until("sender reports of both", |s| {
            let reported = |h: &&Heard| s.reports.iter().any(|(mid, ..)| *mid == h.mid);
            let mut heard = s.heard.iter();
            let picture = heard.rfind(|h| h.picture.is_some()).filter(reported);
            let mut heard = s.heard.iter();
            let sound = heard.rfind(|h| h.captured.is_some()).filter(reported);
            picture.is_some() && sound.is_some()
        })
        .await;
    }
    bob.look(|s| s.heard.clear());
    bob.until("a second of it", |s| {
        let pictures = s.heard.iter().filter(|h| h.picture.is_some()).count();
        pictures > 30 && s.heard.iter().filter(|h| h.captured.is_some()).count() > 50
    })
    .await;
    let sound = reported(&bob, "ada/a", 48_000, |h| h.captured.expect("a time"));
    let from = bob.look(|s| {
        s.heard
            .iter()
            .rev()
            .find(|h| h.picture.is_some())
            .map(|h| h.from.clone())
    });
    let picture = |h: &Heard| h.picture.expect("a frame").0.captured;
    let pictures = reported(&bob, &from.expect("pictures"), 90_000, picture);
    let apart = middle(sound) - middle(pictures);
    eprintln!("apart by {apart} µs");
    assert!(apart.abs() < 10_000, "apart by {apart} µs");
    drop(ada);
    server.engine.shutdown().await;
}

/// Somebody whose pictures are late by so much.
async fn late(server: &Server, room: &str, name: &str, delay: Duration) -> Client {
    let offering = Offering::simulcast().await.late_pictures(delay);
    let token = server.token(room, name, &Grants::speaker());
    Client::join_with(server.http, name, &token, offering).await
}

/// The section of somebody's sound or picture, and what each of its reports says of the instant at which the
/// newest was captured, in microseconds; what it is counted from is the same for all sections.
fn told(s: &Seen, from: &str, sound: bool) -> Option<(String, Vec<i64>)> {
    let captured = |h: &Heard| match sound {
        true => h.captured,
        false => h.picture.map(|p| p.0.captured),
    };
    let mut heard = s.heard.iter().rev();
    let last = heard.find(|h| h.from.starts_with(from) && captured(h).is_some())?;
    let at = captured(last)? as i64;
    let clock = if sound { 48_000 } else { 90_000 };
    let reports = s.reports.iter().filter(|(mid, ..)| *mid == last.mid);
    let told = reports.map(|report| instant(report, last, clock) - at);
    Some((last.mid.clone(), told.collect()))
}

/// A browser draws a line through the last twenty reports of a section, whoever was in it: they say the same
/// of what is in it now, sound's and picture's. By their middle, for the first ones are as good as the quickest
/// packet until then, on a busy machine tens of milliseconds. Before a publisher has reported on both (after
/// five seconds for sound) nobody knows, and nothing is said.
async fn is_in_step(viewer: &Client, name: &str) {
    let before = viewer.look(|s| {
        s.heard.clear();
        s.reports.len()
    });
    let from = format!("{name}/");
    viewer
        .until(&format!("{name} in step"), |s| {
            let new = &s.reports[before..];
            let [sound, picture] = [true, false].map(|sound| {
                let told = told(s, &from, sound);
                let (mid, told) = told.filter(|(_, told)| told.len() >= REPORTS)?;
                let reported = new.iter().any(|(m, ..)| *m == mid);
                reported.then(|| middle(told))
            });
            let (Some(sound), Some(picture)) = (sound, picture) else {
                return false;
            };
            (sound - picture).abs() < BOUND_US
        })
        .await;
}

fn subscribe(viewer: &Client, owner: &str, subscribe: bool, tracks: &[String]) {
    assert_eq!(tracks.len(), 2, "{owner}");
    viewer.ask(Ask::Subscription(lk::UpdateSubscription {
        track_sids: tracks.to_vec(),
        subscribe,
        ..Default::default()
    }));
}

fn tracks_of(viewer: &Client, owner: &str) -> Vec<String> {
    viewer.look(|s| {
        let Some(SlotMessage::Slots { slots }) = s.slots.last() else {
            return Vec::new();
        };
        let of_owner = slots.iter().filter(|s| s.identity == owner);
        of_owner.map(|s| s.track.clone()).collect()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_into_a_slot_or_a_room_is_in_step_by_the_reports_of_before() {
    let _alone = ALONE.lock().await;
    let server = Server::start().await;
    let ms = Duration::from_millis;
    let _ada = late(&server, "red", "ada", ms(80)).await;
    let bob = server.speaker("red", "bob").await;
    is_in_step(&bob, "ada").await;

    // Into the slots that somebody else leaves, with all layers new to the engine.
    let _cid = late(&server, "red", "cid", ms(150)).await;
    let _dan = late(&server, "blue", "dan", ms(20)).await;
    bob.until("cid", |s| {
        s.heard.iter().any(|h| h.from.starts_with("cid/a"))
    })
    .await;
    let (ada, cid) = (tracks_of(&bob, "ada"), tracks_of(&bob, "cid"));
    subscribe(&bob, "ada", false, &ada);
    subscribe(&bob, "cid", false, &cid);
    subscribe(&bob, "cid", true, &cid);
    is_in_step(&bob, "cid").await;

    let blue = (server.engine).move_participant("bob", "red", "blue", Grants::speaker());
    blue.await.expect("somebody to move");
    is_in_step(&bob, "dan").await;
    server.engine.shutdown().await;
}
