//! Chat as `@azure/communication-chat` calls it (`rest.md` 4): who calls, what all operations share, and
//! the table of routes.
//!
//! A thread that is not the caller's and one that does not exist are the same answer (`S13`).

mod messages;
mod participants;
mod shapes;
mod threads;

use super::error::{read_object, HttpError};
use super::identity::{bearer, check_version};
use super::routes::{Routes, Who};
use crate::app::App;
use crate::chat::{Refusal, Speaker};
use crate::chats::ChatError;
use crate::clock::{now_ms, parse_rfc3339};
use crate::text;
use crate::tokens::{Scope, UserToken};
use axum::extract::{FromRequestParts, Request};
use axum::http::{request::Parts, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use percent_encoding::{utf8_percent_encode, AsciiSet, NON_ALPHANUMERIC};
use plenary_protocol::id::RawId;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;

/// As the specification's examples write a thread id in a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'@');

/// Two hundred people with a KB of metadata each; or a message of 28 KB whose client writes every character as
/// `\u0041` (.NET's does so with `<` and all that is not ASCII).
pub(super) const MOST_BYTES: usize = 512 << 10;
/// More is no name: 256 characters of any script fit.
const NAME_BYTES: usize = 1_024;

/// The routes; segments with a literal colon are told apart in their handlers.
pub(super) fn routes() -> Routes {
    let (all, one) = ("/chat/threads", "/chat/threads/{thread}");
    let (messages, message) = (
        "/chat/threads/{thread}/messages",
        "/chat/threads/{thread}/messages/{message}",
    );
    let receipts = "/chat/threads/{thread}/readReceipts";
    Routes::of(Who::Chat)
        .get(all, threads::list)
        .post(all, threads::create)
        .get(one, threads::read)
        .patch(one, threads::update)
        .delete(one, threads::remove)
        .get(messages, messages::list)
        .post(messages, messages::send)
        .get(message, messages::read)
        .patch(message, messages::edit)
        .delete(message, messages::remove)
        .get("/chat/threads/{thread}/participants", participants::list)
        .post(
            "/chat/threads/{thread}/participants/{operation}",
            participants::change,
        )
        .post("/chat/threads/{thread}/typing", participants::types)
        .get(receipts, participants::receipts)
        .post(receipts, participants::has_read)
        .taking(MOST_BYTES)
        .through(never_stored)
}

/// What people write is kept in no cache on the way.
async fn never_stored(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(
        axum::http::header::CACHE_CONTROL,
        HeaderValue::from_static("no-store"),
    );
    response
}

/// Who calls: a living user token with a scope of chat. It is looked at before anything else of the
/// request (CVE-2024-38518).
pub(super) struct Caller {
    /// Who.
    pub id: RawId,
    token: UserToken,
    query: BTreeMap<String, String>,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, HttpError> {
        let token = bearer(&parts.headers).ok_or_else(HttpError::unauthorized)?;
        let token = app.tokens.check_user(token, now_ms());
        let token = token.map_err(|_| HttpError::unauthorized())?;
        let living = app.still_good(&token).await;
        living.map_err(HttpError::of_token)?;
        if !token.may_chat() {
            return Err(denied());
        }
        check_version(parts)?;
        let query = parts.uri.query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned();
        Ok(Self {
            id: token.id.clone(),
            token,
            query: query.collect(),
        })
    }
}

impl Caller {
    /// One of these scopes is needed.
    fn needs(&self, scopes: &[Scope]) -> Result<(), HttpError> {
        match scopes.iter().any(|scope| self.token.scopes.contains(scope)) {
            true => Ok(()),
            false => Err(denied()),
        }
    }

    fn speaker(&self, app: &App, thread: &str) -> Speaker {
        app.chats.speaker(thread, &self.id)
    }

    fn number(&self, name: &str) -> Result<Option<usize>, HttpError> {
        let number = self.query.get(name).map(|text| text.parse());
        number
            .transpose()
            .map_err(|_| bad(&format!("{name} is a whole number.")))
    }

    /// How many entries a page may have.
    fn page_size(&self, app: &App) -> Result<usize, HttpError> {
        let most = app.chats.limits().page;
        match self.number("maxPageSize")? {
            None => Ok(most),
            Some(0) => Err(bad("maxPageSize is at least 1.")),
            Some(wished) => Ok(wished.min(most)),
        }
    }

    /// Since when, ms.
    fn start_time(&self) -> Result<u64, HttpError> {
        match self.query.get("startTime").map(String::as_str) {
            // Microsoft's service writes 0 into its links.
            None | Some("0") => Ok(0),
            Some(text) => parse_rfc3339(text)
                .ok_or_else(|| bad("startTime is an ISO 8601 date and time with an offset.")),
        }
    }

    /// The next page: the same question with these values; in the form that clients sign links in.
    fn next_link(&self, app: &App, path: &str, values: &[(&str, String)]) -> String {
        let mut query = self.query.clone();
        for (name, value) in values {
            query.insert((*name).to_owned(), value.clone());
        }
        let mut link = form_urlencoded::Serializer::new(String::new());
        link.extend_pairs(query);
        format!("{}?{}", url(app, path), link.finish())
    }
}

fn url(app: &App, path: &str) -> String {
    let origin = app.public_url.as_str().trim_end_matches('/');
    format!("{origin}{path}")
}

fn thread_path(thread: &str) -> String {
    format!("/chat/threads/{}", utf8_percent_encode(thread, SEGMENT))
}

fn bad(message: &str) -> HttpError {
    HttpError::bad("BadRequest", message)
}

fn denied() -> HttpError {
    HttpError::forbidden(Refusal::NotAllowed.to_string())
}

fn read_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, HttpError> {
    read_object(body).map_err(|place| {
        bad(&format!(
            "The body is not what this operation takes ({place})."
        ))
    })
}

/// Of at most the configured size.
fn metadata(
    app: &App,
    metadata: Option<BTreeMap<String, String>>,
) -> Result<Option<BTreeMap<String, String>>, HttpError> {
    let most = app.chats.limits().metadata_bytes;
    match metadata {
        Some(given) if !crate::chat::content::metadata_fits(&given, most) => Err(
            HttpError::too_large(format!("metadata has at most {most} bytes.")),
        ),
        other => Ok(other),
    }
}

/// `S12`: a name as others may see it, if something is left of it.
fn display_name(raw: Option<&str>) -> Result<Option<String>, HttpError> {
    match raw {
        Some(raw) if raw.len() > NAME_BYTES => Err(HttpError::too_large(format!(
            "A display name has at most {NAME_BYTES} bytes."
        ))),
        raw => Ok(raw.and_then(text::display_name)),
    }
}

impl From<ChatError> for HttpError {
    fn from(error: ChatError) -> Self {
        let message = error.to_string();
        match error {
            ChatError::Refused(Refusal::NotAllowed) => Self::forbidden(message),
            ChatError::Refused(Refusal::NoSuchMessage) => Self::not_found(message),
            ChatError::Refused(Refusal::Full) => {
                Self::new(StatusCode::FORBIDDEN, "ParticipantLimitReached", message)
            }
            ChatError::Refused(Refusal::TooManyToHear) => {
                Self::new(StatusCode::FORBIDDEN, "ThreadTooLarge", message)
            }
            ChatError::Store(error) => error.into(),
            ChatError::Busy => Self::unavailable(),
            ChatError::Wait(wait) => Self::too_many(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    #[test]
    fn busy_is_told_as_a_store_that_fails() {
        let failed = StoreError::from(sqlx::Error::PoolTimedOut);
        for error in [ChatError::Busy, ChatError::Store(failed)] {
            assert_eq!(HttpError::from(error), HttpError::unavailable());
        }
    }
}
