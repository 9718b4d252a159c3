//! For those who run the service: is it alive, is it ready, how is it doing.

use super::routes::{Routes, Who};
use crate::app::App;
use axum::extract::State;
use axum::http::{header, StatusCode};
use axum::response::IntoResponse;
use std::sync::Arc;

/// The routes.
pub(super) fn routes() -> Routes {
    Routes::of(Who::Anybody)
        .get("/healthz", || async { "ok" })
        .get("/readyz", ready)
        .get("/metrics", metrics)
}

/// Ready when the store answers.
async fn ready(State(app): State<Arc<App>>) -> impl IntoResponse {
    match app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ready"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer")
        }
    }
}

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.metrics.text(&app))
}
