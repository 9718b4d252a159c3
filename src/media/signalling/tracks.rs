//! The own tracks and what is seen of the others': what the engine is told of both, and what it says
//! about layers, pauses and publications.

use super::{lk, Demand, MediaEvent, Output, Phase, Request, Signalling, Timer};
use plenary_protocol::agent::TrackSource;

impl Signalling {
    // --- own tracks ---

    /// Brings the engine up to date about the own tracks.
    pub(super) fn tell_tracks(&mut self) {
        if self.phase == Phase::Attached {
            for message in self.publications.untold() {
                // Its section is new.
                let offers = matches!(message, Request::AddTrack(_));
                self.send(message);
                if offers {
                    self.negotiate(super::Wanted::default());
                }
            }
        }
    }

    /// The user's wish for an own track. Who waits for a screen to be shared has nothing to wait for
    /// when the engine knows it from before.
    pub(super) fn muted(&mut self, source: TrackSource, muted: bool) {
        self.publications.set_muted(source, muted);
        self.tell_tracks();
        if !muted && self.publications.is_published(source) {
            self.taken(source, true);
        }
    }

    pub(super) fn published(&mut self, published: &lk::TrackPublishedResponse) {
        let Some(track) = &published.track else {
            return;
        };
        if let Some(source) = self.publications.published(&published.cid, track) {
            self.tell_tracks();
            self.taken(source, true);
        }
    }

    /// The answer to a request that has no other: of those of this client, a publication.
    pub(super) fn responded(&mut self, response: lk::RequestResponse) {
        let refused = response.add_track.filter(|_| response.reason != 0);
        if let Some(source) = refused.and_then(|track| self.publications.refused(&track.cid)) {
            self.taken(source, false);
        }
    }

    /// Tells whether a screen may be shared; camera and microphone are announced with the join.
    fn taken(&mut self, source: TrackSource, taken: bool) {
        if source == TrackSource::ScreenShare {
            self.out(Output::Report(MediaEvent::ScreenTaken(taken)));
        }
    }

    /// `SubscribedQualityUpdate`: what nobody looks at is not sent.
    pub(super) fn demanded(&mut self, update: &lk::SubscribedQualityUpdate) {
        if let Some(source) = self.publications.source_of(&update.track_sid) {
            self.out(Output::Layers(source, Demand::of(update)));
        }
    }

    /// In another room, or after a gap in which anything may have been said: everything is sent until
    /// the engine says otherwise.
    pub(super) fn forget_demand(&mut self) {
        for source in [TrackSource::Camera, TrackSource::ScreenShare] {
            self.out(Output::Layers(source, Demand::default()));
        }
    }

    // --- others' tracks ---

    /// Tells what happened, and keeps count of the pictures that can be shown.
    pub(super) fn report(&mut self, events: impl IntoIterator<Item = MediaEvent>, now: i64) {
        for event in events {
            match &event {
                MediaEvent::TrackPublished {
                    track,
                    source,
                    muted,
                    ..
                } if is_picture(*source) => {
                    self.viewing.published(track, *muted, now);
                }
                MediaEvent::TrackUnpublished { track, .. } => self.viewing.unpublished(track),
                _ => {}
            }
            self.out(Output::Report(event));
        }
    }

    /// `StreamStateUpdate`: paused for congestion, or no longer.
    pub(super) fn streams(&mut self, update: lk::StreamStateUpdate) {
        for stream in update.stream_states {
            self.out(Output::Report(MediaEvent::TrackPaused {
                track: stream.track_sid,
                paused: stream.state == lk::StreamState::Paused,
            }));
        }
    }

    /// Tells which pictures are shown and how large, when it is time to.
    pub(super) fn tell_views(&mut self, now: i64) {
        if self.phase != Phase::Attached {
            return;
        }
        let settled = self.viewing.due().is_some_and(|due| due <= now);
        if settled {
            for settings in self.viewing.tell(now) {
                self.send(Request::TrackSetting(settings));
            }
        }
        let videos = self.viewing.missing(settled);
        if videos > 0 {
            self.negotiate(super::Wanted {
                videos,
                ..Default::default()
            });
        }
        let due = self.viewing.due();
        if due == self.view_due {
            return;
        }
        self.view_due = due;
        self.out(match due {
            Some(due) => Output::Set(Timer::View, (due - now).max(0) as u32),
            None => Output::Clear(Timer::View),
        });
    }
}

fn is_picture(source: TrackSource) -> bool {
    matches!(source, TrackSource::Camera | TrackSource::ScreenShare)
}
