//! Errors in the shape that the REST interfaces have: `{"error": {"code", "message"}}`.

use crate::store::StoreError;
use axum::http::{header, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::Json;
use plenary_protocol::end::Reason;
use serde::de::DeserializeOwned;
use serde_json::{json, Value};

/// A refused or failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpError {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// Seconds after which it may be tried again.
    retry_after: Option<u64>,
}

impl HttpError {
    /// With a stable code and a sentence that says what to do.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    /// 400.
    pub fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 401; it does not say which check failed.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "Request is not authorized.",
        )
    }

    /// 503: nothing was done, and it may be tried again.
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            "The server is currently unable to handle the request.",
        )
    }

    /// Why a token opens nothing. One that could not be looked up is not told to be bad: its client would
    /// throw it away.
    pub fn of_token(reason: Reason) -> Self {
        match reason {
            Reason::SERVICE_ERROR => Self::unavailable(),
            _ => Self::unauthorized(),
        }
    }

    /// 429; the wait is in ms.
    pub fn too_many(wait: u64) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self {
            retry_after: Some(wait.div_ceil(1_000).max(1)),
            ..Self::new(status, "TooManyRequests", "Rate limit exceeded.")
        }
    }

    /// 403.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    /// 413.
    pub fn too_large(message: impl Into<String>) -> Self {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        Self::new(status, "RequestEntityTooLarge", message)
    }

    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", message)
    }
}

impl From<StoreError> for HttpError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Self::unavailable()
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message}});
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A body that is a JSON object; an empty one counts as `{}`. An error says where it is wrong and repeats
/// nothing of it (`S15`).
pub fn read_object<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let body = if body.is_empty() { b"{}" } else { body };
    let place =
        |error: serde_json::Error| format!("line {}, column {}", error.line(), error.column());
    // An array would be taken for a struct's fields in order.
    let object: serde_json::Map<String, Value> = serde_json::from_slice(body).map_err(place)?;
    serde_json::from_value(Value::Object(object))
        .map_err(|_| "a value is of another kind".to_owned())
}
