//! The OpenAPI document of the REST interfaces. It is written by hand (`docs/openapi.json`); tests hold its
//! paths to the routes and its schemas to what the service answers.

use super::routes::{Routes, Who};
use axum::http::header;

/// The document.
pub const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// The routes.
pub(super) fn routes() -> Routes {
    let kind = (header::CONTENT_TYPE, "application/json");
    Routes::of(Who::Anybody).get("/openapi.json", move || async move { ([kind], DOCUMENT) })
}
