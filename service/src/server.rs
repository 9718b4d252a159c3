//! Starting and stopping: listeners first, so that the addresses are known, then the parts, then the
//! routes; at the end clients are told, and the engine goes last.

use crate::app::App;
use crate::clock::now_ms;
use crate::config::{Config, ConfigError};
use crate::http;
use crate::keys::{make_folder, KeyError, Keys};
use crate::media::embedded::Embedded;
use crate::media::livekit::Livekit;
use crate::media::{Engine as MediaEngine, Living, Media};
use crate::random;
use crate::store::postgres::Postgres;
use crate::store::sqlite::Sqlite;
use crate::store::{Member, Resource, Store, StoreError};
use crate::tls::{self, TlsError};
use crate::tokens::Tokens;
use axum::ServiceExt;
use axum_server::Handle;
use base64::prelude::{Engine, BASE64_STANDARD};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tower::util::MapRequestLayer;
use tower::Layer;
use url::Url;

/// How long requests and sockets may take to end after the service was told to stop.
const GRACE: Duration = Duration::from_secs(5);
/// How long a client may take for a request's head (`S11`).
const HEAD_DEADLINE: Duration = Duration::from_secs(15);

/// Why the service does not start, or stops.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A socket.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The public URL.
    #[error("no URL can be made of {0}")]
    PublicUrl(SocketAddr),
    /// The media engine.
    #[error("the media engine does not start: {0}")]
    Engine(#[from] crate::engine::EngineError),
    /// LiveKit's server as configured.
    #[error(transparent)]
    Livekit(#[from] crate::media::EngineError),
}

/// A service that runs.
pub struct Running {
    /// Its parts.
    pub app: Arc<App>,
    /// Address of pages, REST and sockets.
    pub address: SocketAddr,
    /// Certificate of the development authority.
    pub authority: Option<PathBuf>,
    handle: Handle<SocketAddr>,
    serving: JoinHandle<std::io::Result<()>>,
    watching: JoinHandle<()>,
    store: Arc<dyn Store>,
}

/// Where the embedded database is.
pub fn database(data: &Path) -> PathBuf {
    data.join("plenary.db")
}

/// Opens the organisation's store and the resource's beside it (`D3`), with at least one resource in it.
pub async fn open_stores(config: &Config) -> Result<Arc<dyn Store>, StartError> {
    // Keys and an import's journal are in it wherever the database is.
    make_folder(&config.data)?;
    let store: Arc<dyn Store> = match &config.database {
        Some(url) => {
            let store = Postgres::open(url).await?;
            match &config.resource_database {
                Some(url) => Arc::new(store.with_guests_in(url).await?),
                None => Arc::new(store),
            }
        }
        None => {
            let store = Sqlite::open(&database(&config.data)).await?;
            match &config.resource_data {
                Some(folder) => {
                    make_folder(folder)?;
                    Arc::new(store.with_guests_in(&database(folder)).await?)
                }
                None => Arc::new(store),
            }
        }
    };
    if store.resources().await?.is_empty() {
        let key = || BASE64_STANDARD.encode(random::bytes::<64>());
        let resource = Resource {
            id: random::uuid().to_string(),
            primary_key: key(),
            secondary_key: key(),
        };
        store.add_resource(&resource, now_ms()).await?;
    }
    Ok(store)
}

/// Starts the service.
pub async fn start(mut config: Config) -> Result<Running, StartError> {
    let listen = config.listen;
    let failed = |error| StartError::Listen(listen, error);
    let listener = TcpListener::bind(listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    config.listen = address;
    let public_url = match &config.public_url {
        Some(url) => url.clone(),
        None => own_url(&config, address)?,
    };
    let store = open_stores(&config).await?;
    let keys = Keys::open(&config.data)?;
    if config.dev_organisation() {
        for (name, upn) in http::DEVELOPMENT_MEMBERS {
            let member = Member {
                oid: random::uuid().to_string(),
                display_name: name.to_owned(),
                upn: upn.to_owned(),
            };
            store.add_member(&member).await?;
        }
    }
    let tls = tls::open(&config)?;
    let endpoint = public_url.as_str().trim_end_matches('/').to_owned();
    let tokens = Tokens::new(&keys, &endpoint, &config.location);
    let living = Arc::new(Living::default());
    let (engine, routes_of_media): (Arc<dyn MediaEngine>, _) = match &config.livekit {
        Some(server) => {
            let life = Duration::from_millis(config.limits.media_token_ms);
            (Arc::new(Livekit::new(server, life, living.clone())?), None)
        }
        None => {
            let engine = Embedded::start(&config, &keys.media, &public_url, living.clone()).await?;
            let routes = engine.router();
            (Arc::new(engine), Some(routes))
        }
    };
    let media = Media {
        living,
        engine: Some(engine),
    };
    let app = App::new(config, public_url, store.clone(), tokens, media);
    let routes = http::router(&app, routes_of_media);
    let service = MapRequestLayer::new(http::normalised).layer(routes);
    let make = ServiceExt::<axum::http::Request<hyper::body::Incoming>>::into_make_service_with_connect_info::<SocketAddr>(service);
    let handle = Handle::new();
    let (authority, serving) = match tls {
        Some(tls) => {
            let mut server = axum_server::from_tcp_rustls(listener, tls.config)
                .map_err(failed)?
                .handle(handle.clone());
            server
                .http_builder()
                .http1()
                .timer(hyper_util::rt::TokioTimer::new())
                .header_read_timeout(HEAD_DEADLINE);
            (tls.authority, tokio::spawn(server.serve(make)))
        }
        None => {
            let mut server = axum_server::from_tcp(listener)
                .map_err(failed)?
                .handle(handle.clone());
            server
                .http_builder()
                .http1()
                .timer(hyper_util::rt::TokioTimer::new())
                .header_read_timeout(HEAD_DEADLINE);
            (None, tokio::spawn(server.serve(make)))
        }
    };
    let watching = tokio::spawn(app.clone().watch());
    Ok(Running {
        app,
        address,
        authority,
        handle,
        serving,
        watching,
        store,
    })
}

/// The listening address as a URL; an address that means "all" is no address to call.
fn own_url(config: &Config, address: SocketAddr) -> Result<Url, StartError> {
    let scheme = if config.tls() { "https" } else { "http" };
    let text = if address.ip().is_unspecified() {
        format!("{scheme}://localhost:{}", address.port())
    } else {
        format!("{scheme}://{address}")
    };
    Url::parse(&text).map_err(|_| StartError::PublicUrl(address))
}

/// The public URL as configured, or as it will be on the configured address.
pub fn configured_url(config: &Config) -> Result<Url, StartError> {
    match &config.public_url {
        Some(url) => Ok(url.clone()),
        None => own_url(config, config.listen),
    }
}

impl Running {
    /// The listening address as a URL.
    pub fn listening(&self) -> String {
        let scheme = if self.app.config.tls() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// Stops: sockets are told, requests end, the engine shuts down, the store is closed.
    pub async fn stop(self) {
        self.watching.abort();
        self.app.shut_down().await;
        self.handle.graceful_shutdown(Some(GRACE));
        // It ends at the latest when the grace is over.
        let _ = self.serving.await;
        self.store.close().await;
    }
}
