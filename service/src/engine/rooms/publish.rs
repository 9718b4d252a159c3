//! Publishing: tracks are announced, matched to the sections of an offer, muted and taken back.
//!
//! A track that was announced with a second codec stands among its publisher's tracks twice, with one
//! sid (`Track::backup`): what is done to all of them, gates and new keys above all, is done to both.

use livekit_protocol as lk;
use lk::signal_response::Message;
use str0m::media::{Mid, Rid};

use super::participant::{Mode, Participant, Track};
use super::quality::Subscribed;
use super::sdp::{Kind, Section};
use super::{new_sid, Locked};
use crate::engine::packets::command::{Command, SessionRef, Upstream};
use crate::engine::packets::forward::TrackKey;
use crate::engine::packets::upstream::sort_layers;

/// Camera, microphone, two screens with sound, and as much again (S11).
const MAX_TRACKS: usize = 16;

/// Why a track is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotAllowed,
    TooMany,
}

impl Locked<'_> {
    /// Take up a track that a participant is about to send; answers `TrackPublishedResponse`.
    pub fn add_track(&mut self, sid: &str, request: lk::AddTrackRequest) -> Result<(), Refusal> {
        let keys = [self.rooms.next_key(), self.rooms.next_key()];
        let Some(participant) = self.participants.get_mut(sid) else {
            return Ok(());
        };
        let known = participant
            .tracks
            .iter()
            .find(|t| t.cids.first() == Some(&request.cid) || t.info.sid == request.sid)
            .map(|t| t.info.sid.clone());
        if let Some(known) = known {
            let begins = participant.begin_backup(&known, &request);
            let response = participant
                .track(&known)
                .map(|t| published(&request.cid, t));
            if let Some(response) = response {
                self.send(sid, response);
            }
            if begins {
                self.claim_sections(sid);
            }
            return Ok(());
        }
        // Who waits in the lobby may announce what they will send once they are let in.
        let waits = participant.mode == Mode::Slots && !participant.grants.publish;
        if !waits && !participant.grants.allows(request.source()) {
            return Err(Refusal::NotAllowed);
        }
        if participant.announced().count() >= MAX_TRACKS {
            return Err(Refusal::TooMany);
        }
        let mut track = new_track(keys[0], &request);
        let backup = new_backup(keys[1], &track.info, &request);
        track.info.codecs.extend(backup.as_ref().map(Track::codec));
        let (owner, track_sid) = (participant.sid.clone(), track.info.sid.clone());
        let added: Vec<Track> = [track].into_iter().chain(backup).collect();
        let response = published(&request.cid, &added[0]);
        let places: Vec<_> = added.iter().map(|t| t.key).collect();
        participant.tracks.extend(added);
        for key in places {
            self.keys.insert(key, (owner.clone(), track_sid.clone()));
        }
        self.send(sid, response);
        self.claim_sections(sid);
        self.announce(sid);
        Ok(())
    }

    /// The sending sections of an offer; those of known tracks that no longer send end them.
    pub fn offered_sections(
        &mut self,
        sid: &str,
        sections: &[Section],
        mid_to_cid: &std::collections::HashMap<String, String>,
    ) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        let named = |s: &Section| mid_to_cid.get(&s.mid).or(s.track.as_ref()).cloned();
        let mut ended = Vec::new();
        for track in &participant.tracks {
            let Some(mid) = &track.mid else { continue };
            let section = sections.iter().find(|s| s.mid == *mid);
            let other = |s: &Section| {
                participant.mode != Mode::Slots
                    && named(s).is_some_and(|name| {
                        !track.cids.contains(&name)
                            && participant.tracks.iter().any(|t| t.cids.contains(&name))
                    })
            };
            match section {
                Some(s) if s.sends && !other(s) => {}
                _ => ended.push(track.key),
            }
        }
        participant.unclaimed = sections
            .iter()
            .filter(|s| s.sends && s.kind != Kind::Application)
            .filter(|s| {
                !participant
                    .tracks
                    .iter()
                    .any(|t| t.mid.as_ref() == Some(&s.mid) && !ended.contains(&t.key))
            })
            .map(|s| Section {
                track: named(s),
                ..s.clone()
            })
            .collect();
        for key in ended {
            let track = self.participants.get(sid).and_then(|p| p.keyed(key));
            match track.map(|t| (t.info.sid.clone(), t.backup)) {
                Some((track, false)) => self.unpublish(sid, &track),
                Some((track, true)) => self.end_backup(sid, &track),
                // It went with the track whose second codec it was.
                None => {}
            }
        }
        self.claim_sections(sid);
    }

    /// Match announced tracks and sections: by the client's name for the track, else (Firefox makes
    /// track names of its own) the oldest announced of that kind.
    fn claim_sections(&mut self, sid: &str) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        let mut claimed = Vec::new();
        let mut sections = std::mem::take(&mut participant.unclaimed);
        for by_name in [true, false] {
            sections.retain(|section| {
                let free = |t: &&mut Track| {
                    t.mid.is_none() && t.kind() == section.kind && !t.cids.is_empty()
                };
                let matches = |t: &&mut Track| {
                    !by_name
                        || section
                            .track
                            .as_ref()
                            .is_some_and(|name| t.cids.contains(name) || t.info.sid == *name)
                };
                let found = participant
                    .tracks
                    .iter_mut()
                    .find(|t| free(t) && matches(t));
                let Some(track) = found else { return true };
                track.mid = Some(section.mid.clone());
                track.info.mid.clone_from(&section.mid);
                // The first codec; the second has a section of its own.
                if let Some(codec) = track.info.codecs.first_mut() {
                    codec.mid.clone_from(&section.mid);
                }
                claimed.push((track.key, section.rids.clone()));
                false
            });
        }
        participant.unclaimed = sections;
        for (key, rids) in &claimed {
            self.start_track(sid, *key, rids);
        }
        if !claimed.is_empty() {
            self.announce(sid);
            self.refresh_room_of(sid);
        }
    }

    fn start_track(&mut self, sid: &str, key: TrackKey, rids: &[String]) {
        let mut layers: Vec<Rid> = rids.iter().map(|r| Rid::from(r.as_str())).collect();
        sort_layers(&mut layers);
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        let Some(track) = participant.keyed_mut(key) else {
            return;
        };
        track.rids = layers.iter().map(ToString::to_string).collect();
        if track.backup {
            // A client begins with all of its layers.
            track.subscribed = Subscribed::default();
            let track_sid = track.info.sid.clone();
            participant.list_backup(&track_sid);
        }
        let Some(participant) = self.participants.get(sid) else {
            return;
        };
        let Some(track) = participant.keyed(key) else {
            return;
        };
        let upstream = Upstream {
            mid: Mid::from(track.info.mid.as_str()),
            key: track.key,
            audio: track.kind() == Kind::Audio,
            layers,
            open: participant.opens(track),
            rates: track.rates.clone(),
        };
        let session = participant.publisher;
        self.rooms.command(
            session.worker,
            Command::Publish {
                id: session.id,
                upstream,
            },
        );
        self.remember(sid);
    }

    pub fn unpublish(&mut self, sid: &str, track_sid: &str) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        let of_track = participant.tracks.iter();
        let of_track = of_track.filter(|t| t.info.sid == track_sid);
        let keys: Vec<TrackKey> = of_track.map(|t| t.key).collect();
        if keys.is_empty() {
            return;
        }
        participant.tracks.retain(|t| t.info.sid != track_sid);
        let session = participant.publisher;
        for key in keys {
            self.keys.remove(&key);
            self.end_upstream(session, key);
        }
        self.send(
            sid,
            Message::TrackUnpublished(lk::TrackUnpublishedResponse {
                track_sid: track_sid.to_owned(),
            }),
        );
        self.announce(sid);
        self.refresh_room_of(sid);
    }

    /// A track goes on in its first codec alone, until the second is asked for again.
    fn end_backup(&mut self, sid: &str, track_sid: &str) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        let session = participant.publisher;
        let Some(backup) = participant.backup_of_mut(track_sid) else {
            return;
        };
        let key = backup.key;
        backup.mid = None;
        backup.info.mid.clear();
        backup.cids.clear();
        backup.rids.clear();
        backup.subscribed = Subscribed::not_yet();
        participant.list_backup(track_sid);
        self.end_upstream(session, key);
        self.announce(sid);
        self.refresh_room_of(sid);
    }

    fn end_upstream(&self, session: SessionRef, key: TrackKey) {
        let id = session.id;
        self.rooms
            .command(session.worker, Command::Unpublish { id, key });
    }

    /// Mute or unmute; what a muted track sends is dropped here, whatever its client does.
    pub fn mute(&mut self, sid: &str, track_sid: &str, muted: bool) -> bool {
        let Some(participant) = self.participants.get_mut(sid) else {
            return false;
        };
        let Some(track) = participant.track_mut(track_sid) else {
            return false;
        };
        if track.info.muted == muted {
            return true;
        }
        track.info.muted = muted;
        self.set_gates(sid);
        self.announce(sid);
        self.refresh_room_of(sid);
        true
    }

    pub fn set_gates(&mut self, sid: &str) {
        let Some(participant) = self.participants.get(sid) else {
            return;
        };
        let worker = participant.publisher.worker;
        for track in &participant.tracks {
            let gate = Command::Gate {
                key: track.key,
                open: participant.opens(track),
            };
            self.rooms.command(worker, gate);
        }
    }

    pub fn update_video_track(&mut self, sid: &str, update: &lk::UpdateLocalVideoTrack) {
        if let Some(track) = self
            .participants
            .get_mut(sid)
            .and_then(|p| p.track_mut(&update.track_sid))
        {
            track.info.width = update.width;
            track.info.height = update.height;
            self.announce(sid);
        }
    }

    pub fn update_audio_track(&mut self, sid: &str, update: &lk::UpdateLocalAudioTrack) {
        if let Some(track) = self
            .participants
            .get_mut(sid)
            .and_then(|p| p.track_mut(&update.track_sid))
        {
            track.info.audio_features.clone_from(&update.features);
            self.announce(sid);
        }
    }
}

fn published(cid: &str, track: &Track) -> Message {
    Message::TrackPublished(lk::TrackPublishedResponse {
        cid: cid.to_owned(),
        track: Some(track.info.clone()),
    })
}

/// A video codec as it is named in `TrackInfo`, if it is negotiated.
fn mime_type(codec: &lk::SimulcastCodec) -> Option<&'static str> {
    let name = codec.codec.to_ascii_lowercase();
    match name.trim_start_matches("video/") {
        "vp8" => Some("video/VP8"),
        "h264" => Some("video/H264"),
        "vp9" => Some("video/VP9"),
        "av1" => Some("video/AV1"),
        _ => None,
    }
}

/// The codec that a track is announced with beside its first, for who lacks that. The client sends it
/// once it is asked to (`SubscribedQualityUpdate`), and says so with another `AddTrackRequest`.
#[allow(deprecated)] // where clients say their layers
fn new_backup(
    key: TrackKey,
    first: &lk::TrackInfo,
    request: &lk::AddTrackRequest,
) -> Option<Track> {
    if first.r#type() != lk::TrackType::Video {
        return None;
    }
    let others = request.simulcast_codecs.iter().skip(1);
    let (codec, mime) = others
        .filter_map(|c| Some((c, mime_type(c)?)))
        .find(|(_, mime)| *mime != first.mime_type)?;
    let info = lk::TrackInfo {
        sid: first.sid.clone(),
        r#type: first.r#type,
        source: first.source,
        width: first.width,
        height: first.height,
        layers: codec.layers.clone(),
        mime_type: mime.to_owned(),
        ..Default::default()
    };
    // Who names it at once sends it at once; by a name of its own, for a section has one codec.
    let firsts = [&request.cid, &request.simulcast_codecs[0].cid];
    let cids = [&codec.cid].into_iter();
    let cids = cids.filter(|c| !c.is_empty() && !firsts.contains(c));
    Some(Track {
        key,
        cids: cids.cloned().collect(),
        backup: true,
        subscribed: Subscribed::not_yet(),
        ..Track::of(info)
    })
}

#[allow(deprecated)] // older clients read `simulcast`, `layers` and the audio flags
fn new_track(key: TrackKey, request: &lk::AddTrackRequest) -> Track {
    let video = request.r#type() == lk::TrackType::Video;
    let prefix = match (request.r#type(), request.source()) {
        (lk::TrackType::Audio, lk::TrackSource::ScreenShareAudio) => "TR_SA",
        (lk::TrackType::Audio, _) => "TR_AM",
        (_, lk::TrackSource::ScreenShare) => "TR_VS",
        _ => "TR_VC",
    };
    let sid = new_sid(prefix);
    let first = request.simulcast_codecs.first();
    let mime = match video {
        false => "audio/opus",
        // What is not negotiated: the client falls back to what is named here.
        true => first.and_then(mime_type).unwrap_or("video/VP8"),
    };
    let mut cids = vec![request.cid.clone()];
    let own = first.filter(|c| !c.cid.is_empty() && c.cid != request.cid);
    cids.extend(own.map(|c| c.cid.clone()));
    let stream = match request.stream.is_empty() {
        false => request.stream.clone(),
        true => match request.source() {
            lk::TrackSource::ScreenShare | lk::TrackSource::ScreenShareAudio => "screen",
            _ => "camera",
        }
        .to_owned(),
    };
    let codec = lk::SimulcastCodecInfo {
        mime_type: mime.to_owned(),
        cid: request.cid.clone(),
        layers: request.layers.clone(),
        ..Default::default()
    };
    let info = lk::TrackInfo {
        sid,
        r#type: request.r#type,
        name: request.name.clone(),
        muted: request.muted,
        width: request.width,
        height: request.height,
        simulcast: request.layers.len() > 1,
        disable_dtx: request.disable_dtx,
        source: request.source,
        layers: request.layers.clone(),
        mime_type: mime.to_owned(),
        codecs: if video { vec![codec] } else { Vec::new() },
        stereo: request.stereo,
        disable_red: request.disable_red,
        encryption: request.encryption,
        stream,
        audio_features: request.audio_features.clone(),
        ..Default::default()
    };
    Track {
        key,
        cids,
        ..Track::of(info)
    }
}

impl Track {
    /// A track that nothing is known of but what was announced.
    pub(super) fn of(info: lk::TrackInfo) -> Self {
        Self {
            key: TrackKey(0),
            info,
            cids: Vec::new(),
            mid: None,
            level: 0.0,
            loudness: super::loudest::SILENCE,
            spoke: None,
            rids: Vec::new(),
            rates: std::sync::Arc::default(),
            subscribed: Subscribed::default(),
            backup: false,
        }
    }

    /// What is told of the codec that it is sent in.
    #[allow(deprecated)] // where clients say their layers
    fn codec(&self) -> lk::SimulcastCodecInfo {
        lk::SimulcastCodecInfo {
            mime_type: self.info.mime_type.clone(),
            mid: self.info.mid.clone(),
            cid: self.cids.first().cloned().unwrap_or_default(),
            layers: self.info.layers.clone(),
            ..Default::default()
        }
    }
}

impl Participant {
    /// Its tracks that others may receive now.
    pub fn receivable(&self) -> impl Iterator<Item = &Track> {
        self.tracks
            .iter()
            .filter(|t| !t.backup && t.mid.is_some() && self.shows(t))
    }

    /// The client is about to send a track in its second codec, too; false if the request is none for that.
    #[allow(deprecated)] // where older clients say their layers
    fn begin_backup(&mut self, track_sid: &str, request: &lk::AddTrackRequest) -> bool {
        let backup = self.backup_of_mut(track_sid);
        let Some(backup) = backup.filter(|b| b.mid.is_none()) else {
            return false;
        };
        let named = request.simulcast_codecs.iter().find(|c| {
            !c.cid.is_empty() && mime_type(c).is_some_and(|mime| mime == backup.info.mime_type)
        });
        let Some(codec) = named else {
            return false;
        };
        backup.cids = vec![codec.cid.clone()];
        let layers = match codec.layers.is_empty() {
            true => &request.layers,
            false => &codec.layers,
        };
        backup.info.layers.clone_from(layers);
        if request.width > 0 && request.height > 0 {
            (backup.info.width, backup.info.height) = (request.width, request.height);
        }
        self.list_backup(track_sid);
        true
    }

    /// Bring what is told of a track's second codec up to date.
    fn list_backup(&mut self, track_sid: &str) {
        let codec = self.backup_of(track_sid).map(Track::codec);
        if let Some((track, codec)) = self.track_mut(track_sid).zip(codec) {
            track.info.codecs.truncate(1);
            track.info.codecs.push(codec);
        }
    }
}
