//! Recordings (`C3`), raised hands and reactions (`C5`), and muting others (`S1`), one by one. That
//! everybody knows what is, whatever happens, is a property (`properties.rs`).

use super::*;
use plenary_protocol::state::{MeetingState, RecordingKind};

impl Story {
    fn act_about(&mut self, by: &str, act: Act, who: Option<&str>) -> Result<Answer, Reason> {
        self.apply(Command::Act {
            by: by.into(),
            call: call(by, 1),
            act,
            who: who.map(Into::into),
        })
    }

    fn act(&mut self, by: &str, act: Act) -> Result<Answer, Reason> {
        self.act_about(by, act, None)
    }

    fn record(&mut self, by: Option<&str>, id: &str) -> Result<Answer, Reason> {
        let recording = Recording {
            id: id.into(),
            kind: RecordingKind::Recording,
            paused: false,
        };
        let change = RecordingChange::Start(recording);
        let by = by.map(Into::into);
        self.apply(Command::Record { by, change })
    }

    fn stop(&mut self, by: Option<&str>, id: &str) -> Result<Answer, Reason> {
        let change = RecordingChange::Stop { id: id.into() };
        let by = by.map(Into::into);
        self.apply(Command::Record { by, change })
    }

    /// What somebody was told of the state last.
    fn state(&mut self, id: &str) -> Option<MeetingState> {
        let mut told = self.told(id).into_iter().rev();
        told.find_map(|event| match event {
            Event::State { state, .. } => Some(state),
            _ => None,
        })
    }

    fn hands(&self) -> Vec<&str> {
        let hands = self.meeting.state.hands.get(&None);
        hands.into_iter().flatten().map(RawId::as_str).collect()
    }
}

const PETRA: &str = "8:orgid:petra";

/// An organiser, another member and a guest.
fn three() -> Story {
    let mut story = Story::new(Bypass::Everyone);
    for id in [OLIVIA, MARCO, ADA] {
        assert_eq!(story.join(id), Ok(Place::Inside));
    }
    story.effects.clear();
    story
}

#[test]
fn c3_everybody_is_told_at_once_late_comers_with_the_join_and_who_waits_is_not() {
    let mut story = three();
    assert_eq!(
        story.record(Some(ADA), "r"),
        Err(Reason::NOT_ALLOWED),
        "C2, S1"
    );
    story.record(Some(OLIVIA), "r").unwrap();
    let effects = story.effects.clone();
    let kept = effects
        .iter()
        .position(|e| matches!(e, Effect::KeepRecordings(r) if r.len() == 1));
    let told = effects
        .iter()
        .position(|e| matches!(e, Effect::Tell { .. }));
    assert!(
        kept.unwrap() < told.unwrap(),
        "it is kept before it is told"
    );
    for id in [OLIVIA, MARCO, ADA] {
        story.effects = effects.clone();
        assert_eq!(story.state(id).unwrap().recordings[0].id, "r", "{id}");
    }
    story.join(PETRA).unwrap();
    let told = story.told(PETRA);
    assert!(
        matches!(&told[..], [Event::State { state, .. }] if state.recordings.len() == 1),
        "{told:?}"
    );
    let closed = settings(Bypass::Organization);
    story.apply(Command::Change(closed)).unwrap();
    assert_eq!(story.join(BOB), Ok(Place::Lobby));
    assert_eq!(story.told(BOB), [], "CVE-2020-3441");
    story.admit(OLIVIA, BOB).unwrap();
    let told = story.effects.iter().filter_map(|effect| match effect {
        Effect::Tell { session: to, event } if *to == session(BOB, 1) => Some(event.clone()),
        Effect::Admit { .. } => Some(Event::Role {
            call: call(BOB, 1),
            role: Role::Presenter,
        }),
        _ => None,
    });
    let told: Vec<Event> = told.collect();
    assert!(matches!(
        told[..],
        [Event::State { .. }, Event::Role { .. }]
    ));
    story.stop(None, "r").unwrap();
    assert_eq!(story.state(BOB).unwrap(), MeetingState::default());
    assert_eq!(
        story.stop(Some(OLIVIA), "r"),
        Err(Reason::NO_SUCH_RECORDING)
    );
}

#[test]
fn c3_it_ends_with_the_call_and_outlives_a_restart() {
    let mut story = three();
    story.record(None, "r").unwrap();
    story.apply(Command::Delete).unwrap();
    assert!(story.effects.contains(&Effect::KeepRecordings(Vec::new())));
    assert_eq!(
        story.record(Some(OLIVIA), "s"),
        Err(Reason::NO_SUCH_CALL),
        "nobody is here"
    );
    // The service went down while somebody was in a call that was recorded, and came back.
    let recording = Recording {
        id: "r".into(),
        kind: RecordingKind::Recording,
        paused: true,
    };
    let admission = Seat::new(call(ADA, 1), session(ADA, 1), true, Client::Web)
        .admission(&ADA.into(), &endpoint(ADA, 1));
    let woken = |admissions| Story {
        meeting: Meeting::new(
            settings(Bypass::Everyone),
            Breakout::default(),
            vec![recording.clone()],
            bounds(),
            admissions,
            100,
        ),
        now: 0,
        effects: Vec::new(),
    };
    let mut story = woken(vec![admission.clone()]);
    story.join(ADA).unwrap();
    let known = story.state(ADA).unwrap().recordings;
    assert_eq!(known, std::slice::from_ref(&recording));
    let mut story = woken(vec![admission]);
    story.now = 100;
    story.apply(Command::Tick).unwrap();
    assert!(
        story.effects.contains(&Effect::KeepRecordings(Vec::new())),
        "nobody came back"
    );
    let mut story = woken(Vec::new());
    story.join(OLIVIA).unwrap();
    let known = story.state(OLIVIA);
    assert_eq!(
        known,
        Some(MeetingState::default()),
        "that was another call's"
    );
    assert!(!story
        .effects
        .iter()
        .any(|e| matches!(e, Effect::KeepRecordings(r) if !r.is_empty())));
}

#[test]
fn s11_recordings_are_bounded_and_attendees_say_nothing_of_them() {
    let mut story = three();
    for n in 0..10 {
        story.record(None, &n.to_string()).unwrap();
    }
    assert_eq!(story.record(None, "x"), Err(Reason::TOO_MANY_RECORDINGS));
    let strict = Settings {
        presenters: Presenters::Organizer,
        ..settings(Bypass::Everyone)
    };
    story.apply(Command::Change(strict)).unwrap();
    assert_eq!(story.stop(Some(MARCO), "1"), Err(Reason::NOT_ALLOWED));
    assert!(story.stop(Some(OLIVIA), "1").is_ok());
}

#[test]
fn c5_hands_have_an_order_and_are_lowered_by_oneself_by_presenters_and_by_leaving() {
    let mut story = three();
    story.join(PETRA).unwrap();
    assert_eq!(
        story.act(ADA, Act::RaiseHand),
        Err(Reason::NOT_ALLOWED),
        "members only"
    );
    for id in [MARCO, OLIVIA, PETRA, MARCO] {
        story.act(id, Act::RaiseHand).unwrap();
    }
    assert_eq!(story.hands(), [MARCO, OLIVIA, PETRA]);
    let seen: Vec<RawId> = story.hands().into_iter().map(Into::into).collect();
    assert_eq!(story.state(ADA).unwrap().hands, seen, "guests see them");
    story.act(OLIVIA, Act::LowerHand).unwrap();
    assert_eq!(story.hands(), [MARCO, PETRA]);
    story
        .act_about(OLIVIA, Act::LowerHand, Some(PETRA))
        .unwrap();
    assert_eq!(story.hands(), [MARCO]);
    story.leave(MARCO).unwrap();
    assert_eq!(story.hands(), [""; 0], "it goes down on leaving");
    assert_eq!(story.state(OLIVIA), Some(MeetingState::default()));

    story.act(OLIVIA, Act::RaiseHand).unwrap();
    let strict = Settings {
        presenters: Presenters::Organizer,
        ..settings(Bypass::Everyone)
    };
    story.apply(Command::Change(strict)).unwrap();
    let others = story.act_about(PETRA, Act::LowerHand, Some(OLIVIA));
    assert_eq!(others, Err(Reason::NOT_ALLOWED), "an attendee");
    let all = story.act(PETRA, Act::LowerAllHands);
    assert_eq!(all, Err(Reason::NOT_ALLOWED), "an attendee");
    story.act(PETRA, Act::RaiseHand).unwrap();
    story.act(OLIVIA, Act::LowerAllHands).unwrap();
    assert_eq!(story.hands(), [""; 0]);
}

#[test]
fn c5_s11_reactions_reach_those_in_the_room_and_are_bounded() {
    let mut story = three();
    let closed = settings(Bypass::Organization);
    story.apply(Command::Change(closed)).unwrap();
    story.join(BOB).unwrap();
    assert_eq!(story.act(ADA, Act::Heart), Err(Reason::NOT_ALLOWED));
    assert_eq!(story.act(BOB, Act::Heart), Err(Reason::NOT_ALLOWED));
    story.effects.clear();
    story.act(MARCO, Act::Heart).unwrap();
    let effects = story.effects.clone();
    let heart = |id| Event::Reaction {
        call: call(id, 1),
        from: MARCO.into(),
        reaction: "heart".into(),
    };
    for id in [OLIVIA, MARCO, ADA] {
        story.effects = effects.clone();
        assert_eq!(story.told(id), [heart(id)]);
    }
    story.effects = effects;
    assert_eq!(story.told(BOB), [], "who waits hears nothing");
    let sent = (0..100).take_while(|_| story.act(MARCO, Act::Like).is_ok());
    assert_eq!(sent.count(), 9);
    assert_eq!(story.act(MARCO, Act::Like), Err(Reason::TOO_MANY_ATTEMPTS));
    assert!(story.act(OLIVIA, Act::Like).is_ok());
    story.now += 5_000;
    assert!(story.act(MARCO, Act::Like).is_ok());
}

fn unmuted(story: &mut Story, id: &str, n: u32) {
    let command = Command::SetMuted {
        by: id.into(),
        call: call(id, n),
        muted: false,
    };
    story.apply(command).unwrap();
}

#[test]
fn s1_presenters_mute_others_who_alone_unmute_themselves() {
    let mut story = three();
    for id in [OLIVIA, MARCO, ADA] {
        unmuted(&mut story, id, 1);
    }
    let muting = story.act_about(ADA, Act::MuteParticipant, Some(MARCO));
    assert_eq!(muting, Err(Reason::NOT_ALLOWED), "a guest");
    assert_eq!(story.act(ADA, Act::MuteAll), Err(Reason::NOT_ALLOWED));
    story.effects.clear();
    story
        .act_about(MARCO, Act::MuteParticipant, Some(ADA))
        .unwrap();
    // The engine is told, whatever the client does then.
    assert!(story.effects.contains(&Effect::Mute(endpoint(ADA, 1))));
    let told = story.told(ADA);
    assert!(matches!(&told[0], Event::Muted { by, .. } if by.as_str() == MARCO));
    let muted = |story: &Story, id: &str| {
        let roster = story.snapshot(OLIVIA).roster;
        let who = roster.iter().find(|p| p.id.as_str() == id).unwrap();
        who.endpoints[0].muted
    };
    assert!(muted(&story, ADA) && !muted(&story, MARCO));
    // Who comes back without having heard of it is told again, and does not undo it.
    let back = Comer {
        muted: false,
        ..comer(ADA, 1)
    };
    story.apply(Command::Join(back)).unwrap();
    assert!(muted(&story, ADA));
    assert!(matches!(story.told(ADA).last(), Some(Event::Muted { .. })));
    unmuted(&mut story, ADA, 1);
    assert!(!muted(&story, ADA));
    story.effects.clear();
    story.act(OLIVIA, Act::MuteAll).unwrap();
    assert!(muted(&story, ADA) && muted(&story, MARCO) && !muted(&story, OLIVIA));
    let mutes = story
        .effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Mute(_)));
    assert_eq!(mutes.count(), 2);
    let nobody = story.act_about(OLIVIA, Act::MuteParticipant, Some(BOB));
    assert_eq!(nobody, Err(Reason::NO_SUCH_CALL));
}

#[test]
fn e15_hands_and_muting_stay_in_their_room() {
    let mut story = three();
    let new = NewRoom {
        id: "room".into(),
        name: None,
        thread: "t".into(),
    };
    let manage = |change| Command::Manage {
        by: OLIVIA.into(),
        change,
    };
    let assigned = [(RawId::from(MARCO), Some("room".into()))].into();
    for change in [Change::Create(vec![new]), Change::Assign(assigned)] {
        story.apply(manage(change)).unwrap();
    }
    for id in [OLIVIA, MARCO, ADA] {
        unmuted(&mut story, id, 1);
    }
    story.act(MARCO, Act::RaiseHand).unwrap();
    story.record(None, "r").unwrap();
    let open = Change::Open {
        rooms: vec![],
        ends: None,
    };
    story.effects.clear();
    story.apply(manage(open)).unwrap();
    let there = story.state(MARCO).unwrap();
    assert_eq!((there.hands.len(), there.recordings.len()), (0, 1), "C3");
    assert_eq!(
        story.hands(),
        [""; 0],
        "who goes to a room has left this one"
    );
    story.act(OLIVIA, Act::MuteAll).unwrap();
    let muted = |effect: &Effect| *effect == Effect::Mute(endpoint(MARCO, 1));
    assert!(!story.effects.iter().any(muted));
    let one = story.act_about(OLIVIA, Act::MuteParticipant, Some(MARCO));
    assert_eq!(one, Err(Reason::NO_SUCH_CALL));
    story.effects.clear();
    // By the call of before the move, as a client may that has not heard of it.
    story.act(MARCO, Act::RaiseHand).unwrap();
    assert_eq!(story.state(OLIVIA), None);
    story.act(MARCO, Act::Like).unwrap();
    assert_eq!(story.told(OLIVIA), []);
}

#[test]
fn who_puts_their_call_on_hold_is_seen_so_by_the_others_until_they_go_on() {
    let mut story = three();
    let held = |story: &mut Story| {
        let mut told = story.told(MARCO).into_iter().rev();
        told.find_map(|event| match event {
            Event::Roster { updated, .. } => Some(updated[0].endpoints[0].held),
            _ => None,
        })
    };
    assert_eq!(story.act(ADA, Act::Hold), Ok(Answer::Done), "a guest, too");
    assert_eq!(held(&mut story), Some(true));
    story.effects.clear();
    story.act(ADA, Act::Hold).unwrap();
    assert_eq!(held(&mut story), None, "nothing new is told");
    story.act(ADA, Act::Resume).unwrap();
    assert_eq!(held(&mut story), Some(false));
}
