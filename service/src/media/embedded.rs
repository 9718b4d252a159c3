//! The embedded engine as the meetings' media: rooms, grants and tokens in its terms, and its question
//! who may come in (`S2`) answered from the living admissions.

use super::{Engine as Media, EngineError, Entering, Joined, Living, Pass};
use crate::config::{Config, Turn};
use crate::engine::{
    AddTrackRequest, Admissions, ApiKeys, Engine, EngineConfig, EngineError as StartError,
    EngineEvent, EngineStats, Grants, JoinSpec, MediaClaims, MoveSpec, OfferSpec, TcpFallback,
    TrackSource as Source, TurnCredentials, TurnServer, VideoLayer,
};
use crate::keys::MediaKey;
use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::FutureExt;
use plenary_protocol::agent::{IceServer, MediaOffer, OfferedTrack, TrackSource};
use plenary_protocol::id::EndpointId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use url::Url;

/// Tracks that one offer may announce (`S11`).
const TRACKS: usize = 16;

/// Simulcast layers that a track may have: LiveKit's qualities.
const LAYERS: usize = 3;

/// The engine in this process.
pub struct Embedded {
    engine: Engine,
    url: String,
}

impl Embedded {
    /// Opens the media port.
    pub async fn start(
        config: &Config,
        key: &MediaKey,
        public_url: &Url,
        living: Arc<Living>,
    ) -> Result<Self, StartError> {
        let keys = ApiKeys::new(key.key.clone(), key.secret.clone());
        let settings = EngineConfig {
            udp_bind: config.udp,
            tcp: match (config.tcp_fallback, config.tcp) {
                (false, _) => TcpFallback::Off,
                (true, None) => TcpFallback::SamePort,
                (true, Some(address)) => TcpFallback::At(address),
            },
            turn: config.turn.iter().map(turn_server).collect(),
            advertised: config.advertise.clone(),
            workers: config.media_workers,
            resume_window: config.limits.resume_window(),
            ..EngineConfig::local(keys)
        };
        let engine = Engine::start(settings, Arc::new(Door(living.clone()))).await?;
        tokio::spawn(follow(engine.clone(), living));
        let origin = public_url.as_str().trim_end_matches('/');
        // http becomes ws, and https wss.
        let url = origin.replacen("http", "ws", 1);
        Ok(Self { engine, url })
    }

    /// On an engine without a port, whose workers are the caller's to run.
    #[cfg(test)]
    pub(crate) fn simulated<W>(
        make: impl FnOnce(Arc<dyn Admissions>) -> (Engine, W),
        url: String,
        living: Arc<Living>,
    ) -> (Self, W) {
        let (engine, workers) = make(Arc::new(Door(living.clone())));
        tokio::spawn(follow(engine.clone(), living));
        (Self { engine, url }, workers)
    }

    /// LiveKit's sockets.
    pub fn router(&self) -> axum::Router {
        self.engine.router()
    }
}

/// Transports that the engine gives up are known to it no more, so nobody is told to attach to them.
async fn follow(engine: Engine, living: Arc<Living>) {
    let mut events = engine.events();
    loop {
        match events.recv().await {
            Ok(EngineEvent::ParticipantLost { room, identity, .. }) => {
                living.lost(&EndpointId(identity), &room);
            }
            Ok(EngineEvent::ParticipantConnected { .. }) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// `S2`, `S4`: the engine lets in whom a living admission names, with the rights of that admission and
/// not those that a token claims.
struct Door(Arc<Living>);

impl Admissions for Door {
    fn living<'a>(&'a self, claims: &'a MediaClaims) -> BoxFuture<'a, Option<Grants>> {
        let endpoint = EndpointId::from(claims.sub.as_str());
        let pass = self.0.pass(&endpoint, claims.room(), claims.jti.as_deref());
        async move { pass.map(|pass| pass.right.grants()) }.boxed()
    }
}

fn announced(track: &OfferedTrack) -> AddTrackRequest {
    let (source, video) = match track.source {
        TrackSource::Microphone => (Source::Microphone, false),
        TrackSource::Camera => (Source::Camera, true),
        TrackSource::ScreenShare => (Source::ScreenShare, true),
        TrackSource::ScreenShareAudio => (Source::ScreenShareAudio, false),
    };
    let layers: Vec<VideoLayer> = (0..)
        .zip(track.layers.iter().take(LAYERS))
        .map(|(quality, layer)| VideoLayer {
            // LiveKit's `VideoQuality` counts from the smallest layer, too.
            quality,
            spatial_layer: quality,
            rid: layer.rid.clone(),
            width: layer.width,
            height: layer.height,
            bitrate: layer.bitrate,
            ..VideoLayer::default()
        })
        .collect();
    let whole = layers.last().cloned().unwrap_or_default();
    AddTrackRequest {
        cid: track.cid.clone(),
        source: source.into(),
        r#type: i32::from(video),
        muted: track.muted,
        width: whole.width,
        height: whole.height,
        layers,
        ..AddTrackRequest::default()
    }
}

/// The configuration was checked: there is one kind of credentials.
fn turn_server(turn: &Turn) -> TurnServer {
    let credentials = match (&turn.secret, &turn.username, &turn.password) {
        (Some(secret), ..) => TurnCredentials::Secret {
            secret: secret.clone(),
            lifetime: turn.lifetime_s,
        },
        (None, Some(username), Some(password)) => TurnCredentials::Fixed {
            username: username.clone(),
            password: password.clone(),
        },
        _ => TurnCredentials::None,
    };
    TurnServer {
        urls: turn.urls.clone(),
        credentials,
    }
}

fn failed(error: StartError) -> EngineError {
    EngineError(error.to_string())
}

#[async_trait]
impl Media for Embedded {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn slots(&self) -> bool {
        true
    }

    fn moves(&self) -> bool {
        true
    }

    fn ice_servers(&self, endpoint: &EndpointId) -> Vec<IceServer> {
        let told = self.engine.ice_servers(endpoint.as_str());
        let given = |text: String| Some(text).filter(|t| !t.is_empty());
        told.into_iter()
            .map(|server| IceServer {
                urls: server.urls,
                username: given(server.username),
                credential: given(server.credential),
            })
            .collect()
    }

    fn stats(&self) -> EngineStats {
        self.engine.stats()
    }

    fn claims(&self, token: &str) -> Option<MediaClaims> {
        self.engine.claims(token).ok()
    }

    fn token(&self, endpoint: &EndpointId, pass: &Pass, life: Duration) -> String {
        self.engine.issue_token(pass.claims(endpoint), life)
    }

    async fn join(
        &self,
        endpoint: &EndpointId,
        pass: &Pass,
        offer: MediaOffer,
    ) -> Result<Joined, EngineError> {
        let spec = JoinSpec {
            room: pass.room.clone(),
            near: pass.near.clone(),
            identity: endpoint.to_string(),
            grants: pass.right.grants(),
            offer: Some(OfferSpec {
                sdp: offer.sdp,
                mid_to_cid: offer.mid_to_cid.into_iter().collect(),
                add_tracks: offer.tracks.iter().take(TRACKS).map(announced).collect(),
            }),
            slots: true,
        };
        let joined = self.engine.join(spec).await.map_err(failed)?;
        let answer = joined
            .answer
            .ok_or_else(|| EngineError("no answer".to_owned()))?;
        Ok(Joined {
            sid: joined.participant_sid,
            answer,
        })
    }

    async fn enter(&self, entering: &[Entering]) -> Result<Vec<bool>, EngineError> {
        let moves = entering.iter().map(|one| MoveSpec {
            identity: one.endpoint.to_string(),
            from: one.from.clone(),
            to: one.pass.room.clone(),
            grants: one.pass.right.grants(),
        });
        Ok(self.engine.move_participants(moves.collect()).await)
    }

    async fn mute(&self, endpoints: &[(EndpointId, String)]) {
        for (endpoint, room) in endpoints {
            let identity = endpoint.as_str();
            // Who has no transport, or no microphone, sends nothing.
            let _ = self
                .engine
                .mute_participant(room, identity, Source::Microphone);
        }
        self.engine.settled().await;
    }

    async fn remove(&self, endpoint: &EndpointId, room: &str) {
        // Nobody of that name there is what is wanted.
        let _ = self
            .engine
            .remove_participant(room, endpoint.as_str())
            .await;
    }

    fn expect(&self, rooms: &[String]) {
        self.engine.expect(rooms);
    }

    async fn delete_room(&self, room: &str) {
        // An empty room is gone already.
        let _ = self.engine.delete_room(room).await;
    }

    async fn shutdown(&self) {
        self.engine.shutdown().await;
    }
}
