//! Narrow and lossy paths: what a receiver's bandwidth does to what it is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use livekit_protocol as lk;
use lk::signal_response::Message;

use crate::client::relay::{Limits, Relay};
use crate::client::{gets_only, shown, video_of, Client, Heard, Offering};
use crate::server::Server;
use plenary_service::engine::Grants;

/// One at a time: see the crate's comment.
pub static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

struct Narrow {
    server: Server,
    relay: Relay,
    ada: Client,
    bob: Client,
}

/// Ada publishes, bob receives through a relay.
async fn narrow() -> Narrow {
    let server = Server::start().await;
    let ada = server.publisher("room", "ada").await;
    let relay = Relay::to(server.engine.udp_address()).await;
    let token = server.token("room", "bob", &Grants::speaker());
    let offering = Offering::new().await;
    let bob = Client::join_through(server.http, "bob", &token, offering, &relay).await;
    Narrow {
        server,
        relay,
        ada,
        bob,
    }
}

/// When each frame was whole, by its number.
fn whole_frames(heard: &[Heard]) -> BTreeMap<u64, Instant> {
    let mut packets: BTreeMap<(u64, String), Vec<(usize, Instant)>> = BTreeMap::new();
    let mut whole = BTreeMap::new();
    for heard in heard {
        let Some((mark, _)) = heard.picture else {
            continue;
        };
        let of_frame = packets.entry((mark.frame, heard.from.clone())).or_default();
        if of_frame.iter().all(|(n, _)| *n != mark.packet) {
            of_frame.push((mark.packet, heard.at));
        }
        if of_frame.len() == mark.packets {
            whole.entry(mark.frame).or_insert(heard.at);
        }
    }
    whole
}

/// The longest time between two whole frames, one after the other.
fn longest_freeze(heard: &[Heard]) -> Duration {
    let mut times: Vec<Instant> = whole_frames(heard).into_values().collect();
    times.sort();
    let gaps = times.windows(2).map(|w| w[1] - w[0]);
    gaps.max().unwrap_or_default()
}

/// What a limit of 300 kbit/s did.
#[derive(Debug)]
struct Course {
    low_after: Duration,
    freeze: Duration,
    top_after: Duration,
}

impl Course {
    fn is_good(&self) -> bool {
        self.low_after < Duration::from_secs(5)
            && self.freeze < Duration::from_secs(1)
            && self.top_after < Duration::from_secs(15)
    }
}

async fn narrowed_for_ten_seconds() -> Course {
    let path = narrow().await;
    gets_only(&path.bob, "ada/f", 200).await;
    path.bob.mark().await;

    let begun = Instant::now();
    path.relay.limit(Limits {
        rate: Some(300_000),
        ..Default::default()
    });
    gets_only(&path.bob, "ada/q", 30).await;
    let low = path.bob.look(|s| first_of_last_run(&s.heard, "ada/q"));
    path.bob
        .until("three hundred frames", |s| {
            s.heard.iter().filter(|h| h.from == "ada/q").count() > 300
        })
        .await;
    let freeze = path.bob.look(|s| longest_freeze(&s.heard));

    path.relay.limit(Limits::default());
    let lifted = Instant::now();
    gets_only(&path.bob, "ada/f", 200).await;
    let top = path.bob.look(|s| first_of_last_run(&s.heard, "ada/f"));
    path.server.engine.shutdown().await;
    Course {
        low_after: low.expect("a packet") - begun,
        freeze,
        top_after: top.expect("a packet") - lifted,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_narrow_path_gets_the_low_layer_and_the_top_again_when_it_is_wide() {
    let _alone = ALONE.lock().await;
    let course = narrowed_for_ten_seconds().await;
    eprintln!("{course:?}");
}

/// How soon, and without how long a freeze: `cargo test -p plenary-service --test bandwidth --
/// --ignored`. Delay is what the estimate is made of, and a machine that is busy with something else
/// delays, too: so on a quiet one, and one good course of three is asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn a_narrow_path_is_followed_soon() {
    let _alone = ALONE.lock().await;
    let mut courses = Vec::new();
    for _ in 0..3 {
        let course = narrowed_for_ten_seconds().await;
        eprintln!("{course:?}");
        if course.is_good() {
            return;
        }
        courses.push(course);
    }
    panic!("{courses:?}");
}

/// When the newest unbroken run of packets of a layer began.
fn first_of_last_run(heard: &[Heard], from: &str) -> Option<Instant> {
    let video = heard.iter().rev().filter(|h| h.picture.is_some());
    video.take_while(|h| h.from == from).last().map(|h| h.at)
}

fn states(signals: &[Message]) -> Vec<lk::StreamState> {
    let updates = signals.iter().filter_map(|m| match m {
        Message::StreamStateUpdate(update) => Some(&update.stream_states),
        _ => None,
    });
    updates.flatten().map(lk::StreamStateInfo::state).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_paused_and_said_so_while_sound_goes_on() {
    let _alone = ALONE.lock().await;
    let path = narrow().await;
    path.bob
        .until("pictures", |s| {
            s.heard.iter().filter(|h| h.picture.is_some()).count() > 100
        })
        .await;
    path.relay.limit(Limits {
        // The sound alone is 44 kbit/s.
        rate: Some(60_000),
        ..Default::default()
    });
    path.bob
        .until("the pause", |s| {
            states(&s.signals).last() == Some(&lk::StreamState::Paused)
        })
        .await;
    path.bob.mark().await;
    path.bob
        .until("two seconds of sound", |s| {
            s.heard.iter().filter(|h| h.from == "ada/a").count() > 100
        })
        .await;
    let video = |s: &[Heard]| s.iter().filter(|h| h.picture.is_some()).count();
    let left = path.bob.look(|s| video(&s.heard));
    // What was on its way may still come.
    assert!(left < 30, "{left} packets of a paused video");
    path.relay.limit(Limits::default());
    path.bob
        .until("the end of the pause", |s| {
            states(&s.signals).last() == Some(&lk::StreamState::Active)
        })
        .await;
    path.bob.mark().await;
    path.bob
        .until("pictures again", |s| video(&s.heard) > 10)
        .await;
    path.server.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_five_percent_loss_nearly_every_frame_arrives_whole() {
    let _alone = ALONE.lock().await;
    let path = narrow().await;
    let track = video_of(&path.bob, "ada").await;
    path.bob.ask(shown(&track, 640, 360));
    gets_only(&path.bob, "ada/h", 60).await;
    path.relay.limit(Limits {
        loss: 0.05,
        ..Default::default()
    });
    path.bob.mark().await;
    path.bob
        .until("three hundred frames", |s| {
            whole_frames(&s.heard).len() > 300
        })
        .await;
    let heard = path.bob.look(|s| s.heard.clone());
    assert_nearly_whole(&heard);
    path.server.engine.shutdown().await;
}

/// At least 95 % of the frames came whole, some of them because packets were sent again.
fn assert_nearly_whole(heard: &[Heard]) {
    // What is missing for good spoils a frame each, at most; and frames of which a part came.
    let whole = whole_frames(heard).len();
    let frames = |h: &Heard| h.picture.map(|(mark, _)| (mark.frame, h.from.clone()));
    let seen: BTreeSet<_> = heard.iter().filter_map(frames).collect();
    let numbers = heard.iter().filter(|h| h.picture.is_some());
    let numbers: BTreeSet<u64> = numbers.map(|h| h.seq).collect();
    let (first, last) = (numbers.first(), numbers.last());
    let sent = last.expect("packets") - first.expect("packets") + 1;
    let missing = sent - numbers.len() as u64;
    let spoilt = (seen.len() - whole) as u64 + missing;
    let share = whole as f64 / (whole as u64 + spoilt) as f64;
    let late = heard.windows(2).filter(|w| w[1].seq < w[0].seq).count();
    eprintln!("{whole} frames whole, {spoilt} not, {late} packets late");
    assert!(late > 0, "nothing was sent again");
    assert!(share >= 0.95, "{share}");
}

/// What gets lost on a publisher's way is asked for again, each packet by the engine alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_publisher_loses_on_its_way_is_sent_again() {
    let _alone = ALONE.lock().await;
    let server = Server::start().await;
    let relay = Relay::to(server.engine.udp_address()).await;
    let token = server.token("room", "ada", &Grants::speaker());
    let offering = Offering::simulcast().await;
    let _ada = Client::join_through(server.http, "ada", &token, offering, &relay).await;
    let bob = server.speaker("room", "bob").await;
    let track = video_of(&bob, "ada").await;
    bob.ask(shown(&track, 640, 360));
    gets_only(&bob, "ada/h", 60).await;
    relay.limit(Limits {
        loss_up: 0.05,
        ..Default::default()
    });
    bob.mark().await;
    bob.until("three hundred frames", |s| {
        whole_frames(&s.heard).len() > 300
    })
    .await;
    assert_nearly_whole(&bob.look(|s| s.heard.clone()));
    server.engine.shutdown().await;
}

fn quality_of(signals: &[Message], sid: &str) -> Option<lk::ConnectionQuality> {
    let updates = signals.iter().filter_map(|m| match m {
        Message::ConnectionQuality(update) => Some(&update.updates),
        _ => None,
    });
    let mut of_one = updates.flatten().filter(|i| i.participant_sid == sid);
    of_one.next_back().map(lk::ConnectionQualityInfo::quality)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_are_told_of_a_bad_connection() {
    let _alone = ALONE.lock().await;
    let path = narrow().await;
    let bob = path.bob.sid.clone();
    path.ada
        .until("a word of bob's connection", |s| {
            quality_of(&s.signals, &bob).is_some()
        })
        .await;
    path.relay.limit(Limits {
        loss: 0.3,
        ..Default::default()
    });
    for client in [&path.ada, &path.bob] {
        client
            .until("a poor connection", |s| {
                quality_of(&s.signals, &bob) == Some(lk::ConnectionQuality::Poor)
            })
            .await;
    }
    path.relay.limit(Limits::default());
    path.ada
        .until("a better connection", |s| {
            let quality = quality_of(&s.signals, &bob);
            quality.is_some_and(|q| q != lk::ConnectionQuality::Poor)
        })
        .await;
    path.server.engine.shutdown().await;
}
