//! Messages: send, list, read, edit, delete.

use super::shapes;
use super::threads::request_id;
use super::{bad, display_name, metadata, read_body, thread_path, url, Caller};
use crate::app::App;
use crate::chat::rates::Operation;
use crate::chat::{content, Answer, Command, Content, Draft, Message, Refusal};
use crate::chats::ChatError;
use crate::http::error::HttpError;
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Send {
    content: String,
    sender_display_name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<Kind>,
    metadata: Option<BTreeMap<String, String>>,
    /// `D2`: files, and replies to a message, are refused and not dropped in silence.
    attachments: Option<Value>,
    reply_to_id: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Edit {
    content: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    attachments: Option<Value>,
    reply_to_id: Option<Value>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Text,
    Html,
}

/// `D2`.
fn text_alone(attachments: Option<&Value>, reply_to: Option<&Value>) -> Result<(), HttpError> {
    match attachments.or(reply_to) {
        None => Ok(()),
        Some(_) => Err(HttpError::new(
            StatusCode::FORBIDDEN,
            "NotSupported",
            "Files and replies cannot be sent here; send a text.",
        )),
    }
}

/// `S12`: what is left of a message, in its size.
fn written(app: &App, raw: &str, kind: Kind) -> Result<Content, HttpError> {
    let most = app.chats.limits().message_bytes;
    if raw.len() > most {
        return Err(HttpError::too_large(format!(
            "A message has at most {most} bytes."
        )));
    }
    let content = match kind {
        Kind::Text => content::plain(raw),
        Kind::Html => content::html(raw),
    };
    content.ok_or_else(|| bad("content is a text, or HTML with something to read in it."))
}

fn number(text: &str) -> Result<u64, HttpError> {
    let number = text.parse();
    number.map_err(|_| ChatError::from(Refusal::NoSuchMessage).into())
}

pub(super) async fn send(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(thread): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, HttpError> {
    app.chats
        .open(&thread, &caller.id, Operation::Write)
        .await?;
    let wish: Send = read_body(&body)?;
    text_alone(wish.attachments.as_ref(), wish.reply_to_id.as_ref())?;
    let draft = Draft {
        content: written(&app, &wish.content, wish.kind.unwrap_or(Kind::Text))?,
        name: display_name(wish.sender_display_name.as_deref())?,
        metadata: metadata(&app, wish.metadata)?.unwrap_or_default(),
        client_id: request_id(&headers)?,
    };
    let by = caller.speaker(&app, &thread);
    let known = None;
    let sent = app
        .chats
        .apply(&thread, Command::Send { by, draft, known })
        .await?;
    let Answer::Sent(id) = sent else {
        return Err(ChatError::Busy.into());
    };
    let path = format!("{}/messages/{id}", thread_path(&thread));
    let location = [(header::LOCATION, url(&app, &path))];
    let answer = Json(json!({"id": id.to_string()}));
    Ok((StatusCode::CREATED, location, answer).into_response())
}

/// Where the next page begins: below this id, however many messages come meanwhile.
fn cursor(text: &str) -> Option<u64> {
    let text = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    String::from_utf8(text).ok()?.parse().ok()
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, HttpError> {
    let thread = app
        .chats
        .open(&id, &caller.id, Operation::ListMessages)
        .await?;
    let size = caller.page_size(&app)?;
    let below = match caller.query.get("syncState") {
        Some(text) => {
            Some(cursor(text).ok_or_else(|| bad("syncState is not one of this service."))?)
        }
        None => None,
    };
    let since = caller.start_time()?;
    let page = app
        .chats
        .history(&thread, &caller.id, below, since, size, false)
        .await?;
    let mut answer = json!({"value": page.iter().map(shapes::message).collect::<Vec<_>>()});
    if let Some(last) = page.last().filter(|_| page.len() == size) {
        let state = BASE64_URL_SAFE_NO_PAD.encode(last.id.to_string());
        let path = format!("{}/messages", thread_path(&id));
        let link = caller.next_link(&app, &path, &[("syncState", state)]);
        answer["nextLink"] = json!(link);
    }
    Ok(Json(answer))
}

async fn find(
    app: &App,
    caller: &Caller,
    operation: Operation,
    thread: &str,
    message: &str,
) -> Result<Message, HttpError> {
    let thread = app.chats.open(thread, &caller.id, operation).await?;
    let found = app
        .chats
        .message(&thread, &caller.id, number(message)?)
        .await?;
    match found.body.content.is_of_the_call() {
        true => Err(ChatError::from(Refusal::NoSuchMessage).into()),
        false => Ok(found),
    }
}

pub(super) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((thread, message)): Path<(String, String)>,
) -> Result<Json<Value>, HttpError> {
    let found = find(&app, &caller, Operation::ReadMessage, &thread, &message).await?;
    Ok(Json(shapes::message(&found)))
}

pub(super) async fn edit(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((thread, message)): Path<(String, String)>,
    body: Bytes,
) -> Result<StatusCode, HttpError> {
    let message = find(&app, &caller, Operation::Write, &thread, &message).await?;
    let wish: Edit = read_body(&body)?;
    text_alone(wish.attachments.as_ref(), wish.reply_to_id.as_ref())?;
    let kind = match message.body.content {
        Content::Html(_) => Kind::Html,
        _ => Kind::Text,
    };
    let content = wish.content.map(|raw| written(&app, &raw, kind));
    let command = Command::Edit {
        by: caller.speaker(&app, &thread),
        message,
        content: content.transpose()?,
        metadata: metadata(&app, wish.metadata)?,
    };
    app.chats.apply(&thread, command).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((thread, message)): Path<(String, String)>,
) -> Result<StatusCode, HttpError> {
    let message = find(&app, &caller, Operation::Write, &thread, &message).await?;
    let by = caller.speaker(&app, &thread);
    app.chats
        .apply(&thread, Command::Delete { by, message })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
