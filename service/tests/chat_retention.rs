//! What is kept for how long (D3, D4): the resource's copy of each guest's last message, and threads with a
//! policy of their own; what the command says is what the night deletes.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::chat::meeting::*;
use common::*;
use hyper::StatusCode;
use plenary_protocol::agent::*;
use plenary_protocol::id::RawId;
use plenary_service::chat::retention::{LastMessage, Policy, Why};
use plenary_service::chat::{Body, Content, Life, Origin, Participant, Retention, Thread, Window};
use plenary_service::chats::Chats;
use plenary_service::clock::{now_ms, rfc3339};
use plenary_service::config::{ChatLimits, Flags};
use plenary_service::server::{self, database};
use plenary_service::store::chat::{ChatStore, Writes};
use plenary_service::store::sqlite::Sqlite;
use plenary_service::store::Store;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const DAY: u64 = 24 * 60 * 60_000;

#[tokio::test]
async fn d3_d4_a_guests_last_message_is_kept_apart_and_goes_by_the_policy_of_who_was_there() {
    let apart = tempfile::tempdir().unwrap();
    let service = Service::with(|config| {
        config.resource_data = Some(apart.path().to_owned());
        config.retention = vec![Policy {
            days: 7,
            members: None,
        }];
    })
    .await;
    let app = service.running.as_ref().unwrap().app.clone();
    let InCall {
        olivia,
        thread,
        ada,
        organizer: _organizer,
        guest: _guest,
        ..
    } = InCall::of(&service).await;
    for text in ["first", "last"] {
        assert_eq!(
            send(&service, &ada, &thread, text).await.status,
            StatusCode::CREATED
        );
    }
    assert_eq!(
        send(&service, &olivia, &thread, "a member's").await.status,
        StatusCode::CREATED
    );
    let copies = app.store.last_messages(None, 9).await.unwrap();
    assert_eq!(copies.len(), 1, "guests' alone, and one of each");
    assert_eq!(copies[0].body.content, Content::Text("last".into()));
    // In the resource's own database, and not in the organisation's.
    let database = plenary_service::server::database;
    let own = Sqlite::open(&database(apart.path())).await.unwrap();
    assert_eq!(own.last_messages(None, 9).await.unwrap(), copies);
    let organisation = Sqlite::open(&database(service.data.path())).await.unwrap();
    assert!(organisation
        .last_messages(None, 9)
        .await
        .unwrap()
        .is_empty());
    assert!(own.thread(&thread).await.unwrap().is_none());
    // It follows what its guest does with it.
    let one = format!("/messages/{}", copies[0].message);
    let edit = json!({"content": "changed"});
    let edited = ask(&service, &ada, "PATCH", &thread, &one, edit).await;
    assert_eq!(edited.status, StatusCode::NO_CONTENT);
    let copies = app.store.last_messages(None, 9).await.unwrap();
    assert_eq!(copies[0].body.content, Content::Text("changed".into()));

    let sent = copies[0].sent;
    app.chats.sweep(sent + 7 * DAY - 1).await;
    assert_eq!(app.store.last_messages(None, 9).await.unwrap().len(), 1);
    let over = app.chats.past_their_time(sent + 7 * DAY).await.unwrap();
    assert_eq!(over[0].1, Why::Policy(7), "Olivia was there");
    app.chats.sweep(sent + 7 * DAY).await;
    assert!(app.store.last_messages(None, 9).await.unwrap().is_empty());
    let page = history(&service, &olivia, &thread).await.ok();
    assert_eq!(
        texts(&page)[1],
        "changed",
        "the organisation's is not the resource's"
    );
    service.stop().await;
}

/// Who was in the meeting is who joined it, whichever room they were in; not who was only invited.
#[tokio::test]
async fn d4_a_policy_applies_where_one_of_its_members_was_there_be_it_in_a_room() {
    let service = Service::start().await;
    let app = service.running.as_ref().unwrap().app.clone();
    let [olivia, marco, petra] = [
        service.sign_in("Olivia").await,
        service.sign_in("Marco").await,
        service.sign_in("Petra").await,
    ];
    let attendee = |who: &SignedIn| json!({"identity": {"user": {"id": who.oid}}});
    let meeting = service
        .schedule(
            &olivia,
            json!({
                "lobbyBypassSettings": {"scope": "everyone"},
                "allowGuestChatInBreakoutRooms": true,
                "participants": {"attendees": [attendee(&marco), attendee(&petra)]},
            }),
        )
        .await;
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let base = format!("/meetings/{}/breakoutRooms", text(&meeting["id"]));
    let token = Some(olivia.access.as_str());
    let made = service.post(&base, token, json!({"count": 1})).await.ok();
    let (room, thread) = (&made["value"][0]["id"], text(&made["value"][0]["threadId"]));
    let (ada, bob) = (service.guest().await, service.guest().await);
    let assignments = [&petra.id, &ada.id].map(|id| json!({"id": id, "roomId": room}));
    for (what, body) in [
        ("assign", json!({"assignments": assignments})),
        ("open", json!({})),
    ] {
        let target = format!("{base}/{what}");
        service.post(&target, token, body).await.ok();
    }
    // Who comes late goes to the room at once.
    let mut agents = Vec::new();
    for (who, name, call) in [(&petra, "", "p"), (&ada, "Ada", "a"), (&bob, "Bob", "b")] {
        let mut agent = service.agent(who, name).await;
        agent.join(call, &meeting).await.unwrap();
        if who.id != bob.id {
            agent
                .until(|event| matches!(event, Event::Moved { .. }).then_some(()))
                .await;
        }
        agents.push(agent);
    }
    let in_room = written(&send(&service, &ada, thread, "in the room").await);
    let in_main = written(&send(&service, &bob, &thread_of(&meeting), "in the meeting").await);

    let over = async |days: u64, scope: Option<&SignedIn>| -> Vec<(String, Why)> {
        let members = scope.map(|who| BTreeSet::from([who.oid.clone()]));
        let policies = vec![Policy { days: 7, members }];
        let chats = Chats::new(app.store.clone(), ChatLimits::default(), policies);
        let over = chats.past_their_time(now_ms() + days * DAY).await.unwrap();
        let over = over.into_iter();
        over.map(|(last, why)| (last.message.to_string(), why))
            .collect()
    };
    let both = |why: Why| BTreeMap::from([(in_room.clone(), why), (in_main.clone(), why)]);
    for (who, days, why) in [
        (None, 7, Some(Why::Policy(7))),
        (Some(&olivia), 7, Some(Why::Policy(7))),
        (Some(&petra), 7, Some(Why::Policy(7))),
        (Some(&marco), 7, None),
        (Some(&marco), 29, None),
        (Some(&marco), 30, Some(Why::Age(30))),
    ] {
        let found = BTreeMap::from_iter(
            over(days, who)
                .await
                .into_iter()
                .map(|(id, why)| (id, format!("{why:?}"))),
        );
        let expected = why.map(both).unwrap_or_default();
        let expected = BTreeMap::from_iter(
            expected
                .into_iter()
                .map(|(id, why)| (id, format!("{why:?}"))),
        );
        assert_eq!(
            found,
            expected,
            "{:?} after {days} days",
            who.map(|who| &who.id)
        );
    }
    service.stop().await;
}

/// A guest's copy of `days` ago.
fn copy(guest: &str, thread: &str, now: u64, days: u64) -> LastMessage {
    let sent = now - days * DAY - 60_000;
    LastMessage {
        guest: guest.into(),
        thread: thread.to_owned(),
        message: sent,
        sent,
        body: Body {
            name: None,
            content: Content::Text("a secret".to_owned()),
            metadata: BTreeMap::new(),
            life: Life::Sent,
        },
    }
}

/// A thread of `days` ago, in which a member takes part who was in its call.
async fn kept_thread(
    store: &Sqlite,
    id: &str,
    origin: Origin,
    now: u64,
    days: u64,
    retention: Option<Retention>,
) {
    let member = RawId::from("8:orgid:olivia");
    let created = now - days * DAY - 60_000;
    let mut thread = Thread::new(id.to_owned(), origin, member.clone(), created);
    thread.retention = retention;
    let window = Window { from: 0, to: None };
    let participant = Participant {
        name: None,
        shared_from: None,
        order: 0,
        windows: vec![window],
        read: None,
        attended: true,
        metadata: BTreeMap::new(),
    };
    thread.participants.insert(member.clone(), participant);
    let writes = Writes {
        participants: vec![member],
        ..Writes::default()
    };
    assert!(store.commit(&thread, &writes).await.unwrap());
}

/// Guests with a copy, and threads with a policy of their own, that are still there.
async fn left(data: &Path) -> BTreeSet<String> {
    let store = Sqlite::open(&database(data)).await.unwrap();
    let copies = store.last_messages(None, 99).await.unwrap();
    let threads = store.mortal("", 99).await.unwrap();
    store.close().await;
    copies
        .into_iter()
        .map(|last| last.guest.0)
        .chain(threads)
        .collect()
}

#[tokio::test]
async fn d4_the_command_says_what_the_service_deletes_at_its_start_and_why() {
    let data = tempfile::tempdir().unwrap();
    let now = now_ms();
    let store = Sqlite::open(&database(data.path())).await.unwrap();
    let (attended, other) = ("19:meeting_a@thread.v2", "19:meeting_b@thread.v2");
    kept_thread(
        &store,
        attended,
        Origin::Meeting("a".to_owned()),
        now,
        50,
        None,
    )
    .await;
    let own = |days| Some(Retention::AfterCreation(days));
    for (id, days, policy) in [
        ("19:over@thread.v2", 31, own(30)),
        ("19:not_yet@thread.v2", 29, own(30)),
        ("19:longer@thread.v2", 31, own(60)),
        ("19:never@thread.v2", 99, Some(Retention::None)),
    ] {
        kept_thread(&store, id, Origin::Group, now, days, policy).await;
    }
    let copies = [
        copy("8:acs:r_policy", attended, now, 7),
        copy("8:acs:r_recent", attended, now, 6),
        copy("8:acs:r_age", other, now, 30),
        copy("8:acs:r_young", other, now, 29),
    ];
    for copy in &copies {
        store.keep_last(copy).await.unwrap();
    }
    store.close().await;
    let file = data.path().join("plenary.toml");
    let text =
        "[[retention]]\ndays = 365\n\n[[retention]]\ndays = 7\nmembers = ['olivia', 'marco']\n";
    std::fs::write(&file, text).unwrap();

    let before = left(data.path()).await;
    let config = file.to_str().unwrap();
    let said = program::command(data.path(), &["retention", "--config", config]);
    let said = { said }.output().await.unwrap();
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    let said = String::from_utf8(said.stdout).unwrap();
    let at = |days: u64| rfc3339(now - days * DAY - 60_000);
    let expected = BTreeSet::from([
        format!(
            "8:acs:r_policy of {attended} sent {}: a policy of 7 days applies to a member who was in the meeting",
            at(7)
        ),
        format!("8:acs:r_age of {other} sent {}: no policy applies, and it is older than 30 days", at(30)),
        format!("19:over@thread.v2 made {}: its own policy keeps it for 30 days", at(31)),
    ]);
    assert_eq!(
        said.lines().map(str::to_owned).collect::<BTreeSet<_>>(),
        expected
    );
    assert!(!said.contains("secret"));
    assert_eq!(left(data.path()).await, before, "it deletes nothing");

    let flags = Flags {
        config: Some(file),
        ..Flags::default()
    };
    let read = plenary_service::config::Config::load(&flags).unwrap();
    let config = plenary_service::config::Config {
        retention: read.retention,
        ..common::config(data.path())
    };
    let running = server::start(config).await.unwrap();
    let named = said
        .lines()
        .map(|line| line.split(' ').next().unwrap().to_owned());
    let expected: BTreeSet<String> = before.difference(&named.collect()).cloned().collect();
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while left(data.path()).await != expected {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{:?}",
            left(data.path()).await
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    running.stop().await;
}
