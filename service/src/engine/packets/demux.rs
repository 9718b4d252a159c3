//! Whose datagram is it? By source address once a session has checked it, else by the ICE user
//! name of a STUN request. Nothing is kept for senders that proved nothing (S11).

use std::collections::HashMap;
use std::net::SocketAddr;

use str0m::ice::{IceCreds, StunMessage};
use str0m::net::Protocol;

use super::paths::Origin;

/// Addresses remembered for datagrams whose session lives at another worker.
const MAX_ELSEWHERE: usize = 65_536;

/// Where a datagram belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Belongs {
    /// To the session with this index, here.
    Here(usize),
    /// To a session of another worker.
    Elsewhere(usize),
    Nowhere,
}

/// One worker's tables.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    worker: usize,
    by_address: HashMap<Origin, usize>,
    by_ufrag: HashMap<String, usize>,
    /// UDP alone: a TCP connection belongs to one worker from its first frame on.
    elsewhere: HashMap<SocketAddr, usize>,
}

impl Demux {
    pub fn new(worker: usize) -> Self {
        Self {
            worker,
            ..Default::default()
        }
    }

    /// What is left when all sessions here are over: those of other workers are not.
    pub fn without_sessions(&mut self) -> Self {
        Self {
            elsewhere: std::mem::take(&mut self.elsewhere),
            ..Self::new(self.worker)
        }
    }

    pub fn belongs(&self, from: Origin, bytes: &[u8]) -> Belongs {
        if is_stun(bytes) {
            return self.of_stun(bytes);
        }
        if let Some(session) = self.by_address.get(&from) {
            return Belongs::Here(*session);
        }
        match self.elsewhere.get(&from.address) {
            Some(worker) if from.protocol == Protocol::Udp => Belongs::Elsewhere(*worker),
            _ => Belongs::Nowhere,
        }
    }

    fn of_stun(&self, bytes: &[u8]) -> Belongs {
        let Ok(message) = StunMessage::parse(bytes) else {
            return Belongs::Nowhere;
        };
        let Some((ufrag, _)) = message.split_username() else {
            return Belongs::Nowhere;
        };
        match worker_of(ufrag) {
            Some(worker) if worker == self.worker => match self.by_ufrag.get(ufrag) {
                Some(session) => Belongs::Here(*session),
                None => Belongs::Nowhere,
            },
            Some(worker) => Belongs::Elsewhere(worker),
            None => Belongs::Nowhere,
        }
    }

    pub fn add_ufrag(&mut self, ufrag: String, session: usize) {
        self.by_ufrag.insert(ufrag, session);
    }

    pub fn remove_ufrag(&mut self, ufrag: &str) {
        self.by_ufrag.remove(ufrag);
    }

    /// Only for an address whose STUN request the session has verified. True if it is new.
    pub fn add_address(&mut self, from: Origin, session: usize) -> bool {
        if from.protocol == Protocol::Udp {
            self.elsewhere.remove(&from.address);
        }
        self.by_address.insert(from, session) != Some(session)
    }

    /// False if the address is another session's.
    pub fn remove_address(&mut self, from: &Origin, session: usize) -> bool {
        let is_its = self.by_address.get(from) == Some(&session);
        if is_its {
            self.by_address.remove(from);
        }
        is_its
    }

    /// The session that an address was verified for.
    pub fn session_of(&self, from: &Origin) -> Option<usize> {
        self.by_address.get(from).copied()
    }

    /// Entries in all tables.
    #[cfg(test)]
    pub fn size(&self) -> usize {
        self.by_address.len() + self.by_ufrag.len() + self.elsewhere.len()
    }

    pub fn set_elsewhere(&mut self, address: SocketAddr, worker: usize) {
        if self.elsewhere.len() < MAX_ELSEWHERE {
            self.by_address.remove(&udp(address));
            self.elsewhere.insert(address, worker);
        }
    }

    /// The worker has no session at the address any more; another may have one.
    pub fn not_elsewhere(&mut self, address: SocketAddr, worker: usize) {
        if self.elsewhere.get(&address) == Some(&worker) {
            self.elsewhere.remove(&address);
        }
    }
}

/// Fresh ICE credentials whose user name says which worker the session lives at, so that any
/// worker's socket can pass a connectivity check on without asking.
///
/// Not str0m's: those come from a generator that is not made for secrets, and whoever guesses a
/// password can have that client's media sent elsewhere (RFC 8445 5.3 asks for 128 random bits).
pub(crate) fn credentials(worker: usize, random: Random) -> IceCreds {
    IceCreds {
        // As much of it as tells sessions apart.
        ufrag: format!("w{worker:02x}{:016x}", random() as u64),
        pass: format!("{:032x}", random()),
    }
}

/// 128 bits from the system's generator of secrets, or from a simulation's seed.
pub(crate) type Random = fn() -> u128;

fn udp(address: SocketAddr) -> Origin {
    Origin {
        protocol: Protocol::Udp,
        address,
    }
}

/// RFC 7983: STUN's first byte is 0 to 3.
pub(crate) fn is_stun(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|b| *b < 4)
}

/// RFC 7983: RTP and RTCP begin with 128 to 191.
pub(crate) fn is_media(bytes: &[u8]) -> bool {
    matches!(bytes, [128..=191, ..])
}

/// The worker that a connectivity check is for, by its user name; nothing is verified yet.
pub(crate) fn worker_of_check(bytes: &[u8]) -> Option<usize> {
    let message = StunMessage::parse(bytes).ok()?;
    let (ufrag, _) = message.split_username()?;
    worker_of(ufrag)
}

fn worker_of(ufrag: &str) -> Option<usize> {
    let digits = ufrag.strip_prefix('w')?.get(..2)?;
    usize::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_tells_the_worker() {
        assert_eq!(worker_of(&credentials(1, || 7).ufrag), Some(1));
        assert_eq!(worker_of(&credentials(63, || u128::MAX).ufrag), Some(63));
        assert_eq!(worker_of("abc"), None);
        assert_eq!(worker_of("w"), None);
    }

    #[test]
    fn unknown_senders_leave_nothing_behind() {
        let demux = Demux::new(0);
        let from = udp(SocketAddr::from(([127, 0, 0, 1], 4000)));
        assert_eq!(demux.belongs(from, &[0x16, 0xfe, 0xfd]), Belongs::Nowhere);
        assert_eq!(demux.belongs(from, &[0x80, 0x60, 0, 0]), Belongs::Nowhere);
        assert_eq!(demux.belongs(from, &[0; 20]), Belongs::Nowhere);
        assert!(demux.by_address.is_empty() && demux.elsewhere.is_empty());
    }

    /// Two clients behind one NAT may have the same port, one by UDP and one by TCP.
    #[test]
    fn the_same_address_by_tcp_is_somebody_else() {
        let mut demux = Demux::new(0);
        let from = udp(SocketAddr::from(([127, 0, 0, 1], 4000)));
        let by_tcp = Origin {
            protocol: Protocol::Tcp,
            ..from
        };
        assert!(demux.add_address(from, 1));
        let srtp = [0x80, 0x60, 0, 0];
        assert_eq!(demux.belongs(from, &srtp), Belongs::Here(1));
        assert_eq!(demux.belongs(by_tcp, &srtp), Belongs::Nowhere);
        demux.set_elsewhere(from.address, 1);
        assert_eq!(demux.belongs(from, &srtp), Belongs::Elsewhere(1));
        assert_eq!(demux.belongs(by_tcp, &srtp), Belongs::Nowhere);
    }

    /// A client that comes again from the same port (a NAT gives it out anew) has a session there
    /// when the one of before ends. Found by the simulation of the whole: the newer one was cut off
    /// from its publisher for good.
    #[test]
    fn the_end_of_a_session_leaves_its_address_to_the_next() {
        let mut demux = Demux::new(0);
        let from = udp(SocketAddr::from(([127, 0, 0, 1], 4000)));
        demux.add_address(from, 1);
        demux.add_address(from, 2);
        assert!(!demux.remove_address(&from, 1));
        assert_eq!(demux.session_of(&from), Some(2));
        demux.set_elsewhere(from.address, 1);
        demux.set_elsewhere(from.address, 3);
        demux.not_elsewhere(from.address, 1);
        let srtp = [0x80, 0x60, 0, 0];
        assert_eq!(demux.belongs(from, &srtp), Belongs::Elsewhere(3));
        demux.not_elsewhere(from.address, 3);
        assert_eq!(demux.belongs(from, &srtp), Belongs::Nowhere);
    }
}
