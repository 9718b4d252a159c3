//! The notification channel of Microsoft's chat client, spoken by hand.

use super::*;
use tokio_tungstenite::tungstenite::Error;

/// A client that has a channel.
pub struct Client<'a> {
    pub service: &'a Service,
    pub token: String,
    pub channel: String,
    pub socket: Option<WebSocketStream<TcpStream>>,
}

pub async fn allocated(service: &Service, token: &str, channel: &str) -> Answer {
    let header = [("x-skypetoken", token)];
    let target = format!("/v4/a?epid=x&st={channel}&v=v4");
    service.http("POST", &target, &header, "").await
}

pub async fn handshake(service: &Service, token: &str, channel: &str) -> Answer {
    let header = [("x-skypetoken", token)];
    let target = format!("/socket.io/1/?st={channel}&v=v4&t=1");
    service.http("GET", &target, &header, "").await
}

pub async fn websocket(
    service: &Service,
    ticket: &str,
) -> Result<WebSocketStream<TcpStream>, Error> {
    let url = format!(
        "ws://{}/socket.io/1/websocket/{ticket}?v=v4",
        service.address
    );
    let stream = TcpStream::connect(service.address).await.unwrap();
    let (socket, _) = tokio_tungstenite::client_async(url, stream).await?;
    Ok(socket)
}

pub fn ticket_of(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body.split(':').next().unwrap().to_owned()
}

impl<'a> Client<'a> {
    pub async fn of(service: &'a Service, who: &SignedIn) -> Client<'a> {
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
    pub async fn connect(&mut self) {
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
    pub async fn frame(&mut self) -> Option<String> {
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
    pub async fn notified(&mut self) -> (u64, Value) {
        let frame = self.frame().await.unwrap();
        let request: Value = serde_json::from_str(frame.strip_prefix("3:::").unwrap()).unwrap();
        assert!(request["url"].as_str().unwrap().contains(&self.channel));
        let body = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
        (request["id"].as_u64().unwrap(), body)
    }

    pub async fn say(&mut self, frame: String) {
        let message = Message::text(frame);
        self.socket.as_mut().unwrap().send(message).await.unwrap();
    }

    pub async fn answer(&mut self, number: u64) {
        let answer = json!({"id": number, "status": 200, "headers": {}, "body": ""});
        self.say(format!("3:::{answer}")).await;
        // The service has read it when it has answered what comes after it.
        self.say(r#"5:9+::{"name":"ping"}"#.to_owned()).await;
        assert_eq!(self.frame().await.unwrap(), r#"6:::9+["pong"]"#);
    }
}
