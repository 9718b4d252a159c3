//! Servers that do not mean well, or do not know better: real ones, asked over the wire.

use axum::extract::{Request, State};
use axum::http::{header, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{json, Value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

pub const JANE: &str = "8:acs:far_jane";
pub const ALEX: &str = "8:acs:far_alex";
/// Who comes later.
pub const CARL: &str = "8:acs:far_carl";
/// A thread as it should be.
pub const GOOD: &str = "19:good@thread.v2";
pub const MEETING: &str = "19:meeting_MDA@thread.v2";
pub const ROOM: &str = "19:breakout_MDA@thread.v2";
/// Not of the form of a thread's.
const THREAD: &str = "x/../\u{202e}y";
/// Neither for a terminal nor for a database.
const UNSPEAKABLE: &str = "x\u{1b}[2J\u{0}";
/// Longer than what a database finds again.
const LONG_ID: usize = 4_000;

type Answering = Box<dyn Fn(&str, &str, &str) -> Response + Send + Sync>;

struct Shared {
    answer: Answering,
    authorizations: Mutex<Vec<String>>,
}

pub struct Hostile {
    pub url: String,
    shared: Arc<Shared>,
}

impl Hostile {
    /// `answer` gets the decoded path, the server's own URL, and what authorises the request.
    async fn with(answer: impl Fn(&str, &str, &str) -> Response + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            authorizations: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let own = url.clone();
        let asked = move |State(shared): State<Arc<Shared>>, request: Request| {
            let own = own.clone();
            async move {
                let authorization = request.headers().get(header::AUTHORIZATION);
                let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
                let authorization = authorization.unwrap_or_default();
                shared.authorizations.lock().push(authorization.clone());
                let path = percent_encoding::percent_decode_str(request.uri().path());
                (shared.answer)(&path.decode_utf8_lossy(), &own, &authorization)
            }
        };
        let router = Router::new().fallback(asked).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared }
    }

    pub fn was_asked_with(&self, token: &str) -> bool {
        let all = self.shared.authorizations.lock();
        all.iter().any(|one| one == &format!("Bearer {token}"))
    }

    pub async fn linking_to(link: &str) -> Self {
        let link = link.to_owned();
        Self::with(move |_, _, _| Json(json!({"value": [], "nextLink": link})).into_response())
            .await
    }

    pub async fn redirecting_to(link: &str) -> Self {
        let link = link.to_owned();
        let to = move |_: &str, _: &str, _: &str| {
            let location = [(header::LOCATION, link.clone())];
            (StatusCode::TEMPORARY_REDIRECT, location).into_response()
        };
        Self::with(to).await
    }

    pub async fn going_round() -> Self {
        let round = |_: &str, own: &str, _: &str| {
            let link = format!("{own}/chat/threads?api-version=2025-03-15&syncState=x");
            Json(json!({"value": [], "nextLink": link})).into_response()
        };
        Self::with(round).await
    }

    /// A good thread in the lists of two, of whom the one with this token may not read it.
    pub async fn refusing(token: &str) -> Self {
        let refused = format!("Bearer {token}");
        let answer = move |path: &str, _: &str, authorization: &str| match path != "/chat/threads"
            && authorization == refused
        {
            true => StatusCode::FORBIDDEN.into_response(),
            false => good(path),
        };
        Self::with(answer).await
    }

    /// A good thread whose messages are shown so many times, and then, when Carl has come, not any more: an
    /// empty list, or a refusal.
    pub async fn withholding(shown: usize, then: StatusCode) -> Self {
        let asked = AtomicUsize::new(0);
        let answer = move |path: &str, _: &str, _: &str| {
            let list = |value: Value| (then, Json(json!({ "value": value }))).into_response();
            if path.ends_with("/messages") && asked.fetch_add(1, Ordering::SeqCst) >= shown {
                return list(json!([]));
            }
            let later = asked.load(Ordering::SeqCst) >= shown;
            match path.ends_with("/participants") && later {
                true => Json(json!({"value": listed(&[JANE, ALEX, CARL])})).into_response(),
                false => good(path),
            }
        };
        Self::with(answer).await
    }

    /// Threads of a meeting and of a breakout room, and a good one.
    pub async fn meetings() -> Self {
        let answer = |path: &str, _: &str, _: &str| match path {
            "/chat/threads" => {
                let items = [MEETING, ROOM, GOOD].map(|id| json!({ "id": id }));
                Json(json!({ "value": items })).into_response()
            }
            _ => good(&path.replace(MEETING, GOOD).replace(ROOM, GOOD)),
        };
        Self::with(answer).await
    }

    /// A good thread with a participant and a receipt beside the good ones that are not in their shape.
    pub async fn odd() -> Self {
        let answer = |path: &str, _: &str, _: &str| {
            let value = match path.rsplit('/').next() {
                Some("participants") => {
                    let mut people = listed(&[JANE, ALEX]);
                    people.insert(0, json!({"displayName": "Nobody"}));
                    people
                }
                Some("readReceipts") => {
                    let who = user(JANE);
                    vec![
                        json!({"senderCommunicationIdentifier": who, "chatMessageId": "1", "readOn": null}),
                    ]
                }
                _ => return good(path),
            };
            Json(json!({ "value": value })).into_response()
        };
        Self::with(answer).await
    }

    /// A good thread, a text, and then how Carl came, which cannot be read; and, if so, another text.
    pub async fn garbled(goes_on: bool) -> Self {
        let answer = move |path: &str, _: &str, _: &str| {
            let mut value = listed(&[JANE, ALEX, CARL]);
            if path.ends_with("/messages") {
                let came = json!({"participants": [{"displayName": "Carl"}]});
                value = vec![
                    message(3, "participantAdded", came),
                    message(2, "text", json!({"message": "before Carl"})),
                    message(1, "participantAdded", began()),
                ];
                if goes_on {
                    value.insert(0, message(4, "text", json!({"message": "to Carl"})));
                }
            } else if !path.ends_with("/participants") {
                return good(path);
            }
            Json(json!({ "value": value })).into_response()
        };
        Self::with(answer).await
    }

    /// A good thread whose list of people goes on and on.
    pub async fn endless() -> Self {
        let pages = AtomicUsize::new(0);
        let answer = move |path: &str, own: &str, _: &str| {
            if !path.ends_with("/participants") {
                return good(path);
            }
            let page = pages.fetch_add(1, Ordering::SeqCst);
            let link = format!("{own}{path}?page={page}");
            Json(json!({"value": vec![json!({}); 200_000], "nextLink": link})).into_response()
        };
        Self::with(answer).await
    }

    /// One thread with everything in it that is not as it should be.
    pub async fn strange() -> Self {
        Self::with(|path, _, _| strange(path)).await
    }
}

fn user(id: &str) -> Value {
    json!({"rawId": id})
}

fn listed(people: &[&str]) -> Vec<Value> {
    let one = |id: &&str| json!({"communicationIdentifier": user(id)});
    people.iter().map(one).collect()
}

/// How the good thread began.
fn began() -> Value {
    json!({
        "participants": listed(&[JANE, ALEX]),
        "initiatorCommunicationIdentifier": user(JANE),
    })
}

fn good(path: &str) -> Response {
    let list = |value: Value| Json(json!({ "value": value })).into_response();
    let one = format!("/chat/threads/{GOOD}");
    match (path, path.strip_prefix(&one)) {
        ("/chat/threads", _) => list(json!([{"id": GOOD, "topic": "x"}])),
        (_, Some("")) => Json(json!({
            "id": GOOD,
            "topic": "x",
            "createdOn": "2023-11-14T22:13:20Z",
            "createdByCommunicationIdentifier": user(JANE),
        }))
        .into_response(),
        (_, Some("/participants")) => list(json!(listed(&[JANE, ALEX]))),
        (_, Some("/messages")) => list(json!([message(1, "participantAdded", began())])),
        _ => list(json!([])),
    }
}

fn strange(path: &str) -> Response {
    let list = |value: Value| Json(json!({ "value": value })).into_response();
    let long = "x".repeat(LONG_ID);
    let ids = [UNSPEAKABLE, &long, THREAD];
    let rest = path.strip_prefix("/chat/threads/");
    let rest = ids.iter().find_map(|id| rest?.strip_prefix(id));
    match (path, rest) {
        ("/chat/threads", _) => list(json!(ids.map(|id| json!({"id": id, "topic": "x"})))),
        (_, Some("")) => Json(json!({
            "id": THREAD,
            "topic": "<b>\u{202e}\u{0}x</b>",
            "createdOn": "2023-11-14T22:13:20Z",
            "createdByCommunicationIdentifier": user(JANE),
            "metadata": null,
        }))
        .into_response(),
        (_, Some("/participants")) => list(json!([
            {"communicationIdentifier": user(JANE), "displayName": "Jane\u{202e}(enaj)",
             "metadata": {"k\u{0}": "\u{0}"}},
            {"communicationIdentifier": {"microsoftTeamsUser": {"userId": "olivia"}}},
            {"communicationIdentifier": user("4:+15551234")},
            {"communicationIdentifier": user("8:acs:far_\u{0}")},
        ])),
        (_, Some("/messages")) => list(messages()),
        (_, Some("/readReceipts")) => StatusCode::FORBIDDEN.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn message(n: u64, kind: &str, content: Value) -> Value {
    json!({
        "id": (1_700_000_000_000 + n).to_string(),
        "type": kind,
        "sequenceId": n.to_string(),
        "version": "1",
        "createdOn": format!("2023-11-14T22:13:{:02}Z", 20 + n),
        "content": content,
        "senderDisplayName": "Jane\u{202e}(enaj)",
        "senderCommunicationIdentifier": user(JANE),
    })
}

fn messages() -> Value {
    let text = |text: &str| json!({ "message": text });
    let image = json!({"id": "i", "attachmentType": "image", "url": "http://evil.test/i"});
    let mut uuid = message(9, "text", text("uuid"));
    uuid["id"] = json!("5c9b1d0e-0000-4000-8000-000000000000");
    let members = json!({
        "participants": [{"communicationIdentifier": user(JANE)}],
        "initiatorCommunicationIdentifier": user(JANE),
    });
    let mut nul = message(9, "text", text("never"));
    nul["id"] = json!("a\u{0}b");
    let mut from_nul = message(9, "text", text("never"));
    from_nul["id"] = json!("from nul");
    from_nul["senderCommunicationIdentifier"] = user("8:acs:far_\u{0}");
    let mut plain = message(2, "text", text("plain\u{202e}\u{0}"));
    plain["metadata"] = json!({"k\u{0}": "\u{0}"});
    json!([
        nul,
        from_nul,
        uuid,
        message(8, "poll", json!({"question": "?"})),
        message(
            7,
            "text",
            json!({"message": "with a file", "attachments": [image]})
        ),
        {"id": 6, "what": "is this"},
        {"what": "has no id"},
        message(5, "text", text(&"x".repeat(1 << 20))),
        message(4, "html", text("<script>alert(1)</script>")),
        message(
            3,
            "html",
            text("a<b onclick=alert(1)>b</b><img src=http://evil.test/>")
        ),
        plain,
        message(1, "participantAdded", members),
    ])
}
