//! From user to user: whose threads they are, who else takes part, and whose threads those have. There is no
//! list of all threads in the interface.

use super::identities::{parts, Identities};
use super::journal::{Journal, JournalError};
use super::report::{Code, Finding, Report, ThreadReport};
use super::shapes::ThreadItem;
use super::source::{Source, SourceError};
use crate::clock::now_ms;
use crate::config::ChatLimits;
use crate::store::{Store, StoreError};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Why a run does not go on. The same command goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The other server.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Our store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Something that somebody who waits wants to see.
#[derive(Debug)]
pub enum Step<'a> {
    /// A user has so many threads.
    User(&'a str, usize),
    /// So many messages of a thread were read so far.
    Read(&'a str, usize),
    /// So many messages of a thread were written, of so many.
    Written(&'a str, usize, usize),
    /// A thread is done.
    Thread(&'a ThreadReport),
    /// The other server is busy, or not there.
    Waiting(Duration, &'a SourceError),
}

/// Who looks on.
pub type Watch = Arc<dyn Fn(Step<'_>) + Send + Sync>;

/// An import. Dropped at any moment, it leaves what the same import goes on from.
pub struct Import {
    pub(super) source: Source,
    pub(super) store: Arc<dyn Store>,
    pub(super) identities: Identities,
    pub(super) limits: ChatLimits,
    pub(super) watch: Watch,
    journal: Journal,
    /// Threads that an interrupted run has done.
    done: HashMap<String, ThreadReport>,
    /// Threads that were refused to everybody who found them so far.
    refused: BTreeMap<String, ThreadReport>,
    report: Report,
    follow: bool,
    queue: VecDeque<(String, Met)>,
    met: HashSet<String>,
    /// The other server's resources, as the given users name them.
    resources: BTreeSet<String>,
}

/// How a user came to be asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    Given,
    InAThread,
}

impl Import {
    /// Of these users, and those whom they meet where `follow`.
    pub fn new(
        source: Source,
        store: Arc<dyn Store>,
        identities: Identities,
        limits: ChatLimits,
        (journal, done): (Journal, Vec<ThreadReport>),
        watch: Watch,
    ) -> Self {
        let report = Report {
            source: source.endpoint().origin().ascii_serialization(),
            resource: identities.resource().to_owned(),
            ..Report::default()
        };
        let done = done.into_iter();
        Self {
            done: done.map(|one| (one.source.clone(), one)).collect(),
            source,
            store,
            identities,
            limits,
            watch,
            journal,
            refused: BTreeMap::new(),
            report,
            follow: false,
            queue: VecDeque::new(),
            met: HashSet::new(),
            resources: BTreeSet::new(),
        }
    }

    /// Whose threads are taken; `follow`: and those of the people in them.
    pub fn of(mut self, users: impl IntoIterator<Item = String>, follow: bool) -> Self {
        self.follow = follow;
        for user in users {
            if let Some((resource, _)) = parts(&user) {
                self.resources.insert(resource.to_owned());
            }
            if self.met.insert(user.clone()) {
                self.queue.push_back((user, Met::Given));
            }
        }
        self
    }

    /// What was done so far.
    pub fn report(&self) -> Report {
        Report {
            users: self.identities.mapped(),
            ..self.report.clone()
        }
    }

    /// To the end.
    pub async fn run(&mut self) -> Result<(), ImportError> {
        let mut seen = HashSet::new();
        while let Some((user, met)) = self.queue.pop_front() {
            let Some(threads) = self.threads_of(&user, met).await? else {
                continue;
            };
            self.report.counts.users += 1;
            (self.watch)(Step::User(&user, threads.len()));
            for item in threads {
                if !seen.contains(&item.id) && self.one(&user, &item).await? {
                    seen.insert(item.id);
                }
            }
        }
        for (_, refused) in std::mem::take(&mut self.refused) {
            self.keep(refused)?;
        }
        self.report.finished = true;
        Ok(self.journal.finish()?)
    }

    /// `None`: they cannot be asked for, and the report says why.
    async fn threads_of(
        &mut self,
        user: &str,
        met: Met,
    ) -> Result<Option<Vec<ThreadItem>>, ImportError> {
        let listed = match self.source.admit(user).await {
            Ok(()) => {
                let listing = self.source.threads(user)?;
                self.source.all(listing).await
            }
            Err(error) => Err(error),
        };
        match listed {
            Ok((threads, odd)) => {
                let odd = Finding::odd(odd, "threads in their list");
                let odd = odd.map(|finding| finding.of_user(user));
                self.report.not_taken.extend(odd);
                let mine = self.identities.user(&*self.store, user, now_ms()).await?;
                if let (Err(code), Met::Given) = (mine, met) {
                    let finding = Finding::new(code, "no user of the resource here");
                    self.report.not_taken.push(finding.of_user(user));
                }
                Ok(Some(threads))
            }
            Err(error) if error.is_of_one() => {
                let why = error.to_string();
                let (list, code) = match met {
                    Met::Given => (&mut self.report.not_taken, Code::UserRefused),
                    Met::InAThread => (&mut self.report.notes, Code::UserNotAsked),
                };
                list.push(Finding::new(code, why).of_user(user));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// False: it was refused to this one; another may be allowed to read it.
    async fn one(&mut self, finder: &str, item: &ThreadItem) -> Result<bool, ImportError> {
        if let Some(done) = self.done.remove(&item.id) {
            self.add(done);
            return Ok(true);
        }
        let report = self.thread(finder, item).await?;
        let mut findings = report.not_taken.iter();
        if findings.any(|finding| finding.code == Code::ThreadRefused) {
            self.refused.insert(item.id.clone(), report);
            return Ok(false);
        }
        self.refused.remove(&item.id);
        self.keep(report)?;
        Ok(true)
    }

    fn keep(&mut self, report: ThreadReport) -> Result<(), ImportError> {
        self.journal.done(&report)?;
        self.add(report);
        Ok(())
    }

    fn add(&mut self, report: ThreadReport) {
        (self.watch)(Step::Thread(&report));
        for user in &report.people {
            self.meet(user);
        }
        let people = Vec::new();
        self.report.add(ThreadReport { people, ..report });
    }

    /// Users of the other server's own resources, once.
    fn meet(&mut self, user: &str) {
        let theirs = parts(user).is_some_and(|(resource, _)| self.resources.contains(resource));
        if self.follow && theirs && self.met.insert(user.to_owned()) {
            self.queue.push_back((user.to_owned(), Met::InAThread));
        }
    }
}
