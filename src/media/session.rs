//! One participant's media: a peer connection, the LiveKit socket to its engine, sound and frames.
//!
//! Carries out what [`Signalling`] decides. Everything it holds ends with it: sockets, timers,
//! listeners, elements.

mod carrying;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use plenary_protocol::agent::{IceServer, MediaGrant, MediaOffer, TrackSource};
use wasm_bindgen::JsValue;
use web_sys::MediaStreamTrack;

use super::assignment::{Assignment, AssignmentChange};
use super::error::MediaError;
use super::frames::Frames;
use super::guard::{Listener, Timeout};
use super::interface::MediaEvent;
use super::peer::Peer;
use super::playback::Playback;
use super::sdp;
use super::signalling::{Grant, Input, Signalling, Timer};
use super::simulcast::Limit;
use super::small_map::SmallMap;
use super::socket::Socket;
use super::view::View;
use super::wire as lk;

/// How a session is made.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// Receive slots for sound: as many as may speak at once.
    pub audio_slots: u32,
    /// Receive slots for pictures: as many as the page can show.
    pub video_slots: u32,
    /// STUN and TURN servers, as far as known before the grant.
    pub ice_servers: Vec<IceServer>,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            audio_slots: 12,
            video_slots: 9,
            ice_servers: Vec::new(),
        }
    }
}

/// A local track that somebody else opened and stops.
struct Local {
    track: MediaStreamTrack,
    _ended: Listener,
}

type Events = Box<dyn FnMut(MediaEvent)>;

/// The session; closing or dropping it ends everything that it began.
pub struct MediaSession {
    me: Weak<Self>,
    machine: RefCell<Signalling>,
    /// Inputs that came while another was being carried out.
    inputs: RefCell<Vec<Input>>,
    carrying_out: Cell<bool>,
    peer: RefCell<Option<Rc<Peer>>>,
    offer: RefCell<Option<String>>,
    assignment: RefCell<Assignment>,
    playback: Rc<Playback>,
    frames: Rc<Frames>,
    views: RefCell<Vec<(String, Weak<View>)>>,
    socket: RefCell<Option<Socket>>,
    /// Counts attempts, so that what an older one learns late is not taken for news.
    attempt: Cell<u32>,
    timers: RefCell<SmallMap<Timer, Timeout>>,
    listeners: RefCell<Vec<Listener>>,
    locals: RefCell<SmallMap<TrackSource, Local>>,
    gate_open: Cell<bool>,
    /// Another session is still heard and sends: this one does not yet.
    held: Cell<bool>,
    on_hold: Cell<bool>,
    muted: Cell<bool>,
    events: RefCell<Vec<MediaEvent>>,
    tell: RefCell<Option<Events>>,
    telling: Cell<bool>,
    closed: Cell<bool>,
}

impl MediaSession {
    /// A session with its sections, not yet offered. `events` is called in order and never while the
    /// session is in the middle of something: it may call the session back.
    pub fn new(config: MediaConfig, events: Events) -> Result<Rc<Self>, MediaError> {
        let peer = Peer::new(config.audio_slots, config.video_slots, &config.ice_servers)?;
        let seed = (js_sys::Math::random() * f64::from(u32::MAX)) as u32;
        let mut machine = Signalling::new(seed);
        machine.video_slots = config.video_slots;
        let session = Rc::new_cyclic(|me: &Weak<Self>| {
            let (blocked, framed) = (me.clone(), me.clone());
            Self {
                me: me.clone(),
                machine: RefCell::new(machine),
                inputs: RefCell::default(),
                carrying_out: Cell::new(false),
                peer: RefCell::new(Some(Rc::new(peer))),
                offer: RefCell::default(),
                assignment: RefCell::default(),
                playback: Playback::new(move |is| tell(&blocked, MediaEvent::PlaybackBlocked(is))),
                frames: Frames::new(move |track, width, height| {
                    tell(
                        &framed,
                        MediaEvent::Frames {
                            track,
                            width,
                            height,
                        },
                    );
                }),
                views: RefCell::default(),
                socket: RefCell::default(),
                attempt: Cell::new(0),
                timers: RefCell::default(),
                listeners: RefCell::default(),
                locals: RefCell::default(),
                gate_open: Cell::new(false),
                held: Cell::new(false),
                on_hold: Cell::new(false),
                muted: Cell::new(true),
                events: RefCell::default(),
                tell: RefCell::new(Some(events)),
                telling: Cell::new(false),
                closed: Cell::new(false),
            }
        });
        session.listen();
        Ok(session)
    }

    /// The first offer, with all sections; made once per session.
    pub async fn offer(&self) -> Result<MediaOffer, MediaError> {
        let peer = self.peer()?;
        let sdp = peer.offer(peer.begin_offer(Default::default())).await?;
        self.peer()?;
        self.offer.replace(Some(sdp.clone()));
        let mut machine = self.machine.borrow_mut();
        for (source, mid) in peer.sending_mids() {
            let cid = sdp::track_id_of(&sdp, &mid)
                .map_or_else(|| ["track-", &mid].concat(), str::to_owned);
            machine.publications.announce(mid, cid, source);
        }
        machine
            .publications
            .reserve("screen", TrackSource::ScreenShare);
        machine
            .publications
            .reserve("sound", TrackSource::ScreenShareAudio);
        Ok(MediaOffer {
            sdp,
            mid_to_cid: machine.publications.mid_to_cid(),
            tracks: machine.publications.offered(),
        })
    }

    /// Connects to where the grant says, or takes what is new in it.
    pub fn connect(&self, grant: &MediaGrant) {
        let Ok(peer) = self.peer() else { return };
        if !grant.ice_servers.is_empty() {
            peer.set_ice_servers(&grant.ice_servers);
        }
        let offer = self.offer.take();
        let unanswered = if grant.answer.is_some() { None } else { offer };
        if let Some(answer) = &grant.answer {
            self.apply_answer(answer.clone(), None);
        }
        self.input(Input::Granted(Grant {
            url: grant.url.clone(),
            token: grant.token.clone(),
            participant_sid: grant.participant_sid.clone(),
            slots: grant.slots,
            offer: unanswered,
        }));
    }

    /// A fresh token for the next attempt. When it runs out (`expires_at`, ms since 1970) is the
    /// business of whoever fetches tokens.
    pub fn set_token(&self, token: &str, _expires_at: f64) {
        self.input(Input::Token(token.to_owned()));
    }

    /// From now on microphone and camera are sent. Before (in the lobby) nothing is.
    pub fn open_gate(&self) {
        self.gate_open.set(true);
        self.feed_all();
    }

    /// Neither plays nor sends until [`MediaSession::release`], and announces its tracks all the same.
    pub fn hold(&self) {
        self.held.set(true);
        self.playback.hold(true);
    }

    /// Plays and sends from now on.
    pub fn release(&self) {
        self.held.set(false);
        self.playback.hold(false);
        self.feed_all();
    }

    /// `on_hold`: nothing is sent or shown. `quiet`: the others are not heard here.
    pub fn set_quiet(&self, on_hold: bool, quiet: bool) {
        self.playback.mute(on_hold || quiet);
        if self.on_hold.replace(on_hold) != on_hold {
            self.feed_all();
            self.shown();
        }
    }

    /// The camera is sent within these limits.
    pub fn set_limit(&self, limit: Limit) {
        if let Ok(peer) = self.peer() {
            peer.limit(limit);
        }
    }

    fn feed_all(&self) {
        for source in [
            TrackSource::Microphone,
            TrackSource::Camera,
            TrackSource::ScreenShare,
            TrackSource::ScreenShareAudio,
        ] {
            self.feed(source);
        }
    }

    /// The microphone; the track stays its owner's.
    pub fn set_microphone(&self, track: Option<MediaStreamTrack>) {
        self.set_local(TrackSource::Microphone, track);
    }

    /// Muted: nothing of the microphone leaves the page.
    pub fn set_muted(&self, muted: bool) {
        self.muted.set(muted);
        self.feed(TrackSource::Microphone);
    }

    /// The camera; the track stays its owner's.
    pub fn set_camera(&self, track: Option<MediaStreamTrack>) {
        self.set_local(TrackSource::Camera, track);
    }

    /// The shared screen and its sound; the tracks stay their owner's.
    pub fn set_screen(&self, picture: Option<MediaStreamTrack>, sound: Option<MediaStreamTrack>) {
        self.set_local(TrackSource::ScreenShare, picture);
        self.set_local(TrackSource::ScreenShareAudio, sound);
    }

    /// The application draws or analyses a remote track: it is received from now on, shown or not.
    pub fn read(&self, sid: &str) {
        self.input(Input::Read(sid.to_owned()));
    }

    /// The track that carries a remote track now, when it has a section.
    pub fn remote_track(&self, sid: &str) -> Option<MediaStreamTrack> {
        let assignment = self.assignment.borrow();
        let receiver = self.peer().ok()?.receiver(assignment.mid_of(sid)?)?;
        Some(receiver.track())
    }

    /// The browser's connection, for who measures it; undefined when it is closed.
    pub fn connection(&self) -> JsValue {
        let peer = self.peer();
        peer.map_or(JsValue::UNDEFINED, |peer| peer.target().into())
    }

    /// The section that carries a remote track now.
    pub fn section(&self, sid: &str) -> Option<String> {
        self.assignment.borrow().mid_of(sid).map(str::to_owned)
    }

    /// Shows a remote track in a view and keeps it there, whatever section it moves to, until the
    /// view is dropped or shows another track.
    pub fn show(&self, sid: &str, view: &Rc<View>) {
        let view_weak = Rc::downgrade(view);
        let mut views = self.views.borrow_mut();
        views.retain(|(_, other)| other.strong_count() > 0 && !other.ptr_eq(&view_weak));
        views.push((sid.to_owned(), view_weak));
        drop(views);
        view.show(self.remote_track(sid).as_ref());
        let (me, sid) = (self.me.clone(), sid.to_owned());
        view.on_change(Rc::new(move |frame| {
            if let Some(session) = me.upgrade() {
                match frame {
                    true => session.frames.shown(&sid),
                    false => session.shown(),
                }
            }
        }));
        self.shown();
    }

    /// Chooses the output device of all remote sound; empty for the system's default.
    pub async fn set_speaker(&self, device: &str) -> Result<(), MediaError> {
        self.playback.set_device(device).await
    }

    /// Ends the session. No event comes any more.
    pub fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        self.tell.try_borrow_mut().map(|mut tell| tell.take()).ok();
        self.events.borrow_mut().clear();
        if let Some(socket) = self.socket.take() {
            socket.send(lk::signal_request::Message::Leave(lk::LeaveRequest {
                reason: lk::DisconnectReason::ClientInitiated,
                ..Default::default()
            }));
        }
        self.timers.take();
        self.listeners.take();
        self.locals.take();
        self.frames.close();
        self.playback.close();
        for (_, view) in self.views.take() {
            if let Some(view) = view.upgrade() {
                view.show(None);
            }
        }
        self.peer.take();
    }

    fn peer(&self) -> Result<Rc<Peer>, MediaError> {
        self.peer.borrow().clone().ok_or(MediaError::Closed)
    }

    // --- local tracks ---

    fn set_local(&self, source: TrackSource, track: Option<MediaStreamTrack>) {
        if self.closed.get() {
            return;
        }
        let local = track.map(|track| {
            let weak = self.me.clone();
            // Not fired by `stop()`: only when the device or the permission goes.
            let ended = Listener::told(&track, "ended", move || {
                tell(&weak, MediaEvent::LocalTrackEnded(source))
            });
            Local {
                track,
                _ended: ended,
            }
        });
        let mut locals = self.locals.borrow_mut();
        match local {
            Some(local) => locals.insert(source, local),
            None => locals.remove(&source),
        };
        drop(locals);
        self.feed(source);
    }

    /// Brings a sending section up to date with gate, mute and device.
    fn feed(&self, source: TrackSource) {
        let Ok(peer) = self.peer() else { return };
        let silent = !self.gate_open.get()
            || self.on_hold.get()
            || (source == TrackSource::Microphone && self.muted.get());
        let locals = self.locals.borrow();
        let track = locals
            .get(&source)
            .map(|local| &local.track)
            .filter(|_| !silent);
        let size = peer.send(source, track.filter(|_| !self.held.get()));
        let muted = track.is_none();
        drop(locals);
        if let Some(size) = size {
            self.input(Input::Captured(source, size));
        }
        self.input(Input::Muted(source, muted));
    }

    /// The views show something else, or in another size.
    fn shown(&self) {
        let views = self.views.borrow();
        let shown = views.iter().filter_map(|(sid, view)| {
            let pixels = view.upgrade()?.pixels()?;
            (!self.on_hold.get()).then(|| (sid.clone(), pixels))
        });
        let shown: Vec<_> = shown.collect();
        drop(views);
        self.frames
            .viewed(|track| shown.iter().any(|(sid, _)| sid == track));
        self.input(Input::Shown(shown));
    }

    // --- what arrives ---

    fn assigned(&self, changes: Vec<AssignmentChange>) {
        let Ok(peer) = self.peer() else { return };
        let mut vacated = Vec::new();
        for change in changes {
            let (track, arrives) = match change {
                AssignmentChange::Gone { mid, track } => {
                    self.frames.gone(&mid);
                    vacated.push(mid);
                    (track, false)
                }
                AssignmentChange::Arrives { mid, track } => {
                    let Some(receiver) = peer.receiver(&mid) else {
                        continue;
                    };
                    let media = receiver.track();
                    if media.kind() == "audio" {
                        self.playback.arrives(&mid, &media);
                    } else {
                        let muted = self.machine.borrow().viewing.is_muted(&track);
                        let was_empty = !vacated.contains(&mid);
                        self.frames
                            .arrives(&mid, &track, receiver, was_empty, muted);
                    }
                    (track, true)
                }
            };
            self.events
                .borrow_mut()
                .push(MediaEvent::TrackAssigned { track, arrives });
        }
        self.refresh_views();
        self.tell_events();
    }

    fn refresh_views(&self) {
        self.views
            .borrow_mut()
            .retain(|(_, view)| view.strong_count() > 0);
        let views: Vec<(String, Weak<View>)> = self.views.borrow().clone();
        for (sid, view) in views {
            if let Some(view) = view.upgrade() {
                view.show(self.remote_track(&sid).as_ref());
            }
        }
    }

    fn tell_events(&self) {
        if self.carrying_out.get() || self.telling.replace(true) {
            return;
        }
        while let Some(event) = first(&self.events) {
            let Some(mut tell) = self.tell.take() else {
                break;
            };
            tell(event);
            if !self.closed.get() {
                self.tell.replace(Some(tell));
            }
        }
        self.telling.set(false);
    }
}

impl Drop for MediaSession {
    fn drop(&mut self) {
        self.close();
    }
}

/// The oldest of a short queue; a `VecDeque` weighs half a kilobyte of wasm for every type.
fn first<T>(queue: &RefCell<Vec<T>>) -> Option<T> {
    let mut queue = queue.borrow_mut();
    (!queue.is_empty()).then(|| queue.remove(0))
}

fn tell(session: &Weak<MediaSession>, event: MediaEvent) {
    if let Some(session) = session.upgrade().filter(|session| !session.closed.get()) {
        session.events.borrow_mut().push(event);
        session.tell_events();
    }
}

fn ice_server(server: lk::IceServer) -> IceServer {
    let set = |text: String| Some(text).filter(|text| !text.is_empty());
    IceServer {
        urls: server.urls,
        username: set(server.username),
        credential: set(server.credential),
    }
}
