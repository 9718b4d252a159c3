//! How a session comes to hear of chat. Where it takes the place of one that is gone, its client is told first
//! what it missed; what happens while that is read waits, so that everything comes once and in order.

use super::session::{Session, State};
use crate::chats::live::{Subscription, Told};
use crate::chats::missed::{Lack, Missed, Room};
use crate::chats::Chats;
use crate::clock::now_ms;
use plenary_protocol::agent::Resume;
use plenary_protocol::end::Reason;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Weak};

/// Whether a session hears of chat.
#[derive(Debug)]
pub(super) enum Hearing {
    /// It does not.
    No,
    /// Not yet: what was missed is being read.
    CatchingUp(CatchUp),
    /// As it happens.
    Yes(#[allow(dead_code)] Subscription),
}

impl Hearing {
    /// Ends the catching up of that subscription, unless it ended or another began.
    fn take(&mut self, number: u64) -> Option<CatchUp> {
        match std::mem::replace(self, Self::No) {
            Self::CatchingUp(catch_up) if catch_up.subscription.number() == number => {
                Some(catch_up)
            }
            other => {
                *self = other;
                None
            }
        }
    }
}

/// What waits until it is known what was missed.
#[derive(Debug)]
pub(super) struct CatchUp {
    subscription: Subscription,
    /// It heard before, and came back to a call whose chat it was not told of.
    returns: bool,
    /// What happened meanwhile.
    held: VecDeque<Told>,
    /// Threads of which nothing may be told any more (`D1`).
    withdrawn: BTreeSet<String>,
    /// Threads of calls that they came back to meanwhile.
    back: BTreeSet<String>,
}

impl CatchUp {
    fn new(subscription: Subscription, returns: bool) -> Self {
        Self {
            subscription,
            returns,
            held: VecDeque::new(),
            withdrawn: BTreeSet::new(),
            back: BTreeSet::new(),
        }
    }

    /// Keeps what happens, the newest of it: more is not told anyway.
    pub(super) fn hold(&mut self, told: Told, most: usize) {
        if self.held.len() == most {
            self.held.pop_front();
        }
        self.held.push_back(told);
    }

    pub(super) fn withdraw(&mut self, thread: &str) {
        self.held.retain(|told| &*told.thread != thread);
        self.withdrawn.insert(thread.to_owned());
    }
}

impl State {
    /// Somebody is in the call of a thread's meeting again. True: they were not told everything of it, and hear
    /// nothing until that is read.
    pub(super) fn comes_back(&mut self, thread: &str) -> bool {
        let only = self.lacks.as_ref().and_then(|lack| lack.only.as_ref());
        let lacks = only.is_some_and(|only| only.contains(thread));
        match std::mem::replace(&mut self.chat, Hearing::No) {
            Hearing::Yes(subscription) if lacks => {
                self.chat = Hearing::CatchingUp(CatchUp::new(subscription, true));
                return true;
            }
            Hearing::CatchingUp(mut catch_up) => {
                catch_up.back.insert(thread.to_owned());
                self.chat = Hearing::CatchingUp(catch_up);
            }
            other => self.chat = other,
        }
        false
    }

    /// What is to be read now.
    fn reads(&self) -> Option<Reading> {
        let Hearing::CatchingUp(catch_up) = &self.chat else {
            return None;
        };
        Some(Reading {
            number: catch_up.subscription.number(),
            lack: self.lacks.clone()?,
            room: self.replay.room(),
        })
    }

    /// Tells what was missed, then what was held back. Gives what is to be read before anything else is told.
    fn catches_up(
        &mut self,
        chats: &Chats,
        catch_up: CatchUp,
        mut missed: Missed,
    ) -> Option<Reading> {
        let CatchUp {
            subscription,
            returns,
            held,
            withdrawn,
            back,
        } = catch_up;
        for thread in &withdrawn {
            missed.withdraw(thread);
        }
        let absent = std::mem::take(&mut missed.absent);
        // Of a call that has them again only now nothing is read yet.
        let again = !absent.is_disjoint(&back);
        let (unread, held): (VecDeque<Told>, VecDeque<Told>) = held
            .into_iter()
            .partition(|told| absent.contains(&*told.thread));
        let lacks = self.lacks.take().filter(|_| !absent.is_empty());
        self.lacks = lacks.map(|Lack { since, .. }| Lack {
            since,
            only: Some(absent),
        });
        let (told, now) = (chats.in_order(missed, held), now_ms());
        for told in &told {
            self.tell(told, now);
        }
        self.chat = match again {
            true => Hearing::CatchingUp(CatchUp {
                held: unread,
                ..CatchUp::new(subscription, returns)
            }),
            false => Hearing::Yes(subscription),
        };
        self.reads()
    }
}

/// Since when a client was told nothing of chat, in µs since 1970, whose session cannot go on: as its last event
/// says, or, where there was none, the session's name. It may say what it likes: what it is told is what
/// it may read.
pub(super) fn lacks_since(resume: &Resume, now: u64) -> Option<u64> {
    let (begun, _) = resume.session.as_str().split_once('-')?;
    let begun: u64 = begun.parse().ok()?;
    Some(begun.max(resume.last_seq).min(now.saturating_mul(1_000)))
}

impl Session {
    /// Hears of chat from now on, what was missed first. Refused where the token is not for chat or the
    /// session is over; where the store failed it can be asked again, and nothing was told.
    pub async fn hear_chat(self: &Arc<Self>, chats: &Chats) -> Result<(), Reason> {
        let Some(reading) = self.begin_to_hear(chats)? else {
            return Ok(());
        };
        // Who asked may go in the middle: then nothing is heard.
        let _unfinished = Unfinished {
            session: self,
            number: reading.number,
        };
        self.read(chats, reading).await
    }

    /// Hears what was missed of a call that they came back to.
    pub async fn hear_missed(&self, chats: &Chats) {
        let reading = self.state.lock().reads();
        let Some(reading) = reading else { return };
        let number = reading.number;
        if self.read(chats, reading).await.is_err() {
            // The history has it; what happened meanwhile they hear.
            let mut state = self.state.lock();
            if let Some(catch_up) = state.chat.take(number) {
                state.catches_up(chats, catch_up, Missed::default());
            }
        }
    }

    async fn read(&self, chats: &Chats, first: Reading) -> Result<(), Reason> {
        let mut next = Some(first);
        while let Some(Reading { number, lack, room }) = next {
            let missed = chats.missed(&self.who, &lack, room).await;
            let missed = missed.map_err(|error| {
                tracing::error!(%error, "what somebody missed of chat cannot be read");
                Reason::SERVICE_ERROR
            })?;
            // Nobody tells this session anything until the lock is free.
            let mut state = self.state.lock();
            let catch_up = state.chat.take(number).ok_or(Reason::SERVICE_ERROR)?;
            next = state.catches_up(chats, catch_up, missed);
        }
        Ok(())
    }

    /// What is to be read first; nothing, where it hears at once or soon.
    fn begin_to_hear(self: &Arc<Self>, chats: &Chats) -> Result<Option<Reading>, Reason> {
        let weak: Weak<Self> = Arc::downgrade(self);
        let subscription = chats.listen(&self.who, weak);
        let mut state = self.state.lock();
        if !state.rights.chat || state.is_over() {
            return Err(Reason::NOT_ALLOWED);
        }
        match &state.chat {
            Hearing::Yes(_) | Hearing::CatchingUp(CatchUp { returns: true, .. }) => {
                return Ok(None);
            }
            _ => {}
        }
        state.chat = match state.lacks {
            Some(_) => Hearing::CatchingUp(CatchUp::new(subscription, false)),
            None => Hearing::Yes(subscription),
        };
        Ok(state.reads())
    }

    /// Hears of chat no longer.
    pub fn hear_no_chat(&self) {
        self.state.lock().chat = Hearing::No;
    }
}

/// What is to be read before anything is heard.
struct Reading {
    /// The subscription's.
    number: u64,
    /// What was not told.
    lack: Lack,
    /// How much at most.
    room: Room,
}

/// A session that began to hear, until it does.
struct Unfinished<'a> {
    session: &'a Session,
    number: u64,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.session.state.lock().chat.take(self.number);
    }
}

#[cfg(test)]
mod tests;
