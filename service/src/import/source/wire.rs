//! One request to the other server, and again where it was too busy: bounded in number, time and size.

use super::{client, Result, SourceError};
use crate::clock::wall;
use crate::commands::cause;
use crate::http::hmac;
use crate::import::access::AccessError;
use crate::import::walk::{Step, Watch};
use reqwest::{header, Client, Method, StatusCode};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use url::{Position, Url};

/// A server that is there answers within this.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);
/// A page of 200 messages of 28 KB each, escaped, is not larger.
const MOST_BYTES: usize = 32 << 20;
/// Tries where nothing says when: with pauses that double from half a second, half a minute in all.
const TRIES: usize = 7;
/// Tries before anything ever answered: then the endpoint is rather wrong.
const FIRST_TRIES: usize = 3;
/// Tries where the server says when to come again: it does not mean never.
const TRIES_WHEN_TOLD: usize = 30;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Limits count by the minute; who wants longer is not there.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// Of what the server says about a refusal.
const MESSAGE_CHARS: usize = 300;

pub(super) enum Credential<'a> {
    Key(&'a str),
    Token(&'a str),
}

pub(super) struct Ask<'a> {
    pub method: Method,
    pub url: Url,
    pub credential: Credential<'a>,
    pub body: Option<Value>,
}

pub(super) struct Answer {
    pub status: StatusCode,
    pub body: Value,
    /// What was sent, so that it is not repeated.
    secret: String,
}

impl Answer {
    /// What the server says about a refusal.
    pub(super) fn message(&self) -> String {
        let error = &self.body["error"];
        let text = error["message"].as_str().or(error["code"].as_str());
        let text = text.unwrap_or_default();
        let text = match self.secret.as_str() {
            // It would be found between all characters.
            "" => text.to_owned(),
            secret => text.replace(secret, "…"),
        };
        let text: String = text.chars().take(MESSAGE_CHARS).collect();
        match text.is_empty() {
            true => "without a reason".to_owned(),
            false => text.escape_debug().to_string(),
        }
    }
}

/// What became of one try.
enum Tried {
    Answered(Answer),
    /// Again, and when, if it said so.
    Later(SourceError, Option<Duration>),
}

pub(super) struct Wire {
    http: Client,
    origin: Url,
    watch: Watch,
    /// Something answered there.
    answered: AtomicBool,
}

impl Wire {
    pub(super) fn new(http: reqwest::ClientBuilder, origin: Url, watch: Watch) -> Result<Self> {
        let http = client(http)?;
        Ok(Self {
            http,
            origin,
            watch,
            answered: AtomicBool::new(false),
        })
    }

    pub(super) fn origin(&self) -> &Url {
        &self.origin
    }

    /// A path of the server.
    pub(super) fn url(&self, path: &str) -> Result<Url> {
        let url = self.origin.join(path);
        let not = |_| SourceError::Access(AccessError::NotAnOrigin(self.origin.to_string()));
        url.map_err(not)
    }

    /// A link that the server gave: to itself, or nowhere.
    pub(super) fn followed(&self, link: &str) -> Result<Url> {
        let foreign = |to: String| {
            let to = to.escape_debug().to_string();
            Err(SourceError::ForeignLink(self.origin.clone(), to))
        };
        let Ok(url) = Url::parse(link) else {
            return foreign("something that is no URL".to_owned());
        };
        let named = !url.username().is_empty() || url.password().is_some();
        match url.origin() == self.origin.origin() && !named {
            true => Ok(url),
            false => foreign(url.origin().ascii_serialization()),
        }
    }

    pub(super) async fn ask(&self, ask: &Ask<'_>) -> Result<Answer> {
        let mut pause = FIRST_PAUSE;
        let mut tries = 0;
        loop {
            let (error, told) = match self.try_once(ask).await? {
                Tried::Answered(answer) => return Ok(answer),
                Tried::Later(error, told) => (error, told),
            };
            tries += 1;
            let most = match told {
                Some(_) => TRIES_WHEN_TOLD,
                None if self.answered.load(Ordering::Relaxed) => TRIES,
                None => FIRST_TRIES,
            };
            if tries >= most {
                return Err(match error {
                    SourceError::Busy(origin, _, status) => {
                        SourceError::Busy(origin, tries, status)
                    }
                    other => other,
                });
            }
            let wait = told.unwrap_or(pause).min(LONGEST_PAUSE);
            (self.watch)(Step::Waiting(wait, &error));
            tokio::time::sleep(wait).await;
            pause *= 2;
        }
    }

    async fn try_once(&self, ask: &Ask<'_>) -> Result<Tried> {
        let (request, secret) = self.request(ask)?;
        let lost = |error: reqwest::Error| {
            let why = cause(&error.without_url());
            Tried::Later(SourceError::Unreachable(self.origin.clone(), why), None)
        };
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Ok(lost(error)),
        };
        self.answered.store(true, Ordering::Relaxed);
        let status = response.status();
        if status.is_redirection() {
            return Err(SourceError::Redirected(self.origin.clone()));
        }
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            let told = response.headers().get(header::RETRY_AFTER);
            let told = told.and_then(|told| retry_after(told.to_str().ok()?));
            let busy = SourceError::Busy(self.origin.clone(), 1, status);
            return Ok(Tried::Later(busy, told));
        }
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Ok(lost(error)),
            }
            if bytes.len() > MOST_BYTES {
                let why = format!("an answer of more than {MOST_BYTES} bytes");
                return Err(SourceError::NotThat(self.origin.clone(), why));
            }
        }
        let body = match serde_json::from_slice(&bytes) {
            Ok(body) => body,
            Err(_) if !status.is_success() => Value::Null,
            Err(_) => {
                let why = format!("{status} with a body that is no JSON");
                return Err(SourceError::NotThat(self.origin.clone(), why));
            }
        };
        Ok(Tried::Answered(Answer {
            status,
            body,
            secret,
        }))
    }

    /// The request as it is sent now: a signature holds its time.
    fn request(&self, ask: &Ask<'_>) -> Result<(reqwest::RequestBuilder, String)> {
        let body = ask.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut request = self.http.request(ask.method.clone(), ask.url.clone());
        let secret = match &ask.credential {
            Credential::Token(token) => {
                request = request.bearer_auth(token);
                (*token).to_owned()
            }
            Credential::Key(key) => {
                let url = &ask.url;
                let target = &url[Position::BeforePath..Position::AfterQuery];
                let host = &url[Position::BeforeHost..Position::AfterPort];
                let signed = (ask.method.as_str(), target, host);
                let headers = hmac::signing(key, signed, body.as_bytes(), wall());
                for (name, value) in headers.ok_or(AccessError::Key)? {
                    request = request.header(name, value);
                }
                (*key).to_owned()
            }
        };
        if ask.body.is_some() {
            let json = (header::CONTENT_TYPE, "application/json");
            request = request.header(json.0, json.1).body(body);
        }
        Ok((request, secret))
    }
}

/// Seconds, or a date.
fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        // Zero would be asked again at once, and refused again.
        return Some(Duration::from_secs(seconds).max(FIRST_PAUSE));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    Some(at.duration_since(wall()).unwrap_or(FIRST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_link_leads_to_the_same_server_or_nowhere() {
        let origin = Url::parse("https://chat.example.org").unwrap();
        let wire = Wire::new(Client::builder(), origin, Arc::new(|_| {})).unwrap();
        for good in [
            "https://chat.example.org/chat/threads?syncState=a%20b",
            "https://chat.example.org:443/chat/threads",
        ] {
            assert!(wire.followed(good).is_ok(), "{good}");
        }
        for evil in [
            "https://evil.test/chat/threads",
            "http://chat.example.org/chat/threads",
            "https://chat.example.org:8443/chat/threads",
            "https://chat.example.org.evil.test/",
            "https://chat.example.org@evil.test/",
            "https://user@chat.example.org/",
            "//evil.test/chat",
            "/chat/threads",
            "file:///etc/passwd",
            "",
        ] {
            let refused = wire.followed(evil);
            assert!(
                matches!(refused, Err(SourceError::ForeignLink(..))),
                "{evil}"
            );
        }
    }

    #[test]
    fn s15_what_was_sent_is_not_repeated_and_nothing_is_found_nowhere() {
        let said = |secret: &str| {
            let answer = Answer {
                status: StatusCode::FORBIDDEN,
                body: serde_json::json!({"error": {"message": "no sesame"}}),
                secret: secret.to_owned(),
            };
            answer.message()
        };
        assert_eq!(said("sesame"), "no …");
        assert_eq!(said(""), "no sesame");
    }

    #[test]
    fn a_pause_is_told_in_seconds_or_as_a_date() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("0"), Some(FIRST_PAUSE));
        assert_eq!(retry_after("soon"), None);
        let at = wall() + Duration::from_secs(60);
        let pause = retry_after(&httpdate::fmt_http_date(at)).unwrap();
        assert!(pause > Duration::from_secs(50) && pause <= Duration::from_secs(60));
    }
}
