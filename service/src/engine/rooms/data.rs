//! Data messages: relayed by grant, with the sender set here and not by the client (S3).

use livekit_protocol as lk;
use prost::Message as _;

use super::Locked;
use crate::engine::packets::command::{Command, SessionId};
use crate::engine::packets::negotiate::{LOSSY, RELIABLE};

/// The largest message that is relayed; LiveKit's clients split at 15 KB.
const MAX_MESSAGE: usize = 64 * 1024;

impl Locked<'_> {
    pub fn relay_data(&mut self, session: SessionId, label: &str, bytes: &[u8]) {
        if bytes.len() > MAX_MESSAGE || (label != RELIABLE && label != LOSSY) {
            return;
        }
        let Some(sender) = self
            .sessions
            .get(&session)
            .and_then(|sid| self.participants.get(sid))
            .filter(|p| p.grants.publish_data)
        else {
            return;
        };
        let Ok(mut packet) = lk::DataPacket::decode(bytes) else {
            return;
        };
        packet.participant_identity.clone_from(&sender.identity);
        packet.participant_sid.clone_from(&sender.sid);
        let targets = std::mem::take(&mut packet.destination_identities);
        let bytes = packet.encode_to_vec();
        for other in self.others(&sender.sid) {
            let Some(receiver) = self.participants.get(&other) else {
                continue;
            };
            let named = targets.is_empty() || targets.contains(&receiver.identity);
            if named && self.sees(receiver, sender) {
                self.send_data(&other, label, bytes.clone());
            }
        }
    }

    pub fn send_data(&self, sid: &str, label: &str, bytes: Vec<u8>) {
        let Some(receiver) = self.participants.get(sid) else {
            return;
        };
        let session = receiver.receiver();
        self.rooms.command(
            session.worker,
            Command::Data {
                id: session.id,
                label: label.to_owned(),
                bytes,
            },
        );
    }
}
