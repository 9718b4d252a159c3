//! Everything that arrives over HTTP: the table of routes, and what all of them share.

mod breakout;
mod chat;
mod dev;
mod error;
mod graph;
mod graph_chat;
pub(crate) mod hmac;
pub(crate) mod identifier;
mod identity;
mod media_metrics;
pub mod metrics;
mod notifications;
pub mod openapi;
mod operations;
mod pages;
mod recordings;
mod routes;
mod support;

pub use dev::MEMBERS as DEVELOPMENT_MEMBERS;
pub use routes::{Route, Who};

use crate::app::App;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{header, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::Router;
use routes::Routes;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;

/// Largest body of a request (`S11`).
const MOST_BYTES: usize = 64 << 10;

/// The request target as it came: what a client signs (`rest.md` 1).
#[derive(Debug, Clone)]
pub struct RawTarget(pub String);

/// All routes. `engine` are the media engine's.
pub fn router(app: &Arc<App>, engine: Option<Router>) -> Router {
    // Applications call these from pages of other origins; bearer tokens and keys travel in headers, never
    // in cookies.
    let open = public().into_iter().map(Routes::router);
    let open = open.fold(Router::new(), Router::merge).layer(cors());
    let mut routes = Router::new()
        .merge(open)
        .merge(agent().router())
        .merge(notifications::socket().router())
        .merge(operations::routes().router());
    if app.config.dev_organisation() {
        routes = routes.merge(dev::router());
    }
    let routes = routes
        .merge(pages::router(app))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(middleware::map_response(as_an_error))
        .with_state(app.clone());
    let mut router = Router::new().merge(routes);
    if let Some(engine) = engine {
        router = router.merge(engine);
    }
    router
        .layer(middleware::from_fn_with_state(app.clone(), observe))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        // A meeting's link is a secret that a page must not hand on (Element Call CVE-2026-48007).
        .layer(SetResponseHeaderLayer::if_not_present(
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ))
}

/// What applications call from pages of any origin.
fn public() -> Vec<Routes> {
    vec![
        identity::routes(),
        graph::routes(),
        breakout::routes(),
        recordings::routes(),
        chat::routes(),
        graph_chat::routes(),
        notifications::routes(),
        notifications::connection(),
        support::routes(),
        openapi::routes(),
    ]
}

fn agent() -> Routes {
    Routes::of(Who::Hello).get("/agent", crate::agent::upgrade)
}

/// Every route with who may call it, those of the development organisation too. The media engine's are
/// LiveKit's own.
pub fn table() -> Vec<Route> {
    let others = [
        agent(),
        notifications::socket(),
        operations::routes(),
        dev::routes(),
        pages::routes(),
    ];
    let all = public().into_iter().chain(others);
    all.flat_map(Routes::list).collect()
}

fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::any())
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::LOCATION, header::RETRY_AFTER])
        .max_age(Duration::from_secs(600))
}

/// Before routing: keeps the target as it came and takes out double slashes, which clients make from an
/// endpoint with a slash at its end (`rest.md` 0).
pub fn normalised<B>(mut request: axum::http::Request<B>) -> axum::http::Request<B> {
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", |target| target.as_str())
        .to_owned();
    request.extensions_mut().insert(RawTarget(target.clone()));
    if let Some(clean) = single_slashes(&target) {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = clean.parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

fn single_slashes(target: &str) -> Option<String> {
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)));
    if !path.contains("//") {
        return None;
    }
    let mut clean = String::with_capacity(target.len());
    for c in path.chars() {
        if c != '/' || !clean.ends_with('/') {
            clean.push(c);
        }
    }
    if let Some(query) = query {
        clean.push('?');
        clean.push_str(query);
    }
    Some(clean)
}

/// What the framework refuses for its size is told as everything else is.
async fn as_an_error(response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_told = kind.is_some_and(|kind| kind == "application/json");
    match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE if !is_told => {
            error::HttpError::too_large("The body is larger than this operation takes.")
                .into_response()
        }
        _ => response,
    }
}

/// Logs and counts by the route's template: a path may hold ids, and a query tokens (`S15`).
async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("*", |path| path.as_str())
        .to_owned();
    let response = next.run(request).await;
    let status = response.status();
    app.metrics
        .request(&method, &route, status, begun.elapsed());
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::error!(%method, route, status = status.as_u16(), "request failed");
    } else {
        tracing::debug!(%method, route, status = status.as_u16(), took = ?begun.elapsed(), "request");
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn double_slashes_are_one_and_a_query_stays_as_it_is() {
        assert_eq!(
            single_slashes("//identities?x=a//b").as_deref(),
            Some("/identities?x=a//b")
        );
        assert_eq!(single_slashes("/a///b//").as_deref(), Some("/a/b/"));
        assert_eq!(single_slashes("/a/b?c=//"), None);
    }
}
