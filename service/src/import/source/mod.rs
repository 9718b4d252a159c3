//! The other server: who may ask it, what is asked, page by page.

mod wire;

use super::access::{Access, AccessError};
use super::shapes::Token;
use super::walk::Watch;
use crate::clock::{now_ms, parse_rfc3339};
use percent_encoding::{utf8_percent_encode, AsciiSet, NON_ALPHANUMERIC};
use reqwest::{Client, Method, StatusCode};
use serde_json::{json, Value};
use std::collections::{BTreeMap, HashSet};
use url::Url;
use wire::{Answer, Ask, Credential, Wire};

/// The version of the identity interface that is asked for; the operations used are in all of them.
const IDENTITY_VERSION: &str = "2023-10-01";
/// A token that ends within this is not begun with.
const NEARLY_OVER: u64 = 5 * 60_000;
/// Messages of a page, the most that the specification allows.
const PAGE: &str = "200";
/// Pages without an entry in one listing; a server that goes on like that never ends.
const EMPTY_PAGES: usize = 100;
/// Entries of one list: a thread with a message every five minutes for ten years. They are all kept in memory.
const MOST_ENTRIES: usize = 1_000_000;
/// As clients write ids in a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Why the other server gave nothing. What it says itself is a stranger's text, and is shortened, escaped and
/// freed of what we sent.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// What opens it.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// No client can be made.
    #[error("no HTTP client can be made: {0}")]
    Client(String),
    /// No answer.
    #[error("no answer from {0}: {1}. Is the endpoint right, and its certificate one that is trusted here (--ca)?")]
    Unreachable(Url, String),
    /// The key.
    #[error("{0} refuses the access key ({1}): is it this resource's primary or secondary key, copied whole, and does this machine's clock go right?")]
    KeyRefused(Url, String),
    /// A token.
    #[error("{1} refuses the token of {0}: has it run out, or been revoked?")]
    TokenRefused(String, Url),
    /// There is no token, and no key to issue one.
    #[error("there is no token for {0}")]
    NoToken(String),
    /// One thing.
    #[error("refused ({0}): {1}")]
    Refused(StatusCode, String),
    /// Too busy for too long.
    #[error("{0} is too busy ({2}), for the {1}. time in a row")]
    Busy(Url, usize, StatusCode),
    /// A link to somewhere else.
    #[error("{0} says that its next page is on {1}: the token is not sent there. If that is the same server, use it as the endpoint")]
    ForeignLink(Url, String),
    /// A redirect.
    #[error("{0} redirects elsewhere; a token is never sent after it")]
    Redirected(Url),
    /// Pages without end.
    #[error("{0} names the same page again and again")]
    Endless(Url),
    /// Entries without end.
    #[error("{0} gives more than {1} entries in one list")]
    TooMany(Url, usize),
    /// Not that interface.
    #[error("{0} does not answer like the chat interface of Communication Services: {1}")]
    NotThat(Url, String),
}

impl SourceError {
    /// It is about one user or thread, and the others are not concerned.
    pub fn is_of_one(&self) -> bool {
        matches!(
            self,
            Self::Refused(..) | Self::TokenRefused(..) | Self::NoToken(_)
        )
    }

    /// Inside a thread, whose list was in its shape, it is about this one thread.
    pub fn is_of_one_thread(&self) -> bool {
        self.is_of_one()
            || matches!(
                self,
                Self::NotThat(..) | Self::Endless(_) | Self::TooMany(..)
            )
    }
}

type Result<T> = std::result::Result<T, SourceError>;

struct Held {
    token: String,
    expires: u64,
}

/// The other server.
pub struct Source {
    wire: Wire,
    key: Option<String>,
    version: String,
    tokens: BTreeMap<String, Held>,
}

/// A list, and how far it was read.
pub(super) struct Listing {
    user: String,
    next: Option<Url>,
    seen: HashSet<Url>,
    empty: usize,
    entries: usize,
}

impl Source {
    /// Nothing is asked yet. `http`: whom it trusts; the rest is set here.
    pub fn new(
        access: Access,
        http: reqwest::ClientBuilder,
        version: &str,
        allow_http: bool,
        watch: Watch,
    ) -> Result<Self> {
        let access = access.checked(allow_http)?;
        let origin = access.endpoint().clone();
        let (key, tokens) = match access {
            Access::Key(string) => (Some(string.key), BTreeMap::new()),
            Access::Tokens(_, tokens) => (None, tokens.0),
        };
        let held = |token: String| Held {
            token,
            expires: u64::MAX,
        };
        let tokens = tokens.into_iter();
        Ok(Self {
            wire: Wire::new(http, origin, watch)?,
            key,
            version: version.to_owned(),
            tokens: tokens.map(|(user, token)| (user, held(token))).collect(),
        })
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Url {
        self.wire.origin()
    }

    /// Whether somebody can be asked for.
    pub(super) fn may_ask(&self, user: &str) -> bool {
        self.key.is_some() || self.tokens.contains_key(user)
    }

    /// Has a token of somebody at hand.
    pub(super) async fn admit(&mut self, user: &str) -> Result<()> {
        self.token(user).await.map(|_| ())
    }

    async fn token(&mut self, user: &str) -> Result<String> {
        if let Some(held) = self.tokens.get(user) {
            if held.expires > now_ms().saturating_add(NEARLY_OVER) {
                return Ok(held.token.clone());
            }
        }
        let Some(key) = &self.key else {
            return Err(SourceError::NoToken(user.to_owned()));
        };
        let id = utf8_percent_encode(user, SEGMENT);
        let path = format!("/identities/{id}/:issueAccessToken?api-version={IDENTITY_VERSION}");
        let ask = Ask {
            method: Method::POST,
            url: self.wire.url(&path)?,
            credential: Credential::Key(key),
            body: Some(json!({"scopes": ["chat"]})),
        };
        let answer = self.wire.ask(&ask).await?;
        let origin = || self.wire.origin().clone();
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(SourceError::KeyRefused(origin(), answer.message()));
        }
        let issued: Token = self.read(answer)?;
        let held = Held {
            token: issued.token.clone(),
            expires: parse_rfc3339(&issued.expires_on).unwrap_or(u64::MAX),
        };
        self.tokens.insert(user.to_owned(), held);
        Ok(issued.token)
    }

    /// Asks as somebody; a token that came to its end is issued anew, once.
    async fn get(&mut self, user: &str, url: Url) -> Result<Answer> {
        for first in [true, false] {
            let token = self.token(user).await?;
            let ask = Ask {
                method: Method::GET,
                url: url.clone(),
                credential: Credential::Token(&token),
                body: None,
            };
            let answer = self.wire.ask(&ask).await?;
            if answer.status != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            if !first || self.key.is_none() {
                break;
            }
            self.tokens.remove(user);
        }
        let origin = self.wire.origin().clone();
        Err(SourceError::TokenRefused(user.to_owned(), origin))
    }

    fn read<T: serde::de::DeserializeOwned>(&self, answer: Answer) -> Result<T> {
        if !answer.status.is_success() {
            let message = answer.message();
            return Err(SourceError::Refused(answer.status, message));
        }
        let status = answer.status;
        serde_json::from_value(answer.body).map_err(|_| {
            let why = format!("{status} with a body of another shape");
            SourceError::NotThat(self.wire.origin().clone(), why)
        })
    }

    fn chat(&self, rest: &str, query: &str) -> Result<Url> {
        let version = utf8_percent_encode(&self.version, SEGMENT);
        let path = format!("/chat/threads{rest}?api-version={version}{query}");
        self.wire.url(&path)
    }

    /// A thread's own properties.
    pub(super) async fn properties(
        &mut self,
        user: &str,
        thread: &str,
    ) -> Result<super::shapes::Properties> {
        let url = self.chat(&segment(thread), "")?;
        let answer = self.get(user, url).await?;
        self.read(answer)
    }

    fn list(&self, user: &str, url: Url) -> Listing {
        Listing {
            user: user.to_owned(),
            seen: [url.clone()].into(),
            next: Some(url),
            empty: 0,
            entries: 0,
        }
    }

    /// The threads of a user.
    pub(super) fn threads(&self, user: &str) -> Result<Listing> {
        Ok(self.list(user, self.chat("", "")?))
    }

    /// The messages of a thread that a user may read, the newest first.
    pub(super) fn messages(&self, user: &str, thread: &str) -> Result<Listing> {
        let rest = format!("{}/messages", segment(thread));
        let size = format!("&maxPageSize={PAGE}");
        Ok(self.list(user, self.chat(&rest, &size)?))
    }

    /// Who takes part.
    pub(super) fn participants(&self, user: &str, thread: &str) -> Result<Listing> {
        let rest = format!("{}/participants", segment(thread));
        Ok(self.list(user, self.chat(&rest, "")?))
    }

    /// Who has read how far.
    pub(super) fn receipts(&self, user: &str, thread: &str) -> Result<Listing> {
        let rest = format!("{}/readReceipts", segment(thread));
        Ok(self.list(user, self.chat(&rest, "")?))
    }

    /// The next entries of a list; none: it is at its end.
    pub(super) async fn page(&mut self, listing: &mut Listing) -> Result<Option<Vec<Value>>> {
        let Some(url) = listing.next.take() else {
            return Ok(None);
        };
        let answer = self.get(&listing.user, url).await?;
        let mut body: Value = self.read(answer)?;
        let Value::Array(entries) = body["value"].take() else {
            let why = "a list without \"value\"".to_owned();
            return Err(SourceError::NotThat(self.wire.origin().clone(), why));
        };
        listing.entries = listing.entries.saturating_add(entries.len());
        if listing.entries > MOST_ENTRIES {
            let origin = self.wire.origin().clone();
            return Err(SourceError::TooMany(origin, MOST_ENTRIES));
        }
        listing.empty = match entries.is_empty() {
            true => listing.empty + 1,
            false => 0,
        };
        if let Some(link) = body["nextLink"].as_str().filter(|link| !link.is_empty()) {
            let next = self.wire.followed(link)?;
            if listing.empty > EMPTY_PAGES || !listing.seen.insert(next.clone()) {
                return Err(SourceError::Endless(self.wire.origin().clone()));
            }
            listing.next = Some(next);
        }
        Ok(Some(entries))
    }

    /// All entries of a list that are in its shape, and how many are not.
    pub(super) async fn all<T: serde::de::DeserializeOwned>(
        &mut self,
        mut listing: Listing,
    ) -> Result<(Vec<T>, usize)> {
        let mut all = Vec::new();
        let mut odd = 0;
        while let Some(page) = self.page(&mut listing).await? {
            for entry in page {
                match serde_json::from_value(entry) {
                    Ok(entry) => all.push(entry),
                    Err(_) => odd += 1,
                }
            }
        }
        Ok((all, odd))
    }
}

fn segment(thread: &str) -> String {
    format!("/{}", utf8_percent_encode(thread, SEGMENT))
}

/// What is set of a client whatever the operator wants.
fn client(http: reqwest::ClientBuilder) -> Result<Client> {
    let http = http
        .timeout(wire::DEADLINE)
        // A token goes to the endpoint, and nowhere else.
        .redirect(reqwest::redirect::Policy::none());
    let failed = |error: reqwest::Error| SourceError::Client(crate::commands::cause(&error));
    http.build().map_err(failed)
}
