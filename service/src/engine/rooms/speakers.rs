//! Who speaks: from the audio level extension (RFC 6464), told twice a second at most.

use std::collections::HashMap;
use std::time::Duration;

use livekit_protocol as lk;
use lk::signal_response::Message;

use super::Locked;
use crate::clock;
use crate::engine::packets::forward::TrackKey;

/// How often speakers are counted.
pub(crate) const INTERVAL: Duration = Duration::from_millis(500);
/// Who spoke within this time counts as speaking where something is to be given out.
pub(crate) const MEMORY: Duration = Duration::from_secs(3);
/// Louder than this share of full scale is speech (-40 dBov; a quiet room is below -60).
const SPEECH: f32 = 0.01;

impl Locked<'_> {
    pub fn heard(&mut self, levels: HashMap<TrackKey, f32>) {
        let now = clock::now();
        for (key, level) in levels {
            let Some((owner, track)) = self.keys.get(&key).cloned() else {
                continue;
            };
            let Some(track) = self
                .participants
                .get_mut(&owner)
                .and_then(|p| p.track_mut(&track))
            else {
                continue;
            };
            track.level = track.level.max(level);
            if level > SPEECH {
                track.spoke = Some(now);
            }
        }
    }

    /// Tell every room what changed since the last time; who begins to speak may get a slot.
    pub fn count_speakers(&mut self) {
        let rooms: Vec<Vec<String>> = self.all_rooms().map(|r| r.members.clone()).collect();
        for members in rooms {
            let changed = self.changed_speakers(&members);
            if changed.is_empty() {
                continue;
            }
            for member in &members {
                let Some(viewer) = self.participants.get(member) else {
                    continue;
                };
                let speakers: Vec<lk::SpeakerInfo> = changed
                    .iter()
                    .filter(|s| {
                        s.sid == *member
                            || self
                                .participants
                                .get(&s.sid)
                                .is_some_and(|other| self.sees(viewer, other))
                    })
                    .cloned()
                    .collect();
                if !speakers.is_empty() {
                    self.send(
                        member,
                        Message::SpeakersChanged(lk::SpeakersChanged { speakers }),
                    );
                }
            }
            if changed.iter().any(|s| s.active) {
                for member in &members {
                    self.refresh_slots(member);
                    self.sync_wants(member);
                }
            }
        }
    }

    fn changed_speakers(&mut self, members: &[String]) -> Vec<lk::SpeakerInfo> {
        let mut changed = Vec::new();
        for member in members {
            let Some(participant) = self.participants.get_mut(member) else {
                continue;
            };
            let mut level = 0f32;
            for track in &mut participant.tracks {
                let heard = std::mem::take(&mut track.level);
                track.loudness = super::loudest::smooth(track.loudness, heard);
                level = level.max(heard);
            }
            let active = level > SPEECH;
            if active || participant.speaking {
                changed.push(lk::SpeakerInfo {
                    sid: participant.sid.clone(),
                    level,
                    active,
                });
            }
            participant.speaking = active;
        }
        changed
    }
}
