//! A section in which a session publishes: which simulcast layer goes on, when a key frame is
//! asked for, how loud it is.

use std::time::{Duration, Instant};

use str0m::media::{KeyframeRequestKind, Mid, Rid};
use str0m::Rtc;

use super::command::Upstream;
use super::forward::TrackKey;

/// A key frame that was asked for and did not come is asked for again after this, so many times.
const KEYFRAME_RETRY: Duration = Duration::from_millis(350);
const KEYFRAME_RETRIES: u32 = 10;
/// After a key frame came, the next is asked for no sooner: libwebrtc's encoder ignores requests
/// within 300 ms of the last key frame.
const KEYFRAME_PAUSE: Duration = Duration::from_millis(300);
/// A simulcast layer that sent nothing for so long has been stopped by its encoder; even a shared
/// screen's layers send five frames a second.
const LAYER_SILENCE: Duration = Duration::from_millis(400);

/// A published section.
#[derive(Debug)]
pub(crate) struct UpTrack {
    pub mid: Mid,
    pub key: TrackKey,
    pub audio: bool,
    pub open: bool,
    layers: Vec<Layer>,
    current: Option<usize>,
    keyframe: Keyframe,
    /// The loudest since the last report, as RFC 6464's level (dBov, 0 is loudest).
    peak: Option<i8>,
}

#[derive(Debug)]
struct Layer {
    rid: Rid,
    last_packet: Option<Instant>,
}

/// Where the asking for a key frame stands.
#[derive(Debug, Default)]
struct Keyframe {
    wanted: bool,
    asked: Option<Instant>,
    came: Option<Instant>,
    unanswered: u32,
}

impl UpTrack {
    pub fn new(upstream: Upstream) -> Self {
        let layers = upstream.layers.into_iter().map(|rid| Layer {
            rid,
            last_packet: None,
        });
        Self {
            mid: upstream.mid,
            key: upstream.key,
            audio: upstream.audio,
            open: upstream.open,
            layers: layers.collect(),
            current: None,
            keyframe: Keyframe::default(),
            peak: None,
        }
    }

    /// Whether a packet of this layer goes on. Without simulcast everything does; with it the best
    /// layer that flows, and a change waits for the new layer's key frame.
    pub fn passes(&mut self, rid: Option<Rid>, starts_keyframe: bool, now: Instant) -> bool {
        let passes = self.layer_passes(rid, starts_keyframe, now);
        if passes && starts_keyframe && !self.audio {
            // It reaches everybody who wanted one: whoever asks is routed before.
            self.keyframe = Keyframe {
                came: Some(now),
                asked: self.keyframe.asked,
                ..Default::default()
            };
        }
        passes
    }

    fn layer_passes(&mut self, rid: Option<Rid>, starts_keyframe: bool, now: Instant) -> bool {
        let Some(rid) = rid else {
            return true;
        };
        let Some(index) = self.layers.iter().position(|l| l.rid == rid) else {
            return false;
        };
        self.layers[index].last_packet = Some(now);
        let Some(best) = self.best_layer(now) else {
            return false;
        };
        if self.current == Some(index) && (index == best || self.flows(index, now)) {
            if index != best && !self.keyframe.wanted {
                self.want_keyframe();
            }
            return true;
        }
        if index == best && starts_keyframe {
            self.current = Some(index);
            return true;
        }
        if index == best && !self.keyframe.wanted {
            self.want_keyframe();
        }
        false
    }

    fn flows(&self, index: usize, now: Instant) -> bool {
        self.layers[index]
            .last_packet
            .is_some_and(|at| now.saturating_duration_since(at) < LAYER_SILENCE)
    }

    fn best_layer(&self, now: Instant) -> Option<usize> {
        (0..self.layers.len()).rev().find(|&i| self.flows(i, now))
    }

    pub fn want_keyframe(&mut self) {
        self.keyframe.wanted = !self.audio;
        self.keyframe.unanswered = 0;
    }

    /// Ask the publisher for a key frame if one is wanted and it is time; true if the session has
    /// to be drained. What is too early is remembered.
    pub fn ask_keyframe(&mut self, rtc: &mut Rtc, now: Instant) -> bool {
        let state = &self.keyframe;
        if !state.wanted || !self.open {
            return false;
        }
        let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
        let answered = state.came >= state.asked;
        let early = match answered {
            true => since(state.came).is_some_and(|d| d < KEYFRAME_PAUSE),
            false => since(state.asked).is_some_and(|d| d < KEYFRAME_RETRY),
        };
        if early {
            return false;
        }
        let rid = self.best_layer(now).map(|i| self.layers[i].rid);
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_rx_by_mid(self.mid, rid) else {
            // Nothing was received yet; an encoder's first frame is a key frame.
            self.keyframe.wanted = false;
            return false;
        };
        stream.request_keyframe(KeyframeRequestKind::Pli);
        self.keyframe.asked = Some(now);
        self.keyframe.unanswered += 1;
        self.keyframe.wanted = self.keyframe.unanswered < KEYFRAME_RETRIES;
        true
    }

    pub fn heard(&mut self, level: Option<i8>) {
        if let Some(level) = level {
            self.peak = Some(self.peak.map_or(level, |peak| peak.max(level)));
        }
    }

    /// The peak since the last call, as a share of full scale.
    pub fn take_level(&mut self) -> Option<f32> {
        let level = self.peak.take()?;
        Some(10f32.powf(f32::from(level) / 20.0))
    }
}

/// Sort layer names from small to large: `q`, `h`, `f` as LiveKit's clients name them, others in
/// the order of the offer, which is ascending in Chromium and Firefox alike.
pub(crate) fn sort_layers(layers: &mut [Rid]) {
    let rank = |rid: &Rid| match &**rid {
        "q" => 0,
        "h" => 1,
        "f" => 2,
        _ => 1,
    };
    layers.sort_by_key(rank);
}
