//! Real `Error`s with numeric `code` and `subCode` (acs-api 2.1.13), and where other errors go.

use crate::media::MediaError;
use crate::meeting::{reasons, Refused};
use js_sys::Reflect;
use plenary_protocol::end::Reason;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::JsValue;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn log(error: &JsValue);
}

/// The JavaScript error of a refusal.
pub fn error(refused: &Refused) -> JsValue {
    let error = js_sys::Error::new(&refused.message);
    let _ = Reflect::set(&error, &"code".into(), &refused.code.into());
    let _ = Reflect::set(&error, &"subCode".into(), &refused.sub_code.into());
    error.into()
}

/// The same for a reason of the table.
pub fn reason(reason: Reason) -> JsValue {
    error(&reason.into())
}

impl From<MediaError> for Refused {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::Denied(_) => reasons::DEVICE_DENIED.into(),
            MediaError::Device(_) => reasons::DEVICE_FAILED.into(),
            other => other.reason().into(),
        }
    }
}

/// What nobody waits for is at least seen in the console: a listener that threw, a bug.
pub fn report(error: &JsValue) {
    log(error);
}

/// A panic is a bug of ours; say where before the wasm traps.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(|l| [l.file(), ":", &l.line().to_string()].concat());
        let place = place.as_deref().unwrap_or("an unknown place");
        log(&[
            "Plenary stopped working because of a bug at ",
            place,
            "; reload the page.",
        ]
        .concat()
        .into());
    }));
}
