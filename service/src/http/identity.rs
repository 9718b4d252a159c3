//! Users and their tokens: the identity REST interface of Communication Services (`rest.md` 1 to 3), with
//! which `@azure/communication-identity` works unchanged.
//!
//! A resource key reaches the identities of that resource and nothing else (`S16`).

use super::error::{read_object, HttpError};
use super::hmac::{verifies, Signed};
use super::routes::{Routes, Who};
use super::RawTarget;
use crate::app::App;
use crate::clock::{now_ms, rfc3339};
use crate::random;
use crate::store::{Resource, User};
use crate::tokens::{Issued, Scope};
use axum::body::{to_bytes, Bytes};
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{header, request::Parts, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::Json;
use plenary_protocol::end::Reason;
use plenary_protocol::id::RawId;
use serde::de::DeserializeOwned;
use serde::Deserialize;
use serde_json::{json, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

const MINUTE: u64 = 60_000;
/// Permitted lives of a token, in minutes; the longest is the default.
const LIFE: std::ops::RangeInclusive<u64> = 60..=1_440;

/// The routes. Some segments begin with a literal colon, which axum takes for its old parameter syntax
/// (and a merged router undoes the permission), so they are told apart here.
pub(super) fn routes() -> Routes {
    Routes::of(Who::Resource)
        .post("/identities", create)
        .delete("/identities/{id}", remove)
        .post("/identities/{id}/{operation}", operate)
        .post("/teamsUser/{operation}", exchange)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    #[serde(default)]
    create_token_with_scopes: Vec<Scope>,
    expires_in_minutes: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issue {
    scopes: Vec<Scope>,
    expires_in_minutes: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exchange {
    token: String,
    app_id: String,
    user_id: String,
}

/// A request that a resource's key signed, with its `api-version` and its whole body. The key comes before
/// everything else (CVE-2024-38518).
struct Keyed {
    resource: Resource,
    body: Bytes,
}

impl FromRequest<Arc<App>> for Keyed {
    type Rejection = HttpError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, HttpError> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, super::MOST_BYTES).await.map_err(|_| {
            HttpError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestTooLarge",
                "The body is too large.",
            )
        })?;
        let resource = signer(app, &parts, &body).await?;
        check_version(&parts)?;
        Ok(Self { resource, body })
    }
}

/// Every call names the version of the interface that it means.
pub(super) fn check_version(parts: &Parts) -> Result<(), HttpError> {
    let query = parts.uri.query().unwrap_or_default();
    let version = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "api-version");
    match version {
        Some((_, version)) if is_version(&version) => Ok(()),
        Some(_) => Err(HttpError::bad(
            "UnsupportedApiVersionValue",
            "The api-version is a date such as 2023-10-01.",
        )),
        None => Err(HttpError::bad(
            "MissingApiVersionParameter",
            "The query parameter api-version is required.",
        )),
    }
}

impl Keyed {
    /// The body as JSON; an empty one counts as `{}` (`createUser()` sends none).
    fn read<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        read_object(&self.body).map_err(|place| {
            let message = format!("The body is not what this operation takes ({place}).");
            HttpError::bad("InvalidRequest", message)
        })
    }
}

/// A date, with or without `-preview`: older and newer versions have the same shapes here.
fn is_version(text: &str) -> bool {
    let date = text.strip_suffix("-preview").unwrap_or(text).as_bytes();
    date.len() == 10
        && date.iter().enumerate().all(|(n, byte)| {
            if n == 4 || n == 7 {
                *byte == b'-'
            } else {
                byte.is_ascii_digit()
            }
        })
}

/// The resource whose key signed the request.
async fn signer(app: &App, parts: &Parts, body: &[u8]) -> Result<Resource, HttpError> {
    let text = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    // HTTP/2 has the host in the target.
    let host = match parts.headers.contains_key(header::HOST) {
        true => text("host"),
        false => parts
            .uri
            .authority()
            .map(|authority| authority.as_str())
            .unwrap_or_default(),
    };
    let target = parts
        .extensions
        .get::<RawTarget>()
        .map(|target| target.0.clone());
    let target = target.unwrap_or_else(|| {
        parts
            .uri
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default()
    });
    let signed = Signed {
        method: parts.method.as_str(),
        target: &target,
        host,
        date: text("x-ms-date"),
        content_sha256: text("x-ms-content-sha256"),
        authorization: text("authorization"),
        body,
    };
    let now = now_ms();
    let resources = app.store.resources().await?;
    let signer = resources.into_iter().find(|resource| {
        verifies(
            &signed,
            [
                resource.primary_key.as_str(),
                resource.secondary_key.as_str(),
            ],
            now,
        )
    });
    signer.ok_or_else(HttpError::unauthorized)
}

fn life(minutes: Option<u64>) -> Result<u64, HttpError> {
    let minutes = minutes.unwrap_or(*LIFE.end());
    if LIFE.contains(&minutes) {
        return Ok(minutes * MINUTE);
    }
    Err(HttpError::bad(
        "InvalidRequest",
        "expiresInMinutes is between 60 and 1440.",
    ))
}

fn token_json(issued: &Issued) -> Value {
    json!({"token": issued.token, "expiresOn": rfc3339(issued.expires)})
}

/// A guest of a resource, in no directory (`A2`), with an id that nobody guesses. Two parts only: three would be a
/// Teams extension user.
pub(super) async fn new_guest(app: &App, resource: &Resource) -> Result<RawId, HttpError> {
    let id = RawId(format!("8:acs:{}_{}", resource.id, random::uuid()));
    app.store
        .add_user(&id, Some(&resource.id), now_ms())
        .await?;
    Ok(id)
}

/// A token for a user of ours.
pub(super) fn token_for(
    app: &App,
    user: &User,
    resource: &str,
    scopes: &BTreeSet<Scope>,
    life: u64,
) -> Issued {
    let now = now_ms();
    app.tokens
        .user(&user.id, user.generation, resource, scopes, now, now + life)
}

async fn create(State(app): State<Arc<App>>, keyed: Keyed) -> Result<Response, HttpError> {
    let request: Create = keyed.read()?;
    let life = life(request.expires_in_minutes)?;
    let id = new_guest(&app, &keyed.resource).await?;
    let mut body = json!({"identity": {"id": id}});
    if !request.create_token_with_scopes.is_empty() {
        let user = own_user(&app, &keyed.resource, &id).await?;
        let scopes = request.create_token_with_scopes.into_iter().collect();
        body["accessToken"] =
            token_json(&token_for(&app, &user, &keyed.resource.id, &scopes, life));
    }
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// A user of this resource; another resource's is not told apart from none (`S16`).
async fn own_user(app: &App, resource: &Resource, id: &RawId) -> Result<User, HttpError> {
    let user = app.store.user(id).await?;
    user.filter(|user| !user.deleted && user.resource.as_deref() == Some(resource.id.as_str()))
        .ok_or_else(|| {
            HttpError::new(
                StatusCode::NOT_FOUND,
                "IdentityNotFound",
                "There is no such identity.",
            )
        })
}

async fn remove(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    keyed: Keyed,
) -> Result<StatusCode, HttpError> {
    let user = own_user(&app, &keyed.resource, &RawId(id)).await?;
    app.store.delete_user(&user.id).await?;
    app.end_identity(&user.id, Reason::REVOKED).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn operate(
    State(app): State<Arc<App>>,
    Path((id, operation)): Path<(String, String)>,
    keyed: Keyed,
) -> Result<Response, HttpError> {
    match operation.as_str() {
        ":issueAccessToken" => Ok(issue(&app, RawId(id), &keyed).await?.into_response()),
        ":revokeAccessTokens" => Ok(revoke(&app, RawId(id), &keyed).await?.into_response()),
        _ => Err(HttpError::not_found("There is no such operation.")),
    }
}

async fn revoke(app: &Arc<App>, id: RawId, keyed: &Keyed) -> Result<StatusCode, HttpError> {
    let user = own_user(app, &keyed.resource, &id).await?;
    app.store.revoke(&user.id).await?;
    app.end_identity(&user.id, Reason::REVOKED).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn issue(app: &App, id: RawId, keyed: &Keyed) -> Result<Json<Value>, HttpError> {
    let user = own_user(app, &keyed.resource, &id).await?;
    let request: Issue = keyed.read()?;
    if request.scopes.is_empty() {
        return Err(HttpError::bad(
            "InvalidRequest",
            "scopes names at least one scope.",
        ));
    }
    let life = life(request.expires_in_minutes)?;
    let scopes = request.scopes.into_iter().collect();
    Ok(Json(token_json(&token_for(
        app,
        &user,
        &keyed.resource.id,
        &scopes,
        life,
    ))))
}

/// Exchanges a member's access token for a calling token (`A5`). Until identity providers come, only the
/// development organisation's access tokens are known.
async fn exchange(
    State(app): State<Arc<App>>,
    Path(operation): Path<String>,
    keyed: Keyed,
) -> Result<Json<Value>, HttpError> {
    if operation != ":exchangeAccessToken" {
        return Err(HttpError::not_found("There is no such operation."));
    }
    let request: Exchange = keyed.read()?;
    if !app.config.dev_organisation() {
        return Err(refused("no identity provider is configured"));
    }
    let token = app.tokens.check_internal(&request.token, now_ms());
    let token = token.map_err(|_| {
        refused("it is not of the organisation's identity provider, or has expired")
    })?;
    if token.app != request.app_id || token.oid != request.user_id {
        return Err(refused(
            "it is of another application or user than appId and userId say",
        ));
    }
    let issued = member_token(&app, &keyed.resource, &token.oid, token.expires).await?;
    Ok(Json(token_json(&issued)))
}

fn refused(why: &str) -> HttpError {
    let message = format!("The sign-in token is not acceptable: {why}.");
    HttpError::new(StatusCode::UNAUTHORIZED, "Unauthorized", message)
}

/// A calling token of a member; it ends with the access token.
pub(super) async fn member_token(
    app: &App,
    resource: &Resource,
    oid: &str,
    expires: u64,
) -> Result<Issued, HttpError> {
    let member = app
        .store
        .member(oid)
        .await?
        .ok_or_else(|| refused("there is no such member"))?;
    let id = member.raw_id();
    app.store.add_user(&id, None, now_ms()).await?;
    let user = app
        .store
        .user(&id)
        .await?
        .ok_or_else(|| refused("there is no such member"))?;
    let now = now_ms();
    let scopes = [Scope::Voip, Scope::Chat].into();
    Ok(token_for(
        app,
        &user,
        &resource.id,
        &scopes,
        expires.saturating_sub(now),
    ))
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
