//! Who takes part, who types, who has read what.

use super::shapes::{self, Identifier};
use super::{bad, display_name, metadata, read_body, thread_path, Caller};
use crate::app::App;
use crate::chat::rates::Operation;
use crate::chat::{Command, Invited, Refusal};
use crate::chats::ChatError;
use crate::clock::parse_rfc3339;
use crate::http::error::HttpError;
use crate::tokens::Scope;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::Json;
use plenary_protocol::id::RawId;
use serde::Deserialize;
use serde_json::{json, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `ChatParticipant`, as a client wishes one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wished {
    communication_identifier: Identifier,
    display_name: Option<String>,
    share_history_time: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Add {
    participants: Vec<Wished>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Typing {
    sender_display_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HasRead {
    chat_message_id: String,
}

/// Those who may be added, and why the others may not: users of the caller's resource alone (`S16`).
pub(super) async fn sorted_out(
    app: &App,
    caller: &Caller,
    wished: Vec<Wished>,
) -> Result<(Vec<Invited>, Vec<Value>), HttpError> {
    let most = app.chats.limits().participants_at_once;
    if wished.len() > most {
        let message = format!("At most {most} participants are added at once.");
        return Err(bad(&message));
    }
    let own = app.store.user(&caller.id).await?;
    let resource = own.and_then(|user| user.resource);
    let mut people: Vec<Invited> = Vec::new();
    let mut invalid = Vec::new();
    for one in wished {
        let id = one.communication_identifier.raw_id();
        let id = id.ok_or_else(|| bad("A communicationIdentifier names one user."))?;
        let shared_from = match one.share_history_time.as_deref() {
            Some(text) => Some(parse_rfc3339(text).ok_or_else(|| {
                bad("shareHistoryTime is an ISO 8601 date and time with an offset.")
            })?),
            None => None,
        };
        let user = app.store.user(&id).await?;
        let refused = match user.filter(|user| !user.deleted) {
            None => Some(("404", "Not found")),
            Some(user) if user.resource != resource => Some(("403", "Permissions check failed")),
            Some(_) => None,
        };
        if let Some((code, message)) = refused {
            invalid.push(json!({"target": id, "code": code, "message": message}));
            continue;
        }
        if people.iter().all(|known| known.id != id) {
            people.push(Invited {
                id,
                name: display_name(one.display_name.as_deref())?,
                shared_from,
                metadata: metadata(app, one.metadata)?.unwrap_or_default(),
            });
        }
    }
    Ok((people, invalid))
}

/// One page of a list that is counted through, with the link to the next.
fn page(
    app: &App,
    caller: &Caller,
    path: &str,
    all: impl Iterator<Item = Value>,
) -> Result<Json<Value>, HttpError> {
    let size = caller.page_size(app)?;
    let skip = caller.number("skip")?.unwrap_or(0);
    let mut entries: Vec<Value> = all.skip(skip).take(size + 1).collect();
    let more = entries.len() > size;
    entries.truncate(size);
    let mut answer = json!({"value": entries});
    if more {
        let values = [("skip", (skip + size).to_string())];
        answer["nextLink"] = json!(caller.next_link(app, path, &values));
    }
    Ok(Json(answer))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, HttpError> {
    let thread = app
        .chats
        .open(&id, &caller.id, Operation::ListParticipants)
        .await?;
    let all = thread.present();
    let all = all.iter().map(|(id, one)| shapes::participant(id, one));
    page(
        &app,
        &caller,
        &format!("{}/participants", thread_path(&id)),
        all,
    )
}

pub(super) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((thread, operation)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, HttpError> {
    caller.needs(&[Scope::Chat, Scope::ChatJoin])?;
    if !matches!(operation.as_str(), ":add" | ":remove") {
        return Err(HttpError::not_found("There is no such operation."));
    }
    app.chats
        .open(&thread, &caller.id, Operation::Participants)
        .await?;
    match operation.as_str() {
        ":add" => add(&app, &caller, &thread, &body).await,
        _ => remove(&app, &caller, &thread, &body).await,
    }
}

async fn add(app: &App, caller: &Caller, thread: &str, body: &[u8]) -> Result<Response, HttpError> {
    let wish: Add = read_body(body)?;
    let (who, invalid) = sorted_out(app, caller, wish.participants).await?;
    let by = caller.speaker(app, thread);
    app.chats.apply(thread, Command::Add { by, who }).await?;
    let answer = match invalid.is_empty() {
        true => json!({}),
        false => json!({"invalidParticipants": invalid}),
    };
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

async fn remove(
    app: &App,
    caller: &Caller,
    thread: &str,
    body: &[u8],
) -> Result<Response, HttpError> {
    let wish: Identifier = read_body(body)?;
    let who: RawId = wish
        .raw_id()
        .ok_or_else(|| bad("The body names one user."))?;
    let by = caller.speaker(app, thread);
    app.chats.apply(thread, Command::Remove { by, who }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn types(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(thread): Path<String>,
    body: Bytes,
) -> Result<StatusCode, HttpError> {
    app.chats
        .open(&thread, &caller.id, Operation::Typing)
        .await?;
    let wish: Typing = read_body(&body)?;
    let by = caller.speaker(&app, &thread);
    let name = display_name(wish.sender_display_name.as_deref())?;
    app.chats.apply(&thread, Command::Type { by, name }).await?;
    Ok(StatusCode::OK)
}

pub(super) async fn receipts(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, HttpError> {
    let thread = app
        .chats
        .open(&id, &caller.id, Operation::ListReceipts)
        .await?;
    let all = thread.present();
    let all = all
        .iter()
        .filter_map(|(id, one)| one.read.map(|read| shapes::receipt(id, read)));
    page(
        &app,
        &caller,
        &format!("{}/readReceipts", thread_path(&id)),
        all,
    )
}

pub(super) async fn has_read(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, HttpError> {
    let thread = app.chats.open(&id, &caller.id, Operation::Receipt).await?;
    let wish: HasRead = read_body(&body)?;
    let message = wish.chat_message_id.parse();
    let message = message.map_err(|_| ChatError::from(Refusal::NoSuchMessage))?;
    // It is there, and theirs to read.
    app.chats.message(&thread, &caller.id, message).await?;
    let by = caller.speaker(&app, &id);
    app.chats.apply(&id, Command::Read { by, message }).await?;
    Ok(StatusCode::OK)
}
