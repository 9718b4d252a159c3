//! User tokens and internal tokens: each kind has its own key, audience and one fixed algorithm, and is
//! refused wherever the other kind is asked for (`S5`). Media tokens are the engine's.

use crate::keys::{Keys, SigningKey};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use plenary_protocol::id::RawId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const USER_AUDIENCE: &str = "plenary-user";
const INTERNAL_AUDIENCE: &str = "plenary-organisation";
const ISSUER: &str = "plenary";

/// What a user token permits, as in the identity REST interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Chat.
    #[serde(rename = "chat")]
    Chat,
    /// Chat in threads that others made; may add participants.
    #[serde(rename = "chat.join")]
    ChatJoin,
    /// Chat in threads that others made.
    #[serde(rename = "chat.join.limited")]
    ChatJoinLimited,
    /// Calls.
    #[serde(rename = "voip")]
    Voip,
    /// Calls that others started.
    #[serde(rename = "voip.join")]
    VoipJoin,
}

impl Scope {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Chat, "chat"),
        (Self::ChatJoin, "chat.join"),
        (Self::ChatJoinLimited, "chat.join.limited"),
        (Self::Voip, "voip"),
        (Self::VoipJoin, "voip.join"),
    ];

    fn text(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(scope, _)| *scope == self)
            .map_or("", |(_, text)| text)
    }

    fn from_text(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(scope, _)| *scope)
    }
}

/// Claims of a user token: those that clients of Communication Services read, and ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserClaims {
    /// The identity without the leading `8:`.
    skypeid: String,
    acs_scope: String,
    resource_id: String,
    resource_location: String,
    /// As in Microsoft's tokens; its bits are not documented.
    scp: u32,
    csi: String,
    iat: u64,
    exp: u64,
    aud: String,
    iss: String,
    /// Where the service is, so that an SDK finds it; an application can pin another (`S7`).
    endpoint: String,
    /// Revocation counts it up (`S6`).
    generation: u32,
}

/// Claims of the development organisation's access token.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct InternalClaims {
    oid: String,
    appid: String,
    name: String,
    iat: u64,
    exp: u64,
    aud: String,
    iss: String,
}

/// A checked user token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserToken {
    /// Whose.
    pub id: RawId,
    /// What it permits.
    pub scopes: BTreeSet<Scope>,
    /// Its generation; the store knows which one is good.
    pub generation: u32,
    /// When it runs out, ms.
    pub expires: u64,
}

impl UserToken {
    /// Whether it permits joining a call in progress.
    pub fn may_join(&self) -> bool {
        self.scopes.contains(&Scope::Voip) || self.scopes.contains(&Scope::VoipJoin)
    }

    /// Whether it permits chat of any kind.
    pub fn may_chat(&self) -> bool {
        let scopes = [Scope::Chat, Scope::ChatJoin, Scope::ChatJoinLimited];
        scopes.iter().any(|scope| self.scopes.contains(scope))
    }
}

/// A checked internal token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalToken {
    /// Object id of the member.
    pub oid: String,
    /// The application that it was issued to.
    pub app: String,
    /// When it runs out, ms.
    pub expires: u64,
}

/// Why a token is refused; more is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is invalid or has expired")]
pub struct InvalidToken;

/// A token and its end, ms.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The JWT.
    pub token: String,
    /// When it runs out.
    pub expires: u64,
}

/// One kind of token.
struct Mint {
    header: Header,
    sign: EncodingKey,
    check: DecodingKey,
    validation: Validation,
}

impl Mint {
    fn new(key: &SigningKey, audience: &str) -> Self {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(key.id.clone());
        let mut validation = Validation::new(Algorithm::ES256);
        validation.leeway = 0;
        validation.set_audience(&[audience]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        // Expiry is compared with the time that the caller names.
        validation.validate_exp = false;
        Self {
            header,
            sign: EncodingKey::from_ec_der(&key.pkcs8),
            check: DecodingKey::from_ec_der(&key.public),
            validation,
        }
    }

    fn issue(&self, claims: &impl Serialize) -> String {
        // ES256 over a struct of strings and numbers has nothing to fail on.
        jsonwebtoken::encode(&self.header, claims, &self.sign).expect("a token can be signed")
    }

    fn check<C: DeserializeOwned>(&self, token: &str) -> Result<C, InvalidToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| InvalidToken)?;
        if header.kid != self.header.kid || header.alg != Algorithm::ES256 {
            return Err(InvalidToken);
        }
        let data = jsonwebtoken::decode::<C>(token, &self.check, &self.validation);
        data.map(|data| data.claims).map_err(|_| InvalidToken)
    }
}

/// Issues and checks user and internal tokens.
pub struct Tokens {
    user: Mint,
    internal: Mint,
    endpoint: String,
    location: String,
}

impl Tokens {
    /// With the data folder's keys; `endpoint` is the service's public origin.
    pub fn new(keys: &Keys, endpoint: &str, location: &str) -> Self {
        Self {
            user: Mint::new(&keys.user, USER_AUDIENCE),
            internal: Mint::new(&keys.internal, INTERNAL_AUDIENCE),
            endpoint: endpoint.to_owned(),
            location: location.to_owned(),
        }
    }

    /// A user token.
    pub fn user(
        &self,
        id: &RawId,
        generation: u32,
        resource: &str,
        scopes: &BTreeSet<Scope>,
        now: u64,
        expires: u64,
    ) -> Issued {
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.text()).collect();
        let iat = now / 1_000;
        let claims = UserClaims {
            skypeid: id
                .as_str()
                .strip_prefix("8:")
                .unwrap_or(id.as_str())
                .to_owned(),
            acs_scope: scopes.join(","),
            resource_id: resource.to_owned(),
            resource_location: self.location.clone(),
            scp: 1792,
            csi: iat.to_string(),
            iat,
            exp: expires / 1_000,
            aud: USER_AUDIENCE.to_owned(),
            iss: ISSUER.to_owned(),
            endpoint: self.endpoint.clone(),
            generation,
        };
        Issued {
            token: self.user.issue(&claims),
            expires: claims.exp * 1_000,
        }
    }

    /// Checks signature, kind and expiry of a user token; whether it was revoked, the store knows.
    pub fn check_user(&self, token: &str, now: u64) -> Result<UserToken, InvalidToken> {
        let claims: UserClaims = self.user.check(token)?;
        let expires = claims.exp.saturating_mul(1_000);
        if expires <= now {
            return Err(InvalidToken);
        }
        Ok(UserToken {
            id: RawId(format!("8:{}", claims.skypeid)),
            scopes: claims
                .acs_scope
                .split(',')
                .filter_map(Scope::from_text)
                .collect(),
            generation: claims.generation,
            expires,
        })
    }

    /// An access token of the development organisation (`S10`).
    pub fn internal(&self, oid: &str, app: &str, name: &str, now: u64, expires: u64) -> Issued {
        let claims = InternalClaims {
            oid: oid.to_owned(),
            appid: app.to_owned(),
            name: name.to_owned(),
            iat: now / 1_000,
            exp: expires / 1_000,
            aud: INTERNAL_AUDIENCE.to_owned(),
            iss: ISSUER.to_owned(),
        };
        Issued {
            token: self.internal.issue(&claims),
            expires: claims.exp * 1_000,
        }
    }

    /// Checks an internal token.
    pub fn check_internal(&self, token: &str, now: u64) -> Result<InternalToken, InvalidToken> {
        let claims: InternalClaims = self.internal.check(token)?;
        let expires = claims.exp.saturating_mul(1_000);
        if expires <= now {
            return Err(InvalidToken);
        }
        Ok(InternalToken {
            oid: claims.oid,
            app: claims.appid,
            expires,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{Engine, BASE64_URL_SAFE_NO_PAD};
    use serde_json::{json, Value};

    fn tokens() -> (Tokens, Keys) {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        (
            Tokens::new(&keys, "https://meet.example.org", "local"),
            keys,
        )
    }

    fn user_token(tokens: &Tokens) -> String {
        let scopes = [Scope::Voip, Scope::Chat].into();
        tokens
            .user(
                &RawId::from("8:acs:r_u"),
                3,
                "r",
                &scopes,
                1_000_000,
                2_000_000,
            )
            .token
    }

    fn payload(token: &str) -> Value {
        let part = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn a_user_token_has_the_claims_that_clients_read() {
        let (tokens, _) = tokens();
        let claims = payload(&user_token(&tokens));
        assert_eq!(claims["skypeid"], "acs:r_u");
        assert_eq!(claims["acsScope"], "chat,voip");
        assert_eq!(claims["resourceId"], "r");
        assert_eq!(
            (&claims["csi"], &claims["exp"]),
            (&json!("1000"), &json!(2000))
        );
        assert_eq!(claims["endpoint"], "https://meet.example.org");
        let checked = tokens.check_user(&user_token(&tokens), 1_999_999).unwrap();
        assert_eq!((checked.id.as_str(), checked.generation), ("8:acs:r_u", 3));
        assert!(checked.may_join());
    }

    #[test]
    fn b10_an_expired_token_is_refused() {
        let (tokens, _) = tokens();
        assert_eq!(
            tokens.check_user(&user_token(&tokens), 2_000_000),
            Err(InvalidToken)
        );
    }

    #[test]
    fn s5_a_token_of_one_kind_is_no_token_of_another() {
        let (tokens, _) = tokens();
        let internal = tokens
            .internal("oid", "app", "Olivia", 1_000_000, 2_000_000)
            .token;
        assert!(tokens.check_internal(&internal, 1_500_000).is_ok());
        assert_eq!(tokens.check_user(&internal, 1_500_000), Err(InvalidToken));
        assert_eq!(
            tokens.check_internal(&user_token(&tokens), 1_500_000),
            Err(InvalidToken)
        );
    }

    #[test]
    fn s5_another_algorithm_key_id_or_audience_is_refused() {
        let (tokens, keys) = tokens();
        let good = user_token(&tokens);
        let claims = payload(&good);
        let [_, body, signature] = good.split('.').collect::<Vec<_>>()[..] else {
            panic!()
        };
        let with_header = |header: Value| {
            format!(
                "{}.{body}.{signature}",
                BASE64_URL_SAFE_NO_PAD.encode(header.to_string())
            )
        };
        let mut hmac = Header::new(Algorithm::HS256);
        hmac.kid = Some(keys.user.id.clone());
        let with_public_key = EncodingKey::from_secret(&keys.user.public);
        let mut other_key = Header::new(Algorithm::ES256);
        other_key.kid = Some(keys.internal.id.clone());
        let mut other_audience = claims.clone();
        other_audience["aud"] = json!("plenary-organisation");
        let mut right = Header::new(Algorithm::ES256);
        right.kid = Some(keys.user.id.clone());
        let own = EncodingKey::from_ec_der(&keys.user.pkcs8);
        for forged in [
            with_header(json!({"alg": "none", "typ": "JWT", "kid": keys.user.id})),
            with_header(json!({"alg": "ES256", "typ": "JWT"})),
            format!("{body}.{signature}"),
            jsonwebtoken::encode(&hmac, &claims, &with_public_key).unwrap(),
            jsonwebtoken::encode(
                &other_key,
                &claims,
                &EncodingKey::from_ec_der(&keys.internal.pkcs8),
            )
            .unwrap(),
            jsonwebtoken::encode(
                &right,
                &claims,
                &EncodingKey::from_ec_der(&keys.internal.pkcs8),
            )
            .unwrap(),
            jsonwebtoken::encode(&right, &other_audience, &own).unwrap(),
            String::new(),
        ] {
            assert_eq!(
                tokens.check_user(&forged, 1_500_000),
                Err(InvalidToken),
                "{forged}"
            );
        }
    }
}
