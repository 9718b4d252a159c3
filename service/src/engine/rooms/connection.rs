//! Connection quality: what the workers measured of a participant's paths, as LiveKit's clients
//! show it (`ConnectionQualityUpdate`).

use std::time::Duration;

use livekit_protocol as lk;
use lk::signal_response::Message;

use super::participant::Participant;
use super::Locked;
use crate::engine::packets::command::{Path, SessionId};

/// How often it is told.
pub(crate) const INTERVAL: Duration = Duration::from_secs(3);

/// The best that there is, as a mean opinion score; and what the names begin at.
const BEST: f32 = 5.0;
const EXCELLENT: f32 = 4.0;
const GOOD: f32 = 3.0;
/// What a lost packet of a hundred costs: at 8 % concealment is heard and pictures freeze.
const PER_LOSS: f32 = 25.0;
/// Up to this a conversation does not suffer (ITU-T G.114: 150 ms one way), and what each second
/// beyond costs.
const UNHEARD_DELAY: f32 = 0.3;
const PER_SECOND: f32 = 4.0;
/// Videos are smaller than asked for; and some are paused.
const SHORT: f32 = 0.5;
const PAUSED: f32 = 1.5;

/// What a participant was told and tells.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    up: Option<Path>,
    down: Option<Path>,
    /// As last told to the others.
    told: Option<lk::ConnectionQuality>,
    /// It has been told of all the others once.
    knows: bool,
}

fn score(paths: &[Path]) -> f32 {
    let worst = |of: fn(&Path) -> f32| paths.iter().map(of).fold(0.0, f32::max);
    let loss = worst(|p| p.loss_up.max(p.loss_down));
    let delay = (worst(|p| p.round_trip) - UNHEARD_DELAY).max(0.0);
    let videos = match paths.iter().map(|p| (p.paused, p.short)).max() {
        Some((true, _)) => PAUSED,
        Some((_, true)) => SHORT,
        _ => 0.0,
    };
    (BEST - loss * PER_LOSS - delay * PER_SECOND - videos).clamp(1.0, BEST)
}

fn quality(participant: &Participant) -> Option<lk::ConnectionQualityInfo> {
    let paths: Vec<Path> = [participant.connection.up, participant.connection.down]
        .into_iter()
        .flatten()
        .collect();
    if !participant.ever_connected {
        return None;
    }
    let (quality, score) = match (participant.connected, score(&paths)) {
        (false, _) => (lk::ConnectionQuality::Lost, 0.0),
        (true, score) if score >= EXCELLENT => (lk::ConnectionQuality::Excellent, score),
        (true, score) if score >= GOOD => (lk::ConnectionQuality::Good, score),
        (true, score) => (lk::ConnectionQuality::Poor, score),
    };
    Some(lk::ConnectionQualityInfo {
        participant_sid: participant.sid.clone(),
        quality: quality as i32,
        score,
    })
}

impl Locked<'_> {
    /// A worker measured a path.
    pub fn measured(&mut self, id: SessionId, path: Path) {
        let Some(sid) = self.sessions.get(&id).cloned() else {
            return;
        };
        if let Some(participant) = self.participants.get_mut(&sid) {
            match participant.publisher.id == id {
                true => participant.connection.up = Some(path),
                false => participant.connection.down = Some(path),
            }
        }
    }

    /// Tell every room what changed; who is new is told everything once.
    pub fn tell_quality(&mut self) {
        let rooms: Vec<Vec<String>> = self.all_rooms().map(|r| r.members.clone()).collect();
        for members in rooms {
            let all: Vec<lk::ConnectionQualityInfo> = members
                .iter()
                .filter_map(|m| quality(self.participants.get(m)?))
                .collect();
            let changed: Vec<bool> = all.iter().map(|info| self.note_quality(info)).collect();
            for member in &members {
                self.tell_quality_to(member, &all, &changed);
            }
        }
    }

    fn note_quality(&mut self, info: &lk::ConnectionQualityInfo) -> bool {
        let participant = self.participants.get_mut(&info.participant_sid);
        participant.is_some_and(|p| {
            let quality = Some(info.quality());
            std::mem::replace(&mut p.connection.told, quality) != quality
        })
    }

    fn tell_quality_to(&mut self, sid: &str, all: &[lk::ConnectionQualityInfo], changed: &[bool]) {
        let Some(viewer) = self.participants.get(sid) else {
            return;
        };
        if viewer.signal.is_none() {
            return;
        }
        let news = !viewer.connection.knows;
        let updates: Vec<lk::ConnectionQualityInfo> = all
            .iter()
            .zip(changed)
            .filter(|(info, changed)| {
                let other = self.participants.get(&info.participant_sid);
                let seen = other.is_some_and(|o| o.sid == sid || self.sees(viewer, o));
                seen && (news || **changed)
            })
            .map(|(info, _)| info.clone())
            .collect();
        if let Some(viewer) = self.participants.get_mut(sid) {
            viewer.connection.knows = true;
        }
        if !updates.is_empty() {
            let update = lk::ConnectionQualityUpdate { updates };
            self.send(sid, Message::ConnectionQuality(update));
        }
    }

    /// In another room everybody is new.
    pub fn forget_quality(&mut self, sid: &str) {
        if let Some(participant) = self.participants.get_mut(sid) {
            participant.connection.told = None;
            participant.connection.knows = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(loss: f32, round_trip: f32) -> Path {
        Path {
            loss_up: loss / 2.0,
            loss_down: loss,
            round_trip,
            short: false,
            paused: false,
        }
    }

    #[test]
    fn quality_falls_with_loss_delay_and_paused_videos() {
        assert!(score(&[]) >= EXCELLENT);
        assert!(score(&[path(0.01, 0.1)]) >= EXCELLENT);
        let lossy = score(&[path(0.06, 0.1)]);
        assert!((GOOD..EXCELLENT).contains(&lossy), "{lossy}");
        assert!(score(&[path(0.2, 0.1)]) < GOOD);
        assert!(score(&[path(0.0, 0.6)]) < EXCELLENT);
        let short = Path {
            short: true,
            ..path(0.0, 0.0)
        };
        assert!(score(&[short]) >= EXCELLENT);
        let paused = Path {
            paused: true,
            ..short
        };
        assert!((GOOD..EXCELLENT).contains(&score(&[path(0.0, 0.0), paused])));
    }
}
