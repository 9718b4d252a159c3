//! One run of the service, from its start to its crash.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use url::Url;

use super::wire::Door;
use crate::app::App;
use crate::config::{Config, Limits};
use crate::engine::simulated::Workers;
use crate::engine::{ApiKeys, Engine};
use crate::http;
use crate::keys::Keys;
use crate::media::embedded::Embedded;
use crate::media::{Living, Media};
use crate::store::rows::Rows;
use crate::tokens::Tokens;

pub const ORIGIN: &str = "http://meet.simulated";
/// How long sessions, participants and admissions of before a crash are kept. Short, so that a seed
/// sees all of them run out.
pub const WINDOW: Duration = Duration::from_secs(10);
/// Few, so that who is away for a while cannot always resume.
const REPLAYED: usize = 12;

pub struct Service {
    pub app: Arc<App>,
    pub workers: Workers,
    store: Arc<Rows>,
    watching: AbortHandle,
}

fn limits() -> Limits {
    let window = u64::try_from(WINDOW.as_millis()).expect("some seconds");
    Limits {
        resume_window_ms: window,
        replay_events: REPLAYED,
        // Shorter than a story, so that some wait in vain.
        lobby_wait_ms: 40_000,
        // Some come without a transport until they are admitted.
        lobby_transports: 2,
        // Refreshed several times in a story.
        media_token_ms: 30_000,
        ping_ms: 4_000,
        ..Limits::default()
    }
}

impl Service {
    /// Starts with what is in the store.
    pub fn start(
        store: Rows,
        keys: &Keys,
        engine_at: SocketAddr,
        bell: &Arc<Notify>,
        door: &Door,
    ) -> Self {
        let config = Config {
            limits: limits(),
            dev_organisation: Some(false),
            ..Config::default()
        };
        let url: Url = ORIGIN.parse().expect("a URL");
        let living = Arc::new(Living::default());
        let media_keys = ApiKeys::new(keys.media.key.clone(), keys.media.secret.clone());
        let (engine, workers) = Embedded::simulated(
            |admissions| Engine::simulated(engine_at, 2, WINDOW, media_keys, admissions, bell),
            ORIGIN.replacen("http", "ws", 1),
            living.clone(),
        );
        let routes_of_media = engine.router();
        let media = Media {
            living,
            engine: Some(Arc::new(engine)),
        };
        let store = Arc::new(store);
        let tokens = Tokens::new(keys, ORIGIN, "simulated");
        let app = App::new(config, url, store.clone(), tokens, media);
        door.open(http::router(&app, Some(routes_of_media)));
        let watching = tokio::spawn(app.clone().watch()).abort_handle();
        Self {
            app,
            workers,
            store,
            watching,
        }
    }

    /// The process is gone: nothing that is left of it reaches the store, a socket or the network.
    pub fn crash(self, door: &Door) -> Rows {
        door.shut();
        self.watching.abort();
        self.store.die();
        self.store.reopened()
    }
}
