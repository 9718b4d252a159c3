//! Where `@azure/communication-chat` finds real-time notifications (`rest.md` 6.2): the addresses, a
//! channel, its handshake and WebSocket, and the registrar, which has nothing to do here.

use super::chat::Caller;
use super::error::HttpError;
use super::routes::{Routes, Who};
use crate::app::App;
use crate::clock::now_ms;
use crate::notifications;
use crate::tokens::UserToken;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::{header, request::Parts, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::Json;
use serde_json::{json, Value};
use std::sync::Arc;
use std::time::Duration;

/// A client's frames: answers and pings.
const MOST_BYTES: usize = 64 << 10;
const READ_BUFFER: usize = 4 << 10;
/// The parameter by which a client comes back to its channel; it sends back whatever it was given.
const CHANNEL: &str = "st";

/// Where they are, for a bearer token.
pub(super) fn routes() -> Routes {
    Routes::of(Who::Chat).get("/chat/config/realTimeNotifications", addresses)
}

/// What the client's own connection calls; Socket.IO 0.9 knows an origin and no path.
pub(super) fn connection() -> Routes {
    Routes::of(Who::SkypeToken)
        .post("/v4/a", allocate)
        .get("/socket.io/1/", shake_hands)
        .post("/v3/registrations", register)
        .delete("/v3/registrations/{registration}", unregister)
}

/// The WebSocket, which carries no token.
pub(super) fn socket() -> Routes {
    Routes::of(Who::Ticket).get("/socket.io/1/websocket/{ticket}", upgrade)
}

/// A living user token with a scope of chat, in `X-Skypetoken`; and the query.
struct Client {
    token: UserToken,
    query: String,
}

impl FromRequestParts<Arc<App>> for Client {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, HttpError> {
        let token = parts.headers.get("x-skypetoken");
        let token = token.and_then(|token| token.to_str().ok());
        let token = token.ok_or_else(HttpError::unauthorized)?;
        let token = app.recognise(token).await.map_err(HttpError::of_token)?;
        if !token.may_chat() {
            return Err(HttpError::forbidden("The token is not for chat."));
        }
        let query = parts.uri.query().unwrap_or_default().to_owned();
        Ok(Self { token, query })
    }
}

impl Client {
    /// The channel that it had.
    fn channel(&self) -> Option<String> {
        let mut query = form_urlencoded::parse(self.query.as_bytes());
        let found = query.find(|(name, _)| name == CHANNEL);
        found.map(|(_, id)| id.into_owned())
    }
}

fn origin(app: &App) -> &str {
    app.public_url.as_str().trim_end_matches('/')
}

async fn addresses(State(app): State<Arc<App>>, _caller: Caller) -> Json<Value> {
    let origin = origin(&app);
    Json(json!({
        "trouterServiceUrl": origin,
        "registrarServiceUrl": origin,
        "cloudType": "public",
    }))
}

async fn allocate(State(app): State<Arc<App>>, client: Client) -> Result<Json<Value>, HttpError> {
    let (token, before) = (&client.token, client.channel());
    let allocated = app
        .notifications
        .allocate(&app.chats, token, before.as_deref(), now_ms());
    let channel = allocated.ok_or_else(|| HttpError::too_many(app.limits().resume_window_ms))?;
    let origin = origin(&app);
    let address = format!("{origin}{}", channel.path());
    let seconds = channel.expires().saturating_sub(now_ms()) / 1_000;
    Ok(Json(json!({
        "socketio": format!("{origin}/"),
        "url": address,
        "surl": address,
        "curlb": origin,
        "ttl": seconds.to_string(),
        "id": channel.id,
        "ccid": channel.id,
        "connectparams": {"se": channel.expires().to_string(), CHANNEL: channel.id},
    })))
}

async fn shake_hands(State(app): State<Arc<App>>, client: Client) -> Result<Response, HttpError> {
    let id = client.channel().unwrap_or_default();
    let channel = app.notifications.channel(&id, &client.token.id);
    let channel = channel.ok_or_else(|| HttpError::not_found("There is no such channel."))?;
    let ticket = app.notifications.ticket(&channel, now_ms());
    let ticket = ticket.ok_or_else(HttpError::unavailable)?;
    // It waits two seconds longer than this before it thinks that the connection is lost.
    let beat = app.limits().ping_ms.div_ceil(1_000) * 2;
    let answer = format!("{ticket}:{beat}:{beat}:websocket");
    Ok(([(header::CACHE_CONTROL, "no-store")], answer).into_response())
}

async fn upgrade(
    State(app): State<Arc<App>>,
    Path(ticket): Path<String>,
    socket: WebSocketUpgrade,
) -> Result<Response, HttpError> {
    let channel = app.notifications.redeem(&ticket, now_ms());
    let channel = channel.ok_or_else(|| HttpError::not_found("There is no such channel."))?;
    let place = app.sockets.clone().try_acquire_owned();
    let place = place.map_err(|_| HttpError::unavailable())?;
    let connection = app.next_connection();
    let beat = Duration::from_millis(app.limits().ping_ms);
    let socket = socket
        .read_buffer_size(READ_BUFFER)
        .max_message_size(MOST_BYTES)
        .max_frame_size(MOST_BYTES);
    Ok(socket.on_upgrade(move |socket| async move {
        notifications::serve(channel, connection, socket, beat).await;
        drop(place);
    }))
}

/// Everything of the user's is pushed to every channel, registered or not.
async fn register(_client: Client) -> StatusCode {
    StatusCode::ACCEPTED
}

async fn unregister(_client: Client, Path(_registration): Path<String>) -> StatusCode {
    StatusCode::ACCEPTED
}
