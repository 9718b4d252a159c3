//! The notification channel of Microsoft's chat client, by hand: who gets one, what comes over it, and
//! what is kept for a client that is away. Their own client speaks it in `tests/conformance/chat`.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::chat::*;
use common::signed::{resource, signed};
use common::*;
use futures::{SinkExt, StreamExt};
use hyper::StatusCode;
use plenary_protocol::agent::Request;
use plenary_protocol::id::CallId;
use serde_json::{json, Value};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::WebSocketStream;

/// A client that has a channel.
struct Client<'a> {
    service: &'a Service,
    token: String,
    channel: String,
    socket: Option<WebSocketStream<TcpStream>>,
}

async fn allocated(service: &Service, token: &str, channel: &str) -> Answer {
    let header = [("x-skypetoken", token)];
    let target = format!("/v4/a?epid=x&st={channel}&v=v4");
    service.http("POST", &target, &header, "").await
}

async fn handshake(service: &Service, token: &str, channel: &str) -> Answer {
    let header = [("x-skypetoken", token)];
    let target = format!("/socket.io/1/?st={channel}&v=v4&t=1");
    service.http("GET", &target, &header, "").await
}

async fn websocket(service: &Service, ticket: &str) -> Result<WebSocketStream<TcpStream>, Error> {
    let url = format!(
        "ws://{}/socket.io/1/websocket/{ticket}?v=v4",
        service.address
    );
    let stream = TcpStream::connect(service.address).await.unwrap();
    let (socket, _) = tokio_tungstenite::client_async(url, stream).await?;
    Ok(socket)
}

fn ticket_of(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body.split(':').next().unwrap().to_owned()
}

impl<'a> Client<'a> {
    async fn of(service: &'a Service, who: &SignedIn) -> Client<'a> {
        let allocated = allocated(service, &who.token, "").await.ok();
        let channel = allocated["connectparams"]["st"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(allocated["url"].as_str().unwrap().contains(&channel));
        let mut client = Self {
            service,
            token: who.token.clone(),
            channel,
            socket: None,
        };
        client.connect().await;
        client
    }

    /// As a client does that comes back.
    async fn connect(&mut self) {
        let again = allocated(self.service, &self.token, &self.channel)
            .await
            .ok();
        assert_eq!(again["connectparams"]["st"], json!(self.channel));
        let ticket = ticket_of(&handshake(self.service, &self.token, &self.channel).await);
        self.socket = Some(websocket(self.service, &ticket).await.unwrap());
        assert_eq!(self.frame().await.unwrap(), "1::");
        let connected = self.frame().await.unwrap();
        assert!(connected.starts_with(r#"5:::{"#) && connected.contains("trouter.connected"));
    }

    /// `None`: it is closed.
    async fn frame(&mut self) -> Option<String> {
        let next = self.socket.as_mut().unwrap().next();
        match tokio::time::timeout(DEADLINE, next)
            .await
            .expect("nothing came")
        {
            Some(Ok(Message::Text(text))) => Some(text.to_string()),
            _ => None,
        }
    }

    /// The next notification: its number and its body.
    async fn notified(&mut self) -> (u64, Value) {
        let frame = self.frame().await.unwrap();
        let request: Value = serde_json::from_str(frame.strip_prefix("3:::").unwrap()).unwrap();
        assert!(request["url"].as_str().unwrap().contains(&self.channel));
        let body = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
        (request["id"].as_u64().unwrap(), body)
    }

    async fn say(&mut self, frame: String) {
        let message = Message::text(frame);
        self.socket.as_mut().unwrap().send(message).await.unwrap();
    }

    async fn answer(&mut self, number: u64) {
        let answer = json!({"id": number, "status": 200, "headers": {}, "body": ""});
        self.say(format!("3:::{answer}")).await;
        // The service has read it when it has answered what comes after it.
        self.say(r#"5:9+::{"name":"ping"}"#.to_owned()).await;
        assert_eq!(self.frame().await.unwrap(), r#"6:::9+["pong"]"#);
    }
}

#[tokio::test]
async fn what_was_answered_does_not_come_again_and_what_was_not_does() {
    let service = Service::start().await;
    let (jane, alex) = (service.guest().await, service.guest().await);
    let chat = thread(&service, &jane, &[&alex]).await;
    let mut client = Client::of(&service, &alex).await;
    chat.send(&jane, "one").await;
    let (number, body) = client.notified().await;
    assert_eq!(
        (&body["eventId"], &body["messageBody"]),
        (&json!(200), &json!("one"))
    );
    assert_eq!(body["recipientMri"], json!(alex.id));
    client.answer(number).await;
    chat.send(&jane, "two").await;
    let (_, body) = client.notified().await;
    assert_eq!(body["messageBody"], "two");
    // Cut before the answer; and what is written meanwhile waits.
    client.socket = None;
    chat.send(&jane, "three").await;
    client.connect().await;
    let mut numbers = Vec::new();
    for expected in ["two", "three"] {
        let (number, body) = client.notified().await;
        assert_eq!(body["messageBody"], expected);
        numbers.push(number);
    }
    for number in numbers {
        client.answer(number).await;
    }
    client.socket = None;
    client.connect().await;
    chat.send(&jane, "four").await;
    assert_eq!(client.notified().await.1["messageBody"], "four");
    service.stop().await;
}

#[tokio::test]
async fn s13_a_channel_is_its_identitys_and_a_ticket_is_good_once() {
    let service = Service::start().await;
    let (jane, eve) = (service.guest().await, service.guest().await);
    let client = Client::of(&service, &jane).await;
    // Another's token gets another channel, and no handshake with this one.
    let other = allocated(&service, &eve.token, &client.channel).await.ok();
    assert_ne!(other["connectparams"]["st"], json!(client.channel));
    let refused = handshake(&service, &eve.token, &client.channel).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let unknown = handshake(&service, &eve.token, "nothing").await;
    assert_eq!(refused.body, unknown.body);
    let ticket = ticket_of(&handshake(&service, &jane.token, &client.channel).await);
    let _socket = websocket(&service, &ticket).await.unwrap();
    for used in [ticket.as_str(), &client.channel, "nothing"] {
        assert!(websocket(&service, used).await.is_err(), "{used}");
    }
    service.stop().await;
}

#[tokio::test]
async fn s6_revoking_a_user_closes_their_channels() {
    let service = Service::start().await;
    let (jane, alex) = (service.guest().await, service.guest().await);
    let chat = thread(&service, &jane, &[&alex]).await;
    let mut client = Client::of(&service, &alex).await;
    let key = resource(&service).await.primary_key;
    let id = common::signed::encoded(alex.id.as_str());
    let target = format!(
        "/identities/{id}/:revokeAccessTokens?{}",
        common::signed::VERSION
    );
    let revoked = signed(&service, &key, "POST", &target, "").await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    chat.send(&jane, "not for the revoked").await;
    assert_eq!(client.frame().await, None, "closed");
    let refused = allocated(&service, &alex.token, &client.channel).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    service.stop().await;
}

#[tokio::test]
async fn d1_what_a_guest_did_not_fetch_in_time_is_withdrawn() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let open = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, open).await;
    let chat = Chat {
        service: &service,
        thread: meeting["chatInfo"]["threadId"].as_str().unwrap().to_owned(),
    };
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let ada = service.guest().await;
    let mut client = Client::of(&service, &ada).await;
    chat.send(&olivia, "before").await;
    let mut guest = service.agent(&ada, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    let (number, body) = client.notified().await;
    assert_eq!(
        body["eventId"], 260,
        "she is there now, and heard nothing of before"
    );
    client.answer(number).await;
    client.socket = None;
    chat.send(&olivia, "during").await;
    let leave = Request::Leave {
        call: CallId::from("g"),
    };
    guest.ask(leave).await.unwrap();
    chat.send(&olivia, "after").await;
    client.connect().await;
    // Her own thread's event is the next that she hears.
    thread(&service, &ada, &[]).await;
    let (_, body) = client.notified().await;
    assert_eq!(body["eventId"], 257, "{body}");
    service.stop().await;
}
