//! A section in which a session receives: whose track is in it, and what of it is sent on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::format::{CodecSpec, PayloadParams};
use str0m::media::{MediaTime, Mid, Pt};
use str0m::rtp::{ExtensionValues, RtpWrite, Ssrc};
use str0m::Rtc;

use super::choice::{Aim, Choice, Pick};
use super::command::Want;
use super::continuity::Continuity;
use super::forward::{Forward, TrackKey};
use super::layers::{Layer, Rates};

/// How long to wait for a key frame before asking once more.
const KEYFRAME_PATIENCE: Duration = Duration::from_millis(500);

/// Packets kept for retransmission, by kind: about a second of video at 8 Mbit/s; audio has no RTX.
const RTX_PACKETS: [usize; 2] = [50, 1000];
const RTX_AGE: Duration = Duration::from_secs(3);
/// Above this share of retransmissions in the last second more of them make a full path worse. The
/// bandwidth estimate counts them, too, so this is the last resort: a small layer's key frame is a
/// good part of a second's bytes, and without its lost packets nothing is seen.
const RTX_RATIO: Option<f32> = Some(0.5);

/// What a delivered packet asks of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivered {
    Sent,
    Dropped,
    /// Nothing of the new source can be decoded yet: ask its publisher for a key frame.
    AwaitsKeyframe,
}

/// The track that is sent in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    pub track: TrackKey,
    /// The worker of its publisher.
    pub origin: usize,
}

/// What is routed into a section, and how it is wanted.
#[derive(Debug)]
pub(crate) struct Source {
    pub route: Route,
    pub want: Want,
    pub rates: Arc<Rates>,
}

/// One receiving section, with one SSRC for its whole life.
#[derive(Debug)]
pub(crate) struct Downstream {
    pub mid: Mid,
    pub video: bool,
    pub source: Option<Source>,
    /// Since when the source has not fitted into the bandwidth.
    pub short: Option<Instant>,
    ssrc: Ssrc,
    choice: Choice,
    continuity: Continuity,
    /// When the source was routed, until its first packet is sent.
    started: Option<Instant>,
    asked: Option<Instant>,
    /// Frames of the new source that were sent, as far as they matter to [`Hurry`].
    hurry: Hurry,
    /// The payload type negotiated for what the source sends, looked up once per source.
    payload_type: Option<(CodecSpec, Option<Pt>)>,
}

impl Downstream {
    /// `None` while the section has no sending stream: it is not negotiated for receiving.
    /// `first`: by chance, where the section's numbers begin.
    pub fn new(rtc: &mut Rtc, mid: Mid, video: bool, first: u16) -> Option<Self> {
        let mut api = rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None)?;
        // A queue of str0m's would hold what was sent before a cut (S14), and make sound wait
        // behind pictures. Publishers pace what they send already.
        stream.set_unpaced(true);
        let clock_rate = if video { 90_000 } else { 48_000 };
        Some(Self {
            mid,
            video,
            source: None,
            short: None,
            ssrc: stream.ssrc(),
            choice: Choice::new(Layer::TOP),
            continuity: Continuity::new(clock_rate, first),
            started: None,
            asked: None,
            hurry: Hurry::default(),
            payload_type: None,
        })
    }

    pub fn route(&self) -> Option<Route> {
        self.source.as_ref().map(|s| s.route)
    }

    pub fn start(&mut self, source: Source, now: Instant) {
        self.choice = Choice::new(source.want.most);
        self.source = Some(source);
        self.short = None;
        self.continuity.end_source();
        self.started = Some(now);
        self.asked = self.video.then_some(now);
    }

    /// End the source; nothing that it sent is sent again, not even as a retransmission (S14).
    pub fn stop(&mut self, rtc: &mut Rtc) -> Option<Route> {
        let source = self.source.take()?;
        self.choice.end();
        self.continuity.end_source();
        self.forget_sent(rtc);
        Some(source.route)
    }

    /// Answer no request for a packet that was sent before this.
    fn forget_sent(&self, rtc: &mut Rtc) {
        if let Some(stream) = rtc.direct_api().stream_tx(&self.ssrc) {
            let packets = RTX_PACKETS[usize::from(self.video)];
            // Without a ratio for a moment: it counts anew, for the new source.
            stream.set_rtx_cache(packets, RTX_AGE, None);
            stream.set_rtx_cache(packets, RTX_AGE, RTX_RATIO);
        }
    }

    /// Change what is wanted of the source.
    pub fn set_want(&mut self, want: Want) {
        if let Some(source) = &mut self.source {
            source.want = want;
        }
        if let Aim::Open(_) = self.choice.aim() {
            self.choice.set_aim(Aim::Open(want.most));
        }
    }

    /// The layers that are of use here, a bit each.
    pub fn listens(&self) -> u8 {
        match (&self.source, self.video) {
            (None, _) => 0,
            (Some(_), false) => 1,
            (Some(_), true) => self.choice.listens(),
        }
    }

    pub fn aim(&self) -> Aim {
        self.choice.aim()
    }

    /// Aim at another layer; true if a key frame is needed for it.
    pub fn set_aim(&mut self, aim: Aim, now: Instant) -> bool {
        if self.choice.aim() == aim {
            return false;
        }
        let asked_for = |aim: Aim| match aim {
            Aim::At(layer) => Some(layer.spatial),
            Aim::Open(_) | Aim::Paused => None,
        };
        let before = asked_for(self.choice.aim());
        self.choice.set_aim(aim);
        if aim == Aim::Paused {
            self.continuity.end_source();
        }
        match asked_for(aim) {
            Some(spatial) if before != Some(spatial) && self.choice.wants(spatial) => {
                self.asked = Some(now);
                true
            }
            _ => false,
        }
    }

    /// The layers of which a receiver that lost its picture needs a key frame.
    pub fn keyframes_needed(&self) -> u8 {
        match self.choice.current() {
            Some(current) => 1 << current.spatial,
            None => self.listens(),
        }
    }

    /// Send a packet of the routed track; the caller drains the session afterwards.
    pub fn deliver(&mut self, rtc: &mut Rtc, packet: &Forward, now: Instant) -> Delivered {
        // str0m would keep it until the transport is up, and send it then: old, and, if its receiver
        // was moved meanwhile, of another room (S14; found by the simulation of the whole).
        if !rtc.is_connected() {
            return Delivered::Dropped;
        }
        let Some(pt) = self.payload_type(rtc, packet.spec) else {
            return Delivered::Dropped;
        };
        match self.pick(packet) {
            Pick::Send => {}
            Pick::Begin => self.begin(rtc, packet, now),
            Pick::Skip => {
                self.continuity.skip(packet.head.seq, packet.vp8.as_ref());
                return Delivered::Dropped;
            }
            Pick::Await => return self.await_keyframe(now),
            Pick::Drop => return Delivered::Dropped,
        }
        let (seq, time) = (packet.head.seq, packet.head.time);
        let Some((out_seq, time)) = self.continuity.map(seq, time, packet.captured) else {
            return Delivered::Dropped;
        };
        let delay = self.hurry.next(packet.marker);
        let payload = packet.payload.clone();
        let mut write = RtpWrite::new(pt, out_seq.into(), time, packet.captured, payload)
            .marker(packet.marker)
            .nackable(self.video)
            .ext_vals(ExtensionValues {
                audio_level: packet.audio_level,
                voice_activity: packet.voice_activity,
                video_orientation: packet.orientation,
                play_delay_min: delay.map(|_| MediaTime::ZERO),
                play_delay_max: delay,
                ..Default::default()
            });
        if let Some(patch) = packet
            .vp8
            .as_ref()
            .and_then(|d| self.continuity.map_picture(seq, d))
        {
            write = write.vp8_patch(patch);
        }
        match rtc.direct_api().stream_tx(&self.ssrc) {
            Some(stream) => stream.write_rtp(write),
            None => return Delivered::Dropped,
        }
        Delivered::Sent
    }

    fn pick(&mut self, packet: &Forward) -> Pick {
        if self.video {
            return self.choice.pick(&packet.head);
        }
        match self.continuity.source() == Some(packet.head.stream) {
            true => Pick::Send,
            false => Pick::Begin,
        }
    }

    fn begin(&mut self, rtc: &mut Rtc, packet: &Forward, now: Instant) {
        if let Some(started) = self.started.take() {
            let waited = now.saturating_duration_since(started);
            tracing::debug!(mid = %self.mid, ?waited, "the first packet after a switch");
            self.hurry = Hurry::begin(self.video);
        } else {
            // Nobody needs what came before a key frame any more; on the way down the path is
            // full of it as it is.
            self.forget_sent(rtc);
        }
        let head = &packet.head;
        self.continuity
            .begin_source(head.stream, head.seq, head.time, packet.captured);
    }

    fn await_keyframe(&mut self, now: Instant) -> Delivered {
        let patient = self
            .asked
            .is_some_and(|at| now.saturating_duration_since(at) < KEYFRAME_PATIENCE);
        if patient {
            return Delivered::Dropped;
        }
        self.asked = Some(now);
        Delivered::AwaitsKeyframe
    }

    fn payload_type(&mut self, rtc: &Rtc, spec: CodecSpec) -> Option<Pt> {
        if let Some((known, pt)) = self.payload_type {
            if known == spec {
                return pt;
            }
        }
        let wanted = PayloadParams::new(0.into(), None, spec);
        let pt = rtc
            .codec_config()
            .match_params(wanted)
            .map(|p| p.pt())
            .filter(|pt| {
                rtc.media(self.mid)
                    .is_some_and(|m| m.remote_pts().contains(pt))
            });
        self.payload_type = Some((spec, pt));
        pt
    }

    /// The offer changed: payload types may have, too.
    pub fn renegotiated(&mut self) {
        self.payload_type = None;
    }
}

/// Lets a receiver show the first picture of a new source as soon as it is decoded, instead of
/// holding it for as long as it held those of the source before (the playout delay extension,
/// <https://webrtc.googlesource.com/src/+/main/docs/native-code/rtp-hdrext/playout-delay>).
#[derive(Debug, Default)]
struct Hurry {
    frames_left: u32,
}

impl Hurry {
    /// The key frame hurries; the frames behind it lift that again, and several say so, for one
    /// may be lost.
    const FRAMES: u32 = 6;

    fn begin(video: bool) -> Self {
        Self {
            frames_left: if video { Self::FRAMES } else { 0 },
        }
    }

    /// The longest delay for this packet's frame, if anything is to be said about it.
    fn next(&mut self, ends_frame: bool) -> Option<MediaTime> {
        let left = self.frames_left;
        if ends_frame {
            self.frames_left = left.saturating_sub(1);
        }
        match left {
            0 => None,
            Self::FRAMES => Some(MediaTime::ZERO),
            // libwebrtc's own limit.
            _ => Some(MediaTime::from_secs(10)),
        }
    }
}
