//! What chat is told of a meeting: who is there, in which room, and that the call begins and ends.

use super::Actor;
use crate::chat::Origin;
use crate::chats;
use crate::meeting::Chat;

impl Actor {
    /// Chat hears who is there before they do: who was let in can write at once, and who is gone can read
    /// nothing any more (`D1`, `S13`). The meeting goes on whatever becomes of chat; what it was not told
    /// it is told with the next change.
    pub(super) async fn tell_chat(&mut self) {
        let now = self.core.chats();
        let threads: Vec<&String> = now.iter().map(|chat| &chat.thread).collect();
        let gone = self.chats.keys().filter(|thread| !threads.contains(thread));
        for thread in gone.cloned().collect::<Vec<_>>() {
            // A breakout room was deleted.
            match self.meetings.chats.closed(&thread).await {
                Ok(()) => drop(self.chats.remove(&thread)),
                Err(error) => tracing::error!(%error, "a room's thread stays"),
            }
        }
        for chat in now {
            if self.chats.get(&chat.thread) == Some(&chat) {
                continue;
            }
            let place = self.chat_place(&chat);
            match self
                .meetings
                .chats
                .follow(&place, chat.roster.clone())
                .await
            {
                Ok(()) => drop(self.chats.insert(chat.thread.clone(), chat)),
                Err(error) => tracing::error!(%error, "a thread does not know who is there"),
            }
        }
        let somebody = self.core.anybody().cloned();
        if somebody.is_some() != self.rings {
            self.rings = somebody.is_some();
            let thread = self.core.settings().thread.clone();
            if let Err(error) = self.meetings.chats.call(&thread, somebody).await {
                tracing::error!(%error, "a thread does not say that the call began or ended");
            }
        }
    }

    fn chat_place(&self, chat: &Chat) -> chats::Place {
        let meeting = self.id.clone();
        chats::Place {
            thread: chat.thread.clone(),
            origin: match chat.room {
                Some(_) => Origin::Room(meeting),
                None => Origin::Meeting(meeting),
            },
            topic: chat.name.clone().unwrap_or_default(),
            organizer: self.core.settings().organizer.clone(),
        }
    }
}
