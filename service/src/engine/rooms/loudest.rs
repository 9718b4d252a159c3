//! Who is heard where more speak than can be: the loudest, without seats changing hands at every
//! word. A function of levels and time; no clock of its own.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// So much louder, in dB: twice the sound pressure, which nobody takes for the same.
const CLEARLY: f32 = 6.0;
/// And for so long: longer than a cough, shorter than a sentence.
const LASTING: Duration = Duration::from_secs(1);
/// What counts as no sound at all, in dB of full scale.
pub(crate) const SILENCE: f32 = -60.0;
/// The newest half second's share of a voice's level: two seconds are what counts.
const NEWEST: f32 = 0.3;

/// A voice's level goes on from its share of full scale in the last half second.
pub(crate) fn smooth(level: f32, newest: f32) -> f32 {
    let newest = (20.0 * newest.max(1e-3).log10()).max(SILENCE);
    level + (newest - level) * NEWEST
}

/// One who could be heard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice<'a> {
    pub track: &'a str,
    /// Asked for by name.
    pub asked: bool,
    pub muted: bool,
    /// Speaks, or spoke a moment ago.
    pub speaking: bool,
    /// Smoothed, in dB of full scale.
    pub level: f32,
}

impl Voice<'_> {
    /// Who has a stronger claim whatever the levels.
    fn rank(&self) -> (bool, bool, bool) {
        (self.asked, !self.muted, self.speaking)
    }

    fn strength(&self) -> impl PartialOrd {
        (self.rank(), self.level)
    }
}

/// Who has been clearly louder than somebody heard, and since when.
pub(crate) type Louder = HashMap<String, Instant>;

/// The voices (by their place in `voices`) that get one of so many seats. Who has a seat keeps it,
/// unless somebody with a stronger claim has none, or somebody clearly louder for a while.
pub(crate) fn choose(
    voices: &[Voice],
    seated: impl Fn(&str) -> bool,
    capacity: usize,
    louder: &mut Louder,
    now: Instant,
) -> Vec<usize> {
    let stronger = |a: &usize, b: &usize| {
        let (a, b) = (voices[*a].strength(), voices[*b].strength());
        b.partial_cmp(&a).unwrap_or(std::cmp::Ordering::Equal)
    };
    let (mut chosen, mut waiting): (Vec<usize>, Vec<usize>) =
        (0..voices.len()).partition(|v| seated(voices[*v].track));
    chosen.sort_by(stronger);
    waiting.sort_by(stronger);
    waiting.extend(chosen.drain(capacity.min(chosen.len())..));
    let free = capacity - chosen.len();
    chosen.extend(waiting.drain(..free.min(waiting.len())));
    chosen.sort_by(stronger);
    louder.retain(|track, _| waiting.iter().any(|w| voices[*w].track == track));
    for challenger in waiting {
        let Some(weakest) = chosen.pop() else { break };
        let (new, old) = (&voices[challenger], &voices[weakest]);
        let clearly = new.rank() == old.rank() && new.speaking && new.level > old.level + CLEARLY;
        let takes = match clearly {
            true => {
                let since = *louder.entry(new.track.to_owned()).or_insert(now);
                now.saturating_duration_since(since) >= LASTING
            }
            false => {
                louder.remove(new.track);
                new.rank() > old.rank()
            }
        };
        let seat = if takes { challenger } else { weakest };
        let at = chosen.partition_point(|c| stronger(c, &seat).is_lt());
        chosen.insert(at, seat);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const SEATS: usize = 12;
    const TURN: Duration = Duration::from_millis(500);

    struct Room {
        names: Vec<String>,
        levels: Vec<f32>,
        seated: HashSet<String>,
        louder: Louder,
        now: Instant,
    }

    impl Room {
        fn new(people: usize) -> Self {
            Self {
                names: (0..people).map(|n| format!("TR_{n}")).collect(),
                levels: vec![SILENCE; people],
                seated: HashSet::new(),
                louder: Louder::new(),
                now: Instant::now(),
            }
        }

        /// Everybody speaks so loud for half a second; how many seats change hands.
        fn turn(&mut self, spoken: impl Fn(usize) -> f32) -> usize {
            self.now += TURN;
            let before = self.levels.clone();
            for (n, level) in self.levels.iter_mut().enumerate() {
                *level = smooth(*level, 10f32.powf(spoken(n) / 20.0));
            }
            let voices: Vec<Voice> = (0..self.names.len())
                .map(|n| Voice {
                    track: &self.names[n],
                    asked: false,
                    muted: false,
                    speaking: spoken(n) > -40.0,
                    level: self.levels[n],
                })
                .collect();
            let seated = |track: &str| self.seated.contains(track);
            let chosen = choose(&voices, seated, SEATS, &mut self.louder, self.now);
            assert_eq!(chosen.len(), SEATS.min(voices.len()));
            let chosen: HashSet<String> = chosen.iter().map(|c| self.names[*c].clone()).collect();
            assert_eq!(chosen.len(), SEATS.min(voices.len()), "one seat each");
            let level = |name: &String| {
                let at = self.names.iter().position(|n| n == name).expect("a name");
                (self.levels[at], before[at])
            };
            let new: Vec<&String> = chosen.difference(&self.seated).collect();
            for name in &new {
                let mut gone = self.seated.difference(&chosen).peekable();
                let mut justified = gone.peek().is_none();
                for old in gone {
                    let ((now, then), (old_now, old_then)) = (level(name), level(old));
                    let lasting = now > old_now + CLEARLY && then > old_then + CLEARLY;
                    let silent = spoken(old[3..].parse().expect("a number")) <= -40.0;
                    justified |= lasting || silent;
                }
                assert!(justified, "{name} was not louder for a while");
            }
            let changes = new.len();
            self.seated = chosen;
            changes
        }
    }

    #[test]
    fn who_begins_to_speak_is_heard_at_once_and_who_is_louder_after_a_while() {
        let mut room = Room::new(350);
        room.turn(|n| if n < 11 { -20.0 } else { SILENCE });
        assert_eq!(
            room.turn(|n| if n < 11 || n == 300 { -20.0 } else { SILENCE }),
            1
        );
        assert!(room.seated.contains("TR_300"));
        let louder = |n: usize| match n {
            0..11 | 300 => -30.0,
            200 => -10.0,
            _ => SILENCE,
        };
        let turns = (1..20).find(|_| room.turn(louder) > 0).expect("a change");
        assert!((2..8).contains(&turns), "{turns}");
        assert!(room.seated.contains("TR_200"));
    }

    #[test]
    fn a_cough_takes_nobodys_seat() {
        let mut room = Room::new(350);
        let all = |n: usize| if n < 13 { -25.0 } else { SILENCE };
        for _ in 0..20 {
            room.turn(all);
        }
        let before = room.seated.clone();
        let coughs = (0..13).find(|n| !before.contains(&format!("TR_{n}")));
        let coughs = coughs.expect("one without a seat");
        room.turn(|n| if n == coughs { -1.0 } else { all(n) });
        for _ in 0..20 {
            room.turn(all);
        }
        assert_eq!(room.seated, before);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// 350 who all speak, each at a level of their own that wavers: a seat changes hands only
        /// for somebody who has been clearly louder (asserted in each turn), so nobody who lost
        /// one takes it back; and who is heard is not clearly quieter than who is not.
        #[test]
        fn seats_do_not_flap(
            means in prop::collection::vec(-35f32..-5.0, 350),
            noise in prop::collection::vec(-2.5f32..2.5, 997),
        ) {
            let mut room = Room::new(350);
            let at = |turn: usize, n: usize| means[n] + noise[(turn * 7 + n * 13) % noise.len()];
            for turn in 0..60 {
                room.turn(|n| at(turn, n));
            }
            let mut lost = HashSet::new();
            for turn in 60..180 {
                let before = room.seated.clone();
                room.turn(|n| at(turn, n));
                lost.extend(before.difference(&room.seated).cloned());
                prop_assert!(room.seated.is_disjoint(&lost), "a seat was taken back");
            }
            let heard = |n: &usize| room.seated.contains(&room.names[*n]);
            let quietest = (0..350).filter(heard).map(|n| means[n]).fold(0.0, f32::min);
            let louder = (0..350).filter(|n| !heard(n) && means[*n] > quietest + CLEARLY + 5.0);
            prop_assert_eq!(louder.count(), 0);
        }
    }
}
