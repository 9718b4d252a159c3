//! The methods of LiveKit's `RoomService`. Each checks its own grant before it looks at anything.

use axum::http::StatusCode;
use axum::response::Response;
use livekit_protocol as lk;

use super::twirp::{denied, invalid, not_found, Call, Failed};
use crate::engine::rooms::administration::{ChangeError, MAX_METADATA};
use crate::engine::rooms::data::MAX_MESSAGE;
use crate::engine::token::Grants;
use crate::engine::{Engine, EngineError};

/// The longest name of a room, as LiveKit has it.
const MAX_ROOM_NAME: usize = 256;

/// Carry out a call.
pub(super) async fn dispatch(
    engine: &Engine,
    method: &str,
    call: &Call,
) -> Result<Response, Failed> {
    match method {
        "CreateRoom" => create_room(engine, call),
        "ListRooms" => list_rooms(engine, call),
        "DeleteRoom" => delete_room(engine, call).await,
        "ListParticipants" => list_participants(engine, call),
        "GetParticipant" => get_participant(engine, call),
        "RemoveParticipant" => remove_participant(engine, call).await,
        "MutePublishedTrack" => mute_track(engine, call),
        "UpdateParticipant" => update_participant(engine, call).await,
        "UpdateSubscriptions" => update_subscriptions(engine, call),
        "SendData" => send_data(engine, call),
        "UpdateRoomMetadata" => update_room_metadata(engine, call),
        "MoveParticipant" => move_participant(engine, call).await,
        "ForwardParticipant" => forward_participant(call),
        "PerformRpc" => perform_rpc(call),
        _ => Err(Failed(
            StatusCode::NOT_FOUND,
            "bad_route",
            format!("the room service has no method {method}"),
        )),
    }
}

fn create_room(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    call.may_create()?;
    let request: lk::CreateRoomRequest = call.read()?;
    if request.name.is_empty() || request.name.len() > MAX_ROOM_NAME {
        return Err(invalid("the room needs a name of up to 256 bytes"));
    }
    if request.metadata.len() > MAX_METADATA {
        return Err(ChangeError::Metadata.into());
    }
    let room = engine.rooms().lock().create_room(&request);
    let text = "too many empty rooms are waiting for somebody".to_owned();
    let room = room.ok_or(Failed(
        StatusCode::TOO_MANY_REQUESTS,
        "resource_exhausted",
        text,
    ))?;
    Ok(call.answer(&room))
}

fn list_rooms(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    if !call.grants.room_list {
        return Err(denied());
    }
    let request: lk::ListRoomsRequest = call.read()?;
    let locked = engine.rooms().lock();
    let names = locked.all_rooms().map(|r| &r.name);
    let rooms = names
        .filter(|n| request.names.is_empty() || request.names.contains(n))
        .map(|n| locked.room_info(n))
        .collect();
    Ok(call.answer(&lk::ListRoomsResponse { rooms }))
}

async fn delete_room(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    call.may_create()?;
    let request: lk::DeleteRoomRequest = call.read()?;
    engine.delete_room(&request.room).await?;
    Ok(call.answer(&lk::DeleteRoomResponse {}))
}

fn list_participants(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    let request: lk::ListParticipantsRequest = call.read()?;
    call.administers(&request.room)?;
    let locked = engine.rooms().lock();
    let participants = locked
        .members(&request.room)
        .iter()
        .filter_map(|sid| locked.participants.get(sid))
        .map(|p| p.info())
        .collect();
    Ok(call.answer(&lk::ListParticipantsResponse { participants }))
}

fn get_participant(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    let request: lk::RoomParticipantIdentity = call.read()?;
    call.administers(&request.room)?;
    let locked = engine.rooms().lock();
    let participant = locked
        .find(&request.room, &request.identity)
        .ok_or(EngineError::NoParticipant)?;
    Ok(call.answer(&participant.info()))
}

async fn remove_participant(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    let request: lk::RoomParticipantIdentity = call.read()?;
    call.administers(&request.room)?;
    engine
        .remove_participant(&request.room, &request.identity)
        .await?;
    Ok(call.answer(&lk::RemoveParticipantResponse {}))
}

fn mute_track(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    let request: lk::MuteRoomTrackRequest = call.read()?;
    call.administers(&request.room)?;
    let track = engine.mute_track(
        &request.room,
        &request.identity,
        &request.track_sid,
        request.muted,
    )?;
    Ok(call.answer(&lk::MuteRoomTrackResponse { track: Some(track) }))
}

/// When this is answered, what was taken away flows no more.
async fn update_participant(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    let request: lk::UpdateParticipantRequest = call.read()?;
    call.administers(&request.room)?;
    let info = engine.rooms().lock().update_participant(&request)?;
    engine.settled().await;
    Ok(call.answer(&info))
}

fn update_subscriptions(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    let request: lk::UpdateSubscriptionsRequest = call.read()?;
    call.administers(&request.room)?;
    let mut locked = engine.rooms().lock();
    let sid = locked
        .find(&request.room, &request.identity)
        .map(|p| p.sid.clone())
        .ok_or(EngineError::NoParticipant)?;
    let update = lk::UpdateSubscription {
        track_sids: request.track_sids,
        subscribe: request.subscribe,
        participant_tracks: request.participant_tracks,
    };
    locked.update_subscription(&sid, &update);
    Ok(call.answer(&lk::UpdateSubscriptionsResponse {}))
}

fn send_data(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    let request: lk::SendDataRequest = call.read()?;
    call.administers(&request.room)?;
    if request.data.len() > MAX_MESSAGE {
        return Err(invalid("the data are larger than 64 KB"));
    }
    let mut locked = engine.rooms().lock();
    if locked.room(&request.room).is_none() {
        return Err(EngineError::NoRoom.into());
    }
    locked.send_server_data(&request);
    Ok(call.answer(&lk::SendDataResponse {}))
}

fn update_room_metadata(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    let request: lk::UpdateRoomMetadataRequest = call.read()?;
    call.administers(&request.room)?;
    if request.metadata.len() > MAX_METADATA {
        return Err(ChangeError::Metadata.into());
    }
    let mut locked = engine.rooms().lock();
    match locked.set_room_metadata(&request.room, &request.metadata) {
        true => Ok(call.answer(&locked.room_info(&request.room))),
        false => Err(EngineError::NoRoom.into()),
    }
}

async fn move_participant(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    let request: lk::MoveParticipantRequest = call.read()?;
    call.administers(&request.room)?;
    call.may_send_to(&request.destination_room)?;
    let grants: Grants = engine
        .rooms()
        .lock()
        .find(&request.room, &request.identity)
        .map(|p| p.grants.clone())
        .ok_or(EngineError::NoParticipant)?;
    engine
        .move_participant(
            &request.identity,
            &request.room,
            &request.destination_room,
            grants,
        )
        .await?;
    Ok(call.answer(&lk::MoveParticipantResponse {}))
}

fn forward_participant(call: &Call) -> Result<Response, Failed> {
    let request: lk::ForwardParticipantRequest = call.read()?;
    call.administers(&request.room)?;
    call.may_send_to(&request.destination_room)?;
    Err(unimplemented("forwarding participants"))
}

fn perform_rpc(call: &Call) -> Result<Response, Failed> {
    let request: lk::PerformRpcRequest = call.read()?;
    call.administers(&request.room)?;
    Err(unimplemented("calling participants' methods"))
}

fn unimplemented(what: &str) -> Failed {
    Failed(
        StatusCode::NOT_IMPLEMENTED,
        "unimplemented",
        format!("{what} is not implemented by this engine"),
    )
}

impl From<ChangeError> for Failed {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NoParticipant => not_found(&error.to_string()),
            ChangeError::Name | ChangeError::Metadata => invalid(&error.to_string()),
        }
    }
}
