//! Threads: create, list, read, update, delete.

use super::participants::{sorted_out, Wished};
use super::shapes::{self, RetentionPolicy};
use super::{bad, metadata, read_body, thread_path, url, Caller};
use crate::app::App;
use crate::chat::rates::Operation;
use crate::chat::{Command, Retention, Update};
use crate::chats::{invited, NewThread};
use crate::clock::rfc3339;
use crate::http::error::HttpError;
use crate::text;
use crate::tokens::Scope;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{header, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::Json;
use base64::prelude::{Engine, BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{json, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Longest repeatability id; ids are UUIDs.
const REQUEST_ID: usize = 128;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    topic: String,
    #[serde(default)]
    participants: Vec<Wished>,
    metadata: Option<BTreeMap<String, String>>,
    retention_policy: Option<RetentionPolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Patch {
    topic: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    retention_policy: Option<RetentionPolicy>,
}

/// `S12`: one line without tricks.
fn topic(app: &App, raw: &str) -> Result<String, HttpError> {
    let most = app.chats.limits().topic_bytes;
    if raw.len() > most {
        return Err(HttpError::too_large(format!(
            "topic has at most {most} bytes."
        )));
    }
    text::subject(raw).ok_or_else(|| bad("topic is a text of 1 to 256 characters."))
}

fn retention(policy: Option<RetentionPolicy>) -> Result<Option<Retention>, HttpError> {
    let checked = |policy: RetentionPolicy| {
        let policy = policy.checked();
        policy.ok_or_else(|| bad("deleteThreadAfterDays is between 30 and 90."))
    };
    policy.map(checked).transpose()
}

/// The id under which a request may come again.
pub(super) fn request_id(headers: &HeaderMap) -> Result<Option<String>, HttpError> {
    let Some(id) = headers.get("repeatability-request-id") else {
        return Ok(None);
    };
    let id = id
        .to_str()
        .ok()
        .filter(|id| !id.is_empty() && id.len() <= REQUEST_ID);
    let id = id.ok_or_else(|| bad("repeatability-request-id is a UUID."))?;
    Ok(Some(id.to_owned()))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, HttpError> {
    caller.needs(&[Scope::Chat])?;
    app.chats.count(Operation::Thread, &caller.id, None)?;
    let wish: Create = read_body(&body)?;
    let update = Update {
        topic: None,
        metadata: metadata(&app, wish.metadata)?,
        retention: retention(wish.retention_policy)?,
    };
    let topic = topic(&app, &wish.topic)?;
    let (mut people, invalid) = sorted_out(&app, &caller, wish.participants).await?;
    if !people.iter().any(|one| one.id == caller.id) {
        people.insert(0, invited(caller.id.clone(), None));
    }
    if people.len() > app.chats.limits().participants {
        return Err(crate::chats::ChatError::from(crate::chat::Refusal::Full).into());
    }
    let new = NewThread {
        creator: caller.id.clone(),
        people,
        topic,
        update,
        request: request_id(&headers)?,
    };
    let thread = app.chats.create(new).await?;
    let mut answer = json!({"chatThread": shapes::thread(&thread)});
    if !invalid.is_empty() {
        answer["invalidParticipants"] = json!(invalid);
    }
    let location = [(header::LOCATION, url(&app, &thread_path(&thread.id)))];
    Ok((StatusCode::CREATED, location, Json(answer)).into_response())
}

/// Where the next page begins: creation time and id of the last thread before it.
fn cursor(text: &str) -> Option<(u64, String)> {
    let text = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (created, id) = text.split_once(' ')?;
    Some((created.parse().ok()?, id.to_owned()))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<Value>, HttpError> {
    app.chats.count(Operation::ReadThread, &caller.id, None)?;
    let size = caller.page_size(&app)?;
    let after = caller.query.get("syncState").map(|text| cursor(text));
    let after = match after {
        Some(None) => return Err(bad("syncState is not one of this service.")),
        other => other.flatten(),
    };
    let since = caller.start_time()?;
    let rows = app.chats.threads_of(&caller.id, after, since, size).await?;
    let last = rows.last().filter(|_| rows.len() == size);
    let last =
        last.map(|(row, _)| BASE64_URL_SAFE_NO_PAD.encode(format!("{} {}", row.created, row.id)));
    let items = rows.iter().filter_map(|(row, thread)| {
        let thread = thread.as_ref()?;
        let mut item = json!({"id": thread.id, "topic": thread.topic});
        if let Some(at) = row.last_received {
            item["lastMessageReceivedOn"] = json!(rfc3339(at));
        }
        Some(item)
    });
    let mut answer = json!({"value": items.collect::<Vec<_>>()});
    if let Some(state) = last {
        let link = caller.next_link(&app, "/chat/threads", &[("syncState", state)]);
        answer["nextLink"] = json!(link);
    }
    Ok(Json(answer))
}

pub(super) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(thread): Path<String>,
) -> Result<Json<Value>, HttpError> {
    let thread = app
        .chats
        .open(&thread, &caller.id, Operation::ReadThread)
        .await?;
    Ok(Json(shapes::thread(&thread)))
}

pub(super) async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(thread): Path<String>,
    body: Bytes,
) -> Result<StatusCode, HttpError> {
    caller.needs(&[Scope::Chat])?;
    app.chats
        .open(&thread, &caller.id, Operation::Update)
        .await?;
    let wish: Patch = read_body(&body)?;
    let new_topic = wish.topic.map(|raw| topic(&app, &raw)).transpose()?;
    let update = Update {
        topic: new_topic,
        metadata: metadata(&app, wish.metadata)?,
        retention: retention(wish.retention_policy)?,
    };
    let by = caller.speaker(&app, &thread);
    app.chats
        .apply(&thread, Command::Update { by, update })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(thread): Path<String>,
) -> Result<StatusCode, HttpError> {
    caller.needs(&[Scope::Chat])?;
    // Of the user's threads, not of this one's.
    app.chats.count(Operation::Thread, &caller.id, None)?;
    let by = caller.speaker(&app, &thread);
    app.chats
        .apply(&thread, Command::DeleteThread { by })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
