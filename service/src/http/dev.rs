//! The development organisation (`S10`): built-in members who sign in without a password, and a stand-in
//! for an application's backend that makes guests. It exists only where everything is loopback, and
//! refuses whatever came through a proxy or from a page of another machine.

use super::error::HttpError;
use super::identity::{member_token, new_guest, token_for};
use super::routes::{Routes, Who};
use crate::app::App;
use crate::clock::{now_ms, rfc3339};
use crate::config::is_loopback_authority;
use crate::store::{Member, Resource};
use crate::text;
use crate::tokens::Scope;
use axum::extract::{Request, State};
use axum::http::{header, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{json, Value};
use std::sync::Arc;

/// The application id in the development organisation's access tokens.
pub const APP_ID: &str = "11111111-aaaa-4bbb-8ccc-dddddddddddd";
/// Life of its tokens.
const LIFE: u64 = 12 * 60 * 60_000;

/// The members: name and user principal name. Their object ids are made at first start.
pub const MEMBERS: [(&str, &str); 4] = [
    ("Olivia Organizer", "olivia@plenary.test"),
    ("Marco Member", "marco@plenary.test"),
    ("Petra Presenter", "petra@plenary.test"),
    ("Chidi Co-Organizer", "chidi@plenary.test"),
];

/// The routes; only merged where the organisation is on.
pub(super) fn routes() -> Routes {
    Routes::of(Who::ThisMachine)
        .get("/dev/members", members)
        .post("/dev/signIn", sign_in)
        .post("/dev/guests", guest)
}

/// The routes as they are served.
pub(super) fn router() -> Router<Arc<App>> {
    let routes = routes().router();
    routes.layer(middleware::from_fn(only_this_machine))
}

const FORWARDING: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "via",
];

/// `S10`: no proxy, no name of another machine (DNS rebinding), no page of another machine (forged
/// requests). Pages of this machine may be on another port.
async fn only_this_machine(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name: HeaderName| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("unreadable"))
    };
    let forwarded = headers.keys().any(|name| {
        FORWARDING.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded-")
    });
    let authority = request
        .uri()
        .authority()
        .map(|authority| authority.as_str().to_owned());
    let host = text(header::HOST).map(str::to_owned).or(authority);
    let here = host.is_some_and(|host| is_loopback_authority(&host));
    let origin = text(header::ORIGIN).map(str::to_owned);
    let from_here = origin.as_deref().is_none_or(is_loopback_origin);
    if forwarded || !here || !from_here {
        let message = "The development organisation is for this machine alone.";
        return HttpError::forbidden(message).into_response();
    }
    let mut response = match *request.method() {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    if let Some(origin) = origin.and_then(|origin| HeaderValue::from_str(&origin).ok()) {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("content-type"),
        );
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST"),
        );
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
    response
}

fn is_loopback_origin(origin: &str) -> bool {
    let authority = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(is_loopback_authority)
}

fn member_json(member: &Member) -> Value {
    json!({"id": member.oid, "displayName": member.display_name, "upn": member.upn, "rawId": member.raw_id()})
}

async fn members(State(app): State<Arc<App>>) -> Result<Json<Value>, HttpError> {
    let members = app.store.members().await?;
    Ok(Json(
        json!({"value": members.iter().map(member_json).collect::<Vec<_>>()}),
    ))
}

async fn default_resource(app: &App) -> Result<Resource, HttpError> {
    let resources = app.store.resources().await?;
    resources
        .into_iter()
        .next()
        .ok_or_else(|| HttpError::not_found("There is no resource."))
}

#[derive(Deserialize)]
struct SignIn {
    member: String,
}

/// Takes JSON alone, which a form of another page cannot send.
async fn sign_in(
    State(app): State<Arc<App>>,
    Json(request): Json<SignIn>,
) -> Result<Json<Value>, HttpError> {
    let members = app.store.members().await?;
    let member = members
        .into_iter()
        .find(|member| member.oid == request.member || member.upn == request.member);
    let member =
        member.ok_or_else(|| HttpError::not_found("There is no such member; see /dev/members."))?;
    let now = now_ms();
    let access = app
        .tokens
        .internal(&member.oid, APP_ID, &member.display_name, now, now + LIFE);
    let resource = default_resource(&app).await?;
    let calling = member_token(&app, &resource, &member.oid, access.expires).await?;
    Ok(Json(json!({
        "accessToken": access.token,
        "expiresOn": rfc3339(access.expires),
        "appId": APP_ID,
        "communicationToken": {"token": calling.token, "expiresOn": rfc3339(calling.expires)},
        "member": member_json(&member),
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewGuest {
    display_name: Option<String>,
}

/// What an application's backend would do with the identity interface.
async fn guest(
    State(app): State<Arc<App>>,
    Json(request): Json<NewGuest>,
) -> Result<Json<Value>, HttpError> {
    let resource = default_resource(&app).await?;
    let id = new_guest(&app, &resource).await?;
    let user = app
        .store
        .user(&id)
        .await?
        .ok_or_else(|| HttpError::not_found("The guest is gone."))?;
    let scopes = [Scope::Voip, Scope::Chat].into();
    let issued = token_for(&app, &user, &resource.id, &scopes, LIFE);
    Ok(Json(json!({
        "userId": id,
        "displayName": request.display_name.as_deref().and_then(text::display_name),
        "token": issued.token,
        "expiresOn": rfc3339(issued.expires),
    })))
}
