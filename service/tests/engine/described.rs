//! AV1 with its dependency descriptors: every viewer gets its layer, in one stream or as simulcast, and
//! streams without a seam.

use plenary_service::engine::Grants;
use str0m::format::Codec;

use crate::client::camera::descriptor::Mode;
use crate::client::camera::Camera;
use crate::client::{gets_only, shown, video_of, Client, Heard, Offering};
use crate::server::Server;

const L3T3: Mode = Mode {
    spatial: 3,
    temporal: 3,
    key_only: false,
};
const L3T3_KEY: Mode = Mode {
    key_only: true,
    ..L3T3
};

async fn join(server: &Server, room: &str, name: &str, offering: Offering) -> Client {
    let token = server.token(room, name, &Grants::speaker());
    Client::join_with(server.http, name, &token, offering).await
}

async fn film(server: &Server, room: &str, name: &str, camera: Camera) -> Client {
    join(server, room, name, Offering::filming(camera).await).await
}

async fn watch(server: &Server, name: &str) -> Client {
    let takes = [Codec::Vp8, Codec::Av1];
    join(server, "here", name, Offering::taking(&takes).await).await
}

/// The fixed part of a descriptor, and whether it brings a structure or names the decode targets that
/// are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    begins: bool,
    ends: bool,
    number: u16,
    structure: bool,
    targets: bool,
}

fn told(heard: &Heard) -> Told {
    let bytes = heard.described.as_ref().expect("a descriptor");
    let flags = bytes.get(3).copied().unwrap_or(0);
    Told {
        begins: bytes[0] & 0x80 != 0,
        ends: bytes[0] & 0x40 != 0,
        number: u16::from_be_bytes([bytes[1], bytes[2]]),
        structure: flags & 0x80 != 0,
        targets: flags & 0x40 != 0,
    }
}

/// Numbers of packets go on without a gap, those of frames rise, pictures end with a marker and are whole.
fn assert_seamless(heard: &[Heard]) {
    let mut video: Vec<_> = heard.iter().filter(|h| h.described.is_some()).collect();
    video.sort_by_key(|h| h.seq);
    video.dedup_by_key(|h| h.seq);
    assert!(video.len() > 100, "traffic first: {}", video.len());
    let first = told(video[0]);
    assert!(
        first.structure && first.begins,
        "it begins with a structure"
    );
    let mut lost = 0;
    for pair in video.windows(2) {
        let ((a, before), (b, after)) = ((pair[0], told(pair[0])), (pair[1], told(pair[1])));
        if b.seq != a.seq + 1 {
            // As in `layers`.
            lost += 1;
            assert!(lost < 3 && b.seq > a.seq, "{a:?} {b:?}");
            continue;
        }
        let step = after.number.wrapping_sub(before.number);
        assert_eq!(step == 0, !after.begins, "{a:?} {b:?}");
        assert!(step < 64, "frame numbers go on: {a:?} {b:?}");
        assert!(
            !a.marker || a.time != b.time,
            "nothing behind it: {a:?} {b:?}"
        );
        if !after.structure {
            // Another source may begin in the middle of the one before.
            assert_eq!(before.ends, after.begins, "frames are whole: {a:?} {b:?}");
            assert!(
                a.marker || a.time == b.time,
                "pictures end with a marker: {a:?} {b:?}"
            );
        }
        assert!(b.time.wrapping_sub(a.time) < 1 << 31, "{a:?} {b:?}");
    }
}

/// What a viewer changes, and what it gets then.
async fn changes(server: &Server, ada: Camera, eve: Camera, names: [&str; 3]) {
    let ada = film(server, "here", "ada", ada).await;
    let eve = film(server, "there", "eve", eve).await;
    let (bob, cid) = (watch(server, "bob").await, watch(server, "cid").await);
    let track = video_of(&bob, "ada").await;
    let [low, middle, top] = names.map(|name| format!("ada/{name}"));
    bob.ask(shown(&track, 160, 90));
    cid.ask(shown(&track, 1280, 720));
    gets_only(&bob, &low, 20).await;
    gets_only(&cid, &top, 40).await;
    // Up and down.
    bob.ask(shown(&track, 640, 360));
    cid.ask(shown(&track, 160, 90));
    gets_only(&bob, &middle, 20).await;
    gets_only(&cid, &low, 20).await;
    let last = |c: &Client| {
        c.look(|s| {
            s.heard
                .iter()
                .rev()
                .find(|h| h.described.is_some())
                .cloned()
        })
    };
    let named = told(&last(&cid).expect("a packet")).targets;
    assert_eq!(
        named,
        names[0] == "s0",
        "fewer targets of one stream than are published"
    );
    // And through another source.
    let moved = server
        .engine
        .move_participant("bob", "here", "there", Grants::speaker());
    moved.await.expect("somebody to move");
    gets_only(&bob, &format!("eve/{}", names[2]), 40).await;
    assert_seamless(&bob.look(|s| s.heard.clone()));
    assert_seamless(&cid.look(|s| s.heard.clone()));
    drop((ada, eve));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_viewer_gets_its_layer_of_av1_in_one_stream() {
    let server = Server::start().await;
    let (ada, eve) = (Camera::described(L3T3_KEY), Camera::described(L3T3_KEY));
    changes(&server, ada, eve, ["s0", "s1", "s2"]).await;
    server.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_viewer_gets_its_layer_of_av1_by_simulcast() {
    let server = Server::start().await;
    changes(&server, Camera::av1(), Camera::av1(), ["q", "h", "f"]).await;
    server.engine.shutdown().await;
}

/// From simulcast to layers that build on each other and back, and nothing of one room in the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_is_moved_between_sources_of_other_layers() {
    let server = Server::start().await;
    let ada = film(&server, "here", "ada", Camera::av1()).await;
    let eve = film(&server, "there", "eve", Camera::described(L3T3)).await;
    let bob = watch(&server, "bob").await;
    gets_only(&bob, "ada/f", 20).await;
    for (from, to, layer) in [("here", "there", "eve/s2"), ("there", "here", "ada/f")] {
        let moved = server
            .engine
            .move_participant("bob", from, to, Grants::speaker());
        moved.await.expect("somebody to move");
        let frames = |s: &crate::client::Seen| {
            let of_it = s
                .heard
                .iter()
                .rev()
                .take_while(|h| h.from.starts_with(&layer[..3]) || h.described.is_none());
            of_it.filter(|h| h.from == layer).count() > 20
        };
        bob.until(layer, frames).await;
    }
    assert_seamless(&bob.look(|s| s.heard.clone()));
    drop((ada, eve));
    server.engine.shutdown().await;
}
