//! The remote participants' tracks, as the engine announces them, and who of them speaks.
//!
//! LiveKit's participant messages carry names and metadata too; those are ignored here, since the
//! roster comes from the agent socket alone (`architecture.md`, "Who knows what"). Pure.

use std::collections::BTreeMap;

use livekit_protocol as lk;
use plenary_protocol::agent::TrackSource;

use super::interface::MediaEvent;

#[derive(Debug, Clone, PartialEq)]
struct Announced {
    source: TrackSource,
    muted: bool,
}

#[derive(Debug, Default)]
struct Remote {
    identity: String,
    tracks: BTreeMap<String, Announced>,
    level: f32,
}

/// Everybody else in the room that the session is in.
#[derive(Debug, Default)]
pub struct Announcements {
    /// By participant sid.
    participants: BTreeMap<String, Remote>,
    speaking: Vec<String>,
}

impl Announcements {
    /// A join or a move: these are all.
    pub fn replace(&mut self, others: &[lk::ParticipantInfo], own: &str) -> Vec<MediaEvent> {
        let mut gone: Vec<String> = self.participants.keys().cloned().collect();
        gone.retain(|sid| !others.iter().any(|other| other.sid == *sid));
        let mut events: Vec<_> = gone.iter().flat_map(|sid| self.remove(sid)).collect();
        events.extend(self.update(others, own));
        events
    }

    /// `ParticipantUpdate`: those who changed, whole.
    pub fn update(&mut self, changed: &[lk::ParticipantInfo], own: &str) -> Vec<MediaEvent> {
        let mut events = Vec::new();
        for info in changed.iter().filter(|info| info.sid != own) {
            if info.state() == lk::participant_info::State::Disconnected {
                events.extend(self.remove(&info.sid));
            } else {
                events.extend(self.participant(info));
            }
        }
        events
    }

    /// `SpeakersChanged`: only differences; the event carries the whole list. `None` when the list
    /// is the same.
    pub fn speakers(&mut self, changed: &[lk::SpeakerInfo]) -> Option<MediaEvent> {
        for speaker in changed {
            if let Some(remote) = self.participants.get_mut(&speaker.sid) {
                remote.level = if speaker.active {
                    speaker.level.max(f32::MIN_POSITIVE)
                } else {
                    0.0
                };
            }
        }
        self.speaking()
    }

    fn speaking(&mut self) -> Option<MediaEvent> {
        let mut loud: Vec<&Remote> = self
            .participants
            .values()
            .filter(|r| r.level > 0.0)
            .collect();
        loud.sort_by(|a, b| {
            b.level
                .total_cmp(&a.level)
                .then_with(|| a.identity.cmp(&b.identity))
        });
        let identities: Vec<String> = loud.into_iter().map(|r| r.identity.clone()).collect();
        (identities != self.speaking).then(|| {
            self.speaking.clone_from(&identities);
            MediaEvent::Speaking(identities)
        })
    }

    fn participant(&mut self, info: &lk::ParticipantInfo) -> Vec<MediaEvent> {
        let remote = self.participants.entry(info.sid.clone()).or_default();
        remote.identity.clone_from(&info.identity);
        let next: BTreeMap<String, Announced> = info
            .tracks
            .iter()
            .filter_map(|track| {
                Some((
                    track.sid.clone(),
                    Announced {
                        source: source(track)?,
                        muted: track.muted,
                    },
                ))
            })
            .collect();
        let before = std::mem::replace(&mut remote.tracks, next);
        let gone = before
            .keys()
            .filter(|sid| !remote.tracks.contains_key(*sid));
        let gone = gone.map(|sid| unpublished(&remote.identity, sid));
        let told = remote
            .tracks
            .iter()
            .filter(|(sid, track)| before.get(*sid) != Some(track));
        let told = told.map(|(sid, track)| MediaEvent::TrackPublished {
            endpoint: remote.identity.clone(),
            track: sid.clone(),
            source: track.source,
            muted: track.muted,
        });
        gone.chain(told).collect()
    }

    fn remove(&mut self, sid: &str) -> Vec<MediaEvent> {
        let Some(remote) = self.participants.remove(sid) else {
            return Vec::new();
        };
        let mut events: Vec<_> = remote
            .tracks
            .keys()
            .map(|track| unpublished(&remote.identity, track))
            .collect();
        events.extend(self.speaking());
        events
    }
}

fn unpublished(endpoint: &str, track: &str) -> MediaEvent {
    MediaEvent::TrackUnpublished {
        endpoint: endpoint.to_owned(),
        track: track.to_owned(),
    }
}

/// What a track is; a client that names no source sends its camera or microphone (livekit-client
/// shows such tracks the same way). Data tracks are nothing for a meeting.
fn source(track: &lk::TrackInfo) -> Option<TrackSource> {
    match (track.source(), track.r#type()) {
        (lk::TrackSource::Microphone, _) => Some(TrackSource::Microphone),
        (lk::TrackSource::Camera, _) => Some(TrackSource::Camera),
        (lk::TrackSource::ScreenShare, _) => Some(TrackSource::ScreenShare),
        (lk::TrackSource::ScreenShareAudio, _) => Some(TrackSource::ScreenShareAudio),
        (_, lk::TrackType::Audio) => Some(TrackSource::Microphone),
        (_, lk::TrackType::Video) => Some(TrackSource::Camera),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(sid: &str, muted: bool) -> lk::TrackInfo {
        lk::TrackInfo {
            sid: sid.into(),
            muted,
            source: lk::TrackSource::Camera.into(),
            ..Default::default()
        }
    }

    fn participant(name: &str, tracks: &[lk::TrackInfo]) -> lk::ParticipantInfo {
        lk::ParticipantInfo {
            sid: format!("PA_{name}"),
            identity: name.into(),
            tracks: tracks.to_vec(),
            state: lk::participant_info::State::Active.into(),
            ..Default::default()
        }
    }

    fn published(endpoint: &str, track: &str, muted: bool) -> MediaEvent {
        MediaEvent::TrackPublished {
            endpoint: endpoint.into(),
            track: track.into(),
            source: TrackSource::Camera,
            muted,
        }
    }

    #[test]
    fn a_track_is_told_once_and_again_when_it_is_muted() {
        let mut all = Announcements::default();
        assert_eq!(
            all.update(&[participant("ann", &[camera("TR_a", false)])], "PA_me"),
            [published("ann", "TR_a", false)]
        );
        assert_eq!(
            all.update(&[participant("ann", &[camera("TR_a", false)])], "PA_me"),
            []
        );
        assert_eq!(
            all.update(&[participant("ann", &[camera("TR_a", true)])], "PA_me"),
            [published("ann", "TR_a", true)]
        );
        assert_eq!(
            all.update(&[participant("ann", &[])], "PA_me"),
            [unpublished("ann", "TR_a")]
        );
    }

    #[test]
    fn own_tracks_are_not_remote() {
        let mut all = Announcements::default();
        assert_eq!(
            all.update(&[participant("me", &[camera("TR_a", false)])], "PA_me"),
            []
        );
    }

    #[test]
    fn after_a_move_nothing_of_the_old_room_is_left() {
        let mut all = Announcements::default();
        all.update(&[participant("ann", &[camera("TR_a", false)])], "PA_me");
        let events = all.replace(&[participant("bob", &[camera("TR_b", false)])], "PA_me2");
        assert_eq!(
            events,
            [unpublished("ann", "TR_a"), published("bob", "TR_b", false)]
        );
    }

    #[test]
    fn speakers_are_listed_loudest_first_and_the_gone_are_silent() {
        let mut all = Announcements::default();
        all.update(&[participant("ann", &[]), participant("bob", &[])], "PA_me");
        let speaker = |sid: &str, level, active| lk::SpeakerInfo {
            sid: sid.into(),
            level,
            active,
        };
        let told = all.speakers(&[
            speaker("PA_ann", 0.2, true),
            speaker("PA_bob", 0.6, true),
            speaker("PA_x", 1.0, true),
        ]);
        assert_eq!(
            told,
            Some(MediaEvent::Speaking(vec!["bob".into(), "ann".into()]))
        );
        assert_eq!(all.speakers(&[speaker("PA_bob", 0.5, true)]), None);
        let mut bob = participant("bob", &[]);
        bob.set_state(lk::participant_info::State::Disconnected);
        assert_eq!(
            all.update(&[bob], "PA_me"),
            [MediaEvent::Speaking(vec!["ann".into()])]
        );
    }
}
