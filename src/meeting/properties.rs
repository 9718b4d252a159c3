//! What holds whatever happens in whichever order: random inputs, and rules checked on every action.

use super::harness::*;
use super::*;
use crate::api::changes::Change;
use crate::media::interface::MediaEvent;
use plenary_protocol::agent::*;
use plenary_protocol::end::Reason;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone)]
enum Step {
    Join { muted: bool },
    Command(Command),
    Offer { session: u32, works: bool },
    Media { session: u32, event: MediaEvent },
    Microphone { works: bool },
    Opened,
    Closed,
    Welcome { resumed: bool },
    Answer { back: usize, well: bool },
    Event(Event),
    Duplicate(Event),
    Gap(Event),
    Unreadable,
    Token { fresh: bool },
    NoToken,
    Network(bool),
    Visible,
    Pass(f64),
}

fn endpoint() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("ada-1"),
        Just("ada-2"),
        Just("bob-1"),
        Just("own-endpoint"),
        Just("nobody")
    ]
}

fn track() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("TR_1"), Just("TR_2"), Just("TR_3")]
}

fn source() -> impl Strategy<Value = TrackSource> {
    prop_oneof![
        Just(TrackSource::Camera),
        Just(TrackSource::ScreenShare),
        Just(TrackSource::Microphone)
    ]
}

fn media_event() -> impl Strategy<Value = MediaEvent> {
    prop_oneof![
        Just(MediaEvent::Connected),
        Just(MediaEvent::Interrupted),
        Just(MediaEvent::SessionLost),
        (endpoint(), track(), source(), any::<bool>()).prop_map(|(e, t, source, muted)| {
            MediaEvent::TrackPublished {
                endpoint: e.into(),
                track: t.into(),
                source,
                muted,
            }
        }),
        (endpoint(), track()).prop_map(|(e, t)| MediaEvent::TrackUnpublished {
            endpoint: e.into(),
            track: t.into()
        }),
        (track(), any::<bool>()).prop_map(|(t, arrives)| MediaEvent::TrackAssigned {
            track: t.into(),
            arrives
        }),
        (track(), 0..2000u32).prop_map(|(t, width)| MediaEvent::Frames {
            track: t.into(),
            width,
            height: 10
        }),
        prop::collection::vec(endpoint(), 0..3)
            .prop_map(|e| MediaEvent::Speaking(e.into_iter().map(String::from).collect())),
        Just(MediaEvent::LocalTrackEnded(TrackSource::Microphone)),
        Just(MediaEvent::LocalTrackEnded(TrackSource::Camera)),
        Just(MediaEvent::LocalTrackEnded(TrackSource::ScreenShare)),
        any::<bool>().prop_map(MediaEvent::ScreenTaken),
        (track(), any::<bool>()).prop_map(|(t, paused)| MediaEvent::TrackPaused {
            track: t.to_owned(),
            paused,
        }),
    ]
}

fn people() -> impl Strategy<Value = Vec<Participant>> {
    let one = prop_oneof![
        Just(person(ADA, &["ada-1"])),
        Just(person(ADA, &["ada-1", "ada-2"])),
        Just(person("8:orgid:bob", &["bob-1"])),
        Just(person("8:orgid:bob", &["bob-1", "ada-2"])),
        Just(person(MEMBER, &["own-endpoint"])),
    ];
    prop::collection::vec(one, 0..3)
}

fn event() -> impl Strategy<Value = Event> {
    let id = prop_oneof![Just(ADA), Just("8:orgid:bob"), Just(MEMBER)];
    let ids = prop::collection::vec(id, 0..2);
    prop_oneof![
        4 => (people(), people(), ids.clone()).prop_map(|(joined, updated, left)| Event::Roster {
            call: CALL.into(), joined, updated, left: left.into_iter().map(Into::into).collect()
        }),
        2 => (ids.clone(), ids).prop_map(|(waiting, gone)| Event::Lobby {
            call: CALL.into(),
            waiting: waiting.into_iter().map(|id| LobbyEntry { id: id.into(), display_name: None }).collect(),
            gone: gone.into_iter().map(Into::into).collect()
        }),
        2 => Just(Event::Admitted(Box::new(Sim::new(MEMBER).snapshot(CallState::Connected)))),
        1 => Just(Event::Role { call: CALL.into(), role: Role::Attendee }),
        1 => Just(Event::Ended { call: CALL.into(), reason: Reason::REMOVED.end() }),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        any::<bool>().prop_map(|for_everyone| Command::HangUp { for_everyone }),
        Just(Command::Mute),
        Just(Command::Unmute),
        prop_oneof![
            Just(MicrophoneUse::Closed),
            Just(MicrophoneUse::Opening),
            Just(MicrophoneUse::Open)
        ]
        .prop_map(Command::Microphone),
        any::<bool>().prop_map(Command::Video),
        any::<bool>().prop_map(Command::Screen),
        Just(Command::Act("admitAll".into(), String::new())),
        Just(Command::Act("remove".into(), ADA.into())),
        Just(Command::Act("raiseHand".into(), String::new())),
        Just(Command::Act("muteParticipant".into(), ADA.into())),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<bool>().prop_map(|muted| Step::Join { muted }),
        3 => command().prop_map(Step::Command),
        4 => (1..3u32, prop::bool::weighted(0.9)).prop_map(|(session, works)| Step::Offer { session, works }),
        8 => (1..3u32, media_event()).prop_map(|(session, event)| Step::Media { session, event }),
        1 => any::<bool>().prop_map(|works| Step::Microphone { works }),
        3 => Just(Step::Opened),
        1 => Just(Step::Closed),
        3 => any::<bool>().prop_map(|resumed| Step::Welcome { resumed }),
        8 => (0..3usize, prop::bool::weighted(0.9)).prop_map(|(back, well)| Step::Answer { back, well }),
        8 => event().prop_map(Step::Event),
        1 => event().prop_map(Step::Duplicate),
        1 => event().prop_map(Step::Gap),
        1 => Just(Step::Unreadable),
        1 => any::<bool>().prop_map(|fresh| Step::Token { fresh }),
        1 => Just(Step::NoToken),
        1 => any::<bool>().prop_map(Step::Network),
        1 => Just(Step::Visible),
        2 => (0.0..70_000.0).prop_map(Step::Pass),
    ]
}

impl Sim {
    fn take(&mut self, step: Step) {
        match step {
            Step::Join { muted } => self.join_as(muted),
            Step::Command(command) => drop(self.command(command)),
            Step::Offer { session, works } => {
                let offer = if works {
                    Ok(offer())
                } else {
                    Err(Reason::MEDIA_FAILED.into())
                };
                self.give(Input::Offer {
                    call: call(),
                    session,
                    offer,
                });
            }
            Step::Media { session, event } => self.media(session, event),
            Step::Microphone { works } => {
                let opened = if works {
                    Ok(())
                } else {
                    Err(reasons::DEVICE_FAILED.into())
                };
                self.give(Input::Microphone {
                    call: call(),
                    opened,
                });
            }
            Step::Opened => self.give(Input::Opened),
            Step::Closed => self.give(Input::Closed),
            Step::Welcome { resumed } => {
                if matches!(
                    self.sent().last(),
                    Some(ClientFrame {
                        request: Request::Hello(_),
                        ..
                    })
                ) {
                    self.welcome("session", resumed);
                }
            }
            Step::Answer { back, well } => self.answer(back, well),
            Step::Event(event) => self.event(event),
            Step::Duplicate(event) => self.event_numbered(0, event),
            Step::Gap(event) => self.event_numbered(1_000_000, event),
            Step::Unreadable => self.give(Input::Received(Received::Unreadable)),
            Step::Token { fresh } => self.token(if fresh { "new" } else { "token-1" }, 1_000_000.0),
            Step::NoToken => self.give(Input::Token(Err(reasons::NO_TOKEN.into()))),
            Step::Network(there) => self.give(Input::Network(there)),
            Step::Visible => self.give(Input::Visible),
            Step::Pass(ms) => self.pass(ms),
        }
    }

    /// Answers one of the last requests, whether it was answered before or not.
    fn answer(&mut self, back: usize, well: bool) {
        let sent: Vec<_> = self.sent().cloned().collect();
        let Some(frame) = sent.iter().rev().nth(back) else {
            return;
        };
        if !well {
            return self.refuse(frame.id, Reason::SERVICE_ERROR);
        }
        let reply = match &frame.request {
            Request::Hello(_) => return self.welcome("session", false),
            Request::Join(_) if back == 0 => Reply::Call(Box::new(self.snapshot(CallState::Lobby))),
            Request::Join(_) => Reply::Call(Box::new(self.snapshot(CallState::Connected))),
            Request::Act { act, .. } if act == "admitAll" => Reply::Admitted {
                success_count: 1,
                failure_count: 0,
            },
            Request::MediaToken { .. } => Reply::Media(Box::new(grant(self.now + 600_000.0))),
            _ => Reply::Done,
        };
        self.reply(frame.id, reply);
    }
}

/// What the application sees, kept as the facade keeps it; breaking a rule panics.
#[derive(Default)]
struct Application {
    call: Option<&'static str>,
    thread: bool,
    people: BTreeSet<String>,
    streams: BTreeMap<u32, String>,
    last_stream: u32,
    lobby: BTreeSet<String>,
    settled: BTreeSet<Ticket>,
    media: bool,
    gate: bool,
    socket: bool,
}

impl Application {
    fn see(&mut self, action: &Action) {
        match action {
            Action::Emit(change) => self.change(change),
            Action::Settle(ticket, _) => assert!(self.settled.insert(*ticket), "settled twice"),
            Action::StartMedia { .. } => (self.media, self.gate) = (true, false),
            Action::StopMedia(_) => (self.media, self.gate) = (false, false),
            Action::OpenGate(_) => {
                assert!(
                    self.media && self.call == Some("Connected"),
                    "nothing is sent before admission"
                );
                self.gate = true;
            }
            Action::OpenSocket => {
                assert!(!self.socket, "two sockets");
                self.socket = true;
            }
            Action::CloseSocket(_) => self.socket = false,
            Action::Send(_) => assert!(self.socket, "sent without a socket"),
            _ => {}
        }
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Call(call) => {
                self.thread |= call.thread_id.is_some();
                let Some(state) = call.state else { return };
                assert_eq!(
                    call.end.is_some(),
                    state == "Disconnected",
                    "the end comes with Disconnected"
                );
                let allowed: &[Option<&str>] = match state {
                    "Connecting" => &[None],
                    "InLobby" => &[Some("Connecting"), Some("Connected")],
                    "Connected" => &[Some("Connecting"), Some("InLobby")],
                    "Disconnecting" => &[Some("Connecting"), Some("InLobby"), Some("Connected")],
                    "Disconnected" => &[
                        Some("Connecting"),
                        Some("InLobby"),
                        Some("Connected"),
                        Some("Disconnecting"),
                    ],
                    other => panic!("state {other}"),
                };
                assert!(allowed.contains(&self.call), "{:?} -> {state}", self.call);
                assert!(
                    state != "Connected" || self.thread,
                    "the thread before Connected"
                );
                assert!(
                    state != "InLobby" || !self.gate,
                    "nothing is sent from the lobby"
                );
                self.call = Some(state);
                if state == "Disconnected" {
                    assert!(!self.media, "media outlives the call");
                    let settled = std::mem::take(&mut self.settled);
                    *self = Self {
                        settled,
                        last_stream: self.last_stream,
                        socket: self.socket,
                        ..Self::default()
                    };
                }
            }
            Change::Participants {
                added,
                updated,
                removed,
                ..
            } => {
                assert!(self.call.is_some(), "an event of a call that is over");
                for id in removed {
                    assert!(self.people.remove(id), "removed somebody unknown");
                    assert!(
                        !self.streams.values().any(|owner| owner == id),
                        "left before their streams"
                    );
                }
                for person in added {
                    assert!(person.id != MEMBER, "oneself is no remote participant");
                    assert!(self.people.insert(person.id.clone()), "added twice");
                }
                assert!(
                    updated.iter().all(|p| self.people.contains(&p.id)),
                    "updated somebody unknown"
                );
            }
            Change::Streams {
                participant,
                added,
                updated,
                removed,
                ..
            } => {
                assert!(self.call.is_some(), "an event of a call that is over");
                for id in removed {
                    assert_eq!(
                        self.streams.remove(id).as_ref(),
                        Some(participant),
                        "removed an unknown stream"
                    );
                }
                for stream in added {
                    assert!(self.people.contains(participant), "a stream of nobody");
                    assert!(stream.id > self.last_stream, "ids rise");
                    self.last_stream = stream.id;
                    self.streams.insert(stream.id, participant.clone());
                }
                for stream in updated {
                    assert_eq!(
                        self.streams.get(&stream.id),
                        Some(participant),
                        "updated an unknown stream"
                    );
                }
            }
            Change::Lobby { added, removed, .. } => {
                for id in removed {
                    self.lobby.remove(id);
                }
                for person in added {
                    assert!(self.lobby.insert(person.id.clone()), "waits twice");
                }
            }
            Change::Speaking { speakers, .. } => {
                assert!(
                    speakers.iter().all(|id| self.people.contains(id)),
                    "somebody unknown speaks"
                );
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn the_rules_hold_whatever_happens(steps in prop::collection::vec(step(), 1..120)) {
        let mut sim = Sim::member();
        let mut application = Application::default();
        for step in steps {
            sim.take(step);
            for action in sim.news() {
                application.see(&action);
            }
            if let Some(deadline) = sim.agent.deadline() {
                prop_assert!(deadline > sim.now, "what is due is done");
            }
        }
        let last = sim.ticket();
        sim.give(Input::Dispose(last));
        for action in sim.news() {
            application.see(&action);
        }
        prop_assert!(application.call.is_none() && !application.media && !application.socket);
        prop_assert_eq!(sim.agent.calls().count(), 0);
        prop_assert_eq!(sim.agent.deadline(), None);
        for ticket in 1..=last {
            prop_assert!(application.settled.contains(&ticket), "no promise stays open");
        }
    }
}
