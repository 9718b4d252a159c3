//! Which workers have receivers for which layers of a track. What nobody listens to never leaves
//! its publisher's worker.

use str0m::media::Mid;

use super::layers::SPATIAL;

/// At the publisher's worker: for each spatial layer the workers that want it, a bit each.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interests([u64; SPATIAL]);

impl Interests {
    /// What a worker wants now, a bit for each layer.
    pub fn set(&mut self, worker: usize, layers: u8) {
        for (spatial, workers) in self.0.iter_mut().enumerate() {
            let bit = 1 << worker;
            match layers >> spatial & 1 {
                0 => *workers &= !bit,
                _ => *workers |= bit,
            }
        }
    }

    pub fn workers(&self, spatial: u8) -> u64 {
        self.0.get(usize::from(spatial)).copied().unwrap_or(0)
    }

    /// Those that want any layer at all.
    pub fn all_workers(&self) -> u64 {
        self.0.iter().fold(0, |all, workers| all | workers)
    }

    /// The layers that somebody wants, a bit each.
    pub fn layers(&self) -> u8 {
        let bits = self.0.iter().enumerate();
        bits.fold(0, |all, (s, w)| all | u8::from(*w != 0) << s)
    }

    pub fn is_empty(&self) -> bool {
        self.layers() == 0
    }
}

/// At a receivers' worker: who receives a track there.
#[derive(Debug, Default)]
pub(crate) struct Receivers {
    /// Session and section.
    pub list: Vec<(usize, Mid)>,
    /// The publisher's worker.
    pub origin: usize,
    /// What it was told that this worker wants.
    pub told: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_goes_to_those_who_want_it() {
        let mut interests = Interests::default();
        interests.set(0, 0b001);
        interests.set(63, 0b101);
        assert_eq!(interests.workers(0), 1 | 1 << 63);
        assert_eq!(interests.workers(2), 1 << 63);
        assert_eq!((interests.workers(1), interests.layers()), (0, 0b101));
        interests.set(63, 0);
        interests.set(0, 0);
        assert!(interests.is_empty());
    }
}
