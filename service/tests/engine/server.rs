//! An engine with its HTTP side, for one test.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::FutureExt;
use plenary_service::engine::{Admissions, ApiKeys, Engine, EngineConfig, Grants, MediaClaims};

use crate::client::Client;

pub const SECRET: &str = "a secret of enough length for HS256";

/// Admissions as the service keeps them: a token is good for as long as its room's admission.
#[derive(Default)]
pub struct Doors {
    closed: Mutex<HashSet<(String, String)>>,
}

impl Doors {
    pub fn close(&self, room: &str, identity: &str) {
        let mut closed = self.closed.lock().expect("no test panicked in here");
        closed.insert((room.to_owned(), identity.to_owned()));
    }
}

impl Admissions for Doors {
    fn living<'a>(&'a self, claims: &'a MediaClaims) -> BoxFuture<'a, Option<Grants>> {
        let place = (claims.room().to_owned(), claims.sub.clone());
        let closed = self
            .closed
            .lock()
            .expect("no test panicked in here")
            .contains(&place);
        let grants = claims.video.as_ref().map(Grants::from);
        async move { grants.filter(|_| !closed) }.boxed()
    }
}

pub struct Server {
    pub engine: Engine,
    pub http: SocketAddr,
    pub doors: Arc<Doors>,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut EngineConfig)) -> Self {
        let mut config = EngineConfig::local(ApiKeys::new("key", SECRET));
        // Two, so that sessions meet across workers on any machine.
        config.workers = 2;
        config.together = 1;
        change(&mut config);
        let doors = Arc::new(Doors::default());
        let engine = Engine::start(config, doors.clone())
            .await
            .expect("an engine");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let http = listener.local_addr().expect("a bound socket");
        let router = engine.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            engine,
            http,
            doors,
        }
    }

    pub fn token(&self, room: &str, identity: &str, grants: &Grants) -> String {
        let ttl = Duration::from_secs(60);
        self.engine.token_for(room, identity, grants, ttl)
    }

    /// A token that looks like this server's and is signed with another secret.
    pub fn foreign_token(&self, claims: MediaClaims) -> String {
        use jsonwebtoken::{encode, EncodingKey, Header};
        let token = self.engine.issue_token(claims, Duration::from_secs(60));
        let claims: MediaClaims = jsonwebtoken::dangerous::insecure_decode(&token)
            .expect("a token of ours")
            .claims;
        let key = EncodingKey::from_secret(b"another secret of enough length");
        encode(&Header::default(), &claims, &key).expect("these claims can be signed")
    }

    pub async fn speaker(&self, room: &str, name: &str) -> Client {
        let token = self.token(room, name, &Grants::speaker());
        Client::join(self.http, name, &token).await
    }

    /// With a camera that sends simulcast layers.
    #[allow(dead_code)] // not by every program that takes this file
    pub async fn publisher(&self, room: &str, name: &str) -> Client {
        let token = self.token(room, name, &Grants::speaker());
        let offering = crate::client::Offering::simulcast().await;
        Client::join_with(self.http, name, &token, offering).await
    }
}
