//! As a user of Plenary's chat: hears on the agent socket, writes over REST.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::socket::{ask, listen, open, text, Mouth};
use crate::tally::Tally;
use crate::Orders;

/// A socket that says nothing for 30 seconds and more is closed by the service.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// Comes in, hears from now on, and writes what is ordered.
pub async fn join(
    url: &str,
    thread: &str,
    token: &str,
    (person, orders): (usize, Orders),
    tally: &Arc<Tally>,
) -> Result<(), Box<dyn Error>> {
    let address = url
        .strip_prefix("http://")
        .ok_or("the service's URL has to begin with http://")?
        .trim_end_matches('/');
    let mut socket = open(&format!("ws://{address}/agent"), "plenary.v1").await?;
    let client = json!({ "kind": "native", "name": "load", "version": "0" });
    let hello = json!({ "hello": { "version": 1, "token": token, "displayName": "Load", "client": client } });
    ask(
        &mut socket,
        json!({ "id": 1, "request": hello }).to_string(),
        "welcome",
    )
    .await?;
    let subscribe = json!({ "id": 2, "request": "subscribeChat" });
    ask(&mut socket, subscribe.to_string(), "\"id\":2").await?;
    let (mouth, ears) = socket.split();
    tokio::spawn(live(mouth));
    let hearing = tally.clone();
    tokio::spawn(async move {
        listen(ears, person, &hearing).await;
    });
    let writer = Writer {
        address: address.to_owned(),
        path: format!("/chat/threads/{thread}/messages?api-version=2025-03-15"),
        token: token.to_owned(),
    };
    let tally = tally.clone();
    tokio::spawn(async move {
        if let Err(error) = writer.write(orders, &tally).await {
            eprintln!("writer {person}: {error}");
        }
    });
    Ok(())
}

async fn live(mut mouth: Mouth) {
    for id in 3_u64.. {
        tokio::time::sleep(SIGN_OF_LIFE).await;
        let ping = json!({ "id": id, "request": "ping" });
        if mouth.send(Message::text(ping.to_string())).await.is_err() {
            return;
        }
    }
}

struct Writer {
    address: String,
    path: String,
    token: String,
}

impl Writer {
    /// One after the other on one connection, as a browser's client does.
    async fn write(
        &self,
        mut orders: Orders,
        tally: &Tally,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut connection: Option<SendRequest<Full<Bytes>>> = None;
        while let Some(number) = orders.recv().await {
            let sender = match &mut connection {
                Some(sender) => sender,
                none => none.insert(self.connect().await?),
            };
            let body = json!({ "content": text(number), "type": "text" }).to_string();
            let request = Request::post(&self.path)
                .header("host", &self.address)
                .header("authorization", format!("Bearer {}", self.token))
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from(body)))?;
            let answer = sender.send_request(request).await?;
            if !answer.status().is_success() {
                tally.refused();
                eprintln!("message {number}: {}", answer.status());
            }
            answer.into_body().collect().await?;
        }
        Ok(())
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}
