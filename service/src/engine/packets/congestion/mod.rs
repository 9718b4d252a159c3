//! Congestion control of what is sent to one receiver, from its transport-wide feedback.
//!
//! Google's congestion control (draft-ietf-rmcat-gcc-02, and what libwebrtc made of it): the way's
//! delay ([`delay`]) and its losses ([`loss`]) say when the rate falls ([`rate`]), and probes
//! ([`probes`]) find out what more would pass. Added to it is a quick look at the queue before the
//! bottleneck ([`passage`]): when a path narrows to a fraction, what comes out of the queue *is* what
//! the path still carries, and five packets are enough to know. The trend needs twenty groups.
//!
//! No clock, no randomness, no I/O, and nothing is allocated for a packet once the history is as
//! large as the rate needs. Feedback comes from outside and is believed as far as it cannot hurt
//! anybody else (S11): a receiver can only lower what it is sent, or raise it to what was sent to it.

mod delay;
mod feedback;
#[cfg(test)]
mod figures;
mod history;
#[cfg(test)]
mod hostile;
mod judgement;
mod loss;
mod passage;
mod probes;
mod rate;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod simulated;

use std::time::{Duration, Instant};

use delay::Delay;
pub(crate) use feedback::Malformed;
use feedback::{Feedback, ReceiverClock, Status};
use history::{Fate, History, Packet, Role};
use loss::Loss;
use passage::{BaseDelay, Passage};
use probes::Probes;
pub(crate) use probes::{Probe, ProbeId};
use rate::Rate;

/// Microseconds since the session began, or on the receiver's clock.
type Micros = i64;

/// Nothing grows while a queue stands; and without one a trend is not believed: jitter has trends,
/// too.
const GROWTH_QUEUE: Micros = 30_000;
/// After a fall the queue is still full for so long, and what it drops is the old rate's doing.
const EMPTYING: Micros = 300_000;
/// Feedback comes each 50 to 250 ms; without any for this and two round trips the path is taken to
/// be broken, and every so often more so.
const SILENT: Micros = 500_000;
const SILENT_STEP: Micros = 500_000;
/// What is left of the rate at each step.
const SILENT_SHARE: f64 = 0.8;
/// Who has sent nothing for so long knows nothing of the path's queue.
const IDLE: Micros = 1_000_000;
/// Share of the newest round trip in the smoothed one (RFC 6298).
const NEWEST_ROUND_TRIP: i64 = 8;
/// More is desired than before if it is more by a tenth: measured rates are never quite still.
const DESIRED_MORE: u64 = 10;

/// The rate at which one receiver can be sent to.
#[derive(Debug)]
pub(crate) struct Congestion {
    start: Instant,
    history: History,
    clock: ReceiverClock,
    base: BaseDelay,
    delay: Delay,
    loss: Loss,
    rate: Rate,
    probes: Probes,
    passage: Passage,
    desired: u64,
    /// The newest packet that was told of; `None` before any feedback.
    answered: Option<u16>,
    round_trip: Option<Micros>,
    began: Option<Micros>,
    last_sent: Micros,
    /// When the first packet was sent of those that nothing has been heard since.
    unanswered: Option<Micros>,
    /// When the rate was last lowered for silence.
    silent: Option<Micros>,
    /// What was sent before this was sent at another rate.
    changed: Micros,
    /// Since when a deep queue stands, and how deep it was then.
    stuck: Option<(Micros, Micros)>,
    narrowed: Option<Micros>,
    overusing: bool,
}

/// What was new in a report.
#[derive(Debug, Default)]
struct News {
    /// The newest packet that came, by number, and when it was sent.
    newest: Option<(u16, Micros)>,
}

impl Congestion {
    pub fn new(initial_bps: u64, now: Instant) -> Self {
        Self {
            start: now,
            history: History::new(),
            clock: ReceiverClock::default(),
            base: BaseDelay::default(),
            delay: Delay::default(),
            loss: Loss::default(),
            rate: Rate::new(initial_bps),
            probes: Probes::default(),
            passage: Passage::default(),
            desired: 0,
            answered: None,
            round_trip: None,
            began: None,
            last_sent: 0,
            unanswered: None,
            silent: None,
            changed: -1,
            stuck: None,
            narrowed: None,
            overusing: false,
        }
    }

    fn micros(&self, at: Instant) -> Micros {
        at.saturating_duration_since(self.start).as_micros() as Micros
    }

    fn instant(&self, at: Micros) -> Instant {
        self.start + Duration::from_micros(at.max(0) as u64)
    }

    /// A packet left: its number, its bytes on the wire (UDP payload), and the probe it belongs to.
    pub fn sent(&mut self, seq: u16, bytes: usize, probe: Option<ProbeId>, now: Instant) {
        let now = self.micros(now);
        self.began.get_or_insert(now);
        // After a pause of the sender's own nothing is overdue.
        if self.unanswered.is_none() || now - self.last_sent > SILENT {
            self.unanswered = Some(now);
        }
        self.last_sent = now;
        self.history.insert(Packet {
            sent: now,
            bytes: u16::try_from(bytes).unwrap_or(u16::MAX),
            seq,
            fate: Fate::Underway,
            role: self.probes.sent(seq, probe, now),
        });
    }

    /// A transport-wide feedback packet (RTCP RTPFB, FMT 15): its bytes behind the two SSRCs.
    pub fn feedback(&mut self, fci: &[u8], now: Instant) -> Result<(), Malformed> {
        let feedback = Feedback::parse(fci)?;
        let now = self.micros(now);
        let reference = self.clock.reference(&feedback);
        let mut news = News::default();
        feedback.each(|status| self.told(status, reference, &mut news));
        let Some((newest, sent)) = news.newest else {
            return Ok(());
        };
        self.took(now - sent);
        self.unanswered = None;
        if self.silent.take().is_some() {
            self.rate.hold(now);
            self.probes.hurry(now);
        }
        let newest = match self.answered {
            Some(before) if (newest.wrapping_sub(before) as i16) < 0 => before,
            _ => newest,
        };
        self.answered = Some(newest);
        let began = self.began.unwrap_or(now);
        self.passage = Passage::look(&self.history, &self.base, newest, self.changed, began);
        self.judge(now);
        if let Some(bps) = self.probes.answered(&self.history, newest, now) {
            self.rate.proven(bps, now);
        }
        Ok(())
    }

    /// What became of a packet, or of a run of them.
    fn told(&mut self, status: Status, reference: Micros, news: &mut News) {
        let (seq, after) = match status {
            Status::Missing { from, count } => {
                return self.are_missing(from, count);
            }
            Status::Arrived { seq, after } => (seq, after),
        };
        let Some(packet) = self.history.get_mut(seq) else {
            return;
        };
        let (sent, role, at) = (packet.sent, packet.role, reference + after);
        let counts = role == Role::Media && sent > self.changed + EMPTYING;
        match packet.fate {
            Fate::Arrived { .. } | Fate::Unknown => return,
            Fate::Missing if counts => self.loss.came_late(),
            Fate::Underway if counts => self.loss.arrived(),
            _ => {}
        }
        packet.fate = Fate::Arrived { at };
        if news.newest.is_none_or(|(_, before)| sent >= before) {
            news.newest = Some((seq, sent));
        }
        if self.base.note(sent, at) {
            self.delay.forget();
        }
        match role {
            Role::Media => self.delay.arrived(sent, at),
            Role::Probe | Role::Shadowed => self.delay.interrupt(),
        }
    }

    fn are_missing(&mut self, from: u16, count: u16) {
        let (loss, counts_after) = (&mut self.loss, self.changed + EMPTYING);
        self.history.each_of(from, count, |packet| {
            if packet.fate != Fate::Underway {
                return;
            }
            packet.fate = Fate::Missing;
            if packet.role == Role::Media && packet.sent > counts_after {
                loss.missing();
            }
        });
    }

    fn took(&mut self, round_trip: Micros) {
        let smoothed = self.round_trip.unwrap_or(round_trip);
        self.round_trip = Some(smoothed + (round_trip - smoothed) / NEWEST_ROUND_TRIP);
    }

    /// Time passes: receivers fall silent, probes stay unanswered.
    pub fn tick(&mut self, now: Instant) {
        let now = self.micros(now);
        if self.silent_at().is_some_and(|at| at <= now) {
            self.silent = Some(now);
            self.rate.scale(SILENT_SHARE, now);
            self.fell(now);
        }
        self.probes.give_up(now);
    }

    /// When the receiver will have been silent for too long, once more.
    fn silent_at(&self) -> Option<Micros> {
        self.answered?;
        let overdue = self.unanswered? + SILENT + 2 * self.round_trip.unwrap_or(0);
        let again = self.silent.map_or(0, |at| at + SILENT_STEP);
        let at = overdue.max(again);
        // Who sends nothing hears nothing.
        (at <= self.last_sent + SILENT_STEP).then_some(at)
    }

    /// When [`Self::tick`] or [`Self::probe`] is needed next; `None` while nothing is underway.
    pub fn due(&self) -> Option<Instant> {
        let due = self.silent_at().into_iter().chain(self.probe_at()).min()?;
        Some(self.instant(due))
    }

    /// Bits per second; `None` before any feedback.
    pub fn estimate(&self) -> Option<u64> {
        self.answered.map(|_| self.rate.bps())
    }

    /// What would be sent if there were room: probing goes up to it.
    pub fn set_desired(&mut self, bps: u64, now: Instant) {
        let bps = bps.min(rate::MOST);
        if bps > self.desired + self.desired / DESIRED_MORE {
            self.probes.hurry(self.micros(now));
        }
        self.desired = bps;
    }

    /// A probe that is due: send `packets` packets of padding or retransmissions, of `bytes` in all,
    /// spread over `over`, and name it in [`Self::sent`].
    pub fn probe(&mut self, now: Instant) -> Option<Probe> {
        let now = self.micros(now);
        self.probe_at().filter(|at| *at <= now)?;
        self.probes.ask(self.rate.bps(), self.of_use(), now)
    }

    /// What is worth to be tried.
    fn of_use(&self) -> u64 {
        self.desired.min(self.rate.most())
    }

    /// When a probe is due, or given up. A path that is full is left alone, but what is known of it
    /// is nothing any more when nothing is sent.
    fn probe_at(&self) -> Option<Micros> {
        self.answered?;
        let at = self.probes.due(self.rate.bps(), self.of_use())?;
        let full =
            self.silent.is_some() || self.passage.queue() > GROWTH_QUEUE || self.loss.is_falling();
        match full && !self.probes.is_underway() {
            true => Some(at.max(self.last_sent + IDLE)),
            false => Some(at),
        }
    }

    /// Smoothed, from a packet's departure to the report of its arrival.
    pub fn round_trip(&self) -> Option<Duration> {
        Some(Duration::from_micros(self.round_trip?.max(0) as u64))
    }

    /// The share of media packets lost in the last second.
    pub fn loss(&self) -> f32 {
        self.loss.share() as f32
    }

    /// The last report, or silence, lowered the rate.
    pub fn is_overusing(&self) -> bool {
        self.overusing || self.silent.is_some()
    }

    /// When the path was last found to carry but a fraction of what was estimated: what waits in
    /// its queue is late, and what is sent should be replaced at once.
    pub fn narrowed(&self) -> Option<Instant> {
        Some(self.instant(self.narrowed?))
    }
}
