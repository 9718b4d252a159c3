//! A section in which a session receives: whose track is in it, and what of it is sent on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::format::{CodecSpec, PayloadParams};
use str0m::media::Mid;
use str0m::Rtc;

use super::capture::clock_rate;
use super::choice::{Aim, Choice, Pick};
use super::command::Want;
use super::continuity::Continuity;
use super::dependency::Encoded;
use super::forward::{Descriptor, Forward, TrackKey};
use super::layers::{Layer, Rates};
use super::outbox::Streams;
use super::red::Since;
use super::sending::egress::Exit;
use super::sending::patch::{self, Patch};
use super::sending::sections::Section;
use super::sending::stream::{Outgoing, Stream};
use super::session::Outlet;

/// How long to wait for a key frame before asking once more.
const KEYFRAME_PATIENCE: Duration = Duration::from_millis(500);

/// Packets from a key frame on that wait for a receiver's transport to come up: the key frame was
/// asked for while it did, and its encoder makes no other one so soon. About a second of what is
/// sent while nobody else looks, the smallest layer.
const MAX_HELD: usize = 128;

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
    /// It may be remembered, so it begins with the smallest layer if that comes first.
    pub recall: bool,
}

/// One receiving section, with one SSRC for its whole life.
#[derive(Debug)]
pub(crate) struct Downstream {
    pub mid: Mid,
    pub video: bool,
    pub source: Option<Source>,
    /// Since when the source has not fitted into the bandwidth.
    pub short: Option<Instant>,
    pub stream: Stream,
    choice: Choice,
    continuity: Continuity,
    /// When the source was routed, until its first packet is sent.
    started: Option<Instant>,
    asked: Option<Instant>,
    /// Frames of the new source that were sent, as far as they matter to [`Hurry`].
    hurry: Hurry,
    /// What of a source's sound was sent here.
    since: Since,
    /// The payload types negotiated for what the source sends, looked up once per source.
    payload_types: Option<(CodecSpec, Option<PayloadTypes>)>,
    /// What waits for the transport.
    held: Vec<Forward>,
}

/// That of a codec, of its retransmissions, and of its redundant form.
#[derive(Debug, Clone, Copy)]
struct PayloadTypes {
    media: u8,
    rtx: Option<u8>,
    red: Option<u8>,
}

impl Downstream {
    /// `None` for a section that is not negotiated. `firsts`: by chance, where its numbers and those of
    /// its retransmissions begin.
    pub fn new(rtc: &Rtc, section: &Section, video: bool, firsts: [u16; 2]) -> Option<Self> {
        let media = rtc.media(section.mid)?;
        let [first, first_rtx] = firsts;
        Some(Self {
            mid: section.mid,
            video,
            source: None,
            short: None,
            stream: Stream::new(section, media, first_rtx, video),
            choice: Choice::new(Layer::TOP),
            continuity: Continuity::new(clock_rate(video), first),
            started: None,
            asked: None,
            hurry: Hurry::default(),
            since: Since::default(),
            payload_types: None,
            held: Vec::new(),
        })
    }

    pub fn route(&self) -> Option<Route> {
        self.source.as_ref().map(|s| s.route)
    }

    /// What is sent in the section.
    pub fn streams(&self) -> Streams {
        self.stream.streams()
    }

    pub fn start(&mut self, source: Source, now: Instant) {
        self.choice = Choice::new(source.want.most);
        if source.recall {
            self.choice.begin_low();
        }
        self.source = Some(source);
        self.short = None;
        self.continuity.end_source();
        self.started = Some(now);
        self.asked = self.video.then_some(now);
    }

    /// End the source; nothing that it sent is sent again, not even as a retransmission (S14).
    pub fn stop(&mut self) -> Option<Route> {
        let source = self.source.take()?;
        self.choice.end();
        self.continuity.end_source();
        self.stream.forget_sent();
        self.held = Vec::new();
        Some(source.route)
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

    /// What is larger than this fits by no means: not another packet of it, nor what was lost of it
    /// again, so that the path's queue is empty when the smaller one's key frame comes.
    pub fn break_off(&mut self, layer: Layer) {
        if self.choice.break_off(layer.spatial) {
            self.continuity.end_source();
            self.stream.forget_sent();
        }
    }

    /// The layers of which a receiver that lost its picture needs a key frame.
    pub fn keyframes_needed(&self) -> u8 {
        match self.choice.current() {
            Some(current) => 1 << current.spatial,
            None => self.listens(),
        }
    }

    /// Keep a packet of the routed track until there is a way to send it. Sound is of no use later.
    pub fn hold(&mut self, packet: &Forward) {
        if !self.video {
            return;
        }
        if packet.head.starts_keyframe || self.held.len() >= MAX_HELD {
            self.held.clear();
        }
        if packet.head.starts_keyframe || !self.held.is_empty() {
            self.held.push(packet.clone());
        }
    }

    /// What was kept.
    pub fn take_held(&mut self) -> Vec<Forward> {
        std::mem::take(&mut self.held)
    }

    /// Send a packet of the routed track.
    pub fn deliver<O: Outlet>(
        &mut self,
        rtc: &Rtc,
        exit: &mut Exit<'_, O>,
        packet: &Forward,
    ) -> Delivered {
        let Some(types) = self.payload_types(rtc, packet.spec) else {
            return Delivered::Dropped;
        };
        // It is for others; its time is not the one that was sent here.
        if packet.recalled && self.continuity.has(packet.head.stream, packet.head.seq) {
            return Delivered::Dropped;
        }
        match self.pick(packet) {
            Pick::Send => {}
            Pick::Begin => self.begin(packet, exit.now),
            Pick::Skip => {
                self.continuity.skip(packet.head.seq, packet.vp8());
                return Delivered::Dropped;
            }
            Pick::Lacks => {
                self.continuity.skip(packet.head.seq, None);
                return self.await_keyframe(exit.now);
            }
            Pick::Await => return self.await_keyframe(exit.now),
            Pick::Drop => return Delivered::Dropped,
        }
        let (seq, time) = (packet.head.seq, packet.head.time);
        let Some((out_seq, time)) = self.continuity.map(seq, time, packet.captured) else {
            return Delivered::Dropped;
        };
        let marker = match &packet.descriptor {
            Descriptor::Av1(frame) => self.choice.completes(&packet.head, frame, packet.marker),
            _ => packet.marker || self.choice.ends_picture(&packet.head),
        };
        let dependency = self.dependency(packet);
        let (payload_type, payload) = self.payload(types, packet);
        let outgoing = Outgoing {
            payload_type,
            rtx_payload_type: types.rtx,
            seq: out_seq,
            time,
            captured: packet.captured,
            marker,
            payload: &payload,
            patch: self.patch(packet),
            audio_level: packet.audio_level.zip(packet.voice_activity),
            orientation: packet.orientation.map(|o| o as u8),
            playout_delay: self
                .hurry
                .next(marker, packet.recalled)
                .map(|most| (0, most)),
            dependency: dependency.as_ref(),
        };
        match self.stream.send(exit, &outgoing) {
            true => Delivered::Sent,
            false => Delivered::Dropped,
        }
    }

    /// The payload and its type: redundant sound as it is to who has RED, else the sound alone.
    fn payload(&mut self, types: PayloadTypes, packet: &Forward) -> (u8, Arc<[u8]>) {
        let Descriptor::Red(red) = &packet.descriptor else {
            return (types.media, packet.payload.clone());
        };
        let covered = self.since.covers(packet.head.time, red.reach);
        // Inside it stands the publisher's number of the codec.
        let same = types.media == red.payload_type;
        match types.red.filter(|_| covered && same && red.whole) {
            Some(pt) => (pt, packet.payload.clone()),
            None => (types.media, red.stripped(&packet.payload)),
        }
    }

    /// What differs in this section from the payload that all receivers share.
    fn patch(&mut self, packet: &Forward) -> Patch {
        match &packet.descriptor {
            Descriptor::Vp8(vp8) => {
                let ids = self.continuity.map_picture(packet.head.seq, vp8);
                let patch = ids.and_then(|ids| patch::vp8(&packet.payload, ids));
                patch.unwrap_or_default()
            }
            Descriptor::Vp9(vp9) => patch::vp9(self.continuity.map_vp9(vp9)),
            Descriptor::Av1(_) | Descriptor::Red(_) | Descriptor::None => Patch::default(),
        }
    }

    /// The dependency descriptor as this receiver is to get it.
    fn dependency(&mut self, packet: &Forward) -> Option<Encoded> {
        let Descriptor::Av1(frame) = &packet.descriptor else {
            return None;
        };
        let number = self.continuity.map_frame(frame.number);
        Some(frame.told(number, self.choice.targets_told(frame)))
    }

    fn pick(&mut self, packet: &Forward) -> Pick {
        if let Descriptor::Av1(frame) = &packet.descriptor {
            return self.choice.pick_frame(&packet.head, frame);
        }
        if self.video {
            return self.choice.pick(&packet.head);
        }
        match self.continuity.source() == Some(packet.head.stream) {
            true => Pick::Send,
            false => Pick::Begin,
        }
    }

    fn begin(&mut self, packet: &Forward, now: Instant) {
        self.since = Since::default();
        if let Some(started) = self.started.take() {
            let waited = now.saturating_duration_since(started);
            tracing::debug!(mid = %self.mid, ?waited, "the first packet after a switch");
            self.hurry = Hurry::begin(self.video);
        } else {
            // Nobody needs what came before a key frame any more; on the way down the path is
            // full of it as it is.
            self.stream.forget_sent();
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

    fn payload_types(&mut self, rtc: &Rtc, spec: CodecSpec) -> Option<PayloadTypes> {
        if let Some((known, types)) = self.payload_types {
            if known == spec {
                return types;
            }
        }
        let wanted = PayloadParams::new(0.into(), None, spec);
        let matched = rtc.codec_config().match_params(wanted);
        let taken = matched.filter(|p| {
            let media = rtc.media(self.mid);
            media.is_some_and(|m| m.remote_pts().contains(&p.pt()))
        });
        let types = taken.map(|p| PayloadTypes {
            media: *p.pt(),
            rtx: p.resend().filter(|_| self.video).map(|pt| *pt),
            red: p.red().map(|pt| *pt),
        });
        self.payload_types = Some((spec, types));
        types
    }

    /// The offer changed: payload types and extensions may have, too.
    pub fn renegotiated(&mut self, rtc: &Rtc) {
        self.payload_types = None;
        if let Some(media) = rtc.media(self.mid) {
            self.stream.renegotiated(media);
        }
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
    /// What is recalled hurries, and the key frame; the frames behind it lift that again, and several say
    /// so, for one may be lost.
    const FRAMES: u32 = 6;

    fn begin(video: bool) -> Self {
        Self {
            frames_left: if video { Self::FRAMES } else { 0 },
        }
    }

    /// The longest delay for this packet's frame in hundredths of a second, if anything is to be
    /// said about it.
    fn next(&mut self, ends_frame: bool, recalled: bool) -> Option<u16> {
        let left = self.frames_left;
        if ends_frame && !recalled {
            self.frames_left = left.saturating_sub(1);
        }
        match left {
            0 => None,
            Self::FRAMES => Some(0),
            // libwebrtc's own limit.
            _ => Some(1_000),
        }
    }
}
