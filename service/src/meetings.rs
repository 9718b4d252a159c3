//! Living meetings: one task each, which feeds commands to the core and carries its effects out in
//! order. A meeting wakes with the first join and goes to sleep when nobody is there.

mod chat;
mod transports;

use crate::agent::session::{Session, Sessions};
use crate::chats::Chats;
use crate::clock::now_ms;
use crate::config::Limits;
use crate::media::{Media, Pass};
use crate::meeting::{Admission, Answer, Bounds, Breakout, Chat, Command, Effect, Meeting};
use crate::random;
use crate::store::{MeetingKey, Store};
use parking_lot::Mutex;
use plenary_protocol::agent::{Event, MediaOffer, ProtocolError, Reply};
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, EndpointId, RawId, RoomId, SessionId};
use plenary_protocol::state::Recording;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Commands that may wait for one meeting.
const QUEUE: usize = 1_024;
/// Connections of one participant in one meeting (`S11`).
const ENDPOINTS: usize = 8;

/// Who is to hear the answer.
pub enum ReplyTo {
    /// An agent socket: in order with the session's events.
    Agent {
        /// The session.
        session: Arc<Session>,
        /// The socket on which it was asked.
        connection: u64,
        /// The request.
        id: u32,
    },
    /// Code of the service.
    Code(oneshot::Sender<Result<Answer, Reason>>),
    /// Nobody.
    Nobody,
}

enum Message {
    Command {
        command: Command,
        offer: Option<MediaOffer>,
        reply: ReplyTo,
    },
    MediaToken {
        by: RawId,
        call: CallId,
        reply: ReplyTo,
    },
    /// A test looks at who is where.
    #[cfg(test)]
    Look(oneshot::Sender<Look>),
}

/// A meeting as it is: its room on the engine, and where every endpoint is and hears and sees whom.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Look {
    pub room: String,
    pub passes: BTreeMap<EndpointId, Pass>,
    pub snapshots: Vec<plenary_protocol::agent::CallSnapshot>,
}

/// All living meetings of this process.
pub struct Meetings {
    store: Arc<dyn Store>,
    chats: Arc<Chats>,
    media: Media,
    sessions: Arc<Sessions>,
    limits: Limits,
    run: String,
    /// Until when admissions of before the start can be taken up.
    lapse_at: u64,
    live: Mutex<BTreeMap<String, mpsc::Sender<Message>>>,
    counts: Mutex<BTreeMap<String, (usize, usize)>>,
}

impl Meetings {
    /// None is living yet; `run` names this run of the service.
    pub fn new(
        store: Arc<dyn Store>,
        chats: Arc<Chats>,
        media: Media,
        sessions: Arc<Sessions>,
        limits: Limits,
        run: String,
    ) -> Arc<Self> {
        let lapse_at = now_ms() + limits.resume_window_ms;
        Arc::new(Self {
            store,
            chats,
            media,
            sessions,
            limits,
            run,
            lapse_at,
            live: Mutex::default(),
            counts: Mutex::default(),
        })
    }

    /// Hands a command to a meeting, waking it for a join, and for its breakout rooms, which are made
    /// before anybody is there.
    pub fn send(
        self: &Arc<Self>,
        meeting: &str,
        command: Command,
        offer: Option<MediaOffer>,
        reply: ReplyTo,
    ) {
        let wakes = matches!(
            command,
            Command::Join(_)
                | Command::Manage { .. }
                | Command::Rooms { .. }
                | Command::Record { .. }
        );
        self.post(
            meeting,
            wakes,
            Message::Command {
                command,
                offer,
                reply,
            },
        );
    }

    /// Asks for a fresh media token.
    pub fn media_token(self: &Arc<Self>, meeting: &str, by: RawId, call: CallId, reply: ReplyTo) {
        self.post(meeting, false, Message::MediaToken { by, call, reply });
    }

    /// Hands a command to a meeting and waits for the answer.
    pub async fn ask(self: &Arc<Self>, meeting: &str, command: Command) -> Result<Answer, Reason> {
        let (reply, answer) = oneshot::channel();
        self.send(meeting, command, None, ReplyTo::Code(reply));
        answer.await.unwrap_or(Err(Reason::NO_SUCH_CALL))
    }

    /// A meeting as it is now, if it is awake.
    #[cfg(test)]
    pub(crate) async fn look(self: &Arc<Self>, meeting: &str) -> Option<Look> {
        let (reply, answer) = oneshot::channel();
        self.post(meeting, false, Message::Look(reply));
        answer.await.ok()
    }

    /// Puts somebody out of every meeting of this process (`S6`).
    pub async fn expel(self: &Arc<Self>, who: &RawId, reason: Reason) {
        let living: Vec<String> = self.live.lock().keys().cloned().collect();
        for meeting in living {
            // A meeting that sleeps has nobody to put out.
            let _ = self
                .ask(
                    &meeting,
                    Command::Expel {
                        who: who.clone(),
                        reason,
                    },
                )
                .await;
        }
    }

    /// Meetings, people in them, people in lobbies.
    pub fn totals(&self) -> (usize, usize, usize) {
        let counts = self.counts.lock();
        counts.values().fold((counts.len(), 0, 0), |sum, count| {
            (sum.0, sum.1 + count.0, sum.2 + count.1)
        })
    }

    /// Under one lock with the actor's going to sleep, so that no message falls between.
    fn post(self: &Arc<Self>, meeting: &str, wakes: bool, message: Message) {
        let mut live = self.live.lock();
        let queue = match live.get(meeting) {
            Some(queue) => queue.clone(),
            None if wakes => {
                let (queue, messages) = mpsc::channel(QUEUE);
                tokio::spawn(Actor::run(self.clone(), meeting.to_owned(), messages));
                live.insert(meeting.to_owned(), queue.clone());
                queue
            }
            None => {
                drop(live);
                return message.fail(Reason::NO_SUCH_CALL);
            }
        };
        drop(live);
        if let Err(error) = queue.try_send(message) {
            let (mpsc::error::TrySendError::Full(message)
            | mpsc::error::TrySendError::Closed(message)) = error;
            message.fail(Reason::SERVICE_ERROR);
        }
    }
}

impl Message {
    fn fail(self, reason: Reason) {
        match self {
            Self::Command { reply, .. } | Self::MediaToken { reply, .. } => {
                reply.send(Err(reason.error()), Err(reason));
            }
            #[cfg(test)]
            Self::Look(_) => {}
        }
    }
}

impl ReplyTo {
    fn send(self, agent: Result<Reply, ProtocolError>, code: Result<Answer, Reason>) {
        match self {
            Self::Agent {
                session,
                connection,
                id,
            } => session.reply(connection, id, agent, now_ms()),
            Self::Code(reply) => {
                // Who asked may have gone.
                let _ = reply.send(code);
            }
            Self::Nobody => {}
        }
    }
}

struct Actor {
    meetings: Arc<Meetings>,
    id: String,
    core: Meeting,
    server_call_id: String,
    room: String,
    /// The engine's names of the breakout rooms that somebody was in since they opened.
    rooms: BTreeMap<RoomId, String>,
    passes: BTreeMap<EndpointId, Pass>,
    /// What chat was told last, and whether it knows that somebody is in the call.
    chats: BTreeMap<String, Chat>,
    rings: bool,
    /// Who is to be looked at once more when the present message is answered.
    unsettled: Vec<EndpointId>,
}

impl Actor {
    async fn run(meetings: Arc<Meetings>, id: String, mut messages: mpsc::Receiver<Message>) {
        let core = match Self::wake(&meetings, &id).await {
            Ok(core) => core,
            Err(reason) => {
                meetings.live.lock().remove(&id);
                messages.close();
                while let Some(message) = messages.recv().await {
                    message.fail(reason);
                }
                return;
            }
        };
        let mut actor = Self {
            meetings,
            id,
            core,
            server_call_id: random::uuid().to_string(),
            // Unguessable, and another one at each awakening.
            room: format!("m-{}", random::text(random::ALPHANUMERIC, 24)),
            rooms: BTreeMap::new(),
            passes: BTreeMap::new(),
            chats: BTreeMap::new(),
            rings: false,
            unsettled: Vec::new(),
        };
        tracing::debug!(call = actor.server_call_id, "meeting wakes");
        loop {
            let due = actor.core.deadline().map(|at| at.saturating_sub(now_ms()));
            // A sleep of no time ends with the timer's next tick: what is over already would be asked for first.
            let over = async {
                if let Some(ms @ 1..) = due {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                }
            };
            // A lobby's time is over when it is, however many messages wait.
            tokio::select! {
                biased;
                () = over, if due.is_some() => {
                    let _ = actor.command(Command::Tick).await;
                    actor.settle().await;
                }
                message = messages.recv() => match message {
                    Some(message) => {
                        actor.message(message).await;
                        actor.settle().await;
                    }
                    None => break,
                },
            }
            actor
                .meetings
                .counts
                .lock()
                .insert(actor.id.clone(), actor.core.counts());
            if actor.core.is_empty() {
                let mut live = actor.meetings.live.lock();
                if messages.is_empty() {
                    live.remove(&actor.id);
                    break;
                }
            }
        }
        actor.meetings.counts.lock().remove(&actor.id);
        if let Some(engine) = &actor.meetings.media.engine {
            for room in actor.rooms.values().chain([&actor.room]) {
                engine.delete_room(room).await;
            }
        }
        tracing::debug!(call = actor.server_call_id, "meeting sleeps");
    }

    /// The meeting from the store, with the admissions that an earlier run left.
    async fn wake(meetings: &Meetings, id: &str) -> Result<Meeting, Reason> {
        let failed = |error: crate::store::StoreError| {
            tracing::error!(%error, "a meeting cannot wake");
            Reason::SERVICE_ERROR
        };
        let row = meetings
            .store
            .meeting(MeetingKey::Id(id))
            .await
            .map_err(failed)?
            .ok_or(Reason::WRONG_MEETING)?;
        let mut admissions = Vec::new();
        if now_ms() < meetings.lapse_at {
            admissions = meetings
                .store
                .admissions_before(id, &meetings.run)
                .await
                .map_err(failed)?;
        }
        let breakout = meetings.store.breakout(id).await.map_err(failed)?;
        let recordings = meetings.store.recordings(id).await.map_err(failed)?;
        let limits = &meetings.limits;
        let bounds = Bounds {
            seats: limits.meeting_seats,
            sdk_seats: limits.sdk_seats,
            lobby_places: limits.lobby_places,
            lobby_wait_ms: limits.lobby_wait_ms,
            endpoints: ENDPOINTS,
        };
        Ok(Meeting::new(
            row.settings(),
            breakout,
            recordings,
            bounds,
            admissions,
            meetings.lapse_at,
        ))
    }

    async fn settle(&mut self) {
        while let Some(endpoint) = self.unsettled.pop() {
            // It never fails.
            let _ = self.command(Command::Settle(endpoint)).await;
        }
    }

    async fn message(&mut self, message: Message) {
        match message {
            Message::Command {
                command: Command::Join(comer),
                offer,
                reply,
            } => {
                let (call, session) = (comer.call.clone(), comer.session.clone());
                let of = self.meetings.sessions.get(&session);
                let result = match of.filter(|of| !of.is_over()) {
                    // Revoked or expired while the join was on its way (`S6`).
                    None => Err(Reason::UNAUTHENTICATED),
                    Some(of) if of.has_ended(&call) => Err(Reason::NO_SUCH_CALL),
                    Some(_) => self.command(Command::Join(comer)).await,
                };
                match result {
                    Ok(Answer::Joined {
                        endpoint,
                        place,
                        known,
                    }) => {
                        let snapshot = match self.core.held_snapshot(&call, &self.server_call_id) {
                            Some(held) => Some(held),
                            None => self.joined(&endpoint, &place, offer).await,
                        };
                        let now_called = snapshot.as_ref().map(|snapshot| snapshot.call.clone());
                        self.rename(&session, &call, now_called);
                        let agent = snapshot.map(|snapshot| Reply::Call(Box::new(snapshot)));
                        let agent = agent.ok_or_else(|| Reason::SERVICE_ERROR.error());
                        reply.send(
                            agent,
                            Ok(Answer::Joined {
                                endpoint,
                                place,
                                known,
                            }),
                        );
                    }
                    Ok(answer) => reply.send(Ok(Reply::Done), Ok(answer)),
                    Err(reason) => {
                        if let Some(session) = self.meetings.sessions.get(&session) {
                            session.forget_call(&call);
                        }
                        reply.send(Err(reason.error()), Err(reason));
                    }
                }
            }
            Message::Command { command, reply, .. } => match self.command(command).await {
                Ok(Answer::Admitted { done, failed }) => {
                    let agent = Reply::Admitted {
                        success_count: done,
                        failure_count: failed,
                    };
                    reply.send(Ok(agent), Ok(Answer::Admitted { done, failed }));
                }
                Ok(answer) => reply.send(Ok(Reply::Done), Ok(answer)),
                Err(reason) => reply.send(Err(reason.error()), Err(reason)),
            },
            #[cfg(test)]
            Message::Look(reply) => {
                let endpoints = self.core.endpoints();
                let snapshots = endpoints
                    .iter()
                    .filter_map(|e| self.core.snapshot(e, &self.server_call_id));
                let look = Look {
                    room: self.room.clone(),
                    passes: self.passes.clone(),
                    snapshots: snapshots.collect(),
                };
                // Who looked may have gone.
                let _ = reply.send(look);
            }
            Message::MediaToken { by, call, reply } => {
                let endpoint = self.core.endpoint(&by, &call);
                let grant = endpoint.and_then(|endpoint| self.grant(&endpoint, None));
                match grant {
                    Some(grant) => reply.send(Ok(Reply::Media(Box::new(grant))), Ok(Answer::Done)),
                    None => {
                        reply.send(Err(Reason::NO_SUCH_CALL.error()), Err(Reason::NO_SUCH_CALL))
                    }
                }
            }
        }
    }

    async fn command(&mut self, command: Command) -> Result<Answer, Reason> {
        let mut effects = Vec::new();
        let changes_rights = matches!(command, Command::Change(_));
        let result = self.core.apply(command, now_ms(), &mut effects);
        // All at once: what everybody receives is chosen once, however many go.
        let entering = effects.iter().filter_map(|effect| match effect {
            Effect::Admit { endpoint, .. } | Effect::Move { endpoint, .. } => {
                Some(endpoint.clone())
            }
            _ => None,
        });
        self.enter(entering.collect()).await;
        let muted = effects.iter().filter_map(|effect| match effect {
            Effect::Mute(endpoint) => Some(endpoint),
            _ => None,
        });
        self.mute(muted).await;
        let moves = effects.iter().any(Effect::moves_somebody);
        if moves {
            self.expect_in_rooms();
        }
        if changes_rights || moves {
            self.tell_chat().await;
        }
        for effect in effects {
            self.carry_out(effect).await;
        }
        self.forget_closed_rooms().await;
        result
    }

    /// A call that was found by another id goes by its own from now on.
    fn rename(&self, session: &SessionId, asked: &CallId, is: Option<CallId>) {
        let session = self.meetings.sessions.get(session);
        if let (Some(session), Some(is)) = (session, is.filter(|is| is != asked)) {
            session.forget_call(asked);
            session.begin_call(&is, &self.id);
        }
    }

    async fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Keep(admission) => self.keep(&admission).await,
            Effect::KeepRooms(breakout) => self.keep_rooms(&breakout).await,
            Effect::KeepRecordings(recordings) => self.keep_recordings(&recordings).await,
            Effect::Forget { id, call } => {
                if let Err(error) = self.meetings.store.forget(&id, &call).await {
                    tracing::error!(%error, "an admission stays in the store");
                }
            }
            Effect::Cut(endpoint) => self.cut(&endpoint).await,
            // All at once, above.
            Effect::Mute(_) => {}
            Effect::Admit { endpoint, session } => {
                let Some(mut snapshot) = self.core.snapshot(&endpoint, &self.server_call_id) else {
                    return;
                };
                snapshot.media = self.grant(&endpoint, None);
                self.tell(&session, Event::Admitted(Box::new(snapshot)));
            }
            Effect::Move {
                endpoint,
                session,
                from,
                held,
            } => {
                let Some(mut to) = self.core.snapshot(&endpoint, &self.server_call_id) else {
                    return;
                };
                to.media = self.grant(&endpoint, None);
                let to = Box::new(to);
                self.tell(&session, Event::Moved { from, held, to });
            }
            Effect::Settle(endpoint) => self.unsettled.push(endpoint),
            Effect::Tell { session, event } => {
                if matches!(event, Event::Role { .. }) {
                    self.follow_roles().await;
                }
                self.tell(&session, event);
            }
        }
    }

    async fn keep(&self, admission: &Admission) {
        // Without the row the admission does not outlive a restart; the meeting goes on all the same.
        if let Err(error) = self
            .meetings
            .store
            .keep(&self.id, admission, &self.meetings.run)
            .await
        {
            tracing::error!(%error, "an admission is not in the store");
        }
    }

    async fn keep_rooms(&self, breakout: &Breakout) {
        if let Err(error) = self.meetings.store.keep_breakout(&self.id, breakout).await {
            tracing::error!(%error, "breakout rooms are not in the store");
        }
    }

    async fn keep_recordings(&self, recordings: &[Recording]) {
        let store = &self.meetings.store;
        if let Err(error) = store.keep_recordings(&self.id, recordings).await {
            tracing::error!(%error, "recordings are not in the store");
        }
    }

    fn tell(&self, session: &SessionId, event: Event) {
        if let Some(session) = self.meetings.sessions.get(session) {
            session.event(event, now_ms());
        }
    }
}
