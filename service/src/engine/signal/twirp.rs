//! LiveKit's `RoomService` over Twirp: protobuf or JSON by POST, errors as JSON
//! (<https://twitchtv.github.io/twirp/docs/spec_v7.html>).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{header, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use livekit_protocol as lk;
use prost::Message;
use serde::de::DeserializeOwned;
use serde::Serialize;

use super::routes::token_of;
use crate::engine::token::{verify, Grants, VideoGrants};
use crate::engine::{Engine, EngineError};

/// A Twirp error.
struct Failed(StatusCode, &'static str, String);

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "code": self.1, "msg": self.2 });
        (self.0, axum::Json(body)).into_response()
    }
}

impl From<EngineError> for Failed {
    fn from(error: EngineError) -> Self {
        Self(StatusCode::NOT_FOUND, "not_found", error.to_string())
    }
}

fn denied() -> Failed {
    let text = "the token does not grant this".to_owned();
    Failed(StatusCode::FORBIDDEN, "permission_denied", text)
}

/// A call's body, and how to answer it.
struct Call {
    json: bool,
    body: Bytes,
    grants: VideoGrants,
}

impl Call {
    fn read<T: Message + Default + DeserializeOwned>(&self) -> Result<T, Failed> {
        let malformed = |text: String| Failed(StatusCode::BAD_REQUEST, "malformed", text);
        match self.json {
            true => serde_json::from_slice(&self.body).map_err(|e| malformed(e.to_string())),
            false => T::decode(self.body.clone()).map_err(|e| malformed(e.to_string())),
        }
    }

    fn answer<T: Message + Serialize>(&self, message: &T) -> Response {
        match self.json {
            true => axum::Json(message).into_response(),
            false => {
                let kind = [(header::CONTENT_TYPE, "application/protobuf")];
                (kind, message.encode_to_vec()).into_response()
            }
        }
    }

    /// Managing a room takes `roomAdmin` for that very room.
    fn administers(&self, room: &str) -> Result<(), Failed> {
        match self.grants.room_admin && self.grants.room == room {
            true => Ok(()),
            false => Err(denied()),
        }
    }
}

pub(crate) async fn call(
    State(engine): State<Engine>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match dispatch(&engine, &method, &headers, body).await {
        Ok(response) => response,
        Err(failed) => failed.into_response(),
    }
}

async fn dispatch(
    engine: &Engine,
    method: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response, Failed> {
    let token = token_of("", headers)
        .and_then(|token| verify(&token, engine.keys()))
        .map_err(|e| Failed(StatusCode::UNAUTHORIZED, "unauthenticated", e.to_string()))?;
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let call = Call {
        json: kind.starts_with("application/json"),
        body,
        grants: token.video.unwrap_or_default(),
    };
    match method {
        "ListRooms" => list_rooms(engine, &call),
        "ListParticipants" => list_participants(engine, &call),
        "GetParticipant" => get_participant(engine, &call),
        "RemoveParticipant" => remove_participant(engine, &call).await,
        "MoveParticipant" => move_participant(engine, &call).await,
        "DeleteRoom" => delete_room(engine, &call).await,
        "MutePublishedTrack" => mute_track(engine, &call),
        _ => Err(Failed(
            StatusCode::NOT_IMPLEMENTED,
            "unimplemented",
            format!("{method} is not implemented by this engine"),
        )),
    }
}

fn list_rooms(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    if !call.grants.room_list {
        return Err(denied());
    }
    let request: lk::ListRoomsRequest = call.read()?;
    let locked = engine.rooms().lock();
    let names: Vec<String> = locked.all_rooms().map(|r| r.name.clone()).collect();
    let rooms = names
        .iter()
        .filter(|n| request.names.is_empty() || request.names.contains(n))
        .map(|n| locked.room_info(n))
        .collect();
    Ok(call.answer(&lk::ListRoomsResponse { rooms }))
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

async fn move_participant(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    let request: lk::MoveParticipantRequest = call.read()?;
    call.administers(&request.room)?;
    if call.grants.destination_room != request.destination_room {
        return Err(denied());
    }
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

async fn delete_room(engine: &Engine, call: &Call) -> Result<Response, Failed> {
    let request: lk::DeleteRoomRequest = call.read()?;
    if !call.grants.room_create {
        return Err(denied());
    }
    engine.delete_room(&request.room).await?;
    Ok(call.answer(&lk::DeleteRoomResponse {}))
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
