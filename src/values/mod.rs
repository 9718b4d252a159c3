//! The one place where values cross between JavaScript and Rust.
//!
//! JSON text is the browser's own `JSON.parse` and `JSON.stringify`; there is no parser in the wasm,
//! and no serde: what it generates for `protocol/` weighs ten times what is written here by hand.
//! Literals name every field and matches every variant, so a change of the protocol that is forgotten
//! here does not compile; `tests/browser/boundary.rs` compares with serde_json, frame by frame.

pub mod changes;
pub mod frames;
mod reading;
pub mod requests;

pub use reading::Reading;

use js_sys::{Array, Object, Reflect, JSON};
use wasm_bindgen::{JsCast, JsValue};

/// A field of any value; `undefined` where there is none.
pub fn field(value: &JsValue, name: &str) -> JsValue {
    Reflect::get(value, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// A plain object of `("name", value)`; `undefined` ones are left out. A list of the fields would first be
/// put together in memory, and is half as large again in the wasm.
macro_rules! object {
    ([$(($name:expr, $value:expr $(,)?)),* $(,)?]) => {{
        let object = ::wasm_bindgen::JsValue::from(::js_sys::Object::new());
        $($crate::values::put(&object, $name, $value);)*
        object
    }};
}
pub(crate) use object;

/// Sets a field of an object of ours, unless the value is `undefined`.
pub fn put(object: &JsValue, name: &str, value: JsValue) {
    if !value.is_undefined() {
        // Fails only for frozen objects.
        let _ = Reflect::set(object, &JsValue::from_str(name), &value);
    }
}

/// A text.
pub fn text(text: &str) -> JsValue {
    JsValue::from_str(text)
}

/// A text, or `undefined`.
pub fn optional(value: Option<&str>) -> JsValue {
    value.map_or(JsValue::UNDEFINED, JsValue::from_str)
}

/// An array.
pub fn list<T>(items: &[T], item: fn(&T) -> JsValue) -> JsValue {
    array(&mut items.iter().map(item))
}

/// Compiled once, not for every type.
fn array(items: &mut dyn Iterator<Item = JsValue>) -> JsValue {
    let array = Array::new();
    for item in items {
        array.push(&item);
    }
    array.into()
}

/// A variant as serde writes it: a text, or an object with one field.
fn variant(value: JsValue) -> Option<(String, JsValue)> {
    if let Some(name) = value.as_string() {
        return Some((name, JsValue::UNDEFINED));
    }
    let entries = Object::entries(&value.dyn_into().ok()?);
    if entries.length() != 1 {
        return None;
    }
    let entry: Array = entries.get(0).unchecked_into();
    Some((entry.get(0).as_string()?, entry.get(1)))
}

/// A value from JSON text.
pub fn parse(text: &str) -> Option<JsValue> {
    JSON::parse(text).ok()
}

/// JSON text of a value.
pub fn stringify(value: &JsValue) -> String {
    JSON::stringify(value).map(String::from).unwrap_or_default()
}
