//! A WebSocket that speaks text, and the mark by which a message of ours is known in either protocol.

use std::error::Error;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{connect_async, MaybeTlsStream, WebSocketStream};

use crate::tally::Tally;

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
pub type Mouth = SplitSink<Socket, Message>;
pub type Ears = SplitStream<Socket>;
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Before a message's number; no server has a reason to escape any of it.
const MARK: &str = "plenary-load:";

/// A text of the length that people write.
pub fn text(number: usize) -> String {
    format!("{MARK}{number}: that works for me, shall we begin at ten and see how far we get?")
}

/// The number of a message of ours in what a server said.
fn marked(frame: &str) -> Option<usize> {
    let (_, rest) = frame.split_once(MARK)?;
    rest.split_once(':')?.0.parse().ok()
}

pub async fn open(url: &str, protocol: &'static str) -> Result<Socket> {
    let mut request = url.into_client_request()?;
    request
        .headers_mut()
        .insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
    Ok(connect_async(request).await?.0)
}

/// Says it, and gives the first that holds `answer`.
pub async fn ask(socket: &mut Socket, say: String, answer: &str) -> Result<String> {
    socket.send(Message::text(say.clone())).await?;
    loop {
        match socket
            .next()
            .await
            .ok_or("the server closed the socket")??
        {
            Message::Text(text) if text.contains(answer) => return Ok(text.to_string()),
            Message::Text(text) if text.contains("failure") => {
                return Err(format!("to {say} came {text}").into());
            }
            _ => {}
        }
    }
}

/// Counts what is heard, until the server ends it.
pub async fn listen(mut ears: Ears, person: usize, tally: &Tally) {
    while let Some(Ok(message)) = ears.next().await {
        // Pings are answered by the library.
        let Message::Text(frame) = message else {
            continue;
        };
        if let Some(number) = marked(&frame) {
            tally.heard(person, number);
        }
    }
}
