//! The one place where values cross between JavaScript and Rust.
//!
//! JSON text is the browser's own `JSON.parse` and `JSON.stringify`; there is no parser in the wasm.

use js_sys::{Reflect, JSON};
use plenary_protocol::agent::Frame;
use serde::de::DeserializeOwned;
use serde::Serialize;
use wasm_bindgen::JsValue;

use crate::meeting::Received;

/// A value as JavaScript has it: plain objects, numbers and strings; `None` fields as the type says.
pub fn to_js<T: Serialize + ?Sized>(value: &T) -> JsValue {
    // Fails only for numbers beyond 2^53 and keys that are no strings; no type of ours has them.
    value
        .serialize(&serde_wasm_bindgen::Serializer::json_compatible())
        .unwrap_or(JsValue::UNDEFINED)
}

/// A value from JavaScript, if it has the shape.
pub fn from_js<T: DeserializeOwned>(value: JsValue) -> Option<T> {
    serde_wasm_bindgen::from_value(value).ok()
}

/// JSON text of a value.
pub fn to_text<T: Serialize + ?Sized>(value: &T) -> String {
    JSON::stringify(&to_js(value))
        .map(String::from)
        .unwrap_or_default()
}

/// A field of any value; `undefined` where there is none.
pub fn field(value: &JsValue, name: &str) -> JsValue {
    Reflect::get(value, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// A text of the agent socket.
pub fn read_frame(text: &str) -> Received {
    let Ok(value) = JSON::parse(text) else {
        return Received::Unreadable;
    };
    match from_js::<Frame>(value.clone()) {
        Some(frame) => Received::Frame(Box::new(frame)),
        // An event of a newer version is skipped, but its number counts.
        None => match field(&field(&value, "event"), "seq").as_f64() {
            Some(seq) if seq >= 0.0 => Received::UnknownEvent(seq as u64),
            _ => Received::Unreadable,
        },
    }
}
