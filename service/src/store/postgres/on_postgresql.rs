//! What is PostgreSQL's alone. `cargo xtask test` leaves tests of this name out where it is not installed.

use super::*;
use crate::store::contract::server;
use crate::store::Store;
use sqlx::Row;

async fn setting(store: &Postgres, name: &str) -> String {
    let row = sqlx::query("SELECT current_setting($1)")
        .bind(name)
        .fetch_one(&store.pool);
    row.await.unwrap().get(0)
}

#[tokio::test]
async fn several_that_start_at_once_find_the_tables_made_once() {
    let Some(url) = server::database().await else {
        return;
    };
    let url: DatabaseUrl = url.parse().unwrap();
    let stores = futures::future::join_all((0..4).map(|_| Postgres::open(&url))).await;
    for store in stores {
        store.unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_acknowledged_is_on_the_disk_and_no_transaction_stays_open() {
    for (default, ours) in [("off", "on"), ("remote_apply", "remote_apply")] {
        let Some(url) = server::database().await else {
            return;
        };
        let name = url.rsplit_once('/').unwrap().1;
        let change = format!("ALTER DATABASE {name} SET synchronous_commit = {default}");
        server::tell(&change).await;
        let store = Postgres::open(&url.parse().unwrap()).await.unwrap();
        assert_eq!(setting(&store, "synchronous_commit").await, ours);
        assert_eq!(
            setting(&store, "idle_in_transaction_session_timeout").await,
            "15s"
        );
    }
}

#[tokio::test]
async fn a_connection_that_the_server_ended_is_replaced() {
    let Some(url) = server::database().await else {
        return;
    };
    let store = Postgres::open(&url.parse().unwrap()).await.unwrap();
    store.ping().await.unwrap();
    let name = url.rsplit_once('/').unwrap().1;
    let end =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    server::tell(&end).await;
    tokio::time::sleep(IDLE).await;
    store.ping().await.unwrap();
}

#[tokio::test]
async fn the_server_proves_who_it_is_where_that_is_asked_for() {
    let Some(url) = server::database().await else {
        return;
    };
    let certificate = server::shared().unwrap().certificate();
    let verified = format!(
        "{url}?sslmode=verify-full&sslrootcert={}",
        certificate.display()
    );
    let store = Postgres::open(&verified.parse().unwrap()).await.unwrap();
    let row = sqlx::query("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl")
        .fetch_one(&store.pool);
    let version: String = row.await.unwrap().get(0);
    assert_eq!(version, "TLSv1.3");
    // The certificate names an address, and no other name of this machine.
    let elsewhere = verified.replace("@127.0.0.1", "@localhost");
    let refused = Postgres::open(&elsewhere.parse().unwrap()).await;
    assert!(matches!(refused, Err(StoreError::Unusable { .. })));
}

#[tokio::test]
async fn s15_what_is_wrong_is_said_with_what_would_be_right_and_without_the_password() {
    let Some(url) = server::database().await else {
        return;
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = free.local_addr().unwrap().to_string();
    drop(free);
    let there = url.split_once('@').unwrap().1.split_once('/').unwrap().0;
    let name = url.rsplit_once('/').unwrap().1;
    server::tell("CREATE USER guest PASSWORD 'sesame-guest'").await;
    let guest = format!("guest:sesame-guest@{there}");
    let wrong = [
        (format!("postgres://{guest}/{name}"), "ALTER DATABASE"),
        (
            url.replace(server::PASSWORD, "sesame-mistyped"),
            "~/.pgpass",
        ),
        (url.replace(name, "nowhere"), "createdb"),
        (url.replace(there, &nobody), "Is a server running there"),
        // Its certificate is nobody's whom we know.
        (format!("{url}?sslmode=verify-full"), "sslrootcert"),
        (url.replace("postgres:", "mysql:"), "postgres://"),
    ];
    for (wrong, right) in wrong {
        let wrong: DatabaseUrl = wrong.parse().unwrap();
        let error = Postgres::open(&wrong).await.unwrap_err();
        let told = format!("{error} {error:?} {wrong:?}");
        assert!(told.contains(right), "{told}");
        assert!(!told.contains("sesame"), "{told}");
    }
}
