//! How a client says what it wants when it connects: v0's query, or v1's packed message.

use std::io::Read;

use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use base64::Engine as _;
use livekit_protocol as lk;
use lk::wrapped_join_request::Compression;
use prost::Message;
use serde::Deserialize;

/// Bytes a join request may unpack to: an offer with many sections and some tracks (S11).
const MAX_UNPACKED: u64 = 1024 * 1024;

/// The query of `/rtc` and `/rtc/v1`. Unknown parameters are ignored.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Query {
    pub access_token: String,
    pub join_request: Option<String>,
    pub reconnect: Option<String>,
    pub sid: Option<String>,
    pub auto_subscribe: Option<String>,
    pub protocol: Option<String>,
    pub client_protocol: Option<String>,
    pub sdk: Option<String>,
    pub version: Option<String>,
    /// Plenary's own: answer with receive slots.
    pub slots: Option<String>,
}

/// Why a join request cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JoinRequestError {
    #[error("join_request is not base64")]
    Base64,
    #[error("join_request is not a join request")]
    Protobuf,
    #[error("join_request unpacks to more than {MAX_UNPACKED} bytes")]
    TooLarge,
    #[error("join_request is not gzip")]
    Gzip,
}

/// What the client wants, whichever way it said so.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub request: lk::JoinRequest,
    pub slots: bool,
}

impl Query {
    pub fn wanted(&self, v1: bool) -> Result<Wanted, JoinRequestError> {
        let slots = self.slots.as_deref().is_some_and(is_true);
        let request = match (&self.join_request, v1) {
            (Some(packed), true) => unpack(packed)?,
            _ => self.plain(),
        };
        Ok(Wanted { request, slots })
    }

    fn plain(&self) -> lk::JoinRequest {
        let number = |text: &Option<String>| {
            text.as_deref()
                .and_then(|t| t.parse().ok())
                .unwrap_or_default()
        };
        let reconnect = self.reconnect.as_deref().is_some_and(is_true);
        lk::JoinRequest {
            client_info: Some(lk::ClientInfo {
                protocol: number(&self.protocol),
                client_protocol: number(&self.client_protocol),
                version: self.version.clone().unwrap_or_default(),
                sdk: self.sdk().into(),
                ..Default::default()
            }),
            connection_settings: Some(lk::ConnectionSettings {
                auto_subscribe: self.auto_subscribe.as_deref().is_none_or(is_true),
                ..Default::default()
            }),
            reconnect,
            participant_sid: self.sid.clone().unwrap_or_default(),
            ..Default::default()
        }
    }
}

impl Query {
    /// By its name in the protocol, in small letters.
    fn sdk(&self) -> lk::client_info::Sdk {
        let name = self.sdk.as_deref().unwrap_or_default().to_uppercase();
        lk::client_info::Sdk::from_str_name(&name).unwrap_or_default()
    }
}

fn is_true(text: &str) -> bool {
    matches!(text, "1" | "true")
}

fn unpack(packed: &str) -> Result<lk::JoinRequest, JoinRequestError> {
    let bytes = URL_SAFE
        .decode(packed)
        .or_else(|_| URL_SAFE_NO_PAD.decode(packed))
        .map_err(|_| JoinRequestError::Base64)?;
    let wrapped =
        lk::WrappedJoinRequest::decode(&bytes[..]).map_err(|_| JoinRequestError::Protobuf)?;
    let bytes = match wrapped.compression() {
        Compression::None => wrapped.join_request,
        Compression::Gzip => gunzip(&wrapped.join_request)?,
    };
    lk::JoinRequest::decode(&bytes[..]).map_err(|_| JoinRequestError::Protobuf)
}

fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, JoinRequestError> {
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .take(MAX_UNPACKED + 1)
        .read_to_end(&mut unpacked)
        .map_err(|_| JoinRequestError::Gzip)?;
    match unpacked.len() as u64 > MAX_UNPACKED {
        true => Err(JoinRequestError::TooLarge),
        false => Ok(unpacked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn packed(join_request: Vec<u8>, compression: Compression) -> String {
        URL_SAFE.encode(
            lk::WrappedJoinRequest {
                compression: compression as i32,
                join_request,
            }
            .encode_to_vec(),
        )
    }

    #[test]
    fn a_join_request_is_read_plain_and_packed() {
        let request = lk::JoinRequest {
            participant_sid: "PA_1".to_owned(),
            ..Default::default()
        };
        let bytes = request.encode_to_vec();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&bytes).expect("writing to memory");
        let zipped = gzip.finish().expect("writing to memory");
        for text in [
            packed(bytes, Compression::None),
            packed(zipped, Compression::Gzip),
        ] {
            let read = unpack(&text).expect("a valid request");
            assert_eq!(read.participant_sid, "PA_1");
        }
    }

    /// S11: a small message must not unpack to a large one.
    #[test]
    fn a_compressed_bomb_is_refused() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let zeros = vec![0u8; 1024 * 1024];
        for _ in 0..64 {
            gzip.write_all(&zeros).expect("writing to memory");
        }
        let bomb = gzip.finish().expect("writing to memory");
        assert!(matches!(
            unpack(&packed(bomb, Compression::Gzip)),
            Err(JoinRequestError::TooLarge)
        ));
    }
}
