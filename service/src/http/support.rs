//! What somebody may do in a meeting, and why not: the support matrix with what is chosen there. The
//! answer is for pages and backends; each operation is checked again when it is tried.

use super::error::HttpError;
use super::graph::{self, Caller};
use super::identity::bearer;
use super::routes::{Routes, Who};
use crate::app::App;
use crate::meeting::Kind;
use crate::store::{MeetingKey, MeetingRow};
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::Json;
use plenary_protocol::agent::ClientKind;
use plenary_protocol::end::Reason;
use plenary_protocol::id::RawId;
use plenary_protocol::matrix::{ask, Asker, Identity, ROWS};
use serde::Deserialize;
use serde_json::{json, Map, Value};
use std::sync::Arc;

/// The routes.
pub(super) fn routes() -> Routes {
    Routes::of(Who::User).get("/meetings/{id}/support", support)
}

/// Who asks: a member by access token, or whoever a user token names.
pub(super) enum Someone {
    Member(Caller),
    User(RawId),
}

impl FromRequestParts<Arc<App>> for Someone {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, HttpError> {
        if let Ok(caller) = Caller::from_request_parts(parts, app).await {
            return Ok(Self::Member(caller));
        }
        let token = bearer(&parts.headers).ok_or_else(HttpError::unauthorized)?;
        let token = app.authenticate(token).await.map_err(unauthenticated)?;
        Ok(Self::User(token.id))
    }
}

fn unauthenticated(reason: Reason) -> HttpError {
    match reason {
        Reason::NOT_ALLOWED => HttpError::forbidden("The token is not for calls; ask for voip."),
        _ => HttpError::of_token(reason),
    }
}

impl Someone {
    pub(super) fn id(&self) -> RawId {
        match self {
            Self::Member(caller) => caller.0.raw_id(),
            Self::User(id) => id.clone(),
        }
    }

    /// A meeting that the asker may read, or is in or before; another is not told apart from none.
    pub(super) async fn meeting(&self, app: &App, id: &str) -> Result<MeetingRow, HttpError> {
        let who = self.id();
        let sessions = app.sessions.list();
        let is_there = sessions.iter().any(|s| s.who == who && s.is_in(id));
        let row = match (self, is_there) {
            (_, true) => app.store.meeting(MeetingKey::Id(id)).await?,
            (Self::Member(caller), false) => Some(graph::meeting(app, caller, id).await?),
            (Self::User(_), false) => None,
        };
        row.ok_or_else(graph::missing)
    }
}

#[derive(Deserialize)]
struct Asked {
    user: Option<RawId>,
    client: Option<ClientKind>,
}

async fn support(
    State(app): State<Arc<App>>,
    someone: Someone,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, HttpError> {
    let row = someone.meeting(&app, &id).await?;
    let settings = row.settings();
    let client = asked.client.unwrap_or(ClientKind::Web).into();
    let own = settings.asker(&someone.id(), client);
    let user = asked.user.unwrap_or_else(|| someone.id());
    let organizes = matches!(own.identity, Identity::Organizer | Identity::CoOrganizer);
    if user != someone.id() && !organizes {
        return Err(HttpError::forbidden(
            "Only the organizer and co-organizers may ask about somebody else.",
        ));
    }
    let mut asker = settings.asker(&user, client);
    asker.facts.return_enabled = !app.store.breakout(&row.id).await?.return_disabled;
    let kind = match Kind::of(&user) {
        Kind::Member => "member",
        Kind::Guest => "guest",
    };
    Ok(Json(json!({
        "meetingId": row.id,
        "callKind": asker.call.name(),
        "client": asker.client.name(),
        "user": {
            "id": user,
            "kind": kind,
            "role": settings.role(&user),
            "managesBreakoutRooms": settings.may(&user, crate::meeting::Operation::ManageRooms),
        },
        "operations": operations(asker),
    })))
}

fn operations(asker: Asker) -> Map<String, Value> {
    let answer = |operation| match ask(operation, asker) {
        Ok(()) => json!({"allowed": true}),
        Err(no) => json!({
            "allowed": false,
            "reason": no.why.name(),
            "rule": no.rule,
            "code": no.reason.code,
            "subCode": no.reason.sub_code,
            "message": no.reason.message,
        }),
    };
    let named = ROWS.iter();
    named
        .map(|row| (row.name.to_owned(), answer(row.operation)))
        .collect()
}
