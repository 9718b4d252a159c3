//! What somebody missed of chat while no session of theirs was told: after a restart, or after longer than
//! sessions are kept. It comes once, in order, and is what they may read (`D1`, `S13`).
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::chat::*;
use common::*;
use plenary_protocol::agent::*;
use plenary_protocol::chat::*;
use plenary_protocol::id::{CallId, SessionId};
use plenary_service::server;
use serde_json::{json, Value};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What an event says, in short.
fn short(event: &ChatEvent) -> String {
    let names = |who: &[ChatParticipant]| {
        let names = who.iter().map(|one| one.display_name.clone().unwrap());
        names.collect::<Vec<_>>().join(", ")
    };
    match event {
        ChatEvent::MessageReceived(message) => format!("+ {}", message.message),
        ChatEvent::MessageEdited { message, .. } => format!("~ {}", message.message),
        ChatEvent::MessageDeleted { message, .. } => format!("- {}", message.message),
        ChatEvent::ParticipantsAdded {
            participants_added, ..
        } => format!("come: {}", names(participants_added)),
        ChatEvent::ParticipantsRemoved {
            participants_removed,
            ..
        } => format!("gone: {}", names(participants_removed)),
        ChatEvent::ThreadPropertiesUpdated { thread, .. } => format!("now {}", thread.topic),
        ChatEvent::ThreadCreated { thread, .. } => format!("new {}", thread.topic),
        ChatEvent::ThreadDeleted { .. } => "over".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Comes back with another socket, and asks to hear of chat.
async fn back(service: &Service, who: &SignedIn, resume: Resume) -> Agent {
    let greeted = Agent::greet(service.address, &who.token, "", Some(resume)).await;
    let mut agent = greeted.unwrap();
    assert!(!agent.welcome.resumed, "its session is gone");
    assert!(agent.events.is_empty());
    agent.ask(Request::SubscribeChat).await.unwrap();
    agent
}

/// Everything of chat that came up to now, in short.
async fn told(agent: &mut Agent) -> Vec<String> {
    agent.ask(Request::Ping).await.unwrap();
    let events = agent.events.drain(..);
    let chat = events.filter_map(|event| match event {
        Event::Chat(event) => Some(short(&event)),
        _ => None,
    });
    chat.collect()
}

/// What comes of chat up to this.
async fn shorts_until(agent: &mut Agent, last: &str) -> Vec<String> {
    let mut shorts = Vec::new();
    while shorts.last().is_none_or(|short| short != last) {
        shorts.push(short(&heard(agent).await));
    }
    shorts
}

fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_micros()).unwrap()
}

/// A time with nothing in its millisecond.
async fn moment() -> u64 {
    tokio::time::sleep(Duration::from_millis(2)).await;
    let now = now_us();
    tokio::time::sleep(Duration::from_millis(2)).await;
    now
}

/// What a client may say that had a session, or never had one.
fn forged(begun: u64, last_seq: u64) -> Resume {
    Resume {
        session: SessionId(format!("{begun}-forged")),
        last_seq,
    }
}

/// A service over these data where everybody writes as fast as they like.
async fn over(data: &tempfile::TempDir) -> Service {
    let mut config = config(data.path());
    let rates = &mut config.limits.chat.rates;
    (rates.write.thread, rates.write.user) = (UNBOUNDED, UNBOUNDED);
    let running = server::start(config).await.unwrap();
    Service {
        address: running.address,
        running: Some(running),
        data: tempfile::tempdir().unwrap(),
    }
}

/// The service again, over the same data.
async fn restarted(service: Service, data: &tempfile::TempDir) -> Service {
    service.stop().await;
    over(data).await
}

fn of<'a>(service: &'a Service, thread: &str) -> Chat<'a> {
    Chat {
        service,
        thread: thread.to_owned(),
    }
}

#[tokio::test]
async fn after_a_restart_every_kind_of_event_is_told_once_and_in_order() {
    let data = tempfile::tempdir().unwrap();
    let service = over(&data).await;
    let [jane, alex, rama] = [
        service.guest().await,
        service.guest().await,
        service.guest().await,
    ];
    let mut ear = listening(&service, &alex, "").await;
    let chat = thread(&service, &jane, &[&alex]).await;
    let id = chat.thread.clone();
    chat.send(&jane, "heard").await;
    let [edited, deleted] = [
        chat.send(&jane, "old").await,
        chat.send(&jane, "regretted").await,
    ];
    let first = ["new Lunch", "+ heard", "+ old", "+ regretted"];
    assert_eq!(told(&mut ear).await, first);
    let resume = ear.resume();
    drop(ear);

    let message = |id: &str| format!("/messages/{id}");
    let edit = |text: &str| json!({ "content": text });
    chat.ask(&jane, "PATCH", &message(&edited), edit("old, edited"))
        .await;
    chat.ask(&jane, "DELETE", &message(&deleted), Value::Null)
        .await;
    chat.send(&jane, "new").await;
    let changed = chat.send(&jane, "changed").await;
    let gone = chat.send(&jane, "gone").await;
    chat.send(&jane, "between").await;
    chat.ask(&jane, "PATCH", &message(&changed), edit("changed, edited"))
        .await;
    chat.ask(&jane, "DELETE", &message(&gone), Value::Null)
        .await;
    chat.ask(&jane, "PATCH", "", json!({"topic": "Dinner"}))
        .await;
    let add = json!({"participants": [participant(&rama, "Rama")]});
    chat.ask(&jane, "POST", "/participants/:add", add).await;
    chat.ask(&jane, "POST", "/participants/:remove", user(&rama))
        .await;
    // Nothing of these is told later.
    chat.ask(&jane, "POST", "/typing", json!({})).await;
    let read = json!({"chatMessageId": changed});
    chat.ask(&jane, "POST", "/readReceipts", read).await;
    let service = restarted(service, &data).await;
    let chat = of(&service, &id);
    chat.send(&jane, "after the restart").await;
    let other = thread(&service, &jane, &[&alex]).await;
    other.send(&jane, "elsewhere").await;
    other.ask(&jane, "DELETE", "", Value::Null).await;
    thread(&service, &jane, &[&alex]).await;

    let mut ear = back(&service, &alex, resume).await;
    let missed = [
        "~ old, edited",
        "- ",
        "+ new",
        "+ changed, edited",
        "+ between",
        "~ changed, edited",
        "- ",
        "now Dinner",
        "come: Rama",
        "gone: Rama",
        "+ after the restart",
        "over",
        "new Lunch",
    ];
    assert_eq!(told(&mut ear).await, missed);
    // Asked again, on the same socket or after a drop, nothing comes twice; and live goes on.
    ear.ask(Request::SubscribeChat).await.unwrap();
    ear.ask(Request::UnsubscribeChat).await.unwrap();
    ear.ask(Request::SubscribeChat).await.unwrap();
    ear = ear.drop_and_resume().await;
    assert!(ear.welcome.resumed);
    ear.ask(Request::SubscribeChat).await.unwrap();
    chat.send(&jane, "live").await;
    assert_eq!(told(&mut ear).await, ["+ live"]);
    // Nor after another restart.
    let resume = ear.resume();
    let service = restarted(service, &data).await;
    let mut ear = back(&service, &alex, resume).await;
    assert_eq!(told(&mut ear).await, [""; 0]);
    of(&service, &id).send(&jane, "and on").await;
    assert_eq!(told(&mut ear).await, ["+ and on"]);
    service.stop().await;
}

#[tokio::test]
async fn two_restarts_in_a_row_lose_nothing_whether_it_was_asked_between_or_not() {
    for asked in [false, true] {
        let data = tempfile::tempdir().unwrap();
        let service = over(&data).await;
        let [jane, alex] = [service.guest().await, service.guest().await];
        let id = thread(&service, &jane, &[&alex]).await.thread;
        // It has heard nothing: its name alone says since when.
        let resume = listening(&service, &alex, "").await.resume();
        assert_eq!(resume.last_seq, 0);
        of(&service, &id).send(&jane, "one").await;
        let service = restarted(service, &data).await;
        let greeted = Agent::greet(service.address, &alex.token, "", Some(resume)).await;
        let mut between = greeted.unwrap();
        if asked {
            between.ask(Request::SubscribeChat).await.unwrap();
            assert_eq!(told(&mut between).await, ["+ one"]);
        }
        let resume = between.resume();
        of(&service, &id).send(&jane, "two").await;
        let service = restarted(service, &data).await;
        let mut ear = back(&service, &alex, resume).await;
        // The socket of before got what was told live.
        let missed: &[&str] = if asked {
            &["+ two"]
        } else {
            &["+ one", "+ two"]
        };
        assert_eq!(told(&mut ear).await, missed);
        service.stop().await;
    }
}

#[tokio::test]
async fn who_was_away_longer_than_a_session_is_kept_is_told_and_who_was_not_hears_it_from_the_session(
) {
    let service = Service::limited(|limits| limits.resume_window_ms = 300).await;
    let [jane, alex] = [service.guest().await, service.guest().await];
    let chat = thread(&service, &jane, &[&alex]).await;
    let mut ear = listening(&service, &alex, "").await;
    chat.send(&jane, "there").await;
    assert_eq!(told(&mut ear).await, ["+ there"]);
    let resume = ear.resume();
    drop(ear);
    chat.send(&jane, "away").await;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    chat.send(&jane, "long away").await;
    let mut ear = back(&service, &alex, resume).await;
    assert_eq!(told(&mut ear).await, ["+ away", "+ long away"]);
    service.stop().await;
}

/// While two threads are written to, clients come that lack everything since before, every other of them with a
/// connection that drops while it is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_while_it_is_read_what_was_missed_is_told_once_and_in_its_place() {
    const MESSAGES: usize = 120;
    let service = Service::limited(|limits| limits.chat.rates.write.thread = UNBOUNDED).await;
    let [jane, alex] = [service.guest().await, service.guest().await];
    let (one, two) = (
        thread(&service, &jane, &[&alex]).await,
        thread(&service, &jane, &[&alex]).await,
    );
    let since = moment().await;
    let write = |chat: &Chat<'_>| {
        let chat = of(&service, &chat.thread);
        let jane = &jane;
        async move {
            for n in 0..MESSAGES {
                chat.send(jane, &n.to_string()).await;
            }
        }
    };
    let come = async {
        let mut ears = Vec::new();
        for n in 0..12 {
            tokio::time::sleep(Duration::from_millis(n * 2)).await;
            let ear = Agent::greet(service.address, &alex.token, "", Some(forged(since, 0)));
            let mut ear = ear.await.unwrap();
            if n % 2 == 0 {
                ear.send(Request::SubscribeChat).await;
                tokio::time::sleep(Duration::from_micros(n * 100)).await;
                ear = ear.drop_and_resume().await;
                assert!(ear.welcome.resumed);
            }
            ear.ask(Request::SubscribeChat).await.unwrap();
            ears.push(ear);
        }
        ears
    };
    let (_, _, mut ears) = tokio::join!(write(&one), write(&two), come);
    for chat in [&one, &two] {
        chat.send(&jane, "end").await;
    }
    let all: Vec<String> = (0..MESSAGES).map(|n| n.to_string()).collect();
    for ear in &mut ears {
        ear.ask(Request::Ping).await.unwrap();
        for chat in [&one, &two] {
            let texts = ear.events.iter().filter_map(|event| match event {
                Event::Chat(event) => match &**event {
                    ChatEvent::MessageReceived(m) if m.thread_id == chat.thread => {
                        Some(m.message.clone())
                    }
                    _ => None,
                },
                _ => None,
            });
            let mut texts: Vec<String> = texts.collect();
            assert_eq!(texts.pop().as_deref(), Some("end"));
            assert_eq!(texts, all);
        }
    }
    service.stop().await;
}

#[tokio::test]
async fn s13_whatever_a_client_says_of_before_it_is_told_what_it_may_read_and_no_more() {
    let service = Service::start().await;
    let [jane, alex, rama, eve] = [
        service.guest().await,
        service.guest().await,
        service.guest().await,
        service.guest().await,
    ];
    let chat = thread(&service, &jane, &[&alex]).await;
    let mut ear = listening(&service, &alex, "").await;
    let before = chat.send(&jane, "of before").await;
    assert_eq!(told(&mut ear).await, ["+ of before"]);
    let between = moment().await;
    let add = json!({"participants": [participant(&rama, "Rama")]});
    chat.ask(&jane, "POST", "/participants/:add", add).await;
    let now = chat.send(&jane, "of now").await;
    let edit = json!({"content": "edit of before"});
    chat.ask(&jane, "PATCH", &format!("/messages/{before}"), edit)
        .await;

    // Another's session, a session of all times, one of the future.
    let mut stranger = back(&service, &eve, ear.resume()).await;
    assert_eq!(told(&mut stranger).await, [""; 0]);
    for resume in [forged(0, 0), forged(7, between)] {
        let mut late = back(&service, &rama, resume).await;
        assert_eq!(told(&mut late).await, ["come: Rama", "+ of now"]);
    }
    for resume in [forged(u64::MAX, 0), forged(0, u64::MAX)] {
        let mut early = back(&service, &alex, resume).await;
        assert_eq!(told(&mut early).await, [""; 0]);
    }
    // A name of no time, as sessions had.
    let nameless = Resume {
        session: SessionId::from("abc"),
        last_seq: 3,
    };
    let mut ear = back(&service, &alex, nameless).await;
    assert_eq!(told(&mut ear).await, [""; 0]);

    // Who was removed while they were away.
    let since = moment().await;
    chat.send(&jane, "with Rama").await;
    chat.ask(&jane, "POST", "/participants/:remove", user(&rama))
        .await;
    chat.send(&jane, "secret").await;
    let edit = json!({"content": "secret edit"});
    chat.ask(&jane, "PATCH", &format!("/messages/{now}"), edit)
        .await;
    let mut gone = back(&service, &rama, forged(since, 0)).await;
    assert_eq!(told(&mut gone).await, ["+ with Rama", "gone: Rama"]);
    service.stop().await;
}

#[tokio::test]
async fn d1_s13_b7_a_guest_is_told_nothing_of_a_meeting_without_a_call_in_it() {
    let data = tempfile::tempdir().unwrap();
    let service = over(&data).await;
    let olivia = service.sign_in("Olivia").await;
    let ada = service.guest().await;
    let everyone = json!({"scope": "everyone"});
    let channel = json!({"threadId": "19:x@thread.tacv2"});
    let open = service.schedule(&olivia, json!({"lobbyBypassSettings": everyone}));
    let open = open.await;
    let body = json!({"lobbyBypassSettings": everyone, "chatInfo": channel});
    let closed = service.schedule(&olivia, body).await;
    let mut guest = listening(&service, &ada, "Ada").await;
    let mut organizer = listening(&service, &olivia, "").await;
    let meetings = [("open", &open), ("closed", &closed)];
    for (call, meeting) in meetings {
        organizer.join(call, meeting).await.unwrap();
        guest.join(call, meeting).await.unwrap();
    }
    let threads = [&open, &closed].map(|meeting| text(&meeting["chatInfo"]["threadId"]).to_owned());
    for thread in &threads {
        of(&service, thread).send(&olivia, "welcome").await;
    }
    let heard = told(&mut guest).await;
    assert_eq!(
        heard.last().map(String::as_str),
        Some("+ welcome"),
        "{heard:?}"
    );
    assert_eq!(heard.iter().filter(|one| *one == "+ welcome").count(), 1);
    let resume = guest.resume();
    for thread in &threads {
        of(&service, thread)
            .send(&olivia, "secret of the call")
            .await;
    }
    told(&mut organizer).await;
    let ears = organizer.resume();
    let service = restarted(service, &data).await;
    let mut guest = back(&service, &ada, resume.clone()).await;
    assert_eq!(told(&mut guest).await, [""; 0]);
    // A member needs no call.
    let mut organizer = back(&service, &olivia, ears).await;
    assert_eq!(told(&mut organizer).await, [""; 0], "it heard its own");
    // In the call again they are told what they missed in it, in a channel's meeting nothing; and so is who
    // asks only then.
    for (call, meeting) in meetings {
        guest.join(call, meeting).await.unwrap();
    }
    for thread in &threads {
        of(&service, thread).send(&olivia, "live").await;
    }
    assert_eq!(
        shorts_until(&mut guest, "+ live").await,
        ["+ secret of the call", "+ live"]
    );
    let mut late = back(&service, &ada, resume).await;
    assert_eq!(told(&mut late).await, ["+ secret of the call", "+ live"]);
    for (call, _) in meetings {
        let call = CallId::from(call);
        guest.ask(Request::Leave { call }).await.unwrap();
    }
    assert_eq!(told(&mut guest).await, [""; 0]);
    let mut guest = back(&service, &ada, forged(0, 0)).await;
    assert_eq!(told(&mut guest).await, [""; 0]);
    service.stop().await;
}

#[tokio::test]
async fn what_is_more_than_a_session_keeps_is_left_to_the_history_without_a_hole() {
    let service = Service::limited(|limits| limits.replay_events = 5).await;
    let [jane, alex] = [service.guest().await, service.guest().await];
    // Who takes part, and the topic, are messages, too.
    let chat = thread(&service, &jane, &[&alex]).await;
    for n in 1..=3 {
        chat.send(&jane, &n.to_string()).await;
    }
    let missed = ["new Lunch", "+ 1", "+ 2", "+ 3"];
    let mut ear = back(&service, &alex, forged(0, 0)).await;
    assert_eq!(told(&mut ear).await, missed);
    let mut ear = ear.drop_and_resume().await;
    assert!(ear.welcome.resumed);
    assert_eq!(told(&mut ear).await, [""; 0]);
    chat.send(&jane, "one too many").await;
    let mut ear = back(&service, &alex, forged(0, 0)).await;
    assert_eq!(told(&mut ear).await, [""; 0]);
    chat.send(&jane, "live").await;
    assert_eq!(told(&mut ear).await, ["+ live"]);
    service.stop().await;
}

#[tokio::test]
async fn who_hears_no_more_is_told_nothing_and_who_never_had_a_session_begins_now() {
    let service = Service::start().await;
    let [jane, alex] = [service.guest().await, service.guest().await];
    let chat = thread(&service, &jane, &[&alex]).await;
    chat.send(&jane, "before").await;
    let mut ear = listening(&service, &alex, "").await;
    assert_eq!(told(&mut ear).await, [""; 0]);
    let greeted = Agent::greet(service.address, &alex.token, "", Some(forged(0, 0))).await;
    let mut ear = greeted.unwrap();
    ear.ask(Request::UnsubscribeChat).await.unwrap();
    assert_eq!(told(&mut ear).await, [""; 0]);
    service.stop().await;
}
