//! What holds whatever happens in whatever order: what clients are told is what is, what the store keeps
//! is what is, and nobody is where they may not be (`B5`, `C3`, `C5`, `C7`, `E2`, `E3`, `E7`, `E15`).

use super::*;
use plenary_protocol::agent::Endpoint;
use plenary_protocol::breakout::BreakoutView;
use plenary_protocol::id::RoomId;
use plenary_protocol::state::{MeetingState, RecordingKind};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Move {
    Join(usize, u32),
    Leave(usize, u32),
    Admit(usize, usize),
    AdmitAll(usize),
    Reject(usize, usize),
    Remove(usize, usize),
    End(usize),
    Vanish(usize, u32),
    Change(bool, bool),
    Wait(u64),
    Create(usize),
    Delete(usize, usize),
    Assign(usize, usize, Option<usize>),
    Distribute(usize, Option<u64>),
    Open(usize, Option<usize>, Option<u64>),
    Close(usize, Option<usize>),
    Configure(usize, bool, bool),
    JoinRoom(usize, u32, usize),
    Return(usize, u32),
    HangUpHeld(usize, u32),
    Act(usize, u32, Act, Option<usize>),
    Record(usize, bool),
    StopRecording(usize),
    Restart,
}

const PEOPLE: [&str; 6] = [OLIVIA, MARCO, "8:orgid:petra", ADA, BOB, "8:acs:r_cy"];
const ROOMS: usize = 3;

fn moves() -> impl Strategy<Value = Move> {
    let who = || 0..PEOPLE.len();
    let n = || 1..3_u32;
    let room = || 0..ROOMS;
    let manager = || prop_oneof![4 => Just(0_usize), 1 => 0..PEOPLE.len()];
    let some_room = || proptest::option::of(0..ROOMS);
    prop_oneof![
        8 => (who(), n()).prop_map(|(who, n)| Move::Join(who, n)),
        2 => (who(), n()).prop_map(|(who, n)| Move::Leave(who, n)),
        4 => (who(), who()).prop_map(|(by, who)| Move::Admit(by, who)),
        2 => manager().prop_map(Move::AdmitAll),
        1 => (who(), who()).prop_map(|(by, who)| Move::Reject(by, who)),
        1 => (who(), who()).prop_map(|(by, who)| Move::Remove(by, who)),
        1 => who().prop_map(Move::End),
        1 => (who(), n()).prop_map(|(who, n)| Move::Vanish(who, n)),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(open, rooms)| Move::Change(open, rooms)),
        1 => (0..600_u64).prop_map(Move::Wait),
        3 => manager().prop_map(Move::Create),
        1 => (manager(), room()).prop_map(|(by, room)| Move::Delete(by, room)),
        4 => (manager(), who(), some_room()).prop_map(|(by, who, room)| Move::Assign(by, who, room)),
        2 => (manager(), proptest::option::of(any::<u64>())).prop_map(|(by, s)| Move::Distribute(by, s)),
        4 => (manager(), some_room(), proptest::option::of(100..900_u64))
            .prop_map(|(by, room, ends)| Move::Open(by, room, ends)),
        2 => (manager(), some_room()).prop_map(|(by, room)| Move::Close(by, room)),
        1 => (manager(), any::<bool>(), any::<bool>())
            .prop_map(|(by, auto, fast)| Move::Configure(by, auto, fast)),
        4 => (who(), n(), room()).prop_map(|(who, n, room)| Move::JoinRoom(who, n, room)),
        2 => (who(), n()).prop_map(|(who, n)| Move::Return(who, n)),
        1 => (who(), n()).prop_map(|(who, n)| Move::HangUpHeld(who, n)),
        6 => (who(), n(), prop::sample::select(&Act::ALL), proptest::option::of(who()))
            .prop_map(|(who, n, (_, act), about)| Move::Act(who, n, act, about)),
        2 => (who(), any::<bool>()).prop_map(|(by, text)| Move::Record(by, text)),
        2 => who().prop_map(Move::StopRecording),
        1 => Just(Move::Restart),
    ]
}

fn room(n: usize) -> RoomId {
    RoomId(format!("room {n}"))
}

/// One call as its client sees it.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    roster: BTreeMap<RawId, Vec<Endpoint>>,
    room: Option<RoomId>,
    held: bool,
}

/// One client: its calls, and what it knows of the rooms.
#[derive(Debug, Default)]
struct Client {
    calls: BTreeMap<CallId, Seen>,
    view: BreakoutView,
    /// By call; of a call that is not known yet, too.
    states: BTreeMap<CallId, MeetingState>,
}

impl Client {
    fn snapshot(&mut self, snapshot: &CallSnapshot) {
        let people = snapshot.roster.iter();
        let seen = Seen {
            roster: people
                .map(|p| (p.id.clone(), p.endpoints.clone()))
                .collect(),
            room: snapshot.room.clone(),
            held: snapshot.state == CallState::Held,
        };
        self.calls.insert(snapshot.call.clone(), seen);
        self.view = snapshot.breakout.clone().unwrap_or_default();
    }

    /// The call that is not on hold.
    fn active(&self) -> Option<CallId> {
        let mut calls = self.calls.iter();
        calls
            .find(|(_, seen)| !seen.held)
            .map(|(call, _)| call.clone())
    }

    fn held(&self) -> Option<CallId> {
        let mut calls = self.calls.iter();
        calls
            .find(|(_, seen)| seen.held)
            .map(|(call, _)| call.clone())
    }

    fn see(&mut self, event: &Event) {
        match event {
            Event::Roster {
                call,
                joined,
                updated,
                left,
            } => {
                let seen = self
                    .calls
                    .get_mut(call)
                    .expect("only a living call hears of a roster");
                for participant in joined {
                    let before = seen
                        .roster
                        .insert(participant.id.clone(), participant.endpoints.clone());
                    assert_eq!(before, None, "nobody joins twice");
                }
                for participant in updated {
                    let before = seen
                        .roster
                        .insert(participant.id.clone(), participant.endpoints.clone());
                    assert_ne!(before, None, "who changes is there");
                }
                for id in left {
                    assert!(seen.roster.remove(id).is_some(), "who leaves was there");
                }
            }
            Event::Ended { call, .. } => {
                self.calls.remove(call);
                self.states.remove(call);
            }
            Event::State { call, state } => drop(self.states.insert(call.clone(), state.clone())),
            Event::Muted { call, .. } => assert!(self.calls.contains_key(call)),
            Event::Reaction { call, from, .. } => {
                let there = &self.calls[call].roster[from];
                assert!(there.iter().any(|e| !e.held), "E15: of this room alone");
            }
            Event::Lobby { call, .. } | Event::Role { call, .. } => {
                assert!(
                    self.calls.contains_key(call),
                    "only those inside hear of the lobby"
                );
            }
            Event::Breakout { call, view } => {
                assert!(
                    self.calls.contains_key(call),
                    "only those inside hear of the rooms"
                );
                self.view = view.clone();
            }
            Event::Chat(_) => panic!("the meeting tells of no chat"),
            Event::Admitted(_) | Event::Moved { .. } | Event::Announcement { .. } => {}
        }
    }
}

/// The meeting, its clients, and the store as the effects write it.
struct World {
    story: Story,
    clients: BTreeMap<SessionId, Client>,
    admissions: BTreeMap<(RawId, CallId), Admission>,
    rooms: Breakout,
    recordings: Vec<Recording>,
    settings: Settings,
    unsettled: Vec<EndpointId>,
}

impl World {
    fn new(settings: Settings) -> Self {
        let meeting = Meeting::new(
            settings.clone(),
            Breakout::default(),
            Vec::new(),
            bounds(),
            Vec::new(),
            0,
        );
        let story = Story {
            meeting,
            now: 0,
            effects: Vec::new(),
        };
        Self {
            story,
            clients: BTreeMap::new(),
            admissions: BTreeMap::new(),
            rooms: Breakout::default(),
            recordings: Vec::new(),
            settings,
            unsettled: Vec::new(),
        }
    }

    fn client(&self, who: usize, n: u32) -> Option<&Client> {
        self.clients.get(&session(PEOPLE[who], n))
    }

    /// The call by which a client speaks now; before it has joined, the one that it would join with.
    fn call(&self, who: usize, n: u32) -> CallId {
        let active = self.client(who, n).and_then(Client::active);
        active.unwrap_or_else(|| call(PEOPLE[who], n))
    }

    fn command(&self, chosen: &Move) -> Command {
        let id = |who: usize| RawId::from(PEOPLE[who]);
        let manage = |by: usize, change| Command::Manage { by: id(by), change };
        let listed = |room_n: &Option<usize>| room_n.map(room).into_iter().collect();
        match chosen.clone() {
            Move::Join(who, n) => Command::Join(Comer {
                call: self.call(who, n),
                ..comer(PEOPLE[who], n)
            }),
            Move::Leave(who, n) => Command::Leave {
                by: id(who),
                call: self.call(who, n),
            },
            Move::Admit(by, who) => Command::Admit {
                by: id(by),
                call: self.call(by, 1),
                who: id(who),
            },
            Move::AdmitAll(by) => Command::AdmitAll {
                by: id(by),
                call: self.call(by, 1),
            },
            Move::Reject(by, who) => Command::Reject {
                by: id(by),
                call: self.call(by, 1),
                who: id(who),
            },
            Move::Remove(by, who) => Command::Remove {
                by: id(by),
                call: self.call(by, 1),
                who: id(who),
            },
            Move::End(by) => Command::End {
                by: id(by),
                call: self.call(by, 1),
            },
            Move::Vanish(who, n) => Command::Vanish {
                by: id(who),
                call: self.call(who, n),
                session: session(PEOPLE[who], n),
                reason: Reason::VANISHED,
            },
            Move::Change(..) => Command::Change(self.settings.clone()),
            Move::Wait(_) | Move::Restart => Command::Tick,
            Move::Create(by) => {
                let free = (0..ROOMS)
                    .map(room)
                    .find(|id| self.story.meeting.breakout.room(id).is_none());
                let new = free.map(|id| NewRoom {
                    thread: format!("thread of {id}"),
                    id,
                    name: None,
                });
                manage(by, Change::Create(new.into_iter().collect()))
            }
            Move::Delete(by, n) => manage(by, Change::Delete { room: room(n) }),
            Move::Assign(by, who, n) => manage(by, Change::Assign([(id(who), n.map(room))].into())),
            Move::Distribute(by, seed) => manage(by, Change::Distribute { seed }),
            Move::Open(by, n, ends) => {
                let ends = ends.map(|ends| self.story.now + ends);
                manage(
                    by,
                    Change::Open {
                        rooms: listed(&n),
                        ends,
                    },
                )
            }
            Move::Close(by, n) => manage(by, Change::Close { rooms: listed(&n) }),
            Move::Configure(by, auto, fast) => manage(
                by,
                Change::Configure {
                    auto_move: Some(auto),
                    return_disabled: Some(fast),
                    ends: None,
                },
            ),
            Move::JoinRoom(who, n, at) => Command::JoinRoom {
                by: id(who),
                call: self.call(who, n),
                room: room(at),
            },
            Move::Return(who, n) => Command::Return {
                by: id(who),
                call: self.call(who, n),
            },
            Move::Act(who, n, act, about) => Command::Act {
                by: id(who),
                call: self.call(who, n),
                act,
                who: about.map(id),
            },
            Move::Record(by, text) => {
                let kind = match text {
                    true => RecordingKind::Transcription,
                    false => RecordingKind::Recording,
                };
                let id = format!("recording {}", self.recordings.len());
                let paused = false;
                Command::Record {
                    by: Some(PEOPLE[by].into()),
                    change: RecordingChange::Start(Recording { id, kind, paused }),
                }
            }
            Move::StopRecording(by) => {
                let last = self.recordings.last().map(|r| r.id.clone());
                Command::Record {
                    by: Some(id(by)),
                    change: RecordingChange::Stop {
                        id: last.unwrap_or_default(),
                    },
                }
            }
            Move::HangUpHeld(who, n) => {
                let held = self.client(who, n).and_then(Client::held);
                Command::Leave {
                    by: id(who),
                    call: held.unwrap_or_else(|| "none".into()),
                }
            }
        }
    }

    /// Applies a command and carries its effects out as the edge does.
    fn apply(&mut self, command: Command) -> Result<Answer, Reason> {
        self.story.effects.clear();
        let result = self.story.apply(command);
        for effect in std::mem::take(&mut self.story.effects) {
            self.carry_out(effect);
        }
        result
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Keep(admission) => {
                let key = (admission.id.clone(), admission.call.clone());
                self.admissions.insert(key, admission);
            }
            Effect::Forget { id, call } => drop(self.admissions.remove(&(id, call))),
            Effect::KeepRooms(rooms) => self.rooms = rooms,
            Effect::KeepRecordings(recordings) => self.recordings = recordings,
            Effect::Cut(_) | Effect::Mute(_) => {}
            Effect::Settle(endpoint) => self.unsettled.push(endpoint),
            Effect::Admit { endpoint, session } => {
                let snapshot = self
                    .story
                    .meeting
                    .snapshot(&endpoint, "")
                    .expect("who is admitted is here");
                self.clients.entry(session).or_default().snapshot(&snapshot);
            }
            Effect::Move {
                endpoint,
                session,
                from,
                held,
            } => {
                let snapshot = self
                    .story
                    .meeting
                    .snapshot(&endpoint, "")
                    .expect("who is moved is here");
                let client = self.clients.entry(session).or_default();
                match held {
                    true => {
                        client
                            .calls
                            .get_mut(&from)
                            .expect("the held call lives")
                            .held = true
                    }
                    false => drop(client.calls.remove(&from)),
                }
                // A new call knows what holds in the whole meeting.
                let before = client.states.get(&from).cloned().unwrap_or_default();
                let hands = Vec::new();
                let states = &mut client.states;
                states
                    .entry(snapshot.call.clone())
                    .or_insert(MeetingState { hands, ..before });
                if !held {
                    states.remove(&from);
                }
                client.snapshot(&snapshot);
            }
            Effect::Tell { session, event } => self.clients.entry(session).or_default().see(&event),
        }
    }

    fn settle(&mut self) {
        while let Some(endpoint) = self.unsettled.pop() {
            self.apply(Command::Settle(endpoint))
                .expect("it never fails");
        }
    }

    fn join(&mut self, command: Command, who: usize, n: u32) -> Result<Answer, Reason> {
        let Command::Join(comer) = &command else {
            unreachable!()
        };
        let asked = comer.call.clone();
        let result = self.apply(command);
        if let Ok(Answer::Joined {
            endpoint, place, ..
        }) = &result
        {
            let held = self.story.meeting.held_snapshot(&asked, "");
            let snapshot = held.or_else(|| self.story.meeting.snapshot(endpoint, ""));
            let snapshot = snapshot.expect("who joined is here");
            if *place == Place::Lobby {
                assert!(
                    snapshot.roster.is_empty()
                        && snapshot.lobby.is_none()
                        && snapshot.breakout.is_none()
                );
            } else {
                self.clients
                    .entry(session(PEOPLE[who], n))
                    .or_default()
                    .snapshot(&snapshot);
            }
        }
        result
    }

    /// The service dies and comes back; every client finds back by its calls.
    fn restart(&mut self) {
        let admissions = self.admissions.values().cloned().collect();
        let until = self.story.now + 500;
        self.story.meeting = Meeting::new(
            self.settings.clone(),
            self.rooms.clone(),
            self.recordings.clone(),
            bounds(),
            admissions,
            until,
        );
        let clients = std::mem::take(&mut self.clients);
        for (who, id) in PEOPLE.iter().enumerate() {
            for n in 1..3 {
                let before = clients.get(&session(id, n));
                let states = before.map(|client| client.states.clone());
                if let Some(states) = states {
                    // What they know may be over.
                    let client = Client {
                        states,
                        ..Client::default()
                    };
                    self.clients.insert(session(id, n), client);
                }
                for call in before.into_iter().flat_map(|client| client.calls.keys()) {
                    let again = Comer {
                        call: call.clone(),
                        ..comer(id, n)
                    };
                    let back = self.join(Command::Join(again), who, n);
                    assert!(matches!(back, Ok(Answer::Joined { .. })), "{back:?}");
                    self.settle();
                    assert_ne!(
                        self.story.place(id, n),
                        Some(Place::Lobby),
                        "{id} was in already"
                    );
                }
                let after = self.clients.get(&session(id, n));
                let calls = |client: Option<&Client>| -> Vec<(CallId, Option<RoomId>, bool)> {
                    let calls = client.into_iter().flat_map(|client| &client.calls);
                    calls
                        .map(|(call, seen)| (call.clone(), seen.room.clone(), seen.held))
                        .collect()
                };
                assert_eq!(
                    calls(after),
                    calls(before),
                    "who reconnects comes back to where they were"
                );
            }
        }
    }

    fn check(&self) {
        let meeting = &self.story.meeting;
        let mut kept = BTreeSet::new();
        let mut calls = BTreeSet::new();
        for (id, person) in &meeting.inside {
            assert!(!person.seats.is_empty());
            assert!(
                !meeting.waiting.contains_key(id),
                "nobody is in both places"
            );
            for (endpoint, seat) in &person.seats {
                kept.insert((id.clone(), seat.call.clone()));
                assert_eq!(
                    self.admissions.get(&(id.clone(), seat.call.clone())),
                    Some(&seat.admission(id, endpoint))
                );
                let client = self
                    .clients
                    .get(&seat.session)
                    .expect("whoever is in knows it");
                let view = meeting.breakout_view(id, seat.client).unwrap_or_default();
                assert_eq!(
                    client.view, view,
                    "E14: what is told of the rooms is what is"
                );
                if Kind::of(id) == Kind::Guest {
                    let told = view.rooms.iter().chain(&view.assigned);
                    let secret = |room: &plenary_protocol::breakout::BreakoutRoom| {
                        room.thread_id.is_some() || room.invitees.is_some()
                    };
                    assert!(!told.into_iter().any(secret), "E2: names and states only");
                }
                if let Some(room) = &seat.room {
                    assert!(
                        meeting.breakout.is_open(room),
                        "E7, E11: nobody is in a closed room"
                    );
                }
                assert!(
                    seat.held.is_none() || seat.room.is_some(),
                    "E9: on hold for a room alone"
                );
                for (call, place, held) in std::iter::once((&seat.call, seat.room.as_ref(), false))
                    .chain(seat.held.as_ref().map(|call| (call, None, true)))
                {
                    let people = meeting.inside.iter();
                    let roster = people
                        .map(|(id, person)| (id.clone(), meeting.endpoints_at(person, place)))
                        .filter(|(_, endpoints)| !endpoints.is_empty())
                        .collect();
                    let seen = Seen {
                        roster,
                        room: place.cloned(),
                        held,
                    };
                    // CVE-2020-3419: no ghosts; E15: nobody of another room.
                    assert_eq!(client.calls.get(call), Some(&seen), "{id} {call}");
                    let state = client.states.get(call).cloned().unwrap_or_default();
                    assert_eq!(state, meeting.state_at(place), "C3, C5: {id} {call}");
                    let here = |id: &RawId| {
                        let seats = &meeting.inside[id].seats;
                        seats.values().any(|seat| seat.room.as_ref() == place)
                    };
                    assert!(state.hands.iter().all(here), "who has gone has no hand up");
                    let members = state.hands.iter().all(|id| Kind::of(id) == Kind::Member);
                    assert!(members, "C5: members only");
                    calls.insert((seat.session.clone(), call.clone()));
                }
            }
        }
        kept.extend(meeting.returning.keys().cloned());
        let stored: BTreeSet<(RawId, CallId)> = self.admissions.keys().cloned().collect();
        assert_eq!(stored, kept, "what is stored is what lives");
        assert_eq!(
            self.rooms, meeting.breakout,
            "what is stored of the rooms is what is"
        );
        assert_eq!(
            self.recordings, meeting.state.recordings,
            "C3: what is stored of recordings is what is"
        );
        let somebody = !meeting.inside.is_empty() || !meeting.returning.is_empty();
        assert!(somebody || self.recordings.is_empty(), "C3: it has ended");
        for (session, client) in &self.clients {
            for call in client.calls.keys() {
                assert!(
                    calls.contains(&(session.clone(), call.clone())),
                    "no call outlives its end"
                );
            }
        }
        assert!(meeting.inside.len() <= bounds().sdk_seats);
        assert!(meeting.waiting.len() <= bounds().lobby_places);
    }

    /// Where everybody is, by connection.
    fn places(&self) -> BTreeMap<EndpointId, (RawId, Option<RoomId>)> {
        let people = self.story.meeting.inside.iter();
        people
            .flat_map(|(id, person)| {
                let seats = person.seats.iter();
                seats.map(|(endpoint, seat)| (endpoint.clone(), (id.clone(), seat.room.clone())))
            })
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_rules_hold(bypass_everyone: bool, moves in prop::collection::vec(moves(), 1..80)) {
        let bypass = if bypass_everyone { Bypass::Everyone } else { Bypass::Organization };
        let mut world = World::new(settings(bypass));
        for chosen in &moves {
            match chosen {
                Move::Wait(ms) => world.story.now += ms,
                Move::Change(open, rooms) => {
                    let bypass = if *open { Bypass::Everyone } else { Bypass::Organization };
                    world.settings = Settings { breakout: *rooms, ..settings(bypass) };
                }
                Move::Restart => world.restart(),
                _ => {}
            }
            let before = world.places();
            let inside: BTreeSet<RawId> = world.story.meeting.inside.keys().cloned().collect();
            let was_member_present = world.story.meeting.member_is_present();
            let opened = world.story.meeting.settings.bypass == Bypass::Everyone;
            let command = world.command(chosen);
            let result = match chosen {
                Move::Join(who, n) => world.join(command, *who, *n),
                _ => world.apply(command),
            };
            world.settle();
            if result.is_err() {
                prop_assert_eq!(&before, &world.places(), "an error changes nothing: {:?}", chosen);
            }
            // B5: a guest comes in by an act of a member, or at once while a member is present.
            for id in world.story.meeting.inside.keys().filter(|id| !inside.contains(*id)) {
                if Kind::of(id) == Kind::Guest {
                    let by_act = match chosen {
                        Move::Admit(by, who) => PEOPLE[*who] == id.as_str() && PEOPLE[*by].starts_with("8:orgid:"),
                        Move::AdmitAll(by) => PEOPLE[*by].starts_with("8:orgid:"),
                        _ => false,
                    };
                    let at_once = matches!(chosen, Move::Join(who, _) if PEOPLE[*who] == id.as_str())
                        && opened && was_member_present;
                    prop_assert!(by_act || at_once, "{chosen:?} let {id} in");
                }
            }
            // E3: into a room goes who is assigned to it, or manages the rooms.
            for (endpoint, (id, now)) in world.places() {
                let Some(room) = now else { continue };
                if before.get(&endpoint).is_some_and(|(_, was)| *was == Some(room.clone())) {
                    continue;
                }
                let meeting = &world.story.meeting;
                let assigned = meeting.breakout.assigned.get(&id) == Some(&room);
                prop_assert!(assigned || meeting.manages(&id), "{chosen:?} let {id} into {room}");
            }
            world.check();
        }
    }
}
