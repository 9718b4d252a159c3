//! The state of a meeting that everybody sees, from outside: recordings over REST (C2, C3), hands and reactions
//! over the agent socket (C5), and who may not (S1, S5).
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::scene::Scene;
use common::*;
use jsonwebtoken::{encode, EncodingKey, Header};
use plenary_protocol::agent::*;
use plenary_protocol::state::{MeetingState, RecordingKind};
use plenary_service::server;
use serde_json::{json, Value};

async fn scene(service: Service) -> Scene {
    let olivia = service.sign_in("Olivia").await;
    let everyone = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, everyone).await;
    let mut scene = Scene::of(service, olivia, meeting).await;
    // Whoever joins is told, also that there is nothing: they may have been away.
    for agent in [&mut scene.organizer, &mut scene.guest] {
        assert_eq!(state(agent).await, MeetingState::default());
    }
    scene
}

async fn state(agent: &mut Agent) -> MeetingState {
    let state = agent.until(|event| match event {
        Event::State { state, .. } => Some(state.clone()),
        _ => None,
    });
    state.await
}

impl Scene {
    async fn recordings(&self, token: &str, method: &str, rest: &str, body: Value) -> Answer {
        let id = text(&self.meeting["id"]);
        let target = format!("/meetings/{id}/recordings{rest}");
        self.service.json(method, &target, Some(token), body).await
    }

    async fn starts(&self, token: &str) -> (u16, String) {
        let answer = self.recordings(token, "POST", "", json!({})).await;
        let code = answer.json()["error"]["code"].as_str().map(str::to_owned);
        (answer.status.as_u16(), code.unwrap_or_default())
    }

    /// As somebody signs it who has the media key.
    fn recorder(&self, grants: Value) -> String {
        let file = self.service.data.path().join("keys/media.key");
        let keys = std::fs::read_to_string(file).unwrap();
        let (key, secret) = keys.trim().split_once(':').unwrap();
        let claims = json!({"iss": key, "sub": "bot", "exp": 4_000_000_000_u64, "video": grants});
        let key = EncodingKey::from_secret(secret.as_bytes());
        encode(&Header::default(), &claims, &key).unwrap()
    }
}

#[tokio::test]
async fn c3_a_recording_is_told_to_everybody_and_to_who_comes_later() {
    let mut scene = scene(Service::start().await).await;
    let token = scene.olivia.access.clone();
    let kind = json!({"kind": "transcription"});
    let started = scene.recordings(&token, "POST", "", kind).await;
    assert_eq!(started.status.as_u16(), 201);
    let started = started.json();
    assert_eq!(started["recordingState"], "active");
    let id = text(&started["recordingId"]).to_owned();
    for agent in [&mut scene.organizer, &mut scene.guest] {
        let told = state(agent).await.recordings;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].kind, RecordingKind::Transcription);
        assert_eq!((&told[0].id, told[0].paused), (&id, false));
    }
    // Who comes later knows it when the answer to the join is there.
    let other = scene.service.guest().await;
    let mut late = scene.service.agent(&other, "Late").await;
    late.join("l", &scene.meeting).await.unwrap();
    let first = late.events.pop_front().unwrap();
    assert!(matches!(first, Event::State { state, .. } if state.recordings.len() == 1));
    // A drop loses nothing.
    let rest = format!("/{id}");
    let pause = json!({"recordingState": "inactive"});
    scene.recordings(&token, "PATCH", &rest, pause).await.ok();
    let mut late = late.drop_and_resume().await;
    assert!(state(&mut late).await.recordings[0].paused);
    let listed = scene.recordings(&token, "GET", "", json!({})).await.ok();
    assert_eq!(listed["value"][0]["recordingState"], "inactive");
    let stop = scene.recordings(&token, "DELETE", &rest, json!({})).await;
    assert_eq!(stop.status.as_u16(), 204);
    assert_eq!(state(&mut late).await, MeetingState::default());
    let again = scene.recordings(&token, "DELETE", &rest, json!({})).await;
    assert_eq!(again.status.as_u16(), 404);
    scene.service.stop().await;
}

#[tokio::test]
async fn c2_s1_s5_who_may_not_say_that_it_is_recorded() {
    let scene = scene(Service::start().await).await;
    let id = text(&scene.meeting["id"]).to_owned();
    let forbidden = (403, "Forbidden".to_owned());
    assert_eq!(scene.starts(&scene.user.token).await, forbidden, "a guest");
    let read = scene.recordings(&scene.user.token, "GET", "", json!({}));
    assert!(read.await.status.is_success(), "they may know of it");
    // A member by user token, in the meeting.
    assert_eq!(scene.starts(&scene.olivia.token).await.0, 201);
    let marco = scene.service.sign_in("Marco").await;
    assert_eq!(scene.starts(&marco.access).await.0, 404, "not invited");

    let video = |grants: Value| scene.recorder(grants);
    let recorder = video(json!({"roomRecord": true, "room": id}));
    assert_eq!(scene.starts(&recorder).await.0, 201);
    for grants in [
        json!({"roomRecord": true, "room": "another"}),
        json!({"roomRecord": true}),
        json!({"roomJoin": true, "roomAdmin": true, "room": id}),
    ] {
        assert_eq!(scene.starts(&video(grants)).await, forbidden);
    }
    let forged = json!({"iss": "API", "exp": 4_000_000_000_u64, "video": {"roomRecord": true}});
    let key = EncodingKey::from_secret(b"a secret of enough length for HS256");
    let forged = encode(&Header::default(), &forged, &key).unwrap();
    assert_eq!(scene.starts(&forged).await.0, 401);
    // Who only attends says nothing, and nobody of a meeting where nobody is.
    let strict = json!({"allowedPresenters": "organizer", "participants": {
        "attendees": [{"upn": "marco@plenary.test"}]}});
    let target = format!("/v1.0/me/onlineMeetings/{id}");
    let token = Some(scene.olivia.access.as_str());
    scene
        .service
        .json("PATCH", &target, token, strict)
        .await
        .ok();
    assert_eq!(scene.starts(&marco.access).await, forbidden, "an attendee");
    let Scene {
        service, olivia, ..
    } = scene;
    let empty = service.schedule(&olivia, json!({})).await;
    let target = format!("/meetings/{}/recordings", text(&empty["id"]));
    let early = service.post(&target, Some(&olivia.access), json!({})).await;
    assert_eq!(early.status.as_u16(), 409);
    service.stop().await;
}

#[tokio::test]
async fn c3_a_restart_forgets_no_recording_and_the_end_of_the_call_does() {
    let Scene {
        mut service,
        olivia,
        meeting,
        organizer,
        guest,
        user,
    } = scene(Service::start().await).await;
    let target = format!("/meetings/{}/recordings", text(&meeting["id"]));
    let token = Some(olivia.access.as_str());
    let started = service.post(&target, token, json!({})).await.json();
    service.running.take().unwrap().stop().await;
    drop((organizer, guest));
    let running = server::start(config(service.data.path())).await.unwrap();
    service.address = running.address;
    service.running = Some(running);
    // Before anybody is back.
    let listed = service.json("GET", &target, token, json!({})).await.ok();
    assert_eq!(listed["value"][0]["recordingId"], started["recordingId"]);
    let mut guest = service.agent(&user, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    assert_eq!(state(&mut guest).await.recordings.len(), 1);
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let end = Request::EndForEveryone { call: "o".into() };
    organizer.ask(end).await.unwrap();
    let listed = service.json("GET", &target, token, json!({})).await.ok();
    assert_eq!(listed["value"], json!([]), "the call is over");
    service.stop().await;
}

#[tokio::test]
async fn c5_guests_see_hands_and_reactions_and_have_none() {
    let mut scene = scene(Service::start().await).await;
    for word in ["raiseHand", "like", "lowerAllHands", "muteAll"] {
        let refused = scene.guest.ask(act("g", word, None)).await.unwrap_err();
        assert_eq!((refused.code, refused.sub_code), (403, 59120), "{word}");
    }
    let unknown = scene.guest.ask(act("g", "dance", None)).await.unwrap_err();
    assert_eq!(unknown.code, 400);
    scene
        .organizer
        .ask(act("o", "raiseHand", None))
        .await
        .unwrap();
    let hands = state(&mut scene.guest).await.hands;
    assert_eq!(hands, std::slice::from_ref(&scene.olivia.id));
    scene
        .organizer
        .ask(act("o", "applause", None))
        .await
        .unwrap();
    let heard = scene.guest.until(|event| match event {
        Event::Reaction { from, reaction, .. } => Some((from.clone(), reaction.clone())),
        _ => None,
    });
    assert_eq!(
        heard.await,
        (scene.olivia.id.clone(), "applause".to_owned())
    );
    scene
        .organizer
        .ask(act("o", "lowerHand", None))
        .await
        .unwrap();
    assert_eq!(state(&mut scene.guest).await, MeetingState::default());
    scene.service.stop().await;
}
