//! Seeds.

use super::story::{tell, Plot};

const PLOT: Plot = Plot {
    people: 6,
    rounds: 2,
};

/// A story on a clock of its own.
fn story(seed: u64, plot: Plot) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(tell(seed, plot))
}

#[test]
fn engine_service_and_clients_agree_whatever_breaks() {
    for seed in 0..4 {
        println!("seed {seed}");
        story(seed, PLOT);
    }
}

#[test]
fn a_seed_is_a_story() {
    let (first, second) = (story(7, PLOT), story(7, PLOT));
    let differs = first.iter().zip(&second).find(|(a, b)| a != b);
    assert_eq!(differs, None);
    assert_eq!(first.len(), second.len());
}
