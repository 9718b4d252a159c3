//! The remote participants' tracks, as the engine announces them, and who of them speaks.
//!
//! LiveKit's participant messages carry names and metadata too; those are ignored here, since the
//! roster comes from the agent socket alone (`architecture.md`, "Who knows what"). Pure.

use plenary_protocol::agent::TrackSource;

use super::interface::MediaEvent;
use super::small_map::SmallMap;
use super::wire as lk;

#[derive(Debug, Clone, PartialEq)]
struct Announced {
    sid: String,
    source: TrackSource,
    muted: bool,
}

#[derive(Debug, Default)]
struct Remote {
    identity: String,
    tracks: Vec<Announced>,
    level: f32,
}

/// Everybody else in the room that the session is in.
#[derive(Debug, Default)]
pub struct Announcements {
    /// By participant sid.
    participants: SmallMap<String, Remote>,
    speaking: Vec<String>,
}

impl Announcements {
    /// A join or a move: these are all.
    pub fn replace(&mut self, others: &[lk::ParticipantInfo], own: &str) -> Vec<MediaEvent> {
        let mut gone = Vec::new();
        for (sid, _) in self.participants.iter() {
            if !others.iter().any(|other| other.sid == *sid) {
                gone.push(sid.clone());
            }
        }
        let mut events = Vec::new();
        for sid in gone {
            self.remove(&sid, &mut events);
        }
        events.extend(self.update(others, own));
        events
    }

    /// `ParticipantUpdate`: those who changed, whole.
    pub fn update(&mut self, changed: &[lk::ParticipantInfo], own: &str) -> Vec<MediaEvent> {
        let mut events = Vec::new();
        for info in changed {
            if info.sid == own {
                continue;
            }
            if info.state == lk::participant_info::State::Disconnected {
                self.remove(&info.sid, &mut events);
            } else {
                self.participant(info, &mut events);
            }
        }
        events
    }

    /// `SpeakersChanged`: only differences; the event carries the whole list. `None` when the list
    /// is the same.
    pub fn speakers(&mut self, changed: &[lk::SpeakerInfo]) -> Option<MediaEvent> {
        for speaker in changed {
            if let Some(remote) = self.participants.get_mut(&speaker.sid) {
                remote.level = match speaker.active {
                    true => speaker.level.max(f32::MIN_POSITIVE),
                    false => 0.0,
                };
            }
        }
        self.speaking()
    }

    fn speaking(&mut self) -> Option<MediaEvent> {
        // Few speak at once: inserting into the right place is all the sorting that it takes.
        let mut loud: Vec<&Remote> = Vec::new();
        for remote in self.participants.values() {
            if remote.level > 0.0 {
                let louder = |other: &&Remote| {
                    let equal = other.level == remote.level;
                    other.level > remote.level || (equal && other.identity < remote.identity)
                };
                loud.insert(loud.partition_point(louder), remote);
            }
        }
        let identities: Vec<String> = loud.into_iter().map(|r| r.identity.clone()).collect();
        (identities != self.speaking).then(|| {
            self.speaking.clone_from(&identities);
            MediaEvent::Speaking(identities)
        })
    }

    fn participant(&mut self, info: &lk::ParticipantInfo, events: &mut Vec<MediaEvent>) {
        let mut remote = self
            .participants
            .remove(info.sid.as_str())
            .unwrap_or_default();
        remote.identity.clone_from(&info.identity);
        let before = std::mem::take(&mut remote.tracks);
        for track in &info.tracks {
            if let Some(source) = source(track) {
                let (sid, muted) = (track.sid.clone(), track.muted);
                remote.tracks.push(Announced { sid, source, muted });
            }
        }
        for old in &before {
            if !remote.tracks.iter().any(|track| track.sid == old.sid) {
                events.push(unpublished(&remote.identity, &old.sid));
            }
        }
        for track in &remote.tracks {
            if !before.contains(track) {
                events.push(MediaEvent::TrackPublished {
                    endpoint: remote.identity.clone(),
                    track: track.sid.clone(),
                    source: track.source,
                    muted: track.muted,
                });
            }
        }
        self.participants.insert(info.sid.clone(), remote);
    }

    fn remove(&mut self, sid: &str, events: &mut Vec<MediaEvent>) {
        let Some(remote) = self.participants.remove(sid) else {
            return;
        };
        for track in &remote.tracks {
            events.push(unpublished(&remote.identity, &track.sid));
        }
        events.extend(self.speaking());
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
    match (track.source, track.r#type) {
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
            source: lk::TrackSource::Camera,
            ..Default::default()
        }
    }

    fn participant(name: &str, tracks: &[lk::TrackInfo]) -> lk::ParticipantInfo {
        lk::ParticipantInfo {
            sid: format!("PA_{name}"),
            identity: name.into(),
            tracks: tracks.to_vec(),
            state: lk::participant_info::State::Active,
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
        bob.state = lk::participant_info::State::Disconnected;
        assert_eq!(
            all.update(&[bob], "PA_me"),
            [MediaEvent::Speaking(vec!["ann".into()])]
        );
    }
}
