//! One thread: read as far back as anybody who may be asked can read it (`read`), compared with what is here
//! (`change`), and written so that nobody sees half of it.

mod change;
mod read;

use super::report::{Code, Finding, Outcome, ThreadReport};
use super::shapes::{self, ThreadItem, ID_BYTES};
use super::take;
use super::walk::{Import, ImportError, Step};
use crate::chat::{Message, Thread, Window};
use crate::random;
use crate::store::chat::{Stretch, Writes};
use crate::store::{MeetingKey, StoreError};
use change::Change;
use plenary_protocol::id::RawId;
use read::There;
use std::collections::BTreeMap;

/// Messages of one commit to a thread that nobody sees yet: a service that runs beside waits that long to
/// write.
const AT_ONCE: usize = 200;
/// Messages that are read from the store at once.
const STORED_PAGE: usize = 1_000;

/// What is here of it.
struct Here {
    thread: Option<Thread>,
    messages: BTreeMap<u64, Message>,
}

impl Import {
    /// Takes a thread that `finder` takes part in. What is of this thread alone is in its report; an error
    /// ends the run.
    pub(in crate::import) async fn thread(
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
        if !shapes::is_plain(&item.id) {
            let why = "its id is empty, too long, or has control characters";
            report.cannot(Finding::new(Code::ThreadRefused, why));
            return Ok(report);
        }
        if is_of_a_meeting(&item.id) {
            // As a group's, its guests would read on after the meeting (`D1`).
            let why = "it is a meeting's or a breakout room's, and its meeting is not here";
            report.cannot(Finding::new(Code::MeetingThread, why));
            return Ok(report);
        }
        match self.read(finder, item, &mut report).await {
            Ok(Some(there)) => self.settle(item, there, &mut report).await?,
            Ok(None) => {}
            Err(ImportError::Source(error)) if error.is_of_one_thread() => {
                report.cannot(Finding::new(Code::ThreadRefused, error.to_string()));
            }
            Err(error) => return Err(error),
        }
        Ok(report)
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
        let mut here = self.here(&importer, &request).await?;
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
        let untouched = here.messages.values().all(take::is_imported);
        let change = self.change(id, item, there, &mut here, report).await?;
        let visible = here.thread.as_ref().is_some_and(is_visible);
        let nothing_new =
            change.messages.is_empty() && here.thread.as_ref() == Some(&change.thread);
        if visible && nothing_new {
            report.outcome = Outcome::Unchanged;
            return Ok(());
        }
        if !untouched {
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

/// As Communication Services name them, and Plenary.
fn is_of_a_meeting(id: &str) -> bool {
    ["19:meeting_", "19:breakout_"]
        .iter()
        .any(|start| id.starts_with(start))
}

/// `19:…@thread.v2`, with nothing in it that means something elsewhere.
fn is_thread_id(id: &str) -> bool {
    let name = id
        .strip_prefix("19:")
        .and_then(|id| id.strip_suffix("@thread.v2"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=.".contains(c);
    name.is_some_and(|name| !name.is_empty() && id.len() <= ID_BYTES && name.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_id_has_no_meaning_elsewhere() {
        for good in ["19:0a@thread.v2", "19:uni01_x@thread.v2"] {
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
}
