//! Who receives what: from grants, wishes and free sections to the workers' routes.

use livekit_protocol as lk;
use lk::signal_response::Message;
use str0m::media::Mid;

use super::participant::{Mode, Participant, Size, Track, Wish};
use super::sdp::Kind;
use super::Locked;
use crate::engine::packets::command::Command;

/// A track somebody is to receive.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub track: String,
    pub owner: String,
    pub kind: Kind,
    /// A screen or its sound, not a camera or a microphone.
    pub screen: bool,
    pub muted: bool,
    /// Asked for by name.
    pub asked: bool,
    pub speaking: bool,
    /// In dB of full scale.
    pub loudness: f32,
}

impl Locked<'_> {
    /// Everything that a participant wants and may receive, in the order of joining and publishing.
    pub fn wanted(&self, sid: &str) -> Vec<Wanted> {
        let Some(viewer) = self.participants.get(sid) else {
            return Vec::new();
        };
        let mut wanted = Vec::new();
        for other in self.others(sid) {
            let Some(owner) = self.participants.get(&other) else {
                continue;
            };
            if !self.sees(viewer, owner) {
                continue;
            }
            let permitted = |t: &&Track| owner.permits(viewer, &t.info.sid);
            let tracks = owner.receivable().filter(permitted);
            let tracks = tracks.filter(|t| wants(viewer, t) && owner.sent_to(viewer, t).is_some());
            wanted.extend(tracks.map(|t| {
                Wanted {
                    track: t.info.sid.clone(),
                    owner: owner.sid.clone(),
                    kind: t.kind(),
                    screen: matches!(
                        t.info.source(),
                        lk::TrackSource::ScreenShare | lk::TrackSource::ScreenShareAudio
                    ),
                    muted: t.info.muted,
                    asked: viewer
                        .wishes
                        .get(&t.info.sid)
                        .is_some_and(|w| w.subscribed == Some(true)),
                    speaking: t
                        .spoke
                        .is_some_and(|at| at.elapsed() < super::speakers::MEMORY),
                    loudness: t.loudness,
                }
            }));
        }
        wanted
    }

    pub fn refresh_room_of(&mut self, sid: &str) {
        for other in self.others(sid) {
            self.refresh(&other);
        }
    }

    /// Of the tracks that would be sent to a participant if it had their codec, those that it has another
    /// codec of are asked for in that, and of the others it is told once that it lacks theirs.
    fn tell_codecs(&mut self, sid: &str) {
        let Some(viewer) = self.participants.get(sid) else {
            return;
        };
        let others = self.others(sid);
        let owners = others.iter().filter_map(|o| self.participants.get(o));
        let (mut lacking, mut asked) = (Vec::new(), Vec::new());
        for owner in owners.filter(|owner| self.sees(viewer, owner)) {
            let tracks = owner.receivable().filter(|t| !viewer.takes(t));
            let tracks = tracks.filter(|t| owner.permits(viewer, &t.info.sid) && wants(viewer, t));
            for track in tracks {
                let sid = &track.info.sid;
                match owner.backup_of(sid).filter(|b| viewer.takes(b)) {
                    Some(backup) if backup.mid.is_some() => {}
                    Some(backup) => asked.push((backup.key, 0)),
                    None if viewer.told_codec.contains(sid) => {}
                    None => lacking.push(sid.clone()),
                }
            }
        }
        self.switch_on(&asked);
        for track_sid in lacking {
            if let Some(viewer) = self.participants.get_mut(sid) {
                viewer.told_codec.insert(track_sid.clone());
            }
            let response = lk::SubscriptionResponse {
                track_sid,
                err: lk::SubscriptionError::SeCodecUnsupported as i32,
            };
            self.send(sid, Message::SubscriptionResponse(response));
        }
    }

    /// Bring what a participant receives in line with what it wants.
    pub fn refresh(&mut self, sid: &str) {
        let Some(mode) = self.mode_of(sid) else {
            return;
        };
        self.tell_codecs(sid);
        let wanted = self.wanted(sid);
        match mode {
            Mode::Slots => {
                let changed = self.assign_slots(sid, &wanted);
                self.sync_routes(sid);
                if changed {
                    self.send_slots(sid);
                }
            }
            Mode::Single => {
                self.release_unwanted(sid, &wanted);
                self.sync_routes(sid);
                self.ask_for_sections(sid, &wanted);
            }
            Mode::Dual => {
                let released = self.release_unwanted(sid, &wanted);
                self.sync_routes(sid);
                if released || !self.pending(sid, &wanted).is_empty() {
                    self.offer_subscriber(sid);
                }
            }
        }
    }

    /// Empty the sections whose track is no longer wanted.
    pub fn release_unwanted(&mut self, sid: &str, wanted: &[Wanted]) -> bool {
        let Some(participant) = self.participants.get_mut(sid) else {
            return false;
        };
        let mut released = false;
        for section in &mut participant.receiving {
            let stays = section
                .track
                .as_ref()
                .is_none_or(|t| wanted.iter().any(|w| w.track == *t));
            if stays {
                continue;
            }
            released = true;
            let owner = section
                .label
                .as_ref()
                .and_then(|l| l.stream.split('|').next())
                .map(str::to_owned);
            section.clear();
            if let Some(owner) = owner {
                *participant.stints.entry(owner).or_default() += 1;
            }
        }
        released
    }

    /// Wanted tracks without a section.
    pub fn pending(&self, sid: &str, wanted: &[Wanted]) -> Vec<Wanted> {
        let Some(participant) = self.participants.get(sid) else {
            return Vec::new();
        };
        let assigned = |w: &&Wanted| {
            participant
                .receiving
                .iter()
                .any(|r| r.track.as_ref() == Some(&w.track))
        };
        wanted.iter().filter(|w| !assigned(w)).cloned().collect()
    }

    /// v1: only the client offers. Tell it how many sections are missing; none missing still makes
    /// it offer again, which is how free ones get their new names.
    fn ask_for_sections(&mut self, sid: &str, wanted: &[Wanted]) {
        let pending = self.pending(sid, wanted);
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        if pending.is_empty() || participant.receiving.is_empty() {
            // Nothing to ask for, or the first offer is still to come.
            return;
        }
        let missing = |kind: Kind| {
            let needed = pending.iter().filter(|w| w.kind == kind).count();
            let free = participant
                .receiving
                .iter()
                .filter(|r| r.kind == kind && r.track.is_none())
                .count();
            needed.saturating_sub(free) as u32
        };
        let (audios, videos) = (missing(Kind::Audio), missing(Kind::Video));
        let asked = participant.asked.unwrap_or((0, 0));
        if participant.asked.is_some() && asked.0 >= audios && asked.1 >= videos {
            return;
        }
        let more = (
            audios.saturating_sub(asked.0),
            videos.saturating_sub(asked.1),
        );
        participant.asked = Some((asked.0 + more.0, asked.1 + more.1));
        self.send(
            sid,
            Message::MediaSectionsRequirement(lk::MediaSectionsRequirement {
                num_audios: more.0,
                num_videos: more.1,
            }),
        );
    }

    /// Fill free sections with what waits for one.
    pub fn fill_sections(&mut self, sid: &str) {
        let wanted = self.wanted(sid);
        self.release_unwanted(sid, &wanted);
        for pending in self.pending(sid, &wanted) {
            let Some(participant) = self.participants.get_mut(sid) else {
                return;
            };
            if let Some(free) = participant
                .receiving
                .iter_mut()
                .find(|r| r.kind == pending.kind && r.track.is_none())
            {
                free.track = Some(pending.track);
            }
        }
        self.label_sections(sid);
    }

    /// Tell the worker what changed.
    pub fn sync_routes(&mut self, sid: &str) {
        let Some(participant) = self.participants.get(sid) else {
            return;
        };
        let session = participant.receiver();
        let recall = participant.moved && self.expecting(&participant.room).is_some();
        let mut commands = Vec::new();
        let mut routed = Vec::new();
        let mut on = Vec::new();
        for section in &participant.receiving {
            let source = section
                .track
                .as_ref()
                .filter(|t| section.ready && !paused(participant, t))
                .and_then(|t| self.source_of(participant, t));
            let key = source.map(|(_, track)| track.key);
            if key == section.routed {
                routed.push((key, section.want));
                continue;
            }
            let mid = Mid::from(section.mid.as_str());
            let id = session.id;
            let want = source.map(|(owner, track)| self.want_of(participant, owner, track));
            routed.push((key, want));
            commands.push(match (source, want) {
                (Some((owner, track)), Some(want)) => {
                    on.push((track.key, want.most.spatial));
                    Command::Route {
                        id,
                        mid,
                        track: track.key,
                        origin: owner.publisher.worker,
                        video: section.kind == Kind::Video,
                        want,
                        rates: track.rates.clone(),
                        recall,
                    }
                }
                _ => Command::Unroute { id, mid },
            });
        }
        // What ends, ends before anything begins.
        commands.sort_by_key(|c| matches!(c, Command::Route { .. }));
        for command in commands {
            self.rooms.command(session.worker, command);
        }
        if let Some(participant) = self.participants.get_mut(sid) {
            for (section, (key, want)) in participant.receiving.iter_mut().zip(routed) {
                (section.routed, section.want) = (key, want);
            }
        }
        self.switch_on(&on);
    }

    /// A track in the codec that somebody gets, and its publisher.
    fn source_of(&self, viewer: &Participant, track_sid: &str) -> Option<(&Participant, &Track)> {
        let owner = self
            .keys
            .values()
            .find(|(_, t)| t == track_sid)
            .map(|(owner, _)| owner)?;
        let owner = self.participants.get(owner)?;
        Some((owner, owner.sent_to(viewer, owner.track(track_sid)?)?))
    }

    pub fn update_subscription(&mut self, sid: &str, update: &lk::UpdateSubscription) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        let named = update.participant_tracks.iter().flat_map(|p| &p.track_sids);
        for track in update.track_sids.iter().chain(named).take(MAX_WISHES) {
            if participant.wishes.len() < MAX_WISHES || participant.wishes.contains_key(track) {
                let wish = participant.wishes.entry(track.clone()).or_default();
                wish.subscribed = Some(update.subscribe);
            }
        }
        self.refresh(sid);
    }

    /// How tracks are shown, and whether at all.
    /// With slots one that names no track is the word that the last answer is applied: from now on its new
    /// sections are used.
    pub fn update_track_settings(&mut self, sid: &str, settings: &lk::UpdateTrackSettings) {
        if let Some(participant) = self.participants.get_mut(sid) {
            if participant.mode == Mode::Slots && settings.track_sids.is_empty() {
                participant.applied();
            }
        }
        let size = Size {
            width: settings.width.min(MAX_SIDE),
            height: settings.height.min(MAX_SIDE),
            fps: settings.fps,
            quality: settings.quality,
            priority: settings.priority,
        };
        self.wish(sid, &settings.track_sids, |wish| {
            wish.disabled = settings.disabled;
            wish.size = Some(size);
        });
    }

    pub fn set_disabled(&mut self, sid: &str, tracks: &[String], disabled: bool) {
        self.wish(sid, tracks, |wish| wish.disabled = disabled);
    }

    fn wish(&mut self, sid: &str, tracks: &[String], change: impl Fn(&mut Wish)) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        for track in tracks.iter().take(MAX_WISHES) {
            if participant.wishes.len() < MAX_WISHES || participant.wishes.contains_key(track) {
                change(participant.wishes.entry(track.clone()).or_default());
            }
        }
        self.refresh(sid);
        self.sync_wants(sid);
    }
}

/// Pixels of a side that make sense of a page (S11).
const MAX_SIDE: u32 = 16_384;

/// Wishes kept per participant: as many as the largest meeting has tracks (S11).
const MAX_WISHES: usize = 2048;

fn wants(viewer: &Participant, track: &Track) -> bool {
    let wish = viewer
        .wishes
        .get(&track.info.sid)
        .copied()
        .unwrap_or_default();
    let subscribed = wish.subscribed.unwrap_or(viewer.auto_subscribe);
    // Switched off for now: a slot is of more use to somebody else; a section of LiveKit's clients
    // stays the track's, and only its media pauses.
    let gives_way = wish.disabled && viewer.mode == Mode::Slots && track.kind() == Kind::Video;
    subscribed && !gives_way
}

fn paused(viewer: &Participant, track: &str) -> bool {
    viewer.wishes.get(track).is_some_and(|w| w.disabled)
}
