//! Peers with cameras: VP8 by simulcast, so that layers can be chosen.

use std::time::Instant;

use str0m::media::{MediaKind, Rid, Simulcast, SimulcastLayer};
use str0m::rtp::RtpWrite;

use super::Peer;

/// What the peers of a world send and receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Sound,
    Pictures,
}

/// The layers of a picture, smallest first, and the bytes of a frame of each.
pub(crate) const LAYERS: [(&str, usize); 3] = [("q", 100), ("h", 300), ("f", 900)];

impl Media {
    pub fn kind(self) -> MediaKind {
        match self {
            Self::Sound => MediaKind::Audio,
            Self::Pictures => MediaKind::Video,
        }
    }

    pub fn layers(self) -> Vec<Rid> {
        match self {
            Self::Sound => Vec::new(),
            Self::Pictures => LAYERS.iter().map(|(rid, _)| Rid::from(*rid)).collect(),
        }
    }

    pub fn simulcast(self) -> Option<Simulcast> {
        let send: Vec<_> = self
            .layers()
            .iter()
            .map(|r| SimulcastLayer::new(r))
            .collect();
        let recv = Vec::new();
        (!send.is_empty()).then_some(Simulcast { send, recv })
    }
}

/// An encoder, and what was seen of others'.
#[derive(Debug, Default)]
pub(crate) struct Camera {
    /// Layers whose next frame is no key frame.
    going: [bool; LAYERS.len()],
    /// Packets seen of each layer.
    pub seen: [u64; LAYERS.len()],
}

impl Camera {
    pub fn asked(&mut self, rid: Option<Rid>) {
        let layers = LAYERS.iter().zip(&mut self.going);
        let asked = layers.filter(|((name, _), _)| rid.is_none_or(|rid| *rid == **name));
        asked.for_each(|(_, going)| *going = false);
    }

    /// Whether the next frame of a layer, which is made now, is a key frame.
    pub fn begins(&mut self, layer: usize) -> bool {
        !std::mem::replace(&mut self.going[layer], true)
    }

    /// A layer is not sent: what comes of it next is a key frame.
    pub fn stop(&mut self, layer: usize) {
        self.going[layer] = false;
    }

    /// Which layer it is of shows in its size.
    pub fn seen(&mut self, payload: &[u8]) {
        let layer = LAYERS.iter().position(|(_, size)| *size == payload.len());
        if let Some(layer) = layer {
            self.seen[layer] += 1;
        }
    }
}

impl Peer {
    /// A frame of each layer.
    pub fn show(&mut self, now: Instant) {
        if !self.rtc.is_connected() {
            return;
        }
        self.sent += 1;
        let pt = self.rtc.codec_config().params()[0].pt();
        for (layer, (rid, size)) in LAYERS.into_iter().enumerate() {
            let key = self.camera.begins(layer);
            let payload = frame(self.sent, key, size, &[self.name as u8]);
            let mut api = self.rtc.direct_api();
            let stream = api.stream_tx_by_mid(self.source, Some(rid.into()));
            let time = (self.sent * 1_800) as u32;
            let write = RtpWrite::new(pt, self.sent.into(), time, now, payload).marker(true);
            stream.expect("a sending layer").write_rtp(write);
        }
    }
}

/// A VP8 frame in one packet (RFC 7741), with words of the sender's at its end.
pub(crate) fn frame(picture: u64, key: bool, size: usize, words: &[u8]) -> Vec<u8> {
    let (picture, tl0) = (picture as u16 & 0x7fff | 0x8000, picture as u8);
    let [high, low] = picture.to_be_bytes();
    let mut payload = vec![0x90, 0xe0, high, low, tl0, 0x00];
    match key {
        // Frame tag (shown key frame), start code, 640 x 360.
        true => payload.extend([0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]),
        false => payload.extend([0x11, 0x02, 0x00]),
    }
    payload.resize(size - words.len(), 0);
    payload.extend(words);
    payload
}
