//! Between the meetings and the media engine: who is where by what right, and the engine's calls.
//!
//! [`Living`] is what the engine asks at every join and resume (`S2`): a token counts only while its
//! room and nonce are those of the living admission. Meetings write it before they tell the engine or
//! anybody else.

pub mod embedded;
pub mod livekit;

use crate::engine::{EngineStats, Grants, MediaClaims, TrackSource};
use async_trait::async_trait;
use parking_lot::RwLock;
use plenary_protocol::agent::{IceServer, MediaOffer};
use plenary_protocol::id::EndpointId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What an endpoint's media may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Neither publish nor receive: in the lobby.
    Wait,
    /// Publish camera and microphone, and receive: an attendee, who does not present.
    Attend,
    /// Publish and receive everything (`C1`).
    Speak,
}

impl Right {
    /// As media tokens say it.
    fn grants(self) -> Grants {
        match self {
            Self::Wait => Grants::waiting(),
            Self::Attend => Grants {
                sources: vec![TrackSource::Microphone, TrackSource::Camera],
                ..Grants::speaker()
            },
            // No data and no metadata: names, roles and chat travel on the agent socket alone (`S3`).
            Self::Speak => Grants::speaker(),
        }
    }
}

/// A living admission as the engine sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// The room.
    pub room: String,
    /// The meeting's own room, where its holder is or will be for the most part.
    pub near: String,
    /// Ties tokens to this admission to this room: of before a move, of before removal, they are void.
    pub nonce: String,
    /// What is permitted.
    pub right: Right,
}

impl Pass {
    /// What a media token of this admission says.
    fn claims(&self, endpoint: &EndpointId) -> MediaClaims {
        MediaClaims {
            sub: endpoint.to_string(),
            jti: Some(self.nonce.clone()),
            video: Some(self.right.grants().to_video(&self.room)),
            ..MediaClaims::default()
        }
    }
}

/// An endpoint that goes to its pass's room.
#[derive(Debug, Clone)]
pub struct Entering {
    /// Who.
    pub endpoint: EndpointId,
    /// The room where it is.
    pub from: String,
    /// Where it will be, and by what right.
    pub pass: Pass,
}

/// How long a client that makes before it breaks may be in the room of before a move: as long as a
/// connection takes on a bad network.
pub const HANDOVER: Duration = Duration::from_secs(5);

/// Every endpoint that may have media now.
#[derive(Debug, Default)]
pub struct Living {
    passes: RwLock<HashMap<EndpointId, Entry>>,
}

#[derive(Debug)]
struct Entry {
    pass: Pass,
    /// Set while the engine knows the endpoint by an offer that came over the agent socket.
    sid: Option<String>,
    /// The room that the endpoint is about to leave by itself, and until when.
    leaving: Option<(String, Instant)>,
}

impl Living {
    /// Gives an endpoint its pass, in place of the one before.
    pub fn set(&self, endpoint: &EndpointId, pass: Pass) {
        let entry = Entry {
            pass,
            sid: None,
            leaving: None,
        };
        self.passes.write().insert(endpoint.clone(), entry);
    }

    /// Changes what an endpoint may do where it is.
    pub fn permit(&self, endpoint: &EndpointId, right: Right) {
        if let Some(entry) = self.passes.write().get_mut(endpoint) {
            entry.pass.right = right;
        }
    }

    /// The engine knows the endpoint by this sid, in the room of its pass.
    pub fn known_as(&self, endpoint: &EndpointId, sid: Option<String>) {
        if let Some(entry) = self.passes.write().get_mut(endpoint) {
            entry.sid = sid;
        }
    }

    /// The engine gave the endpoint's transport up; the admission lives on.
    pub fn lost(&self, endpoint: &EndpointId, room: &str) {
        if let Some(entry) = self
            .passes
            .write()
            .get_mut(endpoint)
            .filter(|entry| entry.pass.room == room)
        {
            entry.sid = None;
        }
    }

    /// By what sid the engine knows the endpoint.
    pub fn sid(&self, endpoint: &EndpointId) -> Option<String> {
        self.passes
            .read()
            .get(endpoint)
            .and_then(|entry| entry.sid.clone())
    }

    /// Takes an endpoint's pass away; the room that it may still be about to leave.
    pub fn end(&self, endpoint: &EndpointId) -> Option<String> {
        let (room, _) = self.passes.write().remove(endpoint)?.leaving?;
        Some(room)
    }

    /// The endpoint was moved and is connecting to its new room: it leaves this one by itself.
    pub fn hand_over(&self, endpoint: &EndpointId, room: String) {
        if let Some(entry) = self.passes.write().get_mut(endpoint) {
            entry.leaving = Some((room, Instant::now() + HANDOVER));
        }
    }

    /// Whether an endpoint may be in a room for a moment more.
    pub fn is_leaving(&self, endpoint: &EndpointId, room: &str) -> bool {
        let passes = self.passes.read();
        let leaving = passes
            .get(endpoint)
            .and_then(|entry| entry.leaving.as_ref());
        leaving.is_some_and(|(of, until)| of == room && *until > Instant::now())
    }

    /// The pass that a token's identity, room and nonce name, if it is living (`S2`). Tokens that the
    /// engine itself refreshes have no nonce: room and endpoint name the admission all the same, since
    /// no endpoint's id is used for two admissions to one room.
    pub fn pass(&self, endpoint: &EndpointId, room: &str, nonce: Option<&str>) -> Option<Pass> {
        let passes = self.passes.read();
        let pass = passes.get(endpoint).map(|entry| &entry.pass)?;
        let living = pass.room == room && nonce.is_none_or(|nonce| nonce == pass.nonce);
        living.then(|| pass.clone())
    }

    /// The rooms that somebody may be in now.
    pub fn rooms(&self) -> HashSet<String> {
        let passes = self.passes.read();
        passes
            .values()
            .map(|entry| entry.pass.room.clone())
            .collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.passes.read().len()
    }
}

/// Why the engine did not do it.
#[derive(Debug, thiserror::Error)]
#[error("the media engine: {0}")]
pub struct EngineError(pub String);

/// What the engine knows of somebody who joined with an offer.
#[derive(Debug, Clone)]
pub struct Joined {
    /// LiveKit's sid of the participant.
    pub sid: String,
    /// SDP.
    pub answer: String,
}

/// A media engine: the embedded one, or LiveKit's server.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// Origin of its LiveKit socket.
    fn url(&self) -> String;
    /// Whether it has receive slots.
    fn slots(&self) -> bool;
    /// Whether it moves transports between rooms; without it they are made on admission.
    fn moves(&self) -> bool;
    /// STUN and TURN servers, with credentials of the endpoint's own.
    fn ice_servers(&self, endpoint: &EndpointId) -> Vec<IceServer>;
    /// Its counters.
    fn stats(&self) -> EngineStats;
    /// What a LiveKit token says, if one of the engine's keys signed it.
    fn claims(&self, token: &str) -> Option<MediaClaims>;
    /// A LiveKit token.
    fn token(&self, endpoint: &EndpointId, pass: &Pass, life: Duration) -> String;
    /// Takes an offer that came over the agent socket; in place of the endpoint's transport, if any.
    async fn join(
        &self,
        endpoint: &EndpointId,
        pass: &Pass,
        offer: MediaOffer,
    ) -> Result<Joined, EngineError>;
    /// Moves transports into their passes' rooms; says of each whether there was one.
    async fn enter(&self, entering: &[Entering]) -> Result<Vec<bool>, EngineError>;
    /// Forwards nothing of these endpoints' microphones, each in its room, until their clients unmute them.
    async fn mute(&self, endpoints: &[(EndpointId, String)]);
    /// Stops an endpoint's media both ways.
    async fn remove(&self, endpoint: &EndpointId, room: &str);
    /// Somebody may come into these rooms any moment, from another one.
    fn expect(&self, rooms: &[String]);
    /// Ends a room.
    async fn delete_room(&self, room: &str);
    /// Ends everything.
    async fn shutdown(&self);
}

/// The engine, if there is one, and who may use it.
#[derive(Clone)]
pub struct Media {
    /// Who may.
    pub living: Arc<Living>,
    /// Absent: meetings without media (tests of everything else).
    pub engine: Option<Arc<dyn Engine>>,
}

impl Media {
    /// Without an engine.
    pub fn none() -> Self {
        Self {
            living: Arc::default(),
            engine: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s2_only_the_living_admissions_room_and_nonce_count() {
        let living = Living::default();
        let endpoint = EndpointId::from("e");
        let pass = |room: &str, nonce: &str| Pass {
            room: room.into(),
            near: "meeting".into(),
            nonce: nonce.into(),
            right: Right::Wait,
        };
        living.set(&endpoint, pass("lobby", "1"));
        assert!(living.pass(&endpoint, "lobby", Some("1")).is_some());
        living.set(&endpoint, pass("meeting", "2"));
        for (room, nonce) in [
            ("lobby", "1"),
            ("meeting", "1"),
            ("lobby", "2"),
            ("other", "2"),
        ] {
            assert_eq!(living.pass(&endpoint, room, Some(nonce)), None);
        }
        assert_eq!(living.pass(&"f".into(), "meeting", Some("2")), None);
        living.end(&endpoint);
        assert_eq!(living.pass(&endpoint, "meeting", None), None);
    }
}
