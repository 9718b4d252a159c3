//! LiveKit's signalling messages, as far as this client reads and writes them.
//!
//! The types of the `livekit-protocol` crate would be a sixth of the wasm, most of it for features
//! that a meeting has elsewhere; a protobuf reader skips the fields that it does not name. Names and
//! numbers are LiveKit's, and the tests below hold every one of them against that crate.

pub use super::protobuf::Message;
use super::protobuf::{enumeration, message, one_of};

one_of! {
    /// A frame from the engine; `None` inside is a message that means nothing here.
    SignalResponse, signal_response {
        1 Join(JoinResponse),
        2 Answer(SessionDescription),
        4 Trickle(TrickleRequest),
        5 Update(ParticipantUpdate),
        6 TrackPublished(TrackPublishedResponse),
        8 Leave(LeaveRequest),
        10 SpeakersChanged(SpeakersChanged),
        13 StreamStateUpdate(StreamStateUpdate),
        14 SubscribedQualityUpdate(SubscribedQualityUpdate),
        16 RefreshToken(String),
        19 Reconnect(ReconnectResponse),
        22 RequestResponse(RequestResponse),
        24 RoomMoved(RoomMovedResponse),
        25 MediaSectionsRequirement(MediaSectionsRequirement),
    }
}

one_of! {
    /// A frame to the engine.
    SignalRequest, signal_request {
        1 Offer(SessionDescription),
        3 Trickle(TrickleRequest),
        4 AddTrack(AddTrackRequest),
        5 Mute(MuteTrackRequest),
        7 TrackSetting(UpdateTrackSettings),
        8 Leave(LeaveRequest),
        12 SyncState(SyncState),
        16 PingReq(Ping),
        18 UpdateVideoTrack(UpdateLocalVideoTrack),
    }
}

message! {
    /// What travels in a socket's address.
    WrappedJoinRequest {
        1 compression: wrapped_join_request::Compression,
        2 join_request: Vec<u8>,
    }
}

pub mod wrapped_join_request {
    use super::*;

    enumeration! {
        Compression {
            None = 0,
            Gzip = 1,
        }
    }
}

message! {
    JoinRequest {
        1 client_info: Option<ClientInfo>,
        2 connection_settings: Option<ConnectionSettings>,
        5 add_track_requests: Vec<AddTrackRequest>,
        6 publisher_offer: Option<SessionDescription>,
        7 reconnect: bool,
        9 participant_sid: String,
    }
}

message! {
    ClientInfo {
        1 sdk: client_info::Sdk,
        2 version: String,
        3 protocol: i32,
    }
}

pub mod client_info {
    use super::*;

    enumeration! {
        Sdk {
            Unknown = 0,
            Js = 1,
        }
    }
}

message! {
    ConnectionSettings {
        1 auto_subscribe: bool,
        2 adaptive_stream: bool,
        3 subscriber_allow_pause: bool,
    }
}

message! {
    AddTrackRequest {
        1 cid: String,
        3 r#type: TrackType,
        4 width: u32,
        5 height: u32,
        6 muted: bool,
        8 source: TrackSource,
        9 layers: Vec<VideoLayer>,
        10 simulcast_codecs: Vec<SimulcastCodec>,
    }
}

message! {
    SimulcastCodec {
        1 codec: String,
        2 cid: String,
    }
}

message! {
    VideoLayer {
        1 quality: VideoQuality,
        2 width: u32,
        3 height: u32,
        4 bitrate: u32,
        6 spatial_layer: i32,
        7 rid: String,
    }
}

enumeration! {
    /// Of a layer; `Off` is none.
    VideoQuality {
        Low = 0,
        Medium = 1,
        High = 2,
        Off = 3,
    }
}

message! {
    SessionDescription {
        1 r#type: String,
        2 sdp: String,
        3 id: u32,
        4 mid_to_track_id: Vec<Entry>,
    }
}

message! {
    /// An entry of a `map<string, string>`, which on the wire is a list of these.
    Entry {
        1 key: String,
        2 value: String,
    }
}

impl From<(String, String)> for Entry {
    fn from((key, value): (String, String)) -> Self {
        Self { key, value }
    }
}

message! {
    JoinResponse {
        2 participant: Option<ParticipantInfo>,
        3 other_participants: Vec<ParticipantInfo>,
        5 ice_servers: Vec<IceServer>,
        10 ping_timeout: i32,
        11 ping_interval: i32,
    }
}

message! {
    ReconnectResponse {
        1 ice_servers: Vec<IceServer>,
    }
}

message! {
    RoomMovedResponse {
        2 token: String,
        3 participant: Option<ParticipantInfo>,
        4 other_participants: Vec<ParticipantInfo>,
    }
}

message! {
    ParticipantUpdate {
        1 participants: Vec<ParticipantInfo>,
    }
}

message! {
    /// Without name and metadata: the roster comes from the agent socket.
    ParticipantInfo {
        1 sid: String,
        2 identity: String,
        3 state: participant_info::State,
        4 tracks: Vec<TrackInfo>,
    }
}

pub mod participant_info {
    use super::*;

    enumeration! {
        State {
            Joining = 0,
            Joined = 1,
            Active = 2,
            Disconnected = 3,
        }
    }
}

message! {
    TrackInfo {
        1 sid: String,
        2 r#type: TrackType,
        4 muted: bool,
        9 source: TrackSource,
        12 mid: String,
    }
}

enumeration! {
    TrackType {
        Audio = 0,
        Video = 1,
        Data = 2,
    }
}

enumeration! {
    TrackSource {
        Unknown = 0,
        Camera = 1,
        Microphone = 2,
        ScreenShare = 3,
        ScreenShareAudio = 4,
    }
}

message! {
    TrackPublishedResponse {
        1 cid: String,
        2 track: Option<TrackInfo>,
    }
}

message! {
    UpdateLocalVideoTrack {
        1 track_sid: String,
        2 width: u32,
        3 height: u32,
    }
}

message! {
    UpdateTrackSettings {
        1 track_sids: Vec<String>,
        3 disabled: bool,
        4 quality: VideoQuality,
        5 width: u32,
        6 height: u32,
    }
}

message! {
    StreamStateUpdate {
        1 stream_states: Vec<StreamStateInfo>,
    }
}

message! {
    StreamStateInfo {
        2 track_sid: String,
        3 state: StreamState,
    }
}

enumeration! {
    StreamState {
        Active = 0,
        Paused = 1,
    }
}

message! {
    SubscribedQualityUpdate {
        1 track_sid: String,
        2 subscribed_qualities: Vec<SubscribedQuality>,
        3 subscribed_codecs: Vec<SubscribedCodec>,
    }
}

message! {
    SubscribedCodec {
        2 qualities: Vec<SubscribedQuality>,
    }
}

message! {
    SubscribedQuality {
        1 quality: VideoQuality,
        2 enabled: bool,
    }
}

message! {
    /// How a request went that has no answer of its own; `reason` 0 is well.
    RequestResponse {
        2 reason: i32,
        5 add_track: Option<NamedTrack>,
    }
}

message! {
    /// An `AddTrackRequest` that comes back.
    NamedTrack {
        1 cid: String,
    }
}

message! {
    TrickleRequest {
        1 candidate_init: String,
    }
}

message! {
    MuteTrackRequest {
        1 sid: String,
        2 muted: bool,
    }
}

message! {
    LeaveRequest {
        2 reason: DisconnectReason,
        3 action: leave_request::Action,
    }
}

pub mod leave_request {
    use super::*;

    enumeration! {
        Action {
            Disconnect = 0,
            Resume = 1,
            Reconnect = 2,
        }
    }
}

enumeration! {
    /// The one that a client gives.
    DisconnectReason {
        UnknownReason = 0,
        ClientInitiated = 1,
    }
}

message! {
    SpeakersChanged {
        1 speakers: Vec<SpeakerInfo>,
    }
}

message! {
    SpeakerInfo {
        1 sid: String,
        2 level: f32,
        3 active: bool,
    }
}

message! {
    MediaSectionsRequirement {
        1 num_audios: u32,
        2 num_videos: u32,
    }
}

message! {
    IceServer {
        1 urls: Vec<String>,
        2 username: String,
        3 credential: String,
    }
}

message! {
    SyncState {
        2 subscription: Option<UpdateSubscription>,
        3 publish_tracks: Vec<TrackPublishedResponse>,
    }
}

message! {
    UpdateSubscription {
        2 subscribe: bool,
    }
}

message! {
    Ping {
        1 timestamp: i64,
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
