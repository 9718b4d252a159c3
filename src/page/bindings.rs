//! What web-sys lacks, or what it declares without the exceptions that it throws. The one place for
//! `extern` blocks.

use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;
use web_sys::{
    Event, HtmlMediaElement, HtmlVideoElement, MediaStreamTrack, RtcPeerConnection, RtcRtpSender,
    RtcRtpTransceiver,
};

#[wasm_bindgen]
extern "C" {
    /// web-sys has it on `Window` only.
    #[wasm_bindgen(js_name = setTimeout)]
    pub fn set_timeout(then: &Function, ms: u32) -> i32;
    /// web-sys has it on `Window` only.
    #[wasm_bindgen(js_name = clearTimeout)]
    pub fn clear_timeout(id: i32);
    /// web-sys has it on `Window` only.
    #[wasm_bindgen(js_name = fetch)]
    pub fn fetch(url: &str) -> Promise;

    /// A media element whose output device can be chosen (not in Safari before 18.4).
    #[wasm_bindgen(extends = HtmlMediaElement, extends = web_sys::HtmlElement, extends = web_sys::EventTarget)]
    pub type SinkElement;
    /// Rejects for a device that is not there or not permitted.
    #[wasm_bindgen(method, catch, js_name = setSinkId)]
    pub fn set_sink_id(this: &SinkElement, device: &str) -> Result<Promise, JsValue>;

    /// A video element that tells about each frame (Firefox from 132).
    #[wasm_bindgen(extends = HtmlVideoElement)]
    pub type FrameElement;
    /// Calls once, with the next frame that is shown.
    #[wasm_bindgen(method, js_name = requestVideoFrameCallback)]
    pub fn request_video_frame_callback(this: &FrameElement, then: &Function) -> u32;
    /// Takes the call back.
    #[wasm_bindgen(method, js_name = cancelVideoFrameCallback)]
    pub fn cancel_video_frame_callback(this: &FrameElement, id: u32);

    /// A track whose content is described for the encoder.
    #[wasm_bindgen(extends = MediaStreamTrack)]
    pub type HintedTrack;
    /// `motion`, `detail`, `text`, `speech`, `music` or empty.
    #[wasm_bindgen(method, setter, js_name = contentHint)]
    pub fn set_content_hint(this: &HintedTrack, hint: &str);
    /// A plain object.
    #[wasm_bindgen(method, js_name = getSettings)]
    pub fn settings(this: &HintedTrack) -> js_sys::Object;

    /// A sender whose parameters are plain objects: web-sys knows half of their members.
    #[wasm_bindgen(extends = RtcRtpSender)]
    pub type ShapedSender;
    /// `RTCRtpSendParameters`.
    #[wasm_bindgen(method, js_name = getParameters)]
    pub fn get_parameters(this: &ShapedSender) -> js_sys::Object;
    /// Takes what [`ShapedSender::get_parameters`] gave, changed.
    #[wasm_bindgen(method, catch, js_name = setParameters)]
    pub fn set_parameters(this: &ShapedSender, to: &js_sys::Object) -> Result<Promise, JsValue>;

    /// A peer connection with everything that web-sys does not know of it.
    #[wasm_bindgen(extends = RtcPeerConnection, extends = web_sys::EventTarget)]
    pub type ModernPeerConnection;
    /// The next offer has new ICE credentials.
    #[wasm_bindgen(method, js_name = restartIce)]
    pub fn restart_ice(this: &ModernPeerConnection);
    /// Takes a plain `RTCIceCandidateInit`.
    #[wasm_bindgen(method, js_name = addIceCandidate)]
    pub fn add_ice_candidate(this: &ModernPeerConnection, candidate: &JsValue) -> Promise;

    /// A transceiver whose codecs can be chosen (Firefox from 128).
    #[wasm_bindgen(extends = RtcRtpTransceiver)]
    pub type ChoosyTransceiver;
    /// Throws for codecs that the browser does not have.
    #[wasm_bindgen(method, catch, js_name = setCodecPreferences)]
    pub fn set_codec_preferences(this: &ChoosyTransceiver, codecs: &Array) -> Result<(), JsValue>;

    /// `icecandidate`: web-sys's type has no `toJSON`.
    #[wasm_bindgen(extends = Event)]
    pub type CandidateEvent;
    /// Null at the end.
    #[wasm_bindgen(method, getter)]
    pub fn candidate(this: &CandidateEvent) -> JsValue;

    /// `CompressionStream`, which web-sys holds for unstable (Safari from 16.4, Firefox from 113).
    #[wasm_bindgen(js_name = CompressionStream)]
    pub type Compressor;
    /// `gzip`, `deflate`.
    #[wasm_bindgen(constructor, catch, js_class = "CompressionStream")]
    pub fn new(format: &str) -> Result<Compressor, JsValue>;

    /// `new Response(stream)`, to read a stream whole.
    #[wasm_bindgen(js_name = Response)]
    pub type StreamResponse;
    /// From a stream.
    #[wasm_bindgen(constructor, js_class = "Response")]
    pub fn new(stream: &JsValue) -> StreamResponse;
    /// The stream's bytes.
    #[wasm_bindgen(method, js_name = arrayBuffer)]
    pub fn array_buffer(this: &StreamResponse) -> Promise;
}

/// Whether an object has a member: for what not every browser has.
pub fn has(object: &JsValue, member: &str) -> bool {
    js_sys::Reflect::has(object, &JsValue::from_str(member)).unwrap_or(false)
}

/// A member of the global object, `undefined` where there is none.
pub fn global(name: &str) -> JsValue {
    crate::values::field(&js_sys::global(), name)
}
