//! Publishing: tracks are announced, matched to the sections of an offer, muted and taken back.

use livekit_protocol as lk;
use lk::signal_response::Message;
use str0m::media::{Mid, Rid};

use super::participant::{Mode, Participant, Track};
use super::sdp::{Kind, Section};
use super::{new_sid, Locked};
use crate::engine::packets::command::{Command, Upstream};
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
        let key = self.rooms.next_key();
        let Some(participant) = self.participants.get_mut(sid) else {
            return Ok(());
        };
        let known = participant
            .tracks
            .iter()
            .find(|t| t.cids.first() == Some(&request.cid) || t.info.sid == request.sid);
        if let Some(known) = known {
            let response = published(&request.cid, known);
            self.send(sid, response);
            return Ok(());
        }
        // Who waits in the lobby may announce what they will send once they are let in.
        let waits = participant.mode == Mode::Slots && !participant.grants.publish;
        if !waits && !participant.grants.allows(request.source()) {
            return Err(Refusal::NotAllowed);
        }
        if participant.tracks.len() >= MAX_TRACKS {
            return Err(Refusal::TooMany);
        }
        let track = new_track(key, &request);
        let response = published(&request.cid, &track);
        let (owner, track_sid) = (participant.sid.clone(), track.info.sid.clone());
        participant.tracks.push(track);
        self.keys.insert(key, (owner, track_sid));
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
                _ => ended.push(track.info.sid.clone()),
            }
        }
        participant.unclaimed = sections
            .iter()
            .filter(|s| s.sends && s.kind != Kind::Application)
            .filter(|s| {
                !participant
                    .tracks
                    .iter()
                    .any(|t| t.mid.as_ref() == Some(&s.mid) && !ended.contains(&t.info.sid))
            })
            .map(|s| Section {
                track: named(s),
                ..s.clone()
            })
            .collect();
        for track in ended {
            self.unpublish(sid, &track);
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
                let free = |t: &&mut Track| t.mid.is_none() && t.kind() == section.kind;
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
                for codec in &mut track.info.codecs {
                    codec.mid.clone_from(&section.mid);
                }
                claimed.push((track.info.sid.clone(), section.rids.clone()));
                false
            });
        }
        participant.unclaimed = sections;
        for (track, rids) in &claimed {
            self.start_track(sid, track, rids);
        }
        if !claimed.is_empty() {
            self.announce(sid);
            self.refresh_room_of(sid);
        }
    }

    fn start_track(&mut self, sid: &str, track_sid: &str, rids: &[String]) {
        let mut layers: Vec<Rid> = rids.iter().map(|r| Rid::from(r.as_str())).collect();
        sort_layers(&mut layers);
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        let Some(track) = participant.track_mut(track_sid) else {
            return;
        };
        track.rids = layers.iter().map(ToString::to_string).collect();
        let Some(participant) = self.participants.get(sid) else {
            return;
        };
        let Some(track) = participant.track(track_sid) else {
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
        let Some(at) = participant
            .tracks
            .iter()
            .position(|t| t.info.sid == track_sid)
        else {
            return;
        };
        let track = participant.tracks.remove(at);
        let session = participant.publisher;
        self.keys.remove(&track.key);
        self.rooms.command(
            session.worker,
            Command::Unpublish {
                id: session.id,
                key: track.key,
            },
        );
        self.send(
            sid,
            Message::TrackUnpublished(lk::TrackUnpublishedResponse {
                track_sid: track_sid.to_owned(),
            }),
        );
        self.announce(sid);
        self.refresh_room_of(sid);
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
    let asked = request
        .simulcast_codecs
        .first()
        .map(|c| c.codec.to_ascii_lowercase())
        .unwrap_or_default();
    let mime = match (video, asked.trim_start_matches("video/")) {
        (false, _) => "audio/opus",
        (true, "h264") => "video/H264",
        (true, "vp9") => "video/VP9",
        (true, "av1") => "video/AV1",
        // What is not negotiated: the client falls back to what is named here.
        (true, _) => "video/VP8",
    };
    let mut cids = vec![request.cid.clone()];
    for codec in &request.simulcast_codecs {
        if !codec.cid.is_empty() && !cids.contains(&codec.cid) {
            cids.push(codec.cid.clone());
        }
    }
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
            subscribed: super::quality::Subscribed::default(),
        }
    }
}

impl Participant {
    /// Its tracks that others may receive now.
    pub fn receivable(&self) -> impl Iterator<Item = &Track> {
        self.tracks
            .iter()
            .filter(|t| t.mid.is_some() && self.shows(t))
    }
}
