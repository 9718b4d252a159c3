//! What the core tells the facade: plain objects, one shape per kind of change.
//!
//! The TypeScript side of the same contract is `pkg-template/src/core.ts`; `values/changes.rs` goes
//! from one to the other. A change is told after
//! the core's own state has it, and in the order in which things happened.

use plenary_protocol::breakout::BreakoutView;

/// A change of something that the application can see.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The agent's connection to the service.
    Agent {
        /// Handle of the agent.
        agent: u32,
        /// Whether the socket is up.
        connected: bool,
        /// `invalidToken` or `connectionIssue`.
        reason: Option<&'static str>,
    },
    /// Fields of a call.
    Call(CallChange),
    /// The remote participants of a call.
    Participants {
        /// The call's id.
        call: String,
        /// New ones.
        added: Vec<ParticipantInfo>,
        /// Changed ones, whole.
        updated: Vec<ParticipantInfo>,
        /// Gone ones.
        removed: Vec<String>,
    },
    /// Remote video streams of one participant.
    Streams {
        /// The call's id.
        call: String,
        /// Raw id of the participant.
        participant: String,
        /// New ones.
        added: Vec<StreamInfo>,
        /// Changed ones, whole.
        updated: Vec<StreamInfo>,
        /// Ids of gone ones.
        removed: Vec<u32>,
    },
    /// The user is somewhere else now, with another call: `to` is new, or was on hold. Told before
    /// anything else about `to`.
    Moved {
        /// The call of before.
        call: String,
        /// The call that goes on.
        to: String,
        /// The breakout room; without one, the main meeting.
        room: Option<String>,
        /// Chat thread of the new place (acs-api 2.1.7).
        thread_id: Option<String>,
    },
    /// The meeting's breakout rooms, always the whole.
    Breakout {
        /// The call that is not on hold.
        call: String,
        /// What the user may know.
        view: BreakoutView,
    },
    /// Who waits in the lobby.
    Lobby {
        /// The call's id.
        call: String,
        /// New ones.
        added: Vec<ParticipantInfo>,
        /// Raw ids of those who wait no longer.
        removed: Vec<String>,
    },
    /// Raw ids of those who speak now, loudest first (the whole list).
    Speaking {
        /// The call's id.
        call: String,
        /// Raw ids.
        speakers: Vec<String>,
    },
    /// A user-facing diagnostic.
    Diagnostic {
        /// The call's id.
        call: String,
        /// `network` or `media`.
        area: &'static str,
        /// ACS name of the diagnostic.
        diagnostic: &'static str,
        /// Boolean for a flag; 1 good, 2 poor, 3 bad for a quality.
        value: DiagnosticValue,
    },
    /// An event on which nothing here depends: the facade looks what it is.
    Event {
        /// Handle of the agent.
        agent: u32,
        /// An `Event` of the protocol, as JSON.
        event: String,
    },
    /// The list of devices changed, or the choice.
    Devices {
        /// Cameras changed.
        video: bool,
        /// Microphones or speakers changed.
        audio: bool,
    },
}

/// Fields of a call; absent fields did not change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CallChange {
    /// The call's id.
    pub call: String,
    /// `Connecting`, `InLobby`, `Connected`, `LocalHold`, `Disconnecting`, `Disconnected`.
    pub state: Option<&'static str>,
    /// Set together with `Disconnected`.
    pub end: Option<End>,
    /// ACS role name.
    pub role: Option<&'static str>,
    /// Chat thread.
    pub thread_id: Option<String>,
    /// Own endpoint id.
    pub participant_id: Option<String>,
    /// The service's id of the call.
    pub server_call_id: Option<String>,
    /// Microphone muted.
    pub muted: Option<bool>,
    /// False: sharing the screen ended without the user's `stopScreenSharing`.
    pub screen_sharing: Option<bool>,
    /// Whether `call.lobby` may be used to admit (`B5`).
    pub may_admit: Option<bool>,
}

/// Value of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiagnosticValue {
    /// `DiagnosticFlag`.
    Flag(bool),
    /// `DiagnosticQuality`: 1 good, 2 poor, 3 bad.
    Quality(u8),
}

/// Why a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// `CallEndReason.code`.
    pub code: u16,
    /// `CallEndReason.subCode`.
    pub sub_code: u32,
    /// A sentence.
    pub message: String,
}

/// A remote participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParticipantInfo {
    /// Raw id.
    pub id: String,
    /// Name to show.
    pub display_name: Option<String>,
    /// ACS role name.
    pub role: &'static str,
    /// `RemoteParticipant.state`: `Connected`, `InLobby`, …
    pub state: &'static str,
    /// All endpoints are muted.
    pub muted: bool,
    /// Endpoint ids.
    pub endpoints: Vec<String>,
}

/// A remote video stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamInfo {
    /// Unique in the page, rising (acs-api 2.1.9).
    pub id: u32,
    /// `Video` or `ScreenSharing`.
    pub media_stream_type: &'static str,
    /// The participant sends it.
    pub available: bool,
    /// Frames arrive.
    pub receiving: bool,
    /// Pixels; 0 until known.
    pub width: u32,
    /// Pixels; 0 until known.
    pub height: u32,
}
