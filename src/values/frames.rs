//! What the service says: the frames of the agent socket, and the slots of the engine's.

use super::{field, parse, stringify, variant, Reading};
use crate::meeting::Received;
use plenary_protocol::agent::{
    CallSnapshot, CallState, EndReason, Endpoint, Event, Frame, IceServer, LobbyEntry, MediaGrant,
    Participant, ProtocolError, Reply, Role, Welcome,
};
use plenary_protocol::breakout::{BreakoutRoom, BreakoutSettings, BreakoutView, RoomState};
use plenary_protocol::id::{CallId, EndpointId, RawId, RoomId, SessionId};
use plenary_protocol::media::SlotAssignment;
use wasm_bindgen::JsValue;

/// A text of the agent socket.
pub fn received(text: &str) -> Received {
    let Some(value) = parse(text) else {
        return Received::Unreadable;
    };
    if let Some(frame) = frame(value.clone()) {
        return Received::Frame(Box::new(frame));
    }
    let event = field(&value, "event");
    let Some(seq) = field(&event, "seq").as_f64().filter(|seq| *seq >= 0.0) else {
        return Received::Unreadable;
    };
    Received::Other(seq as u64, stringify(&field(&event, "event")))
}

/// A frame.
pub fn frame(value: JsValue) -> Option<Frame> {
    let (kind, of) = variant(value)?;
    match kind.as_str() {
        "reply" => {
            let reply = reply(field(&of, "reply"))?;
            Reading::whole(|r| Frame::Reply {
                id: r.u32(&of, "id"),
                reply,
            })
        }
        "failure" => Reading::whole(|r| Frame::Failure {
            id: r.u32(&of, "id"),
            error: error(r, &field(&of, "error")),
        }),
        "event" => {
            let event = event(field(&of, "event"))?;
            Reading::whole(|r| Frame::Event {
                seq: r.u64(&of, "seq"),
                event,
            })
        }
        _ => None,
    }
}

fn reply(value: JsValue) -> Option<Reply> {
    let (kind, of) = variant(value)?;
    match kind.as_str() {
        "done" => Some(Reply::Done),
        "welcome" => Reading::whole(|r| Reply::Welcome(welcome(r, &of))),
        "call" => Reading::whole(|r| Reply::Call(Box::new(snapshot(r, &of)))),
        "media" => Reading::whole(|r| Reply::Media(Box::new(grant(r, &of)))),
        "admitted" => Reading::whole(|r| Reply::Admitted {
            success_count: r.u32(&of, "successCount"),
            failure_count: r.u32(&of, "failureCount"),
        }),
        _ => None,
    }
}

/// An event; `None` also for one on which nothing depends here, or that this version does not know.
pub fn event(value: JsValue) -> Option<Event> {
    let (kind, of) = variant(value)?;
    let call = |r: &Reading| CallId(r.text(&of, "call"));
    match kind.as_str() {
        "admitted" => Reading::whole(|r| Event::Admitted(Box::new(snapshot(r, &of)))),
        "ended" => Reading::whole(|r| Event::Ended {
            call: call(r),
            reason: end(r, &field(&of, "reason")),
        }),
        "roster" => Reading::whole(|r| Event::Roster {
            call: call(r),
            joined: r.some(&of, "joined", participant),
            updated: r.some(&of, "updated", participant),
            left: r.some(&of, "left", raw_id),
        }),
        "lobby" => Reading::whole(|r| Event::Lobby {
            call: call(r),
            waiting: r.some(&of, "waiting", waiting),
            gone: r.some(&of, "gone", raw_id),
        }),
        "breakout" => Reading::whole(|r| Event::Breakout {
            call: call(r),
            view: breakout(r, &field(&of, "view")),
        }),
        "moved" => Reading::whole(|r| Event::Moved {
            from: CallId(r.text(&of, "from")),
            held: r.flag(&of, "held"),
            to: Box::new(snapshot(r, &field(&of, "to"))),
        }),
        "role" => Reading::whole(|r| Event::Role {
            call: call(r),
            role: role(r, &of),
        }),
        _ => None,
    }
}

/// The slots of a `SlotMessage`.
pub fn slots(message: &JsValue) -> Option<Vec<SlotAssignment>> {
    Reading::whole(|r| {
        r.list(message, "slots", |r, of| SlotAssignment {
            mid: r.text(of, "mid"),
            track: r.text(of, "track"),
            identity: r.text(of, "identity"),
        })
    })
}

fn welcome(r: &Reading, of: &JsValue) -> Welcome {
    Welcome {
        session: SessionId(r.text(of, "session")),
        identity: RawId(r.text(of, "identity")),
        display_name: r.optional(of, "displayName"),
        resumed: r.flag(of, "resumed"),
        resume_window_ms: r.u32(of, "resumeWindowMs"),
    }
}

fn snapshot(r: &Reading, of: &JsValue) -> CallSnapshot {
    let state = match r.text(of, "state").as_str() {
        "lobby" => Some(CallState::Lobby),
        "connected" => Some(CallState::Connected),
        "held" => Some(CallState::Held),
        _ => None,
    };
    let (lobby, media) = (field(of, "lobby"), field(of, "media"));
    let rooms = field(of, "breakout");
    CallSnapshot {
        call: CallId(r.text(of, "call")),
        server_call_id: r.text(of, "serverCallId"),
        endpoint: EndpointId(r.text(of, "endpoint")),
        state: r.or(state, CallState::Lobby),
        role: role(r, of),
        thread_id: r.optional(of, "threadId"),
        roster: r.list(of, "roster", participant),
        lobby: (!lobby.is_falsy()).then(|| r.list(of, "lobby", waiting)),
        room: r.optional(of, "room").map(RoomId),
        breakout: (!rooms.is_falsy()).then(|| breakout(r, &rooms)),
        media: (!media.is_falsy()).then(|| grant(r, &media)),
    }
}

fn breakout(r: &Reading, of: &JsValue) -> BreakoutView {
    let (assigned, settings) = (field(of, "assigned"), field(of, "settings"));
    BreakoutView {
        assigned: (!assigned.is_falsy()).then(|| room(r, &assigned)),
        rooms: r.some(of, "rooms", room),
        settings: BreakoutSettings {
            disable_return_to_main_meeting: r.flag(&settings, "disableReturnToMainMeeting"),
            room_end_time: field(&settings, "roomEndTime").as_f64(),
        },
    }
}

fn room(r: &Reading, of: &JsValue) -> BreakoutRoom {
    let state = match r.text(of, "state").as_str() {
        "open" => Some(RoomState::Open),
        "closed" => Some(RoomState::Closed),
        _ => None,
    };
    let invitees = field(of, "invitees");
    BreakoutRoom {
        id: RoomId(r.text(of, "id")),
        display_name: r.text(of, "displayName"),
        state: r.or(state, RoomState::Closed),
        auto_move: r.flag(of, "autoMove"),
        thread_id: r.optional(of, "threadId"),
        invitees: (!invitees.is_falsy()).then(|| r.list(of, "invitees", raw_id)),
    }
}

fn grant(r: &Reading, of: &JsValue) -> MediaGrant {
    MediaGrant {
        url: r.text(of, "url"),
        token: r.text(of, "token"),
        expires_at: r.number(of, "expiresAt"),
        participant_sid: r.optional(of, "participantSid"),
        answer: r.optional(of, "answer"),
        slots: r.flag(of, "slots"),
        ice_servers: r.some(of, "iceServers", |r, of| IceServer {
            urls: r.list(of, "urls", Reading::item),
            username: r.optional(of, "username"),
            credential: r.optional(of, "credential"),
        }),
    }
}

fn participant(r: &Reading, of: &JsValue) -> Participant {
    Participant {
        id: RawId(r.text(of, "id")),
        display_name: r.optional(of, "displayName"),
        role: role(r, of),
        endpoints: r.list(of, "endpoints", |r, of| Endpoint {
            id: EndpointId(r.text(of, "id")),
            muted: r.flag(of, "muted"),
            held: field(of, "held").is_truthy(),
        }),
    }
}

fn waiting(r: &Reading, of: &JsValue) -> LobbyEntry {
    LobbyEntry {
        id: RawId(r.text(of, "id")),
        display_name: r.optional(of, "displayName"),
    }
}

fn raw_id(r: &Reading, value: &JsValue) -> RawId {
    RawId(r.item(value))
}

fn role(r: &Reading, of: &JsValue) -> Role {
    let role = match r.text(of, "role").as_str() {
        "Organizer" => Some(Role::Organizer),
        "Co-organizer" => Some(Role::CoOrganizer),
        "Presenter" => Some(Role::Presenter),
        "Attendee" => Some(Role::Attendee),
        _ => None,
    };
    r.or(role, Role::Attendee)
}

fn end(r: &Reading, of: &JsValue) -> EndReason {
    EndReason {
        code: r.u16(of, "code"),
        sub_code: r.u32(of, "subCode"),
        message: r.text(of, "message"),
    }
}

fn error(r: &Reading, of: &JsValue) -> ProtocolError {
    let EndReason {
        code,
        sub_code,
        message,
    } = end(r, of);
    let retry = field(of, "retryAfterMs");
    let retry_after_ms =
        (!retry.is_undefined() && !retry.is_null()).then(|| r.u32(of, "retryAfterMs"));
    ProtocolError {
        code,
        sub_code,
        message,
        retry_after_ms,
    }
}
