//! A participant as the rooms know it: identity, grants, tracks, and what it receives where.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use livekit_protocol as lk;

use super::data::Sent;
use super::quality::Subscribed;
use super::sdp::{Kind, Label, Section};
use super::signal::Signal;
use crate::engine::packets::command::{SessionRef, Want};
use crate::engine::packets::forward::TrackKey;
use crate::engine::packets::layers::Rates;
use crate::engine::token::Grants;

/// How a client receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A fixed set of sections, filled by messages (our SDK).
    Slots,
    /// One connection, a section per track, the client offers (LiveKit's v1).
    Single,
    /// Two connections, the engine offers on the second (LiveKit's v0).
    Dual,
}

/// A published track.
#[derive(Debug)]
pub(crate) struct Track {
    pub key: TrackKey,
    pub info: lk::TrackInfo,
    /// The client's names for it: `AddTrackRequest.cid`, and that of its codec.
    pub cids: Vec<String>,
    /// Where it is sent, once an offer said so.
    pub mid: Option<String>,
    /// The loudest since speakers were last counted, 0 to 1.
    pub level: f32,
    /// Its level of late, in dB of full scale.
    pub loudness: f32,
    pub spoke: Option<Instant>,
    /// Its simulcast layers' names, the smallest first; empty without simulcast.
    pub rids: Vec<String>,
    /// What each layer costs, measured by the publisher's worker.
    pub rates: Arc<Rates>,
    pub subscribed: Subscribed,
    /// The second codec of a track that stands before it and has the same sid. Whether it is muted is
    /// said there alone; without names of the client's it is announced, but not sent.
    pub backup: bool,
}

impl Track {
    pub fn kind(&self) -> Kind {
        match self.info.r#type() {
            lk::TrackType::Audio => Kind::Audio,
            _ => Kind::Video,
        }
    }
}

/// A section in which a participant receives.
#[derive(Debug)]
pub(crate) struct Receiving {
    pub mid: String,
    pub kind: Kind,
    /// Sid of the track that is assigned to it.
    pub track: Option<String>,
    /// What the worker was told to send there, and how it is wanted.
    pub routed: Option<TrackKey>,
    pub want: Option<Want>,
    /// Offer and answer are through: the worker can send there.
    pub ready: bool,
    /// It carried a track before. Chromium (156) shows no more pictures in a section that went
    /// from active to inactive and back, so one that was used stays active under an idle name.
    pub used: bool,
    /// v0: the client was offered the section under its idle name, so that another is news to it.
    pub idle: bool,
    /// How the track is named in descriptions, for as long as it is assigned.
    pub label: Option<Label>,
}

impl Receiving {
    pub fn new(mid: String, kind: Kind, ready: bool) -> Self {
        Self {
            mid,
            kind,
            track: None,
            routed: None,
            want: None,
            ready,
            used: false,
            idle: false,
            label: None,
        }
    }

    pub fn clear(&mut self) {
        self.track = None;
        self.label = None;
    }
}

/// What a participant said about receiving a track.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Wish {
    pub subscribed: Option<bool>,
    pub disabled: bool,
    pub size: Option<Size>,
}

/// How a video is shown (`UpdateTrackSettings`): in pixels, or by quality where those are 0.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub width: u32,
    pub height: u32,
    pub fps: u32,
    pub quality: i32,
    /// 1 is the highest, 0 none in particular.
    pub priority: u32,
}

/// v0's subscriber connection: one offer at a time.
#[derive(Debug, Default)]
pub(crate) struct Offering {
    pub in_flight: bool,
    pub again: bool,
    pub id: u32,
    pub ice_restart: bool,
    pub made: bool,
}

#[derive(Debug)]
pub(crate) struct Participant {
    pub sid: String,
    pub identity: String,
    pub name: String,
    pub metadata: String,
    pub attributes: BTreeMap<String, String>,
    pub room: String,
    pub grants: Grants,
    pub mode: Mode,
    pub joined: std::time::SystemTime,
    pub version: u32,
    pub client: lk::ClientInfo,
    pub publisher: SessionRef,
    pub subscriber: Option<SessionRef>,
    pub connected: bool,
    pub ever_connected: bool,
    pub signal: Option<Signal>,
    pub created: Instant,
    pub socket_lost: Option<Instant>,
    pub transport_lost: Option<Instant>,
    pub tracks: Vec<Track>,
    /// Sending sections of the last offer that belong to no announced track yet.
    pub unclaimed: Vec<Section>,
    pub auto_subscribe: bool,
    pub wishes: HashMap<String, Wish>,
    pub receiving: Vec<Receiving>,
    /// Video codecs that it takes, in small letters; empty until it has said so.
    pub decodes: Vec<String>,
    /// Tracks of which it was told that it lacks their codec.
    pub told_codec: HashSet<String>,
    /// How often tracks of an owner were taken from this participant: part of their stream's name.
    pub stints: HashMap<String, u32>,
    /// An offer with more sections was asked for (v1).
    pub asked: Option<(u32, u32)>,
    pub offering: Offering,
    pub connection: super::connection::Connection,
    /// Voices without a slot that are clearly louder than one that has one.
    pub louder: super::loudest::Louder,
    /// How loud it speaks, if it does, as last told to the others.
    pub speaks: Option<super::speakers::Steps>,
    /// It has been told of all others who speak.
    pub knows_speakers: bool,
    /// Its reliable data messages.
    pub sent: Sent,
    /// When it came into its present room.
    pub entered: Instant,
    /// From another room, by a move: what was shown right before is no secret to them.
    pub moved: bool,
    /// Whom it lets receive its tracks; everybody until it says otherwise.
    pub permission: Option<lk::SubscriptionPermission>,
}

impl Participant {
    pub fn track(&self, sid: &str) -> Option<&Track> {
        self.tracks.iter().find(|t| t.info.sid == sid)
    }

    pub fn track_mut(&mut self, sid: &str) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|t| t.info.sid == sid)
    }

    pub fn keyed(&self, key: TrackKey) -> Option<&Track> {
        self.tracks.iter().find(|t| t.key == key)
    }

    pub fn keyed_mut(&mut self, key: TrackKey) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|t| t.key == key)
    }

    /// Its client has applied the last answer: what is new in it can be used.
    pub fn applied(&mut self) {
        self.receiving.iter_mut().for_each(|r| r.ready = true);
    }

    /// Its tracks, each once, whatever codecs it is sent in.
    pub fn announced(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(|t| !t.backup)
    }

    /// The second codec of a track.
    pub fn backup_of(&self, track_sid: &str) -> Option<&Track> {
        let mut tracks = self.tracks.iter();
        tracks.find(|t| t.backup && t.info.sid == track_sid)
    }

    pub fn backup_of_mut(&mut self, track_sid: &str) -> Option<&mut Track> {
        let mut tracks = self.tracks.iter_mut();
        tracks.find(|t| t.backup && t.info.sid == track_sid)
    }

    /// A track in the codec that somebody gets: the first, or the second where they lack it.
    pub fn sent_to<'a>(&'a self, viewer: &Participant, track: &'a Track) -> Option<&'a Track> {
        if viewer.takes(track) {
            return Some(track);
        }
        let backup = self.backup_of(&track.info.sid);
        backup.filter(|b| b.mid.is_some() && viewer.takes(b))
    }

    /// The session that media arrives on.
    pub fn receiver(&self) -> SessionRef {
        self.subscriber.unwrap_or(self.publisher)
    }

    /// Whether libwebrtc itself tells the client of tracks, as in LiveKit's SDKs for Python, Rust and
    /// telephones. It does so only when a section begins to be received, not, as browsers do, when
    /// its stream gets another name; and a track that such a client let go stays silent in a section
    /// that is used again (`livekit` 1.2.1 of PyPI).
    pub fn is_native(&self) -> bool {
        use lk::client_info::Sdk;
        !matches!(self.client.sdk(), Sdk::Unknown | Sdk::Js)
    }

    /// Whether it has this codec of somebody's track, as far as anybody knows.
    pub fn takes(&self, track: &Track) -> bool {
        let codec = track.info.mime_type.strip_prefix("video/");
        codec.is_none_or(|codec| {
            self.decodes.is_empty() || self.decodes.iter().any(|d| d.eq_ignore_ascii_case(codec))
        })
    }

    /// Take note of the codecs of the video sections in which it receives.
    pub fn learn_codecs(&mut self, sections: &[Section]) {
        let receives = |s: &&Section| s.kind == Kind::Video && s.receives;
        let codecs = sections.iter().filter(receives).flat_map(|s| &s.codecs);
        let codecs: Vec<String> = codecs.cloned().collect();
        if !codecs.is_empty() {
            self.decodes = codecs;
            self.decodes.sort_unstable();
            self.decodes.dedup();
        }
    }

    /// Whether others may know of and receive this track (S3).
    pub fn shows(&self, track: &Track) -> bool {
        self.grants.allows(track.info.source())
    }

    /// Whether what the track sends goes on: muted is muted in both codecs (S14).
    pub fn opens(&self, track: &Track) -> bool {
        let track = self.track(&track.info.sid);
        track.is_some_and(|t| self.shows(t) && !t.info.muted)
    }

    /// As others see it.
    pub fn info(&self) -> lk::ParticipantInfo {
        self.info_with(|t| self.shows(t))
    }

    /// As it sees itself: all its tracks, shown to others or not.
    pub fn own_info(&self) -> lk::ParticipantInfo {
        self.info_with(|_| true)
    }

    fn info_with(&self, shown: impl Fn(&Track) -> bool) -> lk::ParticipantInfo {
        let millis = self
            .joined
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_millis() as i64);
        let state = match self.ever_connected {
            true => lk::participant_info::State::Active,
            false => lk::participant_info::State::Joined,
        };
        let tracks: Vec<lk::TrackInfo> = self
            .announced()
            .filter(|t| shown(t))
            .map(|t| t.info.clone())
            .collect();
        lk::ParticipantInfo {
            sid: self.sid.clone(),
            identity: self.identity.clone(),
            name: self.name.clone(),
            metadata: self.metadata.clone(),
            attributes: self.attributes.clone().into_iter().collect(),
            state: state as i32,
            is_publisher: !tracks.is_empty(),
            tracks,
            joined_at: millis / 1000,
            joined_at_ms: millis,
            version: self.version,
            permission: Some(lk::ParticipantPermission {
                can_subscribe: self.grants.subscribe,
                can_publish: self.grants.publish,
                can_publish_data: self.grants.publish_data,
                can_publish_sources: self.grants.sources.iter().map(|s| *s as i32).collect(),
                hidden: self.grants.hidden,
                ..Default::default()
            }),
            client_protocol: self.client.client_protocol,
            ..Default::default()
        }
    }

    /// As others see it once it is gone.
    pub fn gone_info(&self, reason: lk::DisconnectReason) -> lk::ParticipantInfo {
        lk::ParticipantInfo {
            state: lk::participant_info::State::Disconnected as i32,
            disconnect_reason: reason as i32,
            tracks: Vec::new(),
            ..self.info()
        }
    }

    /// The position of a slot among those of its kind; browsers synchronise what shares a stream
    /// name, so audio slot n and video slot n do.
    pub fn slot_number(&self, mid: &str) -> usize {
        let Some(own) = self.receiving.iter().find(|r| r.mid == mid) else {
            return 0;
        };
        self.receiving
            .iter()
            .filter(|r| r.kind == own.kind)
            .position(|r| r.mid == mid)
            .unwrap_or(0)
    }

    pub fn slot_labels(&self) -> HashMap<String, Label> {
        let label = |r: &Receiving| Label {
            stream: format!("slot-{}", self.slot_number(&r.mid)),
            track: format!("mid-{}", r.mid),
        };
        self.receiving
            .iter()
            .map(|r| (r.mid.clone(), label(r)))
            .collect()
    }
}
