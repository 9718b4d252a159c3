//! What the rate has to do on paths that are narrow, lossy, shaky, silent or shared.
//!
//! Each is a story told with several seeds; `figures` prints what came of all of them
//! (`cargo test -p plenary-service --lib figures -- --ignored --nocapture`).

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::feedback::Malformed;
use super::simulated::{report, Path, Peer, World, MS, SECOND, SOUND};
use super::{Congestion, Micros};

/// Each story is told with these.
const SEEDS: std::ops::Range<u64> = 0..8;
const WIDE: u64 = 2_500_000;

fn path(rate: u64) -> Path {
    Path {
        rate,
        ..Path::default()
    }
}

fn lossy(loss: f64) -> Path {
    Path {
        loss,
        ..path(5_000_000)
    }
}

fn shaky() -> Path {
    Path {
        delay: 75 * MS,
        jitter: 30 * MS,
        ..path(3_000_000)
    }
}

/// A minute on a path that stays as it is.
fn minute(path: Path, seed: u64) -> Peer {
    let mut world = World::new(path, 1, seed);
    world.run_until(60 * SECOND);
    world.peers.remove(0)
}

const NARROWED: Micros = 10 * SECOND;
const LIFTED: Micros = 40 * SECOND;

/// Wide for ten seconds, half a minute at `rate`, and wide again.
fn narrowed(wide: Path, rate: u64, seed: u64) -> Peer {
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

fn silenced(seed: u64) -> Peer {
    let mut world = World::new(path(5_000_000), 1, seed);
    world.run_until(10 * SECOND);
    world.path.feedback = false;
    world.run_until(12 * SECOND);
    world.path.feedback = true;
    world.run_until(30 * SECOND);
    world.peers.remove(0)
}

fn shared(rate: u64, seed: u64) -> Vec<Peer> {
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

/// What a receiver makes up can neither make it panic nor raise the rate beyond what was sent.
#[test]
fn made_up_feedback_raises_nothing() {
    let start = Instant::now();
    let mut congestion = Congestion::new(300_000, start);
    congestion.set_desired(50_000_000, start);
    for n in 0..2_000u16 {
        let now = start + Duration::from_millis(20) * u32::from(n);
        congestion.sent(n, 110, None, now);
        // It came before it was sent, everything at once.
        let told = congestion.feedback(&report(n, &[Some(0)], 0), now);
        assert_eq!(told, Ok(()));
        assert_eq!(congestion.feedback(&[0; 8], now), Err(Malformed::Empty));
    }
    let estimate = congestion.estimate().expect("feedback");
    assert!(estimate <= 300_000, "{estimate}");
}

/// What may be done with it, in any order.
#[derive(Debug, Clone)]
enum Step {
    Send {
        bytes: usize,
        later: u64,
    },
    Bytes(Vec<u8>),
    Report {
        back: u16,
        arrivals: Vec<Option<Micros>>,
    },
    Tick {
        later: u64,
    },
    Desire(u64),
    Probe,
}

fn step() -> impl Strategy<Value = Step> {
    let arrival = prop_oneof![0i64..10_000_000, any::<i32>().prop_map(i64::from)];
    prop_oneof![
        6 => (0usize..70_000, 0u64..40_000).prop_map(|(bytes, later)| Step::Send { bytes, later }),
        2 => prop::collection::vec(any::<u8>(), 0..60).prop_map(Step::Bytes),
        3 => (0u16..200, prop::collection::vec(prop::option::of(arrival), 1..40))
            .prop_map(|(back, arrivals)| Step::Report { back, arrivals }),
        1 => (0u64..5_000_000).prop_map(|later| Step::Tick { later }),
        1 => any::<u64>().prop_map(Step::Desire),
        1 => Just(Step::Probe),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// S11: whatever comes from outside, and in whatever order: no panic, an estimate within its
    /// bounds, probes within theirs, and never woken in the past without an end.
    #[test]
    fn nothing_that_is_told_breaks_it(
        first: u16,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut now = Instant::now();
        let mut congestion = Congestion::new(1_000_000, now);
        let (mut seq, mut probe) = (first, None);
        for step in steps {
            match step {
                Step::Send { bytes, later } => {
                    now += Duration::from_micros(later);
                    congestion.sent(seq, bytes, probe, now);
                    seq = seq.wrapping_add(1);
                }
                Step::Bytes(fci) => drop(congestion.feedback(&fci, now)),
                Step::Report { back, arrivals } => {
                    let told = congestion.feedback(&report(seq.wrapping_sub(back), &arrivals, 0), now);
                    prop_assert_eq!(told, Ok(()));
                }
                Step::Tick { later } => {
                    now += Duration::from_micros(later);
                    congestion.tick(now);
                }
                Step::Desire(bps) => congestion.set_desired(bps, now),
                Step::Probe => if let Some(asked) = congestion.probe(now) {
                    prop_assert!(asked.packets >= 5 && asked.bytes <= 100_000);
                    probe = Some(asked.id);
                },
            }
            if let Some(bps) = congestion.estimate() {
                prop_assert!((super::rate::LEAST..=super::rate::MOST).contains(&bps));
            }
            prop_assert!((0.0..=1.0).contains(&congestion.loss()));
        }
        // Everything that is due ends by being done.
        for _ in 0..50 {
            if congestion.due().is_none_or(|due| due > now) {
                break;
            }
            congestion.tick(now);
            congestion.probe(now);
        }
        prop_assert!(congestion.due().is_none_or(|due| due > now));
    }
}

fn spread(values: impl Iterator<Item = Option<i64>>) -> String {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    let show = |v: Option<i64>| v.map_or("never".to_owned(), |v| v.to_string());
    let (first, middle, last) = (
        values[0],
        values[values.len() / 2],
        values[values.len() - 1],
    );
    format!("{} … {} … {}", show(first), show(middle), show(last))
}

fn print(name: &str, what: &str, values: impl Iterator<Item = Option<i64>>) {
    println!("{name:36} {what:34} {}", spread(values));
}

fn tell_narrowed(name: &str, wide: Path, rate: u64) {
    let peers: Vec<_> = (0..40).map(|seed| narrowed(wide, rate, seed)).collect();
    let ms = |at: Option<Micros>| at.map(|at| at / MS);
    let kbit = |bps: u64| Some(bps as i64 / 1_000);
    let after = NARROWED + 1_500 * MS;
    print(
        name,
        "below it after ms",
        peers
            .iter()
            .map(|p| ms(p.when(NARROWED + 100 * MS, |e| e <= rate))),
    );
    print(
        name,
        "least then, kbit/s",
        peers.iter().map(|p| kbit(p.range(after, LIFTED).0)),
    );
    print(
        name,
        "most then, kbit/s",
        peers.iter().map(|p| kbit(p.range(after, LIFTED).1)),
    );
    print(
        name,
        "longest freeze, ms",
        peers
            .iter()
            .map(|p| ms(Some(p.freeze(NARROWED - SECOND, LIFTED)))),
    );
    print(
        name,
        "changes of layer meanwhile",
        peers.iter().map(|p| Some(p.changes(NARROWED, LIFTED))),
    );
    print(
        name,
        "2 Mbit/s again after ms",
        peers.iter().map(|p| ms(p.when(LIFTED, |e| e >= 2_000_000))),
    );
}

fn tell_minute(name: &str, path: Path) {
    let peers: Vec<_> = (0..40).map(|seed| minute(path, seed)).collect();
    let kbit = |bps: u64| Some(bps as i64 / 1_000);
    print(
        name,
        "least from 10 s on, kbit/s",
        peers
            .iter()
            .map(|p| kbit(p.range(10 * SECOND, 60 * SECOND).0)),
    );
    print(
        name,
        "most",
        peers
            .iter()
            .map(|p| kbit(p.range(10 * SECOND, 60 * SECOND).1)),
    );
    print(
        name,
        "changes of layer",
        peers
            .iter()
            .map(|p| Some(p.changes(10 * SECOND, 60 * SECOND))),
    );
    print(
        name,
        "longest freeze, ms",
        peers
            .iter()
            .map(|p| Some(p.freeze(10 * SECOND, 60 * SECOND) / MS)),
    );
}

#[test]
#[ignore = "prints figures, asserts nothing: the tests above do"]
fn figures() {
    println!("least … median … most of 40 seeds");
    for rate in [60_000, 100_000, 300_000, 600_000, 1_000_000] {
        tell_narrowed(
            &format!("2.5 Mbit/s to {} kbit/s", rate / 1_000),
            path(WIDE),
            rate,
        );
    }
    for every in [50, 250] {
        let wide = Path {
            feedback_every: every * MS,
            ..path(WIDE)
        };
        tell_narrowed(&format!("to 300, feedback each {every} ms"), wide, 300_000);
        tell_narrowed(&format!("to 60, feedback each {every} ms"), wide, 60_000);
    }
    for queue in [100, 1_000] {
        let wide = Path {
            queue: queue * MS,
            ..path(WIDE)
        };
        tell_narrowed(&format!("to 300, queue of {queue} ms"), wide, 300_000);
        tell_narrowed(&format!("to 60, queue of {queue} ms"), wide, 60_000);
    }
    let far = Path {
        delay: 75 * MS,
        jitter: 30 * MS,
        ..path(WIDE)
    };
    tell_narrowed("to 300, 150 ms and 30 of jitter", far, 300_000);
    let bad = Path {
        loss: 0.05,
        ..path(WIDE)
    };
    tell_narrowed("to 300, 5 % lost", bad, 300_000);
    for loss in [0.02, 0.05, 0.1, 0.2, 0.3] {
        tell_minute(&format!("5 Mbit/s, {} % lost", loss * 100.0), lossy(loss));
    }
    tell_minute("3 Mbit/s, 150 ms, 30 of jitter", shaky());
    for rate in [
        60, 100, 250, 300, 500, 700, 1_000, 1_500, 2_000, 2_500, 5_000,
    ] {
        tell_minute(&format!("{rate} kbit/s"), path(rate * 1_000));
    }
    let silent: Vec<_> = (0..40).map(silenced).collect();
    let back = silent
        .iter()
        .map(|p| p.when(12_200 * MS, |e| e >= 2_000_000));
    print(
        "2 s without feedback",
        "2 Mbit/s again after ms",
        back.map(|b| b.map(|b| b / MS)),
    );
    for rate in [800, 1_200, 2_000, 2_600, 4_000] {
        let peers: Vec<_> = (0..20)
            .flat_map(|seed| shared(rate * 1_000, seed))
            .collect();
        let name = format!("two share {rate} kbit/s");
        print(
            &name,
            "received, kbit/s",
            peers.iter().map(|p| Some(p.delivered as i64 / 120_000)),
        );
        print(
            &name,
            "changes of layer",
            peers
                .iter()
                .map(|p| Some(p.changes(20 * SECOND, 120 * SECOND))),
        );
    }
}
