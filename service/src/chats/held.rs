//! A thread as this process has it: read once, written by one command at a time, told of when it is stored;
//! and what is to be made of a write that the store did not answer.

use super::{ChatError, Chats, Result};
use crate::chat::{Effect, Message, Notice, Thread};
use crate::store::chat::Writes;
use crate::store::MeetingKey;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// Threads that are kept in memory though nobody asks for them; more are read from the store again.
const CACHED: usize = 10_000;
/// So long somebody waits for their turn, and the store has for one answer. A database whose machine is gone
/// says nothing for minutes.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known of a thread.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// As the store has it; none until it is read.
    pub thread: Option<Arc<Thread>>,
    /// The store failed while it wrote this, and may have it all the same.
    doubt: Option<Written>,
}

/// A thread after a command, and what is to be done once it is stored.
#[derive(Debug)]
struct Written {
    thread: Arc<Thread>,
    messages: Vec<Message>,
    notices: Vec<Notice>,
}

/// The turns of all threads.
#[derive(Debug, Default)]
pub(super) struct Slots(Mutex<HashMap<String, Arc<Turn<Held>>>>);

impl Slots {
    /// Waits until nobody else works on the thread.
    pub async fn turn(&self, id: &str) -> Result<OwnedMutexGuard<Held>> {
        in_time(self.slot(id).lock_owned()).await
    }

    fn slot(&self, id: &str) -> Arc<Turn<Held>> {
        let mut slots = self.0.lock();
        if slots.len() >= CACHED && !slots.contains_key(id) {
            // Who works on a thread holds its slot, too.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        slots.entry(id.to_owned()).or_default().clone()
    }
}

/// Busy, where it takes too long.
pub(super) async fn in_time<T>(work: impl Future<Output = T>) -> Result<T> {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.map_err(|_| ChatError::Busy)
}

impl Chats {
    /// Reads the thread, unless it is there; a meeting's is made when it is first asked for.
    pub(super) async fn load(&self, id: &str, held: &mut Held) -> Result<()> {
        if held.thread.is_some() {
            return Ok(());
        }
        let stored = in_time(self.store.thread(id)).await??;
        if let Some(doubt) = held.doubt.take() {
            if stored.as_ref() == Some(&*doubt.thread) {
                self.stored(held, doubt).await;
                return Ok(());
            }
        }
        match stored {
            Some(thread) => held.thread = Some(Arc::new(thread)),
            None => {
                if let Some(row) = in_time(self.store.meeting(MeetingKey::Thread(id))).await?? {
                    self.make(&super::place_of(&row), held).await?;
                }
            }
        }
        Ok(())
    }

    /// Stores what became of a thread, and then tells of it. False: another instance was first, or the
    /// same was done before.
    pub(super) async fn commit(
        &self,
        held: &mut Held,
        mut thread: Thread,
        (writes, notices): (Writes, Vec<Notice>),
    ) -> Result<bool> {
        held.thread = None;
        let committed = in_time(self.store.commit(&thread, &writes)).await;
        thread.revision += 1;
        let written = Written {
            thread: Arc::new(thread),
            messages: writes.messages,
            notices,
        };
        match committed.and_then(|committed| Ok(committed?)) {
            Ok(true) => {
                self.stored(held, written).await;
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(error) => {
                // Who asked is refused, and may ask again. If it is stored, those who hear the thread are told
                // when it is read next.
                held.doubt = Some(written);
                Err(error)
            }
        }
    }

    async fn stored(&self, held: &mut Held, written: Written) {
        let Written {
            thread,
            messages,
            notices,
        } = written;
        self.copy_for_guests(&thread, &messages).await;
        self.tell(&thread, &notices);
        held.thread = Some(thread);
    }
}

/// What the store is to write, if anything, and who is to be told.
pub(super) fn sorted(effects: Vec<Effect>) -> (Option<Writes>, Vec<Notice>) {
    let mut writes: Option<Writes> = None;
    let mut notices = Vec::new();
    for effect in effects {
        if let Effect::Tell(notice) = effect {
            notices.push(notice);
            continue;
        }
        let writes = writes.get_or_insert_default();
        match effect {
            Effect::KeepParticipant(id) => writes.participants.push(id),
            Effect::KeepMessage(message) => writes.messages.push(*message),
            Effect::Purge => writes.purge = true,
            Effect::Keep | Effect::Tell(_) => {}
        }
    }
    (writes, notices)
}
