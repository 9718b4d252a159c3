//! What the rate has to do on paths that are narrow, lossy, shaky, silent or shared.
//!
//! Each is a story told with several seeds; [`super::figures`] prints what came of many more.

use std::time::{Duration, Instant};

use super::simulated::{report, Path, Peer, World, MS, SECOND, SOUND};
use super::{Congestion, Micros};

/// Each story is told with these.
const SEEDS: std::ops::Range<u64> = 0..5;
pub(super) const WIDE: u64 = 2_500_000;

pub(super) fn path(rate: u64) -> Path {
    Path {
        rate,
        ..Path::default()
    }
}

pub(super) fn lossy(loss: f64) -> Path {
    Path {
        loss,
        ..path(5_000_000)
    }
}

pub(super) fn shaky() -> Path {
    Path {
        delay: 75 * MS,
        jitter: 30 * MS,
        ..path(3_000_000)
    }
}

/// A minute on a path that stays as it is.
pub(super) fn minute(path: Path, seed: u64) -> Peer {
    let mut world = World::new(path, 1, seed);
    world.run_until(60 * SECOND);
    world.peers.remove(0)
}

pub(super) const NARROWED: Micros = 10 * SECOND;
pub(super) const LIFTED: Micros = 40 * SECOND;

/// Wide for ten seconds, half a minute at `rate`, and wide again.
pub(super) fn narrowed(wide: Path, rate: u64, seed: u64) -> Peer {
    let mut world = World::new(wide, 1, seed);
    // Not always at the same time between two reports.
    let begins = NARROWED + (seed as i64 * 13 % 100) * MS;
    world.run_until(begins);
    world.path.rate = rate;
    world.run_until(LIFTED);
    world.path.rate = wide.rate;
    world.run_until(60 * SECOND);
    world.peers.remove(0)
}

pub(super) fn silenced(seed: u64) -> Peer {
    let mut world = World::new(path(5_000_000), 1, seed);
    world.run_until(10 * SECOND);
    world.path.feedback = false;
    world.run_until(12 * SECOND);
    world.path.feedback = true;
    world.run_until(30 * SECOND);
    world.peers.remove(0)
}

/// A radio that says nothing for 150 ms each few seconds, and then everything at once.
pub(super) fn stalling(seed: u64) -> Peer {
    let mut world = World::new(path(5_000_000), 1, seed);
    for n in 1..20 {
        world.run_until(n * 3 * SECOND + seed as i64 * 7 * MS);
        world.stall(150 * MS);
    }
    world.run_until(60 * SECOND);
    world.peers.remove(0)
}

pub(super) fn shared(rate: u64, seed: u64) -> Vec<Peer> {
    let mut world = World::new(path(rate), 2, seed);
    world.run_until(120 * SECOND);
    world.peers
}

#[test]
fn a_path_that_narrows_to_300_kbits_is_known_at_once_and_filled_again_when_wide() {
    for seed in SEEDS {
        let peer = narrowed(path(WIDE), 300_000, seed);
        assert!(peer.mean(8 * SECOND, NARROWED) >= 2_000_000, "seed {seed}");
        let below = peer.when(NARROWED, |e| e <= 300_000).expect("falls");
        assert!(below < 1_500 * MS, "seed {seed}: {below}");
        let (least, most) = peer.range(NARROWED + 1_500 * MS, LIFTED);
        assert!(
            least >= 150_000 && most <= 330_000,
            "seed {seed}: {least} to {most}"
        );
        let freeze = peer.freeze(NARROWED - SECOND, LIFTED);
        assert!(freeze <= SECOND, "seed {seed}: {freeze}");
        let back = peer.when(LIFTED, |e| e >= 2_000_000).expect("rises");
        assert!(back < 15 * SECOND, "seed {seed}: {back}");
    }
}

#[test]
fn a_path_too_narrow_for_the_lowest_layer_has_its_video_paused_and_brought_back() {
    for seed in SEEDS {
        let peer = narrowed(path(WIDE), 60_000, seed);
        let below = peer.when(NARROWED, |e| e < 120_000).expect("falls");
        assert!(below < 10 * SECOND, "seed {seed}: {below}");
        let (_, most) = peer.range(NARROWED + below, LIFTED);
        assert!(most < 120_000, "seed {seed}: {most}");
        assert_eq!(peer.aim_at(LIFTED), None, "seed {seed}");
        let back = peer.when(LIFTED, |e| e >= 2_000_000).expect("rises");
        assert!(back < 15 * SECOND, "seed {seed}: {back}");
        assert_eq!(peer.aim_at(60 * SECOND), Some(2), "seed {seed}");
    }
}

#[test]
fn a_twentieth_lost_at_random_is_no_congestion_a_fifth_is_and_not_the_end() {
    for seed in SEEDS {
        let (least, _) = minute(lossy(0.05), seed).range(5 * SECOND, 60 * SECOND);
        assert!(least >= 2_000_000, "seed {seed}: {least}");

        let mut world = World::new(lossy(0.0), 1, seed);
        world.run_until(10 * SECOND);
        world.path.loss = 0.2;
        world.run_until(60 * SECOND);
        let peer = &world.peers[0];
        let before = peer.mean(8 * SECOND, 10 * SECOND);
        let (least, most) = peer.range(15 * SECOND, 60 * SECOND);
        assert!(
            least >= 150_000 && most < before * 4 / 5,
            "seed {seed}: {least} to {most}"
        );
    }
}

#[test]
fn jitter_is_no_queue() {
    for seed in SEEDS {
        let (least, _) = minute(shaky(), seed).range(10 * SECOND, 60 * SECOND);
        assert!(least >= 2_100_000, "seed {seed}: {least}");
    }
}

#[test]
fn a_path_that_stalls_for_a_moment_is_not_narrow() {
    for seed in SEEDS {
        let (least, _) = stalling(seed).range(10 * SECOND, 60 * SECOND);
        assert!(least >= 2_000_000, "seed {seed}: {least}");
    }
}

#[test]
fn silence_lowers_the_rate_and_its_end_brings_it_back() {
    for seed in SEEDS {
        let peer = silenced(seed);
        let before = peer.mean(8 * SECOND, 10 * SECOND);
        let (least, _) = peer.range(10 * SECOND, 12_200 * MS);
        assert!(least < before * 3 / 4, "seed {seed}: {least} of {before}");
        let back = peer.when(12_200 * MS, |e| e >= 2_000_000).expect("rises");
        assert!(back < 10 * SECOND, "seed {seed}: {back}");
    }
}

#[test]
fn two_that_share_a_path_both_get_a_quarter() {
    for seed in SEEDS {
        for peer in shared(2_000_000, seed) {
            let (least, _) = peer.range(20 * SECOND, 120 * SECOND);
            assert!(least >= 500_000, "seed {seed}: {least}");
            assert!(
                peer.delivered / 120 >= 500_000,
                "seed {seed}: {}",
                peer.delivered
            );
        }
    }
}

/// What is lost and sent again would keep the queue full for good, though the rate was lowered.
#[test]
fn a_full_queue_empties_though_more_is_sent_than_was_granted() {
    for seed in SEEDS {
        let peer = minute(path(700_000), seed);
        let freeze = peer.freeze(10 * SECOND, 60 * SECOND);
        assert!(freeze < SECOND, "seed {seed}: {freeze}");
    }
}

/// Another's key frame fills the queue for a moment.
#[test]
fn who_shares_a_path_that_is_wide_enough_stays_at_the_top() {
    for seed in SEEDS {
        for peer in shared(4_000_000, seed) {
            let changes = peer.changes(20 * SECOND, 120 * SECOND);
            assert!(changes <= 3, "seed {seed}: {changes}");
            assert_eq!(peer.aim_at(120 * SECOND), Some(2), "seed {seed}");
        }
    }
}

/// Who sends only sound neither loses what was proven nor gets more without proof; and what nobody
/// hears of is not woken for.
#[test]
fn who_sends_little_keeps_the_estimate_and_who_sends_nothing_is_left_alone() {
    let start = Instant::now();
    let mut congestion = Congestion::new(1_000_000, start);
    assert_eq!(congestion.due(), None);
    let mut now = start;
    for n in 0..3_000u16 {
        now = start + Duration::from_millis(20) * u32::from(n);
        congestion.sent(n, SOUND as usize / 400, None, now);
        assert_eq!(congestion.estimate().is_some(), n > 4);
        if n % 5 == 4 {
            let arrivals: Vec<_> = (n - 4..=n).map(|n| Some(i64::from(n) * 20 * MS)).collect();
            let later = now + Duration::from_millis(10);
            let read = congestion.feedback(&report(n - 4, &arrivals, 0), later);
            assert_eq!(read, Ok(()));
        }
        if congestion.due().is_some_and(|due| due <= now) {
            congestion.tick(now);
        }
    }
    assert_eq!(congestion.estimate(), Some(1_000_000));
    assert!(congestion.round_trip().is_some_and(|r| r.as_millis() == 10));
    assert_eq!(congestion.due(), None);
    // The last of it is never answered: for a while it is waited for, then nothing was sent.
    congestion.sent(3_000, 110, None, now);
    let mut woken = 0;
    while let Some(due) = congestion.due() {
        woken += 1;
        congestion.tick(due);
        assert!(woken < 5);
    }
}
