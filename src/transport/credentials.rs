//! The application's credential. The facade adds where its tokens say the service is.

use crate::meeting::{reasons, Refused, UserToken};
use crate::values::field;
use js_sys::{Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Calls `getToken` and waits for what it gives; and the agent socket's address, where the token names it.
pub async fn get_token(get_token: &Function) -> Result<(UserToken, Option<String>), Refused> {
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
        Some(token) => {
            let expires_at = expires_at.unwrap_or(f64::MAX);
            let address = field(&given, "address").as_string();
            Ok((UserToken { token, expires_at }, address))
        }
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

/// A function, if the value is one.
pub fn function(value: JsValue) -> Option<Function> {
    value.dyn_into().ok()
}
