//! What a client has around it: the time, chance, the network and its lines, and the log.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::Rng;

use super::network::{Arrival, Network, Who};
use super::wire::{self, Dial, Door, Ear, Line};
use crate::clock;

/// Everything in the world but the clients and the service.
pub struct Around {
    pub network: Network,
    pub door: Door,
    pub ear: Ear,
    pub random: StdRng,
    /// In front of each line: the time in ms.
    pub log: Vec<String>,
    pub begun: Instant,
    pub engine: SocketAddr,
    pub lines: u64,
}

/// A client's address on the network; `n` counts its changes of network.
pub fn address(who: Who, n: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 1 + who as u8], 4000 + n * 7 + who as u16))
}

impl Around {
    pub fn now(&self) -> Instant {
        clock::now()
    }

    pub fn now_ms(&self) -> f64 {
        clock::now_ms() as f64
    }

    pub fn chance(&mut self) -> f64 {
        self.random.random()
    }

    pub fn note(&mut self, line: String) {
        let at = self.now().duration_since(self.begun).as_millis();
        self.log.push(format!("{at:>7} {line}"));
    }

    /// The moment of a time in ms since 1970; whole milliseconds, so that nothing is due too early.
    pub fn moment(&self, ms: f64) -> Instant {
        let from_now = (ms - self.now_ms()).ceil().clamp(0.0, 1e9);
        self.now() + Duration::from_millis(from_now as u64)
    }

    pub fn dial(&mut self, who: Who, url: &str, subprotocol: Option<&'static str>) -> Line {
        self.lines += 1;
        let dial = Dial {
            door: &self.door,
            ear: &self.ear,
            who,
            number: self.lines,
            from: address(who, 0),
            url,
        };
        Line::open(dial, subprotocol)
    }

    /// Asks over HTTP, and gives the number under which the answer comes.
    pub fn ask(&mut self, who: Who, url: &str) -> u64 {
        self.lines += 1;
        wire::status(Dial {
            door: &self.door,
            ear: &self.ear,
            who,
            number: self.lines,
            from: address(who, 0),
            url,
        });
        self.lines
    }

    /// A message for the service, on its way.
    pub fn say(&mut self, who: Who, line: u64, message: tokio_tungstenite::tungstenite::Message) {
        let now = self.now();
        let said = Arrival::Said { who, line, message };
        self.network.message(who, line, true, said, now);
    }
}
