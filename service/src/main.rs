//! The meeting service's command line.

use clap::{Parser, Subcommand};
<<<<<<< HEAD
use plenary_service::config::{Config, Flags};
use plenary_service::server::{self, StartError};
use plenary_service::store::Store;
use std::io::Write;
use std::process::ExitCode;
use tokio::signal::unix::{signal, SignalKind};
use tracing_subscriber::EnvFilter;

/// Plenary's meeting service
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Run the service; nothing needs to be configured to try it
    Serve(Flags),
    /// Print the connection strings of the resources: secrets of an application's backend
    Keys(Flags),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("PLENARY_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let result = match arguments.command {
        Subcommands::Serve(flags) => serve(&flags).await,
        Subcommands::Keys(flags) => keys(&flags).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plenary-service: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(flags: &Flags) -> Result<(), StartError> {
    let running = server::start(Config::load(flags)?).await?;
    // Tests and scripts read these lines, so they are there before anything is waited for; nobody may
    // be reading, and then the service runs all the same.
    let mut out = std::io::stdout().lock();
    let base = &running.app.public_url;
    let _ = writeln!(out, "listening: {}", running.listening());
    if let Some(authority) = &running.authority {
        let _ = writeln!(out, "development authority: {}", authority.display());
    }
    let _ = writeln!(out, "guest page: {base}guest/");
    let _ = writeln!(out, "console: {base}console/");
    let _ = out.flush();
    drop(out);
    stopped().await;
    tracing::info!("stopping");
    running.stop().await;
    Ok(())
}

/// SIGTERM or SIGINT.
async fn stopped() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminate => {}
        result = tokio::signal::ctrl_c() => if result.is_err() {
            std::future::pending::<()>().await;
        },
    }
}

async fn keys(flags: &Flags) -> Result<(), StartError> {
    let config = Config::load(flags)?;
    let store = server::open_store(&config.data).await?;
    let endpoint = server::configured_url(&config)?;
    for resource in store.resources().await? {
        println!("endpoint={endpoint};accesskey={}", resource.primary_key);
        println!("endpoint={endpoint};accesskey={}", resource.secondary_key);
    }
    store.close().await;
    Ok(())
=======
use plenary_service::commands::engine::{self, EngineArgs};

#[derive(Parser)]
#[command(name = "plenary-service", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the media engine alone: a small LiveKit server.
    Engine(EngineArgs),
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "info,str0m=warn,dimpl=warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let result = match Cli::parse().command {
        Command::Engine(args) => engine::run(args).await,
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the service ended");
            std::process::ExitCode::FAILURE
        }
    }
>>>>>>> main
}
