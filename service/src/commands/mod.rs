//! The command line's commands, one module each.

pub mod engine;
pub mod keys;
pub mod retention;
pub mod rooms;
pub mod serve;

/// SIGTERM or SIGINT.
pub async fn interrupted() {
    use tokio::signal::unix::{signal, SignalKind};
    // Without a signal to wait for, the process runs until it is killed.
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = terminate => {}
        () = interrupt => {}
    }
}
