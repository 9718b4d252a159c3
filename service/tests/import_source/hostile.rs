//! Servers that do not mean well, or do not know better: real ones, asked over the wire.

use axum::extract::{Request, State};
use axum::http::{header, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{json, Value};
use std::sync::Arc;

pub const JANE: &str = "8:acs:far_jane";
pub const ALEX: &str = "8:acs:far_alex";
/// A thread as it should be.
pub const GOOD: &str = "19:good@thread.v2";
/// Not of the form of a thread's, and not for a terminal.
const THREAD: &str = "x\u{1b}[2J/../\u{202e}y";

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

    /// One thread with everything in it that is not as it should be.
    pub async fn strange() -> Self {
        Self::with(|path, _, _| strange(path)).await
    }
}

fn user(id: &str) -> Value {
    json!({"rawId": id})
}

fn good(path: &str) -> Response {
    let list = |value: Value| Json(json!({ "value": value })).into_response();
    let one = format!("/chat/threads/{GOOD}");
    let added = json!({
        "participants": [{"communicationIdentifier": user(JANE)}, {"communicationIdentifier": user(ALEX)}],
        "initiatorCommunicationIdentifier": user(JANE),
    });
    match (path, path.strip_prefix(&one)) {
        ("/chat/threads", _) => list(json!([{"id": GOOD, "topic": "x"}])),
        (_, Some("")) => Json(json!({
            "id": GOOD,
            "topic": "x",
            "createdOn": "2023-11-14T22:13:20Z",
            "createdByCommunicationIdentifier": user(JANE),
        }))
        .into_response(),
        (_, Some("/participants")) => list(added["participants"].clone()),
        (_, Some("/messages")) => list(json!([message(1, "participantAdded", added)])),
        _ => list(json!([])),
    }
}

fn strange(path: &str) -> Response {
    let list = |value: Value| Json(json!({ "value": value })).into_response();
    let one = format!("/chat/threads/{THREAD}");
    let rest = path.strip_prefix(&one);
    match (path, rest) {
        ("/chat/threads", _) => list(json!([{"id": THREAD, "topic": "x"}])),
        (_, Some("")) => Json(json!({
            "id": THREAD,
            "topic": "<b>\u{202e}x</b>",
            "createdOn": "2023-11-14T22:13:20Z",
            "createdByCommunicationIdentifier": user(JANE),
            "metadata": null,
        }))
        .into_response(),
        (_, Some("/participants")) => list(json!([
            {"communicationIdentifier": user(JANE), "displayName": "Jane\u{202e}(enaj)"},
            {"communicationIdentifier": {"microsoftTeamsUser": {"userId": "olivia"}}},
            {"communicationIdentifier": user("4:+15551234")},
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
    json!([
        uuid,
        message(8, "poll", json!({"question": "?"})),
        message(
            7,
            "text",
            json!({"message": "with a file", "attachments": [image]})
        ),
        json!({"id": 6, "what": "is this"}),
        message(5, "text", text(&"x".repeat(1 << 20))),
        message(4, "html", text("<script>alert(1)</script>")),
        message(
            3,
            "html",
            text("a<b onclick=alert(1)>b</b><img src=http://evil.test/>")
        ),
        message(2, "text", text("plain\u{202e}")),
        message(1, "participantAdded", members),
    ])
}
