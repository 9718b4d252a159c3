//! Which layers are wanted: what a viewer asks for becomes the best layer that is of use to it, and
//! what all viewers of a track ask for is told to who publishes it (`SubscribedQualityUpdate`), so
//! that layers which nobody wants are not even encoded.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use livekit_protocol as lk;
use lk::signal_response::Message;

use super::participant::{Participant, Track, Wish};
use super::Locked;
use crate::engine::packets::command::{Command, SessionId, Want};
use crate::engine::packets::forward::TrackKey;
use crate::engine::packets::layers::{Layer, SPATIAL, TEMPORAL};

/// A layer that nobody wants is switched off after this: pages are turned back and forth, and an
/// encoder that starts again begins with a key frame.
const PAUSE: Duration = Duration::from_secs(3);
/// The lowest layer goes on without a viewer: an encoder that stands still takes longer to begin than
/// a key frame takes, and who is admitted or moved here is to see something at once.
const LOWEST: u8 = 1;
/// A picture may be shown so much larger than it is sent, in percent, before the next layer pays.
const TOLERANCE: u32 = 90;
/// A camera's picture where its publisher did not say.
const USUAL_LINES: u32 = 720;
/// Frames a second of a camera; half of it is what the second highest temporal layer gives.
const FULL_RATE: u32 = 30;

/// Bandwidth goes first to what was asked for, then to shared screens, then to who speaks; an
/// explicit priority (1 is the highest) stands above all of them.
const EXPLICIT: u16 = 1_000;
const ASKED: u16 = 4;
const SCREEN: u16 = 2;
const SPEAKING: u16 = 1;

/// What a publisher was told of who wants its layers, in one codec.
#[derive(Debug, Default)]
pub(crate) struct Subscribed {
    /// A bit for each layer; `None` until it was told, which means all.
    told: Option<u8>,
    /// Since when fewer are wanted than were told.
    fewer: Option<Instant>,
}

impl Subscribed {
    /// Of a codec that nobody has been asked for.
    pub fn not_yet() -> Self {
        Self {
            told: Some(0),
            fewer: None,
        }
    }
}

impl Track {
    /// How many spatial layers it has: simulcast's, or those that were announced for a codec that has
    /// them in one stream.
    #[allow(deprecated)] // where clients say it
    pub fn layer_count(&self) -> usize {
        let layers = match self.rids.len() {
            0 if self.is_nested() => self.info.layers.len(),
            rids => rids,
        };
        layers.clamp(1, SPATIAL)
    }

    /// Its codec may have several spatial layers in one stream (SVC), and it has no others.
    fn is_nested(&self) -> bool {
        self.rids.is_empty() && matches!(self.info.mime_type.as_str(), "video/VP9" | "video/AV1")
    }

    /// The smaller side of a layer's picture in pixels.
    #[allow(deprecated)] // where clients say it
    fn lines(&self, spatial: usize) -> u32 {
        let quality = self.quality(spatial) as i32;
        let announced = self.info.layers.iter().find(|l| l.quality == quality);
        let announced = announced.map_or(0, |l| l.width.min(l.height));
        let whole = match self.info.width.min(self.info.height) {
            0 => USUAL_LINES,
            lines => lines,
        };
        match announced {
            // Clients halve from layer to layer.
            0 => whole >> (self.layer_count() - 1 - spatial),
            lines => lines,
        }
    }

    /// LiveKit's name for a layer. A single one is high, and so is the highest of nested ones.
    fn quality(&self, spatial: usize) -> lk::VideoQuality {
        if self.rids.is_empty() {
            return match self.layer_count() - 1 - spatial.min(self.layer_count() - 1) {
                0 => lk::VideoQuality::High,
                1 => lk::VideoQuality::Medium,
                _ => lk::VideoQuality::Low,
            };
        }
        match (self.rids.get(spatial).map(String::as_str), spatial) {
            (None, _) | (Some("f"), _) => lk::VideoQuality::High,
            (Some("q"), _) => lk::VideoQuality::Low,
            (Some("h"), _) => lk::VideoQuality::Medium,
            (Some(_), 0) => lk::VideoQuality::Low,
            (Some(_), 1) => lk::VideoQuality::Medium,
            (Some(_), _) => lk::VideoQuality::High,
        }
    }

    /// The smallest layer that fills what is shown.
    fn layer_for(&self, wish: &Wish) -> usize {
        let top = self.layer_count() - 1;
        let Some(size) = wish.size else {
            return top;
        };
        if size.width == 0 && size.height == 0 {
            let at_most = |s: &usize| self.quality(*s) as i32 <= size.quality;
            return (0..=top).rev().find(at_most).unwrap_or(0);
        }
        let shown = match (size.width, size.height) {
            (0, side) | (side, 0) => side,
            (width, height) if self.info.width < self.info.height => width.min(height * 9 / 16),
            (width, height) => height.min(width * 9 / 16),
        };
        let needed = shown * TOLERANCE / 100;
        (0..top).find(|s| self.lines(*s) >= needed).unwrap_or(top)
    }
}

/// What a viewer wants of a track that it receives.
pub(crate) fn want(viewer: &Participant, track: &Track, speaking: bool) -> Want {
    let wish = viewer.wishes.get(&track.info.sid);
    let wish = wish.copied().unwrap_or_default();
    let fps = wish.size.map_or(0, |s| s.fps);
    let top = TEMPORAL as u8 - 1;
    // VP8's three temporal layers give a quarter, a half and all of the frames.
    let temporal = match fps {
        0 => top,
        fps if fps <= FULL_RATE / 4 => 0,
        fps if fps <= FULL_RATE / 2 => 1,
        _ => top,
    };
    let priority = wish.size.map_or(0, |s| s.priority);
    let flag = |on: bool, class: u16| if on { class } else { 0 };
    let screen = track.info.source() == lk::TrackSource::ScreenShare;
    let class = match priority {
        0 => {
            flag(wish.subscribed == Some(true), ASKED)
                + flag(screen, SCREEN)
                + flag(speaking, SPEAKING)
        }
        priority => {
            EXPLICIT
                - u16::try_from(priority)
                    .unwrap_or(EXPLICIT)
                    .min(EXPLICIT / 2)
        }
    };
    Want {
        most: Layer::new(track.layer_for(&wish) as u8, temporal),
        class,
        size: wish.size.map_or(0, |s| s.width.saturating_mul(s.height)),
    }
}

impl Locked<'_> {
    /// What a viewer wants of a track it is about to receive.
    pub fn want_of(&self, viewer: &Participant, owner: &Participant, track: &Track) -> Want {
        let speaking = owner.tracks.iter().any(|t| {
            t.spoke
                .is_some_and(|at| at.elapsed() < super::speakers::MEMORY)
        });
        want(viewer, track, speaking)
    }

    /// A layer is wanted that its publisher may have switched off: on again, at once.
    pub fn switch_on(&mut self, wanted: &[(TrackKey, u8)]) {
        for (key, spatial) in wanted {
            let Some((owner, track_sid)) = self.keys.get(key).cloned() else {
                continue;
            };
            let participant = self.participants.get_mut(&owner);
            let Some(track) = participant.and_then(|p| p.keyed_mut(*key)) else {
                continue;
            };
            let layers = (2u8 << spatial) - 1;
            match track.subscribed.told {
                Some(told) if told & layers != layers => {
                    track.tell(told | layers);
                    self.tell_subscribed(&owner, &track_sid);
                }
                _ => {}
            }
        }
    }

    fn tell_subscribed(&mut self, owner: &str, track_sid: &str) {
        let participant = self.participants.get(owner);
        if let Some(update) = participant.map(|p| p.subscribed(track_sid)) {
            self.send(owner, Message::SubscribedQualityUpdate(update));
        }
    }

    /// A publisher's socket is back: who lacks a codec meanwhile was asked for in vain.
    pub fn tell_backups(&mut self, sid: &str) {
        let Some(participant) = self.participants.get(sid) else {
            return;
        };
        let backups = participant.tracks.iter().filter(|t| t.backup);
        let tracks: Vec<String> = backups.map(|t| t.info.sid.clone()).collect();
        for track in tracks {
            self.tell_subscribed(sid, &track);
        }
    }

    /// Tell publishers which of their layers nobody has wanted for a while.
    pub fn switch_off_unwanted(&mut self, now: Instant) {
        let mut wanted: HashMap<TrackKey, u8> = HashMap::new();
        for viewer in self.participants.values() {
            for section in &viewer.receiving {
                if let (Some(key), Some(want)) = (section.routed, section.want) {
                    *wanted.entry(key).or_default() |= (2u8 << want.most.spatial) - 1;
                }
            }
        }
        let mut changed = Vec::new();
        for participant in self.participants.values_mut() {
            for track in participant.tracks.iter_mut().filter(|t| t.mid.is_some()) {
                if track.info.r#type() != lk::TrackType::Video {
                    continue;
                }
                let always = if track.backup { 0 } else { LOWEST };
                let layers = wanted.get(&track.key).copied().unwrap_or(0) | always;
                if track.follow(layers, now) {
                    changed.push((participant.sid.clone(), track.info.sid.clone()));
                }
            }
        }
        for (sid, track) in changed {
            self.tell_subscribed(&sid, &track);
        }
    }

    /// A worker paused a video for want of bandwidth, or sends it again.
    pub fn stream_paused(&mut self, id: SessionId, key: TrackKey, paused: bool) {
        let Some(viewer) = self.sessions.get(&id).cloned() else {
            return;
        };
        let Some((owner, track)) = self.keys.get(&key).cloned() else {
            return;
        };
        let state = match paused {
            true => lk::StreamState::Paused,
            false => lk::StreamState::Active,
        };
        self.send(
            &viewer,
            Message::StreamStateUpdate(lk::StreamStateUpdate {
                stream_states: vec![lk::StreamStateInfo {
                    participant_sid: owner,
                    track_sid: track,
                    state: state as i32,
                }],
            }),
        );
    }

    /// Tell the worker what a viewer wants now of the tracks that it receives.
    pub fn sync_wants(&mut self, sid: &str) {
        let Some(viewer) = self.participants.get(sid) else {
            return;
        };
        let session = viewer.receiver();
        let mut changes = Vec::new();
        for (at, section) in viewer.receiving.iter().enumerate() {
            let Some(key) = section.routed else {
                continue;
            };
            let owner = self.keys.get(&key).map(|(owner, _)| owner);
            let Some(owner) = owner.and_then(|o| self.participants.get(o)) else {
                continue;
            };
            let Some(track) = owner.keyed(key) else {
                continue;
            };
            let want = self.want_of(viewer, owner, track);
            if section.want.is_some_and(|told| told != want) {
                changes.push((at, section.mid.clone(), track.key, want));
            }
        }
        let on: Vec<_> = changes
            .iter()
            .map(|(_, _, key, w)| (*key, w.most.spatial))
            .collect();
        for (at, mid, _, want) in changes {
            let mid = str0m::media::Mid::from(mid.as_str());
            let id = session.id;
            self.rooms
                .command(session.worker, Command::Want { id, mid, want });
            if let Some(viewer) = self.participants.get_mut(sid) {
                viewer.receiving[at].want = Some(want);
            }
        }
        self.switch_on(&on);
    }
}

impl Track {
    fn all_layers(&self) -> u8 {
        (2u8 << (self.layer_count() - 1)) - 1
    }

    /// Whether there is something to tell the publisher now that these layers are wanted.
    fn follow(&mut self, wanted: u8, now: Instant) -> bool {
        let all = self.all_layers();
        let wanted = wanted & all;
        let told = self.subscribed.told.unwrap_or(all);
        if wanted & !told != 0 {
            self.tell(wanted | told);
            return true;
        }
        if wanted == told {
            self.subscribed.fewer = None;
            return false;
        }
        let since = *self.subscribed.fewer.get_or_insert(now);
        let over = now.saturating_duration_since(since) >= PAUSE;
        if over {
            self.tell(wanted);
        }
        over
    }

    fn tell(&mut self, layers: u8) {
        self.subscribed = Subscribed {
            told: Some(layers),
            fewer: None,
        };
    }

    /// What its publisher is told to send of it.
    fn qualities(&self) -> Vec<lk::SubscribedQuality> {
        let layers = self.subscribed.told.unwrap_or(self.all_layers());
        // LiveKit's clients look up a single encoding as low, others by their names.
        // Where one stream holds all layers it flows or it does not.
        let single = self.layer_count() == 1 || self.is_nested();
        let best = (0..self.layer_count())
            .filter(|s| layers >> s & 1 == 1)
            .map(|s| self.quality(s) as i32)
            .max();
        [
            lk::VideoQuality::Low,
            lk::VideoQuality::Medium,
            lk::VideoQuality::High,
        ]
        .into_iter()
        .map(|quality| lk::SubscribedQuality {
            quality: quality as i32,
            enabled: best.is_some_and(|best| single || quality as i32 <= best),
        })
        .collect()
    }
}

impl Participant {
    /// What it is told to send of a track: always of both codecs, if it has two, for LiveKit's clients
    /// come back to the last word some seconds after they began to send the second one.
    #[allow(deprecated)] // older clients read `subscribed_qualities`
    fn subscribed(&self, track_sid: &str) -> lk::SubscribedQualityUpdate {
        let of_track = self.tracks.iter().filter(|t| t.info.sid == track_sid);
        let codecs: Vec<lk::SubscribedCodec> = of_track
            .map(|track| {
                let codec = track.info.mime_type.rsplit('/').next().unwrap_or_default();
                lk::SubscribedCodec {
                    codec: codec.to_ascii_lowercase(),
                    qualities: track.qualities(),
                }
            })
            .collect();
        let first = codecs.first().map(|c| c.qualities.clone());
        lk::SubscribedQualityUpdate {
            track_sid: track_sid.to_owned(),
            subscribed_qualities: first.unwrap_or_default(),
            subscribed_codecs: codecs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rooms::participant::Size;

    fn track(rids: &[&str]) -> Track {
        let mut track = Track::of(lk::TrackInfo {
            sid: "TR_VCx".to_owned(),
            r#type: lk::TrackType::Video as i32,
            width: 1280,
            height: 720,
            mime_type: "video/VP8".to_owned(),
            ..Default::default()
        });
        track.rids = rids.iter().map(|r| (*r).to_owned()).collect();
        track
    }

    fn shown(width: u32, height: u32) -> Wish {
        Wish {
            size: Some(Size {
                width,
                height,
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn enabled(track: &Track) -> Vec<bool> {
        track.qualities().iter().map(|q| q.enabled).collect()
    }

    #[test]
    fn a_tile_of_160_pixels_gets_at_most_180_lines() {
        let track = track(&["q", "h", "f"]);
        assert_eq!(track.lines(track.layer_for(&shown(160, 90))), 180);
        assert_eq!(track.lines(track.layer_for(&shown(160, 160))), 180);
        assert_eq!(track.lines(track.layer_for(&shown(160, 0))), 180);
    }

    #[test]
    fn the_layer_follows_the_size() {
        let track = track(&["q", "h", "f"]);
        assert_eq!(track.layer_for(&shown(640, 360)), 1);
        // A little larger than the layer is near enough.
        assert_eq!(track.layer_for(&shown(700, 394)), 1);
        assert_eq!(track.layer_for(&shown(1280, 720)), 2);
        assert_eq!(track.layer_for(&Wish::default()), 2);
        let quality = |q: lk::VideoQuality| Wish {
            size: Some(Size {
                quality: q as i32,
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(track.layer_for(&quality(lk::VideoQuality::Low)), 0);
        assert_eq!(track.layer_for(&quality(lk::VideoQuality::Medium)), 1);
        assert_eq!(track.layer_for(&quality(lk::VideoQuality::High)), 2);
    }

    #[test]
    fn what_nobody_wants_is_switched_off_after_a_pause_and_on_at_once() {
        let (mut track, start) = (track(&["q", "h", "f"]), Instant::now());
        let mut told = |wanted: u8, at: Instant| {
            let told = track.follow(wanted, at);
            told.then(|| enabled(&track))
        };
        assert_eq!(told(0b001, start), None);
        assert_eq!(told(0b001, start + PAUSE / 2), None);
        let off = told(0b001, start + PAUSE);
        assert_eq!(off, Some(vec![true, false, false]));
        assert_eq!(told(0b001, start + PAUSE * 3), None);
        let on = told(0b111, start + PAUSE * 3);
        assert_eq!(on, Some(vec![true, true, true]));
        // Wanted again before the pause is over: nothing is told.
        assert_eq!(told(0, start + PAUSE * 4), None);
        assert_eq!(told(0b111, start + PAUSE * 9 / 2), None);
        assert_eq!(told(0, start + PAUSE * 5), None);
        let none = told(0, start + PAUSE * 6);
        assert_eq!(none, Some(vec![false, false, false]));
    }

    #[test]
    fn a_single_layer_is_wanted_whole_or_not_at_all() {
        let (mut track, start) = (track(&[]), Instant::now());
        assert_eq!(track.layer_for(&shown(16, 9)), 0);
        assert!(!track.follow(0b001, start));
        track.follow(0, start);
        assert!(track.follow(0, start + PAUSE));
        assert_eq!(enabled(&track), [false; 3]);
        assert!(track.follow(0b001, start + PAUSE));
        assert_eq!(enabled(&track), [true; 3]);
    }
}
