//! Whom a publisher lets receive its tracks (`SubscriptionPermission`): all, or those whom it names,
//! each with all of its tracks or some.

use std::collections::HashSet;

use livekit_protocol as lk;
use lk::signal_response::Message;

use super::participant::Participant;
use super::Locked;

/// Names and tracks that are looked at: the largest meeting with every source (S11).
const MAX_NAMED: usize = 2048;

impl Participant {
    /// Whether it lets somebody receive a track of its own.
    pub fn permits(&self, viewer: &Participant, track_sid: &str) -> bool {
        let Some(permission) = &self.permission else {
            return true;
        };
        permission.all_participants
            || permission.track_permissions.iter().any(|named| {
                let meant = match named.participant_identity.is_empty() {
                    true => named.participant_sid == viewer.sid,
                    false => named.participant_identity == viewer.identity,
                };
                meant && (named.all_tracks || named.track_sids.iter().any(|t| t == track_sid))
            })
    }
}

impl Locked<'_> {
    /// A publisher's wish; those for whom it changes something are told.
    pub fn set_permission(&mut self, sid: &str, mut permission: lk::SubscriptionPermission) {
        permission.track_permissions.truncate(MAX_NAMED);
        for named in &mut permission.track_permissions {
            named.track_sids.truncate(MAX_NAMED);
        }
        let before = self.permitted(sid);
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        participant.permission = Some(permission);
        let after = self.permitted(sid);
        self.refresh_room_of(sid);
        for (viewer, track) in before.difference(&after) {
            self.tell_permission(sid, viewer, track, false);
        }
        for (viewer, track) in after.difference(&before) {
            self.tell_permission(sid, viewer, track, true);
        }
    }

    /// Who may receive which of a publisher's tracks, as far as they know of them.
    fn permitted(&self, sid: &str) -> HashSet<(String, String)> {
        let Some(owner) = self.participants.get(sid) else {
            return HashSet::new();
        };
        let others = self.others(sid);
        let viewers = others
            .iter()
            .filter_map(|o| self.participants.get(o))
            .filter(|v| self.sees(v, owner));
        viewers
            .flat_map(|viewer| {
                let tracks = owner.tracks.iter().map(|t| &t.info.sid);
                tracks
                    .filter(|t| owner.permits(viewer, t))
                    .map(|t| (viewer.sid.clone(), t.clone()))
            })
            .collect()
    }

    fn tell_permission(&mut self, owner: &str, viewer: &str, track: &str, allowed: bool) {
        let update = lk::SubscriptionPermissionUpdate {
            participant_sid: owner.to_owned(),
            track_sid: track.to_owned(),
            allowed,
        };
        self.send(viewer, Message::SubscriptionPermissionUpdate(update));
    }
}
