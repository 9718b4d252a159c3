//! Coming in: a new participant, or a known one whose socket comes (back).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use livekit_protocol as lk;
use lk::leave_request::Action;
use lk::signal_response::Message;
use lk::DisconnectReason;

use super::data::Sent;
use super::participant::{Mode, Offering, Participant};
use super::signal::{Frame, Signal};
use super::{leave, new_sid, Locked};
use crate::clock;
use crate::engine::token::Grants;
use crate::engine::EngineEvent;

/// Seconds between a client's pings, and until it gives up.
const PING_INTERVAL: i32 = 10;
const PING_TIMEOUT: i32 = 30;
/// LiveKit's protocol version that this engine speaks.
pub(crate) const PROTOCOL: i32 = 16;

/// Who comes.
#[derive(Debug, Clone)]
pub(crate) struct Entrant {
    pub room: String,
    /// Where it will be sooner or later.
    pub near: String,
    pub identity: String,
    pub name: String,
    pub metadata: String,
    pub attributes: BTreeMap<String, String>,
    pub grants: Grants,
    pub mode: Mode,
    pub client: lk::ClientInfo,
    pub auto_subscribe: bool,
}

/// The codecs that are negotiated.
const CODECS: [&str; 6] = [
    "audio/opus",
    "audio/red",
    "video/VP8",
    "video/H264",
    "video/VP9",
    "video/AV1",
];

pub(crate) fn codecs() -> Vec<lk::Codec> {
    CODECS
        .map(|mime| lk::Codec {
            mime: mime.to_owned(),
            fmtp_line: String::new(),
        })
        .into()
}

fn server_info() -> lk::ServerInfo {
    lk::ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        node_id: "plenary".to_owned(),
        ..Default::default()
    }
}

impl Locked<'_> {
    /// A new participant. Somebody of the same identity in that room gives way: it is the same
    /// endpoint, which starts over.
    pub fn admit(&mut self, entrant: Entrant) -> String {
        if let Some(old) = self.find(&entrant.room, &entrant.identity) {
            let old = old.sid.clone();
            let reason = DisconnectReason::DuplicateIdentity;
            self.remove(&old, reason, Some(leave(reason, Action::Disconnect)));
        }
        let sid = new_sid("PA_");
        let publisher = self.new_session(&sid, &entrant.near);
        let subscriber = match entrant.mode {
            Mode::Dual => Some(self.new_session(&sid, &entrant.near)),
            Mode::Slots | Mode::Single => None,
        };
        let now = clock::now();
        let participant = Participant {
            sid: sid.clone(),
            identity: entrant.identity,
            name: entrant.name,
            metadata: entrant.metadata,
            attributes: entrant.attributes,
            room: entrant.room.clone(),
            grants: entrant.grants,
            mode: entrant.mode,
            joined: clock::wall(),
            version: 1,
            client: entrant.client,
            publisher,
            subscriber,
            connected: false,
            ever_connected: false,
            signal: None,
            created: now,
            socket_lost: Some(now),
            transport_lost: None,
            tracks: Vec::new(),
            unclaimed: Vec::new(),
            auto_subscribe: entrant.auto_subscribe,
            wishes: HashMap::new(),
            receiving: Vec::new(),
            decodes: Vec::new(),
            told_codec: HashSet::new(),
            stints: HashMap::new(),
            asked: None,
            offering: Offering::default(),
            connection: super::connection::Connection::default(),
            louder: HashMap::new(),
            speaks: None,
            knows_speakers: false,
            sent: Sent::default(),
            entered: now,
            moved: false,
            permission: None,
        };
        self.participants.insert(sid.clone(), participant);
        self.enter(&entrant.room, &sid);
        self.announce(&sid);
        sid
    }

    /// The first socket of a participant.
    pub fn attach_new(&mut self, sid: &str, signal: Signal) {
        let room = self
            .participants
            .get(sid)
            .map(|p| p.room.clone())
            .unwrap_or_default();
        let room = self.room_info(&room);
        let others = self.others_info(sid);
        let rooms = self.rooms;
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        participant.signal = Some(signal);
        participant.socket_lost = None;
        let join = lk::JoinResponse {
            room: Some(room),
            participant: Some(participant.own_info()),
            other_participants: others,
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
            subscriber_primary: participant.mode == Mode::Dual,
            ping_interval: PING_INTERVAL,
            ping_timeout: PING_TIMEOUT,
            server_info: Some(server_info()),
            enabled_publish_codecs: codecs(),
            fast_publish: participant.mode == Mode::Dual && participant.grants.publish,
            ice_servers: rooms.ice_servers(&participant.identity),
            ..Default::default()
        };
        self.send(sid, Message::Join(join));
    }

    /// Another socket for a known participant: a resume, or the first one of a client whose offer
    /// came by the agent socket. Nothing of the transport changes by it. The caller has checked
    /// that the token is for this room and identity.
    pub fn attach_again(&mut self, sid: &str, signal: Signal) {
        let rooms = self.rooms;
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        if let Some(old) = participant.signal.replace(signal) {
            // The older socket is dead or about to be; its end must not count as ours.
            let _ = old.send(Frame::Close);
        }
        participant.socket_lost = None;
        self.forget_quality(sid);
        self.forget_speakers(sid);
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        // What was asked for on the old socket may not have arrived.
        participant.asked = None;
        if participant.mode == Mode::Slots {
            // Nor may the word that an answer is applied. A client that has no answer yet offers again.
            participant.applied();
        }
        let own = participant.own_info();
        let cids: Vec<(String, lk::TrackInfo)> = match participant.mode {
            Mode::Slots => participant
                .announced()
                .filter_map(|t| Some((t.cids.first()?.clone(), t.info.clone())))
                .collect(),
            // LiveKit's clients know their tracks and match these to nothing.
            Mode::Single | Mode::Dual => Vec::new(),
        };
        let subscribes = participant.grants.subscribe;
        let room = participant.room.clone();
        let reconnect = lk::ReconnectResponse {
            ice_servers: rooms.ice_servers(&participant.identity),
            server_info: Some(server_info()),
            last_message_seq: participant.sent.last(),
            ..Default::default()
        };
        self.send(sid, Message::Reconnect(reconnect));
        let mut participants = Vec::new();
        if subscribes {
            let departed = self.room(&room).map(|r| r.departed.clone());
            participants.extend(departed.unwrap_or_default());
            participants.extend(self.others_info(sid));
        }
        participants.push(own);
        self.send(sid, Message::Update(lk::ParticipantUpdate { participants }));
        for (cid, track) in cids {
            let published = lk::TrackPublishedResponse {
                cid,
                track: Some(track),
            };
            self.send(sid, Message::TrackPublished(published));
        }
        self.tell_backups(sid);
        self.sync_routes(sid);
        self.send_slots(sid);
    }

    /// A socket ended without a word: the participant stays for the resume window.
    pub fn socket_gone(&mut self, sid: &str, generation: u64) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        let current = participant.signal.as_ref().map(|s| s.generation);
        if current.is_none() || current == Some(generation) {
            participant.signal = None;
            participant.socket_lost = Some(clock::now());
        }
    }

    /// End those who were away for too long, and those who never got a transport up.
    pub fn sweep(&mut self, now: Instant) {
        let window = self.rooms.resume_window;
        let setup = self.rooms.setup_deadline;
        let over = |at: Option<Instant>, limit| {
            at.is_some_and(|at| now.saturating_duration_since(at) > limit)
        };
        let overdue: Vec<(String, DisconnectReason)> = self
            .participants
            .values()
            .filter_map(|p| {
                let gone = over(p.socket_lost, window) || over(p.transport_lost, window);
                let never = !p.ever_connected
                    && p.signal.is_some()
                    && over(Some(p.created), setup.max(window));
                let reason = match (gone, never) {
                    (true, _) => DisconnectReason::ConnectionTimeout,
                    (_, true) => DisconnectReason::JoinFailure,
                    _ => return None,
                };
                Some((p.sid.clone(), reason))
            })
            .collect();
        for (sid, reason) in overdue {
            self.remove(&sid, reason, Some(leave(reason, Action::Reconnect)));
        }
        self.sweep_rooms(now);
    }

    pub fn connected(&mut self, sid: &str) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        participant.connected = true;
        participant.transport_lost = None;
        let first = !std::mem::replace(&mut participant.ever_connected, true);
        if first {
            let event = EngineEvent::ParticipantConnected {
                room: participant.room.clone(),
                identity: participant.identity.clone(),
            };
            // Nobody may be listening.
            let _ = self.rooms.events.send(event);
            self.announce(sid);
        }
    }
}
