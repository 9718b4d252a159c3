//! What the engine says, and what becomes of it: who is there, where the client itself is.

use super::{lk, Output, Request, Response, Signalling, Wanted};

impl Signalling {
    pub(super) fn received(&mut self, message: Response, now: i64) {
        match message {
            Response::Join(join) => self.joined(join, now),
            Response::Reconnect(reconnect) => {
                if !reconnect.ice_servers.is_empty() {
                    self.out(Output::IceServers(reconnect.ice_servers));
                }
                self.sync();
                self.resumed(now);
            }
            Response::Answer(answer) => self.answered(answer),
            Response::Update(update) => self.participants(&update.participants, now),
            Response::TrackPublished(published) => self.published(&published),
            Response::RequestResponse(response) => self.responded(response),
            Response::SubscribedQualityUpdate(update) => self.demanded(&update),
            Response::StreamStateUpdate(update) => self.streams(update),
            Response::SpeakersChanged(changed) => {
                let event = self.announcements.speakers(&changed.speakers);
                self.report(event, now);
            }
            Response::Trickle(trickle) => self.out(Output::Candidate(trickle.candidate_init)),
            Response::RoomMoved(moved) => self.moved(moved, now),
            Response::RefreshToken(token) => {
                if let Some(grant) = &mut self.grant {
                    grant.token = token;
                }
            }
            Response::MediaSectionsRequirement(required) => {
                let wanted = Wanted {
                    audios: required.num_audios,
                    videos: required.num_videos,
                    ice_restart: false,
                };
                // Every slot was offered already; only an engine without slots needs more.
                if self.grant.as_ref().is_some_and(|grant| !grant.slots) {
                    self.negotiate(wanted);
                }
            }
            Response::Leave(leave) => match leave.action {
                lk::leave_request::Action::Resume => self.reopen(),
                lk::leave_request::Action::Disconnect | lk::leave_request::Action::Reconnect => {
                    self.lose()
                }
            },
        }
    }

    pub(super) fn joined(&mut self, join: lk::JoinResponse, now: i64) {
        if join.ping_interval > 0 && join.ping_timeout > 0 {
            self.ping_ms = join.ping_interval.unsigned_abs().saturating_mul(1000);
            self.pong_ms = join.ping_timeout.unsigned_abs().saturating_mul(1000);
        }
        if !join.ice_servers.is_empty() {
            self.out(Output::IceServers(join.ice_servers));
        }
        if let Some(own) = join.participant {
            self.publications.own_tracks(&own.tracks);
            self.sid = Some(own.sid);
        }
        self.everybody(&join.other_participants, now);
        self.attached(now);
    }

    pub(super) fn moved(&mut self, moved: lk::RoomMovedResponse, now: i64) {
        if let (Some(grant), false) = (&mut self.grant, moved.token.is_empty()) {
            grant.token = moved.token;
        }
        if let Some(own) = moved.participant {
            self.publications.own_tracks(&own.tracks);
            self.sid = Some(own.sid);
            self.tell_tracks();
        }
        self.forget_demand();
        self.everybody(&moved.other_participants, now);
    }

    pub(super) fn everybody(&mut self, others: &[lk::ParticipantInfo], now: i64) {
        let events = self
            .announcements
            .replace(others, self.sid.as_deref().unwrap_or_default());
        self.report(events, now);
    }

    pub(super) fn participants(&mut self, changed: &[lk::ParticipantInfo], now: i64) {
        let own = self.sid.as_deref().unwrap_or_default();
        let me = changed.iter().find(|info| info.sid == own);
        let events = self.announcements.update(changed, own);
        if let Some(me) = me {
            self.publications.own_tracks(&me.tracks);
            self.tell_tracks();
        }
        self.report(events, now);
    }

    /// An engine of a cluster may not know what the one before knew; one with slots keeps it.
    pub(super) fn sync(&mut self) {
        if self.grant.as_ref().is_some_and(|grant| grant.slots) {
            return;
        }
        let publish_tracks = self.publications.published_tracks();
        self.send(Request::SyncState(lk::SyncState {
            subscription: Some(lk::UpdateSubscription { subscribe: false }),
            publish_tracks,
        }));
    }
}
