//! One call: from `join` to its end.
//!
//! `None → Connecting → InLobby → Connected → Disconnecting → Disconnected`. The service decides who
//! is where (`B5`); this mirrors it, keeps media and roster in step with it and opens the gate for
//! microphone and camera on admission, never before.

mod holding;
mod media;
mod microphone;
mod moving;
mod service;
mod time;

use super::input::{Action, At, Command, MicrophoneUse, NewCall, Outcome, Ticket};
use super::requests::{Purpose, Requests};
use super::roster::{Roster, StreamIds};
use super::screen::Screen;
use super::{reasons, Refused};
use crate::api::changes::{CallChange, Change, DiagnosticValue};
use plenary_protocol::agent::{LobbyEntry, Locator, MediaGrant, MediaOffer, Request, Role};
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
    /// What the service knows, as far as anybody does.
    muted_told: Option<bool>,
    /// The user put it on hold: all goes on but the media.
    on_hold: bool,
    /// The same.
    hold_told: Option<bool>,
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
    /// The application knows of breakout rooms.
    rooms_told: bool,
    /// The media of the room of before goes on beside the new one.
    hands_over: Option<HandsOver>,
    /// The engine moves nobody: the next room takes another session.
    apart: bool,
    /// When that session is made, so that it is there before it is needed.
    prepares_at: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
struct HandsOver {
    /// At the latest.
    until: f64,
    /// Somebody of the new room has a section.
    arrives: bool,
}

#[derive(Debug, PartialEq)]
enum Phase {
    Connecting {
        until: f64,
    },
    InLobby,
    Connected,
    /// In a breakout room with another call (`E9`).
    Held,
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
    /// Session and offer are being made; with a grant, there is nothing more to ask for.
    Offering {
        session: u32,
        grant: Option<Box<MediaGrant>>,
    },
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
    /// Promises that wait for it, or for another one instead of the open one.
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
        let phase = Phase::Connecting {
            until: around.at.now + JOIN_LIMIT,
        };
        let mut call = Self::new(new, own, ids, phase);
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

    /// The user hung up, and the service has not answered yet.
    pub fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Disconnecting { .. })
    }

    /// Without media, and unknown to the service.
    fn new(new: NewCall, own: RawId, ids: StreamIds, phase: Phase) -> Self {
        Self {
            roster: Roster::new(new.call.clone(), own.clone(), ids),
            id: new.call,
            locator: new.locator,
            phase,
            join: JoinState::Due,
            media: Media::Gone,
            sessions: 0,
            muted: new.muted,
            muted_told: Some(new.muted),
            on_hold: false,
            hold_told: Some(false),
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
            rooms_told: false,
            hands_over: None,
            apart: false,
            prepares_at: None,
        }
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
            // E9: the media is in the room, and with it what there is to say of it.
            Command::Mute | Command::Unmute | Command::Microphone(_) | Command::Video(true)
                if self.is_held() =>
            {
                around.settle(ticket, Err(reasons::NOT_CONNECTED.into()));
            }
            Command::Mute => {
                // Whoever waits to be unmuted is not any more, when it opens.
                self.answer_microphone(&Ok(()), around);
                self.set_muted(true, around);
                around.settle(ticket, Ok(Outcome::Done));
            }
            Command::Unmute => self.unmute(ticket, around),
            Command::Hold(on) => self.put_on_hold(on, ticket, around),
            Command::Microphone(given) => self.give_microphone(given, ticket, around),
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
            Command::JoinRoom(room) => around.ask(
                Purpose::Command(ticket),
                Request::JoinBreakoutRoom { call, room },
            ),
            Command::Return => around.ask(
                Purpose::Command(ticket),
                Request::ReturnToMainMeeting { call },
            ),
            Command::Act(act, about) => around.ask(
                Purpose::Command(ticket),
                Request::Act {
                    call,
                    act,
                    participant: (!about.is_empty()).then_some(RawId(about)),
                },
            ),
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
        if std::mem::replace(&mut self.join, JoinState::Due) == JoinState::Asked {
            // The service may let in who it has just sent away: the question was on its way.
            let call = self.id.clone();
            around.ask(Purpose::Silent, Request::Leave { call });
        }
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

    // ----- what is told -----

    fn tell_trouble(&mut self, around: &mut Around) {
        if !self.was_in() {
            return;
        }
        let media_up =
            self.hands_over.is_some() || matches!(self.media, Media::Live { up: true, .. });
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
        matches!(self.phase, Phase::Connected | Phase::InLobby | Phase::Held)
    }

    /// A change of this call in which nothing changed.
    pub(super) fn nothing(&self) -> CallChange {
        CallChange {
            call: self.id.0.clone(),
            ..CallChange::default()
        }
    }
}
