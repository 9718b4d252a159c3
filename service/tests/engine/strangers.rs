//! Datagrams of those who proved nothing.

use std::time::Duration;

use crate::client::{Client, Offering};
use crate::server::Server;
use plenary_service::engine::Grants;

/// A DTLS 1.2 ClientHello's record and handshake headers; the rest does not matter, for it must
/// not get as far as being read.
fn client_hello() -> Vec<u8> {
    let mut hello = vec![
        0x16, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 1, 0, 0, 0x34,
    ];
    hello.extend([0u8; 8]);
    hello.extend([0xfe, 0xfd]);
    hello.extend([7u8; 34]);
    hello.resize(13 + 0x40, 0);
    hello
}

/// ASVS 17.2.6: a stranger's ClientHello, sent before and during the handshake, wins nothing: the
/// call comes up all the same, and nothing is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_client_hello_is_dropped() {
    let server = Server::start().await;
    let media = server.engine.udp_address();
    let stranger = tokio::net::UdpSocket::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let ada = server.speaker("room", "ada").await;
    let flood = async {
        loop {
            stranger
                .send_to(&client_hello(), media)
                .await
                .expect("to send on loopback");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let calls = async {
        let offering = Offering::new().await;
        let token = server.token("room", "bob", &Grants::speaker());
        let bob = Client::join_with(server.http, "bob", &token, offering).await;
        bob.sees_and_hears("ada").await;
        bob
    };
    let bob = tokio::select! {
        bob = calls => bob,
        () = flood => unreachable!("the flood has no end"),
    };
    ada.sees_and_hears(&bob.name).await;
    let mut buffer = [0; 64];
    assert!(stranger.try_recv_from(&mut buffer).is_err(), "no answer");
    assert!(server.engine.stats().unknown > 0, "they were counted");
    server.engine.shutdown().await;
}

/// CVE-2025-53399: media from another address, without ICE consent, goes nowhere. A copy of what a
/// real client sent is what an attacker on its path has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_from_another_address_is_dropped() {
    let server = Server::start().await;
    let media = server.engine.udp_address();
    let ada = server.speaker("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    ada.sees_and_hears("bob").await;
    let stranger = tokio::net::UdpSocket::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let before = server.engine.stats().unknown;
    // RTP of version 2; STUN of nobody; garbage.
    for datagram in [
        &[0x80u8, 0x6f, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1][..],
        &[0; 20],
        &[255; 40],
    ] {
        stranger
            .send_to(datagram, media)
            .await
            .expect("to send on loopback");
    }
    ada.mark().await;
    ada.sees_and_hears(&bob.name).await;
    assert!(server.engine.stats().unknown >= before + 3);
    server.engine.shutdown().await;
}
