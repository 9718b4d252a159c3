//! The HTTP routes: sockets, their validation, and the room service.

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Query as QueryExtractor, State};
use axum::http::{header, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::Router;
use tower_http::cors::CorsLayer;

use super::join_request::Query;
use super::{socket, twirp};
use crate::engine::token::{verify, Grants, MediaClaims, TokenError};
use crate::engine::Engine;

/// Requests are small; the library's own 128 KiB are cleared before each read.
const READ_BUFFER: usize = 8 * 1024;
/// The largest message a client may send: an offer with many sections (S11).
const MAX_MESSAGE: usize = 768 * 1024;

/// All routes of the engine.
pub(crate) fn router(engine: Engine) -> Router {
    Router::new()
        .route("/rtc", get(v0))
        .route("/rtc/v1", get(v1))
        .route("/rtc/validate", get(validate))
        .route("/rtc/v1/validate", get(validate))
        .route("/twirp/livekit.RoomService/{method}", post(twirp::call))
        // Any page may use the engine: who may do what says the token, not the origin.
        .layer(CorsLayer::very_permissive())
        .with_state(engine)
}

/// A refused request, with LiveKit's status codes: its clients act by them.
pub(crate) struct Refused(pub StatusCode, pub String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

impl From<TokenError> for Refused {
    fn from(error: TokenError) -> Self {
        let status = match error {
            TokenError::Missing | TokenError::Invalid => StatusCode::UNAUTHORIZED,
            TokenError::NotGranted => StatusCode::FORBIDDEN,
        };
        Self(status, error.to_string())
    }
}

/// The token of a request: `access_token` in the query (browsers cannot set headers on a
/// WebSocket) or a bearer header.
pub(crate) fn token_of(query: &str, headers: &HeaderMap) -> Result<String, TokenError> {
    if !query.is_empty() {
        return Ok(query.to_owned());
    }
    headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.strip_prefix("Bearer "))
        .map(str::to_owned)
        .ok_or(TokenError::Missing)
}

/// The one check for all ways in: signature, time, a room and an identity, a living admission (S2).
async fn admitted(
    engine: &Engine,
    query: &Query,
    headers: &HeaderMap,
) -> Result<(MediaClaims, Grants), TokenError> {
    let token = token_of(&query.access_token, headers)?;
    let claims = verify(&token, engine.keys())?;
    let joins = claims.video.as_ref().is_some_and(|v| v.room_join);
    if !joins || claims.room().is_empty() || claims.sub.is_empty() {
        return Err(TokenError::NotGranted);
    }
    match engine.admissions().living(&claims).await {
        Some(grants) => Ok((claims, grants)),
        None => Err(TokenError::Invalid),
    }
}

async fn validate(
    State(engine): State<Engine>,
    QueryExtractor(query): QueryExtractor<Query>,
    headers: HeaderMap,
) -> Result<&'static str, Refused> {
    admitted(&engine, &query, &headers).await?;
    Ok("success")
}

async fn v0(
    State(engine): State<Engine>,
    QueryExtractor(query): QueryExtractor<Query>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refused> {
    open(engine, query, headers, upgrade, false).await
}

async fn v1(
    State(engine): State<Engine>,
    QueryExtractor(query): QueryExtractor<Query>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refused> {
    open(engine, query, headers, upgrade, true).await
}

async fn open(
    engine: Engine,
    query: Query,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
    v1: bool,
) -> Result<Response, Refused> {
    let (claims, grants) = admitted(&engine, &query, &headers).await?;
    let wanted = query
        .wanted(v1)
        .map_err(|e| Refused(StatusCode::BAD_REQUEST, e.to_string()))?;
    let visit = socket::Visit {
        claims,
        grants,
        wanted,
        v1,
    };
    Ok(upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| socket::serve(engine, socket, visit)))
}
