//! The database's disk is full for a while: what was acknowledged is there, once; what could not be stored
//! was refused, and goes through when it is sent again afterwards.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::chat::{thread, UNBOUNDED};
use common::postgres::Cluster;
use common::program::*;
use common::*;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Room for the database and a few hundred messages.
const DISK: &str = "size=4m";
/// PostgreSQL makes 40 MB before anybody has written.
const SERVERS_DISK: &str = "size=96m";
/// A long message, so that pages fill fast.
const LENGTH: usize = 2_000;

/// Runs a command with a small disk of its own at a folder, in a mount namespace that goes with it.
fn within(disk: &Path, command: &[&str]) -> Command {
    let mut unshare = Command::new("unshare");
    unshare
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg(format!(
            "mount -t tmpfs -o {DISK} tmpfs \"$1\" && shift && exec \"$@\""
        ))
        .arg("sh")
        .arg(disk)
        .args(command);
    unshare
}

/// False where this machine allows none, and then it is said. `cargo xtask test` counts these tests as skipped
/// there.
async fn there_are_namespaces() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let allowed = within(folder.path(), &["true"]).output().await;
    let allowed = allowed.is_ok_and(|output| output.status.success());
    if !allowed {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: the test with a full disk, for want of mount namespaces (unshare --user --mount)"
        );
    }
    allowed
}

/// The program with a small disk for its data.
async fn on_a_small_disk(data: &Path) -> Option<Program> {
    if !there_are_namespaces().await {
        return None;
    }
    let program = within(data, &[env!("CARGO_BIN_EXE_plenary-service")]);
    Some(started(program, data, &unlimited()).await)
}

/// Takes all that is left of the disk.
fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("filler");
    let mut file = File::create(&path).unwrap();
    for block in [64 * 1024, 512] {
        while file.write_all(&vec![0; block]).is_ok() {}
    }
    path
}

/// `disk` is where its data is, as it is seen from here.
async fn a_full_disk_loses_nothing(service: &Service, disk: &Path) {
    let user = service.guest().await;
    let chat = thread(service, &user, &[]).await;
    let text = |n: usize| format!("{n} {}", "x".repeat(LENGTH));
    let send = async |n: usize| {
        let body = json!({"content": text(n)});
        let answer = chat.ask(&user, "POST", "/messages", body).await;
        let (status, body) = (answer.status.as_u16(), answer.json());
        match body["id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => Err((status, body["error"]["code"].clone())),
        }
    };
    let mut known = Vec::new();
    for n in 0..20 {
        known.push((n, send(n).await.unwrap()));
    }
    let filler = fill(disk);
    // What the database has room for in its own files may still be stored.
    let mut refused = Vec::new();
    for n in 20.. {
        match send(n).await {
            Ok(id) => known.push((n, id)),
            Err(why) => {
                assert_eq!(why, (503, json!("ServiceUnavailable")));
                refused.push(n);
            }
        }
        if refused.len() == 20 {
            break;
        }
    }
    // Reading goes on.
    assert_eq!(chat.stored(&user).await.len(), known.len());
    std::fs::remove_file(filler).unwrap();
    for n in refused {
        known.push((n, send(n).await.unwrap()));
    }
    let there = chat.stored(&user).await;
    let expected: BTreeSet<_> = known.into_iter().map(|(n, id)| (id, text(n))).collect();
    assert_eq!(there.len(), expected.len(), "none twice");
    assert_eq!(there.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn on_a_full_disk_no_acknowledged_message_is_lost_and_what_cannot_be_stored_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = on_a_small_disk(folder.path()).await else {
        return;
    };
    // The namespace's own view of the folder.
    let disk = PathBuf::from(format!(
        "/proc/{}/root{}",
        program.id(),
        folder.path().display()
    ));
    let service = program.service(folder);
    a_full_disk_loses_nothing(&service, &disk).await;
    program.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_on_a_full_disk_no_acknowledged_message_is_lost_and_what_cannot_be_stored_is_refused(
) {
    if !there_are_namespaces().await {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Cluster::start_on_a_small_disk(folder.path(), SERVERS_DISK) else {
        return;
    };
    let url = server.database().await;
    let service = Service::with(|config| {
        config.database = Some(url.parse().unwrap());
        config.limits.chat.rates.write.thread = UNBOUNDED;
    })
    .await;
    a_full_disk_loses_nothing(&service, &server.disk(folder.path())).await;
    service.stop().await;
}
