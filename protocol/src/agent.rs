//! The agent socket: one WebSocket per call agent, at `/agent`, subprotocol [`SUBPROTOCOL`].
//!
//! The client speaks first, with [`Request::Hello`], within 5 s; the token travels there and never in
//! the URL. Every request has an id and gets exactly one [`Frame::Reply`] or [`Frame::Failure`].
//! Everything else from the service is an [`Event`] with a sequence number that rises; after
//! a drop the client names the last one it applied ([`Resume`]) and the service replays from there,
//! or answers [`Welcome::resumed`] `false`: then the client sends [`Request::Join`] again for every
//! call that it is still in, with the same call id, which finds the living admission, and
//! [`Request::SubscribeChat`], which tells what it missed of chat.

use crate::breakout::BreakoutView;
use crate::chat::ChatEvent;
use crate::id::{CallId, EndpointId, RawId, RoomId, SessionId};
#[cfg(feature = "schema")]
use crate::state::Act;
use crate::state::MeetingState;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use std::collections::BTreeMap;

/// Version of this protocol; the service refuses a hello with another one.
pub const VERSION: u32 = 1;
/// WebSocket subprotocol name.
pub const SUBPROTOCOL: &str = "plenary.v1";

/// Close codes of the agent socket; 4000 to 4999 are an application's own (RFC 6455, 7.4.2).
pub mod close {
    /// The client gives this socket up, and may come again with another one: the session is kept for the
    /// resume window, as after any end but [`DONE`].
    pub const RESUMES: u16 = 1000;
    /// The client is done: its session ends, with what calls it has.
    pub const DONE: u16 = 4000;
    /// A frame that is no text or too large to be one of ours.
    pub const MALFORMED: u16 = 4400;
    /// No valid token, or its time ran out (`B10`, `S6`).
    pub const UNAUTHENTICATED: u16 = 4401;
    /// No hello in time (`S11`).
    pub const NO_HELLO: u16 = 4408;
    /// Another socket took the session over.
    pub const REPLACED: u16 = 4409;
    /// The client asks faster than anybody needs to (`S11`).
    pub const TOO_FAST: u16 = 4429;
    /// The service goes down and comes again (RFC 6455 registry: Service Restart).
    pub const RESTART: u16 = 1012;
}

/// A frame from the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClientFrame {
    /// Chosen by the client, unique on this socket; the reply carries it.
    pub id: u32,
    /// What is asked.
    pub request: Request,
}

/// A frame from the service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Frame {
    /// The request was done.
    Reply {
        /// Id of the request.
        id: u32,
        /// Its result.
        reply: Reply,
    },
    /// The request was refused or failed; nothing was changed.
    Failure {
        /// Id of the request.
        id: u32,
        /// Why.
        error: ProtocolError,
    },
    /// Something happened. A client skips an event whose type it does not know; its number counts.
    Event {
        /// Rises with every event of a session; fits 53 bits.
        seq: u64,
        /// What happened.
        event: Event,
    },
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Request {
    /// First message on a socket. Answer: [`Reply::Welcome`].
    Hello(Hello),
    /// A sign of life; answered with [`Reply::Done`].
    Ping,
    /// A fresh user token for this session, before the old one runs out. Answer: [`Reply::Done`].
    Token {
        /// The new token, of the same identity.
        token: String,
    },
    /// Join a meeting, or find back into it. Answer: [`Reply::Call`].
    Join(Box<Join>),
    /// Leave a call.
    Leave {
        /// The call.
        call: CallId,
    },
    /// End the meeting for everybody. Organisers and co-organisers who are members (`S1`).
    EndForEveryone {
        /// The caller's own call.
        call: CallId,
    },
    /// The caller muted or unmuted their own microphone; for the roster.
    SetMuted {
        /// The caller's own call.
        call: CallId,
        /// The new state.
        muted: bool,
    },
    /// A fresh media token for a living call, before the old one runs out. Answer: [`Reply::Media`].
    MediaToken {
        /// The caller's own call.
        call: CallId,
    },
    /// Go to an open breakout room (`E3`). Answer: [`Reply::Done`], after [`Event::Moved`].
    JoinBreakoutRoom {
        /// The caller's own call.
        call: CallId,
        /// The room.
        room: RoomId,
    },
    /// Go back to the main meeting (`E11`). Answer: [`Reply::Done`], after [`Event::Moved`].
    ReturnToMainMeeting {
        /// The caller's call in a breakout room.
        call: CallId,
    },
    /// Raise a hand, react, mute others: what takes a word alone.
    Act {
        /// The caller's own call.
        call: CallId,
        /// An [`Act`](crate::state::Act)'s word.
        #[cfg_attr(feature = "schema", schemars(with = "Act"))]
        act: String,
        /// Whom it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        participant: Option<RawId>,
    },
    /// Hear of chat from now on ([`Event::Chat`]), in a call or without one, until the session ends. The
    /// token needs a scope of chat. A session that was not resumed asks again: where its hello named the
    /// one of before ([`Resume`]), it is told first what happened since that one's last event of chat, as it
    /// is stored now and as far as it may be read now. What was deleted again did not come, of edits the last
    /// is told; nothing is of typing, read receipts and threads' metadata. Where it is more than the service
    /// keeps for a session, nothing is told, and a client reads it over REST. A guest is told of their
    /// meeting's thread when their call is back.
    SubscribeChat,
    /// Hear of chat no longer.
    UnsubscribeChat,
}

/// First message of a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// [`VERSION`].
    pub version: u32,
    /// User access token, for calls or for chat: what it is not for is refused when it is asked for.
    pub token: String,
    /// Name that a guest chose (`A2`); ignored for members, whose name comes from the directory (`A4`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Who is speaking.
    pub client: ClientInfo,
    /// Set when a dropped session is to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
}

/// Name and version of the client software; see section E of the rules for why the kind matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClientInfo {
    /// What it runs on.
    pub kind: ClientKind,
    /// Software name, such as `plenary-sdk`.
    pub name: String,
    /// Software version.
    pub version: String,
}

/// What a client runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ClientKind {
    /// A browser.
    Web,
    /// iOS.
    Ios,
    /// Android.
    Android,
    /// Windows.
    Windows,
    /// Anything else.
    #[serde(other)]
    Other,
}

/// Where a dropped session left off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Resume {
    /// From [`Welcome::session`]; also of a session that could not be resumed.
    pub session: SessionId,
    /// Last event that was applied; 0 for none.
    pub last_seq: u64,
}

/// Joining, and finding back after a drop or a restart of the service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Join {
    /// Chosen by the client (a UUID); the same one finds the same admission again.
    pub call: CallId,
    /// Which meeting.
    pub locator: Locator,
    /// Whether the microphone is muted.
    pub muted: bool,
    /// The client's media offer, answered with the reply (one round trip). Without it the living
    /// transport, if any, stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<MediaOffer>,
}

/// How a meeting is named (`B1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Locator {
    /// The join link, as it was copied.
    MeetingLink(String),
    /// Meeting id and passcode.
    #[serde(rename_all = "camelCase")]
    MeetingId {
        /// Digits; spaces are ignored.
        meeting_id: String,
        /// Case-sensitive.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        passcode: Option<String>,
    },
}

/// The SDK's first media offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MediaOffer {
    /// SDP with the sending sections, every receive slot and the data channel's section.
    pub sdp: String,
    /// mid of a sending section -> cid of the track announced in `tracks`.
    #[serde(with = "crate::entries")]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, String>"))]
    pub mid_to_cid: Vec<(String, String)>,
    /// Tracks that the client will publish.
    pub tracks: Vec<OfferedTrack>,
}

/// A track that a client will publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OfferedTrack {
    /// Client's id of the track, as in LiveKit's `AddTrackRequest.cid`.
    pub cid: String,
    /// Where it comes from.
    pub source: TrackSource,
    /// Whether it starts muted (nothing is sent).
    pub muted: bool,
    /// Simulcast layers, the smallest first; empty for sound and for a single layer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<OfferedLayer>,
}

/// A simulcast layer that a client will send, as LiveKit's `VideoLayer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OfferedLayer {
    /// `q`, `h`, `f`.
    pub rid: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Bits per second at most.
    pub bitrate: u32,
}

/// Where a track comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum TrackSource {
    /// Audio.
    Microphone,
    /// Video.
    Camera,
    /// Video of a shared screen.
    ScreenShare,
    /// Sound of a shared screen.
    ScreenShareAudio,
}

/// Result of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Reply {
    /// To [`Request::Hello`].
    Welcome(Welcome),
    /// To [`Request::Join`].
    Call(Box<CallSnapshot>),
    /// To [`Request::Act`] with [`Act::AdmitAll`](crate::state::Act::AdmitAll).
    #[serde(rename_all = "camelCase")]
    Admitted {
        /// Let in.
        success_count: u32,
        /// Could not be let in.
        failure_count: u32,
    },
    /// To [`Request::MediaToken`].
    Media(Box<MediaGrant>),
    /// Done, nothing to say.
    Done,
}

/// Answer to a hello.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    /// Name of this session, for [`Resume`].
    pub session: SessionId,
    /// Raw id of the identity that the token names.
    pub identity: RawId,
    /// Name that others see; a member's comes from the directory (`A4`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// True: missed events follow. False: a new session.
    pub resumed: bool,
    /// How long a dropped session is kept, in ms.
    pub resume_window_ms: u32,
}

/// Everything about one call, as its owner may know it. In the lobby: their own state alone
/// (CVE-2020-3441: roster and lobby are empty, no thread, no subject).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CallSnapshot {
    /// The client's id of the call.
    pub call: CallId,
    /// The service's id of the call, for support and REST.
    pub server_call_id: String,
    /// The caller's endpoint: its LiveKit identity and `info.participantId`.
    pub endpoint: EndpointId,
    /// Waiting or in.
    pub state: CallState,
    /// The caller's role.
    pub role: Role,
    /// Chat thread (`19:meeting_…@thread.v2`); absent in the lobby.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
    /// The others in the meeting, and the caller.
    pub roster: Vec<Participant>,
    /// Who waits, for those who may admit (`B5`); absent for everybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lobby: Option<Vec<LobbyEntry>>,
    /// The breakout room that the call is in; absent in the main meeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// The meeting's breakout rooms; absent in the lobby and where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakout: Option<BreakoutView>,
    /// Where media goes. Absent when the transport stays as it is and the token too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaGrant>,
}

/// Whether somebody waits or is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum CallState {
    /// Waiting to be admitted.
    Lobby,
    /// In the meeting.
    Connected,
    /// In the main meeting, on hold while its owner is in a breakout room with another call (`E9`).
    Held,
}

/// Roles, spelled as in `@azure/communication-calling`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Role {
    /// The member who scheduled the meeting.
    Organizer,
    /// Appointed by the organiser.
    #[serde(rename = "Co-organizer")]
    CoOrganizer,
    /// May present; a member with this role may admit.
    Presenter,
    /// May take part.
    Attendee,
}

/// Somebody in the meeting. Two endpoints of one user are one participant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// Raw id (`8:acs:…`, `8:orgid:…`).
    pub id: RawId,
    /// Name as the receiver is to see it: members see guests with "(External)" (`A3`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Their role.
    pub role: Role,
    /// Their connections.
    pub endpoints: Vec<Endpoint>,
}

/// One connection of a participant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// LiveKit identity of the connection.
    pub id: EndpointId,
    /// Microphone muted.
    pub muted: bool,
    /// On hold, or its owner is in a breakout room (`E9`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
}

/// Somebody who waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LobbyEntry {
    /// Raw id.
    pub id: RawId,
    /// Name as the receiver is to see it (`A3`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// Where media goes, and by what right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MediaGrant {
    /// Origin of the engine's LiveKit socket (`ws://` or `wss://`, no path); `/rtc/v1` is appended.
    pub url: String,
    /// LiveKit access token for the room that the caller is in now.
    pub token: String,
    /// When the token runs out, ms since 1970.
    pub expires_at: f64,
    /// Set when the engine knows the participant already: the socket attaches to it
    /// (`reconnect=1`) instead of joining.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_sid: Option<String>,
    /// Answer to [`Join::offer`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Whether the engine has receive slots.
    pub slots: bool,
    /// STUN and TURN servers.
    #[serde(default)]
    pub ice_servers: Vec<IceServer>,
}

/// As `RTCIceServer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct IceServer {
    /// `stun:` and `turn:` URLs.
    pub urls: Vec<String>,
    /// TURN user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// TURN password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// What happened in a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Event {
    /// The caller was let in (`B5`). With the embedded engine the transport has been moved already,
    /// and `media` carries only the new token.
    Admitted(Box<CallSnapshot>),
    /// The call is over for this client; nothing more follows about it.
    Ended {
        /// The call.
        call: CallId,
        /// Why.
        reason: EndReason,
    },
    /// Who came, changed or left.
    Roster {
        /// The receiver's own call.
        call: CallId,
        /// New participants.
        #[serde(default)]
        joined: Vec<Participant>,
        /// Changed ones, whole.
        #[serde(default)]
        updated: Vec<Participant>,
        /// Gone ones.
        #[serde(default)]
        left: Vec<RawId>,
    },
    /// Who waits, for those who may admit (`B5`).
    Lobby {
        /// The receiver's own call.
        call: CallId,
        /// New ones.
        #[serde(default)]
        waiting: Vec<LobbyEntry>,
        /// No longer waiting.
        #[serde(default)]
        gone: Vec<RawId>,
    },
    /// The caller's role changed, and with it whether they see the lobby.
    Role {
        /// The receiver's own call.
        call: CallId,
        /// The new role.
        role: Role,
    },
    /// What the caller may know of the meeting's breakout rooms changed (`E14`).
    Breakout {
        /// The receiver's own call: the one that is not on hold.
        call: CallId,
        /// What it is now.
        view: BreakoutView,
    },
    /// The caller is somewhere else now: in a breakout room, or back in the main meeting (`E8`, `E9`,
    /// `E11`). With the embedded engine the transport has been moved already.
    Moved {
        /// The call that they were in. It is over, unless it is on hold.
        from: CallId,
        /// The call is on hold (`E9`).
        held: bool,
        /// The call that they are in: a new one, or the one that was on hold.
        to: Box<CallSnapshot>,
    },
    /// A manager said something to all rooms.
    Announcement {
        /// The receiver's own call: the one that is not on hold.
        call: CallId,
        /// Plain text.
        message: String,
        /// Who said it.
        from: RawId,
    },
    /// Recordings or raised hands are others now (`C3`, `C5`).
    State {
        /// The receiver's own call.
        call: CallId,
        /// What it is now.
        state: MeetingState,
    },
    /// Somebody in the room reacted (`C5`); the receiver hears of their own, too.
    Reaction {
        /// The receiver's own call.
        call: CallId,
        /// Who.
        from: RawId,
        /// The word of an [`Act`](crate::state::Act) that is a reaction.
        reaction: String,
    },
    /// Somebody muted the receiver, whose microphone is no longer forwarded until they unmute themselves.
    Muted {
        /// The receiver's own call.
        call: CallId,
        /// Who did.
        by: RawId,
    },
    /// Something happened in a thread of the receiver's.
    Chat(Box<ChatEvent>),
}

/// Why a call ended; the numbers are those of `CallEndReason`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EndReason {
    /// SIP or HTTP like; 0 is a normal end.
    pub code: u16,
    /// More exactly.
    pub sub_code: u32,
    /// What it means and what to do.
    pub message: String,
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProtocolError {
    /// HTTP like.
    pub code: u16,
    /// More exactly.
    pub sub_code: u32,
    /// What was wrong and what would be right.
    pub message: String,
    /// How long to wait before trying again, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u32>,
}
