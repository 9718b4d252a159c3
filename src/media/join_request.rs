//! The address of a LiveKit socket (v1): everything that the client has to say travels in it. Pure.

use super::wire::Message as _;

use super::signalling::Attempt;
use super::wire as lk;
use super::wire::wrapped_join_request::Compression;

/// The protobuf of the attempt's join request, to be wrapped as it is or compressed.
pub fn encode(attempt: &Attempt) -> Vec<u8> {
    attempt.request.encode_to_vec()
}

/// The socket's address. `gzipped`: what the bytes are. It holds the token: for no log.
pub fn socket_url(attempt: &Attempt, request: Vec<u8>, gzipped: bool) -> String {
    address(attempt, "", request, gzipped)
}

/// The address that says over HTTP why an attempt fails.
pub fn validate_url(attempt: &Attempt) -> String {
    // Without the offer, which is long and says nothing about permission.
    let request = lk::JoinRequest {
        reconnect: attempt.request.reconnect,
        participant_sid: attempt.request.participant_sid.clone(),
        ..Default::default()
    };
    let url = address(attempt, "/validate", request.encode_to_vec(), false);
    // `ws` to `http`, `wss` to `https`.
    url.strip_prefix("ws")
        .map(|rest| ["http", rest].concat())
        .unwrap_or(url)
}

fn address(attempt: &Attempt, path: &str, request: Vec<u8>, gzipped: bool) -> String {
    let compression = if gzipped {
        Compression::Gzip
    } else {
        Compression::None
    };
    let wrapped = lk::WrappedJoinRequest {
        compression,
        join_request: request,
    };
    // LiveKit's server wants the padding.
    let wrapped = base64url(&wrapped.encode_to_vec());
    let slots = if attempt.slots { "&slots=1" } else { "" };
    let (origin, token) = (attempt.url.trim_end_matches('/'), &attempt.token);
    // A JWT is made of characters that need no escaping.
    let parts = [
        origin,
        "/rtc/v1",
        path,
        "?access_token=",
        token,
        slots,
        "&join_request=",
        &wrapped,
    ];
    parts.concat()
}

/// Base64 for an address, its padding escaped.
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |n: usize| u32::from(three.get(n).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for n in 0..4 {
            if n <= three.len() {
                text.push(char::from(DIGITS[(bits >> (18 - 6 * n)) as usize & 63]));
            } else {
                text.push_str("%3D");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::URL_SAFE;
    use base64::Engine as _;

    #[test]
    fn base64_is_that_of_everybody_else() {
        for length in 0..50 {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 83 + 250) as u8).collect();
            assert_eq!(
                base64url(&bytes),
                URL_SAFE.encode(&bytes).replace('=', "%3D")
            );
        }
    }

    fn attempt() -> Attempt {
        Attempt {
            url: "wss://engine.example/".into(),
            token: "a.b.c".into(),
            slots: true,
            request: lk::JoinRequest {
                participant_sid: "PA_me".into(),
                reconnect: true,
                ..Default::default()
            },
        }
    }

    #[test]
    fn the_address_holds_the_request() {
        let attempt = attempt();
        let url = socket_url(&attempt, encode(&attempt), false);
        let wrapped = url
            .strip_prefix("wss://engine.example/rtc/v1?access_token=a.b.c&slots=1&join_request=")
            .expect("the form");
        let wrapped = URL_SAFE
            .decode(wrapped.replace("%3D", "="))
            .expect("base64");
        let wrapped = lk::WrappedJoinRequest::decode(wrapped.as_slice()).expect("protobuf");
        assert_eq!(
            lk::JoinRequest::decode(wrapped.join_request.as_slice()).expect("protobuf"),
            attempt.request
        );
    }

    #[test]
    fn the_reason_is_asked_for_over_http() {
        assert!(validate_url(&attempt())
            .starts_with("https://engine.example/rtc/v1/validate?access_token="));
    }
}
