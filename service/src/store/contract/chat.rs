//! What every store must do for chat.

use super::{server, stores};
use crate::chat::retention::LastMessage;
use crate::chat::{
    Body, Content, Effect, Invited, Life, Message, Origin, Receipt, Retention, Thread, Window,
};
use crate::store::chat::{Stretch, Writes};
use crate::store::postgres::Postgres;
use crate::store::sqlite::Sqlite;
use crate::store::Store;
use plenary_protocol::id::RawId;

fn invited(id: &str) -> Invited {
    Invited {
        id: id.into(),
        name: Some("Räume & \"Names\"".into()),
        shared_from: None,
        metadata: [("k".into(), "v".into())].into(),
    }
}

/// A thread as it is written first.
fn new(id: &str, by: &str, now: u64) -> (Thread, Writes) {
    let people = vec![invited(by), invited("8:acs:other")];
    let (thread, effects) = Thread::create(
        id.into(),
        Origin::Group,
        by.into(),
        people,
        "Lunch".into(),
        now,
    );
    let messages = effects.into_iter().filter_map(|effect| match effect {
        Effect::KeepMessage(message) => Some(*message),
        _ => None,
    });
    let writes = Writes {
        participants: thread.participants.keys().cloned().collect(),
        messages: messages.collect(),
        ..Writes::default()
    };
    (thread, writes)
}

fn message(id: u64, client_id: Option<&str>, content: Content) -> Message {
    Message {
        id,
        sequence: id,
        version: id,
        created: id,
        sender: Some("8:acs:a".into()),
        client_id: client_id.map(str::to_owned),
        body: Body {
            name: None,
            content,
            metadata: Default::default(),
            life: Life::Sent,
        },
    }
}

fn text(id: u64) -> Message {
    message(id, None, Content::Text(format!("text {id}")))
}

fn last(guest: &str, id: u64) -> LastMessage {
    LastMessage {
        guest: guest.into(),
        thread: "t".into(),
        message: id,
        sent: id,
        body: text(id).body,
    }
}

async fn write(store: &dyn Store, thread: &mut Thread, messages: Vec<Message>) -> bool {
    let writes = Writes {
        messages,
        ..Writes::default()
    };
    let done = store.commit(thread, &writes).await.unwrap();
    thread.revision += u64::from(done);
    done
}

fn stretch(from: u64, to: Option<u64>, below: u64, limit: usize) -> Stretch {
    Stretch {
        window: Window { from, to },
        below,
        with_calls: true,
        limit,
    }
}

async fn ids(store: &dyn Store, stretch: Stretch) -> Vec<u64> {
    let page = store.messages("t", stretch).await.unwrap();
    page.iter().map(|message| message.id).collect()
}

#[tokio::test]
async fn a_thread_is_read_as_it_was_written() {
    for (_folder, store) in stores().await {
        let (mut thread, mut writes) = new("t", "8:acs:a", 5);
        thread.metadata = [("k".into(), "v".into())].into();
        thread.retention = Some(Retention::AfterCreation(30));
        let who = RawId::from("8:acs:a");
        let participant = thread.participants.get_mut(&who).unwrap();
        participant.read = Some(Receipt { message: 5, at: 6 });
        participant.shared_from = Some(4);
        writes.creation = Some((who.clone(), "request".into()));
        assert!(store.commit(&thread, &writes).await.unwrap());
        thread.revision = 1;
        assert_eq!(store.thread("t").await.unwrap(), Some(thread.clone()));
        assert_eq!(store.thread("u").await.unwrap(), None);
        let mut page = store
            .messages("t", stretch(0, None, 100, 10))
            .await
            .unwrap();
        page.reverse();
        assert_eq!(page, writes.messages);
        assert_eq!(
            store.made(&who, "request").await.unwrap().as_deref(),
            Some("t")
        );
        assert_eq!(
            store.made(&"8:acs:other".into(), "request").await.unwrap(),
            None
        );
        // The same request for another thread: nothing of it is written.
        let (again, mut writes) = new("u", "8:acs:a", 6);
        writes.creation = Some((who, "request".into()));
        assert!(!store.commit(&again, &writes).await.unwrap());
        assert_eq!(store.thread("u").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_commit_from_an_older_state_writes_nothing() {
    for (_folder, store) in stores().await {
        let (mut thread, writes) = new("t", "8:acs:a", 5);
        assert!(store.commit(&thread, &writes).await.unwrap());
        assert!(
            !store.commit(&thread, &writes).await.unwrap(),
            "it is there"
        );
        thread.revision = 1;
        let mut late = thread.clone();
        assert!(write(&*store, &mut thread, vec![text(10)]).await);
        assert!(!write(&*store, &mut late, vec![text(11)]).await);
        assert_eq!(ids(&*store, stretch(10, None, 100, 10)).await, [10]);
    }
}

#[tokio::test]
async fn what_is_written_twice_in_one_commit_is_there_as_it_was_last() {
    for (_folder, store) in stores().await {
        let (mut thread, mut writes) = new("t", "8:acs:a", 5);
        writes.participants.extend(writes.participants.clone());
        assert!(store.commit(&thread, &writes).await.unwrap());
        thread.revision = 1;
        let mut edited = text(10);
        edited.version = 11;
        assert!(write(&*store, &mut thread, vec![text(10), edited.clone()]).await);
        assert_eq!(store.message("t", 10).await.unwrap(), Some(edited));
        assert_eq!(store.thread("t").await.unwrap(), Some(thread));
    }
}

#[tokio::test]
async fn a_page_is_the_newest_of_its_stretch() {
    for (_folder, store) in stores().await {
        let (mut thread, writes) = new("t", "8:acs:a", 5);
        assert!(store.commit(&thread, &writes).await.unwrap());
        thread.revision = 1;
        let call = message(15, None, Content::CallEnded);
        let messages = (10..20).map(|id| if id == 15 { call.clone() } else { text(id) });
        assert!(write(&*store, &mut thread, messages.collect()).await);
        assert_eq!(ids(&*store, stretch(0, None, 100, 3)).await, [19, 18, 17]);
        assert_eq!(ids(&*store, stretch(0, None, 17, 3)).await, [16, 15, 14]);
        assert_eq!(ids(&*store, stretch(12, Some(13), 17, 3)).await, [13, 12]);
        assert_eq!(ids(&*store, stretch(20, None, 100, 3)).await, [0; 0]);
        let without = Stretch {
            with_calls: false,
            ..stretch(0, None, 17, 3)
        };
        assert_eq!(ids(&*store, without).await, [16, 14, 13]);
    }
}

#[tokio::test]
async fn a_message_is_changed_in_its_place_and_a_client_id_is_good_once() {
    for (_folder, store) in stores().await {
        let (mut thread, writes) = new("t", "8:acs:a", 5);
        assert!(store.commit(&thread, &writes).await.unwrap());
        thread.revision = 1;
        let content = || Content::Html("<b>x</b>".into());
        let mut sent = message(10, Some("c"), content());
        assert!(write(&*store, &mut thread, vec![sent.clone()]).await);
        let sender = RawId::from("8:acs:a");
        assert_eq!(store.sent("t", &sender, "c").await.unwrap(), Some(10));
        assert_eq!(store.sent("t", &sender, "d").await.unwrap(), None);
        assert_eq!(store.sent("u", &sender, "c").await.unwrap(), None);
        let again = message(11, Some("c"), content());
        assert!(!write(&*store, &mut thread, vec![again]).await);
        sent.version = 12;
        sent.body.life = Life::Edited(12);
        assert!(write(&*store, &mut thread, vec![sent.clone()]).await);
        assert_eq!(store.message("t", 10).await.unwrap(), Some(sent));
        assert_eq!(store.message("t", 11).await.unwrap(), None);
        // An old state purges nothing.
        let purge = Writes {
            purge: true,
            messages: vec![text(20)],
            ..Writes::default()
        };
        let mut late = thread.clone();
        late.revision -= 1;
        assert!(!store.commit(&late, &purge).await.unwrap());
        assert_eq!(store.sent("t", &sender, "c").await.unwrap(), Some(10));
        assert!(store.commit(&thread, &purge).await.unwrap());
        assert_eq!(ids(&*store, stretch(0, None, 100, 9)).await, [20]);
    }
}

#[tokio::test]
async fn what_changed_since_is_found_the_last_change_first() {
    for (_folder, store) in stores().await {
        let other = RawId::from("8:acs:other");
        for (id, last) in [("t", 40), ("u", 20), ("v", 30)] {
            let (mut thread, writes) = new(id, "8:acs:a", 5);
            thread.last_id = last;
            // Who is gone is among them.
            if let (Some(one), "v") = (thread.participants.get_mut(&other), id) {
                one.windows = vec![Window {
                    from: 0,
                    to: Some(9),
                }];
            }
            assert!(store.commit(&thread, &writes).await.unwrap());
            if id == "t" {
                thread.revision = 1;
                let changed = |id, version| Message {
                    version,
                    ..text(id)
                };
                let messages = [
                    text(10),
                    changed(11, 40),
                    changed(12, 19),
                    changed(13, 35),
                    changed(25, 38),
                    text(30),
                ];
                assert!(write(&*store, &mut thread, messages.into()).await);
            }
        }
        let threads = |since, limit| store.changed_threads(&other, since, limit);
        assert_eq!(threads(0, 9).await.unwrap(), ["t", "v", "u"]);
        assert_eq!(threads(20, 9).await.unwrap(), ["t", "v"]);
        assert_eq!(threads(20, 1).await.unwrap(), ["t"]);
        let nobody = "8:acs:nobody".into();
        assert!(store
            .changed_threads(&nobody, 0, 9)
            .await
            .unwrap()
            .is_empty());
        let changed = store.changed("t", 20, 9).await.unwrap();
        let ids = |page: &[Message]| Vec::from_iter(page.iter().map(|message| message.id));
        assert_eq!(ids(&changed), [11, 13], "the newer ones are new");
        assert_eq!(ids(&store.changed("t", 20, 1).await.unwrap()), [11]);
        assert_eq!(ids(&store.changed("u", 0, 9).await.unwrap()), [0; 0]);
    }
}

#[tokio::test]
async fn threads_are_listed_for_those_who_take_part_the_youngest_first() {
    for (_folder, store) in stores().await {
        for (id, created) in [("a", 10), ("b", 20), ("c", 20), ("d", 30)] {
            let (mut thread, writes) = new(id, "8:acs:a", created);
            thread.last_received = (id == "d").then_some(99);
            assert!(store.commit(&thread, &writes).await.unwrap());
        }
        let who = RawId::from("8:acs:other");
        let mut after = None;
        let mut seen = Vec::new();
        loop {
            let page = store.threads_of(&who, after, 0, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.created, last.id.clone()));
            seen.extend(page.into_iter().map(|row| row.id));
        }
        assert_eq!(seen, ["d", "b", "c", "a"]);
        let recent = store.threads_of(&who, None, 25, 9).await.unwrap();
        assert_eq!(recent.len(), 1);
        assert_eq!(recent[0].last_received, Some(99));
        let nobody = RawId::from("8:acs:nobody");
        assert!(store
            .threads_of(&nobody, None, 0, 9)
            .await
            .unwrap()
            .is_empty());
    }
}

#[tokio::test]
async fn d3_of_each_guest_the_last_message_alone_is_kept() {
    for (_folder, store) in stores().await {
        for row in [last("b", 1), last("a", 2), last("b", 3)] {
            store.keep_last(&row).await.unwrap();
        }
        let all = store.last_messages(None, 9).await.unwrap();
        assert_eq!(all, [last("a", 2), last("b", 3)]);
        let rest = store.last_messages(Some(&"a".into()), 9).await.unwrap();
        assert_eq!(rest, [last("b", 3)]);
        store.forget_last(&"b".into(), "t", 1).await.unwrap();
        assert_eq!(
            store.last_of(&"b".into()).await.unwrap(),
            Some(last("b", 3))
        );
        store.forget_last(&"b".into(), "t", 3).await.unwrap();
        assert_eq!(store.last_of(&"b".into()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn d3_what_is_the_resources_has_a_place_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (own, of_guests) = (file("organisation.db"), file("resource.db"));
    let both = Sqlite::open(&own).await.unwrap();
    let both = both.with_guests_in(&of_guests).await.unwrap();
    let (own, of_guests) = (Sqlite::open(&own).await, Sqlite::open(&of_guests).await);
    kept_apart(&both, &own.unwrap(), &of_guests.unwrap()).await;

    let urls = (server::database().await, server::database().await);
    let (Some(own), Some(of_guests)) = urls else {
        return;
    };
    let (own, of_guests) = (own.parse().unwrap(), of_guests.parse().unwrap());
    let both = Postgres::open(&own).await.unwrap();
    let both = both.with_guests_in(&of_guests).await.unwrap();
    let (own, of_guests) = (Postgres::open(&own).await, Postgres::open(&of_guests).await);
    kept_apart(&both, &own.unwrap(), &of_guests.unwrap()).await;
}

async fn kept_apart(both: &dyn Store, own: &dyn Store, of_guests: &dyn Store) {
    let (thread, writes) = new("t", "8:acs:a", 5);
    assert!(both.commit(&thread, &writes).await.unwrap());
    both.keep_last(&last("8:acs:a", 5)).await.unwrap();
    assert_eq!(own.last_messages(None, 9).await.unwrap(), []);
    let copies = of_guests.last_messages(None, 9).await.unwrap();
    assert_eq!(copies, [last("8:acs:a", 5)]);
    assert!(own.thread("t").await.unwrap().is_some());
    assert!(of_guests.thread("t").await.unwrap().is_none());
    let guest = "8:acs:a".into();
    assert!(both.last_of(&guest).await.unwrap().is_some());
    both.forget_last(&guest, "t", 5).await.unwrap();
    assert_eq!(of_guests.last_messages(None, 9).await.unwrap(), []);
}

#[tokio::test]
async fn a_page_goes_on_after_an_id_in_the_order_of_bytes() {
    for (_folder, store) in stores().await {
        for id in ["b", "Z", "a", "ä"] {
            let (mut thread, writes) = new(id, "8:acs:a", 5);
            thread.retention = Some(Retention::AfterCreation(30));
            assert!(store.commit(&thread, &writes).await.unwrap());
        }
        let mut after = String::new();
        let mut seen = Vec::new();
        while let [id] = &store.mortal(&after, 1).await.unwrap()[..] {
            after.clone_from(id);
            seen.push(after.clone());
        }
        assert_eq!(seen, ["Z", "a", "b", "ä"]);
    }
}

#[tokio::test]
async fn writers_at_once_write_in_one_order_and_none_is_lost() {
    const WRITERS: u64 = 8;
    const EACH: u64 = 10;
    for (_folder, store) in stores().await {
        let (thread, writes) = new("t", "8:acs:a", 5);
        assert!(store.commit(&thread, &writes).await.unwrap());
        let writing = (0..WRITERS).map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    let mut done = false;
                    while !done {
                        let mut thread = store.thread("t").await.unwrap().unwrap();
                        let id = thread.last_id.max(9) + 1;
                        thread.last_id = id;
                        let content = Content::Text(format!("{writer} {n}"));
                        let sent = message(id, Some(&format!("{writer} {n}")), content);
                        done = write(&*store, &mut thread, vec![sent]).await;
                    }
                }
            })
        });
        for written in futures::future::join_all(writing).await {
            written.unwrap();
        }
        let page = store.messages("t", stretch(10, None, 1_000, 1_000)).await;
        let page = page.unwrap();
        let ids: Vec<u64> = page.iter().rev().map(|message| message.id).collect();
        assert_eq!(ids, Vec::from_iter(10..10 + WRITERS * EACH));
        for writer in 0..WRITERS {
            let theirs = page.iter().rev().filter_map(|message| {
                let id = message.client_id.as_ref().unwrap().split_once(' ').unwrap();
                (id.0 == writer.to_string()).then_some(id.1.parse::<u64>().unwrap())
            });
            assert_eq!(Vec::from_iter(theirs), Vec::from_iter(0..EACH));
        }
        let thread = store.thread("t").await.unwrap().unwrap();
        assert_eq!(thread.revision, 1 + WRITERS * EACH);
    }
}
