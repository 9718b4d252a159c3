//! A rendered stream: an element that fills its parent, with a video in it.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlElement, HtmlVideoElement, MediaStream, MediaStreamTrack};

use super::bindings::{self, FrameElement};
use super::counters::{Counted, Resource};
use super::error::MediaError;
use super::guard::Listener;
use super::viewing::Pixels;

/// How a picture fits its view, as in the calling API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaling {
    /// Fill, and cut what is too much.
    Crop,
    /// All of the picture, with bars.
    Fit,
    /// Fill, and distort.
    Stretch,
}

impl Scaling {
    /// By its name in the calling API; `None` for another name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "Crop" => Some(Scaling::Crop),
            "Fit" => Some(Scaling::Fit),
            "Stretch" => Some(Scaling::Stretch),
            _ => None,
        }
    }

    fn object_fit(self) -> &'static str {
        match self {
            Scaling::Crop => "cover",
            Scaling::Fit => "contain",
            Scaling::Stretch => "fill",
        }
    }
}

/// Learns of frames (`true`) and of changes of what can be seen (`false`).
pub(super) type Told = Rc<dyn Fn(bool)>;

/// A view. Closing or dropping it stops rendering and takes the element out of the document.
pub struct View {
    target: HtmlElement,
    video: HtmlVideoElement,
    shown: RefCell<Option<MediaStreamTrack>>,
    /// Who wants to know of frames (`true`) and of what can be seen of the view (`false`).
    told: RefCell<Option<Told>>,
    frame_request: RefCell<Option<FrameRequest>>,
    /// What can be seen of it: nothing until somebody says.
    rendered: Cell<Option<(u32, u32)>>,
    listeners: RefCell<Vec<Listener>>,
    closed: Cell<bool>,
    counted: RefCell<Option<(Counted, Counted)>>,
}

struct FrameRequest {
    element: FrameElement,
    id: u32,
    _closure: Closure<dyn FnMut()>,
}

impl Drop for FrameRequest {
    fn drop(&mut self) {
        self.element.cancel_video_frame_callback(self.id);
    }
}

impl View {
    /// An empty view.
    pub fn new(scaling: Scaling, mirrored: bool) -> Result<Rc<Self>, MediaError> {
        let document = web_sys::window()
            .and_then(|window| window.document())
            .ok_or(MediaError::NoWebRtc)?;
        let target: HtmlElement = document
            .create_element("div")
            .map_err(MediaError::from_js("createElement"))?
            .unchecked_into();
        let video: HtmlVideoElement = document
            .create_element("video")
            .map_err(MediaError::from_js("createElement"))?
            .unchecked_into();
        // Muted: sound has its own elements (`playback.rs`), and a muted video may always start.
        video.set_muted(true);
        video.set_autoplay(true);
        for (name, value) in [
            ("playsinline", ""),
            ("muted", ""),
            ("disableremoteplayback", ""),
        ] {
            let _ = video.set_attribute(name, value);
        }
        for (element, property, value) in [
            (&target, "width", "100%"),
            (&target, "height", "100%"),
            (&target, "overflow", "hidden"),
            (video.unchecked_ref(), "display", "block"),
            (video.unchecked_ref(), "width", "100%"),
            (video.unchecked_ref(), "height", "100%"),
            (video.unchecked_ref(), "object-fit", scaling.object_fit()),
        ] {
            let _ = element.style().set_property(property, value);
        }
        if mirrored {
            let _ = video.style().set_property("transform", "scaleX(-1)");
        }
        target
            .append_child(&video)
            .map_err(MediaError::from_js("appendChild"))?;
        let view = Rc::new(Self {
            target,
            video,
            shown: RefCell::default(),
            told: RefCell::default(),
            frame_request: RefCell::default(),
            rendered: Cell::new(None),
            listeners: RefCell::default(),
            closed: Cell::new(false),
            counted: RefCell::new(Some((
                Counted::new(Resource::View),
                Counted::new(Resource::Element),
            ))),
        });
        view.listen();
        Ok(view)
    }

    fn listen(self: &Rc<Self>) {
        let on = |name: &'static str, then: fn(&Rc<Self>)| {
            let weak = Rc::downgrade(self);
            Listener::told(&self.video, name, move || {
                if let Some(view) = weak.upgrade() {
                    then(&view);
                }
            })
        };
        // A video that is taken out of the document is paused by the browser and, since it is
        // `autoplay` no longer then, stays paused when it is put back.
        let listeners = vec![
            on("pause", |view| view.play()),
            on("resize", |view| view.tell(true)),
        ];
        self.listeners.replace(listeners);
    }

    /// The element to put into the page.
    pub fn target(&self) -> &HtmlElement {
        &self.target
    }

    /// Shows a track, or nothing. The same track again changes nothing, so that a picture does not
    /// blink when its slot stays.
    pub fn show(self: &Rc<Self>, track: Option<&MediaStreamTrack>) {
        if self.closed.get() || self.shown.borrow().as_ref() == track {
            return;
        }
        self.shown.replace(track.cloned());
        match track.and_then(stream_of) {
            Some(stream) => {
                self.video.set_src_object(Some(&stream));
                self.play();
            }
            None => self.video.set_src_object(None),
        }
    }

    /// Changes how the picture fits.
    pub fn set_scaling(&self, scaling: Scaling) {
        let _ = self
            .video
            .style()
            .set_property("object-fit", scaling.object_fit());
    }

    /// The view is rendered in this size, in device pixels; 0 when nobody can see it.
    pub fn set_rendered(&self, width: u32, height: u32) {
        if self.rendered.replace(Some((width, height))) != Some((width, height)) {
            self.tell(false);
        }
    }

    /// What can be seen of it; nothing when it is hidden or closed.
    pub(super) fn pixels(&self) -> Option<Pixels> {
        let hidden = matches!(self.rendered.get(), Some((0, _) | (_, 0)));
        (!hidden && !self.closed.get()).then(|| self.rendered.get())
    }

    /// Ends rendering; the element leaves the document.
    pub fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        self.tell(false);
        self.frame_request.take();
        self.told.take();
        self.listeners.take();
        self.video.set_src_object(None);
        self.shown.take();
        self.target.remove();
        self.counted.take();
    }

    /// Calls `told` with true after the next shown frame and after every change of the picture's size,
    /// with false when [`View::pixels`] changes; until the view is closed or somebody else wants to know.
    pub(super) fn on_change(self: &Rc<Self>, told: Told) {
        self.told.replace(Some(told));
        self.ask_for_frame();
    }

    fn ask_for_frame(self: &Rc<Self>) {
        if self.closed.get() || !bindings::has(&self.video, "requestVideoFrameCallback") {
            return;
        }
        let weak: Weak<Self> = Rc::downgrade(self);
        let closure = Closure::<dyn FnMut()>::new(move || {
            if let Some(view) = weak.upgrade() {
                view.tell(true);
            }
        });
        let element: FrameElement = self.video.clone().unchecked_into();
        let id = element.request_video_frame_callback(closure.as_ref().unchecked_ref());
        self.frame_request.replace(Some(FrameRequest {
            element,
            id,
            _closure: closure,
        }));
    }

    fn tell(&self, frame: bool) {
        let told = self.told.borrow().clone();
        if let Some(told) = told {
            told(frame);
        }
    }

    fn play(self: &Rc<Self>) {
        if self.closed.get() || self.shown.borrow().is_none() {
            return;
        }
        let Ok(playing) = self.video.play() else {
            return;
        };
        crate::page::task::spawn(async move {
            // Rejected when the source changes meanwhile; the new source has its own `play`.
            let _ = JsFuture::from(playing).await;
        });
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.close();
    }
}

fn stream_of(track: &MediaStreamTrack) -> Option<MediaStream> {
    MediaStream::new_with_tracks(&js_sys::Array::of1(&JsValue::from(track))).ok()
}
