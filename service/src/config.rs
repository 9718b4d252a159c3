//! What the operator decides: defaults, then a TOML file, then `PLENARY_…` variables, then flags.
//!
//! Nothing is needed for the demo. Numbers that a rule leaves open have the defaults of the rules'
//! last section; tests make the windows short instead of waiting.

use crate::chat::rates::AllRates;
use crate::chat::retention::Policy;
use crate::store::postgres::address::{BadUrl, DatabaseUrl};
use clap::Args;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::Figment;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use url::{Host, Url};

/// The whole configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of pages, REST and sockets; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Address of media (ICE-lite, one UDP port); port 0 takes a free one.
    pub udp: SocketAddr,
    /// Address of media by TCP, for networks that let no UDP through; that of `udp` by default.
    pub tcp: Option<SocketAddr>,
    /// Whether media is taken by TCP at all.
    pub tcp_fallback: bool,
    /// Addresses of media that clients are told, where the bound one is not the reachable one (NAT,
    /// containers).
    pub advertise: Vec<IpAddr>,
    /// Media threads; 0: one per core.
    pub media_workers: usize,
    /// LiveKit's server, or a cluster of them, in place of the embedded engine.
    pub livekit: Option<LivekitServer>,
    /// STUN and TURN servers that clients are told.
    pub turn: Vec<Turn>,
    /// Folder of the database and of the keys.
    pub data: PathBuf,
    /// Folder of what belongs to the resource, if it is another (`D3`): the last message of each guest.
    pub resource_data: Option<PathBuf>,
    /// A PostgreSQL database in place of the one in `data`.
    pub database: Option<DatabaseUrl>,
    /// The PostgreSQL database of what belongs to the resource, if it is another (`D3`).
    pub resource_database: Option<DatabaseUrl>,
    /// The organisation's policies that delete chat (`D4`).
    pub retention: Vec<Policy>,
    /// Folder of static pages.
    pub www: Option<PathBuf>,
    /// Origin under which clients reach the service; the listening address by default.
    pub public_url: Option<Url>,
    /// Further host names under which our meeting links are known.
    pub link_hosts: Vec<String>,
    /// PEM file with the certificate chain.
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the key.
    pub tls_key: Option<PathBuf>,
    /// Make a development certificate authority and serve TLS with a certificate of it.
    pub tls_dev: bool,
    /// Further names and addresses in the development certificate.
    pub tls_dev_names: Vec<String>,
    /// The built-in development organisation (`S10`): on by default where everything is loopback.
    pub dev_organisation: Option<bool>,
    /// Where user data is, as the `resourceLocation` claim says it.
    pub location: String,
    /// Seats, windows and other numbers.
    pub limits: Limits,
}

/// Where LiveKit's server is, and with which of its API keys tokens are signed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LivekitServer {
    /// Origin of its signalling socket and room service (`wss://…`), as clients reach it, too.
    pub url: Url,
    /// API key.
    pub key: String,
    /// The key's secret.
    pub secret: String,
}

// The secret stays out of logs (`S15`).
impl std::fmt::Debug for LivekitServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with key {}", self.url, self.key)
    }
}

/// A STUN or TURN server: with a `secret` that it shares with us each client gets credentials of its
/// own, with `username` and `password` all have the same, with neither there are none.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// `stun:`, `turn:` and `turns:` URLs.
    pub urls: Vec<String>,
    /// The shared secret (coturn's `static-auth-secret`).
    #[serde(default)]
    pub secret: Option<String>,
    /// How long credentials made with the secret are good for.
    #[serde(default = "turn_lifetime")]
    pub lifetime_s: u64,
    /// A fixed user name.
    #[serde(default)]
    pub username: Option<String>,
    /// Its password.
    #[serde(default)]
    pub password: Option<String>,
}

/// A working day: a TURN server asks for them again when an allocation is made, and a call may move
/// to another network at any time.
fn turn_lifetime() -> u64 {
    12 * 3600
}

// Secrets stay out of logs (S15).
impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}

/// Numbers for which the documents give none ("Numbers where the documents give none"), and `C7`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Seats of a meeting (`C7`).
    pub meeting_seats: usize,
    /// Of these, for clients that use the calling SDK (`C7`).
    pub sdk_seats: usize,
    /// Places in a lobby, apart from the seats.
    pub lobby_places: usize,
    /// How long somebody may wait in a lobby.
    pub lobby_wait_ms: u64,
    /// Media transports of people who wait, per meeting; who comes later gets theirs on admission.
    pub lobby_transports: usize,
    /// Life of a media token.
    pub media_token_ms: u64,
    /// How long a dropped session, and after a restart an admission, is kept.
    pub resume_window_ms: u64,
    /// Replay buffer: events.
    pub replay_events: usize,
    /// Replay buffer: age.
    pub replay_ms: u64,
    /// How long a socket may stay without a hello.
    pub hello_ms: u64,
    /// Pause between WebSocket pings; a socket silent for two and a half of them is dropped.
    pub ping_ms: u64,
    /// Passcode attempts a minute, for one identity and for one network address (`S8`).
    pub passcode_attempts: u32,
    /// Agent sockets at a time.
    pub sockets: usize,
    /// Chat.
    pub chat: ChatLimits,
}

/// Numbers of chat; the defaults are those that Microsoft documents for its service (`rest.md` 4.3).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatLimits {
    /// Longest message, in bytes.
    pub message_bytes: usize,
    /// Longest topic, in bytes.
    pub topic_bytes: usize,
    /// Metadata of a thread, a participant or a message, in bytes.
    pub metadata_bytes: usize,
    /// Participants of a thread (`C7`).
    pub participants: usize,
    /// Participants in one request.
    pub participants_at_once: usize,
    /// Entries of a page.
    pub page: usize,
    /// With more participants there are no typing indicators and no read receipts.
    pub small_thread: usize,
    /// How often somebody may ask.
    pub rates: AllRates,
}

impl Default for ChatLimits {
    fn default() -> Self {
        Self {
            message_bytes: 28 << 10,
            topic_bytes: 1_024,
            metadata_bytes: 1_024,
            participants: 250,
            participants_at_once: 200,
            page: 200,
            small_thread: 20,
            rates: AllRates::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            meeting_seats: 1_000,
            sdk_seats: 350,
            lobby_places: 200,
            lobby_wait_ms: 30 * 60_000,
            lobby_transports: 50,
            media_token_ms: 10 * 60_000,
            resume_window_ms: 60_000,
            replay_events: 1_000,
            replay_ms: 5 * 60_000,
            hello_ms: 5_000,
            ping_ms: 20_000,
            passcode_attempts: 10,
            sockets: 20_000,
            chat: ChatLimits::default(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            udp: SocketAddr::from(([127, 0, 0, 1], 8082)),
            tcp: None,
            tcp_fallback: true,
            advertise: Vec::new(),
            media_workers: 0,
            livekit: None,
            turn: Vec::new(),
            data: PathBuf::from("plenary-data"),
            resource_data: None,
            database: None,
            resource_database: None,
            retention: Vec::new(),
            www: None,
            public_url: None,
            link_hosts: Vec::new(),
            tls_cert: None,
            tls_key: None,
            tls_dev: false,
            tls_dev_names: Vec::new(),
            dev_organisation: None,
            location: "local".to_owned(),
            limits: Limits::default(),
        }
    }
}

/// The flags of `serve`; what is not given is left to environment, file and defaults.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct Flags {
    /// TOML file with any of the settings
    #[arg(long, value_name = "FILE", env = "PLENARY_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Address of pages, REST and sockets [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// UDP address of media [default: 127.0.0.1:8082]
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp: Option<SocketAddr>,
    /// Folder of database and keys [default: ./plenary-data]
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// PostgreSQL in place of the data folder's own database, as postgres://USER@HOST/NAME. A password is better
    /// given in PLENARY_DATABASE or ~/.pgpass, where the list of processes does not show it
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseUrl>,
    /// Folder of static pages
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub www: Option<PathBuf>,
    /// Origin under which clients reach the service [default: the listening address]
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<Url>,
    /// Certificate chain, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// Serve TLS with a certificate of a development authority made at first start
    #[arg(long, num_args = 0..=1, default_missing_value = "true", conflicts_with = "tls_cert")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_dev: Option<bool>,
    /// Further name or address in the development certificate; may be given several times
    #[arg(long = "tls-dev-name", value_name = "NAME")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tls_dev_names: Vec<String>,
    /// The development organisation; refused unless everything is loopback
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev_organisation: Option<bool>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that cannot be read, with the place where it was given.
    #[error("configuration: {0}")]
    Unreadable(#[from] Box<figment::Error>),
    /// `S10`.
    #[error("the development organisation lets anybody sign in as anybody, so it is refused unless every listening address and the public URL are loopback; {0} is not. Leave out --dev-organisation, or listen on 127.0.0.1")]
    DevelopmentExposed(String),
    /// A public URL that is more than an origin.
    #[error("the public URL must be an origin such as https://meet.example.org, without a path; it is {0}")]
    NotAnOrigin(Url),
    /// A TURN server that is described in two ways, or half.
    #[error("a server in `turn` has urls that begin with stun:, turn: or turns:, and either a secret, or a username and a password, or (STUN) neither")]
    Turn,
    /// No address of a database.
    #[error("`{0}` cannot be used: {1}")]
    Database(&'static str, BadUrl),
    /// The organisation's store and the resource's are of two kinds.
    #[error("the resource's own place (`D3`) is of the kind that the organisation's is: `resource_data` beside `data`, or `resource_database` beside `database`")]
    TwoKindsOfStore,
    /// Half a pair.
    #[error("--tls-cert and --tls-key belong together")]
    HalfACertificate,
}

impl Config {
    /// Defaults, file, environment and flags, the later over the earlier.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(file) = &flags.config {
            figment = figment.merge(Toml::file_exact(file));
        }
        let config: Self = figment
            .merge(environment())
            .merge(Serialized::defaults(flags))
            .extract()
            .map_err(Box::new)?;
        config.checked()
    }

    /// What must hold whatever the ports turn out to be.
    fn checked(self) -> Result<Self, ConfigError> {
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err(ConfigError::HalfACertificate);
        }
        if let Some(url) = &self.public_url {
            let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            if !bare || !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
                return Err(ConfigError::NotAnOrigin(url.clone()));
            }
        }
        if !self.turn.iter().all(Turn::is_complete) {
            return Err(ConfigError::Turn);
        }
        self.stores_can_be_used()?;
        match (self.dev_organisation, self.exposed()) {
            (Some(true), Some(what)) => Err(ConfigError::DevelopmentExposed(what)),
            _ => Ok(self),
        }
    }

    fn stores_can_be_used(&self) -> Result<(), ConfigError> {
        for (name, url) in [
            ("database", &self.database),
            ("resource_database", &self.resource_database),
        ] {
            if let Some(Err(error)) = url.as_ref().map(DatabaseUrl::options) {
                return Err(ConfigError::Database(name, error));
            }
        }
        match (&self.database, &self.resource_data, &self.resource_database) {
            (Some(_), Some(_), _) | (None, _, Some(_)) => Err(ConfigError::TwoKindsOfStore),
            _ => Ok(()),
        }
    }

    /// The first address that is not loopback, if there is one (`S10`).
    fn exposed(&self) -> Option<String> {
        let tcp = self.tcp.filter(|_| self.tcp_fallback);
        let mut addresses = [self.listen, self.udp].into_iter().chain(tcp);
        if let Some(address) = addresses.find(|address| !address.ip().is_loopback()) {
            return Some(address.to_string());
        }
        self.public_url
            .as_ref()
            .filter(|url| !is_loopback(url.host()))
            .map(Url::to_string)
    }

    /// Whether the development organisation is there (`S10`).
    pub fn dev_organisation(&self) -> bool {
        self.dev_organisation.unwrap_or(true) && self.exposed().is_none()
    }

    /// Whether TLS is served.
    pub fn tls(&self) -> bool {
        self.tls_dev || self.tls_cert.is_some()
    }
}

/// `PLENARY_LIMITS__LOBBY_WAIT_MS` is `limits.lobby_wait_ms`. Variables of other tools that begin the same
/// way are none of ours, so only known settings are looked at.
fn environment() -> Env {
    let known = serde_json::to_value(Config::default()).unwrap_or_default();
    Env::prefixed("PLENARY_")
        .filter(move |name| {
            let name = name.as_str().to_ascii_lowercase();
            known
                .get(name.split("__").next().unwrap_or_default())
                .is_some()
        })
        .split("__")
}

impl Turn {
    fn is_complete(&self) -> bool {
        let known = |url: &String| {
            ["stun:", "turn:", "turns:"]
                .iter()
                .any(|s| url.starts_with(s))
        };
        let fixed = (self.username.is_some(), self.password.is_some());
        let credentials = match (self.secret.is_some(), fixed) {
            (true, (false, false)) | (false, (true, true)) => true,
            (false, (false, false)) => self.urls.iter().all(|u| u.starts_with("stun:")),
            _ => false,
        };
        credentials && !self.urls.is_empty() && self.urls.iter().all(known)
    }
}

impl Limits {
    /// The resume window.
    pub fn resume_window(&self) -> Duration {
        Duration::from_millis(self.resume_window_ms)
    }
}

/// Whether a URL's host is this machine: 127.0.0.0/8, ::1, localhost and names below it (RFC 6761).
pub fn is_loopback(host: Option<Host<&str>>) -> bool {
    match host {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

/// Whether an `Host` header's value, with or without a port, is this machine.
pub fn is_loopback_authority(authority: &str) -> bool {
    Url::parse(&format!("http://{authority}/")).is_ok_and(|url| is_loopback(url.host()))
}

/// The network that an address counts for: an IPv6 subscriber has a /64 (`S8`).
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let figment = Figment::from(Serialized::defaults(Config::default()));
        let config: Config = figment.merge(Toml::string(text)).extract().expect("TOML");
        config.checked()
    }

    #[test]
    fn d3_both_stores_are_of_one_kind_and_s15_their_passwords_are_not_told() {
        let both = "database = 'postgres://a:hush@localhost/a'\n\
                    resource_database = 'postgres://a:hush@localhost/b'";
        let config = read(both).expect("a configuration");
        assert!(config.resource_database.is_some());
        assert!(!format!("{config:?}").contains("hush"));
        for text in [
            "database = 'postgres://a:hush@localhost/a'\nresource_data = 'folder'",
            "resource_database = 'postgres://a:hush@localhost/a'",
        ] {
            assert!(matches!(read(text), Err(ConfigError::TwoKindsOfStore)));
        }
        for text in [
            "database = 'mysql://a:hush@localhost/a'",
            "database = 'postgres://a:hush@localhost/a'\nresource_database = 'hush'",
        ] {
            let error = read(text).expect_err("no address");
            let told = format!("{error} {error:?}");
            assert!(
                told.contains("postgres://") && !told.contains("hush"),
                "{told}"
            );
        }
    }

    #[test]
    fn a_turn_server_has_one_kind_of_credentials_and_keeps_them() {
        let good = [
            "urls = ['stun:s.example.org']",
            "urls = ['turn:t.example.org?transport=udp', 'turns:t.example.org']\nsecret = 'hush'",
            "urls = ['turn:t.example.org']\nusername = 'u'\npassword = 'hush'",
        ];
        for text in good {
            let config = read(&format!("[[turn]]\n{text}")).expect("a configuration");
            assert_eq!(config.turn.len(), 1);
            assert!(!format!("{config:?}").contains("hush"), "S15");
        }
        let bad = [
            "urls = []",
            "urls = ['turn:t.example.org']",
            "urls = ['https://t.example.org']\nsecret = 'hush'",
            "urls = ['turn:t.example.org']\nusername = 'u'",
            "urls = ['turn:t.example.org']\nusername = 'u'\npassword = 'p'\nsecret = 'hush'",
        ];
        for text in bad {
            let refused = read(&format!("[[turn]]\n{text}"));
            assert!(matches!(refused, Err(ConfigError::Turn)), "{text}");
        }
    }

    #[test]
    fn s10_development_organisation_needs_loopback_everywhere() {
        assert!(Config::default().dev_organisation());
        for exposed in [
            Config {
                listen: SocketAddr::from(([0, 0, 0, 0], 8080)),
                ..Config::default()
            },
            Config {
                udp: SocketAddr::from(([192, 0, 2, 1], 8082)),
                ..Config::default()
            },
            Config {
                public_url: Url::parse("https://meet.example.org").ok(),
                ..Config::default()
            },
        ] {
            assert!(!exposed.dev_organisation());
            let insisted = Config {
                dev_organisation: Some(true),
                ..exposed
            };
            assert!(matches!(
                insisted.checked(),
                Err(ConfigError::DevelopmentExposed(_))
            ));
        }
    }

    #[test]
    fn a_host_header_is_loopback_by_its_whole_name() {
        for host in [
            "localhost",
            "localhost:8080",
            "127.0.0.1:1",
            "[::1]:8080",
            "a.localhost",
        ] {
            assert!(is_loopback_authority(host), "{host}");
        }
        for host in [
            "localhost.example.org",
            "127.0.0.1.example.org",
            "example.org",
            "",
            "user@localhost@evil",
        ] {
            assert!(!is_loopback_authority(host), "{host}");
        }
    }

    #[test]
    fn s8_an_ipv6_subscriber_is_one_network() {
        let (a, b): (IpAddr, IpAddr) = (
            "2001:db8::1".parse().unwrap(),
            "2001:db8::ffff:2".parse().unwrap(),
        );
        assert_eq!(network(a), network(b));
        assert_eq!(
            network("::ffff:192.0.2.7".parse().unwrap()),
            "192.0.2.7".parse::<IpAddr>().unwrap()
        );
    }
}
