//! Stories of one client, told to its machine.

mod chat;
mod connection;
mod leaving;
mod moving;

use super::harness::*;
use super::*;
use crate::api::changes::{CallChange, Change, DiagnosticValue};
use crate::media::interface::MediaEvent;
use plenary_protocol::agent::*;
use plenary_protocol::end::Reason;

fn position(sim: &Sim, which: impl Fn(&Action) -> bool) -> usize {
    sim.actions
        .iter()
        .position(which)
        .expect("an action like this")
}

fn is_state(action: &Action, state: &str) -> bool {
    matches!(action, Action::Emit(Change::Call(CallChange { state: Some(s), .. })) if *s == state)
}

#[test]
fn the_agent_is_there_when_the_service_has_welcomed_it() {
    let mut sim = Sim::new(GUEST);
    let ticket = sim.ticket();
    sim.give(Input::Start(ticket));
    assert_eq!(
        sim.news(),
        [Action::GetToken, Action::OpenSocket],
        "token and socket at the same time"
    );
    sim.give(Input::Opened);
    assert_eq!(sim.news(), [], "nothing is said before there is a token");
    sim.token("t", 3_600_000.0);
    assert!(
        matches!(sim.sent().next(), Some(ClientFrame { request: Request::Hello(h), .. }) if h.token == "t")
    );
    assert_eq!(sim.settled(ticket), None);
    sim.welcome("s", false);
    assert!(
        matches!(sim.settled(ticket), Some(Ok(Outcome::Agent(identity))) if identity.id.as_str() == GUEST)
    );
}

#[test]
fn an_agent_of_a_service_that_cannot_be_reached_fails_after_a_few_attempts() {
    let mut sim = Sim::new(GUEST);
    let ticket = sim.ticket();
    sim.give(Input::Start(ticket));
    sim.token("t", 3_600_000.0);
    for _ in 0..40 {
        sim.give(Input::Closed);
        sim.pass(500.0);
    }
    assert_eq!(sim.settled(ticket), Some(Err(40114)));
    let attempts = sim.count(|a| *a == Action::OpenSocket);
    assert!((3..12).contains(&attempts), "{attempts} attempts");
    assert_eq!(sim.actions.last(), Some(&Action::Disposed));
    assert_eq!(sim.agent.deadline(), None);
}

#[test]
fn a_token_that_the_service_refuses_fails_the_agent_with_the_service_s_words() {
    let mut sim = Sim::new(GUEST);
    let ticket = sim.ticket();
    sim.give(Input::Start(ticket));
    sim.token("t", 3_600_000.0);
    sim.give(Input::Opened);
    let id = sim.last_id(|_| true).expect("a hello");
    sim.refuse(id, Reason::UNAUTHENTICATED);
    assert_eq!(sim.settled(ticket), Some(Err(10009)));
}

#[test]
fn a_guest_s_token_makes_no_teams_agent() {
    let mut sim = Sim::new(GUEST);
    sim.agent = Agent::new(1, Kind::Member, None, true, StreamIds::default());
    let ticket = sim.start();
    assert_eq!(sim.settled(ticket), Some(Err(10009)));
}

#[test]
fn a_guest_waits_in_the_lobby_until_a_member_admits() {
    let mut sim = Sim::guest();
    sim.join();
    sim.joined(CallState::Lobby);
    sim.media(1, MediaEvent::Connected);
    assert_eq!(sim.states(), ["Connecting", "InLobby"]);
    assert_eq!(
        sim.count(|a| matches!(a, Action::OpenGate(_))),
        0,
        "nothing is sent from the lobby"
    );
    assert_eq!(
        sim.count(|a| matches!(a, Action::ConnectMedia { .. })),
        1,
        "but the transport is up"
    );

    let mut snapshot = sim.snapshot(CallState::Connected);
    snapshot.media.as_mut().expect("a grant").answer = None;
    sim.event(Event::Admitted(Box::new(snapshot)));
    assert_eq!(sim.states(), ["Connecting", "InLobby", "Connected"]);
    assert_eq!(sim.count(|a| matches!(a, Action::OpenGate(_))), 1);
    assert_eq!(
        sim.count(|a| matches!(a, Action::ConnectMedia { .. })),
        1,
        "the transport stays"
    );
    assert_eq!(sim.count(|a| matches!(a, Action::MediaToken { .. })), 1);
}

#[test]
fn whoever_had_no_transport_in_the_lobby_gets_it_on_admission() {
    let mut sim = Sim::guest();
    sim.join();
    let id = sim
        .last_id(|r| matches!(r, Request::Join(_)))
        .expect("a join");
    let snapshot = CallSnapshot {
        media: None,
        ..sim.snapshot(CallState::Lobby)
    };
    sim.reply(id, Reply::Call(Box::new(snapshot)));
    assert_eq!(sim.count(|a| matches!(a, Action::ConnectMedia { .. })), 0);
    let snapshot = sim.snapshot(CallState::Connected);
    sim.event(Event::Admitted(Box::new(snapshot)));
    // An engine that is joined over its own socket is told of the tracks as they are.
    let connect = position(&sim, |a| matches!(a, Action::ConnectMedia { .. }));
    assert!(position(&sim, |a| matches!(a, Action::OpenGate(_))) < connect);
}

#[test]
fn the_thread_is_known_before_the_call_is_connected_and_people_come_before_their_streams() {
    let mut sim = Sim::guest();
    sim.join();
    // Media is faster than the roster.
    sim.media(1, published("ada-1", "TR_cam", TrackSource::Camera));
    assert_eq!(
        sim.count(|a| matches!(a, Action::Emit(Change::Streams { .. }))),
        0
    );
    sim.joined(CallState::Connected);
    let thread = position(
        &sim,
        |a| matches!(a, Action::Emit(Change::Call(c)) if c.thread_id.is_some()),
    );
    let connected = position(&sim, |a| is_state(a, "Connected"));
    let people = position(
        &sim,
        |a| matches!(a, Action::Emit(Change::Participants { added, .. }) if !added.is_empty()),
    );
    let streams = position(
        &sim,
        |a| matches!(a, Action::Emit(Change::Streams { added, .. }) if !added.is_empty()),
    );
    assert!(thread < connected && people < streams);
}

#[test]
fn one_self_is_no_remote_participant() {
    let sim = Sim::guest().in_meeting();
    for change in sim.changes() {
        if let Change::Participants { added, .. } = change {
            assert!(added.iter().all(|p| p.id != GUEST));
        }
    }
}

#[test]
fn two_endpoints_of_one_user_are_one_participant_muted_when_both_are() {
    let mut sim = Sim::guest().in_meeting();
    sim.news();
    let mut bob = person("8:orgid:bob", &["bob-phone", "bob-pc"]);
    bob.endpoints[0].muted = true;
    sim.event(roster(vec![bob.clone()], &[]));
    let news = sim.news();
    let [Action::Emit(Change::Participants { added, .. })] = news.as_slice() else {
        panic!("{news:?}")
    };
    assert_eq!(
        (added.len(), added[0].muted, added[0].endpoints.len()),
        (1, false, 2)
    );
    bob.endpoints[1].muted = true;
    sim.event(roster(vec![bob], &[]));
    let news = sim.news();
    let [Action::Emit(Change::Participants { updated, added, .. })] = news.as_slice() else {
        panic!("{news:?}")
    };
    assert!(updated[0].muted && added.is_empty());
}

#[test]
fn a_stream_lives_from_its_publication_to_its_end_and_ids_rise() {
    let mut sim = Sim::guest().in_meeting();
    sim.news();
    sim.media(1, published("ada-1", "TR_cam", TrackSource::Camera));
    sim.media(1, published("ada-1", "TR_mic", TrackSource::Microphone));
    sim.media(
        1,
        MediaEvent::TrackAssigned {
            track: "TR_cam".into(),
            arrives: true,
        },
    );
    sim.media(
        1,
        MediaEvent::Frames {
            track: "TR_cam".into(),
            width: 640,
            height: 360,
        },
    );
    sim.media(
        1,
        MediaEvent::TrackAssigned {
            track: "TR_cam".into(),
            arrives: false,
        },
    );
    sim.media(
        1,
        MediaEvent::TrackUnpublished {
            endpoint: "ada-1".into(),
            track: "TR_cam".into(),
        },
    );
    sim.media(1, published("ada-1", "TR_cam2", TrackSource::Camera));
    let mut story = vec![];
    for action in sim.news() {
        let Action::Emit(Change::Streams {
            added,
            updated,
            removed,
            participant,
            ..
        }) = action
        else {
            panic!("{action:?}")
        };
        assert_eq!(participant, ADA);
        story.extend(added.iter().map(|s| ("added", s.id, s.receiving, s.width)));
        story.extend(
            updated
                .iter()
                .map(|s| ("updated", s.id, s.receiving, s.width)),
        );
        story.extend(removed.iter().map(|id| ("removed", *id, false, 0)));
    }
    assert_eq!(
        story,
        [
            ("added", 1, false, 0),
            ("updated", 1, true, 640),
            ("updated", 1, false, 640),
            ("removed", 1, false, 0),
            ("added", 2, false, 0)
        ]
    );
}

#[test]
fn who_leaves_takes_the_streams_along_first() {
    let mut sim = Sim::guest().in_meeting();
    sim.media(1, published("ada-1", "TR_cam", TrackSource::Camera));
    sim.media(
        1,
        MediaEvent::Speaking(vec!["ada-1".into(), "own-endpoint".into()]),
    );
    sim.news();
    sim.event(roster(vec![], &[ADA]));
    let news = sim.news();
    assert!(
        matches!(
            news.as_slice(),
            [
                Action::Emit(Change::Streams { .. }),
                Action::Emit(Change::Participants { .. }),
                Action::Emit(Change::Speaking { speakers, .. })
            ] if speakers.is_empty()
        ),
        "{news:?}"
    );
}

#[test]
fn joining_muted_asks_for_no_microphone_until_the_first_unmute() {
    let mut sim = Sim::guest().in_meeting();
    assert_eq!(sim.count(|a| matches!(a, Action::OpenMicrophone(_))), 0);
    let ticket = sim.command(Command::Unmute);
    assert_eq!(sim.count(|a| matches!(a, Action::OpenMicrophone(_))), 1);
    assert_eq!(sim.settled(ticket), None);
    assert_eq!(sim.count(|a| matches!(a, Action::Muted { .. })), 0);
    sim.give(Input::Microphone {
        call: call(),
        opened: Ok(()),
    });
    assert_eq!(sim.settled(ticket), Some(Ok(Outcome::Done)));
    assert!(sim
        .sent()
        .any(|f| matches!(f.request, Request::SetMuted { muted: false, .. })));
    let ticket = sim.command(Command::Mute);
    assert_eq!(sim.settled(ticket), Some(Ok(Outcome::Done)));
    sim.command(Command::Unmute);
    assert_eq!(
        sim.count(|a| matches!(a, Action::OpenMicrophone(_))),
        1,
        "it stays open"
    );
}

fn opened(sim: &mut Sim, opened: Result<(), Refused>) {
    sim.give(Input::Microphone {
        call: call(),
        opened,
    });
}

fn opens(sim: &Sim) -> usize {
    sim.count(|a| matches!(a, Action::OpenMicrophone(_)))
}

fn muted(sim: &Sim) -> Option<bool> {
    let told = sim.changes().filter_map(|change| match change {
        Change::Call(call) => call.muted,
        _ => None,
    });
    told.last()
}

#[test]
fn another_microphone_is_opened_in_place_of_the_open_one_which_goes_on_if_that_fails() {
    let mut sim = Sim::guest().in_meeting();
    sim.command(Command::Unmute);
    opened(&mut sim, Ok(()));
    let ticket = sim.command(Command::Microphone(MicrophoneUse::Opening));
    assert_eq!((opens(&sim), sim.settled(ticket)), (2, None));
    opened(&mut sim, Err(reasons::DEVICE_FAILED.into()));
    assert_eq!(sim.settled(ticket), Some(Err(59143)));
    assert_eq!(muted(&sim), Some(false));
    let ticket = sim.command(Command::Microphone(MicrophoneUse::Opening));
    opened(&mut sim, Ok(()));
    assert_eq!(sim.settled(ticket), Some(Ok(Outcome::Done)));
    // Muted meanwhile, it stays so.
    sim.command(Command::Mute);
    sim.command(Command::Microphone(MicrophoneUse::Opening));
    opened(&mut sim, Ok(()));
    assert_eq!((opens(&sim), muted(&sim)), (4, Some(true)));
}

#[test]
fn a_microphone_that_is_chosen_while_muted_is_opened_when_it_is_needed() {
    let mut sim = Sim::guest().in_meeting();
    let ticket = sim.command(Command::Microphone(MicrophoneUse::Opening));
    assert_eq!(sim.settled(ticket), Some(Ok(Outcome::Done)));
    assert_eq!(opens(&sim), 0);
    sim.command(Command::Unmute);
    assert_eq!(opens(&sim), 1);
    // Another choice while it opens: both are answered by what is opened last.
    let ticket = sim.command(Command::Microphone(MicrophoneUse::Opening));
    assert_eq!((opens(&sim), sim.settled(ticket)), (2, None));
    opened(&mut sim, Ok(()));
    assert_eq!(sim.settled(ticket), Some(Ok(Outcome::Done)));
    assert_eq!(muted(&sim), Some(false));
}

#[test]
fn who_sends_no_sound_any_more_is_not_muted_and_sends_again_what_is_given() {
    let mut sim = Sim::guest().in_meeting();
    sim.command(Command::Unmute);
    opened(&mut sim, Ok(()));
    sim.command(Command::Microphone(MicrophoneUse::Closed));
    assert_eq!(muted(&sim), Some(false));
    let ticket = sim.command(Command::Microphone(MicrophoneUse::Opening));
    assert_eq!((opens(&sim), sim.settled(ticket)), (2, None));
    opened(&mut sim, Ok(()));
    assert_eq!(sim.settled(ticket), Some(Ok(Outcome::Done)));
}

#[test]
fn muting_while_the_microphone_opens_leaves_it_muted_and_a_track_of_ones_own_unmutes_at_once() {
    let mut sim = Sim::guest().in_meeting();
    let ticket = sim.command(Command::Unmute);
    sim.command(Command::Mute);
    assert_eq!(sim.settled(ticket), Some(Ok(Outcome::Done)));
    opened(&mut sim, Ok(()));
    assert_eq!(muted(&sim), Some(true));

    let mut sim = Sim::guest().in_meeting();
    let ticket = sim.command(Command::Unmute);
    sim.command(Command::Microphone(MicrophoneUse::Open));
    assert_eq!(sim.settled(ticket), Some(Ok(Outcome::Done)));
    assert_eq!(muted(&sim), Some(false));
}

#[test]
fn a_lost_microphone_mutes_and_unmuting_opens_it_again() {
    let mut sim = Sim::guest().in_meeting();
    sim.command(Command::Unmute);
    opened(&mut sim, Ok(()));
    sim.media(1, MediaEvent::LocalTrackEnded(TrackSource::Microphone));
    assert_eq!(muted(&sim), Some(true));
    sim.command(Command::Unmute);
    assert_eq!(opens(&sim), 2);
}

#[test]
fn a_microphone_that_is_not_allowed_leaves_the_call_muted_and_says_so() {
    let mut sim = Sim::guest();
    sim.join_as(false);
    sim.offer(1);
    sim.give(Input::Microphone {
        call: call(),
        opened: Err(reasons::DEVICE_DENIED.into()),
    });
    sim.joined(CallState::Connected);
    assert!(sim.changes().any(|c| matches!(
        c,
        Change::Diagnostic {
            diagnostic: "microphonePermissionDenied",
            ..
        }
    )));
    assert!(sim
        .changes()
        .any(|c| matches!(c, Change::Call(c) if c.muted == Some(true))));
    assert!(
        sim.sent()
            .any(|f| matches!(f.request, Request::SetMuted { muted: true, .. })),
        "the roster hears of it"
    );
    let ticket = sim.command(Command::Unmute);
    sim.give(Input::Microphone {
        call: call(),
        opened: Err(reasons::DEVICE_DENIED.into()),
    });
    assert_eq!(sim.settled(ticket), Some(Err(59142)));
}
