//! What goes into the agent's machine and what comes out.

use super::Refused;
use crate::api::changes::Change;
use crate::media::interface::MediaEvent;
use plenary_protocol::agent::{ClientFrame, Frame, Locator, MediaGrant, MediaOffer};
use plenary_protocol::id::{CallId, RawId, RoomId};

/// Names a promise of the caller's, settled once by [`Action::Settle`].
pub type Ticket = u32;

/// The time of an input, and one random number for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct At {
    /// ms since 1970.
    pub now: f64,
    /// 0 ≤ random < 1; spreads the reconnections of many clients.
    pub random: f64,
}

/// Which kind of agent was asked for (`A1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `createCallAgent`.
    Guest,
    /// `createTeamsCallAgent`.
    Member,
    /// Of a chat client: either of them, without calls.
    Chat,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The agent was made; its promise waits for the welcome.
    Start(Ticket),
    /// The user joins.
    Join(NewCall),
    /// The user asks something of a call.
    Command {
        /// The call.
        call: CallId,
        /// Its promise.
        ticket: Ticket,
        /// What is asked.
        command: Command,
    },
    /// The agent is to go, with all its calls.
    Dispose(Ticket),
    /// The socket is open.
    Opened,
    /// The socket is closed, or never opened.
    Closed,
    /// The socket brought something.
    Received(Received),
    /// The application's credential answered.
    Token(Result<UserToken, Refused>),
    /// The browser says whether there is a network.
    Network(bool),
    /// The page is visible again; its timers may have slept.
    Visible,
    /// [`super::Agent::deadline`] is reached.
    Tick,
    /// The media session that [`Action::StartMedia`] asked for has its offer.
    Offer {
        /// The call.
        call: CallId,
        /// From the action.
        session: u32,
        /// The offer, or why there is no media.
        offer: Result<MediaOffer, Refused>,
    },
    /// A media session reports.
    Media {
        /// The call.
        call: CallId,
        /// Which session of the call; reports of earlier ones are stale.
        session: u32,
        /// What happened.
        event: MediaEvent,
    },
    /// [`Action::OpenMicrophone`] is done.
    Microphone {
        /// The call.
        call: CallId,
        /// Whether it is open.
        opened: Result<(), Refused>,
    },
}

/// A call to be joined.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCall {
    /// Chosen by the facade.
    pub call: CallId,
    /// Which meeting.
    pub locator: Locator,
    /// Join muted.
    pub muted: bool,
    /// A camera was given.
    pub camera: bool,
    /// Whether the application gave a microphone track.
    pub microphone: MicrophoneUse,
}

/// Where a call's microphone stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MicrophoneUse {
    /// Not open: opened when first needed, so that joining muted asks for no permission.
    Closed,
    /// Being opened.
    Opening,
    /// Open, or given by the application.
    Open,
}

/// What a user asks of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Leave, or end the meeting for everybody.
    HangUp {
        /// End it for everybody.
        for_everyone: bool,
    },
    /// Mute the microphone.
    Mute,
    /// Unmute it, opening it first where needed.
    Unmute,
    /// Put the call on hold, or go on with it.
    Hold(bool),
    /// The camera was given to the session, or taken away.
    Video(bool),
    /// The screen was given to the session, or taken away.
    Screen(bool),
    /// The application gave a track of its own (`Open`), a device to be opened when it is needed (`Opening`),
    /// or takes back what it gave (`Closed`).
    Microphone(MicrophoneUse),
    /// Go to a breakout room (`E3`).
    JoinRoom(RoomId),
    /// Go back to the main meeting (`E11`).
    Return,
    /// A word of `protocol::state::Act`, and whom it is about, if anybody.
    Act(String, String),
}

/// What a socket brought.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// A frame.
    Frame(Box<Frame>),
    /// An event on which nothing here depends, with its number: chat, hands and recordings (`C3`, `C5`), or
    /// of a newer version. It stays the text that it came as, for the facade.
    Other(u64, String),
    /// Not a frame of this protocol; only a sign of life.
    Unreadable,
}

/// A user token with its end.
#[derive(Debug, Clone, PartialEq)]
pub struct UserToken {
    /// The token.
    pub token: String,
    /// ms since 1970.
    pub expires_at: f64,
}

/// Who the service says the agent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Raw id.
    pub id: RawId,
    /// Name that others see.
    pub display_name: Option<String>,
}

/// What a promise resolves with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Done,
    /// The agent is there.
    Agent(Identity),
    /// Everybody was let in.
    Admitted {
        /// Let in.
        success_count: u32,
        /// Could not be let in.
        failure_count: u32,
    },
}

/// Something is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Ask the application's credential; answer with [`Input::Token`].
    GetToken,
    /// Open the agent socket; answer with [`Input::Opened`] or [`Input::Closed`].
    OpenSocket,
    /// Close the agent socket with this code ([`close`](plenary_protocol::agent::close)); no answer.
    CloseSocket(u16),
    /// Send on the agent socket.
    Send(ClientFrame),
    /// Make a media session and its offer, in place of the call's earlier one; answer with
    /// [`Input::Offer`].
    StartMedia {
        /// The call.
        call: CallId,
        /// Names the session.
        session: u32,
        /// Whether the microphone is muted.
        muted: bool,
        /// The session that there is goes on until [`Action::TakeOver`]; until then nothing is sent or
        /// played by the new one.
        beside: bool,
    },
    /// Make the session that the next [`Action::StartMedia`] beside another will start, if there is none.
    PrepareMedia,
    /// The session that began beside another is the only one from now on.
    TakeOver(CallId),
    /// Another call has the media session and the tracks from now on.
    MoveMedia {
        /// The call of before.
        from: CallId,
        /// The call that goes on.
        to: CallId,
    },
    /// Close the call's media session and let go of its tracks.
    StopMedia(CallId),
    /// Apply the grant's answer and keep the LiveKit socket.
    ConnectMedia {
        /// The call.
        call: CallId,
        /// The grant.
        grant: Box<MediaGrant>,
    },
    /// Hand the session a new media token.
    MediaToken {
        /// The call.
        call: CallId,
        /// The token.
        token: String,
        /// ms since 1970.
        expires_at: f64,
    },
    /// The user is in: microphone and camera may be sent from now on, not before.
    OpenGate(CallId),
    /// Mute or unmute what is sent.
    Muted {
        /// The call.
        call: CallId,
        /// Muted.
        muted: bool,
    },
    /// On hold the session sends, shows and plays nothing.
    Hold {
        /// The call.
        call: CallId,
        /// On hold.
        on: bool,
    },
    /// Give the session the camera that the facade holds ready, or take it away.
    Video {
        /// The call.
        call: CallId,
        /// On or off.
        on: bool,
    },
    /// Give the session the screen that the facade holds ready, or take it away.
    Screen {
        /// The call.
        call: CallId,
        /// On or off.
        on: bool,
    },
    /// Open the microphone and give it to the session; answer with [`Input::Microphone`].
    OpenMicrophone(CallId),
    /// Tell the application.
    Emit(Change),
    /// Settle a promise.
    Settle(Ticket, Result<Outcome, Refused>),
    /// Nothing is left of the agent: drop it.
    Disposed,
}
