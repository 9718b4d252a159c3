//! How often somebody may ask (`rest.md` 4.3's documented limits). Pure: the time is an argument.

use plenary_protocol::id::RawId;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};

const TEN_SECONDS: u64 = 10_000;
const MINUTE: u64 = 60_000;
/// More counters than this at a time: idle ones are forgotten, then any (`S11`).
const COUNTERS: usize = 100_000;

/// So many in ten seconds, and in a minute; 0: as many as one likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// In ten seconds.
    pub per_10s: u32,
    /// In a minute.
    pub per_minute: u32,
}

/// Of one user, of one thread, or of one user in one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Of one user: in one thread, where the operation has one.
    pub user: Rate,
    /// Of one thread.
    pub thread: Rate,
}

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Create or delete a thread.
    Thread,
    /// Update a thread.
    Update,
    /// Add or remove participants.
    Participants,
    /// Read a thread, list threads.
    ReadThread,
    /// Read one message.
    ReadMessage,
    /// List messages.
    ListMessages,
    /// List read receipts.
    ListReceipts,
    /// List participants.
    ListParticipants,
    /// Send, change, delete a message.
    Write,
    /// Send a read receipt.
    Receipt,
    /// Type.
    Typing,
}

const fn rate(per_10s: u32, per_minute: u32) -> Rate {
    Rate {
        per_10s,
        per_minute,
    }
}

const fn of_user(per_10s: u32, per_minute: u32) -> Rates {
    Rates {
        user: rate(per_10s, per_minute),
        thread: rate(0, 0),
    }
}

const fn of_thread(per_10s: u32, per_minute: u32) -> Rates {
    Rates {
        user: rate(0, 0),
        thread: rate(per_10s, per_minute),
    }
}

/// The rates of all operations; the defaults are those that Microsoft documents for its service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllRates {
    /// Create or delete a thread.
    pub thread: Rates,
    /// Update a thread.
    pub update: Rates,
    /// Add or remove participants.
    pub participants: Rates,
    /// Read a thread, list threads.
    pub read_thread: Rates,
    /// Read one message.
    pub read_message: Rates,
    /// List messages.
    pub list_messages: Rates,
    /// List read receipts.
    pub list_receipts: Rates,
    /// List participants.
    pub list_participants: Rates,
    /// Send, change, delete a message.
    pub write: Rates,
    /// Send a read receipt.
    pub receipt: Rates,
    /// Type.
    pub typing: Rates,
}

impl Default for AllRates {
    fn default() -> Self {
        let both = |user: Rate, thread: Rate| Rates { user, thread };
        Self {
            thread: of_user(10, 0),
            update: of_thread(5, 0),
            participants: of_thread(10, 30),
            read_thread: of_user(50, 0),
            read_message: both(rate(50, 0), rate(250, 0)),
            list_messages: both(rate(50, 200), rate(250, 400)),
            list_receipts: both(rate(5, 0), rate(100, 0)),
            list_participants: both(rate(10, 0), rate(250, 0)),
            write: of_thread(10, 30),
            receipt: of_user(10, 30),
            typing: both(rate(5, 15), rate(10, 30)),
        }
    }
}

impl AllRates {
    fn of(&self, operation: Operation) -> Rates {
        match operation {
            Operation::Thread => self.thread,
            Operation::Update => self.update,
            Operation::Participants => self.participants,
            Operation::ReadThread => self.read_thread,
            Operation::ReadMessage => self.read_message,
            Operation::ListMessages => self.list_messages,
            Operation::ListReceipts => self.list_receipts,
            Operation::ListParticipants => self.list_participants,
            Operation::Write => self.write,
            Operation::Receipt => self.receipt,
            Operation::Typing => self.typing,
        }
    }
}

/// User, if it is theirs; thread, if it is of one.
type Key = (Operation, Option<RawId>, Option<String>);

/// Counts requests in sliding windows, in bounded memory.
#[derive(Debug)]
pub struct Throttle {
    rates: AllRates,
    seen: HashMap<Key, VecDeque<u64>>,
}

impl Throttle {
    /// Nothing is counted yet.
    pub fn new(rates: AllRates) -> Self {
        Self {
            rates,
            seen: HashMap::new(),
        }
    }

    /// Counts a request, or says how long to wait, in ms. A request that has to wait is not counted, so
    /// that who asks too often is let in again.
    pub fn ask(
        &mut self,
        operation: Operation,
        who: &RawId,
        thread: Option<&str>,
        now: u64,
    ) -> Result<(), u64> {
        let rates = self.rates.of(operation);
        let thread = thread.map(str::to_owned);
        // Reading a thread and listing them are counted together.
        let within = thread
            .clone()
            .filter(|_| operation != Operation::ReadThread);
        let of_thread = thread.map(|thread| ((operation, None, Some(thread)), rates.thread));
        let of_user = ((operation, Some(who.clone()), within), rates.user);
        let counters: Vec<(Key, Rate)> = std::iter::once(of_user)
            .chain(of_thread)
            .filter(|(_, rate)| rate.per_10s > 0 || rate.per_minute > 0)
            .collect();
        let waits = counters
            .iter()
            .map(|(key, rate)| self.wait(key, *rate, now));
        if let Some(wait) = waits.collect::<Vec<_>>().into_iter().flatten().max() {
            return Err(wait);
        }
        for (key, _) in counters {
            self.make_room(now);
            self.seen.entry(key).or_default().push_back(now);
        }
        Ok(())
    }

    fn wait(&mut self, key: &Key, rate: Rate, now: u64) -> Option<u64> {
        let times = self.seen.get_mut(key)?;
        while times.front().is_some_and(|at| at + MINUTE <= now) {
            times.pop_front();
        }
        [(rate.per_10s, TEN_SECONDS), (rate.per_minute, MINUTE)]
            .into_iter()
            .filter(|(allowed, _)| *allowed > 0)
            .filter_map(|(allowed, span)| {
                // The one that has to grow old before the next may come.
                let nth = times.len().checked_sub(allowed as usize)?;
                (times[nth] + span)
                    .checked_sub(now)
                    .filter(|wait| *wait > 0)
            })
            .max()
    }

    fn make_room(&mut self, now: u64) {
        if self.seen.len() < COUNTERS {
            return;
        }
        self.seen
            .retain(|_, times| times.back().is_some_and(|at| at + MINUTE > now));
        if self.seen.len() >= COUNTERS {
            let any = self.seen.keys().next().cloned();
            any.map(|any| self.seen.remove(&any));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_message_in_ten_seconds_waits_and_the_thirty_first_in_a_minute() {
        let mut throttle = Throttle::new(AllRates::default());
        let (ada, bob) = (RawId::from("ada"), RawId::from("bob"));
        let mut ask = |who: &RawId, now| throttle.ask(Operation::Write, who, Some("t"), now);
        for n in 0..10 {
            assert_eq!(ask(if n % 2 == 0 { &ada } else { &bob }, n), Ok(()));
        }
        assert_eq!(
            ask(&ada, 100),
            Err(9_900),
            "the thread's messages are counted together"
        );
        for n in 0..20 {
            assert_eq!(ask(&ada, 10_100 + n * 1_010), Ok(()));
        }
        assert_eq!(ask(&ada, 30_500), Err(29_500));
        assert_eq!(ask(&ada, 60_000), Ok(()));
        assert_eq!(
            throttle.ask(Operation::Write, &ada, Some("another"), 30_500),
            Ok(())
        );
    }

    /// Operation; of a user in ten seconds and a minute, of a thread the same: as Microsoft documents them.
    const DOCUMENTED: [(Operation, [u32; 4]); 11] = [
        (Operation::Thread, [10, 0, 0, 0]),
        (Operation::Update, [0, 0, 5, 0]),
        (Operation::Participants, [0, 0, 10, 30]),
        (Operation::ReadThread, [50, 0, 0, 0]),
        (Operation::ReadMessage, [50, 0, 250, 0]),
        (Operation::ListMessages, [50, 200, 250, 400]),
        (Operation::ListReceipts, [5, 0, 100, 0]),
        (Operation::ListParticipants, [10, 0, 250, 0]),
        (Operation::Write, [0, 0, 10, 30]),
        (Operation::Receipt, [10, 30, 0, 0]),
        (Operation::Typing, [5, 15, 10, 30]),
    ];

    /// How often these people are let in at one time, each of them until refused, and how long who is refused
    /// waits.
    fn burst(
        throttle: &mut Throttle,
        operation: Operation,
        people: &[RawId],
        now: u64,
    ) -> (u32, u64) {
        let (mut count, mut wait) = (0, 0);
        for who in people {
            loop {
                match throttle.ask(operation, who, Some("t"), now) {
                    Ok(()) => count += 1,
                    Err(refused) => {
                        wait = refused;
                        break;
                    }
                }
            }
        }
        (count, wait)
    }

    #[test]
    fn each_operation_has_the_documented_rates_and_who_has_waited_is_let_in() {
        let many: Vec<RawId> = (0..100).map(|n| RawId(n.to_string())).collect();
        let least = |rates: [u32; 2]| rates.into_iter().filter(|rate| *rate > 0).min();
        for (operation, [of_user, of_user_60, of_thread, of_thread_60]) in DOCUMENTED {
            let short = least([of_user, of_thread]).unwrap();
            let long = least([of_user_60, of_thread_60]).unwrap_or(6 * short);
            let mut throttle = Throttle::new(AllRates::default());
            let mut alone = |now| burst(&mut throttle, operation, &many[..1], now);
            assert_eq!(alone(0), (short, 10_000), "{operation:?} of one");
            assert_eq!(alone(9_999), (0, 1), "{operation:?} of one");
            let rest = (1..6).map(|n| alone(n * 10_000).0);
            assert_eq!(short + rest.sum::<u32>(), long, "{operation:?} in a minute");
            assert!(alone(60_000).0 > 0, "{operation:?} after a minute");
            if of_thread > 0 {
                let mut throttle = Throttle::new(AllRates::default());
                let all = burst(&mut throttle, operation, &many, 0);
                assert_eq!(all, (of_thread, 10_000), "{operation:?} of all in a thread");
            }
        }
    }

    #[test]
    fn typing_is_counted_for_the_user_and_for_the_thread() {
        let mut throttle = Throttle::new(AllRates::default());
        let mut ask = |who: &str| throttle.ask(Operation::Typing, &who.into(), Some("t"), 0);
        for _ in 0..5 {
            assert_eq!(ask("ada"), Ok(()));
        }
        assert_eq!(ask("ada"), Err(10_000));
        for _ in 0..5 {
            assert_eq!(ask("bob"), Ok(()));
        }
        assert_eq!(ask("eve"), Err(10_000));
    }
}
