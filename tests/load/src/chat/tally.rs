//! What everybody got, in which order and how late.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{json, Value};
use tokio::sync::Notify;
use tokio::time::Instant;

#[derive(Debug)]
pub struct Tally {
    inner: Mutex<Inner>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// When each message was due, by its number.
    due: Vec<Option<Instant>>,
    /// What each person heard, in their order.
    heard: Vec<Vec<usize>>,
    /// Who heard which.
    known: HashSet<(usize, usize)>,
    /// Of each delivery.
    delays: Vec<Duration>,
    doubled: usize,
    refused: usize,
}

impl Tally {
    pub fn new(people: usize) -> Self {
        let inner = Inner {
            heard: vec![Vec::new(); people],
            ..Inner::default()
        };
        Self {
            inner: Mutex::new(inner),
            arrived: Notify::new(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        // A thread that panicked in here has ended the run.
        act(&mut self
            .inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub fn due(&self, number: usize, at: Instant) {
        self.with(|inner| {
            if inner.due.len() <= number {
                inner.due.resize(number + 1, None);
            }
            inner.due[number] = Some(at);
        });
    }

    pub fn heard(&self, person: usize, number: usize) {
        let now = Instant::now();
        self.with(|inner| {
            let Some(due) = inner.due.get(number).copied().flatten() else {
                return;
            };
            if inner.known.insert((person, number)) {
                inner.delays.push(now - due);
                inner.heard[person].push(number);
            } else {
                inner.doubled += 1;
            }
        });
        self.arrived.notify_one();
    }

    pub fn refused(&self) {
        self.with(|inner| inner.refused += 1);
    }

    /// Until everybody has all of them, or nothing came for so long.
    pub async fn everything(&self, messages: usize, patience: Duration) {
        let complete = || self.with(|inner| inner.delays.len() >= messages * inner.heard.len());
        while !complete() {
            let more = self.arrived.notified();
            if tokio::time::timeout(patience, more).await.is_err() {
                return;
            }
        }
    }

    pub fn counts(&self, messages: usize) -> Value {
        self.with(|inner| {
            inner.delays.sort_unstable();
            let last = inner.delays.len().saturating_sub(1);
            let at = |part: f64| {
                let delay = inner.delays.get((last as f64 * part) as usize);
                delay.map(|delay| delay.as_secs_f64() * 1000.0)
            };
            let in_one_order = inner.heard.windows(2).all(|pair| pair[0] == pair[1]);
            json!({
                "delivered": inner.delays.len(),
                "expected": messages * inner.heard.len(),
                "inOneOrder": in_one_order,
                "doubled": inner.doubled,
                "refused": inner.refused,
                "p50": at(0.5),
                "p99": at(0.99),
                "most": at(1.0),
            })
        })
    }
}
