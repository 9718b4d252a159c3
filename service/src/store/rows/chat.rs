//! Chat in memory.

use super::{Fault, Rows};
use crate::chat::retention::LastMessage;
use crate::chat::{Message, Thread};
use crate::store::chat::{ChatStore, Listed, Stretch, Writes};
use crate::store::Result;
use async_trait::async_trait;
use plenary_protocol::id::RawId;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

#[derive(Debug, Default)]
pub struct Tables {
    threads: BTreeMap<String, Thread>,
    messages: BTreeMap<(String, u64), Message>,
    creations: BTreeMap<(RawId, String), String>,
    lasts: BTreeMap<RawId, LastMessage>,
}

impl Tables {
    fn is_taken(&self, thread: &str, message: &Message) -> bool {
        let client_id = message.client_id.as_ref();
        client_id.is_some_and(|_| {
            self.messages.iter().any(|((of, id), other)| {
                of == thread
                    && *id != message.id
                    && other.sender == message.sender
                    && other.client_id.as_ref() == client_id
            })
        })
    }

    fn commit(&mut self, thread: &Thread, writes: &Writes) -> bool {
        let revision = self.threads.get(&thread.id).map_or(0, |t| t.revision);
        let known = |creation| self.creations.contains_key(creation);
        let taken = |message| self.is_taken(&thread.id, message);
        if revision != thread.revision
            || writes.creation.as_ref().is_some_and(known)
            || writes.messages.iter().any(taken)
        {
            return false;
        }
        let before = self.threads.remove(&thread.id);
        let mut participants = before.map(|t| t.participants).unwrap_or_default();
        for id in &writes.participants {
            if let Some(participant) = thread.participants.get(id) {
                participants.insert(id.clone(), participant.clone());
            }
        }
        let row = Thread {
            revision: revision + 1,
            participants,
            ..thread.clone()
        };
        self.threads.insert(thread.id.clone(), row);
        if writes.purge {
            self.messages.retain(|(of, _), _| *of != thread.id);
        }
        for message in &writes.messages {
            let key = (thread.id.clone(), message.id);
            self.messages.insert(key, message.clone());
        }
        if let Some(creation) = &writes.creation {
            self.creations.insert(creation.clone(), thread.id.clone());
        }
        true
    }
}

impl Rows {
    /// The resource's store, unless it fails.
    fn copies(&self) -> Result<()> {
        match self.no_copies.load(Ordering::SeqCst) {
            true => Err(sqlx::Error::WorkerCrashed.into()),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl ChatStore for Rows {
    async fn thread(&self, id: &str) -> Result<Option<Thread>> {
        self.tables(|t| t.chat.threads.get(id).cloned()).await
    }

    async fn commit(&self, thread: &Thread, writes: &Writes) -> Result<bool> {
        let fault = self.fault.lock().take();
        let failed = || Err(sqlx::Error::WorkerCrashed.into());
        if fault == Some(Fault::Refused) {
            return failed();
        }
        let committed = self.tables(|t| t.chat.commit(thread, writes)).await;
        match fault {
            Some(_) => failed(),
            None => committed,
        }
    }

    async fn messages(&self, thread: &str, stretch: Stretch) -> Result<Vec<Message>> {
        self.tables(|t| {
            let rows = t.chat.messages.iter().rev();
            let seen = |((of, id), message): &(&(String, u64), &Message)| {
                of == thread
                    && stretch.window.holds(*id)
                    && *id < stretch.below
                    && (stretch.with_calls || !message.body.content.is_of_the_call())
            };
            let rows = rows.filter(seen).take(stretch.limit);
            rows.map(|(_, message)| message.clone()).collect()
        })
        .await
    }

    async fn changed(&self, thread: &str, since: u64, limit: usize) -> Result<Vec<Message>> {
        self.tables(|t| {
            let changed = t.chat.messages.iter().filter(|((of, id), message)| {
                of == thread && *id <= since && message.version > since.max(*id)
            });
            let mut changed: Vec<Message> = changed.map(|(_, message)| message.clone()).collect();
            changed.sort_by_key(|message| Reverse(message.version));
            changed.truncate(limit);
            changed
        })
        .await
    }

    async fn changed_threads(&self, who: &RawId, since: u64, limit: usize) -> Result<Vec<String>> {
        self.tables(|t| {
            let changed =
                t.chat.threads.values().filter(|thread| {
                    thread.last_id > since && thread.participants.contains_key(who)
                });
            let mut changed: Vec<&Thread> = changed.collect();
            changed.sort_by_key(|thread| Reverse(thread.last_id));
            let ids = changed.into_iter().take(limit);
            ids.map(|thread| thread.id.clone()).collect()
        })
        .await
    }

    async fn message(&self, thread: &str, id: u64) -> Result<Option<Message>> {
        let key = (thread.to_owned(), id);
        self.tables(|t| t.chat.messages.get(&key).cloned()).await
    }

    async fn sent(&self, thread: &str, sender: &RawId, client_id: &str) -> Result<Option<u64>> {
        self.tables(|t| {
            let is = |((of, _), message): &(&(String, u64), &Message)| {
                of == thread
                    && message.sender.as_ref() == Some(sender)
                    && message.client_id.as_deref() == Some(client_id)
            };
            t.chat.messages.iter().find(is).map(|((_, id), _)| *id)
        })
        .await
    }

    async fn made(&self, who: &RawId, request: &str) -> Result<Option<String>> {
        let key = (who.clone(), request.to_owned());
        self.tables(|t| t.chat.creations.get(&key).cloned()).await
    }

    async fn threads_of(
        &self,
        who: &RawId,
        after: Option<(u64, String)>,
        since: u64,
        limit: usize,
    ) -> Result<Vec<Listed>> {
        let after = after.map(|(created, id)| (Reverse(created), id));
        self.tables(|t| {
            let theirs = t.chat.threads.values().filter(|thread| {
                let place = (Reverse(thread.created), thread.id.clone());
                let participant = thread.participants.get(who);
                participant.is_some_and(|p| p.is_present())
                    && thread.last_received.unwrap_or(thread.created) >= since
                    && after.as_ref().is_none_or(|after| place > *after)
            });
            let mut listed: Vec<Listed> = theirs
                .map(|thread| Listed {
                    id: thread.id.clone(),
                    created: thread.created,
                    last_received: thread.last_received,
                })
                .collect();
            listed.sort_by_key(|row| (Reverse(row.created), row.id.clone()));
            listed.truncate(limit);
            listed
        })
        .await
    }

    async fn mortal(&self, after: &str, limit: usize) -> Result<Vec<String>> {
        self.tables(|t| {
            let mortal = t.chat.threads.values().filter(|thread| {
                thread.retention.is_some() && thread.deleted.is_none() && *thread.id > *after
            });
            mortal.map(|thread| thread.id.clone()).take(limit).collect()
        })
        .await
    }

    async fn keep_last(&self, last: &LastMessage) -> Result<()> {
        self.copies()?;
        self.tables(|t| {
            t.chat.lasts.insert(last.guest.clone(), last.clone());
        })
        .await
    }

    async fn last_of(&self, guest: &RawId) -> Result<Option<LastMessage>> {
        self.copies()?;
        self.tables(|t| t.chat.lasts.get(guest).cloned()).await
    }

    async fn last_messages(&self, after: Option<&RawId>, limit: usize) -> Result<Vec<LastMessage>> {
        self.tables(|t| {
            let all = t.chat.lasts.iter();
            let rest = all.filter(|(guest, _)| after.is_none_or(|after| *guest > after));
            rest.take(limit).map(|(_, last)| last.clone()).collect()
        })
        .await
    }

    async fn forget_last(&self, guest: &RawId, thread: &str, message: u64) -> Result<()> {
        self.copies()?;
        self.tables(|t| {
            let is = |last: &LastMessage| last.thread == thread && last.message == message;
            if t.chat.lasts.get(guest).is_some_and(is) {
                t.chat.lasts.remove(guest);
            }
        })
        .await
    }
}
