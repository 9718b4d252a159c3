//! What becomes of a write that the store did not answer.

use super::live::{Listener, Told};
use super::*;
use crate::chat::{Content, Draft};
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
