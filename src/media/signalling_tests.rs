use super::*;

const ENGINE: &str = "wss://engine.example";

fn grant(participant_sid: Option<&str>) -> Grant {
    Grant {
        url: ENGINE.into(),
        token: "first".into(),
        participant_sid: participant_sid.map(str::to_owned),
        slots: true,
        offer: None,
    }
}

/// A machine and what it has put out.
struct Driver {
    machine: Signalling,
    now: i64,
}

impl Driver {
    fn new() -> Self {
        let mut machine = Signalling::new(7);
        machine.video_slots = 9;
        machine
            .publications
            .announce("0".into(), "mic".into(), TrackSource::Microphone);
        Self {
            machine,
            now: 1_000,
        }
    }

    /// Attached to a participant that the agent socket's join made, with media up.
    fn attached() -> Self {
        let mut driver = Self::new();
        driver.on(Input::Granted(grant(Some("PA_me"))));
        driver.on(Input::Received(Box::new(Response::Reconnect(
            Default::default(),
        ))));
        assert!(driver
            .on(Input::Transport(Transport::Up))
            .contains(&Output::Report(MediaEvent::Connected)));
        driver
    }

    fn on(&mut self, input: Input) -> Vec<Output> {
        self.now += 1;
        self.machine.on(input, self.now)
    }

    fn hear(&mut self, message: Response) -> Vec<Output> {
        self.on(Input::Received(Box::new(message)))
    }
}

fn opened(outputs: &[Output]) -> Option<&Attempt> {
    outputs.iter().find_map(|output| {
        if let Output::Open(attempt) = output {
            Some(&**attempt)
        } else {
            None
        }
    })
}

fn offer(outputs: &[Output]) -> Option<Wanted> {
    outputs.iter().find_map(|output| {
        if let Output::Offer(wanted) = output {
            Some(*wanted)
        } else {
            None
        }
    })
}

fn set(outputs: &[Output], timer: Timer) -> Option<u32> {
    outputs.iter().rev().find_map(|output| match output {
        Output::Set(t, ms) if *t == timer => Some(*ms),
        _ => None,
    })
}

#[test]
fn a_known_participant_is_attached_to() {
    let mut driver = Driver::new();
    let outputs = driver.on(Input::Granted(grant(Some("PA_me"))));
    let attempt = opened(&outputs).expect("an attempt");
    assert!(attempt.request.reconnect && attempt.slots);
    assert_eq!(attempt.request.participant_sid, "PA_me");
    assert!(attempt.request.publisher_offer.is_none());
}

#[test]
fn an_unknown_one_joins_with_its_offer() {
    let mut driver = Driver::new();
    let outputs = driver.on(Input::Granted(Grant {
        offer: Some("v=0".into()),
        ..grant(None)
    }));
    let request = &opened(&outputs).expect("an attempt").request;
    assert!(!request.reconnect);
    assert_eq!(
        request
            .publisher_offer
            .as_ref()
            .map(|offer| offer.sdp.as_str()),
        Some("v=0")
    );
    assert_eq!(request.add_track_requests.len(), 1);

    let joined = lk::JoinResponse {
        participant: Some(lk::ParticipantInfo {
            sid: "PA_me".into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    assert_eq!(
        offer(&driver.hear(Response::Join(joined))),
        None,
        "the offer is under way already"
    );
    let answer = lk::SessionDescription {
        id: 1,
        sdp: "v=0".into(),
        ..Default::default()
    };
    assert!(driver
        .hear(Response::Answer(answer.clone()))
        .contains(&Output::Answer(answer)));

    driver.on(Input::SocketClosed);
    let outputs = driver.on(Input::Due(Timer::Reopen));
    assert_eq!(
        opened(&outputs)
            .expect("an attempt")
            .request
            .participant_sid,
        "PA_me"
    );
}

#[test]
fn a_drop_is_told_and_retried_until_it_is_over() {
    let mut driver = Driver::attached();
    let outputs = driver.on(Input::SocketClosed);
    assert!(outputs.contains(&Output::Report(MediaEvent::Interrupted)));
    assert!(set(&outputs, Timer::Reopen).is_some_and(|ms| ms <= 200));
    for _ in 0..50 {
        assert!(opened(&driver.on(Input::Due(Timer::Reopen))).is_some());
        let outputs = driver.on(Input::SocketClosed);
        assert!(outputs
            .iter()
            .any(|output| matches!(output, Output::Validate(_))));
        let outputs = driver.on(Input::Validated(None));
        assert!(set(&outputs, Timer::Reopen).is_some_and(|ms| ms <= 5_000));
    }
    driver.on(Input::Due(Timer::Reopen));
    let outputs = driver.hear(Response::Reconnect(Default::default()));
    assert!(outputs.contains(&Output::Report(MediaEvent::Connected)));
}

#[test]
fn when_the_network_is_back_nothing_waits() {
    let mut driver = Driver::attached();
    driver.on(Input::SocketClosed);
    assert!(opened(&driver.on(Input::Online)).is_some());

    let mut driver = Driver::attached();
    let outputs = driver.on(Input::Online);
    assert_eq!(
        set(&outputs, Timer::Pong),
        Some(PROBE_MS),
        "a socket that seems to live has to prove it"
    );
    let outputs = driver.on(Input::Due(Timer::Pong));
    assert!(outputs.contains(&Output::Close));
    assert!(set(&outputs, Timer::Reopen).is_some());
}

#[test]
fn a_lost_network_is_told_before_ice_notices() {
    let mut driver = Driver::attached();
    assert_eq!(set(&driver.on(Input::Offline), Timer::Pong), Some(PROBE_MS));
    let outputs = driver.on(Input::Due(Timer::Pong));
    assert!(outputs.contains(&Output::Report(MediaEvent::Interrupted)));
}

#[test]
fn unanswered_pings_end_the_socket_and_answered_ones_do_not() {
    let mut driver = Driver::attached();
    assert_eq!(
        set(&driver.on(Input::Due(Timer::Ping)), Timer::Pong),
        Some(PONG_MS)
    );
    assert_eq!(
        set(&driver.on(Input::Due(Timer::Ping)), Timer::Pong),
        None,
        "the first deadline stands"
    );
    assert!(driver
        .on(Input::Heard)
        .contains(&Output::Clear(Timer::Pong)));
    assert_eq!(
        set(&driver.on(Input::Due(Timer::Ping)), Timer::Pong),
        Some(PONG_MS)
    );
    assert!(driver.on(Input::Due(Timer::Pong)).contains(&Output::Close));
}

#[test]
fn an_engine_that_refuses_ends_the_session_and_one_that_fails_does_not() {
    for (status, lost) in [(401, true), (404, true), (200, false), (503, false)] {
        let mut driver = Driver::attached();
        driver.on(Input::SocketClosed);
        driver.on(Input::Due(Timer::Reopen));
        driver.on(Input::SocketClosed);
        let outputs = driver.on(Input::Validated(Some(status)));
        assert_eq!(
            outputs.contains(&Output::Report(MediaEvent::SessionLost)),
            lost,
            "{status}"
        );
        assert_eq!(
            opened(&driver.on(Input::Due(Timer::Reopen))).is_none(),
            lost,
            "{status}"
        );
    }
}

#[test]
fn leave_says_whether_to_come_back() {
    use lk::leave_request::Action;
    for (action, lost) in [
        (Action::Resume, false),
        (Action::Reconnect, true),
        (Action::Disconnect, true),
    ] {
        let mut driver = Driver::attached();
        let outputs = driver.hear(Response::Leave(lk::LeaveRequest {
            action,
            ..Default::default()
        }));
        assert_eq!(
            outputs.contains(&Output::Report(MediaEvent::SessionLost)),
            lost
        );
        assert!(outputs.contains(&Output::Close));
        assert_eq!(set(&outputs, Timer::Reopen).is_some(), !lost);
    }
}

#[test]
fn a_lost_path_restarts_ice_again_and_again() {
    let mut driver = Driver::attached();
    let outputs = driver.on(Input::Transport(Transport::Doubtful));
    assert_eq!(set(&outputs, Timer::Restart), Some(SETTLE_MS));
    assert_eq!(offer(&outputs), None);
    for _ in 0..5 {
        let outputs = driver.on(Input::Due(Timer::Restart));
        assert!(offer(&outputs).is_some_and(|wanted| wanted.ice_restart));
        assert!(set(&outputs, Timer::Restart).is_some());
        let outputs = driver.on(Input::Offered("v=0".into()));
        assert!(outputs
            .iter()
            .any(|o| matches!(o, Output::Send(r) if matches!(**r, Request::Offer(_)))));
    }
    let outputs = driver.on(Input::Transport(Transport::Up));
    assert!(outputs.contains(&Output::Clear(Timer::Restart)));
    assert!(outputs.contains(&Output::Report(MediaEvent::Connected)));
}

#[test]
fn a_path_lost_without_a_socket_is_restored_with_the_socket() {
    let mut driver = Driver::attached();
    driver.on(Input::SocketClosed);
    assert_eq!(offer(&driver.on(Input::Transport(Transport::Failed))), None);
    driver.on(Input::Due(Timer::Reopen));
    let outputs = driver.hear(Response::Reconnect(Default::default()));
    assert!(offer(&outputs).is_some_and(|wanted| wanted.ice_restart));
}

#[test]
fn an_answer_that_cannot_be_used_at_the_start_ends_the_session() {
    let mut driver = Driver::new();
    driver.on(Input::Granted(grant(Some("PA_me"))));
    let outputs = driver.on(Input::NegotiationFailed);
    assert!(outputs.contains(&Output::Report(MediaEvent::SessionLost)));

    let mut driver = Driver::attached();
    let outputs = driver.on(Input::NegotiationFailed);
    assert!(
        !outputs.contains(&Output::Report(MediaEvent::SessionLost)),
        "ICE is restarted later"
    );
}

#[test]
fn a_move_brings_a_token_a_sid_and_other_people() {
    let mut driver = Driver::attached();
    let moved = lk::RoomMovedResponse {
        token: "second".into(),
        participant: Some(lk::ParticipantInfo {
            sid: "PA_me2".into(),
            ..Default::default()
        }),
        other_participants: vec![lk::ParticipantInfo {
            sid: "PA_ann".into(),
            identity: "ann".into(),
            tracks: vec![lk::TrackInfo {
                sid: "TR_a".into(),
                source: lk::TrackSource::Camera,
                ..Default::default()
            }],
            ..Default::default()
        }],
    };
    let outputs = driver.hear(Response::RoomMoved(moved));
    assert!(outputs.iter().any(
        |o| matches!(o, Output::Report(MediaEvent::TrackPublished { track, .. }) if track == "TR_a")
    ));
    driver.on(Input::SocketClosed);
    let outputs = driver.on(Input::Due(Timer::Reopen));
    let attempt = opened(&outputs).expect("an attempt");
    assert_eq!(
        (
            attempt.token.as_str(),
            attempt.request.participant_sid.as_str()
        ),
        ("second", "PA_me2")
    );
}

#[test]
fn a_mute_is_told_as_soon_as_the_track_has_a_sid() {
    let mut driver = Driver::attached();
    assert!(driver
        .on(Input::Muted(TrackSource::Microphone, false))
        .is_empty());
    let published = lk::TrackPublishedResponse {
        cid: "mic".into(),
        track: Some(lk::TrackInfo {
            sid: "TR_1".into(),
            muted: true,
            ..Default::default()
        }),
    };
    let mute = Request::Mute(lk::MuteTrackRequest {
        sid: "TR_1".into(),
        muted: false,
    });
    assert!(driver
        .hear(Response::TrackPublished(published))
        .contains(&Output::Send(Box::new(mute))));
}

#[test]
fn without_slots_more_sections_are_offered_when_the_engine_needs_them() {
    let required = Response::MediaSectionsRequirement(lk::MediaSectionsRequirement {
        num_audios: 1,
        num_videos: 2,
    });
    let mut driver = Driver::attached();
    assert_eq!(offer(&driver.hear(required.clone())), None);

    let mut driver = Driver::new();
    driver.on(Input::Granted(Grant {
        slots: false,
        ..grant(Some("PA_me"))
    }));
    driver.hear(Response::Reconnect(Default::default()));
    assert_eq!(
        offer(&driver.hear(required)),
        Some(Wanted {
            audios: 1,
            videos: 2,
            ice_restart: false
        })
    );
}

// --- own tracks, and what is seen of the others' ---

fn requests(outputs: &[Output]) -> Vec<&Request> {
    let mut requests = Vec::new();
    for output in outputs {
        if let Output::Send(request) = output {
            requests.push(&**request);
        }
    }
    requests
}

fn camera_of(identity: &str, sid: &str) -> Response {
    let track = lk::TrackInfo {
        sid: sid.into(),
        source: lk::TrackSource::Camera,
        ..Default::default()
    };
    Response::Update(lk::ParticipantUpdate {
        participants: vec![lk::ParticipantInfo {
            sid: ["PA_", identity].concat(),
            identity: identity.into(),
            tracks: vec![track],
            ..Default::default()
        }],
    })
}

#[test]
fn pictures_are_received_as_they_are_shown() {
    let mut driver = Driver::attached();
    driver.hear(camera_of("ann", "TR_ann"));
    driver.hear(camera_of("bob", "TR_bob"));
    let outputs = driver.on(Input::Shown(vec![("TR_ann".into(), Some((320, 180)))]));
    let settles = set(&outputs, Timer::View).expect("a timer");
    driver.now += i64::from(settles);
    let outputs = driver.on(Input::Due(Timer::View));
    let [Request::TrackSetting(shown)] = requests(&outputs)[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!(
        (&shown.track_sids[..], shown.disabled),
        (&["TR_ann".to_owned()][..], false)
    );

    let lingers = set(&outputs, Timer::View).expect("a timer for the other one");
    driver.now += i64::from(lingers);
    let outputs = driver.on(Input::Due(Timer::View));
    let [Request::TrackSetting(off)] = requests(&outputs)[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!(
        (&off.track_sids[..], off.disabled),
        (&["TR_bob".to_owned()][..], true)
    );
}

#[test]
fn a_page_that_shows_more_pictures_than_there_are_slots_offers_more() {
    let mut driver = Driver::new();
    driver.machine.video_slots = 1;
    driver.on(Input::Granted(grant(Some("PA_me"))));
    driver.hear(Response::Reconnect(Default::default()));
    driver.on(Input::Transport(Transport::Up));
    let mut shown = Vec::new();
    for (identity, sid) in [("ann", "TR_ann"), ("bob", "TR_bob"), ("eve", "TR_eve")] {
        driver.hear(camera_of(identity, sid));
        shown.push((sid.to_owned(), None));
    }
    let wanted = Wanted {
        videos: 2,
        ..Default::default()
    };
    driver.on(Input::Shown(shown));
    driver.now += 1_000;
    assert_eq!(offer(&driver.on(Input::Due(Timer::View))), Some(wanted));
}

#[test]
fn layers_that_nobody_wants_are_switched_off_and_everything_is_on_after_a_move() {
    let mut driver = Driver::new();
    driver
        .machine
        .publications
        .announce("1".into(), "cam".into(), TrackSource::Camera);
    driver.on(Input::Granted(grant(Some("PA_me"))));
    driver.hear(Response::Reconnect(Default::default()));
    driver.hear(Response::TrackPublished(lk::TrackPublishedResponse {
        cid: "cam".into(),
        track: Some(lk::TrackInfo {
            sid: "TR_cam".into(),
            ..Default::default()
        }),
    }));
    let update = lk::SubscribedQualityUpdate {
        track_sid: "TR_cam".into(),
        ..Default::default()
    };
    let nobody = Demand::of(&update);
    let outputs = driver.hear(Response::SubscribedQualityUpdate(update));
    assert_eq!(outputs, [Output::Layers(TrackSource::Camera, nobody)]);
    let outputs = driver.hear(Response::RoomMoved(Default::default()));
    assert!(outputs.contains(&Output::Layers(TrackSource::Camera, Demand::default())));
}

#[test]
fn a_screen_is_announced_when_it_is_shared_and_its_fate_is_told() {
    let mut driver = Driver::attached();
    let publications = &mut driver.machine.publications;
    publications.reserve("screen", TrackSource::ScreenShare);
    let share = || Input::Muted(TrackSource::ScreenShare, false);
    let outputs = driver.on(share());
    assert!(matches!(requests(&outputs)[..], [Request::AddTrack(_)]));

    let refused = lk::RequestResponse {
        reason: 2,
        add_track: Some(lk::NamedTrack {
            cid: "screen".into(),
        }),
    };
    let outputs = driver.hear(Response::RequestResponse(refused));
    assert!(outputs.contains(&Output::Report(MediaEvent::ScreenTaken(false))));

    driver.on(share());
    let published = lk::TrackPublishedResponse {
        cid: "screen".into(),
        track: Some(lk::TrackInfo::default()),
    };
    let outputs = driver.hear(Response::TrackPublished(published));
    assert!(outputs.contains(&Output::Report(MediaEvent::ScreenTaken(true))));

    driver.on(Input::Muted(TrackSource::ScreenShare, true));
    let outputs = driver.on(share());
    assert!(
        outputs.contains(&Output::Report(MediaEvent::ScreenTaken(true))),
        "known from before"
    );
}

#[test]
fn a_pause_for_congestion_is_told() {
    let mut driver = Driver::attached();
    let update = lk::StreamStateUpdate {
        stream_states: vec![lk::StreamStateInfo {
            track_sid: "TR_ann".into(),
            state: lk::StreamState::Paused,
        }],
    };
    let outputs = driver.hear(Response::StreamStateUpdate(update));
    let track = "TR_ann".to_owned();
    assert!(outputs.contains(&Output::Report(MediaEvent::TrackPaused {
        track,
        paused: true
    })));
}
