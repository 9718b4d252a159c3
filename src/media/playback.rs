//! Remote sound: one audio element per audio slot, outside of the document.
//!
//! A browser may refuse to start sound before the user has touched the page; then the session says
//! so, and the first key or pointer press starts everything.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlAudioElement, MediaStream, MediaStreamTrack};

use super::bindings::{self, SinkElement};
use super::counters::{Counted, Resource};
use super::error::{self, MediaError};
use super::guard::Listener;
use super::small_map::SmallMap;

struct Speaker {
    element: HtmlAudioElement,
    _counted: Counted,
}

impl Drop for Speaker {
    fn drop(&mut self) {
        let _ = self.element.pause();
        self.element.set_src_object(None);
    }
}

/// All sound of a session.
pub(super) struct Playback {
    me: Weak<Self>,
    /// By mid.
    speakers: RefCell<SmallMap<String, Speaker>>,
    device: RefCell<String>,
    blocked: Cell<bool>,
    held: Cell<bool>,
    muted: Cell<bool>,
    gestures: RefCell<Vec<Listener>>,
    told: Box<dyn Fn(bool)>,
}

impl Playback {
    /// `told` learns when playing is blocked and when no longer.
    pub(super) fn new(told: impl Fn(bool) + 'static) -> Rc<Self> {
        Rc::new_cyclic(|me| Self {
            me: me.clone(),
            speakers: RefCell::default(),
            device: RefCell::default(),
            blocked: Cell::new(false),
            held: Cell::new(false),
            muted: Cell::new(false),
            gestures: RefCell::default(),
            told: Box::new(told),
        })
    }

    /// Something arrives in an audio slot. Its element is made once and then stays: a slot's track
    /// is the same for the life of the connection, whoever speaks in it.
    pub(super) fn arrives(&self, mid: &str, track: &MediaStreamTrack) {
        if self.speakers.borrow().get(mid).is_some() {
            return;
        }
        let Ok(element) = HtmlAudioElement::new() else {
            return;
        };
        let Ok(stream) = MediaStream::new_with_tracks(&Array::of1(track)) else {
            return;
        };
        element.set_src_object(Some(&stream));
        element.set_muted(self.muted.get());
        let speaker = Speaker {
            element: element.clone(),
            _counted: Counted::new(Resource::Element),
        };
        self.speakers.borrow_mut().insert(mid.to_owned(), speaker);
        let device = self.device.borrow().clone();
        if !device.is_empty() {
            crate::page::task::spawn(async move {
                // The system's default plays when the chosen device is gone.
                let _ = route(&element, &device).await;
            });
        }
        self.play(mid.to_owned());
    }

    /// Chooses the output device; empty for the system's default.
    pub(super) async fn set_device(&self, device: &str) -> Result<(), MediaError> {
        self.device.replace(device.to_owned());
        let elements: Vec<_> = self
            .speakers
            .borrow()
            .values()
            .map(|speaker| speaker.element.clone())
            .collect();
        for element in elements {
            route(&element, device).await?;
        }
        Ok(())
    }

    /// Nothing is played while it is held.
    pub(super) fn hold(&self, held: bool) {
        self.held.set(held);
        self.play_all();
    }

    /// What is played is not heard, or heard again.
    pub(super) fn mute(&self, muted: bool) {
        self.muted.set(muted);
        for speaker in self.speakers.borrow().values() {
            speaker.element.set_muted(muted);
        }
    }

    /// Ends all sound.
    pub(super) fn close(&self) {
        self.gestures.take();
        self.speakers.take();
    }

    fn play(&self, mid: String) {
        if self.held.get() {
            return;
        }
        let Some(playing) = self
            .speakers
            .borrow()
            .get(&mid)
            .map(|speaker| speaker.element.play())
        else {
            return;
        };
        let Ok(playing) = playing else { return };
        let weak = self.me.clone();
        crate::page::task::spawn(async move {
            let played = JsFuture::from(playing).await;
            let Some(playback) = weak.upgrade() else {
                return;
            };
            match played {
                Ok(_) => playback.set_blocked(false),
                Err(cause) if error::name(&cause) == "NotAllowedError" => {
                    playback.set_blocked(true)
                }
                // Interrupted by a `pause` or a new source: not the user's business.
                Err(_) => {}
            }
        });
    }

    fn play_all(&self) {
        let mids: Vec<String> = self
            .speakers
            .borrow()
            .iter()
            .map(|(mid, _)| mid.clone())
            .collect();
        mids.into_iter().for_each(|mid| self.play(mid));
    }

    fn set_blocked(&self, blocked: bool) {
        // Closed meanwhile: nothing may be listened to any more.
        if self.speakers.borrow().is_empty() || self.blocked.replace(blocked) == blocked {
            return;
        }
        let listeners = if blocked {
            self.listen_for_gestures()
        } else {
            Vec::new()
        };
        self.gestures.replace(listeners);
        (self.told)(blocked);
    }

    fn listen_for_gestures(&self) -> Vec<Listener> {
        let Some(document) = web_sys::window().and_then(|window| window.document()) else {
            return Vec::new();
        };
        // `pointerdown` alone does not count as an activation for touch (HTML, "user activation").
        ["pointerdown", "pointerup", "keydown"]
            .into_iter()
            .map(|name| {
                let weak = self.me.clone();
                Listener::told(&document, name, move || {
                    if let Some(playback) = weak.upgrade() {
                        playback.play_all();
                    }
                })
            })
            .collect()
    }
}

async fn route(element: &HtmlAudioElement, device: &str) -> Result<(), MediaError> {
    if !bindings::has(element, "setSinkId") {
        return Err(MediaError::Device(
            "this browser cannot choose a speaker".to_owned(),
        ));
    }
    // Chromium's name of the default is not a device id to `setSinkId` elsewhere.
    let device = if device == "default" { "" } else { device };
    let routed = element.unchecked_ref::<SinkElement>().set_sink_id(device);
    let routed = routed.map_err(MediaError::from_js("setSinkId"))?;
    JsFuture::from(routed)
        .await
        .map_err(|cause| MediaError::Device(error::name(&cause)))?;
    Ok(())
}
