//! One sending section: its track, and the layers in which it is sent.
//!
//! `simulcast.rs` decides which layers; here they are put into the sender's parameters, one change at
//! a time (a second `setParameters` before the first has ended is refused).

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Array, Object};
use plenary_protocol::agent::TrackSource;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    MediaStreamTrack, RtcPeerConnection, RtcRtpTransceiver, RtcRtpTransceiverDirection,
    RtcRtpTransceiverInit,
};

use super::bindings::{HintedTrack, ShapedSender};
use super::peer::{codecs, prefer, Kind};
use super::simulcast::{self, Demand, Layer, Limit, Size, RIDS};
use crate::values::{field, object, put as set};

/// Speech: 32 kbit/s are transparent enough; the rest is room for loss protection.
const MICROPHONE_BPS: u32 = 48_000;
/// Sound of a film or of music.
const SCREEN_SOUND_BPS: u32 = 96_000;

/// A section that sends a source for the life of the connection.
pub(super) struct Sender {
    pub(super) source: TrackSource,
    pub(super) transceiver: RtcRtpTransceiver,
    size: Cell<Size>,
    /// A screen with moving pictures (`contentHint`).
    motion: Cell<bool>,
    demand: Cell<Demand>,
    limit: Cell<Limit>,
    shaping: Cell<Shaping>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shaping {
    Idle,
    Busy,
    /// Something changed meanwhile.
    Again,
}

impl Sender {
    pub(super) fn new(connection: &RtcPeerConnection, source: TrackSource) -> Rc<Self> {
        let (kind, bps, rids) = match source {
            TrackSource::Microphone => (Kind::Audio, MICROPHONE_BPS, 0),
            TrackSource::ScreenShareAudio => (Kind::Audio, SCREEN_SOUND_BPS, 0),
            TrackSource::Camera => (Kind::Video, 0, RIDS.len()),
            TrackSource::ScreenShare => (Kind::Video, 0, RIDS.len() - 1),
        };
        let size = simulcast::size(source);
        let encodings = Array::new();
        for (layer, rid) in simulcast::layers(source, size, false)
            .iter()
            .zip(RIDS)
            .take(rids)
        {
            let encoding = object!([("rid", rid.into())]);
            put(&encoding, layer);
            encodings.push(&encoding);
        }
        if rids == 0 {
            encodings.push(&object!([("maxBitrate", bps.into())]));
        }
        let init = RtcRtpTransceiverInit::new();
        init.set_direction(RtcRtpTransceiverDirection::Sendonly);
        init.set_send_encodings(&encodings);
        let transceiver = connection.add_transceiver_with_str_and_init(kind.name(), &init);
        prefer(&transceiver, &codecs(kind));
        Rc::new(Self {
            source,
            transceiver,
            size: Cell::new(size),
            motion: Cell::default(),
            demand: Cell::default(),
            limit: Cell::default(),
            shaping: Cell::new(Shaping::Idle),
        })
    }

    /// Sends a track, or nothing; the size of a picture as far as it is known.
    pub(super) fn feed(self: &Rc<Self>, track: Option<&MediaStreamTrack>) -> Option<Size> {
        let mut size = None;
        if let Some(track) = track.filter(|track| track.kind() == "video") {
            let settings = track.unchecked_ref::<HintedTrack>().settings();
            let pixels = |name| field(&settings, name).as_f64().unwrap_or_default() as u32;
            size = Some(Size(pixels("width"), pixels("height"))).filter(|s| s.0 > 0 && s.1 > 0);
            // A canvas says its size only after its first picture.
            self.size.set(size.unwrap_or(simulcast::size(self.source)));
            self.motion.set(self.hint(track));
            self.shape();
        }
        let replacing = JsFuture::from(self.transceiver.sender().replace_track(track));
        crate::page::task::spawn(async move {
            // Rejected only when the connection is closed meanwhile.
            let _ = replacing.await;
        });
        size
    }

    /// What a screen shows is its owner's to say; unless said, it is something to read.
    fn hint(&self, track: &MediaStreamTrack) -> bool {
        let hint = field(track, "contentHint").as_string();
        if self.source == TrackSource::ScreenShare && hint.as_deref() == Some("") {
            track
                .unchecked_ref::<HintedTrack>()
                .set_content_hint("detail");
        }
        hint.as_deref() == Some("motion")
    }

    /// Sends these layers only.
    pub(super) fn demand(self: &Rc<Self>, demand: Demand) {
        if self.demand.replace(demand) != demand {
            self.shape();
        }
    }

    /// Sends a camera within these limits; nothing else has any.
    pub(super) fn limit(self: &Rc<Self>, limit: Limit) {
        if self.source == TrackSource::Camera && self.limit.replace(limit) != limit {
            self.shape();
        }
    }

    /// Brings the sender's parameters up to date. Sound has nothing to shape.
    pub(super) fn shape(self: &Rc<Self>) {
        if !matches!(self.source, TrackSource::Camera | TrackSource::ScreenShare) {
            return;
        }
        if self.shaping.get() != Shaping::Idle {
            return self.shaping.set(Shaping::Again);
        }
        let sender: ShapedSender = self.transceiver.sender().unchecked_into();
        let parameters = sender.get_parameters();
        self.put_layers(&parameters);
        let Ok(setting) = sender.set_parameters(&parameters) else {
            return;
        };
        self.shaping.set(Shaping::Busy);
        let me = Rc::downgrade(self);
        crate::page::task::spawn(async move {
            // Rejected when the connection is closed, or negotiated anew at this moment: then the
            // answer brings the next call.
            let _ = JsFuture::from(setting).await;
            let Some(me) = me.upgrade() else { return };
            if me.shaping.replace(Shaping::Idle) == Shaping::Again {
                me.shape();
            }
        });
    }

    fn put_layers(&self, parameters: &Object) {
        let size = self.size.get();
        let mut layers = simulcast::layers(self.source, size, self.motion.get());
        self.limit.get().apply(size, &mut layers);
        let encodings = Array::from(&field(parameters, "encodings"));
        // The engine took one layer: the whole picture.
        let skipped = if encodings.length() == 1 {
            layers.len() - 1
        } else {
            0
        };
        let demand = self.demand.get();
        for at in 0..encodings.length() {
            let encoding = encodings.get(at);
            let at = at as usize + skipped;
            set(&encoding, "active", demand.wants(at, layers.len()).into());
            if let Some(layer) = layers.get(at) {
                put(&encoding, layer);
            }
        }
        set(parameters, "encodings", encodings.into());
        let keeps = match (self.source, self.motion.get()) {
            (TrackSource::ScreenShare, false) => "maintain-resolution",
            (TrackSource::ScreenShare, true) => "balanced",
            _ => "maintain-framerate",
        };
        set(parameters, "degradationPreference", keeps.into());
    }
}

fn put(encoding: &JsValue, layer: &Layer) {
    set(encoding, "scaleResolutionDownBy", layer.scale.into());
    set(encoding, "maxBitrate", layer.bps.into());
    set(encoding, "maxFramerate", layer.fps.into());
}
