//! Messages: written, changed and deleted by their senders, typed at and read by the others (`D1`, `D2`).

use super::commands::{Answer, Draft, Effect, News, Notice, Speaker};
use super::message::{Body, Content, Life, Message, Named};
use super::thread::{Bounds, Participant, Receipt, Refusal, Thread};
use crate::meeting::Kind;
use plenary_protocol::id::RawId;
use std::collections::BTreeMap;

impl Thread {
    pub(super) fn send(
        &mut self,
        by: &Speaker,
        draft: Draft,
        known: Option<u64>,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refusal> {
        let participant = self.taking_part(&by.id, by.in_call, now)?;
        if let Some(known) = known {
            return Ok(Answer::Sent(known));
        }
        // A4: in a meeting the name is the one that the meeting knows.
        let known_as = participant.name.clone();
        let name = match self.is_of_a_meeting() {
            true => known_as.or(draft.name.filter(|_| Kind::of(&by.id) == Kind::Guest)),
            false => draft.name.or(known_as),
        };
        let body = Body {
            name,
            content: draft.content,
            metadata: draft.metadata,
            life: Life::Sent,
        };
        let sender = Some(by.id.clone());
        let id = self.write(sender, draft.client_id, body, now, effects);
        self.last_received = Some(now);
        Ok(Answer::Sent(id))
    }

    /// A system message.
    pub(super) fn record(&mut self, content: Content, now: u64, effects: &mut Vec<Effect>) {
        let body = Body {
            name: None,
            content,
            metadata: BTreeMap::new(),
            life: Life::Sent,
        };
        self.write(None, None, body, now, effects);
    }

    pub(super) fn next_id(&self, now: u64) -> u64 {
        now.max(self.last_id + 1)
    }

    /// The version of a change. Later ones of the thread are greater, messages' ids among them: by its
    /// versions one knows what came after what.
    pub(super) fn next_version(&mut self, now: u64) -> u64 {
        self.last_id = self.next_id(now);
        self.last_id
    }

    pub(super) fn write(
        &mut self,
        sender: Option<RawId>,
        client_id: Option<String>,
        body: Body,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> u64 {
        let id = self.next_version(now);
        self.last_sequence += 1;
        let message = Message {
            id,
            sequence: self.last_sequence,
            version: id,
            created: now,
            sender,
            client_id,
            body,
        };
        self.put(message, effects);
        id
    }

    pub(super) fn put(&self, message: Message, effects: &mut Vec<Effect>) {
        effects.push(Effect::Keep);
        effects.push(Effect::KeepMessage(Box::new(message.clone())));
        effects.push(self.tell_readers(message));
    }

    /// Only the sender changes a message, and only while they take part (`D1`, `D2`).
    pub(super) fn own(&self, by: &Speaker, message: &Message, now: u64) -> Result<(), Refusal> {
        self.taking_part(&by.id, by.in_call, now)?;
        let windows = self.readable(&by.id, by.in_call, now)?;
        let seen = windows.iter().any(|window| window.holds(message.id));
        if !seen || message.is_deleted() {
            return Err(Refusal::NoSuchMessage);
        }
        match message.sender.as_ref() == Some(&by.id) {
            true => Ok(()),
            false => Err(Refusal::NotAllowed),
        }
    }

    pub(super) fn edit(
        &mut self,
        by: &Speaker,
        mut message: Message,
        content: Option<Content>,
        metadata: Option<BTreeMap<String, String>>,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refusal> {
        self.own(by, &message, now)?;
        message.version = self.next_version(now);
        message.body.content = content.unwrap_or(message.body.content);
        message.body.metadata = metadata.unwrap_or(message.body.metadata);
        message.body.life = Life::Edited(now);
        self.put(message, effects);
        Ok(Answer::Done)
    }

    pub(super) fn delete(
        &mut self,
        by: &Speaker,
        mut message: Message,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refusal> {
        self.own(by, &message, now)?;
        message.version = self.next_version(now);
        message.body.content = message.body.content.emptied();
        message.body.metadata.clear();
        message.body.life = Life::Deleted(now);
        self.put(message, effects);
        Ok(Answer::Done)
    }

    pub(super) fn types(
        &mut self,
        by: &Speaker,
        name: Option<String>,
        bounds: Bounds,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refusal> {
        let participant = self.taking_part(&by.id, by.in_call, now)?;
        let name = match self.is_of_a_meeting() {
            true => participant.name.clone(),
            false => name.or(participant.name.clone()),
        };
        self.is_small(bounds)?;
        let (id, at) = (by.id.clone(), now);
        let who = Named { id, name };
        let mut told = self.tell(News::Typing { who, at });
        if let Effect::Tell(notice) = &mut told {
            notice.to.retain(|other| *other != by.id);
        }
        effects.push(told);
        Ok(Answer::Done)
    }

    /// Receipts go forward only.
    pub(super) fn reads(
        &mut self,
        by: &Speaker,
        message: u64,
        bounds: Bounds,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refusal> {
        self.taking_part(&by.id, by.in_call, now)?;
        let windows = self.readable(&by.id, by.in_call, now)?;
        if !windows.iter().any(|window| window.holds(message)) {
            return Err(Refusal::NoSuchMessage);
        }
        self.is_small(bounds)?;
        let receipt = Receipt { message, at: now };
        let participant = self.participants.get_mut(&by.id);
        let Some(participant) = participant.filter(|p| p.read.is_none_or(|r| r.message < message))
        else {
            return Ok(Answer::Done);
        };
        participant.read = Some(receipt);
        let who = by.id.clone();
        effects.push(Effect::KeepParticipant(who.clone()));
        effects.push(self.tell(News::Read { who, receipt }));
        Ok(Answer::Done)
    }

    pub(super) fn is_small(&self, bounds: Bounds) -> Result<(), Refusal> {
        match self.present_count() > bounds.small {
            true => Err(Refusal::TooManyToHear),
            false => Ok(()),
        }
    }

    pub(super) fn tell(&self, news: News) -> Effect {
        let to = self.present().into_iter().map(|(id, _)| id.clone());
        Effect::Tell(Notice {
            thread: self.id.clone(),
            to: to.collect(),
            news,
        })
    }

    /// A changed message is told to who may read it, not to who came later (`S13`).
    pub(super) fn tell_readers(&self, message: Message) -> Effect {
        let present = self.present().into_iter();
        let reads = |participant: &Participant| {
            let mut windows = participant.windows.iter();
            windows.any(|window| window.holds(message.id))
        };
        let to = present.filter(|(_, participant)| reads(participant));
        Effect::Tell(Notice {
            thread: self.id.clone(),
            to: to.map(|(id, _)| id.clone()).collect(),
            news: News::Message(Box::new(message)),
        })
    }
}
