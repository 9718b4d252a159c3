//! The media of an agent's calls: sessions, and the local tracks that are given to them.

use super::page::Page;
use crate::media::devices::{self, Cleaning};
use crate::media::interface::MediaEvent;
use crate::media::simulcast::Limit;
use crate::media::{MediaConfig, MediaSession};
use crate::meeting::{Input, MicrophoneUse, Refused};
use crate::page::task::spawn;
use plenary_protocol::agent::{MediaOffer, TrackSource};
use plenary_protocol::id::CallId;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::MediaStreamTrack;

/// Sections to receive sound and pictures in.
type Sections = (u32, u32);

/// Speakers heard at once, as many as the engine has; a gallery of three by three, and a shared screen.
const SLOTS: Sections = (12, 10);
/// A LiveKit server asks for more where more are there; the fewer, the sooner the offer is made.
const FIRST: Sections = (2, 2);

/// Media of all calls of one agent.
#[derive(Default)]
pub struct Calls {
    calls: RefCell<Vec<Rc<CallMedia>>>,
    /// Made when the agent is, so that the first join has its offer ready.
    prepared: RefCell<Option<Rc<Prepared>>>,
    /// For the next room, where that takes another session.
    next: RefCell<Option<Rc<Prepared>>>,
}

/// Media of one call.
struct CallMedia {
    /// Another one after a move.
    call: RefCell<CallId>,
    prepared: RefCell<Option<Rc<Prepared>>>,
    /// The session of the room of before, until the present one takes over.
    former: RefCell<Option<Rc<Prepared>>>,
    microphone: RefCell<Microphone>,
    /// The application's choice for this call; without it, the page's.
    device: RefCell<Option<String>>,
    /// Belongs to who opens a microphone for it; whoever began before is too late.
    opening: RefCell<Weak<()>>,
    cleaning: Cleaning,
    camera: RefCell<Option<MediaStreamTrack>>,
    /// Picture, and sound where there is some.
    screen: RefCell<Screen>,
    on_hold: Cell<bool>,
    /// The others are not heard.
    quiet: Cell<bool>,
    limit: Cell<Limit>,
}

impl CallMedia {
    /// Tells the session, if there is one.
    fn tell_session(&self) {
        if let Some(prepared) = &*self.prepared.borrow() {
            let (on_hold, quiet) = (self.on_hold.get(), self.quiet.get());
            prepared.session.set_quiet(on_hold, quiet);
            prepared.session.set_limit(self.limit.get());
        }
    }

    fn replace_microphone(&self, microphone: Microphone) {
        let prepared = self.prepared.borrow().clone();
        // The new one is sent before the old one stops, so that nothing looks like its end.
        if let Some(prepared) = prepared {
            prepared.session.set_microphone(microphone.track());
        }
        drop(self.microphone.replace(microphone));
    }
}

type Screen = (Option<MediaStreamTrack>, Option<MediaStreamTrack>);

#[derive(Default)]
enum Microphone {
    #[default]
    None,
    /// Opened here; dropping it stops it.
    Ours(devices::Microphone),
    /// The application's.
    Given(MediaStreamTrack),
}

impl Microphone {
    fn track(&self) -> Option<MediaStreamTrack> {
        match self {
            Self::None => None,
            Self::Ours(microphone) => Some(microphone.track()),
            // Not `track.clone()`: that is JavaScript's, and makes another track.
            Self::Given(track) => Some(Clone::clone(track)),
        }
    }
}

/// A session whose offer is being made, or is made; perhaps before there is a call for it.
struct Prepared {
    session: Rc<MediaSession>,
    /// Whose it is: the call, and the number that the call's machine gave it.
    owner: RefCell<Option<(CallId, u32)>>,
    offer: RefCell<Option<Result<MediaOffer, Refused>>>,
}

impl Drop for Prepared {
    fn drop(&mut self) {
        self.session.close();
    }
}

impl Prepared {
    fn new(
        page: &Page,
        agent: u32,
        (audio_slots, video_slots): Sections,
    ) -> Result<Rc<Self>, Refused> {
        // The session holds the closure, so the closure must not hold the session.
        let me: Rc<RefCell<Weak<Prepared>>> = Rc::default();
        let page = page.weak();
        let events_for = me.clone();
        let events_page = page.clone();
        let events = move |event: MediaEvent| {
            let owner = events_for
                .borrow()
                .upgrade()
                .and_then(|prepared| prepared.owner.borrow().clone());
            let (Some(page), Some((call, session))) = (events_page.upgrade(), owner) else {
                return;
            };
            if event == MediaEvent::LocalTrackEnded(TrackSource::Microphone) {
                if let Some(agent) = page.agent(agent) {
                    agent.calls.microphone_ended(&call);
                }
            }
            page.give(
                agent,
                Input::Media {
                    call,
                    session,
                    event,
                },
            );
        };
        let config = MediaConfig {
            audio_slots,
            video_slots,
            ice_servers: vec![],
        };
        let session = MediaSession::new(config, Box::new(events)).map_err(Refused::from)?;
        let prepared = Rc::new(Self {
            session: session.clone(),
            owner: RefCell::default(),
            offer: RefCell::default(),
        });
        me.replace(Rc::downgrade(&prepared));
        let waiting = Rc::downgrade(&prepared);
        spawn(async move {
            let offer = session.offer().await.map_err(Refused::from);
            drop(session);
            let (Some(page), Some(prepared)) = (page.upgrade(), waiting.upgrade()) else {
                return;
            };
            prepared.offer.replace(Some(offer));
            prepared.tell(&page, agent);
        });
        Ok(prepared)
    }

    /// Routes all sound to a speaker; one that is gone leaves it with the system's default.
    fn use_speaker(&self, device: String) {
        if !device.is_empty() {
            let session = self.session.clone();
            spawn(async move {
                let _ = session.set_speaker(&device).await;
            });
        }
    }

    /// Tells the call's machine, once there are both: a call and an offer.
    fn tell(&self, page: &Page, agent: u32) {
        let Some((call, session)) = self.owner.borrow().clone() else {
            return;
        };
        if let Some(offer) = self.offer.take() {
            page.give(
                agent,
                Input::Offer {
                    call,
                    session,
                    offer,
                },
            );
        }
    }
}

impl Calls {
    /// Makes a session ahead of the first call. If that fails, the join says why.
    pub fn prepare(&self, page: &Page, agent: u32) {
        self.prepared
            .replace(Prepared::new(page, agent, SLOTS).ok());
    }

    /// Makes the session of the next room.
    pub fn prepare_next(&self, page: &Page, agent: u32) {
        let mut next = self.next.borrow_mut();
        if next.is_none() {
            *next = Prepared::new(page, agent, FIRST).ok();
        }
    }

    /// Room for a call's tracks; before its machine asks for media.
    pub fn add(&self, call: CallId, cleaning: Cleaning, camera: Option<MediaStreamTrack>) {
        self.calls.borrow_mut().push(Rc::new(CallMedia {
            call: RefCell::new(call),
            prepared: RefCell::default(),
            former: RefCell::default(),
            microphone: RefCell::default(),
            device: RefCell::default(),
            opening: RefCell::default(),
            cleaning,
            camera: RefCell::new(camera),
            screen: RefCell::default(),
            on_hold: Cell::default(),
            quiet: Cell::default(),
            limit: Cell::default(),
        }));
    }

    /// A session for a call, in place of the one it has, or beside it.
    pub fn start(
        &self,
        page: &Page,
        agent: u32,
        (call, session, muted, beside): (CallId, u32, bool, bool),
    ) {
        let Some(media) = self.find(&call) else {
            return;
        };
        let before = media.prepared.take().filter(|_| beside);
        drop(media.former.replace(before));
        let (ready, sections) = match beside {
            true => (self.next.take(), FIRST),
            false => (self.prepared.take(), SLOTS),
        };
        let ready = ready.map_or_else(|| Prepared::new(page, agent, sections), Ok);
        match ready {
            Ok(prepared) => {
                prepared.owner.replace(Some((call, session)));
                media.prepared.replace(Some(prepared.clone()));
                // Perhaps chosen after the session was made.
                prepared.use_speaker(page.speaker.borrow().clone());
                if beside {
                    prepared.session.hold();
                }
                prepared.session.set_muted(muted);
                prepared
                    .session
                    .set_microphone(media.microphone.borrow().track());
                prepared.session.set_camera(media.camera.borrow().clone());
                let (picture, sound) = media.screen.borrow().clone();
                prepared.session.set_screen(picture, sound);
                media.tell_session();
                prepared.tell(page, agent);
            }
            Err(refused) => page.give(
                agent,
                Input::Offer {
                    call,
                    session,
                    offer: Err(refused),
                },
            ),
        }
    }

    /// Another call goes on with the session and the tracks.
    pub fn give_to(&self, from: &CallId, to: &CallId) {
        let Some(media) = self.find(from) else { return };
        media.call.replace(to.clone());
        let prepared = media.prepared.borrow().clone();
        if let Some(prepared) = prepared {
            let mut owner = prepared.owner.borrow_mut();
            if let Some((call, _)) = &mut *owner {
                call.clone_from(to);
            }
        }
    }

    /// The session of the room of before ends, and the present one is heard and sends.
    pub fn take_over(&self, call: &CallId) {
        if let Some(media) = self.find(call) {
            media.former.take();
            self.session(call, |session| session.release());
        }
    }

    /// The call is over.
    pub fn stop(&self, call: &CallId) {
        let gone = self.find(call);
        self.calls
            .borrow_mut()
            .retain(|media| *media.call.borrow() != *call);
        if self.calls.borrow().is_empty() {
            self.next.take();
        }
        drop(gone);
    }

    /// The agent is over.
    pub fn clear(&self) {
        self.prepared.take();
        self.next.take();
        let gone = self.calls.take();
        drop(gone);
    }

    /// Does something with a call's session, if it has one.
    pub fn session<T>(
        &self,
        call: &CallId,
        then: impl FnOnce(&Rc<MediaSession>) -> T,
    ) -> Option<T> {
        let media = self.find(call)?;
        let session = media.prepared.borrow().as_ref()?.session.clone();
        Some(then(&session))
    }

    /// Mutes what is sent, or no longer.
    pub fn set_muted(&self, call: &CallId, muted: bool) {
        self.session(call, |session| session.set_muted(muted));
    }

    /// On hold nothing is sent, shown or heard.
    pub fn set_on_hold(&self, call: &CallId, on: bool) {
        if let Some(media) = self.find(call) {
            media.on_hold.set(on);
            media.tell_session();
        }
    }

    /// The others are not heard, or heard again.
    pub fn set_quiet(&self, call: &CallId, quiet: bool) {
        if let Some(media) = self.find(call) {
            media.quiet.set(quiet);
            media.tell_session();
        }
    }

    /// The camera is sent within these limits.
    pub fn set_limit(&self, call: &CallId, limit: Limit) {
        if let Some(media) = self.find(call) {
            media.limit.set(limit);
            media.tell_session();
        }
    }

    /// Keeps the camera that the next [`Calls::set_video`] sends.
    pub fn hold_camera(&self, call: &CallId, camera: MediaStreamTrack) {
        if let Some(media) = self.find(call) {
            media.camera.replace(Some(camera));
        }
    }

    /// Sends the camera, or no longer.
    pub fn set_video(&self, call: &CallId, on: bool) {
        let Some(media) = self.find(call) else { return };
        if !on {
            media.camera.take();
        }
        let camera = media.camera.borrow().clone();
        self.session(call, |session| session.set_camera(camera));
    }

    /// Keeps the screen that the next [`Calls::set_screen`] shares.
    pub fn hold_screen(&self, call: &CallId, screen: Screen) {
        if let Some(media) = self.find(call) {
            media.screen.replace(screen);
        }
    }

    /// Shares the screen, or no longer.
    pub fn set_screen(&self, call: &CallId, on: bool) {
        let Some(media) = self.find(call) else { return };
        let (picture, sound) = match on {
            true => media.screen.borrow().clone(),
            false => media.screen.take(),
        };
        let (picture, sound) = (picture.filter(|_| on), sound.filter(|_| on));
        self.session(call, |session| session.set_screen(picture, sound));
    }

    /// Sends this instead: a track, the device of this id once its machine asks for it, or nothing.
    pub fn give_microphone(&self, call: &CallId, given: JsValue) -> MicrophoneUse {
        let Some(media) = self.find(call) else {
            return MicrophoneUse::Closed;
        };
        let device = given.as_string();
        let is_device = device.is_some();
        media.device.replace(device);
        if is_device {
            return MicrophoneUse::Opening;
        }
        media.opening.take();
        let (given, use_) = match given.dyn_into() {
            Ok(track) => (Microphone::Given(track), MicrophoneUse::Open),
            Err(_) => (Microphone::None, MicrophoneUse::Closed),
        };
        media.replace_microphone(given);
        use_
    }

    fn microphone_ended(&self, call: &CallId) {
        if let Some(media) = self.find(call) {
            media.replace_microphone(Microphone::None);
        }
    }

    /// Opens the chosen microphone for a call.
    pub fn open_microphone(&self, page: &Page, agent: u32, call: &CallId) {
        let Some(media) = self.find(call) else { return };
        let chosen = media.device.borrow().clone();
        let chosen = chosen.unwrap_or_else(|| page.microphone.borrow().clone());
        let opening = devices::open(Some(media.cleaning), &chosen);
        let mine = Rc::new(());
        media.opening.replace(Rc::downgrade(&mine));
        let (page, media) = (page.weak(), Rc::downgrade(&media));
        spawn(async move {
            let opened = opening
                .await
                .map(|track| Microphone::Ours(devices::Microphone::new(track)))
                .map_err(Refused::from);
            // What was opened for a call that is over by now, or where something else was chosen, is
            // stopped by its drop.
            let (Some(page), Some(media)) = (page.upgrade(), media.upgrade()) else {
                return;
            };
            if !Weak::ptr_eq(&media.opening.borrow(), &Rc::downgrade(&mine)) {
                return;
            }
            let opened = opened.map(|microphone| media.replace_microphone(microphone));
            let call = media.call.borrow().clone();
            page.give(agent, Input::Microphone { call, opened });
        });
    }

    /// Opens the newly chosen microphone for every call that sends one of ours, or is about to.
    pub fn reopen_microphones(&self, page: &Page, agent: u32) {
        let calls = self.calls.borrow().clone();
        for media in calls.iter().filter(|media| media.device.borrow().is_none()) {
            if matches!(*media.microphone.borrow(), Microphone::Ours(_))
                || media.opening.borrow().strong_count() > 0
            {
                self.open_microphone(page, agent, &media.call.borrow());
            }
        }
    }

    /// The sessions of all calls.
    pub fn sessions(&self) -> Vec<Rc<MediaSession>> {
        let calls = self.calls.borrow();
        calls
            .iter()
            .filter_map(|media| Some(media.prepared.borrow().as_ref()?.session.clone()))
            .collect()
    }

    /// Whether a call's media is kept here.
    pub fn has(&self, call: &CallId) -> bool {
        self.find(call).is_some()
    }

    fn find(&self, call: &CallId) -> Option<Rc<CallMedia>> {
        self.calls
            .borrow()
            .iter()
            .find(|media| *media.call.borrow() == *call)
            .cloned()
    }
}
