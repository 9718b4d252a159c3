//! One client's transport on its worker: str0m's `Rtc` and what is published and received on it.
//!
//! str0m's rule is kept throughout: every change of the `Rtc` is followed by [`Session::drain`].

use std::time::{Duration, Instant};

use str0m::channel::ChannelId;
use str0m::net::Transmit;
use str0m::rtp::RtpPacket;
use str0m::{Event, IceConnectionState, Input, Output, Rtc};

use super::bandwidth::Bandwidth;
use super::capture::CaptureClock;
use super::choice::Aim;
use super::command::{Path, Report, SessionId};
use super::demux::is_stun;
use super::downstream::Downstream;
use super::forward::{Forward, TrackKey};
use super::negotiate::PendingOffer;
use super::paths::Paths;
use super::streams::Streams;
use super::upstream::UpTrack;

/// Turns of a drain: more than a burst of retransmissions has packets.
const MAX_TURNS: usize = 64;
/// What is due so soon is due now: str0m wants to be woken a microsecond after each packet.
const SOON: Duration = Duration::from_micros(50);

/// Where a drained session's output goes: implemented by the worker.
pub(crate) trait Outlet {
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
    /// Packets were written that are not sent yet.
    pub written: bool,
    pub failed: bool,
    /// The latest time that str0m was given.
    time: Instant,
    pub(super) bandwidth: Bandwidth,
    clock: CaptureClock,
    pub streams: Streams,
    channels: Vec<(ChannelId, String)>,
}

impl Session {
    pub fn new(id: SessionId, mut rtc: Rtc, now: Instant) -> Self {
        let ufrag = rtc.direct_api().local_ice_credentials().ufrag;
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
            written: false,
            failed: false,
            time: now,
            bandwidth: Bandwidth::default(),
            clock: CaptureClock::new(now),
            streams: Streams::default(),
            channels: Vec::new(),
        }
    }

    /// Bring str0m up to `now` and carry out what it wants.
    pub fn drain(&mut self, now: Instant, outlet: &mut impl Outlet) {
        // Twice is usual: packets that were just written want the time once, and what limits the
        // rate wants it after each packet. The bound keeps a timeout in the past from holding up
        // the worker.
        // Str0m does nothing at a time before one that it was given: what was written would stay
        // in its queue, past a cut (S14).
        let start = now.max(self.time);
        let mut time = start;
        for _ in 0..MAX_TURNS {
            let due = match self.drain_once(now, outlet) {
                Some(due) => due,
                None => return,
            };
            self.due = due;
            if due > start + SOON {
                return;
            }
            time = time.max(due);
            if !self.pass_time(time, now, outlet) {
                return;
            }
        }
        self.due = now + Duration::from_millis(1);
    }

    /// Send what was written. str0m's pacer looks at its queues when time passes: told so at once, a
    /// poll that would only say that it wants this is spared.
    pub fn send_written(&mut self, now: Instant, outlet: &mut impl Outlet) {
        if !std::mem::take(&mut self.written) || self.failed {
            return;
        }
        if self.pass_time(now.max(self.time), now, outlet) {
            self.drain(now, outlet);
        }
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
                    if is_stun(&transmit.contents) || self.paths.consents(&transmit) {
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

    fn fail(&mut self, now: Instant, outlet: &mut impl Outlet) {
        self.due = now + Duration::from_secs(3600);
        if !self.failed {
            self.failed = true;
            outlet.report(Report::Closed(self.id));
        }
    }

    fn happened(&mut self, event: Event, now: Instant, outlet: &mut impl Outlet) {
        match event {
            Event::RtpPacket(packet) => self.received(packet, now, outlet),
            Event::KeyframeRequest(request) => {
                let down = self.down.iter().find(|d| d.mid == request.mid);
                if let Some((route, down)) = down.and_then(|d| Some((d.route()?, d))) {
                    outlet.want_keyframes(route.track, route.origin, down.keyframes_needed());
                }
            }
            Event::PeerStats(stats) => {
                let paused = self.down.iter().any(|d| d.aim() == Aim::Paused);
                let path = Path {
                    loss_up: stats.ingress_loss_fraction.unwrap_or(0.0),
                    loss_down: stats.egress_loss_fraction.unwrap_or(0.0),
                    round_trip: stats.rtt.unwrap_or_default().as_secs_f32(),
                    short: paused || self.bandwidth.is_short(),
                    paused,
                };
                outlet.report(Report::Path(self.id, path));
            }
            Event::EgressBitrateEstimate(kind) => self.bandwidth.estimated(&kind),
            Event::Connected => outlet.report(Report::Connected(self.id)),
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

    fn received(&mut self, packet: RtpPacket, now: Instant, outlet: &mut impl Outlet) {
        let Some((mid, rid)) = self.streams.section_of(&mut self.rtc, packet.header.ssrc) else {
            return;
        };
        let Some(track) = self.up.iter_mut().find(|t| t.mid == mid && t.open) else {
            return;
        };
        let pt = packet.header.payload_type;
        let config = self.rtc.codec_config();
        let Some(format) = config.find(|p| p.pt() == pt || p.red() == Some(pt)) else {
            return;
        };
        let (spec, plain) = (format.spec(), *format.pt());
        let redundant = format.red() == Some(pt);
        let Some(layer) = track.layer_of(rid) else {
            return;
        };
        let captured = self.clock.captured(
            packet.last_sender_info.as_ref(),
            packet.header.timestamp,
            if track.audio { 48_000 } else { 90_000 },
            packet.timestamp,
        );
        let forward = match redundant {
            true => Forward::redundant(track.key, captured, packet, spec, plain),
            false => Some(Forward::new(track.key, layer, captured, packet, spec)),
        };
        let Some(mut forward) = forward else {
            return;
        };
        track.received(&mut forward, now);
        outlet.forward(forward);
        // Drained by the caller, which is in the middle of doing so.
        track.ask_keyframes(&mut self.rtc, now);
    }

    /// Offer and answer may change SSRCs and payload types.
    pub fn renegotiated(&mut self) {
        self.streams.clear();
        self.down.iter_mut().for_each(Downstream::renegotiated);
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
