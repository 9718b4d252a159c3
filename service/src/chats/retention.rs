//! What is kept for how long: the resource's copy of each guest's last message, and threads that go by
//! themselves (`D3`, `D4`).

use super::{Chats, Result};
use crate::chat::retention::{is_over, LastMessage, Why};
use crate::chat::{Command, Life, Message, Origin, Thread};
use crate::meeting::Kind;
use crate::store::{MeetingKey, StoreError};
use std::sync::Arc;

/// Copies that are looked at in one go.
const SWEPT_AT_ONCE: usize = 500;

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
            let kept = match message.body.life {
                Life::Sent => self.store.keep_last(&last).await,
                Life::Edited(_) => self.change_last(&last).await,
                Life::Deleted(_) => self.forget(&last).await,
            };
            // The message itself is with the organisation, and was acknowledged.
            if let Err(error) = kept {
                tracing::error!(%error, "the copy of a guest's last message is not up to date");
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

    /// Threads whose own policy says so; from that time on nobody reads them anyway.
    async fn delete_expired_threads(self: &Arc<Self>, now: u64) -> Result<()> {
        let mut after = String::new();
        loop {
            let ids = self.store.mortal(&after, SWEPT_AT_ONCE).await?;
            let Some(last) = ids.last() else {
                return Ok(());
            };
            after.clone_from(last);
            for id in ids {
                if self
                    .find(&id)
                    .await?
                    .is_some_and(|thread| thread.is_gone(now))
                {
                    self.apply(&id, Command::Close).await?;
                }
            }
        }
    }
}
