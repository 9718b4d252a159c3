//! What the core tells the facade (`pkg-template/src/core.ts`), and what it lists.

use super::{list, object, optional, parse, text};
use crate::api::changes::{CallChange, Change, DiagnosticValue, End, ParticipantInfo, StreamInfo};
use crate::chat::{Action, Failure};
use crate::media::devices::{DeviceInfo, DeviceKind, Permission};
use plenary_protocol::breakout::{BreakoutRoom, BreakoutSettings, BreakoutView, RoomState};
use plenary_protocol::id::RawId;
use wasm_bindgen::JsValue;

/// A change.
pub fn change(change: &Change) -> JsValue {
    match change {
        Change::Agent {
            agent,
            connected,
            reason,
        } => object!([
            ("type", text("agent")),
            ("agent", (*agent).into()),
            ("connected", (*connected).into()),
            ("reason", optional(*reason)),
        ]),
        Change::Call(change) => call(change),
        Change::Participants {
            call,
            added,
            updated,
            removed,
        } => object!([
            ("type", text("participants")),
            ("call", text(call)),
            ("added", list(added, participant)),
            ("updated", list(updated, participant)),
            ("removed", list(removed, |id| item(id))),
        ]),
        Change::Streams {
            call,
            participant,
            added,
            updated,
            removed,
        } => object!([
            ("type", text("streams")),
            ("call", text(call)),
            ("participant", text(participant)),
            ("added", list(added, stream)),
            ("updated", list(updated, stream)),
            ("removed", list(removed, |id| (*id).into())),
        ]),
        Change::Moved {
            call,
            to,
            room,
            thread_id,
        } => object!([
            ("type", text("moved")),
            ("call", text(call)),
            ("to", text(to)),
            ("room", optional(room.as_deref())),
            ("threadId", optional(thread_id.as_deref())),
        ]),
        Change::Breakout { call, view } => breakout(call, view),
        Change::Lobby {
            call,
            added,
            removed,
        } => object!([
            ("type", text("lobby")),
            ("call", text(call)),
            ("added", list(added, participant)),
            ("removed", list(removed, |id| item(id))),
        ]),
        Change::Speaking { call, speakers } => object!([
            ("type", text("speaking")),
            ("call", text(call)),
            ("speakers", list(speakers, |id| item(id))),
        ]),
        Change::Diagnostic {
            call,
            area,
            diagnostic,
            value,
        } => object!([
            ("type", text("diagnostic")),
            ("call", text(call)),
            ("area", text(area)),
            ("diagnostic", text(diagnostic)),
            (
                "value",
                match value {
                    DiagnosticValue::Flag(flag) => (*flag).into(),
                    DiagnosticValue::Quality(quality) => (*quality).into(),
                },
            ),
        ]),
        Change::Event { agent, event } => object!([
            ("type", text("event")),
            ("agent", (*agent).into()),
            ("event", parse(event).unwrap_or(JsValue::UNDEFINED)),
        ]),
        Change::Devices { video, audio } => object!([
            ("type", text("devices")),
            ("video", (*video).into()),
            ("audio", (*audio).into()),
        ]),
    }
}

fn breakout(call: &str, view: &BreakoutView) -> JsValue {
    let BreakoutView {
        assigned,
        rooms,
        settings,
    } = view;
    let BreakoutSettings {
        disable_return_to_main_meeting,
        room_end_time,
    } = settings;
    object!([
        ("type", text("breakout")),
        ("call", text(call)),
        (
            "assigned",
            assigned.as_ref().map_or(JsValue::UNDEFINED, room),
        ),
        ("rooms", list(rooms, room)),
        ("stays", (*disable_return_to_main_meeting).into()),
        (
            "ends",
            room_end_time.map_or(JsValue::UNDEFINED, JsValue::from),
        ),
    ])
}

fn room(room: &BreakoutRoom) -> JsValue {
    let BreakoutRoom {
        id,
        display_name,
        state,
        auto_move,
        thread_id,
        invitees,
    } = room;
    let invited = |ids: &Vec<RawId>| list(ids, |id| item(id.as_str()));
    object!([
        ("id", text(id.as_str())),
        ("displayName", text(display_name)),
        ("open", (*state == RoomState::Open).into()),
        ("autoMove", (*auto_move).into()),
        ("threadId", optional(thread_id.as_deref())),
        (
            "invitees",
            invitees.as_ref().map_or(JsValue::UNDEFINED, invited),
        ),
    ])
}

fn call(change: &CallChange) -> JsValue {
    let CallChange {
        call,
        state,
        end,
        role,
        thread_id,
        participant_id,
        server_call_id,
        muted,
        screen_sharing,
        may_admit,
    } = change;
    let flag = |flag: &Option<bool>| flag.map_or(JsValue::UNDEFINED, JsValue::from);
    object!([
        ("type", text("call")),
        ("call", text(call)),
        ("state", optional(*state)),
        ("end", end.as_ref().map_or(JsValue::UNDEFINED, ended)),
        ("role", optional(*role)),
        ("threadId", optional(thread_id.as_deref())),
        ("participantId", optional(participant_id.as_deref())),
        ("serverCallId", optional(server_call_id.as_deref())),
        ("muted", flag(muted)),
        ("screenSharing", flag(screen_sharing)),
        ("mayAdmit", flag(may_admit)),
    ])
}

fn ended(end: &End) -> JsValue {
    let End {
        code,
        sub_code,
        message,
    } = end;
    object!([
        ("code", (*code).into()),
        ("subCode", (*sub_code).into()),
        ("message", text(message)),
    ])
}

fn participant(info: &ParticipantInfo) -> JsValue {
    let ParticipantInfo {
        id,
        display_name,
        role,
        state,
        muted,
        endpoints,
    } = info;
    object!([
        ("id", text(id)),
        ("displayName", optional(display_name.as_deref())),
        ("role", text(role)),
        ("state", text(state)),
        ("muted", (*muted).into()),
        ("endpoints", list(endpoints, |id| item(id))),
    ])
}

fn stream(info: &StreamInfo) -> JsValue {
    let StreamInfo {
        id,
        media_stream_type,
        available,
        receiving,
        width,
        height,
    } = info;
    object!([
        ("id", (*id).into()),
        ("mediaStreamType", text(media_stream_type)),
        ("available", (*available).into()),
        ("receiving", (*receiving).into()),
        ("width", (*width).into()),
        ("height", (*height).into()),
    ])
}

fn item(value: &str) -> JsValue {
    text(value)
}

/// What the outbox wants done, and when it is to be asked again.
pub fn outbox(due: Option<f64>, actions: &[Action]) -> JsValue {
    let actions = list(actions, |action| {
        let (ticket, does) = match action {
            Action::Post(ticket) => (ticket, "post"),
            Action::Cancel(ticket) => (ticket, "cancel"),
            Action::Give(ticket) => (ticket, "give"),
            Action::Fail(ticket, Failure::NotSent) => (ticket, "notSent"),
            Action::Fail(ticket, Failure::Unconfirmed) => (ticket, "unconfirmed"),
            Action::Fail(ticket, Failure::TooMany) => (ticket, "tooMany"),
        };
        object!([("ticket", (*ticket).into()), ("does", text(does))])
    });
    let due = due.map_or(JsValue::UNDEFINED, JsValue::from);
    object!([("due", due), ("actions", actions)])
}

/// The list of devices.
pub fn devices(devices: &[DeviceInfo]) -> JsValue {
    list(devices, |device| {
        let DeviceInfo {
            id,
            name,
            kind,
            is_system_default,
        } = device;
        let kind = match kind {
            DeviceKind::Camera => "camera",
            DeviceKind::Microphone => "microphone",
            DeviceKind::Speaker => "speaker",
        };
        object!([
            ("id", text(id)),
            ("name", text(name)),
            ("kind", text(kind)),
            ("isSystemDefault", (*is_system_default).into()),
        ])
    })
}

/// What was permitted.
pub fn permission(permission: &Permission) -> JsValue {
    let Permission { audio, video } = permission;
    object!([("audio", (*audio).into()), ("video", (*video).into())])
}
