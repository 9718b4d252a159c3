//! The command line's commands, one module each.

pub mod engine;
pub mod import;
pub mod keys;
pub mod retention;
pub mod rooms;
pub mod serve;

use reqwest::{Certificate, Client, ClientBuilder};
use std::error::Error;
use std::path::{Path, PathBuf};

/// An HTTP client that also trusts an authority of the operator's. The error is the file that is no
/// certificate.
pub(crate) fn client_trusting(ca: Option<&Path>) -> Result<ClientBuilder, PathBuf> {
    let client = Client::builder();
    let Some(file) = ca else { return Ok(client) };
    let pem = std::fs::read(file).ok();
    let certificate = pem.and_then(|pem| Certificate::from_pem(&pem).ok());
    let certificate = certificate.ok_or_else(|| file.to_owned())?;
    Ok(client.add_root_certificate(certificate))
}

/// The innermost reason of an error, which is the one that helps.
pub(crate) fn cause(error: &dyn Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

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
