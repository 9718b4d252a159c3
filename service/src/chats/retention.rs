//! What is kept for how long: the resource's copy of each guest's last message, and threads that go by
//! themselves (`D3`, `D4`).

use super::held::in_time;
use super::{Chats, Result};
use crate::chat::retention::{is_over, LastMessage, Why};
use crate::chat::{Command, Life, Message, Origin, Thread};
use crate::meeting::Kind;
use crate::store::{MeetingKey, StoreError};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// Copies that are looked at in one go.
const SWEPT_AT_ONCE: usize = 500;
/// So many wait for the resource's store; what became of more messages the next night finds out.
const MOST_LATE: usize = 10_000;

/// What the resource's store has not taken yet, in the order in which it happened.
#[derive(Debug, Default)]
pub(super) struct Late {
    messages: Mutex<VecDeque<LastMessage>>,
    turn: tokio::sync::Mutex<()>,
}

impl Chats {
    /// `D3`: of each guest the last message that they sent in a meeting, as it is now.
    pub(super) async fn copy_for_guests(&self, thread: &Thread, messages: &[Message]) {
        if !thread.is_of_a_meeting() {
            return;
        }
        for message in messages {
            let guest = message.sender.clone();
            let Some(guest) = guest.filter(|id| Kind::of(id) == Kind::Guest) else {
                continue;
            };
            let last = LastMessage {
                guest,
                thread: thread.id.clone(),
                message: message.id,
                sent: message.created,
                body: message.body.clone(),
            };
            // The message itself is with the organisation, and is acknowledged whatever the resource's store
            // does: its copy follows.
            if self.copies_are_late() || self.copy(&last).await.is_err() {
                let mut late = self.late.messages.lock();
                if late.len() < MOST_LATE {
                    late.push_back(last);
                }
            }
        }
    }

    /// The copy becomes what became of the message.
    async fn copy(&self, last: &LastMessage) -> Result<()> {
        let copied = in_time(async {
            match last.body.life {
                Life::Sent => self.store.keep_last(last).await,
                Life::Edited(_) => self.change_last(last).await,
                Life::Deleted(_) => self.forget(last).await,
            }
        });
        let copied = copied.await.and_then(|copied| Ok(copied?));
        if let Err(error) = &copied {
            tracing::error!(%error, "the copy of a guest's last message is not up to date");
        }
        copied
    }

    /// Whether the resource's store has not taken everything.
    pub fn copies_are_late(&self) -> bool {
        !self.late.messages.lock().is_empty()
    }

    /// Tries again what the resource's store has not taken, one after the other, up to what it does not take.
    pub async fn catch_up(&self) {
        let _turn = self.late.turn.lock().await;
        loop {
            let next = self.late.messages.lock().front().cloned();
            match next {
                Some(last) if self.copy(&last).await.is_ok() => {
                    self.late.messages.lock().pop_front();
                }
                _ => return,
            }
        }
    }

    /// Every copy as its message is: what an earlier process could not copy any more. A message that is gone
    /// with its thread says nothing of its copy, whose time is the policies' (`D4`).
    async fn mend_copies(&self) -> Result<()> {
        let mut after = None;
        loop {
            let rows = self.store.last_messages(after.as_ref(), SWEPT_AT_ONCE);
            let rows = rows.await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = Some(last.guest.clone());
            for row in rows {
                let message = self.store.message(&row.thread, row.message).await?;
                if let Some(message) = message.filter(|message| message.body != row.body) {
                    let body = message.body;
                    self.copy(&LastMessage { body, ..row }).await?;
                }
            }
        }
    }

    /// Only where it still is the last one.
    async fn change_last(&self, last: &LastMessage) -> std::result::Result<(), StoreError> {
        let known = self.store.last_of(&last.guest).await?;
        let is = |row: LastMessage| row.thread == last.thread && row.message == last.message;
        match known.is_some_and(is) {
            true => self.store.keep_last(last).await,
            false => Ok(()),
        }
    }

    async fn forget(&self, last: &LastMessage) -> std::result::Result<(), StoreError> {
        let LastMessage {
            guest,
            thread,
            message,
            ..
        } = last;
        self.store.forget_last(guest, thread, *message).await
    }

    /// The copies whose time is over at `now`, and why (`D4`).
    pub async fn past_their_time(&self, now: u64) -> Result<Vec<(LastMessage, Why)>> {
        let mut over = Vec::new();
        let mut after = None;
        loop {
            let rows = self
                .store
                .last_messages(after.as_ref(), SWEPT_AT_ONCE)
                .await?;
            let Some(last) = rows.last() else {
                return Ok(over);
            };
            after = Some(last.guest.clone());
            for row in rows {
                let thread = self.meeting_of(&row.thread).await?;
                let attended = thread.as_deref().map(Thread::attended).unwrap_or_default();
                if let Some(why) = is_over(row.sent, &attended, &self.policies, now) {
                    over.push((row, why));
                }
            }
        }
    }

    /// A room's people were in its meeting: the meeting's thread knows all of them.
    async fn meeting_of(&self, thread: &str) -> Result<Option<Arc<Thread>>> {
        let found = self.find(thread).await?;
        let Some(Origin::Room(meeting)) = found.as_ref().map(|thread| &thread.origin) else {
            return Ok(found);
        };
        match self.store.meeting(MeetingKey::Id(meeting)).await? {
            Some(row) => self.find(&row.thread).await,
            None => Ok(found),
        }
    }

    /// Deletes what is past its time.
    pub async fn sweep(self: &Arc<Self>, now: u64) {
        self.catch_up().await;
        if let Err(error) = self.mend_copies().await {
            tracing::error!(%error, "copies of guests' messages are not compared until the next night");
        }
        if let Err(error) = self.delete_past_their_time(now).await {
            tracing::error!(%error, "copies of guests' messages stay until the next night");
        }
        if let Err(error) = self.delete_expired_threads(now).await {
            tracing::error!(%error, "expired threads stay until the next night, and nobody reads them");
        }
    }

    async fn delete_past_their_time(&self, now: u64) -> Result<()> {
        for (last, why) in self.past_their_time(now).await? {
            self.forget(&last).await?;
            tracing::info!(%why, "the copy of a guest's last message was deleted");
        }
        Ok(())
    }

    async fn delete_expired_threads(self: &Arc<Self>, now: u64) -> Result<()> {
        for (thread, why) in self.expired_threads(now).await? {
            self.apply(&thread.id, Command::Close).await?;
            tracing::info!(%why, "a thread was deleted");
        }
        Ok(())
    }

    /// Threads that go by their own policy at `now`; from that time on nobody reads them anyway.
    pub async fn expired_threads(&self, now: u64) -> Result<Vec<(Arc<Thread>, Why)>> {
        let mut expired = Vec::new();
        let mut after = String::new();
        loop {
            let ids = self.store.mortal(&after, SWEPT_AT_ONCE).await?;
            let Some(last) = ids.last() else {
                return Ok(expired);
            };
            after.clone_from(last);
            for id in ids {
                let thread = self.find(&id).await?;
                let days = thread.as_ref().and_then(|thread| thread.expired(now));
                expired.extend(thread.zip(days.map(Why::Own)));
            }
        }
    }
}
