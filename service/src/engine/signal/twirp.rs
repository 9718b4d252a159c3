//! LiveKit's `RoomService` over Twirp: protobuf or JSON by POST, errors as JSON
//! (<https://twitchtv.github.io/twirp/docs/spec_v7.html>).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{header, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use prost::Message;
use serde::de::DeserializeOwned;
use serde::Serialize;

use super::room_service;
use super::routes::token_of;
use crate::engine::token::{verify, VideoGrants};
use crate::engine::{Engine, EngineError};

/// A Twirp error.
pub(super) struct Failed(pub StatusCode, pub &'static str, pub String);

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "code": self.1, "msg": self.2 });
        (self.0, axum::Json(body)).into_response()
    }
}

impl From<EngineError> for Failed {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NoParticipant | EngineError::NoTrack | EngineError::NoRoom => {
                not_found(&error.to_string())
            }
            _ => Self(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                error.to_string(),
            ),
        }
    }
}

pub(super) fn not_found(text: &str) -> Failed {
    Failed(StatusCode::NOT_FOUND, "not_found", text.to_owned())
}

pub(super) fn invalid(text: &str) -> Failed {
    Failed(StatusCode::BAD_REQUEST, "invalid_argument", text.to_owned())
}

pub(super) fn denied() -> Failed {
    let text = "the token does not grant this".to_owned();
    Failed(StatusCode::FORBIDDEN, "permission_denied", text)
}

/// A call's body, and how to answer it.
pub(super) struct Call {
    json: bool,
    body: Bytes,
    pub grants: VideoGrants,
}

impl Call {
    pub fn read<T: Message + Default + DeserializeOwned>(&self) -> Result<T, Failed> {
        let malformed = |text: String| Failed(StatusCode::BAD_REQUEST, "malformed", text);
        match self.json {
            // Some clients send nothing for a request without fields.
            true if self.body.is_empty() => Ok(T::default()),
            true => serde_json::from_slice(&self.body).map_err(|e| malformed(e.to_string())),
            false => T::decode(self.body.clone()).map_err(|e| malformed(e.to_string())),
        }
    }

    pub fn answer<T: Message + Serialize>(&self, message: &T) -> Response {
        match self.json {
            true => axum::Json(message).into_response(),
            false => {
                let kind = [(header::CONTENT_TYPE, "application/protobuf")];
                (kind, message.encode_to_vec()).into_response()
            }
        }
    }

    /// Managing a room takes `roomAdmin` for that very room.
    pub fn administers(&self, room: &str) -> Result<(), Failed> {
        match self.grants.room_admin && self.grants.room == room {
            true => Ok(()),
            false => Err(denied()),
        }
    }

    /// Ordering and ending rooms takes `roomCreate`, for any of them.
    pub fn may_create(&self) -> Result<(), Failed> {
        match self.grants.room_create {
            true => Ok(()),
            false => Err(denied()),
        }
    }

    /// Moving somebody takes the name of the very room where they go.
    pub fn may_send_to(&self, room: &str) -> Result<(), Failed> {
        match !room.is_empty() && self.grants.destination_room == room {
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
    let json = match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" => true,
        "application/protobuf" => false,
        other => {
            let text = format!("a call is application/json or application/protobuf, not {other:?}");
            return Err(Failed(StatusCode::NOT_FOUND, "bad_route", text));
        }
    };
    let call = Call {
        json,
        body,
        grants: token.video.unwrap_or_default(),
    };
    room_service::dispatch(engine, method, &call).await
}
