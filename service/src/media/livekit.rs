//! A LiveKit server, or a cluster of them, as the meetings' media.
//!
//! It is not ours to ask at each join, moves nobody and cannot take tokens back. So transports are
//! made on admission, with a token that lives as short as the configuration says, and whoever is in a
//! room without a living admission to it is removed: a look at every room once a second is the window
//! that remains (`S2`, `S4`). Who is moved has a few seconds more, in which their client connects to the
//! new room before it leaves the old one.

use super::{Engine, EngineError, Entering, Joined, Living, Pass};
use crate::config::LivekitServer;
use crate::engine::{issue, verify, ApiKeys, EngineStats, MediaClaims, VideoGrants};
use async_trait::async_trait;
use plenary_protocol::agent::{IceServer, MediaOffer};
use plenary_protocol::id::EndpointId;
use serde::Deserialize;
use serde_json::{json, Value};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often rooms are looked at for people without an admission.
const LOOK: Duration = Duration::from_secs(1);
/// A room service that does not answer for so long is down; the next look is made anyway.
const PATIENCE: Duration = Duration::from_secs(5);
/// Life of the tokens with which we call the room service.
const OWN_TOKEN: Duration = Duration::from_secs(60);

/// A LiveKit server that is not in this process.
pub struct Livekit {
    room_service: RoomService,
    /// Origin of its socket.
    url: String,
}

impl Livekit {
    /// Nothing is connected yet: its clients connect, and calls are made as they come.
    pub fn new(
        server: &LivekitServer,
        token_life: Duration,
        living: Arc<Living>,
    ) -> Result<Self, EngineError> {
        let origin = server.url.as_str().trim_end_matches('/');
        let room_service = RoomService {
            // ws becomes http, and wss https; an origin that is one already stays.
            origin: origin.replacen("ws", "http", usize::from(origin.starts_with("ws"))),
            keys: ApiKeys::new(server.key.clone(), server.secret.clone()),
            http: reqwest::Client::builder()
                .timeout(PATIENCE)
                // The address is the operator's; a redirect would carry our token elsewhere.
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .map_err(failed)?,
        };
        let url = origin.replacen("http", "ws", usize::from(origin.starts_with("http")));
        tokio::spawn(watch(room_service.clone(), token_life, living));
        Ok(Self { room_service, url })
    }
}

#[async_trait]
impl Engine for Livekit {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn slots(&self) -> bool {
        false
    }

    fn moves(&self) -> bool {
        false
    }

    fn ice_servers(&self, _endpoint: &EndpointId) -> Vec<IceServer> {
        // The server names its own when a client joins.
        Vec::new()
    }

    fn stats(&self) -> EngineStats {
        // It has metrics of its own.
        EngineStats::default()
    }

    fn claims(&self, token: &str) -> Option<MediaClaims> {
        verify(token, &self.room_service.keys).ok()
    }

    fn token(&self, endpoint: &EndpointId, pass: &Pass, life: Duration) -> String {
        issue(pass.claims(endpoint), life, &self.room_service.keys)
    }

    async fn join(
        &self,
        _endpoint: &EndpointId,
        _pass: &Pass,
        _offer: MediaOffer,
    ) -> Result<Joined, EngineError> {
        Err(EngineError(
            "a LiveKit server takes offers over its own socket alone".to_owned(),
        ))
    }

    async fn enter(&self, _entering: &[Entering]) -> Result<Vec<bool>, EngineError> {
        Err(EngineError("a LiveKit server moves nobody".to_owned()))
    }

    async fn mute(&self, endpoints: &[(EndpointId, String)]) {
        // All at once: the meeting waits for it.
        let all = endpoints
            .iter()
            .map(|(endpoint, room)| self.room_service.mute(room, endpoint.as_str()));
        futures::future::join_all(all).await;
    }

    async fn remove(&self, endpoint: &EndpointId, room: &str) {
        self.room_service.remove(room, endpoint.as_str()).await;
    }

    fn expect(&self, _: &[String]) {
        // It has no such word.
    }

    async fn delete_room(&self, room: &str) {
        let body = json!({ "room": room });
        if let Err(error) = self.room_service.call(room, "DeleteRoom", &body).await {
            tracing::warn!(%error, "a room is not deleted");
        }
    }

    async fn shutdown(&self) {
        // Its rooms end by themselves when their people are told and leave.
    }
}

/// Looks at every room that somebody may still hold a token for.
async fn watch(room_service: RoomService, token_life: Duration, living: Arc<Living>) {
    let mut rooms: HashMap<String, Instant> = HashMap::new();
    let mut pause = tokio::time::interval(LOOK);
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The embedded service ends with its process, and this with it.
    loop {
        pause.tick().await;
        let now = Instant::now();
        rooms.extend(living.rooms().into_iter().map(|room| (room, now)));
        rooms.retain(|_, last| now.duration_since(*last) <= token_life);
        for room in rooms.keys() {
            for identity in room_service.identities(room).await {
                let endpoint = EndpointId::from(identity.as_str());
                let admitted = living.pass(&endpoint, room, None).is_some();
                if !admitted && !living.is_leaving(&endpoint, room) {
                    tracing::info!(identity, "somebody without an admission is removed");
                    room_service.remove(room, &identity).await;
                }
            }
        }
    }
}

/// LiveKit's room service: Twirp, as JSON.
#[derive(Clone)]
struct RoomService {
    origin: String,
    keys: ApiKeys,
    http: reqwest::Client,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Participants {
    participants: Vec<Participant>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Participant {
    identity: String,
    tracks: Vec<Track>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Track {
    sid: String,
    source: String,
}

impl RoomService {
    async fn identities(&self, room: &str) -> Vec<String> {
        let body = json!({ "room": room });
        let answer = match self.call(room, "ListParticipants", &body).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(%error, "a room's participants are not told");
                return Vec::new();
            }
        };
        let list: Participants = serde_json::from_value(answer).unwrap_or_default();
        list.participants.into_iter().map(|p| p.identity).collect()
    }

    /// Mutes what comes from a microphone.
    async fn mute(&self, room: &str, identity: &str) {
        let body = json!({ "room": room, "identity": identity });
        let answer = match self.call(room, "GetParticipant", &body).await {
            Ok(answer) => answer,
            // Nobody of that name there sends nothing.
            Err(error) => return tracing::debug!(%error, "a participant is not muted"),
        };
        let participant: Participant = serde_json::from_value(answer).unwrap_or_default();
        let tracks = participant.tracks.into_iter();
        for track in tracks.filter(|track| track.source == "MICROPHONE") {
            let body = json!({
                "room": room, "identity": identity, "track_sid": track.sid, "muted": true,
            });
            if let Err(error) = self.call(room, "MutePublishedTrack", &body).await {
                tracing::warn!(%error, "a microphone is not muted");
            }
        }
    }

    async fn remove(&self, room: &str, identity: &str) {
        let body = json!({ "room": room, "identity": identity });
        if let Err(error) = self.call(room, "RemoveParticipant", &body).await {
            // Nobody of that name there is what is wanted; all else is tried again by the next look.
            tracing::debug!(%error, "a participant is not removed");
        }
    }

    async fn call(&self, room: &str, method: &str, body: &Value) -> Result<Value, EngineError> {
        let claims = MediaClaims {
            sub: "plenary-service".to_owned(),
            video: Some(VideoGrants {
                room: room.to_owned(),
                room_admin: true,
                room_create: true,
                ..VideoGrants::default()
            }),
            ..MediaClaims::default()
        };
        let url = format!("{}/twirp/livekit.RoomService/{method}", self.origin);
        let response = self
            .http
            .post(url)
            .bearer_auth(issue(claims, OWN_TOKEN, &self.keys))
            .json(body)
            .send()
            .await
            .map_err(failed)?;
        match response.status().is_success() {
            true => response.json().await.map_err(failed),
            false => Err(EngineError(format!("{method}: {}", response.status()))),
        }
    }
}

/// Without the address: it is the operator's, and errors are logged (`S15`).
fn failed(error: reqwest::Error) -> EngineError {
    EngineError(error.without_url().to_string())
}
