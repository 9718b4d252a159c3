//! Data messages: by grant, to those named, once, and again after a resume.

use livekit_protocol as lk;
use plenary_service::engine::Grants;

use crate::client::{open, pack, Client};
use crate::server::Server;

fn talker() -> Grants {
    Grants {
        publish_data: true,
        ..Grants::speaker()
    }
}

async fn join(server: &Server, room: &str, name: &str, grants: &Grants) -> Client {
    let token = server.token(room, name, grants);
    Client::join(server.http, name, &token).await
}

fn message(sequence: u32, text: &str, to: &[&str]) -> lk::DataPacket {
    lk::DataPacket {
        // Both are the server's to say (S3).
        participant_identity: "somebody else".to_owned(),
        participant_sid: "PA_else".to_owned(),
        destination_identities: to.iter().map(|t| (*t).to_owned()).collect(),
        sequence,
        value: Some(lk::data_packet::Value::User(lk::UserPacket {
            payload: text.as_bytes().to_vec(),
            topic: Some("topic".to_owned()),
            ..Default::default()
        })),
        ..Default::default()
    }
}

fn text(packet: &lk::DataPacket) -> String {
    match &packet.value {
        Some(lk::data_packet::Value::User(user)) => {
            assert_eq!(user.topic.as_deref(), Some("topic"));
            String::from_utf8_lossy(&user.payload).into_owned()
        }
        _ => String::new(),
    }
}

fn texts(client: &Client) -> Vec<String> {
    client.look(|s| s.data.iter().map(text).collect())
}

async fn reads(client: &Client, last: &str) {
    client
        .until(last, |s| s.data.iter().any(|p| text(p) == last))
        .await;
}

async fn open_channels(clients: &[&Client]) {
    for client in clients {
        client
            .until("both channels", |s| s.channels.len() == 2)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_reaches_those_it_names_with_its_real_sender() {
    let server = Server::start().await;
    let ada = join(&server, "red", "ada", &talker()).await;
    let bob = join(&server, "red", "bob", &talker()).await;
    let cid = join(&server, "red", "cid", &talker()).await;
    let eve = join(&server, "blue", "eve", &talker()).await;
    open_channels(&[&ada, &bob, &cid, &eve]).await;
    for channel in ["_reliable", "_lossy"] {
        ada.send_data(channel, &message(0, "to bob", &["bob", "eve"]))
            .await;
        ada.send_data(channel, &message(0, "to all", &[])).await;
        reads(&bob, "to bob").await;
        for client in [&bob, &cid] {
            reads(client, "to all").await;
        }
        bob.look(|s| {
            let of_ada = |p: &lk::DataPacket| {
                p.participant_identity == "ada" && p.participant_sid == ada.sid
            };
            assert!(s.data.iter().all(of_ada), "S3");
            s.data.clear();
        });
        assert_eq!(texts(&cid), ["to all"]);
        cid.look(|s| s.data.clear());
    }
    for client in [&ada, &eve] {
        client.settle().await;
        assert!(
            texts(client).is_empty(),
            "{} got what was not for it",
            client.name
        );
    }
    server.engine.shutdown().await;
}

/// S3: without the grant nobody hears anything, though the same message of somebody else's comes
/// through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_grant_for_data_is_not_heard() {
    let server = Server::start().await;
    let mute = join(&server, "red", "mute", &Grants::speaker()).await;
    let ada = join(&server, "red", "ada", &talker()).await;
    let bob = join(&server, "red", "bob", &Grants::speaker()).await;
    open_channels(&[&mute, &ada, &bob]).await;
    for channel in ["_reliable", "_lossy"] {
        mute.send_data(channel, &message(0, "forbidden", &[])).await;
    }
    mute.settle().await;
    ada.send_data("_reliable", &message(0, "allowed", &[]))
        .await;
    reads(&bob, "allowed").await;
    reads(&mute, "allowed").await;
    assert_eq!(texts(&bob), ["allowed"]);
    server.engine.shutdown().await;
}

/// What a sender repeats is relayed once; what a receiver says it has not had is sent again, of its
/// present room alone, and of the time since it came there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reliable_messages_are_replayed_after_a_resume() {
    let server = Server::start().await;
    let ada = join(&server, "red", "ada", &talker()).await;
    let bob = join(&server, "red", "bob", &talker()).await;
    open_channels(&[&ada, &bob]).await;
    for n in [1, 2, 2, 1, 3] {
        ada.send_data("_reliable", &message(n, &format!("m{n}"), &[]))
            .await;
    }
    reads(&bob, "m3").await;
    assert_eq!(texts(&bob), ["m1", "m2", "m3"]);

    let cid = join(&server, "red", "cid", &talker()).await;
    open_channels(&[&cid]).await;
    for (client, last_seq) in [(&bob, 1), (&cid, 0)] {
        client.drop_socket();
        client.look(|s| s.data.clear());
        let token = server.token("red", &client.name, &talker());
        let request = pack(&lk::JoinRequest {
            reconnect: true,
            participant_sid: client.sid.clone(),
            sync_state: Some(lk::SyncState {
                datachannel_receive_states: vec![lk::DataChannelReceiveState {
                    publisher_sid: ada.sid.clone(),
                    last_seq,
                }],
                ..Default::default()
            }),
            ..Default::default()
        });
        let query = format!("access_token={token}&join_request={request}");
        client.attach(open(server.http, &query).await.expect("a resume"));
    }
    reads(&bob, "m3").await;
    assert_eq!(texts(&bob), ["m2", "m3"]);
    ada.send_data("_reliable", &message(4, "m4", &[])).await;
    reads(&cid, "m4").await;
    assert_eq!(
        texts(&cid),
        ["m4"],
        "what was said before it came is not for it"
    );
    server.engine.shutdown().await;
}
