//! What must hold in any weather, whoever sends what.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use str0m::config::KeyingMaterial;
use str0m::net::Protocol;

use super::{Weather, World};
use crate::engine::packets::command::{Command, SessionId};
use crate::engine::packets::demux::is_stun;
use crate::engine::packets::outbox::Streams;
use crate::engine::packets::paths::Origin;
use crate::engine::packets::sending::rtcp::is_rtcp;
use crate::engine::packets::srtp::{Keys, Srtp};
use crate::engine::packets::worker::Worker;

pub(super) const FAIR: Weather = Weather {
    protocol: Protocol::Udp,
    loss: 0.0,
    delay: (5, 5),
};
const STORM: Weather = Weather {
    protocol: Protocol::Udp,
    loss: 0.05,
    delay: (20, 60),
};

/// 50 packets a second, of which 5 % are lost on each of two ways.
#[test]
fn everybody_hears_everybody_in_any_weather() {
    for (seed, weather, least) in [(1, FAIR, 148), (2, STORM, 115), (3, STORM, 115)] {
        for workers in [1, 2, 3] {
            let mut world = World::new(seed, workers, 4, weather);
            world.connect();
            let heard = world.least_heard(Duration::from_secs(3));
            assert!(
                heard >= least,
                "{heard} with {workers} workers, seed {seed}"
            );
        }
    }
}

/// A NAT's new port is found by the next check, and the old address is forgotten when its consent
/// is over.
#[test]
fn an_address_is_taken_over_and_the_old_one_forgotten() {
    let mut world = World::new(4, 2, 3, FAIR);
    world.connect();
    let old = world.peers[0].address;
    world.peers[0].address = SocketAddr::from(([198, 51, 100, 9], 61_001));
    world.run(Duration::from_secs(5));
    assert!(world.least_heard(Duration::from_secs(1)) >= 48);
    world.run(Duration::from_secs(40));
    let old = Origin {
        protocol: Protocol::Udp,
        address: old,
    };
    let knows = |worker: &Worker| worker.demux.session_of(&old).is_some();
    assert!(!world.workers.iter().any(knows));
    assert!(world.least_heard(Duration::from_secs(1)) >= 48);
}

/// S14, E15: what ends for a client that reads slowly by TCP ends for what waits, too; all of it does for
/// who is removed.
#[test]
fn a_stream_that_ends_is_over_on_the_way_to_a_slow_reader() {
    let by_tcp = Weather {
        protocol: Protocol::Tcp,
        ..FAIR
    };
    let mut world = World::new(23, 1, 3, by_tcp);
    world.connect();
    assert!(world.least_heard(Duration::from_secs(1)) >= 48);
    let mid = world.peers[0].ears[0];
    let (moved, removed) = (SessionId(0), SessionId(1));
    let streams = [world.sending_ssrcs(0), world.sending_ssrcs(1)];
    let expected = [(0, streams[0][0]), (1, streams[1][0]), (1, streams[1][1])];
    world.links[0].command(Command::Unroute { id: moved, mid });
    world.links[0].command(Command::Close { id: removed });
    let (now, peers) = (world.now, &world.peers);
    let worker = &mut world.workers[0];
    worker.obey(now);
    let ended = worker.outbox().ended.iter();
    let ended: Vec<_> = ended.map(|e| (e.to, e.streams)).collect();
    let expected = expected.map(|(n, ssrc)| (peers[n].address, Streams::new(ssrc, None)));
    assert_eq!(ended, expected);
}

/// S11: a worker that breaks takes its own sessions with it. It hears half of the others' clients, too.
#[test]
fn a_worker_that_begins_anew_leaves_the_others_clients_alone() {
    let mut world = World::new(24, 2, 4, FAIR);
    world.connect();
    let now = world.now;
    world.workers[0] = world.workers[0].anew(now);
    world.peers.iter_mut().for_each(|p| p.heard.fill(0));
    world.run(Duration::from_secs(1));
    for (listener, speaker) in [(1, 3), (3, 1)] {
        let heard = world.peers[listener].heard[speaker];
        assert!(heard >= 48, "{listener} hears {heard} of {speaker}");
    }
    assert_eq!(world.peers[0].heard.iter().sum::<u64>(), 0);
}

fn was_sent_to(world: &World, address: SocketAddr) -> bool {
    world.network.sent.iter().any(|(to, _)| *to == address)
}

/// Without checks for longer than consent lasts, a session is left to its timers and nothing is
/// sent to where it was.
#[test]
fn nothing_is_sent_to_who_is_gone() {
    let mut world = World::new(5, 2, 3, FAIR);
    world.connect();
    let gone = world.peers.pop().expect("three peers").address;
    world.run(Duration::from_secs(1));
    assert!(was_sent_to(&world, gone), "consent is not over yet");
    world.run(Duration::from_secs(60));
    world.network.sent.clear();
    world.run(Duration::from_secs(1));
    assert!(!world.network.sent.is_empty(), "the others go on");
    assert!(!was_sent_to(&world, gone));
}

/// Whoever sees a check on its way cannot have the media sent elsewhere by sending a copy.
#[test]
fn a_copied_check_moves_nothing() {
    let mut world = World::new(7, 2, 3, FAIR);
    world.connect();
    let stranger = SocketAddr::from(([203, 0, 113, 1], 9));
    let checks = world.network.seen.iter().filter(|(_, b)| is_stun(b));
    let checks: Vec<Vec<u8>> = checks.map(|(_, bytes)| bytes.clone()).collect();
    assert!(checks.len() >= 3, "each client checked");
    for check in checks {
        world.reach_engine(stranger, &check);
    }
    world.network.sent.clear();
    assert!(world.least_heard(Duration::from_secs(1)) >= 48);
    assert!(!was_sent_to(&world, stranger));
}

/// Found by the next test: str0m takes another SSRC over from a packet that it could not decrypt.
#[test]
fn a_forged_packet_ends_no_stream() {
    let mut world = World::new(8, 2, 3, FAIR);
    world.connect();
    // By then receiver reports have told the clients that their streams are known, and they leave
    // the header extension out by which str0m would find them again.
    world.run(Duration::from_secs(10));
    let media = world
        .network
        .seen
        .iter()
        .filter(|(_, b)| b[0] & 0xc0 == 0x80);
    for (from, mut packet) in media.cloned().collect::<Vec<_>>() {
        packet[11] ^= 1;
        world.reach_engine(from, &packet);
    }
    assert!(world.least_heard(Duration::from_secs(1)) >= 48);
}

/// RFC 7714 8.4: a cipher's nonce is made of SSRC and packet index. All of a session's packets go out
/// under one key, so no pair may come twice, also while publishers repeat theirs.
#[test]
fn no_nonce_is_used_twice() {
    let mut world = World::new(9, 2, 3, STORM);
    world.connect();
    world.run(Duration::from_secs(3));
    let media = world.network.seen.iter().filter(|(_, b)| is_media(b));
    for (from, packet) in media.cloned().collect::<Vec<_>>() {
        world.reach_engine(from, &packet);
    }
    world.run(Duration::from_secs(12));
    for peer in &world.peers {
        let sent = world
            .network
            .sent
            .iter()
            .filter(|(to, _)| *to == peer.address);
        let sent: Vec<&[u8]> = sent.map(|(_, bytes)| &bytes[..]).collect();
        let media = nonces(&world, peer.address);
        assert!(media.len() > 1_000, "two others speak for 16 s");
        assert_eq!(media.iter().collect::<HashSet<_>>().len(), media.len());
        // With GCM, which str0m's clients prefer, the index stands at the end.
        let reports = sent.iter().filter(|b| is_rtcp(b));
        let reports: Vec<(&[u8], &[u8])> = reports.map(|b| (&b[4..8], &b[b.len() - 4..])).collect();
        assert_eq!(reports.iter().collect::<HashSet<_>>().len(), reports.len());
        let ours: HashSet<&[u8]> = media.iter().map(|m| &m[2..]).collect();
        let of_streams = reports.iter().filter(|(ssrc, _)| ours.contains(ssrc));
        assert!(of_streams.count() >= 6, "sender reports, every 5 s");
        let others: Vec<_> = reports.iter().filter(|(s, _)| !ours.contains(s)).collect();
        assert!(others.len() >= 12, "receiver reports, every second");
        let reporters: HashSet<&[u8]> = others.iter().map(|(ssrc, _)| *ssrc).collect();
        assert_eq!(reporters.len(), 1, "nobody else says anything");
    }
}

/// Number and SSRC of each packet of media that somebody was sent.
pub(super) fn nonces(world: &World, to: SocketAddr) -> Vec<[u8; 6]> {
    let sent = world.network.sent.iter().filter(|(at, _)| *at == to);
    let media = sent.filter(|(_, b)| is_media(b) && !is_rtcp(b));
    media
        .map(|(_, b)| [b[2], b[3], b[8], b[9], b[10], b[11]])
        .collect()
}

pub(super) fn is_media(datagram: &[u8]) -> bool {
    datagram[0] & 0xc0 == 0x80
}

/// A session in which nothing happens is not woken tens of times a second for nothing: there are
/// hundreds of them.
#[test]
fn who_is_silent_is_left_alone() {
    let mut world = World::new(12, 1, 3, FAIR);
    world.connect();
    world.next_packet += Duration::from_secs(1_000);
    world.run(Duration::from_secs(5));
    let dues = |world: &World| -> Vec<Instant> {
        let sessions = world.workers[0].sessions.iter();
        sessions.map(|(_, session)| session.wake_at()).collect()
    };
    let (mut before, mut changes) = (dues(&world), 0);
    for _ in 0..10_000 {
        world.run(Duration::from_millis(1));
        let after = dues(&world);
        changes += before.iter().zip(&after).filter(|(b, a)| b != a).count();
        before = after;
    }
    assert!(changes > 0, "statistics and checks go on");
    // Three sessions for ten seconds.
    assert!(changes < 3 * 10 * 4, "{changes} wakes");
}

/// A session of a world with a client's side of its keys.
pub(super) fn as_client(world: &mut World, peer: usize) -> (Srtp, SocketAddr) {
    let home = world.home(peer);
    let index = world.workers[home].index_of[&SessionId(peer as u64)];
    let keys = world.workers[home].sessions[index].egress.keys();
    let client = Keys {
        material: KeyingMaterial::new(&keys.material),
        profile: keys.profile,
        active: !keys.active,
    };
    let srtp = Srtp::new(&client).expect("a known profile");
    (srtp, world.peers[peer].address)
}

/// S11: a client says whatever it likes about what it receives, with its own keys.
#[test]
fn no_report_hurts_anybody() {
    let (seed, goes_on) = search(10);
    let mut random = StdRng::seed_from_u64(seed);
    let mut world = World::new(seed, 2, 3, FAIR);
    world.connect();
    let (mut srtp, address) = as_client(&mut world, 0);
    let ssrcs = world.sending_ssrcs(0);
    for round in (0..).take_while(|round| goes_on(*round)) {
        for _ in 0..300 {
            let mut compound = nonsense_about(&mut random, &ssrcs);
            srtp.seal_rtcp(&mut compound);
            world.reach_engine(address, &compound);
        }
        world.network.seen.clear();
        world.network.sent.clear();
        let heard = world.least_heard(Duration::from_secs(1));
        assert!(heard >= 48, "{heard} of 50, round {round}, seed {seed}");
    }
}

/// Something like RTCP, about streams that there are as often as not.
fn nonsense_about(random: &mut StdRng, ssrcs: &[u32]) -> Vec<u8> {
    let mut compound = Vec::new();
    for _ in 0..random.random_range(1..5) {
        let words = random.random_range(1..30u16);
        let claimed = match random.random_bool(0.1) {
            true => random.random(),
            false => words,
        };
        compound.push(0x80 | random.random_range(0..32u8));
        compound.push(random.random_range(198..209));
        compound.extend(claimed.to_be_bytes());
        for _ in 0..words {
            let word = match random.random_bool(0.3) {
                true => ssrcs[random.random_range(0..ssrcs.len())],
                false => random.random(),
            };
            compound.extend(word.to_be_bytes());
        }
    }
    compound
}

/// A copy of a client's report has no effect (RFC 3711 3.3.2), nor has one of somebody else's.
#[test]
fn a_report_counts_once_and_from_its_client_alone() {
    let mut world = World::new(11, 1, 3, FAIR);
    world.connect();
    let (mut srtp, address) = as_client(&mut world, 0);
    let (mut other, _) = as_client(&mut world, 1);
    let report = report_of_loss(world.sending_ssrcs(0)[0]);
    let loss = |world: &mut World, sealed: &[u8]| {
        world.reach_engine(address, sealed);
        let session = world.workers[0].index_of[&SessionId(0)];
        let egress = &mut world.workers[0].sessions[session].egress;
        egress.reception.take().0
    };
    let sealed = |srtp: &mut Srtp, lost: u8| {
        let mut compound = report(lost);
        srtp.seal_rtcp(&mut compound);
        compound
    };
    let first = sealed(&mut srtp, 0);
    loss(&mut world, &first);
    let forged = sealed(&mut other, 50);
    assert!(loss(&mut world, &forged) < 0.01, "another client's keys");
    let second = sealed(&mut srtp, 50);
    assert!(loss(&mut world, &second) > 0.4);
    let third = sealed(&mut srtp, 50);
    assert!(loss(&mut world, &third) < 0.01, "nothing more was lost");
    assert!(loss(&mut world, &second) < 0.01, "a copy");
    assert!(loss(&mut world, &first) < 0.01, "a copy");
}

/// A receiver report about one stream: that many lost of twice as many.
fn report_of_loss(ssrc: u32) -> impl Fn(u8) -> Vec<u8> {
    move |lost| {
        let mut compound = vec![0x81, 201, 0, 7, 0, 0, 0, 1];
        compound.extend(ssrc.to_be_bytes());
        compound.extend([0, 0, 0, lost, 0, 1, 0x80, 2 * lost]);
        compound.extend([0; 12]);
        compound
    }
}

/// The seed of a search, and whether it goes on with this round: twenty, or as long as
/// `PLENARY_FUZZ_SECONDS` says.
pub(in crate::engine::packets) fn search(usual_seed: u64) -> (u64, impl Fn(usize) -> bool) {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().expect("a number"))
    };
    let seconds = number("PLENARY_FUZZ_SECONDS").map(Duration::from_secs);
    #[allow(clippy::disallowed_methods)] // how long a search goes on is no matter of the simulation
    let start = Instant::now();
    #[allow(clippy::disallowed_methods)]
    let goes_on = move |round| seconds.map_or(round < 20, |s| start.elapsed() < s);
    (number("PLENARY_FUZZ_SEED").unwrap_or(usual_seed), goes_on)
}

/// S11, CVE-2025-49140, CVE-2026-54908: whatever arrives, from strangers or from a client's own
/// address, neither ends the worker nor anybody's call, nor fills its tables.
#[test]
fn nothing_that_arrives_hurts_those_inside() {
    let (seed, goes_on) = search(6);
    let mut random = StdRng::seed_from_u64(seed);
    let mut world = World::new(seed, 2, 3, FAIR);
    world.connect();
    for round in (0..).take_while(|round| goes_on(*round)) {
        for _ in 0..500 {
            let (from, bytes) = nonsense(&mut random, &world.network.seen);
            world.reach_engine(from, &bytes);
        }
        world.network.seen.truncate(2000);
        world.network.sent.clear();
        let heard = world.least_heard(Duration::from_secs(1));
        assert!(heard >= 45, "{heard} of 50, round {round}, seed {seed}");
        for worker in &world.workers {
            assert!(worker.demux.size() <= 64, "round {round}, seed {seed}");
        }
    }
}

/// Something that was sent, changed; or nothing that ever was.
fn nonsense(random: &mut StdRng, seen: &[(SocketAddr, Vec<u8>)]) -> (SocketAddr, Vec<u8>) {
    let stranger = SocketAddr::from(([203, 0, 113, 1], random.random()));
    if random.random_bool(0.2) {
        let mut bytes = vec![0; random.random_range(0..200)];
        random.fill(&mut bytes[..]);
        return (stranger, bytes);
    }
    let (from, bytes) = &seen[random.random_range(0..seen.len())];
    let from = if random.random_bool(0.3) {
        stranger
    } else {
        *from
    };
    let mut bytes = bytes.clone();
    for _ in 0..random.random_range(0..4) {
        if bytes.is_empty() {
            break;
        }
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..5) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, random.random()),
            _ => {
                let more = bytes[at..].to_vec();
                bytes.extend(more);
            }
        }
    }
    (from, bytes)
}
