//! Prints what the stories of [`super::scenarios`] came to with forty seeds each, for `docs/engine.md`:
//! `cargo test -p plenary-service --lib congestion::figures -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use super::scenarios::{
    lossy, minute, narrowed, path, shaky, shared, silenced, stalling, LIFTED, NARROWED, WIDE,
};
use super::simulated::{report, Path, Peer, MS, SECOND};
use super::{Congestion, Micros};

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
    tell_steady(name, (0..40).map(|seed| minute(path, seed)).collect());
}

fn tell_steady(name: &str, peers: Vec<Peer>) {
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
    tell_steady(
        "5 Mbit/s, 150 ms still each 3 s",
        (0..40).map(stalling).collect(),
    );
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

/// What a packet and a report cost, at 250 packets a second; and the dearest report that can be made
/// up (S11).
#[test]
#[ignore = "prints figures"]
fn cost() {
    const PACKETS: u32 = 100_000;
    let start = Instant::now();
    let mut congestion = Congestion::new(1_000_000, start);
    let (mut sending, mut reading) = (Duration::ZERO, Duration::ZERO);
    for n in 0..PACKETS {
        let now = start + Duration::from_millis(4) * n;
        let began = Instant::now();
        congestion.sent(n as u16, 1_100, None, now);
        sending += began.elapsed();
        if n % 25 == 24 {
            let sent = (n - 24..=n).map(|n| Some(i64::from(n) * 4 * MS + 30 * MS));
            let fci = report((n - 24) as u16, &sent.collect::<Vec<_>>(), 0);
            let began = Instant::now();
            congestion.feedback(&fci, now).expect("well formed");
            reading += began.elapsed();
        }
    }
    let missing = report(0, &[None; 8_191], 0);
    let began = Instant::now();
    for _ in 0..1_000 {
        congestion.feedback(&missing, start).expect("well formed");
    }
    println!("a packet {:?}", sending / PACKETS);
    println!("a report of 25 packets {:?}", reading / (PACKETS / 25));
    println!(
        "a report of 8191 missing ones {:?}",
        began.elapsed() / 1_000
    );
}
