//! A service of a test's own, and raw clients for it: HTTP without a library that hides the wire, and a
//! WebSocket that speaks the agent protocol by hand.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

pub mod chat;
pub mod notified;
pub mod openapi;
pub mod postgres;
pub mod program;
pub mod scene;
pub mod signed;

use futures::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request as HttpRequest, StatusCode};
use hyper_util::rt::TokioIo;
use plenary_protocol::agent::*;
use plenary_protocol::id::{CallId, RawId, SessionId};
use plenary_service::config::{Config, Limits};
use plenary_service::server::{self, Running};
use serde_json::{json, Value};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::WebSocketStream;

/// Nothing here takes so long unless it hangs.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// One of the words of `protocol::state::Act`, and whom it is about.
pub fn act(call: &str, act: &str, participant: Option<RawId>) -> Request {
    Request::Act {
        call: call.into(),
        act: act.into(),
        participant,
    }
}

pub struct Service {
    pub running: Option<Running>,
    pub data: tempfile::TempDir,
    pub address: SocketAddr,
}

pub fn config(data: &Path) -> Config {
    Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        udp: SocketAddr::from(([127, 0, 0, 1], 0)),
        data: data.to_owned(),
        ..Config::default()
    }
}

impl Service {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = config(data.path());
        change(&mut config);
        let running = server::start(config).await.unwrap();
        Self {
            address: running.address,
            running: Some(running),
            data,
        }
    }

    /// On what an earlier one left in a folder of the test's.
    pub async fn over(data: &Path) -> Self {
        let running = server::start(config(data)).await.unwrap();
        Self {
            address: running.address,
            running: Some(running),
            data: tempfile::tempdir().unwrap(),
        }
    }

    pub async fn limited(change: impl FnOnce(&mut Limits)) -> Self {
        Self::with(|config| change(&mut config.limits)).await
    }

    pub async fn stop(mut self) {
        self.running.take().unwrap().stop().await;
    }

    pub async fn http(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let answer = http(self.address, method, target, headers, body).await;
        openapi::holds(method, target, body, &answer);
        answer
    }

    pub async fn post(&self, target: &str, token: Option<&str>, body: Value) -> Answer {
        self.json("POST", target, token, body).await
    }

    pub async fn json(
        &self,
        method: &str,
        target: &str,
        token: Option<&str>,
        body: Value,
    ) -> Answer {
        let authorization = token
            .map(|token| format!("Bearer {token}"))
            .unwrap_or_default();
        let mut headers = vec![("content-type", "application/json")];
        if token.is_some() {
            headers.push(("authorization", &authorization));
        }
        self.http(method, target, &headers, &body.to_string()).await
    }

    pub async fn sign_in(&self, name: &str) -> SignedIn {
        let members = self.http("GET", "/dev/members", &[], "").await.ok();
        let member = members["value"]
            .as_array()
            .unwrap()
            .iter()
            .find(|member| member["displayName"].as_str().unwrap().starts_with(name))
            .unwrap()
            .clone();
        let signed = self
            .post("/dev/signIn", None, json!({"member": member["id"]}))
            .await
            .ok();
        SignedIn {
            id: RawId(signed["member"]["rawId"].as_str().unwrap().to_owned()),
            access: signed["accessToken"].as_str().unwrap().to_owned(),
            token: signed["communicationToken"]["token"]
                .as_str()
                .unwrap()
                .to_owned(),
            oid: signed["member"]["id"].as_str().unwrap().to_owned(),
            app: signed["appId"].as_str().unwrap().to_owned(),
        }
    }

    pub async fn guest(&self) -> SignedIn {
        let guest = self
            .post("/dev/guests", None, json!({"displayName": "any"}))
            .await
            .ok();
        SignedIn::guest(text(&guest["userId"]), text(&guest["token"]))
    }

    pub async fn schedule(&self, organizer: &SignedIn, body: Value) -> Value {
        let answer = self
            .post("/v1.0/me/onlineMeetings", Some(&organizer.access), body)
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.json()
    }

    /// A connected agent.
    pub async fn agent(&self, who: &SignedIn, name: &str) -> Agent {
        Agent::connect(self.address, &who.token, name).await
    }
}

pub struct SignedIn {
    pub id: RawId,
    pub access: String,
    pub token: String,
    pub oid: String,
    pub app: String,
}

impl SignedIn {
    /// Who has a token for meetings and chat, and nothing of the organisation's.
    pub fn guest(id: &str, token: &str) -> Self {
        Self {
            id: id.into(),
            token: token.to_owned(),
            access: String::new(),
            oid: String::new(),
            app: String::new(),
        }
    }
}

/// A text that has to be there.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: hyper::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    pub fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.body);
        self.json()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }
}

pub async fn http(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut request = HttpRequest::builder().method(method).uri(target);
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        request = request.header("host", address.to_string());
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap();
    let response = tokio::time::timeout(DEADLINE, sender.send_request(request))
        .await
        .unwrap()
        .unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// A raw agent client.
pub struct Agent {
    pub address: SocketAddr,
    pub token: String,
    pub name: String,
    socket: WebSocketStream<TcpStream>,
    next_id: u32,
    /// Events that came while a reply was awaited.
    pub events: VecDeque<Event>,
    pub welcome: Welcome,
    pub last_seq: u64,
    /// Every text frame that ever came, for tests of what must never be sent.
    pub heard: Vec<String>,
}

pub async fn socket(address: SocketAddr, protocol: Option<&str>) -> WebSocketStream<TcpStream> {
    let mut request = format!("ws://{address}/agent")
        .into_client_request()
        .unwrap();
    if let Some(protocol) = protocol {
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol.parse().unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap()
        .0
}

pub fn hello_from(kind: ClientKind, token: &str, name: &str, resume: Option<Resume>) -> Request {
    Request::Hello(Hello {
        version: VERSION,
        token: token.to_owned(),
        display_name: Some(name.to_owned()),
        client: ClientInfo {
            kind,
            name: "test".into(),
            version: "0".into(),
        },
        resume,
    })
}

pub fn link(meeting: &Value) -> Locator {
    Locator::MeetingLink(meeting["joinWebUrl"].as_str().unwrap().to_owned())
}

pub fn join(call: &str, locator: Locator) -> Request {
    Request::Join(Box::new(Join {
        call: CallId::from(call),
        locator,
        muted: true,
        offer: None,
    }))
}

impl Agent {
    pub async fn connect(address: SocketAddr, token: &str, name: &str) -> Self {
        Self::greet(address, token, name, None)
            .await
            .unwrap_or_else(|error| panic!("{error:?}"))
    }

    pub async fn greet(
        address: SocketAddr,
        token: &str,
        name: &str,
        resume: Option<Resume>,
    ) -> Result<Self, ProtocolError> {
        Self::greet_on(ClientKind::Web, address, token, name, resume).await
    }

    /// From another kind of client.
    pub async fn greet_on(
        kind: ClientKind,
        address: SocketAddr,
        token: &str,
        name: &str,
        resume: Option<Resume>,
    ) -> Result<Self, ProtocolError> {
        let socket = socket(address, Some(SUBPROTOCOL)).await;
        let welcome = Welcome {
            session: SessionId::from(""),
            identity: RawId::from(""),
            display_name: None,
            resumed: false,
            resume_window_ms: 0,
        };
        let mut agent = Self {
            address,
            token: token.to_owned(),
            name: name.to_owned(),
            socket,
            next_id: 1,
            events: VecDeque::new(),
            welcome,
            last_seq: 0,
            heard: Vec::new(),
        };
        if let Some(resume) = &resume {
            agent.last_seq = resume.last_seq;
        }
        match agent.ask(hello_from(kind, token, name, resume)).await? {
            Reply::Welcome(welcome) => {
                if !welcome.resumed {
                    agent.last_seq = 0;
                }
                agent.welcome = welcome;
                Ok(agent)
            }
            other => panic!("{other:?}"),
        }
    }

    /// Cuts the connection without a word, and comes back for the same session.
    pub async fn drop_and_resume(self) -> Self {
        let resume = Resume {
            session: self.welcome.session.clone(),
            last_seq: self.last_seq,
        };
        let Self {
            address,
            token,
            name,
            socket,
            events,
            heard,
            ..
        } = self;
        drop(socket);
        let mut agent = Self::greet(address, &token, &name, Some(resume))
            .await
            .unwrap();
        let mut all = events;
        all.append(&mut agent.events);
        agent.events = all;
        agent.heard = heard.into_iter().chain(agent.heard).collect();
        agent
    }

    /// Ends the socket with this code.
    pub async fn close(mut self, code: u16) {
        let frame = CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        self.socket.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    pub fn resume(&self) -> Resume {
        Resume {
            session: self.welcome.session.clone(),
            last_seq: self.last_seq,
        }
    }

    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub async fn send(&mut self, request: Request) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        let text = serde_json::to_string(&ClientFrame { id, request }).unwrap();
        self.send_text(&text).await;
        id
    }

    /// The next frame; `None`: the socket closed, with its code.
    pub async fn frame(&mut self) -> Result<Frame, Option<u16>> {
        loop {
            let message = tokio::time::timeout(DEADLINE, self.socket.next())
                .await
                .expect("nothing came");
            match message {
                Some(Ok(Message::Text(text))) => {
                    self.heard.push(text.to_string());
                    let frame: Frame = serde_json::from_str(&text)
                        .unwrap_or_else(|error| panic!("{error}: {text}"));
                    if let Frame::Event { seq, event } = &frame {
                        // Chat's are times.
                        let next = match event {
                            Event::Chat(_) => *seq > self.last_seq,
                            _ => *seq == self.last_seq + 1,
                        };
                        assert!(next, "nothing is lost and nothing comes twice: {frame:?}");
                        self.last_seq = *seq;
                    }
                    return Ok(frame);
                }
                Some(Ok(Message::Close(close))) => return Err(close.map(|close| close.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    pub async fn ask(&mut self, request: Request) -> Result<Reply, ProtocolError> {
        let asked = self.send(request).await;
        self.answer_to(asked).await
    }

    pub async fn answer_to(&mut self, asked: u32) -> Result<Reply, ProtocolError> {
        loop {
            match self
                .frame()
                .await
                .unwrap_or_else(|code| panic!("closed with {code:?}"))
            {
                Frame::Reply { id, reply } if id == asked => return Ok(reply),
                Frame::Failure { id, error } if id == asked => return Err(error),
                Frame::Event { event, .. } => self.events.push_back(event),
                other => panic!("{other:?}"),
            }
        }
    }

    pub async fn join(
        &mut self,
        call: &str,
        meeting: &Value,
    ) -> Result<CallSnapshot, ProtocolError> {
        match self.ask(join(call, link(meeting))).await? {
            Reply::Call(snapshot) => Ok(*snapshot),
            other => panic!("{other:?}"),
        }
    }

    /// The next event.
    pub async fn event(&mut self) -> Event {
        if let Some(event) = self.events.pop_front() {
            return event;
        }
        match self
            .frame()
            .await
            .unwrap_or_else(|code| panic!("closed with {code:?}"))
        {
            Frame::Event { event, .. } => event,
            other => panic!("{other:?}"),
        }
    }

    /// Waits for an event and skips others.
    pub async fn until<T>(&mut self, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        loop {
            let event = self.event().await;
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    pub async fn ended(&mut self) -> EndReason {
        self.until(|event| match event {
            Event::Ended { reason, .. } => Some(reason.clone()),
            _ => None,
        })
        .await
    }

    pub async fn admitted(&mut self) -> CallSnapshot {
        self.until(|event| match event {
            Event::Admitted(snapshot) => Some((**snapshot).clone()),
            _ => None,
        })
        .await
    }

    /// Waits until the service closes the socket; gives the code.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            match self.frame().await {
                Ok(Frame::Event { event, .. }) => self.events.push_back(event),
                Ok(_) => {}
                Err(code) => return code,
            }
        }
    }
}
