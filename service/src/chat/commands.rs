//! What can happen to a thread, and what follows from it.

use super::message::{Content, Message, Named};
use super::thread::{Bounds, Origin, Participant, Receipt, Refusal, Retention, Thread};
use super::Roster;
use plenary_protocol::id::RawId;
use std::collections::{BTreeMap, BTreeSet};

/// Who asks: the identity of a checked token, and whether the meeting has them in its call (`D1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// Who.
    pub id: RawId,
    /// In the call of the thread's meeting or room; in a group's thread of no meaning.
    pub in_call: bool,
}

/// Somebody to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// Who.
    pub id: RawId,
    /// Name.
    pub name: Option<String>,
    /// From when on they read; from now on, if it is not said.
    pub shared_from: Option<u64>,
    /// The application's own.
    pub metadata: BTreeMap<String, String>,
}

/// What somebody writes; its content is sanitised already (`S12`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Text or HTML.
    pub content: Content,
    /// The name that the sender's application gives.
    pub name: Option<String>,
    /// The application's own.
    pub metadata: BTreeMap<String, String>,
    /// The sender's own id of it.
    pub client_id: Option<String>,
}

/// What is to be changed of a thread; what is not said stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update {
    /// Topic.
    pub topic: Option<String>,
    /// The application's own.
    pub metadata: Option<BTreeMap<String, String>>,
    /// When it goes.
    pub retention: Option<Retention>,
}

/// What happens to a thread.
#[derive(Debug, Clone)]
pub enum Command {
    /// Change topic and other properties.
    Update {
        /// Who asks.
        by: Speaker,
        /// What.
        update: Update,
    },
    /// Delete the thread.
    DeleteThread {
        /// Who asks.
        by: Speaker,
    },
    /// Add people; who is there already stays as they are.
    Add {
        /// Who asks.
        by: Speaker,
        /// Whom.
        who: Vec<Invited>,
    },
    /// Remove somebody, or go.
    Remove {
        /// Who asks.
        by: Speaker,
        /// Whom.
        who: RawId,
    },
    /// Write. `known`: the message that this sender already sent under that client id.
    Send {
        /// Who asks.
        by: Speaker,
        /// What.
        draft: Draft,
        /// Sent before.
        known: Option<u64>,
    },
    /// Change one's own message.
    Edit {
        /// Who asks.
        by: Speaker,
        /// The message as it is.
        message: Message,
        /// Its new content.
        content: Option<Content>,
        /// Its new metadata.
        metadata: Option<BTreeMap<String, String>>,
    },
    /// Delete one's own message.
    Delete {
        /// Who asks.
        by: Speaker,
        /// The message as it is.
        message: Message,
    },
    /// Show that one types.
    Type {
        /// Who asks.
        by: Speaker,
        /// The name that the application gives.
        name: Option<String>,
    },
    /// Have read up to a message.
    Read {
        /// Who asks.
        by: Speaker,
        /// A message that is there.
        message: u64,
    },
    /// The meeting says who is there.
    Follow(Roster),
    /// The meeting's topic was changed by its organiser.
    Rename {
        /// The new topic.
        topic: String,
        /// Who did.
        by: RawId,
    },
    /// The meeting's call began with somebody, or is over.
    Call {
        /// Who began it.
        started: Option<RawId>,
    },
    /// The meeting is no more.
    Close,
}

/// What the sender of a command learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The message's id.
    Sent(u64),
    /// Done.
    Done,
}

/// What is to be carried out: what is written is written together, before anybody is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// The thread itself changed.
    Keep,
    /// Write the participant as they are now.
    KeepParticipant(RawId),
    /// Write the message, new or changed.
    KeepMessage(Box<Message>),
    /// Forget all messages.
    Purge,
    /// Tell those who may hear it.
    Tell(Notice),
}

/// Something that people hear of at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Thread.
    pub thread: String,
    /// Who hears it.
    pub to: Vec<RawId>,
    /// What.
    pub news: News,
}

/// What people hear of at once.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A message came, was changed or deleted.
    Message(Box<Message>),
    /// Somebody types.
    Typing {
        /// Who.
        who: Named,
        /// When, ms.
        at: u64,
    },
    /// Somebody has read.
    Read {
        /// Who.
        who: RawId,
        /// How far.
        receipt: Receipt,
    },
    /// The thread is there, with its first people.
    Created,
    /// Topic, metadata or retention changed.
    Properties {
        /// Who did.
        by: RawId,
        /// When, ms.
        at: u64,
    },
    /// The thread is gone.
    Deleted {
        /// Who did; nobody, if it went by itself or with its meeting.
        by: Option<RawId>,
        /// When, ms.
        at: u64,
    },
}

impl Thread {
    /// A new thread with its first people in it, who read all of it.
    pub fn create(
        id: String,
        origin: Origin,
        by: RawId,
        people: Vec<Invited>,
        topic: String,
        now: u64,
    ) -> (Self, Vec<Effect>) {
        let mut thread = Self::new(id, origin, by.clone(), now);
        thread.topic = topic;
        let mut effects = vec![Effect::Keep];
        // Nothing was written before they came.
        let people = people.into_iter().map(|one| Invited {
            shared_from: Some(0),
            ..one
        });
        thread.let_in(people.collect(), &by, now, &mut effects);
        if !thread.topic.is_empty() {
            let topic = thread.topic.clone();
            thread.record(Content::TopicUpdated { topic, by }, now, &mut effects);
        }
        // Who hears that it is there hears with it who takes part and what it is called.
        effects.retain(|effect| !matches!(effect, Effect::Tell(_)));
        effects.push(thread.tell(News::Created));
        (thread, effects)
    }

    /// Lets something happen at `now` (ms). A refusal means that nothing was changed.
    pub fn apply(
        &mut self,
        command: Command,
        bounds: Bounds,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refusal> {
        match command {
            Command::Update { by, update } => self.update(&by, update, now, effects),
            Command::DeleteThread { by } => self.delete_thread(&by, now, effects),
            Command::Add { by, who } => self.add(&by, who, bounds, now, effects),
            Command::Remove { by, who } => self.remove(&by, &who, now, effects),
            Command::Send { by, draft, known } => self.send(&by, draft, known, now, effects),
            Command::Edit {
                by,
                message,
                content,
                metadata,
            } => self.edit(&by, message, content, metadata, now, effects),
            Command::Delete { by, message } => self.delete(&by, message, now, effects),
            Command::Type { by, name } => self.types(&by, name, bounds, now, effects),
            Command::Read { by, message } => self.reads(&by, message, bounds, now, effects),
            Command::Follow(roster) => Ok(self.follow(roster, bounds, now, effects)),
            Command::Rename { topic, by } => {
                if topic != self.topic {
                    self.rename(topic, by.clone(), now, effects);
                    effects.push(self.tell(News::Properties { by, at: now }));
                }
                Ok(Answer::Done)
            }
            Command::Call { started } => Ok(self.call(started, now, effects)),
            Command::Close => Ok(self.close(None, now, effects)),
        }
    }

    /// `C2`: in a meeting nobody manages the thread but the meeting itself.
    fn managing(&self, by: &Speaker, now: u64) -> Result<(), Refusal> {
        self.taking_part(&by.id, by.in_call, now)?;
        match self.is_of_a_meeting() {
            true => Err(Refusal::NotAllowed),
            false => Ok(()),
        }
    }

    fn update(
        &mut self,
        by: &Speaker,
        update: Update,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refusal> {
        self.managing(by, now)?;
        let at = now;
        match update.topic.filter(|topic| *topic != self.topic) {
            Some(topic) => self.rename(topic, by.id.clone(), now, effects),
            None => drop(self.next_version(now)),
        }
        self.metadata = update
            .metadata
            .unwrap_or_else(|| std::mem::take(&mut self.metadata));
        self.retention = update.retention.or(self.retention);
        effects.push(Effect::Keep);
        let by = by.id.clone();
        effects.push(self.tell(News::Properties { by, at }));
        Ok(Answer::Done)
    }

    fn rename(&mut self, topic: String, by: RawId, now: u64, effects: &mut Vec<Effect>) {
        self.topic.clone_from(&topic);
        effects.push(Effect::Keep);
        self.record(Content::TopicUpdated { topic, by }, now, effects);
    }

    fn delete_thread(
        &mut self,
        by: &Speaker,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refusal> {
        self.managing(by, now)?;
        Ok(self.close(Some(by.id.clone()), now, effects))
    }

    fn close(&mut self, by: Option<RawId>, now: u64, effects: &mut Vec<Effect>) -> Answer {
        effects.extend([Effect::Keep, Effect::Purge]);
        if self.deleted.is_none() {
            self.deleted = Some(now);
            self.next_version(now);
            effects.push(self.tell(News::Deleted { by, at: now }));
        }
        Answer::Done
    }

    fn add(
        &mut self,
        by: &Speaker,
        mut who: Vec<Invited>,
        bounds: Bounds,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refusal> {
        self.managing(by, now)?;
        let is_new = |invited: &Invited| {
            let known = self.participants.get(&invited.id);
            !known.is_some_and(Participant::is_present)
        };
        let mut named = BTreeSet::new();
        who.retain(|invited| is_new(invited) && named.insert(invited.id.clone()));
        if self.present_count() + who.len() > bounds.participants {
            return Err(Refusal::Full);
        }
        self.let_in(who, &by.id, now, effects);
        Ok(Answer::Done)
    }

    /// Who is added reads the message that says so.
    pub(super) fn let_in(
        &mut self,
        who: Vec<Invited>,
        by: &RawId,
        now: u64,
        effects: &mut Vec<Effect>,
    ) {
        if who.is_empty() {
            return;
        }
        let from = self.next_id(now);
        let mut named = Vec::new();
        for Invited {
            id,
            name,
            shared_from,
            metadata,
        } in who
        {
            let order = self.participants.len() as u64;
            let participant = self.participants.entry(id.clone());
            let participant = participant.or_insert_with(|| Participant::new(order));
            participant.name = name.clone().or_else(|| participant.name.take());
            participant.shared_from = shared_from.filter(|from| *from > 0);
            participant.metadata = metadata;
            participant.enter(shared_from.unwrap_or(from).min(from));
            effects.push(Effect::KeepParticipant(id.clone()));
            named.push(Named { id, name });
        }
        let by = by.clone();
        self.record(Content::ParticipantAdded { who: named, by }, now, effects);
    }

    fn remove(
        &mut self,
        by: &Speaker,
        who: &RawId,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refusal> {
        self.managing(by, now)?;
        self.let_go(&[(who.clone(), self.last_id)], &by.id, now, effects);
        Ok(Answer::Done)
    }

    /// Each reads up to the message named, and nothing that came later (`D1`).
    pub(super) fn let_go(
        &mut self,
        who: &[(RawId, u64)],
        by: &RawId,
        now: u64,
        effects: &mut Vec<Effect>,
    ) {
        let mut named = Vec::new();
        for (id, to) in who {
            let participant = self.participants.get_mut(id);
            let Some(participant) = participant.filter(|participant| participant.is_present())
            else {
                continue;
            };
            participant.go(*to);
            effects.push(Effect::KeepParticipant(id.clone()));
            let (id, name) = (id.clone(), participant.name.clone());
            named.push(Named { id, name });
        }
        if !named.is_empty() {
            let by = by.clone();
            let gone: Vec<RawId> = named.iter().map(|one| one.id.clone()).collect();
            self.record(Content::ParticipantRemoved { who: named, by }, now, effects);
            // In a group who was removed hears that; in a meeting's thread they hear nothing more (D1).
            if let (false, Some(Effect::Tell(notice))) =
                (self.is_of_a_meeting(), effects.last_mut())
            {
                notice.to.extend(gone);
            }
        }
    }
}
