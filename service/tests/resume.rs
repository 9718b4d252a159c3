//! Drops, resumes and restarts: nothing lost, nothing twice, nobody in the lobby again.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::*;
use plenary_protocol::agent::*;
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, RawId};
use plenary_service::server;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use serde_json::{json, Value};
use std::collections::BTreeMap;

fn call(id: &str) -> CallId {
    CallId::from(id)
}

/// A roster as a client keeps it.
#[derive(Default, Debug, PartialEq)]
struct Mirror(BTreeMap<RawId, bool>);

impl Mirror {
    fn muted(participant: &Participant) -> (RawId, bool) {
        (
            participant.id.clone(),
            participant.endpoints.iter().all(|endpoint| endpoint.muted),
        )
    }

    fn of(snapshot: &CallSnapshot) -> Self {
        Self(snapshot.roster.iter().map(Self::muted).collect())
    }

    fn apply(&mut self, event: &Event) {
        if let Event::Roster {
            joined,
            updated,
            left,
            ..
        } = event
        {
            self.0.extend(joined.iter().chain(updated).map(Self::muted));
            for id in left {
                assert!(self.0.remove(id).is_some());
            }
        }
    }
}

/// Sequence numbers are checked with every frame by the client (`Agent::frame`).
#[test]
fn a_socket_cut_at_any_point_loses_nothing_and_hears_nothing_twice() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Cases {
        cases: 12,
        ..Cases::default()
    });
    let plan = prop::collection::vec((0..4_u8, any::<bool>(), any::<bool>()), 1..25);
    runner
        .run(&plan, |plan| {
            runtime.block_on(cut_at_random(plan));
            Ok(())
        })
        .unwrap();
}

async fn cut_at_random(plan: Vec<(u8, bool, bool)>) {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = open_meeting(&service, &olivia).await;
    let mut organizer = service.agent(&olivia, "").await;
    let mut mirror = Mirror::of(&organizer.join("o", &meeting).await.unwrap());
    let mut guests: Vec<Option<Agent>> = Vec::new();
    for n in 0..4 {
        let user = service.guest().await;
        guests.push(Some(service.agent(&user, &format!("Guest {n}")).await));
    }
    let mut inside = [false; 4];
    let mut muted = [true; 4];
    let mut joined = [0; 4];
    for (n, leaves, cuts) in plan {
        let n = usize::from(n);
        let mut guest = guests[n].take().unwrap();
        // A call that is over is not joined again.
        joined[n] += usize::from(!inside[n]);
        let id = format!("call {n}.{}", joined[n]);
        if !inside[n] {
            guest.join(&id, &meeting).await.unwrap();
            (inside[n], muted[n]) = (true, true);
        } else if leaves {
            guest.ask(Request::Leave { call: call(&id) }).await.unwrap();
            inside[n] = false;
        } else {
            muted[n] = !muted[n];
            guest
                .ask(Request::SetMuted {
                    call: call(&id),
                    muted: muted[n],
                })
                .await
                .unwrap();
        }
        guests[n] = Some(guest);
        if cuts {
            organizer = organizer.drop_and_resume().await;
            assert!(organizer.welcome.resumed);
        }
    }
    // A last change, so that everything before it has come when it has.
    organizer
        .ask(Request::SetMuted {
            call: call("o"),
            muted: false,
        })
        .await
        .unwrap();
    while mirror.0.get(&olivia.id) != Some(&false) {
        let event = organizer.event().await;
        mirror.apply(&event);
    }
    let whole = Mirror::of(&organizer.join("o", &meeting).await.unwrap());
    // The same call again tells the muted state of its request.
    mirror.0.insert(olivia.id.clone(), true);
    assert_eq!(mirror, whole);
    assert_eq!(
        whole.0.len(),
        1 + inside.iter().filter(|inside| **inside).count()
    );
    service.stop().await;
}

async fn open_meeting(service: &Service, organizer: &SignedIn) -> Value {
    service
        .schedule(
            organizer,
            json!({"lobbyBypassSettings": {"scope": "everyone"}}),
        )
        .await
}

/// Who leaves next.
async fn gone(agent: &mut Agent) -> Vec<RawId> {
    agent
        .until(|event| match event {
            Event::Roster { left, .. } if !left.is_empty() => Some(left.clone()),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_resumed_socket_replaces_the_old_one() {
    let service = Service::start().await;
    let guest = service.guest().await;
    let mut first = service.agent(&guest, "Ada").await;
    let second = Agent::greet(service.address, &guest.token, "Ada", Some(first.resume()))
        .await
        .unwrap();
    assert!(second.welcome.resumed);
    assert_eq!(first.closed().await, Some(4409));
    // Another identity's token does not find the session.
    let eve = service.guest().await;
    let stolen = Agent::greet(service.address, &eve.token, "Eve", Some(second.resume()))
        .await
        .unwrap();
    assert!(!stolen.welcome.resumed);
    assert_ne!(stolen.welcome.session, second.welcome.session);
    service.stop().await;
}

#[tokio::test]
async fn a_replay_that_is_no_longer_kept_is_refused_and_a_join_finds_back() {
    let service = Service::limited(|limits| limits.replay_events = 3).await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = open_meeting(&service, &olivia).await;
    let mut organizer = service.agent(&olivia, "").await;
    let before = organizer.join("o", &meeting).await.unwrap();
    let resume = organizer.resume();
    for muted in [false, true, false, true, false] {
        organizer
            .ask(Request::SetMuted {
                call: call("o"),
                muted,
            })
            .await
            .unwrap();
    }
    drop(organizer);
    let mut again = Agent::greet(service.address, &olivia.token, "", Some(resume))
        .await
        .unwrap();
    assert!(!again.welcome.resumed);
    let after = again.join("o", &meeting).await.unwrap();
    assert_eq!(after.endpoint, before.endpoint, "the same admission");
    assert_eq!(after.state, CallState::Connected);
    service.stop().await;
}

/// A meeting with its organiser and a guest in it.
async fn with_a_guest(service: &Service) -> (Agent, SignedIn, Agent) {
    let olivia = service.sign_in("Olivia").await;
    let meeting = open_meeting(service, &olivia).await;
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let user = service.guest().await;
    let mut guest = service.agent(&user, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    (organizer, user, guest)
}

#[tokio::test]
async fn who_does_not_come_back_in_the_window_has_vanished() {
    let service = Service::limited(|limits| limits.resume_window_ms = 300).await;
    let (mut organizer, user, guest) = with_a_guest(&service).await;
    let resume = guest.resume();
    drop(guest);
    assert_eq!(gone(&mut organizer).await, std::slice::from_ref(&user.id));
    let late = Agent::greet(service.address, &user.token, "Ada", Some(resume))
        .await
        .unwrap();
    assert!(!late.welcome.resumed);
    service.stop().await;
}

#[tokio::test]
async fn who_is_done_leaves_no_session_and_no_call_behind() {
    let service = Service::start().await;
    let (mut organizer, user, guest) = with_a_guest(&service).await;
    let resume = guest.resume();
    guest.close(close::DONE).await;
    // Long before the window of a minute is over.
    assert_eq!(gone(&mut organizer).await, std::slice::from_ref(&user.id));
    let again = Agent::greet(service.address, &user.token, "Ada", Some(resume))
        .await
        .unwrap();
    assert!(!again.welcome.resumed);
    let resume = again.resume();
    again.close(close::RESUMES).await;
    let back = Agent::greet(service.address, &user.token, "Ada", Some(resume))
        .await
        .unwrap();
    assert!(back.welcome.resumed, "any other end may be an accident");
    service.stop().await;
}

#[tokio::test]
async fn s11_an_identity_has_so_many_sessions_and_what_was_left_alone_makes_room() {
    let service = Service::start().await;
    let (_organizer, user, guest) = with_a_guest(&service).await;
    let resume = guest.resume();
    drop(guest);
    // Pages that are loaded again and again, of which none says that it goes.
    for _ in 0..40 {
        drop(service.agent(&user, "Ada").await);
    }
    let back = Agent::greet(service.address, &user.token, "Ada", Some(resume))
        .await
        .unwrap();
    assert!(back.welcome.resumed, "who has a call goes last");
    let mut there = vec![back];
    let refused = loop {
        match Agent::greet(service.address, &user.token, "Ada", None).await {
            Ok(agent) => there.push(agent),
            Err(error) => break error,
        }
    };
    assert_eq!(there.len(), 16);
    assert_eq!(refused.sub_code, Reason::TOO_MANY_ATTEMPTS.error().sub_code);
    service.stop().await;
}

#[tokio::test]
async fn after_a_restart_everybody_is_back_in_the_same_meeting_without_the_lobby() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service.schedule(&olivia, json!({})).await;
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let user = service.guest().await;
    let mut guest = service.agent(&user, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    organizer
        .ask(act("o", "admit", Some(user.id.clone())))
        .await
        .unwrap();
    let before = guest.admitted().await;

    // The database as a kill would leave it: nothing is written at a stop that was not before.
    let mut service = service;
    service.running.take().unwrap().stop().await;
    assert_eq!(guest.closed().await, Some(1012));
    let running = server::start(config(service.data.path())).await.unwrap();
    service.address = running.address;
    service.running = Some(running);

    let mut guest = Agent::connect(service.address, &user.token, "Ada").await;
    // By call and identity: the link names the old port here, and is not needed.
    let after = guest.join("g", &meeting).await.unwrap();
    assert_eq!(after.state, CallState::Connected);
    assert_eq!(after.endpoint, before.endpoint);
    let mut organizer = Agent::connect(service.address, &olivia.token, "").await;
    assert_eq!(organizer.join("o", &meeting).await.unwrap().roster.len(), 2);
    // Another call of somebody else waits as ever.
    let eve = service.guest().await;
    let mut stranger = service.agent(&eve, "Eve").await;
    let mut link = meeting["joinWebUrl"].as_str().unwrap().to_owned();
    let digits = link.find("/meet/").unwrap();
    link.replace_range(..digits, &format!("http://{}", service.address));
    let Ok(Reply::Call(waiting)) = stranger.ask(join("g", Locator::MeetingLink(link))).await else {
        panic!()
    };
    assert_eq!(waiting.state, CallState::Lobby);
    service.stop().await;
}

#[tokio::test]
async fn b5_waiting_too_long_has_its_own_reason() {
    let service = Service::limited(|limits| limits.lobby_wait_ms = 200).await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service.schedule(&olivia, json!({})).await;
    let user = service.guest().await;
    let mut guest = service.agent(&user, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    assert_eq!(guest.ended().await, Reason::LOBBY_TIMEOUT.end());
    service.stop().await;
}
