//! The simulated network: everything that is under way, datagrams and messages alike, in the order in
//! which it arrives.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio_tungstenite::tungstenite::Message;

use super::wire::Heard;
use crate::clock;

/// The longest that a datagram is under way; what arrives later was not sent.
pub const LONGEST: Duration = Duration::from_millis(150);

/// Which client of the world.
pub type Who = usize;

/// What arrives.
#[derive(Debug)]
pub enum Arrival {
    ToEngine {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    ToClient {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// A client hears something on one of its lines.
    Heard {
        who: Who,
        line: u64,
        heard: Heard,
    },
    /// The service hears something on a client's line.
    Said {
        who: Who,
        line: u64,
        message: Message,
    },
}

struct Travelling {
    at: Instant,
    /// Keeps the order of what arrives at the same time.
    number: u64,
    arrival: Arrival,
}

impl PartialEq for Travelling {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Travelling {}

impl PartialOrd for Travelling {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Travelling {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// What the network does to a client's datagrams and messages.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    pub loss: f64,
    /// Of a datagram, in ms; those that take longer are overtaken.
    pub delay: (u64, u64),
    /// Nothing comes through.
    pub dark: bool,
}

impl Weather {
    pub const FAIR: Self = Self {
        loss: 0.0,
        delay: (5, 8),
        dark: false,
    };
}

/// See [`Network::sent`].
pub type Sent = (u64, Who, bool, u8, usize);

/// The kind of what is no datagram.
const MESSAGE: u8 = u8::MAX;

/// A direction of a client's path, with chances of its own: what happens to one client's datagrams
/// does not depend on how many others there are.
struct Path {
    random: StdRng,
    /// Until when handshakes are held back, in order.
    held: Instant,
}

pub struct Network {
    seed: u64,
    pub weather: BTreeMap<Who, Weather>,
    paths: BTreeMap<(Who, bool), Path>,
    /// When the last message of a line arrives: messages do not overtake each other.
    lines: BTreeMap<(u64, bool), Instant>,
    travelling: BinaryHeap<Reverse<Travelling>>,
    /// Datagrams and messages that were sent so far, handshakes aside: when, of whom, which way, what
    /// kind, how long.
    pub sent: Vec<Sent>,
    order: u64,
}

/// DTLS records (RFC 7983). Neither the length of their signatures, and with it the number of
/// datagrams, nor the jitter of their timers comes from a seed: so they are delayed evenly and never
/// lost, which takes no chances from others and lets no timer matter.
fn is_handshake(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(20..=63))
}

impl Network {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            weather: BTreeMap::new(),
            paths: BTreeMap::new(),
            lines: BTreeMap::new(),
            travelling: BinaryHeap::new(),
            sent: Vec::new(),
            order: 0,
        }
    }

    fn weather(&self, who: Who) -> Weather {
        self.weather.get(&who).copied().unwrap_or(Weather::FAIR)
    }

    /// A datagram of a client's, or one for it.
    pub fn datagram(&mut self, who: Who, up: bool, arrival: Arrival, now: Instant) {
        let (Arrival::ToEngine { bytes, .. } | Arrival::ToClient { bytes, .. }) = &arrival else {
            return;
        };
        let (weather, seed) = (self.weather(who), self.seed);
        let path = self.paths.entry((who, up)).or_insert_with(|| Path {
            random: StdRng::seed_from_u64(seed ^ ((who as u64) << 32) ^ u64::from(up)),
            held: now,
        });
        let (least, most) = weather.delay;
        if is_handshake(bytes) {
            path.held = path.held.max(now + Duration::from_millis(most));
            let at = path.held;
            return self.push(at, arrival);
        }
        let delay = Duration::from_millis(path.random.random_range(least..=most));
        let lost = path.random.random_bool(weather.loss) || weather.dark;
        let (kind, length) = (bytes[0], bytes.len());
        self.sent.push((clock::now_ms(), who, up, kind, length));
        if !lost {
            self.push(now + delay, arrival);
        }
    }

    /// A message on a line: late, in order, never lost.
    pub fn message(&mut self, who: Who, line: u64, up: bool, arrival: Arrival, now: Instant) {
        let at = now + Duration::from_millis(self.weather(who).delay.1);
        let (kind, length) = match &arrival {
            Arrival::Said { message, .. }
            | Arrival::Heard {
                heard: Heard::Message(message),
                ..
            } => (MESSAGE, message.len()),
            _ => (MESSAGE, 0),
        };
        self.sent.push((clock::now_ms(), who, up, kind, length));
        let last = self.lines.entry((line, up)).or_insert(at);
        *last = at.max(*last);
        let at = *last;
        self.push(at, arrival);
    }

    fn push(&mut self, at: Instant, arrival: Arrival) {
        self.order += 1;

        self.travelling.push(Reverse(Travelling {
            at,
            number: self.order,
            arrival,
        }));
    }

    pub fn due(&self) -> Option<Instant> {
        self.travelling.peek().map(|Reverse(first)| first.at)
    }

    /// What has arrived by now, one after the other.
    pub fn next(&mut self, now: Instant) -> Option<Arrival> {
        if self.due()? > now {
            return None;
        }
        self.travelling.pop().map(|Reverse(first)| first.arrival)
    }
}
