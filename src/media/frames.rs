//! Watches the video slots for first frames and sizes.
//!
//! One look at a receiver's statistics costs little, but not nothing: looks are frequent while a
//! first frame is awaited and sparse afterwards, and a rendering view asks for one at the right
//! moment. The rule is `decoding.rs`'s.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::RtcRtpReceiver;

use super::decoding::{Decoding, Look};
use super::guard::Timeout;
use super::small_map::SmallMap;

/// While a first frame is awaited.
const AWAITING_MS: u32 = 50;
/// A track that has not begun by then may never (its sender is muted).
const PATIENCE_MS: f64 = 10_000.0;
/// For sizes that no view tells of.
const SPARSE_MS: u32 = 2_000;

struct Watched {
    track: String,
    receiver: RtcRtpReceiver,
    decoding: Decoding,
    assigned_at: f64,
}

/// The watched slots of a session.
pub(super) struct Frames {
    me: Weak<Self>,
    /// By mid.
    slots: RefCell<SmallMap<String, Watched>>,
    timer: RefCell<Option<Timeout>>,
    looking: Cell<bool>,
    /// Somebody asked while a look was under way.
    again: Cell<bool>,
    told: Box<dyn Fn(String, u32, u32)>,
}

impl Frames {
    /// `told` learns track, width and height.
    pub(super) fn new(told: impl Fn(String, u32, u32) + 'static) -> Rc<Self> {
        Rc::new_cyclic(|me| Self {
            me: me.clone(),
            slots: RefCell::default(),
            timer: RefCell::default(),
            looking: Cell::new(false),
            again: Cell::new(false),
            told: Box::new(told),
        })
    }

    /// A track arrives in a video slot.
    pub(super) fn arrives(
        &self,
        mid: &str,
        track: &str,
        receiver: RtcRtpReceiver,
        was_empty: bool,
    ) {
        let now = js_sys::Date::now();
        let watched = Watched {
            track: track.to_owned(),
            receiver,
            decoding: Decoding::new(now, was_empty),
            assigned_at: now,
        };
        self.slots.borrow_mut().insert(mid.to_owned(), watched);
        self.look();
    }

    /// The track is not muted any more: its first frame is told again. It has nothing to do with a
    /// track that has no slot.
    pub(super) fn unmuted(&self, track: &str) {
        let now = js_sys::Date::now();
        let mut slots = self.slots.borrow_mut();
        let Some(watched) = slots.values_mut().find(|watched| watched.track == track) else {
            return;
        };
        watched.decoding = Decoding::new(now, true);
        watched.assigned_at = now;
        drop(slots);
        self.look();
    }

    /// The slot is empty, or about to be filled anew.
    pub(super) fn gone(&self, mid: &str) {
        self.slots.borrow_mut().remove(mid);
        if self.slots.borrow().is_empty() {
            self.timer.take();
        }
    }

    /// Look at all slots now: a view has shown a frame.
    pub(super) fn look(&self) {
        if self.looking.replace(true) {
            self.again.set(true);
            return;
        }
        self.timer.take();
        let receivers: Vec<(String, RtcRtpReceiver)> = self
            .slots
            .borrow()
            .iter()
            .map(|(mid, watched)| (mid.clone(), watched.receiver.clone()))
            .collect();
        let weak = self.me.clone();
        crate::page::task::spawn(async move {
            for (mid, receiver) in receivers {
                let look = counters(&receiver).await;
                let Some(frames) = weak.upgrade() else { return };
                if let Some(look) = look {
                    frames.looked(&mid, &receiver, look);
                }
            }
            if let Some(frames) = weak.upgrade() {
                frames.looking.set(false);
                frames.schedule();
            }
        });
    }

    /// Ends watching.
    pub(super) fn close(&self) {
        self.slots.take();
        self.timer.take();
        self.again.set(false);
    }

    fn looked(&self, mid: &str, receiver: &RtcRtpReceiver, look: Look) {
        let told = self.slots.borrow_mut().get_mut(mid).and_then(|watched| {
            let (width, height) = watched.decoding.look(look, js_sys::Date::now())?;
            (watched.receiver == *receiver).then(|| (watched.track.clone(), width, height))
        });
        if let Some((track, width, height)) = told {
            (self.told)(track, width, height);
        }
    }

    fn schedule(&self) {
        if self.again.replace(false) {
            return self.look();
        }
        let now = js_sys::Date::now();
        let slots = self.slots.borrow();
        if slots.is_empty() {
            return;
        }
        let awaiting = slots
            .values()
            .any(|w| !w.decoding.started() && now - w.assigned_at < PATIENCE_MS);
        let pause = if awaiting { AWAITING_MS } else { SPARSE_MS };
        let weak = self.me.clone();
        let timer = Timeout::new(pause, move || {
            if let Some(frames) = weak.upgrade() {
                frames.look();
            }
        });
        self.timer.replace(Some(timer));
    }
}

async fn counters(receiver: &RtcRtpReceiver) -> Option<Look> {
    let report: js_sys::Map = JsFuture::from(receiver.get_stats())
        .await
        .ok()?
        .unchecked_into();
    let mut look = Look::default();
    report.for_each(&mut |stats, _| {
        let number = |field: &str| {
            js_sys::Reflect::get(&stats, &JsValue::from_str(field))
                .ok()?
                .as_f64()
        };
        if number("framesDecoded").is_some() {
            look = Look {
                frames: number("framesDecoded").unwrap_or_default() as u32,
                keyframes: number("keyFramesDecoded").map(|count| count as u32),
                width: number("frameWidth").unwrap_or_default() as u32,
                height: number("frameHeight").unwrap_or_default() as u32,
            };
        }
    });
    Some(look)
}
