//! Breakout rooms over REST and the agent socket: what managers do, what participants hear, and what
//! nobody else may (E1-E13, S1).
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::scene::Scene;
use common::*;
use plenary_protocol::agent::*;
use plenary_protocol::breakout::{BreakoutView, RoomState};
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, RoomId};
use serde_json::{json, Value};
use std::collections::BTreeSet;

/// Olivia and a guest in a meeting with two rooms, which were made before it began.
async fn scene() -> Scene {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service
        .schedule(
            &olivia,
            json!({"lobbyBypassSettings": {"scope": "everyone"}}),
        )
        .await;
    let made = rooms(&service, &olivia, &meeting, "POST", "", json!({"count": 2})).await;
    assert_eq!(made["value"][1]["displayName"], "Room 2");
    Scene::of(service, olivia, meeting).await
}

fn target(meeting: &Value, rest: &str) -> String {
    format!(
        "/meetings/{}/breakoutRooms{rest}",
        meeting["id"].as_str().unwrap()
    )
}

async fn asked(
    service: &Service,
    by: &SignedIn,
    meeting: &Value,
    method: &str,
    rest: &str,
    body: Value,
) -> Answer {
    let token = Some(by.access.as_str());
    service
        .json(method, &target(meeting, rest), token, body)
        .await
}

async fn rooms(
    service: &Service,
    by: &SignedIn,
    meeting: &Value,
    method: &str,
    rest: &str,
    body: Value,
) -> Value {
    asked(service, by, meeting, method, rest, body).await.ok()
}

impl Scene {
    async fn ask(&self, method: &str, rest: &str, body: Value) -> Value {
        rooms(
            &self.service,
            &self.olivia,
            &self.meeting,
            method,
            rest,
            body,
        )
        .await
    }

    async fn room(&self, n: usize) -> String {
        let all = self.ask("GET", "", json!({})).await;
        all["value"][n]["id"].as_str().unwrap().to_owned()
    }

    async fn assign(&self, n: usize) -> String {
        let room = self.room(n).await;
        let wish = json!({"assignments": [{"id": self.user.id, "roomId": room}]});
        self.ask("POST", "/assign", wish).await;
        room
    }
}

async fn moved(agent: &mut Agent) -> (CallId, bool, CallSnapshot) {
    agent
        .until(|event| match event {
            Event::Moved { from, held, to } => Some((from.clone(), *held, (**to).clone())),
            _ => None,
        })
        .await
}

async fn view(agent: &mut Agent) -> BreakoutView {
    agent
        .until(|event| match event {
            Event::Breakout { view, .. } => Some(view.clone()),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn e8_e9_e11_opening_moves_a_guest_in_and_closing_brings_them_back() {
    let mut scene = scene().await;
    let room = scene.assign(0).await;
    let assigned = view(&mut scene.guest).await.assigned.unwrap();
    assert_eq!(
        (assigned.state, assigned.thread_id),
        (RoomState::Closed, None),
        "E2"
    );

    scene
        .ask("POST", "/open", json!({"durationSeconds": 600}))
        .await;
    let open = view(&mut scene.guest).await;
    assert_eq!(open.assigned.unwrap().state, RoomState::Open);
    assert!(open.settings.room_end_time.is_some(), "E12");
    let (from, held, there) = moved(&mut scene.guest).await;
    assert_eq!((from.as_str(), held), ("g", false));
    assert_eq!(there.room, Some(RoomId(room.clone())));
    assert_eq!(there.thread_id, None, "E5");
    assert_eq!(there.roster.len(), 1, "E15");
    let left = scene
        .organizer
        .until(|event| match event {
            Event::Roster { left, .. } if !left.is_empty() => Some(left.clone()),
            _ => None,
        })
        .await;
    assert_eq!(left, [scene.user.id.clone()]);
    // What was asked while the news was on its way is not lost.
    let mute = |call: &CallId| Request::SetMuted {
        call: call.clone(),
        muted: true,
    };
    scene.guest.ask(mute(&from)).await.unwrap();

    let state = scene.ask("GET", "", json!({})).await;
    assert_eq!(state["value"][0]["participants"], json!([scene.user.id]));

    scene.ask("POST", "/close", json!({})).await;
    let (second, _, back) = moved(&mut scene.guest).await;
    assert_eq!((second, back.room), (there.call, None));
    assert_eq!(back.roster.len(), 2);
    // The call before the last one is over: nothing can be asked in its name.
    let asked = scene.guest.ask(mute(&from)).await;
    assert_eq!(asked.unwrap_err().sub_code, Reason::NO_SUCH_CALL.sub_code);
}

#[tokio::test]
async fn e3_e9_a_manager_joins_a_room_and_the_main_call_is_on_hold() {
    let mut scene = scene().await;
    let room = scene.room(1).await;
    let join = |call: &str| Request::JoinBreakoutRoom {
        call: call.into(),
        room: RoomId(room.clone()),
    };
    let closed = scene.organizer.ask(join("o")).await.unwrap_err();
    assert_eq!((closed.code, closed.sub_code), (412, 46256), "E7");
    scene.ask("POST", "/open", json!({"rooms": [room]})).await;
    let foreign = scene.guest.ask(join("g")).await.unwrap_err();
    assert_eq!((foreign.code, foreign.sub_code), (412, 46260), "E3");

    assert_eq!(scene.organizer.ask(join("o")).await, Ok(Reply::Done));
    let (from, held, there) = moved(&mut scene.organizer).await;
    assert_eq!((from.as_str(), held), ("o", true));
    // Who comes back with both calls finds both as they were.
    let again = scene.organizer.join("o", &scene.meeting).await.unwrap();
    assert_eq!(again.state, CallState::Held);
    let leave = Request::Leave {
        call: there.call.clone(),
    };
    assert_eq!(scene.organizer.ask(leave).await, Ok(Reply::Done));
    let (from, held, back) = moved(&mut scene.organizer).await;
    assert_eq!((from, held, back.call.as_str()), (there.call, false, "o"));
}

/// Section E: who says in the first message that they are no browser is told so, and moved nowhere.
#[tokio::test]
async fn section_e_a_native_client_is_told_that_rooms_are_not_supported() {
    let mut scene = scene().await;
    let (service, meeting) = (&scene.service, &scene.meeting);
    let user = service.guest().await;
    let android = ClientKind::Android;
    let greeted = Agent::greet_on(android, service.address, &user.token, "Eve", None);
    let mut native = greeted.await.unwrap();
    let joined = native.join("n", meeting).await.unwrap();
    assert_eq!(
        (joined.state, joined.breakout),
        (CallState::Connected, None)
    );
    let room = scene.assign(0).await;
    let wish = json!({"assignments": [{"id": user.id, "roomId": room}]});
    scene.ask("POST", "/assign", wish).await;
    scene.ask("POST", "/open", json!({})).await;
    // The other one is moved, which the native client hears as a change of the roster.
    moved(&mut scene.guest).await;
    let join = Request::JoinBreakoutRoom {
        call: "n".into(),
        room: RoomId(room),
    };
    let refused = native.ask(join).await.unwrap_err();
    assert_eq!((refused.code, refused.sub_code), (405, 59184));
    let told = |frame: &String| frame.contains("moved") || frame.contains("breakout");
    assert!(!native.heard.iter().any(told), "{:?}", native.heard);
    assert!(native.heard.iter().any(|frame| frame.contains("left")));
}

#[tokio::test]
async fn e4_s1_nobody_else_manages_rooms() {
    let scene = scene().await;
    let marco = scene.service.sign_in("Marco").await;
    let room = scene.room(0).await;
    for (method, rest) in [
        ("GET", String::new()),
        ("POST", String::new()),
        ("PATCH", String::new()),
        ("POST", "/open".to_owned()),
        ("POST", "/announce".to_owned()),
        ("DELETE", format!("/{room}")),
    ] {
        let body = json!({"message": "hello"});
        // A member who has nothing to do with the meeting does not learn that it is there.
        let other = asked(
            &scene.service,
            &marco,
            &scene.meeting,
            method,
            &rest,
            body.clone(),
        )
        .await;
        assert_eq!(other.status.as_u16(), 404, "{method} {rest}");
        let anonymous = scene
            .service
            .json(method, &target(&scene.meeting, &rest), None, body)
            .await;
        assert_eq!(anonymous.status.as_u16(), 401, "{method} {rest}");
    }
    // Invited, but without the role.
    let invite = json!({"participants": {"attendees": [{"upn": "marco@plenary.test", "role": "presenter"}]}});
    let path = format!(
        "/v1.0/me/onlineMeetings/{}",
        scene.meeting["id"].as_str().unwrap()
    );
    scene
        .service
        .json("PATCH", &path, Some(&scene.olivia.access), invite)
        .await
        .ok();
    let refused = asked(
        &scene.service,
        &marco,
        &scene.meeting,
        "POST",
        "/open",
        json!({}),
    )
    .await;
    assert_eq!(refused.status.as_u16(), 403);
    let oid = marco.id.as_str().trim_start_matches("8:orgid:");
    scene.ask("PATCH", "", json!({"managers": [oid]})).await;
    let opened = rooms(
        &scene.service,
        &marco,
        &scene.meeting,
        "POST",
        "/open",
        json!({}),
    )
    .await;
    assert_eq!(opened["value"][0]["state"], "open");
    // Only the organiser says who; withdrawn, it is over at once.
    let myself = json!({"managers": [oid, oid]});
    let refused = asked(&scene.service, &marco, &scene.meeting, "PATCH", "", myself).await;
    assert_eq!(refused.status.as_u16(), 403);
    scene.ask("PATCH", "", json!({"managers": []})).await;
    for (method, rest) in [("GET", ""), ("POST", "/close")] {
        let (service, meeting) = (&scene.service, &scene.meeting);
        let refused = asked(service, &marco, meeting, method, rest, json!({})).await;
        assert_eq!(refused.status.as_u16(), 403, "{method} {rest}");
    }
}

/// The organiser's deputy does all that she does with the rooms, but says not who else does.
#[tokio::test]
async fn e4_a_co_organiser_manages_the_rooms() {
    let mut scene = scene().await;
    let room = scene.room(0).await;
    let marco = scene.service.sign_in("Marco").await;
    let invite = |role: &str| json!({"participants": {"attendees": [{"upn": "marco@plenary.test", "role": role}]}});
    let path = format!(
        "/v1.0/me/onlineMeetings/{}",
        scene.meeting["id"].as_str().unwrap()
    );
    let olivia = Some(scene.olivia.access.as_str());
    let invited = scene
        .service
        .json("PATCH", &path, olivia, invite("coorganizer"));
    invited.await.ok();
    let (service, meeting) = (&scene.service, &scene.meeting);
    let ask = |method: &'static str, rest: &'static str, body: Value| {
        let marco = &marco;
        async move { asked(service, marco, meeting, method, rest, body).await }
    };
    let wish = json!({"assignments": [{"id": scene.user.id, "roomId": room}]});
    for (method, rest, body) in [
        ("GET", "", json!({})),
        ("POST", "", json!({"count": 1})),
        ("PATCH", "", json!({"disableReturnToMainMeeting": true})),
        ("POST", "/assign", wish),
        ("POST", "/open", json!({"durationSeconds": 600})),
        ("POST", "/announce", json!({"message": "Hello"})),
    ] {
        let status = ask(method, rest, body).await.status.as_u16();
        assert!(status < 300, "{method} {rest}: {status}");
    }
    let (.., there) = moved(&mut scene.guest).await;
    assert_eq!(there.room, Some(RoomId(room)));
    let oid = marco.id.as_str().trim_start_matches("8:orgid:");
    let appoints = ask("PATCH", "", json!({"managers": [oid]})).await;
    assert_eq!(appoints.status.as_u16(), 403);

    // No longer one: it is over at once.
    let demoted = scene
        .service
        .json("PATCH", &path, olivia, invite("presenter"));
    demoted.await.ok();
    assert_eq!(ask("POST", "/close", json!({})).await.status.as_u16(), 403);
}

/// Seven people in three rooms, of two or three; at random it is not always the same.
#[tokio::test]
async fn everybody_is_distributed_in_equal_numbers_in_order_or_at_random() {
    let scene = scene().await;
    scene.ask("POST", "", json!({"count": 1})).await;
    let mut agents = Vec::new();
    for n in 1..7 {
        let guest = scene.service.guest().await;
        let mut agent = scene.service.agent(&guest, "Guest").await;
        agent.join(&format!("g{n}"), &scene.meeting).await.unwrap();
        agents.push(agent);
    }
    let distribute = |order: &'static str| {
        let scene = &scene;
        async move {
            let body = json!({"order": order});
            let all = scene.ask("POST", "/distribute", body).await;
            let rooms = all["value"].as_array().unwrap().clone();
            let invited = rooms.iter().map(|room| {
                let people = room["invitees"].as_array().unwrap().iter();
                let people: BTreeSet<_> =
                    people.map(|id| id.as_str().unwrap().to_owned()).collect();
                assert!(
                    !people.contains(scene.olivia.id.as_str()),
                    "who manages them goes where she likes"
                );
                people
            });
            invited.collect::<Vec<_>>()
        }
    };
    let even = distribute("even").await;
    assert_eq!(even, distribute("even").await, "the same again");
    let sizes = |rooms: &[BTreeSet<String>]| {
        let mut sizes: Vec<_> = rooms.iter().map(BTreeSet::len).collect();
        sizes.sort_unstable();
        sizes
    };
    assert_eq!(sizes(&even), [2, 2, 3]);
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        let random = distribute("random").await;
        assert_eq!(sizes(&random), [2, 2, 3]);
        seen.insert(random);
    }
    // 210 ways each time: one alone in twenty is no chance.
    assert!(seen.len() > 1);
}

/// Who is appointed without an invitation finds the meeting, as long as they are.
#[tokio::test]
async fn e4_who_is_appointed_reads_the_meeting() {
    let scene = scene().await;
    let marco = scene.service.sign_in("Marco").await;
    let oid = marco.id.as_str().trim_start_matches("8:orgid:");
    for (managers, status) in [(json!([oid]), 200), (json!([]), 404)] {
        scene.ask("PATCH", "", json!({"managers": managers})).await;
        let (service, meeting) = (&scene.service, &scene.meeting);
        let answer = asked(service, &marco, meeting, "GET", "", json!({})).await;
        assert_eq!(answer.status.as_u16(), status);
    }
}

#[tokio::test]
async fn e13_where_rooms_are_off_managing_says_so() {
    let scene = scene().await;
    let path = format!(
        "/v1.0/me/onlineMeetings/{}",
        scene.meeting["id"].as_str().unwrap()
    );
    let off = json!({"allowBreakoutRooms": false});
    scene
        .service
        .json("PATCH", &path, Some(&scene.olivia.access), off)
        .await
        .ok();
    let refused = asked(
        &scene.service,
        &scene.olivia,
        &scene.meeting,
        "POST",
        "/open",
        json!({}),
    )
    .await;
    assert_eq!(refused.json()["error"]["code"], "BreakoutRoomsDisabled");
}

#[tokio::test]
async fn bad_requests_say_what_was_wrong_and_change_nothing() {
    let scene = scene().await;
    let before = scene.ask("GET", "", json!({})).await;
    for (method, rest, body, status) in [
        ("POST", "", json!({"count": 51}), 400),
        ("POST", "", json!({"count": 49}), 400),
        ("POST", "", json!({"displayName": "\u{202e}"}), 400),
        ("PATCH", "", json!({"roomEndTime": "yesterday"}), 400),
        ("PATCH", "", json!({"managers": ["nobody"]}), 400),
        ("PATCH", "/none", json!({"displayName": "x"}), 404),
        ("DELETE", "/none", json!({}), 404),
        (
            "POST",
            "/assign",
            json!({"assignments": [{"id": "8:acs:x", "roomId": "none"}]}),
            404,
        ),
        ("POST", "/open", json!({"rooms": ["none"]}), 404),
        ("POST", "/open", json!({"durationSeconds": 0}), 400),
        ("POST", "/distribute", json!({"order": "odd"}), 400),
        ("POST", "/announce", json!({"message": ""}), 400),
    ] {
        let answer = asked(
            &scene.service,
            &scene.olivia,
            &scene.meeting,
            method,
            rest,
            body.clone(),
        )
        .await;
        assert_eq!(answer.status.as_u16(), status, "{method} {rest} {body}");
        assert!(answer.json()["error"]["message"].as_str().unwrap().len() > 10);
    }
    assert_eq!(scene.ask("GET", "", json!({})).await, before);
}

#[tokio::test]
async fn announcements_reach_every_room() {
    let mut scene = scene().await;
    scene.assign(0).await;
    scene.ask("POST", "/open", json!({})).await;
    let (.., there) = moved(&mut scene.guest).await;
    let announced = asked(
        &scene.service,
        &scene.olivia,
        &scene.meeting,
        "POST",
        "/announce",
        json!({"message": "Five minutes\nleft"}),
    )
    .await;
    assert_eq!(announced.status.as_u16(), 204);
    for (agent, call) in [
        (&mut scene.guest, there.call),
        (&mut scene.organizer, "o".into()),
    ] {
        let heard = agent
            .until(|event| match event {
                Event::Announcement { call, message, .. } => Some((call.clone(), message.clone())),
                _ => None,
            })
            .await;
        assert_eq!(heard, (call, "Five minutes\nleft".to_owned()));
    }
}
