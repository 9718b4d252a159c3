//! `cargo xtask soak meeting [minutes]`: twenty people in a meeting, of whom all but the organiser come
//! and go, with sound and picture, some of them without a word. The service's memory stays flat, and at
//! the end its sessions, transports, tasks and open files are those of the beginning.
//!
//! `cargo xtask soak rooms`: two hundred people are moved into twenty breakout rooms and back, ten times.
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
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};

const GUESTS: u64 = 19;
/// Of whom so many are not muted: what is forwarded of all to all would be a test of speed.
const LOUD: u64 = 3;
/// How long somebody stays, in ms.
const STAY: std::ops::Range<u64> = 2_000..15_000;
const SAMPLE: Duration = Duration::from_secs(2);
/// Of so many samples the middle is told on the way: of ten minutes.
const REPORTED: usize = 300;
/// Allocators give back late, and a meeting of twenty is not always one of twenty.
const SLACK_KB: u64 = 8 * 1024;
const GROWTH: f64 = 1.1;
/// Who vanished is let go when their windows are over (60 s), and looked for now and then.
const WINDOWS: Duration = Duration::from_secs(150);
/// Tasks that the asking itself takes, and connections that are about to end.
const ASKING: f64 = 4.0;

/// The service as a process of its own, so that its memory is its own.
async fn start(limits: &[(&str, &str)]) -> (Child, Service) {
    let data = tempfile::tempdir().unwrap();
    let binary = std::env::var_os("PLENARY_SERVICE_BIN");
    let binary = binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_plenary-service").into());
    let mut child = Command::new(binary)
        .args(["serve", "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"])
        .arg("--data")
        .arg(data.path())
        .env("RUST_LOG", "warn")
        .envs(limits.iter().copied())
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
    let (child, service) = start(&[]).await;
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
        if samples.len().is_multiple_of(REPORTED) {
            let left = end.saturating_duration_since(Instant::now()).as_secs();
            let memory = median(&samples[samples.len() - REPORTED..]);
            println!("{left} s to go; memory {memory} KB");
        }
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
        "media_tracks",
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

const PEOPLE: usize = 200;
const ROOMS: usize = 20;
const OPENINGS: usize = 10;
/// Of some openings all snapshots would be kept, of two hundred people two hundred times: nothing would
/// be seen to be flat within a quarter of an hour.
const SHORT_REPLAY: (&str, &str) = ("PLENARY_LIMITS__REPLAY_MS", "1000");
/// Sound and picture of the room's speaker are there within that, on a machine that does all of it alone.
const MOVING: Duration = Duration::from_secs(30);

/// In the main meeting, where everybody would hear all who do.
const SPEAKERS: usize = 2;

/// Somebody who is moved between rooms; the first of each room speaks there.
struct Mover {
    n: usize,
    client: Client,
    /// The rooms that the service says they are in.
    moved: UnboundedReceiver<Option<String>>,
}

impl Mover {
    async fn come(n: usize, service: std::sync::Arc<Service>, locator: Locator) -> (Self, String) {
        let who = service.guest().await;
        let mut agent = service.agent(&who, &format!("Guest {n}")).await;
        let client = join(&mut agent, &format!("call-{n}"), &locator, n >= ROOMS).await;
        client.until("the transport", |seen| seen.connected).await;
        client.sends(n < SPEAKERS);
        let (tell, moved) = unbounded_channel();
        // Read all along: who does not is let go.
        tokio::spawn(async move {
            loop {
                let to = agent.until(|event| match event {
                    Event::Moved { to, .. } => Some(to.room.as_ref().map(ToString::to_string)),
                    _ => None,
                });
                let _ = tell.send(to.await);
                agent.events.clear();
                agent.heard.clear();
            }
        });
        (Self { n, client, moved }, who.id.0)
    }

    /// Until the service says that they are there, and their room's speaker is heard.
    async fn arrives(mut self, rooms: std::sync::Arc<Vec<String>>, inside: bool) -> Self {
        let wanted = inside.then(|| rooms[self.n % ROOMS].clone());
        let to = tokio::time::timeout(MOVING, self.moved.recv()).await;
        assert_eq!(to.expect("a move"), Some(wanted), "Guest {}", self.n);
        self.client
            .sends(self.n < if inside { ROOMS } else { SPEAKERS });
        self.client.mark().await;
        if inside && self.n >= ROOMS {
            let speaker = format!("call-{}", self.n % ROOMS);
            self.client.sees_and_hears(&speaker).await;
            let own = format!("call-{}/", self.n % ROOMS);
            let mut heard = self.client.heard_from();
            heard.retain(|of| !of.starts_with(&own));
            assert_eq!(heard, [] as [&str; 0], "Guest {} (E15)", self.n);
        }
        self
    }
}

async fn all_arrive(
    people: Vec<Mover>,
    rooms: &std::sync::Arc<Vec<String>>,
    inside: bool,
) -> Vec<Mover> {
    let mut moving = tokio::task::JoinSet::new();
    for mover in people {
        moving.spawn(mover.arrives(rooms.clone(), inside));
    }
    moving.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a soak of some minutes"]
async fn two_hundred_in_twenty_rooms_are_where_they_should_be() {
    let (child, service) = start(&[SHORT_REPLAY]).await;
    let (pid, service) = (child.id().unwrap(), std::sync::Arc::new(service));
    let olivia = service.sign_in("Olivia").await;
    let everyone = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, everyone).await;
    let path = format!(
        "/meetings/{}/breakoutRooms",
        meeting["id"].as_str().unwrap()
    );
    let ask = async |method: &str, rest: &str, body| {
        let token = Some(olivia.access.as_str());
        service
            .json(method, &format!("{path}{rest}"), token, body)
            .await
            .ok()
    };
    let made = ask("POST", "", json!({ "count": ROOMS })).await;
    let rooms = made["value"].as_array().unwrap().iter();
    let rooms: Vec<String> = rooms
        .map(|room| room["id"].as_str().unwrap().to_owned())
        .collect();
    let rooms = std::sync::Arc::new(rooms);
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("olivia", &meeting).await.unwrap();
    tokio::spawn(async move { stay(&mut organizer, WINDOWS * 10).await });

    let (mut people, mut assignments) = (Vec::new(), Vec::new());
    for n in 0..PEOPLE {
        let (mover, id) = Mover::come(n, service.clone(), link(&meeting)).await;
        people.push(mover);
        assignments.push(json!({ "id": id, "roomId": rooms[n % ROOMS] }));
    }
    ask("POST", "/assign", json!({ "assignments": assignments })).await;

    let mut memory = Vec::new();
    for opening in 1..=OPENINGS {
        let begun = Instant::now();
        ask("POST", "/open", json!({})).await;
        people = all_arrive(people, &rooms, true).await;
        let opened = begun.elapsed();
        let state = ask("GET", "", json!({})).await;
        for room in state["value"].as_array().unwrap() {
            assert_eq!(
                room["participants"].as_array().unwrap().len(),
                PEOPLE / ROOMS
            );
        }
        assert_eq!(gauges(&service).await["media_rooms"], ROOMS as f64);
        let begun = Instant::now();
        ask("POST", "/close", json!({})).await;
        people = all_arrive(people, &rooms, false).await;
        let closed = begun.elapsed();
        let now = gauges(&service).await;
        assert_eq!(
            ["media_rooms", "media_sessions", "media_tracks"].map(|name| now[name]),
            // A microphone and a camera each.
            [1.0, PEOPLE as f64, 2.0 * PEOPLE as f64]
        );
        memory.push(resident(pid));
        println!(
            "{opening}: all {PEOPLE} in {ROOMS} rooms, seen and heard after {opened:.2?}, back after {closed:.2?}; {} KB",
            memory.last().unwrap()
        );
    }
    let (early, late) = (memory[OPENINGS / 3], memory[OPENINGS - 1]);
    assert!(
        late <= ((early as f64 * GROWTH) as u64).max(early + SLACK_KB),
        "the service grew from {early} to {late} KB"
    );
}
