//! The embedded media engine: a LiveKit-compatible SFU on str0m.
//!
//! It knows rooms, identities and grants, and nothing of meetings, lobbies or roles: who may come
//! in it asks [`Admissions`]. Three parts, one way of dependency: [`signal`] (sockets) → [`rooms`]
//! (who receives what) → [`packets`] (worker threads that carry the media). A packet's way is
//! told in `docs/engine.md`.

mod admission;
mod alone;
mod api;
mod error;
mod packets;
mod port;
mod rooms;
mod signal;
#[cfg(test)]
pub(crate) mod simulated;
mod token;
mod turn;

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use livekit_protocol as lk;
use lk::leave_request::Action;
use lk::signal_response::Message;
use lk::DisconnectReason;
use parking_lot::Mutex;
use tokio::sync::{broadcast, mpsc};

pub use admission::{Admissions, KeyedAdmissions};
pub use alone::serve_alone;
pub use api::{
    EngineConfig, EngineEvent, EngineStats, JoinSpec, Joined, MoveSpec, OfferSpec, TcpFallback,
};
pub use error::EngineError;
pub use lk::{AddTrackRequest, TrackSource, VideoLayer};
pub(crate) use token::{issue, verify};
pub use token::{ApiKeys, Grants, MediaClaims, TokenError, VideoGrants};
pub use turn::{TurnCredentials, TurnServer};

use packets::command::Command;
use packets::negotiate::Transport;
use packets::sending::clock::WallClock;
use port::Seat;
use rooms::join::Entrant;
use rooms::moves::Going;
use rooms::participant::Mode;
use rooms::{leave, Rooms, SharedRooms};

/// A bit per worker is what a track's interests have room for.
const MAX_WORKERS: usize = 64;
/// Events that a slow listener may be behind; older ones are lost to it.
const EVENT_QUEUE: usize = 1024;
/// The engine; cloning gives another handle to the same.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    rooms: SharedRooms,
    admissions: Arc<dyn Admissions>,
    events: broadcast::Sender<EngineEvent>,
    address: SocketAddr,
    tcp_address: Option<SocketAddr>,
    /// Accepts media connections until the engine ends.
    tcp: Option<tokio::task::AbortHandle>,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(tcp) = &self.tcp {
            tcp.abort();
        }
    }
}

impl Engine {
    /// Open the port and start the workers. Has to be called within a tokio runtime.
    pub async fn start(
        config: EngineConfig,
        admissions: Arc<dyn Admissions>,
    ) -> Result<Self, EngineError> {
        let workers = match config.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        }
        .min(MAX_WORKERS);
        let certificate = str0m::crypto::from_feature_flags()
            .dtls_provider
            .generate_certificate()
            .ok_or_else(|| EngineError::Certificate("the provider makes none".to_owned()))?;
        let sockets = port::sockets(config.udp_bind, workers).map_err(EngineError::Port)?;
        let address = sockets[0].local_addr().map_err(EngineError::Port)?;
        let candidates = port::candidates(address, &config.advertised);
        let listener = open_tcp(&config, address).map_err(EngineError::Port)?;
        let tcp_address = listener.as_ref().and_then(|l| l.local_addr().ok());
        let tcp_candidates = tcp_address
            .map(|bound| port::candidates(bound, &config.advertised))
            .unwrap_or_default();
        let mut seats = Vec::new();
        let mut links = Vec::new();
        for socket in sockets {
            let (seat, link) = Seat::new(socket).map_err(EngineError::Worker)?;
            seats.push(seat);
            links.push(link);
        }
        let links: packets::link::Links = links.into();
        let (report, reports) = mpsc::unbounded_channel();
        let (events, _) = broadcast::channel(EVENT_QUEUE);
        let rooms = Rooms::new(
            links.clone(),
            config.keys,
            config.turn,
            config.resume_window,
            config.setup_deadline,
            config.together,
            events.clone(),
        );
        let connections: Arc<[port::Connections]> = links.iter().map(|_| Arc::default()).collect();
        // Before 1970 no clock is right, and none has to be.
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let clock = WallClock::new(Instant::now(), since_epoch.unwrap_or_default());
        let mut threads = Vec::new();
        for (worker, seat) in seats.into_iter().enumerate() {
            let transport = Transport {
                worker,
                certificate: certificate.clone(),
                candidates: candidates.clone(),
                tcp_candidates: tcp_candidates.clone(),
                random: rand::random,
                clock,
            };
            let connections = connections[worker].clone();
            let thread = seat.take(transport, links.clone(), connections, report.clone());
            threads.push(thread.map_err(EngineError::Worker)?);
        }
        let tcp = listener
            .map(|listener| tokio::spawn(port::serve_tcp(listener, links, connections)))
            .map(|task| task.abort_handle());
        tokio::spawn(rooms::reports::follow(rooms.clone(), reports));
        let inner = Inner {
            rooms,
            admissions,
            events,
            address,
            tcp_address,
            tcp,
            threads: Mutex::new(threads),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The media port.
    pub fn udp_address(&self) -> SocketAddr {
        self.inner.address
    }

    /// The media port for those who have to come by TCP, if there is one.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.inner.tcp_address
    }

    /// LiveKit's sockets and room service.
    pub fn router(&self) -> axum::Router {
        signal::router(self.clone())
    }

    pub(crate) fn rooms(&self) -> &SharedRooms {
        &self.inner.rooms
    }

    pub(crate) fn keys(&self) -> &ApiKeys {
        &self.inner.rooms.keys
    }

    pub(crate) fn admissions(&self) -> &dyn Admissions {
        &*self.inner.admissions
    }

    /// Sign a media token.
    pub fn issue_token(&self, claims: MediaClaims, ttl: Duration) -> String {
        token::issue(claims, ttl, self.keys())
    }

    /// What a media token says, if one of our keys signed it.
    pub fn claims(&self, token: &str) -> Result<MediaClaims, TokenError> {
        token::verify(token, self.keys())
    }

    /// A token for one identity in one room.
    pub fn token_for(&self, room: &str, identity: &str, grants: &Grants, ttl: Duration) -> String {
        let claims = MediaClaims {
            sub: identity.to_owned(),
            video: Some(grants.to_video(room)),
            ..Default::default()
        };
        self.issue_token(claims, ttl)
    }

    /// Make a participant, and answer its first offer at once. Its signalling socket comes later,
    /// as a resume; until then it stays for the resume window.
    pub async fn join(&self, spec: JoinSpec) -> Result<Joined, EngineError> {
        let entrant = Entrant {
            room: spec.room,
            near: spec.near,
            identity: spec.identity,
            name: String::new(),
            metadata: String::new(),
            attributes: Default::default(),
            grants: spec.grants,
            mode: if spec.slots {
                Mode::Slots
            } else {
                Mode::Single
            },
            client: lk::ClientInfo::default(),
            auto_subscribe: true,
        };
        let rooms = self.rooms();
        let sid = {
            let mut locked = rooms.lock();
            let sid = locked.admit(entrant);
            for track in spec.offer.iter().flat_map(|o| o.add_tracks.clone()) {
                // A track that is refused is missing in what the client is told of itself.
                if let Err(refusal) = locked.add_track(&sid, track) {
                    tracing::info!(sid, ?refusal, "a track of a join is refused");
                }
            }
            sid
        };
        let answer = match spec.offer {
            Some(offer) => {
                match rooms::negotiation::answer(rooms, &sid, &offer.sdp, &offer.mid_to_cid).await {
                    Ok(answer) => Some(answer.sdp),
                    Err(error) => {
                        let reason = DisconnectReason::JoinFailure;
                        rooms.lock().remove(&sid, reason, None);
                        return Err(EngineError::Offer(error.to_string()));
                    }
                }
            }
            None => None,
        };
        Ok(Joined {
            participant_sid: sid,
            answer,
        })
    }

    /// Move a participant to another room with new grants; its transport stays. When this returns,
    /// nothing of the old room is sent any more.
    pub async fn move_participant(
        &self,
        identity: &str,
        from: &str,
        to: &str,
        grants: Grants,
    ) -> Result<(), EngineError> {
        let one = MoveSpec {
            identity: identity.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            grants,
        };
        let moved = self.move_participants(vec![one]).await;
        match moved.first() {
            Some(true) => Ok(()),
            _ => Err(EngineError::NoParticipant),
        }
    }

    /// Move many at once, with one choice of what everybody receives; says of each whether it was there.
    pub async fn move_participants(&self, moves: Vec<MoveSpec>) -> Vec<bool> {
        let mut going = Vec::new();
        let mut found = Vec::new();
        {
            let mut locked = self.rooms().lock();
            for MoveSpec {
                identity,
                from,
                to,
                grants,
            } in moves
            {
                let sid = locked.find(&from, &identity).map(|p| p.sid.clone());
                found.push(sid.is_some());
                going.extend(sid.map(|sid| Going { sid, to, grants }));
            }
            locked.move_all(going);
        }
        self.rooms().settled().await;
        found
    }

    /// Somebody may be moved into these rooms any moment: what is to be seen there is remembered since
    /// the last key frame, for a minute, so that they do not wait for the next.
    pub fn expect(&self, rooms: &[String]) {
        self.rooms().lock().expect(rooms);
    }

    /// Change what a participant may do, without moving it.
    pub async fn update_grants(
        &self,
        room: &str,
        identity: &str,
        grants: Grants,
    ) -> Result<(), EngineError> {
        self.move_participant(identity, room, room, grants).await
    }

    /// End a participant. When this returns, media has stopped both ways and the session is dead.
    pub async fn remove_participant(&self, room: &str, identity: &str) -> Result<(), EngineError> {
        {
            let mut locked = self.rooms().lock();
            let sid = locked
                .find(room, identity)
                .map(|p| p.sid.clone())
                .ok_or(EngineError::NoParticipant)?;
            let reason = DisconnectReason::ParticipantRemoved;
            locked.remove(&sid, reason, Some(leave(reason, Action::Disconnect)));
        }
        self.rooms().settled().await;
        Ok(())
    }

    /// Mute all tracks of a source; the client is told, and may unmute.
    pub fn mute_participant(
        &self,
        room: &str,
        identity: &str,
        source: TrackSource,
    ) -> Result<(), EngineError> {
        let tracks: Vec<String> = {
            let locked = self.rooms().lock();
            let participant = locked
                .find(room, identity)
                .ok_or(EngineError::NoParticipant)?;
            let tracks = participant.announced();
            tracks
                .filter(|t| t.info.source() == source)
                .map(|t| t.info.sid.clone())
                .collect()
        };
        for track in tracks {
            self.mute_track(room, identity, &track, true)?;
        }
        Ok(())
    }

    pub(crate) fn mute_track(
        &self,
        room: &str,
        identity: &str,
        track: &str,
        muted: bool,
    ) -> Result<lk::TrackInfo, EngineError> {
        let mut locked = self.rooms().lock();
        let sid = locked
            .find(room, identity)
            .map(|p| p.sid.clone())
            .ok_or(EngineError::NoParticipant)?;
        if !locked.mute(&sid, track, muted) {
            return Err(EngineError::NoTrack);
        }
        locked.send(
            &sid,
            Message::Mute(lk::MuteTrackRequest {
                sid: track.to_owned(),
                muted,
            }),
        );
        let participant = locked.participants.get(&sid);
        participant
            .and_then(|p| p.track(track))
            .map(|t| t.info.clone())
            .ok_or(EngineError::NoTrack)
    }

    /// End a room and everybody in it.
    pub async fn delete_room(&self, room: &str) -> Result<(), EngineError> {
        {
            let mut locked = self.rooms().lock();
            if locked.room(room).is_none() {
                return Err(EngineError::NoRoom);
            }
            let members = locked.members(room);
            let reason = DisconnectReason::RoomDeleted;
            for sid in members {
                locked.remove(&sid, reason, Some(leave(reason, Action::Disconnect)));
            }
            locked.drop_room(room);
        }
        self.rooms().settled().await;
        Ok(())
    }

    /// The STUN and TURN servers that a client is told, with credentials of its own.
    pub fn ice_servers(&self, identity: &str) -> Vec<lk::IceServer> {
        self.rooms().ice_servers(identity)
    }

    /// Wait until the workers have carried out everything that was decided before this call.
    pub async fn settled(&self) {
        self.rooms().settled().await;
    }

    /// What happens from now on.
    pub fn events(&self) -> broadcast::Receiver<EngineEvent> {
        self.inner.events.subscribe()
    }

    /// Counters for `/metrics`.
    pub fn stats(&self) -> EngineStats {
        let mut stats = {
            let locked = self.rooms().lock();
            EngineStats {
                rooms: locked.rooms_count(),
                participants: locked.participants.len() as u64,
                tracks: locked.keys.len() as u64,
                ..Default::default()
            }
        };
        for link in self.rooms().links.iter() {
            let c = &link.counters;
            stats.sessions += c.sessions.load(Ordering::Relaxed);
            stats.packets_in += c.packets_in.load(Ordering::Relaxed);
            stats.packets_out += c.packets_out.load(Ordering::Relaxed);
            stats.bytes_in += c.bytes_in.load(Ordering::Relaxed);
            stats.bytes_out += c.bytes_out.load(Ordering::Relaxed);
            stats.dropped += c.dropped.load(Ordering::Relaxed);
            stats.unknown += c.unknown.load(Ordering::Relaxed);
            stats.handed += c.handed.load(Ordering::Relaxed);
            stats.reads += c.reads.load(Ordering::Relaxed);
            stats.writes += c.writes.load(Ordering::Relaxed);
        }
        stats
    }

    /// Say goodbye to everybody and end the workers.
    pub async fn shutdown(&self) {
        {
            let mut locked = self.rooms().lock();
            let sids: Vec<String> = locked.participants.keys().cloned().collect();
            let reason = DisconnectReason::ServerShutdown;
            for sid in sids {
                locked.remove(&sid, reason, Some(leave(reason, Action::Reconnect)));
            }
        }
        for link in self.rooms().links.iter() {
            link.command(Command::Shutdown);
        }
        if let Some(tcp) = &self.inner.tcp {
            tcp.abort();
        }
        let threads = std::mem::take(&mut *self.inner.threads.lock());
        // They end within a turn of their loop; waiting is a matter of order, not of time.
        let joined = tokio::task::spawn_blocking(move || {
            threads.into_iter().for_each(|t| drop(t.join()));
        });
        let _ = joined.await;
    }
}

/// The port for media by TCP. The same number as UDP's is a convenience: where it is taken, any
/// other does if UDP's was any, too (clients are told), else there is no fallback. A port that was
/// asked for has to be had.
fn open_tcp(
    config: &EngineConfig,
    udp: SocketAddr,
) -> std::io::Result<Option<tokio::net::TcpListener>> {
    match config.tcp {
        TcpFallback::Off => Ok(None),
        TcpFallback::At(bind) => port::listen(bind).map(Some),
        TcpFallback::SamePort => match port::listen(udp) {
            Ok(listener) => Ok(Some(listener)),
            Err(_) if config.udp_bind.port() == 0 => {
                port::listen(SocketAddr::new(udp.ip(), 0)).map(Some)
            }
            Err(error) => {
                tracing::warn!(%error, port = udp.port(), "no media by TCP: the port is taken; name another one for it");
                Ok(None)
            }
        },
    }
}
