//! Agent sessions: what goes on when a socket drops. Replies and events of a session leave in one
//! order, so that a snapshot and the changes after it never overtake each other.

use super::hearing::Hearing;
use super::replay::Replay;
use crate::chats::live::{Listener, Told};
use crate::chats::missed::Lack;
use crate::chats::Chats;
use crate::clock::now_ms;
use crate::config::Limits;
use crate::random;
use crate::tokens::UserToken;
use axum::extract::ws::Utf8Bytes;
use parking_lot::Mutex;
use plenary_protocol::agent::{close, Event, Frame, ProtocolError, Reply, Welcome};
use plenary_protocol::chat::ChatEvent;
use plenary_protocol::id::{CallId, RawId, SessionId};
use plenary_protocol::matrix::Client;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::mpsc;

/// What a socket's writer is to send.
#[derive(Debug)]
pub enum Out {
    /// A frame.
    Text(Utf8Bytes),
    /// The last frame: a close code and its reason.
    Close(u16, &'static str),
}

/// Frames that may wait for one socket beyond a whole replay.
const QUEUE: usize = 256;
/// Calls that one session may have at a time (`S11`).
const CALLS: usize = 16;

/// One agent session.
#[derive(Debug)]
pub struct Session {
    /// Its name, unguessable: since when its client lacks chat, in µs since 1970, and a secret. So it says that
    /// to the next session, though nobody knows this one any more.
    pub id: SessionId,
    /// Whose.
    pub who: RawId,
    /// Name that others see.
    pub name: Option<String>,
    /// What it runs on.
    pub client: Client,
    pub(super) state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    expires: u64,
    pub(super) rights: Rights,
    /// Whether chat is heard.
    pub(super) chat: Hearing,
    /// What of chat its client was not told, where it takes the place of a session that is gone.
    pub(super) lacks: Option<Lack>,
    pub(super) replay: Replay,
    link: Link,
    calls: BTreeMap<CallId, CallPlace>,
    /// The last ones that are over.
    ended: VecDeque<CallId>,
}

/// What the token of a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Calls.
    pub calls: bool,
    /// Chat.
    pub chat: bool,
}

impl Rights {
    /// Those of a token.
    pub fn of(token: &UserToken) -> Self {
        Self {
            calls: token.may_join(),
            chat: token.may_chat(),
        }
    }
}

/// Where a call is, and which one it goes on with after a move.
#[derive(Debug)]
struct CallPlace {
    meeting: String,
    former: Option<CallId>,
}

#[derive(Debug)]
enum Link {
    /// A socket is there.
    Up {
        connection: u64,
        out: mpsc::Sender<Out>,
    },
    /// There was none yet.
    New { since: u64 },
    /// The last one dropped.
    Down { since: u64 },
    /// It will never come back.
    Over,
}

/// Why a session has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    /// Its resume window ran out.
    Vanished,
    /// Its token ran out (`S6`).
    Expired,
}

impl Session {
    /// A new session; a socket attaches to it next. `lacks`: since when its client was told nothing of chat, where
    /// it takes the place of one that is gone.
    pub fn new(
        lacks: Option<u64>,
        who: RawId,
        name: Option<String>,
        client: Client,
        token: &UserToken,
        limits: &Limits,
        now: u64,
    ) -> Arc<Self> {
        // What happens in this millisecond is yet to be told.
        let since = lacks.unwrap_or((now * 1_000).saturating_sub(1));
        let secret = random::text(random::ALPHANUMERIC, 32);
        let state = State {
            expires: token.expires,
            rights: Rights::of(token),
            chat: Hearing::No,
            lacks: lacks.map(|since| Lack { since, only: None }),
            replay: Replay::new(limits.replay_events, limits.replay_ms),
            link: Link::New { since: now },
            calls: BTreeMap::new(),
            ended: VecDeque::new(),
        };
        Arc::new(Self {
            id: SessionId(format!("{since}-{secret}")),
            who,
            name,
            client,
            state: Mutex::new(state),
        })
    }

    /// Whether one of its calls is in that meeting, or waits in its lobby.
    pub fn is_in(&self, meeting: &str) -> bool {
        let state = self.state.lock();
        state.calls.values().any(|call| call.meeting == meeting)
    }

    /// Puts a socket in the place of the last one: first the welcome, then everything after `last_seq`,
    /// then what comes. `None`: that is not known any more, or the session is over.
    pub fn attach(
        &self,
        connection: u64,
        last_seq: u64,
        token: &UserToken,
        welcome: (u32, Welcome),
        most: usize,
    ) -> Option<mpsc::Receiver<Out>> {
        let mut state = self.state.lock();
        if state.is_over() {
            return None;
        }
        let (out, queue) = mpsc::channel(most + QUEUE);
        let (id, welcome) = welcome;
        let first = text(&Frame::Reply {
            id,
            reply: Reply::Welcome(welcome),
        });
        let missed = state.replay.after(last_seq)?;
        for frame in std::iter::once(&first).chain(missed) {
            // The queue is longer than any replay.
            let _ = out.try_send(Out::Text(frame.clone()));
        }
        let before = std::mem::replace(&mut state.link, Link::Up { connection, out });
        state.shown(token);
        if let Link::Up { out, .. } = before {
            let _ = out.try_send(Out::Close(
                close::REPLACED,
                "another socket took this session over",
            ));
        }
        Some(queue)
    }

    /// A socket is gone. True if it was the session's own, and nothing took its place.
    pub fn detach(&self, connection: u64, now: u64) -> bool {
        let mut state = self.state.lock();
        let current =
            matches!(&state.link, Link::Up { connection: current, .. } if *current == connection);
        if current {
            state.link = Link::Down { since: now };
        }
        current
    }

    /// Without a socket: whether it has calls, and since when.
    fn left_alone(&self) -> Option<(bool, u64)> {
        let state = self.state.lock();
        match state.link {
            Link::Down { since } => Some((!state.calls.is_empty(), since)),
            _ => None,
        }
    }

    /// The client is there: what it will not ask for any more need not be kept until the next event.
    pub fn is_alive(&self, now: u64) {
        self.state.lock().replay.forget(now);
    }

    /// Gives it up, unless a socket came meanwhile: from here on none attaches.
    fn give_up(&self) -> bool {
        let mut state = self.state.lock();
        let down = matches!(state.link, Link::Down { .. });
        if down {
            state.link = Link::Over;
        }
        down
    }

    /// Tells the client; kept for a replay.
    pub fn event(&self, event: Event, now: u64) {
        let mut state = self.state.lock();
        match &event {
            Event::Ended { call, .. } => state.ended(call),
            Event::Moved { from, held, to } => state.moved(from, *held, &to.call),
            _ => {}
        }
        if state.is_over() {
            return;
        }
        state.put(0, None, |seq| text(&Frame::Event { seq, event }), now);
    }

    /// Answers a request, if the socket on which it was asked is still there.
    pub fn reply(&self, connection: u64, id: u32, result: Result<Reply, ProtocolError>, now: u64) {
        let mut state = self.state.lock();
        if !matches!(&state.link, Link::Up { connection: current, .. } if *current == connection) {
            return;
        }
        let frame = match result {
            Ok(reply) => Frame::Reply { id, reply },
            Err(error) => Frame::Failure { id, error },
        };
        state.send(Out::Text(text(&frame)), now);
    }

    /// Whether a call of it has ended. Whose media is cut may ask for another before they hear why, and
    /// are not to come in again by that (S2).
    pub fn has_ended(&self, call: &CallId) -> bool {
        self.state.lock().ended.contains(call)
    }

    /// Notes in which meeting a call is. False: the session is over or has too many calls.
    pub fn begin_call(&self, call: &CallId, meeting: &str) -> bool {
        let mut state = self.state.lock();
        let known = state.calls.contains_key(call);
        if state.is_over() || (!known && state.calls.len() >= CALLS) {
            return false;
        }
        let place = CallPlace {
            meeting: meeting.to_owned(),
            former: None,
        };
        state.calls.insert(call.clone(), place);
        true
    }

    /// A call that came to nothing.
    pub fn forget_call(&self, call: &CallId) {
        self.state.lock().calls.remove(call);
    }

    /// The meeting of a call; what was asked before the client heard of a move names the call of before.
    pub fn meeting(&self, call: &CallId) -> Option<String> {
        let state = self.state.lock();
        let mut places = state.calls.values();
        let found = state.calls.get(call);
        let found = found.or_else(|| places.find(|place| place.former.as_ref() == Some(call)));
        found.map(|place| place.meeting.clone())
    }

    /// A fresh token was shown. False: it is not for the calls that there are.
    pub fn refresh(&self, token: &UserToken) -> bool {
        let mut state = self.state.lock();
        if !state.calls.is_empty() && !token.may_join() {
            return false;
        }
        state.shown(token);
        true
    }

    /// What its token is for.
    pub fn rights(&self) -> Rights {
        self.state.lock().rights
    }

    /// Whether it will never come back.
    pub fn is_over(&self) -> bool {
        self.state.lock().is_over()
    }

    /// Whether it is time to end it.
    pub fn overdue(&self, window_ms: u64, now: u64) -> Option<Overdue> {
        let state = self.state.lock();
        match state.link {
            Link::Over => None,
            _ if state.expires <= now => Some(Overdue::Expired),
            Link::New { since } | Link::Down { since } if since + window_ms <= now => {
                Some(Overdue::Vanished)
            }
            _ => None,
        }
    }

    /// From here on no call can begin and no socket attach; gives the calls that are left.
    pub fn finish(&self) -> Finish {
        let mut state = self.state.lock();
        state.chat = Hearing::No;
        let calls = state
            .calls
            .iter()
            .map(|(call, place)| (call.clone(), place.meeting.clone()))
            .collect();
        let out = match std::mem::replace(&mut state.link, Link::Over) {
            Link::Up { out, .. } => Some(out),
            _ => None,
        };
        Finish {
            calls,
            out,
            next_seq: state.replay.next_seq(0),
        }
    }

    /// Closes the socket and keeps the session.
    pub fn close_socket(&self, code: u16, reason: &'static str) {
        if let Link::Up { out, .. } = &self.state.lock().link {
            let _ = out.try_send(Out::Close(code, reason));
        }
    }
}

impl Listener for Session {
    fn hear(&self, told: &Told) {
        let mut state = self.state.lock();
        if state.is_over() {
            return;
        }
        let most = state.replay.room().events;
        match &mut state.chat {
            Hearing::No => {}
            Hearing::CatchingUp(catch_up) => catch_up.hold(told.clone(), most),
            Hearing::Yes(_) => state.tell(told, now_ms()),
        }
    }

    fn withdraw(&self, thread: &str) {
        let nothing = |seq| {
            let event = Event::Chat(Box::new(ChatEvent::Withdrawn));
            text(&Frame::Event { seq, event })
        };
        let mut state = self.state.lock();
        state.replay.withdraw(thread, nothing);
        if let Hearing::CatchingUp(catch_up) = &mut state.chat {
            catch_up.withdraw(thread);
        }
    }

    fn comes_back(&self, thread: &str) -> bool {
        self.state.lock().comes_back(thread)
    }

    fn catch_up(self: Arc<Self>, chats: Arc<Chats>) {
        tokio::spawn(async move { self.hear_missed(&chats).await });
    }
}

/// The end of a session: its calls, and the socket on which to say so.
pub struct Finish {
    /// Calls and their meetings.
    pub calls: Vec<(CallId, String)>,
    out: Option<mpsc::Sender<Out>>,
    next_seq: u64,
}

impl Finish {
    /// Says that the calls ended, then closes.
    pub fn tell(self, events: impl IntoIterator<Item = Event>, code: u16, reason: &'static str) {
        let Some(out) = self.out else { return };
        for (seq, event) in (self.next_seq..).zip(events) {
            let _ = out.try_send(Out::Text(text(&Frame::Event { seq, event })));
        }
        let _ = out.try_send(Out::Close(code, reason));
    }
}

impl State {
    fn shown(&mut self, token: &UserToken) {
        self.expires = token.expires;
        self.rights = Rights::of(token);
        if !self.rights.chat {
            self.chat = Hearing::No;
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.link, Link::Over)
    }

    /// Tells of chat.
    pub(super) fn tell(&mut self, told: &Told, now: u64) {
        let json = &told.json;
        // A frame around what is written once for everybody.
        let frame =
            |seq| format!(r#"{{"event":{{"seq":{seq},"event":{{"chat":{json}}}}}}}"#).into();
        self.put(told.through, Some(told.thread.clone()), frame, now);
    }

    /// Sends the event of the next number, and keeps it for a replay; `through`: see [`Replay::next_seq`].
    fn put(
        &mut self,
        through: u64,
        thread: Option<Arc<str>>,
        frame: impl FnOnce(u64) -> Utf8Bytes,
        now: u64,
    ) {
        let seq = self.replay.next_seq(through);
        let frame = frame(seq);
        self.replay.push(seq, frame.clone(), thread, now);
        self.send(Out::Text(frame), now);
    }

    fn ended(&mut self, call: &CallId) {
        self.calls.remove(call);
        if self.ended.len() == CALLS {
            self.ended.pop_front();
        }
        self.ended.push_back(call.clone());
    }

    /// A call goes on under another id.
    fn moved(&mut self, from: &CallId, held: bool, to: &CallId) {
        let Some(meeting) = self.calls.get(from).map(|place| place.meeting.clone()) else {
            return;
        };
        if !held {
            self.calls.remove(from);
        }
        let former = Some(from.clone());
        self.calls.insert(to.clone(), CallPlace { meeting, former });
    }

    fn send(&mut self, out: Out, now: u64) {
        let Link::Up { out: queue, .. } = &self.link else {
            return;
        };
        if queue.try_send(out).is_err() {
            // Too slow, or gone: the socket is given up, and the client can resume (`S11`).
            self.link = Link::Down { since: now };
        }
    }
}

fn text(frame: &Frame) -> Utf8Bytes {
    // Maps with string keys, numbers and strings: JSON has a form for all of it.
    serde_json::to_string(frame)
        .expect("a frame has a JSON form")
        .into()
}

/// What adding a session came to.
#[derive(Debug)]
pub enum Added {
    /// There was room.
    Beside,
    /// This one has to end for it.
    InPlaceOf(Arc<Session>),
    /// It was not added.
    TooMany,
}

/// The session that is needed least, given up; none if all have a socket.
fn give_up_one(sessions: Vec<Arc<Session>>) -> Option<Arc<Session>> {
    let alone = sessions
        .into_iter()
        .filter_map(|session| Some((session.left_alone()?, session)));
    let mut alone: Vec<_> = alone.collect();
    alone.sort_by_key(|(since, _)| *since);
    let mut alone = alone.into_iter().map(|(_, session)| session);
    alone.find(|session| session.give_up())
}

/// All sessions of this process.
#[derive(Debug, Default)]
pub struct Sessions {
    all: Mutex<BTreeMap<SessionId, Arc<Session>>>,
}

impl Sessions {
    /// The session of that name.
    pub fn get(&self, id: &SessionId) -> Option<Arc<Session>> {
        self.all.lock().get(id).cloned()
    }

    /// Adds one. Where its identity has too many (`S11`), one without a socket makes room and is to be ended:
    /// first of those without calls, then the one that is longest so.
    pub fn add(&self, session: &Arc<Session>, most_per_identity: usize) -> Added {
        let mut all = self.all.lock();
        let own = all.values().filter(|other| other.who == session.who);
        let own: Vec<_> = own.cloned().collect();
        let added = match own.len() < most_per_identity {
            true => Added::Beside,
            false => match give_up_one(own) {
                Some(left) => {
                    all.remove(&left.id);
                    Added::InPlaceOf(left)
                }
                None => return Added::TooMany,
            },
        };
        all.insert(session.id.clone(), session.clone());
        added
    }

    /// Takes one out.
    pub fn remove(&self, id: &SessionId) {
        self.all.lock().remove(id);
    }

    /// All of them now.
    pub fn list(&self) -> Vec<Arc<Session>> {
        self.all.lock().values().cloned().collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.lock().len()
    }
}
