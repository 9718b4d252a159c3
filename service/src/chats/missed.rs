//! What somebody missed while no session of theirs was told: read from the store by the rules of reading
//! history (`D1`, `S13`), and told in the words in which it would have been.

use super::live::Told;
use super::underway::before;
use super::{Chats, Result};
use crate::chat::{Content, Message, Thread, Window};
use crate::clock::now_ms;
use crate::store::chat::Stretch;
use plenary_protocol::chat::ChatEvent;
use plenary_protocol::id::RawId;
use std::collections::{BTreeSet, HashMap};

/// Threads in which something was missed; where it was more of them, the history tells.
const THREADS: usize = 200;
/// So many sessions at a time: after a restart everybody comes back at once.
pub(super) const AT_ONCE: usize = 8;

/// What a session's client was not told yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// Since then, µs since 1970.
    pub since: u64,
    /// Of these threads alone, because it was told the rest.
    pub only: Option<BTreeSet<String>>,
}

/// How much is told; where more was missed, nothing is, and the history tells: who looks there up to what they
/// know finds no hole.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Events.
    pub events: usize,
    /// Bytes of all of them.
    pub bytes: usize,
}

impl Room {
    fn holds(self, told: &[Told]) -> bool {
        let bytes: usize = told.iter().map(|told| told.json.len()).sum();
        told.len() <= self.events && bytes <= self.bytes
    }
}

/// What somebody missed.
#[derive(Debug, Default)]
pub struct Missed {
    told: Vec<Told>,
    /// Up to which version each thread was read.
    read: HashMap<String, u64>,
    /// Threads of meetings in whose call they would have to be.
    pub absent: BTreeSet<String>,
}

impl Missed {
    /// Threads of before that may not be read any more (`D1`).
    pub fn withdraw(&mut self, thread: &str) {
        self.told.retain(|told| &*told.thread != thread);
    }
}

impl Chats {
    /// What `who` may read and was not told.
    pub async fn missed(&self, who: &RawId, lack: &Lack, room: Room) -> Result<Missed> {
        // Never closed.
        let _place = self.missing.acquire().await;
        let since = lack.since / 1_000;
        let threads = self.store.changed_threads(who, since, THREADS + 1).await?;
        if threads.len() > THREADS {
            return Ok(Missed::default());
        }
        let mut missed = Missed::default();
        for id in threads {
            if lack.only.as_ref().is_some_and(|only| !only.contains(&id)) {
                continue;
            }
            // Nobody writes meanwhile: what comes later is told, what came earlier is read here.
            let mut held = self.slots.turn(&id).await?;
            self.load(&id, &mut held).await?;
            if let Some(thread) = &held.thread {
                let in_call = self.speaker(&id, who).in_call;
                if thread.is_for_calls_of(who) && !in_call {
                    missed.absent.insert(id);
                    continue;
                }
                let told = self.missed_of(thread, (who, in_call), since, room.events);
                let Some(told) = told.await? else {
                    return Ok(Missed::default());
                };
                missed.told.extend(told);
                missed.read.insert(id, thread.last_id);
                if !room.holds(&missed.told) {
                    return Ok(Missed::default());
                }
            }
        }
        Ok(missed)
    }

    /// Nothing, where more than `most` messages came or changed.
    async fn missed_of(
        &self,
        thread: &Thread,
        (who, in_call): (&RawId, bool),
        since: u64,
        most: usize,
    ) -> Result<Option<Vec<Told>>> {
        let tell = |(version, event)| Told::new(&thread.id, Some(version), event);
        let Ok(windows) = thread.readable(who, in_call, now_ms()) else {
            return Ok(Some(thread.missed_end(who).map(tell).into_iter().collect()));
        };
        let reads = |message: &Message| windows.iter().any(|window| window.holds(message.id));
        let history = self.history(thread, who, None, since + 1, most + 1, false);
        let mut messages = history.await?;
        let changed = self.store.changed(&thread.id, since, most + 1).await?;
        if messages.len().max(changed.len()) > most {
            return Ok(None);
        }
        messages.extend(changed.into_iter().filter(reads));
        let mut news: Vec<_> = messages
            .iter()
            .flat_map(|message| thread.missed(message, since))
            .collect();
        // Who was removed heard that, and nothing more.
        if let Some(to) = windows.last().and_then(|last| last.to) {
            news.retain(|(version, _)| *version <= to);
            let from = since.max(to) + 1;
            news.extend(self.missed_removal(thread, who, from, most).await?);
        }
        Ok(Some(news.into_iter().map(tell).collect()))
    }

    /// That somebody was removed from a group's thread, which is written behind what they may read.
    async fn missed_removal(
        &self,
        thread: &Thread,
        who: &RawId,
        from: u64,
        limit: usize,
    ) -> Result<Option<(u64, ChatEvent)>> {
        if thread.is_of_a_meeting() {
            return Ok(None);
        }
        let stretch = Stretch {
            window: Window { from, to: None },
            below: u64::MAX,
            with_calls: false,
            limit,
        };
        let messages = self.store.messages(&thread.id, stretch).await?;
        let names = |message: &&Message| match &message.body.content {
            Content::ParticipantRemoved { who: gone, .. } => gone.iter().any(|one| one.id == *who),
            _ => false,
        };
        let removal = messages.iter().find(names);
        Ok(removal.and_then(|message| thread.missed(message, 0).pop()))
    }

    /// What was missed, and what happened while it was read, in one order and each once. To be told before
    /// anything else of chat is.
    pub fn in_order(&self, missed: Missed, held: impl IntoIterator<Item = Told>) -> Vec<Told> {
        let Missed { mut told, read, .. } = missed;
        let is_read = |told: &Told| {
            let read = read.get(&*told.thread);
            told.version
                .is_some_and(|version| read.is_some_and(|read| version <= *read))
        };
        told.extend(held.into_iter().filter(|told| !is_read(told)));
        // What is not stored is of the moment.
        told.sort_by_key(|told| told.version.unwrap_or(u64::MAX));
        let mut untold = self.underway.first();
        for told in told.iter_mut().rev() {
            if let Some(version) = told.version {
                told.through = before(version, untold);
                untold = Some(untold.map_or(version, |untold| untold.min(version)));
            }
        }
        told
    }
}
