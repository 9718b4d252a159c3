//! Reading the fields of an object.

use super::field;
use js_sys::Array;
use std::cell::Cell;
use wasm_bindgen::{JsCast, JsValue};

/// The largest integer that a JavaScript number holds exactly.
const LARGEST: f64 = 9_007_199_254_740_991.0;

/// Reads fields and remembers whether all of them fitted. Reading goes on after one that did not:
/// without early returns, what was read needs no clean-up on every way out.
#[derive(Debug, Default)]
pub struct Reading {
    misfit: Cell<bool>,
}

impl Reading {
    /// Reads a whole value; `None` when anything in it did not fit.
    pub fn whole<T>(read: impl FnOnce(&Reading) -> T) -> Option<T> {
        let reading = Reading::default();
        let value = read(&reading);
        (!reading.misfit.get()).then_some(value)
    }

    /// Something does not fit.
    pub fn misfit(&self) {
        self.misfit.set(true);
    }

    /// The value, or a stand-in for one that does not fit.
    pub fn or<T>(&self, value: Option<T>, stand_in: T) -> T {
        value.unwrap_or_else(|| {
            self.misfit();
            stand_in
        })
    }

    /// A text.
    pub fn text(&self, of: &JsValue, name: &str) -> String {
        self.or(field(of, name).as_string(), String::new())
    }

    /// A text that may be missing.
    pub fn optional(&self, of: &JsValue, name: &str) -> Option<String> {
        let value = field(of, name);
        if value.is_undefined() || value.is_null() {
            return None;
        }
        Some(self.or(value.as_string(), String::new()))
    }

    /// True or false.
    pub fn flag(&self, of: &JsValue, name: &str) -> bool {
        self.or(field(of, name).as_bool(), false)
    }

    /// Any number.
    pub fn number(&self, of: &JsValue, name: &str) -> f64 {
        self.or(field(of, name).as_f64(), 0.0)
    }

    /// A whole number from 0 to `largest`.
    fn integer(&self, of: &JsValue, name: &str, largest: f64) -> f64 {
        let whole = |n: &f64| n.fract() == 0.0 && (0.0..=largest).contains(n);
        self.or(field(of, name).as_f64().filter(whole), 0.0)
    }

    /// A `u64`, as far as a JavaScript number goes.
    pub fn u64(&self, of: &JsValue, name: &str) -> u64 {
        self.integer(of, name, LARGEST) as u64
    }

    /// A `u32`.
    pub fn u32(&self, of: &JsValue, name: &str) -> u32 {
        self.integer(of, name, u32::MAX.into()) as u32
    }

    /// A `u16`.
    pub fn u16(&self, of: &JsValue, name: &str) -> u16 {
        self.integer(of, name, u16::MAX.into()) as u16
    }

    /// An array.
    pub fn list<T>(&self, of: &JsValue, name: &str, item: fn(&Reading, &JsValue) -> T) -> Vec<T> {
        let mut items = Vec::new();
        self.each(of, name, &mut |value| items.push(item(self, value)));
        items
    }

    /// Compiled once, not for every type.
    fn each(&self, of: &JsValue, name: &str, then: &mut dyn FnMut(&JsValue)) {
        let array = self.or(field(of, name).dyn_into::<Array>().ok(), Array::new());
        for at in 0..array.length() {
            then(&array.get(at));
        }
    }

    /// An array that is empty when missing.
    pub fn some<T>(&self, of: &JsValue, name: &str, item: fn(&Reading, &JsValue) -> T) -> Vec<T> {
        if field(of, name).is_undefined() {
            return Vec::new();
        }
        self.list(of, name, item)
    }

    /// An item that is a text.
    pub fn item(&self, value: &JsValue) -> String {
        self.or(value.as_string(), String::new())
    }
}
