//! STUN and TURN servers that clients are told. The engine uses none itself: it has an address that
//! clients reach. A client in a network that lets nothing out but TLS may need one to get here.

use aws_lc_rs::hmac;
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use livekit_protocol::IceServer;

/// A server from the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnServer {
    /// `stun:`, `turn:` and `turns:` URLs (RFC 7064, RFC 7065).
    pub urls: Vec<String>,
    /// How clients sign in.
    pub credentials: TurnCredentials,
}

/// How clients sign in at a TURN server.
#[derive(Clone, PartialEq, Eq)]
pub enum TurnCredentials {
    /// Not at all (STUN).
    None,
    /// All with the same.
    Fixed {
        /// The user name.
        username: String,
        /// The password.
        password: String,
    },
    /// Each with their own, good for a time: the server checks them by the secret that it shares
    /// with the engine (coturn's `use-auth-secret`, draft-uberti-behave-turn-rest-00).
    Secret {
        /// The shared secret.
        secret: String,
        /// How long they are good for, in seconds.
        lifetime: u64,
    },
}

// Secrets stay out of logs (S15).
impl std::fmt::Debug for TurnCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Fixed { .. } => "Fixed(…)",
            Self::Secret { .. } => "Secret(…)",
        })
    }
}

impl TurnServer {
    /// What a client is told of it, at a time in seconds since 1970.
    pub fn told(&self, identity: &str, now: u64) -> IceServer {
        let (username, credential) = match &self.credentials {
            TurnCredentials::None => Default::default(),
            TurnCredentials::Fixed { username, password } => (username.clone(), password.clone()),
            TurnCredentials::Secret { secret, lifetime } => {
                // A colon ends the time; the server takes everything behind it as the name.
                let username = format!("{}:{identity}", now.saturating_add(*lifetime));
                let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
                let tag = hmac::sign(&key, username.as_bytes());
                (username, STANDARD.encode(tag))
            }
        };
        IceServer {
            urls: self.urls.clone(),
            username,
            credential,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(credentials: TurnCredentials) -> TurnServer {
        TurnServer {
            urls: vec!["turn:turn.example.org".to_owned()],
            credentials,
        }
    }

    /// The value is what `printf 1700003600:ada | openssl dgst -sha1 -hmac north -binary | base64`
    /// says.
    #[test]
    fn credentials_of_a_shared_secret_are_good_for_a_time_and_a_name() {
        let told = server(TurnCredentials::Secret {
            secret: "north".to_owned(),
            lifetime: 3600,
        })
        .told("ada", 1_700_000_000);
        assert_eq!(told.username, "1700003600:ada");
        assert_eq!(told.credential, "xnSlQG4JwD6eDlwPBFdbTt6sTJk=");
        assert_eq!(told.urls, ["turn:turn.example.org"]);
    }

    #[test]
    fn secrets_are_not_in_debug_output() {
        for credentials in [
            TurnCredentials::Fixed {
                username: "hush".to_owned(),
                password: "hush".to_owned(),
            },
            TurnCredentials::Secret {
                secret: "hush".to_owned(),
                lifetime: 1,
            },
        ] {
            assert!(!format!("{:?}", server(credentials)).contains("hush"));
        }
    }
}
