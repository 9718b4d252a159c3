//! The meeting service's command line.

use clap::{Parser, Subcommand};
use plenary_service::commands::engine::{self, EngineArgs};
use plenary_service::commands::import::{self, ImportCommand};
use plenary_service::commands::rooms::{self, RoomsArgs};
use plenary_service::commands::{keys, retention, serve};
use plenary_service::config::Flags;
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(name = "plenary-service", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service; nothing needs to be configured to try it.
    Serve(Box<Flags>),
    /// Print the connection strings of the resources: secrets of an application's backend.
    Keys(Box<Flags>),
    /// Say which copies of guests' messages and which threads the next night would delete, and why.
    Retention(Box<Flags>),
    /// Bring over what another server keeps.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Breakout rooms of a meeting, on a service that runs.
    Rooms(Box<RoomsArgs>),
    /// Run the media engine alone: a small LiveKit server.
    Engine(EngineArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(log_filter())
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match carry_out(Cli::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("plenary-service: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(command: Command) -> Result<ExitCode, Box<dyn std::error::Error>> {
    match command {
        Command::Serve(flags) => serve::run(&flags).await?,
        Command::Keys(flags) => keys::run(&flags).await?,
        Command::Retention(flags) => retention::run(&flags).await?,
        // It tells a whole import from one with something left out.
        Command::Import(command) => return Ok(import::run(command).await?),
        Command::Rooms(args) => rooms::run(*args).await?,
        Command::Engine(args) => engine::run(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What `RUST_LOG` says, except that the libraries which write whole requests and frames at their finest
/// levels do not: tokens travel in them (S15).
fn log_filter() -> EnvFilter {
    let chosen = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,str0m=warn,str0m::format=error,dimpl=warn"));
    [
        "tungstenite",
        "tokio_tungstenite",
        "hyper",
        "hyper_util",
        "h2",
        "rustls",
        "sqlx",
    ]
    .into_iter()
    .filter_map(|library| format!("{library}=warn").parse().ok())
    .fold(chosen, EnvFilter::add_directive)
}
