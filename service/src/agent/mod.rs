//! The agent socket, `/agent`: one WebSocket per call agent. It authenticates before it parses anything
//! else (CVE-2024-38518), resumes sessions, and hands requests to the meetings.

mod hearing;
pub mod replay;
mod requests;
pub mod session;

use crate::app::App;
use crate::clock::{self, now_ms};
use crate::tokens::UserToken;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use plenary_protocol::agent::{
    close, ClientFrame, Frame, Hello, ProtocolError, Request, Welcome, SUBPROTOCOL, VERSION,
};
use plenary_protocol::end::Reason;
use session::{Added, Out, Session};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Messages are small; the library's own 128 KiB are cleared before each read.
const READ_BUFFER: usize = 8 << 10;

/// Largest message of a client: an offer with every section fits many times (`S11`). Messages are not
/// compressed, so nothing unpacks to more.
const MOST_BYTES: usize = 256 << 10;
/// A client that reads nothing for so long is given up; it can resume.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// Sessions of one identity at a time (`S11`).
const SESSIONS_PER_IDENTITY: usize = 16;
/// Requests a second that a socket may ask for in the long run, and at once (`S11`).
const REQUESTS_PER_SECOND: f64 = 50.0;
const REQUESTS_AT_ONCE: f64 = 200.0;

/// `GET /agent`.
pub async fn upgrade(
    State(app): State<Arc<App>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    socket: WebSocketUpgrade,
) -> Response {
    let Ok(place) = app.sockets.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many sockets").into_response();
    };
    socket
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .max_message_size(MOST_BYTES)
        .max_frame_size(MOST_BYTES)
        .on_upgrade(move |socket| async move {
            serve(app, socket, address).await;
            drop(place);
        })
}

type Writer = SplitSink<WebSocket, Message>;
type Reader = SplitStream<WebSocket>;

async fn serve(app: Arc<App>, socket: WebSocket, address: SocketAddr) {
    let speaks_ours = socket
        .protocol()
        .is_some_and(|protocol| protocol == SUBPROTOCOL);
    let (mut writer, mut reader) = socket.split();
    if !speaks_ours {
        let error = Reason::WRONG_VERSION.error();
        return refuse(
            &mut writer,
            0,
            error,
            close::MALFORMED,
            "the subprotocol is plenary.v1",
        )
        .await;
    }
    let hello = tokio::time::timeout(
        Duration::from_millis(app.limits().hello_ms),
        hello(&mut reader),
    )
    .await;
    let (id, hello) = match hello {
        Ok(Ok(hello)) => hello,
        Ok(Err((id, reason))) => {
            return refuse(
                &mut writer,
                id,
                reason.error(),
                close::MALFORMED,
                "the first message is a hello",
            )
            .await;
        }
        Err(_) => return finish(&mut writer, close::NO_HELLO, "no hello in time").await,
    };
    let connection = app.next_connection();
    let (session, queue) = match greet(&app, connection, id, hello).await {
        Ok(greeted) => greeted,
        Err(reason) => {
            let code = match reason.code {
                401 => close::UNAUTHENTICATED,
                _ => close::MALFORMED,
            };
            return refuse(
                &mut writer,
                id,
                reason.error(),
                code,
                "the hello was refused",
            )
            .await;
        }
    };
    let ping = Duration::from_millis(app.limits().ping_ms);
    let mut writing = tokio::spawn(write(writer, queue, ping));
    let left = tokio::select! {
        biased;
        left = read(&app, &session, connection, address, reader, ping * 5 / 2) => Some(left),
        _ = &mut writing => None,
    };
    let current = session.detach(connection, now_ms());
    if current && matches!(left, Some(Left::ForGood)) {
        app.end_session(&session, Reason::VANISHED).await;
    }
    // Detaching dropped the queue's sender, so the writer ends by itself once what is queued is sent.
    if left.is_some()
        && tokio::time::timeout(WRITE_DEADLINE, &mut writing)
            .await
            .is_err()
    {
        writing.abort();
    }
}

/// The first message. Until the token is checked nothing of the frame but the hello is looked at.
async fn hello(reader: &mut Reader) -> Result<(u32, Hello), (u32, Reason)> {
    loop {
        match reader.next().await {
            Some(Ok(Message::Text(text))) => {
                return match serde_json::from_str(&text) {
                    Ok(ClientFrame {
                        id,
                        request: Request::Hello(hello),
                    }) => Ok((id, hello)),
                    _ => Err((frame_id(&text), Reason::MALFORMED)),
                };
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            _ => return Err((0, Reason::MALFORMED)),
        }
    }
}

/// Checks version and token (`B10`), then goes on with the session that the client names or makes one.
async fn greet(
    app: &Arc<App>,
    connection: u64,
    request: u32,
    hello: Hello,
) -> Result<(Arc<Session>, mpsc::Receiver<Out>), Reason> {
    if hello.version != VERSION {
        return Err(Reason::WRONG_VERSION);
    }
    let token = app.recognise(&hello.token).await?;
    let most = app.limits().replay_events;
    let resume_window_ms = u32::try_from(app.limits().resume_window_ms).unwrap_or(u32::MAX);
    let welcome = |session: &Session, resumed| Welcome {
        session: session.id.clone(),
        identity: session.who.clone(),
        display_name: session.name.clone(),
        resumed,
        resume_window_ms,
    };
    if let Some(resume) = &hello.resume {
        // Only who holds a token of the same identity finds the session, whatever its name.
        let found = app
            .sessions
            .get(&resume.session)
            .filter(|session| session.who == token.id);
        if let Some(session) = found {
            let welcome = (request, welcome(&session, true));
            if let Some(queue) = session.attach(connection, resume.last_seq, &token, welcome, most)
            {
                tracing::debug!(connection, "session resumed");
                return Ok((session, queue));
            }
        }
    }
    let resume = hello.resume.as_ref();
    let lacks = resume.and_then(|resume| hearing::lacks_since(resume, now_ms()));
    let session = new_session(app, &token, &hello, lacks).await?;
    let welcome = (request, welcome(&session, false));
    let queue = session
        .attach(connection, 0, &token, welcome, most)
        .ok_or(Reason::SERVICE_ERROR)?;
    Ok((session, queue))
}

async fn new_session(
    app: &Arc<App>,
    token: &UserToken,
    hello: &Hello,
    lacks: Option<u64>,
) -> Result<Arc<Session>, Reason> {
    let chosen = hello.display_name.as_deref();
    let name = app.display_name(&token.id, chosen).await?;
    let session = Session::new(
        lacks,
        token.id.clone(),
        name,
        hello.client.kind.into(),
        token,
        app.limits(),
        now_ms(),
    );
    match app.sessions.add(&session, SESSIONS_PER_IDENTITY) {
        Added::Beside => {}
        Added::InPlaceOf(left) => app.end_session(&left, Reason::VANISHED).await,
        Added::TooMany => return Err(Reason::TOO_MANY_ATTEMPTS),
    }
    // Revoked between the check and here: who revokes ends the sessions that it finds.
    if let Err(reason) = app.still_good(token).await {
        app.sessions.remove(&session.id);
        return Err(reason);
    }
    Ok(session)
}

/// How a client left its socket.
enum Left {
    /// It said that it is done.
    ForGood,
    /// Its page may be loaded again, its network be back.
    Unsaid,
}

/// Requests of one socket, one after the other, until it ends.
async fn read(
    app: &Arc<App>,
    session: &Arc<Session>,
    connection: u64,
    address: SocketAddr,
    mut reader: Reader,
    silence: Duration,
) -> Left {
    let mut pace = Pace::new();
    loop {
        let message = match tokio::time::timeout(silence, reader.next()).await {
            Ok(Some(Ok(message))) => message,
            // Silent for longer than two pings, closed, or broken.
            _ => return Left::Unsaid,
        };
        match message {
            Message::Text(text) => {
                if !pace.allows(clock::now()) {
                    session.close_socket(close::TOO_FAST, "too many requests");
                    return Left::Unsaid;
                }
                match serde_json::from_str::<ClientFrame>(&text) {
                    Ok(frame) => requests::serve(app, session, connection, address, frame).await,
                    Err(error) => {
                        let mut failure = Reason::MALFORMED.error();
                        failure.message = format!("{} ({})", failure.message, place_of(&error));
                        session.reply(connection, frame_id(&text), Err(failure), now_ms());
                    }
                }
            }
            Message::Binary(_) => {
                session.close_socket(close::MALFORMED, "frames are text");
                return Left::Unsaid;
            }
            Message::Close(Some(frame)) if frame.code == close::DONE => return Left::ForGood,
            Message::Close(_) => return Left::Unsaid,
            Message::Ping(_) | Message::Pong(_) => session.is_alive(now_ms()),
        }
    }
}

/// Sends what is queued, and pings, until the queue ends or the client reads no more.
async fn write(mut writer: Writer, mut queue: mpsc::Receiver<Out>, ping: Duration) {
    let mut pings = tokio::time::interval_at(tokio::time::Instant::now() + ping, ping);
    loop {
        let message = tokio::select! {
            biased;
            out = queue.recv() => match out {
                Some(Out::Text(text)) => Message::Text(text),
                Some(Out::Close(code, reason)) => return finish(&mut writer, code, reason).await,
                None => return finish(&mut writer, close::REPLACED, "the session goes on elsewhere").await,
            },
            _ = pings.tick() => Message::Ping(Default::default()),
        };
        match tokio::time::timeout(WRITE_DEADLINE, writer.send(message)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}

async fn refuse(
    writer: &mut Writer,
    id: u32,
    error: ProtocolError,
    code: u16,
    reason: &'static str,
) {
    if let Ok(text) = serde_json::to_string(&Frame::Failure { id, error }) {
        let _ = tokio::time::timeout(WRITE_DEADLINE, writer.send(Message::Text(text.into()))).await;
    }
    finish(writer, code, reason).await;
}

async fn finish(writer: &mut Writer, code: u16, reason: &'static str) {
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    // The client may have gone before.
    let _ = tokio::time::timeout(WRITE_DEADLINE, writer.send(Message::Close(Some(frame)))).await;
}

/// The id of a frame that is not understood, so that its sender learns which one it was.
fn frame_id(text: &str) -> u32 {
    #[derive(serde::Deserialize)]
    struct OnlyId {
        id: u32,
    }
    serde_json::from_str::<OnlyId>(text).map_or(0, |frame| frame.id)
}

/// Where a message is wrong, without repeating any of it (`S15`).
fn place_of(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}

/// A bucket that fills evenly: how fast a socket may ask.
struct Pace {
    left: f64,
    at: Instant,
}

impl Pace {
    fn new() -> Self {
        Self {
            left: REQUESTS_AT_ONCE,
            at: clock::now(),
        }
    }

    fn allows(&mut self, now: Instant) -> bool {
        let filled = now.duration_since(self.at).as_secs_f64() * REQUESTS_PER_SECOND;
        self.left = (self.left + filled).min(REQUESTS_AT_ONCE) - 1.0;
        self.at = now;
        self.left >= 0.0
    }
}
