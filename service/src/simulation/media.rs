//! A call's media: the SDK's own signalling machine, with str0m in the place of the browser's peer
//! connection. Carries out what `plenary::media::signalling` decides, as `media/session.rs` does in a
//! page. Each packet of sound and each frame says whose it is; a page shows all cameras there are.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use plenary::media::assignment::{Assignment, AssignmentChange};
use plenary::media::interface::MediaEvent;
use plenary::media::join_request;
use plenary::media::signalling::{Attempt, Grant, Input, Output, Signalling, Timer, Transport};
use plenary::media::simulcast::Demand;
use plenary::media::wire::{self as lk, Message as _};
use plenary_protocol::agent::{MediaGrant, MediaOffer, TrackSource};
use plenary_protocol::media::SlotMessage;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, IceConnectionState, Output as RtcOutput, Rtc};
use tokio_tungstenite::tungstenite::Message;

use super::around::{address, Around};
use super::network::{Arrival, Who};
use super::wire::{Heard, Line};
use crate::engine::simulated::pictures::{self, frame, Camera, LAYERS};

/// As in a page (`src/api/calls.rs`).
const AUDIO_SLOTS: usize = 12;
const VIDEO_SLOTS: usize = 9;
/// A packet of sound: the longest that Opus has, to keep worlds small.
pub const PACE: Duration = Duration::from_millis(60);
/// A frame of each layer of a picture.
pub const FRAME: Duration = Duration::from_millis(200);
/// In ticks of its clock.
const FRAME_TICKS: u64 = 18_000;
/// How large views are: two sizes, of which each wants another layer.
const VIEWS: [(u32, u32); 2] = [(160, 90), (640, 360)];

/// How often str0m is told the time. Not when it wants to be: among its times are DTLS's, which no seed
/// reaches, and whenever it is asked anything ICE sends what it would have sent a little later.
const TICK: Duration = Duration::from_millis(10);

/// One session of a call's media.
pub struct Media {
    who: Who,
    pub session: u32,
    machine: Signalling,
    assignment: Assignment,
    /// Whose track the engine says is in a section.
    pub slots: BTreeMap<String, String>,
    rtc: Rtc,
    local: SocketAddr,
    microphone: Mid,
    camera: Mid,
    encoder: Camera,
    demand: Demand,
    /// The cameras of others that are announced, by sid.
    others: BTreeSet<String>,
    tick: Instant,
    pending: Option<SdpPendingOffer>,
    offer: Option<String>,
    gate: bool,
    muted: bool,
    /// Its camera is on.
    filmed: bool,
    timers: BTreeMap<Timer, Instant>,
    line: Option<Line>,
    asked: Option<u64>,
    inputs: VecDeque<Input>,
    pub events: VecDeque<MediaEvent>,
    sent: u64,
    speaks_next: Instant,
    frames: u64,
    films_next: Instant,
}

/// What a packet is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Sound,
    Picture,
}

/// A packet that arrived.
#[derive(Debug)]
pub struct Received {
    pub kind: Kind,
    /// Whose, by [`voice`].
    pub of: u64,
    /// When it left its sender.
    pub made: Instant,
    /// In which section it came.
    pub mid: String,
}

/// What an endpoint's packets say.
pub fn voice(endpoint: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    endpoint.hash(&mut hasher);
    hasher.finish()
}

impl Media {
    /// A session with its sections, and its offer.
    pub fn new(
        who: Who,
        session: u32,
        muted: bool,
        filmed: bool,
        around: &mut Around,
    ) -> (Self, MediaOffer) {
        let (now, local) = (around.now(), address(who, 0));
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(now);
        rtc.add_local_candidate(Candidate::host(local, "udp").expect("a valid address"));
        let mut change = rtc.sdp_api();
        let (sends, receives) = (Direction::SendOnly, Direction::RecvOnly);
        let microphone = change.add_media(MediaKind::Audio, sends, None, None, None);
        let layers = pictures::Media::Pictures.simulcast();
        let camera = change.add_media(MediaKind::Video, sends, None, None, layers);
        let audio = std::iter::repeat_n(MediaKind::Audio, AUDIO_SLOTS);
        for kind in audio.chain(std::iter::repeat_n(MediaKind::Video, VIDEO_SLOTS)) {
            change.add_media(kind, receives, None, None, None);
        }
        let (offer, pending) = change.apply().expect("something to offer");
        let sdp = offer.to_sdp_string();
        let seed = (around.chance() * f64::from(u32::MAX)) as u32;
        let mut machine = Signalling::new(seed);
        let publications = &mut machine.publications;
        for (mid, source, name) in [
            (microphone, TrackSource::Microphone, "microphone"),
            (camera, TrackSource::Camera, "camera"),
        ] {
            let cid = format!("{name}-{session}");
            publications.announce(mid.to_string(), cid, source);
        }
        let media_offer = MediaOffer {
            sdp: sdp.clone(),
            mid_to_cid: publications.mid_to_cid(),
            tracks: publications.offered(),
        };
        let media = Self {
            who,
            session,
            machine,
            assignment: Assignment::default(),
            slots: BTreeMap::new(),
            rtc,
            local,
            microphone,
            camera,
            encoder: Camera::default(),
            demand: Demand::default(),
            others: BTreeSet::new(),
            tick: now,
            pending: Some(pending),
            offer: Some(sdp),
            gate: false,
            muted,
            filmed,
            timers: BTreeMap::new(),
            line: None,
            asked: None,
            inputs: VecDeque::new(),
            events: VecDeque::new(),
            sent: 0,
            speaks_next: now,
            frames: 0,
            films_next: now,
        };
        (media, media_offer)
    }

    /// Connects to where the grant says, or takes what is new in it.
    pub fn connect(&mut self, grant: &MediaGrant, around: &mut Around) {
        let offer = self.offer.take();
        let unanswered = if grant.answer.is_some() { None } else { offer };
        if let Some(answer) = &grant.answer {
            self.answered(answer, Vec::new());
        }
        self.inputs.push_back(Input::Granted(Grant {
            url: grant.url.clone(),
            token: grant.token.clone(),
            participant_sid: grant.participant_sid.clone(),
            slots: grant.slots,
            offer: unanswered,
        }));
        self.carry_on(around);
    }

    pub fn set_token(&mut self, token: &str, around: &mut Around) {
        self.inputs.push_back(Input::Token(token.to_owned()));
        self.carry_on(around);
    }

    pub fn open_gate(&mut self, around: &mut Around) {
        self.gate = true;
        self.feed(around);
    }

    pub fn set_muted(&mut self, muted: bool, around: &mut Around) {
        self.muted = muted;
        self.feed(around);
    }

    pub fn set_filmed(&mut self, filmed: bool, around: &mut Around) {
        self.filmed = filmed;
        self.feed(around);
    }

    /// Whether sound, or pictures, are sent now.
    pub fn sends(&self, kind: Kind) -> bool {
        self.gate
            && match kind {
                Kind::Sound => !self.muted,
                Kind::Picture => self.filmed,
            }
    }

    fn feed(&mut self, around: &mut Around) {
        for (source, kind) in [
            (TrackSource::Microphone, Kind::Sound),
            (TrackSource::Camera, Kind::Picture),
        ] {
            self.inputs
                .push_back(Input::Muted(source, !self.sends(kind)));
        }
        self.carry_on(around);
    }

    pub fn give(&mut self, input: Input, around: &mut Around) {
        self.inputs.push_back(input);
        self.carry_on(around);
    }

    /// The page goes: it says so if it can.
    pub fn close(mut self, around: &mut Around) {
        let reason = lk::DisconnectReason::ClientInitiated;
        let leave = lk::LeaveRequest {
            reason,
            ..Default::default()
        };
        self.send(lk::signal_request::Message::Leave(leave), around);
    }

    /// For who looks into a failure.
    pub fn describe(&self) -> String {
        let Self {
            session,
            machine,
            slots,
            gate,
            muted,
            filmed,
            line,
            sent,
            frames,
            ..
        } = self;
        let (up, line) = (self.rtc.is_connected(), line.is_some());
        format!("session {session}, transport up: {up}, socket: {line}, gate {gate}, muted {muted}, filmed {filmed}, {sent} packets and {frames} frames sent, {slots:?}, {machine:?}")
    }

    // --- the LiveKit socket ---

    pub fn line(&self) -> Option<&Line> {
        self.line.as_ref()
    }

    /// Cuts the socket, as a network does.
    pub fn cut(&mut self, around: &mut Around) {
        if self.line.take().is_some() {
            self.give(Input::SocketClosed, around);
        }
    }

    /// Whether this line or question is this session's.
    pub fn owns(&self, line: u64) -> bool {
        self.asked == Some(line) || self.line.as_ref().is_some_and(|own| own.number == line)
    }

    pub fn heard(&mut self, heard: Heard, around: &mut Around) {
        match heard {
            Heard::Opened => {}
            Heard::Closed => {
                self.line = None;
                self.give(Input::SocketClosed, around);
            }
            Heard::Status(status) => {
                self.asked = None;
                self.give(Input::Validated(status), around);
            }
            Heard::Message(Message::Binary(bytes)) => {
                let response = lk::SignalResponse::decode(&bytes);
                match response.and_then(|response| response.message) {
                    Some(message) => self.give(Input::Received(Box::new(message)), around),
                    None => self.give(Input::Heard, around),
                }
            }
            Heard::Message(Message::Text(text)) => {
                if let Ok(message) = serde_json::from_str::<SlotMessage>(&text) {
                    let SlotMessage::Slots { slots } = &message;
                    let named = slots.iter().map(|s| (s.mid.clone(), s.identity.clone()));
                    self.slots = named.collect();
                    let changes = self.assignment.apply_slots(message);
                    self.assigned(changes);
                }
                self.give(Input::Heard, around);
            }
            Heard::Message(_) => {}
        }
    }

    fn assigned(&mut self, changes: Vec<AssignmentChange>) {
        for change in changes {
            let (track, arrives) = match change {
                AssignmentChange::Gone { track, .. } => (track, false),
                AssignmentChange::Arrives { track, .. } => (track, true),
            };
            let event = MediaEvent::TrackAssigned { track, arrives };
            self.events.push_back(event);
        }
    }

    fn send(&mut self, message: lk::signal_request::Message, around: &mut Around) {
        let request = lk::SignalRequest {
            message: Some(message),
        };
        if let Some(line) = &self.line {
            let bytes = request.encode_to_vec();
            around.say(self.who, line.number, Message::Binary(bytes.into()));
        }
    }

    // --- the machine ---

    fn carry_on(&mut self, around: &mut Around) {
        while let Some(input) = self.inputs.pop_front() {
            let outputs = self.machine.on(input, around.now_ms() as i64);
            for output in outputs {
                self.carry_out(output, around);
            }
        }
    }

    fn carry_out(&mut self, output: Output, around: &mut Around) {
        match output {
            Output::Open(attempt) => self.open(&attempt, around),
            Output::Close => self.line = None,
            Output::Send(message) => self.send(*message, around),
            Output::Set(timer, ms) => {
                let at = around.now() + Duration::from_millis(ms.into());
                self.timers.insert(timer, at);
            }
            Output::Clear(timer) => {
                self.timers.remove(&timer);
            }
            Output::Offer(_) => self.offer_again(),
            Output::Answer(answer) => {
                let map = answer.mid_to_track_id.into_iter();
                self.answered(&answer.sdp, map.map(|e| (e.key, e.value)).collect());
            }
            Output::Validate(attempt) => {
                let url = join_request::validate_url(&attempt);
                self.asked = Some(around.ask(self.who, &url));
            }
            Output::Report(event) => self.reported(event),
            Output::Layers(TrackSource::Camera, demand) => {
                self.demand = demand;
                let unwanted = (0..LAYERS.len()).filter(|at| !demand.wants(*at, LAYERS.len()));
                unwanted.for_each(|at| self.encoder.stop(at));
            }
            // There is no screen; the engine does not trickle, nor are there servers.
            Output::Layers(..) | Output::Candidate(_) | Output::IceServers(_) => {}
        }
    }

    /// A view for each camera that there is.
    fn reported(&mut self, event: MediaEvent) {
        let changed = match &event {
            MediaEvent::TrackPublished {
                track,
                source: TrackSource::Camera,
                ..
            } => self.others.insert(track.clone()),
            MediaEvent::TrackUnpublished { track, .. } => self.others.remove(track),
            _ => false,
        };
        self.events.push_back(event);
        if changed {
            let view = |sid: &String| {
                let size = VIEWS[usize::from(sid.ends_with(|c: char| c.is_ascii_lowercase()))];
                (sid.clone(), Some(size))
            };
            let views = self.others.iter().map(view).collect();
            self.inputs.push_back(Input::Shown(views));
        }
    }

    fn open(&mut self, attempt: &Attempt, around: &mut Around) {
        let request = join_request::encode(attempt);
        let url = join_request::socket_url(attempt, request, false);
        self.line = None;
        self.line = Some(around.dial(self.who, &url, None));
    }

    /// A browser can always offer; str0m needs a reason, and an ICE restart is one. All that is ever
    /// asked for here is such a restart, or the repetition of an offer that was lost.
    fn offer_again(&mut self) {
        let mut change = self.rtc.sdp_api();
        change.ice_restart(true);
        let input = match change.apply() {
            Some((offer, pending)) => {
                self.pending = Some(pending);
                Input::Offered(offer.to_sdp_string())
            }
            None => Input::NegotiationFailed,
        };
        self.inputs.push_back(input);
    }

    fn answered(&mut self, sdp: &str, map: Vec<(String, String)>) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        let accepted = SdpAnswer::from_sdp_string(sdp)
            .map_err(|error| error.to_string())
            .and_then(|answer| {
                let accepted = self.rtc.sdp_api().accept_answer(pending, answer);
                accepted.map_err(|error| error.to_string())
            });
        match accepted {
            Ok(()) if !map.is_empty() => {
                let publications = &self.machine.publications;
                let own = |mid: &str| publications.sends(mid);
                let changes = self.assignment.apply_answer(map, own);
                self.assigned(changes);
            }
            Ok(()) => {}
            Err(_) => self.inputs.push_back(Input::NegotiationFailed),
        }
    }

    // --- time and datagrams ---

    pub fn next(&self) -> Option<Instant> {
        let timers = self.timers.values().copied();
        let speaks = self.sends(Kind::Sound).then_some(self.speaks_next);
        let films = self.sends(Kind::Picture).then_some(self.films_next);
        timers.chain(speaks).chain(films).chain([self.tick]).min()
    }

    pub fn wake(&mut self, endpoint: Option<&str>, around: &mut Around) {
        let now = around.now();
        if self.tick <= now {
            self.tick = now + TICK;
            // What fails shows in its state.
            let _ = self.rtc.handle_input(str0m::Input::Timeout(now));
        }
        let due = |(timer, at): (&Timer, &Instant)| (*at <= now).then_some(*timer);
        while let Some(timer) = self.timers.iter().find_map(due) {
            self.timers.remove(&timer);
            self.give(Input::Due(timer), around);
        }
        let (speaks, films) = (self.speaks_next <= now, self.films_next <= now);
        if speaks {
            self.speaks_next = now + PACE;
        }
        if films {
            self.films_next = now + FRAME;
        }
        let Some(endpoint) = endpoint.filter(|_| self.rtc.is_connected()) else {
            return;
        };
        let at = now.duration_since(around.begun).as_millis() as u64;
        let words = [voice(endpoint), at].map(u64::to_be_bytes).concat();
        if speaks && self.sends(Kind::Sound) {
            self.speak(&words, now);
        }
        if films && self.sends(Kind::Picture) {
            self.film(&words, now);
        }
    }

    fn speak(&mut self, words: &[u8], now: Instant) {
        self.sent += 1;
        let Some(pt) = self.payload_type(Codec::Opus) else {
            return;
        };
        let level = ExtensionValues {
            audio_level: Some(-20),
            voice_activity: Some(true),
            ..Default::default()
        };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(self.microphone, None) else {
            return;
        };
        let time = (self.sent * 2880) as u32;
        let write = RtpWrite::new(pt, self.sent.into(), time, now, words.to_vec()).ext_vals(level);
        stream.write_rtp(write);
    }

    /// A frame of each layer that somebody wants.
    fn film(&mut self, words: &[u8], now: Instant) {
        self.frames += 1;
        let Some(pt) = self.payload_type(Codec::Vp8) else {
            return;
        };
        let time = (self.frames * FRAME_TICKS) as u32;
        for (at, (rid, size)) in LAYERS.into_iter().enumerate() {
            let mut api = self.rtc.direct_api();
            let stream = api.stream_tx_by_mid(self.camera, Some(rid.into()));
            let Some(stream) = stream.filter(|_| self.demand.wants(at, LAYERS.len())) else {
                continue;
            };
            let payload = frame(self.frames, self.encoder.begins(at), size, words);
            let write = RtpWrite::new(pt, self.frames.into(), time, now, payload).marker(true);
            stream.write_rtp(write);
        }
    }

    fn payload_type(&self, codec: Codec) -> Option<Pt> {
        let mut all = self.rtc.codec_config().params().iter();
        all.find(|p| p.spec().codec == codec).map(|p| p.pt())
    }

    pub fn receive(&mut self, bytes: &[u8], around: &Around) {
        let Ok(contents) = bytes.try_into() else {
            return;
        };
        let receive = Receive {
            proto: Protocol::Udp,
            source: around.engine,
            destination: self.local,
            contents,
        };
        let input = str0m::Input::Receive(around.now(), receive);
        // Of an older transport, or nonsense.
        let _ = self.rtc.handle_input(input);
    }

    /// Sends what is to be sent from `public`, the address that the network gives this client now.
    pub fn drain(&mut self, public: SocketAddr, around: &mut Around) -> Vec<Received> {
        let mut received = Vec::new();
        loop {
            match self.rtc.poll_output() {
                // An error is the end of this transport: the next restart makes another.
                Ok(RtcOutput::Timeout(_)) | Err(_) => return received,
                Ok(RtcOutput::Transmit(transmit)) => {
                    let now = around.now();
                    let sent = Arrival::ToEngine {
                        from: public,
                        bytes: transmit.contents.to_vec(),
                    };
                    around.network.datagram(self.who, true, sent, now);
                }
                Ok(RtcOutput::Event(event)) => {
                    if let Some(input) = self.happened(event, around.begun, &mut received) {
                        self.give(input, around);
                    }
                }
            }
        }
    }

    fn happened(
        &mut self,
        event: Event,
        begun: Instant,
        received: &mut Vec<Received>,
    ) -> Option<Input> {
        match event {
            Event::Connected => Some(Input::Transport(Transport::Up)),
            Event::IceConnectionStateChange(state) => match state {
                IceConnectionState::Disconnected => Some(Input::Transport(Transport::Doubtful)),
                IceConnectionState::Connected | IceConnectionState::Completed
                    if self.rtc.is_connected() =>
                {
                    Some(Input::Transport(Transport::Up))
                }
                _ => None,
            },
            Event::RtpPacket(packet) => {
                received.extend(self.received(&packet, begun));
                None
            }
            Event::KeyframeRequest(request) => {
                self.encoder.asked(request.rid);
                None
            }
            _ => None,
        }
    }

    fn received(&mut self, packet: &RtpPacket, begun: Instant) -> Option<Received> {
        let (rest, at) = packet.payload.split_last_chunk()?;
        let (rest, of) = rest.split_last_chunk()?;
        let made = begun + Duration::from_millis(u64::from_be_bytes(*at));
        let mut api = self.rtc.direct_api();
        let mid = api.stream_rx(&packet.header.ssrc)?.mid().to_string();
        Some(Received {
            kind: match rest.is_empty() {
                true => Kind::Sound,
                false => Kind::Picture,
            },
            of: u64::from_be_bytes(*of),
            made,
            mid,
        })
    }
}
