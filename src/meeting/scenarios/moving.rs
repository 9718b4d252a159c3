//! Breakout rooms: a call goes on as another one (E8-E11).

use super::*;
use plenary_protocol::breakout::{BreakoutRoom, BreakoutView, RoomState};
use plenary_protocol::id::CallId;

const ROOM_CALL: &str = "room call";

/// The snapshot of a call in a room, or of one back in the main meeting.
fn there(sim: &Sim, call: &str, room: Option<&str>) -> CallSnapshot {
    let mut snapshot = sim.snapshot(CallState::Connected);
    let media = snapshot.media.as_mut().expect("a grant");
    media.answer = None;
    media.participant_sid = Some("PA_1".into());
    CallSnapshot {
        call: call.into(),
        room: room.map(Into::into),
        thread_id: Some("19:breakout@thread.v2".into()),
        roster: vec![person(sim.identity, &["own-endpoint"])],
        ..snapshot
    }
}

fn moved(from: &str, held: bool, to: CallSnapshot) -> Event {
    Event::Moved {
        from: from.into(),
        held,
        to: Box::new(to),
    }
}

fn of_call(call: &str) -> impl Fn(&Action) -> bool + '_ {
    move |action| matches!(action, Action::Emit(Change::Call(CallChange { call: c, .. })) if c == call)
}

#[test]
fn e9_the_new_call_is_told_before_the_old_one_ends_and_has_its_media() {
    let mut sim = Sim::guest().in_meeting();
    sim.news();
    let to = there(&sim, ROOM_CALL, Some("r1"));
    sim.event(moved(CALL, false, to));
    let told = position(
        &sim,
        |a| matches!(a, Action::Emit(Change::Moved { to, thread_id: Some(_), room: Some(_), .. }) if to == ROOM_CALL),
    );
    let given = position(&sim, |a| matches!(a, Action::MoveMedia { .. }));
    let ended = position(&sim, |a| is_state(a, "Disconnected"));
    assert!(told < given && given < ended);
    assert!(told < position(&sim, of_call(ROOM_CALL)));
    assert_eq!(
        sim.count(|a| matches!(a, Action::StopMedia(_) | Action::StartMedia { .. })),
        1,
        "of the join"
    );
    // Its media goes on reporting, to the new call.
    sim.news();
    sim.give(Input::Media {
        call: ROOM_CALL.into(),
        session: 1,
        event: MediaEvent::Connected,
    });
    assert_eq!(
        sim.agent.calls().map(CallId::as_str).collect::<Vec<_>>(),
        [ROOM_CALL]
    );
}

#[test]
fn e9_a_manager_s_call_is_on_hold_and_hanging_up_the_room_s_goes_back_to_it() {
    let mut sim = Sim::member().in_meeting();
    let to = there(&sim, ROOM_CALL, Some("r1"));
    sim.event(moved(CALL, true, to));
    assert_eq!(sim.states().last().copied(), Some("LocalHold"));
    let ticket = sim.ticket();
    sim.give(Input::Command {
        call: ROOM_CALL.into(),
        ticket,
        command: Command::HangUp {
            for_everyone: false,
        },
    });
    let asked = sim.last_id(|r| matches!(r, Request::ReturnToMainMeeting { .. }));
    let back = there(&sim, CALL, None);
    sim.event(moved(ROOM_CALL, false, back));
    sim.reply(asked.expect("it goes back"), Reply::Done);
    assert_eq!(sim.settled(ticket), Some(Ok(Outcome::Done)));
    assert_eq!(
        sim.agent.calls().map(CallId::as_str).collect::<Vec<_>>(),
        [CALL]
    );
    assert_eq!(
        sim.count(|a| matches!(a, Action::StopMedia(_))),
        0,
        "the media never stopped"
    );
}

#[test]
fn e9_nothing_of_a_held_call_is_sent_muted_or_left_without_an_answer() {
    let mut sim = Sim::member().in_meeting();
    let to = there(&sim, ROOM_CALL, Some("r1"));
    sim.event(moved(CALL, true, to));
    sim.news();
    for command in [
        Command::Mute,
        Command::Unmute,
        Command::Microphone(MicrophoneUse::Opening),
        Command::Video(true),
        Command::Screen(true),
    ] {
        let ticket = sim.command(command.clone());
        let refused = Err(reasons::NOT_CONNECTED.sub_code);
        assert_eq!(sim.settled(ticket), Some(refused), "{command:?}");
    }
    let done = |a: &Action| !matches!(a, Action::Settle(..));
    assert!(!sim.news().iter().any(done), "and nothing else");
}

#[test]
fn e9_who_stayed_is_seen_on_the_return_although_the_engine_told_of_them_before_the_service() {
    let mut sim = Sim::member().in_meeting();
    let ada = || person("8:acs:ada", &["ada-1"]);
    sim.event(roster(vec![ada()], &[]));
    sim.media(1, published("ada-1", "TR_cam", TrackSource::Camera));
    let to = there(&sim, ROOM_CALL, Some("r1"));
    sim.event(moved(CALL, true, to));
    let media = |event| Input::Media {
        call: ROOM_CALL.into(),
        session: 1,
        event,
    };
    sim.give(media(MediaEvent::TrackUnpublished {
        endpoint: "ada-1".into(),
        track: "TR_cam".into(),
    }));
    sim.give(media(published("ada-1", "TR_cam", TrackSource::Camera)));
    sim.news();
    let mut back = there(&sim, CALL, None);
    back.roster.push(ada());
    sim.event(moved(ROOM_CALL, false, back));
    let seen = sim.count(|a| matches!(a, Action::Emit(Change::Streams { participant, added, .. }) if participant == "8:acs:ada" && added.len() == 1));
    assert_eq!(seen, 1);
}

#[test]
fn mute_and_devices_survive_a_move() {
    let mut sim = Sim::guest().in_meeting();
    let video = sim.command(Command::Video(true));
    assert_eq!(sim.settled(video), Some(Ok(Outcome::Done)));
    sim.command(Command::Mute);
    sim.news();
    let to = there(&sim, ROOM_CALL, Some("r1"));
    sim.event(moved(CALL, false, to));
    // The service thinks that the microphone is on: the mute was on its way.
    let told = sim.last_id(
        |r| matches!(r, Request::SetMuted { call, muted: true } if call.as_str() == ROOM_CALL),
    );
    assert!(told.is_some());
    assert_eq!(
        sim.count(|a| matches!(a, Action::Video { on: false, .. })),
        0
    );
}

#[test]
fn a_move_that_the_client_missed_is_seen_when_it_joins_again() {
    let mut sim = Sim::guest().in_meeting();
    sim.give(Input::Closed);
    sim.pass(2_000.0);
    sim.give(Input::Opened);
    sim.welcome("another", false);
    let id = sim
        .last_id(|r| matches!(r, Request::Join(_)))
        .expect("it joins again");
    let to = there(&sim, ROOM_CALL, Some("r1"));
    sim.reply(id, Reply::Call(Box::new(to)));
    assert_eq!(
        sim.agent.calls().map(CallId::as_str).collect::<Vec<_>>(),
        [ROOM_CALL]
    );
}

#[test]
fn who_hangs_up_while_being_moved_is_gone_from_the_room_too() {
    let mut sim = Sim::guest().in_meeting();
    sim.command(Command::HangUp {
        for_everyone: false,
    });
    let to = there(&sim, ROOM_CALL, Some("r1"));
    sim.event(moved(CALL, false, to));
    let left = sim.last_id(|r| matches!(r, Request::Leave { call } if call.as_str() == ROOM_CALL));
    assert!(left.is_some());
    assert_eq!(
        sim.count(|a| matches!(a, Action::Emit(Change::Moved { .. }))),
        0
    );
}

/// Moved on an engine that moves nobody; the new session's offer is made.
fn moved_elsewhere(others: &[&str]) -> Sim {
    let mut sim = Sim::guest().in_meeting();
    sim.news();
    let mut to = there(&sim, ROOM_CALL, Some("r1"));
    to.media.as_mut().expect("a grant").slots = false;
    to.breakout = Some(Default::default());
    to.roster
        .extend(others.iter().map(|id| person(id, &["other"])));
    sim.event(moved(CALL, false, to));
    sim.give(Input::Offer {
        call: ROOM_CALL.into(),
        session: 2,
        offer: Ok(offer()),
    });
    sim
}

fn media_there(sim: &mut Sim, event: MediaEvent) {
    sim.give(Input::Media {
        call: ROOM_CALL.into(),
        session: 2,
        event,
    });
}

fn taken_over(sim: &Sim) -> usize {
    sim.count(|a| matches!(a, Action::TakeOver(call) if call.as_str() == ROOM_CALL))
}

#[test]
fn on_an_engine_that_moves_nobody_the_new_session_is_made_before_the_old_one_goes() {
    let mut sim = moved_elsewhere(&["8:acs:other"]);
    let news = sim.news();
    let beside = |a: &Action| {
        matches!(
            a,
            Action::StartMedia {
                session: 2,
                beside: true,
                ..
            }
        )
    };
    assert!(news.iter().any(beside));
    let connects =
        |a: &Action| matches!(a, Action::ConnectMedia { call, .. } if call.as_str() == ROOM_CALL);
    assert!(news.iter().any(connects), "with the grant that came along");
    let stops = |a: &Action| matches!(a, Action::StopMedia(_));
    assert!(!news.iter().any(stops), "what is heard goes on");
    let arrives = || MediaEvent::TrackAssigned {
        track: "TR_1".into(),
        arrives: true,
    };
    let mut sooner = moved_elsewhere(&["8:acs:other"]);
    media_there(&mut sooner, arrives());
    assert_eq!(taken_over(&sooner), 0, "a section carries nothing yet");
    media_there(&mut sooner, MediaEvent::Connected);
    assert_eq!(taken_over(&sooner), 1);
    media_there(&mut sim, MediaEvent::Connected);
    assert_eq!(taken_over(&sim), 0, "nobody is heard there yet");
    media_there(&mut sim, arrives());
    assert_eq!(taken_over(&sim), 1);
    let trouble = |a: &Action| {
        matches!(
            a,
            Action::Emit(Change::Diagnostic {
                diagnostic: "networkReconnect",
                ..
            })
        )
    };
    assert_eq!(sim.count(trouble), 0, "nothing was interrupted");
}

#[test]
fn the_session_of_the_next_room_is_made_when_the_present_one_is_settled() {
    let prepared = |sim: &Sim| sim.count(|a| matches!(a, Action::PrepareMedia));
    let mut sim = moved_elsewhere(&["8:acs:other"]);
    media_there(&mut sim, MediaEvent::Connected);
    sim.pass(1_100.0);
    assert_eq!((taken_over(&sim), prepared(&sim)), (1, 0));
    sim.pass(1_600.0);
    assert_eq!(prepared(&sim), 1);
    sim.pass(60_000.0);
    assert_eq!(prepared(&sim), 1);
}

#[test]
fn the_new_session_takes_over_at_once_where_nobody_is() {
    let mut sim = moved_elsewhere(&[]);
    media_there(&mut sim, MediaEvent::Connected);
    assert_eq!(taken_over(&sim), 1);
}

#[test]
fn the_old_room_is_left_in_time_whatever_the_new_session_does() {
    let mut sim = moved_elsewhere(&["8:acs:other"]);
    sim.pass(4_400.0);
    assert_eq!(taken_over(&sim), 0);
    sim.pass(200.0);
    assert_eq!(taken_over(&sim), 1);
    let mut sim = moved_elsewhere(&["8:acs:other"]);
    media_there(&mut sim, MediaEvent::Connected);
    sim.pass(1_100.0);
    assert_eq!(
        taken_over(&sim),
        1,
        "who is silent keeps nobody in the old room"
    );
}

#[test]
fn what_is_known_of_the_rooms_is_told_as_it_is() {
    let mut sim = Sim::guest().in_meeting();
    let view = BreakoutView {
        assigned: Some(BreakoutRoom {
            id: "r1".into(),
            display_name: "Room 1".into(),
            state: RoomState::Open,
            auto_move: false,
            thread_id: None,
            invitees: None,
        }),
        ..BreakoutView::default()
    };
    sim.event(Event::Breakout {
        call: CALL.into(),
        view: view.clone(),
    });
    let told =
        |a: &Action| matches!(a, Action::Emit(Change::Breakout { view: v, .. }) if *v == view);
    assert_eq!(sim.count(told), 1);
    let ticket = sim.command(Command::JoinRoom("r1".into()));
    let asked = sim.last_id(|r| matches!(r, Request::JoinBreakoutRoom { .. }));
    sim.refuse(asked.expect("asked"), Reason::ROOM_CLOSED);
    assert_eq!(sim.settled(ticket), Some(Err(46256)));
}

#[test]
fn e11_a_room_that_is_gone_is_readable_until_the_return_is_done() {
    let mut sim = Sim::guest().in_meeting();
    let to = there(&sim, ROOM_CALL, Some("r1"));
    sim.event(moved(CALL, false, to));
    sim.news();
    // Deleted: by the time of the return there are no rooms.
    let mut back = there(&sim, "main again", None);
    back.breakout = Some(BreakoutView::default());
    sim.event(moved(ROOM_CALL, false, back));
    let ended = position(
        &sim,
        |a| matches!(a, Action::Emit(Change::Call(CallChange { call, state: Some("Disconnected"), .. })) if call == ROOM_CALL),
    );
    assert!(ended < position(&sim, |a| matches!(a, Action::Emit(Change::Breakout { .. }))));
}
