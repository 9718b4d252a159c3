//! Sound and picture in step: what was captured at one instant is reported as one instant, however
//! much later the pictures arrive.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::client::{Client, Heard, Offering};
use crate::paths::ALONE;
use crate::server::Server;
use plenary_service::engine::Grants;

/// Microseconds from an instant of capture to the instant that the sender reports of a section say,
/// for each packet; what it is counted from does not matter.
fn reported(client: &Client, from: &str, clock: i64, captured: impl Fn(&Heard) -> u64) -> Vec<i64> {
    client.look(|s| {
        let heard: Vec<&Heard> = s.heard.iter().filter(|h| h.from == from).collect();
        let mid = &heard.last().expect("packets").mid;
        let micros = |at: SystemTime| at.duration_since(UNIX_EPOCH).expect("a clock").as_micros();
        let report = s.reports.iter().rev().find(|(m, ..)| m == mid);
        let (_, ntp, rtp) = report.expect("a sender report");
        heard
            .iter()
            .map(|h| {
                let since = i64::from(h.time.wrapping_sub(*rtp).cast_signed());
                let told = micros(*ntp) as i64 + since * 1_000_000 / clock;
                told - captured(h) as i64
            })
            .collect()
    })
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
    let middle = |mut all: Vec<i64>| {
        all.sort_unstable();
        all[all.len() / 2]
    };
    let apart = middle(sound) - middle(pictures);
    eprintln!("apart by {apart} µs");
    assert!(apart.abs() < 10_000, "apart by {apart} µs");
    drop(ada);
    server.engine.shutdown().await;
}
