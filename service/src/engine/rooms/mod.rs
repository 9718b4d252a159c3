//! Rooms, participants, tracks and subscriptions: the engine's control side.
//!
//! One lock over plain maps. It is never held while waiting, and never taken by the packet path:
//! workers get orders ([`Command`]) and send reports. What is decided under the lock reaches
//! sockets and workers in that order.

pub(crate) mod administration;
pub(crate) mod connection;
pub(crate) mod data;
pub(crate) mod join;
pub(crate) mod lifetime;
pub(crate) mod loudest;
pub(crate) mod moves;
pub(crate) mod negotiation;
pub(crate) mod participant;
mod permissions;
pub(crate) mod publish;
pub(crate) mod quality;
pub(crate) mod reports;
pub(crate) mod sdp;
pub(crate) mod signal;
pub(crate) mod slots;
pub(crate) mod speakers;
pub(crate) mod subscribe;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use livekit_protocol as lk;
use lk::signal_response::Message;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{broadcast, oneshot};

use self::lifetime::{Settings, Vacancy, Waits};
use self::participant::{Mode, Participant};
use self::signal::Frame;
use super::packets::command::{Command, SessionId, SessionRef};
use super::packets::forward::TrackKey;
use super::packets::link::Links;
use super::token::{ApiKeys, Grants, MediaClaims};
use super::turn::TurnServer;
use super::EngineEvent;
use crate::clock;
use crate::random;

/// A worker with so many more sessions than another one takes none for being near.
const UNEVEN: usize = 64;
/// How many departures a room remembers for those who were away meanwhile.
const DEPARTED: usize = 256;

/// A room: those in it, in the order of their coming.
#[derive(Debug)]
pub(crate) struct Room {
    pub sid: String,
    pub name: String,
    pub created: SystemTime,
    pub members: Vec<String>,
    pub departed: VecDeque<lk::ParticipantInfo>,
    pub settings: Settings,
    pub vacancy: Vacancy,
    /// Until when somebody may come any moment.
    pub expects: Option<Instant>,
}

/// Everything under the lock; walked through in one order, so that a seed repeats a simulation.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub rooms: BTreeMap<String, Room>,
    /// By sid.
    pub participants: BTreeMap<String, Participant>,
    pub sessions: BTreeMap<SessionId, String>,
    /// Owner and sid of a track by its key; a second codec has one of its own.
    pub keys: BTreeMap<TrackKey, (String, String)>,
    load: Vec<usize>,
}

/// The control side, shared by sockets, the API and the report task.
pub(crate) struct Rooms {
    state: Mutex<State>,
    pub links: Links,
    pub keys: ApiKeys,
    turn: Vec<TurnServer>,
    pub resume_window: Duration,
    pub setup_deadline: Duration,
    together: usize,
    pub token_ttl: Duration,
    pub events: broadcast::Sender<EngineEvent>,
    next: AtomicU64,
    me: Weak<Rooms>,
}

/// The locked state with what is needed to act on it.
pub(crate) struct Locked<'a> {
    state: MutexGuard<'a, State>,
    pub rooms: &'a Rooms,
}

impl std::ops::Deref for Locked<'_> {
    type Target = State;
    fn deref(&self) -> &State {
        &self.state
    }
}

impl std::ops::DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Rooms {
    pub fn new(
        links: Links,
        keys: ApiKeys,
        turn: Vec<TurnServer>,
        resume_window: Duration,
        setup_deadline: Duration,
        together: usize,
        events: broadcast::Sender<EngineEvent>,
    ) -> SharedRooms {
        let state = State {
            load: vec![0; links.len()],
            ..Default::default()
        };
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            state: Mutex::new(state),
            links,
            keys,
            turn,
            resume_window,
            setup_deadline,
            together,
            // Long enough for a long meeting's resume; a move or removal ends it at once.
            token_ttl: Duration::from_secs(6 * 3600),
            events,
            next: AtomicU64::new(1),
        })
    }

    /// Ownership for a task; `None` only while the engine is being dropped.
    pub fn shared(&self) -> Option<SharedRooms> {
        self.me.upgrade()
    }

    pub fn lock(&self) -> Locked<'_> {
        Locked {
            state: self.state.lock(),
            rooms: self,
        }
    }

    pub fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub fn next_key(&self) -> TrackKey {
        TrackKey(self.next_number())
    }

    pub fn command(&self, worker: usize, command: Command) {
        if let Some(link) = self.links.get(worker) {
            link.command(command);
        }
    }

    /// The servers that a client is told, with credentials of its own.
    pub fn ice_servers(&self, identity: &str) -> Vec<lk::IceServer> {
        let now = super::token::seconds_now();
        self.turn.iter().map(|s| s.told(identity, now)).collect()
    }

    /// A token for a participant's place, as it is after a move.
    pub fn token_for(&self, participant: &Participant) -> String {
        let claims = MediaClaims {
            sub: participant.identity.clone(),
            video: Some(participant.grants.to_video(&participant.room)),
            ..Default::default()
        };
        super::token::issue(claims, self.token_ttl, &self.keys)
    }

    /// Wait until every worker has carried out what it was told before, and has sent or dropped
    /// the packets that were on their way between workers: hence two rounds.
    pub async fn settled(&self) {
        self.round().await;
        self.round().await;
    }

    async fn round(&self) {
        let waits: Vec<_> = self
            .links
            .iter()
            .map(|link| {
                let (reply, wait) = oneshot::channel();
                link.command(Command::Barrier { reply });
                wait
            })
            .collect();
        for wait in waits {
            // A worker that ended, or broke, has nothing left to carry out.
            let _ = wait.await;
        }
    }
}

/// A random name with a prefix, as LiveKit's sids look.
pub(crate) fn new_sid(prefix: &str) -> String {
    prefix.to_owned() + &random::text(random::READABLE, 16)
}

impl Locked<'_> {
    pub fn find(&self, room: &str, identity: &str) -> Option<&Participant> {
        let room = self.room(room)?;
        room.members
            .iter()
            .filter_map(|sid| self.participants.get(sid))
            .find(|p| p.identity == identity)
    }

    pub fn rooms_count(&self) -> u64 {
        self.state.rooms.len() as u64
    }

    pub fn room(&self, name: &str) -> Option<&Room> {
        self.state.rooms.get(name)
    }

    pub fn all_rooms(&self) -> impl Iterator<Item = &Room> {
        self.state.rooms.values()
    }

    /// Put a participant into a room, making the room if need be.
    pub fn enter(&mut self, room: &str, sid: &str) {
        let entry = self
            .state
            .rooms
            .entry(room.to_owned())
            .or_insert_with(|| Room::new(room, Settings::default(), clock::now()));
        entry.members.push(sid.to_owned());
        entry.vacancy = Vacancy::Occupied;
    }

    /// Take a participant out of its room's list; an empty room goes.
    pub fn exit(&mut self, room: &str, sid: &str, gone: Option<lk::ParticipantInfo>) {
        let Some(entry) = self.state.rooms.get_mut(room) else {
            return;
        };
        entry.members.retain(|m| m != sid);
        if let Some(gone) = gone {
            entry.departed.push_back(gone);
            if entry.departed.len() > DEPARTED {
                entry.departed.pop_front();
            }
        }
        if entry.members.is_empty() {
            let now = clock::now();
            entry.vacancy = Vacancy::Left(now);
            self.end_room_if_over(room, now);
        }
    }

    pub fn members(&self, room: &str) -> Vec<String> {
        self.room(room)
            .map(|r| r.members.clone())
            .unwrap_or_default()
    }

    /// Sids of the others in a participant's room.
    pub fn others(&self, sid: &str) -> Vec<String> {
        let Some(participant) = self.participants.get(sid) else {
            return Vec::new();
        };
        let mut members = self.members(&participant.room);
        members.retain(|m| m != sid);
        members
    }

    /// Whether one participant may know of another: the one rule of who sees whom.
    pub fn sees(&self, viewer: &Participant, other: &Participant) -> bool {
        viewer.sid != other.sid
            && viewer.room == other.room
            && viewer.grants.subscribe
            && !other.grants.hidden
    }

    pub fn others_info(&self, sid: &str) -> Vec<lk::ParticipantInfo> {
        let Some(viewer) = self.participants.get(sid) else {
            return Vec::new();
        };
        self.others(sid)
            .iter()
            .filter_map(|o| self.participants.get(o))
            .filter(|o| self.sees(viewer, o))
            .map(Participant::info)
            .collect()
    }

    pub fn room_info(&self, name: &str) -> lk::Room {
        let Some(room) = self.room(name) else {
            return lk::Room::default();
        };
        let created = room
            .created
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let visible = || {
            room.members
                .iter()
                .filter_map(|m| self.participants.get(m))
                .filter(|p| !p.grants.hidden)
        };
        let seconds = |wait: fn(&Waits) -> Duration| {
            let waits = room.settings.waits.as_ref();
            waits.map_or(0, |w| wait(w).as_secs() as u32)
        };
        lk::Room {
            sid: room.sid.clone(),
            name: room.name.clone(),
            creation_time: created.as_secs() as i64,
            creation_time_ms: created.as_millis() as i64,
            num_participants: visible().count() as u32,
            max_participants: room.settings.max_participants,
            metadata: room.settings.metadata.clone(),
            empty_timeout: seconds(|w| w.empty),
            departure_timeout: seconds(|w| w.departure),
            num_publishers: visible().filter(|p| !p.tracks.is_empty()).count() as u32,
            enabled_codecs: join::codecs(),
            ..Default::default()
        }
    }

    /// Send a message to a participant's socket, if it has one.
    pub fn send(&mut self, sid: &str, message: Message) {
        self.send_frame(sid, Frame::Message(Box::new(message)));
    }

    pub fn send_frame(&mut self, sid: &str, frame: Frame) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        let Some(signal) = &participant.signal else {
            return;
        };
        if !signal.send(frame) {
            tracing::info!(identity = %participant.identity, "a slow signalling socket is dropped");
            participant.signal = None;
            participant.socket_lost = Some(clock::now());
        }
    }

    /// What is told of a participant from now on is newer than what was.
    pub fn bump(&mut self, sid: &str) {
        if let Some(participant) = self.state.participants.get_mut(sid) {
            participant.version += 1;
        }
    }

    /// Tell those who may know about a participant.
    pub fn announce(&mut self, sid: &str) {
        self.bump(sid);
        for other in self.others(sid) {
            self.tell_of(&other, &[sid]);
        }
    }

    /// Tell one of those whom it may know about.
    pub fn tell_of(&mut self, viewer: &str, others: &[&str]) {
        let Some(known) = self.participants.get(viewer) else {
            return;
        };
        let others = others.iter().filter_map(|o| self.participants.get(*o));
        let seen = others.filter(|o| self.sees(known, o));
        let participants: Vec<_> = seen.map(Participant::info).collect();
        if !participants.is_empty() {
            self.send(
                viewer,
                Message::Update(lk::ParticipantUpdate { participants }),
            );
        }
    }

    /// People left a room: their tracks go out of everybody's sections, and the others are told. Nobody is
    /// asked whether they were seen.
    pub fn tell_gone(&mut self, room: &str, gone: &[lk::ParticipantInfo]) {
        let members = self.members(room);
        for member in &members {
            self.refresh(member);
        }
        if gone.is_empty() {
            return;
        }
        for viewer in &members {
            let subscribes = |p: &Participant| p.grants.subscribe;
            if self.participants.get(viewer).is_some_and(subscribes) {
                let participants = gone.to_vec();
                self.send(
                    viewer,
                    Message::Update(lk::ParticipantUpdate { participants }),
                );
            }
        }
    }

    /// A new session, of somebody who is to be in a room or is there.
    pub fn new_session(&mut self, sid: &str, near: &str) -> SessionRef {
        let worker = self.worker_near(near);
        let id = SessionId(self.rooms.next_number());
        if let Some(load) = self.state.load.get_mut(worker) {
            *load += 1;
        }
        self.state.sessions.insert(id, sid.to_owned());
        self.rooms.command(worker, Command::Create { id });
        SessionRef { id, worker }
    }

    /// The worker that has most of a room's people, unless these, or all of its sessions, are enough; then the
    /// one with the fewest.
    fn worker_near(&self, room: &str) -> usize {
        let load = &self.state.load;
        let workers = 0..load.len();
        let least = workers.clone().min_by_key(|w| load[*w]).unwrap_or(0);
        let mut there = vec![0; load.len()];
        let members = self.room(room).into_iter().flat_map(|r| &r.members);
        for member in members.filter_map(|sid| self.participants.get(sid)) {
            there[member.publisher.worker] += 1;
        }
        let has_room = |w: &usize| {
            (1..self.rooms.together).contains(&there[*w]) && load[*w] < load[least] + UNEVEN
        };
        let nearest = workers.filter(has_room).max_by_key(|w| there[*w]);
        nearest.unwrap_or(least)
    }

    pub fn close_session(&mut self, session: SessionRef) {
        if self.state.sessions.remove(&session.id).is_some() {
            if let Some(load) = self.state.load.get_mut(session.worker) {
                *load = load.saturating_sub(1);
            }
        }
        self.rooms
            .command(session.worker, Command::Close { id: session.id });
    }

    /// End a participant: sessions first, so that nothing of theirs or for them is sent any more,
    /// then the word to everybody.
    pub fn remove(
        &mut self,
        sid: &str,
        reason: lk::DisconnectReason,
        leave: Option<lk::LeaveRequest>,
    ) {
        if let Some(leave) = leave {
            self.send(sid, Message::Leave(leave));
        }
        self.send_frame(sid, Frame::Close);
        let Some(participant) = self.state.participants.remove(sid) else {
            return;
        };
        self.close_session(participant.publisher);
        if let Some(subscriber) = participant.subscriber {
            self.close_session(subscriber);
        }
        for track in &participant.tracks {
            self.state.keys.remove(&track.key);
        }
        self.depart(&participant, reason);
        let _ = self.rooms.events.send(EngineEvent::ParticipantLost {
            room: participant.room.clone(),
            identity: participant.identity.clone(),
            reason: reason.as_str_name().to_owned(),
        });
    }

    /// Tell a room that somebody left it, and take their tracks out of everybody's sections.
    pub fn depart(&mut self, participant: &Participant, reason: lk::DisconnectReason) {
        let gone = self.step_out(participant, reason);
        self.tell_gone(&participant.room, gone.as_slice());
    }

    /// Out of the room's list; gives what is to be told of it, if they were visible there.
    pub fn step_out(
        &mut self,
        participant: &Participant,
        reason: lk::DisconnectReason,
    ) -> Option<lk::ParticipantInfo> {
        let visible = !participant.grants.hidden;
        let gone = visible.then(|| participant.gone_info(reason));
        self.exit(&participant.room, &participant.sid, gone.clone());
        gone
    }

    pub fn mode_of(&self, sid: &str) -> Option<Mode> {
        self.participants.get(sid).map(|p| p.mode)
    }

    /// Change what a participant may do; gates and everybody's view follow.
    pub fn set_grants(&mut self, sid: &str, grants: Grants) {
        let Some(participant) = self.state.participants.get_mut(sid) else {
            return;
        };
        participant.grants = grants;
        self.set_gates(sid);
    }
}

/// The message that ends a client's session for good or makes it come back.
pub(crate) fn leave(
    reason: lk::DisconnectReason,
    action: lk::leave_request::Action,
) -> lk::LeaveRequest {
    lk::LeaveRequest {
        can_reconnect: action != lk::leave_request::Action::Disconnect,
        reason: reason as i32,
        action: action as i32,
        regions: None,
    }
}

/// Shared ownership, for tasks that wait for a worker.
pub(crate) type SharedRooms = Arc<Rooms>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::packets::link::{Link, Silent};
    use crate::engine::Grants;

    /// On two workers, three together.
    fn rooms() -> SharedRooms {
        let link = |_| Arc::new(Link::new(Box::new(Silent)));
        let (events, _) = broadcast::channel(1);
        let time = Duration::from_secs(60);
        let keys = ApiKeys::new("key", "secret");
        let links = (0..2).map(link).collect();
        Rooms::new(links, keys, Vec::new(), time, time, 3, events)
    }

    /// Somebody comes to `room`, at the end to be in `near`.
    fn comes(locked: &mut Locked<'_>, room: &str, near: &str) -> String {
        locked.admit(join::Entrant {
            room: room.to_owned(),
            near: near.to_owned(),
            identity: new_sid("someone-"),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            grants: Grants::speaker(),
            mode: Mode::Slots,
            client: lk::ClientInfo::default(),
            auto_subscribe: true,
        })
    }

    fn workers(locked: &mut Locked<'_>, room: &str, near: &str, people: usize) -> Vec<usize> {
        let come = (0..people).map(|_| {
            let sid = comes(locked, room, near);
            locked.participants[&sid].publisher.worker
        });
        come.collect()
    }

    /// A camera in VP9, and in VP8 under this name.
    fn camera(second: &str) -> lk::AddTrackRequest {
        let codec = |name: &str, cid: &str| lk::SimulcastCodec {
            codec: name.to_owned(),
            cid: cid.to_owned(),
            ..Default::default()
        };
        lk::AddTrackRequest {
            cid: "camera".to_owned(),
            r#type: lk::TrackType::Video as i32,
            source: lk::TrackSource::Camera as i32,
            simulcast_codecs: vec![codec("vp9", "camera"), codec("vp8", second)],
            ..Default::default()
        }
    }

    /// Without a name of its own it is sent in no section until the client gives it one: not in the first
    /// one's, nor in the next that is free.
    #[test]
    fn a_second_codec_has_a_name_of_its_own_or_none() {
        for (second, names) in [("other", vec!["other"]), ("camera", vec![]), ("", vec![])] {
            let rooms = rooms();
            let mut locked = rooms.lock();
            let sid = comes(&mut locked, "one", "one");
            assert!(locked.add_track(&sid, camera(second)).is_ok());
            let tracks = &locked.participants[&sid].tracks;
            assert_eq!(tracks[0].cids, ["camera"]);
            assert!(tracks[1].backup);
            assert_eq!(tracks[1].cids, names);
        }
    }

    /// S14: a packet that is between two workers while its publisher moves is of no track any more, in
    /// whichever codec.
    #[test]
    fn a_move_gives_both_codecs_of_a_track_new_keys() {
        let rooms = rooms();
        let mut locked = rooms.lock();
        let sid = comes(&mut locked, "one", "one");
        assert!(locked.add_track(&sid, camera("")).is_ok());
        let keys = |locked: &Locked<'_>| locked.keys.keys().copied().collect::<Vec<_>>();
        let before = keys(&locked);
        assert_eq!(before.len(), 2);
        locked.move_all(vec![moves::Going {
            sid,
            to: "two".to_owned(),
            grants: Grants::speaker(),
        }]);
        let after = keys(&locked);
        assert_eq!(after.len(), 2);
        assert!(after.iter().all(|key| !before.contains(key)));
    }

    #[test]
    fn a_small_room_stays_on_one_worker_and_a_large_one_has_all() {
        let rooms = rooms();
        let mut locked = rooms.lock();
        assert_eq!(workers(&mut locked, "one", "one", 3), [0, 0, 0]);
        assert_eq!(workers(&mut locked, "two", "two", 2), [1, 1]);
        assert_eq!(workers(&mut locked, "one", "one", 5), [1, 1, 1, 0, 0]);
        // Who waits is where they will be admitted.
        assert_eq!(workers(&mut locked, "lobby", "two", 1), [1]);
        // However many wait.
        let many = workers(&mut locked, "lobby", "two", 2 * UNEVEN);
        assert!(many.contains(&0) && many.contains(&1));
    }
}
