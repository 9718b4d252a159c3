//! The program itself: what it prints, that a kill loses nothing, that it refuses to be exposed, that it
//! ends when told, and that no secret is in what it wrote (S15).
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::chat::{encoded, thread, Chat};
use common::program::*;
use common::scene::both_come;
use common::*;
use plenary_protocol::agent::*;
use serde_json::json;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What a busy machine may add to an end time.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_kill_loses_nothing_and_nothing_secret_is_written() {
    for settings in databases().await {
        a_kill_loses_nothing(&settings).await;
    }
}

async fn a_kill_loses_nothing(settings: &[(&'static str, String)]) {
    let folder = tempfile::tempdir().unwrap();
    let program = serve_with(folder.path(), settings).await;
    let base = format!("http://{}/", program.address);
    assert!(program.lines.contains(&format!("guest page: {base}guest/")));
    assert!(program.lines.contains(&format!("console: {base}console/")));
    let mut service = program.service(folder);

    let olivia = service.sign_in("Olivia").await;
    let meeting = service.schedule(&olivia, json!({})).await;
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let user = service.guest().await;
    let mut guest = service.agent(&user, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    let admit = act("o", "admit", Some(user.id.clone()));
    organizer.ask(admit).await.unwrap();
    guest.admitted().await;
    let path = meeting["joinWebUrl"]
        .as_str()
        .unwrap()
        .split_once("/meet/")
        .unwrap()
        .1
        .to_owned();
    service.http("GET", &format!("/meet/{path}"), &[], "").await;
    service
        .http("GET", "/rtc/v1?access_token=sesame-in-a-url", &[], "")
        .await;
    guest
        .send_text(r#"{"id":1,"request":{"token":{"token":"sesame-in-a-message","x":}}}"#)
        .await;
    let log = program.kill().await;

    let program = serve_with(service.data.path(), settings).await;
    service.address = program.address;
    let mut guest = service.agent(&user, "Ada").await;
    assert_eq!(
        guest.join("g", &meeting).await.unwrap().state,
        CallState::Connected
    );
    let mut organizer = service.agent(&olivia, "").await;
    assert_eq!(organizer.join("o", &meeting).await.unwrap().roster.len(), 2);
    let log = log + &program.terminate().await;
    assert_eq!(guest.closed().await, Some(1012));

    assert!(
        log.contains("/v1.0/me/onlineMeetings"),
        "requests are logged by route:\n{log}"
    );
    let secret = path.split_once("p=").unwrap().1.to_owned();
    let passcode = meeting["joinMeetingIdSettings"]["passcode"]
        .as_str()
        .unwrap()
        .to_owned();
    let keys = command(service.data.path(), &["keys"])
        .envs(settings.iter().cloned())
        .output()
        .await
        .unwrap();
    let keys = String::from_utf8(keys.stdout).unwrap();
    let key = keys
        .lines()
        .next()
        .unwrap()
        .split_once("accesskey=")
        .unwrap()
        .1
        .to_owned();
    let hidden = [
        olivia.token,
        olivia.access,
        user.token,
        secret,
        passcode,
        key,
    ];
    for hidden in hidden.iter().map(String::as_str).chain([
        "sesame-in-a-url",
        "sesame-in-a-message",
        postgres::PASSWORD,
    ]) {
        assert!(!log.contains(hidden), "S15: {hidden}");
    }
}

/// `E12`: what the end time says holds whether the service was there all along or not.
#[tokio::test]
async fn rooms_close_at_their_end_though_the_service_was_killed_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let program = serve_with(folder.path(), &[]).await;
    let mut service = program.service(folder);
    let olivia = service.sign_in("Olivia").await;
    let body = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, body).await;
    let (_organizer, user, mut guest) = both_come(&service, &olivia, &meeting).await;
    let path = format!("/meetings/{}/breakoutRooms", text(&meeting["id"]));
    let token = Some(olivia.access.as_str());
    let made = service.post(&path, token, json!({"count": 1})).await.ok();
    let room = text(&made["value"][0]["id"]);
    let wish = json!({"assignments": [{"id": user.id, "roomId": room}]});
    let assign = format!("{path}/assign");
    service.post(&assign, token, wish).await.ok();
    // Long enough for another start of the program.
    let seconds = 15;
    let ends = Instant::now() + Duration::from_secs(seconds);
    let open = json!({"durationSeconds": seconds});
    service
        .post(&format!("{path}/open"), token, open)
        .await
        .ok();
    let there = guest.until(|event| match event {
        Event::Moved { to, .. } => Some((**to).clone()),
        _ => None,
    });
    let there = there.await;
    program.kill().await;

    let program = serve_with(service.data.path(), &[]).await;
    service.address = program.address;
    let mut guest = service.agent(&user, "Ada").await;
    let again = guest.join(there.call.as_str(), &meeting).await.unwrap();
    assert_eq!(again.room, there.room, "back where they were");
    let back = guest.until(|event| match event {
        Event::Moved { to, .. } => Some((**to).clone()),
        _ => None,
    });
    assert_eq!(back.await.room, None);
    let off = Instant::now().saturating_duration_since(ends);
    assert!(Instant::now() >= ends && off < SOON, "{off:?} late");

    // The end comes while nobody is there to see it.
    let open = json!({"durationSeconds": 1});
    service
        .post(&format!("{path}/open"), token, open)
        .await
        .ok();
    let ends = Instant::now() + Duration::from_secs(1);
    program.kill().await;
    tokio::time::sleep_until(ends.into()).await;
    let program = serve_with(service.data.path(), &[]).await;
    service.address = program.address;
    let state = service.json("GET", &path, token, json!({})).await.ok();
    assert_eq!(state["value"][0]["state"], "closed");
    program.kill().await;
}

#[tokio::test]
async fn s10_an_exposed_development_organisation_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    for exposed in [
        ["--listen", "0.0.0.0:0", "--udp", "127.0.0.1:0"],
        ["--listen", "127.0.0.1:0", "--udp", "0.0.0.0:0"],
        [
            "--listen",
            "127.0.0.1:0",
            "--public-url",
            "https://meet.example.org",
        ],
    ] {
        let arguments: Vec<&str> = ["serve", "--dev-organisation"]
            .into_iter()
            .chain(exposed)
            .collect();
        let output = command(folder.path(), &arguments).output().await.unwrap();
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("development organisation"));
    }
}

#[tokio::test]
async fn connection_strings_have_the_form_that_clients_read() {
    let folder = tempfile::tempdir().unwrap();
    let output = command(
        folder.path(),
        &["keys", "--public-url", "https://meet.example.org"],
    )
    .output();
    let output = String::from_utf8(output.await.unwrap().stdout).unwrap();
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert!(
            line.starts_with("endpoint=https://meet.example.org;accesskey="),
            "{line}"
        );
        assert!(!line.ends_with(';'));
    }
}

/// A message as a client sends it that does not give up: the same request until it is acknowledged.
/// `None`: the service went away meanwhile.
async fn sent(address: SocketAddr, token: &str, thread: &str, n: usize) -> Option<String> {
    let stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.ok()?;
    tokio::spawn(connection);
    let body = json!({"content": n.to_string()}).to_string();
    let request = hyper::Request::post(format!(
        "/chat/threads/{thread}/messages?api-version=2025-03-15"
    ))
    .header("host", address.to_string())
    .header("authorization", format!("Bearer {token}"))
    .header("repeatability-request-id", format!("message-{n}"))
    .body(http_body_util::Full::new(hyper::body::Bytes::from(body)))
    .unwrap();
    let response = sender.send_request(request).await.ok()?;
    assert_eq!(response.status(), 201);
    let body = http_body_util::BodyExt::collect(response.into_body())
        .await
        .ok()?;
    let answer: serde_json::Value = serde_json::from_slice(&body.to_bytes()).ok()?;
    Some(answer["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn ten_kills_lose_no_acknowledged_message_and_none_is_there_twice() {
    for mut settings in databases().await {
        settings.extend(unlimited());
        ten_kills_lose_nothing(&settings).await;
    }
}

async fn ten_kills_lose_nothing(settings: &[(&'static str, String)]) {
    const KILLS: usize = 10;
    let folder = tempfile::tempdir().unwrap();
    let mut program = serve_with(folder.path(), settings).await;
    let mut service = program.service(folder);
    let user = service.guest().await;
    let thread_id = thread(&service, &user, &[]).await.thread;
    let path = encoded(&thread_id);

    let (acknowledged, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let (moved, mut address) = tokio::sync::watch::channel(service.address);
    let token = user.token.clone();
    let sending = tokio::spawn(async move {
        for n in 0.. {
            let id = loop {
                let at = *address.borrow_and_update();
                match sent(at, &token, &path, n).await {
                    Some(id) => break id,
                    // It was killed: to the next one, with the same message.
                    None if address.changed().await.is_err() => return,
                    None => {}
                }
            };
            if acknowledged.send((n, id)).is_err() {
                return;
            }
        }
    });
    let mut known = Vec::new();
    for kill in 0..KILLS {
        // Another number each time, and always in the middle of sending.
        for _ in 0..10 + kill {
            known.push(
                tokio::time::timeout(DEADLINE, heard.recv())
                    .await
                    .unwrap()
                    .unwrap(),
            );
        }
        program.kill().await;
        program = serve_with(service.data.path(), settings).await;
        service.address = program.address;
        moved.send(program.address).unwrap();
    }
    known.push(
        tokio::time::timeout(DEADLINE, heard.recv())
            .await
            .unwrap()
            .unwrap(),
    );
    heard.close();
    drop(moved);
    sending.await.unwrap();
    while let Ok(late) = heard.try_recv() {
        known.push(late);
    }

    let chat = Chat {
        service: &service,
        thread: thread_id,
    };
    let stored = chat.stored(&user).await.into_iter();
    let stored: Vec<_> = stored
        .map(|(id, text)| (text.parse::<usize>().unwrap(), id))
        .collect();
    assert!(known.len() > KILLS * 10);
    for pair in stored.windows(2) {
        assert_eq!(pair[1].0, pair[0].0 + 1, "in order, and none twice");
    }
    for acknowledged in &known {
        assert!(stored.contains(acknowledged), "{acknowledged:?} is lost");
    }
    program.terminate().await;
}
