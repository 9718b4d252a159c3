//! What is to be written of a thread: what is there, compared with what is here.

use super::read::{Break, There};
use super::Here;
use crate::chat::{self, Life, Message, Origin, Retention, Thread};
use crate::clock::{now_ms, parse_rfc3339};
use crate::import::report::{Code, Finding, ThreadReport};
use crate::import::shapes::ThreadItem;
use crate::import::take::{self, Entry};
use crate::import::walk::Import;
use crate::store::StoreError;
use crate::text;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is to be written.
pub(super) struct Change {
    pub thread: Thread,
    pub messages: Vec<Message>,
    pub added: usize,
    pub changed: usize,
}

impl Import {
    pub(super) async fn change(
        &mut self,
        id: String,
        item: &ThreadItem,
        there: There,
        here: &mut Here,
        report: &mut ThreadReport,
    ) -> Result<Change, StoreError> {
        let mut all = std::mem::take(&mut here.messages);
        let most = self.limits.metadata_bytes;
        let mut change = Change {
            thread: there.thread(id, item, here, most, report),
            messages: Vec::new(),
            added: 0,
            changed: 0,
        };
        let ids = place(there.entries, &mut all, &mut change, report);
        let end = all.last_key_value().map_or(0, |(id, _)| id + 1);
        let breaks = there.breaks.iter().map(|of_one| {
            let ids = of_one.iter().filter_map(|one| match one {
                Break::Before(id) => ids.get(id).copied(),
                Break::AtEnd => Some(end),
            });
            ids.collect()
        });
        let breaks = common(breaks.collect());
        let mut people = match &here.thread {
            // Without a message nothing tells what anybody may read of those that are here (`S13`).
            Some(thread) if ids.is_empty() => {
                let why =
                    "nobody who was asked is shown a message of it; who takes part here stays so";
                report.cannot(Finding::new(Code::HistoryIncomplete, why));
                thread.participants.clone()
            }
            _ => chat::people(all.values(), &there.listed, &breaks),
        };
        for there in &report.people {
            if people.contains_key(&self.identities.here(there)) {
                let _ = self.identities.user(&*self.store, there, now_ms()).await?;
            }
        }
        // Whoever is no user here takes no part here, nor did: also who is named in what an earlier run took
        // (`S16`).
        for here in people.keys().cloned().collect::<Vec<_>>() {
            let admitted = self.identities.admit(&*self.store, &here, now_ms());
            if admitted.await?.is_err() {
                people.remove(&here);
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
                now.read = further(now.read, one.read);
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
}

/// Receipts go forward only.
fn further(a: Option<chat::Receipt>, b: Option<chat::Receipt>) -> Option<chat::Receipt> {
    [a, b].into_iter().flatten().max_by_key(|one| one.message)
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
        let new = || Thread::new(id, Origin::Group, self.creator.clone(), self.created);
        let before = here.thread.clone().unwrap_or_else(new);
        let received = take::time(&item.last_message_received_on);
        Thread {
            topic: text::subject(&properties.topic).unwrap_or_default(),
            metadata: match fits {
                true => properties.metadata.clone(),
                false => BTreeMap::new(),
            },
            retention,
            last_received: received.or(before.last_received),
            participants: BTreeMap::new(),
            ..before
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
                // A source without numbers: the next one goes on after this.
                sequence = stored.sequence;
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
    let is_deleted = |message: &Message| matches!(message.body.life, Life::Deleted(_));
    let comes_back = is_deleted(stored) && !is_deleted(&message);
    if comes_back || stored.version > message.version {
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

/// Where something may be missing though several were asked: since the earliest of the last breaks nothing is.
fn common(of_each: Vec<BTreeSet<u64>>) -> BTreeSet<u64> {
    let last = of_each.iter().filter_map(|breaks| breaks.last().copied());
    let Some(unbroken) = last.min() else {
        return BTreeSet::new();
    };
    let all = of_each.into_iter().flatten();
    all.filter(|id| *id <= unbroken).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u64) -> Entry {
        let source_id = n.to_string();
        let content = chat::Content::Text("x".into());
        let message = Message {
            id: n,
            sequence: 0,
            version: n,
            created: n,
            sender: None,
            client_id: Some(take::mark(&source_id)),
            body: chat::Body {
                name: None,
                content,
                metadata: BTreeMap::new(),
                life: Life::Sent,
            },
        };
        Entry { source_id, message }
    }

    #[test]
    fn without_numbers_there_a_second_run_goes_on_with_those_here() {
        let mut all = BTreeMap::new();
        let mut report = ThreadReport::new("t");
        let mut change = Change {
            thread: Thread::new("t".into(), Origin::Group, "8:acs:a_b".into(), 1),
            messages: Vec::new(),
            added: 0,
            changed: 0,
        };
        for run in 1..3 {
            let entries = (1..=run * 2).map(entry).collect();
            place(entries, &mut all, &mut change, &mut report);
        }
        let numbers: Vec<u64> = all.values().map(|message| message.sequence).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
    }

    #[test]
    fn since_the_earliest_of_the_last_breaks_nothing_is_missing() {
        assert_eq!(common(vec![]), [].into());
        assert_eq!(common(vec![[5].into()]), [5].into());
        assert_eq!(common(vec![[5].into(), [1].into()]), [1].into());
        assert_eq!(common(vec![[5, 20].into(), [9].into()]), [5, 9].into());
    }
}
