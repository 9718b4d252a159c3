//! Where a PostgreSQL database is. The address may hold a password, which stays out of logs and errors (`S15`):
//! so nothing here repeats what it could not read.

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use url::Url;

/// A URL as `libpq` has them, as it was given.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

/// Why a URL names no database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// No URL, or one with more or less in it than it may have.
    #[error("it must be a URL such as postgres://plenary@db.example.org/plenary, with special characters of a password percent-encoded")]
    NoUrl,
    /// Another kind of database.
    #[error("it must begin with postgres://; without it the database is in the data folder")]
    NotPostgres,
    /// A parameter that means nothing, or cannot have the value it has.
    #[error("after the question mark there can be {}, each with a value that PostgreSQL knows", PARAMETERS.join(", "))]
    Parameter,
}

/// What may stand behind the question mark; sqlx would write the value of any other into the log.
const PARAMETERS: [&str; 9] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "user",
    "dbname",
    "application_name",
];

impl DatabaseUrl {
    /// How to connect. What is not said is taken from `PGHOST`, `PGUSER`, `PGPASSWORD`, `~/.pgpass`… as with
    /// PostgreSQL's own programs.
    pub fn options(&self) -> Result<PgConnectOptions, BadUrl> {
        if !self.0.starts_with("postgres:") && !self.0.starts_with("postgresql:") {
            return Err(BadUrl::NotPostgres);
        }
        let url = Url::parse(&self.0).map_err(|_| BadUrl::NoUrl)?;
        // Behind an unescaped `/` or `#` there may be the rest of a password.
        let name = url.path().trim_start_matches('/');
        if name.contains(['/', '@']) || url.fragment().is_some() || url.cannot_be_a_base() {
            return Err(BadUrl::NoUrl);
        }
        if url
            .query_pairs()
            .any(|(key, _)| !PARAMETERS.contains(&&*key))
        {
            return Err(BadUrl::Parameter);
        }
        let options = PgConnectOptions::from_str(&self.0).map_err(|_| BadUrl::Parameter)?;
        // The resolver wants an IPv6 address without the brackets that it has in a URL.
        let host = options.get_host();
        match host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
        {
            Some(bare) => {
                let bare = bare.to_owned();
                Ok(options.host(&bare))
            }
            None => Ok(options),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = Infallible;

    /// Whatever it is: it is looked at where an error does not repeat it.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.options() {
            Ok(options) => f.write_str(&place(&options)),
            Err(error) => write!(f, "no address of a database: {error}"),
        }
    }
}

/// What may be said of it.
pub fn place(options: &PgConnectOptions) -> String {
    let at = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let user = options.get_username();
    let name = options.get_database().unwrap_or(user);
    format!("PostgreSQL's database {name} at {at}, as {user},")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> DatabaseUrl {
        let Ok(url) = text.parse();
        url
    }

    #[test]
    fn an_address_is_told_without_its_password() {
        for (text, told) in [
            (
                "postgres://ada:hush@db.example.org/plenary",
                "PostgreSQL's database plenary at db.example.org:5432, as ada,",
            ),
            (
                "postgresql://ada:hu%2Fsh@[::1]:6543/plenary?sslmode=verify-full",
                "PostgreSQL's database plenary at ::1:6543, as ada,",
            ),
            (
                "postgres://ada@localhost/plenary?host=/run/postgresql",
                "PostgreSQL's database plenary at /run/postgresql, as ada,",
            ),
        ] {
            assert_eq!(format!("{:?}", url(text)), told);
        }
    }

    #[test]
    fn s15_nothing_of_an_address_that_cannot_be_read_is_repeated() {
        for (text, why) in [
            ("", BadUrl::NotPostgres),
            ("mysql://ada:hush@localhost/plenary", BadUrl::NotPostgres),
            ("sqlite:hush", BadUrl::NotPostgres),
            ("postgres:hush", BadUrl::NoUrl),
            ("postgres://ada:hush/more@localhost/plenary", BadUrl::NoUrl),
            // What begins with digits could be a port.
            ("postgres://ada:1/hush@localhost/plenary", BadUrl::NoUrl),
            ("postgres://ada:1#hush@localhost/plenary", BadUrl::NoUrl),
            ("postgres://ada:1?hush@localhost/plenary", BadUrl::Parameter),
            (
                "postgres://ada@localhost/plenary?passwort=hush",
                BadUrl::Parameter,
            ),
            (
                "postgres://ada@localhost/plenary?sslmode=hush",
                BadUrl::Parameter,
            ),
        ] {
            assert_eq!(url(text).options().err(), Some(why), "{text}");
            let told = format!("{:?} {why}", url(text));
            assert!(!told.contains("hush"), "{told}");
        }
    }
}
