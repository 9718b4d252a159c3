//! The client's own tracks as the engine knows them: which section sends which, and what the engine
//! was told about muting.
//!
//! A track is announced with the first offer, muted, before there is a device behind it; feeding it
//! later is a `replaceTrack` and a mute message, never a new offer. Pure.

use plenary_protocol::agent::{OfferedTrack, TrackSource};

use super::wire as lk;

#[derive(Debug, Clone)]
struct Publication {
    mid: String,
    cid: String,
    source: TrackSource,
    muted: bool,
    /// Given by the engine.
    sid: Option<String>,
    /// What the engine knows of `muted`.
    told: bool,
}

/// Every track that this client announced.
#[derive(Debug, Default)]
pub struct Publications {
    tracks: Vec<Publication>,
}

impl Publications {
    /// Announces a track; it is muted until [`Publications::set_muted`] says otherwise.
    pub fn announce(&mut self, mid: String, cid: String, source: TrackSource) {
        self.tracks.push(Publication {
            mid,
            cid,
            source,
            muted: true,
            sid: None,
            told: true,
        });
    }

    /// For `MediaOffer.tracks`.
    pub fn offered(&self) -> Vec<OfferedTrack> {
        let offered = |p: &Publication| OfferedTrack {
            cid: p.cid.clone(),
            source: p.source,
            muted: p.muted,
        };
        self.tracks.iter().map(offered).collect()
    }

    /// mid -> cid, for `MediaOffer` and for the offers of the LiveKit socket.
    pub fn mid_to_cid(&self) -> Vec<(String, String)> {
        self.tracks
            .iter()
            .map(|p| (p.mid.clone(), p.cid.clone()))
            .collect()
    }

    /// Whether a section sends.
    pub fn sends(&self, mid: &str) -> bool {
        self.tracks.iter().any(|p| p.mid == mid)
    }

    /// For a LiveKit join.
    pub fn add_track_requests(&self) -> Vec<lk::AddTrackRequest> {
        self.tracks
            .iter()
            .map(|p| lk::AddTrackRequest {
                cid: p.cid.clone(),
                r#type: track_type(p.source),
                source: track_source(p.source),
                muted: p.muted,
            })
            .collect()
    }

    /// For `SyncState`: what was published before the socket dropped.
    pub fn published_tracks(&self) -> Vec<lk::TrackPublishedResponse> {
        let published = |p: &Publication| {
            Some(lk::TrackPublishedResponse {
                cid: p.cid.clone(),
                track: Some(lk::TrackInfo {
                    sid: p.sid.clone()?,
                    r#type: track_type(p.source),
                    source: track_source(p.source),
                    muted: p.muted,
                    mid: p.mid.clone(),
                }),
            })
        };
        self.tracks.iter().filter_map(published).collect()
    }

    /// The local wish; the engine learns it by [`Publications::untold`].
    pub fn set_muted(&mut self, source: TrackSource, muted: bool) {
        self.tracks
            .iter_mut()
            .filter(|p| p.source == source)
            .for_each(|p| p.muted = muted);
    }

    /// `TrackPublishedResponse`.
    pub fn published(&mut self, cid: &str, track: &lk::TrackInfo) {
        self.tracks
            .iter_mut()
            .filter(|p| p.cid == cid)
            .for_each(|p| p.know(track));
    }

    /// The client's own `ParticipantInfo`: after an attach to a transport that the agent socket's
    /// join made, this is where the sids come from.
    pub fn own_tracks(&mut self, tracks: &[lk::TrackInfo]) {
        for publication in &mut self.tracks {
            let source = track_source(publication.source);
            if let Some(track) = tracks.iter().find(|track| track.source == source) {
                publication.know(track);
            }
        }
    }

    /// Mute messages that bring the engine up to date; taking them counts as telling.
    pub fn untold(&mut self) -> Vec<lk::MuteTrackRequest> {
        let untold = self.tracks.iter_mut().filter(|p| p.muted != p.told);
        untold
            .filter_map(|p| {
                let sid = p.sid.clone()?;
                p.told = p.muted;
                Some(lk::MuteTrackRequest {
                    sid,
                    muted: p.muted,
                })
            })
            .collect()
    }

    /// The socket dropped: a message on its way may be lost, so mutes are told again. Telling a
    /// mute twice does no harm, not telling one leaves an indicator wrong.
    pub fn forget_told(&mut self) {
        self.tracks
            .iter_mut()
            .filter(|p| p.sid.is_some())
            .for_each(|p| p.told = !p.muted);
    }
}

impl Publication {
    fn know(&mut self, track: &lk::TrackInfo) {
        self.sid = Some(track.sid.clone());
        self.told = track.muted;
    }
}

fn track_type(source: TrackSource) -> lk::TrackType {
    match source {
        TrackSource::Microphone | TrackSource::ScreenShareAudio => lk::TrackType::Audio,
        TrackSource::Camera | TrackSource::ScreenShare => lk::TrackType::Video,
    }
}

fn track_source(source: TrackSource) -> lk::TrackSource {
    match source {
        TrackSource::Microphone => lk::TrackSource::Microphone,
        TrackSource::Camera => lk::TrackSource::Camera,
        TrackSource::ScreenShare => lk::TrackSource::ScreenShare,
        TrackSource::ScreenShareAudio => lk::TrackSource::ScreenShareAudio,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn microphone() -> Publications {
        let mut all = Publications::default();
        all.announce("0".into(), "mic".into(), TrackSource::Microphone);
        all
    }

    fn info(muted: bool) -> lk::TrackInfo {
        lk::TrackInfo {
            sid: "TR_1".into(),
            muted,
            source: lk::TrackSource::Microphone,
            ..Default::default()
        }
    }

    #[test]
    fn a_track_starts_muted_and_is_told_once_when_it_is_not() {
        let mut all = microphone();
        assert!(all.offered()[0].muted);
        all.set_muted(TrackSource::Microphone, false);
        assert_eq!(all.untold(), [], "without a sid there is nobody to tell");
        all.published("mic", &info(true));
        assert_eq!(
            all.untold(),
            [lk::MuteTrackRequest {
                sid: "TR_1".into(),
                muted: false
            }]
        );
        assert_eq!(all.untold(), []);
    }

    #[test]
    fn sids_come_from_the_own_participant_too() {
        let mut all = microphone();
        all.own_tracks(&[info(false)]);
        assert_eq!(
            all.untold(),
            [lk::MuteTrackRequest {
                sid: "TR_1".into(),
                muted: true
            }]
        );
    }

    #[test]
    fn after_a_drop_mutes_are_told_again() {
        let mut all = microphone();
        all.own_tracks(&[info(true)]);
        assert_eq!(all.untold(), []);
        all.forget_told();
        assert_eq!(
            all.untold(),
            [lk::MuteTrackRequest {
                sid: "TR_1".into(),
                muted: true
            }]
        );
    }
}
