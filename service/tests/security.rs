//! What must be impossible, tried from outside with raw clients: S1, S5, S6, S8, S10, S11, B10.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::*;
use futures::{SinkExt, StreamExt};
use hyper::StatusCode;
use plenary_protocol::agent::*;
use plenary_protocol::end::Reason;
use plenary_protocol::id::CallId;
use serde_json::{json, Value};
use tokio_tungstenite::tungstenite::Message;

fn call(id: &str) -> CallId {
    CallId::from(id)
}

/// An organiser, a member and a guest inside, another guest in the lobby.
struct Scene {
    service: Service,
    olivia: SignedIn,
    organizer: Agent,
    guest_user: SignedIn,
    guest: Agent,
    waiter_user: SignedIn,
    waiter: Agent,
    meeting: Value,
}

async fn scene() -> Scene {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service
        .schedule(&olivia, json!({"subject": "Secret subject"}))
        .await;
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let guest_user = service.guest().await;
    let mut guest = service.agent(&guest_user, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    organizer
        .ask(act("o", "admit", Some(guest_user.id.clone())))
        .await
        .unwrap();
    let admitted = guest.admitted().await;
    assert_eq!(
        admitted.role,
        Role::Presenter,
        "a presenter by role, and a guest"
    );
    let waiter_user = service.guest().await;
    let mut waiter = service.agent(&waiter_user, "Bob").await;
    waiter.join("w", &meeting).await.unwrap();
    Scene {
        service,
        olivia,
        organizer,
        guest_user,
        guest,
        waiter_user,
        waiter,
        meeting,
    }
}

#[tokio::test]
async fn s1_a_guest_and_who_waits_may_do_nothing_to_others() {
    let mut scene = scene().await;
    let bob = scene.waiter_user.id.clone();
    let olivia = scene.olivia.id.clone();
    for (agent, own) in [(&mut scene.guest, "g"), (&mut scene.waiter, "w")] {
        for request in [
            act(own, "admit", Some(bob.clone())),
            act(own, "admitAll", None),
            act(own, "reject", Some(bob.clone())),
            act(own, "remove", Some(olivia.clone())),
            Request::EndForEveryone { call: call(own) },
        ] {
            let error = agent.ask(request.clone()).await.expect_err("S1");
            assert_eq!(error.sub_code, Reason::NOT_ALLOWED.sub_code, "{request:?}");
        }
        // With the organiser's call id: another's call is no call of theirs (CVE-2026-55489).
        let error = agent.ask(act("o", "admitAll", None)).await.expect_err("S1");
        assert_eq!(error.sub_code, Reason::NO_SUCH_CALL.sub_code);
    }
    // Nothing changed: the waiter is still there to be rejected, and hears only that.
    let reject = act("o", "reject", Some(bob));
    assert_eq!(scene.organizer.ask(reject).await, Ok(Reply::Done));
    assert_eq!(
        scene.waiter.event().await,
        Event::Ended {
            call: call("w"),
            reason: Reason::REJECTED.end()
        }
    );
    scene.service.stop().await;
}

#[tokio::test]
async fn cve_2024_33530_no_guests_socket_ever_carries_what_opens_a_meeting() {
    let mut scene = scene().await;
    scene.guest.ask(Request::Ping).await.unwrap();
    scene.waiter.ask(Request::Ping).await.unwrap();
    let settings = &scene.meeting["joinMeetingIdSettings"];
    let secret = scene.meeting["joinWebUrl"]
        .as_str()
        .unwrap()
        .split("p=")
        .nth(1)
        .unwrap()
        .to_owned();
    let passcode = settings["passcode"].as_str().unwrap();
    for heard in scene.guest.heard.iter().chain(&scene.waiter.heard) {
        for hidden in [
            secret.as_str(),
            passcode,
            "Secret subject",
            &scene.olivia.token,
            &scene.waiter_user.token,
        ] {
            assert!(!heard.contains(hidden), "{heard}");
        }
    }
    // And who waits never heard of anybody else.
    for heard in &scene.waiter.heard {
        assert!(
            !heard.contains("Olivia") && !heard.contains("Ada"),
            "{heard}"
        );
        assert!(!heard.contains(scene.guest_user.id.as_str()), "{heard}");
    }
    scene.service.stop().await;
}

#[tokio::test]
async fn removal_ends_the_call_and_leads_back_through_the_lobby() {
    let mut scene = scene().await;
    let ada = scene.guest_user.id.clone();
    scene
        .organizer
        .ask(act("o", "remove", Some(ada)))
        .await
        .unwrap();
    assert_eq!(scene.guest.ended().await, Reason::REMOVED.end());
    // The call that is over is not joined again.
    let again = scene.guest.join("g again", &scene.meeting).await.unwrap();
    assert_eq!(again.state, CallState::Lobby);
    scene.service.stop().await;
}

#[tokio::test]
async fn s5_b10_only_a_living_user_token_opens_a_session() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let guest = service.guest().await;
    for token in [
        "",
        "x",
        "a.b.c",
        &olivia.access,
        &guest.token[..guest.token.len() - 2],
    ] {
        let error = Agent::greet(service.address, token, "Eve", None)
            .await
            .err()
            .expect("B10");
        assert_eq!(error.sub_code, Reason::UNAUTHENTICATED.sub_code);
    }
    // The other way round: a user token is no access token of the organisation.
    for token in [&guest.token, &olivia.token] {
        let answer = service
            .post("/v1.0/me/onlineMeetings", Some(token), json!({}))
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let answer = service
        .post("/v1.0/me/onlineMeetings", None, json!({}))
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    service.stop().await;
}

#[tokio::test]
async fn s8_unknown_id_and_wrong_passcode_are_one_answer_and_tries_are_counted() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service.schedule(&olivia, json!({})).await;
    let settings = &meeting["joinMeetingIdSettings"];
    let typed = |id: &str, passcode: Option<&str>| {
        let locator = Locator::MeetingId {
            meeting_id: id.to_owned(),
            passcode: passcode.map(str::to_owned),
        };
        join("g", locator)
    };
    let id = settings["joinMeetingId"].as_str().unwrap();
    let user = service.guest().await;
    let mut guest = service.agent(&user, "Eve").await;
    let mut answers = Vec::new();
    for request in [
        typed(id, Some("wrong")),
        typed(id, None),
        typed("1000000000000", Some("wrong")),
    ] {
        answers.push(guest.ask(request).await.expect_err("S8"));
    }
    assert!(answers
        .iter()
        .all(|answer| *answer == Reason::WRONG_MEETING.error()));
    for _ in 3..10 {
        guest.ask(typed(id, Some("wrong"))).await.expect_err("S8");
    }
    let right = typed(id, settings["passcode"].as_str());
    let error = guest
        .ask(right.clone())
        .await
        .expect_err("S8: also the right one, or it would be an oracle");
    assert_eq!(error.sub_code, Reason::TOO_MANY_ATTEMPTS.sub_code);
    assert!(error
        .retry_after_ms
        .is_some_and(|wait| wait > 0 && wait <= 60_000));
    // The network is counted too, with another identity; who is inside notices nothing, and the meeting is
    // not locked: a member's session from elsewhere is not what is counted here.
    let other = service.guest().await;
    let mut other = service.agent(&other, "Eve 2").await;
    assert_eq!(
        other.ask(right).await.expect_err("S8").sub_code,
        Reason::TOO_MANY_ATTEMPTS.sub_code
    );
    service.stop().await;
}

#[tokio::test]
async fn b1_id_and_passcode_open_the_meeting_like_the_link() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service.schedule(&olivia, json!({})).await;
    let settings = &meeting["joinMeetingIdSettings"];
    let user = service.guest().await;
    let mut guest = service.agent(&user, "Ada").await;
    let locator = Locator::MeetingId {
        meeting_id: settings["joinMeetingId"].as_str().unwrap().to_owned(),
        passcode: settings["passcode"].as_str().map(str::to_owned),
    };
    let Ok(Reply::Call(snapshot)) = guest.ask(join("g", locator)).await else {
        panic!()
    };
    assert_eq!(snapshot.state, CallState::Lobby);
    for (link, reason) in [
        ("nonsense", Reason::NOT_A_MEETING),
        (
            "https://teams.live.com/meet/9312345678901?p=x",
            Reason::PERSONAL_MEETING,
        ),
        (
            "https://gov.teams.microsoft.us/meet/123456789?p=x",
            Reason::GOVERNMENT_MEETING,
        ),
    ] {
        let error = guest
            .ask(join("h", Locator::MeetingLink(link.into())))
            .await
            .expect_err(link);
        assert_eq!(error.sub_code, reason.sub_code, "B6: {link}");
    }
    service.stop().await;
}

#[tokio::test]
async fn s10_the_development_organisation_is_for_this_machine_alone() {
    let service = Service::start().await;
    for header in [
        ("forwarded", "for=192.0.2.1"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "https"),
        ("via", "1.1 proxy"),
        ("host", "meet.example.org"),
        ("host", "127.0.0.1.example.org"),
        ("origin", "https://evil.test"),
        ("origin", "null"),
    ] {
        let answer = service.http("GET", "/dev/members", &[header], "").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{header:?}");
    }
    let page = ("origin", "http://localhost:5173");
    let answer = service.http("GET", "/dev/members", &[page], "").await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (StatusCode::OK, page.1)
    );
    // A form of another page can send no JSON.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = service
        .http("POST", "/dev/guests", &form, "displayName=x")
        .await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    service.stop().await;

    let exposed =
        Service::with(|config| config.public_url = "https://meet.example.org".parse().ok()).await;
    let answer = exposed.http("GET", "/dev/members", &[], "").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    exposed.stop().await;
}

#[tokio::test]
async fn s6_a_token_that_runs_out_ends_the_session_unless_it_is_refreshed() {
    use plenary_service::clock::now_ms;
    use plenary_service::tokens::Scope;
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service.schedule(&olivia, json!({})).await;
    let user = service.guest().await;
    let short = |life: u64| {
        let scopes = [Scope::Voip].into();
        let tokens = &service.running.as_ref().unwrap().app.tokens;
        tokens
            .user(&user.id, 0, "r", &scopes, now_ms(), now_ms() + life)
            .token
    };
    let mut guest = Agent::connect(service.address, &short(5_000), "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    let other = service.guest().await;
    let error = guest
        .ask(Request::Token { token: other.token })
        .await
        .expect_err("another's token");
    assert_eq!(error.sub_code, Reason::UNAUTHENTICATED.sub_code);
    guest
        .ask(Request::Token {
            token: short(7_000),
        })
        .await
        .unwrap();
    assert_eq!(guest.ended().await, Reason::UNAUTHENTICATED.end());
    assert_eq!(guest.closed().await, Some(4401));
    service.stop().await;
}

#[tokio::test]
async fn s11_a_socket_without_a_proper_hello_is_closed() {
    let hasty = Service::limited(|limits| limits.hello_ms = 200).await;
    let mut silent = socket(hasty.address, Some(SUBPROTOCOL)).await;
    assert_eq!(close_code(&mut silent).await, Some(4408));
    hasty.stop().await;
    let service = Service::start().await;
    let mut other = socket(service.address, None).await;
    assert_eq!(close_code(&mut other).await, Some(4400));
    let mut rude = socket(service.address, Some(SUBPROTOCOL)).await;
    rude.send(Message::text(r#"{"id":7,"request":"ping"}"#))
        .await
        .unwrap();
    let Some(Ok(Message::Text(text))) = rude.next().await else {
        panic!()
    };
    assert!(
        text.contains("59160") && text.contains("\"id\":7"),
        "{text}"
    );
    let mut giant = socket(service.address, Some(SUBPROTOCOL)).await;
    // The service may close before all of it is sent.
    let _ = giant.send(Message::text("x".repeat(300 << 10))).await;
    // What was not read before the close makes the system reset the connection.
    assert!(matches!(close_code(&mut giant).await, Some(4400) | None));
    service.stop().await;
}

type Socket = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

async fn close_code(socket: &mut Socket) -> Option<u16> {
    loop {
        match tokio::time::timeout(DEADLINE, socket.next()).await.unwrap() {
            Some(Ok(Message::Close(close))) => return close.map(|close| close.code.into()),
            Some(Ok(_)) => {}
            _ => return None,
        }
    }
}

#[tokio::test]
async fn cve_2025_61601_a_malformed_message_is_refused_with_its_id_and_others_go_on() {
    let mut scene = scene().await;
    for (text, id) in [
        (r#"{"id":900,"request":{"unknown":{}}}"#, 900),
        (
            r#"{"id":901,"request":{"act":{"call":1,"act":"admit"}}}"#,
            901,
        ),
        (r#"{"id":902}"#, 902),
        ("not json", 0),
        (r#"{"id":-1,"request":"ping"}"#, 0),
    ] {
        scene.guest.send_text(text).await;
        let error = scene.guest.answer_to(id).await.expect_err(text);
        assert_eq!(error.sub_code, Reason::MALFORMED.sub_code);
    }
    let long = Request::Leave {
        call: CallId("x".repeat(200_000)),
    };
    assert_eq!(
        scene.guest.ask(long).await.expect_err("unknown").sub_code,
        Reason::NO_SUCH_CALL.sub_code
    );
    assert_eq!(scene.guest.ask(Request::Ping).await, Ok(Reply::Done));
    assert_eq!(scene.organizer.ask(Request::Ping).await, Ok(Reply::Done));
    scene.service.stop().await;
}

#[tokio::test]
async fn s15_nothing_secret_is_in_metrics_and_pages_have_their_policy() {
    let scene = scene().await;
    let metrics = scene.service.http("GET", "/metrics", &[], "").await;
    assert!(
        metrics.body.contains("plenary_participants 2"),
        "{}",
        metrics.body
    );
    assert!(metrics.body.contains("/v1.0/me/onlineMeetings"));
    for hidden in [
        &scene.olivia.token,
        &scene.olivia.access,
        &scene.guest_user.token,
    ] {
        assert!(!metrics.body.contains(hidden.as_str()));
    }
    let path = scene.meeting["joinWebUrl"]
        .as_str()
        .unwrap()
        .split("/meet/")
        .nth(1)
        .unwrap()
        .to_owned();
    let page = scene
        .service
        .http("GET", &format!("/meet/{path}"), &[], "")
        .await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains("'wasm-unsafe-eval'") && !policy.contains("'unsafe-inline'"));
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert!(!metrics.body.contains(&path));
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(
            scene.service.http("GET", probe, &[], "").await.status,
            StatusCode::OK
        );
    }
    scene.service.stop().await;
}
