//! One thread: read as far back as anybody who may be asked can read it, compared with what is here, and
//! written so that nobody sees half of it.

use super::report::{Code, Finding, Outcome, ThreadReport};
use super::shapes::{Participant, Properties, Receipt, ThreadItem};
use super::source::SourceError;
use super::take::{self, Entry, Reader};
use super::walk::{Import, ImportError, Step};
use crate::chat::{self, Content, Listed, Message, Origin, Retention, Thread, Window};
use crate::clock::{now_ms, parse_rfc3339};
use crate::random;
use crate::store::chat::{Stretch, Writes};
use crate::store::{MeetingKey, StoreError};
use crate::text;
use plenary_protocol::id::RawId;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Messages of one commit to a thread that nobody sees yet: a service that runs beside waits that long to
/// write.
const AT_ONCE: usize = 200;
/// Messages that are read from the store at once.
const STORED_PAGE: usize = 1_000;
/// Longest thread id that is kept.
const ID_BYTES: usize = 256;

/// What is there of a thread.
struct There {
    properties: Properties,
    created: u64,
    creator: RawId,
    /// Ids there and here, in the order of coming.
    listed: Vec<(RawId, Listed)>,
    receipts: Vec<Receipt>,
    entries: Vec<Entry>,
    /// Of each reader: messages, by their ids there, before which something may be missing for them.
    breaks: Vec<Vec<String>>,
}

/// What is here of it.
struct Here {
    thread: Option<Thread>,
    messages: BTreeMap<u64, Message>,
}

/// What is to be written.
struct Change {
    thread: Thread,
    messages: Vec<Message>,
    added: usize,
    changed: usize,
}

impl Import {
    /// Takes a thread that `finder` takes part in. What is of this thread alone is in its report; an error
    /// ends the run.
    pub(super) async fn thread(
        &mut self,
        finder: &str,
        item: &ThreadItem,
    ) -> Result<ThreadReport, ImportError> {
        let mut report = ThreadReport::new(&item.id);
        if item.deleted_on.is_some() {
            report.note(Finding::new(
                Code::ThreadDeletedThere,
                "it was deleted there, and nothing is left to take",
            ));
            return Ok(report);
        }
        match self.read(finder, item, &mut report).await {
            Ok(Some(there)) => self.settle(item, there, &mut report).await?,
            Ok(None) => {}
            Err(ImportError::Source(error)) if error.is_of_one() => {
                report.cannot(Finding::new(Code::ThreadRefused, error.to_string()));
            }
            Err(error) => return Err(error),
        }
        Ok(report)
    }

    async fn read(
        &mut self,
        finder: &str,
        item: &ThreadItem,
        report: &mut ThreadReport,
    ) -> Result<Option<There>, ImportError> {
        let properties = self.source.properties(finder, &item.id).await?;
        let creator = properties.created_by_communication_identifier.raw_id();
        let created = parse_rfc3339(&properties.created_on);
        let (Some(creator), Some(created)) = (creator, created) else {
            let why = "it has no readable creator or time of creation";
            report.cannot(Finding::new(Code::ThreadRefused, why));
            return Ok(None);
        };
        if properties.deleted_on.is_some() {
            let why = "it was deleted there, and nothing is left to take";
            report.note(Finding::new(Code::ThreadDeletedThere, why));
            return Ok(None);
        }
        let listing = self.source.participants(finder, &item.id)?;
        let participants: Vec<Participant> = self.source.all(listing).await?;
        let listing = self.source.receipts(finder, &item.id)?;
        let receipts = match self.source.all(listing).await {
            // Threads with many people have none.
            Err(SourceError::Refused(..)) => Vec::new(),
            other => other?,
        };
        let listed = self.listed(&participants, report).await?;
        let here = self.identities.here(&creator);
        let mut there = There {
            properties,
            created,
            creator: here,
            listed,
            receipts,
            entries: Vec::new(),
            breaks: Vec::new(),
        };
        let readers = Readers::new(finder, creator, &participants);
        self.history(&item.id, readers, &mut there, report).await?;
        Ok(Some(there))
    }

    /// Those who can take part here, too.
    async fn listed(
        &mut self,
        participants: &[Participant],
        report: &mut ThreadReport,
    ) -> Result<Vec<(RawId, Listed)>, StoreError> {
        let most = self.limits.metadata_bytes;
        let mut listed: Vec<(RawId, Listed)> = Vec::new();
        for one in participants {
            let Some(there) = one.communication_identifier.raw_id() else {
                continue;
            };
            report.people.push(there.clone());
            let here = match self.identities.user(&*self.store, &there, now_ms()).await? {
                Ok(here) => here,
                Err(code) => {
                    let why = match code {
                        Code::ParticipantOfAnotherResource => {
                            "they are a user of another resource of this service"
                        }
                        _ => "only users of the resource take part here; what they wrote is taken",
                    };
                    report.cannot(Finding::new(code, why).of_user(&there));
                    continue;
                }
            };
            let fits = chat::content::metadata_fits(&one.metadata, most);
            if !fits {
                report.cannot(take::too_large(most).of_user(&there));
            }
            let one = Listed {
                name: one.display_name.as_deref().and_then(text::display_name),
                shared_from: take::time(&one.share_history_time),
                metadata: match fits {
                    true => one.metadata.clone(),
                    false => BTreeMap::new(),
                },
            };
            if listed.iter().all(|(known, _)| *known != here) {
                listed.push((here, one));
            }
        }
        Ok(listed)
    }

    /// The messages, from as many people as it takes to come to the beginning.
    async fn history(
        &mut self,
        thread: &str,
        mut readers: Readers,
        there: &mut There,
        report: &mut ThreadReport,
    ) -> Result<(), ImportError> {
        let mut seen: HashMap<String, Option<usize>> = HashMap::new();
        let mut met = BTreeSet::new();
        let mut cleaned = 0;
        loop {
            let may_ask = |user: &str| self.source.may_ask(user);
            let here = |user: &str| self.identities.here(user);
            let Some(user) = readers.next(&there.entries, may_ask, here) else {
                break;
            };
            let mut listing = self.source.messages(&user, thread)?;
            let mut view: Vec<String> = Vec::new();
            loop {
                let page = match self.source.page(&mut listing).await {
                    Ok(Some(page)) => page,
                    Ok(None) => break,
                    // Another one may be able to.
                    Err(error) if error.is_of_one() && view.is_empty() => break,
                    Err(error) => return Err(error.into()),
                };
                let mut reader = Reader {
                    identities: &self.identities,
                    limits: &self.limits,
                    creator: there.creator.clone(),
                    now: now_ms(),
                    report: &mut *report,
                    met: std::mem::take(&mut met),
                    cleaned,
                };
                for raw in &page {
                    let id = raw["id"].as_str().unwrap_or_default().to_owned();
                    if !seen.contains_key(&id) {
                        let entry = reader.read(raw).map(|entry| {
                            there.entries.push(entry);
                            there.entries.len() - 1
                        });
                        seen.insert(id.clone(), entry);
                    }
                    view.push(id);
                }
                (met, cleaned) = (reader.met, reader.cleaned);
                (self.watch)(Step::Read(thread, view.len()));
            }
            let here = self.identities.here(&user);
            let taken = view.iter().rev();
            let taken = taken.filter_map(|id| Some(&there.entries[(*seen.get(id)?)?]));
            there.breaks.push(breaks(taken, &here));
        }
        if cleaned > 0 {
            let why = format!(
                "characters or HTML that deceive, or that chat does not know, were taken out of {cleaned} messages"
            );
            report.note(Finding::new(Code::ContentCleaned, why));
        }
        if let Some(first) = readers.begins_late(&there.entries) {
            let why = format!(
                "nobody who was asked can read what was written before message number {}",
                first.message.sequence
            );
            let finding = Finding::new(Code::HistoryIncomplete, why);
            report.cannot(finding.of_message(&first.source_id));
        }
        let listed: BTreeSet<String> = report.people.iter().cloned().collect();
        report.people.extend(met.difference(&listed).cloned());
        Ok(())
    }

    /// Compares with what is here, and writes what is not.
    async fn settle(
        &mut self,
        item: &ThreadItem,
        there: There,
        report: &mut ThreadReport,
    ) -> Result<(), ImportError> {
        let importer = RawId(format!("import:{}", self.identities.resource()));
        let origin = self.source.endpoint().origin().ascii_serialization();
        let request = format!("acs-chat {origin} {}", item.id);
        let here = self.here(&importer, &request).await?;
        if here.thread.as_ref().is_some_and(|t| t.deleted.is_some()) {
            report.target = here.thread.map(|thread| thread.id);
            report.outcome = Outcome::Unchanged;
            let why = "it was deleted here since, and stays so";
            report.note(Finding::new(Code::ThreadDeletedHere, why));
            return Ok(());
        }
        let id = match &here.thread {
            Some(thread) => thread.id.clone(),
            None => self.free_id(item, report).await?,
        };
        report.target = Some(id.clone());
        let change = self.change(id, item, there, &here, report).await?;
        let visible = here.thread.as_ref().is_some_and(is_visible);
        let nothing_new =
            change.messages.is_empty() && here.thread.as_ref() == Some(&change.thread);
        if visible && nothing_new {
            report.outcome = Outcome::Unchanged;
            return Ok(());
        }
        if !here.messages.values().all(take::is_imported) {
            if change.messages.is_empty() {
                report.outcome = Outcome::Unchanged;
                return Ok(());
            }
            let (why, code) = (
                "somebody has written to it here since it was taken; what came later there is not mixed in",
                Code::ThreadInUse,
            );
            report.cannot(Finding::new(code, why));
            return Ok(());
        }
        let (added, changed) = (change.added, change.changed);
        let creation = here.thread.is_none().then_some((importer, request));
        if !self.write(item, change, creation, visible).await? {
            let why = "something else wrote the same thread or message meanwhile; run it again";
            report.cannot(Finding::new(Code::Conflict, why));
            return Ok(());
        }
        (report.added, report.changed) = (added, changed);
        report.outcome = match visible {
            true => Outcome::BroughtUpToDate,
            false => Outcome::New,
        };
        Ok(())
    }

    async fn here(&self, importer: &RawId, request: &str) -> Result<Here, StoreError> {
        let mut here = Here {
            thread: None,
            messages: BTreeMap::new(),
        };
        let Some(id) = self.store.made(importer, request).await? else {
            return Ok(here);
        };
        here.thread = self.store.thread(&id).await?;
        let mut below = u64::MAX;
        loop {
            let stretch = Stretch {
                window: Window { from: 0, to: None },
                below,
                with_calls: true,
                limit: STORED_PAGE,
            };
            let page = self.store.messages(&id, stretch).await?;
            let Some(last) = page.last() else {
                return Ok(here);
            };
            below = last.id;
            here.messages
                .extend(page.into_iter().map(|message| (message.id, message)));
        }
    }

    /// The id there, unless something else has it here.
    async fn free_id(
        &self,
        item: &ThreadItem,
        report: &mut ThreadReport,
    ) -> Result<String, StoreError> {
        let why = match is_thread_id(&item.id) {
            false => "its id is not of the form of a thread's",
            true => {
                let meeting = self.store.meeting(MeetingKey::Thread(&item.id)).await?;
                match meeting.is_none() && self.store.thread(&item.id).await?.is_none() {
                    true => return Ok(item.id.clone()),
                    false => "another thread has its id here",
                }
            }
        };
        report.note(Finding::new(Code::ThreadIdChanged, why));
        Ok(format!("19:{}@thread.v2", random::uuid().simple()))
    }

    async fn change(
        &mut self,
        id: String,
        item: &ThreadItem,
        there: There,
        here: &Here,
        report: &mut ThreadReport,
    ) -> Result<Change, StoreError> {
        let mut all = here.messages.clone();
        let most = self.limits.metadata_bytes;
        let mut change = Change {
            thread: there.thread(id, item, here, most, report),
            messages: Vec::new(),
            added: 0,
            changed: 0,
        };
        let ids = place(there.entries, &mut all, &mut change, report);
        let breaks = there.breaks.iter().map(|of_one| {
            let ids = of_one.iter().filter_map(|id| ids.get(id).copied());
            ids.collect()
        });
        let breaks = common(breaks.collect());
        let mut people = chat::people(all.values(), &there.listed, &breaks);
        // Whoever is no user here takes no part here, nor did.
        for there in &report.people {
            let here = self.identities.here(there);
            if people.contains_key(&here) {
                let user = self.identities.user(&*self.store, there, now_ms()).await?;
                if user.is_err() {
                    people.remove(&here);
                }
            }
        }
        for receipt in &there.receipts {
            let who = receipt.sender_communication_identifier.raw_id();
            let who = who.map(|who| self.identities.here(&who));
            let who = who.and_then(|who| people.get_mut(&who));
            let at = parse_rfc3339(&receipt.read_on);
            if let (Some(who), Some(message), Some(at)) =
                (who, ids.get(&receipt.chat_message_id).copied(), at)
            {
                who.read = Some(chat::Receipt { message, at });
            }
        }
        let before = here.thread.as_ref().map(|thread| &thread.participants);
        for (id, one) in before.into_iter().flatten() {
            if let Some(now) = people.get_mut(id) {
                // Receipts go forward only.
                now.read = now.read.max_by_message(one.read);
            } else {
                // Nobody knows of them there.
                let mut gone = one.clone();
                if let Some(last) = gone.windows.last_mut() {
                    last.to.get_or_insert(change.thread.last_id);
                }
                people.insert(id.clone(), gone);
            }
        }
        change.thread.participants = people;
        let last = all.last_key_value().map(|(id, _)| *id);
        change.thread.last_id = change.thread.last_id.max(last.unwrap_or_default());
        let sequence = all.values().map(|message| message.sequence).max();
        change.thread.last_sequence = change
            .thread
            .last_sequence
            .max(sequence.unwrap_or_default());
        Ok(change)
    }

    /// False: something else wrote meanwhile. A thread that nobody sees yet is written in parts, and gets its
    /// people with the last; one that is seen changes at once.
    async fn write(
        &self,
        item: &ThreadItem,
        change: Change,
        mut creation: Option<(RawId, String)>,
        visible: bool,
    ) -> Result<bool, StoreError> {
        let Change {
            mut thread,
            messages,
            ..
        } = change;
        let (whole, last_id, last_sequence) =
            (messages.len(), thread.last_id, thread.last_sequence);
        let at_once = if visible { whole.max(1) } else { AT_ONCE };
        let mut written = 0;
        let mut parts = messages.chunks(at_once).peekable();
        loop {
            let part = parts.next().unwrap_or_default();
            let is_last = parts.peek().is_none();
            let mut writes = Writes {
                messages: part.to_vec(),
                creation: creation.take(),
                ..Writes::default()
            };
            if let (false, Some(end)) = (is_last, part.last()) {
                (thread.last_id, thread.last_sequence) = (end.id, end.sequence);
            } else {
                (thread.last_id, thread.last_sequence) = (last_id, last_sequence);
                writes.participants = thread.participants.keys().cloned().collect();
            }
            if !self.store.commit(&thread, &writes).await? {
                return Ok(false);
            }
            thread.revision += 1;
            written += part.len();
            (self.watch)(Step::Written(&item.id, written, whole));
            if is_last {
                return Ok(true);
            }
        }
    }
}

/// Somebody takes part in it, so it is in their list.
fn is_visible(thread: &Thread) -> bool {
    !thread.participants.is_empty()
}

/// `19:…@thread.v2`, with nothing in it that means something elsewhere.
fn is_thread_id(id: &str) -> bool {
    let name = id
        .strip_prefix("19:")
        .and_then(|id| id.strip_suffix("@thread.v2"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=.".contains(c);
    name.is_some_and(|name| !name.is_empty() && id.len() <= ID_BYTES && name.chars().all(plain))
}

trait Further {
    fn max_by_message(self, other: Self) -> Self;
}

impl Further for Option<chat::Receipt> {
    fn max_by_message(self, other: Self) -> Self {
        match (self, other) {
            (Some(a), Some(b)) if a.message < b.message => Some(b),
            (None, b) => b,
            (a, _) => a,
        }
    }
}

impl There {
    /// The thread's own row, as it is to be; messages and people come later.
    fn thread(
        &self,
        id: String,
        item: &ThreadItem,
        here: &Here,
        most_metadata: usize,
        report: &mut ThreadReport,
    ) -> Thread {
        let properties = &self.properties;
        let fits = chat::content::metadata_fits(&properties.metadata, most_metadata);
        if !fits {
            report.cannot(take::too_large(most_metadata));
        }
        let kind = properties.retention_policy.as_ref();
        let retention =
            kind.and_then(
                |policy| match (policy.kind.as_str(), policy.delete_thread_after_days) {
                    ("none", _) => Some(Retention::None),
                    ("threadCreationDate", Some(days)) => Some(Retention::AfterCreation(days)),
                    (kind, _) => {
                        let why = format!("its retention policy is of the kind {kind:?}");
                        report.cannot(Finding::new(Code::RetentionPolicy, why));
                        None
                    }
                },
            );
        let before = here.thread.as_ref();
        let received = take::time(&item.last_message_received_on);
        Thread {
            id,
            origin: before.map_or(Origin::Group, |thread| thread.origin.clone()),
            topic: text::subject(&properties.topic).unwrap_or_default(),
            created: before.map_or(self.created, |thread| thread.created),
            creator: before.map_or(self.creator.clone(), |thread| thread.creator.clone()),
            metadata: match fits {
                true => properties.metadata.clone(),
                false => BTreeMap::new(),
            },
            retention,
            deleted: None,
            last_id: before.map_or(0, |thread| thread.last_id),
            last_sequence: before.map_or(0, |thread| thread.last_sequence),
            last_received: received.or(before.and_then(|thread| thread.last_received)),
            revision: before.map_or(0, |thread| thread.revision),
            participants: BTreeMap::new(),
        }
    }
}

/// Puts the messages into their places among those that are here, and gives the ids here by the ids there.
fn place(
    mut entries: Vec<Entry>,
    all: &mut BTreeMap<u64, Message>,
    change: &mut Change,
    report: &mut ThreadReport,
) -> HashMap<String, u64> {
    let known: HashMap<String, u64> = all
        .values()
        .filter_map(|message| Some((message.client_id.clone()?, message.id)))
        .collect();
    entries.sort_by_key(|entry| {
        (
            entry.message.created,
            entry.message.sequence,
            entry.message.id,
        )
    });
    let mut ids = HashMap::new();
    let mut sequence = 0;
    // Those that keep their ids first, so that no other takes one of them.
    let (keep, rest): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.message.id > 0);
    for Entry {
        source_id,
        mut message,
    } in keep.into_iter().chain(rest)
    {
        if let Some(id) = known.get(&take::mark(&source_id)).copied() {
            ids.insert(source_id.clone(), id);
            if let Some(stored) = all.get_mut(&id) {
                renew(stored, message, &source_id, change, report);
            }
            continue;
        }
        let wished = message.id;
        if message.id == 0 || all.contains_key(&message.id) {
            message.id = message.id.max(message.created).max(1);
            while all.contains_key(&message.id) {
                message.id += 1;
            }
        }
        if message.id != wished {
            let why = format!("its id here is {}", message.id);
            let finding = Finding::new(Code::MessageIdChanged, why);
            report.note(finding.of_message(&source_id));
        }
        if message.sequence == 0 {
            message.sequence = sequence + 1;
        }
        sequence = message.sequence;
        ids.insert(source_id, message.id);
        change.added += 1;
        change.messages.push(message.clone());
        all.insert(message.id, message);
    }
    change.messages.sort_by_key(|message| message.id);
    ids
}

/// A message that is here: changed there since, or here, or not at all.
fn renew(
    stored: &mut Message,
    message: Message,
    source_id: &str,
    change: &mut Change,
    report: &mut ThreadReport,
) {
    if stored.version == message.version && stored.body == message.body {
        return;
    }
    if stored.version > message.version {
        let why = "it was edited or deleted here since, and stays so";
        let finding = Finding::new(Code::ChangedHere, why);
        report.note(finding.of_message(source_id));
        return;
    }
    stored.version = message.version;
    stored.body = message.body;
    change.changed += 1;
    change.messages.push(stored.clone());
}

/// Of one reader's view, the oldest first: its first message, and each with which they came back after they
/// were removed.
fn breaks<'a>(view: impl Iterator<Item = &'a Entry>, reader: &RawId) -> Vec<String> {
    let mut breaks = Vec::new();
    let mut gone = false;
    for entry in view {
        let names = |who: &[chat::Named]| who.iter().any(|one| one.id == *reader);
        if breaks.is_empty() {
            breaks.push(entry.source_id.clone());
        }
        match &entry.message.body.content {
            Content::ParticipantRemoved { who, .. } if names(who) => gone = true,
            Content::ParticipantAdded { who, .. } if gone && names(who) => {
                gone = false;
                breaks.push(entry.source_id.clone());
            }
            _ => {}
        }
    }
    breaks
}

/// Where something may be missing though several were asked: since the earliest of the last breaks nothing is.
fn common(of_each: Vec<BTreeSet<u64>>) -> BTreeSet<u64> {
    let last = of_each.iter().filter_map(|breaks| breaks.last().copied());
    let Some(unbroken) = last.min() else {
        return BTreeSet::new();
    };
    let all = of_each.into_iter().flatten();
    all.filter(|id| *id <= unbroken).collect()
}

/// Who is asked for the messages, one after the other.
struct Readers {
    creator: String,
    /// The first is asked in any case.
    first: Option<String>,
    present: Vec<String>,
    shared: HashMap<String, u64>,
}

impl Readers {
    fn new(finder: &str, creator: String, participants: &[Participant]) -> Self {
        let of = |one: &Participant| one.communication_identifier.raw_id();
        let shared = participants.iter().filter_map(|one| {
            let from = take::time(&one.share_history_time)?;
            Some((of(one)?, from))
        });
        Self {
            shared: shared.collect(),
            present: participants.iter().filter_map(of).collect(),
            first: Some(finder.to_owned()),
            creator,
        }
    }

    /// The creator if they are still there, else who found it; then whoever must have been there before the
    /// first message that was seen.
    fn next(
        &mut self,
        entries: &[Entry],
        may_ask: impl Fn(&str) -> bool,
        here: impl Fn(&str) -> RawId,
    ) -> Option<String> {
        if let Some(finder) = self.first.take() {
            let creator = self.creator.clone();
            let first = match self.present.contains(&creator) && may_ask(&creator) {
                true => creator,
                false => finder,
            };
            self.present.retain(|one| *one != first);
            return Some(first);
        }
        if !entries.is_empty() {
            self.begins_late(entries)?;
        }
        let first = entries.iter().map(|entry| entry.message.created).min();
        let first = first.unwrap_or(u64::MAX);
        let came: BTreeSet<&RawId> = entries
            .iter()
            .filter_map(|entry| match &entry.message.body.content {
                Content::ParticipantAdded { who, .. } => Some(who),
                _ => None,
            })
            .flatten()
            .map(|one| &one.id)
            .collect();
        let place = self.present.iter().position(|one| {
            let shared = self.shared.get(one).is_some_and(|from| *from < first);
            may_ask(one) && (shared || !came.contains(&here(one)))
        })?;
        Some(self.present.remove(place))
    }

    /// The first message, if it is not where the thread begins: number 1, or the one with which its creator
    /// came.
    fn begins_late<'a>(&self, entries: &'a [Entry]) -> Option<&'a Entry> {
        let first = entries
            .iter()
            .min_by_key(|entry| (entry.message.created, entry.message.sequence))?;
        let begins = match &first.message.body.content {
            Content::ParticipantAdded { by, who } => who.iter().any(|one| one.id == *by),
            _ => false,
        };
        (first.message.sequence > 1 && !begins).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_id_has_no_meaning_elsewhere() {
        for good in [
            "19:0a@thread.v2",
            "19:meeting_MDA=@thread.v2",
            "19:uni01_x@thread.v2",
        ] {
            assert!(is_thread_id(good), "{good}");
        }
        let long = format!("19:{}@thread.v2", "x".repeat(ID_BYTES));
        for bad in [
            "",
            "19:@thread.v2",
            "19:../x@thread.v2",
            "19:a b@thread.v2",
            "x",
            &long,
        ] {
            assert!(!is_thread_id(bad), "{bad}");
        }
    }

    #[test]
    fn since_the_earliest_of_the_last_breaks_nothing_is_missing() {
        assert_eq!(common(vec![]), [].into());
        assert_eq!(common(vec![[5].into()]), [5].into());
        assert_eq!(common(vec![[5].into(), [1].into()]), [1].into());
        assert_eq!(common(vec![[5, 20].into(), [9].into()]), [5, 9].into());
    }
}
