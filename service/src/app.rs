//! The service's parts put together, and what more than one edge needs of them: who a token names,
//! which meeting a locator opens.

use crate::agent::session::{Overdue, Session, Sessions};
use crate::chats::Chats;
use crate::clock::now_ms;
use crate::config::{self, Config, Limits};
use crate::http::metrics::Metrics;
use crate::limits::PerMinute;
use crate::link::Way;
use crate::media::Media;
use crate::meeting::{Command, Kind};
use crate::meetings::Meetings;
use crate::notifications::Notifications;
use crate::random;
use crate::store::{MeetingKey, MeetingRow, Store, StoreError};
use crate::text;
use crate::tokens::{Tokens, UserToken};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{digest, SHA256};
use parking_lot::Mutex;
use plenary_protocol::agent::{close, Event, ProtocolError};
use plenary_protocol::end::Reason;
use plenary_protocol::id::RawId;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use url::Url;

/// How often what is past its time is deleted (`D4`).
const NIGHT: u64 = 24 * 60 * 60_000;

/// How often the resource's store is asked again for what it did not take (`D3`).
const AGAIN: u64 = 5_000;

/// Everything that a request may need.
pub struct App {
    /// The configuration.
    pub config: Config,
    /// Origin under which clients reach the service.
    pub public_url: Url,
    /// The store.
    pub store: Arc<dyn Store>,
    /// User and internal tokens.
    pub tokens: Tokens,
    /// Agent sessions.
    pub sessions: Arc<Sessions>,
    /// Living meetings.
    pub meetings: Arc<Meetings>,
    /// Chat.
    pub chats: Arc<Chats>,
    /// Channels of chat clients in browsers that Microsoft wrote.
    pub notifications: Notifications,
    /// The media engine.
    pub media: Media,
    /// Places for agent sockets.
    pub sockets: Arc<Semaphore>,
    /// Counters and gauges.
    pub metrics: Metrics,
    attempts: Mutex<Attempts>,
    connections: AtomicU64,
    run: String,
}

/// Wrong meeting ids and passcodes (`S8`): by identity and by network, never by meeting, so that nobody
/// can lock a meeting.
struct Attempts {
    by_identity: PerMinute<RawId>,
    by_network: PerMinute<IpAddr>,
}

impl App {
    /// Puts the parts together; nothing runs yet.
    pub fn new(
        config: Config,
        public_url: Url,
        store: Arc<dyn Store>,
        tokens: Tokens,
        media: Media,
    ) -> Arc<Self> {
        let sessions = Arc::new(Sessions::default());
        let run = random::uuid().to_string();
        let limits = config.limits.clone();
        let chats = Chats::new(store.clone(), limits.chat.clone(), config.retention.clone());
        let meetings = Meetings::new(
            store.clone(),
            chats.clone(),
            media.clone(),
            sessions.clone(),
            limits.clone(),
            run.clone(),
        );
        Arc::new(Self {
            public_url,
            store,
            tokens,
            sessions,
            meetings,
            chats,
            notifications: Notifications::default(),
            media,
            sockets: Arc::new(Semaphore::new(limits.sockets)),
            metrics: Metrics::default(),
            attempts: Mutex::new(Attempts {
                by_identity: PerMinute::new(limits.passcode_attempts),
                by_network: PerMinute::new(limits.passcode_attempts),
            }),
            connections: AtomicU64::new(1),
            run,
            config,
        })
    }

    /// The numbers of the configuration.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// A number for a new socket.
    pub fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// `B10`: signature, kind, expiry, revocation and the right to join calls; nothing else of a client is
    /// looked at before.
    pub async fn authenticate(&self, token: &str) -> Result<UserToken, Reason> {
        let token = self.recognise(token).await?;
        match token.may_join() {
            true => Ok(token),
            false => Err(Reason::NOT_ALLOWED),
        }
    }

    /// The same, whatever the token is for; whoever asks looks at that.
    pub async fn recognise(&self, token: &str) -> Result<UserToken, Reason> {
        let token = self
            .tokens
            .check_user(token, now_ms())
            .map_err(|_| Reason::UNAUTHENTICATED)?;
        self.still_good(&token).await?;
        Ok(token)
    }

    /// Whether a checked token was revoked since (`S6`).
    pub async fn still_good(&self, token: &UserToken) -> Result<(), Reason> {
        match self.store.user(&token.id).await {
            Ok(Some(user)) if user.deleted || user.generation != token.generation => {
                Err(Reason::REVOKED)
            }
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Reason::UNAUTHENTICATED),
            Err(error) => Err(failed(&error)),
        }
    }

    /// `A2`, `A4`: a guest's name is their application's choice, a member's the directory's.
    pub async fn display_name(
        &self,
        id: &RawId,
        chosen: Option<&str>,
    ) -> Result<Option<String>, Reason> {
        match Kind::of(id) {
            Kind::Guest => Ok(chosen.and_then(text::display_name)),
            Kind::Member => {
                let oid = id.as_str().trim_start_matches("8:orgid:");
                let member = self
                    .store
                    .member(oid)
                    .await
                    .map_err(|error| failed(&error))?;
                Ok(member.map(|member| member.display_name))
            }
        }
    }

    /// Whether meeting links under a host name are ours.
    pub fn is_link_host(&self, host: &str) -> bool {
        let own = self.public_url.host();
        let known = own
            .as_ref()
            .is_some_and(|own| own.to_string().eq_ignore_ascii_case(host))
            || self
                .config
                .link_hosts
                .iter()
                .any(|known| known.eq_ignore_ascii_case(host));
        // On one machine the same service has several names.
        known || (config::is_loopback(own) && config::is_loopback_authority(host))
    }

    /// The meeting that a way opens, by its id in the store (`B1`). Unknown id and wrong passcode are one
    /// answer and the same work (`S8`).
    pub async fn find_meeting(
        &self,
        way: &Way,
        who: &RawId,
        address: IpAddr,
    ) -> Result<String, ProtocolError> {
        let network = config::network(address);
        self.may_try(who, network)?;
        let key = match way {
            Way::Link { digits, .. } | Way::Typed { digits, .. } => MeetingKey::Digits(digits),
            Way::Coordinates { thread, .. } => MeetingKey::Thread(thread),
        };
        let row = self
            .store
            .meeting(key)
            .await
            .map_err(|error| failed(&error).error())?;
        match opened(row, way) {
            Some(row) => Ok(row.id),
            None => {
                let now = now_ms();
                let mut attempts = self.attempts.lock();
                attempts.by_identity.count(who.clone(), now);
                attempts.by_network.count(network, now);
                Err(Reason::WRONG_MEETING.error())
            }
        }
    }

    fn may_try(&self, who: &RawId, network: IpAddr) -> Result<(), ProtocolError> {
        let now = now_ms();
        let mut attempts = self.attempts.lock();
        let wait = attempts
            .by_identity
            .wait(who, now)
            .max(attempts.by_network.wait(&network, now));
        let Some(wait) = wait else { return Ok(()) };
        let mut error = Reason::TOO_MANY_ATTEMPTS.error();
        error.retry_after_ms = u32::try_from(wait).ok();
        Err(error)
    }

    /// Ends everything of an identity at once: sockets, calls, media, admissions (`S6`).
    pub async fn end_identity(self: &Arc<Self>, who: &RawId, reason: Reason) {
        for session in self.sessions.list() {
            if session.who == *who {
                self.end_session(&session, reason).await;
            }
        }
        self.notifications.end(who);
        self.meetings.expel(who, reason).await;
        if let Err(error) = self.store.forget_all(who).await {
            tracing::error!(%error, "admissions of a revoked user stay in the store until they lapse");
        }
    }

    /// Ends a session with the calls that it has.
    pub async fn end_session(self: &Arc<Self>, session: &Arc<Session>, reason: Reason) {
        let mut finish = session.finish();
        let calls = std::mem::take(&mut finish.calls);
        for (call, meeting) in &calls {
            let (by, call) = (session.who.clone(), call.clone());
            let vanish = Command::Vanish {
                by,
                call,
                session: session.id.clone(),
                reason,
            };
            // The meeting may have ended meanwhile.
            let _ = self.meetings.ask(meeting, vanish).await;
        }
        self.sessions.remove(&session.id);
        let ends = calls.into_iter().map(|(call, _)| Event::Ended {
            call,
            reason: reason.end(),
        });
        finish.tell(ends, close::UNAUTHENTICATED, reason.message);
    }

    /// Ends sessions whose window or token ran out, and lets admissions of an earlier run lapse, for as
    /// long as the service runs.
    pub async fn watch(self: Arc<Self>) {
        let window = self.limits().resume_window_ms;
        let started = now_ms();
        let mut lapsed = false;
        let (mut night, mut again) = (started, started);
        let mut ticks = tokio::time::interval(Duration::from_millis((window / 20).clamp(20, 250)));
        loop {
            ticks.tick().await;
            let now = now_ms();
            for session in self.sessions.list() {
                let reason = match session.overdue(window, now) {
                    Some(Overdue::Vanished) => Reason::VANISHED,
                    Some(Overdue::Expired) => Reason::UNAUTHENTICATED,
                    None => continue,
                };
                self.end_session(&session, reason).await;
            }
            self.notifications.expire(window, now);
            if self.chats.copies_are_late() && now >= again {
                again = now + AGAIN;
                let chats = self.chats.clone();
                tokio::spawn(async move { chats.catch_up().await });
            }
            if now >= night {
                night = now + NIGHT;
                let chats = self.chats.clone();
                tokio::spawn(async move { chats.sweep(now).await });
            }
            if !lapsed && now >= started + window {
                lapsed = true;
                if let Err(error) = self.store.lapse_before(&self.run).await {
                    tracing::error!(%error, "admissions of an earlier run stay in the store");
                }
            }
        }
    }

    /// Says good-bye: clients come back to the next run, and find their meetings again.
    pub async fn shut_down(&self) {
        for session in self.sessions.list() {
            session.close_socket(close::RESTART, "the service restarts");
        }
        if let Some(engine) = &self.media.engine {
            engine.shutdown().await;
        }
    }
}

fn failed(error: &StoreError) -> Reason {
    tracing::error!(%error, "the store failed");
    Reason::SERVICE_ERROR
}

/// The meeting, if the way's secret opens it. An unknown meeting is compared with a secret too, and
/// hashing makes the comparison blind to lengths (`S8`).
fn opened(row: Option<MeetingRow>, way: &Way) -> Option<MeetingRow> {
    let typed = matches!(way, Way::Typed { .. });
    let given = match way {
        Way::Link { secret, .. } | Way::Coordinates { secret, .. } => secret,
        Way::Typed { passcode, .. } => passcode,
    };
    let expected = row.as_ref().map(|row| {
        if typed {
            row.passcode.as_ref()
        } else {
            Some(&row.link_secret)
        }
    });
    let nobody = String::new();
    let hash = |text: Option<&String>| digest(&SHA256, text.unwrap_or(&nobody).as_bytes());
    let same = verify_slices_are_equal(
        hash(given.as_ref()).as_ref(),
        hash(expected.flatten()).as_ref(),
    )
    .is_ok();
    let right_organizer = match (way, &row) {
        (Way::Coordinates { organizer, .. }, Some(row)) => row.organizer == *organizer,
        _ => true,
    };
    let open = row.as_ref().is_some_and(|row| row.passcode.is_none());
    let secret_fits = (same && given.is_some()) || (open && given.is_none());
    row.filter(|_| secret_fits && right_organizer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Options;

    fn row(passcode: Option<&str>) -> MeetingRow {
        MeetingRow {
            id: "id".into(),
            digits: "1234567890123".into(),
            passcode: passcode.map(str::to_owned),
            link_secret: "linksecret".into(),
            thread: "19:meeting_x@thread.v2".into(),
            join_url: String::new(),
            organizer: "olivia".into(),
            external_id: None,
            created: 0,
            starts: 0,
            ends: 0,
            subject: None,
            options: Options::default(),
        }
    }

    fn link(secret: Option<&str>) -> Way {
        Way::Link {
            digits: "1234567890123".into(),
            secret: secret.map(str::to_owned),
        }
    }

    fn typed(passcode: Option<&str>) -> Way {
        Way::Typed {
            digits: "1234567890123".into(),
            passcode: passcode.map(str::to_owned),
        }
    }

    fn coordinates(organizer: &str, secret: Option<&str>) -> Way {
        let thread = "19:meeting_x@thread.v2".into();
        Way::Coordinates {
            thread,
            organizer: organizer.into(),
            secret: secret.map(str::to_owned),
        }
    }

    #[test]
    fn s8_neither_id_nor_coordinates_skip_the_passcode() {
        let opens = |way: Way| opened(Some(row(Some("Passc0de"))), &way).is_some();
        assert!(opens(link(Some("linksecret"))));
        assert!(opens(typed(Some("Passc0de"))));
        assert!(opens(coordinates("olivia", Some("linksecret"))));
        for way in [
            link(None),
            link(Some("Passc0de")),
            link(Some("")),
            typed(None),
            typed(Some("linksecret")),
            typed(Some("passc0de")),
            coordinates("olivia", None),
            coordinates("marco", Some("linksecret")),
        ] {
            assert!(!opens(way.clone()), "{way:?}");
        }
    }

    #[test]
    fn without_a_passcode_the_id_opens_the_meeting() {
        let opens = |way: Way| opened(Some(row(None)), &way).is_some();
        assert!(opens(link(None)));
        assert!(opens(link(Some("linksecret"))));
        assert!(opens(typed(None)));
        assert!(opens(coordinates("olivia", None)));
        assert!(!opens(link(Some("another"))));
        assert!(opened(None, &typed(None)).is_none());
        assert!(opened(None, &typed(Some(""))).is_none());
    }
}
