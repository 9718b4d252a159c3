//! A meeting's people on the engine: their passes, rooms, moves and grants.

use super::Actor;
use crate::clock::now_ms;
use crate::media::{Entering, Pass, Right, HANDOVER};
use crate::meeting::Place;
use crate::random;
use plenary_protocol::agent::{CallSnapshot, MediaGrant, MediaOffer};
use plenary_protocol::id::{EndpointId, RoomId};
use std::time::Duration;

impl Actor {
    /// Names change with every opening.
    pub(super) async fn forget_closed_rooms(&mut self) {
        let closed = |room: &&RoomId| !self.core.breakout().is_open(room);
        let closed: Vec<RoomId> = self.rooms.keys().filter(closed).cloned().collect();
        for room in closed {
            let name = self.rooms.remove(&room);
            let (Some(name), Some(engine)) = (name, self.meetings.media.engine.clone()) else {
                continue;
            };
            if engine.moves() {
                engine.delete_room(&name).await;
            } else {
                // Its people are still there until they are in their next room.
                tokio::spawn(async move {
                    tokio::time::sleep(HANDOVER).await;
                    engine.delete_room(&name).await;
                });
            }
        }
    }

    /// Who may come into a room any moment sees it sooner if the engine knows.
    pub(super) fn expect_in_rooms(&self) {
        let awaited = self.core.awaited_rooms().into_iter();
        let awaited: Vec<String> = awaited.filter_map(|r| self.rooms.get(r).cloned()).collect();
        if let Some(engine) = self.meetings.media.engine.as_ref() {
            engine.expect(&awaited);
        }
    }

    /// Who presents may share a screen (`B9`); the others have camera and microphone.
    fn right(&self, endpoint: &EndpointId) -> Right {
        match self.core.may_share_screen(endpoint) {
            true => Right::Speak,
            false => Right::Attend,
        }
    }

    /// Somebody's role changed: what their media may do follows at once.
    pub(super) async fn follow_roles(&mut self) {
        let inside = self.passes.iter().filter(|(_, p)| p.right != Right::Wait);
        let changed = inside.filter(|(e, p)| p.right != self.right(e));
        let changed: Vec<_> = changed.map(|(e, p)| (e.clone(), p.clone())).collect();
        let mut entering = Vec::new();
        for (endpoint, mut pass) in changed {
            pass.right = self.right(&endpoint);
            self.meetings.media.living.permit(&endpoint, pass.right);
            self.passes.insert(endpoint.clone(), pass.clone());
            let from = pass.room.clone();
            entering.push(Entering {
                endpoint,
                from,
                pass,
            });
        }
        if let Some(engine) = self
            .meetings
            .media
            .engine
            .as_ref()
            .filter(|_| !entering.is_empty())
        {
            // To where they are: only the rights change. Without a transport there is nothing to do.
            let _ = engine.enter(&entering).await;
        }
    }

    /// The pass comes before everything else: a token of before is void from here on (`S2`).
    fn pass(&mut self, endpoint: &EndpointId, place: &Place) -> Pass {
        let (room, right) = match place {
            Place::Inside => (self.room.clone(), self.right(endpoint)),
            Place::Room(room) => {
                let name = || format!("b-{}", random::text(random::ALPHANUMERIC, 24));
                let name = self.rooms.entry(room.clone()).or_insert_with(name).clone();
                (name, self.right(endpoint))
            }
            // A room of their own, where nothing can be published to anybody or received.
            Place::Lobby => {
                let name = random::text(random::ALPHANUMERIC, 24);
                (format!("lobby-{name}"), Right::Wait)
            }
        };
        let nonce = random::text(random::ALPHANUMERIC, 24);
        let near = self.room.clone();
        let pass = Pass {
            room,
            near,
            nonce,
            right,
        };
        self.meetings.media.living.set(endpoint, pass.clone());
        self.passes.insert(endpoint.clone(), pass.clone());
        pass
    }

    /// Media of somebody who joined, waits, or found back; the snapshot for them.
    pub(super) async fn joined(
        &mut self,
        endpoint: &EndpointId,
        place: &Place,
        offer: Option<MediaOffer>,
    ) -> Option<CallSnapshot> {
        let mut snapshot = self.core.snapshot(endpoint, &self.server_call_id)?;
        let Some(engine) = self.meetings.media.engine.clone() else {
            return Some(snapshot);
        };
        let pass = match self.passes.get(endpoint) {
            Some(pass) => pass.clone(),
            // Theirs is made on admission.
            None if *place == Place::Lobby && (!engine.moves() || self.lobby_is_crowded()) => {
                return Some(snapshot);
            }
            None => self.pass(endpoint, place),
        };
        let mut answer = None;
        if let Some(offer) = offer {
            match engine.join(endpoint, &pass, offer).await {
                Ok(joined) => {
                    self.meetings
                        .media
                        .living
                        .known_as(endpoint, Some(joined.sid));
                    answer = Some(joined.answer);
                }
                // The grant below still lets the client join over the engine's own socket.
                Err(error) => tracing::warn!(%error, "an offer was not taken"),
            }
        }
        snapshot.media = self.grant(endpoint, answer);
        Some(snapshot)
    }

    /// Transports of people who wait are bounded apart from the lobby's places (`S11`).
    fn lobby_is_crowded(&self) -> bool {
        let waiting = self
            .passes
            .values()
            .filter(|pass| pass.right == Right::Wait);
        waiting.count() >= self.meetings.limits.lobby_transports
    }

    /// Moves endpoints' media to where they are now: into the meeting, a breakout room, or back.
    pub(super) async fn enter(&mut self, endpoints: Vec<EndpointId>) {
        let Some(engine) = self.meetings.media.engine.clone() else {
            return;
        };
        let living = self.meetings.media.living.clone();
        let mut entering = Vec::new();
        let mut sids = Vec::new();
        for endpoint in endpoints {
            let before = self.passes.remove(&endpoint);
            let sid = living.sid(&endpoint);
            let Some(place) = self.core.place(&endpoint) else {
                continue;
            };
            let pass = self.pass(&endpoint, &place);
            let Some(Pass {
                room: from, right, ..
            }) = before
            else {
                continue;
            };
            if !engine.moves() && right != Right::Wait {
                // The client makes before it breaks.
                living.hand_over(&endpoint, from);
                continue;
            }
            // Without an offer over the agent socket it may still have come over the engine's own.
            entering.push(Entering {
                endpoint,
                from,
                pass,
            });
            sids.push(sid);
        }
        if entering.is_empty() {
            return;
        }
        let moved = engine.enter(&entering).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "no transport was moved");
            vec![false; entering.len()]
        });
        for ((one, sid), moved) in entering.into_iter().zip(sids).zip(moved) {
            match moved {
                true => living.known_as(&one.endpoint, sid),
                // It is made anew.
                false => engine.remove(&one.endpoint, &one.from).await,
            }
        }
    }

    /// Their owners may unmute them again; nobody else does.
    pub(super) async fn mute(&self, endpoints: impl Iterator<Item = &EndpointId>) {
        let there = endpoints.filter_map(|endpoint| {
            let pass = self.passes.get(endpoint)?;
            Some((endpoint.clone(), pass.room.clone()))
        });
        let there: Vec<(EndpointId, String)> = there.collect();
        match &self.meetings.media.engine {
            Some(engine) if !there.is_empty() => engine.mute(&there).await,
            _ => {}
        }
    }

    pub(super) async fn cut(&mut self, endpoint: &EndpointId) {
        let left = self.meetings.media.living.end(endpoint);
        let room = self.passes.remove(endpoint).map(|pass| pass.room);
        if let Some(engine) = &self.meetings.media.engine {
            for room in room.into_iter().chain(left) {
                engine.remove(endpoint, &room).await;
            }
        }
    }

    pub(super) fn grant(
        &self,
        endpoint: &EndpointId,
        answer: Option<String>,
    ) -> Option<MediaGrant> {
        let engine = self.meetings.media.engine.as_ref()?;
        let pass = self.passes.get(endpoint)?;
        let life = Duration::from_millis(self.meetings.limits.media_token_ms);
        #[allow(clippy::cast_precision_loss)] // Milliseconds since 1970 fit 53 bits.
        let expires_at = (now_ms() + self.meetings.limits.media_token_ms) as f64;
        Some(MediaGrant {
            url: engine.url(),
            token: engine.token(endpoint, pass, life),
            expires_at,
            participant_sid: self.meetings.media.living.sid(endpoint),
            answer,
            slots: engine.slots(),
            ice_servers: engine.ice_servers(endpoint),
        })
    }
}
