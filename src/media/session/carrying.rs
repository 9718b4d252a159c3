//! What the browser tells goes into the machine, and what the machine wants is carried out.

use plenary_protocol::agent::IceServer;

use super::{first, ice_server, MediaSession};
use crate::media::bindings::CandidateEvent;
use crate::media::guard::{Listener, Timeout};
use crate::media::interface::MediaEvent;
use crate::media::signalling::{Attempt, Input, Output};
use crate::media::socket::{self, Heard, Socket};
use crate::media::wire::Entry;
use crate::page::task::spawn;

impl MediaSession {
    pub(super) fn listen(&self) {
        let Ok(peer) = self.peer() else { return };
        let mut listeners = Vec::new();
        let weak = self.me.clone();
        listeners.push(Listener::told(
            peer.target(),
            "connectionstatechange",
            move || {
                let Some(session) = weak.upgrade() else {
                    return;
                };
                let Ok(peer) = session.peer() else { return };
                session.input(Input::Transport(peer.transport()));
            },
        ));
        let weak = self.me.clone();
        listeners.push(Listener::new(
            peer.target(),
            "icecandidate",
            move |event: CandidateEvent| {
                let Some(session) = weak.upgrade() else {
                    return;
                };
                if let Ok(json) = js_sys::JSON::stringify(&event.candidate()) {
                    session.input(Input::Candidate(json.into()));
                }
            },
        ));
        if let Some(window) = web_sys::window() {
            let mut on = |name, input: fn() -> Input| {
                let weak = self.me.clone();
                listeners.push(Listener::told(&window, name, move || {
                    if let Some(session) = weak.upgrade() {
                        session.input(input());
                    }
                }));
            };
            on("online", || Input::Online);
            on("offline", || Input::Offline);
        }
        self.listeners.replace(listeners);
    }

    pub(super) fn input(&self, input: Input) {
        if self.closed.get() {
            return;
        }
        self.inputs.borrow_mut().push(input);
        if self.carrying_out.replace(true) {
            return;
        }
        while let Some(input) = first(&self.inputs) {
            let outputs = self
                .machine
                .borrow_mut()
                .on(input, js_sys::Date::now() as i64);
            outputs
                .into_iter()
                .for_each(|output| self.carry_out(output));
        }
        self.carrying_out.set(false);
        self.tell_events();
    }

    pub(super) fn carry_out(&self, output: Output) {
        match output {
            Output::Open(attempt) => self.open(*attempt),
            Output::Close => drop(self.socket.take()),
            Output::Send(message) => {
                if let Some(socket) = &*self.socket.borrow() {
                    socket.send(*message);
                }
            }
            Output::Set(timer, ms) => {
                let weak = self.me.clone();
                let timeout = Timeout::new(ms, move || {
                    if let Some(session) = weak.upgrade() {
                        session.timers.borrow_mut().remove(&timer);
                        session.input(Input::Due(timer));
                    }
                });
                self.timers.borrow_mut().insert(timer, timeout);
            }
            Output::Clear(timer) => drop(self.timers.borrow_mut().remove(&timer)),
            Output::Offer(wanted) => {
                let weak = self.me.clone();
                let Ok(peer) = self.peer() else { return };
                let begun = peer.begin_offer(wanted);
                spawn(async move {
                    let offered = peer.offer(begun).await;
                    let Some(session) = weak.upgrade() else {
                        return;
                    };
                    for (source, mid) in peer.sending_mids() {
                        session.machine.borrow_mut().publications.place(source, mid);
                    }
                    session.input(offered.map_or(Input::NegotiationFailed, Input::Offered));
                });
            }
            Output::Answer(answer) => self.apply_answer(answer.sdp, Some(answer.mid_to_track_id)),
            Output::Layers(source, demand) => {
                if let Ok(peer) = self.peer() {
                    peer.demand(source, demand);
                }
            }
            Output::Candidate(json) => {
                if let Ok(peer) = self.peer() {
                    spawn(async move { peer.candidate(&json).await });
                }
            }
            Output::IceServers(servers) => {
                let servers: Vec<IceServer> = servers.into_iter().map(ice_server).collect();
                if let Ok(peer) = self.peer() {
                    peer.set_ice_servers(&servers);
                }
            }
            Output::Validate(attempt) => {
                let (weak, number) = (self.me.clone(), self.attempt.get());
                spawn(async move {
                    let status = socket::validate(&attempt).await;
                    if let Some(session) = weak
                        .upgrade()
                        .filter(|session| session.attempt.get() == number)
                    {
                        session.input(Input::Validated(status));
                    }
                });
            }
            Output::Report(event) => {
                if let MediaEvent::TrackPublished {
                    track,
                    muted: false,
                    ..
                } = &event
                {
                    self.frames.unmuted(track);
                }
                self.events.borrow_mut().push(event);
            }
        }
    }

    pub(super) fn open(&self, attempt: Attempt) {
        drop(self.socket.take());
        let number = self.attempt.get().wrapping_add(1);
        self.attempt.set(number);
        let weak = self.me.clone();
        spawn(async move {
            let url = socket::url(&attempt).await;
            let Some(session) = weak
                .upgrade()
                .filter(|session| session.attempt.get() == number)
            else {
                return;
            };
            if session.closed.get() {
                return;
            }
            let opened = Socket::open(&url, move |heard| {
                if let Some(session) = weak.upgrade() {
                    session.heard(heard);
                }
            });
            match opened {
                Ok(socket) => drop(session.socket.replace(Some(socket))),
                Err(_) => session.input(Input::SocketClosed),
            }
        });
    }

    pub(super) fn heard(&self, heard: Heard) {
        match heard {
            Heard::Signal(message) => self.input(Input::Received(message)),
            Heard::Slots(message) => {
                self.input(Input::Heard);
                let changes = self.assignment.borrow_mut().apply_slots(message);
                self.assigned(changes);
            }
            Heard::Unknown => self.input(Input::Heard),
            Heard::Closed => {
                drop(self.socket.take());
                self.input(Input::SocketClosed);
            }
        }
    }

    pub(super) fn apply_answer(&self, sdp: String, map: Option<Vec<Entry>>) {
        let (weak, peer) = (self.me.clone(), self.peer());
        spawn(async move {
            let Ok(peer) = peer else { return };
            let applied = peer.answer(&sdp).await;
            let Some(session) = weak.upgrade() else {
                return;
            };
            if applied.is_err() {
                return session.input(Input::NegotiationFailed);
            }
            session.input(Input::Applied);
            if let Some(map) = map.filter(|map| !map.is_empty()) {
                let machine = session.machine.borrow();
                let own = |mid: &str| machine.publications.sends(mid);
                let map = map.into_iter().map(|entry| (entry.key, entry.value));
                let changes = session.assignment.borrow_mut().apply_answer(map, own);
                drop(machine);
                session.assigned(changes);
            }
        });
    }
}
