//! Breakout rooms: E1-E15, each with who keeps to it and who does not.

use super::*;
use plenary_protocol::breakout::{BreakoutView, RoomState};
use plenary_protocol::id::RoomId;

const ONE: &str = "room one";
const TWO: &str = "room two";

/// Olivia organises; Ada and Bob are guests in the meeting, Marco a member. Two rooms, closed.
fn prepared() -> Story {
    let mut story = Story::new(Bypass::Everyone);
    let new = [ONE, TWO].map(|id| NewRoom {
        id: id.into(),
        name: None,
        thread: format!("19:{id}@thread.v2"),
    });
    manage(&mut story, OLIVIA, Change::Create(new.into())).unwrap();
    for id in [OLIVIA, MARCO, ADA, BOB] {
        assert_eq!(story.join(id), Ok(Place::Inside));
        story
            .apply(Command::Settle(endpoint(id, 1)))
            .expect("it never fails");
    }
    story.effects.clear();
    story
}

fn manage(story: &mut Story, by: &str, change: Change) -> Result<Answer, Reason> {
    story.apply(Command::Manage {
        by: by.into(),
        change,
    })
}

fn assign(story: &mut Story, who: &str, room: Option<&str>) {
    let wish = [(who.into(), room.map(RoomId::from))].into();
    manage(story, OLIVIA, Change::Assign(wish)).unwrap();
}

fn open(story: &mut Story, room: &str) {
    let rooms = vec![room.into()];
    manage(story, OLIVIA, Change::Open { rooms, ends: None }).unwrap();
}

fn close(story: &mut Story, room: &str) {
    let rooms = vec![room.into()];
    manage(story, OLIVIA, Change::Close { rooms }).unwrap();
}

fn auto_move(story: &mut Story, auto_move: bool) {
    let change = Change::Configure {
        auto_move: Some(auto_move),
        return_disabled: None,
        ends: None,
    };
    manage(story, OLIVIA, change).unwrap();
}

/// The call by which somebody's connection goes now.
fn call_of(story: &Story, id: &str) -> CallId {
    story.meeting.inside[&RawId::from(id)].seats[&endpoint(id, 1)]
        .call
        .clone()
}

fn go(story: &mut Story, who: &str, room: &str) -> Result<Answer, Reason> {
    let call = call_of(story, who);
    story.apply(Command::JoinRoom {
        by: who.into(),
        call,
        room: room.into(),
    })
}

fn come_back(story: &mut Story, who: &str) -> Result<Answer, Reason> {
    let call = call_of(story, who);
    story.apply(Command::Return {
        by: who.into(),
        call,
    })
}

fn is_in(story: &Story, who: &str, room: &str) -> bool {
    story.place(who, 1) == Some(Place::Room(room.into()))
}

fn view(story: &Story, who: &str) -> BreakoutView {
    story.snapshot(who).breakout.unwrap_or_default()
}

/// Who is moved by the effects so far, with the call of before and whether it is on hold.
fn moved(story: &Story) -> Vec<(EndpointId, CallId, bool)> {
    let moves = story.effects.iter().filter_map(|effect| match effect {
        Effect::Move {
            endpoint,
            from,
            held,
            ..
        } => Some((endpoint.clone(), from.clone(), *held)),
        _ => None,
    });
    moves.collect()
}

#[test]
fn e1_e2_guests_see_names_and_states_members_threads_managers_everything() {
    let mut story = prepared();
    assign(&mut story, ADA, Some(ONE));
    let guest = view(&story, ADA);
    let assigned = guest.assigned.expect("E1");
    assert_eq!(assigned.display_name, "Room 1");
    assert_eq!(guest.rooms.len(), 2);
    for room in guest.rooms {
        assert_eq!((room.thread_id, room.invitees), (None, None), "E2");
    }
    let member = &view(&story, MARCO).rooms[0];
    assert!(member.thread_id.is_some() && member.invitees.is_none());
    let manager = &view(&story, OLIVIA).rooms[0];
    assert_eq!(manager.invitees.as_deref(), Some(&[ADA.into()][..]));
}

/// Section E: a native client is told nothing of the rooms, is not moved, and asking is "not supported".
#[test]
fn section_e_a_native_client_has_no_breakout_rooms() {
    const EVE: &str = "8:acs:r_eve";
    let mut story = prepared();
    let native = Comer {
        client: Client::Native,
        ..comer(EVE, 1)
    };
    story.apply(Command::Join(native)).unwrap();
    story.effects.clear();
    assign(&mut story, EVE, Some(ONE));
    assign(&mut story, ADA, Some(ONE));
    open(&mut story, ONE);
    let moved: Vec<EndpointId> = moved(&story).into_iter().map(|moved| moved.0).collect();
    assert_eq!(moved, [endpoint(ADA, 1)]);
    assert_eq!(story.snapshot(EVE).breakout, None);
    let told = |effect: &Effect| matches!(effect, Effect::Tell { session: to, event: Event::Breakout { .. } } if *to == session(EVE, 1));
    assert!(!story.effects.iter().any(told));
    assert_eq!(go(&mut story, EVE, ONE), Err(Reason::NOT_ON_THIS_CLIENT));
    // The same identity in a browser is moved at once, and finds back with what it runs on now.
    let web = comer(EVE, 2);
    story.apply(Command::Join(web)).unwrap();
    story.apply(Command::Settle(endpoint(EVE, 2))).unwrap();
    assert_eq!(story.place(EVE, 2), Some(Place::Room(ONE.into())));
    assert_eq!(story.place(EVE, 1), Some(Place::Inside));
    story.apply(Command::Join(comer(EVE, 1))).unwrap();
    assert_eq!(go(&mut story, EVE, ONE), Ok(Answer::Done));
}

/// E13: a room that was open when rooms were switched off pulls nobody in any more.
#[test]
fn e13_who_comes_after_rooms_were_switched_off_is_not_moved() {
    let mut story = prepared();
    const EVE: &str = "8:acs:r_eve";
    assign(&mut story, EVE, Some(ONE));
    open(&mut story, ONE);
    let off = Settings {
        breakout: false,
        ..story.meeting.settings.clone()
    };
    story.apply(Command::Change(off)).unwrap();
    assert_eq!(story.join(EVE), Ok(Place::Inside));
    story.apply(Command::Settle(endpoint(EVE, 1))).unwrap();
    assert_eq!(story.place(EVE, 1), Some(Place::Inside));
}

#[test]
fn e3_a_room_is_joined_by_who_is_assigned_and_by_who_manages() {
    let mut story = prepared();
    auto_move(&mut story, false);
    assign(&mut story, ADA, Some(ONE));
    open(&mut story, ONE);
    open(&mut story, TWO);
    assert_eq!(go(&mut story, ADA, TWO), Err(Reason::NOT_ASSIGNED));
    assert_eq!(
        go(&mut story, ADA, "none"),
        Err(Reason::NOT_ASSIGNED),
        "no oracle"
    );
    assert_eq!(go(&mut story, BOB, ONE), Err(Reason::NOT_ASSIGNED));
    assert_eq!(go(&mut story, MARCO, ONE), Err(Reason::NOT_ASSIGNED));
    assert_eq!(go(&mut story, ADA, ONE), Ok(Answer::Done));
    assert_eq!(go(&mut story, OLIVIA, TWO), Ok(Answer::Done));
    assert!(is_in(&story, ADA, ONE) && is_in(&story, OLIVIA, TWO));
}

#[test]
fn e3_who_waits_in_the_lobby_goes_nowhere() {
    let mut story = prepared();
    assign(&mut story, "8:acs:r_cy", Some(ONE));
    open(&mut story, ONE);
    let closed = settings(Bypass::Organization);
    story.apply(Command::Change(closed)).unwrap();
    assert_eq!(story.join("8:acs:r_cy"), Ok(Place::Lobby));
    let join = Command::JoinRoom {
        by: "8:acs:r_cy".into(),
        call: call("8:acs:r_cy", 1),
        room: ONE.into(),
    };
    assert_eq!(story.apply(join), Err(Reason::NOT_ALLOWED));
    assert!(story.snapshot("8:acs:r_cy").breakout.is_none());
    // Late, but assigned: the admission leads into the room.
    story.admit(OLIVIA, "8:acs:r_cy").unwrap();
    let settle = Effect::Settle(endpoint("8:acs:r_cy", 1));
    assert!(story.effects.contains(&settle));
    story
        .apply(Command::Settle(endpoint("8:acs:r_cy", 1)))
        .unwrap();
    assert!(is_in(&story, "8:acs:r_cy", ONE));
}

#[test]
fn e4_guests_and_other_members_manage_nothing() {
    let mut story = prepared();
    for by in [ADA, MARCO, "8:acs:r_nobody", "8:orgid:nobody"] {
        let all = Change::Open {
            rooms: Vec::new(),
            ends: None,
        };
        assert_eq!(manage(&mut story, by, all), Err(Reason::NOT_ALLOWED));
        assert_eq!(
            story.apply(Command::Rooms { by: by.into() }),
            Err(Reason::NOT_ALLOWED)
        );
        let announce = Command::Announce {
            by: by.into(),
            message: "hello".to_owned(),
        };
        assert_eq!(story.apply(announce), Err(Reason::NOT_ALLOWED));
    }
    assert!(story.effects.is_empty());
    let appointed = Settings {
        // A guest cannot be appointed: the role is a member's.
        breakout_managers: [MARCO.into(), ADA.into()].into(),
        ..settings(Bypass::Everyone)
    };
    story.apply(Command::Change(appointed)).unwrap();
    let rename = |name: &str| Change::Rename {
        room: ONE.into(),
        name: name.to_owned(),
    };
    assert_eq!(manage(&mut story, MARCO, rename("Green")), Ok(Answer::Done));
    assert_eq!(
        manage(&mut story, ADA, rename("Red")),
        Err(Reason::NOT_ALLOWED)
    );
    assert_eq!(view(&story, ADA).rooms[0].display_name, "Green");
}

fn appoint(story: &mut Story, managers: &[&str]) {
    let appointed = Settings {
        breakout_managers: managers.iter().map(|id| RawId::from(*id)).collect(),
        ..story.meeting.settings().clone()
    };
    story.effects.clear();
    story
        .apply(Command::Change(appointed))
        .expect("it never fails");
}

/// The last that somebody was told of the rooms, by the effects so far.
fn told_rooms(story: &Story, who: &str) -> Option<BreakoutView> {
    let mut views = story.effects.iter().filter_map(|effect| match effect {
        Effect::Tell {
            session: to,
            event: Event::Breakout { view, .. },
        } if *to == session(who, 1) => Some(view.clone()),
        _ => None,
    });
    views.next_back()
}

#[test]
fn e2_e4_who_is_appointed_or_withdrawn_hears_so_at_once_and_nobody_else() {
    let mut story = prepared();
    assign(&mut story, ADA, Some(ONE));
    appoint(&mut story, &[MARCO]);
    let told = told_rooms(&story, MARCO).expect("at once");
    assert_eq!(told.rooms[0].invitees, Some(vec![ADA.into()]));
    for other in [OLIVIA, ADA, BOB] {
        assert_eq!(told_rooms(&story, other), None, "{other}");
    }
    appoint(&mut story, &[]);
    let told = told_rooms(&story, MARCO).expect("at once");
    assert_eq!(told.rooms[0].invitees, None);
    let read = Command::Rooms { by: MARCO.into() };
    assert_eq!(story.apply(read), Err(Reason::NOT_ALLOWED));
}

#[test]
fn e3_e4_who_is_withdrawn_does_not_stay_in_a_room_that_is_not_theirs() {
    let mut story = prepared();
    auto_move(&mut story, false);
    appoint(&mut story, &[MARCO]);
    assign(&mut story, MARCO, Some(TWO));
    assign(&mut story, ADA, Some(ONE));
    for room in [ONE, TWO] {
        open(&mut story, room);
    }
    go(&mut story, ADA, ONE).unwrap();
    go(&mut story, MARCO, ONE).unwrap();
    let main = call(MARCO, 1);
    assert!(story.meeting.held_snapshot(&main, "").is_some());
    appoint(&mut story, &[]);
    assert_eq!(story.place(MARCO, 1), Some(Place::Inside));
    assert_eq!(call_of(&story, MARCO), main, "the call on hold goes on");
    assert!(story.meeting.held_snapshot(&main, "").is_none());
    assert!(is_in(&story, ADA, ONE), "everybody else stays");
    assert_eq!(go(&mut story, MARCO, ONE), Err(Reason::NOT_ASSIGNED));
    assert_eq!(go(&mut story, MARCO, TWO), Ok(Answer::Done));
    // Appointed and withdrawn in the room that is theirs, they stay: nothing is on hold.
    for managers in [&[MARCO][..], &[]] {
        appoint(&mut story, managers);
        assert!(is_in(&story, MARCO, TWO));
    }
}

#[test]
fn e13_switching_the_rooms_off_moves_no_manager() {
    let mut story = prepared();
    open(&mut story, ONE);
    go(&mut story, OLIVIA, ONE).unwrap();
    let off = Settings {
        breakout: false,
        ..story.meeting.settings().clone()
    };
    story.apply(Command::Change(off)).expect("it never fails");
    assert!(is_in(&story, OLIVIA, ONE));
}

#[test]
fn a3_who_manages_the_rooms_reads_guests_labelled() {
    let mut story = prepared();
    let Ok(Answer::Rooms(rooms)) = story.apply(Command::Rooms { by: OLIVIA.into() }) else {
        panic!("an answer about rooms");
    };
    let name = |id: &str| rooms.people.iter().find(|(of, ..)| *of == RawId::from(id));
    let (_, guest, _) = name(ADA).expect("inside");
    assert!(guest.as_deref().unwrap().ends_with(" (External)"));
    let (_, member, _) = name(MARCO).expect("inside");
    assert!(!member.as_deref().unwrap_or_default().contains("External"));
}

#[test]
fn e7_a_closed_room_is_not_joined() {
    let mut story = prepared();
    assign(&mut story, ADA, Some(ONE));
    assert_eq!(go(&mut story, ADA, ONE), Err(Reason::ROOM_CLOSED));
    assert_eq!(go(&mut story, OLIVIA, ONE), Err(Reason::ROOM_CLOSED));
}

#[test]
fn e8_opening_moves_the_invitees_in_or_leaves_it_to_them() {
    let mut story = prepared();
    assign(&mut story, ADA, Some(ONE));
    story.effects.clear();
    open(&mut story, ONE);
    assert_eq!(moved(&story), [(endpoint(ADA, 1), call(ADA, 1), false)]);
    let seen_first = story.effects.iter().position(|effect| {
        matches!(effect, Effect::Tell { session: s, event: Event::Breakout { .. } } if *s == session(ADA, 1))
    });
    let then_moved = story
        .effects
        .iter()
        .position(|effect| matches!(effect, Effect::Move { .. }));
    assert!(
        seen_first < then_moved,
        "the room is open before anybody is in it"
    );
    assert!(is_in(&story, ADA, ONE));
    assert_eq!(story.place(BOB, 1), Some(Place::Inside));

    auto_move(&mut story, false);
    assign(&mut story, BOB, Some(TWO));
    open(&mut story, TWO);
    assert_eq!(story.place(BOB, 1), Some(Place::Inside));
    assert_eq!(go(&mut story, BOB, TWO), Ok(Answer::Done));
}

#[test]
fn e8_who_comes_late_is_moved_once() {
    let mut story = prepared();
    assign(&mut story, "8:acs:r_cy", Some(ONE));
    open(&mut story, ONE);
    story.join("8:acs:r_cy").unwrap();
    assert_eq!(
        story.place("8:acs:r_cy", 1),
        Some(Place::Inside),
        "first the meeting"
    );
    let settle = || Command::Settle(endpoint("8:acs:r_cy", 1));
    story.apply(settle()).unwrap();
    assert!(is_in(&story, "8:acs:r_cy", ONE));
    come_back(&mut story, "8:acs:r_cy").unwrap();
    story.apply(settle()).unwrap();
    assert_eq!(
        story.place("8:acs:r_cy", 1),
        Some(Place::Inside),
        "who came back by themselves is let be"
    );
}

#[test]
fn e2_e5_b7_a_thread_is_named_to_those_who_have_its_chat() {
    let named = |guest_chat: bool, guest_chat_in_rooms: bool| {
        let mut story = prepared();
        let settings = Settings {
            guest_chat,
            guest_chat_in_rooms,
            ..story.meeting.settings().clone()
        };
        story
            .apply(Command::Change(settings))
            .expect("it never fails");
        let thread = |story: &Story, who| story.snapshot(who).thread_id;
        let main = [thread(&story, ADA), thread(&story, MARCO)];
        for who in [ADA, MARCO] {
            assign(&mut story, who, Some(ONE));
        }
        open(&mut story, ONE);
        for who in [ADA, MARCO] {
            go(&mut story, who, ONE).unwrap();
        }
        let room = [thread(&story, ADA), thread(&story, MARCO)];
        [main, room].map(|[guest, member]| {
            assert!(member.is_some(), "members have chat everywhere");
            guest.is_some()
        })
    };
    assert_eq!(named(true, false), [true, false]);
    assert_eq!(named(true, true), [true, true]);
    assert_eq!(named(false, false), [false, false], "B7");
    assert_eq!(named(false, true), [false, false], "B7");
}

#[test]
fn e9_a_move_is_a_new_call_and_a_managers_is_on_hold() {
    let mut story = prepared();
    assign(&mut story, ADA, Some(ONE));
    open(&mut story, ONE);
    let in_room = story.snapshot(ADA);
    assert_ne!(in_room.call, call(ADA, 1));
    assert_eq!(in_room.room, Some(ONE.into()));
    assert_eq!(in_room.thread_id, None, "E5");

    story.effects.clear();
    go(&mut story, OLIVIA, ONE).unwrap();
    assert_eq!(
        moved(&story),
        [(endpoint(OLIVIA, 1), call(OLIVIA, 1), true)]
    );
    let held = story.meeting.held_snapshot(&call(OLIVIA, 1), "").unwrap();
    assert_eq!(held.state, CallState::Held);
    // On the main roster as on hold, and in the room as they are.
    let seen_by = |story: &Story, who: &str| {
        let roster = story.snapshot(who).roster;
        let olivia = roster.into_iter().find(|p| p.id.as_str() == OLIVIA);
        olivia.map(|p| p.endpoints[0].held)
    };
    assert_eq!(seen_by(&story, BOB), Some(true));
    assert_eq!(seen_by(&story, ADA), Some(false));

    // Leaving the room is coming back to the call that was on hold.
    let leave = Command::Leave {
        by: OLIVIA.into(),
        call: call_of(&story, OLIVIA),
    };
    story.apply(leave).unwrap();
    assert_eq!(story.snapshot(OLIVIA).call, call(OLIVIA, 1));
    assert_eq!(story.place(OLIVIA, 1), Some(Place::Inside));
    assert_eq!(seen_by(&story, ADA), None);
}

#[test]
fn e9_hanging_up_the_held_call_leaves_the_one_in_the_room() {
    let mut story = prepared();
    open(&mut story, ONE);
    go(&mut story, OLIVIA, ONE).unwrap();
    story.effects.clear();
    story.leave(OLIVIA).unwrap();
    assert!(is_in(&story, OLIVIA, ONE));
    let roster = story.snapshot(BOB).roster;
    assert!(roster.iter().all(|p| p.id.as_str() != OLIVIA));
    assert_eq!(story.end_reason(OLIVIA), Some(Reason::HUNG_UP.sub_code));
}

#[test]
fn e10_who_is_assigned_anew_is_moved_or_told() {
    let mut story = prepared();
    assign(&mut story, ADA, Some(ONE));
    open(&mut story, ONE);
    open(&mut story, TWO);
    assign(&mut story, ADA, Some(TWO));
    assert!(is_in(&story, ADA, TWO));
    auto_move(&mut story, false);
    assign(&mut story, ADA, Some(ONE));
    assert!(is_in(&story, ADA, TWO));
    let assigned = view(&story, ADA).assigned.map(|room| room.id);
    assert_eq!(assigned, Some(ONE.into()));
    assert_eq!(go(&mut story, ADA, ONE), Ok(Answer::Done));
}

#[test]
fn e11_closing_brings_everybody_back_and_returning_may_be_disabled() {
    let mut story = prepared();
    assign(&mut story, ADA, Some(ONE));
    assign(&mut story, BOB, Some(TWO));
    open(&mut story, ONE);
    open(&mut story, TWO);
    go(&mut story, OLIVIA, ONE).unwrap();
    let disable = Change::Configure {
        auto_move: None,
        return_disabled: Some(true),
        ends: None,
    };
    manage(&mut story, OLIVIA, disable).unwrap();
    assert!(
        view(&story, ADA).settings.disable_return_to_main_meeting,
        "E6, E12"
    );
    assert_eq!(come_back(&mut story, ADA), Err(Reason::RETURN_DISABLED));
    assert_eq!(come_back(&mut story, OLIVIA), Ok(Answer::Done));
    close(&mut story, ONE);
    assert_eq!(story.place(ADA, 1), Some(Place::Inside));
    assert!(is_in(&story, BOB, TWO), "the other room is open");
    let assigned = view(&story, ADA).assigned.map(|room| room.state);
    assert_eq!(assigned, Some(RoomState::Closed), "UI library 6059");
}

#[test]
fn e12_at_the_end_time_the_rooms_close() {
    let mut story = prepared();
    assign(&mut story, ADA, Some(ONE));
    let all = Change::Open {
        rooms: Vec::new(),
        ends: Some(5_000),
    };
    manage(&mut story, OLIVIA, all).unwrap();
    assert_eq!(story.meeting.deadline(), Some(5_000));
    assert_eq!(view(&story, ADA).settings.room_end_time, Some(5_000.0));
    story.now = 4_999;
    story.apply(Command::Tick).unwrap();
    assert!(is_in(&story, ADA, ONE));
    story.now = 5_000;
    story.apply(Command::Tick).unwrap();
    assert_eq!(story.place(ADA, 1), Some(Place::Inside));
    assert_eq!(story.meeting.deadline(), None);
}

#[test]
fn e13_where_rooms_are_switched_off_there_are_none() {
    let mut story = prepared();
    assign(&mut story, ADA, Some(ONE));
    let off = Settings {
        breakout: false,
        ..settings(Bypass::Everyone)
    };
    story.apply(Command::Change(off)).unwrap();
    assert!(story.snapshot(ADA).breakout.is_none());
    let all = Change::Open {
        rooms: Vec::new(),
        ends: None,
    };
    assert_eq!(manage(&mut story, OLIVIA, all), Err(Reason::BREAKOUT_OFF));
    assert_eq!(go(&mut story, ADA, ONE), Err(Reason::BREAKOUT_OFF));
}

#[test]
fn e15_each_room_hears_of_its_own_people_alone() {
    let mut story = prepared();
    assign(&mut story, ADA, Some(ONE));
    assign(&mut story, BOB, Some(TWO));
    open(&mut story, ONE);
    story.effects.clear();
    open(&mut story, TWO);
    assert!(
        story
            .told(ADA)
            .iter()
            .all(|event| matches!(event, Event::Breakout { .. })),
        "that a room opened is known to everybody (E2), who is in it is not"
    );
    story
        .apply(Command::SetMuted {
            by: BOB.into(),
            call: call_of(&story, BOB),
            muted: false,
        })
        .unwrap();
    assert_eq!(story.told(ADA), []);
    let ids = |who: &str| -> Vec<String> {
        story
            .snapshot(who)
            .roster
            .into_iter()
            .map(|p| p.id.to_string())
            .collect()
    };
    assert_eq!(ids(ADA), [ADA]);
    assert_eq!(ids(BOB), [BOB]);
    assert_eq!(ids(MARCO), [MARCO, OLIVIA]);
}

#[test]
fn a_deleted_room_moves_its_people_first() {
    let mut story = prepared();
    assign(&mut story, ADA, Some(ONE));
    open(&mut story, ONE);
    story.effects.clear();
    manage(&mut story, OLIVIA, Change::Delete { room: ONE.into() }).unwrap();
    assert_eq!(story.place(ADA, 1), Some(Place::Inside));
    let gone = story.effects.iter().position(|effect| {
        matches!(effect, Effect::Tell { event: Event::Breakout { view, .. }, .. } if view.rooms.len() == 1)
    });
    let moved = story
        .effects
        .iter()
        .position(|effect| matches!(effect, Effect::Move { .. }));
    assert!(moved < gone, "nextcloud/spreed 17544");
    assert_eq!(view(&story, ADA).assigned, None);
}

#[test]
fn rooms_are_filled_evenly_and_without_those_who_manage() {
    let mut story = prepared();
    for seed in [None, Some(1), Some(2)] {
        manage(&mut story, OLIVIA, Change::Distribute { seed }).unwrap();
        let breakout = story.meeting.breakout();
        assert!(!breakout.assigned.contains_key(&RawId::from(OLIVIA)));
        let in_one = breakout
            .assigned
            .values()
            .filter(|room| room.as_str() == ONE);
        assert_eq!((in_one.count(), breakout.assigned.len()), (2, 3));
    }
}

#[test]
fn after_a_restart_everybody_is_back_in_their_room() {
    let mut story = prepared();
    assign(&mut story, ADA, Some(ONE));
    open(&mut story, ONE);
    go(&mut story, OLIVIA, ONE).unwrap();
    let people = [OLIVIA, ADA].map(|id| {
        let seat = &story.meeting.inside[&RawId::from(id)].seats[&endpoint(id, 1)];
        seat.admission(&id.into(), &endpoint(id, 1))
    });
    let rooms = story.meeting.breakout().clone();
    let meeting = Meeting::new(
        settings(Bypass::Organization),
        rooms,
        Vec::new(),
        bounds(),
        people.to_vec(),
        500,
    );
    let mut again = Story {
        meeting,
        now: 100,
        effects: Vec::new(),
    };
    // A client that never heard of the move comes with the call of before.
    assert_eq!(again.join(ADA), Ok(Place::Room(ONE.into())));
    assert_ne!(again.snapshot(ADA).call, call(ADA, 1));
    assert_eq!(again.join(OLIVIA), Ok(Place::Room(ONE.into())));
    assert!(again.meeting.held_snapshot(&call(OLIVIA, 1), "").is_some());
}

#[test]
fn ending_the_meeting_closes_the_rooms_and_ends_every_call() {
    let mut story = prepared();
    assign(&mut story, ADA, Some(ONE));
    open(&mut story, ONE);
    go(&mut story, OLIVIA, ONE).unwrap();
    story.effects.clear();
    let end = Command::End {
        by: OLIVIA.into(),
        call: call_of(&story, OLIVIA),
    };
    story.apply(end).unwrap();
    let ended = story.told(OLIVIA);
    assert_eq!(ended.len(), 2, "the one on hold, too: {ended:?}");
    assert!(!story.meeting.breakout().is_open(&ONE.into()));
}
