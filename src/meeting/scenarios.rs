//! Stories of one client, told to its machine.

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

#[test]
fn hanging_up_stops_media_at_once_and_ends_when_the_service_knows() {
    let mut sim = Sim::guest().in_meeting();
    sim.news();
    let ticket = sim.command(Command::HangUp {
        for_everyone: false,
    });
    assert_eq!(sim.news().first(), Some(&Action::StopMedia(call())));
    assert_eq!(sim.settled(ticket), None);
    let id = sim
        .last_id(|r| matches!(r, Request::Leave { .. }))
        .expect("a leave");
    sim.reply(id, Reply::Done);
    assert_eq!(
        sim.states(),
        ["Connecting", "Connected", "Disconnecting", "Disconnected"]
    );
    assert_eq!(
        (sim.ended(), sim.settled(ticket)),
        (Some(0), Some(Ok(Outcome::Done)))
    );
    assert_eq!(sim.agent.calls().count(), 0);
}

#[test]
fn hanging_up_does_not_wait_long_for_a_silent_service() {
    let mut sim = Sim::guest().in_meeting();
    let ticket = sim.command(Command::HangUp {
        for_everyone: false,
    });
    sim.pass(2_500.0);
    assert_eq!(
        (sim.ended(), sim.settled(ticket)),
        (Some(0), Some(Ok(Outcome::Done)))
    );
}

#[test]
fn leaving_while_the_network_is_gone_is_told_when_it_is_back() {
    let mut sim = Sim::guest().in_meeting();
    sim.give(Input::Closed);
    sim.command(Command::HangUp {
        for_everyone: false,
    });
    assert_eq!(sim.ended(), Some(0));
    sim.pass(1_000.0);
    sim.give(Input::Opened);
    sim.welcome("session-1", true);
    assert!(sim
        .sent()
        .any(|f| matches!(f.request, Request::Leave { .. })));
}

#[test]
fn ending_for_everyone_fails_for_who_may_not_and_the_call_goes_on() {
    let mut sim = Sim::guest().in_meeting();
    let ticket = sim.command(Command::HangUp { for_everyone: true });
    let id = sim
        .last_id(|r| matches!(r, Request::EndForEveryone { .. }))
        .expect("a request");
    sim.refuse(id, Reason::NOT_ALLOWED);
    assert_eq!(sim.settled(ticket), Some(Err(59120)));
    assert_eq!(sim.states().last(), Some(&"Connected"));
}

#[test]
fn ending_for_everyone_ends_with_its_own_reason_whichever_answer_is_first() {
    for event_first in [true, false] {
        let mut sim = Sim::member().in_meeting();
        let ticket = sim.command(Command::HangUp { for_everyone: true });
        let id = sim
            .last_id(|r| matches!(r, Request::EndForEveryone { .. }))
            .expect("a request");
        let ended = Event::Ended {
            call: call(),
            reason: Reason::ENDED_FOR_EVERYONE.end(),
        };
        if event_first {
            sim.event(ended);
            sim.reply(id, Reply::Done);
        } else {
            sim.reply(id, Reply::Done);
            sim.event(ended);
        }
        assert_eq!(
            (sim.ended(), sim.settled(ticket)),
            (Some(4097), Some(Ok(Outcome::Done))),
            "{event_first}"
        );
    }
}

#[test]
fn being_rejected_ends_the_call_with_the_service_s_reason() {
    let mut sim = Sim::guest();
    sim.join();
    sim.joined(CallState::Lobby);
    sim.event(Event::Ended {
        call: call(),
        reason: Reason::REJECTED.end(),
    });
    assert_eq!(sim.states(), ["Connecting", "InLobby", "Disconnected"]);
    assert_eq!(sim.ended(), Some(5854));
    assert_eq!(sim.count(|a| matches!(a, Action::StopMedia(_))), 1);
}

#[test]
fn a_member_sees_the_lobby_and_loses_it_with_the_role() {
    let mut sim = Sim::member().in_meeting();
    sim.news();
    let waits = LobbyEntry {
        id: GUEST.into(),
        display_name: None,
    };
    sim.event(Event::Lobby {
        call: call(),
        waiting: vec![waits],
        gone: vec![],
    });
    assert!(
        matches!(sim.news().as_slice(), [Action::Emit(Change::Lobby { added, .. })] if added[0].state == "InLobby")
    );
    let ticket = sim.command(Command::Admit(GUEST.into()));
    let id = sim
        .last_id(|r| matches!(r, Request::Admit { .. }))
        .expect("a request");
    sim.reply(id, Reply::Done);
    assert_eq!(sim.settled(ticket), Some(Ok(Outcome::Done)));
    sim.news();
    sim.event(Event::Role {
        call: call(),
        role: Role::Attendee,
    });
    assert!(matches!(
        sim.news().as_slice(),
        [Action::Emit(Change::Call(CallChange { may_admit: Some(false), .. })), Action::Emit(Change::Lobby { removed, .. })]
            if removed.len() == 1
    ));
}

#[test]
fn after_a_short_drop_the_session_resumes_with_the_last_event_and_nothing_comes_twice() {
    let mut sim = Sim::guest().in_meeting();
    sim.event(roster(vec![person("8:orgid:bob", &["bob-1"])], &[]));
    sim.give(Input::Closed);
    sim.pass(1_000.0);
    sim.give(Input::Opened);
    let resume = sim
        .sent()
        .filter_map(|f| {
            if let Request::Hello(h) = &f.request {
                h.resume.clone()
            } else {
                None
            }
        })
        .last();
    assert_eq!(
        resume,
        Some(Resume {
            session: "session-1".into(),
            last_seq: 1
        })
    );
    sim.welcome("session-1", true);
    let joins = sim.count(|a| {
        matches!(
            a,
            Action::Send(ClientFrame {
                request: Request::Join(_),
                ..
            })
        )
    });
    assert_eq!(joins, 1, "a resumed session knows the call");
    sim.news();
    sim.event_numbered(1, roster(vec![person("8:orgid:bob", &["bob-1"])], &[]));
    assert_eq!(sim.news(), [], "a duplicate is dropped");
    assert_eq!(
        sim.states(),
        ["Connecting", "Connected"],
        "the call never ended"
    );
}

#[test]
fn a_new_session_finds_the_call_again_with_its_id_and_without_an_offer_while_media_lives() {
    let mut sim = Sim::guest().in_meeting();
    sim.give(Input::Closed);
    sim.pass(1_000.0);
    sim.give(Input::Opened);
    sim.welcome("session-2", false);
    let join = sim
        .sent()
        .filter_map(|f| {
            if let Request::Join(j) = &f.request {
                Some(j)
            } else {
                None
            }
        })
        .last()
        .expect("a join");
    assert_eq!((&join.call, &join.offer), (&call(), &None));
    let id = sim
        .last_id(|r| matches!(r, Request::Join(_)))
        .expect("a join");
    let mut snapshot = CallSnapshot {
        media: None,
        ..sim.snapshot(CallState::Connected)
    };
    snapshot.roster.push(person("8:orgid:bob", &["bob-1"]));
    sim.news();
    sim.reply(id, Reply::Call(Box::new(snapshot)));
    let added = sim
        .news()
        .iter()
        .any(|a| matches!(a, Action::Emit(Change::Participants { added, .. }) if added.len() == 1));
    assert!(added, "who came in the meantime is told");
    assert_eq!(sim.states(), ["Connecting", "Connected"]);
}

#[test]
fn a_lost_media_session_is_made_anew_in_the_same_call() {
    let mut sim = Sim::guest().in_meeting();
    sim.media(1, published("ada-1", "TR_cam", TrackSource::Camera));
    sim.media(1, MediaEvent::SessionLost);
    assert_eq!(
        sim.count(|a| matches!(a, Action::StartMedia { session: 2, .. })),
        1
    );
    sim.news();
    sim.media(1, published("ada-1", "TR_old", TrackSource::Camera));
    assert_eq!(sim.news(), [], "the old session's reports are stale");
    sim.offer(2);
    let join = sim
        .sent()
        .filter_map(|f| {
            if let Request::Join(j) = &f.request {
                Some(j)
            } else {
                None
            }
        })
        .last()
        .expect("a join");
    assert!(join.offer.is_some());
    sim.joined(CallState::Connected);
    assert_eq!(sim.count(|a| matches!(a, Action::ConnectMedia { .. })), 2);
    assert_eq!(sim.count(|a| matches!(a, Action::OpenGate(_))), 2);
    sim.media(2, published("ada-1", "TR_new", TrackSource::Camera));
    let last = sim
        .changes()
        .filter_map(|c| {
            if let Change::Streams { added, .. } = c {
                added.first()
            } else {
                None
            }
        })
        .last();
    assert_eq!(last.map(|s| s.id), Some(2), "ids rise");
    assert_eq!(sim.states(), ["Connecting", "Connected"]);
}

#[test]
fn a_gap_in_the_events_makes_the_session_resume() {
    let mut sim = Sim::guest().in_meeting();
    sim.news();
    sim.event_numbered(5, roster(vec![person("8:orgid:bob", &["bob-1"])], &[]));
    let news = sim.news();
    assert!(news.contains(&Action::CloseSocket), "{news:?}");
    assert!(!news
        .iter()
        .any(|a| matches!(a, Action::Emit(Change::Participants { .. }))));
    sim.pass(1_000.0);
    assert!(sim.news().contains(&Action::OpenSocket));
}

#[test]
fn an_event_of_a_newer_version_is_skipped_and_counted() {
    let mut sim = Sim::guest().in_meeting();
    sim.give(Input::Received(Received::UnknownEvent(1)));
    assert_eq!(sim.agent.skipped(), 1);
    sim.event_numbered(2, roster(vec![person("8:orgid:bob", &["bob-1"])], &[]));
    assert!(sim
        .changes()
        .any(|c| matches!(c, Change::Participants { added, .. } if added[0].id.contains("bob"))));
}

#[test]
fn a_dead_connection_is_noticed_within_ten_seconds_and_tried_again_for_hours() {
    let mut sim = Sim::guest().in_meeting();
    sim.pass(60_000.0);
    sim.news();
    sim.silent = true;
    sim.pass(10_000.0);
    let trouble = |d: &Change, value| matches!(d, Change::Diagnostic { diagnostic: "networkReconnect", value: v, .. } if *v == DiagnosticValue::Quality(value));
    assert!(sim.changes().any(|c| trouble(c, 3)));
    let before = sim.count(|a| *a == Action::OpenSocket);
    for _ in 0..600 {
        sim.give(Input::Closed);
        sim.pass(10_000.0);
    }
    assert!(
        sim.count(|a| *a == Action::OpenSocket) - before >= 600,
        "it never gives up"
    );
    assert_eq!(sim.ended(), None);
    sim.silent = false;
    // The user token ran out in the meantime.
    sim.token("token-2", 3_600_000.0);
    sim.give(Input::Closed);
    sim.give(Input::Network(true));
    sim.give(Input::Opened);
    sim.welcome("session-1", true);
    assert!(sim.changes().any(|c| trouble(c, 1)));
}

#[test]
fn when_the_network_comes_back_it_tries_at_once() {
    let mut sim = Sim::guest().in_meeting();
    sim.random = 0.99;
    for _ in 0..8 {
        sim.give(Input::Closed);
        sim.pass(8_500.0);
    }
    sim.give(Input::Closed);
    sim.news();
    sim.give(Input::Network(true));
    assert!(sim.news().contains(&Action::OpenSocket));
}

#[test]
fn commands_wait_for_the_socket_but_are_never_sent_twice() {
    let mut sim = Sim::member().in_meeting();
    let sent = sim.command(Command::Remove(ADA.into()));
    sim.give(Input::Closed);
    assert_eq!(
        sim.settled(sent),
        Some(Err(7)),
        "nobody knows whether it was done"
    );
    let waits = sim.command(Command::Remove(ADA.into()));
    assert_eq!(sim.settled(waits), None);
    sim.pass(1_000.0);
    sim.give(Input::Opened);
    sim.welcome("session-1", true);
    let id = sim
        .last_id(|r| matches!(r, Request::Remove { .. }))
        .expect("a request");
    sim.reply(id, Reply::Done);
    assert_eq!(sim.settled(waits), Some(Ok(Outcome::Done)));
}

#[test]
fn muting_while_the_network_is_gone_reaches_the_roster_later() {
    let mut sim = Sim::guest();
    sim.join_as(false);
    sim.give(Input::Microphone {
        call: call(),
        opened: Ok(()),
    });
    sim.offer(1);
    sim.joined(CallState::Connected);
    sim.give(Input::Closed);
    sim.command(Command::Mute);
    assert!(!sim
        .sent()
        .any(|f| matches!(f.request, Request::SetMuted { .. })));
    sim.pass(1_000.0);
    sim.give(Input::Opened);
    sim.welcome("session-1", true);
    assert!(sim
        .sent()
        .any(|f| matches!(f.request, Request::SetMuted { muted: true, .. })));
}

#[test]
fn media_tokens_are_renewed_in_time() {
    let mut sim = Sim::guest().in_meeting();
    sim.pass(479_000.0);
    assert_eq!(
        sim.last_id(|r| matches!(r, Request::MediaToken { .. })),
        None
    );
    sim.pass(2_000.0);
    let id = sim
        .last_id(|r| matches!(r, Request::MediaToken { .. }))
        .expect("a request");
    sim.reply(
        id,
        Reply::Media(Box::new(MediaGrant {
            answer: None,
            ..grant(sim.now + 600_000.0)
        })),
    );
    assert_eq!(sim.count(|a| matches!(a, Action::MediaToken { .. })), 1);
}

#[test]
fn user_tokens_are_renewed_before_they_run_out_and_told_to_the_session() {
    let mut sim = Sim::guest();
    sim.pass(3_300_000.0);
    assert_eq!(sim.count(|a| *a == Action::GetToken), 2);
    sim.token("token-2", 3_600_000.0);
    assert!(sim
        .sent()
        .any(|f| matches!(&f.request, Request::Token { token } if token == "token-2")));
}

#[test]
fn a_credential_that_gives_the_old_token_is_asked_again_but_not_all_the_time() {
    let mut sim = Sim::guest();
    sim.pass(3_300_000.0);
    for _ in 0..10 {
        let left = 3_600_000.0 - (sim.now - 1e12);
        sim.token("token-1", left);
        sim.pass(30_000.0);
    }
    assert!(!sim
        .sent()
        .any(|f| matches!(f.request, Request::Token { .. })));
    let asked = sim.count(|a| *a == Action::GetToken);
    assert!((5..=12).contains(&asked), "{asked}");
}

#[test]
fn a_refused_token_is_replaced_once_and_then_ends_the_calls() {
    let mut sim = Sim::guest().in_meeting();
    sim.give(Input::Closed);
    sim.pass(1_000.0);
    sim.give(Input::Opened);
    let hello = |sim: &Sim| {
        sim.last_id(|r| matches!(r, Request::Hello(_)))
            .expect("a hello")
    };
    sim.refuse(hello(&sim), Reason::UNAUTHENTICATED);
    assert_eq!(sim.ended(), None);
    sim.token("token-2", 3_600_000.0);
    sim.give(Input::Opened);
    sim.refuse(hello(&sim), Reason::UNAUTHENTICATED);
    assert_eq!(sim.ended(), Some(4507));
}

#[test]
fn a_join_that_is_refused_ends_with_the_reason() {
    let mut sim = Sim::guest();
    sim.join();
    let id = sim
        .last_id(|r| matches!(r, Request::Join(_)))
        .expect("a join");
    sim.refuse(id, Reason::NOT_A_MEETING);
    assert_eq!(
        (sim.states(), sim.ended()),
        (vec!["Connecting", "Disconnected"], Some(59010))
    );
}

#[test]
fn a_browser_without_webrtc_ends_the_call_with_a_sentence() {
    let mut sim = Sim::guest();
    sim.join_as(true);
    sim.give(Input::Offer {
        call: call(),
        session: 1,
        offer: Err(Reason::NO_WEBRTC.into()),
    });
    assert_eq!(sim.ended(), Some(59140));
}

#[test]
fn a_join_without_a_connection_waits_and_then_gives_up() {
    let mut sim = Sim::guest();
    sim.give(Input::Closed);
    sim.join();
    sim.pass(30_000.0);
    assert_eq!(sim.states(), ["Connecting"]);
    sim.pass(31_000.0);
    assert_eq!(sim.ended(), Some(7));
}

#[test]
fn disposing_of_the_agent_ends_everything_at_once() {
    let mut sim = Sim::guest().in_meeting();
    let waits = sim.command(Command::AdmitAll);
    let ticket = sim.ticket();
    sim.give(Input::Dispose(ticket));
    assert_eq!(
        (sim.ended(), sim.settled(ticket)),
        (Some(0), Some(Ok(Outcome::Done)))
    );
    assert!(
        matches!(sim.settled(waits), Some(Err(_))),
        "no promise stays open"
    );
    assert!(sim
        .sent()
        .any(|f| matches!(f.request, Request::Leave { .. })));
    assert_eq!(sim.agent.deadline(), None);
    let late = sim.command(Command::Mute);
    assert!(matches!(sim.settled(late), Some(Err(_))));
}

/// A bug report is a list of frames; this one is the protocol as JSON, as devtools show it.
#[test]
fn a_recorded_session_can_be_replayed() {
    let recorded = include_str!("replay_lobby.jsonl");
    let mut sim = Sim::guest();
    sim.join();
    for line in recorded.lines().filter(|line| !line.is_empty()) {
        let frame: Frame = serde_json::from_str(line).expect(line);
        sim.give(Input::Received(Received::Frame(Box::new(frame))));
    }
    assert_eq!(
        sim.states(),
        ["Connecting", "InLobby", "Connected", "Disconnected"]
    );
    assert_eq!(sim.ended(), Some(4097));
}
