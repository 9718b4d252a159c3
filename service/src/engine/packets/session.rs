//! One client's transport on its worker: str0m's `Rtc` and what is published and received on it.
//!
//! str0m's rule is kept throughout: every change of the `Rtc` is followed by [`Session::drain`].

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant};

use str0m::channel::ChannelId;
use str0m::format::Codec;
use str0m::media::Mid;
use str0m::net::Transmit;
use str0m::{Event, IceConnectionState, Input, Output, Rtc};

use super::bandwidth::Bandwidth;
use super::capture::CaptureClock;
use super::choice::Aim;
use super::command::{Path, Report, SessionId};
use super::demux::is_stun;
use super::downstream::{Delivered, Downstream};
use super::forward::{Forward, Received, TrackKey};
use super::negotiate::PendingOffer;
use super::paths::Paths;
use super::receiving::header::Header;
use super::receiving::negotiated::negotiated;
use super::receiving::receiver::{Arrival, Receiver};
use super::sending::egress::{Egress, Exit, Way};
use super::sending::rtcp::{is_rtcp, sender, write_goodbye, Blocks, Compound, Packet};
use super::sending::sections::Sections;
use super::upstream::UpTrack;

/// Turns of a drain: one is usual, a second where something was due already.
const MAX_TURNS: usize = 16;

/// The least estimate, in bits per second, of a path that takes a [`super::memory::Memory`] at once.
const MEMORIES_RATE: u64 = 800_000;

/// How often a session says how its packets fare.
const FARE: Duration = Duration::from_secs(3);

/// Where a drained session's output goes: implemented by the worker.
pub(crate) trait Outlet {
    /// An empty buffer for a datagram.
    fn buffer(&mut self) -> Vec<u8>;
    fn transmit(&mut self, transmit: Transmit);
    fn forward(&mut self, packet: Forward);
    fn report(&mut self, report: Report);
    /// Key frames of these layers, a bit each, are needed from a track of that worker.
    fn want_keyframes(&mut self, track: TrackKey, origin: usize, layers: u8);
}

/// A transport and its tables.
pub(crate) struct Session {
    pub id: SessionId,
    pub rtc: Rtc,
    pub ufrag: String,
    /// The last offer of ours (v0).
    pub last_offer: Option<String>,
    pub pending_offer: Option<PendingOffer>,
    pub up: Vec<UpTrack>,
    pub down: Vec<Downstream>,
    /// Verified source addresses.
    pub paths: Paths,
    /// When str0m wants to be woken.
    pub due: Instant,
    /// The earliest entry of the worker's timers for this session.
    pub scheduled: Option<Instant>,
    pub failed: bool,
    /// The latest time that str0m was given.
    time: Instant,
    pub(super) bandwidth: Bandwidth,
    pub(super) sections: Sections,
    pub(super) egress: Egress,
    /// Media is sent. Before that the transport comes up, and what may wait for it does.
    sending: bool,
    /// Room for a packet's plain text.
    plain: Vec<u8>,
    clock: CaptureClock,
    pub(super) receiver: Receiver,
    /// When the rooms are told how the packets fare; not before there are any.
    fare_due: Option<Instant>,
    channels: Vec<(ChannelId, String)>,
}

impl Session {
    pub fn new(id: SessionId, mut rtc: Rtc, egress: Egress, now: Instant) -> Self {
        let ufrag = rtc.direct_api().local_ice_credentials().ufrag;
        let mut sections = Sections::default();
        let reporter = sections.reporter(&mut rtc);
        Self {
            id,
            rtc,
            ufrag,
            last_offer: None,
            pending_offer: None,
            up: Vec::new(),
            down: Vec::new(),
            paths: Paths::default(),
            due: now,
            scheduled: None,
            failed: false,
            time: now,
            bandwidth: Bandwidth::default(),
            sections,
            egress,
            sending: false,
            plain: Vec::new(),
            clock: CaptureClock::new(now),
            receiver: Receiver::new(reporter, now),
            fare_due: None,
            channels: Vec::new(),
        }
    }

    /// Bring str0m up to `now` and carry out what it wants.
    pub fn drain(&mut self, now: Instant, outlet: &mut impl Outlet) {
        // Str0m does nothing at a time before one that it was given. The bound keeps a timeout in
        // the past from holding up the worker.
        let mut time = now.max(self.time);
        for _ in 0..MAX_TURNS {
            let Some(due) = self.drain_once(now, outlet) else {
                return;
            };
            self.due = due;
            if due > time {
                break;
            }
            time = time.max(due);
            if !self.pass_time(time, now, outlet) {
                return;
            }
        }
        self.due = self.due.max(now + Duration::from_millis(1));
        self.begin_sending(now, outlet);
    }

    /// Once the transport is up: what waited for it goes out, and key frames are asked for where
    /// nothing did.
    fn begin_sending(&mut self, now: Instant, outlet: &mut impl Outlet) {
        if self.sending || !self.egress.is_protected() || self.paths.way().is_none() {
            return;
        }
        self.sending = true;
        for at in 0..self.down.len() {
            let held = self.down[at].take_held();
            if let (Some(route), true) = (self.down[at].route(), held.is_empty()) {
                if self.down[at].video {
                    outlet.want_keyframes(route.track, route.origin, self.down[at].listens());
                }
            }
            let mid = self.down[at].mid;
            self.deliver(mid, &held, now, outlet);
        }
    }

    /// Send packets of one track in a section, as far as what is wanted there includes them.
    pub fn deliver(
        &mut self,
        mid: Mid,
        packets: &[Forward],
        now: Instant,
        outlet: &mut impl Outlet,
    ) {
        let way = self.way();
        let Some(down) = self.down.iter_mut().find(|d| d.mid == mid) else {
            return;
        };
        if !self.sending {
            return packets.iter().for_each(|packet| down.hold(packet));
        }
        let Some(way) = way else {
            return;
        };
        let mut exit = Exit::new(&mut self.egress, way, outlet, now);
        for packet in packets {
            if down.deliver(&self.rtc, &mut exit, packet) == Delivered::AwaitsKeyframe {
                if let Some(route) = down.route() {
                    let layer = 1 << packet.head.layer.spatial;
                    let outlet = &mut exit.outlet;
                    outlet.want_keyframes(route.track, route.origin, layer);
                }
            }
        }
    }

    /// Where packets go, as long as the client consents (RFC 7675).
    fn way(&self) -> Option<Way> {
        self.paths.way().filter(|_| !self.failed)
    }

    /// Whether what is remembered of a picture gets through sooner than another key frame would come.
    pub fn has_room_for_memories(&self) -> bool {
        let estimate = self.egress.estimate();
        estimate.is_none_or(|rate| rate >= MEMORIES_RATE)
    }

    /// A section's sending half, if it was negotiated.
    pub fn downstream(&self, mid: Mid, video: bool, firsts: [u16; 2]) -> Option<Downstream> {
        Downstream::new(&self.rtc, self.sections.get(mid)?, video, firsts)
    }

    /// Take a datagram of RTP from an address that was verified.
    pub fn read_rtp(&mut self, datagram: &[u8], now: Instant, outlet: &mut impl Outlet) {
        let Some(header) = Header::parse(datagram, self.receiver.ids()) else {
            return;
        };
        let Some(number) = self.receiver.number(&header) else {
            return;
        };
        let mut plain = std::mem::take(&mut self.plain);
        // Nothing is learned from a packet before this (S11).
        if (self.egress).open_rtp(datagram, header.length, number, &mut plain) {
            let arrival = self.receiver.authentic(&header, number, &plain, now);
            if let Some(arrival) = arrival {
                self.received(&header, &arrival, now, outlet);
            }
            self.tell(now, outlet);
        }
        self.plain = plain;
    }

    /// Take a datagram of RTCP: what a client says about what it gets, and about what it sends.
    pub fn read_rtcp(&mut self, datagram: &[u8], now: Instant, outlet: &mut impl Outlet) {
        let mut plain = std::mem::take(&mut self.plain);
        if self.egress.open_rtcp(datagram, &mut plain) {
            for packet in Compound(&plain) {
                self.read_packet(packet, now, outlet);
            }
        }
        self.plain = plain;
    }

    /// Tell the client what is due about what it sends.
    pub fn tell(&mut self, now: Instant, outlet: &mut impl Outlet) {
        if self.receiver.due().is_none_or(|due| due > now) {
            return;
        }
        let Some(way) = self.way() else {
            // It counts as said: what is still missing is asked for again.
            return self.receiver.tell(now, |_| {});
        };
        let mut exit = Exit::new(&mut self.egress, way, outlet, now);
        self.receiver.tell(now, |compound| exit.rtcp(compound));
    }

    /// Tell the rooms how the packets fare.
    pub fn tell_fare(&mut self, now: Instant, outlet: &mut impl Outlet) {
        if self.fare_due.is_none_or(|due| due > now) {
            return;
        }
        self.fare_due = Some(now + FARE);
        let paused = self.down.iter().any(|d| d.aim() == Aim::Paused);
        let (loss_down, round_trip) = self.egress.path();
        let path = Path {
            loss_up: self.receiver.take_loss(),
            loss_down,
            round_trip: round_trip.as_secs_f32(),
            short: paused || self.bandwidth.is_short(),
            paused,
        };
        outlet.report(Report::Path(self.id, path));
    }

    fn read_packet(&mut self, packet: Packet<'_>, now: Instant, outlet: &mut impl Outlet) {
        match packet {
            Packet::SenderReport(info, blocks) => {
                self.receiver.reported(info, now);
                self.read_blocks(blocks, now);
            }
            Packet::ReceiverReport(blocks) => self.read_blocks(blocks, now),
            Packet::Nack { ssrc, lost } => {
                let down = self.down.iter_mut().find(|d| d.stream.ssrc() == ssrc);
                if let Some((down, way)) = down.zip(self.paths.way()) {
                    let mut exit = Exit::new(&mut self.egress, way, outlet, now);
                    lost.for_each(|seq| down.stream.resend(&mut exit, seq));
                }
            }
            Packet::PictureLoss { ssrc } => self.picture_lost(ssrc, outlet),
            Packet::IntraRequests(ssrcs) => {
                ssrcs.for_each(|ssrc| self.picture_lost(ssrc, outlet));
            }
            Packet::TransportWide(feedback) => {
                if let Some(congestion) = &mut self.egress.congestion {
                    if let Err(error) = congestion.feedback(feedback, now) {
                        tracing::debug!(session = self.id.0, %error, "feedback is not understood");
                    }
                    self.probe(now, outlet);
                }
            }
            Packet::Other => {}
        }
    }

    fn read_blocks(&mut self, blocks: Blocks<'_>, now: Instant) {
        let middle = self.egress.clock.ntp_middle(now);
        for block in blocks {
            let mut down = self.down.iter_mut();
            if let Some(down) = down.find(|d| d.stream.is(block.ssrc)) {
                let reception = &mut self.egress.reception;
                down.stream.received(&block, reception, middle);
            }
        }
    }

    fn picture_lost(&self, ssrc: u32, outlet: &mut impl Outlet) {
        let down = self.down.iter().find(|d| d.stream.ssrc() == ssrc);
        if let Some((route, down)) = down.and_then(|d| Some((d.route()?, d))) {
            outlet.want_keyframes(route.track, route.origin, down.keyframes_needed());
        }
    }

    /// Send what is due of a probe: something that nobody needs, to see how fast it comes.
    pub fn probe(&mut self, now: Instant, outlet: &mut impl Outlet) {
        let Some(mut burst) = self.egress.probe(now).copied() else {
            return;
        };
        let way = self.way();
        let down = self.down.iter_mut().find(|d| d.video && d.stream.can_pad());
        let Some((down, way)) = down.zip(way) else {
            self.egress.burst = None;
            return;
        };
        let mut exit = Exit::new(&mut self.egress, way, outlet, now);
        while let Some(size) = burst.packet_due(now) {
            match down.stream.pad(&mut exit, size, burst.id) {
                0 => return self.egress.burst = None,
                sent => burst.sent(sent),
            }
        }
        self.egress.burst = Some(burst).filter(|b| !b.is_done());
    }

    /// When something has to be done here.
    pub fn wake_at(&self) -> Instant {
        let dues = [self.egress.due(), self.receiver.due(), self.fare_due];
        let earliest = dues.into_iter().flatten().min();
        earliest.map_or(self.due, |at| at.min(self.due))
    }

    /// Say that nothing more will be sent (RFC 3550 6.6).
    pub fn say_goodbye(&mut self, now: Instant, outlet: &mut impl Outlet) {
        let ssrcs: Vec<u32> = self.down.iter().flat_map(|d| d.stream.used()).collect();
        let Some(way) = self.paths.way().filter(|_| !ssrcs.is_empty()) else {
            return;
        };
        let mut compound = Vec::new();
        write_goodbye(&mut compound, &ssrcs);
        let mut exit = Exit::new(&mut self.egress, way, outlet, now);
        exit.rtcp(compound);
    }

    /// Tell str0m that it is `time`; false if that ended the session.
    fn pass_time(&mut self, time: Instant, now: Instant, outlet: &mut impl Outlet) -> bool {
        self.time = time;
        let Err(error) = self.rtc.handle_input(Input::Timeout(time)) else {
            return true;
        };
        tracing::debug!(session = self.id.0, %error, "session failed");
        self.fail(now, outlet);
        false
    }

    fn drain_once(&mut self, now: Instant, outlet: &mut impl Outlet) -> Option<Instant> {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(due)) => return Some(due),
                // Answers to checks go where these came from; everything else where a verified one
                // came from lately (RFC 7675: no consent, no sending).
                Ok(Output::Transmit(transmit)) => {
                    let to_go = is_stun(&transmit.contents)
                        || (self.paths.consents(&transmit) && self.may_pass(&transmit.contents));
                    if to_go {
                        outlet.transmit(transmit);
                    }
                }
                Ok(Output::Event(event)) => self.happened(event, now, outlet),
                Err(error) => {
                    tracing::debug!(session = self.id.0, %error, "session failed");
                    self.fail(now, outlet);
                    return None;
                }
            }
        }
    }

    /// str0m's RTCP goes out under the keys that ours does, and the nonces are made of SSRC and
    /// index: should it ever choose one of our SSRCs, it says nothing.
    fn may_pass(&self, datagram: &[u8]) -> bool {
        !is_rtcp(datagram) || sender(datagram).is_some_and(|ssrc| !self.sections.has(ssrc))
    }

    /// Let str0m take what somebody sent, or what comes of it. Where it panics over that, this session
    /// has ended and no other (S11); nothing is asked of its `Rtc` any more.
    pub fn shielded<O: Outlet, T>(
        &mut self,
        now: Instant,
        outlet: &mut O,
        work: impl FnOnce(&mut Self, &mut O) -> T,
    ) -> Option<T> {
        match self.failed {
            true => None,
            false => self.guarded(now, outlet, work),
        }
    }

    /// The same for a session that is being ended.
    pub fn guarded<O: Outlet, T>(
        &mut self,
        now: Instant,
        outlet: &mut O,
        work: impl FnOnce(&mut Self, &mut O) -> T,
    ) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(|| work(self, outlet)));
        if result.is_err() {
            tracing::error!(session = self.id.0, "what a client sent broke its session");
            self.rtc.disconnect();
            self.fail(now, outlet);
        }
        result.ok()
    }

    fn fail(&mut self, now: Instant, outlet: &mut impl Outlet) {
        self.due = now + Duration::from_secs(3600);
        if !self.failed {
            self.failed = true;
            outlet.report(Report::Closed(self.id));
        }
    }

    fn happened(&mut self, event: Event, now: Instant, outlet: &mut impl Outlet) {
        match event {
            Event::Connected => {
                self.egress.connected();
                self.fare_due.get_or_insert(now + FARE);
                outlet.report(Report::Connected(self.id));
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                outlet.report(Report::Disconnected(self.id));
            }
            Event::IceConnectionStateChange(
                IceConnectionState::Connected | IceConnectionState::Completed,
            ) if self.rtc.is_connected() => outlet.report(Report::Connected(self.id)),
            Event::Closed => self.fail(now, outlet),
            Event::ChannelOpen(id, label) => self.channels.push((id, label)),
            Event::ChannelClose(id) => self.channels.retain(|(c, _)| *c != id),
            Event::ChannelData(data) => {
                if let Some((_, label)) = self.channels.iter().find(|(c, _)| *c == data.id) {
                    outlet.report(Report::Data {
                        id: self.id,
                        label: label.clone(),
                        bytes: data.data,
                    });
                }
            }
            _ => {}
        }
    }

    fn received(
        &mut self,
        header: &Header<'_>,
        arrival: &Arrival<'_>,
        now: Instant,
        outlet: &mut impl Outlet,
    ) {
        let place = arrival.place;
        let Some(track) = self.up.iter_mut().find(|t| t.mid == place.mid && t.open) else {
            return;
        };
        let pt = arrival.payload_type.into();
        let config = self.rtc.codec_config();
        let Some(format) = config.find(|p| p.pt() == pt || p.red() == Some(pt)) else {
            return;
        };
        let (spec, plain) = (format.spec(), *format.pt());
        let redundant = format.red() == Some(pt);
        let Some(layer) = track.layer_of(place.rid) else {
            return;
        };
        let captured = self.clock.captured(
            arrival.report.as_ref(),
            (arrival.ssrc, header.time),
            track.audio,
            now,
        );
        let extensions = &header.extensions;
        let packet = Received {
            ssrc: arrival.ssrc,
            number: arrival.number,
            time: header.time,
            marker: header.marker,
            payload: arrival.payload.into(),
            audio_level: extensions.audio_level.map(|(level, _)| level),
            voice_activity: extensions.audio_level.map(|(_, voice)| voice),
            orientation: extensions.orientation.map(Into::into),
        };
        let described = extensions.dependency.filter(|_| spec.codec == Codec::Av1);
        let forward = match (redundant, described) {
            (true, _) => Forward::redundant(track.key, captured, packet, spec, plain),
            (false, None) => Some(Forward::new(track.key, layer, captured, packet, spec)),
            (false, Some(bytes)) => {
                let frame = track.describe(layer, (packet.ssrc, packet.number), bytes, now);
                let key = track.key;
                frame.map(|f| Forward::described(key, layer, captured, packet, spec, f))
            }
        };
        let Some(mut forward) = forward else {
            return track.ask_keyframes(&mut self.receiver, now);
        };
        track.received(&mut forward, now);
        outlet.forward(forward);
        track.ask_keyframes(&mut self.receiver, now);
    }

    /// Offer and answer, of which this is the client's, may change SSRCs and payload types.
    pub fn renegotiated(&mut self, theirs: &str) {
        self.sections.strike(&mut self.rtc);
        self.receiver
            .renegotiated(negotiated(&mut self.rtc, theirs));
        let rtc = &self.rtc;
        self.down.iter_mut().for_each(|d| d.renegotiated(rtc));
    }

    pub fn send_data(&mut self, label: &str, bytes: &[u8]) {
        let Some((id, _)) = self.channels.iter().find(|(_, l)| l == label) else {
            return;
        };
        if let Some(mut channel) = self.rtc.channel(*id) {
            // A full buffer drops the message: the receiver is too slow, and the sender must not
            // wait for it.
            let _ = channel.write(true, bytes);
        }
    }
}
