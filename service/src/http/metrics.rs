//! Counters and gauges for Prometheus. Labels are route templates, methods and status classes: nothing
//! that anybody outside chose (`S15`, and bounded in number).

use super::media_metrics::MediaMetrics;
use crate::app::App;
use axum::http::{Method, StatusCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

type Labels = Vec<(&'static str, String)>;

/// The service's metrics.
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Histogram,
    sessions: Gauge,
    meetings: Gauge,
    participants: Gauge,
    waiting: Gauge,
    passes: Gauge,
    tasks: Gauge,
    media: MediaMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("plenary");
        let metrics = Self {
            requests: Family::default(),
            seconds: Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0]),
            sessions: Gauge::default(),
            meetings: Gauge::default(),
            participants: Gauge::default(),
            waiting: Gauge::default(),
            passes: Gauge::default(),
            tasks: Gauge::default(),
            media: MediaMetrics::registered(&mut registry),
            registry: Registry::default(),
        };
        registry.register(
            "http_requests",
            "HTTP requests answered",
            metrics.requests.clone(),
        );
        registry.register(
            "http_request_seconds",
            "Time to an answer",
            metrics.seconds.clone(),
        );
        registry.register(
            "agent_sessions",
            "Agent sessions, dropped ones too",
            metrics.sessions.clone(),
        );
        registry.register("meetings", "Living meetings", metrics.meetings.clone());
        registry.register(
            "participants",
            "People in meetings",
            metrics.participants.clone(),
        );
        registry.register(
            "lobby_waiting",
            "People in lobbies",
            metrics.waiting.clone(),
        );
        registry.register(
            "media_passes",
            "Endpoints that may have media",
            metrics.passes.clone(),
        );
        registry.register(
            "tasks",
            "Tasks of the service that have not ended",
            metrics.tasks.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    /// Counts an answered request.
    pub fn request(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        // A method is any token that a client likes.
        let method = match *method {
            Method::GET
            | Method::POST
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
            | Method::OPTIONS
            | Method::HEAD => method.as_str(),
            _ => "other",
        };
        let labels = vec![
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.as_u16().to_string()),
        ];
        self.requests.get_or_create(&labels).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// Everything in the OpenMetrics text format.
    pub fn text(&self, app: &App) -> String {
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let (meetings, participants, waiting) = app.meetings.totals();
        self.sessions.set(gauge(app.sessions.count()));
        self.meetings.set(gauge(meetings));
        self.participants.set(gauge(participants));
        self.waiting.set(gauge(waiting));
        self.passes.set(gauge(app.media.living.count()));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            self.tasks.set(gauge(runtime.metrics().num_alive_tasks()));
        }
        if let Some(engine) = &app.media.engine {
            self.media.take(&engine.stats());
        }
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(std::fmt::Error) => String::new(),
        }
    }
}
