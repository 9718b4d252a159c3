//! Whatever comes over sockets and in messages: those inside go on. Each target is a few seconds in
//! the tests and as long as `PLENARY_FUZZ_SECONDS` says; `PLENARY_FUZZ_SEED` repeats a run. Datagrams
//! have their own in `engine::packets::simulated`.

use std::io::Write as _;
use std::time::{Duration, Instant};

use base64::Engine as _;
use livekit_protocol as lk;
use plenary_service::engine::{Grants, JoinSpec, OfferSpec};
use prost::Message as _;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::client::{open, pack, tracks, Client, Offering};
use crate::server::Server;

const PINGS: Duration = Duration::from_secs(5);

struct Run {
    random: StdRng,
    seed: u64,
    end: Instant,
    pinged: Instant,
}

impl Run {
    fn new(usual_seed: u64) -> Self {
        let number = |name: &str, usual| match std::env::var(name) {
            Ok(text) => text.parse().expect("a number"),
            Err(_) => usual,
        };
        let seed = number("PLENARY_FUZZ_SEED", usual_seed);
        let seconds = number("PLENARY_FUZZ_SECONDS", 2);
        Self {
            random: StdRng::seed_from_u64(seed),
            seed,
            end: Instant::now() + Duration::from_secs(seconds),
            pinged: Instant::now(),
        }
    }

    /// Without a word on its socket for 40 s a client is taken for gone; with one each round its answers would
    /// keep it from everything else.
    fn ping(&mut self, pair: &(Client, Client)) {
        if self.pinged.elapsed() < PINGS {
            return;
        }
        self.pinged = Instant::now();
        for client in [&pair.0, &pair.1] {
            client.ask(lk::signal_request::Message::Ping(0));
            // Of an hour it would be gigabytes.
            client.look(|seen| {
                seen.heard.clear();
                seen.signals.clear();
                seen.reports.clear();
            });
        }
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.end
    }

    /// Some bytes of something valid, changed.
    fn spoil(&mut self, valid: &[u8]) -> Vec<u8> {
        let mut bytes = valid.to_vec();
        for _ in 0..self.random.random_range(1..6) {
            if bytes.is_empty() {
                break;
            }
            let at = self.random.random_range(0..bytes.len());
            match self.random.random_range(0..6) {
                0 => bytes[at] ^= 1 << self.random.random_range(0..8),
                1 => bytes[at] = self.random.random(),
                2 => bytes.truncate(at),
                3 => bytes.insert(at, self.random.random()),
                4 => {
                    let more = bytes[at..bytes.len().min(at + 40)].to_vec();
                    bytes.splice(at..at, more);
                }
                _ => {
                    let to = self.random.random_range(at..bytes.len());
                    bytes.drain(at..to);
                }
            }
        }
        bytes
    }

    /// Lines of a text left out, said twice, swapped or changed.
    fn spoil_lines(&mut self, text: &str) -> String {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for _ in 0..self.random.random_range(1..6) {
            if lines.is_empty() {
                break;
            }
            let at = self.random.random_range(0..lines.len());
            let other = self.random.random_range(0..lines.len());
            match self.random.random_range(0..5) {
                0 => drop(lines.remove(at)),
                1 => lines.insert(at, lines[other].clone()),
                2 => lines.swap(at, other),
                3 => {
                    let spoiled = self.spoil(lines[at].as_bytes());
                    lines[at] = String::from_utf8_lossy(&spoiled).into_owned();
                }
                _ => {
                    let number = self.random.random_range(0..70_000).to_string();
                    let words: Vec<&str> = lines[at].split(' ').collect();
                    let word = self.random.random_range(0..words.len());
                    let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
                    words[word] = number;
                    lines[at] = words.join(" ");
                }
            }
        }
        lines.join("\r\n") + "\r\n"
    }
}

/// Two who must notice nothing.
async fn inside(server: &Server) -> (Client, Client) {
    let ada = server.speaker("inside", "ada").await;
    let bob = server.speaker("inside", "bob").await;
    ada.sees_and_hears("bob").await;
    bob.sees_and_hears("ada").await;
    (ada, bob)
}

async fn notice_nothing((ada, bob): &(Client, Client)) {
    ada.mark().await;
    bob.mark().await;
    ada.sees_and_hears("bob").await;
    bob.sees_and_hears("ada").await;
    ada.look(|s| assert!(!s.socket_closed));
    bob.look(|s| assert!(!s.socket_closed));
}

/// CVE-2025-61601: join requests that are no such thing, too large, or bombs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn join_requests() {
    let server = Server::start().await;
    let pair = inside(&server).await;
    let mut run = Run::new(21);
    let token = server.token("outside", "eve", &Grants::speaker());
    let valid = lk::JoinRequest {
        add_track_requests: tracks(),
        publisher_offer: Some(lk::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: Offering::new().await.sdp,
            ..Default::default()
        }),
        ..Default::default()
    };
    // A gzip bomb: 16 MB of zeros in 16 KB.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![0; 16 << 20]).expect("memory");
    let bomb = wrap(&bomb.finish().expect("memory"), true);
    let refused = open(
        server.http,
        &format!("access_token={token}&join_request={bomb}"),
    )
    .await;
    assert_eq!(refused.err(), Some(400));
    while run.goes_on() {
        run.ping(&pair);
        let packed = match run.random.random_range(0..3) {
            0 => {
                let spoiled = run.spoil(&valid.encode_to_vec());
                let gzip = run.random.random_bool(0.2);
                wrap(&spoiled, gzip)
            }
            1 => String::from_utf8_lossy(&run.spoil(pack(&valid).as_bytes())).into_owned(),
            _ => {
                let mut request = valid.clone();
                request.participant_sid = "PA_eve".to_owned();
                request.reconnect = run.random.random();
                if let Some(offer) = &mut request.publisher_offer {
                    offer.sdp = run.spoil_lines(&offer.sdp);
                }
                pack(&request)
            }
        };
        let packed: String = form_urlencoded::byte_serialize(packed.as_bytes()).collect();
        // Taken or refused, as it may be; but answered.
        let query = format!("access_token={token}&join_request={packed}");
        let url = format!("ws://{}/rtc/v1?{query}", server.http);
        drop(tokio_tungstenite::connect_async(url).await);
    }
    notice_nothing(&pair).await;
    println!("seed {}", run.seed);
    server.engine.shutdown().await;
}

fn wrap(request: &[u8], gzip: bool) -> String {
    let compression = match gzip {
        true => lk::wrapped_join_request::Compression::Gzip,
        false => lk::wrapped_join_request::Compression::None,
    };
    let wrapped = lk::WrappedJoinRequest {
        compression: compression as i32,
        join_request: request.to_vec(),
    };
    base64::engine::general_purpose::URL_SAFE.encode(wrapped.encode_to_vec())
}

/// CVE-2025-61602: one participant's hostile signalling is that participant's alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signalling() {
    let server = Server::start().await;
    let pair = inside(&server).await;
    let mut run = Run::new(22);
    let asks = requests(&Offering::new().await.sdp);
    while run.goes_on() {
        run.ping(&pair);
        // In the same room: whatever it says is told to nobody else in a way that hurts them.
        let mallory = server.speaker("inside", "mallory").await;
        for _ in 0..50 {
            let ask = &asks[run.random.random_range(0..asks.len())];
            let request = lk::SignalRequest {
                message: Some(ask.clone()),
            };
            let bytes = match run.random.random_bool(0.3) {
                true => request.encode_to_vec(),
                false => run.spoil(&request.encode_to_vec()),
            };
            if let Ok(lk::SignalRequest {
                message: Some(message),
            }) = lk::SignalRequest::decode(&*bytes)
            {
                mallory.ask(message);
            }
        }
        mallory.settle().await;
        server.engine.settled().await;
        let room = server.engine.stats();
        assert!(room.participants <= 3, "seed {}", run.seed);
    }
    notice_nothing(&pair).await;
    server.engine.shutdown().await;
}

/// One of each that a client may send.
fn requests(sdp: &str) -> Vec<lk::signal_request::Message> {
    use lk::signal_request::Message as Ask;
    let description = |kind: &str| lk::SessionDescription {
        r#type: kind.to_owned(),
        sdp: sdp.to_owned(),
        id: 1,
        ..Default::default()
    };
    let mut asks = vec![
        Ask::Offer(description("offer")),
        Ask::Answer(description("answer")),
        Ask::Trickle(lk::TrickleRequest {
            candidate_init: r#"{"candidate":"candidate:1 1 udp 1 127.0.0.1 9 typ host"}"#
                .to_owned(),
            ..Default::default()
        }),
        Ask::Mute(lk::MuteTrackRequest {
            sid: "TR_x".to_owned(),
            muted: true,
        }),
        Ask::Subscription(lk::UpdateSubscription {
            track_sids: vec!["TR_x".to_owned(); 3],
            subscribe: true,
            ..Default::default()
        }),
        Ask::TrackSetting(lk::UpdateTrackSettings {
            track_sids: vec!["TR_x".to_owned()],
            disabled: true,
            width: u32::MAX,
            height: u32::MAX,
            ..Default::default()
        }),
        Ask::SyncState(lk::SyncState {
            datachannel_receive_states: vec![lk::DataChannelReceiveState {
                publisher_sid: "PA_x".to_owned(),
                last_seq: u32::MAX,
            }],
            ..Default::default()
        }),
        Ask::SubscriptionPermission(lk::SubscriptionPermission {
            all_participants: false,
            track_permissions: vec![lk::TrackPermission::default(); 3],
        }),
        Ask::UpdateMetadata(lk::UpdateParticipantMetadata {
            metadata: "x".repeat(1000),
            name: "ada".to_owned(),
            ..Default::default()
        }),
        Ask::Ping(i64::MIN),
        Ask::PingReq(lk::Ping::default()),
        Ask::UpdateAudioTrack(lk::UpdateLocalAudioTrack::default()),
        Ask::UpdateVideoTrack(lk::UpdateLocalVideoTrack::default()),
    ];
    asks.extend(tracks().into_iter().map(Ask::AddTrack));
    asks
}

/// Somebody who comes with this description.
fn eve(valid: &Offering, sdp: String, slots: bool) -> JoinSpec {
    JoinSpec {
        room: "outside".to_owned(),
        near: "outside".to_owned(),
        identity: "eve".to_owned(),
        grants: Grants::speaker(),
        offer: Some(OfferSpec {
            sdp,
            mid_to_cid: valid.mid_to_cid.clone(),
            add_tracks: tracks(),
        }),
        slots,
    }
}

async fn others_may_come(server: &Server) {
    let again = server.speaker("inside", "cid").await;
    again.sees_and_hears("ada").await;
}

/// An offer in which a number stands for two codecs: str0m 0.25 panics over it, and with it went the worker
/// and everybody on it. Found by an hour of `join_requests`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s11_an_offer_that_str0m_panics_over_ends_its_own_session_alone() {
    let server = Server::with(|c| c.workers = 1).await;
    let pair = inside(&server).await;
    let valid = Offering::new().await;
    let number = |codec: &str| {
        let line = valid.sdp.lines().find(|l| l.contains(codec));
        let line = line.and_then(|l| l.strip_prefix("a=rtpmap:"));
        let (number, _) = line.and_then(|l| l.split_once(' ')).expect("a codec");
        number.to_owned()
    };
    let (opus, vp8) = (number("opus/48000"), number("VP8/90000"));
    let twice = |line: &str| match line.starts_with("m=audio") {
        true => line.replace(&format!(" {opus}"), &format!(" {vp8}")),
        // Of what it only sends it would be told another number.
        false => line
            .replace(&format!(":{opus} "), &format!(":{vp8} "))
            .replace("a=sendonly", "a=sendrecv"),
    };
    let sdp = valid.sdp.lines().flat_map(|l| [twice(l), "\r\n".into()]);
    let spec = eve(&valid, sdp.collect(), true);
    assert!(server.engine.join(spec).await.is_err());
    notice_nothing(&pair).await;
    others_may_come(&server).await;
    server.engine.shutdown().await;
}

/// Offers that are nearly right: answered or refused, and the next one of somebody else is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn descriptions() {
    let server = Server::start().await;
    let pair = inside(&server).await;
    let mut run = Run::new(23);
    let valid = Offering::new().await;
    while run.goes_on() {
        run.ping(&pair);
        let sdp = run.spoil_lines(&valid.sdp);
        let spec = eve(&valid, sdp, run.random.random());
        // Either way is right; a worker that ended would not answer at all.
        let _ = server.engine.join(spec).await;
    }
    notice_nothing(&pair).await;
    others_may_come(&server).await;
    server.engine.shutdown().await;
}
