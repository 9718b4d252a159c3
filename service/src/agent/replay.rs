//! What a session keeps of its events, so that after a drop nothing is lost and nothing comes twice.
//! Pure: frames and the time come in.

use axum::extract::ws::Utf8Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

/// Events of one session, the last ones of them kept.
#[derive(Debug)]
pub struct Replay {
    last: u64,
    kept: VecDeque<Kept>,
    bytes: usize,
    most: usize,
    age_ms: u64,
}

#[derive(Debug)]
struct Kept {
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
            last: 0,
            kept: VecDeque::new(),
            bytes: 0,
            most,
            age_ms,
        }
    }

    /// The sequence number of the next event.
    pub fn next_seq(&self) -> u64 {
        self.last + 1
    }

    /// Keeps the next event; `thread`: the chat thread that it is about.
    pub fn push(&mut self, frame: Utf8Bytes, thread: Option<Arc<str>>, now: u64) {
        self.last += 1;
        self.bytes += frame.len();
        self.kept.push_back(Kept {
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
        let missed = usize::try_from(self.last.checked_sub(seq)?).ok()?;
        let skip = self.kept.len().checked_sub(missed)?;
        Some(self.kept.iter().skip(skip).map(|kept| &kept.frame))
    }

    /// Puts something else in the place of everything about a thread; by sequence number.
    pub fn withdraw(&mut self, thread: &str, other: impl Fn(u64) -> Utf8Bytes) {
        let first = self.last + 1 - self.kept.len() as u64;
        for (seq, kept) in (first..).zip(&mut self.kept) {
            if kept.thread.as_deref() == Some(thread) {
                self.bytes -= kept.frame.len();
                kept.frame = other(seq);
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

    proptest! {
        #[test]
        fn a_replay_is_whole_or_refused(pushed in 0_u64..40, most in 1_usize..20, seq in 0_u64..50) {
            let mut replay = Replay::new(most, 1_000);
            for n in 1..=pushed {
                prop_assert_eq!(replay.next_seq(), n);
                replay.push(n.to_string().into(), None, 0);
            }
            let expected: Vec<String> = (seq + 1..=pushed).map(|n| n.to_string()).collect();
            let known = seq <= pushed && expected.len() <= most;
            prop_assert_eq!(texts(&replay, seq), known.then_some(expected));
        }
    }

    #[test]
    fn d1_what_is_withdrawn_is_not_replayed_and_everything_else_is() {
        let mut replay = Replay::new(3, 1_000);
        for thread in ["a", "a", "b", "a"] {
            replay.push("text".into(), Some(thread.into()), 0);
        }
        replay.withdraw("a", |seq| format!("nothing {seq}").into());
        let left = ["nothing 2", "text", "nothing 4"].map(str::to_owned);
        assert_eq!(texts(&replay, 1), Some(left.into()));
        assert_eq!(replay.bytes, 22);
    }

    #[test]
    fn old_events_are_forgotten() {
        let mut replay = Replay::new(10, 1_000);
        replay.push("1".into(), None, 0);
        replay.push("2".into(), None, 1_001);
        assert_eq!(texts(&replay, 0), None);
        assert_eq!(texts(&replay, 1), Some(vec!["2".to_owned()]));
    }

    #[test]
    fn what_is_old_is_let_go_also_when_nothing_happens() {
        let mut replay = Replay::new(10, 1_000);
        replay.push("one".into(), None, 0);
        replay.forget(1_000);
        assert_eq!(texts(&replay, 0), Some(vec!["one".to_owned()]));
        replay.forget(1_001);
        assert_eq!((replay.bytes, texts(&replay, 0)), (0, None));
        assert_eq!(
            texts(&replay, 1),
            Some(vec![]),
            "who has it all misses nothing"
        );
    }
}
