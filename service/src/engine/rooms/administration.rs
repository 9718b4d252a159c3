//! What a server's API changes about a participant (`RoomService`). The caller has checked the
//! grant for the room.

use livekit_protocol as lk;
use lk::signal_response::Message;
use prost::Message as _;

use super::moves::Going;
use super::Locked;
use crate::engine::packets::negotiate::{LOSSY, RELIABLE};
use crate::engine::token::Grants;
use lk::TrackSource;

/// LiveKit's limits for a name, and for metadata and all attributes.
const MAX_NAME: usize = 256;
pub(crate) const MAX_METADATA: usize = 64_000;

/// Why a change is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error("no such participant")]
    NoParticipant,
    #[error("the name is longer than {MAX_NAME} bytes")]
    Name,
    #[error("metadata or attributes are larger than {MAX_METADATA} bytes")]
    Metadata,
}

impl Locked<'_> {
    /// Change permission, name, metadata and attributes; what is not given stays.
    pub fn update_participant(
        &mut self,
        request: &lk::UpdateParticipantRequest,
    ) -> Result<lk::ParticipantInfo, ChangeError> {
        let participant = self
            .find(&request.room, &request.identity)
            .ok_or(ChangeError::NoParticipant)?;
        if request.name.len() > MAX_NAME {
            return Err(ChangeError::Name);
        }
        let mut attributes = participant.attributes.clone();
        for (name, value) in &request.attributes {
            match value.is_empty() {
                true => attributes.remove(name),
                false => attributes.insert(name.clone(), value.clone()),
            };
        }
        let size: usize = attributes.iter().map(|(k, v)| k.len() + v.len()).sum();
        if request.metadata.len() > MAX_METADATA || size > MAX_METADATA {
            return Err(ChangeError::Metadata);
        }
        let sid = participant.sid.clone();
        let grants = request.permission.as_ref().map(granted);
        if let Some(participant) = self.participants.get_mut(&sid) {
            participant.attributes = attributes;
            if !request.name.is_empty() {
                participant.name.clone_from(&request.name);
            }
            if !request.metadata.is_empty() {
                participant.metadata.clone_from(&request.metadata);
            }
        }
        match grants {
            Some(grants) => {
                let (sid, to) = (sid.clone(), request.room.clone());
                self.move_all(vec![Going { sid, to, grants }]);
            }
            None => self.announce(&sid),
        }
        self.tell_self(&sid)
    }

    /// The client learns of its own permission and metadata as the others do.
    fn tell_self(&mut self, sid: &str) -> Result<lk::ParticipantInfo, ChangeError> {
        let participant = self.participants.get(sid);
        let info = participant.ok_or(ChangeError::NoParticipant)?.own_info();
        let participants = vec![info.clone()];
        self.send(sid, Message::Update(lk::ParticipantUpdate { participants }));
        Ok(info)
    }

    /// Data of the server's to those named, or to all in the room; from nobody in it.
    #[allow(deprecated)] // older servers name sids, and older clients read the kind
    pub fn send_server_data(&mut self, request: &lk::SendDataRequest) {
        let label = match request.kind() {
            lk::data_packet::Kind::Reliable => RELIABLE,
            lk::data_packet::Kind::Lossy => LOSSY,
        };
        let packet = lk::DataPacket {
            kind: request.kind,
            value: Some(lk::data_packet::Value::User(lk::UserPacket {
                payload: request.data.clone(),
                topic: request.topic.clone(),
                nonce: request.nonce.clone(),
                ..Default::default()
            })),
            ..Default::default()
        };
        let bytes = packet.encode_to_vec();
        let named =
            !request.destination_identities.is_empty() || !request.destination_sids.is_empty();
        for sid in self.members(&request.room) {
            let Some(receiver) = self.participants.get(&sid) else {
                continue;
            };
            let meant = request.destination_identities.contains(&receiver.identity)
                || request.destination_sids.contains(&sid);
            // Who waits in a lobby receives nothing of the room.
            if (meant || !named) && receiver.grants.subscribe {
                self.send_data(&sid, label, bytes.clone());
            }
        }
    }
}

fn granted(permission: &lk::ParticipantPermission) -> Grants {
    let sources: Vec<TrackSource> = permission.can_publish_sources().collect();
    Grants {
        publish: permission.can_publish,
        subscribe: permission.can_subscribe,
        publish_data: permission.can_publish_data,
        sources,
        hidden: permission.hidden,
    }
}
