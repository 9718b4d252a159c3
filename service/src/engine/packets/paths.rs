//! The addresses that a session is heard from, which of them it sends to, and how a client changes
//! over to another one.
//!
//! An ICE-lite agent takes the pair that the client nominated (RFC 8445 7.3.1.5), and str0m, where
//! several are nominated, the one of the highest priority. But a client whose NAT gave it another
//! address, or which went from Wi-Fi to cellular, nominates a pair of equal or lower priority while
//! the old one looks alive for another 15 s. Browsers send USE-CANDIDATE to an ICE-lite agent on
//! their selected pair alone, so the last verified one says where the client is now: str0m is made
//! to forget the address of before.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::ice::StunMessage;
use str0m::net::{Protocol, Transmit};
use str0m::{Candidate, CandidateKind, Rtc};

use super::checks::Checks;
use super::sending::egress::Way;

/// Addresses a session may be heard from at a time: a client has a few interfaces, and each comes
/// and goes.
const MAX_PATHS: usize = 16;

/// Consent to be sent to lasts 30 s (RFC 7675 5.1); so does the memory of an address.
const CONSENT: Duration = Duration::from_secs(30);

/// What str0m calls the foundation of a candidate that it learned from a check: one that is added
/// again under this name takes the place of the forgotten one.
const LEARNED: &str = "tmp_prflx";
/// The priority of such a candidate; the client's own wish shows in whom it nominates.
const LEARNED_PRIORITY: u32 = (110 << 24) | (65_535 << 8) | 255;

/// Where a datagram comes from. An address alone does not say it: two clients behind one NAT may
/// have the same one, by UDP and by TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub protocol: Protocol,
    pub address: SocketAddr,
}

impl Origin {
    fn candidate(&self) -> Candidate {
        Candidate::from_parts(
            LEARNED.to_owned(),
            1,
            self.protocol,
            LEARNED_PRIORITY,
            self.address,
            CandidateKind::PeerReflexive,
            None,
            None,
            None,
        )
    }
}

/// A verified address.
#[derive(Debug)]
struct Path {
    origin: Origin,
    /// The worker whose socket hears it.
    by: usize,
    checked: Instant,
    /// The last check, until a path is selected.
    check: Vec<u8>,
}

/// An address that is no longer to be demultiplexed, and the worker whose socket hears it.
pub(crate) type Forgotten = (Origin, usize);

/// A session's addresses.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    known: Vec<Path>,
    selected: Option<Origin>,
    /// The way of what the engine sends itself: the path selected last, also while ICE starts over.
    way: Option<Way>,
    /// Addresses that str0m was made to forget; it ignores checks from them until told otherwise.
    left: Vec<Origin>,
    checks: Checks,
}

impl Paths {
    /// Whether a verified check is somebody's copy of an earlier one.
    pub fn is_copy(&mut self, bytes: &[u8], from: Origin) -> bool {
        StunMessage::parse(bytes).is_ok_and(|m| self.checks.have(m.trans_id(), from))
    }

    /// Whether a verified check came from an address not longer ago than consent lasts.
    pub fn knows(&self, origin: Origin) -> bool {
        self.known.iter().any(|p| p.origin == origin)
    }

    /// The TCP connections among them.
    pub fn connections(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        let tcp = self
            .known
            .iter()
            .filter(|p| p.origin.protocol != Protocol::Udp);
        tcp.map(|p| p.origin.address)
    }

    /// Whether something may be sent there.
    pub fn consents(&self, to: &Transmit) -> bool {
        self.knows(Origin {
            protocol: to.proto,
            address: to.destination,
        })
    }

    /// The way to where the client wants to be served, as long as it consents.
    pub fn way(&self) -> Option<Way> {
        let way = self.way?;
        let there = self.knows(Origin {
            protocol: way.protocol,
            address: way.destination,
        });
        there.then_some(way)
    }

    /// To be called before str0m gets a check that it accepts.
    pub fn before_check(&mut self, rtc: &mut Rtc, from: Origin) {
        if let Some(at) = self.left.iter().position(|o| *o == from) {
            self.left.swap_remove(at);
            rtc.add_remote_candidate(from.candidate());
        }
    }

    /// A check was verified: remember the address; gives back what had to go for it.
    pub fn checked(
        &mut self,
        from: Origin,
        check: &[u8],
        by: usize,
        now: Instant,
    ) -> Option<Forgotten> {
        let check = match self.selected {
            None => check.to_vec(),
            Some(_) => Vec::new(),
        };
        self.known.retain(|p| p.origin != from);
        self.known.push(Path {
            origin: from,
            by,
            checked: now,
            check,
        });
        let oldest = (self.known.len() > MAX_PATHS).then(|| self.known.remove(0));
        oldest.map(|p| (p.origin, p.by))
    }

    /// The last check of the path over which a client shakes hands, if none is selected yet.
    pub fn undecided(&self, from: Origin) -> Option<&[u8]> {
        let path = self.known.iter().find(|p| p.origin == from)?;
        Some(path.check.as_slice()).filter(|check| !check.is_empty())
    }

    fn decide(&mut self) {
        for path in &mut self.known {
            path.check = Vec::new();
        }
    }

    /// The client uses this path from now on, and reaches the engine at `here`. True if that is
    /// news, and str0m has to be brought up to date.
    pub fn select(&mut self, rtc: &mut Rtc, from: Origin, here: SocketAddr) -> bool {
        self.way = Some(Way {
            protocol: from.protocol,
            source: here,
            destination: from.address,
        });
        self.decide();
        let before = self.selected.replace(from);
        let Some(before) = before.filter(|b| *b != from) else {
            return false;
        };
        self.leave(rtc, before);
        true
    }

    fn leave(&mut self, rtc: &mut Rtc, origin: Origin) {
        if rtc.direct_api().invalidate_candidate(&origin.candidate()) {
            self.left.push(origin);
            if self.left.len() > MAX_PATHS {
                self.left.remove(0);
            }
        }
    }

    /// The address cannot be reached any more (its TCP connection ended).
    pub fn lost(&mut self, rtc: &mut Rtc, origin: Origin) {
        self.known.retain(|p| p.origin != origin);
        if self.selected == Some(origin) {
            self.selected = None;
        }
        // Not `leave`: a new connection has a new address.
        rtc.direct_api().invalidate_candidate(&origin.candidate());
    }

    /// ICE starts over, and str0m with it.
    pub fn restarted(&mut self) {
        self.selected = None;
        self.decide();
        self.left.clear();
        // Those of before do not verify any more.
        self.checks = Checks::default();
    }

    /// Forget the addresses that were not checked for so long that the client is not there.
    pub fn expire(&mut self, now: Instant) -> Vec<Forgotten> {
        let stale = |p: &Path| now.saturating_duration_since(p.checked) > CONSENT;
        if !self.known.iter().any(stale) {
            return Vec::new();
        }
        let gone = self.known.iter().filter(|p| stale(p));
        let gone = gone.map(|p| (p.origin, p.by)).collect();
        self.known.retain(|p| !stale(p));
        gone
    }

    /// The session ends.
    pub fn take(&mut self) -> Vec<Forgotten> {
        let known = std::mem::take(&mut self.known);
        known.into_iter().map(|p| (p.origin, p.by)).collect()
    }
}
