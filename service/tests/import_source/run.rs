//! The program that imports, started as an operator starts it, and what it leaves.

use crate::common::signed::{self, signed};
use crate::common::*;
use serde_json::Value;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use tokio::process::Command;

/// An import that runs, or ran.
pub struct Run {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Run {
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("{:?}", self.status))
    }
}

pub fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plenary-service"));
    command
        .args(["import", "acs-chat", "--data", data.to_str().unwrap()])
        .args(arguments)
        .env("RUST_LOG", "trace")
        .env_remove("PLENARY_ACS_CONNECTION_STRING")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// With the source's key.
pub async fn keyed(source: &Service, data: &Path, arguments: &[&str]) -> Command {
    let key = signed::resource(source).await.primary_key;
    let string = format!("endpoint={};accesskey={key}", url(source));
    let mut command = command(data, arguments);
    command.env("PLENARY_ACS_CONNECTION_STRING", string);
    command
}

pub async fn finished(mut command: Command) -> Run {
    let output = tokio::time::timeout(DEADLINE * 6, command.output());
    let output = output.await.unwrap().unwrap();
    Run {
        status: output.status,
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub async fn import(source: &Service, data: &Path, arguments: &[&str]) -> Run {
    let run = finished(keyed(source, data, arguments).await).await;
    let key = signed::resource(source).await.primary_key;
    for secret in [key.as_str(), "eyJ"] {
        let silent = !run.err.contains(secret) && !run.out.contains(secret);
        assert!(silent, "S15: {secret} in {}", run.err);
    }
    run
}

/// Without a key: with a token for each user.
pub async fn tokened(url: &str, data: &Path, tokens: &[(&str, &str)], more: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let lines = tokens
        .iter()
        .map(|(user, token)| format!("{user} {token}\n"));
    std::fs::write(&file, lines.collect::<String>()).unwrap();
    let mut command = command(data, more);
    command.args(["--endpoint", url, "--tokens"]).arg(&file);
    let run = finished(command).await;
    for (_, token) in tokens {
        assert!(!run.err.contains(token), "S15: {}", run.err);
    }
    run
}

pub fn of(people: &[SignedIn]) -> Vec<(&str, &str)> {
    let people = people.iter();
    people
        .map(|one| (one.id.as_str(), one.token.as_str()))
        .collect()
}

pub fn url(service: &Service) -> String {
    format!("http://{}", service.address)
}

pub fn report(data: &Path) -> Value {
    let text = std::fs::read_to_string(data.join("import-report.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// What is said of what was not taken.
pub fn codes(report: &Value) -> Vec<String> {
    let of_threads = report["threads"].as_array().unwrap().iter();
    let of_threads = of_threads.filter_map(|thread| thread["notTaken"].as_array());
    let all = of_threads.chain(report["notTaken"].as_array()).flatten();
    let mut codes: Vec<String> = all
        .map(|finding| finding["code"].as_str().unwrap().to_owned())
        .collect();
    codes.sort();
    codes
}

/// As at the source, but with the target's tokens.
pub async fn at_target(target: &Service, people: &[SignedIn]) -> Vec<SignedIn> {
    let key = signed::resource(target).await.primary_key;
    let mut there = Vec::new();
    for person in people {
        let id = person.id.clone();
        let path = format!(
            "/identities/{}/:issueAccessToken?{}",
            signed::encoded(id.as_str()),
            signed::VERSION
        );
        let body = r#"{"scopes":["chat"]}"#;
        let issued = signed(target, &key, "POST", &path, body).await.ok();
        there.push(SignedIn::guest(id.as_str(), text(&issued["token"])));
    }
    there
}
