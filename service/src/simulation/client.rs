//! One client: the SDK's agent machine with everything that a page carries out for it, and what its
//! application has been told so far.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use plenary::api::changes::{CallChange, Change};
use plenary::meeting::{
    Action, Agent, At, Command, Input, Kind, MicrophoneUse, NewCall, Received, StreamIds, UserToken,
};
use plenary_protocol::agent::{ClientFrame, Frame, Locator, SUBPROTOCOL};
use plenary_protocol::id::{CallId, RawId};
use tokio_tungstenite::tungstenite::Message;

use super::around::{address, Around};
use super::media::{Media, Received as Packet};
use super::network::Who;
use super::service::ORIGIN;
use super::wire::{Heard, Line};

/// A token of the client's identity, and when it runs out.
pub type Credential = Box<dyn Fn() -> UserToken>;

/// What the application sees of a call.
#[derive(Debug, Default, Clone)]
pub struct Call {
    pub state: &'static str,
    pub end: Option<u32>,
    pub endpoint: Option<String>,
    pub muted: bool,
    pub filmed: bool,
    pub may_admit: bool,
    /// Endpoints of the others by their raw ids.
    pub roster: BTreeMap<String, BTreeSet<String>>,
    pub lobby: BTreeSet<String>,
    pub meeting: usize,
    /// The breakout room that it is in.
    pub room: Option<String>,
}

impl Call {
    pub fn is_over(&self) -> bool {
        self.state == "Disconnected"
    }
}

pub struct Client {
    pub who: Who,
    pub id: RawId,
    pub member: bool,
    credential: Credential,
    agent: Option<Agent>,
    line: Option<Line>,
    greeted: bool,
    inputs: VecDeque<Input>,
    pub calls: BTreeMap<CallId, Call>,
    pub media: BTreeMap<CallId, Media>,
    /// The address that the network gives it now.
    pub public: SocketAddr,
    addresses: u16,
    tickets: u32,
    joins: u32,
    /// The page that it has open: a crash ends one.
    page: u32,
}

impl Client {
    pub fn new(who: Who, id: RawId, member: bool, credential: Credential) -> Self {
        Self {
            who,
            id,
            member,
            credential,
            agent: None,
            line: None,
            greeted: false,
            inputs: VecDeque::new(),
            calls: BTreeMap::new(),
            media: BTreeMap::new(),
            public: address(who, 0),
            addresses: 0,
            tickets: 0,
            joins: 0,
            page: 0,
        }
    }

    pub fn is_there(&self) -> bool {
        self.agent.is_some()
    }

    /// The call that is neither over nor on hold, if there is one.
    pub fn call(&self) -> Option<(&CallId, &Call)> {
        let mut calls = self.calls.iter();
        calls.find(|(_, call)| !call.is_over() && call.state != "LocalHold")
    }

    // --- what its user does ---

    /// Opens the page.
    pub fn appear(&mut self, around: &mut Around) {
        let kind = if self.member {
            Kind::Member
        } else {
            Kind::Guest
        };
        let name = format!("Person {}", self.who);
        self.page += 1;
        self.agent = Some(Agent::new(1, kind, Some(name), true, StreamIds::default()));
        let ticket = self.ticket();
        self.give(Input::Start(ticket), around);
    }

    /// The page is gone, without a word to anybody.
    pub fn crash(&mut self) {
        self.agent = None;
        self.line = None;
        self.inputs.clear();
        self.calls.clear();
        self.media.clear();
    }

    pub fn join(
        &mut self,
        meeting: usize,
        link: &str,
        [muted, filmed]: [bool; 2],
        around: &mut Around,
    ) {
        self.joins += 1;
        let call = CallId(format!("call-{}-{}-{}", self.who, self.page, self.joins));
        let started = Call {
            state: "None",
            muted,
            filmed,
            meeting,
            ..Call::default()
        };
        self.calls.insert(call.clone(), started);
        let new = NewCall {
            call: call.clone(),
            locator: Locator::MeetingLink(link.to_owned()),
            muted,
            camera: filmed,
            microphone: MicrophoneUse::Open,
        };
        self.give(Input::Join(new), around);
        if self.calls.get(&call).is_some_and(|c| c.state == "None") {
            // The agent was not ready: a page would have said so.
            self.calls.remove(&call);
        }
    }

    pub fn command(&mut self, command: Command, around: &mut Around) {
        let Some(call) = self.call().map(|(id, _)| id.clone()) else {
            return;
        };
        let ticket = self.ticket();
        let input = Input::Command {
            call,
            ticket,
            command,
        };
        self.give(input, around);
    }

    fn ticket(&mut self) -> u32 {
        self.tickets += 1;
        self.tickets
    }

    // --- what befalls it ---

    /// Its agent socket breaks.
    pub fn cut_agent(&mut self, around: &mut Around) {
        if self.line.take().is_some() {
            self.give(Input::Closed, around);
        }
    }

    /// Its LiveKit sockets break.
    pub fn cut_media(&mut self, around: &mut Around) {
        let calls: Vec<CallId> = self.media.keys().cloned().collect();
        for call in calls {
            if let Some(media) = self.media.get_mut(&call) {
                media.cut(around);
            }
            self.tell(&call, around);
        }
    }

    /// It reads slowly, or again.
    pub fn sleep(&self, asleep: bool) {
        let media = self.media.values().filter_map(Media::line);
        for line in media.chain(self.line.as_ref()) {
            line.sleep(asleep);
        }
    }

    /// Another network, or another port of a NAT.
    pub fn change_address(&mut self) {
        self.addresses += 1;
        self.public = address(self.who, self.addresses);
    }

    // --- what it hears ---

    pub fn heard(&mut self, line: u64, heard: Heard, around: &mut Around) {
        if self.line.as_ref().is_some_and(|own| own.number == line) {
            return match heard {
                Heard::Opened => self.give(Input::Opened, around),
                Heard::Closed => {
                    self.line = None;
                    self.give(Input::Closed, around);
                }
                Heard::Message(Message::Text(text)) => {
                    let received = match serde_json::from_str::<Frame>(&text) {
                        Ok(frame) => Received::Frame(Box::new(frame)),
                        Err(_) => Received::Unreadable,
                    };
                    self.give(Input::Received(received), around);
                }
                Heard::Message(_) | Heard::Status(_) => {}
            };
        }
        let call = self.media.iter().find(|(_, media)| media.owns(line));
        let Some(call) = call.map(|(call, _)| call.clone()) else {
            return;
        };
        if let Some(media) = self.media.get_mut(&call) {
            media.heard(heard, around);
        }
        self.tell(&call, around);
    }

    /// A message of its own reaches the service.
    pub fn said(&self, line: u64, message: Message) {
        let media = self.media.values().filter_map(Media::line);
        let mut lines = media.chain(self.line.as_ref());
        if let Some(line) = lines.find(|own| own.number == line) {
            line.say(message);
        }
    }

    pub fn receive(&mut self, bytes: &[u8], around: &Around) {
        // One page has one call here; datagrams of an earlier transport are refused by the next.
        for media in self.media.values_mut() {
            media.receive(bytes, around);
        }
    }

    pub fn drain(&mut self, around: &mut Around) -> Vec<(CallId, Packet)> {
        let mut heard = Vec::new();
        let calls: Vec<CallId> = self.media.keys().cloned().collect();
        for call in calls {
            if let Some(media) = self.media.get_mut(&call) {
                let packets = media.drain(self.public, around);
                heard.extend(packets.into_iter().map(|packet| (call.clone(), packet)));
            }
            self.tell(&call, around);
        }
        heard
    }

    // --- time ---

    pub fn next(&self, around: &Around) -> Option<Instant> {
        let agent = self.agent.as_ref().and_then(Agent::deadline);
        let media = self.media.values().filter_map(Media::next);
        media.chain(agent.map(|ms| around.moment(ms))).min()
    }

    pub fn wake(&mut self, around: &mut Around) {
        let calls: Vec<CallId> = self.media.keys().cloned().collect();
        for call in calls {
            let endpoint = self.calls.get(&call).and_then(|c| c.endpoint.clone());
            if let Some(media) = self.media.get_mut(&call) {
                media.wake(endpoint.as_deref(), around);
            }
            self.tell(&call, around);
        }
        let due = self.agent.as_ref().and_then(Agent::deadline);
        if due.is_some_and(|due| due <= around.now_ms()) {
            self.give(Input::Tick, around);
        }
    }

    // --- the machine ---

    /// Hands the agent what a call's media reports.
    fn tell(&mut self, call: &CallId, around: &mut Around) {
        loop {
            let Some(media) = self.media.get_mut(call) else {
                return;
            };
            let session = media.session;
            let Some(event) = media.events.pop_front() else {
                return;
            };
            let call = call.clone();
            self.give(
                Input::Media {
                    call,
                    session,
                    event,
                },
                around,
            );
        }
    }

    fn give(&mut self, input: Input, around: &mut Around) {
        self.inputs.push_back(input);
        while let Some(input) = self.inputs.pop_front() {
            let at = At {
                now: around.now_ms(),
                random: around.chance(),
            };
            let Some(agent) = &mut self.agent else {
                return;
            };
            for action in agent.on(input, at) {
                self.carry_out(action, around);
            }
        }
    }

    fn carry_out(&mut self, action: Action, around: &mut Around) {
        match action {
            Action::GetToken => self.inputs.push_back(Input::Token(Ok((self.credential)()))),
            Action::OpenSocket => {
                let url = format!("{}/agent", ORIGIN.replacen("http", "ws", 1));
                self.line = None;
                self.line = Some(around.dial(self.who, &url, Some(SUBPROTOCOL)));
            }
            // Who is simulated is never done.
            Action::CloseSocket(_) => self.line = None,
            Action::Send(frame) => self.send(&frame, around),
            Action::StartMedia {
                call,
                session,
                muted,
                beside: _,
            } => {
                if let Some(before) = self.media.remove(&call) {
                    before.close(around);
                }
                let filmed = self.calls.get(&call).is_some_and(|c| c.filmed);
                let (media, offer) = Media::new(self.who, session, muted, filmed, around);
                self.media.insert(call.clone(), media);
                self.inputs.push_back(Input::Offer {
                    call,
                    session,
                    offer: Ok(offer),
                });
            }
            Action::MoveMedia { from, to } => {
                if let Some(media) = self.media.remove(&from) {
                    self.media.insert(to, media);
                }
            }
            Action::StopMedia(call) => {
                if let Some(media) = self.media.remove(&call) {
                    media.close(around);
                }
            }
            Action::ConnectMedia { call, grant } => {
                self.with(&call, around, |m, a| m.connect(&grant, a));
            }
            Action::MediaToken { call, token, .. } => {
                self.with(&call, around, |m, a| m.set_token(&token, a));
            }
            Action::OpenGate(call) => self.with(&call, around, Media::open_gate),
            Action::Muted { call, muted } => {
                self.with(&call, around, |m, a| m.set_muted(muted, a));
            }
            Action::OpenMicrophone(call) => self.inputs.push_back(Input::Microphone {
                call,
                opened: Ok(()),
            }),
            Action::Emit(change) => self.changed(change, around),
            Action::Disposed => {
                self.agent = None;
                self.line = None;
            }
            Action::Video { call, on } => {
                if let Some(call) = self.calls.get_mut(&call) {
                    call.filmed = on;
                }
                self.with(&call, around, |m, a| m.set_filmed(on, a));
            }
            // No screen, on an engine that moves; and a user who gives orders looks at what becomes of them.
            Action::Hold { .. }
            | Action::Screen { .. }
            | Action::PrepareMedia
            | Action::TakeOver(_)
            | Action::Settle(..) => {}
        }
    }

    fn with(
        &mut self,
        call: &CallId,
        around: &mut Around,
        then: impl FnOnce(&mut Media, &mut Around),
    ) {
        if let Some(media) = self.media.get_mut(call) {
            then(media, around);
            let session = media.session;
            while let Some(event) = media.events.pop_front() {
                let call = call.clone();
                self.inputs.push_back(Input::Media {
                    call,
                    session,
                    event,
                });
            }
        }
    }

    fn send(&mut self, frame: &ClientFrame, around: &mut Around) {
        if let Some(line) = &self.line {
            let text = serde_json::to_string(frame).expect("a frame has a JSON form");
            around.say(self.who, line.number, Message::Text(text.into()));
        }
    }

    fn changed(&mut self, change: Change, around: &mut Around) {
        match change {
            Change::Call(change) => self.call_changed(change, around),
            Change::Participants {
                call,
                added,
                updated,
                removed,
            } => {
                if let Some(call) = self.calls.get_mut(&CallId(call)) {
                    for person in added.into_iter().chain(updated) {
                        let endpoints = person.endpoints.into_iter().collect();
                        call.roster.insert(person.id, endpoints);
                    }
                    for gone in removed {
                        call.roster.remove(&gone);
                    }
                }
            }
            Change::Lobby {
                call,
                added,
                removed,
            } => {
                if let Some(call) = self.calls.get_mut(&CallId(call)) {
                    call.lobby.extend(added.into_iter().map(|p| p.id));
                    call.lobby.retain(|id| !removed.contains(id));
                }
            }
            Change::Agent { connected, .. } => self.greeted = connected,
            Change::Moved { call, to, room, .. } => {
                let (from, to) = (CallId(call), CallId(to));
                let before = self.calls.get(&from).cloned().unwrap_or_default();
                let moved = self.calls.entry(to).or_default();
                moved.meeting = before.meeting;
                moved.muted = before.muted;
                moved.filmed = before.filmed;
                moved.room = room;
            }
            _ => {}
        }
    }

    fn call_changed(&mut self, change: CallChange, around: &mut Around) {
        let Some(call) = self.calls.get_mut(&CallId(change.call.clone())) else {
            return;
        };
        if let Some(state) = change.state {
            call.state = state;
            around.note(format!("{} {} is {state}", self.who, change.call));
        }
        if let Some(end) = change.end {
            call.end = Some(end.sub_code);
            around.note(format!(
                "{} {} ended: {}",
                self.who, change.call, end.message
            ));
        }
        call.muted = change.muted.unwrap_or(call.muted);
        call.may_admit = change.may_admit.unwrap_or(call.may_admit);
        call.endpoint = change.participant_id.or(call.endpoint.take());
    }
}
