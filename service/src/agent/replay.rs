//! What a session keeps of its events, so that after a drop nothing is lost and nothing comes twice.
//! Pure: frames and the time come in.

use crate::chats::missed::Room;
use axum::extract::ws::Utf8Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

/// Events of one session, the last ones of them kept.
#[derive(Debug)]
pub struct Replay {
    /// The number of the last event that is no longer kept; 0: of none.
    dropped: u64,
    kept: VecDeque<Kept>,
    bytes: usize,
    most: usize,
    age_ms: u64,
}

#[derive(Debug)]
struct Kept {
    seq: u64,
    at: u64,
    /// The chat thread that it is about.
    thread: Option<Arc<str>>,
    frame: Utf8Bytes,
}

/// Who missed more is told everything anew, which is less: the snapshot of a meeting of 350 has some 100 KB
/// (`S11`).
const MOST_BYTES: usize = 1 << 20;

impl Replay {
    /// Keeps at most `most` events, each at most `age_ms`.
    pub fn new(most: usize, age_ms: u64) -> Self {
        Self {
            dropped: 0,
            kept: VecDeque::new(),
            bytes: 0,
            most,
            age_ms,
        }
    }

    /// How much it keeps at most.
    pub fn room(&self) -> Room {
        Room {
            events: self.most,
            bytes: MOST_BYTES,
        }
    }

    /// The sequence number of the next event. `told`: with it everything of chat is told that changed up to
    /// then, in µs since 1970, so that the last number that a client heard says what it lacks, also when
    /// its session is forgotten; 0: it says nothing of that. Times fit 53 bits until 2255.
    pub fn next_seq(&self, told: u64) -> u64 {
        let last = self.kept.back().map_or(self.dropped, |kept| kept.seq);
        told.max(last + 1)
    }

    /// Keeps an event of that number, the next one; `thread`: the chat thread that it is about.
    pub fn push(&mut self, seq: u64, frame: Utf8Bytes, thread: Option<Arc<str>>, now: u64) {
        self.bytes += frame.len();
        self.kept.push_back(Kept {
            seq,
            at: now,
            thread,
            frame,
        });
        self.forget(now);
    }

    /// Lets go of what is too old, or too much.
    pub fn forget(&mut self, now: u64) {
        while self.kept.len() > self.most || self.bytes > MOST_BYTES || self.oldest_is_old(now) {
            let Some(oldest) = self.kept.pop_front() else {
                break;
            };
            self.dropped = oldest.seq;
            self.bytes -= oldest.frame.len();
        }
    }

    fn oldest_is_old(&self, now: u64) -> bool {
        self.kept
            .front()
            .is_some_and(|oldest| oldest.at + self.age_ms < now)
    }

    /// Everything after `seq`, or `None` when that is no longer known, or never was.
    pub fn after(&self, seq: u64) -> Option<impl Iterator<Item = &Utf8Bytes>> {
        let skip = match seq == self.dropped {
            true => 0,
            false => 1 + self.kept.binary_search_by_key(&seq, |kept| kept.seq).ok()?,
        };
        Some(self.kept.iter().skip(skip).map(|kept| &kept.frame))
    }

    /// Puts something else in the place of everything about a thread; by sequence number.
    pub fn withdraw(&mut self, thread: &str, other: impl Fn(u64) -> Utf8Bytes) {
        for kept in &mut self.kept {
            if kept.thread.as_deref() == Some(thread) {
                self.bytes -= kept.frame.len();
                kept.frame = other(kept.seq);
                self.bytes += kept.frame.len();
                kept.thread = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(replay: &Replay, seq: u64) -> Option<Vec<String>> {
        Some(replay.after(seq)?.map(|frame| frame.to_string()).collect())
    }

    /// An event that says its number; `told`: up to when everything of chat is told with it.
    fn push(replay: &mut Replay, told: u64, now: u64) -> u64 {
        let seq = replay.next_seq(told);
        replay.push(seq, seq.to_string().into(), None, now);
        seq
    }

    proptest! {
        #[test]
        fn a_replay_is_whole_or_refused(times in prop::collection::vec(0_u64..60, 0..40), most in 1_usize..20, asked in 0_u64..100) {
            let mut replay = Replay::new(most, 1_000);
            let mut given = vec![0];
            for told in times {
                let seq = push(&mut replay, told, 0);
                prop_assert!(seq >= told && seq > given[given.len() - 1], "numbers rise, and are times");
                given.push(seq);
            }
            for seq in given.iter().copied().chain([asked]) {
                let place = given.iter().position(|one| *one == seq);
                let expected = place.map(|place| &given[place + 1..]);
                let expected = expected.filter(|missed| missed.len() <= most);
                let expected = expected.map(|missed| missed.iter().map(u64::to_string).collect());
                prop_assert_eq!(texts(&replay, seq), expected);
            }
        }
    }

    #[test]
    fn d1_what_is_withdrawn_is_not_replayed_and_everything_else_is() {
        let mut replay = Replay::new(3, 1_000);
        for (seq, thread) in [(10, "a"), (20, "a"), (30, "b"), (40, "a")] {
            replay.push(seq, "text".into(), Some(thread.into()), 0);
        }
        replay.withdraw("a", |seq| format!("none {seq}").into());
        let left = ["none 20", "text", "none 40"].map(str::to_owned);
        assert_eq!(texts(&replay, 10), Some(left.into()));
        assert_eq!(replay.bytes, 18);
    }

    #[test]
    fn old_events_are_forgotten() {
        let mut replay = Replay::new(10, 1_000);
        push(&mut replay, 0, 0);
        push(&mut replay, 0, 1_001);
        assert_eq!(texts(&replay, 0), None);
        assert_eq!(texts(&replay, 1), Some(vec!["2".to_owned()]));
    }

    #[test]
    fn what_is_old_is_let_go_also_when_nothing_happens() {
        let mut replay = Replay::new(10, 1_000);
        let seq = push(&mut replay, 7, 0);
        replay.forget(1_000);
        assert_eq!(texts(&replay, 0), Some(vec!["7".to_owned()]));
        replay.forget(1_001);
        assert_eq!((replay.bytes, texts(&replay, 0)), (0, None));
        assert_eq!(
            texts(&replay, seq),
            Some(vec![]),
            "who has it all misses nothing"
        );
        assert_eq!(replay.next_seq(0), 8, "numbers rise all the same");
    }
}
