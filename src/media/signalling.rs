//! The LiveKit socket as a state machine: joining, attached, resuming; and what it takes to bring
//! media back.
//!
//! Knows no socket, no peer connection, no clock and no randomness: inputs go in, outputs come out,
//! and whoever holds it (`session.rs`) carries them out in order. A session is never given up here
//! while the engine knows it (`architecture.md`, "Receive slots, and moves"): attempts follow each
//! other with growing pauses, at once when the browser says that the network is back.

mod messages;
mod tracks;
mod transport;

use plenary_protocol::agent::TrackSource;

use super::announcements::Announcements;
use super::backoff::Backoff;
use super::interface::MediaEvent;
use super::negotiation::{Negotiation, Wanted};
use super::publications::Publications;
use super::simulcast::{Demand, Size};
use super::viewing::{Pixels, Viewing};
use super::wire as lk;
use super::wire::signal_request::Message as Request;
use super::wire::signal_response::Message as Response;

/// An attempt that has no first message after this is abandoned (as in livekit-client).
const OPEN_MS: u32 = 10_000;
/// Until the engine names its own (`JoinResponse.ping_interval`, `ping_timeout`).
const PING_MS: u32 = 5_000;
const PONG_MS: u32 = 15_000;
/// How long a socket has to prove that it lives when there is a reason to doubt it: after a network
/// change it may hang for as long as TCP retransmits.
const PROBE_MS: u32 = 2_000;
/// `disconnected` is often over by itself within that.
const SETTLE_MS: u32 = 2_000;
/// The least time that a restarted ICE has before the next restart; a check takes a few round trips.
const RESTART_MS: u32 = 4_000;

/// What can happen.
#[derive(Debug)]
pub enum Input {
    /// A place to connect to, or the same with a new token.
    Granted(Grant),
    /// A fresh token for the next attempt.
    Token(String),
    /// The socket was closed or could not be opened.
    SocketClosed,
    /// A binary frame.
    Received(Box<Response>),
    /// A text frame (its content is the slots' business): the socket lives.
    Heard,
    /// The peer connection's state.
    Transport(Transport),
    /// An offer that was asked for by [`Output::Offer`] stands.
    Offered(String),
    /// An answer was applied.
    Applied,
    /// An offer or answer could not be applied.
    NegotiationFailed,
    /// `offline`: the browser sees no network, or not the one that there was.
    Offline,
    /// `online`: it sees one again.
    Online,
    /// A timer ran out.
    Due(Timer),
    /// `validate` answered with this status, or could not be reached.
    Validated(Option<u16>),
    /// The browser found a candidate of its own, as JSON; `null` at the end.
    Candidate(String),
    /// The user's wish for one of the own tracks.
    Muted(TrackSource, bool),
    /// How large a picture is that is sent.
    Captured(TrackSource, Size),
    /// What the page's views show, by sid.
    Shown(Vec<(String, Pixels)>),
    /// The application reads a track without a view.
    Read(String),
}

/// Where to connect.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// `ws(s)://…`, no path.
    pub url: String,
    /// LiveKit access token.
    pub token: String,
    /// Set when the engine knows the participant already.
    pub participant_sid: Option<String>,
    /// Whether the engine has receive slots.
    pub slots: bool,
    /// The offer that has no answer yet and travels with the join.
    pub offer: Option<String>,
}

/// State of the peer connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Not connected yet.
    New,
    /// Connected.
    Up,
    /// `disconnected`: no answer for a moment.
    Doubtful,
    /// `failed`.
    Failed,
}

/// One timer of each kind at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// The pause before the next attempt is over.
    Reopen,
    /// The attempt took too long.
    Open,
    /// Time for a ping.
    Ping,
    /// Nothing was heard for too long.
    Pong,
    /// The transport did not come back by itself.
    Restart,
    /// The views are to be looked at.
    View,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Open the socket (closing the one before).
    Open(Box<Attempt>),
    /// Close the socket.
    Close,
    /// Send a frame.
    Send(Box<Request>),
    /// Set a timer, replacing the one of the same kind.
    Set(Timer, u32),
    /// Clear a timer.
    Clear(Timer),
    /// Make an offer, then [`Input::Offered`].
    Offer(Wanted),
    /// Apply an answer.
    Answer(lk::SessionDescription),
    /// Send these layers of a source only.
    Layers(TrackSource, Demand),
    /// Add the engine's candidate (JSON).
    Candidate(String),
    /// Use these servers from the next ICE restart on.
    IceServers(Vec<lk::IceServer>),
    /// Ask over HTTP why the attempt failed, then [`Input::Validated`].
    Validate(Box<Attempt>),
    /// Tell the layer above.
    Report(MediaEvent),
}

/// Everything about one attempt to open the socket.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// `ws(s)://…`, no path.
    pub url: String,
    /// LiveKit access token.
    pub token: String,
    /// Ask for receive slots.
    pub slots: bool,
    /// The join request.
    pub request: lk::JoinRequest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No grant yet.
    Idle,
    /// The socket is being opened; no message has come.
    Opening,
    /// In the room.
    Attached,
    /// A failed attempt is being asked about.
    Asking,
    /// A pause before the next attempt.
    Waiting,
    /// The engine does not know the session.
    Lost,
}

/// The machine.
#[derive(Debug)]
pub struct Signalling {
    phase: Phase,
    grant: Option<Grant>,
    /// Own participant.
    sid: Option<String>,
    transport: Transport,
    /// What was reported last: `None` until the first time.
    told_up: Option<bool>,
    ping_ms: u32,
    pong_ms: u32,
    /// A ping has no answer yet.
    doubted: bool,
    reopening: Backoff,
    restarting: Backoff,
    negotiation: Negotiation,
    announcements: Announcements,
    /// The own tracks.
    pub publications: Publications,
    /// Receiving sections for pictures in the first offer.
    pub video_slots: u32,
    /// Which of the others' pictures are received.
    pub(super) viewing: Viewing,
    /// For when [`Timer::View`] is set.
    view_due: Option<i64>,
    outputs: Vec<Output>,
}

impl Signalling {
    /// `seed` spreads the pauses.
    pub fn new(seed: u32) -> Self {
        Self {
            phase: Phase::Idle,
            grant: None,
            sid: None,
            transport: Transport::New,
            told_up: None,
            ping_ms: PING_MS,
            pong_ms: PONG_MS,
            doubted: false,
            reopening: Backoff::new(seed),
            restarting: Backoff::new(seed.rotate_left(16)),
            negotiation: Negotiation::default(),
            announcements: Announcements::default(),
            publications: Publications::default(),
            video_slots: 0,
            viewing: Viewing::default(),
            view_due: None,
            outputs: Vec::new(),
        }
    }

    /// One thing happened at `now` (ms); what is to be done, in order.
    pub fn on(&mut self, input: Input, now: i64) -> Vec<Output> {
        match input {
            Input::Granted(grant) => self.granted(grant),
            Input::Token(token) => {
                if let Some(grant) = &mut self.grant {
                    grant.token = token;
                }
            }
            Input::SocketClosed => self.socket_closed(),
            Input::Received(message) => {
                self.heard();
                self.received(*message, now);
            }
            Input::Heard => self.heard(),
            Input::Transport(transport) => self.transport(transport, now),
            Input::Offered(sdp) => self.offered(sdp),
            Input::Applied => self.applied(),
            Input::NegotiationFailed => self.negotiation_failed(),
            // Said within a second of the loss; ICE takes five to notice.
            Input::Offline => self.probe(now),
            Input::Online => self.online(now),
            Input::Due(timer) => self.due(timer, now),
            Input::Validated(status) => self.validated(status),
            Input::Candidate(json) => self.trickle(json),
            Input::Muted(source, muted) => self.muted(source, muted),
            Input::Captured(source, size) => {
                self.publications.set_size(source, size);
                self.tell_tracks();
            }
            Input::Shown(views) => self.viewing.show(views, now),
            Input::Read(sid) => self.viewing.read(&sid, now),
        }
        self.tell_up();
        self.tell_views(now);
        std::mem::take(&mut self.outputs)
    }

    fn out(&mut self, output: Output) {
        self.outputs.push(output);
    }

    fn send(&mut self, request: Request) {
        self.out(Output::Send(Box::new(request)));
    }

    // --- the socket ---

    fn granted(&mut self, grant: Grant) {
        let same_place = self.grant.as_ref().is_some_and(|old| old.url == grant.url);
        if let Some(sid) = &grant.participant_sid {
            self.sid = Some(sid.clone());
        }
        if self.grant.is_none() {
            self.negotiation.first_offer(grant.offer.is_some());
            self.viewing
                .set_sections(grant.slots.then_some(self.video_slots));
        }
        self.grant = Some(grant);
        match self.phase {
            Phase::Attached | Phase::Opening if same_place => {}
            Phase::Lost => {}
            _ => self.open(),
        }
    }

    fn open(&mut self) {
        let Some(attempt) = self.attempt() else {
            return;
        };
        self.phase = Phase::Opening;
        self.out(Output::Clear(Timer::Reopen));
        self.out(Output::Set(Timer::Open, OPEN_MS));
        self.out(Output::Open(Box::new(attempt)));
    }

    fn attempt(&self) -> Option<Attempt> {
        let grant = self.grant.as_ref()?;
        let mut request = lk::JoinRequest {
            client_info: Some(lk::ClientInfo {
                sdk: lk::client_info::Sdk::Js,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                // 16: understands `RoomMoved` and one peer connection for both directions.
                protocol: 16,
            }),
            connection_settings: Some(lk::ConnectionSettings {
                auto_subscribe: true,
                adaptive_stream: true,
                subscriber_allow_pause: true,
            }),
            ..Default::default()
        };
        match &self.sid {
            Some(sid) => {
                request.reconnect = true;
                request.participant_sid = sid.clone();
            }
            None => {
                request.add_track_requests = self.publications.add_track_requests();
                request.publisher_offer = grant.offer.clone().map(|sdp| self.description(sdp));
            }
        }
        Some(Attempt {
            url: grant.url.clone(),
            token: grant.token.clone(),
            slots: grant.slots,
            request,
        })
    }

    fn description(&self, sdp: String) -> lk::SessionDescription {
        lk::SessionDescription {
            r#type: "offer".to_owned(),
            sdp,
            id: self.negotiation.id(),
            mid_to_track_id: self
                .publications
                .mid_to_cid()
                .into_iter()
                .map(Into::into)
                .collect(),
        }
    }

    fn socket_closed(&mut self) {
        self.doubted = false;
        for timer in [Timer::Open, Timer::Ping, Timer::Pong] {
            self.out(Output::Clear(timer));
        }
        match self.phase {
            // A browser says only that it could not connect. The engine says why over HTTP.
            Phase::Opening => match self.attempt() {
                Some(attempt) => {
                    self.phase = Phase::Asking;
                    self.out(Output::Set(Timer::Open, OPEN_MS));
                    self.out(Output::Validate(Box::new(attempt)));
                }
                None => self.pause(),
            },
            Phase::Attached => {
                self.publications.forget_told();
                self.pause();
            }
            Phase::Idle | Phase::Asking | Phase::Waiting | Phase::Lost => {}
        }
    }

    fn pause(&mut self) {
        self.phase = Phase::Waiting;
        self.out(Output::Clear(Timer::Open));
        let pause = self.reopening.next_ms();
        self.out(Output::Set(Timer::Reopen, pause));
    }

    /// Give the socket up and try again.
    fn reopen(&mut self) {
        self.out(Output::Close);
        self.socket_closed();
    }

    fn validated(&mut self, status: Option<u16>) {
        if self.phase != Phase::Asking {
            return;
        }
        match status {
            // Not this participant, or not this token: a new admission is needed, which brings both.
            Some(400..=499) => self.lose(),
            _ => self.pause(),
        }
    }

    fn lose(&mut self) {
        self.phase = Phase::Lost;
        self.out(Output::Close);
        for timer in [
            Timer::Reopen,
            Timer::Open,
            Timer::Ping,
            Timer::Pong,
            Timer::Restart,
            Timer::View,
        ] {
            self.out(Output::Clear(timer));
        }
        self.out(Output::Report(MediaEvent::SessionLost));
    }

    fn attached(&mut self, now: i64) {
        self.phase = Phase::Attached;
        self.reopening.reset();
        self.out(Output::Clear(Timer::Open));
        self.out(Output::Set(Timer::Ping, self.ping_ms));
        self.tell_tracks();
        self.forget_demand();
        self.viewing.forget(now);
    }

    /// The engine knows the participant, and what is in doubt is settled: lost offers, lost paths.
    fn resumed(&mut self, now: i64) {
        self.attached(now);
        if let Transport::Doubtful | Transport::Failed = self.transport {
            self.restart_ice();
        } else {
            let wanted = self.negotiation.resume();
            self.offer(wanted);
        }
    }

    // --- signs of life ---

    fn heard(&mut self) {
        if std::mem::take(&mut self.doubted) {
            self.out(Output::Clear(Timer::Pong));
        }
    }

    fn ping(&mut self, now: i64) {
        self.send(Request::PingReq(lk::Ping { timestamp: now }));
        self.out(Output::Set(Timer::Ping, self.ping_ms));
        // The deadline of the first ping without an answer stands: one that every ping set anew
        // would never run out.
        if !std::mem::replace(&mut self.doubted, true) {
            self.out(Output::Set(Timer::Pong, self.pong_ms));
        }
    }

    /// There is a reason to doubt that the socket lives.
    fn probe(&mut self, now: i64) {
        if self.phase == Phase::Attached {
            self.ping(now);
            self.out(Output::Set(Timer::Pong, PROBE_MS));
        }
    }

    fn online(&mut self, now: i64) {
        match self.phase {
            // What was opened on a dead network may hang for long, so that is begun anew, too.
            Phase::Waiting | Phase::Asking | Phase::Opening => self.open(),
            Phase::Attached => self.probe(now),
            Phase::Idle | Phase::Lost => {}
        }
    }

    fn due(&mut self, timer: Timer, now: i64) {
        match (timer, self.phase) {
            (Timer::Reopen, Phase::Waiting) => self.open(),
            (Timer::Open, Phase::Opening) | (Timer::Pong, Phase::Attached) => self.reopen(),
            (Timer::Open, Phase::Asking) => self.pause(),
            (Timer::Ping, Phase::Attached) => self.ping(now),
            (Timer::Restart, _) => self.restart_ice(),
            // Timers may be early by a millisecond: then it is set again.
            (Timer::View, _) => self.view_due = None,
            _ => {}
        }
    }

    fn tell_up(&mut self) {
        let up = self.transport == Transport::Up && self.phase == Phase::Attached;
        match (up, self.told_up) {
            (true, None | Some(false)) => self.out(Output::Report(MediaEvent::Connected)),
            (false, Some(true)) => self.out(Output::Report(MediaEvent::Interrupted)),
            _ => return,
        }
        self.told_up = Some(up);
    }
}

#[cfg(test)]
#[path = "signalling_tests.rs"]
mod tests;
