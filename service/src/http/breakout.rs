//! Managing breakout rooms (`E4`), for organiser, co-organisers and breakout room managers: no public API
//! has it, so the service has its own, under `/meetings/{id}/breakoutRooms`. Every change is answered
//! with the whole as it is then.

use super::error::{read_object, HttpError};
use super::graph::{self, Caller};
use super::routes::{Routes, Who};
use crate::app::App;
use crate::clock::{now_ms, parse_rfc3339, rfc3339};
use crate::meeting::{Answer, Change, Command, NewRoom, Operation, Rooms};
use crate::random;
use crate::store::MeetingRow;
use crate::text;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::Json;
use base64::prelude::{Engine, BASE64_URL_SAFE_NO_PAD};
use plenary_protocol::end::Reason;
use plenary_protocol::id::{RawId, RoomId};
use serde::Deserialize;
use serde_json::{json, Value};
use std::sync::Arc;

/// Rooms that one request makes at most: as many as a meeting may have.
const MOST_AT_ONCE: usize = 50;
/// Longest announcement, in characters.
const ANNOUNCEMENT: usize = 1_000;
/// Rooms close by themselves after a day at most.
const LONGEST: u64 = 24 * 60 * 60;

/// The routes.
pub(super) fn routes() -> Routes {
    let (rooms, room) = (
        "/meetings/{id}/breakoutRooms",
        "/meetings/{id}/breakoutRooms/{room}",
    );
    Routes::of(Who::Member)
        .get(rooms, read)
        .post(rooms, create)
        .patch(rooms, configure)
        .post("/meetings/{id}/breakoutRooms/assign", assign)
        .post("/meetings/{id}/breakoutRooms/distribute", distribute)
        .post("/meetings/{id}/breakoutRooms/open", open)
        .post("/meetings/{id}/breakoutRooms/close", close)
        .post("/meetings/{id}/breakoutRooms/announce", announce)
        .patch(room, rename)
        .delete(room, remove)
}

type Answered = Result<Json<Value>, HttpError>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Create {
    display_name: Option<String>,
    count: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Configure {
    auto_move_participant_to_breakout_room: Option<bool>,
    disable_return_to_main_meeting: Option<bool>,
    /// Object ids of members; the organiser alone says who (`E4`).
    managers: Option<Vec<String>>,
    /// Absent: as it is. `null`: no end.
    #[serde(deserialize_with = "present")]
    room_end_time: Option<Option<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rename {
    display_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Assign {
    assignments: Vec<Assignment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assignment {
    id: RawId,
    room_id: Option<RoomId>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Distribute {
    order: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Open {
    rooms: Vec<RoomId>,
    duration_seconds: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Close {
    rooms: Vec<RoomId>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Announce {
    message: Option<String>,
}

/// Tells a value that is `null` from one that is not there.
fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

pub(super) fn bad(message: &str) -> HttpError {
    HttpError::bad("BadRequest", message)
}

pub(super) fn body<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, HttpError> {
    read_object(body).map_err(|place| bad(&format!("The body cannot be read ({place}).")))
}

fn name(raw: &str) -> Result<String, HttpError> {
    text::display_name(raw).ok_or_else(|| bad("displayName is a name of 1 to 256 characters."))
}

/// One request about one meeting's rooms.
struct Asked {
    app: Arc<App>,
    by: RawId,
    meeting: MeetingRow,
}

impl Asked {
    /// A meeting that the caller may not even read is not told apart from none.
    async fn about(app: Arc<App>, caller: Caller, id: &str) -> Result<Self, HttpError> {
        let meeting = graph::meeting(&app, &caller, id).await?;
        let by = caller.0.raw_id();
        Ok(Self { app, by, meeting })
    }

    async fn command(&self, command: Command) -> Result<Answer, HttpError> {
        let asked = self.app.meetings.ask(&self.meeting.id, command).await;
        asked.map_err(refused)
    }

    async fn change(&self, change: Change) -> Answered {
        let by = self.by.clone();
        self.command(Command::Manage { by, change }).await?;
        self.whole().await
    }

    async fn appoint(&mut self, managers: Vec<String>) -> Result<(), HttpError> {
        let row = &mut self.meeting;
        if !row.settings().may(&self.by, Operation::ChangeMeeting) {
            return Err(HttpError::forbidden(
                "Only the organizer appoints breakout room managers.",
            ));
        }
        let members = self.app.store.members().await?;
        if managers
            .iter()
            .any(|oid| members.iter().all(|member| member.oid != *oid))
        {
            return Err(bad(
                "managers are object ids of members of the organisation.",
            ));
        }
        row.options.breakout_managers = managers;
        self.app.store.change_meeting(row).await?;
        // A sleeping meeting reads the store when it wakes.
        let change = Command::Change(row.settings());
        let _ = self.app.meetings.ask(&row.id, change).await;
        Ok(())
    }

    async fn whole(&self) -> Answered {
        let by = self.by.clone();
        match self.command(Command::Rooms { by }).await? {
            Answer::Rooms(rooms) => Ok(Json(as_json(&self.meeting, &rooms))),
            other => {
                tracing::error!(?other, "not an answer about rooms");
                Err(refused(Reason::SERVICE_ERROR))
            }
        }
    }
}

/// The end reasons and errors of the agent socket, as HTTP has them.
pub(super) fn refused(reason: Reason) -> HttpError {
    let (status, code) = match reason {
        Reason::NOT_ALLOWED => (StatusCode::FORBIDDEN, "Forbidden"),
        Reason::BREAKOUT_OFF => (StatusCode::FORBIDDEN, "BreakoutRoomsDisabled"),
        Reason::NO_SUCH_RECORDING => (StatusCode::NOT_FOUND, "NotFound"),
        Reason::TOO_MANY_RECORDINGS => (StatusCode::BAD_REQUEST, "TooManyRecordings"),
        Reason::NO_SUCH_ROOM => (StatusCode::NOT_FOUND, "NotFound"),
        Reason::TOO_MANY_ROOMS => (StatusCode::BAD_REQUEST, "TooManyBreakoutRooms"),
        Reason::NO_SUCH_CALL => (StatusCode::CONFLICT, "MeetingNotStarted"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
    };
    HttpError::new(status, code, reason.message)
}

fn as_json(meeting: &MeetingRow, rooms: &Rooms) -> Value {
    let breakout = &rooms.breakout;
    let value = breakout.rooms.iter().map(|room| {
        let invited = breakout.assigned.iter().filter(|(_, at)| **at == room.id);
        let present = rooms
            .people
            .iter()
            .filter(|(_, _, at)| at.contains(&Some(room.id.clone())));
        json!({
            "id": room.id,
            "displayName": room.name,
            "state": room.state,
            "threadId": room.thread,
            "invitees": invited.map(|(id, _)| id).collect::<Vec<_>>(),
            "participants": present.map(|(id, ..)| id).collect::<Vec<_>>(),
        })
    });
    let people = rooms.people.iter().map(|(id, name, at)| {
        json!({
            "id": id,
            "displayName": name,
            "roomIds": at.iter().flatten().collect::<Vec<_>>(),
            "assignedRoomId": breakout.assigned.get(id),
        })
    });
    json!({
        "value": value.collect::<Vec<_>>(),
        "participants": people.collect::<Vec<_>>(),
        "settings": {
            "autoMoveParticipantToBreakoutRoom": breakout.auto_move,
            "disableReturnToMainMeeting": breakout.return_disabled,
            "roomEndTime": breakout.ends.map(rfc3339),
            "managers": meeting.options.breakout_managers,
        },
    })
}

async fn read(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Answered {
    Asked::about(app, caller, &id).await?.whole().await
}

async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Value>), HttpError> {
    let Create {
        display_name,
        count,
    } = body(&bytes)?;
    let count = count.unwrap_or(1);
    if count == 0 || count > MOST_AT_ONCE || (count > 1 && display_name.is_some()) {
        return Err(bad(
            "count is 1 to 50; a displayName is for one room alone.",
        ));
    }
    let name = display_name.as_deref().map(name).transpose()?;
    let new = (0..count).map(|_| {
        let thread = BASE64_URL_SAFE_NO_PAD.encode(random::uuid().as_bytes());
        NewRoom {
            id: RoomId(random::uuid().to_string()),
            name: name.clone(),
            thread: format!("19:breakout_{thread}@thread.v2"),
        }
    });
    let asked = Asked::about(app, caller, &id).await?;
    let whole = asked.change(Change::Create(new.collect())).await?;
    Ok((StatusCode::CREATED, whole))
}

async fn configure(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Answered {
    let wish: Configure = body(&bytes)?;
    let time = |text: String| {
        let time = parse_rfc3339(&text).filter(|time| *time > now_ms());
        time.ok_or_else(|| {
            bad("roomEndTime is an ISO 8601 date and time that is to come, or null.")
        })
    };
    let ends = wish.room_end_time.map(|ends| ends.map(time).transpose());
    let change = Change::Configure {
        auto_move: wish.auto_move_participant_to_breakout_room,
        return_disabled: wish.disable_return_to_main_meeting,
        ends: ends.transpose()?,
    };
    let mut asked = Asked::about(app, caller, &id).await?;
    if let Some(managers) = wish.managers {
        asked.appoint(managers).await?;
    }
    asked.change(change).await
}

async fn rename(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, room)): Path<(String, String)>,
    bytes: Bytes,
) -> Answered {
    let wish: Rename = body(&bytes)?;
    let name = name(wish.display_name.as_deref().unwrap_or_default())?;
    let room = RoomId(room);
    let asked = Asked::about(app, caller, &id).await?;
    asked.change(Change::Rename { room, name }).await
}

async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, room)): Path<(String, String)>,
) -> Answered {
    let room = RoomId(room);
    let asked = Asked::about(app, caller, &id).await?;
    asked.change(Change::Delete { room }).await
}

async fn assign(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Answered {
    let Assign { assignments } = body(&bytes)?;
    let wishes = assignments.into_iter().map(|wish| (wish.id, wish.room_id));
    let change = Change::Assign(wishes.collect());
    Asked::about(app, caller, &id).await?.change(change).await
}

async fn distribute(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Answered {
    let Distribute { order } = body(&bytes)?;
    let seed = match order.as_deref() {
        None | Some("even") => None,
        Some("random") => Some(u64::from_le_bytes(random::bytes())),
        Some(_) => return Err(bad("order is even or random.")),
    };
    let asked = Asked::about(app, caller, &id).await?;
    asked.change(Change::Distribute { seed }).await
}

async fn open(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Answered {
    let Open {
        rooms,
        duration_seconds,
    } = body(&bytes)?;
    if duration_seconds.is_some_and(|seconds| seconds == 0 || seconds > LONGEST) {
        return Err(bad("durationSeconds is 1 to 86400."));
    }
    let ends = duration_seconds.map(|seconds| now_ms() + seconds * 1_000);
    let asked = Asked::about(app, caller, &id).await?;
    asked.change(Change::Open { rooms, ends }).await
}

async fn close(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Answered {
    let Close { rooms } = body(&bytes)?;
    let asked = Asked::about(app, caller, &id).await?;
    asked.change(Change::Close { rooms }).await
}

async fn announce(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, HttpError> {
    let Announce { message } = body(&bytes)?;
    let message = text::message(message.as_deref().unwrap_or_default(), ANNOUNCEMENT);
    let message = message.ok_or_else(|| bad("message is a text of 1 to 1,000 characters."))?;
    let asked = Asked::about(app, caller, &id).await?;
    let by = asked.by.clone();
    asked.command(Command::Announce { by, message }).await?;
    Ok(StatusCode::NO_CONTENT)
}
