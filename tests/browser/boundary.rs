//! What crosses between JavaScript and Rust: values as `core.ts` says, errors as real `Error`s.
#![cfg(target_arch = "wasm32")]

#[path = "support/service.rs"]
mod service;

use js_sys::{Function, JSON};
use plenary::api::Core;
use plenary::meeting::Received;
use plenary::values::{frames, parse, requests, stringify};
use plenary_protocol::agent::*;
use plenary_protocol::breakout::{BreakoutRoom, BreakoutSettings, BreakoutView, RoomState};
use plenary_protocol::chat::ChatEvent;
use plenary_protocol::end::Reason;
use plenary_protocol::state::{MeetingState, Recording, RecordingKind};
use service::*;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn read(text: &str) -> Option<Frame> {
    frames::frame(parse(text)?)
}

fn person() -> Participant {
    let endpoints = vec![Endpoint {
        id: "e".into(),
        muted: true,
        held: true,
    }];
    Participant {
        id: "8:orgid:a".into(),
        display_name: None,
        role: Role::CoOrganizer,
        endpoints,
    }
}

fn view() -> BreakoutView {
    let room = |invitees| BreakoutRoom {
        id: "r".into(),
        display_name: "R".into(),
        state: RoomState::Open,
        auto_move: true,
        thread_id: Some("19:b@thread.v2".into()),
        invitees,
    };
    BreakoutView {
        assigned: Some(room(None)),
        rooms: vec![room(Some(vec!["8:acs:r_g".into()]))],
        settings: BreakoutSettings {
            disable_return_to_main_meeting: true,
            room_end_time: Some(1.0),
        },
    }
}

fn snapshot() -> CallSnapshot {
    CallSnapshot {
        room: Some("r".into()),
        breakout: Some(view()),
        call: "c".into(),
        server_call_id: "s".into(),
        endpoint: "e".into(),
        state: CallState::Connected,
        role: Role::Organizer,
        thread_id: Some("19:x@thread.v2".into()),
        roster: vec![person()],
        lobby: Some(vec![LobbyEntry {
            id: "8:acs:r_g".into(),
            display_name: Some("G \u{1F44B} \"x\"".into()),
        }]),
        media: Some(MediaGrant {
            url: "wss://e".into(),
            token: "t".into(),
            expires_at: 1.5e12,
            participant_sid: None,
            answer: Some("v=0\r\n".into()),
            slots: true,
            ice_servers: vec![IceServer {
                urls: vec!["stun:x".into()],
                username: None,
                credential: None,
            }],
        }),
    }
}

#[wasm_bindgen_test]
fn the_service_s_frames_are_read_as_serde_json_writes_them() {
    let call = || "c".into();
    let frames = [
        Frame::Reply {
            id: 7,
            reply: Reply::Done,
        },
        Frame::Reply {
            id: 7,
            reply: Reply::Admitted {
                success_count: 1,
                failure_count: 2,
            },
        },
        Frame::Reply {
            id: 8,
            reply: Reply::Call(Box::new(snapshot())),
        },
        Frame::Failure {
            id: 9,
            error: ProtocolError {
                retry_after_ms: Some(5),
                ..Reason::NOT_ALLOWED.error()
            },
        },
        Frame::Event {
            seq: 9_007_199_254_740_991,
            event: Event::Admitted(Box::new(snapshot())),
        },
        Frame::Event {
            seq: 1,
            event: Event::Ended {
                call: "c".into(),
                reason: Reason::REMOVED.end(),
            },
        },
        Frame::Event {
            seq: 2,
            event: Event::Roster {
                call: "c".into(),
                joined: vec![person()],
                updated: vec![],
                left: vec!["x".into()],
            },
        },
        Frame::Reply {
            id: 10,
            reply: Reply::Welcome(Welcome {
                session: "s".into(),
                identity: "8:acs:r_g".into(),
                display_name: None,
                resumed: true,
                resume_window_ms: 60_000,
            }),
        },
        Frame::Reply {
            id: 11,
            reply: Reply::Media(Box::new(snapshot().media.expect("a grant"))),
        },
        Frame::Event {
            seq: 4,
            event: Event::Lobby {
                call: "c".into(),
                waiting: vec![],
                gone: vec!["x".into()],
            },
        },
        Frame::Event {
            seq: 3,
            event: Event::Breakout {
                call: "c".into(),
                view: view(),
            },
        },
        Frame::Event {
            seq: 3,
            event: Event::Moved {
                from: call(),
                held: true,
                to: Box::new(snapshot()),
            },
        },
        Frame::Event {
            seq: 3,
            event: Event::Role {
                call: "c".into(),
                role: Role::Attendee,
            },
        },
    ];
    for frame in frames {
        let text = serde_json::to_string(&frame).expect("JSON");
        assert_eq!(read(&text).as_ref(), Some(&frame), "{text}");
    }
    // What nothing in the core depends on stays the text that it came as, with its number.
    let chat = r#"{"typing":{"threadId":"19:t@thread.v2","sender":"8:acs:r_u","version":"1","receivedOn":5.0}}"#;
    let chat: ChatEvent = serde_json::from_str(chat).expect("an event");
    let handed_on = [
        Event::Chat(Box::new(chat)),
        Event::Announcement {
            call: "c".into(),
            message: "m".into(),
            from: "8:orgid:o".into(),
        },
        Event::State {
            call: "c".into(),
            state: MeetingState {
                recordings: vec![Recording {
                    id: "r".into(),
                    kind: RecordingKind::Transcription,
                    paused: true,
                }],
                hands: vec!["8:orgid:o".into()],
            },
        },
        Event::Reaction {
            call: "c".into(),
            from: "8:orgid:o".into(),
            reaction: "heart".into(),
        },
        Event::Muted {
            call: "c".into(),
            by: "8:orgid:o".into(),
        },
    ];
    for event in handed_on {
        let frame = Frame::Event {
            seq: 7,
            event: event.clone(),
        };
        let text = serde_json::to_string(&frame).expect("JSON");
        let Received::Other(7, kept) = frames::received(&text) else {
            panic!("{text}")
        };
        assert_eq!(serde_json::from_str(&kept).ok(), Some(event));
    }
    // Fields that are missing or of a newer version.
    let roster = parse(r#"{"roster":{"call":"c","later":[1]}}"#).and_then(frames::event);
    assert_eq!(
        roster,
        Some(Event::Roster {
            call: "c".into(),
            joined: vec![],
            updated: vec![],
            left: vec![]
        })
    );
}

#[wasm_bindgen_test]
fn what_is_no_frame_is_not_read_and_nothing_traps() {
    for text in [
        "",
        "nothing",
        "null",
        "1",
        "[]",
        "{}",
        r#""reply""#,
        r#"{"reply":null}"#,
        r#"{"reply":{"id":-1,"reply":"done"}}"#,
        r#"{"reply":{"id":1.5,"reply":"done"}}"#,
        r#"{"reply":{"id":4294967296,"reply":"done"}}"#,
        r#"{"reply":{"id":1}}"#,
        r#"{"reply":{"id":1,"reply":"done"},"event":{}}"#,
        r#"{"event":{"seq":1,"event":{"raisedHand":{}}}}"#,
        r#"{"event":{"seq":1,"event":{"roster":{"call":5}}}}"#,
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[wasm_bindgen_test]
fn the_client_s_frames_are_written_as_serde_json_reads_them() {
    let track = OfferedTrack {
        cid: "m".into(),
        source: TrackSource::Microphone,
        muted: true,
        layers: vec![],
    };
    let layered = OfferedTrack {
        cid: "c".into(),
        source: TrackSource::Camera,
        muted: false,
        layers: vec![OfferedLayer {
            rid: "q".into(),
            width: 320,
            height: 180,
            bitrate: 160_000,
        }],
    };
    let offer = MediaOffer {
        sdp: "v=0".into(),
        mid_to_cid: [("0".into(), "m".into())].into(),
        tracks: vec![track, layered],
    };
    let join = |locator, offer| {
        Request::Join(Box::new(Join {
            call: "c".into(),
            locator,
            muted: true,
            offer,
        }))
    };
    let requests = [
        Request::Ping,
        Request::Hello(Hello {
            version: VERSION,
            token: "t".into(),
            display_name: None,
            client: ClientInfo {
                kind: ClientKind::Web,
                name: "n".into(),
                version: "1".into(),
            },
            resume: Some(Resume {
                session: "s".into(),
                last_seq: 12,
            }),
        }),
        join(Locator::MeetingLink("https://x/y".into()), Some(offer)),
        join(
            Locator::MeetingId {
                meeting_id: "1".into(),
                passcode: None,
            },
            None,
        ),
        Request::Act {
            call: "c".into(),
            act: "raiseHand".into(),
            participant: None,
        },
        Request::Act {
            call: "c".into(),
            act: "muteParticipant".into(),
            participant: Some("8:orgid:o".into()),
        },
        Request::SetMuted {
            call: "c".into(),
            muted: false,
        },
        Request::ReturnToMainMeeting { call: "c".into() },
        Request::SubscribeChat,
        Request::UnsubscribeChat,
        Request::JoinBreakoutRoom {
            call: "c".into(),
            room: "r".into(),
        },
        Request::Token { token: "t".into() },
        Request::Leave { call: "c".into() },
        Request::EndForEveryone { call: "c".into() },
        Request::MediaToken { call: "c".into() },
    ];
    for request in requests {
        let frame = ClientFrame { id: 3, request };
        let text = stringify(&requests::frame(&frame));
        assert_eq!(
            serde_json::from_str::<ClientFrame>(&text).ok().as_ref(),
            Some(&frame),
            "{text}"
        );
    }
}

#[wasm_bindgen_test]
async fn odd_input_is_answered_with_an_error_and_the_core_goes_on() {
    stub_service(LOBBY);
    let subject = Subject::new();
    let odd = [
        JsValue::UNDEFINED,
        JsValue::NULL,
        5.into(),
        "text".into(),
        js_sys::Object::new().into(),
        Function::new_no_args("").into(),
    ];
    for value in &odd {
        assert_eq!(
            refused(subject.core.create_agent(value.clone())).await,
            (495.0, 4507.0),
            "{value:?}"
        );
    }
    let agent = subject.agent().await;
    for value in &odd {
        let error = subject
            .core
            .join(agent, "c".into(), value.clone(), value.clone())
            .expect_err("an error");
        assert_eq!(numbers(&error), (400.0, 59010.0), "{value:?}");
        assert_eq!(
            numbers(
                &subject
                    .core
                    .open_local_view(value.clone(), "Crop".into(), false)
                    .expect_err("an error")
            )
            .0,
            400.0
        );
        assert_eq!(
            refused(
                subject
                    .core
                    .ask("c".into(), "startVideo".into(), value.clone())
            )
            .await
            .0,
            400.0
        );
    }
    for locator in [
        r#"{"meetingLink":"no link"}"#,
        r#"{"meetingId":"abc"}"#,
        r#"{"meetingLink":7}"#,
    ] {
        let error = subject.core.join(
            agent,
            "c".into(),
            JSON::parse(locator).expect("JSON"),
            JsValue::UNDEFINED,
        );
        assert_eq!(
            numbers(&error.expect_err("an error")),
            (400.0, 59010.0),
            "{locator}"
        );
    }
    assert_eq!(
        numbers(&subject.join(99, "c").expect_err("no such agent")).0,
        400.0
    );
    assert_eq!(
        refused(
            subject
                .core
                .ask("nothing".into(), "mute".into(), JsValue::UNDEFINED)
        )
        .await,
        (404.0, 59150.0)
    );
    assert!(
        JsFuture::from(
            subject
                .core
                .ask("nothing".into(), "hangUp".into(), JsValue::UNDEFINED)
        )
        .await
        .is_ok(),
        "hanging up twice is no mistake"
    );
    assert_eq!(subject.core.remote_track("nothing".into(), 7), None);
    assert_eq!(
        numbers(
            &subject
                .core
                .open_remote_view("x".into(), 1, "Crop".into(), false)
                .expect_err("an error")
        )
        .0,
        404.0
    );
    subject.core.dispose();
    subject.let_go().await;
}

#[wasm_bindgen_test]
async fn a_guest_s_way_into_the_meeting_is_told_as_core_ts_says() {
    stub_service(LOBBY);
    let subject = Subject::new();
    let options = options(
        r#"{"kind":"guest","displayName":"Gundula","address":"ws://meet.test/agent"}"#,
        "token-1",
    );
    let info = JsFuture::from(subject.core.create_agent(options))
        .await
        .expect("an agent");
    assert_eq!(
        text_of(&info),
        r#"{"agent":1,"identity":"8:acs:r_guest","displayName":"Gundula"}"#
    );
    assert_eq!(opened(), ["ws://meet.test/agent plenary.v1"]);
    let hello = heard().first().cloned().unwrap_or_default();
    assert!(hello.starts_with(r#"{"hello":{"version":1,"token":"token-1","displayName":"Gundula","client":{"kind":"web""#), "{hello}");
    assert_eq!(
        subject.changes(),
        [r#"{"type":"agent","agent":1,"connected":true}"#]
    );

    subject.join(1, "c1").expect("joining");
    assert_eq!(subject.changes().len(), 2, "told while join() runs");
    until("the lobby", || {
        subject
            .changes()
            .iter()
            .any(|change| change.contains("InLobby"))
    })
    .await;
    assert_eq!(
        subject.changes().get(1..).unwrap_or_default(),
        [
            r#"{"type":"call","call":"c1","state":"Connecting","muted":true}"#,
            r#"{"type":"call","call":"c1","role":"Presenter","participantId":"e1","serverCallId":"server","mayAdmit":false}"#,
            r#"{"type":"call","call":"c1","state":"InLobby"}"#,
        ]
    );
    tell(
        1,
        r#"{"admitted":{"call":"c1","serverCallId":"server","endpoint":"e1","state":"connected","role":"Presenter","threadId":"19:m@thread.v2",
        "roster":[{"id":"8:orgid:a","displayName":"Ada","role":"Organizer","endpoints":[{"id":"x","muted":true}]}]}}"#,
    );
    let changes = subject.changes();
    assert!(changes.contains(
        &r#"{"type":"participants","call":"c1","added":[{"id":"8:orgid:a","displayName":"Ada","role":"Organizer","state":"Connected","muted":true,"endpoints":["x"]}],"updated":[],"removed":[]}"#.to_owned()
    ), "{changes:?}");
    assert_eq!(
        refused(
            subject
                .core
                .ask("c1".into(), "admit".into(), "8:acs:r_x".into())
        )
        .await,
        (403.0, 59120.0)
    );
    JsFuture::from(
        subject
            .core
            .ask("c1".into(), "hangUp".into(), JsValue::UNDEFINED),
    )
    .await
    .expect("left");
    let last = subject.changes().last().cloned().unwrap_or_default();
    assert_eq!(
        last,
        r#"{"type":"call","call":"c1","state":"Disconnected","end":{"code":0,"subCode":0,"message":"The call was ended locally."}}"#
    );
    subject.core.dispose();
}

#[wasm_bindgen_test]
async fn a_listener_that_throws_stops_nothing() {
    stub_service(LOBBY);
    let core = Core::new(Function::new_no_args(
        "throw new Error('a mistake of the application')",
    ));
    let options = options(
        r#"{"kind":"guest","address":"ws://meet.test/agent"}"#,
        "token-1",
    );
    assert!(JsFuture::from(core.create_agent(options)).await.is_ok());
    core.dispose();
}

#[wasm_bindgen_test]
async fn a_listener_may_call_the_core() {
    stub_service(LOBBY);
    let subject = Subject::new();
    let agent = subject.agent().await;
    // Hangs up from within the change that says that the call waits.
    let core = std::rc::Rc::new(std::cell::RefCell::new(None::<Core>));
    drop(core.replace(Some(subject_core_with_hangup(&core))));
    drop(subject);
    let _ = agent;
    let handle = {
        let options = options(
            r#"{"kind":"guest","address":"ws://meet.test/agent"}"#,
            "token-1",
        );
        let promise = core
            .borrow()
            .as_ref()
            .expect("a core")
            .create_agent(options);
        get(&JsFuture::from(promise).await.expect("an agent"), "agent")
            .as_f64()
            .expect("a handle") as u32
    };
    let locator = JSON::parse(r#"{"meetingLink":"https://meet.test/j/1"}"#).expect("JSON");
    core.borrow()
        .as_ref()
        .expect("a core")
        .join(handle, "c1".into(), locator, JsValue::UNDEFINED)
        .expect("joining");
    until("the service hears of it", || {
        heard().iter().any(|frame| frame.contains("leave"))
    })
    .await;
    core.borrow().as_ref().expect("a core").dispose();
    core.take();
}

fn subject_core_with_hangup(core: &std::rc::Rc<std::cell::RefCell<Option<Core>>>) -> Core {
    use wasm_bindgen::closure::Closure;
    let weak = std::rc::Rc::downgrade(core);
    let listener = Closure::<dyn FnMut(JsValue)>::new(move |change: JsValue| {
        if get(&change, "state").as_string().as_deref() == Some("InLobby") {
            if let Some(core) = weak.upgrade() {
                let _ = core
                    .borrow()
                    .as_ref()
                    .map(|core| core.ask("c1".into(), "hangUp".into(), JsValue::UNDEFINED));
            }
        }
    });
    Core::new(wasm_bindgen::JsCast::unchecked_into(
        listener.into_js_value(),
    ))
}
