//! What is there: a thread's properties, its people, and its messages, from as many readers as it takes.

use crate::chat::{self, Content, Listed};
use crate::clock::{now_ms, parse_rfc3339};
use crate::import::report::{Code, Finding, ThreadReport};
use crate::import::shapes::{Participant, Properties, Receipt, ThreadItem};
use crate::import::source::SourceError;
use crate::import::take::{self, Entry, Reader};
use crate::import::walk::{Import, ImportError, Step};
use crate::store::StoreError;
use crate::text;
use plenary_protocol::id::RawId;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is there of a thread.
pub(super) struct There {
    pub properties: Properties,
    pub created: u64,
    pub creator: RawId,
    /// Ids there and here, in the order of coming.
    pub listed: Vec<(RawId, Listed)>,
    pub receipts: Vec<Receipt>,
    pub entries: Vec<Entry>,
    /// Of each reader: where something may be missing for them.
    pub breaks: Vec<Vec<Break>>,
}

/// Where something may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Break {
    /// Before a message, by its id there.
    Before(String),
    /// After all of them.
    AtEnd,
}

/// What became of a message.
#[derive(Clone, Copy)]
enum Seen {
    /// Its place among those that are taken.
    Taken(usize),
    /// It changed nobody's right to read.
    Left,
    /// It may have told who came or went.
    LeftOfPeople,
}

impl Import {
    pub(super) async fn read(
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
        let (participants, odd) = self.source.all(listing).await?;
        let participants: Vec<Participant> = participants;
        let odd = Finding::odd(odd, "participants");
        odd.into_iter().for_each(|finding| report.cannot(finding));
        let listing = self.source.receipts(finder, &item.id)?;
        let (receipts, odd) = match self.source.all(listing).await {
            // Threads with many people have none.
            Err(SourceError::Refused(..)) => (Vec::new(), 0),
            other => other?,
        };
        let odd = Finding::odd(odd, "read receipts");
        odd.into_iter().for_each(|finding| report.cannot(finding));
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
                let why = "an entry of the participants names nobody, or by an id that is none";
                report.cannot(Finding::new(Code::ParticipantNotAUser, why));
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
        let mut seen: HashMap<String, Seen> = HashMap::new();
        let mut met = BTreeSet::new();
        let mut cleaned = 0;
        let mut refused = None;
        'readers: loop {
            let may_ask = |user: &str| self.source.may_ask(user);
            let here = |user: &str| self.identities.here(user);
            let Some(user) = readers.next(&there.entries, may_ask, here) else {
                break;
            };
            let mut listing = self.source.messages(&user, thread)?;
            let mut view: Vec<Seen> = Vec::new();
            loop {
                let page = match self.source.page(&mut listing).await {
                    Ok(Some(page)) => page,
                    Ok(None) => break,
                    // Another one may be able to.
                    Err(error) if error.is_of_one() && view.is_empty() => {
                        refused = Some(error);
                        continue 'readers;
                    }
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
                    let id = raw["id"].as_str().filter(|id| !id.is_empty());
                    let known = id.and_then(|id| seen.get(id).copied());
                    let now = known.unwrap_or_else(|| match reader.read(raw) {
                        Some(entry) => {
                            there.entries.push(entry);
                            Seen::Taken(there.entries.len() - 1)
                        }
                        None if is_of_people(raw) => Seen::LeftOfPeople,
                        None => Seen::Left,
                    });
                    if let (Some(id), None) = (id, known) {
                        seen.insert(id.to_owned(), now);
                    }
                    view.push(now);
                }
                (met, cleaned) = (reader.met, reader.cleaned);
                (self.watch)(Step::Read(thread, view.len()));
            }
            let here = self.identities.here(&user);
            let view = view.into_iter().rev();
            let breaks = breaks(view, &there.entries, &here);
            there.breaks.push(breaks);
        }
        // An empty history would be taken for the whole one, and give everybody the right to it (`S13`).
        if let (Some(error), true) = (refused, there.breaks.is_empty()) {
            return Err(error.into());
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
}

/// Whether a message that is not taken may have told who came or went: its type says so, or is none.
fn is_of_people(raw: &Value) -> bool {
    let kind = raw["type"].as_str();
    kind.is_none_or(|kind| kind.starts_with("participant"))
}

/// Of one reader's view, the oldest first: its first message, each with which they came back after they were
/// removed, and each after one that may have told who came or went and could not be taken (`S13`).
fn breaks(view: impl Iterator<Item = Seen>, entries: &[Entry], reader: &RawId) -> Vec<Break> {
    let mut breaks = Vec::new();
    let mut gone = false;
    let mut missing = true;
    for seen in view {
        let entry = match seen {
            Seen::Taken(place) => &entries[place],
            Seen::Left => continue,
            Seen::LeftOfPeople => {
                missing = true;
                continue;
            }
        };
        let names = |who: &[chat::Named]| who.iter().any(|one| one.id == *reader);
        match &entry.message.body.content {
            Content::ParticipantRemoved { who, .. } if names(who) => gone = true,
            Content::ParticipantAdded { who, .. } if gone && names(who) => {
                gone = false;
                missing = true;
            }
            _ => {}
        }
        if missing {
            missing = false;
            breaks.push(Break::Before(entry.source_id.clone()));
        }
    }
    if missing && !breaks.is_empty() {
        breaks.push(Break::AtEnd);
    }
    breaks
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
