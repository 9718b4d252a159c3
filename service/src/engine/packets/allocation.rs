//! Who gets how much of a receiver's bandwidth: a function of the estimate and the demands.
//!
//! No clock and no I/O. What is given out once is given again for the same input: nothing flaps
//! while nothing changes.

use super::layers::Ladder;

/// A better layer has to fit with so much to spare, in percent: rates and estimates are never
/// quite still, and each change costs a key frame.
const MARGIN: u64 = 115;

/// One wanted video.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand {
    /// Higher first; what is alike shares alike.
    pub class: u16,
    /// Among equals the larger first: pixels.
    pub size: u32,
    /// What can be had; empty while nothing flows.
    pub ladder: Ladder,
    /// The rung that it has now; `None` if it is paused.
    pub current: Option<usize>,
    /// Not above the current rung this time: the estimate has just fallen.
    pub hold: bool,
}

impl Demand {
    fn cost(&self, rung: Option<usize>) -> u64 {
        rung.map_or(0, |r| u64::from(self.ladder.rungs()[r].rate))
    }

    /// What has to be free for this rung.
    fn needed(&self, rung: usize) -> u64 {
        let cost = self.cost(Some(rung));
        match self.current {
            Some(current) if rung <= current => cost,
            _ => cost * MARGIN / 100,
        }
    }

    fn may_have(&self, rung: usize) -> bool {
        rung < self.ladder.rungs().len() && !(self.hold && self.current.is_some_and(|c| rung > c))
    }
}

/// The order in which demands are served: indices into `demands`.
pub(crate) fn order(demands: &[Demand], order: &mut Vec<usize>) {
    order.clear();
    order.extend(0..demands.len());
    order.sort_by_key(|i| {
        let demand = &demands[*i];
        (std::cmp::Reverse((demand.class, demand.size)), *i)
    });
}

/// Give out `budget` bits per second: every video its lowest layer in their order, then better
/// ones, class by class and step by step. `granted` gets a rung for each demand, or `None` for
/// what does not fit at all.
pub(crate) fn distribute(
    budget: u64,
    demands: &[Demand],
    order: &[usize],
    granted: &mut Vec<Option<usize>>,
) {
    granted.clear();
    granted.resize(demands.len(), None);
    let mut left = budget;
    for &i in order {
        let demand = &demands[i];
        if demand.may_have(0) && demand.needed(0) <= left {
            granted[i] = Some(0);
            left -= demand.cost(Some(0));
        }
    }
    let mut served = 0;
    while served < order.len() {
        let class = demands[order[served]].class;
        let peers = order[served..].partition_point(|&i| demands[i].class == class);
        let peers = &order[served..served + peers];
        served += peers.len();
        while raise(demands, peers, granted, &mut left) {}
    }
}

/// One step up for everybody of a class who can have one; false if that was nobody.
fn raise(
    demands: &[Demand],
    peers: &[usize],
    granted: &mut [Option<usize>],
    left: &mut u64,
) -> bool {
    let mut any = false;
    for &i in peers {
        let (demand, Some(rung)) = (&demands[i], granted[i]) else {
            continue;
        };
        let free = *left + demand.cost(Some(rung));
        if demand.may_have(rung + 1) && demand.needed(rung + 1) <= free {
            granted[i] = Some(rung + 1);
            *left = free - demand.cost(Some(rung + 1));
            any = true;
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::packets::layers::{Layer, Rung};
    use proptest::prelude::*;

    fn ladder(rates: &[u32]) -> Ladder {
        let mut ladder = Ladder::default();
        for (n, rate) in rates.iter().enumerate() {
            ladder.push(Rung {
                layer: Layer::new(n as u8, 3),
                rate: *rate,
            });
        }
        ladder
    }

    fn demand(class: u16, rates: &[u32], current: Option<usize>) -> Demand {
        Demand {
            class,
            size: 0,
            ladder: ladder(rates),
            current,
            hold: false,
        }
    }

    fn give(budget: u64, demands: &[Demand]) -> Vec<Option<usize>> {
        let (mut indices, mut granted) = (Vec::new(), Vec::new());
        order(demands, &mut indices);
        distribute(budget, demands, &indices, &mut granted);
        granted
    }

    #[test]
    fn everybody_gets_something_before_anybody_gets_more() {
        let camera = demand(0, &[100, 400, 1_000], None);
        let screen = demand(4, &[100, 400, 1_000], None);
        assert_eq!(give(250, &[camera, screen]), [Some(0), Some(0)]);
        assert_eq!(give(600, &[camera, screen]), [Some(0), Some(1)]);
        assert_eq!(give(1_300, &[camera, screen]), [Some(0), Some(2)]);
        assert_eq!(give(9_000, &[camera, screen]), [Some(2), Some(2)]);
        // What does not fit at all is paused, the less important first.
        assert_eq!(give(120, &[camera, screen]), [None, Some(0)]);
    }

    #[test]
    fn a_better_layer_needs_room_to_spare_and_a_held_one_stays() {
        let rates = [100, 400];
        assert_eq!(give(410, &[demand(0, &rates, Some(0))]), [Some(0)]);
        assert_eq!(give(460, &[demand(0, &rates, Some(0))]), [Some(1)]);
        assert_eq!(give(410, &[demand(0, &rates, Some(1))]), [Some(1)]);
        let held = Demand {
            hold: true,
            ..demand(0, &rates, Some(0))
        };
        assert_eq!(give(10_000, &[held]), [Some(0)]);
    }

    fn any_demand() -> impl Strategy<Value = Demand> {
        (
            0u16..3,
            0u32..4,
            prop::collection::vec(1u32..2_000, 0..6),
            prop::option::of(0usize..6),
            any::<bool>(),
        )
            .prop_map(|(class, size, mut rates, current, hold)| {
                rates.sort_unstable();
                let ladder = ladder(&rates);
                let top = ladder.rungs().len().checked_sub(1);
                Demand {
                    class,
                    size,
                    ladder,
                    current: current.and_then(|c| Some(c.min(top?))),
                    hold,
                }
            })
    }

    proptest! {
        /// Never more than there is; what is paused does not fit into what is left; who comes
        /// first is not paused for who comes later and needs as much; and the same again, when
        /// what was given is what everybody has.
        #[test]
        fn bandwidth_is_given_out_once_and_steadily(
            budget in 0u64..6_000,
            demands in prop::collection::vec(any_demand(), 0..12),
        ) {
            let granted = give(budget, &demands);
            let spent: u64 = demands.iter().zip(&granted).map(|(d, g)| d.cost(*g)).sum();
            prop_assert!(spent <= budget);
            for (demand, grant) in demands.iter().zip(&granted) {
                if let Some(rung) = grant {
                    prop_assert!(*rung < demand.ladder.rungs().len());
                    if let (true, Some(current)) = (demand.hold, demand.current) {
                        prop_assert!(*rung <= current);
                    }
                }
            }
            let mut indices = Vec::new();
            order(&demands, &mut indices);
            for (place, &i) in indices.iter().enumerate() {
                if granted[i].is_some() || demands[i].ladder.rungs().is_empty() {
                    continue;
                }
                for &later in &indices[place + 1..] {
                    if granted[later].is_none() {
                        continue;
                    }
                    let smaller = demands[later].needed(0) < demands[i].needed(0)
                        || demands[later].cost(Some(0)) < demands[i].needed(0);
                    prop_assert!(smaller);
                }
            }
            let again: Vec<Demand> = demands
                .iter()
                .zip(&granted)
                .map(|(d, g)| Demand { current: *g, hold: false, ..*d })
                .collect();
            let held = demands.iter().any(|d| d.hold);
            if !held {
                prop_assert_eq!(give(budget, &again), granted);
            }
        }
    }
}
