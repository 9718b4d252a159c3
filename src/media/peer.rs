//! The peer connection: its sections are made once, at construction, and filled later.
//!
//! Order of sections: microphone, camera, audio slots, video slots, data channels; the screen and its
//! sound when they are shared first. Nothing here decides when to offer; `signalling.rs` does.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, JsString, Promise};
use plenary_protocol::agent::{IceServer, TrackSource};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    MediaStreamTrack, RtcBundlePolicy, RtcConfiguration, RtcDataChannel, RtcDataChannelInit,
    RtcIceServer, RtcPeerConnection, RtcPeerConnectionState, RtcRtpReceiver, RtcRtpTransceiver,
    RtcRtpTransceiverDirection, RtcRtpTransceiverInit, RtcSdpType, RtcSessionDescriptionInit,
};

use super::bindings::{self, ChoosyTransceiver, ModernPeerConnection};
use super::counters::{Counted, Resource};
use super::error::MediaError;
use super::negotiation::Wanted;
use super::sdp::with_dtx;
use super::sender::Sender;
use super::signalling::Transport;
use super::simulcast::{Demand, Limit, Size};
use crate::values::field;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Audio,
    Video,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Audio => "audio",
            Kind::Video => "video",
        }
    }
}

/// One `RTCPeerConnection`; dropping it closes it.
pub(super) struct Peer {
    connection: ModernPeerConnection,
    sending: RefCell<Vec<Rc<Sender>>>,
    receiving: RefCell<Vec<(Kind, RtcRtpTransceiver)>>,
    /// Held so that they stay open.
    _channels: [RtcDataChannel; 2],
    _counted: Counted,
}

impl Peer {
    pub(super) fn new(
        audio_slots: u32,
        video_slots: u32,
        ice_servers: &[IceServer],
    ) -> Result<Self, MediaError> {
        if !bindings::global("RTCPeerConnection").is_function() {
            return Err(MediaError::NoWebRtc);
        }
        let configuration = configuration(ice_servers);
        let connection = RtcPeerConnection::new_with_configuration(&configuration)
            .map_err(MediaError::from_js("RTCPeerConnection"))?;
        let counted = Counted::new(Resource::PeerConnection);
        // Not the screen's: LiveKit's server takes a section that could send for the first announced
        // track of its kind, and what the microphone sends would go nowhere.
        let sending = [TrackSource::Microphone, TrackSource::Camera]
            .map(|source| Sender::new(&connection, source));
        let channels = [
            connection.create_data_channel("_reliable"),
            connection.create_data_channel_with_data_channel_dict("_lossy", &lossy()),
        ];
        let peer = Self {
            connection: connection.unchecked_into(),
            sending: RefCell::new(sending.into()),
            receiving: RefCell::default(),
            _channels: channels,
            _counted: counted,
        };
        peer.add_receivers(audio_slots, video_slots);
        Ok(peer)
    }

    pub(super) fn target(&self) -> &ModernPeerConnection {
        &self.connection
    }

    /// Its state, as the signalling sees it.
    pub(super) fn transport(&self) -> Transport {
        match self.connection.connection_state() {
            RtcPeerConnectionState::Connected => Transport::Up,
            RtcPeerConnectionState::Disconnected => Transport::Doubtful,
            RtcPeerConnectionState::Failed | RtcPeerConnectionState::Closed => Transport::Failed,
            _ => Transport::New,
        }
    }

    fn add_receivers(&self, audios: u32, videos: u32) {
        for (kind, count) in [(Kind::Audio, audios), (Kind::Video, videos)] {
            if count == 0 {
                continue;
            }
            // Once for all of them: listing what the browser has is felt where sections are many.
            let codecs = codecs(kind);
            for _ in 0..count {
                let receiver = receiver(&self.connection, kind, &codecs);
                self.receiving.borrow_mut().push((kind, receiver));
            }
        }
    }

    /// Asks the browser for an offer, at once: it is made on another thread, while the page is told what is new.
    pub(super) fn begin_offer(&self, wanted: Wanted) -> Promise {
        self.add_receivers(wanted.audios, wanted.videos);
        if wanted.ice_restart {
            self.connection.restart_ice();
        }
        self.connection.create_offer().unchecked_into()
    }

    /// The offer as the browser has set it; candidates are not waited for, since the engine answers
    /// whoever asks from wherever (ICE-lite).
    pub(super) async fn offer(&self, begun: Promise) -> Result<String, MediaError> {
        let offer = JsFuture::from(begun)
            .await
            .map_err(MediaError::from_js("createOffer"))?;
        let set = self.connection.set_local_description(offer.unchecked_ref());
        JsFuture::from(set)
            .await
            .map_err(MediaError::from_js("setLocalDescription"))?;
        self.connection
            .local_description()
            .map(|set| set.sdp())
            .ok_or(MediaError::Closed)
    }

    pub(super) async fn answer(&self, sdp: &str) -> Result<(), MediaError> {
        let answer = RtcSessionDescriptionInit::new(RtcSdpType::Answer);
        answer.set_sdp(&with_dtx(sdp));
        let set = self.connection.set_remote_description(&answer);
        JsFuture::from(set)
            .await
            .map_err(MediaError::from_js("setRemoteDescription"))?;
        // An engine without simulcast leaves one layer of several.
        self.sending.borrow().iter().for_each(Sender::shape);
        Ok(())
    }

    /// From an engine that trickles.
    pub(super) async fn candidate(&self, json: &str) {
        if let Ok(candidate) = js_sys::JSON::parse(json) {
            // A candidate of an older generation is refused, and that is well.
            let _ = JsFuture::from(self.connection.add_ice_candidate(&candidate)).await;
        }
    }

    pub(super) fn set_ice_servers(&self, servers: &[IceServer]) {
        // Refused for a malformed URL: then those of before stay.
        let _ = self
            .connection
            .set_configuration_with_configuration(&configuration(servers));
    }

    /// The sections that send, with their sources; empty before the first offer.
    pub(super) fn sending_mids(&self) -> Vec<(TrackSource, String)> {
        let named = |sender: &Rc<Sender>| Some((sender.source, sender.transceiver.mid()?));
        self.sending.borrow().iter().filter_map(named).collect()
    }

    fn sender(&self, source: TrackSource) -> Option<Rc<Sender>> {
        let sending = self.sending.borrow();
        sending
            .iter()
            .find(|sender| sender.source == source)
            .cloned()
    }

    /// Feeds a sending section, or stops feeding it: with no track nothing is sent at all. The size of
    /// a picture.
    pub(super) fn send(
        &self,
        source: TrackSource,
        track: Option<&MediaStreamTrack>,
    ) -> Option<Size> {
        let sender = self.sender(source).or_else(|| {
            let sender = track.map(|_| Sender::new(&self.connection, source))?;
            self.sending.borrow_mut().push(sender.clone());
            Some(sender)
        });
        sender?.feed(track)
    }

    /// Sends the layers of a source that somebody wants.
    pub(super) fn demand(&self, source: TrackSource, demand: Demand) {
        if let Some(sender) = self.sender(source) {
            sender.demand(demand);
        }
    }

    /// The camera is sent within these limits.
    pub(super) fn limit(&self, limit: Limit) {
        for sender in &*self.sending.borrow() {
            sender.limit(limit);
        }
    }

    pub(super) fn receiver(&self, mid: &str) -> Option<RtcRtpReceiver> {
        let receiving = self.receiving.borrow();
        let found = receiving
            .iter()
            .find(|(_, transceiver)| transceiver.mid().as_deref() == Some(mid));
        found.map(|(_, transceiver)| transceiver.receiver())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.connection.close();
    }
}

fn configuration(servers: &[IceServer]) -> RtcConfiguration {
    let configuration = RtcConfiguration::new();
    configuration.set_bundle_policy(RtcBundlePolicy::MaxBundle);
    let servers: Array = servers
        .iter()
        .map(|server| JsValue::from(ice_server(server)))
        .collect();
    configuration.set_ice_servers(&servers);
    configuration
}

fn ice_server(server: &IceServer) -> RtcIceServer {
    let described = RtcIceServer::new();
    let urls: Array = server
        .urls
        .iter()
        .map(|url| JsValue::from(JsString::from(url.as_str())))
        .collect();
    described.set_urls(&urls);
    if let Some(username) = &server.username {
        described.set_username(username);
    }
    if let Some(credential) = &server.credential {
        described.set_credential(credential);
    }
    described
}

fn lossy() -> RtcDataChannelInit {
    let init = RtcDataChannelInit::new();
    init.set_ordered(false);
    init.set_max_retransmits(0);
    init
}

fn receiver(connection: &RtcPeerConnection, kind: Kind, codecs: &Array) -> RtcRtpTransceiver {
    let init = RtcRtpTransceiverInit::new();
    init.set_direction(RtcRtpTransceiverDirection::Recvonly);
    let transceiver = connection.add_transceiver_with_str_and_init(kind.name(), &init);
    prefer(&transceiver, codecs);
    transceiver
}

/// What the engine has, and no more: the offer with all its slots travels in one message.
pub(super) fn codecs(kind: Kind) -> Array {
    let wanted = Array::new();
    if let Some(capabilities) = RtcRtpReceiver::get_capabilities(kind.name()) {
        for codec in Array::from(&field(&capabilities, "codecs")).iter() {
            match preference(&codec) {
                Preference::First => wanted.unshift(&codec),
                Preference::Wanted => wanted.push(&codec),
                Preference::Unwanted => continue,
            };
        }
    }
    wanted
}

/// The same in all sections of a kind: servers negotiate by the first one.
pub(super) fn prefer(transceiver: &RtcRtpTransceiver, codecs: &Array) {
    if codecs.length() > 0 && bindings::has(transceiver, "setCodecPreferences") {
        // Throws only for codecs that are not among the capabilities.
        let _ = transceiver
            .unchecked_ref::<ChoosyTransceiver>()
            .set_codec_preferences(codecs);
    }
}

enum Preference {
    First,
    Wanted,
    Unwanted,
}

/// Opus, best with redundancy (RFC 2198: a lost packet is in the next one); VP8, and of H.264's many
/// profiles the one that WebRTC demands (RFC 7742): constrained baseline in packetization mode 1;
/// retransmissions of each.
fn preference(codec: &JsValue) -> Preference {
    let text = |name: &str| {
        let value = field(codec, name).as_string();
        value.unwrap_or_default().to_ascii_lowercase()
    };
    match text("mimeType").as_str() {
        "audio/red" => Preference::First,
        "audio/opus" | "video/vp8" | "video/rtx" => Preference::Wanted,
        "video/h264" => {
            let fmtp = text("sdpFmtpLine");
            let has = |start: &str| fmtp.split(';').any(|part| part.trim().starts_with(start));
            match has("profile-level-id=42e0") && has("packetization-mode=1") {
                true => Preference::Wanted,
                false => Preference::Unwanted,
            }
        }
        _ => Preference::Unwanted,
    }
}
