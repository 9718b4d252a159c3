//! What the workers do, counted in instructions: `cargo xtask bench instructions` runs these tests under
//! Callgrind and divides what it counts by the units that each of them prints. Clients, network and
//! handshakes are not counted. Seeded, so that a count repeats.

use std::cell::Cell;
use std::time::Duration;

use str0m::net::Protocol;

use super::pictures::Media;
use super::{Weather, World};
use crate::engine::packets::command::{Command, SessionId, Want};
use crate::engine::packets::layers::Layer;

const FAIR: Weather = Weather {
    protocol: Protocol::Udp,
    loss: 0.0,
    delay: (5, 5),
};

thread_local! {
    static COUNTING: Cell<bool> = const { Cell::new(false) };
}

/// Callgrind counts within this function; it is never within itself, which would be taken for its end.
#[inline(never)]
#[no_mangle]
fn plenary_counted(work: &mut dyn FnMut()) {
    work();
}

/// Everything that workers do is done here; what they do in a measured time is counted.
pub(super) fn by_workers(mut work: impl FnMut()) {
    match COUNTING.get() {
        true => plenary_counted(&mut work),
        false => work(),
    }
}

/// A world with one worker, in which the first `speakers` speak to all others.
fn world(people: usize, speakers: usize) -> World {
    let mut world = World::new(1, 1, people, FAIR);
    world.speakers = speakers;
    world.connect();
    world
}

/// Packets that the peers hear in a time that is counted.
fn heard(world: &mut World, time: Duration) -> u64 {
    world.peers.iter_mut().for_each(|p| p.heard.fill(0));
    COUNTING.set(true);
    world.run(time);
    COUNTING.set(false);
    let heard = world.peers.iter().flat_map(|p| p.heard.iter());
    heard.sum()
}

/// One who speaks, to 20.
#[test]
#[ignore = "counted by `cargo xtask bench instructions`"]
fn fan_out() {
    let mut world = world(21, 1);
    let packets = heard(&mut world, Duration::from_secs(4));
    assert!(packets > 3_900, "{packets}");
    println!("units: {packets} packets sent");
}

/// Eight who all speak to each other.
#[test]
#[ignore = "counted by `cargo xtask bench instructions`"]
fn full_relay() {
    let mut world = world(8, 8);
    let packets = heard(&mut world, Duration::from_secs(2));
    assert!(packets > 5_500, "{packets}");
    println!("units: {packets} packets sent");
}

/// Twenty who are there and silent.
#[test]
#[ignore = "counted by `cargo xtask bench instructions`"]
fn idle() {
    let mut world = world(20, 0);
    let packets = heard(&mut world, Duration::from_secs(10));
    assert_eq!(packets, 0);
    println!("units: 200 seconds of a session");
}

/// One who shows three layers to eight, each of whom wants another layer ten times a second.
#[test]
#[ignore = "counted by `cargo xtask bench instructions`"]
fn layer_switching() {
    const VIEWERS: usize = 8;
    let mut world = World::of(Media::Pictures, 1, 1, VIEWERS + 1, FAIR);
    world.speakers = 1;
    world.connect();
    let mut packets = 0;
    for round in 0..30 {
        for viewer in 1..=VIEWERS {
            world.links[0].command(Command::Want {
                id: SessionId(viewer as u64),
                mid: world.peers[viewer].ears[0],
                want: Want {
                    most: Layer::new((round + viewer as u8) % 3, 3),
                    class: 0,
                    size: 0,
                },
            });
        }
        packets += heard(&mut world, Duration::from_millis(100));
    }
    assert!(packets > 800, "{packets}");
    let seen = world.peers.iter().skip(1).map(|p| p.camera.seen);
    // A change waits for a key frame, so some do not come about.
    let all = seen.clone().all(|seen| seen.iter().all(|n| *n > 4));
    assert!(all, "{:?}", seen.collect::<Vec<_>>());
    println!("units: {packets} packets sent while layers change");
}
