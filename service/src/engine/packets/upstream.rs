//! A section in which a session publishes: its layers, what each costs, when a key frame is asked
//! for, how loud it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::media::{Mid, Rid};

use super::command::Upstream;
use super::dependency::{Frame, Reader};
use super::forward::{Forward, TrackKey};
use super::layers::{Meter, Rates, SPATIAL};
use super::memory::Memory;
use super::receiving::receiver::Receiver;
use super::receiving::sections::Place;
use super::red::Since;

/// A key frame that was asked for and did not come is asked for again after this, so many times.
const KEYFRAME_RETRY: Duration = Duration::from_millis(350);
const KEYFRAME_RETRIES: u32 = 10;
/// After a key frame came, the next is asked for no sooner: libwebrtc's encoder ignores requests
/// within 300 ms of the last key frame.
const KEYFRAME_PAUSE: Duration = Duration::from_millis(300);

/// A published section.
#[derive(Debug)]
pub(crate) struct UpTrack {
    pub mid: Mid,
    pub key: TrackKey,
    pub audio: bool,
    pub open: bool,
    /// The smallest first; one without a name where there is no simulcast.
    layers: Vec<UpLayer>,
    meter: Meter,
    /// Sound of before this is not repeated to anybody.
    since: Since,
    memory: Memory,
    /// The loudest since the last report, as RFC 6464's level (dBov, 0 is loudest).
    peak: Option<i8>,
}

#[derive(Debug)]
struct UpLayer {
    rid: Option<Rid>,
    keyframe: Keyframe,
    dependency: Reader,
    /// Since when nothing makes sense that arrives.
    puzzled: Option<Instant>,
}

/// Where the asking for a key frame stands.
#[derive(Debug, Default)]
struct Keyframe {
    wanted: bool,
    asked: Option<Instant>,
    came: Option<Instant>,
    unanswered: u32,
}

impl Keyframe {
    fn want(&mut self) {
        self.wanted = true;
        self.unanswered = 0;
    }

    /// Whether it is time to ask. What is too early is remembered.
    fn is_due(&self, now: Instant) -> bool {
        if !self.wanted {
            return false;
        }
        let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
        let answered = self.came >= self.asked;
        let early = match answered {
            true => since(self.came).is_some_and(|d| d < KEYFRAME_PAUSE),
            false => since(self.asked).is_some_and(|d| d < KEYFRAME_RETRY),
        };
        !early
    }
}

impl UpTrack {
    pub fn new(upstream: Upstream, rates: Arc<Rates>) -> Self {
        let mut rids: Vec<Option<Rid>> = upstream.layers.into_iter().map(Some).collect();
        if rids.is_empty() {
            rids.push(None);
        }
        rids.truncate(SPATIAL);
        let layers = rids.into_iter().map(|rid| UpLayer {
            rid,
            keyframe: Keyframe::default(),
            dependency: Reader::default(),
            puzzled: None,
        });
        Self {
            mid: upstream.mid,
            key: upstream.key,
            audio: upstream.audio,
            open: upstream.open,
            layers: layers.collect(),
            meter: Meter::new(rates),
            since: Since::default(),
            memory: Memory::default(),
            peak: None,
        }
    }

    /// The place of a simulcast layer, smallest first; `None` inside for a track without simulcast, and
    /// outside for a layer that was not announced.
    pub fn layer_of(&self, rid: Option<Rid>) -> Option<Option<u8>> {
        if self.layers.len() == 1 && rid.is_none() {
            return Some(None);
        }
        let at = match rid {
            Some(rid) => self.layers.iter().position(|l| l.rid == Some(rid))?,
            None => 0,
        };
        Some(Some(at as u8))
    }

    /// What a packet's dependency descriptor says. Without the packet that told how to read it nothing
    /// behind it can be sent on, so if it is not sent again soon, another key frame is needed.
    pub fn describe(
        &mut self,
        layer: Option<u8>,
        (stream, number): (u32, u64),
        bytes: &[u8],
        now: Instant,
    ) -> Option<Frame> {
        let layer = self.layers.get_mut(usize::from(layer.unwrap_or(0)))?;
        let frame = layer.dependency.read(stream, number, bytes);
        if frame.is_some() {
            layer.puzzled = None;
        } else {
            let since = *layer.puzzled.get_or_insert(now);
            if now.saturating_duration_since(since) >= KEYFRAME_RETRY {
                layer.puzzled = None;
                layer.keyframe.want();
            }
        }
        frame
    }

    /// What comes now is for others than what came before: a mute has ended, or the room is another
    /// one.
    pub fn cut(&mut self) {
        self.since = Since::default();
        self.memory.forget();
    }

    /// Somebody may come into its room until then.
    pub fn expect(&mut self, until: Instant) {
        if !self.audio {
            self.memory.expect(until);
        }
    }

    /// Its pictures since the last key frame, as far as they are remembered.
    pub fn recall(&self) -> Vec<Forward> {
        match self.open {
            true => self.memory.recall(),
            false => Vec::new(),
        }
    }

    /// Take note of a packet that goes on.
    pub fn received(&mut self, packet: &mut Forward, now: Instant) {
        if self.audio {
            let (time, red) = (packet.head.time, packet.red_mut());
            let reach = red.as_ref().map_or(0, |r| r.reach);
            let whole = self.since.covers(time, reach);
            if let Some(red) = red {
                red.whole = whole;
            }
        }
        let layer = packet.head.layer;
        let nested = packet.head.nested.is_some_and(|n| n.stacked);
        self.meter
            .received(layer, nested, packet.payload.len(), now);
        if self.audio {
            self.heard(packet.audio_level);
            return;
        }
        self.memory.keep(packet);
        if packet.head.starts_keyframe {
            if let Some(layer) = self.layers.get_mut(usize::from(layer.spatial)) {
                // It reaches everybody who wanted one: whoever asks is routed before.
                layer.keyframe = Keyframe {
                    came: Some(now),
                    asked: layer.keyframe.asked,
                    ..Default::default()
                };
            }
        }
    }

    /// Take stock of what the layers cost.
    pub fn measure(&mut self, now: Instant) {
        self.meter.measure(now);
    }

    /// Key frames are wanted of these layers, a bit each.
    pub fn want_keyframes(&mut self, layers: u8) {
        // Layers inside of one stream have their key frames together.
        let single = self.layers.len() == 1;
        for (spatial, layer) in self.layers.iter_mut().enumerate() {
            if !self.audio && (layers >> spatial & 1 == 1 || single && layers != 0) {
                layer.keyframe.want();
            }
        }
    }

    /// Ask the publisher for the key frames that are wanted, if it is time.
    pub fn ask_keyframes(&mut self, receiver: &mut Receiver, now: Instant) {
        if !self.open {
            return;
        }
        if self.memory.is_due(now) {
            self.want_keyframes(1);
        }
        for layer in &mut self.layers {
            let state = &mut layer.keyframe;
            if !state.is_due(now) {
                continue;
            }
            let place = Place {
                mid: self.mid,
                rid: layer.rid,
            };
            if !receiver.want_keyframe(&place, now) {
                // Nothing was received yet; an encoder's first frame is a key frame.
                state.wanted = false;
                continue;
            }
            state.asked = Some(now);
            state.unanswered += 1;
            state.wanted = state.unanswered < KEYFRAME_RETRIES;
        }
    }

    fn heard(&mut self, level: Option<i8>) {
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
