//! A service in the page: an agent socket in the place of the browser's, whose answers a test names.
#![allow(dead_code)] // each test file uses a part of it

use js_sys::{Array, Function, Object, Promise, Reflect, JSON};
use plenary::api::Core;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Replaces `WebSocket`; `answers` is JSON: reply by request type. Names of failures begin with `!`.
pub fn stub_service(answers: &str) {
    js_sys::eval(
        "globalThis.heard = []; globalThis.opened = []; globalThis.BrowsersWebSocket ??= WebSocket;
         globalThis.WebSocket = class extends EventTarget {
           constructor(url, protocol) {
             super(); this.url = url; this.protocol = protocol; this.readyState = 0;
             globalThis.opened.push(url + ' ' + protocol); globalThis.agentSocket = this;
             setTimeout(() => { if (this.readyState === 0) { this.readyState = 1; this.dispatchEvent(new Event('open')); } });
           }
           send(text) {
             const frame = JSON.parse(text); globalThis.heard.push(frame.request);
             const kind = typeof frame.request === 'string' ? frame.request : Object.keys(frame.request)[0];
             const { id } = frame, { [kind]: reply, ['!' + kind]: error } = globalThis.answers;
             if (reply !== undefined) setTimeout(() => this.hear({ reply: { id, reply } }));
             if (error !== undefined) setTimeout(() => this.hear({ failure: { id, error } }));
           }
           hear(frame) { if (this.readyState === 1) this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(frame) })); }
           close() { this.readyState = 3; }
           drop() { this.readyState = 3; this.dispatchEvent(new CloseEvent('close')); }
         };",
    )
    .expect("a stub");
    set_answers(answers);
}

/// Puts the browser's own socket back.
pub fn no_stub() {
    js_sys::eval("globalThis.WebSocket = globalThis.BrowsersWebSocket ?? WebSocket")
        .expect("a socket");
}

pub fn set_answers(answers: &str) {
    let answers = JSON::parse(answers).expect("JSON");
    Reflect::set(&js_sys::global(), &"answers".into(), &answers).expect("set");
}

/// Answers of a service that welcomes a guest and lets them wait.
pub const LOBBY: &str = r#"{
    "hello": {"welcome": {"session": "s1", "identity": "8:acs:r_guest", "displayName": "Gundula", "resumed": false, "resumeWindowMs": 60000}},
    "join": {"call": {"call": "c1", "serverCallId": "server", "endpoint": "e1", "state": "lobby", "role": "Presenter", "roster": []}},
    "leave": "done", "ping": "done", "setMuted": "done",
    "!act": {"code": 403, "subCode": 59120, "message": "Not allowed."}
}"#;

/// The service tells of an event.
pub fn tell(seq: u32, event: &str) {
    let frame = [
        r#"{"event":{"seq":"#,
        &seq.to_string(),
        r#","event":"#,
        event,
        "}}",
    ]
    .concat();
    let frame = JSON::parse(&frame).expect("JSON");
    call_on_socket("hear", &frame);
}

/// The connection breaks.
pub fn drop_connection() {
    call_on_socket("drop", &JsValue::UNDEFINED);
}

fn call_on_socket(name: &str, argument: &JsValue) {
    let socket = global("agentSocket");
    let function: Function = get(&socket, name).unchecked_into();
    function.call1(&socket, argument).expect("no exception");
}

/// What the service heard, as JSON, oldest first.
pub fn heard() -> Vec<String> {
    list("heard").iter().map(|frame| text_of(&frame)).collect()
}

/// Addresses and subprotocols of the sockets that were opened.
pub fn opened() -> Vec<String> {
    list("opened")
        .iter()
        .filter_map(|url| url.as_string())
        .collect()
}

fn list(name: &str) -> Array {
    global(name).unchecked_into()
}

fn global(name: &str) -> JsValue {
    get(&js_sys::global(), name)
}

pub fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

pub fn text_of(value: &JsValue) -> String {
    JSON::stringify(value).map(String::from).unwrap_or_default()
}

/// A core, and the changes that it told.
pub struct Subject {
    pub core: Core,
    changes: Array,
    _told: Closure<dyn FnMut(JsValue)>,
}

impl Subject {
    pub fn new() -> Self {
        let changes = Array::new();
        let list = changes.clone();
        let told = Closure::<dyn FnMut(JsValue)>::new(move |change: JsValue| {
            list.push(&change);
        });
        let core = Core::new(told.as_ref().unchecked_ref::<Function>().clone());
        Self {
            core,
            changes,
            _told: told,
        }
    }

    /// Changes as JSON, oldest first.
    pub fn changes(&self) -> Vec<String> {
        self.changes.iter().map(|change| text_of(&change)).collect()
    }

    /// An agent that is welcome; its handle.
    pub async fn agent(&self) -> u32 {
        let options = options(
            r#"{"kind":"guest","address":"wss://meet.test/base/agent"}"#,
            "token-1",
        );
        let agent = JsFuture::from(self.core.create_agent(options))
            .await
            .expect("an agent");
        get(&agent, "agent").as_f64().expect("a handle") as u32
    }

    /// Joins muted.
    pub fn join(&self, agent: u32, call: &str) -> Result<(), JsValue> {
        let locator = JSON::parse(r#"{"meetingLink":"https://meet.test/j/1"}"#).expect("JSON");
        self.core.join(
            agent,
            call.into(),
            locator,
            JSON::parse(r#"{"muted":true}"#).expect("JSON"),
        )
    }

    /// All counts as JSON.
    pub fn counts(&self) -> String {
        text_of(&self.core.counters())
    }

    /// Waits until nothing is held: an offer that is being made ends when the browser has made it.
    pub async fn let_go(&self) {
        let (agents, calls) = (self.count("agents"), self.count("calls"));
        assert_eq!((agents, calls), (0.0, 0.0), "at once");
        for _ in 0..100 {
            if self.holds_nothing() {
                return;
            }
            pause(20).await;
        }
        panic!("held: {}", self.counts());
    }

    /// One of the counts.
    pub fn count(&self, name: &str) -> f64 {
        get(&self.core.counters(), name).as_f64().unwrap_or(-1.0)
    }

    /// Whether nothing is held.
    pub fn holds_nothing(&self) -> bool {
        Object::values(self.core.counters().unchecked_ref())
            .iter()
            .all(|count: JsValue| count.as_f64() == Some(0.0))
    }
}

/// Options of `createAgent` with a credential that gives this token.
pub fn options(json: &str, token: &str) -> JsValue {
    let options = JSON::parse(json).expect("JSON");
    let body = [
        "return Promise.resolve({ token: '",
        token,
        "', expiresOnTimestamp: Date.now() + 3600000 })",
    ]
    .concat();
    Reflect::set(&options, &"getToken".into(), &Function::new_no_args(&body)).expect("set");
    options
}

/// Code and sub-code of a real error.
pub fn numbers(error: &JsValue) -> (f64, f64) {
    assert!(
        error.is_instance_of::<js_sys::Error>(),
        "a real Error: {error:?}"
    );
    assert!(
        get(error, "message")
            .as_string()
            .is_some_and(|text| text.len() > 10),
        "with a sentence"
    );
    let number = |name| get(error, name).as_f64().unwrap_or(-1.0);
    (number("code"), number("subCode"))
}

/// Code and sub-code of a rejection.
pub async fn refused(promise: Promise) -> (f64, f64) {
    numbers(&JsFuture::from(promise).await.expect_err("a rejection"))
}

pub async fn pause(ms: u32) {
    let promise = Promise::new(&mut |resolve, _| {
        let _ = web_sys::window()
            .expect("a window")
            .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms as i32);
    });
    JsFuture::from(promise).await.expect("a pause");
}

/// Waits until something is so; panics after a while.
pub async fn until(what: &str, so: impl Fn() -> bool) {
    for _ in 0..300 {
        if so() {
            return;
        }
        pause(20).await;
    }
    panic!("waited in vain until {what}");
}
