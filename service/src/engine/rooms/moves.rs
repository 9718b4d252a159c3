//! Moving a participant to another room. The transport stays; everything of the old room ends
//! before anything of the new one begins (S14).

use livekit_protocol as lk;
use lk::leave_request::Action;
use lk::signal_response::Message;
use lk::DisconnectReason;

use super::participant::Mode;
use super::{leave, Locked};
use crate::clock;
use crate::engine::packets::command::Command;
use crate::engine::token::Grants;

impl Locked<'_> {
    /// Move a participant; false if there is nobody of that sid.
    pub fn move_to(&mut self, sid: &str, to: &str, grants: Grants) -> bool {
        let Some(from) = self.participants.get(sid).map(|p| p.room.clone()) else {
            return false;
        };
        if from == to {
            self.set_grants(sid, grants);
            self.refresh(sid);
            self.refresh_room_of(sid);
            self.announce(sid);
            return true;
        }
        self.make_room_for(sid, to);
        self.cut(sid);
        self.leave_old_room(sid);
        self.rekey(sid);
        if let Some(participant) = self.participants.get_mut(sid) {
            participant.room = to.to_owned();
            participant.grants = grants;
            participant.wishes.clear();
            participant.told_codec.clear();
            participant.asked = None;
            participant.speaks = None;
            participant.sent.moved();
            participant.entered = clock::now();
            // It named tracks and people of the old room.
            participant.permission = None;
        }
        self.forget_quality(sid);
        self.forget_speakers(sid);
        self.enter(to, sid);
        self.set_gates(sid);
        self.tell_moved(sid);
        self.announce(sid);
        self.refresh(sid);
        if self.mode_of(sid) == Some(Mode::Slots) {
            // Also when nobody is there: the slots of the old room are empty now.
            self.send_slots(sid);
        }
        self.refresh_room_of(sid);
        true
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

    /// For those who stay it is a departure like any other.
    fn leave_old_room(&mut self, sid: &str) {
        // Out of the map while the old room is told, so that nothing is refreshed in between.
        let Some(participant) = self.participants.remove(sid) else {
            return;
        };
        self.depart(&participant, DisconnectReason::ClientInitiated);
        self.participants.insert(sid.to_owned(), participant);
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
