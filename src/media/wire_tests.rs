//! Every field of ours, written by LiveKit's crate and read by us, or the other way round.

use livekit_protocol as theirs;

use super::*;

/// Ours reads what theirs has written.
fn read<T: Message>(written: &impl theirs_message::Written) -> T {
    T::decode(written.bytes().as_slice()).expect("protobuf")
}

/// Theirs reads what ours has written.
fn read_by_theirs<T: prost::Message + Default>(written: &impl Message) -> T {
    T::decode(written.encode_to_vec().as_slice()).expect("protobuf")
}

mod theirs_message {
    pub trait Written {
        fn bytes(&self) -> Vec<u8>;
    }

    impl<T: prost::Message> Written for T {
        fn bytes(&self) -> Vec<u8> {
            self.encode_to_vec()
        }
    }
}

fn their_track() -> theirs::TrackInfo {
    theirs::TrackInfo {
        sid: "TR_1".into(),
        r#type: theirs::TrackType::Video.into(),
        muted: true,
        source: theirs::TrackSource::ScreenShare.into(),
        mid: "5".into(),
        name: "not read".into(),
        ..Default::default()
    }
}

fn our_track() -> TrackInfo {
    TrackInfo {
        sid: "TR_1".into(),
        r#type: TrackType::Video,
        muted: true,
        source: TrackSource::ScreenShare,
        mid: "5".into(),
    }
}

fn their_participant() -> theirs::ParticipantInfo {
    theirs::ParticipantInfo {
        sid: "PA_1".into(),
        identity: "ann".into(),
        state: theirs::participant_info::State::Disconnected.into(),
        tracks: vec![their_track()],
        name: "not read".into(),
        ..Default::default()
    }
}

fn our_participant() -> ParticipantInfo {
    ParticipantInfo {
        sid: "PA_1".into(),
        identity: "ann".into(),
        state: participant_info::State::Disconnected,
        tracks: vec![our_track()],
    }
}

fn their_servers() -> Vec<theirs::IceServer> {
    vec![theirs::IceServer {
        urls: vec!["turn:t".into()],
        username: "u".into(),
        credential: "c".into(),
    }]
}

fn our_servers() -> Vec<IceServer> {
    vec![IceServer {
        urls: vec!["turn:t".into()],
        username: "u".into(),
        credential: "c".into(),
    }]
}

fn their_description() -> theirs::SessionDescription {
    theirs::SessionDescription {
        r#type: "answer".into(),
        sdp: "v=0".into(),
        id: 7,
        mid_to_track_id: [("0".into(), "TR_1".into())].into(),
    }
}

fn our_description() -> SessionDescription {
    SessionDescription {
        r#type: "answer".into(),
        sdp: "v=0".into(),
        id: 7,
        mid_to_track_id: vec![("0".to_owned(), "TR_1".to_owned()).into()],
    }
}

#[allow(deprecated)] // older servers say it so
fn their_demand() -> theirs::SubscribedQualityUpdate {
    let quality = theirs::SubscribedQuality {
        quality: theirs::VideoQuality::Medium.into(),
        enabled: true,
    };
    theirs::SubscribedQualityUpdate {
        track_sid: "TR_1".into(),
        subscribed_qualities: vec![quality],
        subscribed_codecs: vec![theirs::SubscribedCodec {
            codec: "vp8".into(),
            qualities: vec![quality],
        }],
    }
}

fn our_demand() -> SubscribedQualityUpdate {
    let quality = || SubscribedQuality {
        quality: VideoQuality::Medium,
        enabled: true,
    };
    SubscribedQualityUpdate {
        track_sid: "TR_1".into(),
        subscribed_qualities: vec![quality()],
        subscribed_codecs: vec![SubscribedCodec {
            qualities: vec![quality()],
        }],
    }
}

fn our_layer() -> VideoLayer {
    VideoLayer {
        quality: VideoQuality::High,
        width: 1280,
        height: 720,
        bitrate: 1_700_000,
        spatial_layer: 2,
        rid: "f".into(),
    }
}

fn their_layer() -> theirs::VideoLayer {
    theirs::VideoLayer {
        quality: theirs::VideoQuality::High.into(),
        width: 1280,
        height: 720,
        bitrate: 1_700_000,
        spatial_layer: 2,
        rid: "f".into(),
        ..Default::default()
    }
}

fn our_request() -> AddTrackRequest {
    AddTrackRequest {
        cid: "c".into(),
        r#type: TrackType::Video,
        width: 1280,
        height: 720,
        muted: true,
        source: TrackSource::Camera,
        layers: vec![our_layer()],
        simulcast_codecs: vec![SimulcastCodec {
            codec: "vp8".into(),
            cid: "c".into(),
        }],
    }
}

fn their_request() -> theirs::AddTrackRequest {
    theirs::AddTrackRequest {
        cid: "c".into(),
        r#type: theirs::TrackType::Video.into(),
        width: 1280,
        height: 720,
        muted: true,
        source: theirs::TrackSource::Camera.into(),
        layers: vec![their_layer()],
        simulcast_codecs: vec![theirs::SimulcastCodec {
            codec: "vp8".into(),
            cid: "c".into(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

#[test]
fn every_response_is_read() {
    use signal_response::Message as Ours;
    use theirs::signal_response::Message as Theirs;
    let pairs = [
        (
            Theirs::Join(theirs::JoinResponse {
                participant: Some(their_participant()),
                other_participants: vec![their_participant()],
                ice_servers: their_servers(),
                ping_timeout: 15,
                ping_interval: 5,
                room: Some(Default::default()),
                ..Default::default()
            }),
            Ours::Join(JoinResponse {
                participant: Some(our_participant()),
                other_participants: vec![our_participant()],
                ice_servers: our_servers(),
                ping_timeout: 15,
                ping_interval: 5,
            }),
        ),
        (
            Theirs::Answer(their_description()),
            Ours::Answer(our_description()),
        ),
        (
            Theirs::Trickle(theirs::TrickleRequest {
                candidate_init: "{}".into(),
                ..Default::default()
            }),
            Ours::Trickle(TrickleRequest {
                candidate_init: "{}".into(),
            }),
        ),
        (
            Theirs::Update(theirs::ParticipantUpdate {
                participants: vec![their_participant()],
            }),
            Ours::Update(ParticipantUpdate {
                participants: vec![our_participant()],
            }),
        ),
        (
            Theirs::TrackPublished(theirs::TrackPublishedResponse {
                cid: "c".into(),
                track: Some(their_track()),
            }),
            Ours::TrackPublished(TrackPublishedResponse {
                cid: "c".into(),
                track: Some(our_track()),
            }),
        ),
        (
            Theirs::Leave(theirs::LeaveRequest {
                reason: theirs::DisconnectReason::ClientInitiated.into(),
                action: theirs::leave_request::Action::Reconnect.into(),
                ..Default::default()
            }),
            Ours::Leave(LeaveRequest {
                reason: DisconnectReason::ClientInitiated,
                action: leave_request::Action::Reconnect,
            }),
        ),
        (
            Theirs::SpeakersChanged(theirs::SpeakersChanged {
                speakers: vec![theirs::SpeakerInfo {
                    sid: "PA_1".into(),
                    level: 0.5,
                    active: true,
                }],
            }),
            Ours::SpeakersChanged(SpeakersChanged {
                speakers: vec![SpeakerInfo {
                    sid: "PA_1".into(),
                    level: 0.5,
                    active: true,
                }],
            }),
        ),
        (
            Theirs::StreamStateUpdate(theirs::StreamStateUpdate {
                stream_states: vec![theirs::StreamStateInfo {
                    participant_sid: "PA_1".into(),
                    track_sid: "TR_1".into(),
                    state: theirs::StreamState::Paused.into(),
                }],
            }),
            Ours::StreamStateUpdate(StreamStateUpdate {
                stream_states: vec![StreamStateInfo {
                    track_sid: "TR_1".into(),
                    state: StreamState::Paused,
                }],
            }),
        ),
        (
            Theirs::SubscribedQualityUpdate(their_demand()),
            Ours::SubscribedQualityUpdate(our_demand()),
        ),
        (
            Theirs::RequestResponse(theirs::RequestResponse {
                reason: theirs::request_response::Reason::NotAllowed.into(),
                request: Some(theirs::request_response::Request::AddTrack(their_request())),
                ..Default::default()
            }),
            Ours::RequestResponse(RequestResponse {
                reason: 2,
                add_track: Some(NamedTrack { cid: "c".into() }),
            }),
        ),
        (
            Theirs::RefreshToken("t".into()),
            Ours::RefreshToken("t".into()),
        ),
        (
            Theirs::Reconnect(theirs::ReconnectResponse {
                ice_servers: their_servers(),
                ..Default::default()
            }),
            Ours::Reconnect(ReconnectResponse {
                ice_servers: our_servers(),
            }),
        ),
        (
            Theirs::RoomMoved(theirs::RoomMovedResponse {
                token: "t".into(),
                participant: Some(their_participant()),
                other_participants: vec![their_participant()],
                ..Default::default()
            }),
            Ours::RoomMoved(RoomMovedResponse {
                token: "t".into(),
                participant: Some(our_participant()),
                other_participants: vec![our_participant()],
            }),
        ),
        (
            Theirs::MediaSectionsRequirement(theirs::MediaSectionsRequirement {
                num_audios: 1,
                num_videos: 2,
            }),
            Ours::MediaSectionsRequirement(MediaSectionsRequirement {
                num_audios: 1,
                num_videos: 2,
            }),
        ),
    ];
    for (their, our) in pairs {
        let response: SignalResponse = read(&theirs::SignalResponse {
            message: Some(their),
        });
        assert_eq!(response.message, Some(our));
    }
}

#[test]
fn a_response_that_means_nothing_here_is_no_error() {
    let pong = theirs::signal_response::Message::PongResp(theirs::Pong {
        last_ping_timestamp: 1,
        timestamp: 2,
    });
    let response: SignalResponse = read(&theirs::SignalResponse {
        message: Some(pong),
    });
    assert_eq!(response.message, None);
}

#[test]
fn every_request_is_understood() {
    use signal_request::Message as Ours;
    use theirs::signal_request::Message as Theirs;
    let pairs = [
        (
            Ours::Offer(our_description()),
            Theirs::Offer(their_description()),
        ),
        (
            Ours::Trickle(TrickleRequest {
                candidate_init: "{}".into(),
            }),
            Theirs::Trickle(theirs::TrickleRequest {
                candidate_init: "{}".into(),
                ..Default::default()
            }),
        ),
        (
            Ours::Mute(MuteTrackRequest {
                sid: "TR_1".into(),
                muted: true,
            }),
            Theirs::Mute(theirs::MuteTrackRequest {
                sid: "TR_1".into(),
                muted: true,
            }),
        ),
        (
            Ours::SyncState(SyncState {
                subscription: Some(UpdateSubscription { subscribe: true }),
                publish_tracks: vec![TrackPublishedResponse {
                    cid: "c".into(),
                    track: Some(our_track()),
                }],
            }),
            Theirs::SyncState(theirs::SyncState {
                subscription: Some(theirs::UpdateSubscription {
                    subscribe: true,
                    ..Default::default()
                }),
                publish_tracks: vec![theirs::TrackPublishedResponse {
                    cid: "c".into(),
                    track: Some(theirs::TrackInfo {
                        name: String::new(),
                        ..their_track()
                    }),
                }],
                ..Default::default()
            }),
        ),
        (
            Ours::AddTrack(our_request()),
            Theirs::AddTrack(their_request()),
        ),
        (
            Ours::TrackSetting(UpdateTrackSettings {
                track_sids: vec!["TR_1".into(), "TR_2".into()],
                disabled: true,
                quality: VideoQuality::High,
                width: 320,
                height: 180,
            }),
            Theirs::TrackSetting(theirs::UpdateTrackSettings {
                track_sids: vec!["TR_1".into(), "TR_2".into()],
                disabled: true,
                quality: theirs::VideoQuality::High.into(),
                width: 320,
                height: 180,
                ..Default::default()
            }),
        ),
        (
            Ours::UpdateVideoTrack(UpdateLocalVideoTrack {
                track_sid: "TR_1".into(),
                width: 640,
                height: 480,
            }),
            Theirs::UpdateVideoTrack(theirs::UpdateLocalVideoTrack {
                track_sid: "TR_1".into(),
                width: 640,
                height: 480,
            }),
        ),
        (
            Ours::PingReq(Ping { timestamp: 9 }),
            Theirs::PingReq(theirs::Ping {
                timestamp: 9,
                rtt: 0,
            }),
        ),
    ];
    for (our, their) in pairs {
        let request: theirs::SignalRequest = read_by_theirs(&SignalRequest { message: Some(our) });
        assert_eq!(request.message, Some(their));
    }
}

#[test]
fn a_join_is_understood() {
    let ours = JoinRequest {
        client_info: Some(ClientInfo {
            sdk: client_info::Sdk::Js,
            version: "1".into(),
            protocol: 16,
        }),
        connection_settings: Some(ConnectionSettings {
            auto_subscribe: true,
            adaptive_stream: true,
            subscriber_allow_pause: true,
        }),
        add_track_requests: vec![our_request()],
        publisher_offer: Some(our_description()),
        reconnect: true,
        participant_sid: "PA_1".into(),
    };
    let theirs = theirs::JoinRequest {
        client_info: Some(theirs::ClientInfo {
            sdk: theirs::client_info::Sdk::Js.into(),
            version: "1".into(),
            protocol: 16,
            ..Default::default()
        }),
        connection_settings: Some(theirs::ConnectionSettings {
            auto_subscribe: true,
            adaptive_stream: true,
            subscriber_allow_pause: Some(true),
            ..Default::default()
        }),
        add_track_requests: vec![their_request()],
        publisher_offer: Some(their_description()),
        reconnect: true,
        participant_sid: "PA_1".into(),
        ..Default::default()
    };
    assert_eq!(read_by_theirs::<theirs::JoinRequest>(&ours), theirs);

    let wrapped = WrappedJoinRequest {
        compression: wrapped_join_request::Compression::Gzip,
        join_request: vec![1, 2],
    };
    let read: theirs::WrappedJoinRequest = read_by_theirs(&wrapped);
    assert_eq!(
        read.compression(),
        theirs::wrapped_join_request::Compression::Gzip
    );
    assert_eq!(read.join_request, [1, 2]);
}

#[test]
fn enumerations_have_livekits_numbers() {
    for (ours, theirs) in [
        (
            TrackSource::Unknown as i32,
            theirs::TrackSource::Unknown as i32,
        ),
        (
            TrackSource::Camera as i32,
            theirs::TrackSource::Camera as i32,
        ),
        (
            TrackSource::Microphone as i32,
            theirs::TrackSource::Microphone as i32,
        ),
        (
            TrackSource::ScreenShare as i32,
            theirs::TrackSource::ScreenShare as i32,
        ),
        (
            TrackSource::ScreenShareAudio as i32,
            theirs::TrackSource::ScreenShareAudio as i32,
        ),
        (TrackType::Audio as i32, theirs::TrackType::Audio as i32),
        (TrackType::Video as i32, theirs::TrackType::Video as i32),
        (VideoQuality::Low as i32, theirs::VideoQuality::Low as i32),
        (VideoQuality::Off as i32, theirs::VideoQuality::Off as i32),
        (
            StreamState::Active as i32,
            theirs::StreamState::Active as i32,
        ),
        (TrackType::Data as i32, theirs::TrackType::Data as i32),
        (
            participant_info::State::Active as i32,
            theirs::participant_info::State::Active as i32,
        ),
        (
            participant_info::State::Joined as i32,
            theirs::participant_info::State::Joined as i32,
        ),
        (
            leave_request::Action::Disconnect as i32,
            theirs::leave_request::Action::Disconnect as i32,
        ),
        (
            leave_request::Action::Resume as i32,
            theirs::leave_request::Action::Resume as i32,
        ),
    ] {
        assert_eq!(ours, theirs);
    }
}
