//! `plenary-service engine`: the media engine alone.

use std::net::SocketAddr;

use crate::engine::{serve_alone, ApiKeys, EngineError};

/// Run the media engine alone: a small LiveKit server.
#[derive(Debug, clap::Args)]
pub struct EngineArgs {
    /// Address of the signalling sockets and the room service.
    #[arg(long, default_value = "127.0.0.1:7880")]
    pub bind: SocketAddr,
    /// The UDP port of all media, on the same address.
    #[arg(long, default_value_t = 7882)]
    pub udp_port: u16,
    /// Threads that carry media; 0 takes one per core.
    #[arg(long, default_value_t = 0)]
    pub workers: usize,
    /// An API key and its secret, `KEY:SECRET`; may be given several times. There is no default.
    #[arg(long = "keys", env = "PLENARY_ENGINE_KEYS", value_parser = key, required = true, value_delimiter = ',', hide_env_values = true)]
    pub keys: Vec<Key>,
}

/// A key and its secret.
#[derive(Clone)]
pub struct Key(String, String);

// The secret stays out of logs (S15).
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:…", self.0)
    }
}

fn key(text: &str) -> Result<Key, String> {
    match text.split_once(':') {
        Some((key, secret)) if !key.is_empty() && !secret.is_empty() => {
            Ok(Key(key.to_owned(), secret.trim().to_owned()))
        }
        _ => Err("expected KEY:SECRET".to_owned()),
    }
}

/// Run until interrupted.
pub async fn run(args: EngineArgs) -> Result<(), EngineError> {
    let mut keys = ApiKeys::default();
    for Key(key, secret) in args.keys {
        keys = keys.with(key, secret);
    }
    let udp = SocketAddr::new(args.bind.ip(), args.udp_port);
    serve_alone(args.bind, udp, keys, args.workers, super::interrupted()).await
}
