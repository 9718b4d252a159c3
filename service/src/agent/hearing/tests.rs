//! What happens between reading what was missed and telling it, which no client can time.

use super::*;
use crate::agent::session::Out;
use crate::chat::{Command, Content, Draft, Origin, Roster};
use crate::chats::Place;
use crate::config::{ChatLimits, Limits};
use crate::store::rows::Rows;
use crate::tokens::{Scope, UserToken};
use plenary_protocol::agent::Welcome;
use plenary_protocol::id::{RawId, SessionId};
use plenary_protocol::matrix::Client;
use tokio::sync::mpsc;

const THREAD: &str = "19:meeting_x@thread.v2";

/// Ada, a guest in Olivia's meeting, with a session in the place of one that is gone.
struct Scene {
    chats: Arc<Chats>,
    ada: RawId,
    session: Arc<Session>,
    queue: mpsc::Receiver<Out>,
}

impl Scene {
    async fn new() -> Self {
        let chats = Chats::new(Arc::new(Rows::default()), ChatLimits::default(), Vec::new());
        let ada = RawId::from("8:acs:r_ada");
        let token = UserToken {
            id: ada.clone(),
            scopes: [Scope::ChatJoin].into(),
            generation: 0,
            expires: u64::MAX,
        };
        let (lacks, now) = (now_ms() * 1_000, now_ms());
        let limits = Limits::default();
        let client = Client::Web;
        let session = Session::new(Some(lacks), ada.clone(), None, client, &token, &limits, now);
        let welcome = Welcome {
            session: SessionId::from(""),
            identity: ada.clone(),
            display_name: None,
            resumed: false,
            resume_window_ms: 0,
        };
        let queue = session.attach(1, 0, &token, (1, welcome), 1_000).unwrap();
        let mut scene = Self {
            chats,
            ada,
            session,
            queue,
        };
        assert_eq!(scene.got().len(), 1, "the welcome");
        scene
    }

    async fn follow(&self, is_there: bool) {
        let place = Place {
            thread: THREAD.to_owned(),
            origin: Origin::Meeting("x".to_owned()),
            topic: String::new(),
            organizer: RawId::from("8:orgid:olivia"),
        };
        let guests = is_there.then(|| (self.ada.clone(), None));
        let roster = Roster {
            guests: Some(guests.into_iter().collect()),
            ..Roster::default()
        };
        self.chats.follow(&place, roster).await.unwrap();
    }

    async fn says(&self, text: &str) {
        let draft = Draft {
            content: Content::Text(text.to_owned()),
            name: None,
            metadata: [].into(),
            client_id: None,
        };
        let olivia = RawId::from("8:orgid:olivia");
        let (by, known) = (self.chats.speaker(THREAD, &olivia), None);
        let send = Command::Send { by, draft, known };
        self.chats.apply(THREAD, send).await.unwrap();
    }

    /// What the session's socket is to send since it was asked last.
    fn got(&mut self) -> Vec<String> {
        let mut got = Vec::new();
        while let Ok(Out::Text(text)) = self.queue.try_recv() {
            got.push(text.to_string());
        }
        got
    }

    /// Texts of messages among it.
    fn texts(&mut self) -> Vec<&'static str> {
        let known = ["missed", "meanwhile", "live"];
        let got = self.got();
        let texts = got.iter().flat_map(|frame| {
            let mut known = known.into_iter();
            known.find(|text| frame.contains(&format!("\"message\":\"{text}\"")))
        });
        texts.collect()
    }

    fn catches_up(&self, reading: &Reading, missed: Missed) -> Option<Reading> {
        let mut state = self.session.state.lock();
        let catch_up = state.chat.take(reading.number).unwrap();
        state.catches_up(&self.chats, catch_up, missed)
    }

    async fn missed(&self, reading: &Reading) -> Missed {
        let missed = self.chats.missed(&self.ada, &reading.lack, reading.room);
        missed.await.unwrap()
    }
}

#[tokio::test]
async fn d1_s13_who_left_the_call_while_it_was_read_is_told_nothing_of_it() {
    for leaves in [false, true] {
        let mut scene = Scene::new().await;
        scene.follow(true).await;
        scene.says("missed").await;
        let reading = scene.session.begin_to_hear(&scene.chats).unwrap().unwrap();
        let missed = scene.missed(&reading).await;
        scene.says("meanwhile").await;
        if leaves {
            scene.follow(false).await;
            scene.says("live").await;
        }
        assert!(scene.catches_up(&reading, missed).is_none());
        let expected: &[&str] = if leaves {
            &[]
        } else {
            &["missed", "meanwhile"]
        };
        assert_eq!(scene.texts(), expected);
    }
}

#[tokio::test]
async fn who_comes_back_to_the_call_while_it_is_read_is_told_all_of_it_before_what_is_live() {
    let mut scene = Scene::new().await;
    scene.follow(true).await;
    scene.says("missed").await;
    // As after a restart: the thread has her, the meeting has not said so yet.
    scene.chats.forget_calls();
    let reading = scene.session.begin_to_hear(&scene.chats).unwrap().unwrap();
    let missed = scene.missed(&reading).await;
    scene.follow(true).await;
    scene.says("meanwhile").await;
    let reading = scene.catches_up(&reading, missed).unwrap();
    let missed = scene.missed(&reading).await;
    scene.says("live").await;
    assert!(scene.catches_up(&reading, missed).is_none());
    assert_eq!(scene.texts(), ["missed", "meanwhile", "live"]);
}

#[tokio::test]
async fn who_asked_and_went_in_the_middle_hears_nothing_and_may_ask_again() {
    let mut scene = Scene::new().await;
    scene.follow(true).await;
    scene.says("missed").await;
    let reading = scene.session.begin_to_hear(&scene.chats).unwrap().unwrap();
    drop(Unfinished {
        session: &scene.session,
        number: reading.number,
    });
    let hears = !matches!(scene.session.state.lock().chat, Hearing::No);
    assert!(!hears, "nothing is held for nobody");
    scene.says("meanwhile").await;
    assert_eq!(scene.texts(), [""; 0]);
    scene.session.hear_chat(&scene.chats).await.unwrap();
    scene.says("live").await;
    assert_eq!(scene.texts(), ["missed", "meanwhile", "live"]);
}
