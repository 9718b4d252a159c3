//! One call: from `join` to its end.
//!
//! `None → Connecting → InLobby → Connected → Disconnecting → Disconnected`. The service decides who
//! is where (`B5`); this mirrors it, keeps media and roster in step with it and opens the gate for
//! microphone and camera on admission, never before.

use super::input::{Action, At, Command, MicrophoneUse, NewCall, Outcome, Ticket};
use super::requests::{Purpose, Requests};
use super::roster::{role_name, Roster, StreamIds};
use super::screen::Screen;
use super::{reasons, Refused};
use crate::api::changes::{CallChange, Change, DiagnosticValue, ParticipantInfo};
use crate::media::interface::MediaEvent;
use plenary_protocol::agent::{
    CallSnapshot, CallState, Event, Join, LobbyEntry, Locator, MediaGrant, MediaOffer, Request,
    Role, TrackSource,
};
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, RawId};

/// Somebody who never got in gives up; whoever was in never does.
const JOIN_LIMIT: f64 = 60_000.0;
/// Leaving is told to the service, but nobody waits long for its answer.
const LEAVE_LIMIT: f64 = 2_000.0;
/// Before asking again for what the service failed to give.
const RETRY: f64 = 5_000.0;
/// `DiagnosticQuality`.
const GOOD: u8 = 1;
const BAD: u8 = 3;

/// One call of an agent.
#[derive(Debug)]
pub struct Call {
    pub id: CallId,
    locator: Locator,
    phase: Phase,
    join: JoinState,
    media: Media,
    sessions: u32,
    muted: bool,
    /// What the service knows.
    muted_told: bool,
    camera: bool,
    pub(super) screen: Screen,
    microphone: Microphone,
    role: Option<Role>,
    own: RawId,
    pub roster: Roster,
    lobby: Vec<LobbyEntry>,
    may_admit: bool,
    /// `networkReconnect` as told last.
    troubled: bool,
}

#[derive(Debug, PartialEq)]
enum Phase {
    Connecting {
        until: f64,
    },
    InLobby,
    Connected,
    Disconnecting {
        until: f64,
        end: Refused,
        tickets: Vec<Ticket>,
    },
    Disconnected,
}

/// Whether the service knows of this call on this session.
#[derive(Debug, Clone, Copy, PartialEq)]
enum JoinState {
    Due,
    /// The service failed; again at this time.
    Later(f64),
    Asked,
    Joined,
}

#[derive(Debug)]
enum Media {
    /// Ended.
    Gone,
    /// Session and offer are being made.
    Offering { session: u32 },
    /// The offer waits for its answer; kept, so that it can be sent again.
    Offered {
        session: u32,
        offer: Box<MediaOffer>,
    },
    /// A grant was applied.
    Live {
        session: u32,
        refresh_at: f64,
        up: bool,
        was_up: bool,
    },
}

#[derive(Debug)]
struct Microphone {
    use_: MicrophoneUse,
    /// Promises of `unmute` that wait for it.
    tickets: Vec<Ticket>,
}

/// What a call needs of its agent for one input.
pub struct Around<'a> {
    pub at: At,
    /// The socket is up and welcomed.
    pub up: bool,
    pub requests: &'a mut Requests,
    pub out: &'a mut Vec<Action>,
}

impl Around<'_> {
    fn ask(&mut self, purpose: Purpose, request: Request) {
        self.requests
            .ask(purpose, request, self.up, self.at, self.out);
    }

    pub(super) fn settle(&mut self, ticket: Ticket, result: Result<Outcome, Refused>) {
        self.out.push(Action::Settle(ticket, result));
    }

    pub(super) fn emit(&mut self, change: Change) {
        self.out.push(Action::Emit(change));
    }

    fn emit_all(&mut self, change: impl FnOnce(&mut Vec<Change>)) {
        let mut changes = Vec::new();
        change(&mut changes);
        self.out.extend(changes.into_iter().map(Action::Emit));
    }
}

impl Call {
    /// Starts joining: the media offer at once, the microphone when it is wanted.
    pub fn start(new: NewCall, own: RawId, ids: StreamIds, around: &mut Around) -> Self {
        let mut call = Self {
            roster: Roster::new(new.call.clone(), own.clone(), ids),
            id: new.call,
            locator: new.locator,
            phase: Phase::Connecting {
                until: around.at.now + JOIN_LIMIT,
            },
            join: JoinState::Due,
            media: Media::Gone,
            sessions: 0,
            muted: new.muted,
            muted_told: new.muted,
            camera: new.camera,
            screen: Screen::Off,
            microphone: Microphone {
                use_: new.microphone,
                tickets: vec![],
            },
            role: None,
            own,
            lobby: vec![],
            may_admit: false,
            troubled: false,
        };
        around.emit(Change::Call(CallChange {
            state: Some("Connecting"),
            muted: Some(call.muted),
            ..call.nothing()
        }));
        call.start_media(around);
        if !call.muted && call.microphone.use_ == MicrophoneUse::Closed {
            call.open_microphone(around);
        }
        call
    }

    /// Nothing is left to be done.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Disconnected
    }

    /// Carries out what the user asks.
    pub fn command(&mut self, command: Command, ticket: Ticket, around: &mut Around) {
        let call = self.id.clone();
        if matches!(self.phase, Phase::Disconnecting { .. })
            && !matches!(command, Command::HangUp { .. })
        {
            return around.settle(ticket, Err(Reason::NO_SUCH_CALL.into()));
        }
        match command {
            Command::HangUp { for_everyone: true } if self.is_in() => {
                around.ask(
                    Purpose::EndForEveryone(call.clone(), ticket),
                    Request::EndForEveryone { call },
                );
            }
            Command::HangUp { .. } => self.hang_up(Some(ticket), around),
            Command::Mute => {
                self.set_muted(true, around);
                around.settle(ticket, Ok(Outcome::Done));
            }
            Command::Unmute => self.unmute(ticket, around),
            Command::Microphone => {
                self.microphone.use_ = MicrophoneUse::Open;
                around.settle(ticket, Ok(Outcome::Done));
            }
            Command::Video(on) => {
                self.camera = on;
                around.out.push(Action::Video { call, on });
                around.settle(ticket, Ok(Outcome::Done));
            }
            Command::Screen(true) => self.share_screen(ticket, around),
            Command::Screen(false) => {
                self.end_screen(reasons::SCREEN_ENDED, around);
                around.settle(ticket, Ok(Outcome::Done));
            }
            Command::Admit(participant) => around.ask(
                Purpose::Command(ticket),
                Request::Admit { call, participant },
            ),
            Command::Reject(participant) => around.ask(
                Purpose::Command(ticket),
                Request::Reject { call, participant },
            ),
            Command::Remove(participant) => around.ask(
                Purpose::Command(ticket),
                Request::Remove { call, participant },
            ),
            Command::AdmitAll => around.ask(Purpose::Command(ticket), Request::AdmitAll { call }),
        }
    }

    /// Leaves. Nothing is sent any more from here on; the service is told and given a moment.
    pub fn hang_up(&mut self, ticket: Option<Ticket>, around: &mut Around) {
        if let Phase::Disconnecting { tickets, .. } = &mut self.phase {
            tickets.extend(ticket);
            return;
        }
        let known = matches!(self.join, JoinState::Asked | JoinState::Joined);
        self.stop_media(around);
        around.emit(Change::Call(CallChange {
            state: Some("Disconnecting"),
            ..self.nothing()
        }));
        if known {
            let call = self.id.clone();
            around.ask(Purpose::Leave(call.clone()), Request::Leave { call });
        }
        let (end, tickets) = (Reason::HUNG_UP.into(), ticket.into_iter().collect());
        self.phase = Phase::Disconnecting {
            until: around.at.now + LEAVE_LIMIT,
            end,
            tickets,
        };
        if !known || !around.up {
            self.finish(around);
        }
    }

    /// The service knows that the user left, or has no answer to give.
    pub fn left(&mut self, around: &mut Around) {
        if matches!(self.phase, Phase::Disconnecting { .. }) {
            self.finish(around);
        }
    }

    /// The meeting is being ended for everybody: the event is on its way.
    pub fn ending_for_everyone(
        &mut self,
        ticket: Ticket,
        result: Result<(), Refused>,
        around: &mut Around,
    ) {
        if let Err(refused) = result {
            return around.settle(ticket, Err(refused));
        }
        match &mut self.phase {
            Phase::Disconnecting { tickets, .. } => tickets.push(ticket),
            _ => {
                self.stop_media(around);
                around.emit(Change::Call(CallChange {
                    state: Some("Disconnecting"),
                    ..self.nothing()
                }));
                let end = Reason::ENDED_FOR_EVERYONE.into();
                self.phase = Phase::Disconnecting {
                    until: around.at.now + LEAVE_LIMIT,
                    end,
                    tickets: vec![ticket],
                };
            }
        }
    }

    /// Ends, for whatever reason.
    pub fn end(&mut self, why: Refused, around: &mut Around) {
        self.stop_media(around);
        match &mut self.phase {
            Phase::Disconnected => return,
            // The user's own hang-up keeps its reason, also when the service was faster.
            Phase::Disconnecting { .. } => {}
            _ => {
                self.phase = Phase::Disconnecting {
                    until: around.at.now,
                    end: why,
                    tickets: vec![],
                }
            }
        }
        self.finish(around);
    }

    fn finish(&mut self, around: &mut Around) {
        let Phase::Disconnecting { end, tickets, .. } =
            std::mem::replace(&mut self.phase, Phase::Disconnected)
        else {
            return;
        };
        around.emit(Change::Call(CallChange {
            state: Some("Disconnected"),
            end: Some(end.into()),
            ..self.nothing()
        }));
        for ticket in tickets {
            around.settle(ticket, Ok(Outcome::Done));
        }
    }

    // ----- the service -----

    /// The socket is up. A resumed session knows the call, a new one is told about it again.
    pub fn link_up(&mut self, resumed: bool, around: &mut Around) {
        if matches!(
            self.phase,
            Phase::Disconnecting { .. } | Phase::Disconnected
        ) {
            return;
        }
        if !resumed || matches!(self.join, JoinState::Asked | JoinState::Later(_)) {
            self.join = JoinState::Due;
        }
        self.ask_to_join(around);
        self.tell_muted(around);
        self.tell_trouble(around);
    }

    /// The socket dropped.
    pub fn link_down(&mut self, around: &mut Around) {
        self.tell_trouble(around);
    }

    fn ask_to_join(&mut self, around: &mut Around) {
        if self.join != JoinState::Due || !around.up {
            return;
        }
        let offer = match &self.media {
            Media::Offering { .. } | Media::Gone => return,
            Media::Offered { offer, .. } => Some(self.announced(offer)),
            Media::Live { .. } => None,
        };
        self.join = JoinState::Asked;
        self.muted_told = self.muted;
        let join = Join {
            call: self.id.clone(),
            locator: self.locator.clone(),
            muted: self.muted,
            offer,
        };
        around.ask(
            Purpose::Join(self.id.clone()),
            Request::Join(Box::new(join)),
        );
    }

    /// The offer with what is true now: it may have been made before the user chose.
    fn announced(&self, offer: &MediaOffer) -> MediaOffer {
        let mut offer = offer.clone();
        for track in &mut offer.tracks {
            match track.source {
                TrackSource::Microphone => track.muted = self.muted,
                TrackSource::Camera => track.muted = !self.camera,
                TrackSource::ScreenShare | TrackSource::ScreenShareAudio => {}
            }
        }
        offer
    }

    /// The service's answer to the join.
    pub fn joined(&mut self, answer: Result<CallSnapshot, Refused>, around: &mut Around) {
        match answer {
            Ok(snapshot) => {
                self.join = JoinState::Joined;
                self.apply(snapshot, true, around);
            }
            // Whoever was in comes back when the service can again; newcomers are told.
            Err(error)
                if error.code >= 500
                    && error.sub_code == Reason::SERVICE_ERROR.sub_code
                    && self.was_in() =>
            {
                self.join = JoinState::Later(around.at.now + RETRY);
            }
            Err(error) => self.end(error, around),
        }
    }

    /// Something happened in the meeting.
    pub fn event(&mut self, event: Event, around: &mut Around) {
        match event {
            Event::Ended { reason, .. } => self.end(reason.into(), around),
            _ if matches!(
                self.phase,
                Phase::Disconnecting { .. } | Phase::Disconnected
            ) => {}
            Event::Admitted(snapshot) => self.apply(*snapshot, false, around),
            Event::Roster {
                joined,
                updated,
                left,
                ..
            } => {
                let changed = joined.into_iter().chain(updated).collect();
                let left = left.into_iter().map(|id| id.0).collect();
                around.emit_all(|out| self.roster.update(changed, left, out));
            }
            Event::Lobby { waiting, gone, .. } => self.lobby_changed(waiting, gone, around),
            Event::Role { role, .. } => {
                self.role = Some(role);
                self.may_admit = may_admit(&self.own, role);
                let (role, may_admit) = (Some(role_name(role)), Some(self.may_admit));
                around.emit(Change::Call(CallChange {
                    role,
                    may_admit,
                    ..self.nothing()
                }));
                if !self.may_admit {
                    let gone = self.lobby.iter().map(|e| e.id.clone()).collect();
                    self.lobby_changed(vec![], gone, around);
                }
            }
        }
    }

    fn apply(&mut self, snapshot: CallSnapshot, rejoined: bool, around: &mut Around) {
        if matches!(
            self.phase,
            Phase::Disconnecting { .. } | Phase::Disconnected
        ) {
            return;
        }
        let CallSnapshot {
            server_call_id,
            endpoint,
            state,
            role,
            thread_id,
            roster,
            lobby,
            media,
            ..
        } = snapshot;
        self.role = Some(role);
        self.may_admit = lobby.is_some();
        around.emit(Change::Call(CallChange {
            role: Some(role_name(role)),
            thread_id,
            participant_id: Some(endpoint.0),
            server_call_id: Some(server_call_id),
            may_admit: Some(self.may_admit),
            ..self.nothing()
        }));
        match state {
            CallState::Lobby => self.wait_in_lobby(around),
            CallState::Connected if self.phase != Phase::Connected => {
                self.phase = Phase::Connected;
                around.emit(Change::Call(CallChange {
                    state: Some("Connected"),
                    ..self.nothing()
                }));
            }
            CallState::Connected => {}
        }
        let inside = self.phase == Phase::Connected;
        // Before the engine is told of the tracks: it hears of them as they are, muted or not.
        let first = inside && media.is_some() && matches!(self.media, Media::Offered { .. });
        if first {
            around.out.push(Action::OpenGate(self.id.clone()));
        }
        if let Some(grant) = media {
            self.granted(grant, rejoined, around);
        }
        if inside && !first && matches!(self.media, Media::Live { .. }) {
            around.out.push(Action::OpenGate(self.id.clone()));
        }
        around.emit_all(|out| self.roster.replace(roster, out));
        let lobby = lobby.unwrap_or_default();
        let gone = self
            .lobby
            .iter()
            .map(|e| e.id.clone())
            .filter(|id| !lobby.iter().any(|e| e.id == *id))
            .collect();
        self.lobby_changed(lobby, gone, around);
        self.tell_muted(around);
    }

    fn wait_in_lobby(&mut self, around: &mut Around) {
        match self.phase {
            Phase::InLobby => return,
            // Back to the lobby (the admission is gone): a session whose gate is open must not go on.
            Phase::Connected => self.start_media(around),
            _ => {}
        }
        self.phase = Phase::InLobby;
        around.emit(Change::Call(CallChange {
            state: Some("InLobby"),
            ..self.nothing()
        }));
    }

    fn lobby_changed(&mut self, waiting: Vec<LobbyEntry>, gone: Vec<RawId>, around: &mut Around) {
        let before = self.lobby.len();
        self.lobby.retain(|entry| !gone.contains(&entry.id));
        let removed: Vec<String> = if self.lobby.len() == before {
            vec![]
        } else {
            gone.into_iter().map(|id| id.0).collect()
        };
        let mut added = Vec::new();
        for entry in waiting {
            if !self.lobby.iter().any(|known| known.id == entry.id) {
                added.push(waiting_info(&entry));
                self.lobby.push(entry);
            }
        }
        if !(added.is_empty() && removed.is_empty()) {
            around.emit(Change::Lobby {
                call: self.id.0.clone(),
                added,
                removed,
            });
        }
    }

    // ----- media -----

    /// The media offer is made, or cannot be.
    pub fn offered(
        &mut self,
        session: u32,
        offer: Result<MediaOffer, Refused>,
        around: &mut Around,
    ) {
        if !matches!(self.media, Media::Offering { session: wanted } if wanted == session) {
            return;
        }
        match offer {
            Ok(offer) => {
                self.media = Media::Offered {
                    session,
                    offer: Box::new(offer),
                };
                self.ask_to_join(around);
            }
            Err(refused) => self.end(refused, around),
        }
    }

    /// A media session reports.
    pub fn media(&mut self, session: u32, event: MediaEvent, around: &mut Around) {
        let current = match &self.media {
            Media::Gone => return,
            Media::Offering { session }
            | Media::Offered { session, .. }
            | Media::Live { session, .. } => *session,
        };
        if session != current {
            return;
        }
        match event {
            MediaEvent::Connected => self.media_up(true, around),
            MediaEvent::Interrupted => self.media_up(false, around),
            MediaEvent::SessionLost => {
                let Media::Live { was_up, .. } = self.media else {
                    return;
                };
                self.start_media(around);
                if !was_up {
                    self.join = JoinState::Later(around.at.now + RETRY);
                }
            }
            MediaEvent::TrackPublished {
                endpoint,
                track,
                source,
                muted,
            } => {
                around.emit_all(|out| self.roster.publish(endpoint, track, source, muted, out));
            }
            MediaEvent::TrackUnpublished { track, .. } => {
                around.emit_all(|out| self.roster.unpublish(&track, out))
            }
            MediaEvent::TrackAssigned { track, arrives } => {
                around.emit_all(|out| self.roster.assign(&track, arrives, out))
            }
            MediaEvent::Frames {
                track,
                width,
                height,
            } => {
                around.emit_all(|out| self.roster.frames(&track, width, height, out));
            }
            MediaEvent::Speaking(endpoints) => {
                around.emit_all(|out| self.roster.speak(endpoints, out))
            }
            MediaEvent::PlaybackBlocked(blocked) => {
                self.diagnose(
                    "audioPlaybackBlocked",
                    DiagnosticValue::Flag(blocked),
                    around,
                );
            }
            MediaEvent::LocalTrackEnded(TrackSource::Microphone) => {
                self.microphone.use_ = MicrophoneUse::Closed;
                self.diagnose(
                    "microphoneMuteUnexpectedly",
                    DiagnosticValue::Quality(BAD),
                    around,
                );
                self.set_muted(true, around);
            }
            MediaEvent::LocalTrackEnded(TrackSource::Camera) => {
                self.camera = false;
                around.out.push(Action::Video {
                    call: self.id.clone(),
                    on: false,
                });
                self.diagnose(
                    "cameraStoppedUnexpectedly",
                    DiagnosticValue::Quality(BAD),
                    around,
                );
            }
            // The browser's own bar, or the shared window was closed.
            MediaEvent::LocalTrackEnded(TrackSource::ScreenShare) => {
                self.end_screen(reasons::SCREEN_ENDED, around)
            }
            // A tab can go on without its sound.
            MediaEvent::LocalTrackEnded(TrackSource::ScreenShareAudio) => {}
            MediaEvent::ScreenTaken(taken) => self.screen_taken(taken, around),
            MediaEvent::TrackPaused { track, paused } => {
                around.emit_all(|out| self.roster.pause(&track, paused, out))
            }
        }
    }

    /// A new session and offer; the old session, if any, goes and its tracks with it.
    fn start_media(&mut self, around: &mut Around) {
        around.emit_all(|out| self.roster.unpublish_all(out));
        self.sessions += 1;
        self.media = Media::Offering {
            session: self.sessions,
        };
        self.join = JoinState::Due;
        around.out.push(Action::StartMedia {
            call: self.id.clone(),
            session: self.sessions,
            muted: self.muted,
        });
        self.tell_trouble(around);
    }

    fn stop_media(&mut self, around: &mut Around) {
        for ticket in self.microphone.tickets.drain(..) {
            around
                .out
                .push(Action::Settle(ticket, Err(Reason::NO_SUCH_CALL.into())));
        }
        self.end_screen(Reason::NO_SUCH_CALL, around);
        if !matches!(self.media, Media::Gone) {
            self.media = Media::Gone;
            around.out.push(Action::StopMedia(self.id.clone()));
        }
    }

    fn granted(&mut self, grant: MediaGrant, rejoined: bool, around: &mut Around) {
        let refresh_at = refresh_at(grant.expires_at, around.at);
        match &mut self.media {
            Media::Offered { session, .. } => {
                self.media = Media::Live {
                    session: *session,
                    refresh_at,
                    up: false,
                    was_up: false,
                };
                around.out.push(Action::ConnectMedia {
                    call: self.id.clone(),
                    grant: Box::new(grant),
                });
            }
            // The engine lost the participant with everything else: no need to wait until the session
            // finds out.
            Media::Live { .. }
                if rejoined && grant.answer.is_none() && grant.participant_sid.is_none() =>
            {
                self.start_media(around);
                self.ask_to_join(around);
            }
            Media::Live {
                refresh_at: refresh,
                ..
            } => {
                *refresh = refresh_at;
                let MediaGrant {
                    token, expires_at, ..
                } = grant;
                around.out.push(Action::MediaToken {
                    call: self.id.clone(),
                    token,
                    expires_at,
                });
            }
            Media::Offering { .. } | Media::Gone => {}
        }
    }

    /// The answer to a request for a media token.
    pub fn media_token(&mut self, grant: Option<MediaGrant>, around: &mut Around) {
        match (grant, &mut self.media) {
            (Some(grant), Media::Live { .. }) => self.granted(grant, false, around),
            (None, Media::Live { refresh_at, .. }) => *refresh_at = around.at.now + RETRY,
            _ => {}
        }
    }

    fn media_up(&mut self, now_up: bool, around: &mut Around) {
        if let Media::Live { up, was_up, .. } = &mut self.media {
            *up = now_up;
            *was_up |= now_up;
        }
        if now_up || self.is_in() {
            self.tell_trouble(around);
        }
    }

    // ----- microphone -----

    /// The microphone is open, or cannot be opened: then the call goes on muted.
    pub fn microphone(&mut self, opened: Result<(), Refused>, around: &mut Around) {
        if self.microphone.use_ != MicrophoneUse::Opening {
            return;
        }
        let tickets = std::mem::take(&mut self.microphone.tickets);
        match opened {
            Ok(()) => {
                self.microphone.use_ = MicrophoneUse::Open;
                if !tickets.is_empty() {
                    self.set_muted(false, around);
                }
                for ticket in tickets {
                    around.settle(ticket, Ok(Outcome::Done));
                }
            }
            Err(refused) => {
                self.microphone.use_ = MicrophoneUse::Closed;
                let denied = refused.sub_code == reasons::DEVICE_DENIED.sub_code;
                if denied {
                    self.diagnose(
                        "microphonePermissionDenied",
                        DiagnosticValue::Flag(true),
                        around,
                    );
                } else {
                    self.diagnose(
                        "microphoneNotFunctioning",
                        DiagnosticValue::Quality(BAD),
                        around,
                    );
                }
                self.set_muted(true, around);
                for ticket in tickets {
                    around.settle(ticket, Err(refused.clone()));
                }
            }
        }
    }

    fn open_microphone(&mut self, around: &mut Around) {
        self.microphone.use_ = MicrophoneUse::Opening;
        around.out.push(Action::OpenMicrophone(self.id.clone()));
    }

    fn unmute(&mut self, ticket: Ticket, around: &mut Around) {
        match self.microphone.use_ {
            MicrophoneUse::Open => {
                self.set_muted(false, around);
                around.settle(ticket, Ok(Outcome::Done));
            }
            MicrophoneUse::Opening => self.microphone.tickets.push(ticket),
            MicrophoneUse::Closed => {
                self.microphone.tickets.push(ticket);
                self.open_microphone(around);
            }
        }
    }

    fn set_muted(&mut self, muted: bool, around: &mut Around) {
        if self.muted == muted {
            return;
        }
        self.muted = muted;
        around.out.push(Action::Muted {
            call: self.id.clone(),
            muted,
        });
        around.emit(Change::Call(CallChange {
            muted: Some(muted),
            ..self.nothing()
        }));
        self.tell_muted(around);
    }

    fn tell_muted(&mut self, around: &mut Around) {
        if self.muted_told != self.muted && self.join == JoinState::Joined && around.up {
            self.muted_told = self.muted;
            let (call, muted) = (self.id.clone(), self.muted);
            around.ask(
                Purpose::Muted(call.clone()),
                Request::SetMuted { call, muted },
            );
        }
    }

    /// The socket dropped before the service answered: it may not know.
    pub fn muted_unknown(&mut self) {
        self.muted_told = !self.muted;
    }

    // ----- time -----

    /// Does what is due.
    pub fn tick(&mut self, around: &mut Around) {
        match self.phase {
            Phase::Connecting { until } if until <= around.at.now => {
                if self.join != JoinState::Due {
                    let call = self.id.clone();
                    around.ask(Purpose::Silent, Request::Leave { call });
                }
                let why = if around.up {
                    reasons::CALL_TIMEOUT
                } else {
                    Reason::NO_NETWORK
                };
                self.end(why.into(), around);
            }
            Phase::Disconnecting { until, .. } if until <= around.at.now => self.finish(around),
            _ => {}
        }
        if matches!(self.join, JoinState::Later(when) if when <= around.at.now) {
            self.join = JoinState::Due;
            self.ask_to_join(around);
        }
        match &mut self.media {
            Media::Live { refresh_at, .. } if *refresh_at <= around.at.now => {
                *refresh_at = around.at.now + RETRY;
                if around.up {
                    let call = self.id.clone();
                    around.ask(
                        Purpose::MediaToken(call.clone()),
                        Request::MediaToken { call },
                    );
                }
            }
            _ => {}
        }
    }

    /// When [`Call::tick`] has something to do.
    pub fn deadline(&self) -> Option<f64> {
        let phase = match self.phase {
            Phase::Connecting { until } | Phase::Disconnecting { until, .. } => Some(until),
            _ => None,
        };
        let join = if let JoinState::Later(when) = self.join {
            Some(when)
        } else {
            None
        };
        let media = if let Media::Live { refresh_at, .. } = self.media {
            Some(refresh_at)
        } else {
            None
        };
        [phase, join, media].into_iter().flatten().reduce(f64::min)
    }

    // ----- what is told -----

    fn tell_trouble(&mut self, around: &mut Around) {
        if !self.was_in() {
            return;
        }
        let media_up = matches!(self.media, Media::Live { up: true, .. });
        let troubled = !around.up || (self.is_in() && !media_up);
        if troubled != self.troubled {
            self.troubled = troubled;
            let quality = DiagnosticValue::Quality(if troubled { BAD } else { GOOD });
            let (diagnostic, area) = ("networkReconnect", "network");
            around.emit(Change::Diagnostic {
                call: self.id.0.clone(),
                area,
                diagnostic,
                value: quality,
            });
        }
    }

    /// The browser says that there is no network, or that there is one again.
    pub fn network(&self, there: bool, around: &mut Around) {
        let value = DiagnosticValue::Flag(!there);
        around.emit(Change::Diagnostic {
            call: self.id.0.clone(),
            area: "network",
            diagnostic: "noNetwork",
            value,
        });
    }

    fn diagnose(&self, diagnostic: &'static str, value: DiagnosticValue, around: &mut Around) {
        around.emit(Change::Diagnostic {
            call: self.id.0.clone(),
            area: "media",
            diagnostic,
            value,
        });
    }

    pub(super) fn is_in(&self) -> bool {
        self.phase == Phase::Connected
    }

    fn was_in(&self) -> bool {
        matches!(self.phase, Phase::Connected | Phase::InLobby)
    }

    /// A change of this call in which nothing changed.
    pub(super) fn nothing(&self) -> CallChange {
        CallChange {
            call: self.id.0.clone(),
            ..CallChange::default()
        }
    }
}

/// `B5`: members who organise or present.
fn may_admit(own: &RawId, role: Role) -> bool {
    own.as_str().starts_with("8:orgid:") && role != Role::Attendee
}

/// With a fifth of its time left, so that a retry or two fit in.
fn refresh_at(expires_at: f64, at: At) -> f64 {
    at.now + ((expires_at - at.now) * 0.8).max(RETRY)
}

fn waiting_info(entry: &LobbyEntry) -> ParticipantInfo {
    ParticipantInfo {
        id: entry.id.0.clone(),
        display_name: entry.display_name.clone(),
        role: "Unknown",
        state: "InLobby",
        muted: true,
        endpoints: vec![],
    }
}
