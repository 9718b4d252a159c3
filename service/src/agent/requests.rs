//! What an agent socket's requests do. Rights are the meeting core's; here strings become commands.

use super::session::Session;
use crate::app::App;
use crate::clock::now_ms;
use crate::link;
use crate::meeting::{Comer, Command};
use crate::meetings::ReplyTo;
use crate::random;
use crate::text;
use plenary_protocol::agent::{ClientFrame, Join, ProtocolError, Reply, Request};
use plenary_protocol::end::Reason;
use plenary_protocol::id::{CallId, EndpointId, RawId};
use plenary_protocol::state::Act;
use std::net::SocketAddr;
use std::sync::Arc;

/// Longest call id; a UUID has 36 characters.
const CALL_ID: usize = 64;

/// Serves one request; the reply may come later, from the meeting.
pub async fn serve(
    app: &Arc<App>,
    session: &Arc<Session>,
    connection: u64,
    address: SocketAddr,
    frame: ClientFrame,
) {
    let ClientFrame { id, request } = frame;
    let answer = |result| session.reply(connection, id, result, now_ms());
    let to_session = || ReplyTo::Agent {
        session: session.clone(),
        connection,
        id,
    };
    let by = session.who.clone();
    let (call, command) = match request {
        // A socket is greeted once.
        Request::Hello(_) => return answer(Err(Reason::MALFORMED.error())),
        Request::Ping => return answer(Ok(Reply::Done)),
        Request::SubscribeChat => {
            let heard = session.hear_chat(&app.chats).await;
            return answer(heard.map(|()| Reply::Done).map_err(Reason::error));
        }
        Request::UnsubscribeChat => {
            session.hear_no_chat();
            return answer(Ok(Reply::Done));
        }
        Request::Token { token } => return answer(refresh(app, session, &token).await),
        Request::Join(request) => {
            if let Err(error) = join(app, session, address, *request, to_session).await {
                answer(Err(error));
            }
            return;
        }
        Request::MediaToken { call } => {
            match session.meeting(&call) {
                Some(meeting) => app.meetings.media_token(&meeting, by, call, to_session()),
                None => answer(Err(Reason::NO_SUCH_CALL.error())),
            }
            return;
        }
        Request::Leave { call } => (call.clone(), Command::Leave { by, call }),
        Request::EndForEveryone { call } => (call.clone(), Command::End { by, call }),
        Request::Act {
            call,
            act,
            participant,
        } => match command(by, call.clone(), &act, participant) {
            None => return answer(Err(Reason::MALFORMED.error())),
            Some(command) => (call, command),
        },
        Request::SetMuted { call, muted } => (call.clone(), Command::SetMuted { by, call, muted }),
        Request::JoinBreakoutRoom { call, room } => {
            (call.clone(), Command::JoinRoom { by, call, room })
        }
        Request::ReturnToMainMeeting { call } => (call.clone(), Command::Return { by, call }),
    };
    // A call is looked for among the session's own, so no id of another meeting reaches one
    // (CVE-2026-55489).
    match session.meeting(&call) {
        Some(meeting) => app.meetings.send(&meeting, command, None, to_session()),
        None => answer(Err(Reason::NO_SUCH_CALL.error())),
    }
}

/// What an act asks of the meeting; nothing if it is unknown or lacks whom it is about.
fn command(by: RawId, call: CallId, act: &str, who: Option<RawId>) -> Option<Command> {
    Some(match Act::named(act)? {
        Act::AdmitAll => Command::AdmitAll { by, call },
        Act::Admit => Command::Admit {
            by,
            call,
            who: who?,
        },
        Act::Reject => Command::Reject {
            by,
            call,
            who: who?,
        },
        Act::Remove => Command::Remove {
            by,
            call,
            who: who?,
        },
        act => Command::Act { by, call, act, who },
    })
}

/// A fresh token of the same identity (`S6`).
async fn refresh(app: &App, session: &Session, token: &str) -> Result<Reply, ProtocolError> {
    let token = app.recognise(token).await.map_err(Reason::error)?;
    if token.id != session.who {
        return Err(Reason::UNAUTHENTICATED.error());
    }
    match session.refresh(&token) {
        true => Ok(Reply::Done),
        false => Err(Reason::NOT_ALLOWED.error()),
    }
}

async fn join(
    app: &Arc<App>,
    session: &Arc<Session>,
    address: SocketAddr,
    join: Join,
    reply: impl FnOnce() -> ReplyTo,
) -> Result<(), ProtocolError> {
    let Join {
        call,
        locator,
        muted,
        offer,
    } = join;
    if !session.rights().calls {
        return Err(Reason::NOT_ALLOWED.error());
    }
    if !text::is_id(call.as_str(), CALL_ID) {
        return Err(Reason::MALFORMED.error());
    }
    let meeting = match admitted_before(app, session, &call).await? {
        Some(meeting) => meeting,
        None => {
            let way = link::way(&locator, |host| app.is_link_host(host))?;
            app.find_meeting(&way, &session.who, address.ip()).await?
        }
    };
    if !session.begin_call(&call, &meeting) {
        return Err(Reason::TOO_MANY_ATTEMPTS.error());
    }
    let comer = Comer {
        id: session.who.clone(),
        name: session.name.clone(),
        call,
        endpoint: EndpointId(random::uuid().to_string()),
        session: session.id.clone(),
        muted,
        client: session.client,
    };
    app.meetings
        .send(&meeting, Command::Join(comer), offer, reply());
    Ok(())
}

/// The meeting in which this call of this identity is already: finding back needs no passcode, and
/// works when the meeting's link has changed. The meeting decides whether the admission still lives.
async fn admitted_before(
    app: &App,
    session: &Session,
    call: &CallId,
) -> Result<Option<String>, ProtocolError> {
    if let Some(meeting) = session.meeting(call) {
        return Ok(Some(meeting));
    }
    let stored = app.store.admitted_to(&session.who, call).await;
    stored.map_err(|error| {
        tracing::error!(%error, "an admission cannot be looked up");
        Reason::SERVICE_ERROR.error()
    })
}
