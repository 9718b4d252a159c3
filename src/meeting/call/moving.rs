//! From the main meeting to a breakout room, between rooms and back (`E8`-`E11`): one call goes on with
//! the media of another. Microphone, camera, screen and mute survive (UI library 5755).

use super::{Around, Call, HandsOver, JoinState, Media, Microphone, MicrophoneUse, Phase};
use crate::api::changes::{CallChange, Change};
use crate::meeting::input::{Action, NewCall};
use crate::meeting::roster::StreamIds;
use plenary_protocol::agent::CallSnapshot;
use plenary_protocol::breakout::BreakoutView;
use plenary_protocol::end::Reason;
use plenary_protocol::id::CallId;

/// The service lets a client be in its old room for five seconds.
const CONNECT_LIMIT: f64 = 4_500.0;
/// Once connected, others' sound is there within a few round trips, if there are others.
const SOUND_LIMIT: f64 = 1_000.0;
/// The first pictures of a room have the page for themselves.
const QUIET: f64 = 1_500.0;

impl Call {
    /// The call that goes on with this one's media, before it has it.
    pub fn follower(&self, id: &CallId, ids: StreamIds) -> Self {
        let new = NewCall {
            call: id.clone(),
            locator: self.locator.clone(),
            muted: self.muted,
            camera: false,
            microphone: MicrophoneUse::Closed,
        };
        Self {
            join: JoinState::Joined,
            rooms_told: self.rooms_told,
            ..Self::new(new, self.own.clone(), ids, Phase::Held)
        }
    }

    /// Gives everything to the call that goes on; this one ends, or is on hold.
    pub fn moves_to(
        &mut self,
        next: &mut Call,
        mut to: CallSnapshot,
        held: bool,
        around: &mut Around,
    ) {
        around.emit(Change::Moved {
            call: self.id.0.clone(),
            to: next.id.0.clone(),
            room: to.room.as_ref().map(|room| room.0.clone()),
            thread_id: to.thread_id.clone(),
        });
        self.give_media(next, &to, around);
        if self.muted != next.muted {
            next.muted = self.muted;
            around.emit(Change::Call(CallChange {
                muted: Some(next.muted),
                ..next.nothing()
            }));
        }
        // What the service knows of it may be older than what the user did last.
        let mut own = to.roster.iter().flat_map(|person| &person.endpoints);
        let own = own.find(|endpoint| endpoint.id == to.endpoint);
        next.muted_told = own.map(|endpoint| endpoint.muted);
        let rooms = to.breakout.take();
        next.apply(to, true, around);
        match held {
            true => self.hold(around),
            false => self.end(Reason::MOVED.into(), around),
        }
        // A room that is gone by now is readable until the return is done (UI library 6059).
        next.tell_rooms(rooms, around);
    }

    fn give_media(&mut self, next: &mut Call, to: &CallSnapshot, around: &mut Around) {
        next.join = self.join;
        next.sessions = self.sessions;
        next.camera = self.camera;
        next.screen = std::mem::take(&mut self.screen);
        let none = Microphone {
            use_: MicrophoneUse::Closed,
            tickets: vec![],
        };
        next.microphone = std::mem::replace(&mut self.microphone, none);
        next.media = std::mem::replace(&mut self.media, Media::Gone);
        next.hands_over = self.hands_over.take();
        self.prepares_at = None;
        around.out.push(Action::MoveMedia {
            from: self.id.clone(),
            to: next.id.clone(),
        });
        // Whoever is moved is there, and not on hold.
        self.hold_told = Some(false);
        if std::mem::take(&mut self.on_hold) {
            next.hold_media(false, around);
        }
        around.emit_all(|out| next.roster.put_tracks(self.roster.take_tracks(out)));
        if let Some(grant) = to.media.as_ref().filter(|media| !media.slots) {
            next.hands_over = Some(HandsOver {
                until: around.at.now + CONNECT_LIMIT,
                arrives: false,
            });
            next.start_session(Some(Box::new(grant.clone())), around);
        }
    }

    /// On hold in the main meeting.
    pub(super) fn hold(&mut self, around: &mut Around) {
        if self.phase != Phase::Held {
            self.phase = Phase::Held;
            around.emit(Change::Call(CallChange {
                state: Some("LocalHold"),
                ..self.nothing()
            }));
        }
    }

    /// Beside the old session the new one is connected: it takes over when somebody is heard in it, or
    /// nobody is there.
    pub(super) fn hand_over_soon(&mut self, around: &mut Around) {
        if let Some(hands_over) = &mut self.hands_over {
            hands_over.until = hands_over.until.min(around.at.now + SOUND_LIMIT);
            if hands_over.arrives || self.roster.is_empty() {
                self.take_over(around);
            }
        }
    }

    /// Somebody of the new room has a section, which carries nothing before the session is connected.
    pub(super) fn arrives_there(&mut self, around: &mut Around) {
        if let Some(hands_over) = &mut self.hands_over {
            hands_over.arrives = true;
            if matches!(self.media, Media::Live { up: true, .. }) {
                self.take_over(around);
            }
        }
    }

    pub(super) fn take_over(&mut self, around: &mut Around) {
        if self.hands_over.take().is_some() {
            around.out.push(Action::TakeOver(self.id.clone()));
            self.tell_trouble(around);
            self.prepare_soon(around);
        }
    }

    fn prepare_soon(&mut self, around: &Around) {
        if self.apart && self.rooms_told {
            self.prepares_at = Some(around.at.now + QUIET);
        }
    }

    pub(super) fn prepare_next(&mut self, around: &mut Around) {
        if self.prepares_at.is_some_and(|at| at <= around.at.now) {
            self.prepares_at = None;
            around.out.push(Action::PrepareMedia);
        }
    }

    pub fn is_held(&self) -> bool {
        self.phase == Phase::Held
    }

    pub(super) fn tell_rooms(&mut self, view: Option<BreakoutView>, around: &mut Around) {
        // What is on hold hears nothing of its own.
        if !self.is_held() && !self.is_leaving() && (self.rooms_told || view.is_some()) {
            self.rooms_told = view.is_some();
            self.prepare_soon(around);
            around.emit(Change::Breakout {
                call: self.id.0.clone(),
                view: view.unwrap_or_default(),
            });
        }
    }
}
