//! A chat client's connection: it counts once the service tells of chat, and after every drop again.

use super::*;

const MESSAGE: &str = r#"{"chat":{"messageReceived":{"id":"1"}}}"#;

/// A guest's chat connection whose question to hear of chat is not answered yet.
fn asking(identity: &'static str) -> (Sim, Ticket) {
    let mut sim = Sim::new(identity);
    sim.agent = Agent::new(1, Kind::Chat, None, true, StreamIds::default());
    let ticket = sim.start();
    (sim, ticket)
}

fn answer(sim: &mut Sim) {
    let asked = sim.last_id(|request| *request == Request::SubscribeChat);
    sim.reply(asked.expect("it asks to hear of chat"), Reply::Done);
}

fn tell(sim: &mut Sim, seq: u64) {
    sim.give(Input::Received(Received::Other(seq, MESSAGE.to_owned())));
}

fn told(sim: &mut Sim) -> usize {
    let chat = |action: &Action| matches!(action, Action::Emit(Change::Event { agent: 1, event }) if event == MESSAGE);
    sim.news().into_iter().filter(chat).count()
}

fn connected(sim: &mut Sim) -> Vec<bool> {
    let connected = |action| match action {
        Action::Emit(Change::Agent { connected, .. }) => Some(connected),
        _ => None,
    };
    sim.news().into_iter().filter_map(connected).collect()
}

#[test]
fn it_is_there_when_the_service_tells_of_chat_to_guests_and_to_members() {
    for identity in [GUEST, MEMBER] {
        let (mut sim, ticket) = asking(identity);
        let settled = |action: &Action| matches!(action, Action::Settle(settled, Ok(Outcome::Agent(_))) if *settled == ticket);
        assert!(!sim.news().iter().any(settled), "nothing is heard yet");
        answer(&mut sim);
        assert!(sim.news().iter().any(settled));
    }
}

#[test]
fn a_token_that_is_not_for_chat_is_told_and_nothing_is_left() {
    let (mut sim, ticket) = asking(GUEST);
    let asked = sim
        .last_id(|request| *request == Request::SubscribeChat)
        .expect("asked");
    sim.refuse(asked, Reason::NOT_ALLOWED);
    let news = sim.news();
    let refused = |action: &Action| matches!(action, Action::Settle(settled, Err(why)) if *settled == ticket && why.code == 403);
    assert!(news.iter().any(refused), "{news:?}");
    assert!(news.contains(&Action::Disposed));
}

#[test]
fn each_event_is_told_once_in_its_order() {
    let (mut sim, _) = asking(GUEST);
    answer(&mut sim);
    sim.news();
    for seq in [1, 1, 1_700_000_000_000_000, 2, 1_700_000_000_000_001] {
        tell(&mut sim, seq);
    }
    assert_eq!(told(&mut sim), 3);
}

#[test]
fn after_a_drop_it_asks_again_whether_the_session_went_on_or_not() {
    for resumed in [true, false] {
        let (mut sim, _) = asking(GUEST);
        answer(&mut sim);
        assert_eq!(connected(&mut sim), [true]);
        sim.give(Input::Closed);
        assert_eq!(connected(&mut sim), [false]);
        sim.pass(1_000.0);
        sim.give(Input::Opened);
        sim.welcome("session-2", resumed);
        assert!(connected(&mut sim).is_empty(), "nothing is heard yet");
        answer(&mut sim);
        assert_eq!(connected(&mut sim), [true]);
    }
}
