//! Cameras, microphones and speakers: listing, permission, opening.
//!
//! Nothing here prompts but [`ask_permission`] and [`open`].

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    MediaDeviceInfo, MediaDeviceKind, MediaDevices, MediaStream, MediaStreamConstraints,
    MediaStreamTrack,
};

use super::bindings;
use super::counters::{Counted, Resource};
use super::error::MediaError;
use super::guard::{Listener, Timeout};
use crate::values::{field, object, put};

/// Browsers tell of one plugged headset by several `devicechange` events in a row.
const SETTLE_MS: u32 = 100;

/// Kind of a device, as the facade names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// Video input.
    Camera,
    /// Audio input.
    Microphone,
    /// Audio output.
    Speaker,
}

/// A device; the name is empty until permission is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// `deviceId`; empty without permission.
    pub id: String,
    /// `label`.
    pub name: String,
    /// Kind.
    pub kind: DeviceKind,
    /// The system's default.
    pub is_system_default: bool,
}

/// What was permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// Microphone.
    pub audio: bool,
    /// Camera.
    pub video: bool,
}

fn media_devices() -> Result<MediaDevices, MediaError> {
    // Absent in an insecure context, and web-sys does not say so.
    let devices = field(&bindings::global("navigator"), "mediaDevices");
    if devices.is_undefined() || devices.is_null() {
        return Err(MediaError::InsecureContext);
    }
    Ok(devices.unchecked_into())
}

/// Whether `setSinkId` is there.
pub fn can_select_speaker() -> bool {
    let prototype = field(&bindings::global("HTMLMediaElement"), "prototype");
    prototype.is_object() && bindings::has(&prototype, "setSinkId")
}

/// All devices, as far as the page may know them.
pub async fn list() -> Result<Vec<DeviceInfo>, MediaError> {
    let found = media_devices()?
        .enumerate_devices()
        .map_err(MediaError::from_js("enumerateDevices"))?;
    let found = JsFuture::from(found)
        .await
        .map_err(MediaError::from_js("enumerateDevices"))?;
    let found: Vec<MediaDeviceInfo> = js_sys::Array::from(&found)
        .iter()
        .map(JsCast::unchecked_into)
        .collect();
    let mut devices: Vec<DeviceInfo> = found.iter().filter_map(device).collect();
    mark_defaults(&mut devices);
    Ok(devices)
}

fn device(info: &MediaDeviceInfo) -> Option<DeviceInfo> {
    let kind = match info.kind() {
        MediaDeviceKind::Videoinput => DeviceKind::Camera,
        MediaDeviceKind::Audioinput => DeviceKind::Microphone,
        MediaDeviceKind::Audiooutput => DeviceKind::Speaker,
        _ => return None,
    };
    let id = info.device_id();
    Some(DeviceInfo {
        is_system_default: id == "default",
        id,
        name: info.label(),
        kind,
    })
}

/// Chromium lists the default as a device of its own; elsewhere the first of a kind is it.
fn mark_defaults(devices: &mut [DeviceInfo]) {
    for kind in [
        DeviceKind::Camera,
        DeviceKind::Microphone,
        DeviceKind::Speaker,
    ] {
        let mut of_kind: Vec<&mut DeviceInfo> = devices
            .iter_mut()
            .filter(|device| device.kind == kind)
            .collect();
        if of_kind.iter().all(|device| !device.is_system_default) {
            if let Some(first) = of_kind.first_mut() {
                first.is_system_default = true;
            }
        }
    }
}

/// Asks for what is not granted yet, with one prompt; a device that is missing or refused does not
/// keep the other from being granted. Called often (acs-api 2.2), so it is cheap when nothing is to
/// be asked.
pub async fn ask_permission(audio: bool, video: bool) -> Result<Permission, MediaError> {
    media_devices()?;
    let (mut given, mut open) = ([false; 2], [false; 2]);
    for (at, name) in ["microphone", "camera"].into_iter().enumerate() {
        if [audio, video][at] {
            given[at] = state(name).await.as_deref() == Some("granted");
            open[at] = !given[at];
        }
    }
    // `getUserMedia` gives both or nothing: one missing camera must not cost the microphone.
    let mut attempts = vec![open];
    while let Some([audio, video]) = attempts.pop() {
        if !(audio || video) {
            continue;
        }
        match get_user_media(audio.into(), video.into()).await {
            Ok(tracks) => {
                for track in tracks.iter() {
                    track.unchecked_into::<MediaStreamTrack>().stop();
                }
                given = [given[0] || audio, given[1] || video];
            }
            Err(MediaError::Device(_)) if audio && video => {
                attempts.extend([[false, true], [true, false]]);
            }
            Err(_) => {}
        }
    }
    let [audio, video] = given;
    Ok(Permission { audio, video })
}

/// `granted`, `denied`, `prompt`; `None` where the Permissions API does not know the device (Firefox
/// before 131).
async fn state(name: &str) -> Option<String> {
    let permissions = field(&bindings::global("navigator"), "permissions");
    let permissions: web_sys::Permissions = permissions.dyn_into().ok()?;
    let asked = permissions
        .query(object!([("name", name.into())]).unchecked_ref())
        .ok()?;
    field(&JsFuture::from(asked).await.ok()?, "state").as_string()
}

/// What a browser opens; one future for all who ask it.
type Tracks = Pin<Box<dyn Future<Output = Result<js_sys::Array, MediaError>>>>;

fn get_user_media(audio: JsValue, video: JsValue) -> Tracks {
    Box::pin(async move {
        let constraints = MediaStreamConstraints::new();
        constraints.set_audio(&audio);
        constraints.set_video(&video);
        let asked = media_devices()?
            .get_user_media_with_constraints(&constraints)
            .map_err(MediaError::from_get_user_media)?;
        let stream = JsFuture::from(asked)
            .await
            .map_err(MediaError::from_get_user_media)?;
        Ok(stream.unchecked_into::<MediaStream>().get_tracks())
    })
}

/// A microphone that the SDK opened: dropping it stops it.
#[derive(Debug)]
pub struct Microphone {
    track: MediaStreamTrack,
    _counted: Counted,
}

impl Microphone {
    /// Takes a track that [`open`] gave.
    pub fn new(track: MediaStreamTrack) -> Self {
        Self {
            track,
            _counted: Counted::new(Resource::Track),
        }
    }

    /// The track: the same JavaScript object each time. (`track.clone()` would be JavaScript's
    /// method, which makes another track that nobody stops.)
    pub fn track(&self) -> MediaStreamTrack {
        Clone::clone(&self.track)
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        self.track.stop();
    }
}

/// What the browser does to a microphone's sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // three switches of the browser's
pub struct Cleaning {
    /// `echoCancellation`.
    pub echo: bool,
    /// `noiseSuppression`.
    pub noise: bool,
    /// `autoGainControl`.
    pub gain: bool,
}

impl Default for Cleaning {
    fn default() -> Self {
        Self {
            echo: true,
            noise: true,
            gain: true,
        }
    }
}

/// Opens a microphone with this cleaning, or a camera; the caller stops the track. An empty id is the
/// system's default. Boxed: one future for all who open something.
pub fn open(microphone: Option<Cleaning>, device_id: &str) -> Opening {
    let constraints = match microphone {
        Some(cleaning) => object!([
            ("echoCancellation", cleaning.echo.into()),
            ("noiseSuppression", cleaning.noise.into()),
            ("autoGainControl", cleaning.gain.into()),
        ]),
        None => {
            let size = |ideal: u32| object!([("ideal", ideal.into())]);
            object!([
                ("width", size(1280)),
                ("height", size(720)),
                (
                    "frameRate",
                    object!([("ideal", 30.into()), ("max", 30.into())]),
                ),
            ])
        }
    };
    if !device_id.is_empty() {
        let exact = object!([("exact", device_id.into())]);
        put(&constraints, "deviceId", exact);
    }
    let (audio, video) = match microphone {
        Some(_) => (constraints, JsValue::FALSE),
        None => (JsValue::FALSE, constraints),
    };
    let opening = get_user_media(audio, video);
    Box::pin(async move {
        let track = opening.await?.get(0);
        track
            .dyn_into()
            .map_err(|_| MediaError::Device("the stream has no track".to_owned()))
    })
}

/// What [`open`] is waiting for.
pub type Opening = Pin<Box<dyn Future<Output = Result<MediaStreamTrack, MediaError>>>>;

/// Which lists changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DevicesChanged {
    /// Cameras.
    pub video: bool,
    /// Microphones or speakers.
    pub audio: bool,
}

/// Tells of changes until it is dropped.
pub struct Watch {
    _listener: Listener,
    _state: Rc<WatchState>,
}

struct WatchState {
    before: RefCell<Vec<DeviceInfo>>,
    settling: RefCell<Option<Timeout>>,
    changed: RefCell<Box<dyn FnMut(DevicesChanged)>>,
}

/// Calls `changed` when devices come or go, or get their names with a permission (browsers tell of
/// that by `devicechange`, too, or not at all: [`Watch::look`]).
pub fn watch(changed: impl FnMut(DevicesChanged) + 'static) -> Result<Watch, MediaError> {
    let state = Rc::new(WatchState {
        before: RefCell::default(),
        settling: RefCell::default(),
        changed: RefCell::new(Box::new(changed)),
    });
    let weak = Rc::downgrade(&state);
    let devices = media_devices()?;
    let listener = Listener::told(&devices, "devicechange", move || {
        let Some(state) = weak.upgrade() else { return };
        let weak = weak.clone();
        let settle = Timeout::new(SETTLE_MS, move || {
            if let Some(state) = weak.upgrade() {
                look(state);
            }
        });
        state.settling.replace(Some(settle));
    });
    let watch = Watch {
        _listener: listener,
        _state: state,
    };
    watch.look();
    Ok(watch)
}

impl Watch {
    /// Compare now: after a permission was given.
    pub fn look(&self) {
        look(self._state.clone());
    }
}

fn look(state: Rc<WatchState>) {
    state.settling.take();
    let weak = Rc::downgrade(&state);
    crate::page::task::spawn(async move {
        let Ok(now) = list().await else { return };
        let Some(state) = weak.upgrade() else { return };
        let before = state.before.replace(now.clone());
        let differs = |video: bool| {
            let of = |devices: &[DeviceInfo]| -> Vec<DeviceInfo> {
                devices
                    .iter()
                    .filter(|d| (d.kind == DeviceKind::Camera) == video)
                    .cloned()
                    .collect()
            };
            of(&before) != of(&now)
        };
        let told = DevicesChanged {
            video: differs(true),
            audio: differs(false),
        };
        if told.video || told.audio {
            (state.changed.borrow_mut())(told);
        }
    });
}
