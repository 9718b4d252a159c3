//! `plenary-service serve`: everything, in one process.

use crate::config::{Config, Flags};
use crate::server::{self, StartError};
use std::io::Write;

/// Run until interrupted.
pub async fn run(flags: &Flags) -> Result<(), StartError> {
    let running = server::start(Config::load(flags)?).await?;
    announce(&running);
    super::interrupted().await;
    tracing::info!("stopping");
    running.stop().await;
    Ok(())
}

/// Lines for people, which tests and scripts read too. Nobody may be reading, and then the service runs
/// all the same.
fn announce(running: &server::Running) {
    let mut out = std::io::stdout().lock();
    let base = &running.app.public_url;
    let _ = writeln!(out, "listening: {}", running.listening());
    if let Some(authority) = &running.authority {
        let _ = writeln!(out, "development authority: {}", authority.display());
    }
    let _ = writeln!(out, "guest page: {base}guest/");
    let _ = writeln!(out, "console: {base}console/");
    let _ = out.flush();
}
