//! The meeting service's command line.

use clap::{Parser, Subcommand};
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
}
