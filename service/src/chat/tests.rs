//! Properties of a thread through random commands; each names its rule.
#![allow(clippy::unwrap_used)]

use super::*;
use plenary_protocol::id::RawId;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const BOUNDS: Bounds = Bounds {
    participants: 3,
    small: 2,
};
const ORGANIZER: &str = "8:orgid:olivia";
const GUESTS: [&str; 3] = ["8:acs:r_ada", "8:acs:r_bob", "8:acs:r_eve"];

/// What a test does to a thread.
#[derive(Debug, Clone)]
enum Step {
    /// Those guests are in the call.
    InCall(BTreeSet<usize>),
    Send(usize),
    Again(usize),
    Edit(usize, usize),
    Delete(usize, usize),
    Read(usize, usize),
    Type(usize),
    Manage(usize),
    /// The clock goes on, or back.
    Clock(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0..4usize;
    let which = 0..12usize;
    let step = prop_oneof![
        2 => prop::collection::btree_set(0..3usize, 0..=3).prop_map(Step::InCall),
        4 => who.clone().prop_map(Step::Send),
        1 => who.clone().prop_map(Step::Again),
        2 => (who.clone(), which.clone()).prop_map(|(a, b)| Step::Edit(a, b)),
        2 => (who.clone(), which.clone()).prop_map(|(a, b)| Step::Delete(a, b)),
        1 => (who.clone(), which).prop_map(|(a, b)| Step::Read(a, b)),
        1 => who.clone().prop_map(Step::Type),
        1 => who.prop_map(Step::Manage),
        2 => (-50..500i64).prop_map(Step::Clock),
    ];
    prop::collection::vec(step, 1..60)
}

/// A meeting's thread, its messages as a store has them, and what each guest was there for.
struct World {
    thread: Thread,
    messages: BTreeMap<u64, Message>,
    in_call: BTreeSet<RawId>,
    /// Ids that came while a guest was in the call, by the simplest of books.
    heard: BTreeMap<RawId, BTreeSet<u64>>,
    now: u64,
}

fn person(n: usize) -> RawId {
    RawId::from(GUESTS.get(n).copied().unwrap_or(ORGANIZER))
}

fn draft(text: &str, client_id: Option<&str>) -> Draft {
    Draft {
        content: Content::Text(text.into()),
        name: Some("chosen".into()),
        metadata: BTreeMap::new(),
        client_id: client_id.map(str::to_owned),
    }
}

impl World {
    fn new() -> Self {
        let organizer = RawId::from(ORGANIZER);
        let people = vec![Invited {
            id: organizer.clone(),
            name: None,
            shared_from: None,
            metadata: BTreeMap::new(),
        }];
        let origin = Origin::Meeting("m".into());
        let now = 1_000;
        let (thread, effects) =
            Thread::create("t".into(), origin, organizer, people, "Plenary".into(), now);
        let mut world = Self {
            thread,
            messages: BTreeMap::new(),
            in_call: BTreeSet::new(),
            heard: BTreeMap::new(),
            now,
        };
        world.carry_out(effects);
        world
    }

    fn speaker(&self, id: &RawId) -> Speaker {
        Speaker {
            id: id.clone(),
            in_call: self.in_call.contains(id),
        }
    }

    fn apply(&mut self, command: Command) -> Result<Answer, Refusal> {
        let before = self.thread.clone();
        let mut effects = Vec::new();
        let result = self.thread.apply(command, BOUNDS, self.now, &mut effects);
        if result.is_err() {
            assert_eq!(self.thread, before, "a refusal changes nothing");
            assert!(effects.is_empty());
        }
        self.carry_out(effects);
        result
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::KeepMessage(message) => {
                    if let Some(before) = self.messages.get(&message.id) {
                        assert!(message.version > before.version);
                        assert_eq!(message.sequence, before.sequence);
                        assert_eq!(message.sender, before.sender);
                    } else {
                        let last = self.messages.last_key_value();
                        let (id, sequence) = last.map_or((0, 0), |(id, m)| (*id, m.sequence));
                        assert!(message.id > id, "ids rise");
                        assert_eq!(message.sequence, sequence + 1, "sequence ids count");
                    }
                    self.messages.insert(message.id, *message);
                }
                Effect::Tell(notice) => self.told(&notice),
                _ => {}
            }
        }
    }

    /// S13: nobody hears of a message who may not read it.
    fn told(&self, notice: &Notice) {
        for id in &notice.to {
            let participant = &self.thread.participants[id];
            assert!(participant.is_present(), "{id} has gone");
            if let News::Message(message) = &notice.news {
                assert!(participant.windows.iter().any(|w| w.holds(message.id)));
            }
        }
    }

    fn reads(&self, id: &RawId) -> BTreeSet<u64> {
        let speaker = self.speaker(id);
        match self.thread.readable(id, speaker.in_call, self.now) {
            Ok(windows) => {
                let ids = self.messages.keys();
                let ids = ids.filter(|id| windows.iter().any(|window| window.holds(**id)));
                ids.copied().collect()
            }
            Err(_) => BTreeSet::new(),
        }
    }

    fn follow(&mut self, guests: &BTreeSet<usize>) {
        self.in_call = guests.iter().map(|n| person(*n)).collect();
        let before: BTreeSet<u64> = self.messages.keys().copied().collect();
        let here: BTreeSet<RawId> = self.present_guests();
        let people = self.in_call.iter().map(|id| (id.clone(), Some("N".into())));
        let roster = Roster {
            guests: Some(people.collect()),
            ..Roster::default()
        };
        self.apply(Command::Follow(roster)).unwrap();
        // What the coming and going itself said belongs to those who were not told to go.
        let new: Vec<u64> = self
            .messages
            .keys()
            .filter(|id| !before.contains(id))
            .copied()
            .collect();
        for id in self.present_guests() {
            let added = !here.contains(&id);
            let own = new.iter().filter(|at| {
                let content = &self.messages[at].body.content;
                !added || matches!(content, Content::ParticipantAdded { .. })
            });
            let own: Vec<u64> = own.copied().collect();
            self.heard.entry(id).or_default().extend(own);
        }
    }

    fn present_guests(&self) -> BTreeSet<RawId> {
        let guests = GUESTS.iter().map(|id| RawId::from(*id));
        let present = |id: &RawId| {
            let participant = self.thread.participants.get(id);
            participant.is_some_and(Participant::is_present)
        };
        guests.filter(present).collect()
    }

    fn step(&mut self, step: Step) {
        let before = self.messages.len();
        let is_follow = matches!(step, Step::InCall(_));
        let message = |world: &Self, n: usize| world.messages.values().nth(n).cloned();
        match step {
            Step::InCall(guests) => self.follow(&guests),
            Step::Send(who) => {
                let by = self.speaker(&person(who));
                let may = self.may_write(&by);
                let draft = draft("hello", None);
                let sent = self.apply(Command::Send {
                    by,
                    draft,
                    known: None,
                });
                assert_eq!(sent.is_ok(), may, "D1");
            }
            Step::Again(who) => {
                let by = self.speaker(&person(who));
                if let Ok(Answer::Sent(first)) = self.apply(Command::Send {
                    by: by.clone(),
                    draft: draft("once", Some("c")),
                    known: None,
                }) {
                    let count = self.messages.len();
                    let again = self.apply(Command::Send {
                        by,
                        draft: draft("once", Some("c")),
                        known: Some(first),
                    });
                    assert_eq!(again, Ok(Answer::Sent(first)));
                    assert_eq!(self.messages.len(), count);
                }
            }
            Step::Edit(who, n) => {
                let by = self.speaker(&person(who));
                if let Some(message) = message(self, n) {
                    let may = self.may_change(&by, &message);
                    let content = Some(Content::Text("changed".into()));
                    let metadata = None;
                    let edit = Command::Edit {
                        by,
                        message,
                        content,
                        metadata,
                    };
                    assert_eq!(self.apply(edit).is_ok(), may, "D2: one's own alone");
                }
            }
            Step::Delete(who, n) => {
                let by = self.speaker(&person(who));
                if let Some(message) = message(self, n) {
                    let may = self.may_change(&by, &message);
                    let id = message.id;
                    let deleted = self.apply(Command::Delete { by, message });
                    assert_eq!(deleted.is_ok(), may, "D2: one's own alone");
                    if may {
                        let empty = Content::Text(String::new());
                        assert_eq!(self.messages[&id].body.content, empty);
                    }
                }
            }
            Step::Read(who, n) => {
                let by = self.speaker(&person(who));
                let Some(message) = message(self, n).map(|m| m.id) else {
                    return;
                };
                let id = by.id.clone();
                let receipt = |world: &Self| {
                    world
                        .thread
                        .participants
                        .get(&id)
                        .and_then(|p| p.read)
                        .map(|r| r.message)
                };
                let before = receipt(self);
                let seen = self.reads(&id).contains(&message);
                let small = self.thread.present().len() <= BOUNDS.small;
                let read = self.apply(Command::Read { by, message });
                assert_eq!(read.is_ok(), seen && small);
                assert!(receipt(self) >= before, "receipts go forward");
            }
            Step::Type(who) => {
                let by = self.speaker(&person(who));
                let may = self.may_write(&by) && self.thread.present().len() <= BOUNDS.small;
                assert_eq!(self.apply(Command::Type { by, name: None }).is_ok(), may);
            }
            Step::Manage(who) => {
                let by = self.speaker(&person(who));
                let update = Update {
                    topic: Some("mine".into()),
                    ..Update::default()
                };
                let whom = RawId::from(GUESTS[0]);
                for command in [
                    Command::Update {
                        by: by.clone(),
                        update,
                    },
                    Command::DeleteThread { by: by.clone() },
                    Command::Remove {
                        by: by.clone(),
                        who: whom,
                    },
                    Command::Add {
                        by,
                        who: Vec::new(),
                    },
                ] {
                    assert_eq!(self.apply(command), Err(Refusal::NotAllowed), "C2");
                }
            }
            Step::Clock(by) => self.now = self.now.saturating_add_signed(by),
        }
        if !is_follow {
            let new: Vec<u64> = self.messages.keys().skip(before).copied().collect();
            for id in self.present_guests() {
                self.heard.entry(id).or_default().extend(new.clone());
            }
        }
    }

    fn may_write(&self, by: &Speaker) -> bool {
        let participant = self.thread.participants.get(&by.id);
        let present = participant.is_some_and(Participant::is_present);
        present && (by.in_call || by.id.as_str() == ORGANIZER)
    }

    fn may_change(&self, by: &Speaker, message: &Message) -> bool {
        self.may_write(by)
            && message.sender.as_ref() == Some(&by.id)
            && !message.is_deleted()
            && self.reads(&by.id).contains(&message.id)
    }

    /// D1, S13: in the call a guest reads what came while they were in the call, before and now; outside
    /// of it nothing.
    fn check(&self) {
        for id in GUESTS.map(RawId::from) {
            let reads = self.reads(&id);
            let heard = self.heard.get(&id).cloned().unwrap_or_default();
            if !self.present_guests().contains(&id) {
                assert!(reads.is_empty(), "D1: {id} is not in the call");
                continue;
            }
            assert_eq!(reads, heard, "{id}");
        }
        let all: BTreeSet<u64> = self.messages.keys().copied().collect();
        assert_eq!(self.reads(&RawId::from(ORGANIZER)), all, "members by right");
        assert!(self.thread.present().len() <= BOUNDS.participants, "C7");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn d1_d2_s13_a_meetings_thread_keeps_its_rules_through_anything(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
            world.check();
        }
    }
}

#[test]
fn d1_a_guest_who_did_not_come_back_after_a_restart_read_until_the_restart() {
    let mut world = World::new();
    world.follow(&[0].into());
    world.step(Step::Send(3));
    let seen = world.reads(&person(0));
    let restarted = world.now + 10;
    world.now += 20;
    world.step(Step::Send(3));
    let roster = Roster {
        guests: Some(BTreeMap::new()),
        restarted: Some(restarted),
        ..Roster::default()
    };
    world.in_call.clear();
    world.apply(Command::Follow(roster)).unwrap();
    assert!(world.reads(&person(0)).is_empty());
    // Back again: what was said between is not theirs.
    world.now += 20;
    world.step(Step::Send(3));
    world.in_call.insert(person(0));
    let roster = Roster {
        guests: Some([(person(0), None)].into()),
        ..Roster::default()
    };
    world.apply(Command::Follow(roster)).unwrap();
    let added = *world.messages.last_key_value().unwrap().0;
    let now: BTreeSet<u64> = seen.into_iter().chain([added]).collect();
    assert_eq!(world.reads(&person(0)), now);
}

#[test]
fn a4_in_a_meeting_the_sender_has_the_name_that_the_meeting_knows() {
    let mut world = World::new();
    world.follow(&[0].into());
    world.step(Step::Send(0));
    let last = world.messages.last_key_value().unwrap().1;
    assert_eq!(last.body.name.as_deref(), Some("N"));
}
