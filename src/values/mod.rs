//! The one place where values cross between JavaScript and Rust.
//!
//! JSON text is the browser's own `JSON.parse` and `JSON.stringify`; there is no parser in the wasm.
//! Plain values go through serde with a reader and a writer of our own instead of
//! serde-wasm-bindgen's: theirs tell what was wrong with a value, and the formatting of that (down to
//! the printing of floating point numbers) and the matching of field names weigh more than the rest
//! of the agent socket together. A frame that cannot be read is skipped and counted; nobody reads why.

mod reader;
mod writer;

use crate::meeting::Received;
use js_sys::{Reflect, JSON};
use plenary_protocol::agent::Frame;
use serde::de::DeserializeOwned;
use serde::{de, ser, Serialize};
use wasm_bindgen::JsValue;

/// A value that does not have the shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value does not have the expected shape")]
pub struct Misfit;

impl de::Error for Misfit {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Misfit
    }
}

impl ser::Error for Misfit {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Misfit
    }
}

/// A value as JavaScript has it: plain objects, arrays, numbers and strings.
pub fn to_js<T: Serialize + ?Sized>(value: &T) -> JsValue {
    // Fails only for shapes that no type of ours has (tuples, bytes, keys that are no strings).
    value
        .serialize(writer::Writer)
        .unwrap_or(JsValue::UNDEFINED)
}

/// A value from JavaScript, if it has the shape.
pub fn from_js<T: DeserializeOwned>(value: JsValue) -> Option<T> {
    T::deserialize(reader::Reader(value)).ok()
}

/// JSON text of a value.
pub fn to_text<T: Serialize + ?Sized>(value: &T) -> String {
    JSON::stringify(&to_js(value))
        .map(String::from)
        .unwrap_or_default()
}

/// A value from JSON text, if it has the shape.
pub fn from_text<T: DeserializeOwned>(text: &str) -> Option<T> {
    from_js(JSON::parse(text).ok()?)
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
