//! Scheduling in the form of Microsoft Graph's `onlineMeetings` (`graph.md` 1), for members.

use super::error::{read_object, HttpError};
use super::identity::bearer;
use super::routes::{Routes, Who};
use crate::app::App;
use crate::clock::{now_ms, parse_rfc3339, rfc3339};
use crate::meeting::{Admitters, Bypass, Command, Operation, Presenters};
use crate::random;
use crate::store::{Attendee, MeetingKey, MeetingRow, Member, Options};
use crate::text;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::{request::Parts, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::Json;
use base64::prelude::{Engine, BASE64_URL_SAFE_NO_PAD};
use plenary_protocol::agent::Role;
use serde::Deserialize;
use serde_json::{json, Value};
use std::sync::Arc;

const HOUR: u64 = 60 * 60_000;
/// As Microsoft's limits have it; bounds a request's work (`S11`).
const MOST_ATTENDEES: usize = 1_000;
/// Longest `externalId`, in bytes.
const EXTERNAL_ID: usize = 512;

/// The routes.
pub(super) fn routes() -> Routes {
    let one = "/v1.0/me/onlineMeetings/{id}";
    Routes::of(Who::Member)
        .post("/v1.0/me/onlineMeetings", create)
        .get("/v1.0/me/onlineMeetings", find)
        .post("/v1.0/me/onlineMeetings/createOrGet", create_or_get)
        .get(one, read)
        .patch(one, change)
        .delete(one, remove)
}

/// The member who asks, by their access token.
pub(super) struct Caller(pub Member);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, HttpError> {
        let invalid = || {
            HttpError::new(
                StatusCode::UNAUTHORIZED,
                "InvalidAuthenticationToken",
                "The access token is not valid here.",
            )
        };
        if !app.config.dev_organisation() {
            return Err(invalid());
        }
        let token = bearer(&parts.headers).ok_or_else(invalid)?;
        let token = app
            .tokens
            .check_internal(token, now_ms())
            .map_err(|_| invalid())?;
        let member = app.store.member(&token.oid).await?;
        member.map(Self).ok_or_else(invalid)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Change {
    start_date_time: Option<String>,
    end_date_time: Option<String>,
    subject: Option<String>,
    external_id: Option<String>,
    allowed_presenters: Option<Presenters>,
    allowed_lobby_admitters: Option<Admitters>,
    allow_breakout_rooms: Option<bool>,
    /// Ours (`E5`).
    allow_guest_chat_in_breakout_rooms: Option<bool>,
    /// On creation alone: a channel's thread makes it that channel's meeting.
    chat_info: Option<ChatInfo>,
    lobby_bypass_settings: Option<LobbyBypass>,
    join_meeting_id_settings: Option<JoinMeetingId>,
    participants: Option<Participants>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChatInfo {
    thread_id: Option<String>,
}

impl ChatInfo {
    /// Threads of channels end like this, the older ones with `skype` (`graph.md` 3).
    fn is_of_a_channel(&self) -> bool {
        let thread = self.thread_id.as_deref().unwrap_or_default();
        thread.ends_with("@thread.tacv2") || thread.ends_with("@thread.skype")
    }
}

#[derive(Debug, Deserialize)]
struct LobbyBypass {
    scope: Option<Bypass>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JoinMeetingId {
    is_passcode_required: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Participants {
    #[serde(default)]
    attendees: Vec<ParticipantInfo>,
}

#[derive(Debug, Deserialize)]
struct ParticipantInfo {
    identity: Option<IdentitySet>,
    upn: Option<String>,
    role: Option<String>,
}

#[derive(Debug, Deserialize)]
struct IdentitySet {
    user: Option<Identity>,
}

#[derive(Debug, Deserialize)]
struct Identity {
    id: Option<String>,
}

fn time(text: Option<&String>) -> Result<Option<u64>, HttpError> {
    let read = |text: &String| {
        parse_rfc3339(text)
            .ok_or_else(|| bad("A time is an ISO 8601 date and time with an offset."))
    };
    text.map(read).transpose()
}

fn bad(message: &str) -> HttpError {
    HttpError::bad("BadRequest", message)
}

/// What was asked for, put into a meeting's row. Nothing is written when a part of it is refused.
async fn apply(app: &App, row: &mut MeetingRow, change: &Change) -> Result<(), HttpError> {
    row.starts = time(change.start_date_time.as_ref())?.unwrap_or(row.starts);
    row.ends = time(change.end_date_time.as_ref())?.unwrap_or(row.ends);
    if row.ends < row.starts {
        return Err(bad("endDateTime is before startDateTime."));
    }
    if let Some(subject) = &change.subject {
        row.subject = text::subject(subject);
    }
    let options = &mut row.options;
    options.presenters = change.allowed_presenters.unwrap_or(options.presenters);
    options.admitters = change.allowed_lobby_admitters.unwrap_or(options.admitters);
    if let Some(allowed) = change.allow_breakout_rooms {
        options.breakout_off = !allowed;
    }
    if let Some(allowed) = change.allow_guest_chat_in_breakout_rooms {
        options.guest_chat_in_rooms = allowed;
    }
    if let Some(scope) = change
        .lobby_bypass_settings
        .as_ref()
        .and_then(|settings| settings.scope)
    {
        options.bypass = scope;
    }
    if let Some(participants) = &change.participants {
        options.attendees = attendees(app, participants).await?;
    }
    Ok(())
}

/// Invited members; roles go to directory users alone.
async fn attendees(app: &App, participants: &Participants) -> Result<Vec<Attendee>, HttpError> {
    if participants.attendees.len() > MOST_ATTENDEES {
        return Err(bad("A meeting has at most 1,000 attendees."));
    }
    let members = app.store.members().await?;
    let mut attendees: Vec<Attendee> = Vec::new();
    for info in &participants.attendees {
        let id = info
            .identity
            .as_ref()
            .and_then(|set| set.user.as_ref())
            .and_then(|user| user.id.as_ref());
        let known = members
            .iter()
            .find(|member| Some(&member.oid) == id || Some(&member.upn) == info.upn.as_ref());
        let Some(member) = known else {
            return Err(bad("An attendee is not a member of the organisation."));
        };
        let role = match info.role.as_deref() {
            Some("coorganizer") => Some(Role::CoOrganizer),
            Some("presenter") => Some(Role::Presenter),
            Some("attendee") => Some(Role::Attendee),
            None => None,
            Some(_) => return Err(bad("A role is attendee, presenter or coorganizer.")),
        };
        if !attendees.iter().any(|attendee| attendee.oid == member.oid) {
            attendees.push(Attendee {
                oid: member.oid.clone(),
                role,
            });
        }
    }
    Ok(attendees)
}

/// A new meeting with ids and secrets that nobody guesses, none derived from another (`S8`).
fn draft(app: &App, organizer: &Member, now: u64) -> MeetingRow {
    let digits = random::meeting_digits();
    let link_secret = random::text(random::ALPHANUMERIC, 24);
    let thread = BASE64_URL_SAFE_NO_PAD.encode(random::uuid().as_bytes());
    let origin = app.public_url.as_str().trim_end_matches('/');
    MeetingRow {
        id: format!(
            "MSo{}",
            BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<24>())
        ),
        passcode: Some(random::text(random::READABLE, 8)),
        join_url: format!("{origin}/meet/{digits}?p={link_secret}"),
        digits,
        link_secret,
        thread: format!("19:meeting_{thread}@thread.v2"),
        organizer: organizer.oid.clone(),
        external_id: None,
        created: now,
        starts: now,
        ends: now + HOUR,
        subject: None,
        options: Options::default(),
    }
}

async fn add(app: &App, caller: &Member, change: &Change) -> Result<MeetingRow, HttpError> {
    // Taken digits are met once in ten thousand million meetings.
    for _ in 0..4 {
        let mut row = draft(app, caller, now_ms());
        if change.start_date_time.is_some() && change.end_date_time.is_none() {
            row.ends =
                time(change.start_date_time.as_ref())?.map_or(row.ends, |starts| starts + HOUR);
        }
        apply(app, &mut row, change).await?;
        row.external_id.clone_from(&change.external_id);
        if change
            .chat_info
            .as_ref()
            .is_some_and(ChatInfo::is_of_a_channel)
        {
            row.options.in_channel = true;
            row.thread = row.thread.replace("@thread.v2", "@thread.tacv2");
        }
        let settings = change.join_meeting_id_settings.as_ref();
        if settings.and_then(|settings| settings.is_passcode_required) == Some(false) {
            row.passcode = None;
        }
        if app.store.add_meeting(&row).await? {
            chat_follows(app, &row).await;
            return Ok(row);
        }
        let taken = match &row.external_id {
            Some(external) => {
                app.store
                    .meeting(MeetingKey::External(&caller.oid, external))
                    .await?
            }
            None => None,
        };
        if let Some(row) = taken {
            return Ok(row);
        }
    }
    Err(HttpError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "ServiceUnavailable",
        "No meeting id was free; try again.",
    ))
}

/// The thread follows the meeting; if it cannot now, it does when it is first asked for, or with the next
/// change.
async fn chat_follows(app: &App, row: &MeetingRow) {
    if let Err(error) = app.chats.meeting_changed(row).await {
        tracing::error!(%error, "a meeting's thread is not up to date");
    }
}

fn read_body(body: &[u8]) -> Result<Change, HttpError> {
    read_object(body).map_err(|place| bad(&format!("The body is not an onlineMeeting ({place}).")))
}

async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: axum::body::Bytes,
) -> Result<Response, HttpError> {
    let change = Change {
        external_id: None,
        ..read_body(&body)?
    };
    let row = add(&app, &caller.0, &change).await?;
    Ok((StatusCode::CREATED, Json(meeting_json(&app, &row).await?)).into_response())
}

async fn create_or_get(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: axum::body::Bytes,
) -> Result<Response, HttpError> {
    let change = read_body(&body)?;
    let external = change
        .external_id
        .as_deref()
        .filter(|id| text::is_id(id, EXTERNAL_ID));
    let external = external.ok_or_else(|| bad("externalId is a text of 1 to 512 bytes."))?;
    if let Some(row) = app
        .store
        .meeting(MeetingKey::External(&caller.0.oid, external))
        .await?
    {
        return Ok(Json(meeting_json(&app, &row).await?).into_response());
    }
    let row = add(&app, &caller.0, &change).await?;
    Ok((StatusCode::CREATED, Json(meeting_json(&app, &row).await?)).into_response())
}

/// A meeting that the caller may read: their own, one to which they are invited, or one whose rooms they
/// manage (`E4`). Another's is not told apart from none.
async fn readable(
    app: &App,
    caller: &Member,
    key: MeetingKey<'_>,
) -> Result<Option<MeetingRow>, HttpError> {
    let row = app.store.meeting(key).await?;
    Ok(row.filter(|row| {
        row.organizer == caller.oid
            || row.options.breakout_managers.contains(&caller.oid)
            || row
                .options
                .attendees
                .iter()
                .any(|attendee| attendee.oid == caller.oid)
    }))
}

/// A meeting for whoever has something to do with it; see [`readable`].
pub(super) async fn meeting(app: &App, caller: &Caller, id: &str) -> Result<MeetingRow, HttpError> {
    let row = readable(app, &caller.0, MeetingKey::Id(id)).await?;
    row.ok_or_else(missing)
}

async fn own(app: &App, caller: &Member, id: &str) -> Result<MeetingRow, HttpError> {
    match readable(app, caller, MeetingKey::Id(id)).await? {
        Some(row)
            if row
                .settings()
                .may(&caller.raw_id(), Operation::ChangeMeeting) =>
        {
            Ok(row)
        }
        Some(_) => Err(HttpError::forbidden(
            "Only the organizer may change a meeting.",
        )),
        None => Err(missing()),
    }
}

pub(super) fn missing() -> HttpError {
    HttpError::not_found("There is no such meeting.")
}

async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, HttpError> {
    let row = readable(&app, &caller.0, MeetingKey::Id(&id))
        .await?
        .ok_or_else(missing)?;
    Ok(Json(meeting_json(&app, &row).await?))
}

#[derive(Deserialize)]
struct Filter {
    #[serde(rename = "$filter")]
    filter: Option<String>,
}

/// `JoinWebUrl eq '…'` and `joinMeetingIdSettings/joinMeetingId eq '…'`; Graph has no list without one.
async fn find(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(Filter { filter }): Query<Filter>,
) -> Result<Json<Value>, HttpError> {
    let unknown =
        || bad("$filter is JoinWebUrl eq '…' or joinMeetingIdSettings/joinMeetingId eq '…'.");
    let filter = filter.ok_or_else(unknown)?;
    let (property, value) = equality(&filter).ok_or_else(unknown)?;
    let key = match property.to_ascii_lowercase().as_str() {
        "joinweburl" => MeetingKey::JoinUrl(&value),
        "joinmeetingidsettings/joinmeetingid" => MeetingKey::Digits(&value),
        _ => return Err(unknown()),
    };
    let found = match readable(&app, &caller.0, key).await? {
        Some(row) => vec![meeting_json(&app, &row).await?],
        None => Vec::new(),
    };
    Ok(Json(json!({"value": found})))
}

/// `property eq 'value'`, where a quote in the value is doubled.
fn equality(filter: &str) -> Option<(&str, String)> {
    let (property, rest) = filter.trim().split_once(char::is_whitespace)?;
    let value = rest
        .trim_start()
        .strip_prefix("eq")?
        .trim_start()
        .strip_prefix('\'')?
        .strip_suffix('\'')?;
    let value = value.replace("''", "\u{0}");
    (!value.contains('\'')).then(|| (property, value.replace('\u{0}', "'")))
}

async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    body: axum::body::Bytes,
) -> Result<Json<Value>, HttpError> {
    let mut row = own(&app, &caller.0, &id).await?;
    let change = read_body(&body)?;
    apply(&app, &mut row, &change).await?;
    app.store.change_meeting(&row).await?;
    chat_follows(&app, &row).await;
    // A sleeping meeting reads the store when it wakes.
    let _ = app
        .meetings
        .ask(&row.id, Command::Change(row.settings()))
        .await;
    Ok(Json(meeting_json(&app, &row).await?))
}

async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, HttpError> {
    let row = own(&app, &caller.0, &id).await?;
    let rooms = app.store.breakout(&row.id).await?.rooms;
    app.store.delete_meeting(&row.id).await?;
    // Nobody may be in it.
    let _ = app.meetings.ask(&row.id, Command::Delete).await;
    for thread in rooms.iter().map(|room| &room.thread).chain([&row.thread]) {
        app.chats.closed(thread).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn meeting_json(app: &App, row: &MeetingRow) -> Result<Value, HttpError> {
    let members = app.store.members().await?;
    let info = |oid: &str, role: &str| {
        let member = members.iter().find(|member| member.oid == oid);
        json!({
            "identity": {"user": {
                "id": oid,
                "displayName": member.map(|member| &member.display_name),
                "identityProvider": "AAD",
            }},
            "upn": member.map(|member| &member.upn),
            "role": role,
        })
    };
    let attendees: Vec<Value> = row
        .options
        .attendees
        .iter()
        .map(|attendee| {
            let role = match attendee.role {
                Some(Role::CoOrganizer) => "coorganizer",
                Some(Role::Presenter) => "presenter",
                _ => "attendee",
            };
            info(&attendee.oid, role)
        })
        .collect();
    Ok(json!({
        "@odata.context": format!(
            "{}v1.0/$metadata#users('{}')/onlineMeetings/$entity", app.public_url, row.organizer
        ),
        "id": row.id,
        "creationDateTime": rfc3339(row.created),
        "startDateTime": rfc3339(row.starts),
        "endDateTime": rfc3339(row.ends),
        "joinWebUrl": row.join_url,
        "subject": row.subject,
        "externalId": row.external_id,
        "meetingType": "scheduled",
        "isBroadcast": false,
        "allowedPresenters": row.options.presenters,
        "allowedLobbyAdmitters": row.options.admitters,
        "allowBreakoutRooms": !row.options.breakout_off,
        "allowGuestChatInBreakoutRooms": row.options.guest_chat_in_rooms,
        "lobbyBypassSettings": {"scope": row.options.bypass, "isDialInBypassEnabled": false},
        "joinMeetingIdSettings": {
            "isPasscodeRequired": row.passcode.is_some(),
            "joinMeetingId": row.digits,
            "passcode": row.passcode,
        },
        "chatInfo": {"threadId": row.thread, "messageId": "0", "replyChainMessageId": "0"},
        "participants": {"organizer": info(&row.organizer, "presenter"), "attendees": attendees},
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_one_equality() {
        assert_eq!(
            equality("JoinWebUrl eq 'http://x/y?p=1'"),
            Some(("JoinWebUrl", "http://x/y?p=1".to_owned()))
        );
        assert_eq!(equality("a eq 'it''s'"), Some(("a", "it's".to_owned())));
        for wrong in ["", "a", "a eq b", "a eq 'b' or 'c'", "a ne 'b'"] {
            assert_eq!(equality(wrong), None, "{wrong}");
        }
    }
}
