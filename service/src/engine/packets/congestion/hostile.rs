//! What comes from outside can be anything (S11): nothing breaks, and nobody gains by it.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::simulated::report;
use super::{Congestion, Malformed, Micros};

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
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

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
