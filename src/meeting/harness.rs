//! A client under test: plays browser, credential, media and service to one [`Agent`].

use super::*;
use crate::api::changes::Change;
use crate::media::interface::MediaEvent;
use plenary_protocol::agent::*;
use plenary_protocol::end::Reason;
use plenary_protocol::id::CallId;

pub const GUEST: &str = "8:acs:resource_guest";
pub const MEMBER: &str = "8:orgid:member";
pub const CALL: &str = "call-1";

pub struct Sim {
    pub agent: Agent,
    pub now: f64,
    pub random: f64,
    /// Everything that was to be done, oldest first.
    pub actions: Vec<Action>,
    read: usize,
    seq: u64,
    pub identity: &'static str,
    /// The service does not answer pings.
    pub silent: bool,
    last_ticket: Ticket,
}

impl Sim {
    pub fn new(identity: &'static str) -> Self {
        let kind = if identity == MEMBER {
            Kind::Member
        } else {
            Kind::Guest
        };
        let agent = Agent::new(1, kind, Some("Gundula".into()), true, StreamIds::default());
        Self {
            agent,
            now: 1e12,
            random: 0.5,
            actions: vec![],
            read: 0,
            seq: 0,
            identity,
            silent: false,
            last_ticket: 0,
        }
    }

    /// A guest's agent that is welcome.
    pub fn guest() -> Self {
        let mut sim = Self::new(GUEST);
        sim.start();
        sim
    }

    /// A member's agent that is welcome.
    pub fn member() -> Self {
        let mut sim = Self::new(MEMBER);
        sim.start();
        sim
    }

    pub fn give(&mut self, input: Input) {
        let at = At {
            now: self.now,
            random: self.random,
        };
        let actions = self.agent.on(input, at);
        self.actions.extend(actions);
    }

    pub fn ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        self.last_ticket
    }

    pub fn start(&mut self) -> Ticket {
        let ticket = self.ticket();
        self.give(Input::Start(ticket));
        self.token("token-1", 3_600_000.0);
        self.give(Input::Opened);
        self.welcome("session-1", false);
        ticket
    }

    pub fn token(&mut self, token: &str, lives: f64) {
        let expires_at = self.now + lives;
        self.give(Input::Token(Ok(UserToken {
            token: token.into(),
            expires_at,
        })));
    }

    /// Answers the last hello.
    pub fn welcome(&mut self, session: &str, resumed: bool) {
        let id = self
            .last_id(|r| matches!(r, Request::Hello(_)))
            .expect("a hello");
        if !resumed {
            self.seq = 0;
        }
        let welcome = Welcome {
            session: session.into(),
            identity: self.identity.into(),
            display_name: Some("Gundula".into()),
            resumed,
            resume_window_ms: 60_000,
        };
        self.reply(id, Reply::Welcome(welcome));
    }

    pub fn reply(&mut self, id: u32, reply: Reply) {
        self.give(Input::Received(Received::Frame(Box::new(Frame::Reply {
            id,
            reply,
        }))));
    }

    pub fn refuse(&mut self, id: u32, reason: Reason) {
        self.give(Input::Received(Received::Frame(Box::new(Frame::Failure {
            id,
            error: reason.error(),
        }))));
    }

    /// The next event in sequence.
    pub fn event(&mut self, event: Event) {
        self.seq += 1;
        self.event_numbered(self.seq, event);
    }

    pub fn event_numbered(&mut self, seq: u64, event: Event) {
        self.give(Input::Received(Received::Frame(Box::new(Frame::Event {
            seq,
            event,
        }))));
    }

    pub fn media(&mut self, session: u32, event: MediaEvent) {
        self.give(Input::Media {
            call: CALL.into(),
            session,
            event,
        });
    }

    /// Starts joining muted, with the offer at once.
    pub fn join(&mut self) {
        self.join_as(true);
        self.offer(1);
    }

    pub fn join_as(&mut self, muted: bool) {
        self.give(Input::Join(NewCall {
            call: CALL.into(),
            locator: Locator::MeetingLink("https://meet.example/j/1".into()),
            muted,
            camera: false,
            microphone: MicrophoneUse::Closed,
        }));
    }

    pub fn offer(&mut self, session: u32) {
        self.give(Input::Offer {
            call: CALL.into(),
            session,
            offer: Ok(offer()),
        });
    }

    pub fn command(&mut self, command: Command) -> Ticket {
        let ticket = self.ticket();
        self.give(Input::Command {
            call: CALL.into(),
            ticket,
            command,
        });
        ticket
    }

    /// Answers the last join.
    pub fn joined(&mut self, state: CallState) {
        let id = self
            .last_id(|r| matches!(r, Request::Join(_)))
            .expect("a join");
        let snapshot = self.snapshot(state);
        self.reply(id, Reply::Call(Box::new(snapshot)));
    }

    /// In the meeting, with media up.
    pub fn in_meeting(mut self) -> Self {
        self.join();
        self.joined(CallState::Connected);
        self.media(1, MediaEvent::Connected);
        self
    }

    pub fn snapshot(&self, state: CallState) -> CallSnapshot {
        let inside = state == CallState::Connected;
        CallSnapshot {
            call: CALL.into(),
            server_call_id: "server-1".into(),
            endpoint: "own-endpoint".into(),
            state,
            role: Role::Presenter,
            thread_id: inside.then(|| "19:meeting_x@thread.v2".into()),
            roster: if inside {
                vec![
                    person(self.identity, &["own-endpoint"]),
                    person(ADA, &["ada-1"]),
                ]
            } else {
                vec![]
            },
            lobby: (inside && self.identity == MEMBER).then(Vec::new),
            room: None,
            breakout: None,
            media: Some(grant(self.now + 600_000.0)),
        }
    }

    /// Moves the time, with every tick that is due.
    pub fn pass(&mut self, ms: f64) {
        let until = self.now + ms;
        let mut ticks = 0;
        while let Some(deadline) = self.agent.deadline().filter(|deadline| *deadline <= until) {
            self.now = self.now.max(deadline);
            self.give(Input::Tick);
            // A living service answers pings.
            if let Some(id) = self.unanswered_ping() {
                self.reply(id, Reply::Done);
            }
            ticks += 1;
            assert!(ticks < 10_000, "the machine never sleeps");
        }
        self.now = until;
        self.give(Input::Tick);
    }

    fn unanswered_ping(&self) -> Option<u32> {
        match self.sent().last() {
            Some(ClientFrame {
                id,
                request: Request::Ping,
            }) if !self.silent => Some(*id),
            _ => None,
        }
    }

    /// What is to be done since the last look.
    pub fn news(&mut self) -> Vec<Action> {
        let news = self.actions.get(self.read..).unwrap_or_default().to_vec();
        self.read = self.actions.len();
        news
    }

    pub fn last_id(&self, which: impl Fn(&Request) -> bool) -> Option<u32> {
        self.sent()
            .filter(|frame| which(&frame.request))
            .last()
            .map(|frame| frame.id)
    }

    pub fn last_join(&self) -> Option<&Join> {
        let joins = self.sent().filter_map(|frame| match &frame.request {
            Request::Join(join) => Some(&**join),
            _ => None,
        });
        joins.last()
    }

    pub fn sent(&self) -> impl Iterator<Item = &ClientFrame> {
        self.actions.iter().filter_map(|action| {
            if let Action::Send(frame) = action {
                Some(frame)
            } else {
                None
            }
        })
    }

    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.actions.iter().filter_map(|action| {
            if let Action::Emit(change) = action {
                Some(change)
            } else {
                None
            }
        })
    }

    /// States of the call, in order.
    pub fn states(&self) -> Vec<&'static str> {
        self.changes()
            .filter_map(|change| {
                if let Change::Call(call) = change {
                    call.state
                } else {
                    None
                }
            })
            .collect()
    }

    /// Sub-code of the call's end.
    pub fn ended(&self) -> Option<u32> {
        self.changes().find_map(|change| {
            if let Change::Call(call) = change {
                call.end.as_ref().map(|e| e.sub_code)
            } else {
                None
            }
        })
    }

    pub fn settled(&self, ticket: Ticket) -> Option<Result<Outcome, u32>> {
        self.actions.iter().find_map(|action| match action {
            Action::Settle(t, result) if *t == ticket => {
                Some(result.clone().map_err(|refused| refused.sub_code))
            }
            _ => None,
        })
    }

    pub fn count(&self, which: impl Fn(&Action) -> bool) -> usize {
        self.actions.iter().filter(|action| which(action)).count()
    }
}

pub const ADA: &str = "8:orgid:ada";

pub fn person(id: &str, endpoints: &[&str]) -> Participant {
    Participant {
        id: id.into(),
        display_name: Some(id.into()),
        role: Role::Presenter,
        endpoints: endpoints
            .iter()
            .map(|e| Endpoint {
                id: (*e).into(),
                muted: false,
                held: false,
            })
            .collect(),
    }
}

pub fn roster(joined: Vec<Participant>, left: &[&str]) -> Event {
    let left = left.iter().map(|id| (*id).into()).collect();
    Event::Roster {
        call: CALL.into(),
        joined,
        updated: vec![],
        left,
    }
}

pub fn published(endpoint: &str, track: &str, source: TrackSource) -> MediaEvent {
    MediaEvent::TrackPublished {
        endpoint: endpoint.into(),
        track: track.into(),
        source,
        muted: false,
    }
}

pub fn grant(expires_at: f64) -> MediaGrant {
    MediaGrant {
        url: "ws://localhost:1".into(),
        token: "media-token".into(),
        expires_at,
        participant_sid: Some("PA_1".into()),
        answer: Some("v=0".into()),
        slots: true,
        ice_servers: vec![],
    }
}

pub fn offer() -> MediaOffer {
    let track = |cid: &str, source| OfferedTrack {
        cid: cid.into(),
        source,
        muted: true,
        layers: vec![],
    };
    let tracks = vec![
        track("mic", TrackSource::Microphone),
        track("cam", TrackSource::Camera),
    ];
    MediaOffer {
        sdp: "v=0".into(),
        mid_to_cid: [("0".into(), "mic".into())].into(),
        tracks,
    }
}

pub fn call() -> CallId {
    CALL.into()
}
