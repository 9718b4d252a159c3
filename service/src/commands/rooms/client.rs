//! The REST client behind `plenary-service rooms`.

use crate::commands::{cause, client_trusting};
use percent_encoding::{utf8_percent_encode, NON_ALPHANUMERIC};
use reqwest::{Client, Method, StatusCode};
use serde_json::{json, Value};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// A service that is there answers within this.
const DEADLINE: Duration = Duration::from_secs(30);

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum RoomsError {
    /// Neither token nor member.
    #[error("say who you are: --token with a member's access token (or PLENARY_ACCESS_TOKEN), or --member with a member of the development organisation")]
    NoCredential,
    /// Sign-in.
    #[error("cannot sign in as {0}: {1}. The development organisation has olivia@plenary.test, marco@plenary.test, petra@plenary.test and chidi@plenary.test")]
    SignIn(String, String),
    /// The certificate.
    #[error("{0} is not a PEM certificate that can be read")]
    Certificate(PathBuf),
    /// No answer.
    #[error("no answer from {0}: {1}. Does the service run, and is --url right?")]
    Unreachable(Url, String),
    /// Refused.
    #[error("refused ({0}): {1}")]
    Refused(StatusCode, String),
    /// A meeting that the member does not see.
    #[error(
        "you have no meeting with this link; it must be one that you organise or are invited to"
    )]
    NoSuchMeeting,
    /// A room by name or id.
    #[error("there is no breakout room {0:?}; there are: {1}")]
    NoSuchRoom(String, String),
    /// A name that several rooms have.
    #[error("several breakout rooms are called {0:?}; name one by its id")]
    Ambiguous(String),
    /// Not ours.
    #[error("{0} does not answer like a Plenary service: {1}")]
    NotOurs(Url, String),
}

/// A service, and a member on it.
pub(super) struct Api {
    http: Client,
    base: Url,
    token: String,
}

/// One meeting's rooms.
pub(super) struct MeetingRooms<'a> {
    api: &'a Api,
    path: String,
}

/// A body.
pub(super) fn body(value: Value) -> Option<Value> {
    Some(value)
}

impl Api {
    /// Signs in where a member is named.
    pub(super) async fn connect(
        base: Url,
        token: Option<String>,
        member: Option<String>,
        ca: Option<PathBuf>,
    ) -> Result<Self, RoomsError> {
        let http = client_trusting(ca.as_deref()).map_err(RoomsError::Certificate)?;
        let http = http.timeout(DEADLINE).build();
        let http = http.map_err(|error| RoomsError::Unreachable(base.clone(), cause(&error)))?;
        let mut api = Self {
            http,
            base,
            token: String::new(),
        };
        api.token = match (token, member) {
            (Some(token), _) => token,
            (None, Some(member)) => api.sign_in(member).await?,
            (None, None) => return Err(RoomsError::NoCredential),
        };
        Ok(api)
    }

    async fn sign_in(&self, member: String) -> Result<String, RoomsError> {
        let wish = body(json!({"member": member}));
        match self.call(Method::POST, "/dev/signIn", wish).await {
            Ok(signed) => {
                let token = signed["accessToken"].as_str().map(str::to_owned);
                token.ok_or_else(|| RoomsError::SignIn(member, "no token came".to_owned()))
            }
            Err(RoomsError::Refused(_, why)) => Err(RoomsError::SignIn(member, why)),
            Err(error) => Err(error),
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        wish: Option<Value>,
    ) -> Result<Value, RoomsError> {
        let base = self.base.as_str().trim_end_matches('/');
        let mut request = self.http.request(method, format!("{base}{path}"));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(wish) = wish {
            request = request.json(&wish);
        }
        let failed = |error: reqwest::Error| {
            let error = error.without_url();
            RoomsError::Unreachable(self.base.clone(), cause(&error))
        };
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let text = answer.text().await.map_err(failed)?;
        let value: Option<Value> = match text.is_empty() {
            true => Some(Value::Null),
            false => serde_json::from_str(&text).ok(),
        };
        match (status.is_success(), value) {
            (true, Some(value)) => Ok(value),
            (false, Some(value)) if value["error"]["message"].is_string() => {
                let message = value["error"]["message"].as_str().unwrap_or_default();
                Err(RoomsError::Refused(status, message.to_owned()))
            }
            _ => Err(RoomsError::NotOurs(self.base.clone(), status.to_string())),
        }
    }

    /// A meeting by its id or join link.
    pub(super) async fn about(&self, meeting: &str) -> Result<MeetingRooms<'_>, RoomsError> {
        let id = match meeting.contains("://") {
            true => self.meeting_of(meeting).await?,
            false => meeting.to_owned(),
        };
        let path = format!("/meetings/{}/breakoutRooms", encoded(&id));
        Ok(MeetingRooms { api: self, path })
    }

    async fn meeting_of(&self, link: &str) -> Result<String, RoomsError> {
        let filter = format!("JoinWebUrl eq '{}'", link.replace('\'', "''"));
        let path = format!("/v1.0/me/onlineMeetings?$filter={}", encoded(&filter));
        let found = self.call(Method::GET, &path, None).await?;
        let id = found["value"][0]["id"].as_str();
        id.map(str::to_owned).ok_or(RoomsError::NoSuchMeeting)
    }
}

impl MeetingRooms<'_> {
    pub(super) async fn ask(
        &self,
        method: Method,
        rest: &str,
        wish: Option<Value>,
    ) -> Result<Value, RoomsError> {
        let path = format!("{}{rest}", self.path);
        self.api.call(method, &path, wish).await
    }

    pub(super) async fn read(&self) -> Result<Value, RoomsError> {
        self.ask(Method::GET, "", None).await
    }

    pub(super) async fn post(&self, rest: &str, wish: Value) -> Result<Value, RoomsError> {
        self.ask(Method::POST, rest, body(wish)).await
    }

    /// A room's id, by its id or name.
    pub(super) async fn room(&self, named: &str) -> Result<String, RoomsError> {
        let mut found = self.rooms(&[named.to_owned()]).await?;
        // One for each name.
        Ok(found.remove(0))
    }

    pub(super) async fn rooms(&self, named: &[String]) -> Result<Vec<String>, RoomsError> {
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let whole = self.read().await?;
        let all: Vec<(String, String)> = whole["value"].as_array().map_or_else(Vec::new, |all| {
            let word = |room: &Value, key: &str| room[key].as_str().unwrap_or_default().to_owned();
            all.iter()
                .map(|room| (word(room, "id"), word(room, "displayName")))
                .collect()
        });
        named.iter().map(|name| one(&all, name)).collect()
    }
}

fn one(all: &[(String, String)], named: &str) -> Result<String, RoomsError> {
    if all.iter().any(|(id, _)| id == named) {
        return Ok(named.to_owned());
    }
    let mut called = all.iter().filter(|(_, name)| name == named);
    match (called.next(), called.next()) {
        (Some((id, _)), None) => Ok(id.clone()),
        (Some(_), Some(_)) => Err(RoomsError::Ambiguous(named.to_owned())),
        (None, _) => {
            let names: Vec<&str> = all.iter().map(|(_, name)| name.as_str()).collect();
            Err(RoomsError::NoSuchRoom(named.to_owned(), names.join(", ")))
        }
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
