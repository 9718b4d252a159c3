//! Everything that runs in a page: its agents, and the loop that feeds their machines and carries
//! their actions out.
//!
//! A machine is never fed while one of its actions is being carried out: what a listener of the
//! application asks in the meantime waits in the queue. So changes come in the order in which things
//! happened, and no borrow is held while JavaScript runs.

use super::calls::Calls;
use super::errors;
use super::promises::Promises;
use crate::api::changes::Change;
use crate::chat::Outbox;
use crate::media::devices::{self, DevicesChanged, Watch};
use crate::meeting::{reasons, Action, Agent, At, Input, Kind, Outcome, StreamIds, Ticket};
use crate::page::guard::{Listener, Timeout};
use crate::page::task::spawn;
use crate::transport::credentials::get_token;
use crate::transport::socket::{Socket, SocketEvent};
use crate::values::{changes, field};
use js_sys::{Date, Function, Math};
use plenary_protocol::id::CallId;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen::JsValue;
use web_sys::{Event, EventTarget, VisibilityState};

/// Browsers take a longer time for zero (it is kept in 31 bits).
const LONGEST_TIMER: f64 = 86_400_000.0;

/// The time of an input.
pub fn now() -> At {
    At {
        now: Date::now(),
        random: Math::random(),
    }
}

/// One `Core`.
pub struct Page {
    me: Weak<Page>,
    on_change: Function,
    pub promises: Promises,
    agents: RefCell<Vec<Rc<Running>>>,
    last_agent: Cell<u32>,
    streams: StreamIds,
    queue: RefCell<Vec<(u32, Input)>>,
    busy: Cell<bool>,
    /// Chosen microphone; empty: the system's default.
    pub microphone: RefCell<String>,
    /// Chosen speaker; empty: the system's default.
    pub speaker: RefCell<String>,
    /// Of the devices; from the first time that somebody asks for them.
    watch: RefCell<Option<Watch>>,
    listeners: RefCell<Vec<Listener>>,
    /// Requests of chat clients.
    pub outbox: RefCell<Outbox>,
}

/// An agent that runs.
pub struct Running {
    pub handle: u32,
    pub machine: RefCell<Agent>,
    get_token: Function,
    /// Of the socket.
    address: RefCell<Option<String>>,
    socket: RefCell<Option<Socket>>,
    timer: RefCell<Option<(f64, Timeout)>>,
    pub calls: Calls,
}

/// What an agent is made with.
pub struct AgentOptions {
    pub kind: Kind,
    pub display_name: Option<String>,
    /// Of the agent socket; without it, the tokens name it.
    pub address: Option<String>,
    pub get_token: Function,
}

impl Page {
    /// Starts listening to the page.
    pub fn new(on_change: Function) -> Rc<Self> {
        let page = Rc::new_cyclic(|me| Self {
            me: me.clone(),
            on_change,
            promises: Promises::default(),
            agents: RefCell::default(),
            last_agent: Cell::new(0),
            streams: StreamIds::default(),
            queue: RefCell::default(),
            busy: Cell::new(false),
            microphone: RefCell::default(),
            speaker: RefCell::default(),
            watch: RefCell::default(),
            listeners: RefCell::default(),
            outbox: RefCell::default(),
        });
        page.listen();
        page
    }

    /// A handle that does not keep the page alive.
    pub fn weak(&self) -> Weak<Page> {
        self.me.clone()
    }

    fn listen(&self) {
        let Some(window) = web_sys::window() else {
            return;
        };
        let on = |target: &EventTarget, kind, input: fn(&Event) -> Option<Input>| {
            let page = self.weak();
            Listener::new(target, kind, move |event| {
                let Some(page) = page.upgrade() else {
                    return;
                };
                for agent in page.agents() {
                    if let Some(input) = input(&event) {
                        page.give(agent.handle, input);
                    }
                }
            })
        };
        let mut listeners = vec![
            on(&window, "online", |_| Some(Input::Network(true))),
            on(&window, "offline", |_| Some(Input::Network(false))),
            // Back from the back-forward cache: the sockets did not survive there.
            on(&window, "pageshow", |_| Some(Input::Visible)),
            // The page goes for good: nobody should have to wait until the service notices.
            on(&window, "pagehide", |event| {
                (!field(event, "persisted").is_truthy()).then_some(Input::Dispose(0))
            }),
        ];
        if let Some(document) = window.document() {
            listeners.push(on(&document, "visibilitychange", |_| {
                let visible =
                    web_sys::window()?.document()?.visibility_state() == VisibilityState::Visible;
                visible.then_some(Input::Visible)
            }));
        }
        self.listeners.replace(listeners);
    }

    /// Makes an agent and starts it; the ticket's promise waits for the welcome.
    pub fn start_agent(&self, options: AgentOptions, ticket: Ticket) {
        let handle = self.last_agent.get() + 1;
        self.last_agent.set(handle);
        let AgentOptions {
            kind,
            display_name,
            address,
            get_token,
        } = options;
        let machine = Agent::new(
            handle,
            kind,
            display_name,
            address.is_some(),
            self.streams.clone(),
        );
        self.agents.borrow_mut().push(Rc::new(Running {
            handle,
            machine: RefCell::new(machine),
            get_token,
            address: RefCell::new(address),
            socket: RefCell::default(),
            timer: RefCell::default(),
            calls: Calls::default(),
        }));
        self.give(handle, Input::Start(ticket));
    }

    /// An agent by its handle.
    pub fn agent(&self, handle: u32) -> Option<Rc<Running>> {
        self.agents
            .borrow()
            .iter()
            .find(|agent| agent.handle == handle)
            .cloned()
    }

    /// The agent that has a call.
    pub fn agent_of(&self, call: &CallId) -> Option<Rc<Running>> {
        self.agents
            .borrow()
            .iter()
            .find(|agent| {
                agent.calls.has(call) || agent.machine.borrow().calls().any(|id| id == call)
            })
            .cloned()
    }

    /// All agents.
    pub fn agents(&self) -> Vec<Rc<Running>> {
        self.agents.borrow().clone()
    }

    /// Feeds one agent, now or after what is being carried out.
    pub fn give(&self, handle: u32, input: Input) {
        self.queue.borrow_mut().push((handle, input));
        if self.busy.replace(true) {
            return;
        }
        loop {
            if self.queue.borrow().is_empty() {
                break;
            }
            let (handle, input) = self.queue.borrow_mut().remove(0);
            let Some(agent) = self.agent(handle) else {
                self.too_late(handle, input);
                continue;
            };
            let actions = agent.machine.borrow_mut().on(input, now());
            for action in actions {
                self.carry_out(&agent, action);
            }
        }
        self.busy.set(false);
        for agent in self.agents() {
            self.arm(&agent);
        }
    }

    /// The agent is gone: whoever waits is told.
    fn too_late(&self, handle: u32, input: Input) {
        let (ticket, result) = match input {
            Input::Dispose(ticket) => (ticket, Ok(Outcome::Done)),
            Input::Command { ticket, .. } | Input::Start(ticket) => {
                (ticket, Err(reasons::DISPOSED.into()))
            }
            _ => return,
        };
        self.promises.settle(ticket, handle, result);
    }

    /// Sets the agent's one timer. One that fires early does no harm and is kept.
    fn arm(&self, agent: &Rc<Running>) {
        let Some(deadline) = agent.machine.borrow().deadline() else {
            agent.timer.take();
            return;
        };
        if agent
            .timer
            .borrow()
            .as_ref()
            .is_some_and(|(armed, _)| *armed <= deadline)
        {
            return;
        }
        let (page, handle) = (self.weak(), agent.handle);
        let timer = Timeout::new(
            (deadline - Date::now()).clamp(0.0, LONGEST_TIMER) as u32,
            move || {
                let Some(page) = page.upgrade() else { return };
                // A timer that is dropped while it fires stays alive until its closure has returned.
                let fired = page.agent(handle).and_then(|agent| agent.timer.take());
                page.give(handle, Input::Tick);
                drop(fired);
            },
        );
        agent.timer.replace(Some((deadline, timer)));
    }

    fn carry_out(&self, agent: &Rc<Running>, action: Action) {
        match action {
            Action::GetToken => self.ask_token(agent),
            Action::OpenSocket => self.open_socket(agent),
            Action::CloseSocket(code) => {
                if let Some(socket) = agent.socket.take() {
                    socket.close(code);
                }
            }
            Action::Send(frame) => {
                if let Some(socket) = &*agent.socket.borrow() {
                    socket.send(&frame);
                }
            }
            Action::StartMedia {
                call,
                session,
                muted,
                beside,
            } => {
                let start = (call, session, muted, beside);
                agent.calls.start(self, agent.handle, start);
            }
            Action::PrepareMedia => agent.calls.prepare_next(self, agent.handle),
            Action::TakeOver(call) => agent.calls.take_over(&call),
            Action::MoveMedia { from, to } => agent.calls.give_to(&from, &to),
            Action::StopMedia(call) => agent.calls.stop(&call),
            Action::ConnectMedia { call, grant } => {
                agent
                    .calls
                    .session(&call, |session| session.connect(&grant));
            }
            Action::MediaToken {
                call,
                token,
                expires_at,
            } => {
                agent
                    .calls
                    .session(&call, |session| session.set_token(&token, expires_at));
            }
            Action::OpenGate(call) => {
                agent.calls.session(&call, |session| session.open_gate());
            }
            Action::Muted { call, muted } => agent.calls.set_muted(&call, muted),
            Action::Hold { call, on } => agent.calls.set_on_hold(&call, on),
            Action::Video { call, on } => agent.calls.set_video(&call, on),
            Action::Screen { call, on } => agent.calls.set_screen(&call, on),
            Action::OpenMicrophone(call) => agent.calls.open_microphone(self, agent.handle, &call),
            Action::Emit(change) => self.tell(&change),
            Action::Settle(ticket, Ok(Outcome::Agent(identity))) => {
                let has_calls = agent.machine.borrow().has_calls();
                let taken = |other: &Rc<Running>| {
                    other.handle != agent.handle
                        && has_calls
                        && other.machine.borrow().has_calls()
                        && other
                            .machine
                            .borrow()
                            .identity()
                            .is_some_and(|known| known.id == identity.id)
                };
                if self.agents().iter().any(taken) {
                    let member = identity.id.as_str().starts_with("8:orgid:");
                    let why = if member {
                        reasons::TEAMS_AGENT_EXISTS
                    } else {
                        reasons::AGENT_EXISTS
                    };
                    self.promises.settle(ticket, agent.handle, Err(why.into()));
                    self.queue
                        .borrow_mut()
                        .push((agent.handle, Input::Dispose(0)));
                } else {
                    if has_calls {
                        agent.calls.prepare(self, agent.handle);
                    }
                    self.promises
                        .settle(ticket, agent.handle, Ok(Outcome::Agent(identity)));
                }
            }
            Action::Settle(ticket, result) => self.promises.settle(ticket, agent.handle, result),
            Action::Disposed => {
                agent.timer.take();
                agent.calls.clear();
                self.agents
                    .borrow_mut()
                    .retain(|other| other.handle != agent.handle);
            }
        }
    }

    fn tell(&self, change: &Change) {
        // An application's mistake must not stop the meeting.
        if let Err(thrown) = self
            .on_change
            .call1(&JsValue::UNDEFINED, &changes::change(change))
        {
            errors::report(&thrown);
        }
    }

    /// Tells of devices that come and go, from now on. `look`: some may have got their names.
    pub fn watch_devices(&self, look: bool) {
        if let Some(watch) = &*self.watch.borrow() {
            if look {
                watch.look();
            }
            return;
        }
        let page = self.weak();
        let watch = devices::watch(move |DevicesChanged { video, audio }| {
            if let Some(page) = page.upgrade() {
                page.tell(&Change::Devices { video, audio });
            }
        });
        // Without a secure context there are no devices to watch; asking for them says so.
        self.watch.replace(watch.ok());
    }

    fn ask_token(&self, agent: &Running) {
        let (page, handle, question) = (self.weak(), agent.handle, agent.get_token.clone());
        spawn(async move {
            let given = get_token(&question).await;
            let Some(page) = page.upgrade() else { return };
            let Some(agent) = page.agent(handle) else {
                return;
            };
            let token = given.and_then(|(token, named)| {
                let mut address = agent.address.borrow_mut();
                if address.is_none() {
                    *address = named;
                }
                match *address {
                    Some(_) => Ok(token),
                    None => Err(reasons::NO_ENDPOINT.into()),
                }
            });
            page.give(handle, Input::Token(token));
        });
    }

    fn open_socket(&self, agent: &Running) {
        let (page, handle) = (self.weak(), agent.handle);
        let report = move |event| {
            let input = match event {
                SocketEvent::Opened => Input::Opened,
                SocketEvent::Received(received) => Input::Received(received),
                SocketEvent::Closed => Input::Closed,
            };
            if let Some(page) = page.upgrade() {
                page.give(handle, input);
            }
        };
        let socket = agent
            .address
            .borrow()
            .as_deref()
            .and_then(|address| Socket::open(address, report));
        if socket.is_none() {
            self.queue.borrow_mut().push((handle, Input::Closed));
        }
        agent.socket.replace(socket);
    }

    /// Lets go of everything.
    pub fn dispose(&self) {
        for agent in self.agents() {
            self.give(agent.handle, Input::Dispose(0));
        }
        self.listeners.take();
        self.watch.take();
    }
}
