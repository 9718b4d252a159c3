//! Hanging up, being rejected, losing rights.

use super::*;

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

/// A call's media is cut before the word comes that it is over; so it may be joined anew meanwhile.
/// Found by the simulation of the whole: who was rejected waited in the lobby again, unknown to
/// themselves, and could be let in.
#[test]
fn a_join_that_is_under_way_at_the_calls_end_is_taken_back() {
    let mut sim = Sim::guest();
    sim.join();
    sim.joined(CallState::Lobby);
    sim.media(1, MediaEvent::Connected);
    sim.media(1, MediaEvent::SessionLost);
    sim.offer(2);
    let reason = Reason::REJECTED.end();
    sim.event(Event::Ended {
        call: call(),
        reason,
    });
    assert_eq!(sim.agent.calls().count(), 0);
    let left = |sim: &Sim| {
        let leaves = sim
            .sent()
            .filter(|f| matches!(f.request, Request::Leave { .. }));
        leaves.count()
    };
    // At once: a page that is told of the end may close everything, and would not hear the answer.
    assert_eq!(left(&sim), 1);
    sim.joined(CallState::Lobby);
    assert_eq!(
        left(&sim),
        2,
        "and when it is answered, however the two crossed"
    );
}

/// The same, and the socket drops before the answer comes.
#[test]
fn a_join_without_an_answer_of_a_call_that_ended_is_taken_back() {
    let mut sim = Sim::guest();
    sim.join();
    sim.joined(CallState::Lobby);
    sim.media(1, MediaEvent::Connected);
    sim.media(1, MediaEvent::SessionLost);
    sim.offer(2);
    let reason = Reason::REJECTED.end();
    sim.event(Event::Ended {
        call: call(),
        reason,
    });
    sim.give(Input::Closed);
    sim.pass(1_000.0);
    sim.give(Input::Opened);
    sim.welcome("session-1", true);
    assert!(sim
        .sent()
        .any(|f| matches!(f.request, Request::Leave { .. })));
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
    let ticket = sim.command(Command::Act("admit".into(), GUEST.into()));
    let id = sim
        .last_id(|r| matches!(r, Request::Act { act, .. } if act == "admit"))
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
