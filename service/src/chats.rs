//! Chat carried out: one command at a time for each thread, written to the store before anybody hears
//! of it; and who is in which call, as the meetings say, without which a guest reads nothing (`D1`).

mod held;
pub mod live;
pub mod missed;
mod retention;
#[cfg(test)]
mod tests;
mod underway;

use crate::chat::rates::{Operation, Throttle};
use crate::chat::retention::Policy;
use crate::chat::{
    Answer, Bounds, Command, Invited, Message, Origin, Refusal, Roster, Speaker, Thread, Update,
};
use crate::clock::now_ms;
use crate::config::ChatLimits;
use crate::random;
use crate::store::chat::{Listed, Stretch};
use crate::store::{MeetingRow, Store, StoreError};
use held::{in_time, sorted, Held, Slots};
use parking_lot::Mutex;
use plenary_protocol::id::RawId;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::Semaphore;
use underway::Underway;

/// Another instance wrote to the thread meanwhile: so often it is tried again.
const TRIES: usize = 8;

/// Why chat did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// It may not be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed. The same asked again, with its client id, is done once.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too many others write to the thread, or the store takes too long.
    #[error("The thread is busy.")]
    Busy,
    /// Asked too often; wait so many ms.
    #[error("Rate limit exceeded.")]
    Wait(u64),
}

type Result<T> = std::result::Result<T, ChatError>;

/// What somebody wants of a new thread.
#[derive(Debug, Clone)]
pub struct NewThread {
    /// Who makes it.
    pub creator: RawId,
    /// Who takes part, the creator among them.
    pub people: Vec<Invited>,
    /// Topic.
    pub topic: String,
    /// The rest.
    pub update: Update,
    /// The same request again gives the same thread.
    pub request: Option<String>,
}

/// A meeting's or room's thread, as the meeting knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Thread.
    pub thread: String,
    /// Of what.
    pub origin: Origin,
    /// What it is called.
    pub topic: String,
    /// The meeting's organiser.
    pub organizer: RawId,
}

/// All of chat.
pub struct Chats {
    store: Arc<dyn Store>,
    limits: ChatLimits,
    policies: Vec<Policy>,
    started: u64,
    slots: Slots,
    /// Guests with chat who are in the call of a thread's meeting or room now.
    in_call: Mutex<HashMap<String, BTreeSet<RawId>>>,
    throttle: Mutex<Throttle>,
    late: retention::Late,
    listeners: Arc<live::Listeners>,
    underway: Underway,
    /// Places for those who ask what they missed.
    missing: Semaphore,
}

impl Chats {
    /// Over a store.
    pub fn new(store: Arc<dyn Store>, limits: ChatLimits, policies: Vec<Policy>) -> Arc<Self> {
        Arc::new(Self {
            throttle: Mutex::new(Throttle::new(limits.rates.clone())),
            store,
            limits,
            policies,
            started: now_ms(),
            slots: Slots::default(),
            in_call: Mutex::default(),
            late: retention::Late::default(),
            listeners: Arc::default(),
            underway: Underway::default(),
            missing: Semaphore::new(missed::AT_ONCE),
        })
    }

    /// The numbers of chat.
    pub fn limits(&self) -> &ChatLimits {
        &self.limits
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            participants: self.limits.participants,
            small: self.limits.small_thread,
        }
    }

    /// Who asks about a thread.
    pub fn speaker(&self, thread: &str, who: &RawId) -> Speaker {
        let in_call = self.in_call.lock();
        Speaker {
            id: who.clone(),
            in_call: in_call
                .get(thread)
                .is_some_and(|guests| guests.contains(who)),
        }
    }

    /// The thread, if somebody may read it, after counting the request. Strangers are refused before they
    /// are counted, so that they use up nobody's rate.
    pub async fn open(
        &self,
        thread: &str,
        who: &RawId,
        operation: Operation,
    ) -> Result<Arc<Thread>> {
        let found = self.find(thread).await?.ok_or(Refusal::NotAllowed)?;
        let by = self.speaker(thread, who);
        let now = now_ms();
        // Who was removed from a group's thread has its old messages, and nothing else of it.
        let refused = match operation {
            Operation::ListMessages | Operation::ReadMessage => {
                found.readable(who, by.in_call, now).err()
            }
            _ => found.taking_part(who, by.in_call, now).err(),
        };
        if let Some(refusal) = refused {
            // C7: who is in the call, but found no place in its chat, is told why.
            return Err(match by.in_call && !found.is_gone(now) {
                true => Refusal::Full.into(),
                false => refusal.into(),
            });
        }
        self.count(operation, who, Some(thread))?;
        Ok(found)
    }

    /// Counts a request.
    pub fn count(&self, operation: Operation, who: &RawId, thread: Option<&str>) -> Result<()> {
        let mut throttle = self.throttle.lock();
        let asked = throttle.ask(operation, who, thread, now_ms());
        asked.map_err(ChatError::Wait)
    }

    // --- threads ---

    /// A new thread; the request that made one before gives that one.
    pub async fn create(self: &Arc<Self>, new: NewThread) -> Result<Arc<Thread>> {
        let chats = self.clone();
        to_its_end(async move { chats.create_now(new).await }).await
    }

    async fn create_now(&self, new: NewThread) -> Result<Arc<Thread>> {
        if let Some(thread) = self.made(&new).await? {
            return Ok(thread);
        }
        let id = format!("19:{}@thread.v2", random::uuid().simple());
        let NewThread {
            creator,
            people,
            topic,
            update,
            request,
        } = new.clone();
        let mut held = self.slots.turn(&id).await?;
        let begun = self.underway.begin(&id);
        let (by, now) = (creator.clone(), begun.at);
        let (mut thread, effects) = Thread::create(id, Origin::Group, by, people, topic, now);
        thread.metadata = update.metadata.unwrap_or_default();
        thread.retention = update.retention;
        let (writes, notices) = sorted(effects);
        let mut writes = writes.unwrap_or_default();
        writes.creation = request.map(|request| (creator, request));
        self.commit(&mut held, thread, (writes, notices)).await?;
        let made = held.thread.clone();
        drop(held);
        match made {
            Some(thread) => Ok(thread),
            // The same request at the same time.
            None => self.made(&new).await?.ok_or(ChatError::Busy),
        }
    }

    async fn made(&self, new: &NewThread) -> Result<Option<Arc<Thread>>> {
        let Some(request) = &new.request else {
            return Ok(None);
        };
        match self.store.made(&new.creator, request).await? {
            Some(id) => self.find(&id).await,
            None => Ok(None),
        }
    }

    /// The thread of that id; a meeting's is made when it is first asked for.
    pub async fn find(&self, id: &str) -> Result<Option<Arc<Thread>>> {
        let mut held = self.slots.turn(id).await?;
        self.load(id, &mut held).await?;
        Ok(held.thread.clone())
    }

    /// The thread of a meeting or room, with its organiser in it.
    async fn make(&self, place: &Place, held: &mut Held) -> Result<()> {
        let Place {
            thread,
            origin,
            topic,
            organizer,
        } = place.clone();
        let people = vec![invited(organizer.clone(), None)];
        let begun = self.underway.begin(&thread);
        let (made, effects) = Thread::create(thread, origin, organizer, people, topic, begun.at);
        let (writes, notices) = sorted(effects);
        let writes = (writes.unwrap_or_default(), notices);
        if !self.commit(held, made, writes).await? {
            // Another instance made it.
            let stored = in_time(self.store.thread(&place.thread)).await??;
            held.thread = stored.map(Arc::new);
        }
        Ok(())
    }

    /// Lets something happen to a thread.
    pub async fn apply(self: &Arc<Self>, id: &str, command: Command) -> Result<Answer> {
        let (chats, id) = (self.clone(), id.to_owned());
        to_its_end(async move { chats.apply_now(&id, command).await }).await
    }

    async fn apply_now(&self, id: &str, command: Command) -> Result<Answer> {
        let mut held = self.slots.turn(id).await?;
        for _ in 0..TRIES {
            self.load(id, &mut held).await?;
            let before = held.thread.as_ref().ok_or(Refusal::NotAllowed)?;
            let mut thread = Thread::clone(before);
            let mut command = command.clone();
            self.bring_up_to_date(id, &mut command).await?;
            let mut effects = Vec::new();
            let begun = self.underway.begin(id);
            let answer = thread.apply(command, self.bounds(), begun.at, &mut effects)?;
            let (writes, notices) = sorted(effects);
            match writes {
                Some(writes) => {
                    let writes = (writes, notices);
                    if !self.commit(&mut held, thread, writes).await? {
                        // Another instance was first.
                        continue;
                    }
                }
                None => self.tell(before, &notices),
            }
            return Ok(answer);
        }
        Err(ChatError::Busy)
    }

    /// What a command says about messages, as the store has it now that it is this command's turn.
    async fn bring_up_to_date(&self, id: &str, command: &mut Command) -> Result<()> {
        match command {
            Command::Send { by, draft, known } => {
                if let Some(client_id) = &draft.client_id {
                    *known = self.store.sent(id, &by.id, client_id).await?;
                }
            }
            Command::Edit { message, .. } | Command::Delete { message, .. } => {
                let found = self.store.message(id, message.id).await?;
                *message = found.ok_or(Refusal::NoSuchMessage)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The threads in which somebody takes part; a guest's meetings only while they are in the call.
    pub async fn threads_of(
        &self,
        who: &RawId,
        after: Option<(u64, String)>,
        since: u64,
        limit: usize,
    ) -> Result<Vec<(Listed, Option<Arc<Thread>>)>> {
        let rows = self.store.threads_of(who, after, since, limit).await?;
        let mut listed = Vec::with_capacity(rows.len());
        for row in rows {
            let thread = self.find(&row.id).await?;
            let in_call = self.speaker(&row.id, who).in_call;
            let thread = thread.filter(|t| t.readable(who, in_call, now_ms()).is_ok());
            listed.push((row, thread));
        }
        Ok(listed)
    }

    // --- messages ---

    /// Messages that somebody may read, the newest first: ids below `below` and from `since` on. Events of
    /// the call where `with_calls`.
    pub async fn history(
        &self,
        thread: &Thread,
        who: &RawId,
        below: Option<u64>,
        since: u64,
        limit: usize,
        with_calls: bool,
    ) -> Result<Vec<Message>> {
        let in_call = self.speaker(&thread.id, who).in_call;
        let windows = thread.readable(who, in_call, now_ms())?;
        let below = below.unwrap_or(u64::MAX);
        let mut page = Vec::new();
        for window in windows.iter().rev() {
            let mut window = *window;
            window.from = window.from.max(since);
            if page.len() < limit && window.from < below {
                let limit = limit - page.len();
                let stretch = Stretch {
                    window,
                    below,
                    with_calls,
                    limit,
                };
                page.extend(self.store.messages(&thread.id, stretch).await?);
            }
        }
        Ok(page)
    }

    /// One message that somebody may read; another's window and no message are the same answer (`S13`).
    pub async fn message(&self, thread: &Thread, who: &RawId, id: u64) -> Result<Message> {
        let in_call = self.speaker(&thread.id, who).in_call;
        let windows = thread.readable(who, in_call, now_ms())?;
        if !windows.iter().any(|window| window.holds(id)) {
            return Err(Refusal::NoSuchMessage.into());
        }
        let found = self.store.message(&thread.id, id).await?;
        Ok(found.ok_or(Refusal::NoSuchMessage)?)
    }

    // --- meetings ---

    /// A meeting or room says who is there. The right of guests who went ends at once, whatever the store
    /// does; who came has it when the store has it.
    pub async fn follow(self: &Arc<Self>, place: &Place, mut roster: Roster) -> Result<()> {
        let guests = roster.guests.clone().unwrap_or_default();
        let guests: BTreeSet<RawId> = guests.into_keys().collect();
        let (before, back) = self.are_in_call(&place.thread, &guests);
        let first = before.is_none();
        let gone = before.unwrap_or_default().into_iter();
        self.withdraw(&place.thread, gone.filter(|guest| !guests.contains(guest)));
        roster.restarted = first.then_some(self.started);
        let followed = match self.made_for(place).await {
            Ok(()) => self.apply(&place.thread, Command::Follow(roster)).await,
            Err(error) => Err(error),
        };
        if followed.is_err() && first {
            self.in_call.lock().remove(&place.thread);
        }
        for listener in back {
            listener.catch_up(self.clone());
        }
        followed.map(|_| ())
    }

    /// As after a restart.
    #[cfg(test)]
    pub fn forget_calls(&self) {
        self.in_call.lock().clear();
    }

    async fn made_for(&self, place: &Place) -> Result<()> {
        let mut held = self.slots.turn(&place.thread).await?;
        self.load(&place.thread, &mut held).await?;
        match held.thread {
            Some(_) => Ok(()),
            None => self.make(place, &mut held).await,
        }
    }

    /// A meeting's call began with somebody, or is over.
    pub async fn call(self: &Arc<Self>, thread: &str, started: Option<RawId>) -> Result<()> {
        let command = Command::Call { started };
        self.apply(thread, command).await.map(|_| ())
    }

    /// A meeting was scheduled or changed: its invited members take part, and its topic is the subject.
    pub async fn meeting_changed(self: &Arc<Self>, row: &MeetingRow) -> Result<()> {
        let place = place_of(row);
        self.made_for(&place).await?;
        let settings = row.settings();
        let members = settings.invited.into_keys().chain([settings.organizer]);
        let roster = Roster {
            members: members.map(|id| (id, None)).collect(),
            ..Roster::default()
        };
        self.apply(&row.thread, Command::Follow(roster)).await?;
        let rename = Command::Rename {
            topic: place.topic,
            by: place.organizer,
        };
        self.apply(&row.thread, rename).await.map(|_| ())
    }

    /// A meeting or room is no more, and its chat with it.
    pub async fn closed(self: &Arc<Self>, thread: &str) -> Result<()> {
        let gone = self.in_call.lock().remove(thread);
        self.withdraw(thread, gone.unwrap_or_default());
        match self.apply(thread, Command::Close).await {
            // It had none yet.
            Err(ChatError::Refused(Refusal::NotAllowed)) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Where a meeting's own chat is.
pub fn place_of(row: &MeetingRow) -> Place {
    Place {
        thread: row.thread.clone(),
        origin: Origin::Meeting(row.id.clone()),
        topic: row.subject.clone().unwrap_or_default(),
        organizer: row.settings().organizer,
    }
}

/// Somebody without anything said of them.
pub fn invited(id: RawId, name: Option<String>) -> Invited {
    Invited {
        id,
        name,
        shared_from: None,
        metadata: BTreeMap::new(),
    }
}

/// Who asked may go before they are answered, and their request with them; what is written is told all
/// the same.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    // It does not panic, and nobody else ends it but the end of the service.
    tokio::spawn(work).await.unwrap_or(Err(ChatError::Busy))
}
