//! What becomes of a write that the store did not answer, and of a copy that the resource's did not take.

use super::live::{Listener, Told};
use super::*;
use crate::chat::{Body, Content, Draft};
use crate::store::chat::ChatStore;
use crate::store::rows::{Fault, Rows};
use plenary_protocol::chat::ChatEvent;
use std::sync::Weak;

/// Keeps the texts that it hears.
#[derive(Default)]
struct Ear(Mutex<Vec<String>>);

impl Listener for Ear {
    fn hear(&self, told: &Told) {
        if let ChatEvent::MessageReceived(message) = &told.event {
            self.0.lock().push(message.message.clone());
        }
    }

    fn withdraw(&self, _: &str) {}
}

struct Scene {
    chats: Arc<Chats>,
    rows: Arc<Rows>,
    thread: String,
    jane: RawId,
}

impl Scene {
    async fn new() -> Self {
        let rows = Arc::new(Rows::default());
        let chats = Chats::new(rows.clone(), ChatLimits::default(), Vec::new());
        let [jane, alex] = ["8:acs:r_jane", "8:acs:r_alex"].map(RawId::from);
        let people = [&jane, &alex].map(|id| invited(id.clone(), None)).to_vec();
        let new = NewThread {
            creator: jane.clone(),
            people,
            topic: "Lunch".to_owned(),
            update: Update::default(),
            request: None,
        };
        let thread = chats.create(new).await.unwrap().id.clone();
        Self {
            chats,
            rows,
            thread,
            jane,
        }
    }

    fn alex(&self) -> (Arc<Ear>, live::Subscription) {
        let ear = Arc::new(Ear::default());
        let listener: Arc<dyn Listener> = ear.clone();
        let listening: Weak<dyn Listener> = Arc::downgrade(&listener);
        let alex = RawId::from("8:acs:r_alex");
        (ear, self.chats.listen(&alex, listening))
    }

    async fn send(&self, text: &str) -> Result<Answer> {
        let draft = Draft {
            content: Content::Text(text.to_owned()),
            name: None,
            metadata: BTreeMap::new(),
            client_id: Some(text.to_owned()),
        };
        let send = Command::Send {
            by: self.chats.speaker(&self.thread, &self.jane),
            draft,
            known: None,
        };
        self.chats.apply(&self.thread, send).await
    }
}

#[tokio::test]
async fn what_is_sent_again_after_a_failure_is_heard_once_and_in_its_place_whether_it_was_stored_or_not(
) {
    for fault in [Fault::Refused, Fault::Unanswered] {
        let scene = Scene::new().await;
        let (ear, _listening) = scene.alex();
        scene.send("one").await.unwrap();
        scene.rows.fail(fault);
        assert!(matches!(scene.send("two").await, Err(ChatError::Store(_))));
        assert_eq!(*ear.0.lock(), ["one"], "nobody hears what may not be there");
        scene.send("two").await.unwrap();
        scene.send("three").await.unwrap();
        assert_eq!(*ear.0.lock(), ["one", "two", "three"], "{fault:?}");
    }
}

#[tokio::test]
async fn what_was_stored_without_an_answer_is_heard_before_what_comes_next() {
    let scene = Scene::new().await;
    let (ear, _listening) = scene.alex();
    scene.rows.fail(Fault::Unanswered);
    scene.send("one").await.unwrap_err();
    // Who sent it gave up; another message, or any other question of the thread, brings it out.
    scene.send("two").await.unwrap();
    assert_eq!(*ear.0.lock(), ["one", "two"]);
}

/// A guest in a meeting, whose resource's store may fail.
struct Guest {
    chats: Arc<Chats>,
    rows: Arc<Rows>,
    ada: RawId,
}

const PLACE: &str = "19:meeting_x@thread.v2";

impl Guest {
    async fn over(rows: Rows) -> Self {
        let rows = Arc::new(rows);
        let chats = Chats::new(rows.clone(), ChatLimits::default(), Vec::new());
        let ada = RawId::from("8:acs:r_ada");
        let place = Place {
            thread: PLACE.to_owned(),
            origin: Origin::Meeting("x".to_owned()),
            topic: "Plenary".to_owned(),
            organizer: RawId::from("8:orgid:olivia"),
        };
        let roster = Roster {
            guests: Some([(ada.clone(), None)].into()),
            ..Roster::default()
        };
        chats.follow(&place, roster).await.unwrap();
        Self { chats, rows, ada }
    }

    fn by(&self) -> Speaker {
        self.chats.speaker(PLACE, &self.ada)
    }

    async fn sends(&self, text: &str) -> Message {
        let draft = Draft {
            content: Content::Text(text.to_owned()),
            name: None,
            metadata: BTreeMap::new(),
            client_id: None,
        };
        let (by, known) = (self.by(), None);
        let send = Command::Send { by, draft, known };
        let Answer::Sent(id) = self.chats.apply(PLACE, send).await.unwrap() else {
            panic!("it is sent");
        };
        self.rows.message(PLACE, id).await.unwrap().unwrap()
    }

    async fn edits(&self, message: &Message, text: &str) {
        let edit = Command::Edit {
            by: self.by(),
            message: message.clone(),
            content: Some(Content::Text(text.to_owned())),
            metadata: None,
        };
        self.chats.apply(PLACE, edit).await.unwrap();
    }

    async fn deletes(&self, message: &Message) {
        let (by, message) = (self.by(), message.clone());
        let delete = Command::Delete { by, message };
        self.chats.apply(PLACE, delete).await.unwrap();
    }

    /// What the resource's store has of her.
    async fn copy(&self) -> Option<Content> {
        let rows = self.rows.last_messages(None, 2).await.unwrap();
        let bodies = rows.into_iter().map(|row| row.body);
        bodies.map(|Body { content, .. }| content).next()
    }
}

fn says(text: &str) -> Option<Content> {
    Some(Content::Text(text.to_owned()))
}

#[tokio::test]
async fn d3_what_a_guest_changes_while_the_resources_store_fails_is_in_its_copy_when_it_is_back() {
    let guest = Guest::over(Rows::default()).await;
    let one = guest.sends("one").await;
    assert_eq!(guest.copy().await, says("one"));
    guest.rows.fail_copies(true);
    guest.edits(&one, "changed").await;
    guest.chats.catch_up().await;
    assert_eq!(guest.copy().await, says("one"), "it could not be told");
    assert!(guest.chats.copies_are_late());
    guest.rows.fail_copies(false);
    guest.chats.catch_up().await;
    assert_eq!(guest.copy().await, says("changed"));
    assert!(!guest.chats.copies_are_late());

    guest.rows.fail_copies(true);
    guest.deletes(&one).await;
    guest.rows.fail_copies(false);
    // Before what comes next, which is another's or her own.
    let two = guest.sends("two").await;
    assert_eq!(guest.copy().await, says("changed"), "one after the other");
    guest.chats.catch_up().await;
    assert_eq!(guest.copy().await, says("two"));

    guest.rows.fail_copies(true);
    let three = guest.sends("three").await;
    guest.edits(&two, "not the last").await;
    guest.deletes(&three).await;
    guest.rows.fail_copies(false);
    guest.chats.catch_up().await;
    assert_eq!(guest.copy().await, None, "what was deleted is in no store");
}

#[tokio::test]
async fn d3_what_a_process_could_not_copy_any_more_the_next_ones_sweep_does() {
    for deletes in [false, true] {
        let guest = Guest::over(Rows::default()).await;
        let one = guest.sends("one").await;
        guest.rows.fail_copies(true);
        match deletes {
            true => guest.deletes(&one).await,
            false => guest.edits(&one, "changed").await,
        }
        let next = Guest::over(guest.rows.reopened()).await;
        assert_eq!(next.copy().await, says("one"));
        next.chats.sweep(now_ms()).await;
        let expected = says("changed").filter(|_| !deletes);
        assert_eq!(next.copy().await, expected);
    }
}
