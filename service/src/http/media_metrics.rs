//! The media engine's counters for Prometheus.

use crate::engine::EngineStats;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::Ordering;

/// What the engine counts, as of the last scrape.
#[derive(Default)]
pub struct MediaMetrics {
    sessions: Gauge,
    rooms: Gauge,
    tracks: Gauge,
    counters: [Counter; 9],
}

/// Names, what they say, and where they come from.
type Row = (&'static str, &'static str, fn(&EngineStats) -> u64);

const COUNTERS: [Row; 9] = [
    ("media_datagrams_in", "Media datagrams received", |s| {
        s.packets_in
    }),
    ("media_datagrams_out", "Media datagrams sent", |s| {
        s.packets_out
    }),
    ("media_bytes_in", "Bytes of media received", |s| s.bytes_in),
    ("media_bytes_out", "Bytes of media sent", |s| s.bytes_out),
    ("media_reads", "System calls that read datagrams", |s| {
        s.reads
    }),
    ("media_writes", "System calls that sent datagrams", |s| {
        s.writes
    }),
    (
        "media_handed",
        "Datagrams that another worker, or TCP, heard",
        |s| s.handed,
    ),
    (
        "media_dropped",
        "Packets lost to full queues and sockets",
        |s| s.dropped,
    ),
    (
        "media_unknown",
        "Datagrams of unknown or unproven senders",
        |s| s.unknown,
    ),
];

impl MediaMetrics {
    /// With all its metrics in a registry.
    pub fn registered(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "media_sessions",
            "Media transports",
            metrics.sessions.clone(),
        );
        registry.register("media_rooms", "Rooms on the engine", metrics.rooms.clone());
        registry.register("media_tracks", "Published tracks", metrics.tracks.clone());
        for ((name, help, _), counter) in COUNTERS.iter().zip(&metrics.counters) {
            registry.register(*name, *help, counter.clone());
        }
        metrics
    }

    /// Take the engine's counters over.
    pub fn take(&self, stats: &EngineStats) {
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.sessions.set(gauge(stats.sessions));
        self.rooms.set(gauge(stats.rooms));
        self.tracks.set(gauge(stats.tracks));
        for ((_, _, value), counter) in COUNTERS.iter().zip(&self.counters) {
            counter.inner().store(value(stats), Ordering::Relaxed);
        }
    }
}
