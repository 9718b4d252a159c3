//! What can go wrong in the media layer.

use crate::values::field;
use plenary_protocol::end::Reason;
use wasm_bindgen::JsValue;

/// An error of the media layer; [`MediaError::reason`] is its public code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The browser has no `RTCPeerConnection`.
    #[error("this browser has no WebRTC")]
    NoWebRtc,
    /// The page is not served securely.
    #[error("camera and microphone need a secure page")]
    InsecureContext,
    /// The user or a policy said no.
    #[error("permission was denied: {0}")]
    Denied(String),
    /// No such device, or another program has it.
    #[error("the device cannot be used: {0}")]
    Device(String),
    /// The browser refused an operation.
    #[error("{operation} failed: {cause}")]
    Browser {
        /// What was asked for.
        operation: &'static str,
        /// The exception's name and message.
        cause: String,
    },
    /// The session was closed meanwhile.
    #[error("the media session is closed")]
    Closed,
}

impl MediaError {
    /// For `map_err`: names the operation that threw.
    pub(super) fn from_js(operation: &'static str) -> impl FnOnce(JsValue) -> MediaError {
        move |cause| MediaError::Browser {
            operation,
            cause: describe(&cause),
        }
    }

    /// What `getUserMedia` rejects with.
    pub(super) fn from_get_user_media(cause: JsValue) -> MediaError {
        match name(&cause).as_str() {
            "NotAllowedError" | "SecurityError" => MediaError::Denied(describe(&cause)),
            "NotFoundError" | "NotReadableError" | "OverconstrainedError" | "AbortError" => {
                MediaError::Device(describe(&cause))
            }
            _ => MediaError::Browser {
                operation: "getUserMedia",
                cause: describe(&cause),
            },
        }
    }

    /// Public code and sentence.
    pub fn reason(&self) -> Reason {
        match self {
            MediaError::NoWebRtc => Reason::NO_WEBRTC,
            MediaError::InsecureContext => Reason::INSECURE_CONTEXT,
            MediaError::Denied(_)
            | MediaError::Device(_)
            | MediaError::Browser { .. }
            | MediaError::Closed => Reason::MEDIA_FAILED,
        }
    }
}

/// The name of an exception.
pub(super) fn name(cause: &JsValue) -> String {
    field(cause, "name").as_string().unwrap_or_default()
}

fn describe(cause: &JsValue) -> String {
    let message = field(cause, "message").as_string();
    let message = message.or_else(|| cause.as_string()).unwrap_or_default();
    [&name(cause), ": ", &message].concat()
}
