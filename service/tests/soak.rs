//! `cargo xtask soak meeting [minutes]`: twenty people in a meeting, of whom all but the organiser come
//! and go, with sound and picture, some of them without a word. The service's memory stays flat, and at
//! the end its sessions, transports, tasks and open files are those of the beginning.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

#[path = "engine/client.rs"]
mod client;
mod common;

use client::{Client, Offering};
use common::*;
use plenary_protocol::agent::*;
use plenary_protocol::id::CallId;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const GUESTS: u64 = 19;
/// Of whom so many are not muted: what is forwarded of all to all would be a test of speed.
const LOUD: u64 = 3;
/// How long somebody stays, in ms.
const STAY: std::ops::Range<u64> = 2_000..15_000;
const SAMPLE: Duration = Duration::from_secs(2);
/// Allocators give back late, and a meeting of twenty is not always one of twenty.
const SLACK_KB: u64 = 8 * 1024;
const GROWTH: f64 = 1.1;
/// Who vanished is let go when their windows are over (60 s), and looked for now and then.
const WINDOWS: Duration = Duration::from_secs(150);
/// Tasks that the asking itself takes, and connections that are about to end.
const ASKING: f64 = 4.0;

/// The service as a process of its own, so that its memory is its own.
async fn start() -> (Child, Service) {
    let data = tempfile::tempdir().unwrap();
    let binary = std::env::var_os("PLENARY_SERVICE_BIN");
    let binary = binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_plenary-service").into());
    let mut child = Command::new(binary)
        .args(["serve", "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"])
        .arg("--data")
        .arg(data.path())
        .env("RUST_LOG", "warn")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = loop {
        let line = lines.next_line().await.unwrap().expect("an address");
        if let Some(address) = line.strip_prefix("listening: http://") {
            break address.parse().unwrap();
        }
    };
    // Read all along: a full pipe would stop the program.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let service = Service {
        running: None,
        data,
        address,
    };
    (child, service)
}

fn offer(offering: &Offering, muted: bool) -> MediaOffer {
    let track = |cid: &str, source| OfferedTrack {
        cid: cid.into(),
        source,
        muted,
        layers: vec![],
    };
    MediaOffer {
        sdp: offering.sdp.clone(),
        mid_to_cid: offering.mid_to_cid.clone().into_iter().collect(),
        tracks: vec![
            track("mic", TrackSource::Microphone),
            track("cam", TrackSource::Camera),
        ],
    }
}

/// Joins over the agent socket, and attaches to the engine as the SDK does.
async fn join(agent: &mut Agent, call: &str, locator: &Locator, muted: bool) -> Client {
    let offering = Offering::new().await;
    let join = Join {
        call: CallId::from(call),
        locator: locator.clone(),
        muted,
        offer: Some(offer(&offering, muted)),
    };
    let answer = agent.ask(Request::Join(Box::new(join))).await;
    let Ok(Reply::Call(snapshot)) = answer else {
        panic!("a call, not {answer:?}")
    };
    let grant = snapshot.media.expect("media");
    let sid = grant.participant_sid.expect("known by the offer");
    let query = format!("slots=1&reconnect=1&sid={sid}&access_token={}", grant.token);
    let socket = client::open(agent.address, &query).await.unwrap();
    offering.start(call, &sid, &grant.answer.expect("an answer"), Some(socket))
}

/// Hears what the service says for so long.
async fn stay(agent: &mut Agent, time: Duration) {
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, agent.frame()).await {
            Ok(frame) => drop(frame.expect("the service goes on")),
            Err(_) => return,
        }
        agent.events.clear();
        agent.heard.clear();
    }
}

/// Comes and goes until the time is over; gives how often.
async fn come_and_go(
    n: u64,
    who: SignedIn,
    service: std::sync::Arc<Service>,
    locator: Locator,
    end: Instant,
) -> u64 {
    let mut random = StdRng::seed_from_u64(n);
    let mut visits = 0;
    while Instant::now() < end {
        visits += 1;
        let call = format!("call-{n}-{visits}");
        let mut agent = service.agent(&who, &format!("Guest {n}")).await;
        let client = join(&mut agent, &call, &locator, n >= LOUD).await;
        client.until("the transport", |seen| seen.connected).await;
        let time = Duration::from_millis(random.random_range(STAY));
        stay(&mut agent, time / 2).await;
        let way = random.random_range(0..4);
        if way == 0 {
            agent = agent.drop_and_resume().await;
        }
        stay(&mut agent, time / 2).await;
        if way != 1 {
            let call = CallId::from(call.as_str());
            agent.ask(Request::Leave { call }).await.unwrap();
        }
    }
    visits
}

/// The service's own gauges.
async fn gauges(service: &Service) -> BTreeMap<String, f64> {
    let text = service.http("GET", "/metrics", &[], "").await.body;
    let values = text.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("plenary_")?.split_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    });
    values.collect()
}

fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .count()
}

fn median(samples: &[u64]) -> u64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a soak: as long as PLENARY_SOAK_SECONDS says"]
async fn people_come_and_go_and_nothing_grows() {
    let seconds = std::env::var("PLENARY_SOAK_SECONDS").ok();
    let seconds = seconds.map_or(60, |s| s.parse().unwrap());
    let (child, service) = start().await;
    let (pid, service) = (child.id().unwrap(), std::sync::Arc::new(service));
    let olivia = service.sign_in("Olivia").await;
    let everyone = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, everyone).await;
    let (files, before) = (open_files(pid), gauges(&service).await);

    let mut organizer = service.agent(&olivia, "").await;
    let media = join(&mut organizer, "olivia", &link(&meeting), true).await;
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut guests = Vec::new();
    for n in 0..GUESTS {
        let who = service.guest().await;
        let going = come_and_go(n, who, service.clone(), link(&meeting), end);
        guests.push(tokio::spawn(going));
    }
    let mut samples = Vec::new();
    while Instant::now() < end {
        stay(&mut organizer, SAMPLE).await;
        samples.push(resident(pid));
    }
    let mut visits = 0;
    for guest in guests {
        visits += guest.await.expect("nobody failed");
    }
    drop(media);
    let call = CallId::from("olivia");
    organizer.ask(Request::Leave { call }).await.unwrap();
    drop(organizer);

    // Caches and pools have the size that they keep after a third.
    let third = samples.len() / 3;
    let (early, late) = (
        median(&samples[third..2 * third]),
        median(&samples[2 * third..]),
    );
    println!("{visits} visits in {seconds} s; memory {early} KB, then {late} KB");
    let most = (early as f64 * GROWTH) as u64;
    assert!(
        late <= most.max(early + SLACK_KB),
        "the service grew from {early} to {late} KB"
    );

    let names = [
        "agent_sessions",
        "meetings",
        "participants",
        "lobby_waiting",
        "media_passes",
        "media_sessions",
        "media_rooms",
    ];
    let patience = Instant::now() + WINDOWS;
    loop {
        let now = gauges(&service).await;
        let left: Vec<_> = names.iter().filter(|name| now[**name] != 0.0).collect();
        let tasks = now["tasks"] - before["tasks"];
        let open = open_files(pid).saturating_sub(files);
        if left.is_empty() && tasks <= ASKING && open <= 2 {
            println!(
                "at the end: nobody, {tasks} tasks and {open} files more than at the beginning"
            );
            return;
        }
        assert!(
            Instant::now() < patience,
            "left over: {left:?}, {tasks} tasks, {open} files"
        );
        tokio::time::sleep(SAMPLE).await;
    }
}
