//! Ways to the media port: UDP in batches, TCP, and from one address to another.

use std::net::SocketAddr;
use std::time::Duration;

use plenary_service::engine::{Grants, TcpFallback};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::relay::{Limits, Relay};
use crate::client::{Client, Offering, DEADLINE};
use crate::server::Server;

async fn by_tcp(server: &Server, room: &str, name: &str) -> Client {
    let token = server.token(room, name, &Grants::speaker());
    Client::join_with(server.http, name, &token, Offering::by_tcp()).await
}

/// RFC 6544: who cannot use UDP sends and receives by TCP, with those who can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_udp_connects_by_tcp() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    let bob = by_tcp(&server, "room", "bob").await;
    ada.sees_and_hears("bob").await;
    bob.sees_and_hears("ada").await;
    server.engine.shutdown().await;
}

/// What the engine answers to an offer.
async fn answer_of(server: &Server) -> String {
    let offering = Offering::new().await;
    let spec = plenary_service::engine::JoinSpec {
        room: "room".to_owned(),
        near: "room".to_owned(),
        identity: "ada".to_owned(),
        grants: Grants::speaker(),
        offer: Some(plenary_service::engine::OfferSpec {
            sdp: offering.sdp.clone(),
            ..Default::default()
        }),
        slots: true,
    };
    let answer = server.engine.join(spec).await.expect("a join").answer;
    answer.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_tcp_candidate_is_told_where_tcp_is_off() {
    let server = Server::with(|c| c.tcp = TcpFallback::Off).await;
    assert_eq!(server.engine.tcp_address(), None);
    let answer = answer_of(&server).await;
    assert!(answer.contains("a=candidate:") && !answer.contains(" tcptype "));
    server.engine.shutdown().await;
}

/// A connection that ends takes its session's path with it; the others notice nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tcp_connection_that_ends_is_forgotten() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    let bob = by_tcp(&server, "room", "bob").await;
    ada.sees_and_hears("bob").await;
    drop(bob);
    let cid = by_tcp(&server, "room", "cid").await;
    ada.mark().await;
    ada.sees_and_hears("cid").await;
    cid.sees_and_hears("ada").await;
    server.engine.shutdown().await;
}

/// Read until the other side closes.
async fn is_closed(stream: &mut tokio::net::TcpStream) {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest));
    // An end and a reset are the same to us.
    let _ = read.await.expect("an end in time");
    assert!(rest.is_empty(), "a stranger is told nothing");
}

/// S11: garbage, frames that nobody sends, and checks of nobody end a connection; those inside
/// notice nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_by_tcp_are_shown_out() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    let bob = by_tcp(&server, "room", "bob").await;
    let port = server.engine.tcp_address().expect("a TCP port");
    let frames: [&[u8]; 4] = [
        // Larger than any datagram.
        &[0xff, 0xff, 0, 0],
        // HTTP.
        b"GET / HTTP/1.1\r\n\r\n",
        // A binding request without a user name.
        &[
            0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
        ],
        // An empty frame.
        &[0, 0],
    ];
    for frame in frames {
        let mut stranger = tokio::net::TcpStream::connect(port)
            .await
            .expect("a connection");
        stranger
            .write_all(frame)
            .await
            .expect("to send on loopback");
        is_closed(&mut stranger).await;
    }
    // A check for a worker that is there, from nobody it knows: no answer, and an end.
    let mut check = vec![0, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, 8]);
    check.extend(b"w00x:yyy");
    let mut frame = vec![0, check.len() as u8];
    frame.extend(check);
    let mut stranger = tokio::net::TcpStream::connect(port)
        .await
        .expect("a connection");
    for _ in 0..32 {
        // It may be shown out before the last.
        let _ = stranger.write_all(&frame).await;
    }
    is_closed(&mut stranger).await;
    bob.mark().await;
    bob.sees_and_hears("ada").await;
    ada.mark().await;
    ada.sees_and_hears("bob").await;
    server.engine.shutdown().await;
}

/// A NAT gave the client another port: its next check takes the session over, and the old address
/// gets nothing more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_goes_on_at_another_address() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    ada.sees_and_hears("bob").await;
    bob.sees_and_hears("ada").await;
    for _ in 0..3 {
        bob.rebind().await;
        bob.mark().await;
        ada.mark().await;
        let change = async {
            bob.sees_and_hears("ada").await;
            ada.sees_and_hears("bob").await;
        };
        // str0m by itself stays with the old address for 15 s.
        let quick = Duration::from_secs(10);
        assert!(tokio::time::timeout(quick, change).await.is_ok());
    }
    server.engine.shutdown().await;
}

/// From Wi-Fi to cellular and back: an address that was left is taken again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_comes_back_to_an_address_that_it_left() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    bob.sees_and_hears("ada").await;
    let bind =
        |at: SocketAddr| async move { tokio::net::UdpSocket::bind(at).await.expect("a free port") };
    let wifi = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await;
    let home = wifi.local_addr().expect("a bound socket");
    bob.rebind_to(wifi);
    bob.mark().await;
    bob.sees_and_hears("ada").await;
    bob.rebind().await;
    bob.mark().await;
    bob.sees_and_hears("ada").await;
    bob.rebind_to(bind(home).await);
    bob.mark().await;
    bob.sees_and_hears("ada").await;
    ada.mark().await;
    ada.sees_and_hears("bob").await;
    server.engine.shutdown().await;
}

/// A new offer with new credentials, answered with new ones that still name the worker; media goes
/// on, also at another address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ice_restarts_by_the_clients_offer() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    bob.sees_and_hears("ada").await;
    let cid = server.speaker("room", "cid").await;
    cid.sees_and_hears("ada").await;
    for client in [&bob, &cid] {
        client.rebind().await;
        client.restart_ice().await;
        client.mark().await;
        client.sees_and_hears("ada").await;
        ada.mark().await;
        ada.sees_and_hears(&client.name).await;
    }
    server.engine.shutdown().await;
}

/// Linux sends and reads several datagrams a call where there are several.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fan_out_takes_fewer_calls_than_datagrams() {
    let server = Server::with(|c| c.workers = 1).await;
    let mut clients = Vec::new();
    for name in ["ada", "bob", "cid", "dot", "eve"] {
        clients.push(server.speaker("room", name).await);
    }
    clients[4].sees_and_hears("ada").await;
    let before = server.engine.stats();
    for client in &clients {
        client.mark().await;
        let other = if client.name == "ada" { "bob" } else { "ada" };
        client.sees_and_hears(other).await;
    }
    let after = server.engine.stats();
    let sent = after.packets_out - before.packets_out;
    let calls = after.writes - before.writes;
    assert!(
        calls > 0 && calls * 3 < sent * 2,
        "{calls} calls for {sent} datagrams"
    );
    assert_eq!(after.dropped, 0);
    server.engine.shutdown().await;
}

/// A container's engine tells its host's addresses, of both families.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_advertised_addresses_are_in_the_answer() {
    let server = Server::with(|c| {
        c.advertised = vec![
            "203.0.113.7".parse().expect("an address"),
            "2001:db8::7".parse().expect("an address"),
        ];
    })
    .await;
    let answer = answer_of(&server).await;
    for ip in ["203.0.113.7", "2001:db8::7"] {
        let lines = answer.lines().filter(|l| l.starts_with("a=candidate:"));
        let of_ip: Vec<&str> = lines.filter(|l| l.contains(&format!(" {ip} "))).collect();
        assert!(of_ip.iter().any(|l| l.contains(" udp ")), "{ip} by UDP");
        assert!(
            of_ip.iter().any(|l| l.contains(" tcptype passive")),
            "{ip} by TCP"
        );
    }
    server.engine.shutdown().await;
}

/// Processor time of the media threads, in seconds.
#[cfg(target_os = "linux")]
fn media_threads() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let ticks: u64 = tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok())
        .filter(|stat| stat.contains("(media-"))
        .map(|stat| {
            let (_, rest) = stat.rsplit_once(") ").expect("a name in brackets");
            let fields: Vec<&str> = rest.split(' ').collect();
            let number = |at: usize| fields[at].parse::<u64>().expect("a number");
            // utime and stime, the 14th and 15th field of proc(5).
            number(11) + number(12)
        })
        .sum();
    // USER_HZ is 100 on all Linux that this runs on.
    ticks as f64 / 100.0
}

/// What a sent packet costs with one worker and with two, and how many datagrams one worker hears
/// for the other: for `docs/engine.md`.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn cost_of_a_packet() {
    for workers in [1, 2, 1, 2] {
        let server = Server::with(|c| c.workers = workers).await;
        let mut clients = Vec::new();
        for n in 0..16 {
            clients.push(server.speaker("room", &format!("p{n}")).await);
        }
        clients[15].sees_and_hears("p0").await;
        let (before, time) = (server.engine.stats(), media_threads());
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (after, spent) = (server.engine.stats(), media_threads() - time);
        let of = |count: fn(&plenary_service::engine::EngineStats) -> u64| {
            (count(&after) - count(&before)) as f64
        };
        let (sent, received) = (of(|s| s.packets_out), of(|s| s.packets_in));
        println!(
            "{workers} workers: {sent} sent, {received} received, {:.2} µs a sent packet, {:.0} % handed over, {:.2} a write, {:.2} a read",
            spent * 1e6 / sent,
            of(|s| s.handed) * 100.0 / received,
            sent / of(|s| s.writes),
            received / of(|s| s.reads),
        );
        server.engine.shutdown().await;
    }
}

/// Browsers shake hands on the first path that answers and nominate one when they have looked at the others,
/// with some delay on the way a second later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_does_not_wait_for_the_nomination() {
    let server = Server::start().await;
    let bob = server.speaker("room", "bob").await;
    let relay = Relay::to(server.engine.udp_address()).await;
    relay.limit(Limits {
        undecided: true,
        ..Default::default()
    });
    let token = server.token("room", "ada", &Grants::speaker());
    let offering = Offering::new().await;
    let ada = Client::join_through(server.http, "ada", &token, offering, &relay).await;
    ada.sees_and_hears("bob").await;
    bob.sees_and_hears("ada").await;
    server.engine.shutdown().await;
}
