//! LiveKit's signalling as a client needs it: the token, the join request, the socket.

use base64::Engine as _;
use futures::{SinkExt, StreamExt};
use livekit_protocol as lk;
use lk::signal_request::Message as Ask;
use lk::signal_response::Message;
use prost::Message as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message as Ws;
use tokio_tungstenite::{connect_async, MaybeTlsStream, WebSocketStream};

/// The protocol version that LiveKit's JavaScript client names; from 16 on it follows moves.
const PROTOCOL: i32 = 16;

#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    #[error("keys have to be KEY:SECRET")]
    Keys,
    #[error("the token cannot be signed: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
    #[error("the socket failed: {0}")]
    Socket(#[from] Box<tokio_tungstenite::tungstenite::Error>),
    #[error("what the server sent is no signal response: {0}")]
    Decode(#[from] prost::DecodeError),
    #[error("the server closed the socket")]
    Closed,
}

impl From<tokio_tungstenite::tungstenite::Error> for SignalError {
    fn from(error: tokio_tungstenite::tungstenite::Error) -> Self {
        Self::Socket(Box::new(error))
    }
}

/// A token for one identity in one room, good for an hour.
pub fn token(keys: &str, room: &str, identity: &str) -> Result<String, SignalError> {
    let (key, secret) = keys.split_once(':').ok_or(SignalError::Keys)?;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    let claims = json!({
        "iss": key, "sub": identity, "name": identity, "nbf": now.saturating_sub(10), "exp": now + 3600,
        "video": { "room": room, "roomJoin": true, "canPublish": true, "canSubscribe": true, "canPublishData": true },
    });
    let secret = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    Ok(jsonwebtoken::encode(
        &jsonwebtoken::Header::default(),
        &claims,
        &secret,
    )?)
}

/// The query of `/rtc/v1` that carries the offer with the join.
pub fn query(
    token: &str,
    tracks: Vec<lk::AddTrackRequest>,
    offer: lk::SessionDescription,
) -> String {
    let request = lk::JoinRequest {
        client_info: Some(lk::ClientInfo {
            sdk: lk::client_info::Sdk::Js as i32,
            version: "2.23.0".to_owned(),
            protocol: PROTOCOL,
            browser: "chrome".to_owned(),
            browser_version: "156".to_owned(),
            ..Default::default()
        }),
        connection_settings: Some(lk::ConnectionSettings {
            auto_subscribe: true,
            ..Default::default()
        }),
        add_track_requests: tracks,
        publisher_offer: Some(offer),
        ..Default::default()
    };
    let wrapped = lk::WrappedJoinRequest {
        compression: lk::wrapped_join_request::Compression::None as i32,
        join_request: request.encode_to_vec(),
    };
    let packed = base64::engine::general_purpose::URL_SAFE.encode(wrapped.encode_to_vec());
    format!("access_token={token}&join_request={packed}")
}

/// An open signalling socket.
pub struct Signal(WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>);

impl Signal {
    pub async fn open(server: &str, query: &str) -> Result<Self, SignalError> {
        let (socket, _) = connect_async(format!("{server}/rtc/v1?{query}")).await?;
        Ok(Self(socket))
    }

    pub async fn send(&mut self, ask: Ask) -> Result<(), SignalError> {
        let request = lk::SignalRequest { message: Some(ask) };
        Ok(self
            .0
            .send(Ws::Binary(request.encode_to_vec().into()))
            .await?)
    }

    /// The next message; it may be dropped while waiting.
    pub async fn next(&mut self) -> Result<Message, SignalError> {
        loop {
            match self.0.next().await {
                Some(Ok(Ws::Binary(bytes))) => {
                    if let Some(message) = lk::SignalResponse::decode(bytes)?.message {
                        return Ok(message);
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(SignalError::Closed),
            }
        }
    }
}
