//! Lobby, admission and removal with media: what the engine forwards is what the meeting decided (S2, S4,
//! S14, Zoom 2020). A test first shows that media flows before it shows that somebody gets none.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

#[path = "engine/client.rs"]
mod client;
mod common;

use client::{Client, Offering};
use common::{act, link, Agent, Service, SignedIn};
use livekit_protocol as lk;
use lk::signal_request::Message as Ask;
use lk::signal_response::Message as Signal;
use plenary_protocol::agent::*;
use plenary_protocol::id::CallId;
use serde_json::{json, Value};

fn call(id: &str) -> CallId {
    CallId::from(id)
}

fn offer(offering: &Offering) -> MediaOffer {
    let track = |cid: &str, source| OfferedTrack {
        cid: cid.into(),
        source,
        muted: false,
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

/// Joins with an offer over the agent socket, and attaches to the engine as the SDK does.
async fn join_with_media(agent: &mut Agent, id: &str, meeting: &Value) -> (CallSnapshot, Client) {
    let offering = Offering::new().await;
    let join = Join {
        call: call(id),
        locator: link(meeting),
        muted: false,
        offer: Some(offer(&offering)),
    };
    let Ok(Reply::Call(snapshot)) = agent.ask(Request::Join(Box::new(join))).await else {
        panic!("a call")
    };
    let grant = snapshot.media.clone().expect("media");
    assert!(grant.slots && grant.url == format!("ws://{}", agent.address));
    let sid = grant
        .participant_sid
        .clone()
        .expect("the engine knows us by our offer");
    let socket = attach(agent, &grant).await.expect("a living admission");
    let answer = grant
        .answer
        .clone()
        .expect("an answer in the same round trip");
    let client = offering.start(id, &sid, &answer, Some(socket));
    (*snapshot, client)
}

async fn attach(
    agent: &Agent,
    grant: &MediaGrant,
) -> Result<
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
    u16,
> {
    let sid = grant.participant_sid.as_deref().unwrap_or_default();
    let query = format!("slots=1&reconnect=1&sid={sid}&access_token={}", grant.token);
    client::open(agent.address, &query).await
}

async fn admits(service: &Service, token: &str) -> bool {
    let target = format!("/rtc/v1/validate?access_token={token}");
    service
        .http("GET", &target, &[], "")
        .await
        .status
        .is_success()
}

struct Scene {
    service: Service,
    meeting: Value,
    organizer: Agent,
    olivia: Client,
    user: SignedIn,
    guest: Agent,
    ada: Client,
    waiting: CallSnapshot,
}

/// An organiser inside with media, and a guest in the lobby whose transport is up already.
async fn scene() -> Scene {
    let service = Service::start().await;
    let signed = service.sign_in("Olivia").await;
    let meeting = service.schedule(&signed, json!({})).await;
    let mut organizer = service.agent(&signed, "").await;
    let (_, olivia) = join_with_media(&mut organizer, "olivia", &meeting).await;
    let user = service.guest().await;
    let mut guest = service.agent(&user, "Ada").await;
    let (waiting, ada) = join_with_media(&mut guest, "ada", &meeting).await;
    assert_eq!(waiting.state, CallState::Lobby);
    ada.until("the transport", |seen| seen.connected).await;
    Scene {
        service,
        meeting,
        organizer,
        olivia,
        user,
        guest,
        ada,
        waiting,
    }
}

impl Scene {
    async fn admit(&mut self) -> CallSnapshot {
        let participant = self.user.id.clone();
        self.organizer
            .ask(act("olivia", "admit", Some(participant)))
            .await
            .unwrap();
        self.guest.admitted().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zoom_2020_nothing_reaches_the_lobby_and_admission_moves_the_transport() {
    let mut scene = scene().await;
    // Another guest inside, so that traffic is seen to flow while Ada waits.
    let other = scene.service.guest().await;
    let mut bob_agent = scene.service.agent(&other, "Bob").await;
    let (_, bob) = join_with_media(&mut bob_agent, "bob", &scene.meeting).await;
    let admit = act("olivia", "admit", Some(other.id.clone()));
    scene.organizer.ask(admit).await.unwrap();
    bob_agent.admitted().await;
    bob.sees_and_hears("olivia").await;
    scene.olivia.sees_and_hears("bob").await;
    scene.ada.settle().await;
    assert_eq!(scene.ada.heard_from(), [] as [&str; 0]);
    assert_eq!(scene.olivia.heard_from(), ["bob/a", "bob/v"]);

    let admitted = scene.admit().await;
    let grant = admitted.media.expect("a new token");
    assert_eq!(
        grant.participant_sid.as_deref(),
        Some(scene.ada.sid.as_str())
    );
    assert!(
        grant.answer.is_none(),
        "the transport was moved, nothing is negotiated"
    );
    scene.ada.sees_and_hears("olivia").await;
    scene.olivia.sees_and_hears("ada").await;
    scene.service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s2_a_token_of_before_a_move_or_removal_opens_nothing() {
    let mut scene = scene().await;
    let before = scene.waiting.media.clone().expect("media").token;
    assert!(admits(&scene.service, &before).await);
    let admitted = scene.admit().await;
    let grant = admitted.media.expect("media");
    scene.ada.sees_and_hears("olivia").await;
    assert!(!admits(&scene.service, &before).await, "of before the move");
    assert!(admits(&scene.service, &grant.token).await);
    let fresh = scene
        .guest
        .ask(Request::MediaToken { call: call("ada") })
        .await;
    let Ok(Reply::Media(fresh)) = fresh else {
        panic!("{fresh:?}")
    };
    assert!(admits(&scene.service, &fresh.token).await);

    let remove = act("olivia", "remove", Some(scene.user.id.clone()));
    scene.organizer.ask(remove).await.unwrap();
    scene.guest.ended().await;
    for token in [&before, &grant.token, &fresh.token] {
        assert!(!admits(&scene.service, token).await, "of before removal");
        let old = MediaGrant {
            token: token.clone(),
            ..grant.clone()
        };
        assert_eq!(attach(&scene.guest, &old).await.err(), Some(401));
    }
    // CVE-2020-3471: it stopped both ways; somebody new is still heard.
    scene.olivia.mark().await;
    scene.ada.mark().await;
    let again = join_with_media(&mut scene.guest, "ada 2", &scene.meeting).await;
    assert_eq!(again.0.state, CallState::Lobby);
    let participant = scene.user.id.clone();
    scene
        .organizer
        .ask(act("olivia", "admit", Some(participant)))
        .await
        .unwrap();
    scene.olivia.sees_and_hears("ada 2").await;
    scene.ada.settle().await;
    assert_eq!(scene.ada.heard_from(), [] as [&str; 0]);
    assert_eq!(scene.olivia.heard_from(), ["ada 2/a", "ada 2/v"]);
    scene.service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s4_a_livekit_client_joins_in_the_place_that_an_admission_gave() {
    let mut scene = scene().await;
    scene.admit().await;
    let other = scene.service.guest().await;
    let mut agent = scene.service.agent(&other, "Bot").await;
    // No offer over the agent socket: as LiveKit's own client does it.
    agent.join("bot", &scene.meeting).await.unwrap();
    let admit = act("olivia", "admit", Some(other.id.clone()));
    scene.organizer.ask(admit).await.unwrap();
    let snapshot = agent.admitted().await;
    let grant = snapshot.media.expect("media");
    let bot = Client::join(scene.service.address, "bot", &grant.token).await;
    scene.olivia.sees_and_hears("bot").await;
    bot.sees_and_hears("olivia").await;
    // It is in the roster like everybody, under the endpoint that the token names (CVE-2020-3419).
    let here = scene
        .organizer
        .join("olivia", &scene.meeting)
        .await
        .unwrap();
    let listed = here
        .roster
        .iter()
        .find(|participant| participant.id == other.id)
        .unwrap();
    assert_eq!(listed.endpoints[0].id, snapshot.endpoint);
    scene.service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s11_beyond_the_bound_media_comes_with_the_admission() {
    let service = Service::limited(|limits| limits.lobby_transports = 0).await;
    let signed = service.sign_in("Olivia").await;
    let meeting = service.schedule(&signed, json!({})).await;
    let mut organizer = service.agent(&signed, "").await;
    let (_, olivia) = join_with_media(&mut organizer, "olivia", &meeting).await;
    let user = service.guest().await;
    let mut guest = service.agent(&user, "Ada").await;
    let waiting = guest.join("ada", &meeting).await.unwrap();
    assert_eq!((waiting.state, waiting.media), (CallState::Lobby, None));
    let admit = act("olivia", "admit", Some(user.id.clone()));
    organizer.ask(admit).await.unwrap();
    let grant = guest.admitted().await.media.expect("media");
    assert_eq!(grant.participant_sid, None);
    let ada = Client::join(service.address, "ada", &grant.token).await;
    ada.sees_and_hears("olivia").await;
    olivia.sees_and_hears("ada").await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b9_who_does_not_present_shares_no_screen_and_a_change_counts_at_once() {
    let service = Service::start().await;
    let signed = service.sign_in("Olivia").await;
    let settings =
        json!({"allowedPresenters": "organizer", "lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&signed, settings).await;
    let mut organizer = service.agent(&signed, "").await;
    let (_, olivia) = join_with_media(&mut organizer, "olivia", &meeting).await;
    let user = service.guest().await;
    let mut guest = service.agent(&user, "Ada").await;
    let (snapshot, ada) = join_with_media(&mut guest, "ada", &meeting).await;
    assert_eq!(snapshot.role, Role::Attendee);
    ada.sees_and_hears("olivia").await;
    olivia.sees_and_hears("ada").await;

    let screen = |cid: &str| {
        Ask::AddTrack(lk::AddTrackRequest {
            cid: cid.into(),
            r#type: lk::TrackType::Video.into(),
            source: lk::TrackSource::ScreenShare.into(),
            ..Default::default()
        })
    };
    ada.ask(screen("first"));
    ada.until("a refusal", |seen| {
        let not_allowed = lk::request_response::Reason::NotAllowed as i32;
        let refused =
            |m: &Signal| matches!(m, Signal::RequestResponse(r) if r.reason == not_allowed);
        seen.signals.iter().any(refused)
    })
    .await;

    let path = format!(
        "/v1.0/me/onlineMeetings/{}",
        meeting["id"].as_str().unwrap()
    );
    let change = json!({"allowedPresenters": "everyone"});
    let answer = service
        .json("PATCH", &path, Some(&signed.access), change)
        .await;
    assert!(answer.status.is_success(), "{}", answer.body);
    ada.ask(screen("second"));
    ada.until("a publication", |seen| {
        let taken = |m: &Signal| matches!(m, Signal::TrackPublished(p) if p.cid == "second");
        seen.signals.iter().any(taken)
    })
    .await;
    olivia.sees_and_hears("ada").await;
    service.stop().await;
}

/// LiveKit's semantics of `MutePublishedTrack`: who does not follow is not forwarded, and may unmute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_who_is_muted_by_others_is_not_heard_whatever_their_client_does() {
    let mut scene = scene().await;
    scene.admit().await;
    scene.olivia.sees_and_hears("ada").await;
    let unmute = || Request::SetMuted {
        call: call("ada"),
        muted: false,
    };
    scene.guest.ask(unmute()).await.unwrap();
    let mute =
        |by: &str, participant: &SignedIn| act(by, "muteParticipant", Some(participant.id.clone()));
    let refused = scene.guest.ask(mute("ada", &scene.user)).await;
    assert_eq!(refused.unwrap_err().code, 403);
    let by_olivia = mute("olivia", &scene.user);
    scene.organizer.ask(by_olivia).await.unwrap();
    let told = scene.guest.until(|event| match event {
        Event::Muted { call, .. } => Some(call.clone()),
        _ => None,
    });
    assert_eq!(told.await, call("ada"));
    // This client goes on sending.
    scene.olivia.mark().await;
    scene
        .olivia
        .until("a picture", |seen| {
            let pictures = seen.heard.iter().filter(|heard| heard.from == "ada/v");
            pictures.count() > 20
        })
        .await;
    assert_eq!(scene.olivia.heard_from(), ["ada/v"], "and no sound");
    // Only they unmute themselves, on both sockets as the SDK does.
    scene.guest.ask(unmute()).await.unwrap();
    let muted = |signal: &Signal| matches!(signal, Signal::Mute(_));
    scene
        .ada
        .until("LiveKit's word of it", |seen| {
            seen.signals.iter().any(muted)
        })
        .await;
    let sid = scene.ada.look(|seen| {
        let mut tracks = seen.signals.iter().filter_map(|signal| match signal {
            Signal::Mute(mute) => Some(mute.sid.clone()),
            _ => None,
        });
        tracks.next().expect("LiveKit's word of it")
    });
    scene
        .ada
        .ask(Ask::Mute(lk::MuteTrackRequest { sid, muted: false }));
    scene.olivia.sees_and_hears("ada").await;
    scene.service.stop().await;
}
