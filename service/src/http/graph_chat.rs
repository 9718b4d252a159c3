//! Members' chat in the form of Microsoft Graph's `chats/{id}/messages` (`graph.md` 2), for meetings and
//! breakout rooms (`D5`, `E5`).

use super::error::{read_object, HttpError};
use super::graph::Caller;
use super::routes::{Routes, Who};
use crate::app::App;
use crate::chat::rates::Operation;
use crate::chat::{
    content, Answer, Command, Content, Draft, Life, Message, Named, Refusal, Thread,
};
use crate::chats::ChatError;
use crate::clock::{parse_rfc3339, rfc3339};
use crate::meeting::Kind;
use crate::store::Member;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::Json;
use plenary_protocol::id::RawId;
use serde::Deserialize;
use serde_json::{json, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `$top`'s bound and default.
const MOST: usize = 50;
const PAGE: usize = 20;
/// `$orderby`.
const ORDER: &str = "createdDateTime desc";

/// The routes; the same with and without `/me`.
pub(super) fn routes() -> Routes {
    let (all, one, gone) = (
        "/v1.0/chats/{chat}/messages",
        "/v1.0/chats/{chat}/messages/{message}",
        "/v1.0/chats/{chat}/messages/{message}/softDelete",
    );
    let (my_all, my_one, my_gone) = (
        "/v1.0/me/chats/{chat}/messages",
        "/v1.0/me/chats/{chat}/messages/{message}",
        "/v1.0/me/chats/{chat}/messages/{message}/softDelete",
    );
    let mut routes = Routes::of(Who::Member);
    for (all, one, gone) in [(all, one, gone), (my_all, my_one, my_gone)] {
        routes = routes
            .get(all, list)
            .post(all, send)
            .get(one, read)
            .patch(one, change)
            .post(gone, remove);
    }
    routes.taking(super::chat::MOST_BYTES)
}

#[derive(Deserialize)]
struct Paging {
    #[serde(rename = "$top")]
    top: Option<usize>,
    #[serde(rename = "$skiptoken")]
    below: Option<u64>,
    #[serde(rename = "$orderby")]
    order: Option<String>,
    #[serde(rename = "$filter")]
    filter: Option<String>,
}

#[derive(Deserialize)]
struct Written {
    body: ItemBody,
    /// Named to be refused and not dropped in silence.
    #[serde(default)]
    attachments: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemBody {
    content: String,
    content_type: Option<ContentType>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum ContentType {
    Text,
    Html,
}

fn bad(message: &str) -> HttpError {
    HttpError::bad("BadRequest", message)
}

/// As Graph has it: what is not the caller's is not there.
fn refused(error: ChatError) -> HttpError {
    match error {
        ChatError::Refused(Refusal::NotAllowed | Refusal::NoSuchMessage) => {
            HttpError::not_found("There is no such chat or message.")
        }
        other => other.into(),
    }
}

/// One request about one thread.
struct Asked {
    app: Arc<App>,
    by: RawId,
    thread: Arc<Thread>,
    members: Vec<Member>,
}

impl Asked {
    async fn about(
        app: Arc<App>,
        caller: Caller,
        chat: &str,
        operation: Operation,
    ) -> Result<Self, HttpError> {
        let by = caller.0.raw_id();
        let thread = app.chats.open(chat, &by, operation).await;
        let thread = thread.map_err(refused)?;
        let members = app.store.members().await?;
        Ok(Self {
            app,
            by,
            thread,
            members,
        })
    }

    async fn message(&self, id: &str) -> Result<Message, HttpError> {
        let id = id
            .parse()
            .map_err(|_| refused(Refusal::NoSuchMessage.into()))?;
        let found = self.app.chats.message(&self.thread, &self.by, id).await;
        found.map_err(refused)
    }

    async fn apply(&self, command: Command) -> Result<Answer, HttpError> {
        let applied = self.app.chats.apply(&self.thread.id, command).await;
        // Another's message is seen, and not theirs to change.
        applied.map_err(HttpError::from)
    }

    fn speaker(&self) -> crate::chat::Speaker {
        self.app.chats.speaker(&self.thread.id, &self.by)
    }

    /// `S12`.
    fn written(&self, body: &[u8]) -> Result<Content, HttpError> {
        let written: Written = read_object(body)
            .map_err(|place| bad(&format!("The body is not a chatMessage ({place}).")))?;
        if !written.attachments.is_empty() {
            return Err(bad("attachments cannot be sent here."));
        }
        let most = self.app.chats.limits().message_bytes;
        if written.body.content.len() > most {
            return Err(HttpError::too_large(format!(
                "A message has at most {most} bytes."
            )));
        }
        let content = match written.body.content_type.unwrap_or(ContentType::Text) {
            ContentType::Text => content::plain(&written.body.content),
            ContentType::Html => content::html(&written.body.content),
        };
        content.ok_or_else(|| bad("body.content is empty."))
    }

    fn as_json(&self, message: &Message) -> Value {
        let (kind, text) = match &message.body.content {
            Content::Text(text) => ("text", text.as_str()),
            Content::Html(html) => ("html", html.as_str()),
            _ => ("html", "<systemEventMessage/>"),
        };
        let (mut edited, mut deleted) = (None, None);
        match message.body.life {
            Life::Sent => {}
            Life::Edited(at) => edited = Some(rfc3339(at)),
            Life::Deleted(at) => deleted = Some(rfc3339(at)),
        }
        let event = self.event(&message.body.content);
        json!({
            "id": message.id.to_string(),
            "etag": message.version.to_string(),
            "messageType": if event.is_null() { "message" } else { "systemEventMessage" },
            "createdDateTime": rfc3339(message.created),
            "lastModifiedDateTime": rfc3339(message.version),
            "lastEditedDateTime": edited,
            "deletedDateTime": deleted,
            "replyToId": null,
            "subject": null,
            "summary": null,
            "chatId": self.thread.id,
            "importance": "normal",
            "locale": "en-us",
            "webUrl": null,
            "channelIdentity": null,
            "policyViolation": null,
            "from": message.sender.as_ref().map(|id| self.identity(id, message.body.name.as_ref())),
            "body": {"contentType": kind, "content": text},
            "attachments": [],
            "mentions": [],
            "reactions": [],
            "eventDetail": event,
        })
    }

    fn identity(&self, id: &RawId, name: Option<&String>) -> Value {
        if Kind::of(id) == Kind::Guest {
            let resource = id.as_str().strip_prefix("8:acs:");
            let resource = resource
                .and_then(|rest| rest.split_once('_'))
                .map(|(res, _)| res);
            return json!({"user": {
                "@odata.type": "#microsoft.graph.azureCommunicationServicesUserIdentity",
                "id": id,
                "displayName": name,
                "azureCommunicationServicesResourceId": resource,
            }});
        }
        let member = self.members.iter().find(|member| member.raw_id() == *id);
        json!({"user": {
            "@odata.type": "#microsoft.graph.teamworkUserIdentity",
            "id": id.as_str().trim_start_matches("8:orgid:"),
            "displayName": member.map(|member| &member.display_name).or(name),
            "userIdentityType": "aadUser",
        }})
    }

    fn event(&self, content: &Content) -> Value {
        let detail = |kind: &str| format!("#microsoft.graph.{kind}EventMessageDetail");
        let all = |who: &[Named]| {
            let who = who
                .iter()
                .map(|one| self.identity(&one.id, one.name.as_ref()));
            who.map(|one| one["user"].clone()).collect::<Vec<_>>()
        };
        let initiator = |by: &RawId| self.identity(by, None);
        match content {
            Content::Text(_) | Content::Html(_) => Value::Null,
            Content::TopicUpdated { topic, by } => json!({
                "@odata.type": detail("chatRenamed"),
                "chatId": self.thread.id,
                "chatDisplayName": topic,
                "initiator": initiator(by),
            }),
            Content::ParticipantAdded { who, by } => json!({
                "@odata.type": detail("membersAdded"),
                "members": all(who),
                "initiator": initiator(by),
            }),
            Content::ParticipantRemoved { who, by } => json!({
                "@odata.type": detail("membersDeleted"),
                "members": all(who),
                "initiator": initiator(by),
            }),
            Content::CallStarted { by } => json!({
                "@odata.type": detail("callStarted"),
                "callEventType": "meeting",
                "initiator": initiator(by),
            }),
            Content::CallEnded => json!({
                "@odata.type": detail("callEnded"),
                "callEventType": "meeting",
            }),
        }
    }
}

/// The one filter that there is, of messages written before a time. A message's id is that time.
fn before(filter: &str) -> Result<u64, HttpError> {
    let time = filter.strip_prefix("createdDateTime lt ");
    let time = time.and_then(|time| parse_rfc3339(time.trim()));
    time.ok_or_else(|| {
        bad("$filter is createdDateTime lt and a time, such as 2026-11-22T00:00:00Z.")
    })
}

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(chat): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Value>, HttpError> {
    let asked = Asked::about(app, caller, &chat, Operation::ListMessages).await?;
    let size = paging.top.unwrap_or(PAGE);
    if size == 0 || size > MOST {
        return Err(bad("$top is 1 to 50."));
    }
    if paging.order.is_some_and(|order| order != ORDER) {
        return Err(bad(&format!("$orderby is {ORDER}.")));
    }
    let before = paging.filter.as_deref().map(before).transpose()?;
    let below = paging.below.into_iter().chain(before).min();
    let page = asked
        .app
        .chats
        .history(&asked.thread, &asked.by, below, 0, size, true)
        .await
        .map_err(refused)?;
    let origin = asked.app.public_url.as_str().trim_end_matches('/');
    let value: Vec<Value> = page.iter().map(|message| asked.as_json(message)).collect();
    let mut answer = json!({
        "@odata.context": format!("{origin}/v1.0/$metadata#chats('{chat}')/messages"),
        "@odata.count": value.len(),
        "value": value,
    });
    if let Some(last) = page.last().filter(|_| page.len() == size) {
        let link = format!(
            "{origin}/v1.0/chats/{chat}/messages?$top={size}&$skiptoken={}",
            last.id
        );
        answer["@odata.nextLink"] = json!(link);
    }
    Ok(Json(answer))
}

async fn send(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(chat): Path<String>,
    body: Bytes,
) -> Result<Response, HttpError> {
    let asked = Asked::about(app, caller, &chat, Operation::Write).await?;
    let draft = Draft {
        content: asked.written(&body)?,
        name: None,
        metadata: BTreeMap::new(),
        client_id: None,
    };
    let (by, known) = (asked.speaker(), None);
    let Answer::Sent(id) = asked.apply(Command::Send { by, draft, known }).await? else {
        return Err(ChatError::Busy.into());
    };
    let message = asked.message(&id.to_string()).await?;
    Ok((StatusCode::CREATED, Json(asked.as_json(&message))).into_response())
}

async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((chat, message)): Path<(String, String)>,
) -> Result<Json<Value>, HttpError> {
    let asked = Asked::about(app, caller, &chat, Operation::ReadMessage).await?;
    let message = asked.message(&message).await?;
    Ok(Json(asked.as_json(&message)))
}

async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((chat, message)): Path<(String, String)>,
    body: Bytes,
) -> Result<StatusCode, HttpError> {
    let asked = Asked::about(app, caller, &chat, Operation::Write).await?;
    let message = asked.message(&message).await?;
    let command = Command::Edit {
        by: asked.speaker(),
        message,
        content: Some(asked.written(&body)?),
        metadata: None,
    };
    asked.apply(command).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((chat, message)): Path<(String, String)>,
) -> Result<StatusCode, HttpError> {
    let asked = Asked::about(app, caller, &chat, Operation::Write).await?;
    let message = asked.message(&message).await?;
    let by = asked.speaker();
    asked.apply(Command::Delete { by, message }).await?;
    Ok(StatusCode::NO_CONTENT)
}
