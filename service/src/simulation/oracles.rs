//! What has to be true once nothing is broken: engine, service and every client agree who is where, and
//! whoever should hear, hears. That nobody hears what they should not is looked at with every packet
//! (`world.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use plenary_protocol::agent::CallState;

use super::media::{Kind, FRAME, PACE};
use super::world::World;
use crate::meetings::Look;

/// Packets that may be missing at the edges of the time that is listened.
const MISSING: u64 = 4;

type Verdict<T = ()> = Result<T, String>;

fn ensure(holds: bool, dispute: impl FnOnce() -> String) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(dispute())
    }
}

/// Where an endpoint is, as somebody has it.
type Where = BTreeMap<String, (usize, Option<String>, CallState)>;

/// Everybody agrees who is where.
pub async fn agreement(world: &mut World) -> Verdict {
    let looks = world.looks().await;
    let mut service = Where::new();
    let mut engine = BTreeMap::new();
    for (meeting, look) in looks.iter().enumerate() {
        for snapshot in look.iter().flat_map(|look| &look.snapshots) {
            let room = snapshot.room.as_ref().map(ToString::to_string);
            let place = (meeting, room, snapshot.state);
            service.insert(snapshot.endpoint.to_string(), place);
        }
        let given = look.iter().flat_map(|look| &look.passes);
        engine.extend(given.map(|(endpoint, pass)| (endpoint.to_string(), pass.room.clone())));
        rooms(world, meeting, look.as_ref())?;
        passes(look.as_ref())?;
    }
    let clients = clients(world)?;
    ensure(clients == service, || {
        format!("clients say {clients:?}, the service {service:?}")
    })?;
    // The engine knows whom the service gave a pass, and nobody else (CVE-2020-3419).
    let there = world.places().iter();
    let there: BTreeMap<_, _> = there
        .map(|place| (place.identity.clone(), place.room.clone()))
        .collect();
    let waits = |endpoint: &String| {
        service
            .get(endpoint)
            .is_some_and(|(.., state)| *state == CallState::Lobby)
    };
    let missing: Vec<_> = engine
        .iter()
        .filter(|(endpoint, room)| there.get(*endpoint) != Some(room) && !waits(endpoint))
        .collect();
    ensure(missing.is_empty(), || {
        format!("the engine has not, or elsewhere: {missing:?}; it has {there:?}")
    })?;
    let ghosts: Vec<_> = there
        .iter()
        .filter(|(endpoint, room)| engine.get(*endpoint) != Some(room))
        .collect();
    ensure(ghosts.is_empty(), || {
        format!("the engine has ghosts: {ghosts:?}")
    })
}

/// Inside is one room for all; who waits is alone.
fn passes(look: Option<&Look>) -> Verdict {
    if let Some(look) = look {
        for (endpoint, pass) in &look.passes {
            let snapshot = look.snapshots.iter().find(|s| s.endpoint == *endpoint);
            let snapshot = snapshot.ok_or_else(|| format!("{endpoint} has a pass and no place"))?;
            let shares = look.passes.values().filter(|p| p.room == pass.room).count();
            let right = match snapshot.state {
                CallState::Connected => (pass.room == look.room) == snapshot.room.is_none(),
                CallState::Held => false,
                CallState::Lobby => pass.room != look.room && shares == 1,
            };
            ensure(right, || {
                format!("{endpoint} has the pass of another: {pass:?}")
            })?;
        }
    }
    Ok(())
}

/// What the clients' applications see.
fn clients(world: &World) -> Verdict<Where> {
    let mut clients = Where::new();
    for client in &world.clients {
        let Some((id, call)) = client.call() else {
            continue;
        };
        let state = match call.state {
            "InLobby" => CallState::Lobby,
            "Connected" => CallState::Connected,
            other => return Err(format!("{id} is {other}")),
        };
        let endpoint = call.endpoint.clone().unwrap_or_default();
        clients.insert(endpoint, (call.meeting, call.room.clone(), state));
    }
    Ok(clients)
}

/// Rosters and lobbies as clients see them are the meeting's.
fn rooms(world: &World, meeting: usize, look: Option<&Look>) -> Verdict {
    let snapshots = look
        .map(|look| look.snapshots.as_slice())
        .unwrap_or_default();
    for client in &world.clients {
        let Some((id, call)) = client.call().filter(|(_, call)| call.meeting == meeting) else {
            continue;
        };
        let snapshot = snapshots.iter().find(|s| s.call == *id);
        let snapshot = snapshot.ok_or_else(|| format!("the service does not know {id}"))?;
        let others = snapshot.roster.iter().filter(|p| p.id != client.id);
        let roster: BTreeMap<String, BTreeSet<String>> = others
            .map(|p| {
                let endpoints = p.endpoints.iter().map(|e| e.id.to_string());
                (p.id.to_string(), endpoints.collect())
            })
            .collect();
        ensure(roster == call.roster, || {
            format!("{id} sees {:?}, and there are {roster:?}", call.roster)
        })?;
        let lobby = snapshot.lobby.iter().flatten();
        let lobby: BTreeSet<String> = lobby.map(|entry| entry.id.to_string()).collect();
        ensure(lobby == call.lobby, || {
            format!(
                "{id} sees {:?} waiting, and there wait {lobby:?}",
                call.lobby
            )
        })?;
    }
    Ok(())
}

fn describe(world: &World, endpoint: &str) -> String {
    let calls = world.clients.iter().filter_map(|client| {
        let (id, call) = client.call()?;
        let media = client.media.get(id)?;
        (call.endpoint.as_deref() == Some(endpoint)).then(|| format!("{id}: {}", media.describe()))
    });
    format!("{endpoint} ({})", calls.collect::<String>())
}

/// Whoever should hear and see, does, in the section that the slots say; everybody else gets nothing.
pub fn hearing(world: &World, time: Duration) -> Verdict<String> {
    let due = |kind| {
        let each = match kind {
            Kind::Sound => PACE,
            Kind::Picture => FRAME,
        };
        (time.as_millis() / each.as_millis()) as u64 - MISSING
    };
    let inside: Vec<_> = world
        .clients
        .iter()
        .filter_map(|client| {
            let (id, call) = client.call()?;
            let endpoint = call.endpoint.clone()?;
            let media = client.media.get(id)?;
            let place = (call.meeting, call.room.as_deref());
            (call.state == "Connected").then_some((endpoint, place, media))
        })
        .collect();
    let mut expected = BTreeSet::new();
    for (listener, place, _) in &inside {
        for (sender, of, media) in &inside {
            let both = of == place && sender != listener;
            let kinds = [Kind::Sound, Kind::Picture].into_iter();
            let sent = kinds.filter(|kind| both && media.sends(*kind));
            expected.extend(sent.map(|kind| (listener.clone(), sender.clone(), kind)));
        }
    }
    for pair in &expected {
        let got = world.packets.get(pair).copied().unwrap_or(0);
        let (listener, sender, kind) = pair;
        let due = due(*kind);
        ensure(got >= due, || {
            let sides = [describe(world, listener), describe(world, sender)];
            format!(
                "{got} packets of {kind:?} and not {due} come to {} from {}",
                sides[0], sides[1]
            )
        })?;
    }
    let others: Vec<_> = world
        .packets
        .keys()
        .filter(|p| !expected.contains(p))
        .collect();
    ensure(others.is_empty(), || {
        format!("some get what should be silent or dark for them: {others:?}")
    })?;
    ensure(world.misplaced.is_empty(), || {
        format!("packets in sections of others: {:?}", world.misplaced)
    })?;
    let rooms = inside.iter().filter(|(_, (_, room), _)| room.is_some());
    let seen = expected.iter().filter(|(.., kind)| *kind == Kind::Picture);
    let (inside, rooms, seen) = (inside.len(), rooms.count(), seen.count());
    let heard = expected.len() - seen;
    Ok(format!(
        "{inside} inside, {rooms} of them in breakout rooms, {heard} hear and {seen} see somebody"
    ))
}
