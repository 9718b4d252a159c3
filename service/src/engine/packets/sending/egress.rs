//! A session's way out: its keys, the numbers that count all its packets, and what receivers say
//! about how they arrive.

use std::time::{Duration, Instant};

use str0m::net::{Protocol, Transmit};

use super::clock::WallClock;
use super::rtcp::Block;
use crate::engine::packets::session::Outlet;
use crate::engine::packets::srtp::tap::Slot;
use crate::engine::packets::srtp::Srtp;

/// A round trip beyond this is none: a receiver repeats times that it was never told.
const MAX_ROUND_TRIP: u32 = 30 << 16;

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
            let micros = u64::from(since) * 1_000_000 >> 16;
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

/// The session's half of sending; the other half are its streams.
#[derive(Debug)]
pub(crate) struct Egress {
    pub clock: WallClock,
    pub reception: Reception,
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

    /// The plain text of what a client says about what it receives, if it is authentic and new.
    pub fn open_rtcp(&mut self, packet: &[u8], plain: &mut Vec<u8>) -> bool {
        let srtp = self.srtp.as_mut();
        srtp.is_some_and(|srtp| srtp.open_rtcp(packet, plain))
    }

    pub fn next_transport_seq(&mut self) -> u16 {
        let seq = self.transport_seq;
        self.transport_seq = seq.wrapping_add(1);
        seq
    }
}

/// Where streams put their packets.
pub(crate) struct Exit<'a, O: Outlet> {
    pub egress: &'a mut Egress,
    pub way: Way,
    pub outlet: &'a mut O,
    pub now: Instant,
}

impl<O: Outlet> Exit<'_, O> {
    /// Protect a packet whose header is this long, and send it. The index is the stream's extended
    /// sequence number, used once.
    pub fn rtp(&mut self, mut packet: Vec<u8>, header: usize, index: u64) {
        let Some(srtp) = &self.egress.srtp else {
            return;
        };
        srtp.seal_rtp(&mut packet, header, index);
        self.transmit(packet);
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
