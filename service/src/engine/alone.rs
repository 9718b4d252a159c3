//! The engine by itself: a small LiveKit server.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{ApiKeys, Engine, EngineConfig, EngineError, KeyedAdmissions};

/// Serve until `stop` is done. Whoever holds a key admits by signing tokens.
pub async fn serve_alone(
    bind: SocketAddr,
    udp: SocketAddr,
    keys: ApiKeys,
    workers: usize,
    stop: impl std::future::Future<Output = ()> + Send + 'static,
) -> Result<(), EngineError> {
    let config = EngineConfig {
        udp_bind: udp,
        workers,
        ..EngineConfig::local(keys)
    };
    let engine = Engine::start(config, Arc::new(KeyedAdmissions)).await?;
    let listener = tokio::net::TcpListener::bind(bind)
        .await
        .map_err(EngineError::Port)?;
    let address = listener.local_addr().map_err(EngineError::Port)?;
    tracing::info!(http = %address, udp = %engine.udp_address(), "the media engine is up");
    let server = axum::serve(listener, engine.router());
    tokio::select! {
        result = server => result.map_err(EngineError::Port)?,
        () = stop => {}
    }
    engine.shutdown().await;
    Ok(())
}
