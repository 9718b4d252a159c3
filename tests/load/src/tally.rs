//! What all clients count together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{json, Value};
use tokio::sync::Notify;

/// Buckets of forwarding delay: 10 µs each up to 1 s, the last for everything above.
const BUCKET: Duration = Duration::from_micros(10);
const BUCKETS: usize = 100_001;

#[derive(Debug)]
pub struct Tally {
    counting: AtomicBool,
    packets: AtomicU64,
    bytes: AtomicU64,
    sent: AtomicU64,
    delays: Vec<AtomicU64>,
    receiving: AtomicUsize,
    failures: AtomicUsize,
    changed: Notify,
    /// Milliseconds from the start of a join, by step.
    steps: Mutex<BTreeMap<&'static str, Vec<f64>>>,
    /// When the process began; the clock that packets carry.
    pub epoch: Instant,
}

impl Tally {
    pub fn new() -> Self {
        Self {
            counting: AtomicBool::new(false),
            packets: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            delays: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            receiving: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
            changed: Notify::new(),
            steps: Mutex::new(BTreeMap::new()),
            epoch: Instant::now(),
        }
    }

    pub fn start_counting(&self) {
        self.counting.store(true, Ordering::Relaxed);
    }

    pub fn stop_counting(&self) {
        self.counting.store(false, Ordering::Relaxed);
    }

    pub fn sent(&self) {
        if self.counting.load(Ordering::Relaxed) {
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn received(&self, bytes: usize, delay: Duration) {
        if !self.counting.load(Ordering::Relaxed) {
            return;
        }
        self.packets.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let bucket = (delay.as_micros() / BUCKET.as_micros()) as usize;
        self.delays[bucket.min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
    }

    /// A client reached a step of its join.
    pub fn step(&self, name: &'static str, since: Instant) {
        if let Ok(mut steps) = self.steps.lock() {
            steps
                .entry(name)
                .or_default()
                .push(since.elapsed().as_secs_f64() * 1000.0);
        }
    }

    /// A client receives everything that it should.
    pub fn receives(&self) {
        self.receiving.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    pub fn receiving(&self) -> usize {
        self.receiving.load(Ordering::Relaxed)
    }

    /// A client ended before its time.
    pub fn fails(&self, why: &str) {
        eprintln!("a client failed: {why}");
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    pub fn failures(&self) -> usize {
        self.failures.load(Ordering::Relaxed)
    }

    /// Wait until every client receives or has failed; false if that takes too long.
    pub async fn everybody_receives(&self, expected: usize, patience: Duration) -> bool {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                if self.receiving() + self.failures() >= expected {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(patience, waiting).await.is_ok()
    }

    pub fn counts(&self, seconds: u64) -> Value {
        let packets = self.packets.load(Ordering::Relaxed);
        let steps: BTreeMap<&str, Value> = match self.steps.lock() {
            Ok(mut steps) => steps
                .iter_mut()
                .map(|(name, times)| {
                    times.sort_by(f64::total_cmp);
                    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
                    let last = times.last().copied();
                    (*name, json!({ "count": times.len(), "p50": at(0.5), "p99": at(0.99), "max": last }))
                })
                .collect(),
            Err(_) => BTreeMap::new(),
        };
        json!({
            "seconds": seconds,
            "packets": packets,
            "sent": self.sent.load(Ordering::Relaxed),
            "bytes": self.bytes.load(Ordering::Relaxed),
            "delayMicros": { "p50": self.delay(0.5), "p90": self.delay(0.9), "p99": self.delay(0.99), "p999": self.delay(0.999) },
            "join": steps,
        })
    }

    fn delay(&self, part: f64) -> u64 {
        let total: u64 = self.delays.iter().map(|d| d.load(Ordering::Relaxed)).sum();
        let wanted = (total as f64 * part) as u64;
        let mut seen = 0;
        for (bucket, count) in self.delays.iter().enumerate() {
            seen += count.load(Ordering::Relaxed);
            if seen > wanted {
                return bucket as u64 * BUCKET.as_micros() as u64;
            }
        }
        0
    }
}
