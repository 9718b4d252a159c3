//! Watches the video slots for first frames and sizes.
//!
//! A look at a receiver's statistics costs the page a tenth of a millisecond, which is much for 25 videos:
//! looks are frequent where a first frame was due just now, rarer the longer it does not come (its sender
//! may be muted), sparse afterwards, and a rendering view asks for one at the right moment. The rule is
//! `decoding.rs`'s.

use std::cell::{Cell, RefCell};
use std::mem::take;
use std::rc::{Rc, Weak};

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::RtcRtpReceiver;

use super::decoding::{Decoding, Look};
use super::guard::Timeout;
use super::small_map::SmallMap;
use crate::values::field;

/// While a first frame is awaited, at least.
const AWAITING_MS: f64 = 50.0;
/// The same where nothing arrived before: a view tells of it by itself, and in a page's first moments, with many
/// pictures at once, looks stand in the way of offers.
const FRESH_MS: f64 = 200.0;
/// Of the time that it has been awaited.
const PART: f64 = 0.25;
/// Statistics are up to 50 ms old: a view has a new size before them.
const SETTLED_MS: f64 = 100.0;
/// For sizes that no view tells of.
const SPARSE_MS: f64 = 5_000.0;

struct Watched {
    track: String,
    receiver: RtcRtpReceiver,
    decoding: Decoding,
    assigned_at: f64,
    /// Nothing has arrived in the slot yet.
    fresh: bool,
    /// A view that can be seen shows it, and tells of each size.
    viewed: bool,
    /// When to look next.
    due: f64,
}

impl Watched {
    fn pause(&self, now: f64) -> f64 {
        if self.decoding.started() {
            return if self.viewed {
                f64::INFINITY
            } else {
                SPARSE_MS
            };
        }
        let least = match self.fresh {
            true => FRESH_MS,
            false => AWAITING_MS,
        };
        ((now - self.assigned_at) * PART).clamp(least, SPARSE_MS)
    }
}

/// The watched slots of a session.
pub(super) struct Frames {
    me: Weak<Self>,
    /// By mid.
    slots: RefCell<SmallMap<String, Watched>>,
    timer: RefCell<Option<Timeout>>,
    looking: Cell<bool>,
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
            told: Box::new(told),
        })
    }

    /// A track arrives in a video slot; of a muted one nothing does before [`Frames::unmuted`].
    pub(super) fn arrives(
        &self,
        mid: &str,
        track: &str,
        receiver: RtcRtpReceiver,
        was_empty: bool,
        muted: bool,
    ) {
        let now = js_sys::Date::now();
        let watched = Watched {
            track: track.to_owned(),
            receiver,
            decoding: Decoding::new(now, was_empty),
            assigned_at: now,
            fresh: was_empty,
            viewed: false,
            due: match muted {
                true => f64::INFINITY,
                false if was_empty => now + FRESH_MS,
                false => now,
            },
        };
        self.slots.borrow_mut().insert(mid.to_owned(), watched);
        self.look();
    }

    /// The track is not muted any more: its first frame is told again. It has nothing to do with a
    /// track that has no slot.
    pub(super) fn unmuted(&self, track: &str) {
        self.soon(track, |watched, now| {
            watched.decoding = Decoding::new(now, true);
            watched.assigned_at = now;
            watched.fresh = false;
        });
    }

    /// A view has shown a frame of the track.
    pub(super) fn shown(&self, track: &str) {
        self.soon(track, |watched, now| {
            watched.viewed = true;
            if take(&mut watched.fresh) {
                watched.decoding.shown();
            }
            if watched.decoding.started() {
                watched.due = now + SETTLED_MS;
            }
        });
    }

    /// These tracks have views that can be seen, or no longer: sizes of the others are looked for again.
    pub(super) fn viewed(&self, has_view: impl Fn(&str) -> bool) {
        for watched in self.slots.borrow_mut().values_mut() {
            let viewed = has_view(&watched.track);
            if take(&mut watched.viewed) != viewed && watched.decoding.started() {
                watched.due = 0.0;
            }
            watched.viewed = viewed;
        }
        self.look();
    }

    /// Looks at once, unless `change` says when.
    fn soon(&self, track: &str, change: impl FnOnce(&mut Watched, f64)) {
        let mut slots = self.slots.borrow_mut();
        let Some(watched) = slots.values_mut().find(|watched| watched.track == track) else {
            return;
        };
        let now = js_sys::Date::now();
        watched.due = now;
        change(watched, now);
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

    /// Looks at the slots whose time has come.
    fn look(&self) {
        // What falls due while a look is under way comes right after it.
        if self.looking.replace(true) {
            return;
        }
        self.timer.take();
        let now = js_sys::Date::now();
        let mut due = Vec::new();
        for (mid, watched) in self.slots.borrow_mut().iter_mut() {
            if watched.due <= now {
                watched.due = now + watched.pause(now);
                due.push((mid.clone(), watched.receiver.clone()));
            }
        }
        let weak = self.me.clone();
        crate::page::task::spawn(async move {
            for (mid, receiver) in due {
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
        let slots = self.slots.borrow();
        let next = slots.values().map(|watched| watched.due);
        let next = next.fold(f64::INFINITY, f64::min);
        if next == f64::INFINITY {
            return;
        }
        let weak = self.me.clone();
        // No negative number becomes a large one: the cast saturates. Without the part of a millisecond that it would cut
        // off the timer finds nothing due again and again.
        let timer = Timeout::new((next - js_sys::Date::now()).ceil() as u32, move || {
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
        let number = |name: &str| field(&stats, name).as_f64();
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
