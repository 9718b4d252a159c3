//! The LiveKit socket: binary frames are protobuf, text frames are about slots.

use js_sys::{ArrayBuffer, Uint8Array};
use plenary_protocol::media::SlotMessage;
use prost::Message as _;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use super::bindings::{self, Compressor, StreamResponse};
use super::counters::{Counted, Resource};
use super::error::MediaError;
use super::guard::Listener;
use super::join_request;
use super::signalling::Attempt;
use super::wire as lk;
use crate::values::{field, frames};

/// What a socket tells.
pub(super) enum Heard {
    Signal(Box<lk::signal_response::Message>),
    Slots(SlotMessage),
    /// A frame that this version does not know: it still says that the socket lives.
    Unknown,
    Closed,
}

/// An open or opening socket; dropping it closes it, and nothing is heard of it any more.
pub(super) struct Socket {
    socket: WebSocket,
    _listeners: [Listener; 2],
    _counted: Counted,
}

impl Socket {
    /// Opens a socket; `url` holds the token, so it appears in no error.
    pub(super) fn open(
        url: &str,
        heard: impl Fn(Heard) + Clone + 'static,
    ) -> Result<Self, MediaError> {
        let socket = WebSocket::new(url).map_err(|_| MediaError::Browser {
            operation: "WebSocket",
            cause: "the engine's address is malformed".to_owned(),
        })?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let closed = heard.clone();
        let listeners = [
            Listener::new(&socket, "message", move |event: MessageEvent| {
                heard(read(&event.data()))
            }),
            // `error` is always followed by `close`.
            Listener::new(&socket, "close", move |_: CloseEvent| closed(Heard::Closed)),
        ];
        Ok(Self {
            socket,
            _listeners: listeners,
            _counted: Counted::new(Resource::Socket),
        })
    }

    pub(super) fn send(&self, message: lk::signal_request::Message) {
        let request = lk::SignalRequest {
            message: Some(message),
        };
        if self.socket.ready_state() == WebSocket::OPEN {
            // Fails only before it is open.
            let _ = self.socket.send_with_u8_array(&request.encode_to_vec());
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = self.socket.close();
    }
}

fn read(data: &JsValue) -> Heard {
    if let Some(buffer) = data.dyn_ref::<ArrayBuffer>() {
        let bytes = Uint8Array::new(buffer).to_vec();
        let message = lk::SignalResponse::decode(bytes.as_slice())
            .ok()
            .and_then(|response| response.message);
        return message.map_or(Heard::Unknown, |message| Heard::Signal(Box::new(message)));
    }
    let text = data.as_string().unwrap_or_default();
    let message = js_sys::JSON::parse(&text).unwrap_or(JsValue::UNDEFINED);
    match field(&message, "type").as_string().as_deref() {
        Some("slots") => frames::slots(&message).map_or(Heard::Unknown, |slots| {
            Heard::Slots(SlotMessage::Slots { slots })
        }),
        _ => Heard::Unknown,
    }
}

/// The attempt's address. An offer of many sections is long, and servers bound the length of a
/// request's first line; so it is compressed where the browser can.
pub(super) async fn url(attempt: &Attempt) -> String {
    let request = join_request::encode(attempt);
    if attempt.request.publisher_offer.is_some() {
        if let Some(compressed) = gzip(&request).await {
            return join_request::socket_url(attempt, compressed, true);
        }
    }
    join_request::socket_url(attempt, request, false)
}

async fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bindings::global("CompressionStream").is_function() {
        return None;
    }
    let compressor = Compressor::new("gzip").ok()?;
    let parts = js_sys::Array::of1(&Uint8Array::from(bytes));
    let blob = web_sys::Blob::new_with_u8_array_sequence(&parts).ok()?;
    // A `CompressionStream` is a pair of streams.
    let stream = blob.stream().pipe_through(compressor.unchecked_ref());
    let buffer = JsFuture::from(StreamResponse::new(&stream).array_buffer())
        .await
        .ok()?;
    Some(Uint8Array::new(&buffer).to_vec())
}

/// The HTTP status with which the engine answers a validation; `None` when it cannot be reached.
pub(super) async fn validate(attempt: &Attempt) -> Option<u16> {
    let response = JsFuture::from(bindings::fetch(&join_request::validate_url(attempt)))
        .await
        .ok()?;
    Some(response.unchecked_into::<web_sys::Response>().status())
}
