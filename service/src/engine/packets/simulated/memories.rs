//! Who is expected sees at once what was shown since the last key frame ([`super::super::memory`]).

use std::collections::HashSet;
use std::time::Duration;

use super::tests::{nonces, FAIR};
use super::{Media, World};
use crate::engine::packets::command::{Command, SessionId};
use crate::engine::packets::forward::TrackKey;

/// The way of a packet from the engine. To the publisher and back it takes at least twice as long.
const ONE_WAY: Duration = Duration::from_millis(6);

/// Three with cameras, one of whom is expected company.
fn world(workers: usize) -> World {
    let mut world = World::of(Media::Pictures, 21, workers, 3, FAIR);
    world.connect();
    expect(&mut world, TrackKey(0));
    world.run(Duration::from_secs(3));
    world
}

fn expect(world: &mut World, key: TrackKey) {
    let until = world.now + Duration::from_secs(60);
    world.links[world.home(0)].command(Command::Expect { key, until });
}

/// These stop looking at peer 0.
fn leave(world: &mut World, peers: &[usize]) {
    for peer in peers {
        let (id, mid) = (SessionId(*peer as u64), world.peers[*peer].ears[0]);
        world.links[world.home(*peer)].command(Command::Unroute { id, mid });
    }
    world.run(Duration::from_millis(137));
}

/// They look at a track of peer 0 again; the least that one of them sees at once.
fn come(world: &mut World, peers: &[usize], track: TrackKey) -> Option<u64> {
    for peer in peers {
        world.peers[*peer].heard.fill(0);
        world.route_one(*peer, world.peers[*peer].ears[0], 0, track);
    }
    world.run(ONE_WAY);
    peers.iter().map(|peer| world.peers[*peer].heard[0]).min()
}

#[test]
fn who_comes_sees_at_once_and_no_number_comes_twice_or_is_missing() {
    for workers in [1, 2] {
        let mut world = world(workers);
        let ssrc = world.sending_ssrcs(2)[0].to_be_bytes();
        for _ in 0..30 {
            // Together: what is remembered comes to each of them twice.
            leave(&mut world, &[1, 2]);
            let seen = come(&mut world, &[1, 2], TrackKey(0));
            assert!(seen > Some(0), "{workers} workers");
            world.run(Duration::from_millis(61));
        }
        for peer in &world.peers {
            let nonces = nonces(&world, peer.address);
            assert_eq!(nonces.iter().collect::<HashSet<_>>().len(), nonces.len());
        }
        let sent = nonces(&world, world.peers[2].address).into_iter();
        let numbers = sent.filter(|n| n[2..] == ssrc);
        let mut numbers: Vec<u16> = numbers.map(|n| u16::from_be_bytes([n[0], n[1]])).collect();
        let first = numbers[0];
        numbers.iter_mut().for_each(|n| *n = n.wrapping_sub(first));
        assert!(
            (0..numbers.len() as u16).eq(numbers),
            "in order, without a gap"
        );
    }
}

#[test]
fn nobody_expected_means_nothing_kept() {
    let mut world = World::of(Media::Pictures, 21, 2, 3, FAIR);
    world.connect();
    world.run(Duration::from_secs(3));
    leave(&mut world, &[2]);
    assert_eq!(come(&mut world, &[2], TrackKey(0)), Some(0));
}

/// S14: of the room before, and of before a mute, nothing is shown.
#[test]
fn what_was_shown_elsewhere_or_before_a_mute_is_forgotten() {
    let mut world = world(2);
    let (from, to) = (TrackKey(0), TrackKey(100));
    let publisher = world.links[world.home(0)].clone();
    leave(&mut world, &[2]);
    publisher.command(Command::Rekey { from, to });
    assert_eq!(come(&mut world, &[2], to), Some(0), "moved");
    expect(&mut world, to);
    world.run(Duration::from_secs(3));
    leave(&mut world, &[2]);
    assert!(come(&mut world, &[2], to) > Some(0), "there for a while");
    leave(&mut world, &[2]);
    for open in [false, true] {
        publisher.command(Command::Gate { key: to, open });
    }
    assert_eq!(come(&mut world, &[2], to), Some(0), "muted in between");
}

/// Who is not there any more is expected no longer, and costs nothing.
#[test]
fn what_is_kept_is_forgotten_in_the_end() {
    let mut world = world(2);
    world.run(Duration::from_secs(60));
    leave(&mut world, &[2]);
    assert_eq!(come(&mut world, &[2], TrackKey(0)), Some(0));
}
