//! Listeners and timers as owned things: dropping one removes it, and its closure with it.
//!
//! There is no `Closure::forget` in this crate. Every living guard is counted, for the leak test.

use std::cell::Cell;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, EventTarget};

#[wasm_bindgen]
extern "C" {
    // Not `Window`'s: the global one, which workers have, too.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(closure: &JsValue, ms: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: &JsValue);
}

/// What is counted here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Timers that have not fired.
    pub timers: u32,
    /// Registered listeners.
    pub listeners: u32,
    /// Sockets that are not closed.
    pub sockets: u32,
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { timers: 0, listeners: 0, sockets: 0 }) };
}

/// How many guards live.
pub fn counts() -> Counts {
    COUNTS.get()
}

pub(super) fn count(change: impl FnOnce(&mut Counts)) {
    let mut counts = COUNTS.get();
    change(&mut counts);
    COUNTS.set(counts);
}

/// A listener; dropping it removes it.
pub struct Listener {
    target: EventTarget,
    kind: &'static str,
    closure: Closure<dyn FnMut(Event)>,
}

impl Listener {
    /// Listens until dropped.
    pub fn new(target: &EventTarget, kind: &'static str, then: impl FnMut(Event) + 'static) -> Self {
        let closure = Closure::new(then);
        // Fails only where the target is no EventTarget at all: then nothing will come, either.
        let _ = target.add_event_listener_with_callback(kind, closure.as_ref().unchecked_ref());
        count(|c| c.listeners += 1);
        Self { target: target.clone(), kind, closure }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.target.remove_event_listener_with_callback(self.kind, self.closure.as_ref().unchecked_ref());
        count(|c| c.listeners -= 1);
    }
}

/// A timer that fires once; dropping it stops it.
pub struct Timer {
    id: JsValue,
    // Owned, so that it lives until the timer is dropped.
    _closure: Closure<dyn FnMut()>,
}

/// Browsers take a longer time for zero (it is kept in 31 bits).
const LONGEST: f64 = 86_400_000.0;

impl Timer {
    /// Fires after `ms`.
    pub fn new(ms: f64, then: impl FnMut() + 'static) -> Self {
        let closure: Closure<dyn FnMut()> = Closure::new(then);
        let id = set_timeout(closure.as_ref(), ms.clamp(0.0, LONGEST));
        count(|c| c.timers += 1);
        Self { id, _closure: closure }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.id);
        count(|c| c.timers -= 1);
    }
}
