//! Sockets without a network: each is a pair of pipes in memory, with the service's own HTTP at the far
//! end, so that hello, upgrade, frames and close codes are those of the real thing.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::Router;
use futures::{SinkExt, StreamExt};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::Message;
use tower::ServiceExt;

use super::network::Who;

/// What a pipe holds: little, so that a slow reader is noticed soon.
const PIPE: usize = 4 << 10;

/// What a client hears on a line.
#[derive(Debug)]
pub enum Heard {
    Opened,
    Message(Message),
    Closed,
    /// The status of a request over HTTP; none when nobody answers.
    Status(Option<u16>),
}

/// To the world: who heard what on which line.
pub type Ear = mpsc::UnboundedSender<(Who, u64, Heard)>;

/// The service's front door; closed while the service is down.
#[derive(Clone, Default)]
pub struct Door(Arc<Mutex<Option<Router>>>);

impl Door {
    pub fn open(&self, routes: Router) {
        *self.0.lock() = Some(routes);
    }

    pub fn shut(&self) {
        *self.0.lock() = None;
    }

    fn connect(&self, from: SocketAddr) -> Option<DuplexStream> {
        let routes = self.0.lock().clone()?;
        let (near, far) = tokio::io::duplex(PIPE);
        tokio::spawn(async move {
            let service = service_fn(move |mut request| {
                let routes = routes.clone();
                hyper::Request::extensions_mut(&mut request).insert(ConnectInfo(from));
                async move { routes.oneshot(request).await }
            });
            // It ends with the client's end of the pipe.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(far), service)
                .with_upgrades()
                .await;
        });
        Some(near)
    }
}

/// A client's end of a WebSocket; dropping it cuts the connection without a word.
pub struct Line {
    pub number: u64,
    out: mpsc::UnboundedSender<Message>,
    asleep: watch::Sender<bool>,
    task: AbortHandle,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where a line leads, and to whom it belongs.
pub struct Dial<'a> {
    pub door: &'a Door,
    pub ear: &'a Ear,
    pub who: Who,
    pub number: u64,
    pub from: SocketAddr,
    pub url: &'a str,
}

impl Line {
    pub fn open(dial: Dial<'_>, subprotocol: Option<&'static str>) -> Self {
        let (out, outgoing) = mpsc::unbounded_channel();
        let (asleep, sleeping) = watch::channel(false);
        let (who, number, ear) = (dial.who, dial.number, dial.ear.clone());
        let pipe = dial.door.connect(dial.from);
        let mut request = dial.url.into_client_request().expect("an address of ours");
        if let Some(protocol) = subprotocol {
            let value = protocol.parse().expect("a token");
            request
                .headers_mut()
                .insert("sec-websocket-protocol", value);
        }
        let task = tokio::spawn(async move {
            if let Some(pipe) = pipe {
                carry(request, pipe, outgoing, sleeping, |heard| {
                    // The world ends first.
                    let _ = ear.send((who, number, heard));
                })
                .await;
            }
            let _ = ear.send((who, number, Heard::Closed));
        });
        Self {
            number,
            out,
            asleep,
            task: task.abort_handle(),
        }
    }

    pub fn say(&self, message: Message) {
        // A line that was closed says so by itself.
        let _ = self.out.send(message);
    }

    /// A slow reader: nothing is read until it wakes.
    pub fn sleep(&self, asleep: bool) {
        self.asleep.send_replace(asleep);
    }
}

async fn carry(
    request: hyper::Request<()>,
    pipe: DuplexStream,
    mut outgoing: mpsc::UnboundedReceiver<Message>,
    mut sleeping: watch::Receiver<bool>,
    tell: impl Fn(Heard),
) {
    let Ok((mut socket, _)) = tokio_tungstenite::client_async(request, pipe).await else {
        return;
    };
    tell(Heard::Opened);
    loop {
        let asleep = *sleeping.borrow_and_update();
        tokio::select! {
            biased;
            message = outgoing.recv() => match message {
                Some(message) => if socket.send(message).await.is_err() { return },
                None => return,
            },
            changed = sleeping.changed() => if changed.is_err() { return },
            message = socket.next(), if !asleep => match message {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => tell(Heard::Message(message)),
                Some(Ok(Message::Close(_))) | Some(Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
}

/// Asks over HTTP; the status comes as [`Heard::Status`].
pub fn status(dial: Dial<'_>) {
    let (who, number, ear) = (dial.who, dial.number, dial.ear.clone());
    let pipe = dial.door.connect(dial.from);
    let uri: hyper::Uri = dial.url.parse().expect("an address of ours");
    let target = uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
    tokio::spawn(async move {
        let status = match pipe {
            Some(mut pipe) => {
                let request = format!(
                    "GET {target} HTTP/1.1\r\nHost: simulated\r\nConnection: close\r\n\r\n"
                );
                let mut answer = Vec::new();
                let asked = pipe.write_all(request.as_bytes()).await;
                let read = pipe.read_to_end(&mut answer).await;
                let text = String::from_utf8_lossy(&answer);
                let code = text.split(' ').nth(1).and_then(|code| code.parse().ok());
                code.filter(|_| asked.is_ok() && read.is_ok())
            }
            None => None,
        };
        let _ = ear.send((who, number, Heard::Status(status)));
    });
}
