//! The application's credential, and where its tokens say the service is.

use crate::meeting::{reasons, Refused, UserToken};
use crate::values::field;
use js_sys::{Function, Promise, JSON};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch)]
    fn atob(text: &str) -> Result<String, JsValue>;
}

/// Calls `getToken` and waits for what it gives.
pub async fn get_token(get_token: &Function) -> Result<UserToken, Refused> {
    let asked = get_token.call0(&JsValue::UNDEFINED).map_err(failed)?;
    let given = JsFuture::from(Promise::resolve(&asked))
        .await
        .map_err(failed)?;
    let token = field(&given, "token")
        .as_string()
        .filter(|token| !token.is_empty());
    let expires_at = field(&given, "expiresOnTimestamp")
        .as_f64()
        .filter(|ms| ms.is_finite());
    match token {
        Some(token) => Ok(UserToken {
            token,
            expires_at: expires_at.unwrap_or(f64::MAX),
        }),
        None => Err(reasons::NO_TOKEN.into()),
    }
}

/// The application's own words, behind ours.
fn failed(cause: JsValue) -> Refused {
    let mut refused = Refused::from(reasons::NO_TOKEN);
    if let Some(why) = field(&cause, "message")
        .as_string()
        .or_else(|| cause.as_string())
    {
        refused.message.push_str(" (");
        refused.message.push_str(&why);
        refused.message.push(')');
    }
    refused
}

/// Claim `endpoint` of a token (a JWT); the service, not this, checks the signature.
pub fn endpoint_claim(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    let payload: String = payload
        .chars()
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    // `atob` gives bytes as Latin-1; the claim is ASCII.
    let claims = JSON::parse(&atob(&payload).ok()?).ok()?;
    field(&claims, "endpoint")
        .as_string()
        .filter(|endpoint| !endpoint.is_empty())
}

/// Address of the agent socket of a service: `https://host/path/` → `wss://host/path/agent`.
pub fn socket_address(endpoint: &str) -> Option<String> {
    let url = web_sys::Url::new(endpoint.trim()).ok()?;
    let scheme = match url.protocol().as_str() {
        "https:" | "wss:" => "wss://",
        "http:" | "ws:" => "ws://",
        _ => return None,
    };
    let (host, path) = (url.host(), url.pathname());
    if host.is_empty() {
        return None;
    }
    Some([scheme, &host, path.trim_end_matches('/'), "/agent"].concat())
}

/// A function, if the value is one.
pub fn function(value: JsValue) -> Option<Function> {
    value.dyn_into().ok()
}
