//! The client's own tracks as the engine knows them: which section sends which, and what the engine
//! was told about muting.
//!
//! A track is announced with the first offer, muted, before there is a device behind it; feeding it
//! later is a `replaceTrack` and a mute message, never a new offer. Pure.

use plenary_protocol::agent::{OfferedLayer, OfferedTrack, TrackSource};

use super::simulcast::{self, Size};
use super::wire as lk;
use super::wire::signal_request::Message as Request;

#[derive(Debug, Clone)]
struct Publication {
    /// Empty until its section is offered.
    mid: String,
    cid: String,
    source: TrackSource,
    muted: bool,
    announced: Announced,
    /// Given by the engine.
    sid: Option<String>,
    /// What the engine knows of `muted`.
    told: bool,
    /// Of the picture; and what the engine knows of it.
    size: Size,
    size_told: Size,
}

/// Whether the engine knows of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announced {
    /// It is when it is sent first.
    No,
    /// It travels with the offer.
    Offered,
    /// By a message of its own.
    Asked,
}

/// Every track that this client announced or may announce.
#[derive(Debug, Default)]
pub struct Publications {
    tracks: Vec<Publication>,
}

impl Publications {
    /// Announces a track with the offer; it is muted until [`Publications::set_muted`] says otherwise.
    pub fn announce(&mut self, mid: String, cid: String, source: TrackSource) {
        self.add(mid, cid, source, Announced::Offered);
    }

    /// A track that is announced, and gets a section, when it is sent first.
    pub fn reserve(&mut self, cid: &str, source: TrackSource) {
        self.add(String::new(), cid.to_owned(), source, Announced::No);
    }

    /// Where the source is sent.
    pub fn place(&mut self, source: TrackSource, mid: String) {
        if let Some(publication) = self.of(source).next() {
            publication.mid = mid;
        }
    }

    fn add(&mut self, mid: String, cid: String, source: TrackSource, announced: Announced) {
        let size = simulcast::size(source);
        self.tracks.push(Publication {
            mid,
            cid,
            source,
            muted: true,
            announced,
            sid: None,
            told: true,
            size,
            size_told: size,
        });
    }

    /// For `MediaOffer.tracks`.
    pub fn offered(&self) -> Vec<OfferedTrack> {
        let offered = |p: &Publication| OfferedTrack {
            cid: p.cid.clone(),
            source: p.source,
            muted: p.muted,
            layers: simulcast::announced(p.source)
                .into_iter()
                .map(offered_layer)
                .collect(),
        };
        let known = self.tracks.iter().filter(|p| p.announced != Announced::No);
        known.map(offered).collect()
    }

    /// mid -> cid, for `MediaOffer` and for the offers of the LiveKit socket.
    pub fn mid_to_cid(&self) -> Vec<(String, String)> {
        let placed = self.tracks.iter().filter(|p| !p.mid.is_empty());
        placed.map(|p| (p.mid.clone(), p.cid.clone())).collect()
    }

    /// Whether a section sends.
    pub fn sends(&self, mid: &str) -> bool {
        self.tracks.iter().any(|p| p.mid == mid)
    }

    /// The source of a track, by the engine's name for it.
    pub fn source_of(&self, sid: &str) -> Option<TrackSource> {
        let named = |p: &&Publication| p.sid.as_deref() == Some(sid);
        self.tracks.iter().find(named).map(|p| p.source)
    }

    /// Whether the engine has taken a source.
    pub fn is_published(&self, source: TrackSource) -> bool {
        let taken = |p: &Publication| p.source == source && p.sid.is_some();
        self.tracks.iter().any(taken)
    }

    /// For a LiveKit join.
    pub fn add_track_requests(&self) -> Vec<lk::AddTrackRequest> {
        let known = self.tracks.iter().filter(|p| p.announced != Announced::No);
        known.map(Publication::request).collect()
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
        self.of(source).for_each(|p| p.muted = muted);
    }

    /// How large the picture is that is sent from now on.
    pub fn set_size(&mut self, source: TrackSource, size: Size) {
        self.of(source).for_each(|p| p.size = size);
    }

    fn of(&mut self, source: TrackSource) -> impl Iterator<Item = &mut Publication> {
        self.tracks.iter_mut().filter(move |p| p.source == source)
    }

    /// `TrackPublishedResponse`; the source that it is about.
    pub fn published(&mut self, cid: &str, track: &lk::TrackInfo) -> Option<TrackSource> {
        let publication = self.tracks.iter_mut().find(|p| p.cid == cid)?;
        publication.know(track);
        Some(publication.source)
    }

    /// The engine does not take a track; it can be tried again later.
    pub fn refused(&mut self, cid: &str) -> Option<TrackSource> {
        let publication = self.tracks.iter_mut().find(|p| p.cid == cid)?;
        (publication.announced, publication.muted) = (Announced::No, true);
        Some(publication.source)
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

    /// Messages that bring the engine up to date; taking them counts as telling.
    pub fn untold(&mut self) -> Vec<Request> {
        let mut messages = Vec::new();
        for p in &mut self.tracks {
            if p.announced == Announced::No && !p.muted {
                (p.announced, p.size_told) = (Announced::Asked, p.size);
                messages.push(Request::AddTrack(p.request()));
            }
            let Some(sid) = &p.sid else { continue };
            if p.muted != p.told {
                p.told = p.muted;
                messages.push(Request::Mute(lk::MuteTrackRequest {
                    sid: sid.clone(),
                    muted: p.muted,
                }));
            }
            if p.size != p.size_told {
                p.size_told = p.size;
                let Size(width, height) = p.size;
                messages.push(Request::UpdateVideoTrack(lk::UpdateLocalVideoTrack {
                    track_sid: sid.clone(),
                    width,
                    height,
                }));
            }
        }
        messages
    }

    /// The socket dropped: a message on its way may be lost, so mutes are told again. Telling a
    /// mute twice does no harm, not telling one leaves an indicator wrong.
    pub fn forget_told(&mut self) {
        for p in &mut self.tracks {
            if p.sid.is_some() {
                p.told = !p.muted;
            } else if p.announced == Announced::Asked {
                p.announced = Announced::No;
            }
        }
    }
}

impl Publication {
    fn know(&mut self, track: &lk::TrackInfo) {
        self.sid = Some(track.sid.clone());
        self.told = track.muted;
        if self.announced == Announced::No {
            self.announced = Announced::Asked;
        }
    }

    fn request(&self) -> lk::AddTrackRequest {
        let Size(width, height) = self.size;
        let layers = simulcast::announced(self.source);
        let mut simulcast_codecs = Vec::new();
        if !layers.is_empty() {
            // Without it LiveKit's server takes all layers for one.
            simulcast_codecs.push(lk::SimulcastCodec {
                codec: "vp8".to_owned(),
                cid: self.cid.clone(),
            });
        }
        lk::AddTrackRequest {
            cid: self.cid.clone(),
            r#type: track_type(self.source),
            source: track_source(self.source),
            muted: self.muted,
            width,
            height,
            layers,
            simulcast_codecs,
        }
    }
}

fn offered_layer(layer: lk::VideoLayer) -> OfferedLayer {
    let lk::VideoLayer {
        rid,
        width,
        height,
        bitrate,
        ..
    } = layer;
    OfferedLayer {
        rid,
        width,
        height,
        bitrate,
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

    fn mute(muted: bool) -> Request {
        Request::Mute(lk::MuteTrackRequest {
            sid: "TR_1".into(),
            muted,
        })
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
        assert_eq!(all.untold(), [mute(false)]);
        assert_eq!(all.untold(), []);
    }

    #[test]
    fn sids_come_from_the_own_participant_too() {
        let mut all = microphone();
        all.own_tracks(&[info(false)]);
        assert_eq!(all.untold(), [mute(true)]);
    }

    #[test]
    fn after_a_drop_mutes_are_told_again() {
        let mut all = microphone();
        all.own_tracks(&[info(true)]);
        assert_eq!(all.untold(), []);
        all.forget_told();
        assert_eq!(all.untold(), [mute(true)]);
    }

    fn asked(messages: &[Request]) -> Option<&lk::AddTrackRequest> {
        messages.iter().find_map(|message| match message {
            Request::AddTrack(request) => Some(request),
            _ => None,
        })
    }

    #[test]
    fn a_screen_is_announced_when_it_is_shared_first_and_muted_after() {
        let mut all = Publications::default();
        all.reserve("screen", TrackSource::ScreenShare);
        assert!(all.offered().is_empty() && all.untold().is_empty());
        assert_eq!(all.mid_to_cid(), [], "it has no section yet");
        all.place(TrackSource::ScreenShare, "2".into());
        assert_eq!(all.mid_to_cid(), [("2".into(), "screen".into())]);

        all.set_size(TrackSource::ScreenShare, Size(2560, 1440));
        all.set_muted(TrackSource::ScreenShare, false);
        let messages = all.untold();
        let request = asked(&messages).expect("it is announced");
        assert_eq!((request.width, request.layers.len()), (2560, 2));
        assert_eq!(all.untold(), [], "once");

        all.published("screen", &info(false));
        all.set_muted(TrackSource::ScreenShare, true);
        assert_eq!(all.untold(), [mute(true)]);
        all.set_muted(TrackSource::ScreenShare, false);
        assert_eq!(all.untold(), [mute(false)]);
    }

    #[test]
    fn an_announcement_that_was_lost_is_made_again_and_a_refused_one_when_it_is_wanted_again() {
        let mut all = Publications::default();
        all.reserve("screen", TrackSource::ScreenShare);
        all.set_muted(TrackSource::ScreenShare, false);
        all.untold();
        all.forget_told();
        assert!(asked(&all.untold()).is_some());

        assert_eq!(all.refused("screen"), Some(TrackSource::ScreenShare));
        assert_eq!(all.untold(), []);
        all.set_muted(TrackSource::ScreenShare, false);
        assert!(asked(&all.untold()).is_some());
    }

    #[test]
    fn a_camera_is_announced_with_its_layers_and_another_size_is_told() {
        let mut all = Publications::default();
        all.announce("1".into(), "cam".into(), TrackSource::Camera);
        let rids: Vec<String> = all.offered()[0]
            .layers
            .iter()
            .map(|l| l.rid.clone())
            .collect();
        assert_eq!(rids, ["q", "h", "f"]);
        let request = &all.add_track_requests()[0];
        assert_eq!(request.layers[2].quality, lk::VideoQuality::High);

        all.published("cam", &info(true));
        all.set_size(TrackSource::Camera, Size(1280, 720));
        assert_eq!(all.untold(), [], "as it was announced");
        all.set_size(TrackSource::Camera, Size(640, 480));
        let told = Request::UpdateVideoTrack(lk::UpdateLocalVideoTrack {
            track_sid: "TR_1".into(),
            width: 640,
            height: 480,
        });
        assert_eq!(all.untold(), [told]);
        assert_eq!(all.untold(), []);
    }
}
