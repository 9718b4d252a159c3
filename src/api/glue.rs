//! What the wasm exports: one function for all methods of [`Core`], since each export weighs 200 bytes of
//! the gzipped package, and a class with its own glue more. `pkg-template/src/wasm.ts` is its other side.

use super::core::{rejected, Core};
use super::errors;
use js_sys::Function;
use plenary_protocol::end::Reason;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

thread_local! {
    /// The page's, from `begin` to `dispose`.
    static CORE: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
}

/// Does `what` with what is given; `begin`, with the function that takes changes, comes first.
#[wasm_bindgen]
pub fn act(what: &str, a: JsValue, b: JsValue, c: JsValue, d: JsValue) -> Result<JsValue, JsValue> {
    if what == "begin" {
        let core = Rc::new(Core::new(a.unchecked_into::<Function>()));
        CORE.set(Some(core));
        return Ok(JsValue::UNDEFINED);
    }
    // Not borrowed while the core is at work: a listener may call it.
    let core = CORE.with_borrow(Option::clone);
    let Some(core) = core else {
        return Err(errors::reason(Reason::NO_SUCH_CALL));
    };
    Ok(match what {
        "createAgent" => core.create_agent(a).into(),
        "disposeAgent" => core.dispose_agent(number(&a)).into(),
        "join" => {
            core.join(number(&a), b, c, d)?;
            JsValue::UNDEFINED
        }
        "ask" => core.ask(a, b, c).into(),
        "shareScreen" => core.share_screen(a, b, c).into(),
        "remoteTrack" => core.remote_track(a, number(&b)).into(),
        "inside" => core.inside(a),
        "openRemoteView" => core
            .open_remote_view(a, number(&b), c, d.is_truthy())?
            .into(),
        "openLocalView" => core.open_local_view(a, b, c.is_truthy())?.into(),
        "setRendered" => {
            core.set_rendered(&a, number(&b), number(&c));
            JsValue::UNDEFINED
        }
        "updateScaling" => {
            core.update_scaling(&a, &b);
            JsValue::UNDEFINED
        }
        "closeView" => {
            core.close_view(&a);
            JsValue::UNDEFINED
        }
        "askPermission" => core.ask_permission(a.is_truthy(), b.is_truthy()).into(),
        "outbox" => core.outbox(number(&a), b, c, d),
        "counters" => core.counters(),
        "dispose" => {
            CORE.take();
            core.dispose();
            JsValue::UNDEFINED
        }
        _ => rejected(Reason::MALFORMED).into(),
    })
}

/// A handle; anything else is 0, which names nothing.
fn number(value: &JsValue) -> u32 {
    value.as_f64().unwrap_or_default() as u32
}
