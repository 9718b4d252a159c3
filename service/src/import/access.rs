//! What opens the other server: a resource's connection string, or tokens of users. Both are secrets, and
//! come from a file or the environment (`S15`).

use std::collections::BTreeMap;
use url::{Host, Url};

/// Why it opens nothing. None of these sentences repeats a secret.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Not in the form that the portal and `plenary-service keys` show.
    #[error("the connection string is not of the form endpoint=https://…;accesskey=…")]
    ConnectionString,
    /// The key.
    #[error("the access key in the connection string is not base64; was it copied whole?")]
    Key,
    /// The endpoint.
    #[error("the endpoint must be an origin such as https://name.communication.azure.com, without a path; it is {0}")]
    NotAnOrigin(String),
    /// Unencrypted.
    #[error("{0} is not encrypted: whoever is on the way could read every token. Use https, or --allow-http where the network is trusted")]
    Unencrypted(Url),
    /// A line of the tokens.
    #[error("line {0} of the tokens is not a user id and a token with a space between them")]
    Tokens(usize),
}

/// A resource's endpoint and key.
pub struct ConnectionString {
    /// Where it is.
    pub endpoint: Url,
    /// Base64.
    pub(super) key: String,
}

/// Tokens by user id.
#[derive(Default)]
pub struct UserTokens(pub(super) BTreeMap<String, String>);

/// What opens the other server.
pub enum Access {
    /// Tokens of all its users are issued with the resource's key.
    Key(ConnectionString),
    /// These users' alone.
    Tokens(Url, UserTokens),
}

impl std::str::FromStr for ConnectionString {
    type Err = AccessError;

    fn from_str(text: &str) -> Result<Self, AccessError> {
        let mut endpoint = None;
        let mut key = None;
        for part in text.trim().split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or(AccessError::ConnectionString)?;
            match name.trim().to_ascii_lowercase().as_str() {
                "endpoint" => endpoint = Some(value.trim()),
                "accesskey" => key = Some(value.trim()),
                _ => return Err(AccessError::ConnectionString),
            }
        }
        let (endpoint, key) = endpoint.zip(key).ok_or(AccessError::ConnectionString)?;
        Ok(Self {
            endpoint: origin(endpoint)?,
            key: key.to_owned(),
        })
    }
}

impl std::str::FromStr for UserTokens {
    type Err = AccessError;

    fn from_str(text: &str) -> Result<Self, AccessError> {
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| !is_empty(line));
        let read = |(n, line): (usize, &str)| {
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some(user), Some(token), None) => Ok((user.to_owned(), token.to_owned())),
                _ => Err(AccessError::Tokens(n + 1)),
            }
        };
        lines.map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl UserTokens {
    /// Whose they are.
    pub fn users(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }
}

impl Access {
    /// With tokens of users alone.
    pub fn tokens(endpoint: &Url, tokens: UserTokens) -> Result<Self, AccessError> {
        Ok(Self::Tokens(origin(endpoint.as_str())?, tokens))
    }

    pub(super) fn endpoint(&self) -> &Url {
        match self {
            Self::Key(string) => &string.endpoint,
            Self::Tokens(endpoint, _) => endpoint,
        }
    }

    /// Tokens travel encrypted, or not beyond this machine.
    pub(super) fn checked(self, allow_http: bool) -> Result<Self, AccessError> {
        let endpoint = self.endpoint();
        if endpoint.scheme() == "https" || allow_http || is_loopback(endpoint) {
            return Ok(self);
        }
        Err(AccessError::Unencrypted(endpoint.clone()))
    }
}

/// An origin: scheme, host and port, nothing else.
pub(super) fn origin(text: &str) -> Result<Url, AccessError> {
    let refused = || AccessError::NotAnOrigin(text.to_owned());
    let url = Url::parse(text).map_err(|_| refused())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let nobody = url.username().is_empty() && url.password().is_none();
    let web = matches!(url.scheme(), "http" | "https") && url.has_host();
    match bare && nobody && web {
        true => Ok(url),
        false if nobody => Err(refused()),
        // A password is not repeated.
        false => Err(AccessError::NotAnOrigin("one with a user name".to_owned())),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Empty lines, and comments behind `#`, which begins no id.
pub(super) fn is_empty(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_is_read_in_any_order_and_none_is_repeated_in_an_error() {
        for text in [
            "endpoint=https://x.communication.azure.com/;accesskey=c2VjcmV0==",
            "  Endpoint=https://x.communication.azure.com;AccessKey=c2VjcmV0==;\n",
            "accesskey=c2VjcmV0==;endpoint=https://x.communication.azure.com",
        ] {
            let string: ConnectionString = text.parse().unwrap();
            assert_eq!(
                string.endpoint.as_str(),
                "https://x.communication.azure.com/"
            );
            assert_eq!(string.key, "c2VjcmV0==");
        }
        for text in [
            "",
            "c2VjcmV0",
            "endpoint=https://x",
            "accesskey=c2VjcmV0",
            "endpoint=https://user:c2VjcmV0@x;accesskey=c2VjcmV0",
            "endpoint=https://x/path;accesskey=c2VjcmV0",
            "endpoint=ftp://x;accesskey=c2VjcmV0",
        ] {
            let refused = text.parse::<ConnectionString>().err().unwrap().to_string();
            assert!(!refused.contains("c2VjcmV0"), "S15: {refused}");
        }
    }

    #[test]
    fn tokens_go_unencrypted_to_this_machine_alone() {
        let access = |text: &str| Access::Tokens(origin(text).unwrap(), UserTokens::default());
        for (text, allowed) in [
            ("https://chat.example.org", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost", true),
            ("http://chat.example.org", false),
            ("http://localhost.example.org", false),
        ] {
            assert_eq!(access(text).checked(false).is_ok(), allowed, "{text}");
            assert!(access(text).checked(true).is_ok());
        }
    }

    #[test]
    fn tokens_are_a_user_and_a_token_a_line() {
        let tokens: UserTokens = "# users\n\n8:acs:a_b one\n 8:acs:a_c\ttwo \n"
            .parse()
            .unwrap();
        assert_eq!(
            tokens.users().collect::<Vec<_>>(),
            ["8:acs:a_b", "8:acs:a_c"]
        );
        let refused = "8:acs:a_b\n".parse::<UserTokens>().err().unwrap();
        assert!(refused.to_string().contains("line 1"));
    }
}
