//! Owners of closures: a listener or a timer lives exactly as long as its guard.

use js_sys::Function;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, EventTarget};

use super::bindings;
use super::counters::{Counted, Resource};

/// An event listener; dropping it removes it.
#[derive(Debug)]
pub struct Listener {
    target: EventTarget,
    name: &'static str,
    closure: Closure<dyn FnMut(JsValue)>,
    _counted: Counted,
}

impl Listener {
    /// Calls `then` with every event of that name.
    pub fn new<E: JsCast + 'static>(
        target: &EventTarget,
        name: &'static str,
        mut then: impl FnMut(E) + 'static,
    ) -> Self {
        Self::boxed(
            target,
            name,
            Box::new(move |event| then(event.unchecked_into())),
        )
    }

    /// Compiled once, not for every listener.
    #[inline(never)]
    fn boxed(target: &EventTarget, name: &'static str, then: Box<dyn FnMut(JsValue)>) -> Self {
        let closure = Closure::wrap(then);
        // Fails only for a listener that is no function.
        let _ = target.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
        Self {
            target: target.clone(),
            name,
            closure,
            _counted: Counted::new(Resource::Listener),
        }
    }

    /// As [`Listener::new`], for those who need no event.
    pub fn told(
        target: &EventTarget,
        name: &'static str,
        mut then: impl FnMut() + 'static,
    ) -> Self {
        Self::new(target, name, move |_: Event| then())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let function: &Function = self.closure.as_ref().unchecked_ref();
        let _ = self
            .target
            .remove_event_listener_with_callback(self.name, function);
    }
}

/// A `setTimeout`; dropping it clears it.
#[derive(Debug)]
pub struct Timeout {
    id: i32,
    _closure: Closure<dyn FnMut()>,
    _counted: Counted,
}

impl Timeout {
    /// Calls `then` once, after `ms`.
    pub fn new(ms: u32, then: impl FnOnce() + 'static) -> Self {
        let closure = Closure::once(then);
        let id = bindings::set_timeout(closure.as_ref().unchecked_ref(), ms);
        Self {
            id,
            _closure: closure,
            _counted: Counted::new(Resource::Timer),
        }
    }
}

impl Drop for Timeout {
    fn drop(&mut self) {
        bindings::clear_timeout(self.id);
    }
}
