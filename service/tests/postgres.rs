//! The service on PostgreSQL: many who write at once, a server that goes away and comes back, an address that is
//! wrong. What a kill of the service leaves is in `process.rs`, on both databases.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::chat::*;
use common::postgres::{self, Cluster, PASSWORD};
use common::program::command;
use common::*;
use hyper::StatusCode;
use plenary_protocol::end::Reason;
use plenary_service::config::Config;
use plenary_service::server;
use serde_json::{json, Value};
use std::path::Path;

fn on(url: String) -> impl FnOnce(&mut Config) {
    move |config| {
        config.database = Some(url.parse().unwrap());
        // A sender of many messages would meet them.
        config.limits.chat.rates.write.thread.per_10s = 0;
        config.limits.chat.rates.write.thread.per_minute = 0;
    }
}

/// A message under an id of its sender's; the same request may come again.
async fn send(chat: &Chat<'_>, who: &SignedIn, id: &str, text: &str) -> Answer {
    let authorization = format!("Bearer {}", who.token);
    let headers = [
        ("content-type", "application/json"),
        ("authorization", authorization.as_str()),
        ("repeatability-request-id", id),
    ];
    let body = json!({"content": text}).to_string();
    let target = chat.target("/messages");
    chat.service.http("POST", &target, &headers, &body).await
}

/// All messages of people, the oldest first: sequence number, id and text.
async fn history(chat: &Chat<'_>, who: &SignedIn) -> Vec<(u64, String, String)> {
    let messages = chat.list(who, "/messages?maxPageSize=50").await.unwrap();
    let messages = messages.iter().rev();
    let texts = messages.filter(|message| message["type"] == "text");
    let row = |message: &Value| {
        (
            text(&message["sequenceId"]).parse().unwrap(),
            text(&message["id"]).to_owned(),
            text(&message["content"]["message"]).to_owned(),
        )
    };
    texts.map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_twenty_who_send_at_once_are_each_there_once_in_one_order_for_everybody() {
    const SENDERS: usize = 20;
    const EACH: usize = 5;
    let Some(url) = postgres::database().await else {
        return;
    };
    let service = Service::with(on(url)).await;
    let mut people = Vec::new();
    for _ in 0..SENDERS {
        people.push(service.guest().await);
    }
    let others: Vec<&SignedIn> = people[1..].iter().collect();
    let chat = thread(&service, &people[0], &others).await;
    let sending = people.iter().enumerate().map(|(n, who)| {
        let chat = &chat;
        async move {
            let mut acknowledged = Vec::new();
            for m in 0..EACH {
                let (id, text) = (format!("{m}"), format!("{n} {m}"));
                // Twice at the same time: a client that lost patience.
                let (first, again) =
                    futures::join!(send(chat, who, &id, &text), send(chat, who, &id, &text));
                assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
                assert_eq!(first.body, again.body);
                acknowledged.push((first.json()["id"].as_str().unwrap().to_owned(), text));
            }
            acknowledged
        }
    });
    let acknowledged = futures::future::join_all(sending).await;

    let seen = history(&chat, &people[0]).await;
    assert_eq!(
        seen.len(),
        SENDERS * EACH,
        "none is lost, none is there twice"
    );
    for pair in seen.windows(2) {
        assert!(pair[0].0 < pair[1].0, "{pair:?}");
    }
    for theirs in &acknowledged {
        let places: Vec<usize> = theirs
            .iter()
            .map(|(id, text)| {
                let is = |row: &(u64, String, String)| row.1 == *id && row.2 == *text;
                seen.iter().position(is).unwrap()
            })
            .collect();
        assert!(places.is_sorted(), "in the order in which it was sent");
    }
    for who in &people[1..] {
        assert_eq!(history(&chat, who).await, seen);
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_a_server_that_crashes_refuses_for_a_while_and_loses_nothing_acknowledged() {
    let Some(server) = Cluster::start() else {
        return;
    };
    let service = Service::with(on(server.database().await)).await;
    let (ada, eve) = (service.guest().await, service.guest().await);
    let chat = thread(&service, &ada, &[&eve]).await;
    let ready = || async { service.http("GET", "/readyz", &[], "").await.status };
    assert_eq!(ready().await, StatusCode::OK);

    let mut acknowledged = Vec::new();
    let mut n = 0;
    for crash in 0..2 {
        for _ in 0..5 {
            let sent = send(&chat, &ada, &n.to_string(), &n.to_string()).await.ok();
            acknowledged.push((sent["id"].as_str().unwrap().to_owned(), n.to_string()));
            n += 1;
        }
        // In the middle of what others send.
        let burst: Vec<String> = (0..6).map(|k| format!("burst {crash} {k}")).collect();
        let sending = burst.iter().map(|text| send(&chat, &eve, text, text));
        let crashing = async {
            let _ = send(&chat, &ada, &n.to_string(), &n.to_string()).await;
            server.crash();
        };
        let (answers, ()) = futures::join!(futures::future::join_all(sending), crashing);
        for (text, answer) in burst.iter().zip(answers) {
            if answer.status == StatusCode::CREATED {
                let id = answer.json()["id"].as_str().unwrap().to_owned();
                acknowledged.push((id, text.clone()));
            } else {
                assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
            }
        }
        let refused = send(&chat, &ada, &n.to_string(), &n.to_string()).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.json()["error"]["code"], "ServiceUnavailable");
        assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
        server.start_again();
        assert_eq!(
            ready().await,
            StatusCode::OK,
            "without a restart of the service"
        );
    }

    let seen = history(&chat, &ada).await;
    assert!(acknowledged.len() >= 10);
    for (id, text) in &acknowledged {
        let found = seen.iter().filter(|row| row.1 == *id && row.2 == *text);
        assert_eq!(found.count(), 1, "{text}");
    }
    for row in &seen {
        let same = seen.iter().filter(|other| other.2 == row.2);
        assert_eq!(same.count(), 1, "{} is there once", row.2);
    }
    service.stop().await;
}

#[tokio::test]
async fn s15_on_postgresql_a_wrong_address_is_told_with_what_would_be_right_and_without_its_password(
) {
    let Some(url) = postgres::database().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plenary.toml");
    for (wrong, right) in [
        (url.replace(PASSWORD, "sesame-mistyped"), "~/.pgpass"),
        (
            url.replace("postgres:", "mysql:"),
            "must begin with postgres://",
        ),
        (url.replace("@127", "/@127"), "percent-encoded"),
        (format!("{url}?password={PASSWORD}"), "sslmode"),
    ] {
        std::fs::write(&file, format!("database = '{wrong}'")).unwrap();
        let configured = ["serve", "--config", file.to_str().unwrap()];
        for (arguments, environment) in [
            (&["serve", "--database", &wrong][..], ""),
            (&["serve"], wrong.as_str()),
            (&configured, ""),
        ] {
            let mut command = command(folder.path(), arguments);
            if !environment.is_empty() {
                command.env("PLENARY_DATABASE", environment);
            }
            let output = command.output().await.unwrap();
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success());
            assert!(told.contains(right), "{told}");
            assert!(!told.contains("sesame"), "{told}");
        }
    }
}

/// One of several on the same keys and the same database.
async fn instance(data: &Path, url: &str) -> Service {
    let mut config = config(data);
    on(url.to_owned())(&mut config);
    // What tokens are made for.
    config.public_url = Some("http://localhost:1".parse().unwrap());
    let running = server::start(config).await.unwrap();
    Service {
        address: running.address,
        running: Some(running),
        data: tempfile::tempdir().unwrap(),
    }
}

/// Each has the thread in memory as it last wrote it, and the database decides.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_two_instances_write_to_one_thread_in_one_order() {
    const SENDERS: usize = 10;
    const EACH: usize = 5;
    let Some(url) = postgres::database().await else {
        return;
    };
    let data = tempfile::tempdir().unwrap();
    let instances = [
        instance(data.path(), &url).await,
        instance(data.path(), &url).await,
    ];
    let mut people = Vec::new();
    for _ in 0..SENDERS {
        people.push(instances[0].guest().await);
    }
    let others: Vec<&SignedIn> = people[1..].iter().collect();
    let chat = thread(&instances[0], &people[0], &others).await;
    let over = |n: usize| Chat {
        service: &instances[n % 2],
        thread: chat.thread.clone(),
    };
    let sending = people.iter().enumerate().map(|(n, who)| async move {
        let mut acknowledged = Vec::new();
        for m in 0..EACH {
            let (id, text) = (m.to_string(), format!("{n} {m}"));
            // The other instance may be first so often that one gives up, and says so.
            let sent = loop {
                let answer = send(&over(n + m), who, &id, &text).await;
                if answer.status != StatusCode::SERVICE_UNAVAILABLE {
                    break answer.ok();
                }
            };
            acknowledged.push((sent["id"].as_str().unwrap().to_owned(), text));
        }
        acknowledged
    });
    let acknowledged = futures::future::join_all(sending).await.concat();

    let seen = history(&over(0), &people[0]).await;
    assert_eq!(seen, history(&over(1), &people[1]).await);
    assert_eq!(seen.len(), SENDERS * EACH);
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0));
    for (id, text) in &acknowledged {
        let found = seen.iter().filter(|row| row.1 == *id && row.2 == *text);
        assert_eq!(found.count(), 1, "{text}");
    }
    for instance in instances {
        instance.stop().await;
    }
}

/// PostgreSQL's texts hold no NUL. Nobody learns which database is behind the service by sending one.
#[tokio::test]
async fn s12_on_postgresql_a_nul_is_refused_or_not_found() {
    let Some(url) = postgres::database().await else {
        return;
    };
    let service = Service::with(on(url)).await;
    let (ada, olivia) = (service.guest().await, service.sign_in("Olivia").await);
    let chat = thread(&service, &ada, &[]).await;
    let nowhere = Chat {
        service: &service,
        thread: "19:%00@thread.v2".into(),
    };
    let unknown = nowhere.get(&ada, "/messages").await;
    assert_eq!(unknown.status, StatusCode::FORBIDDEN, "{}", unknown.body);
    let message = chat.send(&ada, "a\0b").await;
    assert_eq!(chat.texts(&ada).await, ["ab"]);
    let one = format!("/messages/{message}");
    let edit = json!({"metadata": {"k\0": "\0"}});
    let edited = chat.ask(&ada, "PATCH", &one, edit).await;
    assert_eq!(edited.status, StatusCode::NO_CONTENT, "{}", edited.body);
    assert_eq!(
        chat.get(&ada, &one).await.ok()["metadata"],
        json!({"k\0": "\0"})
    );
    let stranger = json!({"participants": [{"communicationIdentifier": {"rawId": "8:acs:\0"}}]});
    let added = chat.ask(&ada, "POST", "/participants/:add", stranger).await;
    assert_eq!(added.ok()["invalidParticipants"][0]["code"], "404");
    let target = "/v1.0/me/onlineMeetings/createOrGet";
    let body = json!({"externalId": "\0", "subject": "\0a"});
    let refused = service.post(target, Some(&olivia.access), body).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
    let meeting = service.schedule(&olivia, json!({"subject": "\0a"})).await;
    let mut agent = service.agent(&ada, "Ada\0").await;
    let refused = agent.join("\0", &meeting).await.unwrap_err();
    assert_eq!(refused, Reason::MALFORMED.error());
    service.stop().await;
}
