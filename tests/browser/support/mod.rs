//! What the browser tests of the media layer share.
#![allow(dead_code)]

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Function, Reflect, Uint8Array};
use livekit_protocol as lk;
use plenary::media::interface::MediaEvent;
use plenary::media::{MediaConfig, MediaSession};
use plenary_protocol::agent::{MediaGrant, MediaOffer};
use prost::Message as _;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{MediaStreamTrack, RtcPeerConnection, RtcRtpTransceiver};

/// A pause.
pub async fn pause(ms: i32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let window = web_sys::window().expect("a window");
        window
            .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms)
            .expect("a timer");
    });
    JsFuture::from(promise).await.expect("it passes");
}

/// Waits for something that has to become true.
pub async fn until(what: &str, mut is: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if is() {
            return;
        }
        pause(10).await;
    }
    panic!("it did not happen: {what}");
}

/// Puts a socket in the place of the browser's that a test speaks through; no engine is imitated
/// beyond the frames that the test names.
pub fn stub_socket() {
    js_sys::eval(
        "globalThis.stubSocket = undefined;
         globalThis.WebSocket = class StubSocket extends EventTarget {
           static OPEN = 1;
           constructor(url) { super(); this.url = url; this.readyState = 1; this.sent = []; globalThis.stubSocket = this; }
           send(bytes) { this.sent.push(bytes.slice()); }
           close() { this.readyState = 3; }
           hear(data) { this.dispatchEvent(new MessageEvent('message', { data })); }
           drop() { this.readyState = 3; this.dispatchEvent(new CloseEvent('close')); }
         };",
    )
    .expect("a stub");
}

fn socket() -> JsValue {
    Reflect::get(&js_sys::global(), &"stubSocket".into()).expect("a socket")
}

/// Address of the last opened socket.
pub fn socket_url() -> Option<String> {
    Reflect::get(&socket(), &"url".into()).ok()?.as_string()
}

fn call(name: &str, argument: &JsValue) {
    let function: Function = Reflect::get(&socket(), &name.into())
        .expect("a method")
        .unchecked_into();
    function.call1(&socket(), argument).expect("no exception");
}

/// The engine says something.
pub fn hear(message: lk::signal_response::Message) {
    let bytes = lk::SignalResponse {
        message: Some(message),
    }
    .encode_to_vec();
    call("hear", &Uint8Array::from(bytes.as_slice()).buffer());
}

/// The engine fills the slots: mid and track.
pub fn hear_slots(filled: &[(&str, &str)]) {
    let slots: Vec<String> = filled
        .iter()
        .map(|(mid, track)| format!(r#"{{"mid":"{mid}","track":"{track}","identity":"ann"}}"#))
        .collect();
    call(
        "hear",
        &format!(r#"{{"type":"slots","slots":[{}]}}"#, slots.join(",")).into(),
    );
}

/// The socket is gone.
pub fn drop_socket() {
    call("drop", &JsValue::UNDEFINED);
}

/// What was sent through the last opened socket.
pub fn sent() -> Vec<lk::signal_request::Message> {
    let sent = Reflect::get(&socket(), &"sent".into()).expect("a list");
    js_sys::Array::from(&sent)
        .iter()
        .filter_map(|bytes| {
            lk::SignalRequest::decode(Uint8Array::new(&bytes).to_vec().as_slice())
                .ok()?
                .message
        })
        .collect()
}

/// A session and what it has told.
pub struct Subject {
    pub session: Rc<MediaSession>,
    pub events: Rc<RefCell<Vec<MediaEvent>>>,
}

impl Subject {
    pub fn new(audio_slots: u32, video_slots: u32) -> Self {
        let events: Rc<RefCell<Vec<MediaEvent>>> = Rc::default();
        let told = events.clone();
        let config = MediaConfig {
            audio_slots,
            video_slots,
            ..Default::default()
        };
        let session =
            MediaSession::new(config, Box::new(move |event| told.borrow_mut().push(event)));
        Self {
            session: session.expect("a session"),
            events,
        }
    }

    pub fn told(&self, event: &MediaEvent) -> bool {
        self.events.borrow().contains(event)
    }

    /// Connects with the answer of a peer in this page.
    pub async fn connect(&self, peer: &Answerer, offer: &MediaOffer) {
        let answer = peer.answer(&offer.sdp).await;
        stub_socket();
        self.session.connect(&MediaGrant {
            url: "ws://engine.test".to_owned(),
            token: "a.b.c".to_owned(),
            expires_at: 0.0,
            participant_sid: Some("PA_me".to_owned()),
            answer: Some(answer),
            slots: true,
            ice_servers: Vec::new(),
        });
        until("the socket is opened", || {
            !socket().is_undefined() && socket_url().is_some()
        })
        .await;
        hear(lk::signal_response::Message::Reconnect(Default::default()));
    }
}

/// The other side: a real peer connection in the same page.
pub struct Answerer {
    pub connection: RtcPeerConnection,
    pub sends: Vec<(String, MediaStreamTrack)>,
    /// Browsers take no simulcast; an engine does, and says so in its answer.
    pub simulcast: bool,
}

impl Answerer {
    /// Sends tracks in sections of the offer, by their mids.
    pub fn new(sends: &[(&str, &MediaStreamTrack)]) -> Self {
        let sends = sends
            .iter()
            .map(|(mid, track)| ((*mid).to_owned(), Clone::clone(*track)))
            .collect();
        Self {
            connection: RtcPeerConnection::new().expect("a peer"),
            sends,
            simulcast: false,
        }
    }

    /// Answers as an engine that takes the camera's three layers and the screen's two.
    pub fn simulcast() -> Self {
        let mut engine = Self::new(&[]);
        engine.simulcast = true;
        engine
    }

    async fn answer(&self, offer: &str) -> String {
        let connection = &self.connection;
        let description = web_sys::RtcSessionDescriptionInit::new(web_sys::RtcSdpType::Offer);
        description.set_sdp(offer);
        JsFuture::from(connection.set_remote_description(&description))
            .await
            .expect("the offer is good");
        for transceiver in self.transceivers() {
            let mid = transceiver.mid().unwrap_or_default();
            if let Some((_, track)) = self.sends.iter().find(|(wanted, _)| *wanted == mid) {
                transceiver.set_direction(web_sys::RtcRtpTransceiverDirection::Sendonly);
                JsFuture::from(transceiver.sender().replace_track(Some(track)))
                    .await
                    .expect("a sender");
            }
        }
        let answer = JsFuture::from(connection.create_answer())
            .await
            .expect("an answer");
        JsFuture::from(connection.set_local_description(answer.unchecked_ref()))
            .await
            .expect("set");
        // This side is no ICE-lite server: its candidates have to be in the answer.
        for _ in 0..300 {
            if connection.ice_gathering_state() == web_sys::RtcIceGatheringState::Complete {
                break;
            }
            pause(10).await;
        }
        let answer = connection.local_description().expect("a description").sdp();
        if !self.simulcast {
            return answer;
        }
        let rids = "q;h;f";
        let named: String = rids
            .split(';')
            .map(|rid| format!("a=rid:{rid} recv\r\n"))
            .collect();
        let camera = "a=mid:1\r\n";
        answer.replace(
            camera,
            &format!("{camera}{named}a=simulcast:recv {rids}\r\n"),
        )
    }

    fn transceivers(&self) -> Vec<RtcRtpTransceiver> {
        self.connection
            .get_transceivers()
            .iter()
            .map(JsCast::unchecked_into)
            .collect()
    }

    /// Packets received in a section so far.
    pub async fn packets(&self, mid: &str) -> u32 {
        let all = self.transceivers();
        let transceiver = all
            .iter()
            .find(|t| t.mid().as_deref() == Some(mid))
            .expect("a section");
        let report: js_sys::Map = JsFuture::from(transceiver.receiver().get_stats())
            .await
            .expect("stats")
            .unchecked_into();
        let mut packets = 0.0;
        report.for_each(&mut |stats, _| {
            let field = |name: &str| Reflect::get(&stats, &name.into()).ok();
            if field("type").and_then(|kind| kind.as_string()).as_deref() == Some("inbound-rtp") {
                packets += field("packetsReceived")
                    .and_then(|n| n.as_f64())
                    .unwrap_or_default();
            }
        });
        packets as u32
    }
}

impl Drop for Answerer {
    fn drop(&mut self) {
        self.connection.close();
    }
}
