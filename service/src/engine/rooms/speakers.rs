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
/// Levels are told in steps, as LiveKit's server tells them: one that hardly changes is no news, and
/// news go to the whole room.
const STEPS: f32 = 8.0;

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
            let (changed, speaking) = self.speakers(&members);
            for member in &members {
                self.tell_speakers(member, &changed, &speaking);
            }
            if !speaking.is_empty() {
                for member in &members {
                    self.refresh_slots(member);
                    self.sync_wants(member);
                }
            }
        }
    }

    /// What changed; and who is new is told once who speaks.
    fn tell_speakers(&mut self, sid: &str, changed: &[lk::SpeakerInfo], all: &[lk::SpeakerInfo]) {
        let Some(viewer) = self.participants.get_mut(sid) else {
            return;
        };
        let told = match std::mem::replace(&mut viewer.knows_speakers, true) {
            true => changed,
            false => all,
        };
        let Some(viewer) = self.participants.get(sid) else {
            return;
        };
        let visible = |s: &&lk::SpeakerInfo| {
            let other = self.participants.get(&s.sid);
            s.sid == sid || other.is_some_and(|other| self.sees(viewer, other))
        };
        let speakers: Vec<_> = told.iter().filter(visible).cloned().collect();
        if !speakers.is_empty() {
            let speakers = lk::SpeakersChanged { speakers };
            self.send(sid, Message::SpeakersChanged(speakers));
        }
    }

    /// It may have missed what was told, or is among others.
    pub fn forget_speakers(&mut self, sid: &str) {
        if let Some(participant) = self.participants.get_mut(sid) {
            participant.knows_speakers = false;
        }
    }

    /// Whose level changed, and everybody who speaks.
    fn speakers(&mut self, members: &[String]) -> (Vec<lk::SpeakerInfo>, Vec<lk::SpeakerInfo>) {
        let (mut changed, mut speaking) = (Vec::new(), Vec::new());
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
            let speaks = Steps::of(level);
            let before = std::mem::replace(&mut participant.speaks, speaks);
            let info = lk::SpeakerInfo {
                sid: participant.sid.clone(),
                level: speaks.map_or(0.0, Steps::level),
                active: speaks.is_some(),
            };
            if before != speaks {
                changed.push(info.clone());
            }
            if speaks.is_some() {
                speaking.push(info);
            }
        }
        (changed, speaking)
    }
}

/// How loud somebody is who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps(u8);

impl Steps {
    /// `None` for somebody who does not speak.
    fn of(level: f32) -> Option<Self> {
        (level > SPEECH).then(|| Self((level * STEPS).ceil().min(STEPS) as u8))
    }

    fn level(self) -> f32 {
        f32::from(self.0) / STEPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_told_in_steps_and_silence_is_none() {
        let told = |level| Steps::of(level).map(Steps::level);
        assert_eq!(told(0.0), None);
        assert_eq!(told(SPEECH), None);
        assert_eq!(told(0.02), Some(0.125));
        assert_eq!(told(0.1), told(0.12), "hardly a change");
        assert_eq!(told(0.13), Some(0.25));
        assert_eq!(told(7.0), Some(1.0), "no louder than full scale");
    }
}
