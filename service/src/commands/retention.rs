//! `plenary-service retention`: what the next night would delete, and why (`D4`). It deletes nothing.

use crate::chats::{ChatError, Chats};
use crate::clock::{now_ms, rfc3339};
use crate::config::{Config, Flags};
use crate::server::{self, StartError};
use crate::store::StoreError;

/// Why it cannot be said.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// The service could not start either.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Chat.
    #[error(transparent)]
    Chat(#[from] ChatError),
}

/// Say it.
pub async fn run(flags: &Flags) -> Result<(), RetentionError> {
    let config = Config::load(flags).map_err(StartError::from)?;
    let store = server::open_stores(&config).await?;
    let chats = Chats::new(store.clone(), config.limits.chat, config.retention);
    let now = now_ms();
    for (last, why) in chats.past_their_time(now).await? {
        // What it says is nobody's business here.
        println!(
            "{} of {} sent {}: {why}",
            last.guest,
            last.thread,
            rfc3339(last.sent)
        );
    }
    for (thread, why) in chats.expired_threads(now).await? {
        println!("{} made {}: {why}", thread.id, rfc3339(thread.created));
    }
    store.close().await;
    Ok(())
}
