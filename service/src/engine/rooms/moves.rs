//! Moving participants to other rooms. The transports stay; everything of the old rooms ends before
//! anything of the new ones begins (S14).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use livekit_protocol as lk;
use lk::leave_request::Action;
use lk::signal_response::Message;
use lk::DisconnectReason;

use super::participant::{Mode, Track};
use super::sdp::Kind;
use super::{leave, Locked};
use crate::clock;
use crate::engine::packets::command::Command;
use crate::engine::token::Grants;

/// How long somebody is expected. Remembering costs those who are there some quality, so it ends; who
/// comes later waits for a key frame.
const EXPECTANCY: Duration = Duration::from_secs(60);

/// A participant's way to another room, or to other grants where it is.
pub(crate) struct Going {
    pub sid: String,
    pub to: String,
    pub grants: Grants,
}

impl Locked<'_> {
    /// Move participants; whose sid nobody has is passed over. However many go, everybody who hears of
    /// it is told once, and what they receive is chosen once.
    pub fn move_all(&mut self, mut going: Vec<Going>) {
        going.retain(|g| self.participants.contains_key(&g.sid));
        let (moving, staying): (Vec<_>, Vec<_>) = going
            .into_iter()
            .partition(|g| self.room_of(&g.sid) != g.to);
        for Going { sid, grants, .. } in staying {
            self.set_grants(&sid, grants);
            self.refresh(&sid);
            self.refresh_room_of(&sid);
            self.announce(&sid);
        }
        self.leave_all(&moving);
        self.arrive_all(&moving);
    }

    /// For those who stay it is a departure like any other.
    fn leave_all(&mut self, moving: &[Going]) {
        let mut left: BTreeMap<String, Vec<lk::ParticipantInfo>> = BTreeMap::new();
        for Going { sid, to, grants } in moving {
            self.cut(sid);
            // Out of the map, so that the room's list can change meanwhile.
            let Some(participant) = self.participants.remove(sid) else {
                continue;
            };
            let gone = self.step_out(&participant, DisconnectReason::ClientInitiated);
            let from = participant.room.clone();
            left.entry(from).or_default().extend(gone);
            self.participants.insert(sid.clone(), participant);
            self.rekey(sid);
            self.reset(sid, to, grants.clone());
            self.forget_quality(sid);
            self.forget_speakers(sid);
        }
        for (room, gone) in left {
            self.tell_gone(&room, &gone);
        }
    }

    fn arrive_all(&mut self, moving: &[Going]) {
        let mut residents: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for Going { sid, to, .. } in moving {
            self.make_room_for(sid, to);
            residents.entry(to).or_insert_with(|| self.members(to));
            self.enter(to, sid);
            self.set_gates(sid);
            self.remember(sid);
            self.bump(sid);
        }
        for Going { sid, .. } in moving {
            self.tell_moved(sid);
        }
        for (room, residents) in &residents {
            let arrived = moving.iter().filter(|g| g.to == *room);
            let arrived: Vec<&str> = arrived.map(|g| g.sid.as_str()).collect();
            for resident in residents {
                self.tell_of(resident, &arrived);
            }
        }
        for Going { sid, .. } in moving {
            self.refresh(sid);
            if self.mode_of(sid) == Some(Mode::Slots) {
                // Also when nobody is there: the slots of the old room are empty now.
                self.send_slots(sid);
            }
        }
        let residents: BTreeSet<String> = residents.into_values().flatten().collect();
        for resident in residents {
            self.refresh(&resident);
        }
    }

    /// Somebody may be moved into these rooms any moment: for a while their pictures are remembered.
    pub fn expect(&mut self, rooms: &[String]) {
        let until = clock::now() + EXPECTANCY;
        for name in rooms {
            if let Some(room) = self.state.rooms.get_mut(name) {
                room.expects = Some(until);
            }
            for member in self.members(name) {
                self.remember(&member);
            }
        }
    }

    /// Until when somebody is expected in a room.
    pub fn expecting(&self, room: &str) -> Option<Instant> {
        self.room(room)?
            .expects
            .filter(|until| *until > clock::now())
    }

    /// Let a participant's pictures be remembered while somebody is expected where they are.
    pub fn remember(&self, sid: &str) {
        let Some(participant) = self.participants.get(sid) else {
            return;
        };
        let Some(until) = self.expecting(&participant.room) else {
            return;
        };
        let worker = participant.publisher.worker;
        let videos = participant
            .tracks
            .iter()
            .filter(|t| t.kind() == Kind::Video);
        // A second codec stops while nobody needs it: what is remembered of it may be long over.
        for Track { key, .. } in videos.filter(|t| t.mid.is_some() && !t.backup) {
            let key = *key;
            self.rooms.command(worker, Command::Expect { key, until });
        }
    }

    fn room_of(&self, sid: &str) -> &str {
        self.participants.get(sid).map_or("", |p| &p.room)
    }

    /// Of the old room nothing counts in the new one.
    fn reset(&mut self, sid: &str, to: &str, grants: Grants) {
        if let Some(participant) = self.participants.get_mut(sid) {
            participant.room = to.to_owned();
            participant.grants = grants;
            participant.wishes.clear();
            participant.told_codec.clear();
            participant.asked = None;
            participant.speaks = None;
            participant.sent.moved();
            participant.entered = clock::now();
            participant.moved = true;
            // It named tracks and people of the old room.
            participant.permission = None;
        }
    }

    /// The same identity in the new room is an older connection of the same endpoint.
    fn make_room_for(&mut self, sid: &str, to: &str) {
        let Some(identity) = self.participants.get(sid).map(|p| p.identity.clone()) else {
            return;
        };
        if let Some(other) = self.find(to, &identity).map(|p| p.sid.clone()) {
            let reason = DisconnectReason::DuplicateIdentity;
            self.remove(&other, reason, Some(leave(reason, Action::Disconnect)));
        }
    }

    /// Stop everything that the participant receives.
    fn cut(&mut self, sid: &str) {
        self.release_unwanted(sid, &[]);
        self.sync_routes(sid);
    }

    /// New keys for the tracks: what was sent before the move finds no way into the new room.
    fn rekey(&mut self, sid: &str) {
        let Some(participant) = self.participants.get(sid) else {
            return;
        };
        let worker = participant.publisher.worker;
        let count = participant.tracks.len();
        let fresh: Vec<_> = (0..count).map(|_| self.rooms.next_key()).collect();
        let mut changes = Vec::new();
        if let Some(participant) = self.participants.get_mut(sid) {
            for (track, to) in participant.tracks.iter_mut().zip(fresh) {
                changes.push((track.key, to, track.info.sid.clone()));
                track.key = to;
            }
        }
        for (from, to, track) in changes {
            self.keys.remove(&from);
            self.keys.insert(to, (sid.to_owned(), track));
            self.rooms.command(worker, Command::Rekey { from, to });
        }
    }

    fn tell_moved(&mut self, sid: &str) {
        let Some(participant) = self.participants.get(sid) else {
            return;
        };
        let moved = lk::RoomMovedResponse {
            room: Some(self.room_info(&participant.room)),
            token: self.rooms.token_for(participant),
            participant: Some(participant.own_info()),
            other_participants: self.others_info(sid),
        };
        self.send(sid, Message::RoomMoved(moved));
    }
}
