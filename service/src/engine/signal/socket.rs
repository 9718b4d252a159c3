//! One signalling socket, from upgrade to end.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as Ws, WebSocket};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use livekit_protocol as lk;
use lk::leave_request::Action;
use lk::signal_response::Message;
use lk::DisconnectReason;
use prost::Message as _;
use tokio::sync::mpsc;

use super::join_request::Wanted;
use super::requests;
use crate::engine::rooms::join::Entrant;
use crate::engine::rooms::leave;
use crate::engine::rooms::participant::Mode;
use crate::engine::rooms::signal::{Frame, Signal};
use crate::engine::token::{Grants, MediaClaims};
use crate::engine::Engine;

/// A client pings every ten seconds; after this long without a word it is gone.
const SILENCE: Duration = Duration::from_secs(40);
/// A frame that cannot be written for so long has no reader.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// Who opened a socket and what for; everything about it has been checked.
pub(crate) struct Visit {
    pub claims: MediaClaims,
    pub grants: Grants,
    pub wanted: Wanted,
    pub v1: bool,
}

pub(crate) async fn serve(engine: Engine, socket: WebSocket, visit: Visit) {
    let (mut sink, stream) = socket.split();
    let rooms = engine.rooms();
    let generation = rooms.next_number();
    let (signal, frames) = Signal::new(generation);
    let entered = match visit.wanted.request.reconnect {
        true => resume(&engine, &visit, signal),
        false => enter(&engine, &visit, signal),
    };
    let sid = match entered {
        Ok(sid) => sid,
        Err(goodbye) => return refuse(&mut sink, goodbye).await,
    };
    let request = visit.wanted.request;
    let first = async {
        for track in request.add_track_requests {
            requests::add_track(rooms, &sid, track);
        }
        if let Some(sync) = request.sync_state {
            requests::sync_state(rooms, &sid, sync);
        }
        if let Some(offer) = request.publisher_offer {
            requests::offer(rooms, &sid, offer).await;
        }
    };
    let reading = async {
        first.await;
        read(&engine, &sid, stream).await;
    };
    let writing = write(sink, frames);
    tokio::pin!(writing);
    // Whichever ends first ends the socket; what is queued already is still written.
    let read_to_the_end = tokio::select! {
        biased;
        () = reading => true,
        () = &mut writing => false,
    };
    rooms.lock().socket_gone(&sid, generation);
    if read_to_the_end {
        // A reader that is gone shows in an error, a slow one in its patience.
        let _ = tokio::time::timeout(WRITE_PATIENCE, writing).await;
    }
}

/// A new participant and its join response.
fn enter(engine: &Engine, visit: &Visit, signal: Signal) -> Result<String, lk::LeaveRequest> {
    let settings = visit.wanted.request.connection_settings.unwrap_or_default();
    let entrant = Entrant {
        room: visit.claims.room().to_owned(),
        near: visit.claims.room().to_owned(),
        identity: visit.claims.sub.clone(),
        name: visit.claims.name.clone(),
        metadata: visit.claims.metadata.clone(),
        attributes: visit.claims.attributes.clone(),
        grants: visit.grants.clone(),
        mode: match (visit.wanted.slots, visit.v1) {
            (true, _) => Mode::Slots,
            (false, true) => Mode::Single,
            (false, false) => Mode::Dual,
        },
        client: visit.wanted.request.client_info.clone().unwrap_or_default(),
        auto_subscribe: settings.auto_subscribe || visit.wanted.slots,
    };
    let mut locked = engine.rooms().lock();
    if locked.is_full_for(&entrant.room, &entrant.identity) {
        // Another try would fail, too.
        return Err(leave(DisconnectReason::JoinFailure, Action::Disconnect));
    }
    let sid = locked.admit(entrant);
    locked.attach_new(&sid, signal);
    if locked.mode_of(&sid) == Some(Mode::Dual) {
        locked.offer_subscriber(&sid);
    }
    Ok(sid)
}

/// The participant of an earlier socket, if it is in the room and of the identity of the token: an
/// old room's token ends with a move (S2).
fn resume(engine: &Engine, visit: &Visit, signal: Signal) -> Result<String, lk::LeaveRequest> {
    // There is nothing to resume: the client has to start over.
    let nobody = || leave(DisconnectReason::StateMismatch, Action::Reconnect);
    let mut locked = engine.rooms().lock();
    let wanted = &visit.wanted.request.participant_sid;
    let participant = match wanted.is_empty() {
        true => locked.find(visit.claims.room(), &visit.claims.sub),
        false => locked.participants.get(wanted),
    };
    let participant = participant.ok_or_else(nobody)?;
    if participant.room != visit.claims.room() || participant.identity != visit.claims.sub {
        return Err(nobody());
    }
    let sid = participant.sid.clone();
    if participant.grants != visit.grants {
        locked.set_grants(&sid, visit.grants.clone());
    }
    locked.attach_again(&sid, signal);
    if locked.mode_of(&sid) == Some(Mode::Dual) {
        if let Some(participant) = locked.participants.get_mut(&sid) {
            participant.offering.in_flight = false;
            participant.offering.ice_restart = participant.offering.made;
        }
        locked.offer_subscriber(&sid);
    } else {
        locked.refresh(&sid);
    }
    Ok(sid)
}

async fn refuse(sink: &mut SplitSink<WebSocket, Ws>, goodbye: lk::LeaveRequest) {
    // A client that does not take it is gone anyway.
    let _ = sink.send(binary(Message::Leave(goodbye))).await;
    let _ = sink.send(Ws::Close(None)).await;
}

fn binary(message: Message) -> Ws {
    let response = lk::SignalResponse {
        message: Some(message),
    };
    Ws::Binary(response.encode_to_vec().into())
}

async fn write(mut sink: SplitSink<WebSocket, Ws>, mut frames: mpsc::Receiver<Frame>) {
    while let Some(frame) = frames.recv().await {
        let message = match frame {
            Frame::Message(message) => binary(*message),
            Frame::Text(text) => Ws::Text(text.into()),
            Frame::Close => break,
        };
        match tokio::time::timeout(WRITE_PATIENCE, sink.send(message)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
    let close = CloseFrame {
        code: 1000,
        reason: "".into(),
    };
    let _ = tokio::time::timeout(WRITE_PATIENCE, sink.send(Ws::Close(Some(close)))).await;
}

async fn read(engine: &Engine, sid: &str, mut stream: SplitStream<WebSocket>) {
    loop {
        let frame = match tokio::time::timeout(SILENCE, stream.next()).await {
            Ok(Some(Ok(frame))) => frame,
            _ => return,
        };
        let bytes = match frame {
            Ws::Binary(bytes) => bytes,
            // Also a close: reading on is what sends the answer to it (RFC 6455 5.5.1).
            _ => continue,
        };
        let Ok(request) = lk::SignalRequest::decode(bytes) else {
            tracing::debug!(sid, "a message that is no signal request");
            continue;
        };
        let Some(message) = request.message else {
            continue;
        };
        if !requests::carry_out(engine.rooms(), sid, message).await {
            return;
        }
    }
}
