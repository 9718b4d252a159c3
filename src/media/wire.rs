//! LiveKit's signalling messages, as far as this client reads and writes them.
//!
//! The types of the `livekit-protocol` crate would be a sixth of the wasm, most of it for features
//! that a meeting has elsewhere; a protobuf reader skips the fields that it does not name. Names and
//! numbers are LiveKit's, and the tests below hold every one of them against that crate.

use prost::{Enumeration, Message, Oneof};

/// A frame from the engine; `None` inside is a message that means nothing here.
#[derive(Clone, PartialEq, Message)]
pub struct SignalResponse {
    #[prost(
        oneof = "signal_response::Message",
        tags = "1, 2, 4, 5, 6, 8, 10, 16, 19, 24, 25"
    )]
    pub message: Option<signal_response::Message>,
}

/// What the engine says.
pub mod signal_response {
    use super::*;

    #[derive(Clone, PartialEq, Oneof)]
    pub enum Message {
        #[prost(message, tag = "1")]
        Join(JoinResponse),
        #[prost(message, tag = "2")]
        Answer(SessionDescription),
        #[prost(message, tag = "4")]
        Trickle(TrickleRequest),
        #[prost(message, tag = "5")]
        Update(ParticipantUpdate),
        #[prost(message, tag = "6")]
        TrackPublished(TrackPublishedResponse),
        #[prost(message, tag = "8")]
        Leave(LeaveRequest),
        #[prost(message, tag = "10")]
        SpeakersChanged(SpeakersChanged),
        #[prost(string, tag = "16")]
        RefreshToken(String),
        #[prost(message, tag = "19")]
        Reconnect(ReconnectResponse),
        #[prost(message, tag = "24")]
        RoomMoved(RoomMovedResponse),
        #[prost(message, tag = "25")]
        MediaSectionsRequirement(MediaSectionsRequirement),
    }
}

/// A frame to the engine.
#[derive(Clone, PartialEq, Message)]
pub struct SignalRequest {
    #[prost(oneof = "signal_request::Message", tags = "1, 3, 5, 8, 12, 16")]
    pub message: Option<signal_request::Message>,
}

/// What the client says.
pub mod signal_request {
    use super::*;

    #[derive(Clone, PartialEq, Oneof)]
    pub enum Message {
        #[prost(message, tag = "1")]
        Offer(SessionDescription),
        #[prost(message, tag = "3")]
        Trickle(TrickleRequest),
        #[prost(message, tag = "5")]
        Mute(MuteTrackRequest),
        #[prost(message, tag = "8")]
        Leave(LeaveRequest),
        #[prost(message, tag = "12")]
        SyncState(SyncState),
        #[prost(message, tag = "16")]
        PingReq(Ping),
    }
}

/// What travels in a socket's address.
#[derive(Clone, PartialEq, Message)]
pub struct WrappedJoinRequest {
    #[prost(enumeration = "wrapped_join_request::Compression", tag = "1")]
    pub compression: i32,
    #[prost(bytes = "vec", tag = "2")]
    pub join_request: Vec<u8>,
}

pub mod wrapped_join_request {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, super::Enumeration)]
    #[repr(i32)]
    pub enum Compression {
        None = 0,
        Gzip = 1,
    }
}

#[derive(Clone, PartialEq, Message)]
pub struct JoinRequest {
    #[prost(message, optional, tag = "1")]
    pub client_info: Option<ClientInfo>,
    #[prost(message, optional, tag = "2")]
    pub connection_settings: Option<ConnectionSettings>,
    #[prost(message, repeated, tag = "5")]
    pub add_track_requests: Vec<AddTrackRequest>,
    #[prost(message, optional, tag = "6")]
    pub publisher_offer: Option<SessionDescription>,
    #[prost(bool, tag = "7")]
    pub reconnect: bool,
    #[prost(string, tag = "9")]
    pub participant_sid: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ClientInfo {
    #[prost(enumeration = "client_info::Sdk", tag = "1")]
    pub sdk: i32,
    #[prost(string, tag = "2")]
    pub version: String,
    #[prost(int32, tag = "3")]
    pub protocol: i32,
}

pub mod client_info {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, super::Enumeration)]
    #[repr(i32)]
    pub enum Sdk {
        Unknown = 0,
        Js = 1,
    }
}

#[derive(Clone, PartialEq, Message)]
pub struct ConnectionSettings {
    #[prost(bool, tag = "1")]
    pub auto_subscribe: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct AddTrackRequest {
    #[prost(string, tag = "1")]
    pub cid: String,
    #[prost(enumeration = "TrackType", tag = "3")]
    pub r#type: i32,
    #[prost(bool, tag = "6")]
    pub muted: bool,
    #[prost(enumeration = "TrackSource", tag = "8")]
    pub source: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct SessionDescription {
    #[prost(string, tag = "1")]
    pub r#type: String,
    #[prost(string, tag = "2")]
    pub sdp: String,
    #[prost(uint32, tag = "3")]
    pub id: u32,
    #[prost(message, repeated, tag = "4")]
    pub mid_to_track_id: Vec<Entry>,
}

/// An entry of a `map<string, string>`, which on the wire is a list of these.
#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

impl From<(String, String)> for Entry {
    fn from((key, value): (String, String)) -> Self {
        Self { key, value }
    }
}

#[derive(Clone, PartialEq, Message)]
pub struct JoinResponse {
    #[prost(message, optional, tag = "2")]
    pub participant: Option<ParticipantInfo>,
    #[prost(message, repeated, tag = "3")]
    pub other_participants: Vec<ParticipantInfo>,
    #[prost(message, repeated, tag = "5")]
    pub ice_servers: Vec<IceServer>,
    #[prost(int32, tag = "10")]
    pub ping_timeout: i32,
    #[prost(int32, tag = "11")]
    pub ping_interval: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct ReconnectResponse {
    #[prost(message, repeated, tag = "1")]
    pub ice_servers: Vec<IceServer>,
}

#[derive(Clone, PartialEq, Message)]
pub struct RoomMovedResponse {
    #[prost(string, tag = "2")]
    pub token: String,
    #[prost(message, optional, tag = "3")]
    pub participant: Option<ParticipantInfo>,
    #[prost(message, repeated, tag = "4")]
    pub other_participants: Vec<ParticipantInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ParticipantUpdate {
    #[prost(message, repeated, tag = "1")]
    pub participants: Vec<ParticipantInfo>,
}

/// Without name and metadata: the roster comes from the agent socket.
#[derive(Clone, PartialEq, Message)]
pub struct ParticipantInfo {
    #[prost(string, tag = "1")]
    pub sid: String,
    #[prost(string, tag = "2")]
    pub identity: String,
    #[prost(enumeration = "participant_info::State", tag = "3")]
    pub state: i32,
    #[prost(message, repeated, tag = "4")]
    pub tracks: Vec<TrackInfo>,
}

pub mod participant_info {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, super::Enumeration)]
    #[repr(i32)]
    pub enum State {
        Joining = 0,
        Joined = 1,
        Active = 2,
        Disconnected = 3,
    }
}

#[derive(Clone, PartialEq, Message)]
pub struct TrackInfo {
    #[prost(string, tag = "1")]
    pub sid: String,
    #[prost(enumeration = "TrackType", tag = "2")]
    pub r#type: i32,
    #[prost(bool, tag = "4")]
    pub muted: bool,
    #[prost(enumeration = "TrackSource", tag = "9")]
    pub source: i32,
    #[prost(string, tag = "12")]
    pub mid: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub enum TrackType {
    Audio = 0,
    Video = 1,
    Data = 2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub enum TrackSource {
    Unknown = 0,
    Camera = 1,
    Microphone = 2,
    ScreenShare = 3,
    ScreenShareAudio = 4,
}

#[derive(Clone, PartialEq, Message)]
pub struct TrackPublishedResponse {
    #[prost(string, tag = "1")]
    pub cid: String,
    #[prost(message, optional, tag = "2")]
    pub track: Option<TrackInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TrickleRequest {
    #[prost(string, tag = "1")]
    pub candidate_init: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct MuteTrackRequest {
    #[prost(string, tag = "1")]
    pub sid: String,
    #[prost(bool, tag = "2")]
    pub muted: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct LeaveRequest {
    #[prost(enumeration = "DisconnectReason", tag = "2")]
    pub reason: i32,
    #[prost(enumeration = "leave_request::Action", tag = "3")]
    pub action: i32,
}

pub mod leave_request {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, super::Enumeration)]
    #[repr(i32)]
    pub enum Action {
        Disconnect = 0,
        Resume = 1,
        Reconnect = 2,
    }
}

/// The one that a client gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub enum DisconnectReason {
    UnknownReason = 0,
    ClientInitiated = 1,
}

#[derive(Clone, PartialEq, Message)]
pub struct SpeakersChanged {
    #[prost(message, repeated, tag = "1")]
    pub speakers: Vec<SpeakerInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub struct SpeakerInfo {
    #[prost(string, tag = "1")]
    pub sid: String,
    #[prost(float, tag = "2")]
    pub level: f32,
    #[prost(bool, tag = "3")]
    pub active: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct MediaSectionsRequirement {
    #[prost(uint32, tag = "1")]
    pub num_audios: u32,
    #[prost(uint32, tag = "2")]
    pub num_videos: u32,
}

#[derive(Clone, PartialEq, Message)]
pub struct IceServer {
    #[prost(string, repeated, tag = "1")]
    pub urls: Vec<String>,
    #[prost(string, tag = "2")]
    pub username: String,
    #[prost(string, tag = "3")]
    pub credential: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct SyncState {
    #[prost(message, optional, tag = "2")]
    pub subscription: Option<UpdateSubscription>,
    #[prost(message, repeated, tag = "3")]
    pub publish_tracks: Vec<TrackPublishedResponse>,
}

#[derive(Clone, PartialEq, Message)]
pub struct UpdateSubscription {
    #[prost(bool, tag = "2")]
    pub subscribe: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct Ping {
    #[prost(int64, tag = "1")]
    pub timestamp: i64,
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
