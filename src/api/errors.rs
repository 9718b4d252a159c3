//! Real `Error`s with numeric `code` and `subCode` (acs-api 2.1.13), and where other errors go.

use crate::media::MediaError;
use crate::meeting::{reasons, Refused};
use crate::values::put;
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
    let error = js_sys::Error::new(&refused.message).into();
    put(&error, "code", refused.code.into());
    put(&error, "subCode", refused.sub_code.into());
    error
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

/// A panic is a bug of ours; say where before the wasm traps. Where panics trap at once there is nobody
/// to say it.
#[cfg(immediate_abort)]
pub fn report_panics() {}

/// A panic is a bug of ours; say where before the wasm traps.
#[cfg(not(immediate_abort))]
pub fn report_panics() {
    if std::thread::panicking() {
        return;
    }
    std::panic::set_hook(Box::new(|panic| {
        let line = panic
            .location()
            .map(|l| l.line())
            .unwrap_or_default()
            .to_string();
        let file = panic.location().map(|l| l.file()).unwrap_or_default();
        let what = panic.payload_as_str().unwrap_or_default();
        let parts = [
            "Plenary stopped working because of a bug at ",
            file,
            ":",
            &line,
            " (",
            what,
            "); reload the page.",
        ];
        log(&parts.concat().into());
    }));
}
