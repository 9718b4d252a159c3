//! What publishers may send.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::tests::{as_client, is_media, FAIR};
use super::World;
use crate::engine::packets::sending::rtcp::is_rtcp;

/// RFC 3711 3.3.2: what somebody sends again is not forwarded again.
#[test]
fn a_copied_packet_is_not_forwarded() {
    let mut world = World::new(12, 2, 3, FAIR);
    world.connect();
    world.run(Duration::from_secs(2));
    let media = world.network.seen.iter();
    let media = media.filter(|(_, b)| is_media(b) && !is_rtcp(b));
    let media: Vec<_> = media.cloned().collect();
    assert!(media.len() > 300, "three speak");
    world.run(Duration::from_millis(10));
    world.peers.iter_mut().for_each(|p| p.heard.fill(0));
    for (from, packet) in media {
        world.reach_engine(from, &packet);
    }
    world.run(Duration::from_millis(10));
    let heard: Vec<u64> = world.peers.iter().flat_map(|p| p.heard.clone()).collect();
    assert!(heard.iter().all(|n| *n <= 1), "{heard:?}");
}

/// S11, CVE-2025-49140: a client publishes whatever it likes, with its own keys.
#[test]
fn no_packet_of_a_client_hurts_the_others() {
    let mut random = StdRng::seed_from_u64(13);
    let mut world = World::new(13, 2, 3, FAIR);
    world.connect();
    let (srtp, address) = as_client(&mut world, 0);
    for _ in 0..10 {
        for _ in 0..500 {
            let (mut packet, header, index) = nonsense(&mut random);
            srtp.seal_rtp(&mut packet, header, index);
            world.reach_engine(address, &packet);
        }
        world.network.seen.clear();
        world.least_heard(Duration::from_secs(1));
        let others = [world.peers[1].heard[2], world.peers[2].heard[1]];
        assert!(others.iter().all(|n| *n >= 48), "{others:?}");
    }
}

/// Something like RTP, the length of its header and its index.
fn nonsense(random: &mut StdRng) -> (Vec<u8>, usize, u64) {
    let seq: u16 = random.random();
    let extended = random.random_bool(0.7);
    let mut packet = vec![0x80 | u8::from(extended) << 4 | random.random_range(0..2u8) << 5];
    packet.push(random.random_range(90..128));
    packet.extend(seq.to_be_bytes());
    packet.extend(random.random::<u32>().to_be_bytes());
    packet.extend(random.random_range(0..300u32).to_be_bytes());
    if extended {
        let words = random.random_range(0..6u16);
        let form: [u8; 2] = if random.random() {
            [0xbe, 0xde]
        } else {
            [0x10, 0]
        };
        packet.extend(form);
        packet.extend(words.to_be_bytes());
        for _ in 0..4 * words {
            // As often as not the name of a section.
            packet.push(match random.random_bool(0.3) {
                true => random.random_range(b'0'..=b'9'),
                false => random.random(),
            });
        }
    }
    let header = packet.len();
    let mut payload = vec![0; random.random_range(0..40)];
    random.fill(&mut payload[..]);
    packet.extend(payload);
    let rollovers = u64::from(random.random_bool(0.1));
    (packet, header, rollovers << 16 | u64::from(seq))
}
