//! The program itself, as an operator starts it.

use super::*;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// The limits that a sender of hundreds of messages would meet are off.
pub fn unlimited() -> [(&'static str, String); 2] {
    [
        "PLENARY_LIMITS__CHAT__RATES__WRITE__THREAD__PER_10S",
        "PLENARY_LIMITS__CHAT__RATES__WRITE__THREAD__PER_MINUTE",
    ]
    .map(|name| (name, "0".to_owned()))
}

pub struct Program {
    child: Child,
    pub address: SocketAddr,
    pub lines: Vec<String>,
    log: JoinHandle<String>,
}

pub fn command(data: &Path, arguments: &[&str]) -> Command {
    let program = Command::new(env!("CARGO_BIN_EXE_plenary-service"));
    with(program, data, arguments)
}

fn with(mut command: Command, data: &Path, arguments: &[&str]) -> Command {
    command
        .args(arguments)
        .args(["--data", data.to_str().unwrap()])
        .env("RUST_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Each database that there is, as settings: the embedded default, and PostgreSQL where it is installed.
pub async fn databases() -> Vec<Vec<(&'static str, String)>> {
    let postgres = postgres::database().await;
    let postgres = postgres.map(|url| vec![("PLENARY_DATABASE", url)]);
    [Some(Vec::new()), postgres].into_iter().flatten().collect()
}

pub async fn serve_with(data: &Path, settings: &[(&str, String)]) -> Program {
    let program = Command::new(env!("CARGO_BIN_EXE_plenary-service"));
    started(program, data, settings).await
}

/// `program` is how the program is called.
pub async fn started(program: Command, data: &Path, settings: &[(&str, String)]) -> Program {
    let serve = ["serve", "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"];
    let mut child = with(program, data, &serve)
        .envs(settings.iter().cloned())
        .spawn()
        .unwrap();
    // Read all along: a full pipe would stop the program.
    let mut err = child.stderr.take().unwrap();
    let log = tokio::spawn(async move {
        let mut log = String::new();
        err.read_to_string(&mut log).await.unwrap();
        log
    });
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = Vec::new();
    while let Some(line) = tokio::time::timeout(DEADLINE, out.next_line())
        .await
        .unwrap()
        .unwrap()
    {
        let last = line.starts_with("console: ");
        lines.push(line);
        if last {
            break;
        }
    }
    let listening = lines
        .iter()
        .find_map(|line| line.strip_prefix("listening: http://"))
        .unwrap();
    Program {
        child,
        address: listening.parse().unwrap(),
        lines,
        log,
    }
}

impl Program {
    pub fn service(&self, data: tempfile::TempDir) -> Service {
        Service {
            running: None,
            data,
            address: self.address,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub async fn kill(mut self) -> String {
        self.child.kill().await.unwrap();
        self.log.await.unwrap()
    }

    pub async fn terminate(mut self) -> String {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .unwrap()
            .success());
        let status = tokio::time::timeout(DEADLINE, self.child.wait())
            .await
            .unwrap()
            .unwrap();
        assert!(status.success());
        self.log.await.unwrap()
    }
}
