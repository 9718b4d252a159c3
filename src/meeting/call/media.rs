//! The call's media session: its offer, its grant, and what it reports.

use super::{Around, Call, JoinState, Media, BAD, RETRY};
use crate::api::changes::DiagnosticValue;
use crate::media::interface::MediaEvent;
use crate::meeting::input::{Action, At, MicrophoneUse};
use crate::meeting::{reasons, Refused};
use plenary_protocol::agent::{MediaGrant, MediaOffer, TrackSource};
use plenary_protocol::end::Reason;

impl Call {
    /// The media offer is made, or cannot be.
    pub fn offered(
        &mut self,
        session: u32,
        offer: Result<MediaOffer, Refused>,
        around: &mut Around,
    ) {
        let grant = match &mut self.media {
            Media::Offering {
                session: wanted,
                grant,
            } if *wanted == session => grant.take(),
            _ => return,
        };
        match offer {
            Ok(offer) => {
                self.media = Media::Offered {
                    session,
                    offer: Box::new(offer),
                };
                match grant {
                    Some(grant) => {
                        around.out.push(Action::OpenGate(self.id.clone()));
                        self.granted(*grant, false, around);
                    }
                    None => self.ask_to_join(around),
                }
            }
            Err(refused) => self.end(refused, around),
        }
    }

    /// A media session reports.
    pub fn media(&mut self, session: u32, event: MediaEvent, around: &mut Around) {
        let current = match &self.media {
            Media::Gone => return,
            Media::Offering { session, .. }
            | Media::Offered { session, .. }
            | Media::Live { session, .. } => *session,
        };
        if session != current {
            return;
        }
        match event {
            MediaEvent::Connected => {
                self.media_up(true, around);
                self.hand_over_soon(around);
            }
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
                around.emit_all(|out| self.roster.assign(&track, arrives, out));
                if arrives {
                    self.arrives_there(around);
                }
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
    pub(super) fn start_media(&mut self, around: &mut Around) {
        self.hands_over = None;
        self.join = JoinState::Due;
        self.start_session(None, around);
    }

    pub(super) fn start_session(&mut self, grant: Option<Box<MediaGrant>>, around: &mut Around) {
        around.emit_all(|out| self.roster.unpublish_all(out));
        self.sessions += 1;
        self.media = Media::Offering {
            session: self.sessions,
            grant,
        };
        around.out.push(Action::StartMedia {
            call: self.id.clone(),
            session: self.sessions,
            muted: self.muted,
            beside: self.hands_over.is_some(),
        });
        self.tell_trouble(around);
    }

    pub(super) fn stop_media(&mut self, around: &mut Around) {
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

    pub(super) fn granted(&mut self, grant: MediaGrant, rejoined: bool, around: &mut Around) {
        let refresh_at = refresh_at(grant.expires_at, around.at);
        self.apart = !grant.slots;
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

    pub(super) fn media_up(&mut self, now_up: bool, around: &mut Around) {
        if let Media::Live { up, was_up, .. } = &mut self.media {
            *up = now_up;
            *was_up |= now_up;
        }
        if now_up || self.is_in() {
            self.tell_trouble(around);
        }
    }
}

/// With a fifth of its time left, so that a retry or two fit in.
fn refresh_at(expires_at: f64, at: At) -> f64 {
    at.now + ((expires_at - at.now) * 0.8).max(RETRY)
}
