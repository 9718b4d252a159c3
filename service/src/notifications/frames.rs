//! Frames of Socket.IO 0.9, `type:id:endpoint:data`, as far as the notification client speaks it
//! (`rest.md` 6.2).

use serde::Deserialize;

/// What a client sends.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// The answer to a notification: its number.
    Answer(u64),
    /// An event; to be acknowledged, if it has an id.
    Event {
        /// `user.activity`, `ping` and others.
        name: String,
        /// Its id.
        id: Option<u64>,
    },
    /// It goes.
    Disconnect,
    /// A heartbeat, or something that asks for nothing.
    Nothing,
}

/// The first frame.
pub const CONNECT: &str = "1::";
/// The service's sign of life; the client answers with the same.
pub const HEARTBEAT: &str = "2::";

/// A frame of a client. `None`: it is none.
pub fn read(frame: &str) -> Option<Incoming> {
    #[derive(Deserialize)]
    struct Answer {
        id: u64,
    }
    #[derive(Deserialize)]
    struct Event {
        name: String,
    }
    let mut parts = frame.splitn(4, ':');
    let (kind, id, _endpoint) = (parts.next()?, parts.next()?, parts.next()?);
    let data = parts.next().unwrap_or_default();
    match kind {
        "0" => Some(Incoming::Disconnect),
        "3" => {
            let answer: Answer = serde_json::from_str(data).ok()?;
            Some(Incoming::Answer(answer.id))
        }
        "5" => {
            let event: Event = serde_json::from_str(data).ok()?;
            let id = match id.trim_end_matches('+') {
                "" => None,
                id => Some(id.parse().ok()?),
            };
            let name = event.name;
            Some(Incoming::Event { name, id })
        }
        "1" | "2" | "4" | "6" | "7" | "8" => Some(Incoming::Nothing),
        _ => None,
    }
}

/// Answers an event.
pub fn acknowledged(id: u64) -> String {
    format!("6:::{id}+[\"pong\"]")
}

/// Says for how many seconds the connection is good.
pub fn connected(seconds: u64) -> String {
    let data = serde_json::json!({
        "name": "trouter.connected",
        "args": [{"ttl": seconds.to_string(), "dur": "0"}],
    });
    format!("5:::{data}")
}

/// A notification: a request that the client is to answer.
pub fn request(id: u64, path: &str, body: &str) -> String {
    let data = serde_json::json!({
        "id": id,
        "method": "POST",
        "url": path,
        "headers": {},
        "body": body,
    });
    format!("3:::{data}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_client_are_read() {
        let event = |name: &str, id| {
            Some(Incoming::Event {
                name: name.to_owned(),
                id,
            })
        };
        assert_eq!(read("2::"), Some(Incoming::Nothing));
        assert_eq!(read("0::"), Some(Incoming::Disconnect));
        assert_eq!(read(r#"5:12+::{"name":"ping"}"#), event("ping", Some(12)));
        assert_eq!(
            read(r#"5:::{"name":"user.activity","args":[{"cv":"a:b"}]}"#),
            event("user.activity", None)
        );
        assert_eq!(
            read(r#"3:::{"id":7,"status":200,"headers":{},"body":""}"#),
            Some(Incoming::Answer(7))
        );
        for wrong in ["", "9::", "5:x+::{\"name\":\"p\"}", "3:::{}", "hello"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
