//! A session's way out: its keys, the numbers that count all its packets, and what receivers say
//! about how they arrive.

use std::time::{Duration, Instant};

use str0m::net::{Protocol, Transmit};

use super::clock::WallClock;
use super::rtcp::Block;
use crate::engine::packets::congestion::{Congestion, Probe, ProbeId};
use crate::engine::packets::session::Outlet;
use crate::engine::packets::srtp::tap::Slot;
use crate::engine::packets::srtp::Srtp;

/// A round trip beyond this is none: a receiver repeats times that it was never told.
const MAX_ROUND_TRIP: u32 = 30 << 16;

/// What a path is taken for before anything is known of it: enough for the smallest layers of a
/// page of six, and probes of three and six times as much follow at once.
const INITIAL: u64 = 1_000_000;
/// The steps in which a probe is sent: timers are no finer.
const STEP: Duration = Duration::from_millis(5);

/// From where to where a session's packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub protocol: Protocol,
    pub source: std::net::SocketAddr,
    pub destination: std::net::SocketAddr,
}

/// What receivers reported since it was asked for last.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Reception {
    expected: u64,
    lost: i64,
    round_trip: Option<Duration>,
}

impl Reception {
    /// What one report adds to the one before.
    pub fn add(&mut self, expected: u32, lost: i32) {
        self.expected += u64::from(expected);
        self.lost += i64::from(lost);
    }

    /// A report repeats the last sender report's time, and how long it waited before it answered
    /// (RFC 3550 6.4.1).
    pub fn answered(&mut self, block: &Block, now: u32) {
        if block.last_report == 0 {
            return;
        }
        let since = now
            .wrapping_sub(block.last_report)
            .wrapping_sub(block.delay);
        // A little less than nothing comes of the clocks' grain.
        if since < MAX_ROUND_TRIP {
            let micros = (u64::from(since) * 1_000_000) >> 16;
            self.round_trip = Some(Duration::from_micros(micros));
        }
    }

    /// The share of packets lost, and the round trip; loss is counted anew from here on.
    pub fn take(&mut self) -> (f32, Duration) {
        let (expected, lost) = (std::mem::take(&mut self.expected), self.lost);
        self.lost = 0;
        let share = match expected {
            0 => 0.0,
            _ => (lost as f32 / expected as f32).clamp(0.0, 1.0),
        };
        (share, self.round_trip.unwrap_or_default())
    }
}

/// A probe that is being sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Burst {
    pub id: ProbeId,
    probe: Probe,
    began: Instant,
    next: Instant,
    packets: usize,
    bytes: usize,
}

impl Burst {
    fn new(probe: Probe, now: Instant) -> Self {
        Self {
            id: probe.id,
            probe,
            began: now,
            next: now,
            packets: 0,
            bytes: 0,
        }
    }

    /// The size of the next packet, if one is due by now.
    pub fn packet_due(&mut self, now: Instant) -> Option<usize> {
        let Probe {
            bytes,
            packets,
            over,
            ..
        } = self.probe;
        let passed = now.saturating_duration_since(self.began) + STEP;
        let share = (passed.as_secs_f32() / over.as_secs_f32().max(0.001)).min(1.0);
        let due = |all: usize| (all as f32 * share).ceil() as usize;
        if self.bytes >= due(bytes) && self.packets >= due(packets) {
            self.next = now + STEP;
            return None;
        }
        Some(bytes / packets.max(1))
    }

    pub fn sent(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes;
    }

    pub fn is_done(&self) -> bool {
        self.bytes >= self.probe.bytes && self.packets >= self.probe.packets
    }
}

/// The session's half of sending; the other half are its streams.
#[derive(Debug)]
pub(crate) struct Egress {
    pub clock: WallClock,
    pub reception: Reception,
    /// Where there is something to choose by it: a video, and a receiver that gives feedback.
    pub congestion: Option<Box<Congestion>>,
    pub burst: Option<Burst>,
    keys: Slot,
    srtp: Option<Srtp>,
    /// The next transport-wide sequence number.
    transport_seq: u16,
}

impl Egress {
    pub fn new(clock: WallClock, keys: Slot) -> Self {
        Self {
            clock,
            keys,
            reception: Reception::default(),
            congestion: None,
            burst: None,
            srtp: None,
            transport_seq: 0,
        }
    }

    /// DTLS is done, and str0m has compared the other side's certificate with its fingerprint: the
    /// keys count.
    pub fn connected(&mut self) {
        if self.srtp.is_none() {
            self.srtp = self.keys.get().and_then(Srtp::new);
        }
    }

    /// The keys of both sides, for a test that stands in for the client.
    #[cfg(test)]
    pub fn keys(&self) -> &crate::engine::packets::srtp::Keys {
        self.keys.get().expect("a connected session")
    }

    /// Whether there are keys.
    pub fn is_protected(&self) -> bool {
        self.srtp.is_some()
    }

    /// The payload of a packet that the client published, if it is authentic under this index.
    pub fn open_rtp(&self, packet: &[u8], header: usize, index: u64, plain: &mut Vec<u8>) -> bool {
        let srtp = self.srtp.as_ref();
        srtp.is_some_and(|srtp| srtp.open_rtp(packet, header, index, plain))
    }

    /// The plain text of what a client says about what it receives, if it is authentic and new.
    pub fn open_rtcp(&mut self, packet: &[u8], plain: &mut Vec<u8>) -> bool {
        let srtp = self.srtp.as_mut();
        srtp.is_some_and(|srtp| srtp.open_rtcp(packet, plain))
    }

    /// From here on packets are numbered, so that the receiver tells when they came.
    pub fn estimate_path(&mut self, now: Instant) {
        let new = || Box::new(Congestion::new(INITIAL, now));
        self.congestion.get_or_insert_with(new);
    }

    /// Bits per second; `None` where nobody tells.
    pub fn estimate(&self) -> Option<u64> {
        let congestion = self.congestion.as_ref()?;
        Some(congestion.estimate().unwrap_or(INITIAL))
    }

    /// The share of packets lost of late, and the round trip.
    pub fn path(&mut self) -> (f32, Duration) {
        let (lost, reported) = self.reception.take();
        match &self.congestion {
            Some(c) => (c.loss(), c.round_trip().unwrap_or(reported)),
            None => (lost, reported),
        }
    }

    /// The next packet's transport-wide number, if it is to have one.
    pub fn number(&mut self) -> Option<u16> {
        self.congestion.as_ref()?;
        let seq = self.transport_seq;
        self.transport_seq = seq.wrapping_add(1);
        Some(seq)
    }

    /// The probe that is underway, or one that is due.
    pub fn probe(&mut self, now: Instant) -> Option<&mut Burst> {
        if self.burst.is_none() {
            let probe = self.congestion.as_mut()?.probe(now)?;
            self.burst = Some(Burst::new(probe, now));
        }
        self.burst.as_mut()
    }

    /// When more of a probe has to be sent.
    pub fn due(&self) -> Option<Instant> {
        self.burst.map(|b| b.next)
    }
}

/// A packet before it is protected.
#[derive(Debug)]
pub(crate) struct Numbered {
    pub bytes: Vec<u8>,
    /// The header's length.
    pub header: usize,
    /// Transport-wide.
    pub number: Option<u16>,
}

/// Where streams put their packets.
pub(crate) struct Exit<'a, O: Outlet> {
    pub egress: &'a mut Egress,
    pub way: Way,
    pub outlet: &'a mut O,
    pub now: Instant,
}

impl<'a, O: Outlet> Exit<'a, O> {
    pub fn new(egress: &'a mut Egress, way: Way, outlet: &'a mut O, now: Instant) -> Self {
        Self {
            egress,
            way,
            outlet,
            now,
        }
    }

    /// Protect a packet and send it; its size. The index is the stream's extended sequence number,
    /// used once.
    pub fn rtp(&mut self, packet: Numbered, index: u64, probe: Option<ProbeId>) -> usize {
        let Numbered {
            mut bytes,
            header,
            number,
        } = packet;
        let Some(srtp) = &self.egress.srtp else {
            return 0;
        };
        srtp.seal_rtp(&mut bytes, header, index);
        let size = bytes.len();
        if let (Some(congestion), Some(number)) = (&mut self.egress.congestion, number) {
            congestion.sent(number, size, probe, self.now);
        }
        self.transmit(bytes);
        size
    }

    pub fn rtcp(&mut self, mut compound: Vec<u8>) {
        let Some(srtp) = &mut self.egress.srtp else {
            return;
        };
        srtp.seal_rtcp(&mut compound);
        self.transmit(compound);
    }

    fn transmit(&mut self, packet: Vec<u8>) {
        self.outlet.transmit(Transmit {
            proto: self.way.protocol,
            source: self.way.source,
            destination: self.way.destination,
            contents: packet.into(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_what_was_reported_since_the_last_question() {
        let mut reception = Reception::default();
        reception.add(100, 10);
        reception.add(100, -5);
        let (loss, _) = reception.take();
        assert!((loss - 0.025).abs() < 1e-6, "{loss}");
        assert_eq!(reception.take().0.to_bits(), 0f32.to_bits());
    }

    #[test]
    fn a_round_trip_is_the_time_that_the_receiver_did_not_wait() {
        let block = Block {
            ssrc: 1,
            lost: 0,
            highest: 0,
            last_report: 0xffff_0000,
            delay: 1 << 16,
        };
        let mut reception = Reception::default();
        reception.answered(&block, 0x0000_8000);
        assert_eq!(reception.take().1, Duration::from_millis(500));
        reception.answered(&block, 0xffff_0000);
        assert_eq!(reception.take().1, Duration::from_millis(500), "nonsense");
    }
}
