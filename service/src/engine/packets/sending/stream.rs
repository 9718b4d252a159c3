//! One section's stream: an SSRC for life, and one for what is sent again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::media::Media;

use super::egress::{Exit, Numbered, Reception};
use super::header::{self, ExtensionIds, Extensions, Fixed};
use super::history::{History, Sent};
use super::patch::Patch;
use super::rtcp::{self, Block, SenderReport};
use super::sections::Section;
use crate::engine::packets::capture::{clock_rate, ticks, Captured};
use crate::engine::packets::congestion::ProbeId;
use crate::engine::packets::dependency::Encoded;
use crate::engine::packets::outbox::Streams;
use crate::engine::packets::session::Outlet;
use crate::engine::packets::window::Window;

/// Sender reports, as often as libwebrtc's: they keep sound and picture together.
const REPORTS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(1)];
/// The first ones of sound come as quickly as a picture's: a browser synchronises nothing before it has two
/// of both.
const QUICK: u8 = 3;
/// Which numbers were used: one that was is refused, since a cipher's nonce is made of it (RFC 3711 9.1,
/// RFC 7714 8.4). 2,048 of them: at 1,000 packets a second two seconds, and no packet of a publisher comes
/// later than that.
type Used = Window<32>;
/// A packet's padding is counted in a byte (RFC 3550 5.1).
const MAX_PADDING: usize = 255;
const PADDED: u8 = 0x20;

/// A packet to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub payload_type: u8,
    /// That of retransmissions, if the receiver takes any.
    pub rtx_payload_type: Option<u8>,
    /// Extended; used once.
    pub seq: u64,
    pub time: u32,
    pub captured: Captured,
    pub marker: bool,
    pub payload: &'a Arc<[u8]>,
    pub patch: Patch,
    pub audio_level: Option<(i8, bool)>,
    pub orientation: Option<u8>,
    pub playout_delay: Option<(u16, u16)>,
    /// AV1's dependency descriptor.
    pub dependency: Option<&'a Encoded>,
}

#[derive(Debug)]
struct Rtx {
    ssrc: u32,
    /// Below 2^15 at first, see `Continuity::new`.
    next_seq: u64,
    /// Of the last packet, by which padding is sent.
    payload_type: Option<u8>,
    /// The receiver has reported on it: it knows whose it is.
    known: bool,
}

#[derive(Debug)]
pub(crate) struct Stream {
    mid: Box<str>,
    ssrc: u32,
    rtx: Option<Rtx>,
    video: bool,
    cname: Box<str>,
    ids: ExtensionIds,
    /// The receiver has reported on it: it needs no mid any more to know whose it is.
    known: bool,
    used: Used,
    history: History,
    packets: u32,
    octets: u32,
    /// RTP time and time of capture of the newest packet.
    latest: Option<(u32, Captured)>,
    reported: Option<Instant>,
    /// How many reports may still follow quickly.
    quick: u8,
    /// Highest number and loss of the receiver's last report.
    received: Option<(u32, i32)>,
}

impl Stream {
    pub fn new(section: &Section, media: &Media, first_rtx_seq: u16, video: bool) -> Self {
        Self {
            // str0m's own looks for its end each time that it is read.
            mid: (&*section.mid).into(),
            ssrc: section.ssrc,
            rtx: section.rtx.map(|ssrc| Rtx {
                ssrc,
                next_seq: u64::from(first_rtx_seq & 0x7fff),
                payload_type: None,
                known: false,
            }),
            video,
            cname: media.cname().into(),
            ids: ExtensionIds::negotiated(media),
            known: false,
            used: Used::default(),
            history: History::default(),
            packets: 0,
            octets: 0,
            latest: None,
            reported: None,
            quick: QUICK,
            received: None,
        }
    }

    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    pub fn streams(&self) -> Streams {
        Streams::new(self.ssrc, self.rtx.as_ref().map(|r| r.ssrc))
    }

    /// Whether an SSRC is the stream's, or that of its retransmissions.
    pub fn is(&self, ssrc: u32) -> bool {
        self.streams().are(ssrc)
    }

    /// Ids may have changed.
    pub fn renegotiated(&mut self, media: &Media) {
        self.ids = ExtensionIds::negotiated(media);
    }

    /// Send nothing again of what was sent before (S14).
    pub fn forget_sent(&mut self) {
        self.history.forget();
    }

    /// Send a packet; false if its number was used before.
    pub fn send<O: Outlet>(&mut self, exit: &mut Exit<'_, O>, packet: &Outgoing<'_>) -> bool {
        if !self.used.take(packet.seq) {
            return false;
        }
        let fixed = Fixed {
            marker: packet.marker,
            payload_type: packet.payload_type,
            seq: packet.seq as u16,
            time: packet.time,
            ssrc: self.ssrc,
        };
        let extensions = Extensions {
            audio_level: packet.audio_level,
            orientation: packet.orientation,
            playout_delay: packet.playout_delay,
            dependency: packet.dependency.map(|d| &**d),
            ..Default::default()
        };
        let length = packet.payload.len();
        let mut out = self.begin(exit, &fixed, extensions, self.known);
        out.bytes.extend_from_slice(packet.payload);
        packet.patch.apply(&mut out.bytes[out.header..]);
        exit.rtp(out, packet.seq, None);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(length as u32);
        self.latest = Some((packet.time, packet.captured));
        self.remember(packet, exit.now);
        self.report(exit);
        true
    }

    /// A datagram with a header in it, which is numbered and dated.
    fn begin<O: Outlet>(
        &self,
        exit: &mut Exit<'_, O>,
        fixed: &Fixed,
        extensions: Extensions<'_>,
        known: bool,
    ) -> Numbered {
        let mut bytes = exit.outlet.buffer();
        let number = self.ids.transport_cc.and_then(|_| exit.egress.number());
        let extensions = Extensions {
            mid: (!known).then_some(&*self.mid),
            transport_cc: number,
            send_time: self
                .ids
                .send_time
                .map(|_| exit.egress.clock.send_time(exit.now)),
            ..extensions
        };
        let header = header::write(&mut bytes, fixed, &self.ids, &extensions);
        Numbered {
            bytes,
            header,
            number,
        }
    }

    fn remember(&mut self, packet: &Outgoing<'_>, now: Instant) {
        let (Some(rtx), Some(payload_type)) = (&mut self.rtx, packet.rtx_payload_type) else {
            return;
        };
        rtx.payload_type = Some(payload_type);
        self.history.remember(Sent {
            seq: packet.seq,
            time: packet.time,
            marker: packet.marker,
            rtx_payload_type: payload_type,
            payload: packet.payload.clone(),
            patch: packet.patch,
            orientation: packet.orientation,
            dependency: packet.dependency.cloned(),
            at: now,
            resent: None,
        });
    }

    /// Send a packet again that the receiver missed (RFC 4588).
    pub fn resend<O: Outlet>(&mut self, exit: &mut Exit<'_, O>, seq: u16) {
        if let Some(sent) = self.history.again(seq, exit.now).cloned() {
            self.send_again(exit, &sent, None);
        }
    }

    fn send_again<O: Outlet>(
        &mut self,
        exit: &mut Exit<'_, O>,
        sent: &Sent,
        probe: Option<ProbeId>,
    ) -> usize {
        let Some((ssrc, seq, known)) = self.next_rtx() else {
            return 0;
        };
        let fixed = Fixed {
            marker: sent.marker,
            payload_type: sent.rtx_payload_type,
            seq: seq as u16,
            time: sent.time,
            ssrc,
        };
        let extensions = Extensions {
            orientation: sent.orientation,
            dependency: sent.dependency.as_deref(),
            ..Default::default()
        };
        let mut out = self.begin(exit, &fixed, extensions, known);
        out.bytes
            .extend_from_slice(&(sent.seq as u16).to_be_bytes());
        let start = out.bytes.len();
        out.bytes.extend_from_slice(&sent.payload);
        sent.patch.apply(&mut out.bytes[start..]);
        exit.rtp(out, seq, probe)
    }

    /// Whether packets can be sent here that nobody needs: only those of retransmissions are none
    /// of the stream's own.
    pub fn can_pad(&self) -> bool {
        let known = self.rtx.as_ref().is_some_and(|r| r.payload_type.is_some());
        known && self.latest.is_some()
    }

    /// Send about so much that nobody needs: something that was sent before, or nothing at all; the
    /// size of what was sent.
    pub fn pad<O: Outlet>(&mut self, exit: &mut Exit<'_, O>, size: usize, probe: ProbeId) -> usize {
        let least = size.min(MAX_PADDING);
        let sent = self.history.newest(size, exit.now);
        if let Some(sent) = sent.filter(|s| s.payload.len() >= least).cloned() {
            return self.send_again(exit, &sent, Some(probe));
        }
        let payload_type = self.rtx.as_ref().and_then(|r| r.payload_type);
        let (Some(payload_type), Some((time, _))) = (payload_type, self.latest) else {
            return 0;
        };
        let Some((ssrc, seq, known)) = self.next_rtx() else {
            return 0;
        };
        let fixed = Fixed {
            marker: false,
            payload_type,
            seq: seq as u16,
            time,
            ssrc,
        };
        let padding = least.max(1);
        let mut out = self.begin(exit, &fixed, Extensions::default(), known);
        out.bytes[0] |= PADDED;
        out.bytes.resize(out.header + padding - 1, 0);
        out.bytes.push(padding as u8);
        exit.rtp(out, seq, Some(probe))
    }

    /// Whether the receiver tells when its packets came.
    pub fn is_told_of(&self) -> bool {
        self.ids.transport_cc.is_some()
    }

    /// The SSRC and number of the next packet that is sent again, and whether the receiver knows
    /// whose it is.
    fn next_rtx(&mut self) -> Option<(u32, u64, bool)> {
        let rtx = self.rtx.as_mut()?;
        let seq = rtx.next_seq;
        rtx.next_seq += 1;
        Some((rtx.ssrc, seq, rtx.known))
    }

    fn report<O: Outlet>(&mut self, exit: &mut Exit<'_, O>) {
        let now = exit.now;
        let since = |at: Instant| now.saturating_duration_since(at);
        // Browsers draw a line through the last twenty reports, so one that only guesses when something was
        // captured is felt for long.
        let Some((time, Captured { at, reported: true })) = self.latest else {
            return;
        };
        let interval = REPORTS[usize::from(self.video || self.quick > 0)];
        if self.reported.is_some_and(|at| since(at) < interval) {
            return;
        }
        self.reported = Some(now);
        self.quick = self.quick.saturating_sub(1);
        let passed = ticks(at, now, clock_rate(self.video));
        let mut compound = exit.outlet.buffer();
        let report = SenderReport {
            ssrc: self.ssrc,
            ntp: exit.egress.clock.ntp(now),
            time: time.wrapping_add(passed),
            packets: self.packets,
            octets: self.octets,
            cname: &self.cname,
        };
        rtcp::write_report(&mut compound, &report);
        exit.rtcp(compound);
    }

    /// A receiver's report on this stream or its retransmissions. `now` is the middle of the time.
    pub fn received(&mut self, block: &Block, reception: &mut Reception, now: u32) {
        if block.ssrc != self.ssrc {
            if let Some(rtx) = &mut self.rtx {
                rtx.known = true;
            }
            return;
        }
        self.known = true;
        reception.answered(block, now);
        let (highest, lost) = (block.highest, block.lost);
        if let Some((before, lost_before)) = self.received.replace((highest, lost)) {
            let expected = highest.wrapping_sub(before);
            // A receiver that starts over begins below.
            if expected < 1 << 31 {
                reception.add(expected, lost.wrapping_sub(lost_before));
            }
        }
    }

    /// The SSRCs that were used.
    pub fn used(&self) -> impl Iterator<Item = u32> + '_ {
        let used = self.latest.is_some();
        let rtx = self.rtx.as_ref().map(|r| r.ssrc);
        used.then_some(self.ssrc)
            .into_iter()
            .chain(rtx.filter(|_| used))
    }
}
