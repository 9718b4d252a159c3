//! What chat keeps: threads, who takes part, messages.

use super::StoreError;
use crate::chat::retention::LastMessage;
use crate::chat::{Message, Thread, Window};
use async_trait::async_trait;
use plenary_protocol::id::RawId;

type Result<T> = std::result::Result<T, StoreError>;

/// What one commit writes beside the thread itself; all of it, or nothing.
#[derive(Debug, Clone, Default)]
pub struct Writes {
    /// Participants, as they are in the thread.
    pub participants: Vec<RawId>,
    /// Messages, new and changed.
    pub messages: Vec<Message>,
    /// All messages are forgotten, before others are written.
    pub purge: bool,
    /// The thread was made at somebody's request of that id.
    pub creation: Option<(RawId, String)>,
}

/// A thread in somebody's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Made at, ms.
    pub created: u64,
    /// When somebody last wrote, ms.
    pub last_received: Option<u64>,
}

/// A stretch of a thread's history.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    /// Ids in this window.
    pub window: Window,
    /// Ids below this one.
    pub below: u64,
    /// Events of the call, too.
    pub with_calls: bool,
    /// At most so many, the newest.
    pub limit: usize,
}

/// The store of chat.
#[async_trait]
pub trait ChatStore: Send + Sync + 'static {
    /// A thread with everybody who takes part or did.
    async fn thread(&self, id: &str) -> Result<Option<Thread>>;
    /// Writes a thread and what belongs to it together. `thread.revision` is the one that it was read
    /// with, and counts up in the store; 0: it is new. False: somebody else wrote meanwhile, or the
    /// request or client id is known; nothing was written.
    async fn commit(&self, thread: &Thread, writes: &Writes) -> Result<bool>;
    /// Messages, the newest first.
    async fn messages(&self, thread: &str, stretch: Stretch) -> Result<Vec<Message>>;
    /// Messages up to the id `since` that were edited or deleted after it, the last changed first.
    async fn changed(&self, thread: &str, since: u64, limit: usize) -> Result<Vec<Message>>;
    /// Threads of somebody, of old ones, too, that changed after `since`, the last changed first.
    async fn changed_threads(&self, who: &RawId, since: u64, limit: usize) -> Result<Vec<String>>;
    /// One message.
    async fn message(&self, thread: &str, id: u64) -> Result<Option<Message>>;
    /// The message that somebody sent under a client id.
    async fn sent(&self, thread: &str, sender: &RawId, client_id: &str) -> Result<Option<u64>>;
    /// The thread that somebody made with a request of that id.
    async fn made(&self, who: &RawId, request: &str) -> Result<Option<String>>;
    /// Threads in which somebody takes part, the youngest first, after the one named by creation time and id;
    /// with a message since `since`.
    async fn threads_of(
        &self,
        who: &RawId,
        after: Option<(u64, String)>,
        since: u64,
        limit: usize,
    ) -> Result<Vec<Listed>>;

    /// Threads that go by themselves and are not deleted yet, in the order of their ids.
    async fn mortal(&self, after: &str, limit: usize) -> Result<Vec<String>>;
    /// Keeps the last message of a guest in the resource's store, in place of the one before (`D3`).
    async fn keep_last(&self, last: &LastMessage) -> Result<()>;
    /// The last message of a guest.
    async fn last_of(&self, guest: &RawId) -> Result<Option<LastMessage>>;
    /// The last messages of guests, in the order of their ids, after one of them.
    async fn last_messages(&self, after: Option<&RawId>, limit: usize) -> Result<Vec<LastMessage>>;
    /// Forgets a guest's last message, if it still is that one.
    async fn forget_last(&self, guest: &RawId, thread: &str, message: u64) -> Result<()>;
}
