//! As an occupant of a multi-user chat (XEP-0045) over a WebSocket (RFC 7395).

use std::error::Error;
use std::sync::Arc;

use futures::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;

use crate::socket::{ask, listen, open, text};
use crate::tally::Tally;
use crate::Orders;

/// Comes in, hears from now on, and writes what is ordered.
pub async fn join(
    url: &str,
    host: &str,
    room: &str,
    (person, mut orders): (usize, Orders),
    tally: &Arc<Tally>,
) -> Result<(), Box<dyn Error>> {
    let stream =
        format!("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{host}' version='1.0'/>");
    let mut socket = open(url, "xmpp").await?;
    ask(&mut socket, stream.clone(), "ANONYMOUS").await?;
    let anonymous = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
    ask(&mut socket, anonymous.to_owned(), "<success").await?;
    ask(&mut socket, stream, "xmpp-bind").await?;
    let bind = "<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    ask(&mut socket, bind.to_owned(), "<jid>").await?;
    let enter = format!("<presence xmlns='jabber:client' to='{room}/person{person}'><x xmlns='http://jabber.org/protocol/muc'/></presence>");
    // One's own presence in the room comes last (XEP-0045 7.2.2).
    ask(&mut socket, enter, "code='110'").await?;
    let (mut mouth, ears) = socket.split();
    let tally = tally.clone();
    tokio::spawn(async move {
        listen(ears, person, &tally).await;
    });
    let room = room.to_owned();
    tokio::spawn(async move {
        while let Some(number) = orders.recv().await {
            let body = text(number);
            let message = format!("<message xmlns='jabber:client' to='{room}' type='groupchat' id='m{number}'><body>{body}</body></message>");
            if let Err(error) = mouth.send(Message::text(message)).await {
                eprintln!("writer {person}: {error}");
                return;
            }
        }
    });
    Ok(())
}
