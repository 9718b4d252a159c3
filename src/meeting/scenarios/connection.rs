//! Connections that drop and come back, tokens that run out, services that refuse.

use super::*;

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
    let join = sim.last_join().expect("a join");
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

/// A service that was started again answers while the media session finds out by itself that its engine
/// is gone: the call never got the answer to its new offer.
#[test]
fn an_answer_to_a_join_of_before_a_new_media_session_is_not_taken_for_its_own() {
    for offer_comes_first in [false, true] {
        let mut sim = Sim::guest().in_meeting();
        sim.give(Input::Closed);
        sim.pass(1_000.0);
        sim.give(Input::Opened);
        sim.welcome("session-2", false);
        let asked = |r: &Request| matches!(r, Request::Join(_));
        let before = sim.last_id(asked).expect("a join without an offer");
        sim.media(1, MediaEvent::SessionLost);
        if offer_comes_first {
            sim.offer(2);
        }
        let mut late = sim.snapshot(CallState::Connected);
        late.media.as_mut().unwrap().answer = None;
        late.roster.push(person("8:orgid:bob", &["bob-1"]));
        sim.news();
        sim.reply(before, Reply::Call(Box::new(late)));
        let news = sim.news();
        assert!(!news
            .iter()
            .any(|a| matches!(a, Action::ConnectMedia { .. })));
        let roster = |a: &Action| matches!(a, Action::Emit(Change::Participants { .. }));
        assert!(news.iter().any(roster), "what it says of others is true");
        if !offer_comes_first {
            sim.offer(2);
        }
        assert!(sim.last_join().unwrap().offer.is_some());
        sim.joined(CallState::Connected);
        let connected = sim.news().into_iter().find_map(|a| match a {
            Action::ConnectMedia { grant, .. } => Some(grant),
            _ => None,
        });
        assert!(connected.is_some_and(|grant| grant.answer.is_some()));
    }
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
    let join = sim.last_join().expect("a join");
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
fn numbers_rise_by_as_much_as_the_service_likes_and_the_last_is_said_on_resuming() {
    let mut sim = Sim::guest().in_meeting();
    sim.news();
    let time = 1_700_000_000_000_000;
    sim.event_numbered(time, roster(vec![person("8:orgid:bob", &["bob-1"])], &[]));
    let added = |action: &Action| matches!(action, Action::Emit(Change::Participants { .. }));
    assert!(sim.news().iter().any(added));
    sim.event_numbered(time - 1, roster(vec![person("8:orgid:cy", &["cy-1"])], &[]));
    assert_eq!(sim.news(), [], "what is older came before");
    sim.give(Input::Closed);
    sim.pass(1_000.0);
    sim.give(Input::Opened);
    let resumes = sim.sent().filter_map(|frame| match &frame.request {
        Request::Hello(hello) => hello.resume.as_ref().map(|resume| resume.last_seq),
        _ => None,
    });
    assert_eq!(resumes.last(), Some(time));
}

#[test]
fn c3_what_is_the_facade_s_is_handed_on_in_its_order_and_counted() {
    let mut sim = Sim::guest().in_meeting();
    let told = |seq| Input::Received(Received::Other(seq, "{}".to_owned()));
    let handed = |sim: &mut Sim| {
        let event = Action::Emit(Change::Event {
            agent: 1,
            event: "{}".to_owned(),
        });
        sim.news().iter().filter(|action| **action == event).count()
    };
    sim.news();
    sim.give(told(1));
    assert_eq!(handed(&mut sim), 1);
    sim.give(told(1));
    assert_eq!(handed(&mut sim), 0, "what was replayed comes once");
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
    let sent = sim.command(Command::Act("remove".into(), ADA.into()));
    sim.give(Input::Closed);
    assert_eq!(
        sim.settled(sent),
        Some(Err(7)),
        "nobody knows whether it was done"
    );
    let waits = sim.command(Command::Act("remove".into(), ADA.into()));
    assert_eq!(sim.settled(waits), None);
    sim.pass(1_000.0);
    sim.give(Input::Opened);
    sim.welcome("session-1", true);
    let id = sim
        .last_id(|r| matches!(r, Request::Act { act, .. } if act == "remove"))
        .expect("a request");
    sim.reply(id, Reply::Done);
    assert_eq!(sim.settled(waits), Some(Ok(Outcome::Done)));
}

/// In a meeting with an open microphone.
fn unmuted() -> Sim {
    let mut sim = Sim::guest();
    sim.join_as(false);
    sim.give(Input::Microphone {
        call: call(),
        opened: Ok(()),
    });
    sim.offer(1);
    sim.joined(CallState::Connected);
    sim
}

#[test]
fn muting_while_the_network_is_gone_reaches_the_roster_later() {
    let mut sim = unmuted();
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

/// What was asked of holding, oldest first.
fn holds(sim: &Sim) -> Vec<&str> {
    let acts = sim.sent().filter_map(|frame| match &frame.request {
        Request::Act { act, .. } => Some(act.as_str()),
        _ => None,
    });
    acts.collect()
}

fn back(sim: &mut Sim, session: &str, resumed: bool) {
    sim.pass(1_000.0);
    sim.give(Input::Opened);
    sim.welcome(session, resumed);
}

#[test]
fn what_is_put_on_hold_while_the_network_is_gone_is_seen_so_later() {
    for (session, resumed) in [("session-1", true), ("session-2", false)] {
        let mut sim = Sim::guest().in_meeting();
        sim.give(Input::Closed);
        for on in [true, false, true] {
            let ticket = sim.command(Command::Hold(on));
            assert_eq!(sim.settled(ticket), Some(Ok(Outcome::Done)), "at once");
        }
        back(&mut sim, session, resumed);
        if !resumed {
            assert!(holds(&sim).is_empty(), "refused: the call is not known yet");
            sim.joined(CallState::Connected);
        }
        assert_eq!(holds(&sim), ["hold"], "once, as it is now");
    }
}

#[test]
fn a_hold_that_nobody_answered_is_asked_for_again() {
    let mut sim = Sim::guest().in_meeting();
    sim.command(Command::Hold(true));
    sim.give(Input::Closed);
    back(&mut sim, "session-1", true);
    assert_eq!(holds(&sim), ["hold", "hold"]);
}

/// The service may have taken the first, and does not know the second.
#[test]
fn the_opposite_of_what_nobody_answered_is_told() {
    let mut sim = Sim::guest().in_meeting();
    sim.command(Command::Hold(true));
    sim.give(Input::Closed);
    sim.command(Command::Hold(false));
    back(&mut sim, "session-1", true);
    assert_eq!(holds(&sim), ["hold", "resume"]);
}

#[test]
fn of_muting_and_holding_only_what_nobody_answered_is_told_again() {
    for on_hold in [false, true] {
        let mut sim = unmuted();
        sim.command(Command::Mute);
        sim.give(Input::Closed);
        if on_hold {
            sim.command(Command::Hold(true));
        }
        back(&mut sim, "session-1", true);
        let mutes = sim
            .sent()
            .filter(|f| matches!(f.request, Request::SetMuted { .. }));
        assert_eq!(mutes.count(), 2);
        assert_eq!(holds(&sim).len(), usize::from(on_hold));
    }
}

#[test]
fn a_service_that_may_have_forgotten_who_is_on_hold_is_told_again() {
    for (resumes, told) in [(false, "hold"), (true, "resume")] {
        let mut sim = Sim::guest().in_meeting();
        sim.command(Command::Hold(true));
        let id = sim.last_id(|r| matches!(r, Request::Act { .. }));
        sim.reply(id.expect("told"), Reply::Done);
        sim.give(Input::Closed);
        if resumes {
            sim.command(Command::Hold(false));
        }
        back(&mut sim, "session-2", false);
        sim.joined(CallState::Connected);
        assert_eq!(holds(&sim), ["hold", told]);
    }
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
    let waits = sim.command(Command::Act("admitAll".into(), String::new()));
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
    let news = sim.news();
    let at = |wanted: fn(&Action) -> bool| news.iter().position(wanted).unwrap();
    assert!(
        at(|a| matches!(a, Action::Send(f) if matches!(f.request, Request::Leave { .. })))
            < at(|a| *a == Action::CloseSocket(close::DONE)),
        "nothing is kept for who will not come again"
    );
    assert_eq!(sim.agent.deadline(), None);
    let late = sim.command(Command::Mute);
    assert!(matches!(sim.settled(late), Some(Err(_))));
}

/// A bug report is a list of frames; this one is the protocol as JSON, as devtools show it.
#[test]
fn a_recorded_session_can_be_replayed() {
    let recorded = include_str!("../replay_lobby.jsonl");
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
