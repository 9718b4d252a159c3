//! What the service says: joining, admission, who is there, who waits (`B5`).

use super::{Around, Call, JoinState, Media, Phase, RETRY};
use crate::api::changes::{CallChange, Change, ParticipantInfo};
use crate::meeting::input::Action;
use crate::meeting::requests::Purpose;
use crate::meeting::roster::role_name;
use crate::meeting::Refused;
use plenary_protocol::agent::{
    CallSnapshot, CallState, Event, Join, LobbyEntry, MediaOffer, Request, Role, TrackSource,
};
use plenary_protocol::end::Reason;
use plenary_protocol::id::RawId;

impl Call {
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
        self.tell_own(around);
        self.tell_trouble(around);
    }

    /// The socket dropped.
    pub fn link_down(&mut self, around: &mut Around) {
        self.tell_trouble(around);
    }

    /// What the others see of the user, as far as the service does not know it. Nothing depends on the answer.
    pub(super) fn tell_own(&mut self, around: &mut Around) {
        if self.join != JoinState::Joined || !around.up {
            return;
        }
        let call = self.id.clone();
        if self.muted_told != Some(self.muted) {
            self.muted_told = Some(self.muted);
            let muted = self.muted;
            around.ask(
                Purpose::Muted(call.clone()),
                Request::SetMuted {
                    call: call.clone(),
                    muted,
                },
            );
        }
        if self.hold_told != Some(self.on_hold) {
            self.hold_told = Some(self.on_hold);
            let act = if self.on_hold { "hold" } else { "resume" };
            around.ask(
                Purpose::Held(call.clone()),
                Request::Act {
                    call,
                    act: act.to_owned(),
                    participant: None,
                },
            );
        }
    }

    /// The socket dropped before the service answered: it may not know.
    pub fn muted_unknown(&mut self) {
        self.muted_told = None;
    }

    /// The same, of holding.
    pub fn hold_unknown(&mut self) {
        self.hold_told = None;
    }

    pub(super) fn ask_to_join(&mut self, around: &mut Around) {
        if self.join != JoinState::Due || !around.up {
            return;
        }
        let offer = match &self.media {
            // On hold there is no media.
            Media::Gone if self.is_held() => None,
            Media::Offering { .. } | Media::Gone => return,
            Media::Offered { offer, .. } => Some(self.announced(offer)),
            Media::Live { .. } => None,
        };
        self.join = JoinState::Asked;
        self.muted_told = Some(self.muted);
        // A join tells of muting alone, and a service that was restarted has forgotten who held.
        if self.hold_told == Some(true) {
            self.hold_told = None;
        }
        let join = Join {
            call: self.id.clone(),
            locator: self.locator.clone(),
            muted: self.muted,
            offer,
        };
        around.ask(
            Purpose::Join(self.id.clone(), self.sessions),
            Request::Join(Box::new(join)),
        );
    }

    /// The offer with what is true now: it may have been made before the user chose.
    pub(super) fn announced(&self, offer: &MediaOffer) -> MediaOffer {
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

    /// Whether the answer to a join that was asked with this media session is the one waited for.
    pub fn answered(&mut self, session: u32) -> bool {
        let current = session == self.sessions;
        if current {
            self.join = JoinState::Joined;
        }
        current
    }

    /// The service's answer to the join that was asked with this media session. Another one may have
    /// begun since, which asks again: the answer knows nothing of its offer.
    pub fn joined(
        &mut self,
        session: u32,
        answer: Result<CallSnapshot, Refused>,
        around: &mut Around,
    ) {
        match answer {
            Ok(mut snapshot) => {
                let current = self.answered(session);
                if !current {
                    snapshot.media = None;
                }
                self.apply_whole(snapshot, current, around);
            }
            // Whoever was in comes back when the service can again; newcomers are told.
            Err(error)
                if error.code >= 500
                    && error.sub_code == Reason::SERVICE_ERROR.sub_code
                    && self.was_in() =>
            {
                if session == self.sessions {
                    self.join = JoinState::Later(around.at.now + RETRY);
                }
            }
            Err(error) => {
                self.join = JoinState::Due;
                self.end(error, around);
            }
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
            Event::Admitted(snapshot) => self.apply_whole(*snapshot, false, around),
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
            Event::Breakout { view, .. } => self.tell_rooms(Some(view), around),
            // The agent's, and the facade's.
            Event::Moved { .. }
            | Event::Chat(_)
            | Event::Announcement { .. }
            | Event::State { .. }
            | Event::Reaction { .. }
            | Event::Muted { .. } => {}
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

    fn apply_whole(&mut self, mut snapshot: CallSnapshot, rejoined: bool, around: &mut Around) {
        let rooms = snapshot.breakout.take();
        self.apply(snapshot, rejoined, around);
        self.tell_rooms(rooms, around);
    }

    /// All but what is known of the breakout rooms.
    pub(super) fn apply(&mut self, snapshot: CallSnapshot, rejoined: bool, around: &mut Around) {
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
            CallState::Held => self.hold(around),
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
        if inside && matches!(self.media, Media::Gone) {
            // It was on hold, and its owner came back while nobody could say so.
            self.start_media(around);
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
        self.tell_own(around);
    }

    pub(super) fn wait_in_lobby(&mut self, around: &mut Around) {
        match self.phase {
            Phase::InLobby => return,
            // Back to the lobby (the admission is gone): a session whose gate is open must not go on.
            Phase::Connected => {
                self.on_hold = false;
                self.hold_media(false, around);
                self.start_media(around);
            }
            _ => {}
        }
        self.phase = Phase::InLobby;
        around.emit(Change::Call(CallChange {
            state: Some("InLobby"),
            ..self.nothing()
        }));
    }

    pub(super) fn lobby_changed(
        &mut self,
        waiting: Vec<LobbyEntry>,
        gone: Vec<RawId>,
        around: &mut Around,
    ) {
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
}

/// `B5`: members who organise or present.
fn may_admit(own: &RawId, role: Role) -> bool {
    own.as_str().starts_with("8:orgid:") && role != Role::Attendee
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

#[cfg(test)]
mod tests {
    use super::*;
    use plenary_protocol::matrix::{ask, Asker, CallKind, Client, Facts, Identity, Operation};

    /// The table itself would be too large for the wasm.
    #[test]
    fn b5_who_may_admit_is_as_in_the_support_matrix() {
        for (id, member) in [("8:orgid:o", true), ("8:acs:r_u", false)] {
            for role in [
                Role::Organizer,
                Role::CoOrganizer,
                Role::Presenter,
                Role::Attendee,
            ] {
                let asker = Asker {
                    identity: Identity::of(member, role),
                    call: CallKind::Meeting,
                    client: Client::Web,
                    facts: Facts::DEFAULT,
                };
                let expected = ask(Operation::ManageLobby, asker).is_ok();
                assert_eq!(may_admit(&id.into(), role), expected, "{id} {role:?}");
            }
        }
    }
}
