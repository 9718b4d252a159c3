//! Static pages: files as they are, `/meet/{id}` as the guest page, and the headers that keep a page from
//! running what is not its own (`S12`).

use super::routes::{Routes, Who};
use crate::app::App;
use axum::extract::{Request, State};
use axum::http::{header, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::Router;
use std::path::PathBuf;
use std::sync::Arc;
use tower::ServiceExt;
use tower_http::services::{ServeDir, ServeFile};
use tower_http::set_header::SetResponseHeaderLayer;

/// No inline script or style; WebAssembly; sockets to wherever the service and its engine are.
const CSP: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data: blob:; media-src 'self' blob: mediastream:; font-src 'self'; \
     connect-src 'self' ws: wss:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";
/// Devices for our own pages alone.
const PERMISSIONS: &str =
    "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self)";

/// The pages' routes; files of a folder come besides.
pub(super) fn routes() -> Routes {
    Routes::of(Who::Anybody)
        .get("/meet/{id}", meet)
        .get("/", root)
}

/// The routes as they are served, with the files.
pub(super) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    let pages = routes().router();
    let pages = match &app.config.www {
        Some(folder) => pages.fallback_service(ServeDir::new(folder)),
        None => pages.fallback(|| async { StatusCode::NOT_FOUND }),
    };
    let header =
        |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    pages
        .layer(header(header::CONTENT_SECURITY_POLICY, CSP))
        .layer(header(header::HeaderName::from_static("permissions-policy"), PERMISSIONS))
        // Files change under a developer's hands, and have no version in their names.
        .layer(header(header::CACHE_CONTROL, "no-cache"))
}

/// The folder's own start page, or the guest page.
async fn root(State(app): State<Arc<App>>, request: Request) -> Response {
    let Some(www) = &app.config.www else {
        return "Plenary's meeting service.".into_response();
    };
    let index = www.join("index.html");
    if index.is_file() {
        return file(index, request).await;
    }
    Redirect::temporary("/guest/").into_response()
}

/// A join link, opened in a browser: the guest page, which finds the link in its own address. The id is
/// not looked up, so the page tells nobody whether it exists (`S8`).
async fn meet(State(app): State<Arc<App>>, request: Request) -> Response {
    match &app.config.www {
        Some(www) => file(www.join("guest").join("index.html"), request).await,
        None => {
            "This is a meeting link; open it in an application that uses the SDK.".into_response()
        }
    }
}

async fn file(path: PathBuf, request: Request) -> Response {
    match ServeFile::new(path).oneshot(request).await {
        Ok(response) => response.into_response(),
        Err(never) => match never {},
    }
}
