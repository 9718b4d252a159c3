//! Access tokens: LiveKit's format (a JWT, HS256, `iss` = API key), checked strictly (S5).

use std::collections::BTreeMap;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use livekit_protocol::TrackSource;
use serde::{Deserialize, Serialize};

/// API keys and their secrets.
#[derive(Clone, Default)]
pub struct ApiKeys(BTreeMap<String, String>);

impl ApiKeys {
    /// One key and its secret.
    pub fn new(key: impl Into<String>, secret: impl Into<String>) -> Self {
        Self(BTreeMap::from([(key.into(), secret.into())]))
    }

    /// Add another key, for server-side tools of their own.
    pub fn with(mut self, key: impl Into<String>, secret: impl Into<String>) -> Self {
        self.0.insert(key.into(), secret.into());
        self
    }

    fn first(&self) -> Option<(&String, &String)> {
        self.0.iter().next()
    }
}

// Secrets stay out of logs (S15).
impl std::fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// LiveKit's video grants, as far as the engine knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VideoGrants {
    /// May join the room.
    pub room_join: bool,
    /// The room's name.
    pub room: String,
    /// May publish; unset means yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    /// May receive; unset means yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    /// May send data messages; unset means yes in LiveKit's tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    /// Sources that may be published, as LiveKit writes them; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub can_publish_sources: Vec<String>,
    /// Not shown to the others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// May record; here, say that the meeting named in `room` is recorded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub room_record: bool,
    /// May manage the room named in `room`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub room_admin: bool,
    /// May create and delete rooms.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub room_create: bool,
    /// May list rooms.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub room_list: bool,
    /// The room that participants may be moved to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub destination_room: String,
}

/// What a verified media token says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MediaClaims {
    /// The API key that signed it.
    pub iss: String,
    /// The identity.
    pub sub: String,
    /// End of validity, seconds since 1970.
    pub exp: u64,
    /// Start of validity.
    pub nbf: u64,
    /// Time of issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<u64>,
    /// The display name; ours are empty: names come from the control socket.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Free text for the application.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    /// Free key-value pairs for the application.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The grants.
    pub video: Option<VideoGrants>,
    /// Ties a token to the admission that issued it; the engine only passes it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
}

impl MediaClaims {
    /// The room the token is for; empty if it names none.
    pub fn room(&self) -> &str {
        self.video.as_ref().map_or("", |v| v.room.as_str())
    }
}

/// What a participant may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// Publish media; without it, tracks may be announced but nothing they send goes on.
    pub publish: bool,
    /// Receive others' media and see who is there.
    pub subscribe: bool,
    /// Send data messages.
    pub publish_data: bool,
    /// Sources that may be published; empty means all.
    pub sources: Vec<TrackSource>,
    /// Not shown to the others.
    pub hidden: bool,
}

impl Grants {
    /// Publish and receive everything, no data.
    pub fn speaker() -> Self {
        Self {
            publish: true,
            subscribe: true,
            publish_data: false,
            sources: Vec::new(),
            hidden: false,
        }
    }

    /// Neither publish nor receive: who waits in a lobby.
    pub fn waiting() -> Self {
        Self {
            publish: false,
            subscribe: false,
            ..Self::speaker()
        }
    }

    /// Whether this source may be published.
    pub fn allows(&self, source: TrackSource) -> bool {
        self.publish && (self.sources.is_empty() || self.sources.contains(&source))
    }
}

impl From<&VideoGrants> for Grants {
    fn from(video: &VideoGrants) -> Self {
        let source = |name: &String| match name.to_ascii_lowercase().as_str() {
            "camera" => TrackSource::Camera,
            "microphone" => TrackSource::Microphone,
            "screen_share" => TrackSource::ScreenShare,
            "screen_share_audio" => TrackSource::ScreenShareAudio,
            _ => TrackSource::Unknown,
        };
        Self {
            publish: video.can_publish.unwrap_or(true),
            subscribe: video.can_subscribe.unwrap_or(true),
            publish_data: video.can_publish_data.unwrap_or(true),
            sources: video.can_publish_sources.iter().map(source).collect(),
            hidden: video.hidden,
        }
    }
}

impl Grants {
    /// The same grants as a token of LiveKit's says them.
    pub fn to_video(&self, room: &str) -> VideoGrants {
        VideoGrants {
            room_join: true,
            room: room.to_owned(),
            can_publish: Some(self.publish),
            can_subscribe: Some(self.subscribe),
            can_publish_data: Some(self.publish_data),
            can_publish_sources: self
                .sources
                .iter()
                .map(|s| s.as_str_name().to_ascii_lowercase())
                .collect(),
            hidden: self.hidden,
            ..Default::default()
        }
    }
}

/// Why a token is refused. Says nothing that helps to forge one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No token came with the request.
    #[error("a token is needed")]
    Missing,
    /// Not a media token, not signed by a known key, or outside its time.
    #[error("the token is not valid")]
    Invalid,
    /// A good token without the grant that this needs.
    #[error("the token does not grant this")]
    NotGranted,
}

/// Check a token: HS256 and nothing else, a known key, `exp` present and not over, media grants
/// present. A token of another kind (user, internal) fails by its key and by lacking grants.
pub(crate) fn verify(token: &str, keys: &ApiKeys) -> Result<MediaClaims, TokenError> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
    if header.alg != Algorithm::HS256 {
        return Err(TokenError::Invalid);
    }
    let unverified: MediaClaims = jsonwebtoken::dangerous::insecure_decode(token)
        .map_err(|_| TokenError::Invalid)?
        .claims;
    // LiveKit's tokens name their key in `iss`; a key id that says otherwise is a confusion.
    if header.kid.is_some_and(|kid| kid != unverified.iss) {
        return Err(TokenError::Invalid);
    }
    let secret = keys.0.get(&unverified.iss).ok_or(TokenError::Invalid)?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 0;
    // Compared below, with the service's own clock.
    validation.validate_exp = false;
    validation.set_required_spec_claims(&["exp", "iss"]);
    validation.set_issuer(&[&unverified.iss]);
    let key = DecodingKey::from_secret(secret.as_bytes());
    let claims = jsonwebtoken::decode::<MediaClaims>(token, &key, &validation)
        .map_err(|_| TokenError::Invalid)?
        .claims;
    let now = seconds_now();
    match claims.video {
        Some(_) if claims.nbf <= now && now <= claims.exp => Ok(claims),
        _ => Err(TokenError::Invalid),
    }
}

/// Sign claims with the first key.
pub(crate) fn issue(mut claims: MediaClaims, ttl: Duration, keys: &ApiKeys) -> String {
    let Some((key, secret)) = keys.first() else {
        return String::new();
    };
    let now = seconds_now();
    claims.iss = key.clone();
    claims.nbf = now;
    claims.iat = Some(now);
    claims.exp = now + ttl.as_secs();
    let key = EncodingKey::from_secret(secret.as_bytes());
    // Serialising these plain claims cannot fail; an empty token is refused everywhere.
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap_or_default()
}

pub(crate) fn seconds_now() -> u64 {
    crate::clock::now_ms() / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> ApiKeys {
        ApiKeys::new("key", "a secret of enough length for HS256")
    }

    fn claims() -> MediaClaims {
        MediaClaims {
            sub: "ada".to_owned(),
            video: Some(Grants::speaker().to_video("room")),
            ..Default::default()
        }
    }

    fn sign(header: Header, claims: &impl Serialize, secret: &str) -> String {
        jsonwebtoken::encode(
            &header,
            claims,
            &EncodingKey::from_secret(secret.as_bytes()),
        )
        .expect("these claims can be signed")
    }

    #[test]
    fn an_issued_token_is_accepted() {
        let token = issue(claims(), Duration::from_secs(60), &keys());
        let read = verify(&token, &keys()).expect("our own token");
        assert_eq!((read.sub.as_str(), read.room()), ("ada", "room"));
    }

    /// S5: another algorithm, no algorithm, another key, a key id that differs, no expiry, an
    /// expiry in the past, a start in the future, a token of another kind.
    #[test]
    fn other_tokens_are_refused() {
        let secret = "a secret of enough length for HS256";
        let now = seconds_now();
        let valid = serde_json::json!({
            "iss": "key", "sub": "ada", "exp": now + 60, "nbf": now,
            "video": {"roomJoin": true, "room": "room"},
        });
        let hs256 = || Header::new(Algorithm::HS256);
        assert!(verify(&sign(hs256(), &valid, secret), &keys()).is_ok());

        let with = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut claims = valid.clone();
            change(&mut claims);
            sign(hs256(), &claims, secret)
        };
        let none = {
            let signed = sign(hs256(), &valid, secret);
            let payload = signed.split('.').nth(1).expect("three parts").to_owned();
            // {"alg":"none","typ":"JWT"}
            format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.")
        };
        let mut other_kid = hs256();
        other_kid.kid = Some("other".to_owned());
        let refused = [
            ("alg none", none),
            ("HS512", sign(Header::new(Algorithm::HS512), &valid, secret)),
            ("another secret", sign(hs256(), &valid, "another secret")),
            ("another key id", sign(other_kid, &valid, secret)),
            ("unknown issuer", with(&|c| c["iss"] = "other".into())),
            (
                "no expiry",
                with(&|c| {
                    c.as_object_mut().expect("an object").remove("exp");
                }),
            ),
            ("expired", with(&|c| c["exp"] = (now - 1).into())),
            ("not yet", with(&|c| c["nbf"] = (now + 60).into())),
            (
                "a user token",
                with(&|c| {
                    c.as_object_mut().expect("an object").remove("video");
                }),
            ),
            ("not a token", "abc".to_owned()),
        ];
        for (what, token) in refused {
            assert_eq!(
                verify(&token, &keys()).err(),
                Some(TokenError::Invalid),
                "{what}"
            );
        }
    }
}
