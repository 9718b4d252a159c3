//! `Core`, exactly as `pkg-template/src/core.ts` describes it; `glue.rs` gives it to JavaScript.
//!
//! Every method takes what it is given, however odd, and answers with a value, a promise or a real
//! `Error`. Methods take `&self`: a listener may call them while another one runs.

use super::errors;
use super::page::{now, AgentOptions, Page};
use crate::chat;
use crate::media::devices::{self, Cleaning};
use crate::media::simulcast::Limit;
use crate::media::view::{Scaling, View};
use crate::meeting::{
    check_locator, reasons, Command, Input, Kind, MicrophoneUse, NewCall, Refused,
};
use crate::page::{counters, task};
use crate::transport::credentials::function;
use crate::values::{changes, field, object, put};
use js_sys::{Function, Promise};
use plenary_protocol::agent::Locator;
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, RoomId};
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlElement, MediaStreamTrack};

/// The core of a page.
pub struct Core {
    page: Rc<Page>,
    /// Until they are closed.
    views: RefCell<Vec<Rc<View>>>,
}

impl Core {
    /// `onChange` is called synchronously, in order; what it throws goes to the console.
    pub fn new(on_change: Function) -> Core {
        errors::report_panics();
        Core {
            page: Page::new(on_change),
            views: RefCell::default(),
        }
    }

    /// Connects the agent socket; resolves when the service has welcomed the identity.
    pub fn create_agent(&self, options: JsValue) -> Promise {
        let text = |name| {
            field(&options, name)
                .as_string()
                .filter(|text| !text.trim().is_empty())
        };
        let Some(get_token) = function(field(&options, "getToken")) else {
            return rejected(reasons::NO_TOKEN);
        };
        let (ticket, promise) = self.page.promises.open();
        let options = AgentOptions {
            kind: match text("kind").as_deref() {
                Some("member") => Kind::Member,
                Some("chat") => Kind::Chat,
                _ => Kind::Guest,
            },
            display_name: text("displayName"),
            address: text("address"),
            get_token,
        };
        self.page.start_agent(options, ticket);
        promise
    }

    /// Hangs up its calls and closes its socket.
    pub fn dispose_agent(&self, agent: u32) -> Promise {
        let (ticket, promise) = self.page.promises.open();
        self.page.give(agent, Input::Dispose(ticket));
        promise
    }

    /// Starts joining; everything after is told by changes.
    pub fn join(
        &self,
        agent: u32,
        call: JsValue,
        locator: JsValue,
        options: JsValue,
    ) -> Result<(), JsValue> {
        let locator = read_locator(&locator)?;
        let running = self
            .page
            .agent(agent)
            .ok_or_else(|| errors::reason(reasons::DISPOSED))?;
        if !call.is_string() || running.machine.borrow().identity().is_none() {
            return Err(errors::reason(Reason::NO_SUCH_CALL));
        }
        let call = CallId(plain(&call));
        if self.page.agent_of(&call).is_some() {
            return Err(errors::error(&Refused::saying(
                Reason::MALFORMED,
                "There is a call with this id already.",
            )));
        }
        let camera: Option<MediaStreamTrack> = field(&options, "camera").dyn_into().ok();
        let has_camera = camera.is_some();
        let unless_off = |name| field(&options, name).as_bool() != Some(false);
        let cleaning = Cleaning {
            echo: unless_off("echoCancellation"),
            noise: unless_off("noiseSuppression"),
            gain: unless_off("autoGainControl"),
        };
        let calls = &running.calls;
        calls.add(call.clone(), cleaning, camera);
        let microphone = match calls.give_microphone(&call, field(&options, "microphone")) {
            MicrophoneUse::Open => MicrophoneUse::Open,
            _ => MicrophoneUse::Closed,
        };
        let new = NewCall {
            call,
            locator,
            muted: field(&options, "muted").is_truthy(),
            camera: has_camera,
            microphone,
        };
        self.page.give(agent, Input::Join(new));
        Ok(())
    }

    /// Everything that is asked with a word, and perhaps somebody or something that it is about.
    pub fn ask(&self, call: JsValue, what: JsValue, about: JsValue) -> Promise {
        let what = plain(&what);
        match what.as_str() {
            "startVideo" => return self.start_video(call, about),
            "setMicrophone" => return self.set_microphone(call, about),
            "devices" => return self.devices(),
            "quiet" => return self.set_quiet(call, about.is_truthy()),
            "limitVideo" => return self.limit_video(call, &about),
            "openCamera" => return self.open(None, &about),
            "openMicrophone" => return self.open(Some(Cleaning::default()), &about),
            "selectMicrophone" => return self.select_microphone(about),
            "selectSpeaker" => return self.select_speaker(about),
            _ => {}
        }
        let about = plain(&about);
        let command = match what.as_str() {
            "mute" => Command::Mute,
            "unmute" => Command::Unmute,
            "hold" => Command::Hold(true),
            "resume" => Command::Hold(false),
            "stopVideo" => Command::Video(false),
            "joinRoom" => Command::JoinRoom(RoomId(about)),
            "returnToMain" => Command::Return,
            "hangUp" => Command::HangUp {
                for_everyone: false,
            },
            "endForEveryone" => Command::HangUp { for_everyone: true },
            // The service knows the other words.
            _ => Command::Act(what, about),
        };
        self.command(call, command)
    }

    /// Shares a screen, with its sound where there is some, or no longer; the tracks stay the facade's.
    pub fn share_screen(&self, call: JsValue, picture: JsValue, sound: JsValue) -> Promise {
        let picture = picture.dyn_into::<MediaStreamTrack>().ok();
        let (id, on) = (CallId(plain(&call)), picture.is_some());
        if let Some(agent) = self.page.agent_of(&id) {
            agent
                .calls
                .hold_screen(&id, (picture, sound.dyn_into().ok()));
        }
        self.command(call, Command::Screen(on))
    }

    /// The track of a remote stream, when it is assigned to a slot; from now on it is received whether
    /// a view shows it or not.
    pub fn remote_track(&self, call: JsValue, stream: u32) -> Option<MediaStreamTrack> {
        let call = CallId(plain(&call));
        let agent = self.page.agent_of(&call)?;
        let sid = agent.machine.borrow().track_of(&call, stream)?.to_owned();
        agent.calls.session(&call, |session| {
            session.read(&sid);
            session.remote_track(&sid)
        })?
    }

    /// The browser's connection of a call, and which stream is in which of its sections; for measuring.
    pub fn inside(&self, call: JsValue) -> JsValue {
        let call = CallId(plain(&call));
        let inside = self.page.agent_of(&call).and_then(|agent| {
            let machine = agent.machine.borrow();
            agent.calls.session(&call, |session| {
                let streams = object!([]);
                for (stream, sid) in machine.stream_tracks(&call) {
                    if let Some(mid) = session.section(sid) {
                        put(&streams, &mid, stream.into());
                    }
                }
                object!([("peer", session.connection()), ("streams", streams)])
            })
        });
        inside.unwrap_or_default()
    }

    /// Renders a remote stream; the element fills its parent and follows the stream's slot.
    pub fn open_remote_view(
        &self,
        call: JsValue,
        stream: u32,
        scaling: JsValue,
        mirrored: bool,
    ) -> Result<HtmlElement, JsValue> {
        let call = CallId(plain(&call));
        let no_stream = || errors::reason(Reason::NO_SUCH_CALL);
        let agent = self.page.agent_of(&call).ok_or_else(no_stream)?;
        let sid = agent
            .machine
            .borrow()
            .track_of(&call, stream)
            .map(str::to_owned);
        let (sid, view) = (sid.ok_or_else(no_stream)?, new_view(&scaling, mirrored)?);
        agent
            .calls
            .session(&call, |session| session.show(&sid, &view));
        Ok(self.keep(view))
    }

    /// Renders a local track.
    pub fn open_local_view(
        &self,
        track: JsValue,
        scaling: JsValue,
        mirrored: bool,
    ) -> Result<HtmlElement, JsValue> {
        let track = track
            .dyn_into::<MediaStreamTrack>()
            .map_err(|_| errors::reason(NOT_A_TRACK))?;
        let view = new_view(&scaling, mirrored)?;
        view.show(Some(&track));
        Ok(self.keep(view))
    }

    fn keep(&self, view: Rc<View>) -> HtmlElement {
        let target = view.target().clone();
        self.views.borrow_mut().push(view);
        target
    }

    /// The view that this is the element of.
    fn view(&self, target: &JsValue) -> Option<Rc<View>> {
        let views = self.views.borrow();
        let view = views
            .iter()
            .find(|view| AsRef::<JsValue>::as_ref(view.target()) == target);
        view.cloned()
    }

    /// The view is rendered in this size, in device pixels; 0 when nobody can see it.
    pub fn set_rendered(&self, target: &JsValue, width: u32, height: u32) {
        if let Some(view) = self.view(target) {
            view.set_rendered(width, height);
        }
    }

    /// `Crop`, `Fit` or `Stretch`; anything else changes nothing.
    pub fn update_scaling(&self, target: &JsValue, scaling: &JsValue) {
        if let (Some(view), Some(scaling)) =
            (self.view(target), Scaling::from_name(&plain(scaling)))
        {
            view.set_scaling(scaling);
        }
    }

    /// Ends rendering; the element leaves the page.
    pub fn close_view(&self, target: &JsValue) {
        if let Some(view) = self.view(target) {
            self.views
                .borrow_mut()
                .retain(|other| !Rc::ptr_eq(other, &view));
            view.close();
        }
    }

    /// Asks with one prompt where needed; false means denied.
    pub fn ask_permission(&self, audio: bool, video: bool) -> Promise {
        let page = self.page.weak();
        promise(async move {
            let given = devices::ask_permission(audio, video).await?;
            if let Some(page) = page.upgrade() {
                page.watch_devices(true);
            }
            Ok(changes::permission(&given))
        })
    }

    /// Tells the outbox what happened; `pkg-template/src/core.ts` says which words there are.
    pub fn outbox(&self, ticket: u32, what: JsValue, about: JsValue, wait: JsValue) -> JsValue {
        let input = match plain(&what).as_str() {
            "ask" => chat::Input::Ask {
                ticket,
                thread: about.as_string(),
            },
            "answered" => chat::Input::Answered(
                ticket,
                chat::Answer::Status {
                    status: about.as_f64().unwrap_or_default() as u16,
                    retry_after: wait.as_f64(),
                },
            ),
            "lost" => chat::Input::Answered(ticket, chat::Answer::Lost),
            "dropped" => chat::Input::Dropped(ticket),
            "online" => chat::Input::Network(true),
            "offline" => chat::Input::Network(false),
            _ => chat::Input::Tick,
        };
        let mut outbox = self.page.outbox.borrow_mut();
        let actions = outbox.on(input, now());
        changes::outbox(outbox.deadline(), &actions)
    }

    /// Counts of everything that must go back to zero after disposal.
    pub fn counters(&self) -> JsValue {
        let agents = self.page.agents();
        let calls: usize = agents
            .iter()
            .map(|agent| agent.machine.borrow().calls().count())
            .sum();
        let held = counters::snapshot();
        object!([
            ("agents", agents.len().into()),
            ("calls", calls.into()),
            ("sockets", held.sockets.into()),
            ("peerConnections", held.peer_connections.into()),
            ("tracks", held.tracks.into()),
            ("timers", held.timers.into()),
            ("listeners", held.listeners.into()),
            ("views", held.views.into()),
            ("elements", held.elements.into()),
        ])
    }

    /// Releases everything. A core that was disposed of refuses.
    pub fn dispose(&self) {
        self.views.take();
        self.page.dispose();
    }
}

/// What is asked with a word.
impl Core {
    /// Publishes the camera; the track stays the facade's.
    fn start_video(&self, call: JsValue, track: JsValue) -> Promise {
        let Ok(track) = track.dyn_into::<MediaStreamTrack>() else {
            return rejected(NOT_A_TRACK);
        };
        let call = CallId(plain(&call));
        if let Some(agent) = self.page.agent_of(&call) {
            agent.calls.hold_camera(&call, track);
        }
        self.command(call.0.into(), Command::Video(true))
    }

    /// Replaces the microphone of a call that is already running, or sends none.
    fn set_microphone(&self, call: JsValue, given: JsValue) -> Promise {
        let id = CallId(plain(&call));
        let given = match self.page.agent_of(&id) {
            Some(agent) => agent.calls.give_microphone(&id, given),
            None => MicrophoneUse::Closed,
        };
        self.command(call, Command::Microphone(given))
    }

    /// The others are not heard in this page, or heard again.
    fn set_quiet(&self, call: JsValue, quiet: bool) -> Promise {
        let call = CallId(plain(&call));
        if let Some(agent) = self.page.agent_of(&call) {
            agent.calls.set_quiet(&call, quiet);
        }
        Promise::resolve(&JsValue::UNDEFINED)
    }

    /// The camera is sent within `{lines, fps, bps}`, as far as they are given.
    fn limit_video(&self, call: JsValue, limit: &JsValue) -> Promise {
        let most = |name| field(limit, name).as_f64().unwrap_or(f64::INFINITY);
        let limit = Limit {
            lines: most("lines"),
            fps: most("fps"),
            bps: most("bps"),
        };
        let call = CallId(plain(&call));
        if let Some(agent) = self.page.agent_of(&call) {
            agent.calls.set_limit(&call, limit);
        }
        Promise::resolve(&JsValue::UNDEFINED)
    }

    /// Devices; never prompts.
    fn devices(&self) -> Promise {
        self.page.watch_devices(false);
        promise(async { Ok(changes::devices(&devices::list().await?)) })
    }

    /// `getUserMedia` for one camera or microphone.
    fn open(&self, microphone: Option<Cleaning>, device: &JsValue) -> Promise {
        let opening = devices::open(microphone, &plain(device));
        promise(async move { Ok(opening.await?.into()) })
    }

    /// Chooses the microphone for calls, present and future; empty for the system's default.
    fn select_microphone(&self, device: JsValue) -> Promise {
        self.page.microphone.replace(plain(&device));
        for agent in self.page.agents() {
            agent.calls.reopen_microphones(&self.page, agent.handle);
        }
        Promise::resolve(&JsValue::UNDEFINED)
    }

    /// `setSinkId` for remote sound; rejects where the browser has none.
    fn select_speaker(&self, device: JsValue) -> Promise {
        if !devices::can_select_speaker() {
            return rejected(NO_SPEAKERS);
        }
        let device = plain(&device);
        self.page.speaker.replace(device.clone());
        let sessions: Vec<_> = self
            .page
            .agents()
            .iter()
            .flat_map(|agent| agent.calls.sessions())
            .collect();
        promise(async move {
            for session in sessions {
                session.set_speaker(&device).await?;
            }
            Ok(JsValue::UNDEFINED)
        })
    }

    fn command(&self, call: JsValue, command: Command) -> Promise {
        let call = CallId(plain(&call));
        let (ticket, promise) = self.page.promises.open();
        match (self.page.agent_of(&call), &command) {
            (Some(agent), _) => self.page.give(
                agent.handle,
                Input::Command {
                    call,
                    ticket,
                    command,
                },
            ),
            // To hang up a call that is over is no mistake.
            (None, Command::HangUp { .. }) => {
                self.page
                    .promises
                    .settle(ticket, 0, Ok(crate::meeting::Outcome::Done))
            }
            (None, _) => self
                .page
                .promises
                .settle(ticket, 0, Err(Reason::NO_SUCH_CALL.into())),
        }
        promise
    }
}

/// A text; anything else is the empty one, which names nothing.
fn plain(value: &JsValue) -> String {
    value.as_string().unwrap_or_default()
}

const NOT_A_TRACK: Reason = Reason {
    code: 400,
    sub_code: Reason::MALFORMED.sub_code,
    message: "This is not a MediaStreamTrack.",
};

pub(super) fn rejected(why: Reason) -> Promise {
    Promise::reject(&errors::reason(why))
}

fn read_locator(value: &JsValue) -> Result<Locator, JsValue> {
    let text = |name| field(value, name).as_string();
    let locator = match (text("meetingLink"), text("meetingId")) {
        (Some(link), _) => Locator::MeetingLink(link),
        (None, Some(meeting_id)) => Locator::MeetingId {
            meeting_id,
            passcode: text("passcode"),
        },
        (None, None) => return Err(errors::reason(Reason::NOT_A_MEETING)),
    };
    check_locator(&locator).map_err(|refused| errors::error(&refused))?;
    Ok(locator)
}

const NO_SPEAKERS: Reason = Reason {
    code: 501,
    sub_code: reasons::DEVICE_FAILED.sub_code,
    message: "This browser cannot choose a speaker; the system's default is used.",
};

fn promise(work: impl Future<Output = Result<JsValue, Refused>> + 'static) -> Promise {
    boxed(Box::pin(work))
}

/// Compiled once, not for every promise.
fn boxed(work: Pin<Box<dyn Future<Output = Result<JsValue, Refused>>>>) -> Promise {
    task::promise(async move { work.await.map_err(|refused| errors::error(&refused)) })
}

fn new_view(scaling: &JsValue, mirrored: bool) -> Result<Rc<View>, JsValue> {
    let scaling = Scaling::from_name(&plain(scaling)).unwrap_or(Scaling::Crop);
    View::new(scaling, mirrored).map_err(|error| errors::error(&error.into()))
}
